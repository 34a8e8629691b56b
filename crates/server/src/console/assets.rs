//! What pages are dressed in: one stylesheet, one script, one picture. Part of the program, packed once when it starts, and named after
//! their content, so that browsers may keep them for ever.

use std::io::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::IntoResponse as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use purser_core::error::Error;

use crate::fault::Answer;

/// The stylesheet.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "css", "text/css; charset=utf-8", include_bytes!("../../assets/console.css"))
});

/// The script: what is nicer with it. Nothing needs it.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_bytes!("../../assets/console.js"))
});

/// The picture in a browser's tab.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")));

/// One of them.
pub(super) struct Asset {
    /// Where it is found.
    pub(super) path: String,
    media: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
}

impl Asset {
    fn new(name: &str, suffix: &str, media: &'static str, plain: &'static [u8]) -> Self {
        let hash = digest(&SHA256, plain);
        let start = hash.as_ref().first_chunk().copied().unwrap_or_default();
        let hash = u64::from_be_bytes(start);
        Self { path: format!("/assets/{name}.{hash:016x}.{suffix}"), media, plain, packed: packed(plain) }
    }
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::with_capacity(plain.len()), Compression::best());
    let written = packer.write_all(plain).and_then(|()| packer.finish());
    written.expect("writing into memory does not fail")
}

/// One of them, packed for whoever can unpack it.
pub(super) async fn part(Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let all = [&STYLE, &SCRIPT, &ICON];
    let found = all.into_iter().find(|it| it.path.strip_prefix("/assets/") == Some(&name)).ok_or(Error::NotFound)?;
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static(found.media)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (VARY, HeaderValue::from(ACCEPT_ENCODING)),
    ];
    if unpacks(&headers) {
        let packed: [(HeaderName, _); 1] = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Ok((head, packed, found.packed.as_slice()).into_response());
    }
    Ok((head, found.plain).into_response())
}

/// Whether the browser said so (RFC 9110 section 12.5.3).
fn unpacks(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_not_unpack_is_not_sent_what_is_packed() {
        let asks = |line| unpacks(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(line))]));
        assert!(asks("gzip, deflate, br") && asks("br;q=1.0, GZIP;q=0.8"));
        assert!(!asks("br") && !asks("gzip;q=0") && !asks("gzip; q=0.0") && !unpacks(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn whoever_unpacks_is_sent_less() {
        let name = STYLE.path.strip_prefix("/assets/").unwrap().to_owned();
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let reply = part(Path(name), headers).await.unwrap();
        assert_eq!(reply.headers()[CONTENT_ENCODING], "gzip");
        let body = axum::body::to_bytes(reply.into_body(), 100_000).await.unwrap();
        assert!(body.len() * 2 < STYLE.plain.len(), "{}", body.len());
    }

    #[test]
    fn a_page_and_all_it_is_dressed_in_are_small() {
        let sum: usize = [&STYLE, &SCRIPT, &ICON].iter().map(|it| it.plain.len()).sum();
        assert!(sum < 40_000, "{sum} bytes before packing");
    }
}

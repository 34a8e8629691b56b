//! [`Body`] and [`Form`], the two kinds of body that are read, whole and within limits.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequest, OptionalFromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use purser_core::error::Error;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json;
use crate::fault::Fault;
use crate::http_settings::HttpSettings;

/// The longest body an endpoint reads unless it says otherwise.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// A JSON object, strictly read. An endpoint that takes more says so: `Body<SamlResponse, { 512 * 1024 }>`.
///
/// Refuses with 415 what is not JSON or is compressed, with 413 what is too long, with 408 what comes too slowly and with
/// 400 what is malformed or lacks a field.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = DEFAULT_LIMIT>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for Body<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        demand(request.headers(), "application/json")?;
        let bytes = read_body(request, LIMIT, Arc::<HttpSettings>::from_ref(state).body_patience).await?;
        Ok(Self(json::read(&bytes)?))
    }
}

/// For endpoints that can do without: a request that sends nothing and says so.
impl<S, T, const LIMIT: usize> OptionalFromRequest<S> for Body<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Fault> {
        if !request.headers().contains_key(CONTENT_TYPE) && request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// The fields of an HTML form, each named once; all of them are texts.
///
/// Refuses as [`Body`] does.
#[derive(Debug)]
pub struct Form<T, const LIMIT: usize = DEFAULT_LIMIT>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for Form<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        demand(request.headers(), "application/x-www-form-urlencoded")?;
        let bytes = read_body(request, LIMIT, Arc::<HttpSettings>::from_ref(state).body_patience).await?;
        Ok(Self(fields(&bytes)?))
    }
}

/// Takes in a whole body of at most `limit` bytes that arrives within `patience`.
///
/// # Errors
/// `PayloadTooLarge`, at once if the request announces too much; `BodyTooSlow`; `Unreadable` if it breaks off or its chunks
/// are malformed. All three close the connection, for the rest of the body is never read.
pub async fn read_body(request: Request, limit: usize, patience: Duration) -> Result<Bytes, Fault> {
    if announced(request.headers()).is_some_and(|length| length > limit as u64) {
        return Err(Fault::PayloadTooLarge);
    }
    let arrival = collect(request.into_body(), limit);
    tokio::time::timeout(patience, arrival).await.unwrap_or(Err(Fault::BodyTooSlow))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(mut body: axum::body::Body, limit: usize) -> Result<Bytes, Fault> {
    // Most bodies are one piece and are passed on without a copy.
    let first = next_piece(&mut body).await?.unwrap_or_default();
    let Some(second) = next_piece(&mut body).await? else {
        return if first.len() > limit { Err(Fault::PayloadTooLarge) } else { Ok(first) };
    };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if whole.len().saturating_add(piece.len()) > limit {
            return Err(Fault::PayloadTooLarge);
        }
        whole.extend_from_slice(&piece);
        next = next_piece(&mut body).await?;
    }
    Ok(whole.freeze())
}

/// The next piece that is not empty. Trailers are ignored.
async fn next_piece(body: &mut axum::body::Body) -> Result<Option<Bytes>, Fault> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| Fault::Unreadable)?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

/// Refuses any other media type, any charset but UTF-8, and any compression: a body is never unpacked, so that it cannot
/// grow after its size was checked.
fn demand(headers: &HeaderMap, wanted: &str) -> Result<(), Fault> {
    let plain = unpacked(headers);
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next().and_then(|media| media.to_str().ok()), types.next()) {
        (Some(media), None) if plain && is_type(media, wanted) => Ok(()),
        _ => Err(Fault::UnsupportedMediaType),
    }
}

/// Whether a body is as it is, and not packed.
pub(super) fn unpacked(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether a body is of a media type, and not packed.
pub fn takes(headers: &HeaderMap, wanted: &str) -> bool {
    demand(headers, wanted).is_ok()
}

/// RFC 9110 section 8.3.1: type, then parameters; names in any case. Of those only the charset says how to read (RFC 8259 section 11);
/// clients of `OData` send others along.
fn is_type(media: &str, wanted: &str) -> bool {
    let mut parts = media.split(';').map(str::trim);
    let essence = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
    essence && parts.all(|parameter| parameter.is_empty() || parameter.split_once('=').is_some_and(can_be_read))
}

/// Whether a parameter leaves the body readable: any but another charset.
fn can_be_read((name, value): (&str, &str)) -> bool {
    !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
}

fn fields<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut fields = Map::new();
    let mut seen = HashSet::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        if !seen.insert(name.clone()) {
            return Err(Error::invalid(name, "is given twice"));
        }
        fields.insert(name.into_owned(), value.into_owned().into());
    }
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| json::misfit(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde::Deserialize;

    fn with(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn json_is_taken_under_every_spelling_of_its_type() {
        for media in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json;odata.metadata=minimal; charset=utf-8",
            "application/json; boundary=x",
        ] {
            assert!(demand(&with(&[("content-type", media)]), "application/json").is_ok(), "{media}");
        }
    }

    #[test]
    fn anything_else_is_an_unsupported_type() {
        for lines in [
            &[][..],
            &[("content-type", "text/plain")],
            &[("content-type", "application/jsonp")],
            &[("content-type", "application/json; charset =utf-16")],
            &[("content-type", "application/json; charset=utf-16")],
            &[("content-type", "application/json; profile=x; charset=latin1")],
            &[("content-type", "application/json, text/plain")],
            &[("content-type", "application/json"), ("content-type", "application/json")],
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
            &[("content-type", "application/json"), ("content-encoding", "identity"), ("content-encoding", "br")],
        ] {
            assert!(demand(&with(lines), "application/json").is_err(), "{lines:?}");
        }
        assert!(
            demand(
                &with(&[("content-type", "application/json"), ("content-encoding", "identity")]),
                "application/json"
            )
            .is_ok()
        );
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Posted {
        relay_state: String,
    }

    #[test]
    fn a_form_names_each_field_once() {
        assert_eq!(fields::<Posted>(b"relayState=a%20b+c&other=1").unwrap().relay_state, "a b c");
        assert!(matches!(fields::<Posted>(b"relayState=a&relayState=a"), Err(Error::Invalid(_))));
        let Err(Error::Invalid(problems)) = fields::<Posted>(b"") else { panic!("an absent field passed") };
        assert_eq!(problems[0].field, "relayState");
    }
}

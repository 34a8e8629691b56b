//! Which origin is ours, and whether a request comes from our own pages (ASVS 3.5.1, cross-site request forgery).

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use purser_core::error::{Error, Result};

use crate::http_settings::{HttpSettings, Reach};

/// Refuses a write that a browser might have been talked into: for every request that is authenticated by cookie and changes
/// something. `Origin` must be ours, or be absent while `Sec-Fetch-Site` says `same-origin`; neither of them is not enough,
/// and an origin that is not ours is refused whatever else is said.
///
/// # Errors
/// `CSRF_REJECTED`.
pub fn same_origin(headers: &HeaderMap, settings: &HttpSettings) -> Result<()> {
    match sent_origin(headers) {
        Sent::One(origin) if is_ours(origin, headers, settings) => Ok(()),
        Sent::Nothing if says_same_origin(headers) => Ok(()),
        _ => Err(Error::CsrfRejected),
    }
}

/// For sign-in, which no cookie authenticates: programs that send no `Origin` are welcome, other sites are not (a stranger
/// must not sign our visitor in as somebody else).
///
/// # Errors
/// `CSRF_REJECTED`.
pub fn allowed_origin_if_sent(headers: &HeaderMap, settings: &HttpSettings) -> Result<()> {
    match sent_origin(headers) {
        Sent::Nothing => Ok(()),
        Sent::One(origin) if is_ours(origin, headers, settings) => Ok(()),
        _ => Err(Error::CsrfRejected),
    }
}

enum Sent<'a> {
    Nothing,
    One(&'a str),
    Unreadable,
}

fn sent_origin(headers: &HeaderMap) -> Sent<'_> {
    let mut lines = headers.get_all(ORIGIN).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Sent::Nothing,
        (Some(line), None) => line.to_str().map_or(Sent::Unreadable, Sent::One),
        (Some(_), Some(_)) => Sent::Unreadable,
    }
}

fn says_same_origin(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all("sec-fetch-site").iter();
    lines.next().is_some_and(|line| line == "same-origin") && lines.next().is_none()
}

fn is_ours(origin: &str, headers: &HeaderMap, settings: &HttpSettings) -> bool {
    own_origin(headers, settings).is_some_and(|own| own == origin)
}

/// Ours is the origin of the public URL and no other: a tenant's sub-domain only names the tenant, pages and cookies live under the
/// one address. Without a public URL only what comes over loopback can be judged: there ours is the origin of the `Host`.
pub fn own_origin<'a>(headers: &HeaderMap, settings: &'a HttpSettings) -> Option<Cow<'a, str>> {
    match (&settings.public_url, settings.reach) {
        (Some(public), _) => Some(public.origin().into()),
        (None, Reach::Loopback) => {
            let scheme = if settings.is_https() { "https" } else { "http" };
            Some(format!("{scheme}://{}", lone_host(headers)?.to_ascii_lowercase()).into())
        }
        (None, Reach::Network) => None,
    }
}

fn lone_host(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(HOST).iter();
    let host = lines.next()?.to_str().ok().filter(|host| !host.is_empty())?;
    lines.next().is_none().then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn headers(lines: Lines) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn public() -> HttpSettings {
        HttpSettings { public_url: Some("https://sp.test".parse().unwrap()), ..HttpSettings::default() }
    }

    fn loopback() -> HttpSettings {
        HttpSettings { reach: Reach::Loopback, ..HttpSettings::default() }
    }

    #[test]
    fn our_own_pages_may_write() {
        for lines in [
            &[("origin", "https://sp.test")][..],
            &[("origin", "https://sp.test"), ("sec-fetch-site", "same-origin"), ("host", "sp.test")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(same_origin(&headers(lines), &public()).is_ok(), "{lines:?}");
        }
    }

    #[test]
    fn everybody_else_may_not() {
        for lines in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "https://sp.test.evil.test")],
            &[("origin", "https://evilsp.test")],
            &[("origin", "http://sp.test")],
            &[("origin", "https://sp.test:8443")],
            &[("origin", "https://sp.test"), ("origin", "https://sp.test")],
            &[("origin", "https://evil.test"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://evil.test"), ("host", "evil.test"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://acme.sp.test"), ("host", "acme.sp.test"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://evil.sp.test"), ("host", "sp.test")],
            &[("origin", "https://a.b.sp.test"), ("host", "a.b.sp.test")],
            &[("origin", "https://x@.sp.test"), ("host", "x@.sp.test")],
        ] {
            assert!(matches!(same_origin(&headers(lines), &public()), Err(Error::CsrfRejected)), "{lines:?}");
        }
    }

    #[test]
    fn without_a_public_url_the_host_is_ours_on_loopback_only() {
        let own = headers(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]);
        let other = headers(&[("origin", "http://127.0.0.1:9090"), ("host", "127.0.0.1:8080")]);
        assert!(same_origin(&own, &loopback()).is_ok());
        assert!(same_origin(&other, &loopback()).is_err());
        assert!(same_origin(&own, &HttpSettings::default()).is_err());
    }

    #[test]
    fn sign_in_needs_no_origin_but_refuses_a_strange_one() {
        assert!(allowed_origin_if_sent(&headers(&[]), &public()).is_ok());
        assert!(allowed_origin_if_sent(&headers(&[("origin", "https://sp.test")]), &public()).is_ok());
        for origin in ["null", "https://evil.test", "https://sp.test.evil.test"] {
            assert!(allowed_origin_if_sent(&headers(&[("origin", origin)]), &public()).is_err(), "{origin}");
        }
    }
}

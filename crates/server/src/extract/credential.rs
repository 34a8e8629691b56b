//! [`Credential`], what a request shows to prove who it is.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use purser_core::error::{Error, Result};

/// The one credential of a request, unchecked. It borrows from the headers, so that no copy of a secret is left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A bearer token (RFC 6750 section 2.1).
    Bearer(&'a str),
    /// The value of the session cookie.
    Cookie(&'a str),
    /// Nothing.
    None,
}

impl<'a> Credential<'a> {
    /// Finds it. Any `Authorization` header switches the cookie off, even one that cannot be read: a client that shows a
    /// token must never be served under somebody else's cookie.
    ///
    /// # Errors
    /// `INVALID_TOKEN` for an `Authorization` that is not a bearer token or comes twice, and for two cookies of the name:
    /// a sibling site can plant one, and which of them is genuine cannot be told.
    pub fn of(headers: &'a HeaderMap, cookie_name: &str) -> Result<Self> {
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        if let Some(first) = authorizations.next() {
            let alone = authorizations.next().is_none();
            return bearer(first).filter(|_| alone).map(Self::Bearer).ok_or(Error::InvalidToken);
        }
        let mut values = cookies(headers, cookie_name);
        match (values.next(), values.next()) {
            (None, _) => Ok(Self::None),
            (Some(value), None) => visible(value).map(Self::Cookie).ok_or(Error::InvalidToken),
            (Some(_), Some(_)) => Err(Error::InvalidToken),
        }
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer([secret])",
            Self::Cookie(_) => "Cookie([secret])",
            Self::None => "None",
        })
    }
}

/// The token of `Bearer <token68>`; the scheme's name in any case (RFC 9110 section 11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = value.as_bytes().split_at_checked("Bearer ".len())?;
    let token = rest.trim_ascii();
    let whole = scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty() && is_one_word(token);
    whole.then(|| std::str::from_utf8(token).ok()).flatten()
}

/// Rules out a second credential behind the first. Which letters a token has is not looked at more closely: one that we did
/// not make is refused whatever its letters. Control characters but the tab are in no header value; the rest is searched for
/// many bytes at a time, for this runs for every request.
fn is_one_word(token: &[u8]) -> bool {
    token.is_ascii() && memchr::memchr3(b' ', b'\t', b',', token).is_none()
}

/// The value of the one cookie of this name; nothing where there are two, or where no server would have set it.
pub fn lone_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = cookies(headers, name);
    let value = values.next()?;
    values.next().is_none().then(|| visible(value)).flatten()
}

/// The names of all cookies that begin so, in the order in which they came: of one path the oldest first (RFC 6265 section 5.4).
pub fn cookie_names<'a>(headers: &'a HeaderMap, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = headers.get_all(COOKIE).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let names = pairs.filter_map(|pair| pair.split(|byte| *byte == b'=').next());
    names.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok()).filter(move |name| name.starts_with(prefix))
}

/// The values of every cookie of this name, over all `Cookie` headers (RFC 6265 section 4.2.1). Bytes, because a
/// stranger's cookie beside ours may hold anything.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = headers.get_all(COOKIE).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let pair = pair.trim_ascii();
        match pair.strip_prefix(name.as_bytes())?.trim_ascii_start() {
            [] => Some(&[][..]),
            [b'=', value @ ..] => Some(value.trim_ascii_start()),
            _ => None,
        }
    })
}

fn visible(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lines: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_bearer_token_is_found_under_any_case_of_its_scheme() {
        for line in [&b"Bearer a.b-c_d~e+f/g=="[..], b"bearer   a.b-c_d~e+f/g==", b"BEARER a.b-c_d~e+f/g== "] {
            let headers = with(&[("authorization", line)]);
            assert_eq!(Credential::of(&headers, "session").unwrap(), Credential::Bearer("a.b-c_d~e+f/g=="));
        }
    }

    #[test]
    fn any_authorization_header_switches_the_cookie_off() {
        let headers = with(&[("cookie", b"session=c"), ("authorization", b"Bearer t")]);
        assert_eq!(Credential::of(&headers, "session").unwrap(), Credential::Bearer("t"));
        for line in [
            &b"Basic dTpw"[..],
            b"Bearer",
            b"Bearer ",
            b"Bearer a b",
            b"Bearer \xc3\xa4",
            b"Bearer\ta",
            b"t",
            b"",
            b"Bearer a,b",
        ] {
            let headers = with(&[("cookie", b"session=c"), ("authorization", line)]);
            assert!(matches!(Credential::of(&headers, "session"), Err(Error::InvalidToken)), "{line:?}");
        }
        let headers = with(&[("authorization", b"Bearer t"), ("authorization", b"Bearer t")]);
        assert!(matches!(Credential::of(&headers, "session"), Err(Error::InvalidToken)));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = with(&[("cookie", b"a=\xff; session=v1.x=; sessions=2; xsession=3"), ("cookie", b"session2=4")]);
        assert_eq!(Credential::of(&headers, "session").unwrap(), Credential::Cookie("v1.x="));
        assert_eq!(Credential::of(&headers, "admin_session").unwrap(), Credential::None);
    }

    #[test]
    fn two_cookies_of_one_name_are_refused() {
        for lines in [
            &[("cookie", &b"session=a; session=b"[..])][..],
            &[("cookie", b"session=a; session=a")],
            &[("cookie", b"session=a"), ("cookie", b"session=b")],
            &[("cookie", b"session=a;session")],
            &[("cookie", b"session=a; session =b")],
        ] {
            assert!(matches!(Credential::of(&with(lines), "session"), Err(Error::InvalidToken)), "{lines:?}");
        }
    }

    #[test]
    fn a_cookie_that_no_server_would_set_is_refused() {
        for line in [&b"session="[..], b"session", b"session=a\tb", b"session=\xff", b"session=a b"] {
            let headers = with(&[("cookie", line)]);
            assert!(matches!(Credential::of(&headers, "session"), Err(Error::InvalidToken)), "{line:?}");
        }
    }

    #[test]
    fn one_of_many_cookies_is_found_and_one_of_two_is_not() {
        let headers =
            with(&[("cookie", b"flow_b=2; x=\xff; flow_a=1;flow_c = 3; other=flow_d"), ("cookie", b"flow_a=4")]);
        assert_eq!(lone_cookie(&headers, "flow_b"), Some("2"));
        assert_eq!(lone_cookie(&headers, "flow_c"), Some("3"));
        assert_eq!(lone_cookie(&headers, "flow_a"), None);
        assert_eq!(lone_cookie(&headers, "x"), None);
        assert_eq!(cookie_names(&headers, "flow_").collect::<Vec<_>>(), ["flow_b", "flow_a", "flow_c", "flow_a"]);
    }

    #[test]
    fn a_credential_never_prints_its_secret() {
        assert_eq!(format!("{:?}", Credential::Bearer("abc")), "Bearer([secret])");
    }
}

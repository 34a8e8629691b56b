//! [`NamedClient`], the tenant that a request names before anybody has signed in.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Uri};
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;

use crate::fault::Fault;
use crate::http_settings::{HttpSettings, PublicUrl};

/// The header that names a tenant.
const CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");

/// The three places in which a request can name a tenant. A name is a slug; whether such a tenant exists is not asked here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedClient {
    /// `X-Client-ID`.
    pub header: Option<TenantId>,
    /// The label before the host of the public URL.
    pub sub_domain: Option<TenantId>,
    /// `?client=`.
    pub query: Option<TenantId>,
}

impl NamedClient {
    /// Reads them from the head of a request.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for a header or query that is not one slug, and when the two disagree.
    pub fn of(headers: &HeaderMap, uri: &Uri, settings: &HttpSettings) -> Result<Self> {
        let header = Self::in_header(headers)?;
        let query = in_query(uri)?;
        if header.is_some() && query.is_some() && header != query {
            return Err(Error::invalid("client", "disagrees with X-Client-ID"));
        }
        let sub_domain = settings.public_url.as_ref().and_then(|url| in_host(headers, url));
        Ok(Self { header, sub_domain, query })
    }

    /// `X-Client-ID` alone: all that counts beside a token, with whose tenant it must agree.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if it is there and is not one slug.
    pub fn in_header(headers: &HeaderMap) -> Result<Option<TenantId>> {
        let mut lines = headers.get_all(CLIENT_ID).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => slug(line.to_str().unwrap_or_default(), "X-Client-ID").map(Some),
            (Some(_), Some(_)) => Err(Error::invalid("X-Client-ID", "is given twice")),
        }
    }

    /// The name that counts: the header's, else the sub-domain's, else the query's.
    pub fn name(&self) -> Option<&TenantId> {
        self.header.as_ref().or(self.sub_domain.as_ref()).or(self.query.as_ref())
    }
}

impl<S> FromRequestParts<S> for NamedClient
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        Ok(Self::of(&parts.headers, &parts.uri, &Arc::<HttpSettings>::from_ref(state))?)
    }
}

fn slug(text: &str, field: &str) -> Result<TenantId> {
    text.parse().map_err(|_| Error::invalid(field, "use 1 to 63 of a-z, 0-9 and inner hyphens"))
}

fn in_query(uri: &Uri) -> Result<Option<TenantId>> {
    let Some(query) = uri.query() else { return Ok(None) };
    let mut named = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "client");
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some((_, text)), None) => slug(&text, "client").map(Some),
        (Some(_), Some(_)) => Err(Error::invalid("client", "is given twice")),
    }
}

/// A host that is not one label below ours names nothing; it is no fault, for any name may point at a server.
fn in_host(headers: &HeaderMap, public: &PublicUrl) -> Option<TenantId> {
    let host = without_port(headers.get(HOST)?.to_str().ok()?).to_ascii_lowercase();
    host.strip_suffix(public.host())?.strip_suffix('.')?.parse().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn named(uri: &str, lines: &[(&'static str, &str)]) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let settings = HttpSettings {
            public_url: Some("https://purser.example:8443".parse().unwrap()),
            ..HttpSettings::default()
        };
        let client = NamedClient::of(&headers, &uri.parse().unwrap(), &settings)?;
        Ok(client.name().map(ToString::to_string))
    }

    #[test]
    fn header_then_sub_domain_then_query_names_the_client() {
        let id = |text: &str| Some(text.to_owned());
        let host = ("host", "b.purser.example:8443");
        assert_eq!(named("/?client=a", &[("x-client-id", "a"), host]).unwrap(), id("a"));
        assert_eq!(named("/?client=c", &[host]).unwrap(), id("b"));
        assert_eq!(named("/?x=1&client=c", &[("host", "purser.example")]).unwrap(), id("c"));
        assert_eq!(named("/?clients=c", &[]).unwrap(), None);
    }

    #[test]
    fn header_and_query_that_disagree_are_refused() {
        assert!(named("/?client=b", &[("x-client-id", "a")]).is_err());
    }

    #[test]
    fn a_name_that_is_not_one_slug_is_refused() {
        let long = "a".repeat(64);
        let huge = "a".repeat(10_000);
        for value in ["", "Acme", "ac me", "-acme", "acme-", "a,b", "a\tb", "ä", "a.b", "a_b", &long, &huge] {
            assert!(named("/", &[("x-client-id", value)]).is_err(), "{value}");
        }
        assert!(named("/", &[("x-client-id", "a"), ("x-client-id", "a")]).is_err());
        for uri in ["/?client=", "/?client=A", "/?client=a&client=a", "/?client=a%00", "/?client=a%20b"] {
            assert!(named(uri, &[]).is_err(), "{uri}");
        }
        assert_eq!(named("/", &[("x-client-id", &"a".repeat(63))]).unwrap().unwrap().len(), 63);
    }

    #[test]
    fn a_host_elsewhere_names_nothing() {
        for host in [
            "purser.example",
            "a.b.purser.example",
            "evilpurser.example",
            "a.purser.example.evil.test",
            ".purser.example",
            "127.0.0.1",
        ] {
            assert_eq!(named("/", &[("host", host)]).unwrap(), None, "{host}");
        }
        assert_eq!(named("/", &[("host", "ACME.Purser.Example")]).unwrap().unwrap(), "acme");
    }

    proptest! {
        #[test]
        fn a_header_names_exactly_what_it_says_or_is_refused(value in "[ -~]{0,70}") {
            match named("/", &[("x-client-id", &value)]) {
                Ok(name) => prop_assert_eq!(name, Some(value)),
                Err(error) => prop_assert!(matches!(error, Error::Invalid(_))),
            }
        }

        #[test]
        fn a_slug_is_read_alike_from_all_three_places(slug in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?") {
            let expected = Some(slug.clone());
            prop_assert_eq!(&named("/", &[("x-client-id", &slug)]).unwrap(), &expected);
            prop_assert_eq!(&named(&format!("/?client={slug}"), &[]).unwrap(), &expected);
            prop_assert_eq!(&named("/", &[("host", &format!("{slug}.purser.example"))]).unwrap(), &expected);
        }
    }
}

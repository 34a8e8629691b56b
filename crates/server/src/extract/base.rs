//! [`At`], the address of ours that other systems are told.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use purser_core::error::{Error, Result};
use purser_core::providers::Base;
use url::Url;

use super::own_origin;
use crate::fault::Fault;
use crate::http_settings::HttpSettings;
use crate::settings::is_this_machine;
use crate::site::Site;

/// Where this deployment is reached: `server.public_url`; without one, what a browser on this machine typed in.
///
/// Refuses with 400 where neither is there: an identity provider has to be told one address, and a guess would be the visitor's.
#[derive(Debug)]
pub struct At(pub Base);

impl FromRequestParts<Site> for At {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let base = base(&parts.headers, &site.http);
        if base.is_err() {
            tracing::warn!(
                "single sign-on needs server.public_url: set it to the address people use, as https://id.example.com"
            );
        }
        Ok(Self(base?))
    }
}

/// The same, from the headers of a request alone.
///
/// # Errors
/// `VALIDATION_ERROR` where it is not known.
pub fn base(headers: &HeaderMap, settings: &HttpSettings) -> Result<Base> {
    let origin = own_origin(headers, settings).ok_or_else(unset)?;
    // The host of a request is only a word of the visitor's. It counts where it says what is true anyway: this machine.
    if settings.public_url.is_none() && !is_local(&origin) {
        return Err(unset());
    }
    Base::parse(&origin)
}

fn is_local(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| url.host_str().is_some_and(is_this_machine))
}

fn unset() -> Error {
    Error::invalid(
        "server.public_url",
        "is not set on this server; set it to the address people use, as https://id.example.com",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_settings::Reach;
    use axum::http::HeaderValue;

    fn seen(host: &str, settings: &HttpSettings) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        base(&headers, settings).ok().map(|base| base.as_str().to_owned())
    }

    #[test]
    fn the_public_address_is_the_base_whatever_the_host_says() {
        let settings = HttpSettings { public_url: Some("https://id.test".parse().unwrap()), ..HttpSettings::default() };
        for host in ["id.test", "acme.id.test", "evil.test", "127.0.0.1:8080"] {
            assert_eq!(seen(host, &settings).unwrap(), "https://id.test");
        }
    }

    #[test]
    fn without_one_the_host_counts_on_this_machine_only() {
        let loopback = HttpSettings { reach: Reach::Loopback, ..HttpSettings::default() };
        for host in ["127.0.0.1:8080", "localhost:8080", "acme.localhost", "[::1]:8080"] {
            assert_eq!(seen(host, &loopback).unwrap(), format!("http://{host}"));
            assert_eq!(seen(host, &HttpSettings::default()), None);
        }
        assert_eq!(seen("LocalHost:8080", &loopback).unwrap(), "http://localhost:8080");
        for host in
            ["evil.test", "192.0.2.7:8080", "localhost.evil.test", "a@localhost", "localhost/x", "localhost:x", ""]
        {
            assert_eq!(seen(host, &loopback), None, "{host}");
        }
    }
}

//! One call on the wire: the client it is made with, the request, the answer read no further than its bound.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::{Url, form_urlencoded};

use super::address::{Resolver, Unknown, Walled};
use super::{Bounds, Call, Fetched, walled};
use crate::{Refusal, Result};

/// The client of all calls. It unpacks nothing and keeps no cookies, since neither is built in.
pub(super) fn client(bounds: &Bounds) -> Result<Client> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls(bounds)?)
        .dns_resolver(Arc::new(Resolver(bounds.clone())))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // What the environment says about proxies is not our configuration.
        .no_proxy()
        .connect_timeout(bounds.connect)
        // Shorter than what servers keep connections for, so that no call meets one that is being closed.
        .pool_idle_timeout(Duration::from_secs(15))
        .user_agent("purser");
    client.build().map_err(|_| Refusal::misconfigured("the way out cannot be opened"))
}

/// TLS 1.2 and 1.3, with the system's certificate authorities and the deployment's own.
fn tls(bounds: &Bounds) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // A system without any is no reason not to start: a deployment may have no providers, or only its own authorities.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = &bounds.ca_file {
        let unreadable =
            || Refusal::misconfigured(format!("{} holds no certificate authorities in PEM", file.display()));
        let own = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let own = own.map_err(|_| unreadable())?;
        if own.is_empty() || roots.add_parsable_certificates(own).1 > 0 {
            return Err(unreadable());
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Refusal::misconfigured("TLS cannot be set up"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Sends a call and reads the answer. The time it may take is the caller's matter.
pub(super) async fn send(client: &Client, bounds: &Bounds, url: &Url, call: &Call<'_>) -> Result<Fetched> {
    let sent = request(client, url, call).send().await;
    let mut response = sent.map_err(|error| unsent(url, &error))?;
    let mut answer = head(&response)?;
    while let Some(chunk) =
        response.chunk().await.map_err(|_| Refusal::unavailable("the provider's answer broke off"))?
    {
        if answer.body.len() + chunk.len() > bounds.bytes {
            return Err(Refusal::unavailable(format!("the provider's answer is longer than {} bytes", bounds.bytes)));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn request(client: &Client, url: &Url, call: &Call<'_>) -> RequestBuilder {
    let mut request = match call.form {
        None => client.get(url.clone()),
        Some(fields) => client
            .post(url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()),
    };
    if let Some(token) = call.bearer {
        request = request.bearer_auth(token.reveal());
    }
    if let Some((user, password)) = call.basic {
        request = request.basic_auth(user, Some(password.reveal()));
    }
    call.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn head(response: &Response) -> Result<Fetched> {
    let headers = response.headers();
    // We never ask for packed answers, so nothing here unpacks them: a small bomb stays small.
    if text(headers, &header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Refusal::unavailable("the provider's answer is packed, which was not asked for"));
    }
    Ok(Fetched {
        status: response.status().as_u16(),
        retry_after: text(headers, &header::RETRY_AFTER).and_then(whole_seconds),
        max_age: text(headers, &header::CACHE_CONTROL).and_then(max_age),
        date: text(headers, &header::DATE).and_then(date),
        content_type: text(headers, &header::CONTENT_TYPE).map(str::to_owned),
        body: Vec::new(),
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn whole_seconds(text: &str) -> Option<Duration> {
    let digits = text.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
}

/// RFC 9111 section 5.2.2: what must not be kept is kept for no time.
fn max_age(cache_control: &str) -> Option<Duration> {
    let mut age = None;
    for directive in cache_control.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" => age = whole_seconds(value.trim().trim_matches('"')),
            _ => {}
        }
    }
    age
}

/// RFC 9110 section 5.6.7, in the form that is still written.
fn date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|moment| moment.timestamp().as_second())
}

/// Why no answer began to come, told from the causes below the error.
fn unsent(url: &Url, error: &reqwest::Error) -> Refusal {
    let host = url.host_str().unwrap_or_default();
    if cause::<Walled>(error).is_some() {
        return walled(host);
    }
    if let Some(fault) = cause::<rustls::Error>(error) {
        return Refusal::unavailable(format!("TLS with {host} failed: {}", tls_words(fault)));
    }
    let what = if error.is_timeout() {
        "could not be reached in time"
    } else if cause::<Unknown>(error).is_some() {
        "could not be reached: no such host is known"
    } else if cause::<std::io::Error>(error).is_some_and(|fault| fault.kind() == ErrorKind::ConnectionRefused) {
        "could not be reached: nothing listens there"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "broke the connection off"
    };
    Refusal::unavailable(format!("{host} {what}"))
}

fn tls_words(fault: &rustls::Error) -> String {
    match fault {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "its certificate is not vouched for by a known authority".into()
        }
        other => other.to_string(),
    }
}

fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error hides the error it was made of from `source`.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_in_whole_seconds_only() {
        assert_eq!(whole_seconds(" 41 "), Some(Duration::from_secs(41)));
        assert_eq!(whole_seconds("99999999999999999999999"), Some(Duration::from_secs(u64::from(u32::MAX))));
        for text in ["", "-1", "1.5", "+3", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(whole_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn an_age_is_read_from_among_other_directives() {
        assert_eq!(max_age("public, Max-Age=300, must-revalidate"), Some(Duration::from_mins(5)));
        assert_eq!(max_age("max-age=\"7\""), Some(Duration::from_secs(7)));
        assert_eq!(max_age("public"), None);
        assert_eq!(max_age("max-age=300, no-store"), Some(Duration::ZERO));
        assert_eq!(max_age("no-cache"), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_is_read_as_servers_write_it() {
        assert_eq!(date("Sat, 21 Nov 2026 19:17:00 GMT"), Some(1_795_288_620));
        assert_eq!(date("yesterday"), None);
    }
}

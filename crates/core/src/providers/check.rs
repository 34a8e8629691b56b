//! [`Check`], the rules for single fields of a provider's settings. Problems are collected, so that all are told at once.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use purser_federation::saml::Certificate;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use url::{Host, Url};
use uuid::Uuid;

use crate::error::{Error, Problem, Result};

/// Certificates a provider may have at once: more than one only while it changes them.
const CERTIFICATES: usize = 10;
/// Longest address, and longest entity id (SAML core section 8.3.6 allows 1,024).
const LONGEST: usize = 1_024;
/// A private key with the certificate that belongs to it.
const LONGEST_PEM: usize = 16 * 1_024;

/// What was found wrong so far.
#[derive(Debug)]
pub(super) struct Check {
    /// Whether providers may be on this machine, also without TLS.
    loopback: bool,
    problems: Vec<Problem>,
}

impl Check {
    pub(super) fn new(loopback: bool) -> Self {
        Self { loopback, problems: Vec::new() }
    }

    /// All is well, or everything that is not.
    pub(super) fn end(self) -> Result<()> {
        if self.problems.is_empty() { Ok(()) } else { Err(Error::Invalid(self.problems)) }
    }

    pub(super) fn refuse(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { field: field.into(), reason: reason.into() });
    }

    /// Takes over the problems of a check made elsewhere.
    pub(super) fn kept<T>(&mut self, checked: Result<T>) -> Option<T> {
        match checked {
            Ok(it) => return Some(it),
            Err(Error::Invalid(found)) => self.problems.extend(found),
            Err(other) => self.refuse("", other.to_string()),
        }
        None
    }

    /// An address that is called, or that browsers are sent to: https, but for this machine where that is allowed.
    pub(super) fn address(&mut self, field: &str, text: &str) {
        if let Err(reason) = self.reachable(text) {
            self.refuse(field, reason);
        }
    }

    /// An issuer (OpenID Connect Discovery section 2): an address without query. Kept letter for letter, for that is how it is compared.
    pub(super) fn issuer(&mut self, field: &str, text: &str) {
        match self.reachable(text) {
            Err(reason) => self.refuse(field, reason),
            Ok(url) if url.query().is_some() => self.refuse(field, "an issuer has no query"),
            Ok(_) => {}
        }
    }

    /// The origin of an environment, as `https://org.api.crm.dynamics.com`.
    pub(super) fn origin(&mut self, field: &str, text: &str) {
        match self.reachable(text) {
            Err(reason) => self.refuse(field, reason),
            Ok(url) if !matches!(url.path(), "" | "/") || url.query().is_some() => {
                self.refuse(field, "write the address without anything after the host");
            }
            Ok(_) => {}
        }
    }

    fn reachable(&self, text: &str) -> Result<Url, &'static str> {
        if text.is_empty() {
            return Err("is missing");
        }
        let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(text)
            .ok()
            .filter(|url| plain && url.has_host())
            .ok_or("write an address, as https://idp.example.com")?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("an address here has no user, no password and nothing after a #");
        }
        let near = url.scheme() == "http" && self.loopback && crate::config::is_loopback(&url);
        if url.scheme() != "https" && !near {
            return Err("only https addresses can be trusted");
        }
        Ok(url)
    }

    /// A name that a provider or a protocol gives, without blanks.
    pub(super) fn identifier(&mut self, field: &str, text: &str) {
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.refuse(field, "use 1 to 1,024 characters without blanks");
        }
    }

    /// A name that may hold blanks (RFC 6749 appendix A.1), as client ids and attributes may.
    pub(super) fn name(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            return self.refuse(field, "is missing");
        }
        let length = text.chars().count();
        if !(1..=256).contains(&length) || text.chars().any(char::is_control) || text.trim() != text {
            self.refuse(field, "use 1 to 256 characters: no control characters, no blank at either end");
        }
    }

    /// OAuth scopes (RFC 6749 section 3.3), `openid` among them.
    pub(super) fn scopes(&mut self, field: &str, scopes: &[String]) {
        let letter = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let known = |scope: &String| (1..=200).contains(&scope.len()) && scope.bytes().all(letter);
        if scopes.len() > 20 || !scopes.iter().all(known) {
            self.refuse(field, "use at most 20 scopes, none with blanks in it");
        } else if !scopes.iter().any(|scope| scope == "openid") {
            self.refuse(field, "`openid` must be among the scopes");
        }
    }

    /// Hosts, each in the form in which it is compared.
    pub(super) fn hosts(&mut self, field: &str, hosts: &[String]) -> Vec<String> {
        self.bounded(field, hosts.len(), 20);
        let mut known = Vec::new();
        for (at, host) in hosts.iter().enumerate() {
            match Host::parse(host.trim()) {
                Ok(host) => known.push(host.to_string()),
                Err(_) => self.refuse(format!("{field}[{at}]"), "write the name of a host, as keys.example.com"),
            }
        }
        once(known)
    }

    /// Domains, each in the form in which it is compared.
    pub(super) fn domains(&mut self, field: &str, domains: &[String]) -> Vec<String> {
        self.bounded(field, domains.len(), 100);
        let checked = domains.iter().enumerate().map(|(at, domain)| self::domain(&format!("{field}[{at}]"), domain));
        let known: Vec<_> = checked.collect::<Vec<_>>().into_iter().filter_map(|checked| self.kept(checked)).collect();
        once(known)
    }

    /// A GUID, in the form in which it is compared.
    pub(super) fn guid(&mut self, field: &str, text: &str) -> String {
        match Uuid::try_parse(text.trim()) {
            Ok(id) if text.trim().len() == 36 && !id.is_nil() => id.hyphenated().to_string(),
            _ => {
                self.refuse(field, "write an id as 00000000-1111-2222-3333-444444444444");
                String::new()
            }
        }
    }

    /// GUIDs, each once.
    pub(super) fn guids(&mut self, field: &str, texts: &[String]) -> Vec<String> {
        self.bounded(field, texts.len(), 20);
        let known = texts.iter().enumerate().map(|(at, text)| self.guid(&format!("{field}[{at}]"), text)).collect();
        once(known)
    }

    /// Certificates as people paste them, several in one text or one in each: as PEM, each once.
    pub(super) fn certificates(&mut self, field: &str, texts: &[String]) -> Vec<String> {
        let mut known = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            match certificates_in(text) {
                Ok(found) => known.extend(found.iter().map(|it| pem("CERTIFICATE", &it.der))),
                Err(reason) => self.refuse(format!("{field}[{at}]"), reason),
            }
        }
        let known = once(known);
        self.bounded(field, known.len(), CERTIFICATES);
        known
    }

    /// A client secret.
    pub(super) fn secret(&mut self, field: &str, text: &str) {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            self.refuse(field, "use 1 to 1,024 characters, none of them control characters");
        }
    }

    /// A private key that can sign assertions: PKCS#8, RSA of at least 2048 bits or P-256. Says whether its certificate is with it.
    pub(super) fn private_key(&mut self, field: &str, text: &str) -> Company {
        let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok().filter(|_| text.len() <= LONGEST_PEM);
        let signs = |der: &[u8]| {
            rsa::KeyPair::from_pkcs8(der).is_ok()
                || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).is_ok()
        };
        if !key.is_some_and(|key| signs(key.secret_pkcs8_der())) {
            self.refuse(
                field,
                "give a private key in PKCS#8 PEM (BEGIN PRIVATE KEY): RSA of at least 2048 bits, or P-256",
            );
        }
        let certified = CertificateDer::from_pem_slice(text.as_bytes()).is_ok();
        if certified { Company::WithCertificate } else { Company::Alone }
    }

    /// A list is not too long.
    pub(super) fn bounded(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.refuse(field, format!("at most {most}"));
        }
    }
}

/// Whether a private key came with its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// It did.
    WithCertificate,
    /// It did not.
    Alone,
}

/// A domain that can be proven: ASCII (RFC 5891), lower case, with at least one dot and no address.
///
/// # Errors
/// [`Error::Invalid`] naming `field`.
pub(super) fn domain(field: &str, text: &str) -> Result<String> {
    let refused = || Error::invalid(field, "write a domain, as example.com");
    let text = text.trim();
    let Ok(Host::Domain(ascii)) = Host::parse(text.strip_suffix('.').unwrap_or(text)) else { return Err(refused()) };
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let named = ascii.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
    if ascii.len() <= 253 && ascii.contains('.') && ascii.split('.').all(label) && named {
        Ok(ascii)
    } else {
        Err(refused())
    }
}

/// The certificates in a text.
fn certificates_in(text: &str) -> Result<Vec<Certificate>, String> {
    let told = |refusal: purser_federation::Refusal| refusal.to_string();
    if !text.contains("-----BEGIN") {
        return Certificate::read_text(text).map(|it| vec![it]).map_err(told);
    }
    let unread = |_| "cannot be read as PEM".to_owned();
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(unread)?;
    if found.is_empty() {
        return Err("holds no certificate".into());
    }
    found.iter().take(CERTIFICATES + 1).map(|der| Certificate::read(der).map_err(told)).collect()
}

/// Bytes as PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.extend([line, "\n"]);
        rest = more;
    }
    text + "-----END " + label + "-----\n"
}

/// Each once, in the order given.
fn once(mut texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    texts
}

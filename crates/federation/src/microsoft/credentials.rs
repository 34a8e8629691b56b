//! How our application proves itself to Entra, and what Entra's refusals mean in plain words.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use url::Url;

use super::Directory;
use crate::fetch::Fetched;
use crate::oidc::ClientAuth;
use crate::{Refusal, Result, Secret};

/// How long an assertion is good for: one call, and clocks that are a little apart.
const ASSERTION_LIFE: i64 = 300;

/// The fields of a token request that prove who asks.
pub(super) fn proof(
    directory: &Directory,
    endpoint: &Url,
    unique: &str,
    now: Timestamp,
) -> Result<Vec<(&'static str, Secret)>> {
    match &directory.auth {
        ClientAuth::None => Ok(Vec::new()),
        // In the form: Entra announces `client_secret_post` first.
        ClientAuth::Secret(secret) => Ok(vec![("client_secret", secret.clone())]),
        ClientAuth::PrivateKey { pem, kid } => {
            let assertion = assertion(&directory.app_id, endpoint, pem, kid.as_deref(), unique, now)?;
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            Ok(vec![("client_assertion_type", Secret::new(kind)), ("client_assertion", Secret::new(assertion))])
        }
    }
}

/// An assertion signed with the application's certificate (RFC 7523 section 2.2). Entra knows certificates by their thumbprint alone:
/// `x5t#S256` with PS256, or the older `x5t` with RS256.
fn assertion(
    app: &str,
    endpoint: &Url,
    pem: &Secret,
    kid: Option<&str>,
    unique: &str,
    now: Timestamp,
) -> Result<String> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.reveal().as_bytes()).ok();
    let key = key.and_then(|der| KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
    let key =
        key.ok_or_else(|| Refusal::misconfigured("the application's private key is no RSA key in PEM (PKCS#8)"))?;
    let thumbprint = thumbprint(pem, kid)?;
    let (algorithm, padding): (_, &'static dyn RsaEncoding) = match thumbprint.0 {
        "x5t" => ("RS256", &RSA_PKCS1_SHA256),
        _ => ("PS256", &RSA_PSS_SHA256),
    };
    let header = json!({ "alg": algorithm, "typ": "JWT", thumbprint.0: thumbprint.1 });
    let start = now.as_second();
    let claims = json!({
        "aud": endpoint.as_str(), "iss": app, "sub": app, "jti": unique,
        "iat": start, "nbf": start, "exp": start + ASSERTION_LIFE,
    });
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Refusal::misconfigured("the application's private key cannot sign"))?;
    Ok(format!("{signed}.{}", encode(&signature)))
}

/// The certificate's thumbprint under its header's name: out of the certificate if it stands beside the key, else as given.
fn thumbprint(pem: &Secret, kid: Option<&str>) -> Result<(&'static str, String)> {
    if let Ok(certificate) = CertificateDer::from_pem_slice(pem.reveal().as_bytes()) {
        return Ok(("x5t#S256", encode(digest(&SHA256, &certificate).as_ref())));
    }
    let bytes = kid.and_then(unhex);
    match bytes.as_deref().map(<[u8]>::len) {
        Some(32) => Ok(("x5t#S256", encode(&bytes.unwrap_or_default()))),
        Some(20) => Ok(("x5t", encode(&bytes.unwrap_or_default()))),
        _ => Err(Refusal::misconfigured(
            "the application's certificate is missing: put it beside the private key, or give its thumbprint",
        )),
    }
}

/// A thumbprint as Windows, the portal or `openssl` print it: hexadecimal, perhaps with colons.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|letter| *letter != ':')
        .map(|letter| letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    whole.then(|| pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// What Entra's token endpoint refuses with: an `error` for programs, and numbers that tell more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) error: String,
    pub(super) code: Option<i64>,
}

impl Trouble {
    /// Reads an error answer (RFC 6749 section 5.2, with Microsoft's additions). Only its codes are kept: the rest is prose.
    pub(super) fn read(answer: &Fetched) -> Option<Self> {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let error = body.get("error")?.as_str()?;
        let plain =
            (1..=64).contains(&error.len()) && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let code = body.get("error_codes").and_then(|codes| codes.get(0)).and_then(Value::as_i64);
        plain.then(|| Self { error: error.to_owned(), code })
    }

    /// What that means for somebody who is signing in.
    pub(super) fn refusal(&self) -> Refusal {
        if let Some((found, advice)) = self.advice() {
            return Refusal::misconfigured(format!("{found}: {advice} ({self})"));
        }
        match self.error.as_str() {
            "temporarily_unavailable" | "server_error" => Refusal::unavailable(format!("Entra is not ready ({self})")),
            "invalid_grant" => Refusal::invalid(format!("Entra does not honour the code ({self})")),
            _ => Refusal::Denied(self.to_string()),
        }
    }

    /// What is wrong with the settings and what to do about it, for the codes that stand for that.
    pub(super) fn advice(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.code? {
            7_000_215 => (
                "the client secret is wrong",
                "make a new secret in the app registration and enter its value, not its id",
            ),
            7_000_222 => ("the client secret has expired", "make a new one in the app registration and enter it"),
            7_000_218 => ("the directory wants a secret or certificate", "enter one of the app registration's"),
            700_027 => {
                ("the certificate is not that of the app registration", "upload it there, or enter the right one")
            }
            700_024 => ("the assertion's times are not right", "set this machine's clock by a time server"),
            700_023 => ("the assertion is meant for another endpoint", "check the login address of the deployment"),
            700_016 => (
                "the application is not known in this directory",
                "check the application's (client) id and the directory's (tenant) id; an administrator may have to consent",
            ),
            7_000_112 => ("the application is disabled", "enable it under enterprise applications"),
            90_002 => ("there is no such directory in this cloud", "check the directory's (tenant) id"),
            50_011 | 500_112 => (
                "the redirect address is not registered",
                "add it to the app registration as a Web platform, to the letter",
            ),
            500_011 => (
                "the directory does not know the Dataverse organisation",
                "check its address, and that it belongs to this directory",
            ),
            70_011 | 1_002_012 => ("the scope is not valid", "check the address of the Dataverse organisation"),
            65_001 => (
                "nobody has consented to what the application asks for",
                "let an administrator grant it consent for Dynamics CRM user_impersonation",
            ),
            _ => return None,
        })
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}, AADSTS{code}", self.error),
            None => f.write_str(&self.error),
        }
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

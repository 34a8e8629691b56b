//! Trading a code for tokens (RFC 6749 section 4.1.3), and how a client proves itself there.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::discovery::Announced;
use super::{ClientAuth, Provider, Secrets, error_code};
use crate::fetch::{Call, Fetched, Line};
use crate::jwt::read_object;
use crate::{Refusal, Result, Secret};

/// How long an assertion of ours is good for, in seconds.
const ASSERTION_LIFE: i64 = 60;

/// What a code was traded for.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) id_token: Secret,
    pub(crate) access_token: Option<Secret>,
}

/// A token endpoint and the client that calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    pub(crate) url: &'a Url,
    pub(crate) client_id: &'a str,
    pub(crate) auth: &'a ClientAuth,
    /// How clients may prove themselves, if the provider says so.
    pub(crate) methods: Option<&'a [String]>,
    /// What clients may sign with, if the provider says so.
    pub(crate) algorithms: Option<&'a [String]>,
    /// What makes our assertion's id unlike any other.
    pub(crate) unique: &'a str,
    pub(crate) now: Timestamp,
}

/// Trades a code for tokens.
pub(super) async fn trade(
    line: &Line,
    announced: &Announced,
    provider: &Provider,
    code: &str,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Tokens> {
    let endpoint = Endpoint::of(announced, provider, &secrets.state, now);
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &provider.redirect_uri),
        ("code_verifier", secrets.verifier.reveal()),
    ];
    endpoint.call(line, &grant).await
}

impl<'a> Endpoint<'a> {
    /// The one that a provider announces.
    pub(super) fn of(announced: &'a Announced, provider: &'a Provider, unique: &'a str, now: Timestamp) -> Self {
        Self {
            url: &announced.token,
            client_id: &provider.client_id,
            auth: &provider.auth,
            methods: announced.client_methods.as_deref(),
            algorithms: announced.client_algorithms.as_deref(),
            unique,
            now,
        }
    }

    /// Sends a grant, with the client's proof.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the grant is refused, [`Refusal::Misconfigured`] if the client is, [`Refusal::Unavailable`] else.
    pub(crate) async fn call(&self, line: &Line, grant: &[(&str, &str)]) -> Result<Tokens> {
        let proof = self.proof()?;
        let mut form = grant.to_vec();
        form.extend(proof.fields.iter().map(|(name, value)| (*name, value.reveal())));
        let basic = proof.basic.as_ref().map(|(user, password)| (user.as_str(), password));
        let call = Call { basic, form: Some(&form), headers: &[("accept", "application/json")], ..Call::default() };
        read(&line.call(self.url, call).await?)
    }

    fn proof(&self) -> Result<Proof> {
        let name = ("client_id", Secret::new(self.client_id));
        match self.auth {
            ClientAuth::None => Ok(Proof { basic: None, fields: vec![name] }),
            ClientAuth::Secret(secret) if self.offers("client_secret_basic") => {
                // RFC 6749 section 2.3.1: each part form-urlencoded first, so that a colon in one is told from the one between them.
                let basic = Some((urlencoded(self.client_id), Secret::new(urlencoded(secret.reveal()))));
                Ok(Proof { basic, fields: Vec::new() })
            }
            ClientAuth::Secret(secret) if self.offers("client_secret_post") => {
                Ok(Proof { basic: None, fields: vec![name, ("client_secret", secret.clone())] })
            }
            ClientAuth::Secret(_) => {
                Err(Refusal::misconfigured("the provider takes no client secret; it wants another proof of the client"))
            }
            ClientAuth::PrivateKey { .. } if !self.offers("private_key_jwt") && self.methods.is_some() => {
                Err(Refusal::misconfigured("the provider does not take a client's signed assertion (private_key_jwt)"))
            }
            ClientAuth::PrivateKey { pem, kid } => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let assertion = self.assertion(pem, kid.as_deref())?;
                let fields = vec![name, ("client_assertion_type", Secret::new(kind)), ("client_assertion", assertion)];
                Ok(Proof { basic: None, fields })
            }
        }
    }

    /// OpenID Connect Discovery section 3: who says nothing takes `client_secret_basic`.
    fn offers(&self, method: &str) -> bool {
        self.methods.map_or(method == "client_secret_basic", |methods| methods.iter().any(|it| it == method))
    }

    /// RFC 7523 section 2.2. For the token endpoint's address, as OpenID Connect Core section 9 has it and what providers accept; one
    /// provider cannot have it made out to another, since the endpoint's host must be the issuer's or named in the settings.
    fn assertion(&self, pem: &Secret, kid: Option<&str>) -> Result<Secret> {
        let key = ClientKey::read(pem)?;
        if self.algorithms.is_some_and(|offered| offered.iter().all(|it| it != key.algorithm())) {
            return Err(Refusal::misconfigured(format!(
                "the provider takes no assertions signed with {}",
                key.algorithm()
            )));
        }
        let mut header = json!({ "alg": key.algorithm(), "typ": "JWT" });
        if let (Some(kid), Some(members)) = (kid, header.as_object_mut()) {
            members.insert("kid".into(), kid.into());
        }
        let now = self.now.as_second();
        let id = digest::digest(&digest::SHA256, format!("client assertion {}", self.unique).as_bytes());
        let claims = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": self.url.as_str(),
            "iat": now, "exp": now + ASSERTION_LIFE, "jti": URL_SAFE_NO_PAD.encode(id),
        });
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

/// What a client shows for itself.
struct Proof {
    basic: Option<(String, Secret)>,
    fields: Vec<(&'static str, Secret)>,
}

/// A client's private key.
enum ClientKey {
    Rsa(Box<rsa::KeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl ClientKey {
    fn read(pem: &Secret) -> Result<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.reveal().as_bytes())
            .map_err(|_| Refusal::misconfigured("the client's private key is not PKCS#8 in PEM"))?;
        let der = der.secret_pkcs8_der();
        let rsa = rsa::KeyPair::from_pkcs8(der).map(|key| Self::Rsa(Box::new(key)));
        let ecdsa =
            || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(|key| Self::Ecdsa(Box::new(key)));
        rsa.or_else(|_| ecdsa()).map_err(|_| {
            Refusal::misconfigured("the client's private key is neither RSA of 2048 bits or more nor P-256")
        })
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
        }
    }

    /// The signature; ECDSA takes a number from the operating system for it, which decides nothing here.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let signed = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
            Self::Ecdsa(key) => key.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
        };
        signed.map_err(|_| Refusal::misconfigured("the client's private key cannot sign"))
    }
}

fn urlencoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Whether an answer says it is JSON.
pub(super) fn is_json(answer: &Fetched) -> bool {
    let kind = answer.content_type.as_deref().unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn read(answer: &Fetched) -> Result<Tokens> {
    let members = if is_json(answer) { read_object(&answer.body) } else { None };
    match (answer.status, members) {
        (200, Some(members)) => tokens(&members),
        (200, None) => Err(Refusal::unavailable("the token endpoint's answer is not JSON")),
        (400..=499, Some(members)) if answer.status != 429 => Err(refusal(&members)),
        (401, None) => Err(Refusal::misconfigured("the provider does not accept the client")),
        (status, _) => Err(Refusal::Unavailable {
            reason: format!("the token endpoint answered with status {status}"),
            retry_after: answer.retry_after,
        }),
    }
}

/// RFC 6749 section 5.1 and OpenID Connect Core section 3.1.3.3.
fn tokens(members: &Map<String, Value>) -> Result<Tokens> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(Refusal::invalid("the provider gave tokens of another kind than bearer tokens"));
    }
    let id_token = text("id_token").ok_or_else(|| Refusal::invalid("the provider gave no ID token"))?;
    Ok(Tokens { id_token: Secret::new(id_token), access_token: text("access_token").map(Secret::new) })
}

/// RFC 6749 section 5.2: whose fault it is, by the provider's word for it.
fn refusal(members: &Map<String, Value>) -> Refusal {
    let error = members.get("error").and_then(Value::as_str).unwrap_or_default();
    match error {
        "invalid_grant" => Refusal::invalid("the provider does not accept the code (invalid_grant)"),
        "access_denied" | "interaction_required" | "consent_required" | "login_required" => {
            Refusal::Denied(error.into())
        }
        "temporarily_unavailable" | "server_error" => Refusal::unavailable("the token endpoint is out of order"),
        _ => Refusal::misconfigured(format!(
            "the provider does not accept the client or its request ({})",
            error_code(error)
        )),
    }
}

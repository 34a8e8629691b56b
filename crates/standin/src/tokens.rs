//! A signer of tokens that signs whatever it is told: honest ones for the stand-ins, hostile ones for the tests.

#![expect(
    clippy::missing_panics_doc,
    reason = "the crypto library fails at these only on a machine that can run no test"
)]

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RsaEncoding,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

mod forgeries;

pub use forgeries::{Flaw, Forgery, forgeries};

/// A signing key of any kind, with the name it goes by.
#[derive(Clone)]
pub struct Key {
    /// The `kid`.
    pub kid: String,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Vec<u8>),
}

impl Key {
    /// A new RSA key of 2048 bits.
    pub fn rsa(kid: impl Into<String>) -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key of a supported size can be made");
        Self { kid: kid.into(), pair: Arc::new(Pair::Rsa(Box::new(pair))) }
    }

    /// A new key on the curve P-256.
    pub fn p256(kid: impl Into<String>) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the curve is supported");
        Self { kid: kid.into(), pair: Arc::new(Pair::P256(pair)) }
    }

    /// A new key on the curve P-384.
    pub fn p384(kid: impl Into<String>) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("the curve is supported");
        Self { kid: kid.into(), pair: Arc::new(Pair::P384(pair)) }
    }

    /// A new Ed25519 key.
    pub fn ed25519(kid: impl Into<String>) -> Self {
        let pair = Ed25519KeyPair::generate().expect("the curve is supported");
        Self { kid: kid.into(), pair: Arc::new(Pair::Ed25519(pair)) }
    }

    /// A shared secret; any bytes, such as the text of somebody's public key.
    pub fn hmac(kid: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self { kid: kid.into(), pair: Arc::new(Pair::Hmac(secret.into())) }
    }

    /// The same key under another name.
    #[must_use]
    pub fn renamed(&self, kid: impl Into<String>) -> Self {
        Self { kid: kid.into(), pair: Arc::clone(&self.pair) }
    }

    /// The algorithm this key is made for.
    pub fn algorithm(&self) -> &'static str {
        match *self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
            Pair::Hmac(_) => "HS256",
        }
    }

    /// The key as an entry of a key set (RFC 7517). A shared secret is printed too, as no honest provider would.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.public_members();
        jwk.insert("kid".into(), json!(self.kid));
        jwk.insert("use".into(), json!("sig"));
        Value::Object(jwk)
    }

    fn public_members(&self) -> Map<String, Value> {
        let members = match &*self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                json!({
                    "kty": "RSA",
                    "n": encode(n.big_endian_without_leading_zero()),
                    "e": encode(e.big_endian_without_leading_zero()),
                })
            }
            Pair::P256(pair) => point("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => point("P-384", pair.public_key().as_ref()),
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) }),
            Pair::Hmac(secret) => json!({ "kty": "oct", "k": encode(secret) }),
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// The public half in DER (SubjectPublicKeyInfo); for a shared secret, the secret.
    pub fn public_der(&self) -> Vec<u8> {
        let der = match &*self.pair {
            Pair::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Pair::P256(pair) | Pair::P384(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Pair::Ed25519(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Pair::Hmac(secret) => return secret.clone(),
        };
        der.expect("a key that was made can be printed").as_ref().to_vec()
    }

    /// The public half as PEM.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    /// The private half as PEM (PKCS#8).
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.private_der())
    }

    fn private_der(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(pair.as_ref()).expect("a key that was made can be printed");
                der.as_ref().to_vec()
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.to_pkcs8v1().expect("a key that was made can be printed").as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.to_pkcs8v1().expect("a key that was made can be printed").as_ref().to_vec(),
            Pair::Hmac(secret) => secret.clone(),
        }
    }

    /// A self-signed certificate for an RSA key, DER.
    pub fn certificate_der(&self) -> Vec<u8> {
        let private = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&self.private_der().into(), &rcgen::PKCS_RSA_SHA256)
            .expect("the key is an RSA key");
        let parameters =
            rcgen::CertificateParams::new(vec!["stand-in.invalid".to_owned()]).expect("the name is an ordinary one");
        parameters.self_signed(&private).expect("an RSA key can sign a certificate").der().to_vec()
    }

    /// The same as PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate_der())
    }

    /// Signs bytes, by whatever algorithm is asked for that this key can do; otherwise by the one it is made for.
    pub fn sign(&self, algorithm: &str, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_padding(algorithm), &random, bytes, &mut signature).expect("an RSA key signs anything");
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, bytes).expect("an EC key signs anything").as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Pair::Hmac(secret) => hmac::sign(&hmac::Key::new(hmac_digest(algorithm), secret), bytes).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.kid)
    }
}

/// A key set (RFC 7517).
pub fn jwks<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Value {
    json!({ "keys": keys.into_iter().map(Key::jwk).collect::<Vec<_>>() })
}

/// A token before it is signed: any header, any claims.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The header. `alg` and `kid` are put in by the signing key unless they are here already.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl Draft {
    /// A token with these claims, which must be a JSON object.
    pub fn new(claims: Value) -> Self {
        let claims = match claims {
            Value::Object(claims) => claims,
            other => Map::from_iter([("claims".to_owned(), other)]),
        };
        Self { header: Map::from_iter([("typ".to_owned(), json!("JWT"))]), claims }
    }

    /// With this header member, whatever it was before.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// With this claim, whatever it was before.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without this claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// The token, signed by this key under its own name.
    pub fn sign(&self, key: &Key) -> String {
        self.sign_as(key, key.algorithm())
    }

    /// The token, signed by this key with the algorithm asked for (for an RSA key: RS256 … PS512).
    pub fn sign_as(&self, key: &Key, algorithm: &str) -> String {
        let (header, payload) = self.texts(key, algorithm);
        sign_text(header.as_bytes(), payload.as_bytes(), key, algorithm)
    }

    /// Header and payload as they would be signed, for spoiling them by hand.
    pub fn texts(&self, key: &Key, algorithm: &str) -> (String, String) {
        let mut header = self.header.clone();
        header.entry("alg").or_insert_with(|| json!(algorithm));
        header.entry("kid").or_insert_with(|| json!(key.kid));
        (Value::Object(header).to_string(), Value::Object(self.claims.clone()).to_string())
    }
}

/// A token of any header and payload bytes, properly signed.
pub fn sign_text(header: &[u8], payload: &[u8], key: &Key, algorithm: &str) -> String {
    sign_parts(&encode(header), &encode(payload), key, algorithm)
}

/// A token of parts that are encoded already, well or badly, properly signed.
pub fn sign_parts(header: &str, payload: &str, key: &Key, algorithm: &str) -> String {
    let signed = format!("{header}.{payload}");
    let signature = encode(&key.sign(algorithm, signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A token of any parts, with whatever stands for a signature.
pub fn assemble(header: &[u8], payload: &[u8], signature: &[u8]) -> String {
    format!("{}.{}.{}", encode(header), encode(payload), encode(signature))
}

/// Base64url without padding (RFC 7515 section 2).
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a base64url text stands for, or nothing.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

/// The claims of a token, unverified; null if there are none to be read.
pub fn claims(token: &str) -> Value {
    token.split('.').nth(1).and_then(|payload| serde_json::from_slice(&decode(payload)).ok()).unwrap_or_default()
}

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// The SHA-1 of some bytes, which certificates are still named by.
pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// Whether an RSA key of these numbers has made a PKCS#1 or PSS signature with SHA-256.
pub fn rsa_verifies(public_der: &[u8], algorithm: &str, bytes: &[u8], signature: &[u8]) -> bool {
    let algorithm: &'static dyn signature::VerificationAlgorithm = match algorithm {
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    };
    signature::UnparsedPublicKey::new(algorithm, public_der).verify(bytes, signature).is_ok()
}

/// Bytes of chance.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system gives chance");
    bytes
}

/// A new id in Microsoft's spelling (RFC 9562, version 4).
pub fn guid() -> String {
    let number = u128::from_be_bytes(chance());
    let number = number & !(0xf000 << 64) & !(0xc000 << 48) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{number:032x}");
    let mut cut = hex.as_str();
    let mut groups = Vec::new();
    for length in [8, 4, 4, 4, 12] {
        let (group, rest) = cut.split_at(length);
        groups.push(group);
        cut = rest;
    }
    groups.join("-")
}

fn point(curve: &str, uncompressed: &[u8]) -> Value {
    let coordinates = uncompressed.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + &format!("-----END {label}-----\n")
}

fn rsa_padding(algorithm: &str) -> &'static dyn RsaEncoding {
    match algorithm {
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

fn hmac_digest(algorithm: &str) -> hmac::Algorithm {
    match algorithm {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

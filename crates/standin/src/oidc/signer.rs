//! [`Signer`], a key that signs whatever header and claims it is given.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A signing key with a name.
#[derive(Debug)]
pub struct Signer {
    kid: String,
    algorithm: &'static str,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(rsa::KeyPair),
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// An RSA key of 2048 bits, the same one each time, since making them is slow.
    ///
    /// # Panics
    /// If the machine gives no random bytes.
    pub fn rsa(kid: &str) -> Self {
        static KEY: OnceLock<Vec<u8>> = OnceLock::new();
        let der = KEY.get_or_init(|| {
            let key = rsa::KeyPair::generate(KeySize::Rsa2048).expect("RSA keys can be made");
            let der: Pkcs8V1Der<'static> = key.as_der().expect("a key can be written");
            der.as_ref().to_vec()
        });
        let pair = Pair::Rsa(rsa::KeyPair::from_pkcs8(der).expect("it was just made"));
        Self { kid: kid.into(), algorithm: "RS256", pair }
    }

    /// A new key on P-256.
    pub fn p256(kid: &str) -> Self {
        Self { kid: kid.into(), algorithm: "ES256", pair: ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256") }
    }

    /// A new key on P-384.
    pub fn p384(kid: &str) -> Self {
        Self { kid: kid.into(), algorithm: "ES384", pair: ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384") }
    }

    /// A new Ed25519 key.
    ///
    /// # Panics
    /// If the machine gives no random bytes.
    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("keys can be made");
        Self { kid: kid.into(), algorithm: "EdDSA", pair: Pair::Ed25519(pair) }
    }

    /// The same key, signing by another algorithm of its kind.
    #[must_use]
    pub fn by(self, algorithm: &'static str) -> Self {
        Self { algorithm, ..self }
    }

    /// What it signs by.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a member of a key set.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) = (text(n.big_endian_without_leading_zero()), text(e.big_endian_without_leading_zero()));
                json!({ "kty": "RSA", "kid": self.kid, "use": "sig", "n": n, "e": e })
            }
            Pair::Ecdsa(pair, curve) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at((point.len() - 1) / 2);
                json!({ "kty": "EC", "crv": curve, "kid": self.kid, "use": "sig", "x": text(x), "y": text(y) })
            }
            Pair::Ed25519(pair) => {
                let x = text(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "use": "sig", "x": x })
            }
        }
    }

    /// The private key as PKCS#8 PEM, for a client that signs with it.
    ///
    /// # Panics
    /// If the key cannot be written.
    pub fn pem(&self) -> String {
        let der: Vec<u8> = match &self.pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).expect("a key can be written").as_ref().to_vec(),
            Pair::Ecdsa(pair, _) => pair.to_pkcs8v1().expect("a key can be written").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().expect("a key can be written").as_ref().to_vec(),
        };
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
    }

    /// An honest header for this key.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "typ": "JWT", "kid": self.kid })
    }

    /// A token with this header and these claims, signed by this key whatever the header says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A signature over any bytes.
    ///
    /// # Panics
    /// If the machine gives no random bytes.
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(self.padding(), &random, message, &mut signature).expect("the key can sign");
                signature
            }
            Pair::Ecdsa(pair, _) => pair.sign(&random, message).expect("the key can sign").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn padding(&self) -> &'static dyn RsaEncoding {
        match self.algorithm {
            "RS384" => &RSA_PKCS1_SHA384,
            "RS512" => &RSA_PKCS1_SHA512,
            "PS256" => &RSA_PSS_SHA256,
            "PS384" => &RSA_PSS_SHA384,
            "PS512" => &RSA_PSS_SHA512,
            _ => &RSA_PKCS1_SHA256,
        }
    }

    /// `at_hash` of an access token for an ID token signed by this key.
    pub fn at_hash(&self, access_token: &str) -> String {
        let algorithm = match self.algorithm {
            "RS384" | "PS384" | "ES384" => &digest::SHA384,
            "RS512" | "PS512" | "EdDSA" => &digest::SHA512,
            _ => &digest::SHA256,
        };
        let hash = digest::digest(algorithm, access_token.as_bytes());
        URL_SAFE_NO_PAD.encode(hash.as_ref().split_at(hash.as_ref().len() / 2).0)
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Pair {
    Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).expect("keys can be made"), curve)
}

/// A token without its signature and the dot before it.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A token with a signature of the caller's choice.
pub fn with_signature(header: &Value, claims: &Value, signature: &[u8]) -> String {
    format!("{}.{}", unsigned(header, claims), URL_SAFE_NO_PAD.encode(signature))
}

/// A token signed with a shared secret, such as the bytes of a public key.
pub fn with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

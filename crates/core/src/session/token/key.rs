//! [`SigningKey`]: a key for access tokens, parsed once, with the one algorithm it is for.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::TYPE;
use crate::error::{Error, Result};
use crate::secret::encode;

/// How access tokens are signed (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what every library knows, and small.
    #[default]
    ES256,
    /// Ed25519: the fastest that others can verify.
    EdDSA,
    /// RSA of 2048 bits with SHA-256, for verifiers that know nothing else; slow to sign.
    RS256,
    /// HMAC with SHA-256: nobody but we can verify, so nothing is published.
    HS256,
}

impl Algorithm {
    /// Its name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::HS256 => "HS256",
        }
    }

    fn signature_length(self) -> usize {
        match self {
            Self::ES256 | Self::EdDSA => 64,
            Self::RS256 => RSA_LENGTH,
            Self::HS256 => HMAC_LENGTH,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::ES256, Self::EdDSA, Self::RS256, Self::HS256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| Error::invalid("algorithm", "use ES256, EdDSA, RS256 or HS256"))
    }
}

/// A new key as the store keeps it.
pub(crate) struct KeyBytes {
    /// To be sealed: PKCS #8, or the 32 bytes of an HMAC key.
    pub(crate) private: Zeroizing<Vec<u8>>,
    /// An uncompressed point, 32 bytes, an `RSAPublicKey`, or nothing for an HMAC key.
    pub(crate) public: Vec<u8>,
}

/// A key for access tokens.
pub(crate) struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    /// The header of every token of this key, in base64url.
    header: String,
    pair: Pair,
}

/// What an algorithm needs. It is part of the key: no token can have a key used in another way than its own.
enum Pair {
    Ecdsa(EcdsaKeyPair, ParsedPublicKey),
    Ed25519(Ed25519KeyPair, ParsedPublicKey),
    Rsa(RsaKeyPair, ParsedPublicKey),
    Hmac(Box<hmac::Key>),
}

impl SigningKey {
    /// Makes a new key. The library draws from the operating system by itself; chance cannot be injected here.
    ///
    /// # Errors
    /// Only a fault of the machine.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<KeyBytes> {
        generate(algorithm).map_err(Error::internal)
    }

    /// Parses a key that the store holds. The public half is compared with the private one, which is sealed: whoever
    /// can write to the database but not open the seal must not get a key of his believed.
    ///
    /// # Errors
    /// A key that is damaged, of another algorithm, or whose halves do not belong together is a fault of ours.
    pub(crate) fn parse(kid: &str, algorithm: Algorithm, private: &[u8], public: &[u8]) -> Result<Self> {
        let refused = |why: String| Error::internal(format!("signing key {kid:?} ({algorithm}): {why}"));
        if !is_kid(kid) {
            return Err(refused("not a key id".to_owned()));
        }
        let (pair, derived) = Pair::parse(algorithm, private).map_err(|why| refused(why.to_string()))?;
        if derived != public {
            return Err(refused("its public half is not its own".to_owned()));
        }
        let header = json!({ "alg": algorithm.as_str(), "kid": kid, "typ": TYPE }).to_string();
        Ok(Self { kid: kid.to_owned(), algorithm, header: encode(header.as_bytes()), pair })
    }

    /// Its name in the headers of its tokens.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm it is for.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The one header its tokens have, in base64url.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Appends the signature of what the token says so far, in base64url.
    pub(super) fn sign_onto(&self, token: &mut String) -> Result<()> {
        let signature = self.signature(token.as_bytes()).map_err(Error::internal)?;
        token.push('.');
        encode_onto(&signature, token);
        Ok(())
    }

    fn signature(&self, said: &[u8]) -> Result<Vec<u8>, Unspecified> {
        Ok(match &self.pair {
            Pair::Ecdsa(pair, _) => pair.sign(&SystemRandom::new(), said)?.as_ref().to_vec(),
            Pair::Ed25519(pair, _) => pair.try_sign(said)?.as_ref().to_vec(),
            Pair::Rsa(pair, _) => {
                let mut signature = vec![0; RSA_LENGTH];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said, &mut signature)?;
                signature
            }
            Pair::Hmac(key) => hmac::sign(key, said).as_ref().to_vec(),
        })
    }

    /// Whether `signature`, in canonical base64url and of the right length, is this key's under what was `said`.
    pub(super) fn verifies(&self, said: &str, signature: &str) -> bool {
        let mut bytes = [0; RSA_LENGTH];
        let Some(bytes) = bytes.get_mut(..self.algorithm.signature_length()) else { return false };
        if base64::encoded_len(bytes.len(), false) != Some(signature.len()) {
            return false;
        }
        if URL_SAFE_NO_PAD.decode_slice(signature, bytes) != Ok(bytes.len()) {
            return false;
        }
        match &self.pair {
            Pair::Ecdsa(_, key) | Pair::Ed25519(_, key) | Pair::Rsa(_, key) => {
                key.verify_sig(said.as_bytes(), bytes).is_ok()
            }
            Pair::Hmac(key) => hmac::verify(key, said.as_bytes(), bytes).is_ok(),
        }
    }

    /// The public half as a JSON Web Key (RFC 7517); an HMAC key has none.
    pub(super) fn jwk(&self) -> Option<Value> {
        let mut jwk = self.pair.jwk()?;
        let about = [("alg", self.algorithm.as_str()), ("kid", self.kid()), ("use", "sig")];
        jwk.as_object_mut()?.extend(about.map(|(name, value)| (name.to_owned(), value.into())));
        Some(jwk)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} key {}]", self.algorithm, self.kid)
    }
}

/// Whether a text can be the name of a key: short, and nothing in it that means anything to a file system, a URL or SQL.
pub(super) fn is_kid(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (1..=64).contains(&text.len()) && letters
}

/// Appends base64url without padding, in the place kept for it.
pub(super) fn encode_onto(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

impl Pair {
    /// The pair, and its public half as [`KeyBytes`] has it.
    fn parse(algorithm: Algorithm, private: &[u8]) -> Result<(Self, Vec<u8>), Unusable> {
        Ok(match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private)?;
                let (key, public) = public_half(&pair, &ECDSA_P256_SHA256_FIXED)?;
                (Self::Ecdsa(pair, key), public)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8(private)?;
                let (key, public) = public_half(&pair, &ED25519)?;
                (Self::Ed25519(pair, key), public)
            }
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_pkcs8(private)?;
                if pair.public_modulus_len() != RSA_LENGTH {
                    return Err(Unusable::Length);
                }
                let (key, public) = public_half(&pair, &RSA_PKCS1_2048_8192_SHA256)?;
                (Self::Rsa(pair, key), public)
            }
            // RFC 7518 section 3.2: no shorter than the hash.
            Algorithm::HS256 if private.len() == HMAC_LENGTH => {
                (Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, private))), Vec::new())
            }
            Algorithm::HS256 => return Err(Unusable::Length),
        })
    }

    fn jwk(&self) -> Option<Value> {
        match self {
            Self::Ecdsa(pair, _) => {
                // SEC 1 section 2.3.3: 0x04, then both coordinates.
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
                Some(json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }))
            }
            Self::Ed25519(pair, _) => {
                Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) }))
            }
            Self::Rsa(pair, _) => {
                let PublicKeyComponents { n, e } = pair.public_key().into();
                Some(json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) }))
            }
            Self::Hmac(_) => None,
        }
    }
}

const RSA_LENGTH: usize = 256;
const HMAC_LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Rejected(#[from] KeyRejected),
    #[error("of the wrong length")]
    Length,
}

fn public_half(
    pair: &impl KeyPair,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<(ParsedPublicKey, Vec<u8>), Unusable> {
    let public = pair.public_key().as_ref();
    Ok((ParsedPublicKey::new(algorithm, public)?, public.to_vec()))
}

fn generate(algorithm: Algorithm) -> Result<KeyBytes, Unspecified> {
    fn halves(private: &[u8], pair: &impl KeyPair) -> KeyBytes {
        KeyBytes { private: private.to_vec().into(), public: pair.public_key().as_ref().to_vec() }
    }
    Ok(match algorithm {
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
            halves(pair.to_pkcs8v1()?.as_ref(), &pair)
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate()?;
            halves(pair.to_pkcs8()?.as_ref(), &pair)
        }
        Algorithm::RS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let private: Pkcs8V1Der<'_> = pair.as_der()?;
            halves(private.as_ref(), &pair)
        }
        Algorithm::HS256 => {
            let mut private = Zeroizing::new(vec![0; HMAC_LENGTH]);
            aws_lc_rs::rand::fill(&mut private)?;
            KeyBytes { private, public: Vec::new() }
        }
    })
}

//! Published keys (RFC 7517): which of them may check signatures, and how long they are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};
use url::Url;

use super::{ALGORITHMS, Token, read_object};
use crate::fetch::{Life, Line, Shelf};
use crate::{Refusal, Result};

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// A public key that may check signatures.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub kid: Option<String>,
    /// The issuer whose tokens alone it may check, where Microsoft says so.
    pub issuer: Option<String>,
    /// What it may check. The token's header chooses among these only (RFC 8725 section 3.1).
    algorithms: Vec<Algorithm>,
    public: DecodingKey,
}

impl Key {
    /// Reads one member of a key set; nothing if it may not check signatures or is of a kind that is not used here.
    fn read(jwk: &Value) -> Option<Self> {
        let mut jwk = jwk.as_object()?.clone();
        // Some libraries write what they do not say as null.
        jwk.retain(|_, member| !member.is_null());
        let jwk = &jwk;
        // A private key that was published checks signatures that anybody can make.
        if jwk.contains_key("d") || jwk.contains_key("k") || !is_for_signatures(jwk) {
            return None;
        }
        let (public, mut algorithms) = public(jwk)?;
        if let Some(only) = jwk.get("alg") {
            algorithms.retain(|algorithm| name(*algorithm) == only.as_str());
        }
        let key = Self { kid: optional(jwk, "kid")?, issuer: optional(jwk, "issuer")?, algorithms, public };
        (!key.algorithms.is_empty()).then_some(key)
    }

    /// Whether this key made a signature over these bytes, by this algorithm.
    pub(super) fn checks(&self, algorithm: Algorithm, signed: &str, signature: &str) -> bool {
        self.algorithms.contains(&algorithm)
            && jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.public, algorithm).unwrap_or(false)
    }
}

fn name(algorithm: Algorithm) -> Option<&'static str> {
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map(|(name, _)| *name)
}

/// A member that is a text or not there; nothing if it is something else.
#[expect(clippy::option_option, reason = "not there and not a text are different answers")]
fn optional(jwk: &Map<String, Value>, name: &str) -> Option<Option<String>> {
    match jwk.get(name) {
        None => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    }
}

/// RFC 7517 sections 4.2 and 4.3.
fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let by_use = jwk.get("use").is_none_or(|it| it == "sig");
    let by_operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|it| it == "verify"),
        Some(_) => false,
    };
    by_use && by_operations
}

/// The key itself and what its kind can check. Symmetric keys are of no kind.
fn public(jwk: &Map<String, Value>) -> Option<(DecodingKey, Vec<Algorithm>)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            // RFC 7518 section 6.3.1.1: the nought that some libraries put in front is no part of the number.
            let number =
                |name: &str| bytes(name).map(|bytes| bytes.into_iter().skip_while(|it| *it == 0).collect::<Vec<_>>());
            let (modulus, exponent) = (number("n")?, number("e")?);
            let strong = (2048..=8192).contains(&bits(&modulus)) && exponent.last()? % 2 == 1 && bits(&exponent) > 1;
            strong.then(|| (DecodingKey::from_rsa_raw_components(&modulus, &exponent), RSA.to_vec()))
        }
        ("EC", Some(curve)) => {
            let (size, algorithm) = match curve {
                "P-256" => (32, Algorithm::ES256),
                "P-384" => (48, Algorithm::ES384),
                _ => return None,
            };
            let (x, y) = (bytes("x")?, bytes("y")?);
            let point = [[4].as_slice(), &x, &y].concat();
            (x.len() == size && y.len() == size).then(|| (DecodingKey::from_ec_der(&point), vec![algorithm]))
        }
        ("OKP", Some("Ed25519")) => {
            let x = bytes("x").filter(|x| x.len() == 32)?;
            Some((DecodingKey::from_ed_der(&x), vec![Algorithm::EdDSA]))
        }
        _ => None,
    }
}

/// How many bits a number has, leading zeros left out.
fn bits(number: &[u8]) -> usize {
    let Some(start) = number.iter().position(|byte| *byte != 0) else { return 0 };
    let first = number.get(start).map_or(0, |byte| byte.leading_zeros());
    (number.len() - start) * 8 - first as usize
}

/// A provider's published keys, without those that are of no use.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
    left_out: usize,
}

impl KeySet {
    /// Reads a key set (RFC 7517 section 5). Left out are: keys of a kind that is not used here, symmetric, private, too small, not for
    /// signatures, and all keys whose name stands there twice.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] if it is no key set at all.
    pub fn read(json: &[u8]) -> Result<Self> {
        let document = read_object(json);
        let listed = document.as_ref().and_then(|document| document.get("keys")).and_then(Value::as_array);
        let listed =
            listed.ok_or_else(|| Refusal::unavailable("the provider's keys cannot be read: not a JSON key set"))?;
        let mut keys: Vec<_> = listed.iter().filter_map(Key::read).map(Arc::new).collect();
        let mut named: HashMap<String, usize> = HashMap::new();
        for kid in keys.iter().filter_map(|key| key.kid.clone()) {
            *named.entry(kid).or_default() += 1;
        }
        // Which of the two was meant cannot be told.
        keys.retain(|key| key.kid.as_ref().is_none_or(|kid| named.get(kid) == Some(&1)));
        Ok(Self { left_out: listed.len() - keys.len(), keys })
    }

    /// The keys.
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// How many were left out.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The key that a token must be checked by: the one it names, or the only one there could be if it names none. Nothing if there is
    /// none, which a newer set may mend.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the key it names is of another kind, or if it names none and there are several.
    pub fn choose(&self, token: &Token) -> Result<Option<Arc<Key>>> {
        let fits = |key: &Key| key.algorithms.contains(&token.algorithm());
        if let Some(kid) = token.kid() {
            let Some(key) = self.keys.iter().find(|key| key.kid.as_deref() == Some(kid)) else { return Ok(None) };
            let wrong = || Refusal::invalid("the token's algorithm does not fit the key it names");
            return if fits(key) { Ok(Some(Arc::clone(key))) } else { Err(wrong()) };
        }
        let mut fitting = self.keys.iter().filter(|key| fits(key));
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => Err(Refusal::invalid("the token names no key, and the provider has several")),
            (only, _) => Ok(only.map(Arc::clone)),
        }
    }
}

/// Every provider's keys, kept for a while. One for the whole program.
#[derive(Debug)]
pub struct Keys(Shelf<KeySet>);

impl Default for Keys {
    fn default() -> Self {
        let life = Life {
            usual: Duration::from_hours(1),
            longest: Duration::from_hours(24),
            // A token can be checked while the provider is down, but a key that it took back does not outlive the day.
            stand_in: Duration::from_hours(24),
        };
        Self(Shelf::new(life, KeySet::read))
    }
}

impl Keys {
    /// The key that a token must be checked by. A key that is not known is asked for at once, but no more than once a minute, however
    /// many tokens name keys that nobody has.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the provider has no such key, [`Refusal::Unavailable`] if it cannot be asked.
    pub async fn find(&self, line: &Line, url: &Url, token: &Token, now: Timestamp) -> Result<Arc<Key>> {
        let set = self.0.document(line, url, now).await?;
        if let Some(key) = set.choose(token)? {
            return Ok(key);
        }
        let set = self.0.newest(line, url, now).await?;
        set.choose(token)?.ok_or_else(|| Refusal::invalid("the provider has no such key as the token was signed with"))
    }

    /// All of a provider's keys.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] if they cannot be had.
    pub async fn all(&self, line: &Line, url: &Url, now: Timestamp) -> Result<Arc<KeySet>> {
        self.0.document(line, url, now).await
    }

    /// Forgets the keys of all providers whose own key begins like this.
    pub fn forget(&self, keys: &str) {
        self.0.forget(keys);
    }
}

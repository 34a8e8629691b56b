//! Foreign JWTs, read strictly (RFC 7519, RFC 8725), and the published keys that they are checked by.

mod json;
mod keys;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
pub use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

pub(crate) use self::json::read_object;
pub use self::keys::{Key, KeySet, Keys};
use crate::{Refusal, Result};

/// How far a provider's clock may be from ours, in seconds.
pub const SKEW: i64 = 60;
/// The longest token that is looked at.
pub const LONGEST: usize = 16 * 1024;
/// What tokens may be signed with: never `none`, and nothing with a shared secret (RFC 8725 section 3.1).
pub const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// A token that is well-formed; nothing in it is proven.
#[derive(Clone)]
pub struct Token {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    claims: Claims,
    signed: String,
    signature: String,
}

/// What a token says.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Token {
    /// Reads a token: at most 16 KiB, three parts, strict in every part, an algorithm of [`ALGORITHMS`], no critical extensions
    /// (RFC 7515 section 4.1.11). What the header says about where keys are to be found (`jku`, `jwk`, `x5u`, `x5c`) is not read.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn read(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(Refusal::invalid("the token is too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        if !is_canonical(signature) {
            return Err(malformed());
        }
        let header = part(header)?;
        Ok(Self {
            algorithm: algorithm(&header)?,
            kid: optional_text(&header, "kid")?,
            typ: optional_text(&header, "typ")?,
            claims: Claims(part(payload)?),
            signed: signed.to_owned(),
            signature: signature.to_owned(),
        })
    }

    /// What it says it was signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key that signed it, if it says so.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The kind of token, if it says so.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What it says, believed by nobody: only for choosing whose settings apply.
    pub fn unverified(&self) -> &Claims {
        &self.claims
    }

    /// What it says, checked by this key's signature. Who issued it, for whom and when is not looked at yet.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn verify(&self, key: &Key) -> Result<&Claims> {
        if key.checks(self.algorithm, &self.signed, &self.signature) {
            return Ok(&self.claims);
        }
        Err(Refusal::invalid("the token's signature is wrong"))
    }
}

/// Shows nothing of what the token says: it is a credential.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn malformed() -> Refusal {
    Refusal::invalid("the token is not a well-formed JWT")
}

/// One way only to write the same bytes: no padding, no stray bits, so that one token has one text.
fn is_canonical(part: &str) -> bool {
    URL_SAFE_NO_PAD.decode(part).is_ok()
}

fn part(text: &str) -> Result<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
    read_object(&bytes).ok_or_else(malformed)
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm> {
    if header.contains_key("crit") {
        return Err(Refusal::invalid("the token asks for an extension that is not known here"));
    }
    let named = header.get("alg").and_then(Value::as_str).ok_or_else(malformed)?;
    let known = ALGORITHMS.iter().find(|(name, _)| *name == named);
    known.map(|(_, algorithm)| *algorithm).ok_or_else(|| Refusal::invalid("the token's algorithm is not allowed"))
}

fn optional_text(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed()),
    }
}

impl Claims {
    /// The claims in a JSON object that is no token, such as a userinfo answer; nothing if it is not strict JSON.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        read_object(json).map(Self)
    }

    /// A claim, whatever it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text; nothing if it is missing or something else.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A time, in whole seconds since 1970; nothing if it is missing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if it is anything but a whole number: a text that looks like one has let expired tokens live elsewhere.
    pub fn seconds(&self, name: &str) -> Result<Option<i64>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().filter(|seconds| *seconds >= 0);
        seconds
            .map(Some)
            .ok_or_else(|| Refusal::invalid(format!("the token's {name} is not a whole number of seconds")))
    }

    /// Whom the token is for: `aud`, one text or several.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if it is missing or anything else.
    pub fn audiences(&self) -> Result<Vec<&str>> {
        let audiences = match self.0.get("aud") {
            Some(Value::String(one)) => Some(vec![one.as_str()]),
            Some(Value::Array(several)) if !several.is_empty() => several.iter().map(Value::as_str).collect(),
            _ => None,
        };
        audiences.ok_or_else(|| Refusal::invalid("the token does not say whom it is for"))
    }

    /// Checks `exp` (required), `nbf` and `iat` (if there) against the time, give or take [`SKEW`]. Gives `exp`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn timely(&self, now: Timestamp) -> Result<i64> {
        let now = now.as_second();
        let expires = self.seconds("exp")?.ok_or_else(|| Refusal::invalid("the token does not say when it expires"))?;
        if expires.saturating_add(SKEW) <= now {
            return Err(Refusal::invalid("the token has expired"));
        }
        if self.seconds("nbf")?.is_some_and(|from| from > now + SKEW) {
            return Err(Refusal::invalid("the token is not valid yet"));
        }
        if self.seconds("iat")?.is_some_and(|issued| issued > now + SKEW) {
            return Err(Refusal::invalid(
                "the token was issued in the future: the provider's clock or this machine's is wrong",
            ));
        }
        Ok(expires)
    }
}

/// Shows which claims there are, not what they say.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

//! Foreign JWTs, read strictly (RFC 7519, RFC 8725), and the published keys that they are checked by.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use crate::fetch::Line;
use crate::{Refusal, Result};

/// How far a provider's clock may be from ours, in seconds.
pub const SKEW: i64 = 60;

/// A token that is well-formed; nothing in it is proven.
#[derive(Clone, Debug)]
pub struct Token {}

/// What a token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

/// A public key that may check signatures.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name.
    pub kid: Option<String>,
    /// The issuer whose tokens alone it may check, where Microsoft says so.
    pub issuer: Option<String>,
}

/// A provider's published keys, without those that are of no use.
#[derive(Clone, Debug, Default)]
pub struct KeySet {}

/// Every provider's keys, kept for a while. One for the whole program.
#[derive(Debug, Default)]
pub struct Keys {}

impl Token {
    /// Reads a token: at most 16 KiB, three parts, strict in every part, an algorithm of the list, no critical extensions.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn read(_text: &str) -> Result<Self> {
        Err(Refusal::invalid("not yet"))
    }

    /// The name of the key that signed it, if it says so.
    pub fn kid(&self) -> Option<&str> {
        None
    }

    /// The kind of token, if it says so.
    pub fn typ(&self) -> Option<&str> {
        None
    }

    /// What it says, believed by nobody: only for choosing whose settings apply.
    pub fn unverified(&self) -> &Claims {
        unimplemented!()
    }

    /// What it says, checked by this key's signature. Who issued it, for whom and when is not looked at yet.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn verify(&self, _key: &Key) -> Result<&Claims> {
        Err(Refusal::invalid("not yet"))
    }
}

impl Claims {
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
    /// [`Refusal::Invalid`] if it is anything but a whole number.
    pub fn seconds(&self, _name: &str) -> Result<Option<i64>> {
        Err(Refusal::invalid("not yet"))
    }

    /// Whom the token is for: `aud`, one text or several.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if it is missing or anything else.
    pub fn audiences(&self) -> Result<Vec<&str>> {
        Err(Refusal::invalid("not yet"))
    }

    /// Checks `exp` (required), `nbf` and `iat` (if there) against the time, give or take [`SKEW`]. Gives `exp`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn timely(&self, _now: Timestamp) -> Result<i64> {
        Err(Refusal::invalid("not yet"))
    }
}

impl KeySet {
    /// Reads a key set (RFC 7517 section 5) and leaves out what may not check signatures.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] if it is no key set at all.
    pub fn read(_json: &[u8]) -> Result<Self> {
        Err(Refusal::unavailable("not yet"))
    }
}

impl Keys {
    /// The key that a token must be checked by.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the provider has no such key, [`Refusal::Unavailable`] if it cannot be asked.
    pub async fn find(&self, _line: &Line, _url: &Url, _token: &Token, _now: Timestamp) -> Result<Arc<Key>> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Forgets a provider's keys.
    pub fn forget(&self, _provider: &str) {}
}

//! Our own access tokens: what they claim, how they are signed and checked (RFC 7515, 7519, 8725, 9068).
//!
//! Only `Keyring` makes and believes them. Nothing in a token steers how it is checked: its header must be, letter for
//! letter, the one header that a key on the ring gives its tokens, and so brings nothing along that we had not known.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{SessionId, TenantId};
use crate::secret;

mod key;

pub use key::Algorithm;
pub(crate) use key::SigningKey;

/// The kind of token, so that none of another kind is taken for one (RFC 9068 section 2.1, RFC 8725 section 3.11).
const TYPE: &str = "at+jwt";

/// The longest token made or looked at.
const LONGEST: usize = 4096;

/// How far the clocks of two nodes may lie apart. It only bears on `iat`; nothing lives longer for it.
const CLOCKS_APART: Duration = Duration::from_mins(5);

/// What an access token says. A release that issues a claim more must follow one that accepts it: claims not named here
/// are refused, for a node must not overlook what a newer one meant as a restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    /// Who issued it: one name for each realm of a deployment.
    pub(crate) iss: String,
    /// For whom: one audience for each realm.
    pub(crate) aud: String,
    /// The user's or the administrator's id.
    pub(crate) sub: String,
    /// The session it is a handle on.
    #[serde(with = "text")]
    pub(crate) sid: SessionId,
    /// The user's tenant; administrators have none.
    #[serde(with = "optional_text", default, skip_serializing_if = "Option::is_none")]
    pub(crate) cid: Option<TenantId>,
    /// The roles at the time of issue. For those who read tokens; what counts here are the present ones.
    pub(crate) roles: Vec<String>,
    /// How the sign-in was proven (RFC 8176).
    pub(crate) amr: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub(crate) iat: i64,
    /// The first second in which it is no longer good, since 1970.
    pub(crate) exp: i64,
    /// Tells tokens of one second apart.
    pub(crate) jti: String,
}

/// Whose tokens are believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The one issuer.
    pub(crate) issuer: &'a str,
    /// The one audience.
    pub(crate) audience: &'a str,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// Not a token of ours.
    Invalid,
    /// Has the form of ours, but a key not on the ring: perhaps another node's newest. Look it up at most now and then,
    /// for anyone can write such a header.
    UnknownKid(String),
    /// Ours, but past its life. Only said of a token whose signature is good.
    Expired,
}

/// A key's place on the ring.
#[derive(Debug)]
pub(crate) struct RingKey {
    /// The key.
    pub(crate) key: SigningKey,
    /// When it begins to sign. Later than when it is published, so that all nodes know it by then.
    pub(crate) signs_from: Timestamp,
    /// When its last token has run out; nothing as long as it signs.
    pub(crate) verify_until: Option<Timestamp>,
}

/// The keys of one realm at one moment. It never changes; a new one takes its place.
#[derive(Debug)]
pub(crate) struct Keyring {
    algorithm: Algorithm,
    keys: Vec<RingKey>,
}

impl Keyring {
    /// A ring that signs with `algorithm`, and verifies with every key on it.
    ///
    /// # Errors
    /// Two keys of one name: a fault of ours.
    pub(crate) fn new(algorithm: Algorithm, keys: Vec<RingKey>) -> Result<Self> {
        let mut names = HashSet::new();
        match keys.iter().find(|one| !names.insert(one.key.kid())) {
            Some(second) => Err(Error::internal(format!("two signing keys are named {:?}", second.key.kid()))),
            None => Ok(Self { algorithm, keys }),
        }
    }

    /// The key to sign with: of those of the configured algorithm that have begun, the newest. If none has begun, for
    /// this node's clock is behind that of the node which made the first, the one that begins first.
    pub(crate) fn signer(&self, now: Timestamp) -> Option<&SigningKey> {
        let able = || self.keys.iter().filter(|one| one.key.algorithm() == self.algorithm && one.verifies_at(now));
        let begun = able().filter(|one| one.signs_from <= now).max_by_key(|one| one.place());
        begun.or_else(|| able().min_by_key(|one| one.place())).map(|one| &one.key)
    }

    /// Whether a key of that name is on the ring.
    pub(crate) fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|one| one.key.kid() == kid)
    }

    /// Checks a token and gives what it says. Whether its session lives is another question, to be asked next.
    ///
    /// # Errors
    /// Any [`TokenFault`].
    pub(crate) fn verify(&self, token: &str, expected: &Expected<'_>, now: Timestamp) -> Result<Claims, TokenFault> {
        let (said, signature) = split(token).ok_or(TokenFault::Invalid)?;
        let (header, payload) = said.split_once('.').ok_or(TokenFault::Invalid)?;
        let key = self.key_with(header, now)?;
        if !key.verifies(said, signature) {
            return Err(TokenFault::Invalid);
        }
        let payload = secret::decode(payload).ok_or(TokenFault::Invalid)?;
        let claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Invalid)?;
        believe(claims, expected, now)
    }

    /// The public keys for whoever wants to verify our tokens (RFC 7517), those that will sign soon included.
    pub(crate) fn jwks(&self, now: Timestamp) -> Value {
        let good = self.keys.iter().filter(|one| one.verifies_at(now));
        json!({ "keys": good.filter_map(|one| one.key.jwk()).collect::<Vec<_>>() })
    }

    fn key_with(&self, header: &str, now: Timestamp) -> Result<&SigningKey, TokenFault> {
        match self.keys.iter().find(|one| one.key.header() == header) {
            Some(one) if one.verifies_at(now) => Ok(&one.key),
            Some(_retired) => Err(TokenFault::Invalid),
            None => Err(self.stranger(header)),
        }
    }

    /// What to say to a header that is none of ours: nothing is done with what it says but to look a name up.
    fn stranger(&self, header: &str) -> TokenFault {
        let parsed = secret::decode(header).and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
        match parsed {
            Some(Header { alg, kid, typ })
                if typ == TYPE && alg.parse::<Algorithm>().is_ok() && key::is_kid(&kid) && !self.has(&kid) =>
            {
                TokenFault::UnknownKid(kid)
            }
            _ => TokenFault::Invalid,
        }
    }
}

impl RingKey {
    /// Its place in the order of succession, the same on every node.
    fn place(&self) -> (Timestamp, &str) {
        (self.signs_from, self.key.kid())
    }

    fn verifies_at(&self, now: Timestamp) -> bool {
        self.verify_until.is_none_or(|end| now < end)
    }
}

impl SigningKey {
    /// Signs a token.
    ///
    /// # Errors
    /// Claims too long for a token, or a fault of the machine.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String> {
        let claims = serde_json::to_string(claims).map_err(Error::internal)?;
        let token = self.sign_json(&claims)?;
        if token.len() > LONGEST { Err(Error::internal("an access token is too long")) } else { Ok(token) }
    }

    fn sign_json(&self, claims: &str) -> Result<String> {
        let mut token = String::with_capacity(self.header().len() + claims.len() * 4 / 3 + 360);
        token.push_str(self.header());
        token.push('.');
        key::encode_onto(claims.as_bytes(), &mut token);
        self.sign_onto(&mut token)?;
        Ok(token)
    }
}

/// What our headers hold, and all they may hold: no `crit`, `jku`, `jwk` or `x5u` ever means anything here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// What was said, and the signature under it.
fn split(token: &str) -> Option<(&str, &str)> {
    if token.len() > LONGEST {
        return None;
    }
    token.rsplit_once('.')
}

/// The signature is good; is the token for us, and for now? Expiry comes last, so that nothing else is told of a token
/// that is not for us, and has no leeway: the client has been told when its token ends.
fn believe(claims: Claims, expected: &Expected<'_>, now: Timestamp) -> Result<Claims, TokenFault> {
    let ours = claims.iss == expected.issuer && claims.aud == expected.audience;
    if !ours || claims.iat > now.after(CLOCKS_APART).seconds() {
        return Err(TokenFault::Invalid);
    }
    if claims.exp <= now.seconds() {
        return Err(TokenFault::Expired);
    }
    Ok(claims)
}

/// An id as the text it prints as.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(id: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The same for an id that may be missing; `null` is not missing.
mod optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for this form")]
    pub(super) fn serialize<S: Serializer>(id: &Option<impl Display>, to: S) -> Result<S::Ok, S::Error> {
        id.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        super::text::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests;

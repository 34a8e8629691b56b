//! [`VendorKey`], which reads licence keys: compact JWS (RFC 7515 section 7.1), signed with Ed25519 (RFC 8037 section 3.1).
//!
//! Nothing in a key steers how it is checked. The signature is looked at first, and only what it covers is read.

use std::fmt;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::License;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::secret;

/// The kind of document, so that none of another kind is taken for one (RFC 8725 section 3.11).
const TYPE: &str = "purser-license+jwt";
/// The one algorithm (RFC 8037 section 3.1).
const ALGORITHM: &str = "EdDSA";
/// The longest key looked at.
const LONGEST: usize = 8 * 1024;
/// The longest name of a licensee.
const LONGEST_NAME: usize = 200;
/// The largest whole number that every reader of JSON has exactly (RFC 8259 section 6).
const LARGEST: i64 = (1 << 53) - 1;
/// 9999-12-31T23:59:59Z, the last second RFC 3339 can write.
const END_OF_TIME: i64 = 253_402_300_799;

/// Whoever issues licences, by their public key.
pub(crate) struct VendorKey(ParsedPublicKey);

impl VendorKey {
    /// Reads the public key as the settings have it: 32 bytes in base64url or base64, padded or not.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refused =
            || Error::invalid("license.public_key", "write an Ed25519 public key: 32 bytes, base64url or base64");
        let bytes = key_bytes(text.trim()).ok_or_else(refused)?;
        ParsedPublicKey::new(&ED25519, bytes).map(Self).map_err(|_| refused())
    }

    /// The licence in a key that this vendor signed. Whether it is for here and now is another question, to be asked next.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub(crate) fn read(&self, key: &str) -> Result<License, Unfit> {
        let parts = Parts::of(key)?;
        self.0.verify_sig(parts.said.as_bytes(), &parts.signature).map_err(|_| Unfit::Signature)?;
        parts.license()
    }
}

/// What a key says, whoever signed it: for people who hold one and want to know what it is, never for belief.
pub(super) fn read_unchecked(key: &str) -> Result<License, Unfit> {
    Parts::of(key)?.license()
}

/// What a key for this licence says, to be signed.
pub(super) fn said(license: &License) -> String {
    let header = Header { alg: ALGORITHM.into(), typ: TYPE.into() };
    let part = |value: serde_json::Result<Vec<u8>>| secret::encode(&value.unwrap_or_default());
    format!("{}.{}", part(serde_json::to_vec(&header)), part(serde_json::to_vec(&Claims::of(license))))
}

/// A key taken apart.
struct Parts<'a> {
    said: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(key: &'a str) -> Result<Self, Unfit> {
        if key.len() > LONGEST {
            return Err(Unfit::TooLong);
        }
        let (said, signature) = key.rsplit_once('.').ok_or(Unfit::Form)?;
        let (header, claims) = said.split_once('.').ok_or(Unfit::Form)?;
        let signature = secret::decode(signature).ok_or(Unfit::Form)?;
        Ok(Self { said, header, claims, signature })
    }

    fn license(&self) -> Result<License, Unfit> {
        let Header { alg, typ } = object(self.header).ok_or(Unfit::Header)?;
        if alg != ALGORITHM || typ != TYPE {
            return Err(Unfit::Header);
        }
        object::<Claims>(self.claims).and_then(Claims::license).ok_or(Unfit::Claims)
    }
}

impl fmt::Debug for VendorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[vendor key]")
    }
}

/// Why a licence key is refused. For the log: whoever sent it hears only that it is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Without `license.public_key` nothing can be checked.
    #[error("no license.public_key is configured")]
    NoVendor,
    /// Longer than any licence.
    #[error("the key is too long")]
    TooLong,
    /// Not three parts in base64url without padding.
    #[error("the key is not a compact JWS")]
    Form,
    /// Signed by somebody else, or changed since.
    #[error("the configured public key did not sign it")]
    Signature,
    /// Signed by the vendor, but something else than a licence key.
    #[error("its header is not that of a licence key")]
    Header,
    /// Claims missing, unknown, repeated, of the wrong type or out of bounds.
    #[error("its claims are not those of a licence")]
    Claims,
    /// Issued for another deployment.
    #[error("it is for another instance")]
    Instance,
    /// Its first second lies ahead.
    #[error("it is not valid yet")]
    NotYet,
    /// Its last second has passed.
    #[error("it has expired")]
    Expired,
    /// A licence with a newer serial, or another one with the same, is or was in force.
    #[error("it is not newer than the licence in force")]
    Older,
}

/// All a header may hold: no `kid`, `crit`, `jku`, `jwk` or `x5c` ever means anything here (RFC 8725 section 3.1).
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
}

/// What a key says. Claims not named here are refused: this release must not overlook what a later one meant as a restriction.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    licensee: String,
    instance: String,
    seats: u32,
    serial: i64,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Claims {
    fn of(license: &License) -> Self {
        Self {
            licensee: license.licensee.clone(),
            instance: license.instance.clone(),
            seats: license.seats,
            serial: license.serial,
            iat: license.issued_at.seconds(),
            nbf: license.valid_from.seconds(),
            exp: license.expires_at.seconds(),
        }
    }

    fn license(self) -> Option<License> {
        let named = (1..=LONGEST_NAME).contains(&self.licensee.chars().count())
            && self.licensee.trim() == self.licensee
            && !self.licensee.chars().any(char::is_control);
        let counted = self.seats > 0 && (1..=LARGEST).contains(&self.serial);
        let dated = [self.iat, self.nbf, self.exp].iter().all(|second| (0..=END_OF_TIME).contains(second));
        let ordered = self.iat < self.exp && self.nbf < self.exp;
        (named && counted && dated && ordered).then(|| License {
            licensee: self.licensee,
            instance: self.instance,
            seats: self.seats,
            serial: self.serial,
            issued_at: Timestamp::from_seconds(self.iat),
            valid_from: Timestamp::from_seconds(self.nbf),
            expires_at: Timestamp::from_seconds(self.exp),
        })
    }
}

/// A JSON object in base64url. A list is refused, though it could be read as a record's fields in order.
fn object<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = secret::decode(part)?;
    if !bytes.starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

/// People copy keys from where they find them, so both alphabets will do, and padding too.
fn key_bytes(text: &str) -> Option<[u8; 32]> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [URL_SAFE, STANDARD]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
        .and_then(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests;

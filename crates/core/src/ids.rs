//! The names of things: [`TenantId`], [`UserId`], [`SessionId`] and their like, and the only place where they are minted.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::env::{Entropy, Timestamp};
use crate::error::{Error, Result};

/// A tenant ("client" on the wire): a slug, also the value of `X-Client-ID` and the sub-domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes over a slug that the store holds.
    pub(crate) fn stored(slug: &str) -> Self {
        Self(slug.into())
    }
}

/// A slug is 1 to 63 of `a–z`, `0–9` and inner hyphens, so that it can be a DNS label (RFC 1123 section 2.1).
impl FromStr for TenantId {
    type Err = Error;

    fn from_str(slug: &str) -> Result<Self> {
        let letters = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let edges = !slug.starts_with('-') && !slug.ends_with('-');
        if (1..=63).contains(&slug.len()) && letters && edges {
            Ok(Self(slug.into()))
        } else {
            Err(Error::invalid("id", "use 1 to 63 of a-z, 0-9 and inner hyphens"))
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// A positive decimal number; anything else names nothing that exists.
        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match text.parse() {
                    Ok(number) if number > 0 && !text.starts_with('+') => Ok(Self(number)),
                    _ => Err(Error::NotFound),
                }
            }
        }
    )*};
}

numbers! {
    /// A user. Unique over the whole deployment, never used again, small enough for JavaScript's numbers.
    UserId,
    /// A system administrator, of the admin realm.
    AdminId,
    /// A tenant's identity provider. Unique over the whole deployment, never used again.
    ProviderId,
}

macro_rules! uuids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) [u8; 16]);

        impl $name {
            /// Mints one: UUID version 7 (RFC 9562), so that rows lie in the order of their making.
            pub(crate) fn mint(now: Timestamp, entropy: &dyn Entropy) -> Self {
                let mut random = [0; 10];
                entropy.fill(&mut random);
                let millis = u64::try_from(now.0 / 1000).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes())
            }

            /// Takes over the bytes that the store or a checked token holds.
            pub(crate) fn stored(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }

        /// The hyphenated form; anything else names nothing that exists.
        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id.into_bytes())),
                    _ => Err(Error::NotFound),
                }
            }
        }
    )*};
}

uuids! {
    /// A session of either realm.
    SessionId,
    /// An entry of the audit log.
    AuditId,
    /// A tenant's template.
    TemplateId,
    /// A tenant's job.
    JobId,
    /// A letter in the queue.
    LetterId,
    /// A one-time link that was sent to somebody.
    LinkId,
    /// The wish of somebody who forgot a password.
    WishId,
    /// A user's passkey.
    PasskeyId,
}

impl TemplateId {
    /// Before every template.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// After every template.
    pub(crate) const LAST: Self = Self([0xff; 16]);
}

impl JobId {
    /// Before every job.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// After every job.
    pub(crate) const LAST: Self = Self([0xff; 16]);
}

impl SessionId {
    /// The least id that can have been minted at a moment or after.
    pub(crate) fn first_of(moment: Timestamp) -> Self {
        Self(least_of(moment))
    }
}

impl AuditId {
    /// Before every line.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// After every line.
    pub(crate) const LAST: Self = Self([0xff; 16]);

    /// The id just below; the least stays.
    pub(crate) fn previous(self) -> Self {
        Self(u128::from_be_bytes(self.0).saturating_sub(1).to_be_bytes())
    }

    /// The least id that can have been minted at a moment or after.
    pub(crate) fn first_of(moment: Timestamp) -> Self {
        Self(least_of(moment))
    }
}

fn least_of(moment: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(moment.0 / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().into_bytes()
}

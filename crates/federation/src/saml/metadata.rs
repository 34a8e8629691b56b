//! Metadata: reading an identity provider's, writing our own.

use jiff::Timestamp;

use super::{IdentityProvider, ServiceProvider};
use crate::{Refusal, Result};

/// Reads an identity provider's metadata: one entity, or a list of entities of which exactly one is an identity provider.
///
/// # Errors
/// [`Refusal::Misconfigured`] says what is missing or wrong.
pub fn read(xml: &[u8], now: Timestamp) -> Result<IdentityProvider> {
    let _ = (xml, now);
    Err(Refusal::misconfigured("not built yet"))
}

/// Reads the identity provider of this name out of a list of entities.
///
/// # Errors
/// As [`read`].
pub fn read_named(xml: &[u8], entity_id: &str, now: Timestamp) -> Result<IdentityProvider> {
    let _ = (xml, entity_id, now);
    Err(Refusal::misconfigured("not built yet"))
}

/// Writes our metadata, to be given to the identity provider.
///
/// # Errors
/// [`Refusal::Misconfigured`] if our own settings cannot be written.
pub fn write(sp: &ServiceProvider, now: Timestamp) -> Result<String> {
    let _ = (sp, now);
    Err(Refusal::misconfigured("not built yet"))
}

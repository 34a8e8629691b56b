//! The certificates that keys come in.

use jiff::Timestamp;

use super::ServiceKey;
use crate::Result;

/// A key of an identity provider. Only the key counts: who signed the certificate is never asked, and its dates are only shown
/// (SAML metadata interoperability profile 2.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// SHA-256 of `der`, in hexadecimal: what is shown to compare.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`](crate::Refusal::Misconfigured) if it cannot be read or its key cannot be used.
    pub fn read(der: &[u8]) -> Result<Self> {
        let _ = der;
        Err(crate::Refusal::misconfigured("not built yet"))
    }

    /// Reads a certificate as people paste it: PEM, or its base64 alone.
    ///
    /// # Errors
    /// As [`Certificate::read`].
    pub fn read_text(text: &str) -> Result<Self> {
        let _ = text;
        Err(crate::Refusal::misconfigured("not built yet"))
    }
}

pub(super) fn generate(common_name: &str, now: Timestamp) -> Result<ServiceKey> {
    let _ = (common_name, now);
    Err(crate::Refusal::misconfigured("not built yet"))
}

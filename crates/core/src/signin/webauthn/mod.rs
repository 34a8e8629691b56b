//! Passkeys as browsers speak of them (WebAuthn Level 3): what was signed, by which key, for which page. Pure; nothing is believed that
//! is not checked here.

mod authenticator;
mod key;
mod wire;

use url::Url;

pub(crate) use authenticator::Flags;
use authenticator::{Attested, AuthenticatorData};
pub(crate) use key::ALGORITHMS;
use key::PublicKey;
use wire::ClientData;
pub use wire::{PasskeyMade, PasskeyShown};

use crate::config::is_loopback;
use crate::error::{Error, Result};

/// Why an authenticator's answer is not believed. For the log: it holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Flaw(pub(crate) &'static str);

/// Whom passkeys are made for: the one page that may ask for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelyingParty {
    /// The domain that authenticators tie a passkey to.
    pub(crate) id: String,
    /// The origin of the page.
    pub(crate) origin: String,
}

/// A passkey about to be kept.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) credential: Vec<u8>,
    /// Its public key, as COSE writes it.
    pub(crate) key: Vec<u8>,
    pub(crate) counter: u32,
}

/// What a passkey has signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    pub(crate) counter: u32,
    pub(crate) flags: Flags,
}

/// Longer names than this are no authenticator's (WebAuthn section 4).
const LONGEST_CREDENTIAL: usize = 1_023;

impl RelyingParty {
    /// The public address as authenticators want it: a domain under https, or this machine by the name `localhost`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `server.public_url` if it is neither, or not set.
    pub(crate) fn of(public_url: Option<&str>) -> Result<Self> {
        let refused = || {
            let advice =
                "passkeys need it to be https with a domain name, as https://id.example.com, or http://localhost";
            Error::invalid("server.public_url", advice)
        };
        let url = public_url.and_then(|text| Url::parse(text).ok()).ok_or_else(refused)?;
        let here = is_loopback(&url);
        match url.domain() {
            Some(domain) if url.scheme() == "https" || here => {
                Ok(Self { id: domain.to_owned(), origin: url.origin().ascii_serialization() })
            }
            _ => Err(refused()),
        }
    }

    /// Reads a passkey that was made (WebAuthn section 7.1). No attestation is asked for, so what one says is not read: it would only
    /// tell which device it is, and whoever registers one is signed in already.
    ///
    /// # Errors
    /// [`Flaw`]
    pub(crate) fn made(&self, made: &PasskeyMade, is_ours: impl Fn(&[u8]) -> bool) -> Result<Made, Flaw> {
        self.demand_page(&made.client_data()?, "webauthn.create", is_ours)?;
        let data = AuthenticatorData::attested(made.attestation())?;
        self.demand_authenticator(&data)?;
        let Attested { credential, key } = data.attested.ok_or(Flaw("the authenticator names no credential"))?;
        if credential.is_empty() || credential.len() > LONGEST_CREDENTIAL || credential != made.id() {
            return Err(Flaw("the credential's id is not the one the authenticator names"));
        }
        PublicKey::read(&key)?;
        Ok(Made { credential, key, counter: data.counter })
    }

    /// Reads what a passkey has signed (WebAuthn section 7.2). The counter is for the caller to compare.
    ///
    /// # Errors
    /// [`Flaw`]
    pub(crate) fn signed(
        &self,
        shown: &PasskeyShown,
        key: &[u8],
        is_ours: impl Fn(&[u8]) -> bool,
    ) -> Result<Signed, Flaw> {
        self.demand_page(&shown.client_data()?, "webauthn.get", is_ours)?;
        let data = AuthenticatorData::read(shown.authenticator_data())?;
        self.demand_authenticator(&data)?;
        PublicKey::read(key)?.verify(&shown.signed_bytes(), shown.signature())?;
        Ok(Signed { counter: data.counter, flags: data.flags })
    }

    fn demand_page(&self, client_data: &ClientData, kind: &str, is_ours: impl Fn(&[u8]) -> bool) -> Result<(), Flaw> {
        if client_data.kind != kind {
            return Err(Flaw("the browser did something else than it was asked for"));
        }
        if client_data.origin != self.origin || client_data.cross_origin {
            return Err(Flaw("it was made on another page than ours"));
        }
        if !is_ours(&client_data.challenge) {
            return Err(Flaw("the challenge is not one of ours for this, or has expired"));
        }
        Ok(())
    }

    fn demand_authenticator(&self, data: &AuthenticatorData) -> Result<(), Flaw> {
        if !data.is_for(&self.id) {
            return Err(Flaw("the passkey is for another domain"));
        }
        if !data.flags.present() {
            return Err(Flaw("nobody touched the authenticator"));
        }
        if data.flags.backed_up() && !data.flags.may_be_backed_up() {
            return Err(Flaw("the passkey is backed up and may not be"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

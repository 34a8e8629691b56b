//! [`Issuer`], the vendor's side: the pair of keys and the licences it signs. It needs no deployment and no database.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::License;
use super::key::{self, VendorKey};
use crate::env::Entropy;
use crate::error::{Error, Result};
use crate::secret::{self, Secret};

/// Whoever issues licences: an Ed25519 pair of keys (RFC 8032).
pub struct Issuer {
    seed: Secret,
    pair: Ed25519KeyPair,
}

impl Issuer {
    /// Makes a new pair.
    #[expect(clippy::missing_panics_doc, reason = "any 32 bytes are a seed")]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed (RFC 8032 section 5.1.5)");
        Self { seed: Secret::new(secret::encode(&seed)), pair }
    }

    /// Reads a private key as [`Issuer::private_key`] writes it.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `privateKey`.
    pub fn parse(private: &Secret) -> Result<Self> {
        let refused = || Error::invalid("privateKey", "is not a private key as `purser license keygen` makes them");
        let seed: [u8; 32] =
            secret::decode(private.reveal().trim()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(refused)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| refused())?;
        Ok(Self { seed: Secret::new(secret::encode(&seed)), pair })
    }

    /// The private key: 32 bytes in base64url, to be kept by the vendor alone.
    pub fn private_key(&self) -> &Secret {
        &self.seed
    }

    /// The public key, as `license.public_key` has it.
    pub fn public_key(&self) -> String {
        secret::encode(self.pair.public_key().as_ref())
    }

    /// The key of a licence. Whatever a deployment would refuse is not signed.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `license`.
    pub fn issue(&self, license: &License) -> Result<String> {
        let said = key::said(license);
        let key = format!("{said}.{}", secret::encode(self.pair.sign(said.as_bytes()).as_ref()));
        match VendorKey::parse(&self.public_key())?.read(&key) {
            Ok(read) if read == *license => Ok(key),
            _ => Err(Error::invalid(
                "license",
                "name a licensee of 1 to 200 characters, at least one seat, a serial of at least 1, and an end after the beginning and after now",
            )),
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[issuer]")
    }
}

/// What a licence key says; checked against the vendor's public key, or without one only read. Whether it is for here and now is not
/// asked.
///
/// # Errors
/// [`Error::Invalid`] naming `license.public_key`, or `licenseKey` with why it is none.
pub fn inspect(key: &str, public_key: Option<&str>) -> Result<License> {
    let key = key.trim();
    let read = match public_key {
        Some(public) => VendorKey::parse(public)?.read(key),
        None => key::read_unchecked(key),
    };
    read.map_err(|unfit| Error::invalid("licenseKey", unfit.to_string()))
}

//! What browsers send: the JSON of `PublicKeyCredential.toJSON()` (WebAuthn section 5.1), and the client data inside it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use super::Flaw;
use crate::secret;

/// Bytes, as base64url without padding.
#[derive(Clone, Default)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        secret::decode(&text).map(Self).ok_or_else(|| serde::de::Error::custom("is not base64url without padding"))
    }
}

/// A passkey that was just made, as the browser tells of it.
#[derive(Clone, Deserialize)]
pub struct PasskeyMade {
    id: Bytes,
    response: MadeResponse,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MadeResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    attestation_object: Bytes,
}

/// What a passkey has signed, as the browser tells of it.
#[derive(Clone, Deserialize)]
pub struct PasskeyShown {
    id: Bytes,
    response: ShownResponse,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShownResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    #[serde(default)]
    user_handle: Option<Bytes>,
}

/// Neither is secret, but nobody wants to read them.
impl fmt::Debug for PasskeyMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[passkey made]")
    }
}

impl fmt::Debug for PasskeyShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[passkey shown]")
    }
}

impl PasskeyMade {
    pub(super) fn id(&self) -> &[u8] {
        &self.id.0
    }

    pub(super) fn attestation(&self) -> &[u8] {
        &self.response.attestation_object.0
    }

    pub(super) fn client_data(&self) -> Result<ClientData, Flaw> {
        ClientData::read(&self.response.client_data.0)
    }

    /// The challenge that it answers, whoever's it is; empty for none.
    pub(crate) fn challenge(&self) -> Vec<u8> {
        self.client_data().map(|data| data.challenge).unwrap_or_default()
    }
}

impl PasskeyShown {
    /// How the authenticator calls the passkey.
    pub(crate) fn id(&self) -> &[u8] {
        &self.id.0
    }

    /// Whose it says the passkey is.
    pub(crate) fn user_handle(&self) -> Option<&[u8]> {
        self.response.user_handle.as_ref().map(|handle| handle.0.as_slice())
    }

    /// The challenge that it answers, whoever's it is; empty for none.
    pub(crate) fn challenge(&self) -> Vec<u8> {
        self.client_data().map(|data| data.challenge).unwrap_or_default()
    }

    pub(super) fn client_data(&self) -> Result<ClientData, Flaw> {
        ClientData::read(&self.response.client_data.0)
    }

    pub(super) fn authenticator_data(&self) -> &[u8] {
        &self.response.authenticator_data.0
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.response.signature.0
    }

    /// What the signature is over: the authenticator's data, and the hash of the browser's.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        let hash = Sha256::digest(&self.response.client_data.0);
        [self.authenticator_data(), hash.as_slice()].concat()
    }
}

/// What the browser vouches for (WebAuthn section 5.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientData {
    pub(super) kind: String,
    pub(super) challenge: Vec<u8>,
    pub(super) origin: String,
    pub(super) cross_origin: bool,
}

impl ClientData {
    fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            #[serde(rename = "type")]
            kind: String,
            challenge: Bytes,
            origin: String,
            #[serde(default)]
            cross_origin: bool,
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|_| Flaw("the client data cannot be read"))?;
        let Written { kind, challenge, origin, cross_origin } = written;
        Ok(Self { kind, challenge: challenge.0, origin, cross_origin })
    }
}

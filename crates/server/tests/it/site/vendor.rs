//! Whoever issues licences: the keys they sign, good ones and bad.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_core::config::Mode;
use serde_json::{Value, json};

use super::{NOW, Site};

/// The header of a licence.
pub(crate) const HEADER: &str = r#"{"alg":"EdDSA","typ":"purser-license+jwt"}"#;

pub(crate) fn vendor() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// The vendor's public key as settings have it.
pub(crate) fn public_key() -> String {
    URL_SAFE_NO_PAD.encode(vendor().public_key())
}

/// A compact JWS.
pub(crate) fn signed(by: &Ed25519KeyPair, header: &str, claims: &str) -> String {
    let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(by.sign(said.as_bytes())))
}

/// A year for this deployment, with changes.
pub(crate) fn claims(site: &Site, serial: i64, changes: &Value) -> Value {
    let mut claims = json!({
        "licensee": "Acme Ltd", "instance": site.app.instance(), "seats": 5_000, "serial": serial,
        "iat": NOW, "nbf": NOW, "exp": NOW + 365 * 86_400,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

/// The key of such a licence.
pub(crate) fn key(site: &Site, serial: i64, changes: &Value) -> String {
    signed(&vendor(), HEADER, &claims(site, serial, changes).to_string())
}

impl Site {
    /// The same on premises, knowing the vendor, without a licence.
    pub(crate) async fn on_premises(self) -> Self {
        let settle = |settings: &mut purser_core::config::Settings| {
            settings.deployment.mode = Mode::OnPrem;
            settings.license.public_key = Some(public_key());
        };
        self.with(settle).await
    }
}

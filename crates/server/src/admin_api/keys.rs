//! `keys`: the signing keys' public side, and their rotation.

use axum::extract::State;
use purser_core::access::system_right;
use purser_core::session::KeyView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::SystemWith;
use crate::fault::{Answer, Envelope, Refused, created, success};
use crate::site::Site;

/// A signing key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// Its id, as in the tokens' headers.
    kid: String,
    /// Whose tokens it signs: `client` or `admin`.
    #[schema(example = "client")]
    realm: String,
    /// Its one algorithm.
    #[schema(example = "ES256")]
    algorithm: String,
    /// Since when it exists.
    created_at: String,
    /// From when on it signs.
    signs_from: String,
    /// Until when it verifies; absent while it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_until: Option<String>,
}

/// The signing keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct SigningKeys {
    keys: Vec<SigningKey>,
}

impl From<Vec<KeyView>> for SigningKeys {
    fn from(keys: Vec<KeyView>) -> Self {
        let shown = |key: KeyView| SigningKey {
            kid: key.kid,
            realm: key.realm,
            algorithm: key.algorithm,
            created_at: key.created_at.to_string(),
            signs_from: key.signs_from.to_string(),
            verify_until: key.verify_until.map(|at| at.to_string()),
        };
        Self { keys: keys.into_iter().map(shown).collect() }
    }
}

/// Lists the signing keys of both realms.
#[utoipa::path(get, path = "/api/admin/keys", tag = "admin: keys",
    responses(
        (status = 200, description = "The keys", body = Envelope<SigningKeys>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(State(site): State<Site>, SystemWith(by): SystemWith<system_right::KeysRead>) -> Answer {
    success(SigningKeys::from(site.app.signing_keys(&by).await?))
}

/// Makes new signing keys for both realms. The former ones verify until their last token has run out.
#[utoipa::path(post, path = "/api/admin/keys", tag = "admin: keys",
    responses(
        (status = 201, description = "Rotated", body = Envelope<SigningKeys>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn rotate(State(site): State<Site>, SystemWith(by): SystemWith<system_right::KeysRotate>) -> Answer {
    created(SigningKeys::from(site.app.rotate_keys(&by).await?))
}

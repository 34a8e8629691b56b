//! `auth/passkey`: signing in with nothing but a passkey.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::signin::PasskeyShown;
use serde::Deserialize;
use utoipa::ToSchema;

use super::passkeys::{BrowserCredential, BrowserOptions};
use super::signin::{self, Tokens};
use crate::extract::{Body, NamedClient, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// Begins a sign-in with nothing but a passkey: what the browser's `navigator.credentials.get` takes.
#[utoipa::path(post, path = "/api/client/auth/passkey/options", tag = "client: signing in",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    responses(
        (status = 200, description = "What the browser is asked", body = Envelope<BrowserOptions>),
        (status = 400, description = "`VALIDATION_ERROR`: `server.public_url` is not one that passkeys can be for", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`, `CSRF_REJECTED`", body = Refused)))]
pub async fn options(State(site): State<Site>, client: NamedClient, headers: HeaderMap) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    success(BrowserOptions { public_key: site.app.start_passkey_sign_in(client.name()).await? })
}

/// What a passkey has signed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Shown {
    /// `toJSON()` of the browser's credential.
    #[schema(value_type = BrowserCredential)]
    passkey: PasskeyShown,
}

/// Signs in with nothing but a passkey. Whose it is, and of which tenant, the passkey says itself.
#[utoipa::path(post, path = "/api/client/auth/passkey/sign-in", tag = "client: signing in",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    request_body = Shown,
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_CREDENTIALS`: whatever is wrong with it", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`, `CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn sign_in(
    State(site): State<Site>,
    client: NamedClient,
    visitor: Visitor,
    headers: HeaderMap,
    Body(shown): Body<Shown>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let signed_in = site.app.sign_in_with_passkey(&shown.passkey, client.name(), &visitor.into()).await?;
    Ok(signin::answer(&signed_in, &site.http))
}

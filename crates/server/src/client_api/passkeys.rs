//! `auth/two-factor/passkeys`: the caller's own passkeys.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use purser_core::env::Timestamp;
use purser_core::ids::PasskeyId;
use purser_core::secret::Secret;
use purser_core::signin::{self, PasskeyMade};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::two_factor::Again;
use crate::extract::{Body, Who};
use crate::fault::{Answer, Empty, Envelope, Refused, created, success};
use crate::site::Site;
use crate::wire::Text;

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Passkey<'a> {
    /// Its id.
    #[schema(value_type = String)]
    id: Text<PasskeyId>,
    /// What its owner calls it.
    #[schema(example = "Phone")]
    name: &'a str,
    /// Since when.
    #[schema(value_type = String)]
    created_at: Text<Timestamp>,
    /// When it last signed somebody in.
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Text<Timestamp>>,
}

impl<'a> From<&'a signin::Passkey> for Passkey<'a> {
    fn from(passkey: &'a signin::Passkey) -> Self {
        Self {
            id: Text(passkey.id),
            name: &passkey.name,
            created_at: Text(passkey.created_at),
            last_used_at: passkey.last_used_at.map(Text),
        }
    }
}

/// What a browser is asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrowserOptions {
    /// For `parseCreationOptionsFromJSON`, or `parseRequestOptionsFromJSON`. To be answered within five minutes.
    #[schema(value_type = Object)]
    pub(super) public_key: serde_json::Value,
}

/// Begins to register a passkey: what the browser's `navigator.credentials.create` takes.
#[utoipa::path(post, path = "/api/client/auth/two-factor/passkeys/options", tag = "client: account",
    request_body = Again,
    responses(
        (status = 200, description = "What the browser is asked", body = Envelope<BrowserOptions>),
        (status = 400, description = "`VALIDATION_ERROR`: `password` is needed, too; or `server.public_url` is not one that passkeys can be for", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn options(State(site): State<Site>, Who(caller): Who, again: Option<Body<Again>>) -> Answer {
    let public_key = site.app.start_passkey(&caller, Again::password(again.as_ref())).await?;
    success(BrowserOptions { public_key })
}

/// What a browser brings from an authenticator: `toJSON()` of its `PublicKeyCredential`.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"id": "base64url", "response": {"clientDataJSON": "base64url", "authenticatorData": "base64url", "signature": "base64url"}}))]
#[expect(dead_code, reason = "describes for the API's description what core reads")]
pub struct BrowserCredential {
    /// How the authenticator calls the passkey.
    id: String,
    /// `clientDataJSON`; with `attestationObject` when it was made, `authenticatorData`, `signature` and `userHandle` when it signed.
    response: BTreeMap<String, String>,
}

/// A passkey that was made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct New {
    /// What to call it.
    #[schema(example = "Phone")]
    name: String,
    /// `toJSON()` of the browser's credential.
    #[schema(value_type = BrowserCredential)]
    passkey: PasskeyMade,
}

/// A passkey that was registered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added<'a> {
    #[serde(flatten)]
    passkey: Passkey<'a>,
    /// New recovery codes, if this is the first second factor: shown now or never. Empty otherwise.
    #[schema(example = json!(["7k2vm-x9qtd"]))]
    recovery_codes: Vec<&'a str>,
}

/// Registers a passkey. If it is the caller's first second factor, it is asked for from now on, and their other sessions end.
#[utoipa::path(post, path = "/api/client/auth/two-factor/passkeys", tag = "client: account",
    request_body = New,
    responses(
        (status = 201, description = "Registered", body = Envelope<Added<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`: also a passkey that is not believed", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 409, description = "`CONFLICT`: registered already, or there are twenty", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn add(State(site): State<Site>, Who(caller): Who, Body(new): Body<New>) -> Answer {
    let (passkey, codes) = site.app.add_passkey(&caller, &new.name, &new.passkey).await?;
    created(Added { passkey: Passkey::from(&passkey), recovery_codes: codes.iter().map(Secret::reveal).collect() })
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Name {
    /// What to call it.
    #[schema(example = "Old phone")]
    name: String,
}

/// Calls a passkey otherwise.
#[utoipa::path(patch, path = "/api/client/auth/two-factor/passkeys/{id}", tag = "client: account",
    params(("id" = String, Path, description = "The passkey")),
    request_body = Name,
    responses(
        (status = 200, description = "Renamed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 404, description = "`NOT_FOUND`: not the caller's", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn rename(
    State(site): State<Site>,
    Who(caller): Who,
    Path(id): Path<String>,
    Body(wish): Body<Name>,
) -> Answer {
    site.app.rename_passkey(&caller, id.parse()?, &wish.name).await?;
    success(Empty {})
}

/// Removes a passkey. The caller's other sessions end.
#[utoipa::path(delete, path = "/api/client/auth/two-factor/passkeys/{id}", tag = "client: account",
    params(("id" = String, Path, description = "The passkey")),
    request_body = Again,
    responses(
        (status = 200, description = "Removed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`: `password` is needed, too", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 404, description = "`NOT_FOUND`: not the caller's", body = Refused),
        (status = 409, description = "`CONFLICT`: the last second factor of somebody who must have one", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn remove(
    State(site): State<Site>,
    Who(caller): Who,
    Path(id): Path<String>,
    again: Option<Body<Again>>,
) -> Answer {
    site.app.remove_passkey(&caller, id.parse()?, Again::password(again.as_ref())).await?;
    success(Empty {})
}

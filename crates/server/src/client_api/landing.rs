//! `GET auth/landing`: where a sign-in that began on a sub-domain comes back from the main address.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::signin::Door;
use serde::Deserialize;

use super::sso::{jar, taken_in};
use crate::cookie;
use crate::extract::{Query, Visitor};
use crate::fault::{Answer, Refused};
use crate::site::Site;

/// What came back.
#[derive(Debug, Deserialize)]
pub struct Landed {
    code: Option<Secret>,
    state: Option<String>,
}

/// Takes a sign-in in that began on this sub-domain: the cookie that stayed here is the verifier of the code.
#[utoipa::path(get, path = "/api/client/auth/landing", tag = "client: single sign-on",
    params(
        ("code" = Option<String>, Query, description = "The one-time code"),
        ("state" = Option<String>, Query, description = "Which sign-in of this browser it is")),
    responses(
        (status = 303, description = "To `returnTo` with the `session` cookie; to `/two-factor` with the cookie `two_factor`, where a second factor is asked for"),
        (status = 400, description = "`OIDC_STATE_INVALID`: not begun in this browser; `VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, spent, or too old; `TWO_FACTOR_REQUIRED` to programs", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn land(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(landed): Query<Landed>,
) -> Answer {
    let (Some(code), Some(state)) = (&landed.code, landed.state.as_deref()) else {
        return Err(Error::OidcStateInvalid.into());
    };
    let waiting = cookie::hop_name(state).ok_or(Error::OidcStateInvalid)?;
    let verifier = jar(&headers)(&waiting).ok_or(Error::OidcStateInvalid)?;
    let arrival = site.app.land(code, &verifier, &visitor.into()).await;
    taken_in(arrival, Some(&waiting), Door::Own, &headers, &site.http)
}

//! `auth/ms-dynamics` and its callback: signing in at Microsoft, for Dynamics.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::signin::Door;

use super::sso::{Answered, Knock, jar, taken_in};
use crate::extract::{At, Query, Visitor};
use crate::fault::{Answer, Refused};
use crate::site::Site;

/// Starts a sign-in at the tenant's Microsoft directory. Dataverse is asked which organisation it is.
#[utoipa::path(get, path = "/api/client/auth/ms-dynamics", tag = "client: single sign-on",
    params(
        ("provider" = Option<String>, Query, description = "The provider's name, where the tenant has several of Microsoft"),
        ("returnTo" = Option<String>, Query, description = "Where to go in the end: a path of ours, or what the tenant's list allows"),
        ("redirect" = Option<String>, Query, description = "Native apps: where the one-time code goes, exactly as the tenant's list has it"),
        ("codeChallenge" = Option<String>, Query, description = "Native apps: SHA-256 of the verifier, base64url (RFC 7636, S256)"),
        ("state" = Option<String>, Query, description = "Native apps: given back beside the code"),
        ("client" = Option<String>, Query, description = "The tenant"),
        ("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses(
        (status = 303, description = "To Microsoft, with a cookie that ties the sign-in to this browser"),
        (status = 400, description = "`VALIDATION_ERROR`, `CLIENT_REQUIRED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`IDP_UNAVAILABLE`, with `Retry-After`", body = Refused)))]
pub async fn start(State(site): State<Site>, knock: Knock) -> Answer {
    if let Some(hop) = knock.hop(&site)? {
        return Ok(hop);
    }
    let departure = site.app.start_dynamics(knock.start()?, knock.visit()).await?;
    Ok(knock.depart(&departure, Door::Own, &site.http)?)
}

/// Takes somebody back from Microsoft.
#[utoipa::path(get, path = "/api/client/auth/ms-dynamics/callback", tag = "client: single sign-on",
    params(
        ("state" = Option<String>, Query, description = "As we gave it"),
        ("code" = Option<String>, Query, description = "Microsoft's one-time code"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
        ("error_description" = Option<String>, Query, description = "The same in words")),
    responses(
        (status = 303, description = "To `returnTo` with the `session` cookie, or to `redirect` with a one-time code; to `/two-factor` with the cookie `two_factor`, where a second factor is asked for"),
        (status = 400, description = "`OIDC_STATE_INVALID`, `VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: Microsoft refused, or its answer failed a check; `TWO_FACTOR_REQUIRED` to programs", body = Refused),
        (status = 403, description = "`FORBIDDEN`: of another organisation of Dataverse; `ACCOUNT_UNKNOWN`", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`IDP_UNAVAILABLE`, with `Retry-After`", body = Refused)))]
pub async fn callback(
    State(site): State<Site>,
    At(base): At,
    visitor: Visitor,
    headers: HeaderMap,
    Query(answered): Query<Answered>,
) -> Answer {
    let arrival = site.app.finish_dynamics(answered.returned(), &jar(&headers), &base, &visitor.into()).await;
    taken_in(arrival, None, Door::Own, &headers, &site.http)
}

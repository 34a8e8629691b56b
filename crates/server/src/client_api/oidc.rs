//! `auth/oidc` and its callback: signing in at an OpenID Connect provider.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::error::Error;
use purser_core::signin::Door;

use super::sso::{Answered, Knock, jar, see_other, taken_in};
use crate::extract::{At, Form, Query, Visitor};
use crate::fault::{Answer, Refused};
use crate::site::Site;

/// Starts a sign-in at an OpenID Connect provider. A browser is sent there; on success it comes back with the `session` cookie
/// to `returnTo`, or with a one-time code to a native app's `redirect`.
#[utoipa::path(get, path = "/api/client/auth/oidc", tag = "client: single sign-on",
    params(
        ("provider" = String, Query, description = "The provider's name"),
        ("returnTo" = Option<String>, Query, description = "Where to go in the end: a path of ours, or what the tenant's list allows"),
        ("redirect" = Option<String>, Query, description = "Native apps: where the one-time code goes, exactly as the tenant's list has it"),
        ("codeChallenge" = Option<String>, Query, description = "Native apps: SHA-256 of the verifier, base64url (RFC 7636, S256)"),
        ("state" = Option<String>, Query, description = "Native apps: given back beside the code"),
        ("client" = Option<String>, Query, description = "The tenant"),
        ("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses(
        (status = 303, description = "To the provider, with a cookie that ties the sign-in to this browser"),
        (status = 400, description = "`VALIDATION_ERROR`, `CLIENT_REQUIRED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`IDP_UNAVAILABLE`, with `Retry-After`", body = Refused)))]
pub async fn start(State(site): State<Site>, knock: Knock) -> Answer {
    if knock.provider().is_none() {
        return Err(Error::invalid("provider", "is missing").into());
    }
    if let Some(hop) = knock.hop(&site)? {
        return Ok(hop);
    }
    let departure = site.app.start_oidc(knock.start()?, knock.visit()).await?;
    Ok(knock.depart(&departure, Door::Own, &site.http)?)
}

/// Takes somebody back from an OpenID Connect provider.
#[utoipa::path(get, path = "/api/client/auth/oidc/callback", tag = "client: single sign-on",
    params(
        ("state" = Option<String>, Query, description = "As we gave it"),
        ("code" = Option<String>, Query, description = "The provider's one-time code"),
        ("iss" = Option<String>, Query, description = "Who answers (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
        ("error_description" = Option<String>, Query, description = "The same in words")),
    responses(
        (status = 303, description = "To `returnTo` with the `session` cookie, or to `redirect` with a one-time code; to `/two-factor` with the cookie `two_factor`, where a second factor is asked for"),
        (status = 400, description = "`OIDC_STATE_INVALID`, `VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: the provider refused, or its answer failed a check; `TWO_FACTOR_REQUIRED` to programs", body = Refused),
        (status = 403, description = "`ACCOUNT_UNKNOWN`", body = Refused),
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
    let arrival = site.app.finish_oidc(answered.returned(), &jar(&headers), &base, &visitor.into()).await;
    taken_in(arrival, None, Door::Own, &headers, &site.http)
}

/// What a provider posts is small: it has to fit into an address afterwards.
const POSTED_BYTES: usize = 8 * 1024;

/// Takes the same by `response_mode=form_post`: sends the browser on to the callback with GET.
///
/// The post comes from the provider's page, so the browser leaves the sign-in's cookie out of it. It brings the cookie along
/// when it follows this redirect, and only there is anything decided: no check is left out, and this step believes nothing.
#[utoipa::path(post, path = "/api/client/auth/oidc/callback", tag = "client: single sign-on",
    request_body(content = Answered, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To the callback"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused)))]
pub async fn callback_posted(Form(answered): Form<Answered, POSTED_BYTES>) -> Answer {
    Ok(see_other(&format!("/api/client/auth/oidc/callback?{}", answered.query()))?)
}

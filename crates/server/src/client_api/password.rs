//! `auth/password`: changing it, and choosing another when it is forgotten.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::people::Forgotten;
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::{Body, NamedClient, Visitor, Who, allowed_origin_if_sent};
use crate::fault::{Answer, Empty, Envelope, Refused, accepted, success};
use crate::site::Site;

/// The present password and the one to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The present one.
    #[schema(value_type = String, example = "your-password")]
    current_password: Secret,
    /// The new one.
    #[schema(value_type = String, example = "your-next-password")]
    new_password: Secret,
}

/// Changes the caller's own password. Their other sessions end; this one goes on.
#[utoipa::path(post, path = "/api/client/auth/password/change", tag = "client: account",
    request_body = Change,
    responses(
        (status = 200, description = "Changed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`: the new password may not be one", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the present password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn change(State(site): State<Site>, Who(caller): Who, Body(wish): Body<Change>) -> Answer {
    let wish = PasswordChange { current: wish.current_password, new: wish.new_password };
    site.app.change_password(&caller, wish).await?;
    success(Empty {})
}

/// Whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Forgot {
    /// The address of the account.
    #[schema(example = "user@example.com")]
    email: String,
}

/// Sends a link to choose another password by, if there is such an account. The answer is the same for everyone, and so is the time
/// it takes: whether there is one is looked up later.
///
/// The tenant is named as for signing in; without a name every account with the address is meant. Who signs in through their
/// organisation gets a letter that says so.
#[utoipa::path(post, path = "/api/client/auth/password/forgot", tag = "client: account",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    request_body = Forgot,
    responses(
        (status = 202, description = "Noted", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`MAIL_UNAVAILABLE`", body = Refused)))]
pub async fn forgot(
    State(site): State<Site>,
    visitor: Visitor,
    client: NamedClient,
    headers: HeaderMap,
    Body(typed): Body<Forgot>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let forgotten = Forgotten { email: typed.email, client: client.name().map(ToString::to_string) };
    site.app.forgot_password(&forgotten, &visitor.into()).await?;
    accepted(Empty {})
}

/// The link from the letter, and the password to come.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Reset {
    /// The value of `token` in the link.
    #[schema(value_type = String, example = "token-from-the-link")]
    token: Secret,
    /// The new password.
    #[schema(value_type = String, example = "your-next-password")]
    password: Secret,
}

/// Chooses another password by a link from a letter, once. Every session of the user ends.
#[utoipa::path(post, path = "/api/client/auth/password/reset", tag = "client: account",
    request_body = Reset,
    responses(
        (status = 200, description = "Changed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`: the link stays good", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, expired, used or overtaken", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`: passwords were switched off meanwhile; `CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)))]
pub async fn reset(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(chosen): Body<Reset>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    site.app.reset_password(&chosen.token, &chosen.password, &visitor.into()).await?;
    success(Empty {})
}

//! `auth/email`: another address for one's own account.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::people::EmailChange;
use purser_core::secret::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::invitation::Link;
use crate::extract::{Body, Visitor, Who, allowed_origin_if_sent};
use crate::fault::{Answer, Empty, Envelope, Refused, accepted, success};
use crate::site::Site;

/// The address to come.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewEmail {
    /// The new address.
    #[schema(example = "new@example.com")]
    email: String,
    /// The password, once more.
    #[schema(value_type = String, example = "your-password")]
    password: Secret,
}

/// Sends a link to a new address, and word of it to the present one. Nothing changes until the link is followed.
#[utoipa::path(post, path = "/api/client/auth/email/change", tag = "client: account",
    request_body = NewEmail,
    responses(
        (status = 202, description = "A letter is on its way", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`: the account has no password; `CSRF_REJECTED`", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`: somebody has this address", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`MAIL_UNAVAILABLE`; `SERVER_BUSY`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn change(State(site): State<Site>, Who(caller): Who, Body(wish): Body<NewEmail>) -> Answer {
    site.app.change_email(&caller, EmailChange { email: wish.email, password: wish.password }).await?;
    accepted(Empty {})
}

/// Makes the new address the account's, once. Sessions go on.
#[utoipa::path(post, path = "/api/client/auth/email/confirm", tag = "client: account",
    request_body = Link,
    responses(
        (status = 200, description = "Changed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, expired, used or overtaken", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`: somebody has this address by now", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn confirm(State(site): State<Site>, visitor: Visitor, headers: HeaderMap, Body(link): Body<Link>) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    site.app.confirm_email(&link.token, &visitor.into()).await?;
    success(Empty {})
}

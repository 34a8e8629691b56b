//! `POST auth/password/change`.

use axum::extract::State;
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::{Body, Who};
use crate::fault::{Answer, Empty, Envelope, Refused, success};
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

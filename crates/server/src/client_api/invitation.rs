//! `auth/invitation`: what an invitation says, and accepting it.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::people::Invitation;
use purser_core::secret::Secret;
use purser_core::signin::Acceptance;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::signin::{self, Tokens};
use crate::extract::{Body, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// What the link in a letter holds.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Link {
    /// The value of `token` in the link.
    #[schema(value_type = String, example = "token-from-the-link")]
    pub(super) token: Secret,
}

/// What an invitation says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// Into which tenant.
    #[schema(example = "acme")]
    client_id: String,
    /// That tenant's name.
    #[schema(example = "Acme Industries")]
    client_name: String,
    /// The address that was invited.
    #[schema(example = "user@example.com")]
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Until when it can be accepted.
    expires_at: String,
    /// Whether a password may be chosen. Otherwise signing in through the organisation is what accepts it.
    by_password: bool,
}

impl From<Invitation> for InvitationView {
    fn from(it: Invitation) -> Self {
        Self {
            client_id: it.tenant.to_string(),
            client_name: it.tenant_name,
            email: it.email,
            first_name: it.first_name,
            last_name: it.last_name,
            expires_at: it.expires_at.to_string(),
            by_password: it.by_password,
        }
    }
}

/// Whoever was invited, and what they choose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accept {
    /// The value of `token` in the link.
    #[schema(value_type = String, example = "token-from-the-link")]
    token: Secret,
    /// Another first name than whoever invited wrote.
    first_name: Option<String>,
    /// Another last name.
    last_name: Option<String>,
    /// The password to sign in with.
    #[schema(value_type = String, example = "your-password")]
    password: Secret,
}

/// Tells what an invitation says. It is a POST so that the link's token stands in no address; nothing changes.
#[utoipa::path(post, path = "/api/client/auth/invitation", tag = "client: account",
    request_body = Link,
    responses(
        (status = 200, description = "The invitation", body = Envelope<InvitationView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, expired, used or overtaken", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn show(State(site): State<Site>, visitor: Visitor, Body(link): Body<Link>) -> Answer {
    success(InvitationView::from(site.app.invitation(&link.token, &visitor.into()).await?))
}

/// Accepts an invitation, once: the account is active, and the answer is that of a sign-in.
#[utoipa::path(post, path = "/api/client/auth/invitation/accept", tag = "client: account",
    request_body = Accept,
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`: the link stays good", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, expired, used or overtaken", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`: sign in through the organisation instead; `CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)))]
pub async fn accept(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(chosen): Body<Accept>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let Accept { token, first_name, last_name, password } = chosen;
    let acceptance = Acceptance { token, first_name, last_name, password };
    let signed_in = site.app.accept_invitation(acceptance, &visitor.into()).await?;
    Ok(signin::answer(&signed_in, &site.http))
}

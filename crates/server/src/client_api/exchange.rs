//! `POST auth/exchange`: how a native app gets its session for a one-time code.

use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::secret::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::signin::{self, Tokens};
use crate::extract::{Body, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Envelope, Refused};
use crate::site::Site;

/// A one-time code and what proves that it is the app's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The code, from the address the browser was sent to.
    #[schema(value_type = String, example = "one-time-code-here")]
    code: Secret,
    /// The verifier whose SHA-256 was sent as `codeChallenge`.
    #[schema(value_type = String, example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Secret,
}

/// Gives the session for a one-time code, once. A wrong verifier spends the code too (RFC 7636).
#[utoipa::path(post, path = "/api/client/auth/exchange", tag = "client: single sign-on",
    request_body = Exchange,
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: unknown, spent, too old, or another's; `TWO_FACTOR_REQUIRED` with the challenge to answer", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn exchange(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(shown): Body<Exchange>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let signed_in = site.app.exchange(&shown.code, &shown.code_verifier, &visitor.into()).await?;
    Ok(signin::answer(&signed_in, &site.http))
}

//! `auth/sign-in`, `auth/refresh` and `auth/sign-out` of the admin realm, and the ending of anybody's sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse as _;
use purser_core::access::system_right;
use purser_core::secret::Secret;
use purser_core::signin::AdminClaim;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client_api::session::{Refresh, Refreshed, extent, new_tokens, refuse_in_query, signed_out};
use crate::cookie;
use crate::extract::{AdminWho, Body, SystemWith, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Empty, Envelope, Refused, success};
use crate::site::Site;

/// What an administrator types in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminSignIn {
    /// Their name.
    #[schema(example = "admin")]
    username: String,
    /// Their password.
    #[schema(value_type = String, example = "admin-password")]
    password: Secret,
}

/// What an administrator's sign-in gives.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminTokens<'a> {
    /// The access token, for `/api/admin` only.
    token: &'a str,
    /// The refresh token.
    refresh_token: &'a str,
    /// Seconds the access token lives.
    expires_in: u64,
    /// Who signed in.
    admin: AdminAccount<'a>,
}

/// An administrator, as shown to themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminAccount<'a> {
    /// Their number.
    id: i64,
    /// Their name.
    #[schema(example = "admin")]
    username: &'a str,
}

/// Signs a system administrator in. There is no account until the command line has made one.
#[utoipa::path(post, path = "/api/admin/auth/sign-in", tag = "admin: signing in",
    request_body = AdminSignIn,
    responses(
        (status = 200, description = "Signed in", body = Envelope<AdminTokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_CREDENTIALS`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)))]
pub async fn sign_in(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(typed): Body<AdminSignIn>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let claim = AdminClaim { username: typed.username, password: typed.password };
    let signed_in = site.app.sign_in_admin(claim, &visitor.into()).await?;
    let handed = &signed_in.handed;
    let data = AdminTokens {
        token: handed.token.reveal(),
        refresh_token: handed.refresh_token.reveal(),
        expires_in: handed.expires_in.as_secs(),
        admin: AdminAccount { id: signed_in.admin.id.0, username: &signed_in.admin.username },
    };
    let mut response = Json(Envelope::new(data)).into_response();
    if let Some(value) = &handed.cookie {
        let line = cookie::given(cookie::ADMIN, value, handed.cookie_max_age, &site.http);
        response.headers_mut().append(SET_COOKIE, line);
    }
    Ok(response)
}

/// Gives a system administrator new tokens for a refresh token, by the same rule as in the client realm.
#[utoipa::path(post, path = "/api/admin/auth/refresh", tag = "admin: signing in",
    request_body = Refresh,
    responses(
        (status = 200, description = "New tokens", body = Refreshed<'_>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn refresh(State(site): State<Site>, visitor: Visitor, uri: Uri, Body(presented): Body<Refresh>) -> Answer {
    refuse_in_query(&uri)?;
    let refreshed = site.app.refresh_admin(presented.refresh_token.reveal(), &visitor.into()).await?;
    new_tokens(&refreshed.handed)
}

/// Ends the administrator's session; with `?all=true` all of theirs.
#[utoipa::path(post, path = "/api/admin/auth/sign-out", tag = "admin: signing in",
    params(("all" = Option<bool>, Query, description = "`true` ends every session of the administrator")),
    responses(
        (status = 200, description = "Signed out", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`: `all` is neither true nor false", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn sign_out(State(site): State<Site>, AdminWho(admin): AdminWho, uri: Uri) -> Answer {
    site.app.sign_out_admin(&admin, extent(&uri)?).await?;
    Ok(signed_out(&Empty {}, cookie::ADMIN, &site.http))
}

/// Ends every session of every user of every tenant. The admin realm's own go on.
#[utoipa::path(delete, path = "/api/admin/sessions", tag = "admin: sessions",
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn end_all(State(site): State<Site>, SystemWith(by): SystemWith<system_right::SessionsEnd>) -> Answer {
    site.app.end_all_sessions(&by).await?;
    success(Empty {})
}

/// Ends one session, of either realm.
#[utoipa::path(delete, path = "/api/admin/sessions/{id}", tag = "admin: sessions",
    params(("id" = String, Path, description = "The session")),
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn end(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::SessionsEnd>,
    Path(id): Path<String>,
) -> Answer {
    site.app.end_session(&by, id.parse()?).await?;
    success(Empty {})
}

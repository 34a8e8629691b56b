//! `auth/sessions`: the caller's own sessions.

use axum::extract::{Path, State};
use purser_core::session::SessionView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::Who;
use crate::fault::{Answer, Empty, Envelope, Refused, success};
use crate::site::Site;

/// The caller's living sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    sessions: Vec<OwnSession>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnSession {
    /// Its id.
    id: String,
    /// How it was opened.
    #[schema(example = "password")]
    method: String,
    /// Where it was last refreshed from.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// What the client said it is.
    agent: String,
    /// Since when.
    created_at: String,
    /// When it was last used, to half a minute.
    last_seen_at: String,
    /// Whether it is the one in use.
    current: bool,
}

/// Lists the caller's own sessions.
#[utoipa::path(get, path = "/api/client/auth/sessions", tag = "client: account",
    responses(
        (status = 200, description = "The sessions", body = Envelope<Sessions>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn list(State(site): State<Site>, Who(caller): Who) -> Answer {
    let sessions = site.app.own_sessions(&caller).await?;
    let shown = |session: SessionView| OwnSession {
        current: session.is_current(&caller),
        id: session.id.to_string(),
        method: session.method,
        address: session.address,
        agent: session.agent,
        created_at: session.created_at.to_string(),
        last_seen_at: session.last_seen_at.to_string(),
    };
    success(Sessions { sessions: sessions.into_iter().map(shown).collect() })
}

/// Ends one of the caller's own sessions.
#[utoipa::path(delete, path = "/api/client/auth/sessions/{id}", tag = "client: account",
    params(("id" = String, Path, description = "The session")),
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: not the caller's, or not alive", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn end(State(site): State<Site>, Who(caller): Who, Path(id): Path<String>) -> Answer {
    site.app.end_own_session(&caller, id.parse()?).await?;
    success(Empty {})
}

//! `audit`: what was done, by whom, from where.

use axum::extract::State;
use purser_core::access::system_right;
use purser_core::audit::{Filter, Log, Record};
use purser_core::env::Timestamp;
use purser_core::error::Error;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Query, SystemWith};
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// One line of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    /// Its id.
    id: String,
    /// When.
    at: String,
    /// The tenant; none for the admin realm's own.
    client_id: Option<String>,
    /// `user`, `admin`, `command-line`, `provider`, `system` or `anyone`.
    #[schema(example = "user")]
    actor_kind: String,
    /// The actor's id, where it has one.
    actor: String,
    /// From where.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// The request's id.
    request_id: String,
    /// What.
    #[schema(example = "session.sign-in")]
    action: String,
    /// On what.
    #[schema(example = "user:123")]
    target: String,
    /// `done` or `refused`.
    #[schema(example = "refused")]
    outcome: String,
    /// Why.
    #[schema(example = "wrong password")]
    reason: String,
}

impl From<Record> for EntryView {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at.to_string(),
            client_id: record.tenant.map(|id| id.to_string()),
            actor_kind: record.actor_kind,
            actor: record.actor,
            address: record.address,
            request_id: record.request,
            action: record.action,
            target: record.target,
            outcome: record.outcome,
            reason: record.reason,
        }
    }
}

/// A page of the log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entries {
    entries: Vec<EntryView>,
    /// What to pass as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which lines to read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct Wanted {
    /// A tenant's id, `admin` for the admin realm's own, or `all`.
    client: String,
    /// An action, as `session.sign-in`.
    action: String,
    /// An actor's id.
    actor: String,
    /// A target, as `user:123`.
    target: String,
    /// `done` or `refused`.
    outcome: String,
    /// Not before (RFC 3339).
    since: Option<String>,
    /// Before (RFC 3339).
    until: Option<String>,
    /// Lines older than this one.
    before: Option<String>,
    /// How many at most: 100 if unsaid, never more than 500.
    first: Option<u32>,
}

/// Reads the audit logs.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin: audit", params(Wanted),
    responses(
        (status = 200, description = "The lines", body = Envelope<Entries>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AuditsRead>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let first = wanted.first.unwrap_or(100).clamp(1, 500);
    let log: Log = wanted.client.parse().map_err(|_| Error::invalid("client", "not a client id"))?;
    let filter = Filter {
        action: wanted.action,
        actor: wanted.actor,
        target: wanted.target,
        outcome: wanted.outcome,
        since: moment("since", wanted.since.as_deref())?,
        until: moment("until", wanted.until.as_deref())?,
        before: wanted
            .before
            .map(|id| id.parse())
            .transpose()
            .map_err(|_| Error::invalid("before", "not a line's id"))?,
        first: Some(first),
    };
    let records = site.app.audit_logs(&by, &log, &filter).await?;
    let full = records.len() == first as usize;
    let next = records.last().filter(|_| full).map(|last| last.id.to_string());
    success(Entries { entries: records.into_iter().map(EntryView::from).collect(), next })
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    text.map(|text| text.parse().map_err(|_| Error::invalid(field, "write a time as 2026-11-21T19:17:00Z"))).transpose()
}

//! `audit`: what was done, by whom, from where.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use purser_core::access::system_right;
use purser_core::audit::{Filter, Log, Record};
use purser_core::env::Timestamp;
use purser_core::error::Error;
use purser_core::ids::AuditId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Query, SystemWith};
use crate::fault::{Answer, Envelope, Fault, Refused, success};
use crate::ndjson;
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

/// Which lines to read; what is left out asks for nothing.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Which {
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
}

impl Which {
    pub(crate) fn filter(self) -> Result<Filter, Error> {
        Ok(Filter {
            since: moment("since", self.since.as_deref())?,
            until: moment("until", self.until.as_deref())?,
            action: self.action,
            actor: self.actor,
            target: self.target,
            outcome: outcome(&self.outcome)?,
            ..Filter::default()
        })
    }
}

/// Whose lines to read, and from where on.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// A tenant's id, `admin` for the admin realm's own, or `all`.
    client: String,
    /// Lines older than this one.
    before: Option<String>,
    /// How many at most: 100 if unsaid, never more than 500.
    first: Option<u32>,
}

/// Reads the audit logs.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin: audit", params(Which, Wanted),
    responses(
        (status = 200, description = "The lines", body = Envelope<Entries>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AuditsRead>,
    Query(which): Query<Which>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let first = wanted.first.unwrap_or(100).clamp(1, 500);
    let log = log(&wanted.client)?;
    let before = wanted.before.map(|id| id.parse()).transpose();
    let filter = Filter {
        before: before.map_err(|_| Error::invalid("before", "not a line's id"))?,
        first: Some(first),
        ..which.filter()?
    };
    let records = site.app.audit_logs(&by, &log, &filter).await?;
    let full = records.len() == first as usize;
    let next = records.last().filter(|_| full).map(|last| last.id.to_string());
    success(Entries { entries: records.into_iter().map(EntryView::from).collect(), next })
}

/// Whose lines to read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// A tenant's id, `admin` for the admin realm's own, or `all`.
    client: String,
}

/// Reads the audit logs out, oldest line first, one JSON object a line.
#[utoipa::path(get, path = "/api/admin/audit/export", tag = "admin: audit", params(Which, Whose),
    responses(
        (status = 200, description = "The lines. A connection that breaks off means that some are missing", body = String,
            content_type = "application/x-ndjson"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn export(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AuditsRead>,
    Query(which): Query<Which>,
    Query(whose): Query<Whose>,
) -> Result<Response, Fault> {
    let reading = Arc::new((site, by, log(&whose.client)?, Filter { first: Some(PIECE), ..which.filter()? }));
    let next = move |after: Option<AuditId>| {
        let reading = Arc::clone(&reading);
        async move {
            let (site, by, log, filter) = &*reading;
            site.app.export_audits(by, log, filter, after).await.map(|lines| piece(&lines))
        }
    };
    Ok(ndjson::answer(next(None).await?, "audit.jsonl", move |last| next(Some(last))))
}

/// Lines read at once for an export.
pub(crate) const PIECE: u32 = 500;

/// Lines as they are sent, and the id of the last; none if there are none.
pub(crate) fn piece(lines: &[Record]) -> Option<(String, AuditId)> {
    let last = lines.last()?.id;
    let text = lines.iter().fold(String::new(), |text, line| text + &line.to_json() + "\n");
    Some((text, last))
}

/// Another word would find nothing, and look as if nothing had happened.
fn outcome(text: &str) -> Result<String, Error> {
    let outcome = text.to_ascii_lowercase();
    match outcome.as_str() {
        "" | "done" | "refused" => Ok(outcome),
        _ => Err(Error::invalid("outcome", "use done or refused")),
    }
}

fn log(client: &str) -> Result<Log, Error> {
    client.parse().map_err(|_| Error::invalid("client", "not a client id"))
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    text.map(|text| text.parse().map_err(|_| Error::invalid(field, "write a time as 2026-11-21T19:17:00Z"))).transpose()
}

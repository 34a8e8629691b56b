//! `audit/export`: a tenant's own log, read out for those who may read it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use purser_core::access::right;
use purser_core::audit::Filter;
use purser_core::ids::AuditId;

use crate::admin_api::audit::{PIECE, Which, piece};
use crate::extract::{Query, With};
use crate::fault::{Fault, Refused};
use crate::ndjson;
use crate::site::Site;

/// Reads the organisation's audit log out, oldest line first, one JSON object a line.
#[utoipa::path(get, path = "/api/client/audit/export", tag = "client: audit", params(Which),
    responses(
        (status = 200, description = "The lines. A connection that breaks off means that some are missing", body = String,
            content_type = "application/x-ndjson"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`: not for those who may not read the log", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn export(
    State(site): State<Site>,
    With(by): With<right::AuditRead>,
    Query(which): Query<Which>,
) -> Result<Response, Fault> {
    let reading = Arc::new((site, by, Filter { first: Some(PIECE), ..which.filter()? }));
    let next = move |after: Option<AuditId>| {
        let reading = Arc::clone(&reading);
        async move {
            let (site, by, filter) = &*reading;
            site.app.export_audit(by, filter, after).await.map(|lines| piece(&lines))
        }
    };
    Ok(ndjson::answer(next(None).await?, "audit.jsonl", move |last| next(Some(last))))
}

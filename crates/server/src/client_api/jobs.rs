//! `jobs/{id}/export` and `jobs/{id}/report`: a completed job as JSON, and as a page to print.

use axum::extract::{Path, State};
use purser_core::access::Caller;
use purser_core::work::JobExport;

use crate::console;
use crate::extract::{Who, granted};
use crate::fault::{Answer, Refused, success};
use crate::site::Site;

/// Gives a completed job whole: its steps, what was recorded of each, who did what when, and the names of those who did.
#[utoipa::path(get, path = "/api/client/jobs/{id}/export", tag = "client: jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "The job, in the envelope; GraphQL's `jobExport` gives the same", body = Object),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: it is not completed", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn export(State(site): State<Site>, Who(caller): Who, Path(id): Path<String>) -> Answer {
    success(whole(&site, &caller, &id).await?)
}

/// Gives a completed job as an HTML page that is laid out for paper: printed from a browser it becomes a PDF.
#[utoipa::path(get, path = "/api/client/jobs/{id}/report", tag = "client: jobs",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: it is not completed", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn report(State(site): State<Site>, Who(caller): Who, Path(id): Path<String>) -> Answer {
    Ok(console::report(&whole(&site, &caller, &id).await?)?)
}

async fn whole(site: &Site, caller: &Caller, id: &str) -> Answer<JobExport> {
    Ok(site.app.export_job(&granted(site, caller)?, &granted(site, caller)?, id.parse()?).await?)
}

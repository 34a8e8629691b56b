//! `mail`: how the letters are doing.

use axum::extract::State;
use purser_core::access::system_right;
use purser_core::mail::{MailReport, Troubled};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::SystemWith;
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// How the letters are doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MailView {
    /// Whether letters leave from here at all: `mail.url` or `mail.outbox` is set.
    sends: bool,
    /// Letters that wait to be sent.
    waiting: u64,
    /// Since when the oldest of them has been waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<String>,
    /// Letters of the last two weeks of which nobody knows whether they went. They are not sent again.
    uncertain: u64,
    /// Letters of the last two weeks that could not be sent.
    given_up: u64,
    /// The letters in trouble, the latest first; at most 100.
    troubled: Vec<TroubledView>,
}

/// A letter in trouble.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TroubledView {
    /// Whose letter it is.
    #[schema(example = "acme")]
    client_id: String,
    /// To whom.
    #[schema(example = 123)]
    user_id: i64,
    /// What it is about.
    #[schema(example = "invitation")]
    kind: String,
    /// `waiting`, `uncertain` or `given-up`.
    #[schema(example = "waiting")]
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// When it was written.
    created_at: String,
    /// When it is tried again; since when it is not any more.
    at: String,
    /// Why the last try failed.
    trouble: String,
}

impl From<Troubled> for TroubledView {
    fn from(it: Troubled) -> Self {
        Self {
            client_id: it.tenant.to_string(),
            user_id: it.user.0,
            kind: it.kind,
            state: it.state,
            attempts: it.attempts,
            created_at: it.created_at.to_string(),
            at: it.at.to_string(),
            trouble: it.trouble,
        }
    }
}

impl From<MailReport> for MailView {
    fn from(it: MailReport) -> Self {
        Self {
            sends: it.sends,
            waiting: it.figures.waiting,
            waiting_since: it.figures.waiting_since.map(|at| at.to_string()),
            uncertain: it.figures.uncertain,
            given_up: it.figures.given_up,
            troubled: it.troubled.into_iter().map(TroubledView::from).collect(),
        }
    }
}

/// Tells what waits to be sent, and which letters are in trouble.
#[utoipa::path(get, path = "/api/admin/mail", tag = "admin: mail",
    responses(
        (status = 200, description = "The queue", body = Envelope<MailView>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn show(State(site): State<Site>, SystemWith(by): SystemWith<system_right::MailRead>) -> Answer {
    success(MailView::from(site.app.mail_report(&by).await?))
}

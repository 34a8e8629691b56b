//! How the mail is doing: what waits, and which letters are in trouble.

use askama::Template;
use axum::extract::State;
use purser_core::mail::Troubled;

use super::keeper::Keeper;
use crate::console::page::{Chrome, shown};
use crate::console::parts::{Chip, Moment};
use crate::console::words;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/mail.html")]
struct Mail {
    chrome: Chrome,
    sends: bool,
    waiting: u64,
    since: Option<Moment>,
    uncertain: u64,
    given_up: u64,
    letters: Vec<Line>,
}

struct Line {
    about: String,
    href: String,
    tenant: String,
    user: i64,
    state: Chip,
    attempts: i64,
    at: Moment,
    trouble: String,
}

impl From<Troubled> for Line {
    fn from(it: Troubled) -> Self {
        Self {
            about: words::action(&it.kind),
            href: format!("/admin/tenants/{}/people/{}", it.tenant, it.user),
            tenant: it.tenant.to_string(),
            user: it.user.0,
            state: words::letter_state(&it.state).into(),
            attempts: it.attempts,
            at: it.at.into(),
            trouble: it.trouble,
        }
    }
}

/// Shows it.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper) -> Answer {
    let report = site.app.mail_report(&keeper.admin.grant()).await?;
    shown(&Mail {
        chrome: keeper.chrome("/admin/mail", "Mail"),
        sends: report.sends,
        waiting: report.figures.waiting,
        since: report.figures.waiting_since.map(Moment::from),
        uncertain: report.figures.uncertain,
        given_up: report.figures.given_up,
        letters: report.troubled.into_iter().map(Line::from).collect(),
    })
}

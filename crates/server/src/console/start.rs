//! The overview: what waits for whoever looks at it.

use askama::Template;
use axum::extract::State;
use purser_core::access::Right;
use purser_core::error::Result;
use purser_core::work::{Job, JobFilter, Template as Work, TemplateFilter, VersionState};

use super::page::{Chrome, Person, Place, shown};
use super::parts::{Chip, Moment};
use super::words;
use crate::fault::Answer;
use crate::site::Site;

/// How many things of a kind are shown; the lists have the rest.
const FEW: u32 = 5;

#[derive(Template)]
#[template(path = "console/start.html")]
struct Overview {
    chrome: Chrome,
    first_name: String,
    notices: Vec<String>,
    jobs: Option<Vec<JobLine>>,
    piles: Vec<Pile>,
}

/// A job that is the reader's to do.
struct JobLine {
    href: String,
    title: String,
    asset: String,
    state: Chip,
    progress: i64,
    of: i64,
}

/// Templates that wait for the same thing.
struct Pile {
    title: &'static str,
    nothing: &'static str,
    all: String,
    templates: Vec<(String, String, Moment)>,
}

/// Shows it.
pub(super) async fn page(State(site): State<Site>, person: Person) -> Answer {
    let jobs = if person.may(Right::JobsPerform) { Some(own_jobs(&site, &person).await?) } else { None };
    let mut piles = Vec::new();
    for (right, state, title, nothing) in PILES {
        if person.may(right) {
            piles.push(pile(&site, &person, state, title, nothing).await?);
        }
    }
    let notices = site.app.license_notices().await?;
    shown(&Overview {
        chrome: person.chrome(Place::Start, "Overview"),
        first_name: person.caller.user().first_name.clone(),
        notices: notices.iter().map(ToString::to_string).collect(),
        jobs,
        piles,
    })
}

/// What waits for whom.
const PILES: [(Right, VersionState, &str, &str); 3] = [
    (Right::VersionsReview, VersionState::InReview, "Waiting for review", "Nothing waits for a review."),
    (Right::VersionsPublish, VersionState::Approved, "Approved, not yet published", "Nothing waits to be published."),
    (Right::TemplatesWrite, VersionState::Draft, "Drafts", "Nobody is writing anything."),
];

async fn own_jobs(site: &Site, person: &Person) -> Result<Vec<JobLine>> {
    let mine = JobFilter { assignee: Some(person.caller.user().id), first: Some(100), ..JobFilter::default() };
    let jobs = site.app.jobs(&person.caller.grant()?, &mine).await?;
    let open = jobs.into_iter().filter(|job| job.ended_at.is_none());
    Ok(open.take(10).map(JobLine::from).collect())
}

impl From<Job> for JobLine {
    fn from(job: Job) -> Self {
        Self {
            href: format!("/jobs/{}", job.id),
            state: words::job_state(job.state).into(),
            progress: job.next_step - 1,
            of: job.step_count,
            title: job.title,
            asset: job.asset,
        }
    }
}

async fn pile(
    site: &Site,
    person: &Person,
    state: VersionState,
    title: &'static str,
    nothing: &'static str,
) -> Result<Pile> {
    let filter = TemplateFilter { state: Some(state), first: Some(FEW), ..TemplateFilter::default() };
    let found = site.app.templates(&person.caller.grant()?, &filter).await?;
    let line = |it: Work| (format!("/templates/{}", it.id), it.title, it.updated_at.into());
    let all = format!("/templates?state={}", state.as_str());
    Ok(Pile { title, nothing, all, templates: found.into_iter().map(line).collect() })
}

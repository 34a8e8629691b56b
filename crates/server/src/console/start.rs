//! The overview: what waits for whoever looks at it, and how things stand, as far as that is theirs to see.

use askama::Template;
use axum::extract::State;
use purser_core::access::Right;
use purser_core::error::Result;
use purser_core::users::{PeopleTally, Seats};
use purser_core::work::{COUNTED, Job, JobFilter, JobTally, Template as Work, TemplateFilter, VersionState};
use serde::Deserialize;

use super::charts::{DaysChart, SharesChart, grouped};
use super::page::{Chrome, Person, Place, shown};
use super::parts::{Chip, Moment};
use super::words;
use crate::extract::Query;
use crate::fault::Answer;
use crate::site::Site;

/// How many things of a kind are shown; the lists have the rest.
const FEW: u32 = 5;

#[derive(Template)]
#[template(path = "console/start.html")]
struct Overview {
    chrome: Chrome,
    first_name: String,
    /// Whether they have a role: without one there is nothing to see yet.
    sees: bool,
    notices: Vec<String>,
    jobs: Option<Vec<JobLine>>,
    piles: Vec<Pile>,
    figures: Vec<Figure>,
    sign_ins: Option<SignIns>,
}

/// How many days are looked back on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    days: String,
}

/// A number with what it is made of.
struct Figure {
    title: &'static str,
    count: String,
    what: String,
    chart: SharesChart,
}

/// The sign-ins of the last days.
struct SignIns {
    days: u32,
    chart: DaysChart,
    /// Whether everything is counted yet.
    whole: bool,
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
pub(super) async fn page(State(site): State<Site>, person: Person, Query(asked): Query<Asked>) -> Answer {
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
        sees: person.may(Right::WorkRead),
        notices: notices.iter().map(ToString::to_string).collect(),
        jobs,
        piles,
        figures: figures(&site, &person).await?,
        sign_ins: sign_ins(&site, &person, &asked).await?,
    })
}

/// The log's own right says who sees them.
async fn sign_ins(site: &Site, person: &Person, asked: &Asked) -> Result<Option<SignIns>> {
    if !person.may(Right::AuditRead) {
        return Ok(None);
    }
    let days = if asked.days == "30" { 30 } else { 14 };
    let counted = site.app.sign_in_days(&person.caller.grant()?, days).await?;
    Ok(Some(SignIns { days, chart: DaysChart::of(&counted.days), whole: counted.whole }))
}

async fn figures(site: &Site, person: &Person) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if person.may(Right::WorkRead) {
        figures.extend(jobs_in_figures(person, &site.app.job_tally(&person.caller.grant()?).await?));
    }
    if person.may(Right::UsersManage) {
        figures.push(people_in_figures(&site.app.people_tally(&person.caller.grant()?).await?));
        figures.extend(site.app.seats(&person.caller.grant()?).await?.as_ref().map(seats_in_figures));
    }
    Ok(figures)
}

fn jobs_in_figures(person: &Person, jobs: &JobTally) -> Vec<Figure> {
    let all = Figure {
        title: "Open jobs",
        count: grouped(jobs.all.unassigned + jobs.all.assigned + jobs.all.in_progress),
        what: "of everybody".to_owned(),
        chart: SharesChart::of(
            &[
                ("c1", "In progress", jobs.all.in_progress, Some("/jobs?state=IN_PROGRESS")),
                ("c2", "Assigned", jobs.all.assigned, Some("/jobs?state=ASSIGNED")),
                ("c4", "Unassigned", jobs.all.unassigned, Some("/jobs?state=UNASSIGNED")),
            ],
            COUNTED,
        ),
    };
    let own = Figure {
        title: "Your open jobs",
        count: grouped(jobs.own.assigned + jobs.own.in_progress),
        what: "to be done by you".to_owned(),
        chart: SharesChart::of(
            &[
                ("c1", "In progress", jobs.own.in_progress, Some("/jobs?whose=mine&state=IN_PROGRESS")),
                ("c2", "Assigned", jobs.own.assigned, Some("/jobs?whose=mine&state=ASSIGNED")),
            ],
            COUNTED,
        ),
    };
    // Who does jobs sees first what is theirs.
    if person.may(Right::JobsPerform) { vec![own, all] } else { vec![all] }
}

fn people_in_figures(people: &PeopleTally) -> Figure {
    let more = if people.more { "More than " } else { "" };
    Figure {
        title: "People",
        count: format!("{more}{}", grouped(people.active)),
        what: "may sign in".to_owned(),
        chart: SharesChart::of(
            &[
                ("c1", "Signed in within 30 days", people.seen, None),
                ("c2", "Longer ago, or never", people.active - people.seen, None),
                ("c4", "Invited", people.invited, None),
                ("c5", "Disabled", people.disabled, None),
            ],
            i64::MAX,
        ),
    }
}

fn seats_in_figures(seats: &Seats) -> Figure {
    let of = i64::from(seats.of);
    Figure {
        title: "Licence",
        count: grouped(seats.used),
        what: format!("of {} seats taken", grouped(of)),
        chart: SharesChart::of(
            &[("c1", "Taken", seats.used, None), ("c0", "Free", (of - seats.used).max(0), None)],
            i64::MAX,
        ),
    }
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

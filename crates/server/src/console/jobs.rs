//! Jobs: finding them as a list or on a board, making them, giving them to people, giving them up.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Grant, Right, right};
use purser_core::error::{Error, Result};
use purser_core::ids::{JobId, UserId};
use purser_core::work::{
    Job, JobFilter, JobState, NewJob, OFFERED, Priority, Template as Work, TemplateFilter, TemplateOrder, VersionState,
};
use serde::Deserialize;

use super::form::Fields;
use super::page::{Chrome, Person, Place, SHOWN, address, cut, done, shown};
use super::parts::{Chip, Field, Moment, Names, Paging, full_name};
use super::templates::names;
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    search: String,
    state: String,
    whose: String,
    after: String,
}

#[derive(Template)]
#[template(path = "console/jobs.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows or hides something of its own")]
struct Jobs {
    chrome: Chrome,
    manages: bool,
    performs: bool,
    search: String,
    states: Vec<(&'static str, &'static str, bool)>,
    mine: bool,
    narrowed: bool,
    jobs: Vec<Line>,
    paging: Paging,
}

/// A job in a list or on the board.
struct Line {
    href: String,
    title: String,
    asset: String,
    state: Chip,
    priority: Option<Chip>,
    assignee: Option<String>,
    progress: i64,
    of: i64,
    made: Moment,
}

impl Line {
    fn of(job: Job, names: &Names) -> Self {
        Self {
            href: format!("/jobs/{}", job.id),
            title: job.title,
            asset: job.asset,
            state: words::job_state(job.state).into(),
            priority: (job.priority != Priority::Medium).then(|| words::priority(job.priority).into()),
            assignee: job.assignee.map(|id| names.name(id)),
            progress: job.next_step - 1,
            of: job.step_count,
            made: job.created_at.into(),
        }
    }
}

/// Lists them.
pub(super) async fn list(State(site): State<Site>, person: Person, Query(asked): Query<Asked>) -> Answer {
    let state = chosen(&asked.state)?;
    let mine = asked.whose == "mine";
    let filter = JobFilter {
        after: (!asked.after.is_empty()).then(|| asked.after.parse()).transpose()?,
        first: Some(SHOWN + 1),
        search: asked.search.clone(),
        state,
        assignee: mine.then(|| person.caller.user().id),
        ..JobFilter::default()
    };
    let page = cut(site.app.jobs(&person.caller.grant()?, &filter).await?, SHOWN, |job| job.id.to_string());
    let names = names(&site, &person, page.things.iter().filter_map(|job| job.assignee)).await?;
    let more = |after: String| {
        let asked = [("search", &*asked.search), ("state", &asked.state), ("whose", &asked.whose), ("after", &after)];
        address("/jobs", &asked)
    };
    shown(&Jobs {
        chrome: person.chrome(Place::Jobs, "Jobs"),
        manages: person.may(Right::JobsManage),
        performs: person.may(Right::JobsPerform),
        states: JobState::ALL.map(|it| (it.as_str(), words::job_state(it).0, Some(it) == state)).into(),
        mine,
        narrowed: !asked.search.is_empty() || state.is_some() || mine || !asked.after.is_empty(),
        jobs: page.things.into_iter().map(|job| Line::of(job, &names)).collect(),
        paging: Paging { next: page.next.map(more) },
        search: asked.search,
    })
}

fn chosen(state: &str) -> Result<Option<JobState>> {
    if state.is_empty() {
        return Ok(None);
    }
    let found = JobState::ALL.into_iter().find(|it| it.as_str() == state);
    found.map(Some).ok_or_else(|| Error::invalid("state", "there is no such state"))
}

#[derive(Template)]
#[template(path = "console/board.html")]
struct Board {
    chrome: Chrome,
    manages: bool,
    empty: bool,
    columns: Vec<Column>,
}

/// The jobs in one state.
struct Column {
    label: &'static str,
    all: String,
    more: bool,
    jobs: Vec<Line>,
}

/// As many of each state as one looks at.
const ON_BOARD: u32 = 20;

/// Lists them side by side.
pub(super) async fn board(State(site): State<Site>, person: Person) -> Answer {
    let states = [JobState::Unassigned, JobState::Assigned, JobState::InProgress, JobState::Completed];
    let mut piles = Vec::with_capacity(states.len());
    for state in states {
        let filter = JobFilter { state: Some(state), first: Some(ON_BOARD + 1), ..JobFilter::default() };
        piles.push((state, site.app.jobs(&person.caller.grant()?, &filter).await?));
    }
    let names = names(&site, &person, piles.iter().flat_map(|(_, jobs)| jobs).filter_map(|job| job.assignee)).await?;
    let column = |(state, jobs): (JobState, Vec<Job>)| {
        let page = cut(jobs, ON_BOARD, |_| String::new());
        Column {
            label: words::job_state(state).0,
            all: format!("/jobs?state={}", state.as_str()),
            more: page.next.is_some(),
            jobs: page.things.into_iter().map(|job| Line::of(job, &names)).collect(),
        }
    };
    shown(&Board {
        chrome: person.chrome(Place::Jobs, "Jobs on a board"),
        manages: person.may(Right::JobsManage),
        empty: piles.iter().all(|(_, jobs)| jobs.is_empty()),
        columns: piles.into_iter().map(column).collect(),
    })
}

#[derive(Template)]
#[template(path = "console/new-job.html")]
struct NewOne {
    chrome: Chrome,
    sentence: &'static str,
    none: bool,
    fields: Vec<Field>,
    assignees: Assignees,
}

/// From which template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Begun {
    template: String,
}

/// The form for a new one.
pub(super) async fn blank(State(site): State<Site>, person: Person, Query(begun): Query<Begun>) -> Answer {
    let _may: Grant<right::JobsManage> = person.caller.grant()?;
    form(&site, &person, &Fields::default(), &begun.template, &Trouble::default()).await
}

async fn form(site: &Site, person: &Person, typed: &Fields, template: &str, trouble: &Trouble) -> Answer {
    let filter = TemplateFilter {
        state: Some(VersionState::Published),
        order: TemplateOrder::Title,
        first: Some(500),
        ..TemplateFilter::default()
    };
    let templates = site.app.templates(&person.caller.grant()?, &filter).await?;
    let option = |it: &Work| (it.id.to_string(), it.title.clone());
    let priorities = [Priority::Low, Priority::Medium, Priority::High];
    let priorities = priorities.map(|it| (it.as_str().to_owned(), words::priority(it).0.to_owned()));
    let priority = typed.said("priority").unwrap_or("MEDIUM");
    let (chosen, find) = (typed.text("assignee"), typed.text("find"));
    let assignees = Assignees::found(site, person, Some("Nobody yet"), chosen, find, trouble).await?;
    shown(&NewOne {
        chrome: person.chrome(Place::Jobs, "New job"),
        sentence: trouble.sentence,
        none: templates.is_empty(),
        fields: vec![
            Field::one("template", "Template", templates.iter().map(option)).filled(template),
            Field::line("title", "Title")
                .hint("Empty for the template's own.")
                .filled(typed.text("title"))
                .wrong(trouble.about("title"))
                .optional(),
            Field::line("asset", "On what")
                .hint("What the work is done on: “Compressor 3, hall B”.")
                .filled(typed.text("asset"))
                .wrong(trouble.about("asset"))
                .optional(),
            Field::one("priority", "Priority", priorities).filled(priority),
        ],
        assignees,
    })
}

/// Whom a job can be given to. Whether they still can when it is given, the use case says.
pub(super) struct Assignees {
    /// The people to choose from.
    pub(super) field: Field,
    /// What was looked for.
    pub(super) find: String,
    /// Whether there are more than can be chosen from, so that one has to look for them.
    pub(super) searches: bool,
}

impl Assignees {
    pub(super) async fn found(
        site: &Site,
        person: &Person,
        nobody: Option<&str>,
        chosen: &str,
        find: &str,
        trouble: &Trouble,
    ) -> Result<Self> {
        let mut people = site.app.assignees(&person.caller.grant()?, find).await?;
        let searches = people.len() > OFFERED || !find.is_empty();
        people.truncate(OFFERED);
        // Whoever has it stays to be chosen, also among others who were looked for.
        if let Ok(id) = chosen.parse::<UserId>()
            && !people.iter().any(|it| it.id == id)
        {
            people.extend(site.app.users_by_id(&person.caller.grant()?, &[id]).await?);
        }
        let nobody = nobody.map(|word| (String::new(), word.to_owned()));
        let options = people.iter().map(|it| (it.id.to_string(), full_name(it)));
        let field = Field::one("assignee", "Assignee", nobody.into_iter().chain(options));
        let field = field.filled(chosen).wrong(trouble.about("assigneeId"));
        Ok(Self { field, find: find.to_owned(), searches })
    }
}

/// Makes one.
pub(super) async fn add(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    let by = person.caller.grant()?;
    if fields.text("do") == "find" {
        return form(&site, &person, &fields, fields.text("template"), &Trouble::default()).await;
    }
    let new = NewJob {
        template: fields.text("template").parse()?,
        title: fields.said("title").map(str::to_owned),
        asset: fields.text("asset").to_owned(),
        priority: match fields.text("priority") {
            "LOW" => Priority::Low,
            "HIGH" => Priority::High,
            _ => Priority::Medium,
        },
        assignee: fields.said("assignee").map(str::parse).transpose()?,
    };
    match site.app.create_job(&by, new).await {
        Ok(job) => done(&format!("/jobs/{}", job.id), Said::JobMade, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &person, &fields, fields.text("template"), &trouble).await;
            trouble.answer(page)
        }
    }
}

/// Gives one to somebody.
pub(super) async fn assign(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (_, JobId) = (person.caller.grant()?, id.parse()?);
    let said = match fields.said("assignee") {
        Some(assignee) => site.app.assign_job(&by, id, assignee.parse()?).await.map(|_| Said::JobAssigned),
        None => site.app.unassign_job(&by, id).await.map(|_| Said::JobUnassigned),
    }?;
    done(&format!("/jobs/{id}"), said, &site)
}

#[derive(Template)]
#[template(path = "console/ask-cancel.html")]
struct AskCancel {
    chrome: Chrome,
    title: String,
    reason: Field,
    sentence: &'static str,
    back: String,
}

/// Asks before one is given up.
pub(super) async fn ask_cancel(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let _may: Grant<right::JobsManage> = person.caller.grant()?;
    cancel_form(&site, &person, id.parse()?, "", &Trouble::default()).await
}

async fn cancel_form(site: &Site, person: &Person, id: JobId, typed: &str, trouble: &Trouble) -> Answer {
    let job = site.app.job(&person.caller.grant()?, id).await?;
    shown(&AskCancel {
        chrome: person.chrome(Place::Jobs, "Cancel the job"),
        title: job.title,
        reason: Field::text("reason", "Why", 3).filled(typed).wrong(trouble.about("reason")).optional(),
        sentence: trouble.sentence,
        back: format!("/jobs/{id}"),
    })
}

/// Gives one up.
pub(super) async fn cancel(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (_, JobId) = (person.caller.grant()?, id.parse()?);
    match site.app.cancel_job(&by, id, fields.text("reason")).await {
        Ok(_) => done(&format!("/jobs/{id}"), Said::JobCancelled, &site),
        Err(refused @ Error::Invalid(_)) => {
            let trouble = Trouble::of(refused)?;
            let page = cancel_form(&site, &person, id, fields.text("reason"), &trouble).await;
            trouble.answer(page)
        }
        Err(refused) => Err(refused.into()),
    }
}

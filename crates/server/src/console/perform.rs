//! Performing a job, step by step, and the job as a report.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Grant, Right, right};
use purser_core::error::{Error, Result};
use purser_core::ids::JobId;
use purser_core::work::{Act, Correcting, Event, Job, JobState, Kind, Performing, Step, Version, WorkRecord};
use serde::Deserialize;

use super::form::Fields;
use super::jobs::Assignees;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Chip, Field, Moment, Names};
use super::report::report_with_ways_on;
use super::templates::{EventLine, names};
use super::trouble::Trouble;
use super::versions::StepView;
use super::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// A job with everything that belongs to it.
struct Whole {
    job: Job,
    version: Version,
    records: Vec<WorkRecord>,
    names: Names,
    history: Vec<Event>,
}

/// Records read at once.
const PART: u32 = 500;

impl Whole {
    async fn read(site: &Site, person: &Person, id: JobId) -> Result<Self> {
        let by = person.caller.grant()?;
        let job = site.app.job(&by, id).await?;
        let version = site.app.version(&by, job.template, job.version).await?;
        let mut records: Vec<WorkRecord> = Vec::new();
        while let part @ [_, ..] = &*site.app.records(&by, id, records.last().map(|it| it.number), Some(PART)).await? {
            records.extend_from_slice(part);
            if part.len() < PART as usize {
                break;
            }
        }
        let history = site.app.job_history(&by, id, None, Some(PART)).await?;
        let people = records.iter().map(|it| it.author).chain(EventLine::people(&history)).chain(job.assignee);
        let names = names(site, person, people).await?;
        Ok(Self { job, version, records, names, history })
    }

    /// The step to be done next, while the job is under way.
    fn next(&self) -> Option<&Step> {
        let at = usize::try_from(self.job.next_step).ok()?.checked_sub(1)?;
        self.version.steps.all().get(at).filter(|_| self.job.state == JobState::InProgress)
    }

    fn steps(&self, corrects: bool) -> Vec<StepLine> {
        let steps = self.version.steps.all().iter();
        let lines = (1..).zip(steps).map(|(number, step)| StepLine {
            number,
            done: number < self.job.next_step,
            now: number == self.job.next_step && self.job.state == JobState::InProgress,
            step: step.into(),
            records: self.records_of(number, step, corrects),
        });
        lines.collect()
    }

    fn records_of(&self, number: i64, step: &Step, corrects: bool) -> Vec<RecordLine> {
        let corrected = |number: i64| self.records.iter().any(|it| it.corrects == Some(number));
        let unit = if let Kind::Number { unit, .. } = &step.kind { unit.as_str() } else { "" };
        let own = self.records.iter().filter(|it| it.step == number);
        let lines = own.map(|it| RecordLine {
            number: it.number,
            value: it.value.as_deref().map(|value| format!("{} {unit}", words::value(value)).trim_end().to_owned()),
            note: it.note.clone(),
            who: self.names.name(it.author),
            at: it.at.into(),
            act: it.act,
            overruled: corrected(it.number),
            correctable: corrects && it.value.is_some() && !corrected(it.number),
        });
        lines.collect()
    }
}

/// A step with what was recorded of it.
struct StepLine {
    number: i64,
    step: StepView,
    done: bool,
    now: bool,
    records: Vec<RecordLine>,
}

/// A record as people read it.
struct RecordLine {
    number: i64,
    value: Option<String>,
    note: String,
    who: String,
    at: Moment,
    act: Act,
    overruled: bool,
    correctable: bool,
}

#[derive(Template)]
#[template(path = "console/job.html")]
struct OneJob {
    chrome: Chrome,
    id: JobId,
    title: String,
    asset: String,
    asset_class: String,
    state: Chip,
    priority: Option<Chip>,
    assignee: Option<String>,
    template: String,
    version: i64,
    progress: i64,
    of: i64,
    steps: Vec<StepLine>,
    /// The form of the step to be done now, for the one who does it.
    step: Option<StepForm>,
    sentence: &'static str,
    besides: Vec<String>,
    starts: bool,
    assigns: Option<Assignees>,
    cancels: bool,
    reports: bool,
    history: Vec<EventLine>,
}

/// What is to be filled in for a step.
struct StepForm {
    number: i64,
    key: String,
    value: Field,
    note: Field,
}

/// Shows one.
pub(super) async fn page(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    form(&site, &person, id.parse()?, &Fields::default(), &asked.find, &Trouble::default()).await
}

/// Whom one looks for, to give the job to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    find: String,
}

async fn form(site: &Site, person: &Person, id: JobId, typed: &Fields, find: &str, trouble: &Trouble) -> Answer {
    let whole = Whole::read(site, person, id).await?;
    let job = &whole.job;
    let performs = person.may(Right::JobsPerform) && job.assignee == Some(person.caller.user().id);
    let open = !matches!(job.state, JobState::Completed | JobState::Cancelled);
    let manages = open && person.may(Right::JobsManage);
    let chosen = job.assignee.map(|id| id.to_string()).unwrap_or_default();
    // What is begun is not taken back, only given to another.
    let nobody = (job.state == JobState::Assigned).then_some("Nobody");
    let assigns =
        if manages { Some(Assignees::found(site, person, nobody, &chosen, find, trouble).await?) } else { None };
    let step = whole.next().filter(|_| performs).map(|step| step_form(job, step, typed, trouble));
    shown(&OneJob {
        chrome: person.chrome(Place::Jobs, &job.title),
        id,
        title: job.title.clone(),
        asset: job.asset.clone(),
        asset_class: job.asset_class.clone(),
        state: words::job_state(job.state).into(),
        priority: Some(words::priority(job.priority).into()),
        assignee: job.assignee.map(|id| whole.names.name(id)),
        template: job.template.to_string(),
        version: job.version,
        progress: job.next_step - 1,
        of: job.step_count,
        steps: whole.steps(performs && job.state != JobState::Cancelled),
        step,
        sentence: trouble.sentence,
        besides: trouble.besides(&["value", "note"]),
        starts: performs && job.state == JobState::Assigned,
        assigns,
        cancels: manages,
        reports: job.state == JobState::Completed,
        history: EventLine::of(whole.history, &whole.names),
    })
}

/// The key is made of where the job stands: the same form sent twice, because the first answer was lost on its way, is one act; and a
/// form that was filled in when the job stood elsewhere is refused.
fn step_form(job: &Job, step: &Step, typed: &Fields, trouble: &Trouble) -> StepForm {
    let nothing = if step.record_required { Nothing::Refused } else { Nothing::Allowed };
    let value = value_field(&step.kind, nothing).filled(typed.text("value")).wrong(trouble.about("value"));
    StepForm {
        number: job.next_step,
        key: format!("console-{}-{}", job.next_step, job.records),
        value: if step.record_required { value } else { value.optional() },
        note: Field::text("note", "Note", 2).filled(typed.text("note")).wrong(trouble.about("note")).optional(),
    }
}

/// More options than this are better chosen from a list that opens.
const A_FEW: usize = 8;

fn value_field(kind: &Kind, nothing: Nothing) -> Field {
    let blank = |word: &str| (nothing == Nothing::Allowed).then(|| (String::new(), word.to_owned()));
    match kind {
        Kind::Text => Field::text("value", "Record", 3),
        Kind::Number { .. } => Field::number("value", words::kind(kind)),
        Kind::Photo => Field::line("value", "Reference to the photo"),
        Kind::YesNo => {
            let options = ["YES", "NO"].map(|it| (it.to_owned(), words::value(it).to_owned()));
            Field::pick("value", "Yes or no?", options.into_iter().chain(blank("Nothing to record")))
        }
        Kind::Choice { options } => {
            let few = options.len() <= A_FEW;
            let options = options.iter().map(|it| (it.clone(), it.clone()));
            if few {
                Field::pick("value", "Which?", options.chain(blank("Nothing to record")))
            } else {
                Field::one("value", "Which?", [(String::new(), "–".to_owned())].into_iter().chain(options))
            }
        }
    }
}

/// Whether a step may be done without a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nothing {
    Allowed,
    Refused,
}

/// Begins one.
pub(super) async fn start(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let id: JobId = id.parse()?;
    site.app.start_job(&person.caller.grant()?, id).await?;
    done(&format!("/jobs/{id}"), Said::JobStarted, &site)
}

/// Completes the step, or records something about it.
pub(super) async fn step(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (_, JobId) = (person.caller.grant()?, id.parse()?);
    let asked = Performing {
        step: fields.text("step").parse().map_err(|_| Error::invalid("step", "not a number"))?,
        value: fields.said("value").map(|value| value.replace("\r\n", "\n")),
        note: fields.text("note").replace("\r\n", "\n"),
        idempotency_key: fields.said("key").map(str::to_owned),
    };
    let (done_with, said) = match fields.text("do") {
        "record" => (site.app.add_record(&by, id, asked).await, Said::Recorded),
        _ => (site.app.complete_step(&by, id, asked).await, Said::StepDone),
    };
    match done_with {
        Ok(_) => on_with(&site, &person, id, said).await,
        Err(refused @ Error::Invalid(_)) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &person, id, &fields, "", &trouble).await;
            trouble.answer(page)
        }
        Err(refused) => Err(refused.into()),
    }
}

/// To the step that is next, so that nobody has to look for it; after the last one to the top, where the report is.
async fn on_with(site: &Site, person: &Person, id: JobId, said: Said) -> Answer {
    let job = site.app.job(&person.caller.grant()?, id).await?;
    match job.state {
        JobState::InProgress => done(&format!("/jobs/{id}#step-{}", job.next_step), said, site),
        JobState::Completed if said == Said::StepDone => done(&format!("/jobs/{id}"), Said::JobDone, site),
        _ => done(&format!("/jobs/{id}"), said, site),
    }
}

#[derive(Template)]
#[template(path = "console/correct.html")]
struct Correction {
    chrome: Chrome,
    job: String,
    step: StepView,
    was: String,
    key: String,
    sentence: &'static str,
    value: Field,
    note: Field,
    back: String,
}

/// The form for a correction.
pub(super) async fn ask_correction(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
) -> Answer {
    let (id, number) = (id.parse()?, record_number(&number)?);
    correction(&site, &person, id, number, None, &Trouble::default()).await
}

fn record_number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::NotFound)
}

async fn correction(
    site: &Site,
    person: &Person,
    id: JobId,
    number: i64,
    typed: Option<&Fields>,
    trouble: &Trouble,
) -> Answer {
    let _may: Grant<right::JobsPerform> = person.caller.grant()?;
    let job = site.app.job(&person.caller.grant()?, id).await?;
    if job.assignee != Some(person.caller.user().id) {
        return Err(Error::Forbidden.into());
    }
    let version = site.app.version(&person.caller.grant()?, job.template, job.version).await?;
    let record = site.app.records(&person.caller.grant()?, id, Some(number - 1), Some(1)).await?;
    let record = record.into_iter().find(|it| it.number == number).ok_or(Error::NotFound)?;
    let at = usize::try_from(record.step).ok().and_then(|step| step.checked_sub(1)).ok_or(Error::NotFound)?;
    let step = version.steps.all().get(at).ok_or(Error::NotFound)?;
    let was = record.value.unwrap_or_default();
    let text = |name: &str, stored: &str| typed.map_or(stored, |typed| typed.text(name)).to_owned();
    shown(&Correction {
        chrome: person.chrome(Place::Jobs, "Correct a record"),
        job: job.title,
        step: step.into(),
        key: format!("console-correct-{number}"),
        sentence: trouble.sentence,
        value: value_field(&step.kind, Nothing::Refused).filled(text("value", &was)).wrong(trouble.about("value")),
        note: Field::text("note", "Why", 2).filled(text("note", "")).wrong(trouble.about("note")).optional(),
        was: words::value(&was).to_owned(),
        back: format!("/jobs/{id}"),
    })
}

/// Writes a correction down.
pub(super) async fn correct(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (id, record): (JobId, _) = (id.parse()?, record_number(&number)?);
    let asked = Correcting {
        record,
        value: fields.text("value").replace("\r\n", "\n"),
        note: fields.text("note").replace("\r\n", "\n"),
        idempotency_key: fields.said("key").map(str::to_owned),
    };
    match site.app.correct_record(&person.caller.grant()?, id, asked).await {
        Ok(_) => done(&format!("/jobs/{id}"), Said::Corrected, &site),
        Err(refused @ Error::Invalid(_)) => {
            let trouble = Trouble::of(refused)?;
            let page = correction(&site, &person, id, record, Some(&fields), &trouble).await;
            trouble.answer(page)
        }
        Err(refused) => Err(refused.into()),
    }
}

/// A completed job, to be printed.
pub(super) async fn report(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let by = (person.caller.grant()?, person.caller.grant()?);
    let id: JobId = id.parse()?;
    Ok(report_with_ways_on(&site.app.export_job(&by.0, &by.1, id).await?, &format!("/jobs/{id}"))?)
}

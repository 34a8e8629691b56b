//! A completed job as one document, with everything that was recorded of it and everybody who did something.
//!
//! It is also what the printable report shows.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::access::{Grant, right};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{JobId, UserId};
use crate::store::args;
use crate::users::User;

use super::{Event, Job, JobState, Kind, Step, WorkRecord, sql};

/// A completed job, to be kept elsewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobExport {
    /// The job's id.
    pub id: String,
    /// What it was called.
    pub title: String,
    /// On what it was done; may be empty.
    pub asset: String,
    /// The asset class of its template.
    pub asset_class: String,
    /// How urgent it was.
    pub priority: &'static str,
    /// The template's id.
    pub template_id: String,
    /// The number of the version it was done by.
    pub version: i64,
    /// Who completed it.
    pub assignee_id: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was started.
    pub started_at: Option<String>,
    /// When it was completed.
    pub completed_at: Option<String>,
    /// Every step, in order.
    pub steps: Vec<StepExport>,
    /// Who did what when, from the beginning.
    pub history: Vec<EventExport>,
    /// Those who are named by their ids above, by id. Who has left has no name any more.
    pub people: Vec<PersonExport>,
}

/// Somebody who did something about a completed job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonExport {
    /// Their id.
    pub id: String,
    /// First and last name.
    pub name: String,
}

/// A step of a completed job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepExport {
    /// Its number.
    pub number: i64,
    /// What was to be done, in a line.
    pub title: String,
    /// How it was done; may be empty.
    pub instructions: String,
    /// Whether it could only be completed with a record.
    pub record_required: bool,
    /// What was recorded: `TEXT`, `NUMBER`, `YES_NO`, `CHOICE`, `PHOTO`.
    pub kind: &'static str,
    /// Of what the number is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The lowest number allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The highest number allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// What could be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// What was recorded, in order.
    pub records: Vec<RecordExport>,
}

/// A record of a completed job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordExport {
    /// Its number within the job.
    pub number: i64,
    /// What was done: `RECORDED`, `COMPLETED`, `CORRECTED`.
    pub act: &'static str,
    /// What was recorded, if anything was.
    pub value: Option<String>,
    /// What was said with it.
    pub note: String,
    /// Who wrote it.
    pub author_id: String,
    /// When.
    pub at: String,
    /// The number of the record it corrects.
    pub corrects: Option<i64>,
}

/// A line of a completed job's history.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventExport {
    /// When.
    pub at: String,
    /// Who did it.
    pub actor_id: String,
    /// What was done, in the words of the audit log.
    pub action: String,
    /// About which step.
    pub step: Option<i64>,
    /// What was said with it.
    pub note: String,
}

/// Rows read at once.
const PART: u32 = 500;

impl App {
    /// A completed job, whole, with the names of those who had to do with it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is not completed.
    pub async fn export_job(
        &self,
        by: &Grant<right::WorkRead>,
        naming: &Grant<right::UsersRead>,
        id: JobId,
    ) -> Result<JobExport> {
        let job = self.find_job(by, id).await?;
        if job.state != JobState::Completed {
            return Err(Error::Conflict);
        }
        let version = self.find_version(by, job.template, job.version).await?;
        let mut records: Vec<WorkRecord> = Vec::new();
        while let part @ [_, ..] = &*self.records_after(by, id, records.last().map_or(0, |it| it.number)).await? {
            records.extend_from_slice(part);
        }
        let mut history: Vec<Event> = Vec::new();
        while let part @ [_, ..] = &*self.events_after(by, id, history.last().map_or(0, |it| it.number)).await? {
            history.extend_from_slice(part);
        }
        let steps = (1..).zip(version.steps.all()).map(|(number, step)| step_export(number, step, &records)).collect();
        let people = self.named(naming, &job, &records, &history).await?;
        Ok(shape(&job, steps, history, people))
    }

    async fn named(
        &self,
        by: &Grant<right::UsersRead>,
        job: &Job,
        records: &[WorkRecord],
        history: &[Event],
    ) -> Result<Vec<PersonExport>> {
        let authors = records.iter().map(|record| record.author);
        let all = authors.chain(history.iter().map(|event| event.actor)).chain(job.assignee);
        let ids: Vec<UserId> = all.collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = self.users_by_id(by, &ids).await?;
        found.sort_by_key(|user| user.id);
        let person = |user: User| PersonExport {
            id: user.id.to_string(),
            name: format!("{} {}", user.first_name, user.last_name),
        };
        Ok(found.into_iter().map(person).collect())
    }

    async fn records_after(&self, by: &Grant<right::WorkRead>, id: JobId, after: i64) -> Result<Vec<WorkRecord>> {
        self.store.all(by, sql::RECORDS, args![id, after, PART]).await
    }

    async fn events_after(&self, by: &Grant<right::WorkRead>, id: JobId, after: i64) -> Result<Vec<Event>> {
        self.store.all(by, sql::JOB_EVENTS, args![id, after, PART]).await
    }
}

fn shape(job: &Job, steps: Vec<StepExport>, history: Vec<Event>, people: Vec<PersonExport>) -> JobExport {
    JobExport {
        id: job.id.to_string(),
        title: job.title.clone(),
        asset: job.asset.clone(),
        asset_class: job.asset_class.clone(),
        priority: job.priority.as_str(),
        template_id: job.template.to_string(),
        version: job.version,
        assignee_id: job.assignee.map(|id| id.to_string()),
        created_at: job.created_at.to_string(),
        started_at: job.started_at.map(|at| at.to_string()),
        completed_at: job.ended_at.map(|at| at.to_string()),
        steps,
        history: history.into_iter().map(EventExport::from).collect(),
        people,
    }
}

fn step_export(number: i64, step: &Step, records: &[WorkRecord]) -> StepExport {
    let records = records.iter().filter(|record| record.step == number).map(RecordExport::from).collect();
    let (unit, min, max, options) = match step.kind.clone() {
        Kind::Number { unit, min, max } => (Some(unit), min, max, None),
        Kind::Choice { options } => (None, None, None, Some(options)),
        Kind::Text | Kind::YesNo | Kind::Photo => (None, None, None, None),
    };
    let (title, instructions) = (step.title.clone(), step.instructions.clone());
    let kind = step.kind.as_str();
    let record_required = step.record_required;
    StepExport { number, title, instructions, record_required, kind, unit, min, max, options, records }
}

impl From<&WorkRecord> for RecordExport {
    fn from(it: &WorkRecord) -> Self {
        Self {
            number: it.number,
            act: it.act.as_str(),
            value: it.value.clone(),
            note: it.note.clone(),
            author_id: it.author.to_string(),
            at: it.at.to_string(),
            corrects: it.corrects,
        }
    }
}

impl From<Event> for EventExport {
    fn from(it: Event) -> Self {
        Self { at: it.at.to_string(), actor_id: it.actor.to_string(), action: it.action, step: it.part, note: it.note }
    }
}

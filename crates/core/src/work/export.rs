//! A completed job as one document, with everything that was recorded of it and everybody who did something.

use serde::Serialize;

use crate::access::{Grant, right};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::store::args;

use super::{Event, Job, JobState, Step, WorkRecord, sql};

/// A completed job, to be kept elsewhere. People are named by their numbers.
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
}

/// A step of a completed job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepExport {
    /// Its number.
    pub number: i64,
    /// What was to be done.
    #[serde(flatten)]
    pub step: Step,
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
    /// A completed job, whole.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is not completed.
    pub async fn export_job(&self, by: &Grant<right::WorkRead>, id: JobId) -> Result<JobExport> {
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
        Ok(shape(&job, steps, history))
    }

    async fn records_after(&self, by: &Grant<right::WorkRead>, id: JobId, after: i64) -> Result<Vec<WorkRecord>> {
        self.store.all(by, sql::RECORDS, args![id, after, PART]).await
    }

    async fn events_after(&self, by: &Grant<right::WorkRead>, id: JobId, after: i64) -> Result<Vec<Event>> {
        self.store.all(by, sql::JOB_EVENTS, args![id, after, PART]).await
    }
}

fn shape(job: &Job, steps: Vec<StepExport>, history: Vec<Event>) -> JobExport {
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
    }
}

fn step_export(number: i64, step: &Step, records: &[WorkRecord]) -> StepExport {
    let records = records.iter().filter(|record| record.step == number).map(RecordExport::from).collect();
    StepExport { number, step: step.clone(), records }
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

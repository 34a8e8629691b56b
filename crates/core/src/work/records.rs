//! Records: performing a job step by step, what is written down on the way, and correcting it without unwriting it.

use crate::access::{Grant, Permission, right};
use crate::app::App;
use crate::audit::Action;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{JobId, UserId};
use crate::store::{Change, FromRow, Row, args};

use super::jobs::{demand_assignee, entry};
use super::{Job, JobState, Step, in_parts, page, remark, sql};

/// What was done when a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A value was recorded, and the step goes on.
    Recorded,
    /// The step was completed, with a value or without.
    Completed,
    /// An earlier record was corrected.
    Corrected,
}

impl Act {
    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "RECORDED",
            Self::Completed => "COMPLETED",
            Self::Corrected => "CORRECTED",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Completed => "completed",
            Self::Corrected => "corrected",
        }
    }

    fn stored(text: &str) -> Self {
        match text {
            "completed" => Self::Completed,
            "corrected" => Self::Corrected,
            _ => Self::Recorded,
        }
    }
}

/// Something written down about a step of a job. Never changed, never removed but with its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkRecord {
    /// Of which job.
    pub job: JobId,
    /// Its number within the job, from 1.
    pub number: i64,
    /// About which step.
    pub step: i64,
    /// What was done.
    pub act: Act,
    /// What was recorded, if anything was.
    pub value: Option<String>,
    /// What was said with it; may be empty.
    pub note: String,
    /// Who wrote it.
    pub author: UserId,
    /// When.
    pub at: Timestamp,
    /// The record it corrects.
    pub corrects: Option<i64>,
}

impl FromRow for WorkRecord {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            job: row.job(0)?,
            number: row.int(1)?,
            step: row.int(2)?,
            act: Act::stored(row.text(3)?),
            value: row.maybe_text(4)?.map(Into::into),
            note: row.text(5)?.into(),
            author: row.user(6)?,
            at: row.time(7)?,
            corrects: row.maybe_int(8)?,
        })
    }
}

/// What the assignee does about a step.
#[derive(Clone, Debug, Default)]
pub struct Performing {
    /// The step, which has to be the one to be done next.
    pub step: i64,
    /// What is recorded, if anything is.
    pub value: Option<String>,
    /// What is said with it; may be empty.
    pub note: String,
    /// What the sender calls this act: sent again under the same key, it is not done again.
    pub idempotency_key: Option<String>,
}

/// How the assignee corrects a record.
#[derive(Clone, Debug, Default)]
pub struct Correcting {
    /// The number of the record; one that was corrected before is corrected no more, but its correction can be.
    pub record: i64,
    /// What should have been recorded.
    pub value: String,
    /// What is said with it; may be empty.
    pub note: String,
    /// What the sender calls this act: sent again under the same key, it is not done again.
    pub idempotency_key: Option<String>,
}

/// Records of one job, beside those that complete its steps: it is exported whole.
const MOST_RECORDS: i64 = 2_000;

/// An act as it is to be written down.
struct Writing {
    act: Act,
    step: i64,
    value: Option<String>,
    note: String,
    corrects: Option<i64>,
    key: Option<String>,
}

impl App {
    /// What was recorded of a job, in order, after a record's number.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn records(
        &self,
        by: &Grant<right::WorkRead>,
        job: JobId,
        after: Option<i64>,
        first: Option<u32>,
    ) -> Result<Vec<WorkRecord>> {
        self.find_job(by, job).await?;
        self.store.all(by, sql::RECORDS, args![job, after.unwrap_or(0), page(first)]).await
    }

    /// The first hundred records of each of the jobs, in order.
    pub async fn records_of(&self, by: &Grant<right::WorkRead>, jobs: &[JobId]) -> Result<Vec<WorkRecord>> {
        let mut found = Vec::with_capacity(jobs.len());
        for part in in_parts(jobs) {
            found.extend(self.store.all(by, sql::RECORDS_OF, part).await?);
        }
        Ok(found)
    }

    /// Completes the step to be done next, recording a value if there is one. The last step completes the job.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for all but the assignee; [`Error::Invalid`] for a value that is not what the step
    /// wants, or a required one that is missing; [`Error::Conflict`] if it is not this step's turn, the job is not in progress, or
    /// the key stands for something else.
    pub async fn complete_step(
        &self,
        by: &Grant<right::JobsPerform>,
        id: JobId,
        asked: Performing,
    ) -> Result<WorkRecord> {
        let writing = Writing::performing(Act::Completed, asked)?;
        self.once(by, id, writing).await
    }

    /// Records a value for the step to be done next, without completing it.
    ///
    /// # Errors
    /// As [`App::complete_step`].
    pub async fn add_record(&self, by: &Grant<right::JobsPerform>, id: JobId, asked: Performing) -> Result<WorkRecord> {
        let writing = Writing::performing(Act::Recorded, asked)?;
        if writing.value.is_none() {
            return Err(Error::invalid("value", "say what is recorded"));
        }
        self.once(by, id, writing).await
    }

    /// Writes down what should have been recorded, in a new record that names the old one. Also after the job is completed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the job or the record; [`Error::Forbidden`] for all but the assignee; [`Error::Invalid`] for a value
    /// that is not what the step wants; [`Error::Conflict`] if that record was corrected before, the job is cancelled, or the key
    /// stands for something else.
    pub async fn correct_record(
        &self,
        by: &Grant<right::JobsPerform>,
        id: JobId,
        asked: Correcting,
    ) -> Result<WorkRecord> {
        let writing = Writing {
            act: Act::Corrected,
            step: 0,
            value: Some(asked.value),
            note: remark("note", &asked.note)?,
            corrects: Some(asked.record),
            key: asked.idempotency_key.map(key).transpose()?,
        };
        self.once(by, id, writing).await
    }

    /// Does what is asked, unless it was done before under the same key: then it gives what came of that, whatever has become of the
    /// job since. Of retries at the same time one does it, and the others learn so from the key's uniqueness.
    async fn once(&self, by: &Grant<right::JobsPerform>, id: JobId, writing: Writing) -> Result<WorkRecord> {
        let job = self.find_job(by, id).await?;
        if let Some(before) = self.done_before(by, id, &writing).await? {
            return Ok(before);
        }
        match self.perform(by, &job, &writing).await {
            // Perhaps a retry was faster, after we looked.
            Err(Error::Conflict) => self.done_before(by, id, &writing).await?.ok_or(Error::Conflict),
            outcome => outcome,
        }
    }

    /// What came of this very act, if it was done before.
    async fn done_before(
        &self,
        by: &Grant<right::JobsPerform>,
        id: JobId,
        writing: &Writing,
    ) -> Result<Option<WorkRecord>> {
        let Some(key) = &writing.key else {
            return Ok(None);
        };
        let Some(before): Option<WorkRecord> = self.store.one(by, sql::RECORD_BY_KEY, args![id, key]).await? else {
            return Ok(None);
        };
        if writing.gave(&before) && by.is(before.author) { Ok(Some(before)) } else { Err(Error::Conflict) }
    }

    async fn perform(&self, by: &Grant<right::JobsPerform>, job: &Job, writing: &Writing) -> Result<WorkRecord> {
        let user = demand_assignee(by, job)?;
        let (now, id) = (self.now(), job.id);
        let version = self.find_version(by, job.template, job.version).await?;
        let number = match writing.corrects {
            Some(record) => self.record(by, id, record).await?.step,
            None => writing.step,
        };
        let Some(step) = version.steps.numbered(number) else {
            return Err(Error::invalid("step", "the job has no such step"));
        };
        let value = writing.value.as_deref().map(|value| step.kind.accept(value)).transpose()?;
        let (move_job, args) = match writing.act {
            Act::Completed => (sql::PROCEED, args![id, user, number, now]),
            Act::Recorded => (sql::NOTE, args![id, user, number, MOST_RECORDS]),
            Act::Corrected => (sql::CORRECT, args![id, user, MOST_RECORDS]),
        };
        if !writing.is_timely(job) {
            return Err(Error::Conflict);
        }
        if writing.act != Act::Completed && job.records >= MOST_RECORDS {
            return Err(Error::invalid("value", "the job has as many records as one can have"));
        }
        if writing.act == Act::Completed && value.is_none() {
            self.demand_record(by, id, number, step).await?;
        }
        let action = match writing.act {
            Act::Completed if number == job.step_count => Action::JobCompleted,
            Act::Completed => Action::StepCompleted,
            Act::Recorded => Action::JobRecorded,
            Act::Corrected => Action::JobCorrected,
        };
        let note = writing.corrects.map_or_else(String::new, |record| format!("record {record}"));
        let row = args![
            id,
            number,
            writing.act.word(),
            value,
            &writing.note,
            user,
            now,
            writing.corrects,
            writing.key.as_deref()
        ];
        let entry = entry(by, now, action, id).because(format!("step {number} {note}").trim_end());
        let change = Change::within(by, entry)
            .must(move_job, args, || Error::Conflict)
            .must(sql::ADD_RECORD, row, || Error::Conflict)
            .must(sql::TELL_JOB, args![id, now, user, action.as_str(), number, note], || Error::Conflict);
        let ends = action == Action::JobCompleted;
        let change = if ends { change.run(sql::TELL_JOB_WORDS, args![id]) } else { change };
        let applied = self.apply(by, change).await?;
        WorkRecord::from_row(applied.row(1).ok_or_else(|| Error::internal("a record was written and not given"))?)
    }

    async fn record<P: Permission>(&self, by: &Grant<P>, id: JobId, number: i64) -> Result<WorkRecord> {
        self.store.one(by, sql::FIND_RECORD, args![id, number]).await?.ok_or(Error::NotFound)
    }

    /// Refuses to complete a step without the record it requires. Records are never removed: what is there stays there.
    async fn demand_record(&self, by: &Grant<right::JobsPerform>, id: JobId, number: i64, step: &Step) -> Result<()> {
        if !step.record_required {
            return Ok(());
        }
        let recorded: Option<i64> = self.store.one(by, sql::IS_RECORDED, args![id, number]).await?;
        recorded.map(drop).ok_or_else(|| Error::invalid("value", "the step requires a record"))
    }
}

impl Writing {
    fn performing(act: Act, asked: Performing) -> Result<Self> {
        Ok(Self {
            act,
            step: asked.step,
            value: asked.value,
            note: remark("note", &asked.note)?,
            corrects: None,
            key: asked.idempotency_key.map(key).transpose()?,
        })
    }

    /// Whether the job is where this can be done. The statement asks again.
    fn is_timely(&self, job: &Job) -> bool {
        match self.act {
            Act::Completed | Act::Recorded => job.state == JobState::InProgress && job.next_step == self.step,
            Act::Corrected => matches!(job.state, JobState::InProgress | JobState::Completed),
        }
    }

    /// Whether a record is what came of this.
    fn gave(&self, record: &WorkRecord) -> bool {
        let about = match self.corrects {
            Some(_) => record.corrects == self.corrects,
            None => record.step == self.step,
        };
        let value = self.value.as_deref().map(str::trim) == record.value.as_deref();
        about && value && record.act == self.act && record.note == self.note
    }
}

/// What a sender calls an act: 1 to 100 letters of one line.
fn key(text: String) -> Result<String> {
    if super::steps::is_line(&text, 1, 100) {
        return Ok(text);
    }
    Err(Error::invalid("idempotencyKey", "use 1 to 100 characters, none of them control characters"))
}

//! Jobs and what is recorded of them: reading them, giving them to people, performing them.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object};
use purser_core::error::Result;
use purser_core::work::{self, Correcting, NewJob, Performing};

use crate::ask::ask;
use crate::loaders::{OfJob, OfTemplate, RecordsOf, VersionOf, beside};
use crate::moment::DateTime;
use crate::paging;
use crate::templates::{Event, Template, Version, person};
use crate::users::User;

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::JobState")]
pub(crate) enum JobState {
    /// Nobody's yet.
    Unassigned,
    /// Somebody's, and not begun.
    Assigned,
    /// Begun.
    InProgress,
    /// Every step is done.
    Completed,
    /// Given up.
    Cancelled,
}

/// How urgent a job is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::Priority")]
pub(crate) enum Priority {
    /// It can wait.
    Low,
    /// As usual.
    Medium,
    /// Before others.
    High,
}

/// In which order jobs are listed.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::JobOrder")]
pub(crate) enum JobOrder {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// What was done when a record was written.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::Act")]
pub(crate) enum RecordAct {
    /// A value was recorded, and the step goes on.
    Recorded,
    /// The step was completed, with a value or without.
    Completed,
    /// An earlier record was corrected.
    Corrected,
}

/// A job.
pub(crate) struct Job(work::Job);

/// The doing of a template's version, once.
#[Object]
impl Job {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What it is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// On what it is done; may be empty.
    async fn asset(&self) -> &str {
        &self.0.asset
    }

    /// The asset class of its template when it was made.
    async fn asset_class(&self) -> &str {
        &self.0.asset_class
    }

    /// How urgent it is.
    async fn priority(&self) -> Priority {
        self.0.priority.into()
    }

    /// Where it stands.
    async fn state(&self) -> JobState {
        self.0.state.into()
    }

    /// The id of whoever is to do it.
    async fn assignee_id(&self) -> Option<ID> {
        self.0.assignee.map(ID::from)
    }

    /// Who is to do it; null if nobody is, or they have left.
    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.assignee).await
    }

    /// The template it was made from.
    async fn template(&self, ctx: &Context<'_>) -> Result<Option<Template>> {
        Ok(beside(ctx, OfTemplate(self.0.template)).await?.map(Template))
    }

    /// The version it is done by; publishing another does not change that.
    async fn version(&self, ctx: &Context<'_>) -> Result<Option<Version>> {
        Ok(beside(ctx, VersionOf(self.0.id)).await?.map(Version))
    }

    /// The number of the step to be done next; one more than there are when all are done.
    async fn next_step(&self) -> i64 {
        self.0.next_step
    }

    /// How many steps there are.
    async fn step_count(&self) -> i64 {
        self.0.step_count
    }

    /// The first hundred records, in order.
    async fn records(&self, ctx: &Context<'_>) -> Result<Vec<Record>> {
        let records = beside(ctx, RecordsOf(self.0.id)).await?.unwrap_or_default();
        Ok(records.into_iter().map(Record).collect())
    }

    /// Who made it; null if they have left.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, Some(self.0.created_by)).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was started.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }

    /// When it was completed or cancelled.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }
}

/// A record.
pub(crate) struct Record(work::WorkRecord);

/// Something written down about a step of a job. Never changed: a correction is a record of its own.
#[Object(name = "JobRecord")]
impl Record {
    /// Its number within the job, from 1.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// The job.
    async fn job(&self, ctx: &Context<'_>) -> Result<Option<Job>> {
        Ok(beside(ctx, OfJob(self.0.job)).await?.map(Job))
    }

    /// The number of the step.
    async fn step(&self) -> i64 {
        self.0.step
    }

    /// What was done.
    async fn act(&self) -> RecordAct {
        self.0.act.into()
    }

    /// What was recorded, if anything was.
    async fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// What was said with it.
    async fn note(&self) -> &str {
        &self.0.note
    }

    /// The id of whoever wrote it.
    async fn author_id(&self) -> ID {
        self.0.author.into()
    }

    /// Who wrote it; null if they have left.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, Some(self.0.author)).await
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The number of the record it corrects.
    async fn corrects(&self) -> Option<i64> {
        self.0.corrects
    }
}

#[derive(Default)]
pub(crate) struct JobsQuery;

#[Object]
impl JobsQuery {
    /// The organisation's jobs.
    #[expect(clippy::too_many_arguments, reason = "each is a filter of its own in the schema")]
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only those after this id, in the order asked for.")] after: Option<ID>,
        #[graphql(desc = "Only those with all of these words in title, asset or asset class, in any case.")]
        search: Option<String>,
        #[graphql(desc = "Only those in this state.")] state: Option<JobState>,
        #[graphql(desc = "Only those of this user.")] assignee: Option<ID>,
        #[graphql(desc = "Only those of this priority.")] priority: Option<Priority>,
        #[graphql(desc = "Only those for this asset class, in any case.")] asset_class: Option<String>,
        #[graphql(desc = "In which order.", default_with = "JobOrder::Newest")] order: JobOrder,
    ) -> Result<Vec<Job>> {
        let filter = work::JobFilter {
            after: paging::cursor("after", after)?,
            first: Some(paging::first(first)?),
            search: search.unwrap_or_default(),
            state: state.map(work::JobState::from),
            assignee: paging::cursor("assignee", assignee)?,
            priority: priority.map(work::Priority::from),
            asset_class: asset_class.unwrap_or_default(),
            order: order.into(),
        };
        let (app, by) = ask(ctx)?;
        Ok(app.jobs(&by, &filter).await?.into_iter().map(Job).collect())
    }

    /// One job.
    async fn job(&self, ctx: &Context<'_>, id: ID) -> Result<Job> {
        let (app, by) = ask(ctx)?;
        app.job(&by, id.parse()?).await.map(Job)
    }

    /// What was recorded of a job, in order.
    async fn records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which job.")] job: ID,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only those after this number.")] after: Option<i64>,
    ) -> Result<Vec<Record>> {
        let first = paging::first(first)?;
        let (app, by) = ask(ctx)?;
        Ok(app.records(&by, job.parse()?, after, Some(first)).await?.into_iter().map(Record).collect())
    }

    /// What happened to a job, in order.
    async fn job_history(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only what came after this number.")] after: Option<i64>,
    ) -> Result<Vec<Event>> {
        let first = paging::first(first)?;
        let (app, by) = ask(ctx)?;
        Ok(app.job_history(&by, id.parse()?, after, Some(first)).await?.into_iter().map(Event).collect())
    }

    /// A completed job, whole: its steps, what was recorded of each, and who did what when.
    async fn job_export(&self, ctx: &Context<'_>, id: ID) -> Result<Json<work::JobExport>> {
        let (app, by) = ask(ctx)?;
        let (_, naming) = ask(ctx)?;
        app.export_job(&by, &naming, id.parse()?).await.map(Json)
    }
}

/// Each gives the thing back, or null: one that fails must not hide what those before it have done.
#[derive(Default)]
pub(crate) struct JobsMutation;

#[Object]
impl JobsMutation {
    /// Makes a job from a template's published version.
    async fn create_job(&self, ctx: &Context<'_>, input: CreateJobInput) -> Result<Option<Job>> {
        let (app, by) = ask(ctx)?;
        app.create_job(&by, input.parse()?).await.map(Job).map(Some)
    }

    /// Gives a job to somebody; of one that is begun, the remaining steps.
    async fn assign_job(&self, ctx: &Context<'_>, input: AssignJobInput) -> Result<Option<Job>> {
        let (app, by) = ask(ctx)?;
        app.assign_job(&by, input.id.parse()?, input.assignee_id.parse()?).await.map(Job).map(Some)
    }

    /// Takes a job that is not begun from whoever was to do it. One that is begun can only be given to another.
    async fn unassign_job(&self, ctx: &Context<'_>, input: JobInput) -> Result<Option<Job>> {
        let (app, by) = ask(ctx)?;
        app.unassign_job(&by, input.id.parse()?).await.map(Job).map(Some)
    }

    /// Gives a job up; what was recorded stays.
    async fn cancel_job(&self, ctx: &Context<'_>, input: CancelJobInput) -> Result<Option<Job>> {
        let (app, by) = ask(ctx)?;
        app.cancel_job(&by, input.id.parse()?, &input.reason).await.map(Job).map(Some)
    }

    /// Begins a job; for its assignee.
    async fn start_job(&self, ctx: &Context<'_>, input: JobInput) -> Result<Option<Job>> {
        let (app, by) = ask(ctx)?;
        app.start_job(&by, input.id.parse()?).await.map(Job).map(Some)
    }

    /// Completes the step to be done next, recording a value if there is one; the last completes the job. For its assignee.
    async fn complete_step(&self, ctx: &Context<'_>, input: PerformInput) -> Result<Option<Record>> {
        let (app, by) = ask(ctx)?;
        app.complete_step(&by, input.job_id.parse()?, input.performing()).await.map(Record).map(Some)
    }

    /// Records a value for the step to be done next, without completing it. For the job's assignee.
    async fn add_record(&self, ctx: &Context<'_>, input: PerformInput) -> Result<Option<Record>> {
        let (app, by) = ask(ctx)?;
        app.add_record(&by, input.job_id.parse()?, input.performing()).await.map(Record).map(Some)
    }

    /// Writes down what should have been recorded, in a new record that names the old one. For the job's assignee.
    async fn correct_record(&self, ctx: &Context<'_>, input: CorrectRecordInput) -> Result<Option<Record>> {
        let (app, by) = ask(ctx)?;
        app.correct_record(&by, input.job_id.parse()?, input.correcting()).await.map(Record).map(Some)
    }
}

/// A job to make.
#[derive(InputObject)]
pub(crate) struct CreateJobInput {
    /// From which template: from its published version.
    template_id: ID,
    /// What to call it; the template's title, if unsaid.
    title: Option<String>,
    /// On what it is done.
    #[graphql(default)]
    asset: String,
    /// How urgent it is.
    #[graphql(default_with = "Priority::Medium")]
    priority: Priority,
    /// Who is to do it, if that is known yet.
    assignee_id: Option<ID>,
}

impl CreateJobInput {
    fn parse(self) -> Result<NewJob> {
        Ok(NewJob {
            template: self.template_id.parse()?,
            title: self.title,
            asset: self.asset,
            priority: self.priority.into(),
            assignee: self.assignee_id.map(|id| id.parse()).transpose()?,
        })
    }
}

/// A job, and who is to do it.
#[derive(InputObject)]
pub(crate) struct AssignJobInput {
    /// Which job.
    id: ID,
    /// An active user who performs jobs.
    assignee_id: ID,
}

/// A job, and why it is given up.
#[derive(InputObject)]
pub(crate) struct CancelJobInput {
    /// Which job.
    id: ID,
    /// Why.
    #[graphql(default)]
    reason: String,
}

/// A job.
#[derive(InputObject)]
pub(crate) struct JobInput {
    /// Which job.
    id: ID,
}

/// What is done about a step.
#[derive(InputObject)]
pub(crate) struct PerformInput {
    /// Of which job.
    job_id: ID,
    /// The number of the step, which has to be the one to be done next.
    step: i64,
    /// What is recorded.
    value: Option<String>,
    /// What is said with it.
    #[graphql(default)]
    note: String,
    /// What you call this act: sent again under the same key, it is not done again, and what came of it is given once more.
    idempotency_key: Option<String>,
}

impl PerformInput {
    fn performing(self) -> Performing {
        let Self { step, value, note, idempotency_key, .. } = self;
        Performing { step, value, note, idempotency_key }
    }
}

/// A record, and what should have been recorded.
#[derive(InputObject)]
pub(crate) struct CorrectRecordInput {
    /// Of which job.
    job_id: ID,
    /// The number of the record. One that was corrected is corrected no more, but its correction can be.
    record: i64,
    /// What should have been recorded.
    value: String,
    /// What is said with it.
    #[graphql(default)]
    note: String,
    /// What you call this act: sent again under the same key, it is not done again, and what came of it is given once more.
    idempotency_key: Option<String>,
}

impl CorrectRecordInput {
    fn correcting(self) -> Correcting {
        let Self { record, value, note, idempotency_key, .. } = self;
        Correcting { record, value, note, idempotency_key }
    }
}

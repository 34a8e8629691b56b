//! Templates and their versions: reading them, writing them, moving them from state to state.

mod input;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use purser_core::error::Result;
use purser_core::ids::UserId;
use purser_core::work;

use self::input::{
    CopyTemplateInput, CreateTemplateInput, EditVersionInput, ReviewInput, UpdateTemplateInput, VersionInput,
};
use crate::ask::ask;
use crate::loaders::{OfTemplate, Person, VersionsOf, beside};
use crate::moment::DateTime;
use crate::paging;
use crate::users::User;

/// Where a version stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::VersionState")]
pub(crate) enum VersionState {
    /// Being written.
    Draft,
    /// Submitted, and frozen from here on.
    InReview,
    /// Approved, not yet in use.
    Approved,
    /// The one that jobs are made from.
    Published,
    /// No longer in use; jobs made from it keep it.
    Archived,
}

/// What a step wants recorded.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum StepKind {
    /// Any text.
    Text,
    /// A number, within bounds.
    Number,
    /// `YES` or `NO`.
    YesNo,
    /// One of the options.
    Choice,
    /// A reference to a photo that is kept elsewhere.
    Photo,
}

/// In which order templates are listed.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "work::TemplateOrder")]
pub(crate) enum TemplateOrder {
    /// The newest first.
    Newest,
    /// By title, whatever its case.
    Title,
}

/// One step of a version.
#[derive(SimpleObject)]
pub(crate) struct Step {
    /// Its number, from 1.
    number: usize,
    /// What is to be done, in a line.
    title: String,
    /// How it is done.
    instructions: String,
    /// Whether it can only be completed with a record.
    record_required: bool,
    /// What is recorded.
    kind: StepKind,
    /// Of what the number is.
    unit: Option<String>,
    /// The lowest number allowed.
    min: Option<f64>,
    /// The highest number allowed.
    max: Option<f64>,
    /// What may be chosen.
    options: Option<Vec<String>>,
}

impl Step {
    fn of(number: usize, step: &work::Step) -> Self {
        let (kind, unit, min, max, options) = match step.kind.clone() {
            work::Kind::Text => (StepKind::Text, None, None, None, None),
            work::Kind::YesNo => (StepKind::YesNo, None, None, None, None),
            work::Kind::Photo => (StepKind::Photo, None, None, None, None),
            work::Kind::Number { unit, min, max } => (StepKind::Number, Some(unit), min, max, None),
            work::Kind::Choice { options } => (StepKind::Choice, None, None, None, Some(options)),
        };
        let (title, instructions) = (step.title.clone(), step.instructions.clone());
        Self { number, title, instructions, record_required: step.record_required, kind, unit, min, max, options }
    }
}

/// A template.
pub(crate) struct Template(pub(crate) work::Template);

/// Work that is described once and done many times.
#[Object]
impl Template {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What the work is called.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The kind of things it is done on; may be empty.
    async fn asset_class(&self) -> &str {
        &self.0.asset_class
    }

    /// The state of its newest version.
    async fn state(&self) -> VersionState {
        self.0.state.into()
    }

    /// The number of its published version; null if none is.
    async fn published(&self) -> Option<i64> {
        self.0.published
    }

    /// Its newest versions, at most twenty, the newest first.
    async fn versions(&self, ctx: &Context<'_>) -> Result<Vec<Version>> {
        let versions = beside(ctx, VersionsOf(self.0.id)).await?.unwrap_or_default();
        Ok(versions.into_iter().map(Version).collect())
    }

    /// Who made it; null if they have left.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, Some(self.0.created_by)).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it or one of its versions last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

/// A version.
pub(crate) struct Version(pub(crate) work::Version);

/// One version of a template.
#[Object]
impl Version {
    /// Its number within the template, from 1.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// The template; null once it is deleted.
    async fn template(&self, ctx: &Context<'_>) -> Result<Option<Template>> {
        Ok(beside(ctx, OfTemplate(self.0.template)).await?.map(Template))
    }

    /// Where it stands.
    async fn state(&self) -> VersionState {
        self.0.state.into()
    }

    /// What is to be done.
    async fn steps(&self) -> Vec<Step> {
        (1..).zip(self.0.steps.all()).map(|(number, step)| Step::of(number, step)).collect()
    }

    /// Rises with every edit; named when editing, it overwrites nobody.
    async fn revision(&self) -> i64 {
        self.0.revision
    }

    /// Who began it; null if they have left.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, Some(self.0.author)).await
    }

    /// When it was begun.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When its steps last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Who submitted it last.
    async fn submitted_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.submitted_by).await
    }

    /// When it was last submitted.
    async fn submitted_at(&self) -> Option<DateTime> {
        self.0.submitted_at.map(DateTime)
    }

    /// Who approved or rejected it last.
    async fn reviewer(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.reviewer).await
    }

    /// When it was last approved or rejected.
    async fn reviewed_at(&self) -> Option<DateTime> {
        self.0.reviewed_at.map(DateTime)
    }

    /// What the reviewer said.
    async fn comment(&self) -> &str {
        &self.0.comment
    }

    /// Who published it last.
    async fn publisher(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.publisher).await
    }

    /// When it was last published.
    async fn published_at(&self) -> Option<DateTime> {
        self.0.published_at.map(DateTime)
    }

    /// When it was last withdrawn, or gave way to another.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }
}

/// A line of history.
pub(crate) struct Event(pub(crate) work::Event);

/// Something that was done to a template or a job.
#[Object(name = "WorkEvent")]
impl Event {
    /// Its place in the history, from 1.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// When.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The id of whoever did it.
    async fn actor_id(&self) -> ID {
        self.0.actor.into()
    }

    /// Who did it; null if they have left.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, Some(self.0.actor)).await
    }

    /// What was done: `version.approved`, `job.started`, …
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// The number of the version or the step it was about; null if about the whole.
    async fn part(&self) -> Option<i64> {
        self.0.part
    }

    /// What was said with it.
    async fn note(&self) -> &str {
        &self.0.note
    }
}

#[derive(Default)]
pub(crate) struct TemplatesQuery;

#[Object]
impl TemplatesQuery {
    /// The organisation's templates.
    #[expect(clippy::too_many_arguments, reason = "each is a filter of its own in the schema")]
    async fn templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only those after this id, in the order asked for.")] after: Option<ID>,
        #[graphql(desc = "Only those with all of these words in title or asset class, in any case.")] search: Option<
            String,
        >,
        #[graphql(
            desc = "Only those whose newest version is in this state; PUBLISHED: those with a published version."
        )]
        state: Option<VersionState>,
        #[graphql(desc = "Only those for this asset class, in any case.")] asset_class: Option<String>,
        #[graphql(desc = "In which order.", default_with = "TemplateOrder::Newest")] order: TemplateOrder,
    ) -> Result<Vec<Template>> {
        let filter = work::TemplateFilter {
            after: paging::cursor("after", after)?,
            first: Some(paging::first(first)?),
            search: search.unwrap_or_default(),
            state: state.map(work::VersionState::from),
            asset_class: asset_class.unwrap_or_default(),
            order: order.into(),
        };
        let (app, by) = ask(ctx)?;
        Ok(app.templates(&by, &filter).await?.into_iter().map(Template).collect())
    }

    /// One template.
    async fn template(&self, ctx: &Context<'_>, id: ID) -> Result<Template> {
        let (app, by) = ask(ctx)?;
        app.template(&by, id.parse()?).await.map(Template)
    }

    /// A template's versions, the newest first.
    async fn template_versions(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(20)")] first: Option<i64>,
        #[graphql(desc = "Only those before this number.")] before: Option<i64>,
    ) -> Result<Vec<Version>> {
        let first = paging::first(first)?;
        let (app, by) = ask(ctx)?;
        Ok(app.versions(&by, id.parse()?, before, Some(first)).await?.into_iter().map(Version).collect())
    }

    /// One version of a template.
    async fn template_version(&self, ctx: &Context<'_>, id: ID, number: i64) -> Result<Version> {
        let (app, by) = ask(ctx)?;
        app.version(&by, id.parse()?, number).await.map(Version)
    }

    /// What happened to a template and its versions, in order.
    async fn template_history(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only what came after this number.")] after: Option<i64>,
    ) -> Result<Vec<Event>> {
        let first = paging::first(first)?;
        let (app, by) = ask(ctx)?;
        Ok(app.template_history(&by, id.parse()?, after, Some(first)).await?.into_iter().map(Event).collect())
    }
}

/// Each gives the thing back, or null: one that fails must not hide what those before it have done.
#[derive(Default)]
pub(crate) struct TemplatesMutation;

#[Object]
impl TemplatesMutation {
    /// Makes a template, with the draft of its first version.
    async fn create_template(&self, ctx: &Context<'_>, input: CreateTemplateInput) -> Result<Option<Template>> {
        let (app, by) = ask(ctx)?;
        app.create_template(&by, input.parse()?).await.map(Template).map(Some)
    }

    /// Changes a template's title or asset class. What is absent or null stays.
    async fn update_template(&self, ctx: &Context<'_>, input: UpdateTemplateInput) -> Result<Option<Template>> {
        let (app, by) = ask(ctx)?;
        app.update_template(&by, input.id.parse()?, input.update()).await.map(Template).map(Some)
    }

    /// Makes a template out of a version of another.
    async fn copy_template(&self, ctx: &Context<'_>, input: CopyTemplateInput) -> Result<Option<Template>> {
        let (app, by) = ask(ctx)?;
        let (id, title) = (input.id.parse()?, input.title.as_deref());
        app.copy_template(&by, id, input.number, title).await.map(Template).map(Some)
    }

    /// Gives a draft these steps. Of a frozen version it makes the next draft, and gives that.
    async fn edit_version(&self, ctx: &Context<'_>, input: EditVersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        let id = input.template_id.parse()?;
        let steps = input::steps(input.steps)?;
        app.edit_version(&by, id, input.number, input.revision, &steps).await.map(Version).map(Some)
    }

    /// Submits a draft for review; from here on it is frozen.
    async fn submit_version(&self, ctx: &Context<'_>, input: VersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        app.submit_version(&by, input.template_id.parse()?, input.number).await.map(Version).map(Some)
    }

    /// Approves a submitted version.
    async fn approve_version(&self, ctx: &Context<'_>, input: ReviewInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        let comment = input.comment.unwrap_or_default();
        app.approve_version(&by, input.template_id.parse()?, input.number, &comment).await.map(Version).map(Some)
    }

    /// Sends a submitted version back to be a draft, saying why.
    async fn reject_version(&self, ctx: &Context<'_>, input: ReviewInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        let comment = input.comment.unwrap_or_default();
        app.reject_version(&by, input.template_id.parse()?, input.number, &comment).await.map(Version).map(Some)
    }

    /// Publishes an approved version, and archives the one published before.
    async fn publish_version(&self, ctx: &Context<'_>, input: VersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        app.publish_version(&by, input.template_id.parse()?, input.number).await.map(Version).map(Some)
    }

    /// Withdraws a published version. Jobs made from it go on.
    async fn archive_version(&self, ctx: &Context<'_>, input: VersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        app.archive_version(&by, input.template_id.parse()?, input.number).await.map(Version).map(Some)
    }

    /// Publishes an archived version again, in the place of the one that is.
    async fn restore_version(&self, ctx: &Context<'_>, input: VersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        app.restore_version(&by, input.template_id.parse()?, input.number).await.map(Version).map(Some)
    }

    /// Deletes a draft, and its template if that has no other version. Gives the version as it was.
    async fn delete_draft(&self, ctx: &Context<'_>, input: VersionInput) -> Result<Option<Version>> {
        let (app, by) = ask(ctx)?;
        app.delete_draft(&by, input.template_id.parse()?, input.number).await.map(Version).map(Some)
    }
}

/// A person named beside the work, together with the others of the answer.
pub(crate) async fn person(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<User>> {
    match id {
        Some(id) => Ok(beside(ctx, Person(id)).await?.map(User::of)),
        None => Ok(None),
    }
}

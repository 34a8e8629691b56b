//! Jobs: making them from published versions, giving them to people, starting and cancelling them, listing them.

use crate::access::{Grant, Permission, Right, Role, Roles, Writes, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{JobId, TemplateId, UserId};
use crate::store::{Change, FromRow, Row, Value, args};
use crate::users::{User, UserStatus};

use super::marks::Marks;
use super::sql;
use super::sql::pages::{Lead, Way, beside, jobs as pages, rarest};
use super::{Event, Filling, Words, have_all, in_parts, line, page, remark, seeks_nothing, sought, words};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
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

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Unassigned, Self::Assigned, Self::InProgress, Self::Completed, Self::Cancelled];

    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Assigned => "ASSIGNED",
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Assigned => "assigned",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    fn stored(text: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == text).unwrap_or(Self::Cancelled)
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// How urgent a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// It can wait.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Before others.
    High,
}

impl Priority {
    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }

    fn rank(self) -> i64 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
        }
    }

    fn stored(rank: i64) -> Self {
        match rank {
            1 => Self::Low,
            3 => Self::High,
            _ => Self::Medium,
        }
    }
}

/// A job: the doing of a template's version, once.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id; newer ones have greater ids.
    pub id: JobId,
    /// From which template.
    pub template: TemplateId,
    /// From which of its versions; publishing another does not change that.
    pub version: i64,
    /// What it is called.
    pub title: String,
    /// On what it is done; may be empty.
    pub asset: String,
    /// The asset class of its template when it was made.
    pub asset_class: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Who is to do it.
    pub assignee: Option<UserId>,
    /// Where it stands.
    pub state: JobState,
    /// The number of the step to be done next; one more than there are when all are done.
    pub next_step: i64,
    /// How many steps there are.
    pub step_count: i64,
    /// How many records there are.
    pub records: i64,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it was completed or cancelled.
    pub ended_at: Option<Timestamp>,
}

impl FromRow for Job {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.job(0)?,
            template: row.template(1)?,
            version: row.int(2)?,
            title: row.text(3)?.into(),
            asset: row.text(4)?.into(),
            asset_class: row.text(5)?.into(),
            priority: Priority::stored(row.int(6)?),
            assignee: row.maybe_user(7)?,
            state: JobState::stored(row.text(8)?),
            next_step: row.int(9)?,
            step_count: row.int(10)?,
            records: row.int(11)?,
            created_by: row.user(12)?,
            created_at: row.time(13)?,
            started_at: row.maybe_time(14)?,
            ended_at: row.maybe_time(15)?,
        })
    }
}

/// A job about to be made from a template's published version.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// From which template.
    pub template: TemplateId,
    /// What to call it; the template's title if unsaid.
    pub title: Option<String>,
    /// On what it is done; may be empty.
    pub asset: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Who is to do it, if that is known yet.
    pub assignee: Option<UserId>,
}

/// In which order jobs are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Those after this one.
    pub after: Option<JobId>,
    /// How many at most; 100 if unsaid, never more than 500.
    pub first: Option<u32>,
    /// Words that all stand in title, asset or asset class, in any case; the three longest count.
    pub search: String,
    /// Those in this state.
    pub state: Option<JobState>,
    /// Those of this assignee.
    pub assignee: Option<UserId>,
    /// Those of this priority.
    pub priority: Option<Priority>,
    /// Those for this asset class, in any case.
    pub asset_class: String,
    /// In which order.
    pub order: JobOrder,
}

impl JobFilter {
    fn class(&self) -> String {
        self.asset_class.trim().to_lowercase()
    }

    fn person(&self) -> i64 {
        self.assignee.map_or(0, |id| id.0)
    }

    fn marks(&self, words: &Words) -> Marks {
        Marks::default().words(words).class(&self.class()).priority(self.priority.map_or(0, Priority::rank))
    }

    /// What the statement that begins there is told besides.
    fn led_by(&self, lead: Lead, words: &Words) -> Vec<Value> {
        let state = self.state.map_or("", JobState::word);
        match lead {
            Lead::Word(place) => args![words.get(place).map_or("", String::as_str), state, self.person()],
            Lead::Class => args![self.class(), state, self.person()],
            Lead::Assignee if self.state.is_some() => args![self.person(), state],
            Lead::Assignee => args![self.person()],
            Lead::Rest if self.state.is_some() => args![state],
            Lead::Rest => self.priority.map(|priority| priority.rank().into()).into_iter().collect(),
        }
    }

    /// Whether it is really asked for a job.
    fn finds(&self, job: &Job, sought: &Words) -> bool {
        self.state.is_none_or(|state| job.state == state)
            && self.assignee.is_none_or(|assignee| job.assignee == Some(assignee))
            && self.priority.is_none_or(|priority| job.priority == priority)
            && (self.class().is_empty() || job.asset_class.to_lowercase() == self.class())
            && have_all(&[&job.title, &job.asset, &job.asset_class], sought)
    }
}

impl App {
    /// A page of the tenant's jobs.
    pub async fn jobs(&self, by: &Grant<right::WorkRead>, filter: &JobFilter) -> Result<Vec<Job>> {
        let words = sought(&filter.search);
        if seeks_nothing(&filter.search, &words) {
            return Ok(Vec::new());
        }
        let mut after = filter.after.unwrap_or(match filter.order {
            JobOrder::Newest => JobId::LAST,
            JobOrder::Oldest => JobId::FIRST,
        });
        let lead = self.rarest_of_jobs(by, filter, &words, after).await?;
        let statement = pages::beginning_at(lead, filter);
        let mut page = Filling::of(filter.first);
        loop {
            let mut args = args![after, page.most, filter.marks(&words).stored()];
            args.extend(beside(lead, &words).map(Value::from));
            args.push(if lead == Lead::Class { Value::from("") } else { filter.class().into() });
            args.extend(filter.led_by(lead, &words));
            let mut read: Vec<Job> = self.store.all(by, statement, args).await?;
            read.sort_by_key(|job| job.id);
            if filter.order == JobOrder::Newest {
                read.reverse();
            }
            after = read.last().map_or(after, |last| last.id);
            if page.take(read, |job| filter.finds(job, &words)) {
                return Ok(page.rows);
            }
        }
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another tenant's ids too.
    pub async fn job(&self, by: &Grant<right::WorkRead>, id: JobId) -> Result<Job> {
        self.find_job(by, id).await
    }

    /// Those of the jobs that there are, in no order.
    pub async fn jobs_by_id(&self, by: &Grant<right::WorkRead>, ids: &[JobId]) -> Result<Vec<Job>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in in_parts(ids) {
            found.extend(self.store.all(by, sql::JOBS_BY_ID, part).await?);
        }
        Ok(found)
    }

    /// What happened to a job, in order, after a line's number.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn job_history(
        &self,
        by: &Grant<right::WorkRead>,
        id: JobId,
        after: Option<i64>,
        first: Option<u32>,
    ) -> Result<Vec<Event>> {
        self.find_job(by, id).await?;
        self.store.all(by, sql::JOB_EVENTS, args![id, after.unwrap_or(0), page(first)]).await
    }

    /// Makes a job from the template's published version.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a template or an assignee that is not the tenant's; [`Error::Invalid`] for a bad title or asset, or
    /// an assignee who does no jobs; [`Error::Conflict`] if no version is published.
    pub async fn create_job(&self, by: &Grant<right::JobsManage>, new: NewJob) -> Result<Job> {
        let template = self.find_template(by, new.template).await?;
        let title = line("title", new.title.as_deref().unwrap_or(&template.title), 1)?;
        let asset = line("asset", &new.asset, 0)?;
        if let Some(assignee) = new.assignee {
            self.demand_performer(by, assignee).await?;
        }
        let Some(version) = template.published else {
            return Err(Error::Conflict);
        };
        let (now, user) = (self.now(), by.user()?);
        let id = JobId::mint(now, &*self.entropy);
        let state = if new.assignee.is_some() { JobState::Assigned } else { JobState::Unassigned };
        let class = &template.asset_class;
        let words = words(&[&title, &asset, class]);
        let marks = Marks::default().words(&words).class(&class.to_lowercase()).priority(new.priority.rank()).stored();
        let row = args![
            new.template,
            version,
            id,
            &title,
            &asset,
            class,
            class.to_lowercase(),
            new.priority.rank(),
            new.assignee.map(|id| id.0),
            state.word(),
            user,
            now,
            performers(),
            marks
        ];
        let note = new.assignee.map_or_else(String::new, |assignee| format!("for user {assignee}"));
        let entry = entry(by, now, Action::JobCreated, id).because(note.clone());
        let change = Change::within(by, entry).must(sql::ADD_JOB, row, || Error::Conflict).must(
            sql::TELL_JOB,
            args![id, now, user, Action::JobCreated.as_str(), 0_i64, note],
            || Error::Conflict,
        );
        let person = new.assignee.map_or(0, |id| id.0);
        let change = words
            .into_iter()
            .fold(change, |change, word| change.run(sql::ADD_JOB_WORD, args![word, id, marks, state.word(), person]));
        self.apply(by, change).await?;
        self.find_job(by, id).await
    }

    /// Gives a job to somebody; of one that is begun, the remaining steps.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a job or an assignee that is not the tenant's; [`Error::Invalid`] for an assignee who does no jobs;
    /// [`Error::Conflict`] if the job is over, or someone was faster.
    pub async fn assign_job(&self, by: &Grant<right::JobsManage>, id: JobId, assignee: UserId) -> Result<Job> {
        let job = self.find_job(by, id).await?;
        self.demand_performer(by, assignee).await?;
        if job.state.is_over() {
            return Err(Error::Conflict);
        }
        if job.assignee == Some(assignee) {
            return Ok(job);
        }
        let was = job.assignee.map_or(0, |id| id.0);
        let note = format!("to user {assignee}");
        let step = args![id, assignee, was, performers()];
        self.changed(by, id, Action::JobAssigned, &note, |change| change.must(sql::ASSIGN, step, || Error::Conflict))
            .await
    }

    /// Takes a job that is not begun from whoever was to do it. One that is begun can only be given to another.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is nobody's, begun or over, or someone was faster.
    pub async fn unassign_job(&self, by: &Grant<right::JobsManage>, id: JobId) -> Result<Job> {
        let job = self.find_job(by, id).await?;
        let Some(assignee) = job.assignee.filter(|_| job.state == JobState::Assigned) else {
            return Err(Error::Conflict);
        };
        let note = format!("from user {assignee}");
        let step = args![id, assignee];
        self.changed(by, id, Action::JobUnassigned, &note, |change| {
            change.must(sql::UNASSIGN, step, || Error::Conflict)
        })
        .await
    }

    /// Gives a job up; what was recorded stays.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is over.
    pub async fn cancel_job(&self, by: &Grant<right::JobsManage>, id: JobId, reason: &str) -> Result<Job> {
        let reason = remark("reason", reason)?;
        self.find_job(by, id).await?;
        let step = args![id, self.now()];
        self.changed(by, id, Action::JobCancelled, &reason, |change| change.must(sql::CANCEL, step, || Error::Conflict))
            .await
    }

    /// Begins a job.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for all but its assignee; [`Error::Conflict`] if it is begun or over.
    pub async fn start_job(&self, by: &Grant<right::JobsPerform>, id: JobId) -> Result<Job> {
        let job = self.find_job(by, id).await?;
        let user = demand_assignee(by, &job)?;
        let step = args![id, user, self.now()];
        self.changed(by, id, Action::JobStarted, "", |change| change.must(sql::START, step, || Error::Conflict)).await
    }

    /// What the fewest jobs from there on have of what is asked for.
    async fn rarest_of_jobs(
        &self,
        by: &Grant<right::WorkRead>,
        filter: &JobFilter,
        words: &Words,
        after: JobId,
    ) -> Result<Lead> {
        let (statement, way) = match filter.order {
            JobOrder::Newest => (pages::REACH, Way::Down),
            JobOrder::Oldest => (pages::OLDEST_REACH, Way::Up),
        };
        let leads = pages::leads(filter, words);
        if leads.len() < 2 {
            return rarest(&leads, None, way);
        }
        let [one, two, three] = words;
        let state = filter.state.map_or("", JobState::word);
        let args = args![after, one, two, three, filter.person(), filter.class(), state];
        rarest(&leads, self.store.one(by, statement, args).await?.as_ref(), way)
    }

    pub(super) async fn find_job<P: Permission>(&self, by: &Grant<P>, id: JobId) -> Result<Job> {
        self.store.one(by, sql::FIND_JOB, args![id]).await?.ok_or(Error::NotFound)
    }

    /// One step of a job's life, with its lines in the log and in the job's history.
    async fn changed<P: Writes>(
        &self,
        by: &Grant<P>,
        id: JobId,
        action: Action,
        note: &str,
        step: impl FnOnce(Change) -> Change,
    ) -> Result<Job> {
        let now = self.now();
        let change = step(Change::within(by, entry(by, now, action, id).because(note)));
        let change = change.run(sql::TELL_JOB_WORDS, args![id]);
        let told = args![id, now, by.user()?, action.as_str(), 0_i64, note];
        self.apply(by, change.must(sql::TELL_JOB, told, || Error::Conflict)).await?;
        self.find_job(by, id).await
    }

    /// Refuses whoever cannot be given a job. Whether they still can when it is given, the statement decides.
    async fn demand_performer(&self, by: &Grant<right::JobsManage>, id: UserId) -> Result<()> {
        let user: User = self.store.one(by, crate::users::sql::FIND, args![id]).await?.ok_or(Error::NotFound)?;
        if user.status == UserStatus::Active && user.roles.hold(Right::JobsPerform) {
            return Ok(());
        }
        Err(Error::invalid("assigneeId", "not an active user who performs jobs"))
    }
}

/// The actor, if the job is theirs to do.
pub(super) fn demand_assignee(by: &Grant<right::JobsPerform>, job: &Job) -> Result<UserId> {
    let user = by.user()?;
    if job.assignee == Some(user) { Ok(user) } else { Err(Error::Forbidden) }
}

pub(super) fn entry<P>(by: &Grant<P>, now: Timestamp, action: Action, id: JobId) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::job(id))
}

/// The roles that perform jobs, as the users' table has them.
fn performers() -> i64 {
    let holds = |role: &Role| Roles::from_iter([*role]).hold(Right::JobsPerform);
    Role::ALL.into_iter().filter(holds).collect::<Roles>().bits()
}

//! The one writer: takes what waits, carries it out in one transaction on one pipelined connection, and tells the other nodes.

use std::collections::HashMap;
use std::pin::Pin;
use std::slice;
use std::task::Poll;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::{ALL_TENANTS, BATCH, Forget, Job, LIMIT, PATIENCE, Server, borrowed, numbered, row};
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::change::{Applied, Change, Outcome, Stale, Step};
use crate::store::value::{Row, Value};

pub(super) struct Writer {
    pub(super) server: Server,
    pub(super) forget: Forget,
    pub(super) pen: Option<Pen>,
}

/// The writing connection and the statements it has prepared.
pub(super) struct Pen {
    client: Client,
    prepared: HashMap<&'static str, Statement>,
}

/// Changes that share a transaction share their locks, and another node's take them in another order: whoever has waited so long for
/// a row gives way, for the two may be waiting for each other. PostgreSQL itself looks only after a second.
const GIVE_WAY: &str = "SET lock_timeout = '100ms'";
const BEGIN: &str = "BEGIN";
const COMMIT: &str = "COMMIT";
/// What is said to other nodes takes its turn at the commit, however long that is.
const COMMIT_AND_TELL: &str = "SET LOCAL lock_timeout = 0; COMMIT";
/// So many changes go together once more after they had to give way.
const PIECE: usize = 16;
/// So often a change that goes alone gives way.
const ATTEMPTS: usize = 10;

/// Why a transaction has to be done over.
enum Trouble {
    /// A change in it was refused and left something to undo: go through them one by one.
    Refused,
    /// Another node's transaction was in the way: go in smaller pieces.
    Locked,
    /// The connection or the server failed; nobody knows whether it was committed.
    Lost(Error),
}

impl Trouble {
    fn lost(cause: tokio_postgres::Error) -> Self {
        Self::Lost(Error::store(cause))
    }
}

impl Writer {
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            if !self.commit(std::mem::take(&mut batch)).await {
                refuse_waiting(&mut jobs);
            }
        }
    }

    /// Carries a batch out and answers each; says whether the database did its part.
    async fn commit(&mut self, batch: Vec<Job>) -> bool {
        let (mut changes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.change, job.done)).unzip();
        // One patience for all of it: for a connection, the statements' preparation, the transaction.
        let outcome = timeout(PATIENCE, self.carry_out(&changes)).await.unwrap_or_else(|late| Err(Error::store(late)));
        let stale: Vec<Stale> = changes.iter_mut().flat_map(|change| std::mem::take(&mut change.stale)).collect();
        if !stale.is_empty() {
            (self.forget)(&stale);
        }
        let waiting = waiting.into_iter().zip(changes);
        match outcome {
            Ok(results) => {
                for ((done, change), result) in waiting.zip(results) {
                    let _gone = done.send((result, change));
                }
                true
            }
            Err(cause) => {
                tracing::error!(cause = &cause as &dyn std::error::Error, "a transaction failed");
                self.pen = None;
                for (done, change) in waiting {
                    let _gone = done.send((Err(Error::store("the transaction failed")), change));
                }
                false
            }
        }
    }

    async fn carry_out(&mut self, changes: &[Change]) -> Result<Vec<Result<Applied>>> {
        if self.pen.as_ref().is_none_or(|pen| pen.client.is_closed()) {
            self.pen = Some(Pen::of(self.server.connect().await?).await?);
        }
        let pen = self.pen.as_mut().ok_or_else(|| Error::store("no connection"))?;
        pen.prepare_all(changes).await?;
        match pen.together(changes).await {
            Ok(results) => Ok(results),
            Err(Trouble::Lost(cause)) => Err(cause),
            Err(Trouble::Refused | Trouble::Locked) => pen.in_pieces(changes).await,
        }
    }
}

/// Whoever has waited while the database did not answer is told so too, instead of waiting for a failure of their own.
fn refuse_waiting(jobs: &mut mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.try_recv() {
        let _gone = job.done.send((Err(Error::store("the database does not answer")), job.change));
    }
}

impl Pen {
    /// Takes a connection to write on.
    pub(super) async fn of(client: Client) -> Result<Self> {
        client
            .batch_execute(&format!("SET synchronous_commit = on; {LIMIT}; {GIVE_WAY}"))
            .await
            .map_err(Error::store)?;
        Ok(Self { client, prepared: HashMap::new() })
    }

    async fn prepare_all(&mut self, changes: &[Change]) -> Result<()> {
        let texts = changes.iter().flat_map(|change| &change.steps).map(|step| step.sql);
        for sql in texts.chain([ENTER_TENANT_LOCALLY, NOTIFY]) {
            if !self.prepared.contains_key(sql) {
                let statement = self.client.prepare(numbered(sql)).await.map_err(Error::store)?;
                self.prepared.insert(sql, statement);
            }
        }
        Ok(())
    }

    /// One transaction for all.
    async fn together(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>, Trouble> {
        match self.all_at_once(changes).await {
            Err(Trouble::Refused) => self.one_by_one(changes).await,
            outcome => outcome,
        }
    }

    /// A transaction for a few, or for each of those that had to give way again.
    async fn in_pieces(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>> {
        let mut results = Vec::with_capacity(changes.len());
        for piece in changes.chunks(PIECE) {
            match self.together(piece).await {
                Ok(done) => results.extend(done),
                Err(Trouble::Lost(cause)) => return Err(cause),
                Err(Trouble::Refused | Trouble::Locked) => {
                    for change in piece {
                        results.push(self.alone(change).await?);
                    }
                }
            }
        }
        Ok(results)
    }

    async fn alone(&self, change: &Change) -> Result<Result<Applied>> {
        for _ in 0..ATTEMPTS {
            match self.one_by_one(slice::from_ref(change)).await {
                Ok(results) => {
                    return results.into_iter().next().ok_or_else(|| Error::internal("a change went unanswered"));
                }
                Err(Trouble::Lost(cause)) => return Err(cause),
                Err(Trouble::Refused | Trouble::Locked) => {}
            }
        }
        Ok(Err(Error::store("another transaction does not let go of a row")))
    }

    /// Sends everything without waiting in between. Good as long as no change leaves something to undo.
    async fn all_at_once(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>, Trouble> {
        let mut sent: Vec<Vec<Sent<'_>>> = Vec::with_capacity(changes.len());
        let mut plumbing = vec![start(Box::pin(self.plain(BEGIN))).await];
        let mut inside = None;
        for change in changes {
            let tenant = scope(change);
            if inside != Some(tenant) {
                inside = Some(tenant);
                plumbing.push(start(Box::pin(self.enter(tenant))).await);
            }
            sent.push(self.send(change, &mut plumbing).await);
        }
        let notices = notices(changes);
        let commit = commit(&notices);
        for notice in notices {
            plumbing.push(start(Box::pin(self.tell(notice))).await);
        }
        // Lone steps leave nothing to undo: one that is not met has touched nothing, and one that fails has spoilt the transaction,
        // of which nothing is committed. So the commit goes along.
        let lone = commit == COMMIT && changes.iter().all(|change| change.steps.len() == 1);
        let end = if lone { Some(start(Box::pin(self.plain(COMMIT))).await) } else { None };
        let mut results = Vec::with_capacity(changes.len());
        let (mut redo, mut locked) = (false, false);
        for (change, steps) in changes.iter().zip(sent) {
            let result = settle(change, steps).await;
            redo |= result.as_ref().is_err_and(|refused| refused.spoils);
            locked |= result.as_ref().is_err_and(|refused| refused.locked);
            results.push(result);
        }
        for sent in plumbing {
            redo |= finish(sent).await.is_err();
        }
        match end {
            Some(end) => drop(finish(end).await.map_err(Trouble::lost)?),
            None => self.say(if redo { "ROLLBACK" } else { commit }).await?,
        }
        if redo {
            return Err(if locked { Trouble::Locked } else { Trouble::Refused });
        }
        Ok(results.into_iter().map(|result| result.map_err(|refused| refused.error)).collect())
    }

    /// Waits after each change and undoes those that are refused.
    async fn one_by_one(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>, Trouble> {
        self.say(BEGIN).await?;
        let mut results = Vec::with_capacity(changes.len());
        let mut told = Vec::new();
        for change in changes {
            self.say("SAVEPOINT change").await?;
            self.enter(scope(change)).await.map_err(Trouble::lost)?;
            let mut plumbing = Vec::new();
            let steps = self.send(change, &mut plumbing).await;
            let result = settle(change, steps).await;
            for sent in plumbing {
                // Spoilt with the step before it, if at all.
                let _spoilt = finish(sent).await;
            }
            match &result {
                Ok(_) => {
                    self.say("RELEASE change").await?;
                    told.push(change);
                }
                Err(refused) if refused.locked => {
                    self.say("ROLLBACK").await?;
                    return Err(Trouble::Locked);
                }
                Err(_) => self.say("ROLLBACK TO change").await?,
            }
            results.push(result.map_err(|refused| refused.error));
        }
        let notices = notices(told);
        let commit = commit(&notices);
        for notice in notices {
            self.tell(notice).await.map_err(Trouble::lost)?;
        }
        self.say(commit).await?;
        Ok(results)
    }

    async fn say(&self, sql: &str) -> Result<(), Trouble> {
        self.client.batch_execute(sql).await.map_err(Trouble::lost)
    }

    /// Puts a change's steps on the wire; those that see every tenant step out of its scope and back in.
    async fn send<'a>(&'a self, change: &'a Change, plumbing: &mut Vec<Sent<'a>>) -> Vec<Sent<'a>> {
        let mut steps = Vec::with_capacity(change.steps.len());
        for step in &change.steps {
            if step.over_all {
                plumbing.push(start(Box::pin(self.enter(ALL_TENANTS))).await);
            }
            steps.push(start(Box::pin(self.step(step))).await);
            if step.over_all {
                plumbing.push(start(Box::pin(self.enter(scope(change)))).await);
            }
        }
        steps
    }

    async fn step(&self, step: &Step) -> Result<Outcome, tokio_postgres::Error> {
        self.run(step.sql, &step.args).await
    }

    async fn run(&self, sql: &'static str, args: &[Value]) -> Result<Outcome, tokio_postgres::Error> {
        let statement = self.prepared.get(sql).expect("every statement of the batch was prepared before it began");
        let parameters = borrowed(args);
        if statement.columns().is_empty() {
            let touched = self.client.execute(statement, &parameters).await?;
            return Ok(Outcome { touched, rows: Vec::new() });
        }
        let rows: Vec<Row> = self.client.query(statement, &parameters).await?.iter().map(row).collect();
        Ok(Outcome { touched: rows.len() as u64, rows })
    }

    async fn enter(&self, tenant: &str) -> Result<Outcome, tokio_postgres::Error> {
        self.run(ENTER_TENANT_LOCALLY, &[Value::from(tenant)]).await
    }

    async fn tell(&self, notice: String) -> Result<Outcome, tokio_postgres::Error> {
        self.run(NOTIFY, &[Value::from(notice)]).await
    }

    async fn plain(&self, sql: &'static str) -> Result<Outcome, tokio_postgres::Error> {
        self.client.batch_execute(sql).await?;
        Ok(Outcome { touched: 0, rows: Vec::new() })
    }
}

/// PostgreSQL takes 8,000 bytes in one notification.
const NOTICE_BYTES: usize = 7_500;
const ENTER_TENANT_LOCALLY: &str = "SELECT set_config('purser.tenant', $1, true)";
const NOTIFY: &str = "SELECT pg_notify('purser_' || md5(current_schema()), ?1)";

/// The tenant a change's steps may see.
fn scope(change: &Change) -> &str {
    change.scope.as_ref().map_or(ALL_TENANTS, TenantId::as_str)
}

type Answer = Result<Outcome, tokio_postgres::Error>;

/// A statement on its way.
enum Sent<'a> {
    Answered(Answer),
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send + 'a>>),
}

/// Puts a statement on the wire (the first poll does) without waiting for its answer.
async fn start<'a>(mut it: Pin<Box<dyn Future<Output = Answer> + Send + 'a>>) -> Sent<'a> {
    match futures::poll!(&mut it) {
        Poll::Ready(answer) => Sent::Answered(answer),
        Poll::Pending => Sent::Waiting(it),
    }
}

async fn finish(sent: Sent<'_>) -> Answer {
    match sent {
        Sent::Answered(answer) => answer,
        Sent::Waiting(it) => it.await,
    }
}

/// A refused change.
struct Refused {
    error: Error,
    /// Whether the transaction cannot go on with it inside.
    spoils: bool,
    /// Whether only another transaction was in the way.
    locked: bool,
}

async fn settle(change: &Change, steps: Vec<Sent<'_>>) -> Result<Applied, Refused> {
    // A lone statement that touched nothing has nothing to undo.
    let several = change.steps.len() > 1;
    let mut outcomes = Vec::with_capacity(steps.len());
    let mut refused: Option<Refused> = None;
    for (step, sent) in change.steps.iter().zip(steps) {
        // Every answer is read, so that none is taken for another's.
        let answer = finish(sent).await;
        if refused.is_some() {
            continue;
        }
        match answer {
            Ok(outcome) => match step.judge(&outcome) {
                Ok(()) => outcomes.push(outcome),
                Err(error) => refused = Some(Refused { error, spoils: several, locked: false }),
            },
            Err(cause) => {
                let locked = is_locked(&cause);
                refused = Some(Refused { error: refusal(step, cause), spoils: true, locked });
            }
        }
    }
    refused.map_or(Ok(Applied(outcomes)), Err)
}

fn is_locked(cause: &tokio_postgres::Error) -> bool {
    matches!(cause.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED))
}

fn refusal(step: &Step, cause: tokio_postgres::Error) -> Error {
    match cause.code() {
        Some(&SqlState::UNIQUE_VIOLATION | &SqlState::FOREIGN_KEY_VIOLATION | &SqlState::CHECK_VIOLATION) => {
            step.refusal()
        }
        _ => Error::store(cause),
    }
}

fn commit(notices: &[String]) -> &'static str {
    if notices.is_empty() { COMMIT } else { COMMIT_AND_TELL }
}

/// The words of all changes, packed into as few notifications as they fit in.
fn notices<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<String> {
    let mut packed: Vec<String> = Vec::new();
    for word in changes.into_iter().flat_map(|change| &change.stale).map(Stale::encode) {
        match packed.last_mut() {
            Some(last) if last.len() + word.len() < NOTICE_BYTES => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => packed.push(word),
        }
    }
    packed
}

//! PostgreSQL: a pool for reading, one pipelined connection for writing with group commit.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use parking_lot::RwLock;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{BATCH, Forget, Job, PATIENCE, Trust, WAITING, migrations};
use crate::config;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::change::{Applied, Change, Outcome, Stale, Step};
use crate::store::value::{Row, Value};

mod listener;
mod tls;

/// The channel on which nodes tell one another what went stale: one for each schema, for channels are the whole database's.
const CHANNEL: &str = "'purser_' || md5(current_schema())";
/// PostgreSQL takes 8,000 bytes in one notification.
const NOTICE_BYTES: usize = 7_500;
/// Any number, the same in every node: held while the tables are brought up to date.
const MIGRATION_LOCK: i64 = 0x70_75_72_73_65_72;
const ENTER_TENANT: &str = "SELECT set_config('purser.tenant', $1, false)";
const ENTER_TENANT_LOCALLY: &str = "SELECT set_config('purser.tenant', $1, true)";
/// What we no longer wait for the server gives up too (3 s, as [`PATIENCE`]): else each try would leave one more behind, waiting.
const LIMIT: &str = "SET statement_timeout = 3000";
/// What the setting says when every tenant may be seen.
const ALL_TENANTS: &str = "*";

pub(super) struct Postgres {
    pool: Pool,
    jobs: mpsc::Sender<Job>,
    listening: AbortHandle,
}

/// The writer ends with its queue; the listener would go on for ever.
impl Drop for Postgres {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Postgres {
    pub(super) async fn open(settings: &config::Database, forget: Forget, trust: Arc<Trust>) -> Result<Self> {
        let server = Server::named(settings)?;
        let client = migrate(&server).await?;
        // Before anybody asks for the time: what this node wrote down by its own clock could not be taken back.
        listener::measure_clock(&client, &trust).await?;
        let manager = Manager::from_config(
            server.config.clone(),
            server.tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.connections.max(1))
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async { client.batch_execute(LIMIT).await.map_err(HookError::Backend) })
            }))
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .build()
            .map_err(Error::store)?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        let listening = tokio::spawn(listener::listen(server.clone(), Arc::clone(&forget), trust)).abort_handle();
        tokio::spawn(Writer { server, forget, client: None }.run(waiting));
        Ok(Self { pool, jobs, listening })
    }

    pub(super) async fn read(&self, scope: Option<&TenantId>, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>> {
        let sql = numbered(sql);
        // One patience for all of it: for a place in the pool, for a connection, for the answer.
        let due = Instant::now() + PATIENCE;
        // A connection that died while it lay in the pool shows it at its first use: try once more.
        match self.read_once(scope, sql, &args, due).await {
            Err(Lost(true, _)) => self.read_once(scope, sql, &args, due).await,
            answer => answer,
        }
        .map_err(|Lost(_, cause)| cause)
    }

    async fn read_once(
        &self,
        scope: Option<&TenantId>,
        sql: &'static str,
        args: &[Value],
        due: Instant,
    ) -> Result<Vec<Row>, Lost> {
        let got = timeout_at(due, self.pool.get()).await.map_err(|late| Lost(false, Error::store(late)))?;
        let client = got.map_err(|cause| Lost(false, Error::store(cause)))?;
        let tenant = scope.map_or(ALL_TENANTS, TenantId::as_str);
        match timeout_at(due, query(&client, tenant, sql, args)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(cause)) => Err(Lost(client.is_closed(), Error::store(cause))),
            Err(late) => {
                // Nobody knows what this connection would say next.
                drop(Object::take(client));
                Err(Lost(false, Error::store(late)))
            }
        }
    }

    pub(super) fn submit(&self, job: Job) -> Result<()> {
        self.jobs.try_send(job).map_err(|_| Error::store("too many changes are waiting to be written"))
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<()> {
        let client = self.pool.get().await.map_err(Error::store)?;
        client.prepare(numbered(sql)).await.map(drop).map_err(Error::store)
    }
}

/// A failed read, and whether the connection was lost with it.
struct Lost(bool, Error);

async fn query(
    client: &Object,
    tenant: &str,
    sql: &'static str,
    args: &[Value],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let enter = client.prepare_cached(ENTER_TENANT).await?;
    let statement = client.prepare_cached(sql).await?;
    let parameters = borrowed(args);
    let scope: [&(dyn ToSql + Sync); 1] = [&tenant];
    // Both go out together; the first is answered before the second is looked at.
    let (_, rows) = tokio::try_join!(client.query(&enter, &scope), client.query(&statement, &parameters))?;
    Ok(rows.iter().map(row).collect())
}

/// How to reach the server; cheap to copy.
#[derive(Clone)]
struct Server {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Server {
    fn named(settings: &config::Database) -> Result<Self> {
        let mut config: Config = settings
            .url
            .reveal()
            .parse()
            .map_err(|cause| Error::store(format!("database.url cannot be read: {cause}")))?;
        config
            .application_name("purser")
            .connect_timeout(Duration::from_secs(2))
            .keepalives_idle(Duration::from_secs(30));
        tls::demand_beyond_this_machine(&mut config, settings.url.reveal());
        Ok(Self { config, tls: tls::connector(settings.ca_file.as_deref())? })
    }

    /// A connection with its traffic carried on by a task of its own.
    async fn connect(&self) -> Result<Client> {
        let (client, connection) = timeout(PATIENCE, self.config.connect(self.tls.clone()))
            .await
            .map_err(Error::store)?
            .map_err(Error::store)?;
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::warn!(%cause, "a database connection was lost");
            }
        });
        Ok(client)
    }
}

async fn migrate(server: &Server) -> Result<Client> {
    let mut client = server.connect().await?;
    // Held by the session, so a node that dies lets go of it.
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(Error::store)?;
    migrations::migrations::runner().run_async(&mut client).await.map_err(Error::store)?;
    wall_tenants_off(&client).await.map_err(Error::store)?;
    client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.map_err(Error::store)?;
    Ok(client)
}

/// Row security on every table with a tenant, as a second wall behind the statements' own conditions.
async fn wall_tenants_off(client: &Client) -> Result<(), tokio_postgres::Error> {
    let tables = client
        .query(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
            &[],
        )
        .await?;
    for table in tables {
        let table: String = table.get(0);
        client
            .batch_execute(&format!(
                "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
                 DROP POLICY IF EXISTS own_tenant ON {table};
                 CREATE POLICY own_tenant ON {table} USING (
                     tenant_id = current_setting('purser.tenant', true)
                     OR current_setting('purser.tenant', true) = '*')"
            ))
            .await?;
    }
    let above: bool = client
        .query_one("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user", &[])
        .await?
        .get(0);
    if above {
        tracing::warn!(
            "the database role stands above row security; give Purser an ordinary role to have the second wall"
        );
    }
    Ok(())
}

struct Writer {
    server: Server,
    forget: Forget,
    client: Option<Pen>,
}

/// The writing connection and the statements it has prepared.
struct Pen {
    client: Client,
    prepared: HashMap<&'static str, Statement>,
}

/// Why a transaction has to be done over.
enum Trouble {
    /// A change in it was refused and left something to undo: go through them one by one.
    Refused,
    /// The connection or the server failed; nobody knows whether it was committed.
    Lost(Error),
}

impl Writer {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            if !self.commit(std::mem::take(&mut batch)).await {
                refuse_waiting(&mut jobs);
            }
        }
    }

    /// Carries a batch out and answers each; says whether the database did its part.
    async fn commit(&mut self, batch: Vec<Job>) -> bool {
        let (changes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.change, job.done)).unzip();
        // One patience for all of it: for a connection, the statements' preparation, the transaction.
        let outcome = timeout(PATIENCE, self.carry_out(&changes)).await.unwrap_or_else(|late| Err(Error::store(late)));
        let stale: Vec<Stale> = changes.into_iter().flat_map(|change| change.stale).collect();
        if !stale.is_empty() {
            (self.forget)(&stale);
        }
        match outcome {
            Ok(results) => {
                for (done, result) in waiting.into_iter().zip(results) {
                    let _gone = done.send(result);
                }
                true
            }
            Err(cause) => {
                tracing::error!(cause = &cause as &dyn std::error::Error, "a transaction failed");
                self.client = None;
                for done in waiting {
                    let _gone = done.send(Err(Error::store("the transaction failed")));
                }
                false
            }
        }
    }

    async fn carry_out(&mut self, changes: &[Change]) -> Result<Vec<Result<Applied>>> {
        if self.client.as_ref().is_none_or(|pen| pen.client.is_closed()) {
            let client = self.server.connect().await?;
            client.batch_execute("SET synchronous_commit = on").await.map_err(Error::store)?;
            client.batch_execute(LIMIT).await.map_err(Error::store)?;
            self.client = Some(Pen { client, prepared: HashMap::new() });
        }
        let pen = self.client.as_mut().ok_or_else(|| Error::store("no connection"))?;
        pen.prepare_all(changes).await?;
        match pen.all_at_once(changes).await {
            Ok(results) => Ok(results),
            Err(Trouble::Lost(cause)) => Err(cause),
            Err(Trouble::Refused) => pen.one_by_one(changes).await,
        }
    }
}

/// Whoever has waited while the database did not answer is told so too, instead of waiting for a failure of their own.
fn refuse_waiting(jobs: &mut mpsc::Receiver<Job>) {
    while let Ok(job) = jobs.try_recv() {
        let _gone = job.done.send(Err(Error::store("the database does not answer")));
    }
}

impl Pen {
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

    /// Sends everything without waiting in between. Good as long as no change leaves something to undo.
    async fn all_at_once(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>, Trouble> {
        let mut sent: Vec<Vec<Sent<'_>>> = Vec::with_capacity(changes.len());
        let mut plumbing = vec![start(Box::pin(self.plain("BEGIN"))).await];
        let mut inside = None;
        for change in changes {
            let tenant = scope(change);
            if inside != Some(tenant) {
                inside = Some(tenant);
                plumbing.push(start(Box::pin(self.enter(tenant))).await);
            }
            let mut steps = Vec::with_capacity(change.steps.len());
            for step in &change.steps {
                steps.push(start(Box::pin(self.step(step))).await);
            }
            sent.push(steps);
        }
        for notice in notices(changes) {
            plumbing.push(start(Box::pin(self.tell(notice))).await);
        }
        let mut results = Vec::with_capacity(changes.len());
        let mut redo = false;
        for (change, steps) in changes.iter().zip(sent) {
            let result = settle(change, steps).await;
            redo |= result.as_ref().is_err_and(|refused| refused.spoils);
            results.push(result);
        }
        for sent in plumbing {
            redo |= finish(sent).await.is_err();
        }
        if redo {
            self.client.batch_execute("ROLLBACK").await.map_err(|cause| Trouble::Lost(Error::store(cause)))?;
            return Err(Trouble::Refused);
        }
        self.client.batch_execute("COMMIT").await.map_err(|cause| Trouble::Lost(Error::store(cause)))?;
        Ok(results.into_iter().map(|result| result.map_err(|refused| refused.error)).collect())
    }

    /// Waits after each change and undoes those that are refused.
    async fn one_by_one(&self, changes: &[Change]) -> Result<Vec<Result<Applied>>> {
        let plain = async |sql| self.client.batch_execute(sql).await.map_err(Error::store);
        plain("BEGIN").await?;
        let mut results = Vec::with_capacity(changes.len());
        let mut told = Vec::new();
        for change in changes {
            plain("SAVEPOINT change").await?;
            self.enter(scope(change)).await.map_err(Error::store)?;
            let mut steps = Vec::with_capacity(change.steps.len());
            for step in &change.steps {
                steps.push(start(Box::pin(self.step(step))).await);
            }
            let result = settle(change, steps).await.map_err(|refused| refused.error);
            if result.is_ok() {
                plain("RELEASE change").await?;
                told.push(change);
            } else {
                plain("ROLLBACK TO change").await?;
            }
            results.push(result);
        }
        for notice in notices(told) {
            self.tell(notice).await.map_err(Error::store)?;
        }
        plain("COMMIT").await?;
        Ok(results)
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

/// A refused change, and whether the transaction cannot go on with it inside.
struct Refused {
    error: Error,
    spoils: bool,
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
                Err(error) => refused = Some(Refused { error, spoils: several }),
            },
            Err(cause) => refused = Some(Refused { error: refusal(step, cause), spoils: true }),
        }
    }
    refused.map_or(Ok(Applied(outcomes)), Err)
}

fn refusal(step: &Step, cause: tokio_postgres::Error) -> Error {
    match cause.code() {
        Some(&SqlState::UNIQUE_VIOLATION | &SqlState::FOREIGN_KEY_VIOLATION | &SqlState::CHECK_VIOLATION) => {
            step.refusal()
        }
        _ => Error::store(cause),
    }
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

/// `?1` as PostgreSQL writes it, `$1`. Each text is rewritten once and kept; there are as many as the source has.
fn numbered(sql: &'static str) -> &'static str {
    static KEPT: RwLock<Option<HashMap<(usize, usize), &'static str>>> = RwLock::new(None);
    let key = (sql.as_ptr() as usize, sql.len());
    if let Some(text) = KEPT.read().as_ref().and_then(|kept| kept.get(&key).copied()) {
        return text;
    }
    let text: &'static str = Box::leak(sql.replace('?', "$").into_boxed_str());
    KEPT.write().get_or_insert_default().insert(key, text);
    text
}

fn borrowed(args: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect()
}

fn row(from: &tokio_postgres::Row) -> Row {
    Row(from.columns().iter().enumerate().map(|(at, column)| value(from, at, column.type_())).collect())
}

fn value(from: &tokio_postgres::Row, at: usize, kind: &Type) -> Value {
    match *kind {
        Type::INT8 => from.get::<_, Option<i64>>(at).into(),
        Type::INT4 => from.get::<_, Option<i32>>(at).map(i64::from).into(),
        Type::BOOL => from.get::<_, Option<bool>>(at).map(i64::from).into(),
        Type::BYTEA => from.get::<_, Option<Vec<u8>>>(at).into(),
        Type::TEXT | Type::VARCHAR | Type::NAME => from.get::<_, Option<String>>(at).into(),
        _ => Value::Null,
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(it) if *kind == Type::INT4 => i32::try_from(*it)?.to_sql(kind, out),
            Self::Int(it) if *kind == Type::INT2 => i16::try_from(*it)?.to_sql(kind, out),
            Self::Int(it) => it.to_sql_checked(kind, out),
            Self::Bool(it) if *kind == Type::INT8 => i64::from(*it).to_sql(kind, out),
            Self::Bool(it) => it.to_sql_checked(kind, out),
            Self::Text(it) => it.to_sql_checked(kind, out),
            Self::Bytes(it) => it.to_sql_checked(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

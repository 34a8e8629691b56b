//! PostgreSQL: a pool for reading, one pipelined connection for writing with group commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use futures::future::{join, try_join, try_join3};
use parking_lot::RwLock;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{BATCH, Forget, Job, PATIENCE, Trust, WAITING, append_only, migrations};
use crate::config;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::value::{Row, Value};

mod listener;
mod tls;
mod writer;

use writer::{Pen, Writer};

/// The channel on which nodes tell one another what went stale: one for each schema, for channels are the whole database's.
const CHANNEL: &str = "'purser_' || md5(current_schema())";
/// Any number, the same in every node: held while the tables are brought up to date.
const MIGRATION_LOCK: i64 = 0x70_75_72_73_65_72;
const ENTER_TENANT: &str = "SELECT set_config('purser.tenant', $1, false)";
/// What we no longer wait for the server gives up too (3 s, as [`PATIENCE`]): else each try would leave one more behind, waiting.
const LIMIT: &str = "SET statement_timeout = 3000";
/// What the setting says when every tenant may be seen.
const ALL_TENANTS: &str = "*";

pub(super) struct Postgres {
    pool: Pool,
    jobs: mpsc::Sender<Job>,
    listening: AbortHandle,
    /// There for as long as the store is; the listener looks after it.
    _alive: Arc<()>,
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
        // Made side by side: a connection to read on is asked for next, and lies in the pool until then.
        let (client, _reader) = join(ready(&server, &trust), pool.get()).await;
        let pen = Pen::of(client?).await?;
        let (jobs, waiting) = mpsc::channel(WAITING);
        let alive = Arc::new(());
        let listen = listener::listen(server.clone(), Arc::clone(&forget), trust, Arc::downgrade(&alive));
        let listening = tokio::spawn(listen).abort_handle();
        tokio::spawn(Writer { server, forget, pen: Some(pen) }.run(waiting));
        Ok(Self { pool, jobs, listening, _alive: alive })
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

    /// The whole database, whatever else lives in it.
    pub(super) async fn size(&self) -> Result<u64> {
        let rows = self.read(None, "SELECT pg_database_size(current_database())", Vec::new()).await?;
        let bytes = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        u64::try_from(bytes).map_err(Error::internal)
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
        let tls = tls::connector(config.get_ssl_mode(), settings.ca_file.as_deref())?;
        Ok(Self { config, tls })
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

/// A connection to a database that has all it needs, whose clock is known. It is the one that writes from then on.
async fn ready(server: &Server, trust: &Trust) -> Result<Client> {
    let mut client = server.connect().await?;
    // Before anybody asks for the time: what this node wrote down by its own clock could not be taken back.
    let (found, ()) = try_join(Found::look(&client), listener::measure_clock(&client, trust)).await?;
    if found.above_walls {
        tracing::warn!(
            "the database role stands above row security; give Purser an ordinary role to have the second wall"
        );
    }
    if !found.is_all_there() {
        // Held by the session, so a node that dies lets go of it.
        client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(Error::store)?;
        bring_up_to_date(&mut client).await?;
        client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.map_err(Error::store)?;
    }
    Ok(client)
}

/// Makes what is missing, while no other node does. Each half is one transaction: whole, or not at all.
async fn bring_up_to_date(client: &mut Client) -> Result<()> {
    if !Found::look(client).await?.is_migrated() {
        // A migration may move every tenant's rows; where there is row security already it would see none.
        client.execute(ENTER_TENANT, &[&ALL_TENANTS]).await.map_err(Error::store)?;
        migrations::migrations::runner().set_grouped(true).run_async(client).await.map_err(Error::store)?;
    }
    let missing = Found::look(client).await?.missing();
    client.batch_execute(&missing).await.map_err(Error::store)
}

/// What a database has of all it must have. If nothing is missing, nothing is asked of the role that only an owner of the tables may do.
struct Found {
    migrated_to: i64,
    schema: String,
    /// Tables with a tenant and without row security, the second wall behind the statements' own conditions.
    unwalled: Vec<String>,
    /// Whether the audit log is append-only, by the trigger that lets a leaving tenant's lines go. Made so once: to do it again would have every node that starts wait for those that write.
    log_guarded: bool,
    above_walls: bool,
}

impl Found {
    /// Looks, with all questions on their way at once.
    async fn look(client: &Client) -> Result<Self> {
        let tables =
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)";
        // A schema that is not there is missed by the migrations, in their words.
        let rest = "SELECT coalesce(quote_ident(current_schema()), ''),
                EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                    JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgname = 'audit_removal' AND p.prosrc LIKE '%leaving%'
                    AND c.relnamespace = current_schema()::regnamespace),
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)";
        let all = try_join3(migrated_to(client), client.query(tables, &[]), client.query_one(rest, &[]));
        let (migrated_to, tables, rest) = all.await.map_err(Error::store)?;
        let unwalled = tables.iter().map(|table| table.get(0)).collect();
        Ok(Self { migrated_to, schema: rest.get(0), unwalled, log_guarded: rest.get(1), above_walls: rest.get(2) })
    }

    fn is_migrated(&self) -> bool {
        let runner = migrations::migrations::runner();
        let newest = runner.get_migrations().iter().map(|it| i64::from(it.version())).max();
        newest.is_some_and(|newest| self.migrated_to >= newest)
    }

    fn is_all_there(&self) -> bool {
        self.unwalled.is_empty() && self.log_guarded && self.is_migrated()
    }

    /// The statements that make what the migrations leave out.
    fn missing(&self) -> String {
        let mut missing: String = self.unwalled.iter().map(|table| wall(table)).collect();
        if !self.log_guarded {
            missing += &append_only::POSTGRES.replace("SCHEMA", &self.schema);
        }
        missing
    }
}

async fn migrated_to(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let newest = "SELECT coalesce(max(version)::bigint, 0) FROM refinery_schema_history";
    match client.query_one(newest, &[]).await {
        Err(cause) if cause.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
        row => row.map(|row| row.get(0)),
    }
}

/// Whose rows a connection may touch is asked for once in a statement, not for each row: as sub-selects they are.
fn wall(table: &str) -> String {
    format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
         DROP POLICY IF EXISTS own_tenant ON {table};
         CREATE POLICY own_tenant ON {table} USING (
             tenant_id = (SELECT current_setting('purser.tenant', true))
             OR (SELECT current_setting('purser.tenant', true)) = '*');"
    )
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

//! [`Database`]: the bare database under a [`World`](crate::world::World), for tests that look into it or tamper with it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A database of one's own on either engine.
pub enum Database {
    /// A file.
    Sqlite(String),
    /// A schema nobody else uses.
    Postgres(Box<Schema>),
}

/// A schema of PostgreSQL that goes when its test has ended.
pub struct Schema {
    server: String,
    name: String,
    /// A connection that sees every tenant, once it is needed.
    all_seeing: OnceCell<Client>,
}

impl Database {
    /// A new file in a folder.
    pub fn on_sqlite(folder: &Path) -> Self {
        Self::Sqlite(folder.join("purser.db").display().to_string())
    }

    /// A new schema.
    pub async fn on_postgres() -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let server = std::env::var("TEST_POSTGRES_URL")
            .expect("TEST_POSTGRES_URL names the PostgreSQL to test on; ./test starts one");
        let name = format!("w{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
        connect(&server).await.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
        Self::Postgres(Box::new(Schema { server, name, all_seeing: OnceCell::new() }))
    }

    /// Where it is, as `database.url` has it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{file}"),
            Self::Postgres(schema) => schema.url(&schema.server),
        }
    }

    /// Its address with another host and port in it.
    pub fn url_through(&self, address: std::net::SocketAddr) -> String {
        let Self::Postgres(schema) = self else { panic!("a file has no address") };
        let (start, rest) = schema.server.split_once('@').unwrap();
        let (_host, end) = rest.split_once('/').unwrap();
        schema.url(&format!("{start}@{address}/{end}"))
    }

    /// Whether two nodes can share it over a network.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The schema's name.
    pub fn schema(&self) -> &str {
        let Self::Postgres(schema) = self else { panic!("a file has no schema") };
        &schema.name
    }

    /// Runs statements that see every tenant.
    pub async fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(file) => {
                let connection = Connection::open(file).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            Self::Postgres(schema) => schema.all_seeing().await.batch_execute(sql).await.unwrap(),
        }
    }

    /// Tries statements that see every tenant, on a connection like the program's own.
    pub async fn try_run(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(file) => {
                let connection = Connection::open(file).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                connection.execute_batch(sql).map_err(|refused| refused.to_string())
            }
            Self::Postgres(schema) => {
                let answer = schema.all_seeing().await.batch_execute(sql).await;
                answer.map_err(|refused| refused.as_db_error().unwrap().message().to_owned())
            }
        }
    }

    /// The rows of a query that sees every tenant, each column as text: numbers in decimals, bytes in hex.
    pub async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(file) => rows_of_file(&Connection::open(file).unwrap(), query),
            Self::Postgres(schema) => rows_of(schema.all_seeing().await, query).await,
        }
    }

    /// The single value of a query.
    pub async fn value(&self, query: &str) -> String {
        self.rows(query).await.remove(0).remove(0)
    }

    /// Every table with rows of tenants, from the catalogue: a new one is covered by itself.
    pub async fn tables_of_tenants(&self) -> Vec<String> {
        let tables = match self {
            Self::Sqlite(_) => "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY 1"
                .to_owned(),
            Self::Postgres(schema) => format!(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = '{}'::regnamespace AND NOT a.attisdropped ORDER BY 1",
                schema.name
            ),
        };
        self.rows(&tables).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// Makes the tables of an older release, as far as a migration.
    pub async fn migrate_to(&self, version: i32) {
        let runner = migrations::migrations::runner().set_target(refinery::Target::Version(version));
        match self {
            Self::Sqlite(file) => drop(runner.run(&mut Connection::open(file).unwrap()).unwrap()),
            Self::Postgres(_) => drop(runner.run_async(&mut connect(&self.url()).await).await.unwrap()),
        }
    }

    /// Fills the tables that there are with the rows of another database, column by column.
    pub async fn take_over(&self, other: &Self) {
        let (prefix, setup) = match (self, other) {
            (Self::Sqlite(_), Self::Sqlite(file)) => {
                ("other", format!("PRAGMA foreign_keys = OFF; ATTACH '{file}' AS other;"))
            }
            (Self::Postgres(_), Self::Postgres(schema)) => (&*schema.name, String::new()),
            _ => panic!("one is a file and the other is not"),
        };
        let mut all = setup;
        for table in TAKEN_OVER {
            let columns = match self {
                Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
                Self::Postgres(schema) => format!(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = '{}'",
                    schema.name
                ),
            };
            let columns: Vec<String> = self.rows(&columns).await.into_iter().map(|mut row| row.remove(0)).collect();
            let columns = columns.join(", ");
            write!(all, "INSERT INTO {table} ({columns}) SELECT {columns} FROM {prefix}.{table};").unwrap();
        }
        self.run(&all).await;
    }

    /// Every text and number in every table, bytes in hex, one row a line.
    pub async fn dump(&self) -> String {
        let tables = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1".to_owned(),
            Self::Postgres(schema) => {
                // The catalogue alone promises no order, and while others make tables it keeps none.
                format!("SELECT tablename FROM pg_tables WHERE schemaname = '{}' ORDER BY 1", schema.name)
            }
        };
        let mut dump = String::new();
        for table in self.rows(&tables).await {
            for row in self.rows(&format!("SELECT * FROM {}", table[0])).await {
                writeln!(dump, "{}: {}", table[0], row.join(" | ")).unwrap();
            }
        }
        dump
    }

    /// A connection of PostgreSQL in the schema, with the tenant setting given; empty: without it.
    pub async fn client(&self, tenant: &str) -> Client {
        let client = connect(&self.url()).await;
        if !tenant.is_empty() {
            client.batch_execute(&format!("SET purser.tenant = '{tenant}'")).await.unwrap();
        }
        client
    }
}

/// The people and their work, those first that others refer to.
const TAKEN_OVER: [&str; 11] = [
    "counters",
    "tenants",
    "users",
    "templates",
    "template_versions",
    "version_editors",
    "template_words",
    "jobs",
    "job_words",
    "job_history",
    "template_history",
];

mod migrations {
    refinery::embed_migrations!("migrations");
}

impl Schema {
    async fn all_seeing(&self) -> &Client {
        let connect = async || {
            let client = connect(&self.url(&self.server)).await;
            client.batch_execute("SET purser.tenant = '*'").await.unwrap();
            client
        };
        self.all_seeing.get_or_init(connect).await
    }

    fn url(&self, server: &str) -> String {
        let joint = if server.contains('?') { '&' } else { '?' };
        format!("{server}{joint}options=-csearch_path%3D{}", self.name)
    }
}

/// Nothing waits for this but the next test run, which would otherwise find ever more schemas.
impl Drop for Schema {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let sql = format!("SET lock_timeout = '1s'; DROP SCHEMA {name} CASCADE");
                // A node that still writes may hold it; the schema then stays behind.
                let _kept = connect(&server).await.batch_execute(&sql).await;
            });
        });
        let _panicked = dropping.join();
    }
}

/// The rows of a query, each column as text.
pub async fn rows_of(client: &Client, query: &str) -> Vec<Vec<String>> {
    let messages = client.simple_query(query).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |it: Option<&str>| it.unwrap_or("NULL").trim_start_matches("\\x").to_owned();
    rows.map(|row| (0..row.len()).map(|at| text(row.get(at))).collect()).collect()
}

fn rows_of_file(connection: &Connection, query: &str) -> Vec<Vec<String>> {
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let mut statement = connection.prepare(query).unwrap();
    let width = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..width).map(|at| Ok(text(row.get(at)?))).collect();
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

fn text(value: Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(it) => it.to_string(),
        Value::Real(it) => it.to_string(),
        Value::Text(it) => it,
        Value::Blob(it) => it.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
    }
}

/// The bytes behind hex; nothing for other text.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.is_ascii() && text.len().is_multiple_of(2);
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    if pairs { (0..text.len()).step_by(2).map(byte).collect() } else { None }
}

/// A connection with its traffic carried on beside.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

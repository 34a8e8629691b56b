//! The two databases behind one door; outside this folder nobody knows which one it is.

mod append_only;
mod postgres;
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::change::{Applied, Change, Stale};
use crate::store::value::{Row, Value};

/// How many changes one transaction takes at most.
const BATCH: usize = 512;
/// How many changes may wait for the writer before new ones are refused.
const WAITING: usize = 8_192;
/// How long a database may take over one read or one transaction before it counts as not answering.
const PATIENCE: Duration = Duration::from_secs(3);

/// Told what a transaction made stale, before its answers leave; and of what other nodes and programs changed.
pub(crate) type Forget = Arc<dyn Fn(&[Stale]) + Send + Sync>;

/// What a node may believe of its memory.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Whether word of other nodes' changes reaches this one. While it does not, every check reads the store.
    listening: AtomicBool,
    /// How far the store's clock is ahead of this machine's, in microseconds.
    ahead: AtomicI64,
}

impl Trust {
    pub(crate) fn listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    pub(crate) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }
}

/// How many rows a read expects: few are read in the calling thread where that is cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Point,
    List,
}

struct Job {
    change: Change,
    done: oneshot::Sender<Done>,
}

/// What came of a change. It goes back with it, to be freed where it was made: what another thread frees costs several times as much.
type Done = (Result<Applied>, Change);

/// An open database: readers, and the one writer.
pub(crate) struct Driver {
    engine: Engine,
    trust: Arc<Trust>,
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Driver {
    /// Opens the database, brings its tables up to date and starts the writer.
    pub(crate) async fn open(settings: &config::Database, forget: Forget) -> Result<Self> {
        let url = settings.url.reveal();
        let trust = Arc::new(Trust { listening: AtomicBool::new(false), ahead: AtomicI64::new(0) });
        let engine = if let Some(file) = url.strip_prefix("sqlite:") {
            // The writer itself notices what others write.
            trust.listening.store(true, Ordering::Release);
            Engine::Sqlite(sqlite::Sqlite::open(file, forget)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(postgres::Postgres::open(settings, forget, Arc::clone(&trust)).await?)
        } else {
            return Err(Error::invalid("database.url", "write sqlite:FILE or postgres://USER@HOST/NAME"));
        };
        Ok(Self { engine, trust })
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Reads rows. `scope` is the tenant whose rows may be seen; none: all.
    pub(crate) async fn read(
        &self,
        scope: Option<&TenantId>,
        sql: &'static str,
        args: Vec<Value>,
        size: Size,
    ) -> Result<Vec<Row>> {
        match &self.engine {
            Engine::Sqlite(it) => it.read(sql, args, size).await,
            Engine::Postgres(it) => it.read(scope, sql, args).await,
        }
    }

    /// Carries a change out, durably, together with whatever else is waiting.
    pub(crate) async fn write(&self, change: Change) -> Result<Applied> {
        let (done, answer) = oneshot::channel();
        let job = Job { change, done };
        match &self.engine {
            Engine::Sqlite(it) => it.submit(job)?,
            Engine::Postgres(it) => it.submit(job)?,
        }
        let (outcome, _spent) = answer.await.map_err(|_| Error::store("the writer has stopped"))?;
        outcome
    }

    /// How many bytes the database takes on its disk.
    pub(crate) async fn size(&self) -> Result<u64> {
        match &self.engine {
            Engine::Sqlite(it) => it.size(),
            Engine::Postgres(it) => it.size().await,
        }
    }

    /// Prepares a statement, to see whether this database understands it.
    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(it) => it.prepare(sql),
            Engine::Postgres(it) => it.prepare(sql).await,
        }
    }
}

mod migrations {
    refinery::embed_migrations!("migrations");
}

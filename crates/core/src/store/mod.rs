//! The store: what may be asked of it and what may be changed in it. Only this crate can reach it.

mod change;
mod driver;
pub(crate) mod statement;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use change::{Applied, Change, Stale};
use driver::{Driver, Size};
pub(crate) use driver::{Forget, Trust};
use statement::{SystemSql, TenantSql};
pub(crate) use value::{FromRow, Row, Value, args};

use crate::access::{Scope, SystemGrant, SystemWrites};
use crate::audit;
use crate::config;
use crate::durations::{Counts, Durations};
use crate::env::{Entropy, Timestamp};
use crate::error::{Error, Result};
use crate::ids::{AuditId, TenantId};

/// The one way to the data.
pub(crate) struct Store {
    driver: Driver,
    entropy: Arc<dyn Entropy>,
    /// The id of the last line of the log that this node wrote.
    last_entry: Mutex<u128>,
    /// Statements read since the start.
    reads: AtomicU64,
    /// Changes that wait for the writer, or are being written.
    writing: AtomicU64,
    /// How long changes took from being handed in until they were durable.
    writes: Durations,
}

impl Store {
    /// Opens the database that the settings name and brings it up to date.
    pub(crate) async fn open(settings: &config::Database, entropy: Arc<dyn Entropy>, forget: Forget) -> Result<Self> {
        Ok(Self {
            driver: Driver::open(settings, forget).await?,
            entropy,
            last_entry: Mutex::new(0),
            reads: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            writes: Durations::default(),
        })
    }

    /// Changes that wait for the writer now, and how long those since the start took.
    pub(crate) fn writes(&self) -> (u64, Counts) {
        (self.writing.load(Ordering::Relaxed), self.writes.counts())
    }

    /// How many bytes the database takes on its disk.
    pub(crate) async fn size(&self) -> Result<u64> {
        Box::pin(self.driver.size()).await
    }

    /// What this node may believe of its memory.
    pub(crate) fn trust(&self) -> &Trust {
        self.driver.trust()
    }

    /// How many statements were read since the start.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// The row a tenant statement finds, if any.
    pub(crate) async fn one<T: FromRow>(
        &self,
        scope: &impl Scope,
        sql: TenantSql,
        args: Vec<Value>,
    ) -> Result<Option<T>> {
        let tenant = scope.tenant();
        let rows = self.rows(Some(tenant), sql.text(), change::under(tenant, args), Size::Point).await?;
        rows.first().map(T::from_row).transpose()
    }

    /// The rows a tenant statement finds.
    pub(crate) async fn all<T: FromRow>(&self, scope: &impl Scope, sql: TenantSql, args: Vec<Value>) -> Result<Vec<T>> {
        let tenant = scope.tenant();
        let rows = self.rows(Some(tenant), sql.text(), change::under(tenant, args), Size::List).await?;
        rows.iter().map(T::from_row).collect()
    }

    /// The row a system statement finds, if any.
    pub(crate) async fn system_one<T: FromRow>(&self, sql: SystemSql, args: Vec<Value>) -> Result<Option<T>> {
        let rows = self.rows(None, sql.text(), args, Size::Point).await?;
        rows.first().map(T::from_row).transpose()
    }

    /// The few rows a system statement finds, read where points are read.
    pub(crate) async fn system_few<T: FromRow>(&self, sql: SystemSql, args: Vec<Value>) -> Result<Vec<T>> {
        let rows = self.rows(None, sql.text(), args, Size::Point).await?;
        rows.iter().map(T::from_row).collect()
    }

    /// The rows a system statement finds.
    pub(crate) async fn system_all<T: FromRow>(&self, sql: SystemSql, args: Vec<Value>) -> Result<Vec<T>> {
        let rows = self.rows(None, sql.text(), args, Size::List).await?;
        rows.iter().map(T::from_row).collect()
    }

    /// Carries out a change by a system administrator with a right that writes.
    pub(crate) async fn apply_system<P: SystemWrites>(&self, _by: &SystemGrant<P>, change: Change) -> Result<Applied> {
        self.carry_out(change).await
    }

    /// Carries out a change the system makes itself: signing in, ending sessions, keeping house. What people change with a right of
    /// theirs goes through [`crate::app::App::apply`].
    pub(crate) fn carry_out(&self, mut change: Change) -> BoxFuture<'_, Result<Applied>> {
        for entry in change.take_entries() {
            let id = self.mint_entry(entry.at);
            change = change.run_system(audit::sql::ADD, entry.row(id));
        }
        let begun = Instant::now();
        let waits = Waiting::among(&self.writing);
        Box::pin(async move {
            let answer = self.driver.write(change).await;
            self.writes.record(begun.elapsed());
            drop(waits);
            answer
        })
    }

    /// The id of a line. Those of one node sort in the order of their minting, also within one moment (RFC 9562 section 6.2).
    fn mint_entry(&self, at: Timestamp) -> AuditId {
        let minted = u128::from_be_bytes(AuditId::mint(at, &*self.entropy).0);
        let mut last = self.last_entry.lock();
        *last = minted.max(last.saturating_add(1));
        AuditId(last.to_be_bytes())
    }

    /// Prepares every statement of the program on this database.
    ///
    /// # Errors
    /// Names the first statement the database does not understand.
    pub(crate) async fn prepare_every_statement(&self) -> Result<usize> {
        let statements = crate::statements();
        for listed in &statements {
            self.driver
                .prepare(listed.text)
                .await
                .map_err(|cause| Error::internal(format!("{}: {cause:?}", listed.name)))?;
        }
        Ok(statements.len())
    }

    // Boxed here, so that the drivers' futures are compiled in this crate and not in each that polls them.
    fn rows<'a>(
        &'a self,
        scope: Option<&'a TenantId>,
        sql: &'static str,
        args: Vec<Value>,
        size: Size,
    ) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.driver.read(scope, sql, args, size))
    }
}

/// One among those that wait, until it is dropped: also when nobody waits for its answer any more.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn among(all: &'a AtomicU64) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

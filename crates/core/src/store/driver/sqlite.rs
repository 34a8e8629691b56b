//! SQLite: readers in the calling thread, one writer thread with group commit, checkpoints on a third.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use super::{BATCH, Forget, Job, PATIENCE, Size, WAITING, append_only, migrations};
use crate::error::{Error, Result};
use crate::store::change::{Applied, Change, Outcome, Stale};
use crate::store::value::{Row, Value};

/// How often the writer looks whether another program changed the file.
const GLANCE: Duration = Duration::from_millis(200);
/// Read connections kept open between uses.
const KEPT_READERS: usize = 16;
/// Statements after which the log is folded into the file.
const CHECKPOINT_AFTER: usize = 2_000;
/// Pages in the log past which the writer itself waits for it to be folded in (256 MiB).
const LOG_PAGES: i64 = 65_536;

pub(super) struct Sqlite {
    readers: Arc<Readers>,
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Sqlite {
    pub(super) fn open(file: &str, forget: Forget) -> Result<Self> {
        let mut writer = Connection::open(file).map_err(|cause| cannot_open(file, &cause))?;
        keep_private(Path::new(file));
        prepare_connection(&writer).map_err(Error::store)?;
        writer.pragma_update(None, "wal_autocheckpoint", 0).map_err(Error::store)?;
        migrate(Path::new(file), &mut writer)?;

        let (jobs, waiting) = mpsc::sync_channel(WAITING);
        let (checkpoint, due) = mpsc::sync_channel(1);
        let folder = Connection::open(file).map_err(Error::store)?;
        prepare_connection(&folder).map_err(Error::store)?;
        let threads = vec![
            spawn("purser-writer", move || Writer { connection: writer, forget, checkpoint, steps: 0 }.run(&waiting))?,
            spawn("purser-checkpoint", move || fold_when_due(&folder, &due))?,
        ];
        let readers = Arc::new(Readers { file: file.to_owned(), idle: Mutex::new(Vec::new()) });
        Ok(Self { readers, jobs: Some(jobs), threads })
    }

    pub(super) async fn read(&self, sql: &'static str, args: Vec<Value>, size: Size) -> Result<Vec<Row>> {
        if size == Size::Point {
            return self.readers.rows(sql, &args);
        }
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.rows(sql, &args)).await.map_err(Error::internal)?
    }

    pub(super) fn submit(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or_else(|| Error::store("the writer has stopped"))?;
        jobs.try_send(job).map_err(|refusal| match refusal {
            TrySendError::Full(_) => Error::store("too many changes are waiting to be written"),
            TrySendError::Disconnected(_) => Error::store("the writer has stopped"),
        })
    }

    /// The file, and the log beside it.
    pub(super) fn size(&self) -> Result<u64> {
        let file = &self.readers.file;
        let whole = std::fs::metadata(file).map_err(Error::store)?.len();
        let log = std::fs::metadata(format!("{file}-wal")).map_or(0, |log| log.len());
        Ok(whole + log)
    }

    pub(super) fn prepare(&self, sql: &'static str) -> Result<()> {
        self.readers.with(|reader| reader.prepare_cached(sql).map(drop))
    }
}

/// Lets the writer finish what it has taken, then folds the log in.
impl Drop for Sqlite {
    fn drop(&mut self) {
        self.jobs.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a store thread panicked");
            }
        }
    }
}

/// Read-only connections, taken and given back.
struct Readers {
    file: String,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn rows(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>> {
        self.with(|reader| collect(reader, sql, args).map(|outcome| outcome.rows))
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let kept = self.idle.lock().pop();
        let reader = match kept {
            Some(reader) => reader,
            None => self.connect().map_err(Error::store)?,
        };
        let answer = read(&reader).map_err(Error::store);
        let mut idle = self.idle.lock();
        if idle.len() < KEPT_READERS {
            idle.push(reader);
        }
        answer
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let reader = Connection::open_with_flags(&self.file, flags)?;
        reader.busy_timeout(Duration::from_secs(2))?;
        reader.set_prepared_statement_cache_capacity(128);
        Ok(reader)
    }
}

struct Writer {
    connection: Connection,
    forget: Forget,
    checkpoint: SyncSender<()>,
    /// Statements since the last checkpoint was asked for.
    steps: usize,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut seen = self.version();
        loop {
            match jobs.recv_timeout(GLANCE) {
                Ok(first) => {
                    if !self.commit(gather(first, jobs)) {
                        refuse_waiting(jobs);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Our own commits leave this number alone; a command run beside the server does not.
            let version = self.version();
            if version != seen {
                seen = version;
                (self.forget)(&[Stale::Everything]);
            }
        }
    }

    fn version(&self) -> i64 {
        let read = |it: &Connection| it.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        read(&self.connection).unwrap_or(0)
    }

    /// Carries a batch out and answers each; says whether the database did its part.
    fn commit(&mut self, batch: Vec<Job>) -> bool {
        let (mut changes, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.change, job.done)).unzip();
        let outcome = self.carry_out(&changes);
        let stale: Vec<Stale> = changes.iter_mut().flat_map(|change| std::mem::take(&mut change.stale)).collect();
        if !stale.is_empty() {
            // Even after a failed commit: forgetting only costs a read.
            (self.forget)(&stale);
        }
        let kept = outcome.is_ok();
        let waiting = waiting.into_iter().zip(changes);
        match outcome {
            Ok(results) => {
                for ((done, change), result) in waiting.zip(results) {
                    // Nobody listens any more when the client has gone.
                    let _gone = done.send((result, change));
                }
            }
            Err(cause) => {
                let cause = cause.to_string();
                tracing::error!(cause, "a transaction failed");
                for (done, change) in waiting {
                    let _gone = done.send((Err(Error::store(cause.clone())), change));
                }
            }
        }
        self.ask_for_checkpoint();
        kept
    }

    /// One transaction for all; the inner results are each change's own.
    fn carry_out(&mut self, changes: &[Change]) -> rusqlite::Result<Vec<Result<Applied>>> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            self.steps += change.steps.len();
            results.push(apply(&transaction, change)?);
        }
        transaction.commit()?;
        Ok(results)
    }

    fn ask_for_checkpoint(&mut self) {
        if self.steps < CHECKPOINT_AFTER {
            return;
        }
        self.steps = 0;
        // A full channel means one is due already.
        let _due = self.checkpoint.try_send(());
        let log_pages: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1)).unwrap_or(0);
        if log_pages > LOG_PAGES
            && let Err(cause) = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
        {
            tracing::warn!(%cause, "the write-ahead log is long and could not be folded in");
        }
    }
}

fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    std::iter::once(first).chain(jobs.try_iter()).take(BATCH).collect()
}

/// Whoever has waited while the file was locked or the disk full is told so too, instead of waiting for a failure of their own.
fn refuse_waiting(jobs: &Receiver<Job>) {
    for job in jobs.try_iter() {
        let _gone = job.done.send((Err(Error::store("the database cannot be written to")), job.change));
    }
}

/// Carries one change out inside the transaction. The outer error spoils the transaction; the inner one only this change.
fn apply(on: &Connection, change: &Change) -> rusqlite::Result<Result<Applied>> {
    let several = change.steps.len() > 1;
    if several {
        on.prepare_cached("SAVEPOINT change")?.execute([])?;
    }
    let result = steps(on, change);
    if on.is_autocommit() {
        // The engine has given the whole transaction up (disk full, for one).
        return Err(rusqlite::Error::ExecuteReturnedResults);
    }
    if several {
        if result.is_err() {
            on.prepare_cached("ROLLBACK TO change")?.execute([])?;
        }
        on.prepare_cached("RELEASE change")?.execute([])?;
    }
    Ok(result)
}

fn steps(on: &Connection, change: &Change) -> Result<Applied> {
    let mut outcomes = Vec::with_capacity(change.steps.len());
    for step in &change.steps {
        let outcome = collect(on, step.sql, &step.args).map_err(|cause| match cause.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => step.refusal(),
            _ => Error::store(cause),
        })?;
        step.judge(&outcome)?;
        outcomes.push(outcome);
    }
    Ok(Applied(outcomes))
}

fn collect(on: &Connection, sql: &'static str, args: &[Value]) -> rusqlite::Result<Outcome> {
    let mut statement = on.prepare_cached(sql)?;
    let width = statement.column_count();
    if width == 0 {
        let touched = statement.execute(params_from_iter(args))?;
        return Ok(Outcome { touched: touched as u64, rows: Vec::new() });
    }
    let mut rows = Vec::new();
    let mut found = statement.query(params_from_iter(args))?;
    while let Some(row) = found.next()? {
        let columns = (0..width).map(|at| row.get_ref(at).map(value)).collect::<rusqlite::Result<_>>()?;
        rows.push(Row(columns));
    }
    Ok(Outcome { touched: rows.len() as u64, rows })
}

fn value(from: ValueRef<'_>) -> Value {
    match from {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(it) => Value::Int(it),
        // No column of ours holds fractions; a whole number keeps a stray one harmless.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        ValueRef::Real(it) => Value::Int(it as i64),
        ValueRef::Text(it) => Value::Text(String::from_utf8_lossy(it).into_owned()),
        ValueRef::Blob(it) => Value::Bytes(it.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(it) => ToSqlOutput::Borrowed(ValueRef::Integer(*it)),
            Self::Bool(it) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*it))),
            Self::Text(it) => ToSqlOutput::Borrowed(ValueRef::Text(it.as_bytes())),
            Self::Bytes(it) => ToSqlOutput::Borrowed(ValueRef::Blob(it)),
        })
    }
}

fn prepare_connection(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn fold_when_due(connection: &Connection, due: &Receiver<()>) {
    while due.recv().is_ok() {
        if let Err(cause) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%cause, "the write-ahead log could not be folded in");
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run).map_err(Error::internal)
}

/// Brings the tables up to date. Processes that find a new file at once would each make its tables: they take turns, by a lock on
/// its folder. Not on the file, for to close that a second time would end the locks SQLite has on it.
fn migrate(file: &Path, writer: &mut Connection) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let turn = std::fs::File::open(folder).map_err(Error::store)?;
    turn.lock().map_err(Error::store)?;
    migrations::migrations::runner().run(writer).map_err(not_migrated)?;
    writer.execute_batch(append_only::SQLITE).map_err(Error::store)
}

fn not_migrated(cause: refinery::Error) -> Error {
    match cause.kind() {
        refinery::error::Kind::MissingVersion(_) => Error::internal(
            "a newer version of Purser made this database: run that one, or put back what was kept before the upgrade",
        ),
        _ => Error::store(cause),
    }
}

fn cannot_open(file: &str, cause: &rusqlite::Error) -> Error {
    Error::store(format!("cannot open the database file {file}: {cause}"))
}

/// The file holds password hashes: nobody but its owner reads it.
#[cfg(unix)]
fn keep_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Err(cause) = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)) {
        tracing::warn!(%cause, "the database file could not be made private");
    }
}

#[cfg(not(unix))]
fn keep_private(_file: &Path) {}

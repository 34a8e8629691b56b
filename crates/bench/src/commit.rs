//! The yardstick of the refresh: conditional updates of single rows, gathered by one writer into durable transactions.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures::future::{join, try_join_all};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};

use crate::clock;
use crate::sample::{Latencies, Sample};

/// The most changes in one transaction.
const MOST: usize = 512;
/// What else a row holds: as wide as a session's address, agent and the like, since it is pages that are written.
const REST: [u8; 128] = [0; 128];

/// One change: the row, the generation it must be at, and who waits for the outcome.
pub(crate) struct Change {
    /// The row's key.
    pub(crate) row: [u8; 16],
    /// The generation the row must be at.
    pub(crate) generation: i64,
    /// Told, once the change is durable, whether the row was found at that generation.
    pub(crate) done: oneshot::Sender<bool>,
}

/// Where changes wait.
pub(crate) type Queue = UnboundedSender<Change>;

/// A small table to commit to, and the generation each of its rows is at.
pub(crate) struct Bare {
    table: Table,
    generations: Vec<i64>,
}

enum Table {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Bare {
    /// A table of `rows` in a new SQLite file of this folder; the waiters own some of them, scattered among the rest.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn sqlite(folder: &Path, rows: usize, waiters: usize) -> Result<Self> {
        let file = folder.join("bare.db");
        make_sqlite(&file, rows)?;
        Ok(Self { table: Table::Sqlite(file), generations: vec![0; waiters] })
    }

    /// A table of `rows` in its own schema of a PostgreSQL database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn postgres(url: &str, rows: usize, waiters: usize) -> Result<Self> {
        one_thread()?.block_on(async {
            let client = connect(url).await?;
            warn_if_not_durable(&client).await?;
            client
                .batch_execute(
                    "CREATE SCHEMA bare;
                     CREATE TABLE bare.session (
                         id bytea PRIMARY KEY, generation bigint NOT NULL, child bigint NOT NULL, issued_at bigint NOT NULL,
                         rest bytea NOT NULL);",
                )
                .await?;
            let insert = client.prepare("INSERT INTO bare.session VALUES ($1, 0, 0, 0, $2)").await?;
            for row in 0..rows {
                client.execute(&insert, &[&key(row).as_slice(), &REST.as_slice()]).await?;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        Ok(Self { table: Table::Postgres(url.to_owned()), generations: vec![0; waiters] })
    }

    /// The rate of durable changes with every row's owner waiting for its last before it asks for the next.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn rate(&mut self, warm_up: Duration, measure: Duration) -> Result<Sample> {
        let open = clock::now() + warm_up;
        let window = (open, open + measure);
        let (latencies, generations) = match &self.table {
            Table::Sqlite(file) => rate_on_sqlite(file, &self.generations, window)?,
            Table::Postgres(url) => rate_on_postgres(url, &self.generations, window)?,
        };
        self.generations = generations;
        Ok(Sample::new(latencies.count(), measure, &latencies))
    }
}

type Waited = (Latencies, Vec<i64>);

fn rate_on_sqlite(file: &Path, generations: &[i64], window: (Instant, Instant)) -> Result<Waited> {
    let (queue, waiting) = unbounded_channel();
    let connection = open_sqlite(file)?;
    let writer = std::thread::spawn(move || write_to_sqlite(connection, waiting));
    let waited = one_thread()?.block_on(wait_all(queue, generations, window));
    writer.join().map_err(|_| anyhow!("the writer panicked"))??;
    waited
}

fn rate_on_postgres(url: &str, generations: &[i64], window: (Instant, Instant)) -> Result<Waited> {
    one_thread()?.block_on(async {
        let (queue, waiting) = unbounded_channel();
        let client = connect(url).await?;
        let (waited, written) = join(wait_all(queue, generations, window), write_to_postgres(client, waiting)).await;
        written?;
        waited
    })
}

async fn wait_all(queue: Queue, generations: &[i64], window: (Instant, Instant)) -> Result<Waited> {
    let tasks: Vec<_> = generations
        .iter()
        .enumerate()
        .map(|(row, &generation)| tokio::spawn(wait(queue.clone(), key(row), generation, window)))
        .collect();
    drop(queue);
    let (mut all, mut reached) = (Latencies::new(), Vec::new());
    for waited in try_join_all(tasks).await? {
        let (latencies, generation) = waited?;
        for latency in latencies {
            all.record(latency);
        }
        reached.push(generation);
    }
    Ok((all, reached))
}

async fn wait(
    queue: Queue,
    row: [u8; 16],
    mut generation: i64,
    (open, close): (Instant, Instant),
) -> Result<(Vec<Duration>, i64)> {
    let mut latencies = Vec::new();
    loop {
        let asked = clock::now();
        if asked >= close {
            return Ok((latencies, generation));
        }
        let (done, outcome) = oneshot::channel();
        queue.send(Change { row, generation, done }).ok().context("the writer is gone")?;
        ensure!(outcome.await.context("the writer is gone")?, "a row was not at its generation");
        generation += 1;
        let now = clock::now();
        if open <= now && now <= close {
            latencies.push(now - asked);
        }
    }
}

/// Makes the SQLite file anew.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_sqlite(file: &Path, rows: usize) -> Result<()> {
    let mut connection = open_sqlite(file)?;
    let all = connection.transaction()?;
    all.execute_batch(
        "DROP TABLE IF EXISTS session;
         CREATE TABLE session (
             id BLOB PRIMARY KEY, generation INTEGER NOT NULL, child INTEGER NOT NULL, issued_at INTEGER NOT NULL,
             rest BLOB NOT NULL
         ) STRICT, WITHOUT ROWID;",
    )?;
    let mut insert = all.prepare("INSERT INTO session VALUES (?1, 0, 0, 0, ?2)")?;
    for row in 0..rows {
        insert.execute(params![key(row), REST])?;
    }
    drop(insert);
    Ok(all.commit()?)
}

/// Opens it as durable as SQLite can: a write-ahead log that is synced with every transaction.
///
/// # Errors
/// When it is not a database.
pub(crate) fn open_sqlite(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    Ok(connection)
}

/// The one writer: takes what waits, commits it as one transaction, tells all. Ends when nobody can ask any more.
///
/// # Errors
/// When the database fails.
pub(crate) fn write_to_sqlite(mut connection: Connection, mut waiting: UnboundedReceiver<Change>) -> Result<()> {
    const UPDATE: &str =
        "UPDATE session SET generation = ?2 + 1, child = ?3, issued_at = ?4 WHERE id = ?1 AND generation = ?2";
    let (mut batch, mut found) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
    while waiting.blocking_recv_many(&mut batch, MOST) > 0 {
        let all = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut update = all.prepare_cached(UPDATE)?;
        for Change { row, generation, .. } in &batch {
            found.push(update.execute(params![row, generation, generation ^ 0x5555, generation])? == 1);
        }
        drop(update);
        all.commit()?;
        tell(&mut batch, &mut found);
    }
    Ok(())
}

/// The same over one PostgreSQL connection, each transaction sent in one go.
async fn write_to_postgres(client: Client, mut waiting: UnboundedReceiver<Change>) -> Result<()> {
    const UPDATE: &str =
        "UPDATE bare.session SET generation = $2 + 1, child = $3, issued_at = $4 WHERE id = $1 AND generation = $2";
    let update = client.prepare(UPDATE).await?;
    let (mut batch, mut found) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
    while waiting.recv_many(&mut batch, MOST).await > 0 {
        // A future sends its message when it is first polled, and these are polled in this order.
        let updates = try_join_all(batch.iter().map(|change| apply(&client, &update, change)));
        let (begun, (updated, committed)) =
            join(client.batch_execute("BEGIN"), join(updates, client.batch_execute("COMMIT"))).await;
        begun.and(committed)?;
        found.extend(updated?);
        tell(&mut batch, &mut found);
    }
    Ok(())
}

async fn apply(client: &Client, update: &tokio_postgres::Statement, change: &Change) -> Result<bool> {
    let Change { row, generation, .. } = change;
    let (child, issued_at) = (generation ^ 0x5555, *generation);
    let count = client.execute(update, &[&row.as_slice(), generation, &child, &issued_at]).await?;
    Ok(count == 1)
}

fn tell(batch: &mut Vec<Change>, found: &mut Vec<bool>) {
    for (change, found) in batch.drain(..).zip(found.drain(..)) {
        // One who has gone away has no use for the answer.
        let _ = change.done.send(found);
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("cannot connect to PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}

async fn warn_if_not_durable(client: &Client) -> Result<()> {
    for setting in ["fsync", "synchronous_commit"] {
        let value: String = client.query_one(&format!("SHOW {setting}"), &[]).await?.get(0);
        if value != "on" {
            eprintln!("{setting} is {value} in PostgreSQL: commits are not durable, the figures say little");
        }
    }
    Ok(())
}

fn one_thread() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Sixteen bytes that name a row, spread like random ones.
pub(crate) fn key(row: usize) -> [u8; 16] {
    let spread = (row as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    spread.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_refused_when_its_row_has_moved_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bare.db");
        make_sqlite(&file, 1).unwrap();
        let (queue, waiting) = unbounded_channel();
        let outcomes: Vec<_> = [0, 0, 1]
            .map(|generation| {
                let (done, outcome) = oneshot::channel();
                queue.send(Change { row: key(0), generation, done }).unwrap();
                outcome
            })
            .into();
        drop(queue);
        write_to_sqlite(open_sqlite(&file).unwrap(), waiting).unwrap();
        let found: Vec<bool> = outcomes.into_iter().map(|outcome| outcome.blocking_recv().unwrap()).collect();
        assert_eq!(found, [true, false, true]);
    }

    #[test]
    fn owners_know_where_each_round_left_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let mut bare = Bare::sqlite(folder.path(), 9, 4).unwrap();
        for _ in 0..2 {
            bare.rate(Duration::ZERO, Duration::from_millis(20)).unwrap();
        }
        let connection = open_sqlite(&folder.path().join("bare.db")).unwrap();
        let stored: Vec<i64> = (0..4)
            .map(|row| {
                let question = "SELECT generation FROM session WHERE id = ?1";
                connection.query_row(question, [key(row)], |row| row.get(0)).unwrap()
            })
            .collect();
        assert_eq!(bare.generations, stored);
    }
}

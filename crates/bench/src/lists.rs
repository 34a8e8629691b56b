//! Filling a database with templates, jobs and records by the million, in the shape of the server's own rows, on either engine.
//!
//! As in `scale.rs` rows are copies of one the server wrote itself, with only the columns changed that tell one from another.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures::SinkExt as _;
use indicatif::ProgressBar;
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::commit::key;
use crate::crowd::{self, Crowd};
use crate::scale::{self, Table, scatter};

/// How much of everything there shall be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Templates, each with one version.
    pub(crate) templates: u64,
    /// Jobs.
    pub(crate) jobs: u64,
    /// Records of each job.
    pub(crate) records: u64,
    /// People.
    pub(crate) users: u64,
    /// Lines of the audit log.
    pub(crate) lines: u64,
}

/// 100,000 templates, 1 M jobs and 10 M records; 1 M people; 1 M lines of the audit log.
pub(crate) const WHOLE: Work =
    Work { templates: 100_000, jobs: 1_000_000, records: 10, users: 1_000_000, lines: 1_000_000 };

/// Some of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Templates, jobs and records
    Work,
    /// People
    People,
    /// The audit log
    Log,
}

/// Words of titles: every thing has one of each.
pub(crate) const VERBS: u64 = 20;
/// Things that work is done on.
pub(crate) const PARTS: u64 = 50;
/// Asset classes.
pub(crate) const CLASSES: u64 = 20;
/// Jobs on one asset, and so with one number in their words.
const JOBS_OF_ASSET: u64 = 10;
/// Words of a template, and of a job.
const TEMPLATE_WORDS: usize = 4;
const JOB_WORDS: usize = 5;
/// When the first was made, long before those the server made itself.
const FIRST_MADE: u64 = 0x0190_0000_0000;

impl Work {
    /// A part of it.
    pub(crate) fn percent(self, percent: u64) -> Self {
        let part = |whole| whole * percent / 100;
        let (templates, jobs) = (part(self.templates), part(self.jobs));
        Self { templates, jobs, users: part(self.users), lines: part(self.lines), ..self }
    }

    /// Only what some lists are about.
    pub(crate) fn only(self, which: Which) -> Self {
        let none = Self { templates: 0, jobs: 0, users: 0, lines: 0, ..self };
        match which {
            Which::Work => Self { templates: self.templates, jobs: self.jobs, ..none },
            Which::People => Self { users: self.users, ..none },
            Which::Log => Self { lines: self.lines, ..none },
        }
    }

    /// How many numbers assets have.
    pub(crate) fn assets(self) -> u64 {
        (self.jobs / JOBS_OF_ASSET).max(1)
    }
}

/// The id of a template or a job, as the API writes it.
pub(crate) fn id_text(thing: u64) -> String {
    let hex = format!("{:032x}", id(thing));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    parts.join("-")
}

/// A word that one in so many things has.
pub(crate) fn verb(number: u64) -> String {
    format!("verb{:02}", number % VERBS)
}

/// The same of the things' own words.
pub(crate) fn part(number: u64) -> String {
    format!("part{:02}", number % PARTS)
}

/// An asset class.
pub(crate) fn class(number: u64) -> String {
    format!("class{:02}", number % CLASSES)
}

/// The number of a template in its title, or of an asset: few things have it.
pub(crate) fn serial(number: u64) -> String {
    format!("{number:07}")
}

fn id(thing: u64) -> u128 {
    scale::uuid_v7(FIRST_MADE + thing, u128::from_be_bytes(key(usize::try_from(thing).unwrap_or(0))))
}

fn id_value(thing: u64) -> Value {
    Value::Blob(id(thing).to_be_bytes().to_vec())
}

#[expect(clippy::unnecessary_wraps, reason = "what a column becomes, if anything")]
fn text(text: impl Into<String>) -> Option<Value> {
    Some(Value::Text(text.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "what a column becomes, if anything")]
fn number(number: u64) -> Option<Value> {
    Some(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn template_title(template: u64) -> String {
    let mixed = scatter(template);
    format!("{} {} {}", verb(mixed), part(mixed / VERBS), serial(template))
}

fn template_class(template: u64) -> String {
    class(scatter(template) / VERBS / PARTS)
}

fn template_state(template: u64) -> &'static str {
    match scatter(template ^ 0x5a5a) % 100 {
        0..60 => "published",
        60..75 => "archived",
        75..85 => "draft",
        85..95 => "in-review",
        _ => "approved",
    }
}

/// The words of a template, the class among them.
fn template_words(template: u64) -> [String; TEMPLATE_WORDS] {
    let mixed = scatter(template);
    [verb(mixed), part(mixed / VERBS), serial(template), template_class(template)]
}

/// The words of a job, the class among them.
fn job_words(job: u64, size: Work) -> [String; JOB_WORDS] {
    let mixed = scatter(job);
    [verb(mixed), part(mixed / VERBS), "p".to_owned(), serial(job % size.assets()), job_class(job)]
}

/// Marks as the server sets them (its `work/marks.rs`). Were they others, rows would not be found and their pages come up short.
fn marks(words: &[String], class: &str, priority: u64) -> u64 {
    let terms = words.iter().map(|word| (b'w', word.as_str())).chain([(b'c', class)]);
    let priority = if priority == 0 { 0 } else { 1 << (64 - priority) };
    terms.fold(priority, |marks, (kind, term)| marks | mark(kind, term))
}

fn mark(kind: u8, term: &str) -> u64 {
    let mixed = [kind]
        .iter()
        .chain(term.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = mixed ^ (mixed >> 27);
    [mixed, mixed / 61, mixed / 61 / 61].into_iter().fold(0, |marks, place| marks | 1 << (place % 61))
}

#[expect(clippy::unnecessary_wraps, reason = "what a column becomes, if anything")]
fn marked(marks: u64) -> Option<Value> {
    Some(Value::Integer(marks.cast_signed()))
}

fn template_marks(template: u64) -> Option<Value> {
    marked(marks(&template_words(template), &template_class(template), 0))
}

fn job_marks(job: u64, size: Work) -> Option<Value> {
    marked(marks(&job_words(job, size), &job_class(job), job_priority(job)))
}

fn is_published(template: u64) -> Option<Value> {
    number(u64::from(template_state(template) == "published"))
}

fn template(column: &str, template: u64) -> Option<Value> {
    match column {
        "marks" => template_marks(template),
        "id" => Some(id_value(template)),
        "title" => text(template_title(template)),
        "title_key" => Some(Value::Blob(template_title(template).into_bytes())),
        "asset_class" | "class_key" => text(template_class(template)),
        "state" => text(template_state(template)),
        "published" => is_published(template),
        _ => None,
    }
}

fn version(column: &str, template: u64) -> Option<Value> {
    match column {
        "template_id" => Some(id_value(template)),
        "state" => text(template_state(template)),
        _ => None,
    }
}

fn template_word(column: &str, row: u64) -> Option<Value> {
    let (template, word) = place(row, TEMPLATE_WORDS);
    match column {
        "marks" => template_marks(template),
        "state" => text(template_state(template)),
        "published" => is_published(template),
        "template_id" => Some(id_value(template)),
        "title_key" => Some(Value::Blob(template_title(template).into_bytes())),
        "word" => text(template_words(template).get(word).cloned().unwrap_or_default()),
        _ => None,
    }
}

/// Most are done, as in a company that has worked for years.
fn job_state(job: u64) -> &'static str {
    match scatter(job ^ 0xa5a5) % 100 {
        0..90 => "completed",
        90..92 => "cancelled",
        92..95 => "unassigned",
        95..98 => "assigned",
        _ => "in-progress",
    }
}

fn job_priority(job: u64) -> u64 {
    match scatter(job ^ 0x1234) % 10 {
        0 => 3,
        1..4 => 1,
        _ => 2,
    }
}

fn job_class(job: u64) -> String {
    class(scatter(job) / VERBS / PARTS)
}

fn assignee(job: u64, people: &[i64]) -> Value {
    let place = usize::try_from(scatter(job) >> 32).unwrap_or(0) % people.len().max(1);
    match people.get(place) {
        Some(person) if job_state(job) != "unassigned" => Value::Integer(*person),
        _ => Value::Null,
    }
}

fn job_row(column: &str, job: u64, size: Work, people: &[i64]) -> Option<Value> {
    let mixed = scatter(job);
    match column {
        "marks" => job_marks(job, size),
        "id" => Some(id_value(job)),
        "template_id" => Some(id_value(job % size.templates.max(1))),
        "title" => text(format!("{} {}", verb(mixed), part(mixed / VERBS))),
        "asset" => text(format!("P-{}", serial(job % size.assets()))),
        "asset_class" | "class_key" => text(job_class(job)),
        "priority" => number(job_priority(job)),
        "assignee" => Some(assignee(job, people)),
        "state" => text(job_state(job)),
        "records" => number(size.records),
        _ => None,
    }
}

/// Which thing and which of its words a row is.
fn place(row: u64, words: usize) -> (u64, usize) {
    (row / words as u64, usize::try_from(row % words as u64).unwrap_or(0))
}

fn job_word(column: &str, row: u64, size: Work, people: &[i64]) -> Option<Value> {
    let (job, word) = place(row, JOB_WORDS);
    match column {
        "marks" => job_marks(job, size),
        "state" => text(job_state(job)),
        "assignee" => Some(match assignee(job, people) {
            Value::Null => Value::Integer(0),
            person => person,
        }),
        "job_id" => Some(id_value(job)),
        "word" => text(job_words(job, size).get(word).cloned().unwrap_or_default()),
        _ => None,
    }
}

fn record(column: &str, row: u64, size: Work) -> Option<Value> {
    match column {
        "job_id" => Some(id_value(row / size.records.max(1))),
        "number" => number(row % size.records.max(1) + 1),
        "idempotency_key" => text(format!("k{row}")),
        _ => None,
    }
}

/// A table, how many rows it gets, and what tells them apart.
type Filling<'a> = (Table, u64, Box<dyn Fn(&str, u64) -> Option<Value> + Send + 'a>);

fn fillings(size: Work, people: &[i64]) -> Vec<Filling<'_>> {
    let crowd = Crowd { first: people.last().map_or(1, |last| last + 1), count: size.users };
    let all: Vec<Filling<'_>> = vec![
        (Table::of("templates", "id"), size.templates, Box::new(template)),
        (Table::of("template_versions", "template_id"), size.templates, Box::new(version)),
        (Table::of("template_words", "template_id"), size.templates * TEMPLATE_WORDS as u64, Box::new(template_word)),
        (Table::of("jobs", "id"), size.jobs, Box::new(move |column, job| job_row(column, job, size, people))),
        (
            Table::of("job_words", "job_id"),
            size.jobs * JOB_WORDS as u64,
            Box::new(move |column, row| job_word(column, row, size, people)),
        ),
        (
            Table::of("records", "job_id"),
            size.jobs * size.records,
            Box::new(move |column, row| record(column, row, size)),
        ),
        (Table::of("users", "id"), size.users, Box::new(move |column, user| crowd.user(column, user))),
        (
            Table::of("user_words", "word"),
            size.users * crowd::WORDS,
            Box::new(move |column, row| crowd.user_word(column, row)),
        ),
        (Table::of("audit", "id"), size.lines, Box::new(crowd::line)),
    ];
    all.into_iter().filter(|(_, count, _)| *count > 0).collect()
}

/// Fills the SQLite database of a stopped server that has made one of each itself.
///
/// # Errors
/// When the schema is not the expected one or the disk is full.
pub(crate) fn fill_sqlite(file: &Path, size: Work, progress: &ProgressBar) -> Result<()> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;",
    )?;
    let people: Vec<i64> = connection
        .prepare("SELECT id FROM users ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for (table, count, vary) in fillings(size, &people) {
        progress.set_message(format!("filling in {count} {}", table.name));
        table.multiply(&mut connection, count, progress, vary)?;
        progress.inc(1);
    }
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    Ok(std::fs::File::open(file)?.sync_all()?)
}

/// The same on PostgreSQL, by `COPY`; statistics are taken afterwards, as autovacuum would by and by.
///
/// # Errors
/// As [`fill_sqlite`].
pub(crate) fn fill_postgres(url: &str, size: Work, progress: &ProgressBar) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        // Row security shows nobody otherwise.
        client.batch_execute("SET purser.tenant = '*'").await?;
        let ids = client.query("SELECT id FROM users ORDER BY id", &[]).await?;
        ensure!(!ids.is_empty(), "nobody is there to give jobs to");
        let people: Vec<i64> = ids.iter().map(|row| row.get(0)).collect();
        for (table, count, vary) in fillings(size, &people) {
            progress.set_message(format!("filling in {count} {}", table.name));
            copy(&client, &table, count, progress, vary)
                .await
                .with_context(|| format!("cannot fill {}", table.name))?;
            progress.inc(1);
        }
        Ok(())
    })
}

async fn copy(
    client: &Client,
    table: &Table,
    count: u64,
    progress: &ProgressBar,
    vary: impl Fn(&str, u64) -> Option<Value>,
) -> Result<()> {
    let name = table.name;
    // COPY knows no row security; the server puts it back when it starts.
    client.batch_execute(&format!("ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")).await?;
    let first = client.simple_query(&format!("SELECT * FROM {name} ORDER BY {} LIMIT 1", table.order)).await?;
    let row = first.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.with_context(|| format!("no row of {name} to copy"))?;
    let columns: Vec<&str> = row.columns().iter().map(tokio_postgres::SimpleColumn::name).collect();
    let copied: Vec<String> = (0..columns.len()).map(|place| escaped(row.get(place))).collect();
    let sink = client.copy_in(&format!("COPY {name} ({}) FROM STDIN", columns.join(", "))).await?;
    let mut sink = std::pin::pin!(sink);
    let mut lines = String::with_capacity(1 << 17);
    for number in 0..count {
        for (place, (column, copied)) in columns.iter().zip(&copied).enumerate() {
            if place > 0 {
                lines.push('\t');
            }
            match vary(column, number) {
                Some(value) => write_value(&mut lines, &value),
                None => lines.push_str(copied),
            }
        }
        lines.push('\n');
        if lines.len() > 1 << 16 {
            sink.send(std::io::Cursor::new(std::mem::take(&mut lines).into_bytes())).await?;
            progress.tick();
        }
    }
    sink.send(std::io::Cursor::new(lines.into_bytes())).await?;
    sink.finish().await?;
    Ok(client.batch_execute(&format!("VACUUM ANALYZE {name}")).await?)
}

/// As `COPY` reads it in its text format.
fn escaped(value: Option<&str>) -> String {
    match value {
        None => "\\N".to_owned(),
        Some(text) => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"),
    }
}

fn write_value(to: &mut String, value: &Value) {
    match value {
        Value::Blob(bytes) => {
            to.push_str("\\\\x");
            for byte in bytes {
                let _ = write!(to, "{byte:02x}");
            }
        }
        Value::Text(text) => to.push_str(&escaped(Some(text))),
        Value::Integer(number) => {
            let _ = write!(to, "{number}");
        }
        Value::Null | Value::Real(_) => to.push_str("\\N"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_thing_are_all_different() {
        let are_different =
            |words: &[String]| words.iter().collect::<std::collections::BTreeSet<_>>().len() == words.len();
        for thing in 0..200 {
            assert!(are_different(&template_words(thing)) && are_different(&job_words(thing, WHOLE)));
        }
    }

    #[test]
    fn marks_are_those_of_the_server() {
        assert_eq!(marks(&["seal".to_owned()], "pumps", 2), 4_683_743_619_176_202_752);
    }

    #[test]
    fn ids_are_in_the_order_they_were_made_in() {
        assert!(id(1) < id(2) && id_text(1) < id_text(2));
        assert_eq!(id_text(7).len(), 36);
    }

    #[test]
    fn values_are_written_as_copy_reads_them() {
        let mut line = String::new();
        write_value(&mut line, &Value::Blob(vec![0, 255]));
        write_value(&mut line, &Value::Text("a\tb\\".into()));
        write_value(&mut line, &Value::Null);
        assert_eq!(line, "\\\\x00ffa\\tb\\\\\\N");
    }
}

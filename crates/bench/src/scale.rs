//! Filling a SQLite database with users and sessions by the million, in the shape of the server's own rows.
//!
//! Rows are copies of one the server wrote itself, with only the columns changed that tell one from another; so a column the
//! schema gains later needs nothing here. The names below are the schema's (`crates/core/migrations`).

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use crate::commit::key;
use crate::purser::TENANT;

const TENANTS: Table = Table { name: "tenants", order: "tenant_id", index_free: false };
const USERS: Table = Table { name: "users", order: "id", index_free: false };
const SESSIONS: Table = Table { name: "sessions", order: "id", index_free: true };

/// How many rows there shall be beside those the server made itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Users; each can sign in with the bench's password, as [`email`].
    pub(crate) users: u64,
    /// Sessions, spread over the users.
    pub(crate) sessions: u64,
    /// Tenants, with the users dealt out to them; none: all users are in the one there is.
    pub(crate) tenants: u64,
}

impl Size {
    /// The address of a filled-in user. It names their tenant, see [`tenant_of`].
    pub(crate) fn email(&self, user: u64) -> String {
        format!("f{user:09}@{}.test", self.tenant(user))
    }

    fn tenant(&self, user: u64) -> String {
        user.checked_rem(self.tenants).map_or_else(|| TENANT.to_owned(), tenant)
    }
}

/// The tenant of the person with this address.
pub(crate) fn tenant_of(email: &str) -> &str {
    email.rsplit_once('@').and_then(|(_, host)| host.strip_suffix(".test")).unwrap_or(TENANT)
}

fn tenant(number: u64) -> String {
    format!("t{number:06}")
}

/// Fills the database of a stopped server that holds at least one user and two sessions.
///
/// The sessions' ids fall between those of the first and the last session there is, so that the sessions the server opened
/// itself, whose tokens the bench holds, lie scattered among the millions and not together at their end.
///
/// # Errors
/// When the schema is not the expected one or the disk is full.
pub(crate) fn fill(database: &Path, size: Size, progress: &ProgressBar) -> Result<()> {
    let mut connection = Connection::open(database)?;
    // Nobody else is there, and a half filled database is thrown away: no journal, no syncing.
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    TENANTS.multiply(&mut connection, size.tenants, progress, |column, number| {
        (column == "tenant_id").then(|| Value::Text(tenant(number)))
    })?;
    let first = fill_users(&mut connection, size, progress)?;
    fill_sessions(&mut connection, size, first, progress)?;
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    // Or the system writes it out behind the back of what is measured next.
    Ok(File::open(database)?.sync_all()?)
}

/// Gives the number of the first filled-in user.
fn fill_users(connection: &mut Connection, size: Size, progress: &ProgressBar) -> Result<i64> {
    let first: i64 = connection.query_row("SELECT max(id) + 1 FROM users", [], |row| row.get(0))?;
    USERS.multiply(connection, size.users, progress, |column, user| match column {
        "id" => Some(Value::Integer(first + signed(user))),
        "tenant_id" => Some(Value::Text(size.tenant(user))),
        "email" | "email_key" => Some(Value::Text(size.email(user))),
        _ => None,
    })?;
    Ok(first)
}

fn fill_sessions(connection: &mut Connection, size: Size, first_user: i64, progress: &ProgressBar) -> Result<()> {
    let ids = session_ids(connection, size.sessions)?;
    let id = |session: u64| usize::try_from(session).ok().and_then(|place| ids.get(place));
    let user = |session| scatter(session) % size.users.max(1);
    SESSIONS.multiply(connection, size.sessions, progress, |column, session| match column {
        "id" => id(session).map(|id| Value::Blob(id.to_be_bytes().to_vec())),
        "tenant_id" => Some(Value::Text(size.tenant(user(session)))),
        "user_id" => Some(Value::Integer(first_user + signed(user(session)))),
        _ => None,
    })
}

/// UUIDs of version 7 (RFC 9562 section 5.7) in order, their times scattered between the first and the last there is.
fn session_ids(connection: &Connection, count: u64) -> Result<Vec<u128>> {
    let time = |row: &rusqlite::Row<'_>, column| row.get::<_, Vec<u8>>(column).map(|id| milliseconds(&id));
    let (first, last) = connection
        .query_row("SELECT min(id), max(id) FROM sessions", [], |row| Ok((time(row, 0)?, time(row, 1)?)))
        .context("there must be sessions to copy")?;
    ensure!(first < last, "the sessions to scatter others among were opened in the same millisecond");
    let mut ids: Vec<u128> = (0..count)
        .map(|session| {
            let random = u128::from_be_bytes(key(usize::try_from(session).unwrap_or(0)));
            let time = first + scatter(session) % (last - first);
            uuid_v7(time, random)
        })
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// A UUID of version 7 with this time and, of this chance, what it takes.
pub(crate) fn uuid_v7(time: u64, random: u128) -> u128 {
    let low = random & ((1 << 62) - 1);
    let middle = (random >> 64) & 0xfff;
    u128::from(time) << 80 | 7 << 76 | middle << 64 | 2 << 62 | low
}

fn milliseconds(uuid: &[u8]) -> u64 {
    uuid.iter().take(6).fold(0, |time, &byte| time << 8 | u64::from(byte))
}

/// A number that looks random and is the same in every run (the finalizer of SplitMix64).
pub(crate) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A table whose rows are multiplied.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// The first row by this column is the one copied.
    pub(crate) order: &'static str,
    /// Whether its indexes are dropped before and made again after: quicker for those the rows come to in no order.
    index_free: bool,
}

impl Table {
    /// A table whose rows come in the order of its indexes, or nearly so.
    pub(crate) fn of(name: &'static str, order: &'static str) -> Self {
        Self { name, order, index_free: false }
    }

    /// Adds so many copies of its first row, each varied.
    pub(crate) fn multiply(
        &self,
        connection: &mut Connection,
        count: u64,
        progress: &ProgressBar,
        vary: impl Fn(&str, u64) -> Option<Value>,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let (columns, row) = self.template(connection)?;
        let indexes = if self.index_free { self.indexes(connection)? } else { Vec::new() };
        let all = connection.transaction()?;
        for (name, _) in &indexes {
            all.execute_batch(&format!("DROP INDEX {name}"))?;
        }
        let mut insert = all.prepare(&self.insert(&columns))?;
        for number in 0..count {
            let varied =
                columns.iter().zip(&row).map(|(name, copied)| vary(name, number).unwrap_or_else(|| copied.clone()));
            insert.execute(params_from_iter(varied)).with_context(|| format!("cannot fill {}", self.name))?;
            if number % 10_000 == 0 {
                progress.tick();
            }
        }
        drop(insert);
        for (_, sql) in &indexes {
            all.execute_batch(sql)?;
        }
        Ok(all.commit()?)
    }

    fn template(&self, connection: &Connection) -> Result<(Vec<String>, Vec<Value>)> {
        let mut first = connection.prepare(&format!("SELECT * FROM {} ORDER BY {} LIMIT 1", self.name, self.order))?;
        let columns: Vec<String> = first.column_names().map(str::to_owned).collect();
        let row = first.query_row([], |row| (0..columns.len()).map(|column| row.get(column)).collect()).optional()?;
        let row = row.with_context(|| format!("no row of {} to copy", self.name))?;
        Ok((columns, row))
    }

    fn indexes(&self, connection: &Connection) -> Result<Vec<(String, String)>> {
        let mut named = connection.prepare(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )?;
        let found = named.query_map([self.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn insert(&self, columns: &[String]) -> String {
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, columns.join(", "), places.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: &str = "
        CREATE TABLE tenants (tenant_id TEXT PRIMARY KEY);
        INSERT INTO tenants VALUES ('acme');
        CREATE TABLE users (tenant_id TEXT, id BIGINT UNIQUE, email TEXT, email_key TEXT UNIQUE, password_hash TEXT);
        CREATE TABLE sessions (id BYTEA PRIMARY KEY, tenant_id TEXT, user_id BIGINT, agent TEXT);
        CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
        INSERT INTO users VALUES ('acme', 7, 'u0@acme.test', 'u0@acme.test', 'hash');
        INSERT INTO sessions VALUES (x'01900000000070008000000000000000', 'acme', 7, 'x');
        INSERT INTO sessions VALUES (x'019000000fff70008000000000000000', 'acme', 7, 'x');";

    const SIZE: Size = Size { users: 20, sessions: 100, tenants: 0 };

    fn filled(ground: &str, size: Size) -> Result<(tempfile::TempDir, Connection)> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("purser.db");
        Connection::open(&file)?.execute_batch(ground)?;
        fill(&file, size, &ProgressBar::hidden())?;
        Ok((folder, Connection::open(file)?))
    }

    fn one<T: rusqlite::types::FromSql>(connection: &Connection, question: &str) -> T {
        connection.query_row(question, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn filled_users_are_copies_under_their_own_address() {
        let (_folder, connection) = filled(GROUND, SIZE).unwrap();
        assert_eq!(one::<i64>(&connection, "SELECT count(*) FROM users WHERE password_hash = 'hash'"), 21);
        let question = format!("SELECT id FROM users WHERE email_key = '{}'", SIZE.email(3));
        assert_eq!(one::<i64>(&connection, &question), 11);
    }

    #[test]
    fn filled_sessions_lie_between_the_real_ones_and_belong_to_filled_users() {
        let (_folder, connection) = filled(GROUND, SIZE).unwrap();
        let between =
            "SELECT count(*) FROM sessions WHERE substr(hex(id), 1, 9) = '019000000' AND substr(hex(id), 13, 1) = '7'";
        assert_eq!(one::<i64>(&connection, between), 102);
        let owned = "SELECT count(*) FROM sessions JOIN users ON users.id = sessions.user_id WHERE email LIKE 'f%'";
        assert_eq!(one::<i64>(&connection, owned), 100);
        assert_eq!(one::<i64>(&connection, "SELECT count(*) FROM sqlite_master WHERE name = 'sessions_by_user'"), 1);
    }

    #[test]
    fn another_schema_is_refused() {
        assert!(filled("CREATE TABLE people (id BIGINT);", SIZE).is_err());
    }

    #[test]
    fn filled_users_and_their_sessions_are_dealt_out_to_the_tenants() {
        let size = Size { tenants: 5, ..SIZE };
        let (_folder, connection) = filled(GROUND, size).unwrap();
        assert_eq!(one::<i64>(&connection, "SELECT count(*) FROM users WHERE tenant_id = 't000004'"), 4);
        let at_home = "SELECT count(*) FROM sessions JOIN users ON users.id = sessions.user_id
            WHERE users.tenant_id = sessions.tenant_id AND users.tenant_id IN (SELECT tenant_id FROM tenants)";
        assert_eq!(one::<i64>(&connection, at_home), 102);
        assert_eq!(tenant_of(&size.email(7)), "t000002");
    }
}

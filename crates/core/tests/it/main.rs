//! The system through its public door, on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "one test program: it panics when something is not as it should be"
)]

mod cookies;
mod database;
mod license;
mod policy;
mod refresh;
mod sessions;
mod signin;
mod statements;
mod tokens;
mod world;

//! The system through its public door, on SQLite and on PostgreSQL.

mod license;
mod policy;
mod sessions;
mod statements;
mod world;

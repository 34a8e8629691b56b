//! The system through its public door, on SQLite and on PostgreSQL.

mod admins;
mod audit;
mod concurrency;
mod cookies;
mod database;
mod faults;
mod guesses;
mod isolation;
mod keys;
mod password;
mod policy;
mod proxy;
mod refresh;
mod sessions;
mod signin;
mod statements;
mod tenants;
mod tokens;
mod users;
mod world;

//! The system through its public door, on SQLite and on PostgreSQL.

#![expect(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "one test program: it panics when something is not as it should be"
)]

mod admins;
mod append_only;
mod audit;
mod branding;
mod concurrency;
mod cookies;
mod database;
mod departure;
mod domains;
mod durable;
mod entra;
mod faults;
mod guesses;
mod isolation;
mod journey;
mod keys;
mod license;
mod linking;
mod mail;
mod microsoft;
mod oidc;
mod overview;
mod passkeys;
mod password;
mod people;
mod policy;
mod postbox;
mod providers;
mod proxy;
mod refresh;
mod saml;
mod sessions;
mod settings;
mod signin;
mod statements;
mod tenants;
mod tokens;
mod transfer;
mod two_factor;
mod users;
mod work;
mod world;

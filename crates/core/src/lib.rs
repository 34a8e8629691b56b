//! The system: who may come aboard, what they may do, and the record of it. No HTTP, no HTML, no GraphQL in here.
//!
//! A *tenant* ("client" on the wire) is an organisation. Its *users* hold *roles*, which carry *rights*. A sign-in of any kind gives a
//! *proof*, a proof opens a *session*, and a session has three *handles*: access token, refresh token, cookie. Whoever shows one is a
//! [`access::Caller`]; a caller who holds a right is given a [`access::Grant`], and use cases (the methods of [`app::App`]) ask for
//! one. System administrators are another realm, and never become callers.

pub mod access;
pub mod admins;
pub mod app;
pub mod audit;
pub mod config;
pub mod durations;
pub mod env;
pub mod error;
pub mod ids;
pub mod license;
pub mod mail;
pub mod people;
pub mod providers;
pub mod secret;
pub mod session;
pub mod signin;
mod store;
pub mod tenants;
pub mod transfer;
pub mod trust;
pub mod users;
mod vault;
pub mod work;

/// Every statement of the program, for the tests that prepare each one on both databases and print the system ones.
pub fn statements() -> Vec<store::statement::Listed> {
    [
        admins::sql::ALL,
        app::sql::ALL,
        audit::sql::ALL,
        audit::days::sql::ALL,
        license::sql::ALL,
        mail::sql::ALL,
        people::sql::ALL,
        providers::sql::ALL,
        session::sql::ALL,
        signin::second::sql::ALL,
        signin::sql::ALL,
        tenants::sql::ALL,
        tenants::sql::leaving::ALL,
        tenants::branding::sql::ALL,
        tenants::export::ALL,
        transfer::sql::ALL,
        users::found::sql::ALL,
        users::sql::ALL,
        users::tally::sql::ALL,
        work::sql::ALL,
        work::tally::sql::ALL,
        work::sql::pages::jobs::ALL,
        work::sql::pages::templates::ALL,
    ]
    .concat()
}

//! What each endpoint must answer to bad input, one true sentence for each class of it.

mod admin;
mod cookie;
mod denials;
mod exports;
mod graphql;
mod license;
mod people;
mod providers;
mod refresh;
mod sign_in;
mod sign_out;
mod tenancy;
mod work;

use crate::http::probe::Reply;

/// Status and code, to compare with.
fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The seconds a refusal asks to wait.
fn retry_after(reply: &Reply) -> std::time::Duration {
    std::time::Duration::from_secs(reply.header("retry-after").unwrap().parse().unwrap())
}

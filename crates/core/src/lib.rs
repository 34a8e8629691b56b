//! The system: who may come aboard, what they may do, and the record of it. No HTTP, no HTML, no GraphQL in here.

pub mod env;
pub mod error;
pub mod ids;
pub mod secret;

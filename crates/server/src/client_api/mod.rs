//! The client realm under `/api/client`: one file for what belongs together.

pub mod graphql;
pub mod me;
pub mod password;
pub mod session;
pub mod sessions;
pub mod signin;
pub mod sso;

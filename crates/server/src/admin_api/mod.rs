//! The admin realm under `/api/admin`: one file for what belongs together. Its accounts, keys, audience and cookie are its own.

pub mod admins;
pub mod audit;
pub mod clients;
pub mod domains;
pub mod keys;
pub mod license;
pub mod mail;
pub mod providers;
pub mod session;
pub mod users;

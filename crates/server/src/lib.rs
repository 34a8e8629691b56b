//! Purser's HTTP face: how a request is taken in, who sent it, and how every answer looks.

pub mod admin_api;
pub mod background;
pub mod client_api;
pub mod cookie;
mod description;
pub mod extract;
pub mod fault;
pub mod http_settings;
pub mod layers;
pub mod listener;
pub mod operations;
pub mod router;
pub mod serve;
pub mod site;

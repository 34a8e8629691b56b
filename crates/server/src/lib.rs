//! The server: its HTTP face (how a request is taken in, who sent it, how every answer looks), its settings and its command line.

pub mod admin_api;
pub mod background;
pub mod cli;
pub mod client_api;
pub mod console;
pub mod cookie;
pub mod demo;
mod description;
pub mod extract;
pub mod fault;
pub mod graphiql;
pub mod http_settings;
pub mod layers;
pub mod listener;
pub mod log;
pub mod mail;
pub mod ndjson;
pub mod operations;
pub mod pages;
pub mod pulse;
mod relay;
pub mod router;
pub mod serve;
pub mod settings;
pub mod site;
pub mod wire;

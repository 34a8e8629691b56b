//! The log: lines on standard error, as text for people or as JSON for machines.

use std::io::IsTerminal as _;

use purser_core::config::Log;
use tracing_subscriber::EnvFilter;

use crate::settings::log_filter;

/// Starts the log for the rest of the process. A second call changes nothing.
pub fn start(settings: &Log) {
    let filter = log_filter(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = if settings.json { lines.json().flatten_event(true).try_init() } else { lines.try_init() };
    drop(started);
}

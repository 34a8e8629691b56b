//! The work behind the doors: templates, versions, jobs, records.

pub mod crew;
mod jobs;
mod lists;
mod models;
mod naive;
mod versions;

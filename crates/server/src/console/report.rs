//! The report of a completed job: a page to read, and to print or keep as a PDF.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use purser_core::error::Result;
use purser_core::work::{JobExport, RecordExport, StepExport};

use super::assets::SCRIPT;
use super::words;
use crate::pages::{policy_for, shown};

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    style: &'static str,
    job: &'a JobExport,
    /// Where it was come from, on a page of the console.
    back: Option<&'a str>,
    script: &'static str,
}

/// Its own stylesheet: this page is for paper.
const STYLE: &str = include_str!("../../templates/report.css");

const STYLE_HASH: &str = "sha256-uhZIm4BkbWqWAnQdHmILviT+IQ+d+PLvR8cOLGa05B8=";

/// A completed job as a page that brings everything along, so that it can be saved as it is.
///
/// # Errors
/// [`purser_core::error::Error::Internal`] if it cannot be written.
pub fn report(job: &JobExport) -> Result<Response> {
    shown(StatusCode::OK, &Report { style: STYLE, job, back: None, script: "" }, &policy_for(STYLE_HASH))
}

/// The same with a way back, and a button that prints it where there is script. Neither is printed.
pub(super) fn report_with_ways_on(job: &JobExport, back: &str) -> Result<Response> {
    let policy = format!("{}; script-src 'self'", policy_for(STYLE_HASH));
    shown(StatusCode::OK, &Report { style: STYLE, job, back: Some(back), script: &SCRIPT.path }, &policy)
}

impl Report<'_> {
    /// Who an id is; who has left is called by it.
    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.job.people.iter().find(|person| person.id == id).map_or(id, |person| &person.name)
    }

    /// A note that names somebody by their number, with their name: `for user 7`.
    fn told(&self, note: &str) -> String {
        let named = note.rsplit_once("user ").filter(|(_, id)| self.job.people.iter().any(|person| person.id == *id));
        named.map_or_else(|| note.to_owned(), |(before, id)| format!("{before}{}", self.name(id)))
    }
}

fn is_corrected(step: &StepExport, record: &RecordExport) -> bool {
    step.records.iter().any(|other| other.corrects == Some(record.number))
}

/// `2026-05-01T06:30:00.123456Z` as `2026-05-01 06:30:00`.
fn moment(rfc3339: &str) -> String {
    rfc3339.chars().take_while(|letter| !matches!(letter, '.' | 'Z')).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::hash_of;

    #[test]
    fn the_policy_knows_the_style() {
        assert_eq!(STYLE_HASH, hash_of(STYLE));
    }

    #[test]
    fn moments_are_written_to_the_second() {
        assert_eq!(moment("2026-05-01T06:30:00.123456Z"), "2026-05-01 06:30:00");
        assert_eq!(moment("2026-05-01T06:30:00Z"), "2026-05-01 06:30:00");
    }
}

//! The work behind the doors: templates and their versions, the jobs done by them, what was recorded, and who did what.

mod assignees;
mod differences;
mod export;
mod jobs;
mod marks;
mod records;
pub(crate) mod sql;
mod steps;
pub(crate) mod tally;
mod templates;
mod versions;

use std::collections::BTreeSet;

pub use assignees::OFFERED;
pub use differences::{Apart, Piece, StepChange, between};
pub use export::{EventExport, JobExport, PersonExport, RecordExport, StepExport};
pub use jobs::{Job, JobFilter, JobOrder, JobState, NewJob, Priority};
pub use records::{Act, Correcting, Performing, WorkRecord};
pub use steps::{Kind, MOST_OPTIONS, MOST_STEPS, Step, Steps};
pub use tally::{COUNTED, JobTally, OpenJobs};
pub use templates::{NewTemplate, Template, TemplateFilter, TemplateOrder, TemplateUpdate};
pub use versions::{Version, VersionState};

use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::store::{FromRow, Row};

/// One line of a template's or a job's history: complete, and there for all who may read the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: UserId,
    /// What, in the words of [`crate::audit::Action`].
    pub action: String,
    /// The number of the version or the step it was about; none if about the whole.
    pub part: Option<i64>,
    /// What was said with it; may be empty.
    pub note: String,
}

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            number: row.int(0)?,
            at: row.time(1)?,
            actor: row.user(2)?,
            action: row.text(3)?.into(),
            part: Some(row.int(4)?).filter(|part| *part > 0),
            note: row.text(5)?.into(),
        })
    }
}

/// Rows that one statement reads by their ids.
const TOGETHER: usize = 50;
/// Words kept of one thing, and looked for at once.
const WORDS: usize = 60;
const SOUGHT: usize = 3;
/// Letters of a word.
const WORD: usize = 60;

/// The distinct words of some texts, in lower case.
fn words(texts: &[&str]) -> BTreeSet<String> {
    let all = texts.iter().flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let lower = all.filter(|word| !word.is_empty()).map(|word| word.to_lowercase().chars().take(WORD).collect());
    lower.take(WORDS).collect()
}

/// Words looked for at once.
type Words = [String; SOUGHT];

/// The words looked for, the longest first: it is likely the rarest. Empty ones look for nothing.
fn sought(search: &str) -> Words {
    let mut words: Vec<String> = words(&[search]).into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let mut words = words.into_iter();
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

/// Whether a search says something that no word can answer.
fn seeks_nothing(search: &str, words: &Words) -> bool {
    !search.trim().is_empty() && words.iter().all(String::is_empty)
}

/// Whether some texts have all words looked for, as [`words`] takes them apart.
fn have_all(texts: &[&str], sought: &Words) -> bool {
    let words = words(texts);
    sought.iter().all(|word| word.is_empty() || words.contains(word))
}

/// As many ids as a statement takes, the last repeated; in as many parts as it needs.
fn in_parts<T: Copy + Into<crate::store::Value>>(ids: &[T]) -> Vec<Vec<crate::store::Value>> {
    let whole = |part: &[T]| {
        let last = part.last().copied().into_iter().cycle();
        part.iter().copied().chain(last).take(TOGETHER).map(Into::into).collect()
    };
    ids.chunks(TOGETHER).map(whole).collect()
}

/// One line of at most 200 letters, trimmed.
fn line(field: &str, text: &str, least: usize) -> Result<String> {
    let text = text.trim();
    if steps::is_line(text, least, 200) {
        return Ok(text.into());
    }
    let least = if least == 0 { "at most" } else { "1 to" };
    Err(Error::invalid(field, format!("use {least} 200 characters, none of them control characters")))
}

/// What is said with something: at most 2,000 letters, trimmed.
fn remark(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if steps::is_text(text, 0, 2_000) {
        Ok(text.into())
    } else {
        Err(Error::invalid(field, "use at most 2,000 characters, no control characters but tabs and line breaks"))
    }
}

/// Rows of a page that nobody said the length of, and of the longest.
const PAGE: u32 = 100;
const LONGEST: u32 = 500;

fn page(first: Option<u32>) -> u32 {
    first.unwrap_or(PAGE).clamp(1, LONGEST)
}

/// A page whose rows are read with some among them that may only seem to be asked for: those that an older release wrote.
struct Filling<T> {
    first: usize,
    /// How many are read next.
    most: u32,
    rows: Vec<T>,
}

impl<T> Filling<T> {
    /// An empty page.
    fn of(first: Option<u32>) -> Self {
        let most = page(first);
        Self { first: usize::try_from(most).unwrap_or(usize::MAX), most, rows: Vec::new() }
    }

    /// Takes, of what was read, what is right; says whether the page is full or there is no more to read.
    fn take(&mut self, read: Vec<T>, is_right: impl Fn(&T) -> bool) -> bool {
        let is_all = read.len() < usize::try_from(self.most).unwrap_or(usize::MAX);
        let wanted = self.first - self.rows.len();
        self.rows.extend(read.into_iter().filter(is_right).take(wanted));
        self.most = (self.most * 2).min(LONGEST);
        is_all || self.rows.len() == self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_looks_for_its_longest_words_first() {
        assert_eq!(sought("the PUMP-4711, upstairs"), ["upstairs", "4711", "pump"]);
        assert_eq!(sought("  "), ["", "", ""]);
        assert!(seeks_nothing("%", &sought("%")) && !seeks_nothing(" ", &sought(" ")));
    }

    #[test]
    fn ids_are_filled_up_to_what_a_statement_takes() {
        let parts = in_parts(&(0..51).map(UserId).collect::<Vec<_>>());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [TOGETHER, TOGETHER]);
        assert!(parts[1].iter().all(|id| *id == UserId(50).into()));
        assert!(in_parts::<UserId>(&[]).is_empty());
    }
}

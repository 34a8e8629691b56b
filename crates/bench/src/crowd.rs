//! People by the million, with the words they are found by, and the lines of the audit log, in the shape of the server's own rows.

use rusqlite::types::Value;

use crate::purser::TENANT;
use crate::scale::{scatter, uuid_v7};

/// Words of a filled-in account: four in its address, two names.
pub(crate) const WORDS: u64 = 6;
/// First names: some are usual, others are not.
const FIRST_NAMES: u64 = 400;
/// Syllables of last names.
const SYLLABLES: [&str; 30] = [
    "ba", "ber", "chen", "da", "dorf", "el", "fer", "gar", "hal", "in", "jo", "kov", "la", "lin", "mar", "mun", "na",
    "nov", "ol", "pet", "ra", "ros", "sa", "schu", "son", "stein", "ta", "tor", "wal", "zi",
];
/// Letters the server keeps of a word (its `users/found`).
const KEPT: usize = 24;
/// Deeds in the log.
pub(crate) const DEEDS: [&str; 6] =
    ["session.sign-in", "session.sign-out", "job.started", "record.added", "user.updated", "user.disabled"];
/// People who leave lines in the log.
pub(crate) const BUSY: u64 = 100;
/// When the first line was written, in milliseconds, and how long after it the next.
const FIRST_LINE: u64 = 0x0190_0000_0000;
const APART: u64 = 15_000;

/// A first name: the square makes the first ones usual, as names are.
fn first_name(user: u64) -> String {
    let draw = scatter(user) % FIRST_NAMES;
    let place = draw * draw / FIRST_NAMES;
    let syllable =
        |at: u64| usize::try_from(at % 30).ok().and_then(|at| SYLLABLES.get(at)).copied().unwrap_or_default();
    format!("{}{}", syllable(place), syllable(place / 30 + 7))
}

/// Filled-in accounts: the number of the first, and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// The first one's id.
    pub(crate) first: i64,
    /// How many.
    pub(crate) count: u64,
}

/// The last name of the last fiftieth: taken over at once, as of another company.
pub(crate) const LATE: &str = "latecomer";

impl Crowd {
    /// A last name, of two or three syllables.
    fn last_name(self, user: u64) -> String {
        if user >= self.count - self.count / 50 {
            return LATE.to_owned();
        }
        let mixed = scatter(user ^ 0x7777);
        let parts = (0..2 + (mixed >> 40) % 2).map(|part| (mixed >> (8 * part)) % 30);
        parts.filter_map(|at| usize::try_from(at).ok().and_then(|at| SYLLABLES.get(at))).copied().collect()
    }

    /// The address of an account.
    pub(crate) fn address(self, user: u64) -> String {
        format!("{}.{}{user}@acme.test", first_name(user), self.last_name(user))
    }

    /// Its names.
    pub(crate) fn names(self, user: u64) -> (String, String) {
        (first_name(user), self.last_name(user))
    }

    fn searchable(self, user: u64) -> String {
        format!("{} {} {}", self.address(user), first_name(user), self.last_name(user))
    }

    fn word(self, user: u64, word: u64) -> Vec<u8> {
        let text = self.searchable(user);
        let mut is_inside = false;
        let mut places = text.char_indices().filter_map(|(place, letter)| {
            let begins = letter.is_alphanumeric() && !is_inside;
            is_inside = letter.is_alphanumeric();
            begins.then_some(place)
        });
        let place = usize::try_from(word).ok().and_then(|word| places.nth(word));
        let rest = place.and_then(|place| text.get(place..)).unwrap_or_default();
        rest.chars().take(KEPT).collect::<String>().into_bytes()
    }

    /// The id of an account.
    pub(crate) fn id(self, user: u64) -> i64 {
        self.first + i64::try_from(user).unwrap_or(0)
    }

    /// A row of it.
    pub(crate) fn user(self, column: &str, user: u64) -> Option<Value> {
        match column {
            "id" => Some(Value::Integer(self.id(user))),
            "email" | "email_key" => text(self.address(user)),
            "first_name" => text(first_name(user)),
            "last_name" => text(self.last_name(user)),
            "search" | "worded" => text(self.searchable(user)),
            "roles" => Some(Value::Integer(roles(user))),
            _ => None,
        }
    }

    /// A row of its words.
    pub(crate) fn user_word(self, column: &str, row: u64) -> Option<Value> {
        match column {
            "word" => Some(Value::Blob(self.word(row / WORDS, row % WORDS))),
            "user_id" => Some(Value::Integer(self.id(row / WORDS))),
            _ => None,
        }
    }
}

/// One in ten performs, one in two thousand is an Admin, all read.
fn roles(user: u64) -> i64 {
    let mixed = scatter(user ^ 0x3333);
    64 + i64::from(mixed.is_multiple_of(10)) * 8 + i64::from(mixed.is_multiple_of(2_000))
}

#[expect(clippy::unnecessary_wraps, reason = "what a column becomes, if anything")]
fn text(text: impl Into<String>) -> Option<Value> {
    Some(Value::Text(text.into()))
}

/// Milliseconds of a line.
pub(crate) fn written_at(line: u64) -> u64 {
    FIRST_LINE + line * APART
}

/// The id of a line.
pub(crate) fn line_id(line: u64) -> u128 {
    uuid_v7(written_at(line), u128::from(scatter(line)) << 32)
}

/// Half of all lines are sign-ins, one in five thousand disables somebody.
fn deed(line: u64) -> &'static str {
    match scatter(line ^ 0x9999) % 5_000 {
        0 => "user.disabled",
        1..2_500 => "session.sign-in",
        2_500..3_500 => "session.sign-out",
        3_500..4_000 => "job.started",
        4_000..4_900 => "record.added",
        _ => "user.updated",
    }
}

/// Somebody in the log.
pub(crate) fn busy(draw: u64) -> String {
    (draw % BUSY + 1_000).to_string()
}

/// A line of the log.
pub(crate) fn line(column: &str, line: u64) -> Option<Value> {
    let mixed = scatter(line);
    match column {
        "tenant_id" => text(TENANT),
        "id" => Some(Value::Blob(line_id(line).to_be_bytes().to_vec())),
        "at" => i64::try_from(written_at(line) * 1_000).ok().map(Value::Integer),
        "actor_kind" => text("user"),
        "actor" => text(busy(mixed)),
        "action" => text(deed(line)),
        "target" => text(format!("user:{}", busy(mixed >> 32))),
        "outcome" => text(if (mixed >> 16).is_multiple_of(100) { "refused" } else { "done" }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_as_many_words_all_different() {
        let crowd = Crowd { first: 7, count: 1_000 };
        for user in 0..crowd.count {
            let words: std::collections::BTreeSet<Vec<u8>> = (0..WORDS).map(|at| crowd.word(user, at)).collect();
            assert_eq!(words.len(), usize::try_from(WORDS).unwrap(), "{}", crowd.searchable(user));
            assert!(crowd.word(user, WORDS).is_empty() && words.iter().all(|word| !word.is_empty()));
        }
    }

    #[test]
    fn lines_stand_in_the_order_they_were_written_in() {
        assert!(line_id(1) < line_id(2) && written_at(1) < written_at(2));
    }
}

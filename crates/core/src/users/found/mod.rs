//! People found: by role, and by how a word of their address or name begins.
//!
//! What few people have is read from an index of the beginnings of words; what many have, by going through the people themselves, where
//! it soon turns up. So a page reads some thousands of entries at most, unless many have what is looked for and none of them stands in
//! the next thousands: then it reads the entries of all who have it.
//!
//! Words are made by housekeeping, of whatever wrote an account. Whose words are not made yet is found by reading them.

pub(crate) mod sql;

use std::collections::BTreeSet;

use crate::access::{Grant, Permission, Role, Roles};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::{TenantId, UserId};
use crate::store::{Change, FromRow, Row, args};

use super::{User, pattern, searchable};

/// Letters kept of a word and what follows it. What is longer in a search is looked at in the account.
const KEPT: usize = 24;
/// Entries that are read at most to find those that are few.
const FEW: i64 = 4_000;
/// The same where the role of each has to be looked up besides.
const FEW_OF_ROLE: i64 = 1_000;
/// People gone through at most before they are looked for by words.
const STRETCH: i64 = 4_000;
/// The longest page.
const LONGEST: u32 = 500;
/// So many people get their words in one change, and so many changes are made in one round of housekeeping.
const TOGETHER: i64 = 100;
const CHUNKS: usize = 50;

/// Which people, from whom on.
pub(crate) struct Wanted<'a> {
    pub(crate) after: i64,
    pub(crate) first: u32,
    pub(crate) search: &'a str,
    pub(crate) role: Option<Role>,
}

/// What is looked for: the beginning of a word, and what follows it.
struct Sought {
    text: String,
    pattern: String,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Sought {
    /// Nothing if no letter or digit is in it.
    fn of(search: &str) -> Option<Self> {
        let text = search.trim().to_lowercase();
        let text = text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let from: Vec<u8> = beginning(text);
        let to = from.iter().copied().chain([u8::MAX]).collect();
        (!text.is_empty()).then(|| Self { text: text.to_owned(), pattern: pattern(text), from, to })
    }

    fn finds(&self, user: &User) -> bool {
        let all = searchable(&user.email, &user.first_name, &user.last_name);
        word_starts(&all).any(|rest| rest.starts_with(&self.text))
    }
}

/// What stands in a text from the beginning of each word on: of letters and digits that none precede.
fn word_starts(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.char_indices().filter_map(move |(place, letter)| {
        let begins = letter.is_alphanumeric() && !is_inside;
        is_inside = letter.is_alphanumeric();
        if begins { text.get(place..) } else { None }
    })
}

fn beginning(text: &str) -> Vec<u8> {
    text.chars().take(KEPT).collect::<String>().into_bytes()
}

/// Somebody whose words are to be made.
struct Unworded {
    tenant: TenantId,
    id: UserId,
    search: String,
}

impl FromRow for Unworded {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { tenant: row.tenant(0)?, id: UserId(row.int(1)?), search: row.text(2)?.into() })
    }
}

impl Unworded {
    fn words(&self) -> BTreeSet<Vec<u8>> {
        word_starts(&self.search).map(beginning).collect()
    }

    /// The steps that make the words, unless the account was changed or another node was faster.
    fn wording(&self, change: Change) -> Change {
        let change = change
            .must_system(sql::WORDED, args![&self.tenant, self.id, &self.search], || Error::Conflict)
            .run_system(sql::FORGET_WORDS, args![&self.tenant, self.id]);
        let add = |change: Change, word| change.run_system(sql::ADD_WORD, args![&self.tenant, word, self.id]);
        self.words().into_iter().fold(change, add)
    }
}

/// A page that is being filled.
struct Page {
    first: usize,
    after: i64,
    found: Vec<User>,
}

impl Page {
    /// Takes, of what was read, whom it was looked for; says whether the page is full or there is no more to read.
    fn take(&mut self, read: Vec<User>, most: u32, sought: &Sought) -> bool {
        let is_all = read.len() < usize::try_from(most).unwrap_or(usize::MAX);
        self.after = read.last().map_or(self.after, |last| last.id.0);
        let wanted = self.first - self.found.len();
        self.found.extend(read.into_iter().filter(|user| sought.finds(user)).take(wanted));
        is_all || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.found.len() == self.first
    }
}

impl App {
    /// A page of people, by id.
    pub(crate) async fn people_found<P: Permission>(&self, by: &Grant<P>, wanted: &Wanted<'_>) -> Result<Vec<User>> {
        let first = wanted.first.clamp(1, LONGEST);
        let Some(sought) = Sought::of(wanted.search) else {
            let (people, _) = sql::people(wanted.role);
            let is_anybody = wanted.search.trim().is_empty();
            let first = if is_anybody { first } else { 0 };
            return self.store.all(by, people, args![wanted.after, i64::MAX, "", first]).await;
        };
        let size = usize::try_from(first).unwrap_or(usize::MAX);
        let mut page = Page { first: size, after: wanted.after, found: Vec::new() };
        if self.do_many_begin_so(by, wanted, &sought).await? && self.go_through(by, wanted, &sought, &mut page).await? {
            return Ok(page.found);
        }
        let role = wanted.role.map_or(0, |role| Roles::from_iter([role]).bits());
        let mut most = first;
        loop {
            let args = args![page.after, sought.from.clone(), sought.to.clone(), &sought.pattern, role, most];
            let mut read: Vec<User> = self.store.all(by, sql::WITH_WORD, args).await?;
            read.sort_by_key(|user| user.id);
            if page.take(read, most, &sought) {
                return Ok(page.found);
            }
            most = (most * 2).min(LONGEST);
        }
    }

    async fn do_many_begin_so<P: Permission>(
        &self,
        by: &Grant<P>,
        wanted: &Wanted<'_>,
        sought: &Sought,
    ) -> Result<bool> {
        let few = if wanted.role.is_none() { FEW } else { FEW_OF_ROLE };
        let more: Option<i64> =
            self.store.one(by, sql::MORE_WORDS, args![sought.from.clone(), sought.to.clone(), few]).await?;
        Ok(more.is_some())
    }

    /// Fills the page from the next stretch of people; says whether it is full or nobody comes after.
    async fn go_through<P: Permission>(
        &self,
        by: &Grant<P>,
        wanted: &Wanted<'_>,
        sought: &Sought,
        page: &mut Page,
    ) -> Result<bool> {
        let (people, end_of) = sql::people(wanted.role);
        let end: Option<i64> = self.store.one(by, end_of, args![page.after, STRETCH - 1]).await?;
        // More than the page has: some have it in the midst of a word, of a single letter most.
        let mut most = (wanted.first.clamp(1, LONGEST) * 3 / 2).min(LONGEST);
        loop {
            let args = args![page.after, end.unwrap_or(i64::MAX), &sought.pattern, most];
            let read: Vec<User> = self.store.all(by, people, args).await?;
            if page.take(read, most, sought) {
                break;
            }
            most = (most * 2).min(LONGEST);
        }
        match end {
            Some(end) if !page.is_full() => page.after = end,
            _ => return Ok(true),
        }
        Ok(false)
    }

    /// Makes the words of whoever has none, or other ones than are searched.
    pub(crate) async fn word_people(&self) -> Result<()> {
        for _ in 0..CHUNKS {
            let some: Vec<Unworded> = self.store.system_all(sql::UNWORDED, args![TOGETHER]).await?;
            if some.is_empty() {
                return Ok(());
            }
            let change = some.iter().fold(Change::unlogged(), |change, it| it.wording(change));
            match self.store.carry_out(change).await {
                Ok(_) | Err(Error::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        word_starts(text).collect()
    }

    #[test]
    fn a_word_begins_where_no_letter_stands_before_it() {
        assert_eq!(words("a.b@c-d.test"), ["a.b@c-d.test", "b@c-d.test", "c-d.test", "d.test", "test"]);
        assert_eq!(
            words("o'neil \u{f6}deg\u{e5}rd 47x"),
            ["o'neil \u{f6}deg\u{e5}rd 47x", "neil \u{f6}deg\u{e5}rd 47x", "\u{f6}deg\u{e5}rd 47x", "47x"]
        );
        assert!(words(" %_@").is_empty());
    }

    #[test]
    fn a_search_begins_with_its_first_letter() {
        assert_eq!(Sought::of(" @ACME.test ").map(|it| it.text).as_deref(), Some("acme.test"));
        assert!(Sought::of("%").is_none() && Sought::of("").is_none());
        let long = Sought::of(&"\u{e4}".repeat(100)).unwrap();
        assert_eq!((long.text.chars().count(), long.from.len(), long.to.len()), (100, 2 * KEPT, 2 * KEPT + 1));
    }
}

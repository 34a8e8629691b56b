//! People in bulk: [`App::import_users`] takes them in from a file line by line, [`App::export_users`] gives them out as one.

mod lines;
pub(crate) mod sql;
mod text;

use std::collections::HashMap;
use std::io::Read;

pub use lines::{Format, Source};
pub use text::Written;

use crate::access::{Grant, Role, Scope as _, SystemGrant, right, system_right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Code, Error, Result};
use crate::ids::{TenantId, UserId};
use crate::secret::Secret;
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::users::{self, User, UserStatus, UserUpdate};
use lines::Person;

/// How many accounts are made in one change.
const BATCH: usize = 200;
/// How many people are read at once.
const PAGE: u32 = 500;

/// What to do with lines about people who are there already, with other data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Refuse the line.
    #[default]
    Keep,
    /// Change names, title, roles and status to what the line says. Never the password: whoever has one keeps it.
    Update,
}

/// Whether anything is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// It is done.
    #[default]
    Real,
    /// Lines are checked, and nothing is changed. Seats are counted as they are free when it begins.
    Dry,
}

/// How an import goes about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// What to do with people who are there already.
    pub existing: Existing,
    /// Whether anything is done.
    pub run: Run,
    /// After how many refused lines it stops; never, if unsaid.
    pub most_refused: Option<u64>,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines looked at.
    pub lines: u64,
    /// Accounts made.
    pub created: u64,
    /// People whose data was changed.
    pub updated: u64,
    /// People who were there already, just so.
    pub unchanged: u64,
    /// Lines refused.
    pub refused: u64,
    /// Whether it stopped before the end, because too many were.
    pub stopped: bool,
}

/// A line that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// The field that is wrong; `line` if it is the whole.
    pub field: String,
    /// Why, in words that can be shown.
    pub reason: String,
}

/// What a line came to.
enum Outcome {
    /// From this status.
    Updated(UserStatus),
    Unchanged,
    /// Nobody has this address yet.
    New,
}

/// The seats that a dry run finds free; nothing where none are counted.
struct Seats(Option<i64>);

impl Seats {
    /// Counts what a line would do to them, as doing it would.
    ///
    /// # Errors
    /// [`Error::LicenseSeats`] if there is none for it.
    fn count(&mut self, outcome: &Outcome, person: &Person) -> Result<()> {
        let Some(free) = &mut self.0 else { return Ok(()) };
        let takes_one = |status| status != UserStatus::Disabled;
        let (had, has) = match outcome {
            Outcome::Unchanged => return Ok(()),
            Outcome::New => (false, takes_one(person.status)),
            Outcome::Updated(was) => (takes_one(*was), takes_one(person.status)),
        };
        // Whoever is new needs one to be free, even to be disabled.
        let asks = matches!(outcome, Outcome::New) || (has && !had);
        if asks && *free < 1 {
            return Err(Error::LicenseSeats);
        }
        *free += i64::from(had) - i64::from(has);
        Ok(())
    }
}

impl App {
    /// Takes people in from a file. Each line is checked alone, and accounts are made in batches, each whole or not at all; so an import
    /// that breaks off is taken up again by repeating it: those who are there, just so, are passed over. `told` hears after each batch
    /// how far it has come, and which lines were refused since.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `header` for a file whose columns are not understood; what the store refuses.
    pub async fn import_users(
        &self,
        by: &Grant<right::UsersManage>,
        mut source: Source<impl Read + Send>,
        wish: Wish,
        mut told: impl FnMut(&Tally, Vec<RefusedLine>) + Send,
    ) -> Result<Tally> {
        let (mut tally, mut seen) = (Tally::default(), HashMap::new());
        let mut seats = Seats(if wish.run == Run::Dry { self.free_seats().await? } else { None });
        loop {
            let mut refused = Vec::new();
            let mut batch = Vec::with_capacity(BATCH);
            let mut looked = 0;
            while looked < BATCH {
                let Some(read) = source.next()? else { break };
                looked += 1;
                match read.and_then(|person| once(person, &mut seen)) {
                    Ok(person) => batch.push(person),
                    Err(line) => refused.push(line),
                }
            }
            if looked == 0 {
                break;
            }
            tally.lines += looked as u64;
            self.take_in(by, batch, wish, &mut seats, &mut tally, &mut refused).await?;
            refused.sort_by_key(|line| line.line);
            tally.refused += refused.len() as u64;
            tally.stopped = wish.most_refused.is_some_and(|most| tally.refused >= most);
            told(&tally, refused);
            if tally.stopped {
                break;
            }
        }
        if wish.run == Run::Real {
            let change = Change::within(by, self.told(by, Action::UsersImported).because(tally.to_string()));
            self.apply(by, change).await?;
        }
        Ok(tally)
    }

    /// The people of a tenant as the lines of a file, a page at a time, after a user; without password hashes. With the page comes the
    /// user to go on after; none at the end. The first page is written down in the audit log.
    ///
    /// # Errors
    /// What the store refuses.
    pub async fn export_users(
        &self,
        by: &Grant<right::UsersManage>,
        format: Format,
        after: Option<UserId>,
    ) -> Result<(Written, Option<UserId>)> {
        if after.is_none() {
            // Reading, whatever has become of the licence.
            let change = Change::within(by, self.told(by, Action::UsersExported));
            self.store.carry_out(change).await?;
        }
        let people: Vec<Leaving> = self.store.all(by, sql::PEOPLE, args![after.map_or(0, |id| id.0), PAGE]).await?;
        Ok(written(&people, format, text::Hashes::Without, after))
    }

    /// The same with the hashes of their passwords: for whoever holds the whole deployment in their hands.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn export_users_with_hashes(
        &self,
        by: &SystemGrant<system_right::TenantsManage>,
        tenant: &TenantId,
        format: Format,
        after: Option<UserId>,
    ) -> Result<(Written, Option<UserId>)> {
        let by = self.managing_users_of(by, tenant).await?;
        if after.is_none() {
            let entry = self.told(&by, Action::UsersExported).because("with password hashes");
            self.store.carry_out(Change::within(&by, entry)).await?;
        }
        let people: Vec<Leaving> = self.store.all(&by, sql::PEOPLE, args![after.map_or(0, |id| id.0), PAGE]).await?;
        Ok(written(&people, format, text::Hashes::With, after))
    }

    async fn take_in(
        &self,
        by: &Grant<right::UsersManage>,
        batch: Vec<Person>,
        wish: Wish,
        seats: &mut Seats,
        tally: &mut Tally,
        refused: &mut Vec<RefusedLine>,
    ) -> Result<()> {
        let mut new = Vec::with_capacity(batch.len());
        for person in batch {
            match self.compare(by, &person, wish).await {
                Ok(Outcome::New) => new.push(person),
                Ok(outcome) => match (seats.count(&outcome, &person), outcome) {
                    (Err(refusal), _) => refused.extend(blamed(person.line, refusal)?),
                    (Ok(()), Outcome::Updated(_)) => tally.updated += 1,
                    (Ok(()), _) => tally.unchanged += 1,
                },
                Err(refusal) => refused.extend(blamed(person.line, refusal)?),
            }
        }
        if wish.run == Run::Dry {
            for person in &new {
                match seats.count(&Outcome::New, person) {
                    Ok(()) => tally.created += 1,
                    Err(refusal) => refused.extend(blamed(person.line, refusal)?),
                }
            }
            return Ok(());
        }
        if new.is_empty() {
            return Ok(());
        }
        match self.create_all(by, &new).await {
            Ok(()) => tally.created += new.len() as u64,
            // One of them cannot be, or somebody was faster: each alone tells which.
            Err(refusal) if is_about_a_line(&refusal) => {
                for person in &new {
                    match self.create_all(by, std::slice::from_ref(person)).await {
                        Ok(()) => tally.created += 1,
                        // Perhaps the same file is being taken in beside: who is there by now, just so, is passed over.
                        Err(Error::AccountExists) => match self.compare(by, person, wish).await {
                            Ok(Outcome::Unchanged) => tally.unchanged += 1,
                            Ok(Outcome::Updated(_)) => tally.updated += 1,
                            Ok(Outcome::New) => refused.extend(blamed(person.line, Error::Conflict)?),
                            Err(refusal) => refused.extend(blamed(person.line, refusal)?),
                        },
                        Err(refusal) => refused.extend(blamed(person.line, refusal)?),
                    }
                }
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Holds a line against who is there, and makes them so if that is wished for.
    async fn compare(&self, by: &Grant<right::UsersManage>, person: &Person, wish: Wish) -> Result<Outcome> {
        users::demand_rank(by, person.roles)
            .map_err(|_| Error::invalid("roles", "only an Admin makes somebody an Admin"))?;
        let Some(there): Option<User> = self.store.one(by, sql::BY_ADDRESS, args![person.email.key()]).await? else {
            return Ok(Outcome::New);
        };
        if person.is(&there) {
            return Ok(Outcome::Unchanged);
        }
        if wish.existing == Existing::Keep {
            return Err(Error::invalid("email", "has an account with other data, which an update would change"));
        }
        if there.roles.contain(Role::Admin) {
            users::demand_rank(by, there.roles)
                .map_err(|_| Error::invalid("email", "only an Admin changes an Admin's account"))?;
        }
        let turns = (there.status, person.status);
        if !matches!(turns, (_, UserStatus::Disabled) | (UserStatus::Disabled, _)) && there.status != person.status {
            return Err(Error::invalid("status", "only changes from and to DISABLED"));
        }
        if by.is(there.id) && (person.roles != there.roles || person.status != there.status) {
            return Err(Error::invalid("email", "nobody changes their own roles or status"));
        }
        if wish.run == Run::Real {
            self.adjust(by, person, &there).await?;
        }
        Ok(Outcome::Updated(there.status))
    }

    /// Changes somebody to what a line says, in the steps in which a person would, each with its own line in the log.
    async fn adjust(&self, by: &Grant<right::UsersManage>, person: &Person, there: &User) -> Result<()> {
        if !person.has_names_of(there) {
            let update = UserUpdate {
                email: Some(person.email.as_str().to_owned()),
                first_name: Some(person.first_name.clone()),
                last_name: Some(person.last_name.clone()),
                title: Some(person.title.clone()),
            };
            self.update_user(by, there.id, update).await?;
        }
        if person.roles != there.roles {
            self.set_user_roles(by, there.id, person.roles.iter()).await?;
        }
        match (there.status, person.status) {
            (was, is) if was == is => Ok(()),
            (_, UserStatus::Disabled) => self.disable_user(by, there.id).await.map(drop),
            _ => self.enable_user(by, there.id).await.map(drop),
        }
    }

    /// Makes accounts, all or none, each with its line in the log.
    async fn create_all(&self, by: &Grant<right::UsersManage>, people: &[Person]) -> Result<()> {
        let now = self.now();
        let last = self.next_numbers("user", i64::try_from(people.len()).unwrap_or(i64::MAX)).await?;
        let ids = (last + 1 - i64::try_from(people.len()).unwrap_or(0)..).map(UserId);
        let mut change: Option<Change> = None;
        for (person, id) in people.iter().zip(ids) {
            let reason = format!("{} (imported, line {})", users::words(person.roles), person.line);
            let entry = Entry::done(now, by.actor(), by.visit(), Action::UserCreated, Target::user(id)).because(reason);
            let next = match change.take() {
                None => Change::within(by, entry),
                Some(change) => change.also_logging(entry),
            };
            let row = person.row(id, now);
            change = Some(self.adding(next, row, || Error::AccountExists).await?.forgetting(Stale::User(id)));
        }
        match change {
            Some(change) => self.apply(by, users::still_acting(change, by)).await.map(drop),
            None => Ok(()),
        }
    }

    fn told(&self, by: &Grant<right::UsersManage>, action: Action) -> Entry {
        Entry::done(self.now(), by.actor(), by.visit(), action, Target::tenant(by.tenant()))
    }
}

/// The first line about somebody. A second is refused: which of the two would be meant?
fn once(person: Person, seen: &mut HashMap<String, u64>) -> Result<Person, RefusedLine> {
    match seen.entry(person.email.key()) {
        std::collections::hash_map::Entry::Occupied(first) => {
            let reason = format!("stands in line {} already", first.get());
            Err(RefusedLine { line: person.line, field: "email".into(), reason })
        }
        std::collections::hash_map::Entry::Vacant(place) => {
            place.insert(person.line);
            Ok(person)
        }
    }
}

/// Whether a refusal is about what a line asks for, and not a fault that ends the import.
fn is_about_a_line(refusal: &Error) -> bool {
    matches!(
        refusal.code(),
        Code::ValidationError
            | Code::AccountExists
            | Code::Conflict
            | Code::Forbidden
            | Code::NotFound
            | Code::LicenseRequired
            | Code::LicenseExpired
            | Code::LicenseSeats
    )
}

/// What is wrong with a line.
fn blamed(line: u64, refusal: Error) -> Result<Vec<RefusedLine>> {
    if !is_about_a_line(&refusal) {
        return Err(refusal);
    }
    Ok(match refusal {
        Error::Invalid(problems) => {
            problems.into_iter().take(1).map(|it| RefusedLine { line, field: it.field, reason: it.reason }).collect()
        }
        Error::Conflict => {
            let reason = "the last Admin has to remain, or somebody was faster: import the file again";
            vec![RefusedLine { line, field: "line".into(), reason: reason.into() }]
        }
        other => vec![RefusedLine { line, field: "line".into(), reason: other.to_string() }],
    })
}

fn written(
    people: &[Leaving],
    format: Format,
    hashes: text::Hashes,
    after: Option<UserId>,
) -> (Written, Option<UserId>) {
    let page = text::page(people, format, hashes, after.is_none());
    let more = people.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    (page, people.last().filter(|_| more).map(|person| person.user.id))
}

/// Somebody as they are written down to be taken elsewhere.
struct Leaving {
    user: User,
    hash: Option<Secret>,
}

impl FromRow for Leaving {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { user: User::from_row(row)?, hash: row.maybe_text(13)?.map(Secret::new) })
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { created, updated, unchanged, refused, .. } = self;
        write!(f, "{created} created, {updated} updated, {unchanged} unchanged, {refused} refused")
    }
}

impl Person {
    /// Whether somebody is just so. Passwords are not compared: a hash changes with the first sign-in.
    fn is(&self, user: &User) -> bool {
        self.has_names_of(user) && self.roles == user.roles && self.status == user.status
    }

    fn has_names_of(&self, user: &User) -> bool {
        let names = (&user.email, &user.first_name, &user.last_name, &user.title);
        (self.email.as_str(), &self.first_name, &self.last_name, &self.title)
            == (names.0.as_str(), names.1, names.2, names.3)
    }

    fn row(&self, id: UserId, now: Timestamp) -> Vec<crate::store::Value> {
        let names = [&self.first_name, &self.last_name, &self.title].map(String::as_str);
        let hash = self.hash.as_ref().map(|hash| hash.reveal().to_owned());
        users::row(id, &self.email, names, self.status, self.roles, hash, now)
    }
}

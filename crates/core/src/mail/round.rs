//! Carrying letters away: a letter is claimed before it is sent, so that neither two nodes nor a crash ever send one twice.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;

use super::{Kind, Letter, Post, Queued, Undelivered, sql};
use crate::access::{SystemGrant, system_right};
use crate::app::{App, SYSTEM};
use crate::audit::{Action, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{LetterId, LinkId, TenantId, UserId};
use crate::store::{Change, FromRow, Row, args};

/// How many letters one round looks at.
const ROUND: u32 = 64;
/// How many are on their way at once.
const ABREAST: usize = 4;
/// The wait after each failure; the last holds for all that follow.
const WAITS: [Duration; 6] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];
/// A letter that could not be sent for so long is given up.
const PATIENCE: Duration = Duration::from_hours(48);
/// A letter taken in hand so long ago is in nobody's hand any more. A [`Post`] must have ended long before.
const LEASE: Duration = Duration::from_mins(15);
/// For so long it is known what became of a letter.
const KEPT: Duration = Duration::from_hours(14 * 24);
/// How many letters a report names.
const REPORTED: u32 = 100;

/// A letter whose time has come.
struct Due {
    queued: Queued,
    kind: String,
    mailbox: String,
    about: String,
    link: Option<LinkId>,
    attempts: i64,
    created_at: Timestamp,
    tenant_name: String,
    first_name: String,
    expires_at: Option<Timestamp>,
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            queued: Queued { tenant: row.tenant(0)?, id: letter_id(row, 1)? },
            kind: row.text(2)?.into(),
            mailbox: row.text(3)?.into(),
            about: row.text(4)?.into(),
            link: row.maybe_bytes(5)?.and_then(LinkId::stored),
            attempts: row.int(6)?,
            created_at: row.time(7)?,
            tenant_name: row.text(8)?.into(),
            first_name: row.text(9)?.into(),
            expires_at: row.maybe_time(10)?,
        })
    }
}

impl FromRow for Queued {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { tenant: row.tenant(0)?, id: letter_id(row, 1)? })
    }
}

impl Due {
    /// Whether the link in it, if it has one, leads nowhere any more.
    fn is_moot(&self, now: Timestamp) -> bool {
        self.link.is_some() && self.expires_at.is_none_or(|end| end <= now)
    }

    /// When to try again after a failure; never, if that is too late.
    fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let nth = usize::try_from(self.attempts).unwrap_or(usize::MAX);
        let wait = WAITS.get(nth).or(WAITS.last()).copied().unwrap_or(PATIENCE);
        let last = self.created_at.after(PATIENCE);
        let last = self.expires_at.map_or(last, |end| end.min(last));
        Some(now.after(wait)).filter(|next| *next < last)
    }
}

/// What the queue holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFigures {
    /// Letters that wait to be sent, those being sent included.
    pub waiting: u64,
    /// Since when the oldest of them has been waiting.
    pub waiting_since: Option<Timestamp>,
    /// Letters of the last two weeks of which nobody knows whether they went.
    pub uncertain: u64,
    /// Letters of the last two weeks that could not be sent.
    pub given_up: u64,
}

/// A letter that did not go, or not yet although it was tried.
#[derive(Clone, Debug)]
pub struct Troubled {
    /// Whose it is.
    pub tenant: TenantId,
    /// To whom.
    pub user: UserId,
    /// What it is about, in the words of [`Kind`].
    pub kind: String,
    /// `waiting`, `uncertain` or `given-up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is tried again; of letters that are over, since when they are.
    pub at: Timestamp,
    /// Why the last try failed.
    pub trouble: String,
}

impl FromRow for Troubled {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant(0)?,
            kind: row.text(2)?.into(),
            user: UserId(row.int(3)?),
            state: row.text(4)?.into(),
            attempts: row.int(5)?,
            created_at: row.time(6)?,
            at: row.time(7)?,
            trouble: row.text(8)?.into(),
        })
    }
}

/// How the mail is doing.
#[derive(Clone, Debug)]
pub struct MailReport {
    /// Whether letters leave from here at all.
    pub sends: bool,
    /// What the queue holds.
    pub figures: MailFigures,
    /// The letters in trouble, the latest first; at most 100.
    pub troubled: Vec<Troubled>,
}

impl App {
    /// Carries away what is due, by all nodes' hands but each letter once; says how many it took. Call again at once if it was any.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]; letters that were on their way then count as uncertain.
    pub async fn post_letters(&self, post: &dyn Post) -> Result<usize> {
        self.answer_forgotten().await?;
        self.note_lost().await?;
        let due: Vec<Due> = self.store.system_all(sql::DUE, args![self.now(), ROUND]).await?;
        // One that fails must not keep the others from being marked.
        let carried: Vec<Result<bool>> =
            stream::iter(due).map(|due| self.carry(post, due)).buffer_unordered(ABREAST).collect().await;
        carried.into_iter().try_fold(0, |count, one| Ok(count + usize::from(one?)))
    }

    /// What the queue holds, for the metrics.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn mail_figures(&self) -> Result<MailFigures> {
        let rows: Vec<Counted> = self.store.system_few(sql::COUNT, args![]).await?;
        Ok(rows.into_iter().fold(MailFigures::default(), |mut all, Counted { state, count, since }| {
            match state.as_str() {
                "uncertain" => all.uncertain += count,
                "given-up" => all.given_up += count,
                _ => {
                    all.waiting += count;
                    all.waiting_since = all.waiting_since.map_or(Some(since), |least| Some(least.min(since)));
                }
            }
            all
        }))
    }

    /// How the mail is doing.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn mail_report(&self, _by: &SystemGrant<system_right::MailRead>) -> Result<MailReport> {
        Ok(MailReport {
            sends: self.sends_mail(),
            figures: self.mail_figures().await?,
            troubled: self.store.system_all(sql::TROUBLED, args![REPORTED]).await?,
        })
    }

    /// Removes letters that have long been over.
    pub(crate) async fn sweep_letters(&self, now: Timestamp) -> Result<()> {
        let change = Change::unlogged().run_system(sql::SWEEP, args![now.before(KEPT)]);
        self.store.carry_out(change).await.map(drop)
    }

    async fn carry(&self, post: &dyn Post, due: Due) -> Result<bool> {
        let now = self.now();
        if due.is_moot(now) {
            let drop_it = Change::unlogged_within(&due.queued).run(sql::DROP, args![due.queued.id]);
            return self.store.carry_out(drop_it).await.map(|_| false);
        }
        // What a newer release wrote is left to that.
        let Some(letter) = self.written(&due) else { return Ok(false) };
        let claim =
            Change::unlogged_within(&due.queued)
                .must(sql::CLAIM, args![due.queued.id, due.attempts, now], || Error::Conflict);
        match self.store.carry_out(claim).await {
            Ok(_) => {}
            Err(Error::Conflict) => return Ok(false),
            Err(fault) => return Err(fault),
        }
        let outcome = post.carry(&letter).await;
        self.conclude(&due, outcome).await.map(|()| true)
    }

    fn written(&self, due: &Due) -> Option<Letter> {
        let kind = Kind::stored(&due.kind)?;
        let link = match (kind.purpose(), due.link) {
            (Some(purpose), Some(id)) => Some(self.address_of(purpose, id)?),
            _ => None,
        };
        Some(Letter {
            id: due.queued.id,
            kind,
            tenant: due.queued.tenant.clone(),
            tenant_name: due.tenant_name.clone(),
            mailbox: due.mailbox.clone(),
            first_name: due.first_name.clone(),
            about: due.about.clone(),
            link,
            expires_at: due.expires_at,
            created_at: due.created_at,
        })
    }

    /// Writes down what became of a letter in hand.
    async fn conclude(&self, due: &Due, outcome: Result<(), Undelivered>) -> Result<()> {
        let now = self.now();
        let id = due.queued.id;
        let change = match outcome {
            Ok(()) => Change::unlogged_within(&due.queued).run(sql::END, args![id, "sent", now, ""]),
            Err(Undelivered::Uncertain(why)) => ended(&due.queued, Action::MailUncertain, "uncertain", &why, now),
            Err(Undelivered::Never(why)) => ended(&due.queued, Action::MailGivenUp, "given-up", &why, now),
            Err(Undelivered::Later(why)) => match due.next_try(now) {
                Some(next) => Change::unlogged_within(&due.queued).run(sql::PUT_BACK, args![id, next, plain(&why)]),
                None => ended(&due.queued, Action::MailGivenUp, "given-up", &why, now),
            },
        };
        self.unless_over(change).await
    }

    /// Carries a change to a letter in hand out, unless somebody took it for lost and ended it.
    async fn unless_over(&self, change: Change) -> Result<()> {
        match self.store.carry_out(change).await {
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Letters whose carrier has died may have gone or not. They are not sent again.
    async fn note_lost(&self) -> Result<()> {
        let now = self.now();
        let lost: Vec<Queued> = self.store.system_few(sql::LOST, args![now.before(LEASE)]).await?;
        for queued in lost {
            let why = "the server stopped while it was sending";
            self.unless_over(ended(&queued, Action::MailUncertain, "uncertain", why, now)).await?;
        }
        Ok(())
    }
}

struct Counted {
    state: String,
    count: u64,
    since: Timestamp,
}

impl FromRow for Counted {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { state: row.text(0)?.into(), count: u64::try_from(row.int(1)?).unwrap_or(0), since: row.time(2)? })
    }
}

/// A letter is over without having gone for certain: somebody has to be able to find out.
fn ended(queued: &Queued, action: Action, state: &str, why: &str, now: Timestamp) -> Change {
    let why = plain(why);
    let target = Target::named("letter", &queued.id.to_string());
    let entry = Entry::done(now, &SYSTEM, &Visit::none(), action, target).because(&why);
    let row = args![queued.id, state, now, why];
    Change::within(queued, entry).must(sql::END, row, || Error::Conflict)
}

/// What a mail server said, fit for a line.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

fn letter_id(row: &Row, at: usize) -> Result<LetterId> {
    LetterId::stored(row.bytes(at)?).ok_or_else(|| Error::internal("a letter's id is not 16 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(attempts: i64, expires_at: Option<Timestamp>) -> Due {
        Due {
            queued: Queued { tenant: TenantId::stored("acme"), id: LetterId([0; 16]) },
            kind: "invitation".into(),
            mailbox: "ann@acme.test".into(),
            about: String::new(),
            link: None,
            attempts,
            created_at: Timestamp(0),
            tenant_name: "Acme".into(),
            first_name: "Ann".into(),
            expires_at,
        }
    }

    #[test]
    fn the_waits_grow_and_end_after_two_days() {
        let (mut now, mut waits) = (Timestamp(0), Vec::new());
        while let Some(next) = due(i64::try_from(waits.len()).unwrap(), None).next_try(now) {
            waits.push(next.since(now).as_secs() / 60);
            now = next;
        }
        assert_eq!(waits, [1, 5, 30, 120, 240, 480, 480, 480, 480, 480]);
        assert!(
            now < Timestamp(0).after(PATIENCE) && now.after(Duration::from_hours(8)) >= Timestamp(0).after(PATIENCE)
        );
    }

    #[test]
    fn nothing_is_tried_again_once_its_link_would_be_dead() {
        let end = Timestamp(0).after(Duration::from_mins(10));
        assert_eq!(due(0, Some(end)).next_try(Timestamp(0)), Some(Timestamp(0).after(Duration::from_mins(1))));
        assert_eq!(due(2, Some(end)).next_try(Timestamp(0).after(Duration::from_mins(6))), None);
    }

    #[test]
    fn what_a_mail_server_says_becomes_one_line_of_bounded_length() {
        assert_eq!(plain("550 no\r\nsuch\tone"), "550 no  such one");
        assert_eq!(plain(&"ä".repeat(400)).chars().count(), 300);
    }

    #[test]
    fn every_kind_is_read_back_from_its_word() {
        for kind in Kind::ALL {
            assert_eq!(Kind::stored(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::stored("telegram"), None);
    }
}

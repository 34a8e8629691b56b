//! Counting guesses in the store, where all nodes see them: a place is taken before a password is looked at, and settled after.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::sql;
use super::throttle::{Allowance, Budget, Guesses, Rule, Wait};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::{Change, FromRow, Row, args};

/// How often a count lost to another node is made anew.
const ATTEMPTS: usize = 32;
/// Guesses under one key queue up on a node instead of racing one another.
const LANES: usize = 256;
/// How long a guess waits for those before it, as for the hash itself. While the store does not answer, each of them waits for it.
const QUEUE: std::time::Duration = std::time::Duration::from_secs(2);
/// Counts older than this are of no window.
const OLDEST: std::time::Duration = std::time::Duration::from_hours(25);

/// The queues before the counts.
pub(crate) struct Lanes {
    lanes: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { lanes: std::iter::repeat_with(Mutex::default).take(LANES).collect(), hasher: RandomState::new() }
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a remainder of the length is always inside"
    )]
    fn of(&self, key: &str) -> &Mutex<()> {
        &self.lanes[self.hasher.hash_one(key) as usize % LANES]
    }
}

/// One place for a guess, taken.
#[derive(Debug)]
pub(crate) struct Place {
    key: String,
    /// Failures of a streak that cost no wait.
    free: u32,
}

impl FromRow for Guesses {
    fn from_row(row: &Row) -> Result<Self> {
        let count = |at| row.int(at).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        Ok(Self {
            failed: count(0)?,
            pending: count(1)?,
            streak: count(2)?,
            window_since: row.time(3)?,
            pending_since: row.time(4)?,
            next_at: row.time(5)?,
        })
    }
}

impl Place {
    /// Whether it is the one under a key.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.key == key
    }

    /// Adds to a change that the guess was right.
    pub(crate) fn succeeded(&self, change: Change, now: Timestamp) -> Change {
        change.run_system(sql::SUCCEEDED, args![&self.key, now])
    }

    /// Adds to a change that the guess was wrong.
    pub(crate) fn failed(&self, change: Change, now: Timestamp) -> Change {
        change.run_system(sql::FAILED, args![&self.key, now, self.free])
    }

    fn released(&self, change: Change) -> Change {
        change.run_system(sql::RELEASED, args![&self.key])
    }
}

impl App {
    /// Takes a place for one guess under a key.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time to wait, or [`Error::ServerBusy`] while too many guesses are being looked at.
    pub(crate) async fn take_place(&self, key: String, rule: &Rule, now: Timestamp) -> Result<Place> {
        let _lane = timeout(QUEUE, self.lanes.of(&key).lock()).await.map_err(|_late| Wait::Busy)?;
        for _ in 0..ATTEMPTS {
            let stored: Option<Guesses> = self.store.system_one(sql::GUESSES, args![&key]).await?;
            let was = stored.unwrap_or_default();
            let next = was.admit(rule, now)?;
            if self.count(&key, was, next).await? {
                return Ok(Place { key, free: rule.free() });
            }
        }
        Err(Wait::Busy.into())
    }

    /// Gives places back that were not used.
    pub(crate) async fn give_back(&self, places: &[Place]) -> Result<()> {
        let change = places.iter().fold(Change::unlogged(), |change, place| place.released(change));
        self.store.carry_out(change).await.map(drop)
    }

    /// Refuses if too many guesses have failed under a key.
    ///
    /// # Errors
    /// [`Error::RateLimited`].
    pub(crate) async fn demand_budget(&self, key: &str, allowance: &Allowance, now: Timestamp) -> Result<()> {
        let stored: Option<Guesses> = self.store.system_one(sql::GUESSES, args![key]).await?;
        let budget =
            stored.map_or_else(Budget::default, |it| Budget { failed: it.failed, window_since: it.window_since });
        Ok(budget.admit(allowance, now)?)
    }

    pub(crate) async fn sweep_guesses(&self, now: Timestamp) -> Result<()> {
        let change = Change::unlogged().run_system(sql::SWEEP, args![now.before(OLDEST)]);
        self.store.carry_out(change).await.map(drop)
    }

    async fn count(&self, key: &str, was: Guesses, next: Guesses) -> Result<bool> {
        let row = args![
            key,
            next.failed,
            next.pending,
            next.streak,
            next.window_since,
            next.pending_since,
            next.next_at,
            was.failed,
            was.pending,
            was.streak,
            was.window_since,
            was.pending_since,
            was.next_at
        ];
        match self.store.carry_out(Change::unlogged().must_system(sql::COUNT, row, || Error::Conflict)).await {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(fault) => Err(fault),
        }
    }
}

/// Adds a failure of an address or a tenant to a change.
pub(crate) fn budget_failed(change: Change, key: &str, allowance: &Allowance, now: Timestamp) -> Change {
    change.run_system(sql::BUDGET_FAILED, args![key, now, now.before(allowance.window)])
}

/// Where the failures of a tenant are counted.
pub(crate) fn tenant_key(tenant: &TenantId) -> String {
    format!("tenant/{tenant}")
}

/// An address as it is counted: IPv6 by its /64, for that is what one household or attacker has.
pub(crate) fn counted(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

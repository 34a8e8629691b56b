//! How often a password may be guessed: the rule, as pure steps on whole numbers that one SQL statement can take.
//!
//! A guess at an account is *admitted* before its password is looked at and *reported* after. In between it is
//! pending and counts as if it had failed, so that however many arrive at once, on however many nodes, no more than
//! the limit reach the hash. Whoever loses a place to guesses that are still pending is told that the server is busy
//! and not that there were too many tries: they may all turn out right. Addresses and tenants have a [`Budget`] only,
//! which bounds a flood and need not be exact.

use std::time::Duration;

use crate::env::Timestamp;
use crate::error::Error;

/// A guess not reported by then is counted as failed: its process has died. Whoever learns an outcome later than
/// this does not report it.
pub(crate) const PENDING_FOR: Duration = Duration::from_mins(1);
/// After so long without a failure the waits start from the beginning.
const QUIET: Duration = Duration::from_hours(1);

/// How an account is guarded (ASVS 5.0, 6.3.1; SP 800-63B-4 section 3.2.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// So many guesses may fail in one window.
    pub(crate) limit: u32,
    /// A window opens with the first guess after the last one has ended.
    pub(crate) window: Duration,
    /// The seconds to wait after the first failure in a row, the second and so on. The last holds for all that follow.
    pub(crate) waits: &'static [u64],
}

/// Accounts of tenants.
pub(crate) const ACCOUNT: Rule = Rule { limit: 100, window: Duration::from_hours(24), waits: &[0, 0, 0, 1, 3, 5, 10] };
/// System administrators: few, and worth more.
pub(crate) const ADMIN: Rule = Rule { limit: 10, window: Duration::from_mins(15), waits: &[0, 1, 3, 5, 10] };

/// The guesses at one account. The default is an account at which nobody has guessed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guesses {
    /// Failed in the present window.
    pub(crate) failed: u32,
    /// Admitted and not reported.
    pub(crate) pending: u32,
    /// Failed in a row, since the last success or the last quiet hour.
    pub(crate) streak: u32,
    /// When the window opened.
    pub(crate) window_since: Timestamp,
    /// When a guess was last admitted. So no guess that can still be reported is ever taken for dead.
    pub(crate) pending_since: Timestamp,
    /// No guess is admitted before this. Also the moment from which the quiet hour runs.
    pub(crate) next_at: Timestamp,
}

/// Why a guess is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Too many have failed; the next may be made after this.
    RateLimited(Duration),
    /// Too many are being looked at just now.
    Busy,
}

impl From<Wait> for Error {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::RateLimited(after) => Self::RateLimited(after),
            Wait::Busy => Self::ServerBusy,
        }
    }
}

impl Rule {
    /// How many failures of a streak cost no wait.
    pub(crate) fn free(&self) -> u32 {
        u32::try_from(self.waits.iter().take_while(|seconds| **seconds == 0).count()).unwrap_or(0)
    }

    /// The wait after so many failures in a row.
    #[cfg(test)]
    fn wait(&self, streak: u32) -> Duration {
        let nth = usize::try_from(streak).unwrap_or(usize::MAX).saturating_sub(1);
        Duration::from_secs(self.waits.get(nth).or(self.waits.last()).copied().unwrap_or(0))
    }
}

impl Guesses {
    /// Takes a place for one guess, or says how long there is none.
    ///
    /// As a statement, once [`Guesses::settled`] changes nothing: add 1 to `pending`, set `pending_since` to now
    /// `WHERE next_at <= now AND failed + pending < limit`.
    ///
    /// # Errors
    /// [`Wait`]
    pub(crate) fn admit(&self, rule: &Rule, now: Timestamp) -> Result<Self, Wait> {
        let settled = self.settled(rule, now);
        if let Some(wait) = settled.wait(rule, now) {
            return Err(wait);
        }
        Ok(Self { pending: settled.pending.saturating_add(1), pending_since: now, ..settled })
    }

    /// Reports that an admitted guess was wrong.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn failed(&self, rule: &Rule, now: Timestamp) -> Self {
        let settled = self.settled(rule, now);
        let streak = settled.streak.saturating_add(1);
        Self {
            failed: settled.failed.saturating_add(1),
            pending: settled.pending.saturating_sub(1),
            streak,
            next_at: settled.next_at.max(now.after(rule.wait(streak))),
            ..settled
        }
    }

    /// Reports that an admitted guess was right. It gives its place back and ends the waiting, but forgives no
    /// failure of this window: the owner's comings and goings must not buy a stranger more guesses.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn succeeded(&self, now: Timestamp) -> Self {
        let pending = self.pending.saturating_sub(1);
        Self { pending, streak: 0, next_at: self.next_at.min(now), ..*self }
    }

    /// The same, with what time alone changes: pending guesses of dead processes have failed, a window that is over
    /// is empty, a quiet hour ends the streak.
    #[must_use]
    pub(crate) fn settled(&self, rule: &Rule, now: Timestamp) -> Self {
        let mut settled = *self;
        if settled.pending > 0 && now.since(settled.pending_since) >= PENDING_FOR {
            settled.failed = settled.failed.saturating_add(settled.pending);
            settled.streak = settled.streak.saturating_add(settled.pending);
            settled.next_at = settled.next_at.max(settled.pending_since.after(PENDING_FOR));
            settled.pending = 0;
        }
        if now.since(settled.window_since) >= rule.window {
            settled.failed = 0;
            settled.window_since = now;
        }
        if now.since(settled.next_at) >= QUIET {
            settled.streak = 0;
        }
        settled
    }

    /// Whether nothing is lost if this is forgotten.
    #[cfg(test)]
    pub(crate) fn is_blank(&self) -> bool {
        self.failed == 0 && self.pending == 0 && self.streak == 0
    }

    fn wait(&self, rule: &Rule, now: Timestamp) -> Option<Wait> {
        let used_up = self.failed >= rule.limit;
        let window_end = self.window_since.after(rule.window);
        let free_at = if used_up { self.next_at.max(window_end) } else { self.next_at };
        if free_at > now {
            return Some(Wait::RateLimited(free_at.since(now)));
        }
        (self.failed.saturating_add(self.pending) >= rule.limit).then_some(Wait::Busy)
    }
}

/// How an address or a tenant is guarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// So many guesses may fail in one window.
    pub(crate) limit: u32,
    /// A window opens with the first failure after the last one has ended.
    pub(crate) window: Duration,
}

/// What may fail from one address, over all accounts.
pub(crate) const ADDRESS: Allowance = Allowance { limit: 2500, window: Duration::from_mins(15) };
/// What may fail in one tenant, over all accounts and addresses.
pub(crate) const TENANT: Allowance = Allowance { limit: 3000, window: Duration::from_mins(15) };

/// The failures of one address or tenant. The default is one that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Failed in the present window.
    pub(crate) failed: u32,
    /// When the window opened.
    pub(crate) window_since: Timestamp,
}

impl Budget {
    /// Whether another guess may be made. Nothing is written for it; the few that pass while others are pending
    /// are the price.
    ///
    /// # Errors
    /// [`Wait::RateLimited`]
    pub(crate) fn admit(&self, allowance: &Allowance, now: Timestamp) -> Result<(), Wait> {
        let window_end = self.window_since.after(allowance.window);
        if self.failed < allowance.limit || window_end <= now {
            return Ok(());
        }
        Err(Wait::RateLimited(window_end.since(now)))
    }

    /// Counts a failure.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn failed(&self, allowance: &Allowance, now: Timestamp) -> Self {
        if now.since(self.window_since) >= allowance.window {
            return Self { failed: 1, window_since: now };
        }
        Self { failed: self.failed.saturating_add(1), ..*self }
    }
}

#[cfg(test)]
mod tests;

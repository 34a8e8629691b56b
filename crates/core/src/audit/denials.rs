//! Refusals for want of a right, on their way into the log: remembered at once, written by housekeeping, and never more than so many.
//!
//! Whoever is refused does not wait for the log, and what the log cannot take does not become their fault. The price: a node that
//! dies takes the refusals of its last seconds along.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Action, Actor, Entry, Target, Visit};
use crate::access::Caller;
use crate::app::App;
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::{TenantId, UserId};
use crate::store::Change;

/// How many refusals of one user and one operation get a line each in a window; the rest is counted, in one line more.
const EACH: u32 = 3;
const WINDOW: Duration = Duration::from_mins(1);
/// How many users' operations are told apart at once, and how many lines wait to be written. What is beyond is only counted.
const MOST: usize = 4_096;

/// What waits to be written down.
#[derive(Default)]
pub(crate) struct Denials(Mutex<Held>);

#[derive(Default)]
struct Held {
    waiting: Vec<Denial>,
    counted: HashMap<(UserId, Box<str>), Counted>,
    /// Those that there was no room to remember.
    lost: u64,
}

/// One refusal, or some that are told together.
#[derive(Clone)]
struct Denial {
    at: Timestamp,
    tenant: TenantId,
    user: UserId,
    visit: Visit,
    asked: Box<str>,
    reason: String,
}

/// The refusals of one user and one operation, since the first of a window.
struct Counted {
    since: Timestamp,
    told: u32,
    rest: u64,
    last: Denial,
}

impl Denials {
    fn note(&self, denial: Denial) {
        let mut held = self.0.lock();
        let Held { waiting, counted, lost } = &mut *held;
        let room = counted.len() < MOST && waiting.len() < MOST;
        match counted.entry((denial.user, denial.asked.clone())) {
            Place::Occupied(mut there) => {
                let there = there.get_mut();
                if there.told < EACH && waiting.len() < MOST {
                    there.told += 1;
                    waiting.push(denial);
                } else {
                    there.rest += 1;
                    there.last = denial;
                }
            }
            Place::Vacant(place) if room => {
                place.insert(Counted { since: denial.at, told: 1, rest: 0, last: denial.clone() });
                waiting.push(denial);
            }
            Place::Vacant(_) => *lost += 1,
        }
    }

    /// What is to be written by now, and how many were not remembered. Windows that are over begin anew.
    fn take(&self, now: Timestamp) -> (Vec<Denial>, u64) {
        let mut held = self.0.lock();
        let mut due = std::mem::take(&mut held.waiting);
        held.counted.retain(|_, it| {
            let over = now.since(it.since) >= WINDOW;
            if over && it.rest > 0 {
                due.push(Denial { reason: format!("and {} times more within a minute", it.rest), ..it.last.clone() });
            }
            !over
        });
        (due, std::mem::take(&mut held.lost))
    }

    /// Takes back what could not be written.
    fn put_back(&self, due: Vec<Denial>) {
        let mut held = self.0.lock();
        let room = MOST.saturating_sub(held.waiting.len());
        held.waiting.extend(due.into_iter().take(room));
    }
}

impl Denial {
    fn entry(&self) -> Entry {
        let target = Target::named("operation", &self.asked);
        let entry = Entry::done(self.at, &Actor::User(self.user), &self.visit, Action::AccessRefused, target);
        entry.refused(&*self.reason).in_tenant(&self.tenant)
    }
}

impl App {
    /// Remembers that somebody was refused for want of a right, and what they asked for: an operation's name, never what was sent
    /// with it. It is in the log after the next housekeeping.
    pub fn note_denial(&self, caller: &Caller, asked: &str) {
        self.denials.note(Denial {
            at: self.now(),
            tenant: caller.tenant.id.clone(),
            user: caller.user.id,
            visit: caller.visit.clone(),
            asked: asked.into(),
            reason: "for want of a right".to_owned(),
        });
    }

    /// Writes down what was refused since the last time.
    pub(crate) async fn write_denials(&self) -> Result<()> {
        let (due, lost) = self.denials.take(self.now());
        if lost > 0 {
            tracing::warn!(lost, "more was refused for want of a right than could be remembered for the audit log");
        }
        let mut change = Change::unlogged();
        for denial in &due {
            // The log of a tenant ends with it.
            if self.living_tenant(&denial.tenant).await?.is_some() {
                change = change.also_logging(denial.entry());
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let written = self.store.carry_out(change).await.map(drop);
        if written.is_err() {
            self.denials.put_back(due);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(user: i64, asked: &str, second: i64) -> Denial {
        let (at, tenant) = (Timestamp::from_seconds(second), TenantId::stored("acme"));
        Denial { at, tenant, user: UserId(user), visit: Visit::none(), asked: asked.into(), reason: "no".to_owned() }
    }

    fn told(denials: &Denials, second: i64) -> Vec<String> {
        let (due, _) = denials.take(Timestamp::from_seconds(second));
        due.iter().map(|it| format!("{} {}: {}", it.user, it.asked, it.reason)).collect()
    }

    #[test]
    fn three_in_a_minute_are_told_and_the_rest_is_counted() {
        let denials = Denials::default();
        for second in 0..20 {
            denials.note(denial(1, "createUser", second));
        }
        denials.note(denial(2, "createUser", 20));
        assert_eq!(
            told(&denials, 20),
            ["1 createUser: no", "1 createUser: no", "1 createUser: no", "2 createUser: no"]
        );
        denials.note(denial(1, "createUser", 30));
        assert_eq!(told(&denials, 59), [""; 0]);
        assert_eq!(told(&denials, 60), ["1 createUser: and 18 times more within a minute"]);
        denials.note(denial(1, "createUser", 61));
        assert_eq!(told(&denials, 61), ["1 createUser: no"]);
    }

    #[test]
    fn a_flood_of_operations_is_bounded() {
        let denials = Denials::default();
        for user in 0..10_000 {
            denials.note(denial(user, "createUser", 0));
        }
        let (due, lost) = denials.take(Timestamp::from_seconds(0));
        assert_eq!((due.len(), lost), (MOST, 10_000 - MOST as u64));
        denials.put_back(due);
        assert_eq!(told(&denials, 1).len(), MOST);
    }
}

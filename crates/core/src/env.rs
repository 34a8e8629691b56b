//! Time and chance, the two things a program must be given: [`Clock`] and [`Entropy`], the real ones and those of the tests.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::fmt::temporal::Pieces;
use sha2::{Digest, Sha256};

/// A moment: microseconds since 1970-01-01T00:00:00Z. A whole number, so that both databases store it alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The whole seconds since 1970, as JWT claims want them (RFC 7519 section 2, `NumericDate`).
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The moment a number of seconds after 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// This moment, `by` later; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// This moment, `by` earlier.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// The same moment as the federation crate has it.
    pub(crate) fn moment(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// How long ago `earlier` was; nothing if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC, whole seconds: `2026-11-21T19:17:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.seconds()) {
            Ok(moment) => write!(f, "{moment}"),
            Err(_) => f.write_str("9999-12-31T23:59:59Z"),
        }
    }
}

/// A moment as RFC 3339 writes it, in any zone.
impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()));
        moment
            .or_else(|| at_the_end_of_9999(text))
            .ok_or_else(|| format!("`{text}` is not a moment; write it as 2026-11-21T19:17:00Z"))
    }
}

/// The last two days of the year 9999, which the library's moments do not reach, but RFC 3339 does: many systems write
/// `9999-12-31T23:59:59Z` for "never", and so do we.
fn at_the_end_of_9999(text: &str) -> Option<Timestamp> {
    const TWO_DAYS: i64 = 2 * 86_400;
    let pieces = Pieces::parse(text).ok()?;
    let earlier =
        pieces.date().checked_sub(jiff::SignedDuration::from_secs(TWO_DAYS)).ok()?.to_datetime(pieces.time()?);
    let moment = pieces.to_numeric_offset()?.to_timestamp(earlier).ok()?;
    Some(Timestamp(moment.as_microsecond().saturating_add(TWO_DAYS * 1_000_000)))
}

fn micros(by: Duration) -> i64 {
    i64::try_from(by.as_micros()).unwrap_or(i64::MAX)
}

/// Where the time comes from. Use cases read it once and hand `now` down.
pub trait Clock: Send + Sync {
    /// The present moment. Never earlier than any moment it told before.
    fn now(&self) -> Timestamp {
        self.now_by(0)
    }

    /// The present moment by a clock that is so many microseconds ahead of this machine's.
    fn now_by(&self, ahead: i64) -> Timestamp;
}

/// Where chance comes from.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with bytes nobody can foretell.
    fn fill(&self, buffer: &mut [u8]);
}

/// The machine's clock, made to run forwards only: set back, it goes on from where it was at its ordinary pace,
/// so that what has expired stays expired.
pub struct SystemClock {
    started: Instant,
    /// The largest distance seen between the wall clock and the time since start. It can only grow.
    own: AtomicI64,
    /// The same by the store's clock. Kept apart: a machine that is ahead of the store must not drag the store's time along.
    stores: AtomicI64,
}

impl SystemClock {
    /// A clock that starts at the machine's time, or at `mark`, the latest time seen before a restart, if that is later.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn starting_at(mark: Timestamp) -> Self {
        Self { started: Instant::now(), own: AtomicI64::new(mark.0), stores: AtomicI64::new(mark.0) }
    }

    /// Moves the clock forward to `mark`, a moment in the store's time, if it is behind.
    pub fn not_before(&self, mark: Timestamp) {
        self.stores.fetch_max(mark.0.saturating_sub(micros(self.started.elapsed())), Ordering::Relaxed);
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn forwards(&self, farthest: &AtomicI64, ahead: i64) -> Timestamp {
        let elapsed = micros(self.started.elapsed());
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros);
        // Moved before it is compared with what was told: a mark from the store is already in the store's time.
        let distance = wall.saturating_add(ahead).saturating_sub(elapsed);
        // Mostly only looked at: threads that write to one place wait for one another.
        let before = farthest.load(Ordering::Relaxed);
        let reached =
            if distance > before { farthest.fetch_max(distance, Ordering::Relaxed).max(distance) } else { before };
        Timestamp(reached.saturating_add(elapsed))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.forwards(&self.own, 0)
    }

    fn now_by(&self, ahead: i64) -> Timestamp {
        self.forwards(&self.stores, ahead)
    }
}

/// The operating system's random numbers.
#[derive(Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system can always give random bytes after start");
    }
}

/// A clock for tests: it stands still until told to move.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros(by), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_by(&self, ahead: i64) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst).saturating_add(ahead))
    }
}

/// Repeatable bytes for tests: SHA-256 of a seed and a counter.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededEntropy {
    /// A source that gives the same bytes for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let turn = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(turn.to_le_bytes()).finalize();
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_seconds(1_795_288_620).to_string(), "2026-11-21T19:17:00Z");
    }

    #[test]
    fn a_moment_is_read_as_rfc_3339_in_any_zone() {
        assert_eq!("2026-11-21T19:17:00Z".parse(), Ok(Timestamp::from_seconds(1_795_288_620)));
        assert_eq!("2026-11-21T20:17:00.5+01:00".parse(), Ok(Timestamp(1_795_288_620_500_000)));
        for text in [
            "",
            "yesterday",
            "2026-11-21",
            "2026-11-21T19:17:00",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "9999-12-32T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_end_of_the_year_9999_is_read_as_it_is_written() {
        let end = Timestamp::from_seconds(253_402_300_799);
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00", "9999-12-31T22:59:59-01:00"] {
            assert_eq!(text.parse(), Ok(end), "{text}");
        }
        assert_eq!(end.to_string().parse(), Ok(end));
    }

    #[test]
    fn a_mark_in_the_stores_time_is_not_moved_again() {
        let hour = 3_600_000_000;
        let store = SystemClock::starting_at(Timestamp(0)).now_by(hour);
        let after_restart = SystemClock::starting_at(store).now_by(hour);
        assert!(after_restart.since(store) < Duration::from_mins(30), "an hour ahead became two");
    }

    #[test]
    fn a_machine_ahead_of_the_store_does_not_drag_the_stores_time_along() {
        let hour = 3_600_000_000;
        let clock = SystemClock::starting_at(Timestamp(0));
        let by_the_machine = clock.now();
        assert!(by_the_machine.since(clock.now_by(-hour)) > Duration::from_mins(30));
    }

    #[test]
    fn the_clock_starts_no_earlier_than_its_mark_and_never_goes_back() {
        let tomorrow = SystemClock::starting_at(Timestamp(0)).now().after(Duration::from_hours(24));
        let clock = SystemClock::starting_at(tomorrow);
        let first = clock.now();
        assert!(first >= tomorrow);
        assert!(clock.now() >= first);
    }
}

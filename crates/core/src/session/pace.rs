//! [`Pace`]: how often one refresh token may be presented. It slows a thief down whom the refresh rule cannot tell from
//! the owner, and keeps a client gone wild from the database.

use std::time::Duration;

use crate::env::Timestamp;

/// The presentations of one token in the last minute, kept as bursts: many tabs that wake up together, or a client that
/// tries again at once, count as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// Oldest first. Never more than can begin in a minute and a burst's length.
    bursts: Vec<Burst>,
}

/// Presentations within [`BURST`] of the first of them.
#[derive(Clone, Copy, Debug)]
struct Burst {
    first: Timestamp,
    last: Timestamp,
    presentations: u32,
}

const BURST: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_mins(1);
const BURSTS_A_WINDOW: usize = 6;
const PRESENTATIONS_A_WINDOW: u32 = 120;

impl Pace {
    /// The pace of a token that was presented once before.
    pub(crate) fn begun(first: Timestamp) -> Self {
        Self { bursts: vec![Burst { first, last: first, presentations: 1 }] }
    }

    /// Counts one presentation, if there is room for it. What is refused does not count, so that trying too early costs
    /// nothing but the try.
    ///
    /// # Errors
    /// How long to wait. Whoever then comes is let through, unless others came in between.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Result<(), Duration> {
        let told = now;
        let now = self.forget(told);
        let wait = self.until_fewer_presentations(now).max(self.until_fewer_bursts(now));
        if !wait.is_zero() {
            return Err(wait + now.since(told));
        }
        match self.bursts.last_mut().filter(|burst| burst.lasts(now)) {
            Some(burst) => {
                burst.last = now;
                burst.presentations += 1;
            }
            None => self.bursts.push(Burst { first: now, last: now, presentations: 1 }),
        }
        Ok(())
    }

    /// Whether nothing of the past bears on the next presentation, so that it need not be remembered.
    #[cfg(test)]
    pub(crate) fn is_idle(&self, now: Timestamp) -> bool {
        self.bursts.last().is_none_or(|burst| !burst.bears_on(now))
    }

    /// Drops what bears on nothing any more, and tells the time to count with: requests decided side by side may come
    /// in a little out of order, and are taken in the order they come.
    fn forget(&mut self, now: Timestamp) -> Timestamp {
        self.bursts.retain(|burst| burst.bears_on(now));
        let now = self.bursts.last().map_or(now, |burst| burst.last.max(now));
        self.bursts.retain(|burst| burst.bears_on(now));
        now
    }

    /// A burst is counted until its last presentation has left the minute, so that the limit holds for any minute.
    fn until_fewer_presentations(&self, now: Timestamp) -> Duration {
        let presentations = self.bursts.iter().map(|burst| burst.presentations).sum::<u32>();
        match self.bursts.first() {
            Some(oldest) if presentations >= PRESENTATIONS_A_WINDOW => left(oldest.last, now),
            _ => Duration::ZERO,
        }
    }

    fn until_fewer_bursts(&self, now: Timestamp) -> Duration {
        let mut begun = self.bursts.iter().filter(|burst| now.since(burst.first) < WINDOW);
        let joins = self.bursts.last().is_some_and(|burst| burst.lasts(now));
        match begun.next() {
            Some(oldest) if !joins && 1 + begun.count() >= BURSTS_A_WINDOW => left(oldest.first, now),
            _ => Duration::ZERO,
        }
    }
}

impl Burst {
    fn lasts(&self, now: Timestamp) -> bool {
        now.since(self.first) <= BURST
    }

    /// It ended less than a minute ago. If it lies further ahead than that, the clock was set back, and the token must
    /// not stay barred until the clock is there again.
    fn bears_on(&self, now: Timestamp) -> bool {
        now.since(self.last) < WINDOW && self.last.since(now) < WINDOW
    }
}

/// Until `moment` lies a minute back.
fn left(moment: Timestamp, now: Timestamp) -> Duration {
    WINDOW.saturating_sub(now.since(moment))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp((1_800_000_000_000 + millis) * 1000)
    }

    #[test]
    fn fifty_parallel_presentations_all_pass() {
        let mut pace = Pace::default();
        for tab in 0..50 {
            assert_eq!(pace.admit(at(tab * 40)), Ok(()));
        }
        for later in 1..6 {
            assert_eq!(pace.admit(at(later * 3000)), Ok(()), "all of them cost one of six");
        }
    }

    #[test]
    fn the_seventh_burst_of_a_minute_waits_until_the_first_lies_a_minute_back() {
        let mut pace = Pace::default();
        for turn in 0..6 {
            assert_eq!(pace.admit(at(turn * 5000)), Ok(()));
        }
        assert_eq!(pace.admit(at(27_001)), Err(Duration::from_millis(32_999)));
        assert_eq!(pace.admit(at(59_999)), Err(Duration::from_millis(1)));
        assert_eq!(pace.admit(at(60_000)), Ok(()));
        assert_eq!(pace.admit(at(62_001)), Err(Duration::from_millis(2999)));
    }

    #[test]
    fn once_every_ten_seconds_is_never_refused() {
        let mut pace = Pace::default();
        assert!((0..10_000).all(|turn| pace.admit(at(turn * 10_000)).is_ok()));
    }

    #[test]
    fn the_hundred_and_twenty_first_presentation_waits_even_within_a_burst() {
        let mut pace = Pace::default();
        for turn in 0..120 {
            assert_eq!(pace.admit(at(turn)), Ok(()));
        }
        assert_eq!(pace.admit(at(200)), Err(Duration::from_millis(59_919)));
        assert_eq!(pace.admit(at(60_119)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_by_days_bars_nobody_for_days() {
        let mut pace = Pace::default();
        for turn in 0..6 {
            assert_eq!(pace.admit(at(turn * 5000)), Ok(()));
        }
        assert_eq!(pace.admit(at(-200_000_000)), Ok(()));
    }

    #[test]
    fn requests_a_little_out_of_order_are_counted_in_the_order_they_come() {
        let mut pace = Pace::default();
        for turn in 0..6 {
            assert_eq!(pace.admit(at(turn * 5000)), Ok(()));
        }
        assert_eq!(pace.admit(at(24_990)), Ok(()), "joins the burst of 25 s");
        assert_eq!(pace.admit(at(28_000)), Err(Duration::from_secs(32)));
    }

    #[test]
    fn a_token_not_presented_for_a_minute_need_not_be_remembered() {
        let mut pace = Pace::default();
        assert!(pace.is_idle(at(0)));
        pace.admit(at(0)).unwrap();
        assert!(!pace.is_idle(at(59_999)));
        assert!(pace.is_idle(at(60_000)));
    }

    proptest! {
        /// Both limits hold for every minute, not only for those that begin with the clock's.
        #[test]
        fn no_minute_holds_more_than_120_presentations_or_six_bursts(
            pauses in prop::collection::vec(prop_oneof![8 => 0..100_i64, 1 => 0..30_000_i64], 1..2000),
        ) {
            let (mut pace, mut now, mut passed, mut begun) = (Pace::default(), 0, Vec::new(), Vec::<i64>::new());
            for pause in pauses {
                now += pause;
                if pace.admit(at(now)).is_ok() {
                    passed.push(now);
                    if begun.last().is_none_or(|last| now - last > 2000) {
                        begun.push(now);
                    }
                }
                prop_assert!(pace.bursts.len() <= 8);
            }
            prop_assert!(passed.windows(121).all(|some| some[120] - some[0] >= 60_000));
            prop_assert!(begun.windows(7).all(|some| some[6] - some[0] >= 60_000));
        }

        #[test]
        fn who_waits_as_long_as_told_is_let_through(
            pauses in prop::collection::vec(prop_oneof![8 => 0..100_i64, 1 => 0..30_000_i64, 1 => -90_000..0_i64], 1..500),
        ) {
            let (mut pace, mut now) = (Pace::default(), at(0));
            for pause in pauses {
                now = Timestamp(now.0 + pause * 1000);
                if let Err(wait) = pace.admit(now) {
                    prop_assert!(!wait.is_zero() && wait <= 2 * WINDOW);
                    prop_assert_eq!(pace.clone().admit(now.after(wait)), Ok(()));
                }
            }
        }
    }
}

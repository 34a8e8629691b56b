//! [`Durations`], how long something took, counted in fixed steps: cheap to count, and enough to tell how most fared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The ends of the steps, in microseconds. What took longer than the last is counted behind it.
const STEPS: [u64; 12] =
    [200, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// How many counts there are: one for each step, and one for all that took longer.
pub const COUNTS: usize = STEPS.len() + 1;

/// How long something took, since the start.
#[derive(Debug, Default)]
pub struct Durations([AtomicU64; COUNTS]);

impl Durations {
    /// Counts one.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = STEPS.partition_point(|end| *end < micros);
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts as they are now.
    pub fn counts(&self) -> Counts {
        Counts(self.0.each_ref().map(|count| count.load(Ordering::Relaxed)))
    }
}

/// What [`Durations`] held at a moment, or came to between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; COUNTS]);

/// As much as most took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// No longer than this.
    This(Duration),
    /// Longer than this, which is as far as is counted.
    Beyond(Duration),
}

impl Counts {
    /// What has come since.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let mut counts = self.0;
        for (count, before) in counts.iter_mut().zip(before.0) {
            *count = count.saturating_sub(before);
        }
        Self(counts)
    }

    /// How many there were.
    pub fn total(self) -> u64 {
        self.0.iter().sum()
    }

    /// The step within which so many of a hundred stayed; nothing if there were none at all.
    pub fn percentile(self, percent: u64) -> Option<Within> {
        let total = self.total();
        let wanted = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let place = self.0.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        let last = STEPS.last().copied().unwrap_or_default();
        Some(
            STEPS
                .get(place)
                .map_or(Within::Beyond(Duration::from_micros(last)), |end| Within::This(Duration::from_micros(*end))),
        )
    }

    /// Each step's end, none for all that took longer, and how many there were.
    pub fn steps(self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let ends = STEPS.into_iter().map(|end| Some(Duration::from_micros(end))).chain([None]);
        ends.zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn most_is_told_by_the_step_it_stayed_within() {
        let all = Durations::default();
        assert_eq!(all.counts().percentile(50), None);
        for _ in 0..98 {
            all.record(ms(1));
        }
        all.record(ms(40));
        all.record(ms(60_000));
        let counts = all.counts();
        assert_eq!(counts.percentile(50), Some(Within::This(ms(1))));
        assert_eq!(counts.percentile(99), Some(Within::This(ms(50))));
        assert_eq!(counts.percentile(100), Some(Within::Beyond(ms(5_000))));
        assert_eq!(counts.steps().map(|(_, count)| count).sum::<u64>(), 100);
    }

    #[test]
    fn what_was_before_is_not_counted_again() {
        let all = Durations::default();
        all.record(ms(60_000));
        let before = all.counts();
        all.record(ms(3));
        assert_eq!(all.counts().since(before).total(), 1);
        assert_eq!(all.counts().since(before).percentile(100), Some(Within::This(ms(5))));
    }
}

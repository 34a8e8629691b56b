//! The circuit breaker: a provider that keeps failing, or asks for a pause, is left alone for a while.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open before one call may try again.
const OPEN: Duration = Duration::from_secs(10);
/// The longest pause a provider may ask for.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a provider has been through.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Until when no call is made. Stays set until a probe has been answered.
    open_until: Option<Instant>,
    probing: bool,
}

/// Leave to make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As any other.
    Ordinary,
    /// The one call that finds out whether the provider is back.
    Probe,
}

/// How a call went, as far as the breaker is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer came.
    Answered,
    /// None came, or one that says the provider is in trouble.
    Failed,
    /// The provider asked to be left alone for so long.
    Paused(Duration),
    /// The call was given up by us; it says nothing about the provider.
    GivenUp,
}

impl Breaker {
    /// Leave for a call now; if there is none, how long to wait.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        let Some(until) = self.open_until else { return Ok(Pass::Ordinary) };
        if now < until {
            return Err(until - now);
        }
        if self.probing {
            return Err(Duration::from_secs(1));
        }
        self.probing = true;
        Ok(Pass::Probe)
    }

    /// Notes how a call with this leave went.
    pub(super) fn note(&mut self, pass: Pass, outcome: Outcome, now: Instant) {
        if pass == Pass::Probe {
            self.probing = false;
        }
        match (outcome, pass) {
            (Outcome::GivenUp, _) => {}
            (Outcome::Paused(pause), _) => self.open(now + pause.min(LONGEST_PAUSE)),
            (Outcome::Failed, Pass::Probe) => self.open(now + OPEN),
            (Outcome::Answered, Pass::Probe) => self.close(now),
            // Ordinary calls that come home to an open breaker set out before it opened: old news.
            (_, Pass::Ordinary) if self.open_until.is_some() => {}
            (Outcome::Answered, Pass::Ordinary) => self.failures = 0,
            (Outcome::Failed, Pass::Ordinary) => self.fail(now),
        }
    }

    /// How long no call is made any more, if it is open.
    pub(super) fn open_for(&self, now: Instant) -> Option<Duration> {
        self.open_until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    fn fail(&mut self, now: Instant) {
        self.failures += 1;
        if self.failures >= FAILURES {
            self.open(now + OPEN);
        }
    }

    fn open(&mut self, until: Instant) {
        self.open_until = Some(self.open_until.map_or(until, |already| already.max(until)));
    }

    /// Closes the breaker, unless a pause was asked for while the probe was under way.
    fn close(&mut self, now: Instant) {
        if self.open_until.is_some_and(|until| until <= now) {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failing(times: u32, now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..times {
            breaker.note(Pass::Ordinary, Outcome::Failed, now);
        }
        breaker
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn the_fifth_failure_in_a_row_opens_for_ten_seconds() {
        let now = Instant::now();
        assert_eq!(failing(4, now).admit(now), Ok(Pass::Ordinary));
        let mut breaker = failing(5, now);
        assert_eq!(breaker.admit(now), Err(OPEN));
        assert_eq!(breaker.admit(now + OPEN - ms(1)), Err(ms(1)));
        assert_eq!(breaker.admit(now + OPEN), Ok(Pass::Probe));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_between_failures_starts_the_count_anew() {
        let now = Instant::now();
        let mut breaker = failing(4, now);
        breaker.note(Pass::Ordinary, Outcome::Answered, now);
        breaker.note(Pass::Ordinary, Outcome::Failed, now);
        assert_eq!(breaker.admit(now), Ok(Pass::Ordinary));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_decides() {
        let now = Instant::now();
        let later = now + OPEN;
        let mut breaker = failing(5, now);
        assert_eq!(breaker.admit(later), Ok(Pass::Probe));
        assert!(breaker.admit(later).is_err(), "a second probe beside the first");
        breaker.note(Pass::Probe, Outcome::Failed, later);
        assert_eq!(breaker.admit(later), Err(OPEN), "one failed probe opens again");
        assert_eq!(breaker.admit(later + OPEN), Ok(Pass::Probe));
        breaker.note(Pass::Probe, Outcome::Answered, later + OPEN);
        assert_eq!(breaker.admit(later + OPEN), Ok(Pass::Ordinary));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_given_up_lets_the_next_one_try() {
        let now = Instant::now();
        let mut breaker = failing(5, now);
        assert_eq!(breaker.admit(now + OPEN), Ok(Pass::Probe));
        breaker.note(Pass::Probe, Outcome::GivenUp, now + OPEN);
        assert_eq!(breaker.admit(now + OPEN), Ok(Pass::Probe));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_lasts_as_asked_but_a_minute_at_most() {
        let now = Instant::now();
        for (asked, kept) in [(ms(5_000), ms(5_000)), (ms(3_600_000), LONGEST_PAUSE)] {
            let mut breaker = Breaker::default();
            breaker.note(Pass::Ordinary, Outcome::Paused(asked), now);
            breaker.note(Pass::Ordinary, Outcome::Answered, now);
            assert_eq!(breaker.admit(now), Err(kept), "a late answer does not end the pause");
        }
    }

    proptest! {
        /// Whatever happens in whatever order: no call while it is open, never two probes, and it never stays shut for good.
        #[test]
        fn the_breaker_is_never_stuck(steps in prop::collection::vec((0_u8..6, 0_u64..15_000), 0..80)) {
            let mut now = Instant::now();
            let (mut breaker, mut under_way): (_, Vec<Pass>) = (Breaker::default(), Vec::new());
            for (step, wait) in steps {
                now += ms(wait);
                let outcome = match step {
                    0 | 1 => {
                        let open = breaker.open_until.is_some_and(|until| now < until);
                        let admitted = breaker.admit(now);
                        prop_assert!(!(open && admitted.is_ok()), "called through an open breaker");
                        under_way.extend(admitted.ok());
                        prop_assert!(under_way.iter().filter(|pass| **pass == Pass::Probe).count() <= 1, "two probes");
                        continue;
                    }
                    2 => Outcome::Answered,
                    3 => Outcome::Failed,
                    4 => Outcome::GivenUp,
                    _ => Outcome::Paused(ms(wait * 10)),
                };
                if let Some(pass) = under_way.pop() {
                    breaker.note(pass, outcome, now);
                }
            }
            for pass in under_way {
                breaker.note(pass, Outcome::GivenUp, now);
            }
            now += LONGEST_PAUSE;
            let pass = breaker.admit(now);
            prop_assert!(pass.is_ok(), "shut for good");
            breaker.note(pass.unwrap(), Outcome::Answered, now);
            prop_assert_eq!(breaker.admit(now), Ok(Pass::Ordinary));
        }
    }
}

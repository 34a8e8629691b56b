//! What one round measured, and how the rounds become one figure.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies in a histogram of three significant digits, up to a minute.
#[derive(Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order and the digits few"))
    }

    /// Takes one in.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes in all of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    fn millis_at(&self, quantile: f64) -> f64 {
        float(self.0.value_at_quantile(quantile)) / 1e6
    }
}

/// A rate with its latencies.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// How many a second.
    pub(crate) per_second: f64,
    /// Half of them took at most this long.
    pub(crate) p50_ms: f64,
    /// Ninety-nine of a hundred took at most this long.
    pub(crate) p99_ms: f64,
    /// Processor time for each, if it is known: the server's, or that of a bare loop.
    pub(crate) cpu_us: Option<f64>,
}

impl Sample {
    /// What `count` in a time comes to.
    pub(crate) fn new(count: u64, took: Duration, latencies: &Latencies) -> Self {
        let per_second = float(count) / took.as_secs_f64().max(1e-9);
        Self { per_second, p50_ms: latencies.millis_at(0.5), p99_ms: latencies.millis_at(0.99), cpu_us: None }
    }

    /// The same, with the processor time that all answers took.
    #[must_use]
    pub(crate) fn costing(self, cpu: Duration, answers: u64) -> Self {
        Self { cpu_us: Some(cpu.as_secs_f64() * 1e6 / float(answers.max(1))), ..self }
    }

    /// The median of each figure over the rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        let cpu: Vec<f64> = rounds.iter().filter_map(|round| round.cpu_us).collect();
        Self {
            per_second: of(|round| round.per_second),
            p50_ms: of(|round| round.p50_ms),
            p99_ms: of(|round| round.p99_ms),
            cpu_us: (!cpu.is_empty()).then(|| median(&cpu)),
        }
    }
}

/// The middle one, or the mean of the two in the middle; not a number for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.wrapping_sub(1)), at(half)) }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds here stay far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Where `place` falls in a ring of `steps`, from 0 to 1.
pub(crate) fn fraction(place: usize, steps: usize) -> f64 {
    float((place % steps.max(1)) as u64) / float(steps.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_bad_round() {
        assert!((median(&[3.0, 1.0, 900.0]) - 3.0).abs() < 1e-9);
        assert!((median(&[4.0, 2.0]) - 3.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_sample_is_a_count_by_its_time() {
        let mut latencies = Latencies::new();
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis));
        }
        let sample = Sample::new(latencies.count(), Duration::from_secs(2), &latencies);
        assert!((sample.per_second - 50.0).abs() < 1e-9);
        assert!((sample.p50_ms - 50.0).abs() < 0.1 && (sample.p99_ms - 99.0).abs() < 0.1);
        let costing = sample.costing(Duration::from_millis(1), 100);
        assert!((costing.cpu_us.unwrap() - 10.0).abs() < 1e-9);
    }
}

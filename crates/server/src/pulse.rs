//! [`Pulse`], how the server has fared over the last minutes, for whoever looks at it without a monitoring of their own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use purser_core::app::Figures;
use purser_core::durations::{Counts, Durations};
use tokio::time::Instant;

/// How often the figures are written down.
pub const BEAT: Duration = Duration::from_secs(10);
/// How many times they are kept: ten minutes.
const KEPT: usize = 60;

/// Counts requests, and remembers what the figures were.
#[derive(Debug)]
pub struct Pulse {
    started: Instant,
    requests: Durations,
    failed: AtomicU64,
    beats: Mutex<VecDeque<Beat>>,
}

/// The figures at a moment; each counts since the start.
#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    requests: Counts,
    writes: Counts,
    failed: u64,
    sign_ins: u64,
    refreshes: u64,
}

/// What happened in a while.
#[derive(Clone, Copy, Debug)]
pub struct While {
    /// How long it was.
    pub time: Duration,
    /// Requests, and how long they took.
    pub requests: Counts,
    /// Changes, and how long they took until they were durable.
    pub writes: Counts,
    /// Requests that failed by a fault of ours.
    pub failed: u64,
    /// Sessions opened.
    pub sign_ins: u64,
    /// Refresh tokens traded.
    pub refreshes: u64,
}

/// What happened over the last minutes.
#[derive(Clone, Debug)]
pub struct Lately {
    /// All of it.
    pub whole: While,
    /// Piece by piece, the latest last.
    pub pieces: Vec<While>,
}

impl Default for Pulse {
    fn default() -> Self {
        let started = Instant::now();
        let zero = Counts::default();
        let first = Beat { at: started, requests: zero, writes: zero, failed: 0, sign_ins: 0, refreshes: 0 };
        Self {
            started,
            requests: Durations::default(),
            failed: AtomicU64::new(0),
            beats: Mutex::new(VecDeque::from([first])),
        }
    }
}

impl Pulse {
    /// Counts a request that was answered.
    pub fn record(&self, status: StatusCode, took: Duration) {
        self.requests.record(took);
        if status.is_server_error() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the figures down. Call it every [`BEAT`].
    pub fn beat(&self, figures: &Figures) {
        let beat = self.now(figures);
        let mut beats = self.beats.lock();
        if beats.len() > KEPT {
            beats.pop_front();
        }
        beats.push_back(beat);
    }

    /// How the server has fared of late.
    pub fn lately(&self, figures: &Figures) -> Lately {
        let now = self.now(figures);
        let beats = self.beats.lock();
        let first = beats.front().copied().unwrap_or(now);
        let pieces = beats.iter().zip(beats.iter().skip(1)).map(|(before, after)| after.since(before)).collect();
        Lately { whole: now.since(&first), pieces }
    }

    /// How long the server has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn now(&self, figures: &Figures) -> Beat {
        Beat {
            at: Instant::now(),
            requests: self.requests.counts(),
            writes: figures.writes,
            failed: self.failed.load(Ordering::Relaxed),
            sign_ins: figures.sign_ins,
            refreshes: figures.refreshes,
        }
    }
}

impl Beat {
    fn since(&self, before: &Self) -> While {
        While {
            time: self.at.saturating_duration_since(before.at),
            requests: self.requests.since(before.requests),
            writes: self.writes.since(before.writes),
            failed: self.failed.saturating_sub(before.failed),
            sign_ins: self.sign_ins.saturating_sub(before.sign_ins),
            refreshes: self.refreshes.saturating_sub(before.refreshes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(sign_ins: u64) -> Figures {
        Figures {
            writes_waiting: 0,
            writes: Counts::default(),
            sign_ins,
            refreshes: 0,
            hash_threads: 1,
            hashes_waiting: 0,
            hashes_done: 0,
            hashes_refused: 0,
            hears_other_nodes: true,
            statements_read: 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_ten_minutes_is_forgotten() {
        let pulse = Pulse::default();
        for minute in 0..30_u64 {
            for _ in 0..6 {
                tokio::time::advance(BEAT).await;
                pulse.beat(&figures(minute + 1));
            }
        }
        let lately = pulse.lately(&figures(30));
        assert_eq!(lately.whole.time, BEAT * 60);
        assert_eq!(lately.whole.sign_ins, 10);
        assert_eq!(lately.pieces.len(), 60);
        assert_eq!(pulse.uptime(), BEAT * 180);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_has_just_begun_tells_what_it_has_seen() {
        let pulse = Pulse::default();
        pulse.record(StatusCode::OK, Duration::from_millis(2));
        pulse.record(StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(2));
        let whole = pulse.lately(&figures(0)).whole;
        assert_eq!((whole.requests.total(), whole.failed), (2, 1));
    }
}

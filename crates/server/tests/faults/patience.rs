//! Waiting for the thing itself, and measuring how long it took.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No test waits longer than this for something without a promise.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// However badly things stand, a client is told within this.
pub(crate) const TOLD: Duration = Duration::from_secs(5);

/// A figure that was promised of the release on a machine of its own; an unoptimised one on a busy machine is given twice as long.
pub(crate) const fn promised(seconds: u64) -> Duration {
    Duration::from_secs(if cfg!(debug_assertions) { seconds * 2 } else { seconds })
}

/// Looks until there is something to see.
///
/// # Panics
/// If there is nothing in time.
#[track_caller]
pub(crate) fn until<T>(within: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Watch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.reading() < within, "{what}: not within {within:?}");
        pause(Duration::from_millis(10));
    }
}

/// Lets time pass: for load to be carried, for a life to run out.
#[expect(clippy::disallowed_methods, reason = "other processes are waited for, and their time cannot be moved")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Measures.
#[derive(Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "the figures themselves are what is tested")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn reading(self) -> Duration {
        self.0.elapsed()
    }
}

/// Held by a story, so that no other disturbs what it measures.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

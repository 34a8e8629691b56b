//! The real time, which a benchmark exists to measure.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// This instant.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Stops this thread for a moment, between two looks at a child that tells nothing by itself.
#[expect(clippy::disallowed_methods, reason = "a starting process can only be asked again and again")]
pub(crate) fn pause(moment: Duration) {
    std::thread::sleep(moment);
}

/// Stops this task for a moment, as an honest client does after `Retry-After`.
#[expect(clippy::disallowed_methods, reason = "a refused client waits before it asks again")]
pub(crate) async fn rest(moment: Duration) {
    tokio::time::sleep(moment).await;
}

/// Seconds since 1970, for a token that must not have run out.
#[expect(clippy::disallowed_methods, reason = "the server under test goes by the real time")]
pub(crate) fn since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

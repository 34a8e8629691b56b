//! The pace of each session's refreshes on this node.

use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::lineage::Presented;
use super::pace::Pace;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::SessionId;

/// Tokens whose pace is remembered at once; the least used are forgotten first.
const TOKENS: usize = 65_536;

/// How often each refresh token was presented lately.
pub(crate) struct Pacing(Cache<(SessionId, Presented), Arc<Mutex<Pace>>>);

impl Pacing {
    pub(crate) fn new() -> Self {
        Self(Cache::new(TOKENS))
    }

    /// Counts a presentation after the first, which was at `before` and is counted with it.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time to wait.
    pub(crate) fn admit(&self, session: SessionId, place: Presented, before: Timestamp, now: Timestamp) -> Result<()> {
        let begun = || Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new(Pace::begun(before))));
        let Ok(pace) = self.0.get_or_insert_with(&(session, place), begun);
        pace.lock().admit(now).map_err(Error::RateLimited)
    }
}

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

    /// Counts a presentation.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time to wait.
    pub(crate) fn admit(&self, session: SessionId, place: Presented, now: Timestamp) -> Result<()> {
        let pace = self.0.get_or_insert_with(&(session, place), || Ok::<_, std::convert::Infallible>(Arc::default()));
        let Ok(pace) = pace;
        pace.lock().admit(now).map_err(Error::RateLimited)
    }
}

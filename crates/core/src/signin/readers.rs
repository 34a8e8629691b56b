//! Reading documents of strangers beside everything else: few at once, and none on the threads that serve requests.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{Error, Result};

/// How long a document waits to be read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who read.
pub(crate) struct Readers {
    places: Semaphore,
}

impl Readers {
    /// One fewer than the machine has cores, at least one.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { places: Semaphore::new(cores.saturating_sub(1).max(1)) }
    }

    /// Does what may take a while, when it is its turn.
    ///
    /// # Errors
    /// [`Error::ServerBusy`] if too many wait.
    pub(crate) async fn aside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = timeout(PATIENCE, self.places.acquire()).await.map_err(|_late| Error::ServerBusy)?;
        let _place = place.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

//! Exchange codes: how a session gets to an app or a sub-domain without a token in any address.

use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::signin::Exchanged;

impl App {
    /// Gives the session for a one-time code and its verifier. A wrong verifier spends the code too.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], the same for whatever is wrong; [`Error::RateLimited`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn exchange(&self, _code: &Secret, _verifier: &Secret, _visit: &Visit) -> Result<Exchanged> {
        Err(Error::InvalidToken)
    }
}

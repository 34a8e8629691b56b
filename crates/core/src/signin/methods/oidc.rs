//! Signing in at an OpenID Connect provider.

use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::providers::Base;
use crate::signin::{Arrival, Cookies, Departure, Returned, Start};

impl App {
    /// Sends somebody to an OpenID Connect provider.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::ClientRequired`], [`Error::Invalid`] for a place that may not be returned to,
    /// [`Error::RateLimited`], [`Error::IdpUnavailable`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn start_oidc(&self, _start: Start, _visit: &Visit) -> Result<Departure> {
        Err(Error::UnknownProvider)
    }

    /// Takes somebody back from an OpenID Connect provider.
    ///
    /// # Errors
    /// [`Error::OidcStateInvalid`] without an unspent attempt of this browser, before anything is asked outside;
    /// [`Error::InvalidToken`], [`Error::AccountUnknown`], [`Error::AccountExists`], [`Error::IdpUnavailable`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn finish_oidc(
        &self,
        _returned: Returned<'_>,
        _cookies: Cookies<'_>,
        _base: &Base,
        _visit: &Visit,
    ) -> Result<Arrival> {
        Err(Error::OidcStateInvalid)
    }
}

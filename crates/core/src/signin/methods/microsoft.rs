//! Signing in at Microsoft for Dynamics: the code flow, and Dataverse's word on which organisation it is.

use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::providers::Base;
use crate::signin::{Arrival, Cookies, Departure, Returned, Start};

impl App {
    /// Sends somebody to Microsoft.
    ///
    /// # Errors
    /// As [`App::start_oidc`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn start_dynamics(&self, _start: Start, _visit: &Visit) -> Result<Departure> {
        Err(Error::UnknownProvider)
    }

    /// Takes somebody back from Microsoft.
    ///
    /// # Errors
    /// As [`App::finish_oidc`]; [`Error::Forbidden`] if they belong to another organisation of Dataverse.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn finish_dynamics(
        &self,
        _returned: Returned<'_>,
        _cookies: Cookies<'_>,
        _base: &Base,
        _visit: &Visit,
    ) -> Result<Arrival> {
        Err(Error::OidcStateInvalid)
    }
}

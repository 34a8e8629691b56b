//! Signing in with a SAML response, and the end of sessions that both sides must hear of.

use crate::access::Caller;
use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::providers::Base;
use crate::signin::{Arrival, Cookies, Departure, Leave, SamlLogout, SamlShown, Start};

impl App {
    /// Sends somebody to a SAML provider.
    ///
    /// # Errors
    /// As [`App::start_oidc`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn start_saml(&self, _start: Start, _visit: &Visit) -> Result<Departure> {
        Err(Error::UnknownProvider)
    }

    /// Takes a SAML response. One that came as JSON is always answered with a session.
    ///
    /// # Errors
    /// [`Error::SamlInvalid`], the same for whatever is wrong; [`Error::AccountUnknown`], [`Error::AccountExists`],
    /// [`Error::RateLimited`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn finish_saml(
        &self,
        _shown: SamlShown<'_>,
        _named: Option<&TenantId>,
        _cookies: Cookies<'_>,
        _base: &Base,
        _visit: &Visit,
    ) -> Result<Arrival> {
        Err(Error::UnknownProvider)
    }

    /// Our metadata, for the provider's side. Without a name: that of the tenant's only SAML provider.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::ClientRequired`].
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn saml_metadata(
        &self,
        _tenant: Option<&TenantId>,
        _provider: Option<&str>,
        _base: &Base,
    ) -> Result<String> {
        Err(Error::UnknownProvider)
    }

    /// Takes a provider's message about the end of a session, signed only: ends what it names and says so, or reads the answer to
    /// our own.
    ///
    /// # Errors
    /// [`Error::SamlInvalid`], the same for whatever is wrong.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn saml_logout(&self, _received: SamlLogout<'_>, _base: &Base, _visit: &Visit) -> Result<Leave> {
        Err(Error::SamlInvalid)
    }

    /// Where the browser can end the session at the provider too, if the caller's came from one that offers it. To be asked before
    /// [`App::sign_out`].
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]; a provider that cannot be asked offers nothing.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn provider_logout(&self, _caller: &Caller, _base: &Base) -> Result<Option<Leave>> {
        Ok(None)
    }
}

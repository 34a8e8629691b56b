//! Signing in at Microsoft for Dynamics: the code flow, and Dataverse's word on which organisation it is.

use purser_federation::Refusal;
use purser_federation::microsoft::OTHER_ORGANIZATION;

use super::oidc::{callback, secrets};
use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::providers::{Base, Protocol};
use crate::secret::Secret;
use crate::signin::admission::{Once, Proven};
use crate::signin::attempt::{AttemptId, Way};
use crate::signin::departure::Naming;
use crate::signin::{Arrival, Cookies, Departure, Leave, Returned, Start};

/// Whether people can sign in for Dynamics through it: without an organisation it only vouches for Power Apps' tokens.
pub(crate) fn has_dynamics(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Microsoft(it) if it.dataverse_url.is_some() && it.organization_id.is_some())
}

impl App {
    /// Sends somebody to Microsoft.
    ///
    /// # Errors
    /// As [`App::start_oidc`].
    pub async fn start_dynamics(&self, start: Start, visit: &Visit) -> Result<Departure> {
        let now = self.now();
        let (tenant, provider) =
            self.meant(start.tenant.as_ref(), start.provider.as_deref(), has_dynamics, Naming::Spared).await?;
        let intent = self.intent(&start, &tenant, &provider, visit, now).await?;
        let directory = self.directory_of(&provider, &start.base)?;
        let state = self.draw_name();
        let secrets = secrets(&state, &intent.nonce, &intent.verifier);
        match self.federation.microsoft.begin(&directory, &secrets) {
            Ok(url) => {
                let attempt = AttemptId::of(Way::Dynamics, state.reveal());
                self.depart(Leave::To(url.into()), attempt, &provider, &intent, visit, now).await
            }
            Err(refusal) => Err(self.not_departed(&provider, &refusal, visit).await?),
        }
    }

    /// Takes somebody back from Microsoft.
    ///
    /// # Errors
    /// As [`App::finish_oidc`]; [`Error::Forbidden`] if they belong to another organisation of Dataverse.
    pub async fn finish_dynamics(
        &self,
        returned: Returned<'_>,
        cookies: Cookies<'_>,
        base: &Base,
        visit: &Visit,
    ) -> Result<Arrival> {
        let now = self.now();
        let (attempt, provider, intent) = self.come_back(Way::Dynamics, returned.state, cookies, visit, now).await?;
        let directory = self.directory_of(&provider, base)?;
        let state = Secret::new(returned.state.unwrap_or_default());
        let secrets = secrets(&state, &intent.nonce, &intent.verifier);
        let answer = self.federation.microsoft.answer(&directory, &secrets, &callback(&returned), now.moment()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => return Err(self.not_believed(&provider, &refusal, visit, plainly(&refusal)).await?),
        };
        // Nothing is signed out at Microsoft from here, so nothing is kept for it.
        let proven = Proven {
            provider,
            way: Way::Dynamics,
            identity: answer.identity,
            known_as: None,
            hint: None,
            once: Once::Already,
        };
        self.arrive(&proven, intent, Some(attempt.cookie()), visit).await
    }
}

/// Somebody proven who may not come in is forbidden; whoever Microsoft did not prove is not known.
fn plainly(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::Denied(reason) if reason == OTHER_ORGANIZATION => Error::Forbidden,
        _ => Error::InvalidToken,
    }
}

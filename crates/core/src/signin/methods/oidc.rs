//! Signing in at an OpenID Connect provider: code flow, with an attempt that is spent before the provider is asked.

use purser_federation::oidc::{Callback, Secrets};

use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::providers::{Base, Protocol, Provider};
use crate::secret::Secret;
use crate::signin::admission::{Once, Proven};
use crate::signin::attempt::{AttemptId, Way};
use crate::signin::departure::{Naming, foreign};
use crate::signin::{Arrival, Cookies, Departure, Leave, Returned, Start};

impl App {
    /// Sends somebody to an OpenID Connect provider.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::ClientRequired`], [`Error::Invalid`] for a place that may not be returned to,
    /// [`Error::RateLimited`], [`Error::IdpUnavailable`].
    pub async fn start_oidc(&self, start: Start, visit: &Visit) -> Result<Departure> {
        let now = self.now();
        let speaks = |protocol: &Protocol| matches!(protocol, Protocol::Oidc(_));
        let (tenant, provider) =
            self.meant(start.tenant.as_ref(), start.provider.as_deref(), speaks, Naming::Needed).await?;
        let intent = self.intent(&start, &tenant, &provider, visit, now).await?;
        let settings = self.oidc_of(&provider, &start.base)?;
        let state = self.draw_name();
        let secrets = secrets(&state, &intent.nonce, &intent.verifier);
        match self.federation.oidc.begin(&settings, &secrets, now.moment()).await {
            Ok(url) => {
                let attempt = AttemptId::of(Way::Oidc, state.reveal());
                self.depart(Leave::To(url.into()), attempt, &provider, &intent, visit, now).await
            }
            Err(refusal) => Err(self.not_departed(&provider, &refusal, visit).await?),
        }
    }

    /// Takes somebody back from an OpenID Connect provider.
    ///
    /// # Errors
    /// [`Error::OidcStateInvalid`] without an unspent attempt of this browser, before anything is asked outside, or if the answer is
    /// not from the provider that was left for (RFC 9207); [`Error::InvalidToken`], [`Error::AccountUnknown`],
    /// [`Error::AccountExists`], [`Error::IdpUnavailable`].
    pub async fn finish_oidc(
        &self,
        returned: Returned<'_>,
        cookies: Cookies<'_>,
        base: &Base,
        visit: &Visit,
    ) -> Result<Arrival> {
        let now = self.now();
        let (attempt, provider, intent) = self.come_back(Way::Oidc, returned.state, cookies, visit, now).await?;
        let settings = self.oidc_of(&provider, base)?;
        self.demand_its_name(&provider, &settings, returned.iss, visit).await?;
        let state = Secret::new(returned.state.unwrap_or_default());
        let secrets = secrets(&state, &intent.nonce, &intent.verifier);
        let answer = self.federation.oidc.answer(&settings, &secrets, &callback(&returned), now.moment()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => return Err(self.not_believed(&provider, &refusal, visit, Error::InvalidToken).await?),
        };
        let hint = Some(Secret::new(answer.id_token.reveal()));
        let proven =
            Proven { provider, way: Way::Oidc, identity: answer.identity, known_as: None, hint, once: Once::Already };
        self.arrive(&proven, intent, Some(attempt.cookie()), visit).await
    }

    /// Refuses an answer that names another provider, or none where this one always names itself: it belongs to another attempt, and its
    /// code must not be told to this provider (RFC 9207 section 2.4).
    async fn demand_its_name(
        &self,
        provider: &Provider,
        settings: &purser_federation::oidc::Provider,
        iss: Option<&str>,
        visit: &Visit,
    ) -> Result<()> {
        let refusal = match iss {
            Some(iss) if iss != settings.issuer => "the answer is from another provider (iss)",
            Some(_) => return Ok(()),
            None => match self.federation.oidc.names_itself(settings, self.now().moment()).await {
                Ok(true) => "the answer does not say which provider it is from (iss)",
                // One that cannot be asked now is found out by the next question.
                Ok(false) | Err(_) => return Ok(()),
            },
        };
        let refusal = purser_federation::Refusal::invalid(refusal);
        Err(self.not_believed(provider, &refusal, visit, Error::OidcStateInvalid).await?)
    }
}

/// The secrets of an attempt as the federation crate takes them.
pub(super) fn secrets(state: &Secret, nonce: &str, verifier: &str) -> Secrets {
    let verifier = foreign(&Secret::new(verifier));
    Secrets { state: state.reveal().to_owned(), nonce: nonce.to_owned(), verifier }
}

/// What came back as the federation crate takes it.
pub(super) fn callback<'a>(returned: &Returned<'a>) -> Callback<'a> {
    let Returned { code, iss, error, error_description, .. } = *returned;
    Callback { code, iss, error, error_description }
}

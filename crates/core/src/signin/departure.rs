//! Setting out for a provider, and coming back: what is the same for all of them.

use std::sync::Arc;
use std::time::Duration;

use purser_federation::Refusal;

use super::admission::Proven;
use super::attempt::{AttemptId, Intent, Way};
use super::bounds::Bound;
use super::{Arrival, Departure, Leave, Start, places};
use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId};
use crate::providers::{Protocol, Provider};
use crate::secret::Secret;
use crate::store::Change;
use crate::tenants::Tenant;

/// How long to wait before asking again a provider that is away and does not say; its line opens again after as long.
const AGAIN: Duration = Duration::from_secs(10);
/// The same if its settings are at fault: somebody has to correct them.
const CORRECTED: Duration = Duration::from_mins(1);

/// Whether a provider may be left unnamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// It has to be named.
    Needed,
    /// The only one there is can be meant.
    Spared,
}

/// What is wanted of a provider: it speaks the right protocol.
pub(super) type Speaks = fn(&Protocol) -> bool;

impl App {
    /// The tenant and the provider that somebody means.
    ///
    /// # Errors
    /// [`Error::ClientRequired`], [`Error::UnknownProvider`]; [`Error::Invalid`] if the provider must be named.
    pub(super) async fn meant(
        &self,
        tenant: Option<&TenantId>,
        provider: Option<&str>,
        speaks: Speaks,
        naming: Naming,
    ) -> Result<(Arc<Tenant>, Arc<Provider>)> {
        let named = provider.filter(|name| !name.is_empty());
        if naming == Naming::Needed && named.is_none() {
            return Err(Error::invalid("provider", "is missing"));
        }
        let id = match tenant {
            Some(id) => id.clone(),
            None => self.only_tenant().await?.ok_or(Error::ClientRequired)?,
        };
        let tenant =
            self.living_tenant(&id).await?.filter(|tenant| tenant.is_active()).ok_or(Error::UnknownProvider)?;
        if let Some(name) = named {
            let provider = self.provider_named(&id, name).await?;
            return if speaks(&provider.protocol) { Ok((tenant, provider)) } else { Err(Error::UnknownProvider) };
        }
        let all = self.providers_of(&id).await?;
        let mut able = all.iter().filter(|it| it.enabled && speaks(&it.protocol));
        match (able.next(), able.next()) {
            (Some(only), None) => Ok((tenant, Arc::clone(only))),
            (None, _) => Err(Error::UnknownProvider),
            (Some(_), Some(_)) => Err(Error::invalid("provider", "there are several; name one")),
        }
    }

    /// What is to be kept of somebody who sets out, once it is checked where they want to end up.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::RateLimited`] if too many have set out from there.
    pub(super) async fn intent(
        &self,
        start: &Start,
        tenant: &Tenant,
        provider: &Provider,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Intent> {
        let return_to = places::return_to(start.return_to.as_deref(), &tenant.settings, &start.base)?;
        if let Some(native) = &start.native {
            places::demand_native(native, tenant, &start.base)?;
        }
        self.demand_room(Bound::Starts(visit), now).await?;
        Ok(Intent {
            return_to,
            native: start.native.clone(),
            provider: likeness(provider),
            nonce: self.draw_name().reveal().to_owned(),
            verifier: self.draw_name().reveal().to_owned(),
        })
    }

    /// Lets somebody go: their attempt is kept, and counted.
    pub(super) async fn depart(
        &self,
        to: Leave,
        attempt: AttemptId,
        provider: &Provider,
        intent: &Intent,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Departure> {
        let tenant = self.living_tenant(&provider.tenant).await?.ok_or(Error::UnknownProvider)?;
        let change = self.counting(Change::unlogged_within(&*tenant), Bound::Starts(visit), now);
        let (change, flow) = self.keeping_attempt(change, attempt, provider, intent, now)?;
        self.store.carry_out(change).await?;
        Ok(Departure { to, flow })
    }

    /// Writes down why nobody could be sent to a provider, and says what to answer.
    pub(super) async fn not_departed(&self, provider: &Provider, refusal: &Refusal, visit: &Visit) -> Result<Error> {
        self.log_failed_proof(provider, &refusal.to_string(), &[Bound::Starts(visit)], visit).await?;
        Ok(answer_to(refusal, Error::IdpUnavailable(CORRECTED)))
    }

    /// Writes down why somebody who came back is not believed, and says what to answer. Only what was shown counts against them, not
    /// what keeps the provider from answering.
    pub(super) async fn not_believed(
        &self,
        provider: &Provider,
        refusal: &Refusal,
        visit: &Visit,
        plainly: Error,
    ) -> Result<Error> {
        let counted = [Bound::Proofs(visit)];
        let bounds = match refusal {
            Refusal::Invalid(_) | Refusal::Denied(_) => counted.as_slice(),
            Refusal::Unavailable { .. } | Refusal::Misconfigured(_) => &[],
        };
        self.log_failed_proof(provider, &refusal.to_string(), bounds, visit).await?;
        Ok(answer_to(refusal, plainly))
    }

    /// Spends the attempt that somebody comes back from, and says who they went to and what was kept. It must be of this way and of this
    /// browser; it is spent before anybody outside is asked anything.
    ///
    /// # Errors
    /// [`Error::OidcStateInvalid`]; [`Error::RateLimited`].
    pub(super) async fn come_back(
        &self,
        way: Way,
        state: Option<&str>,
        cookies: super::Cookies<'_>,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<(AttemptId, Arc<Provider>, Intent)> {
        self.demand_room(Bound::Proofs(visit), now).await?;
        match self.find_and_spend(way, state, cookies, now).await? {
            Ok(back) => Ok(back),
            Err(reason) => {
                self.log_strange_proof(way.method(), reason, visit).await?;
                Err(Error::OidcStateInvalid)
            }
        }
    }

    async fn find_and_spend(
        &self,
        way: Way,
        state: Option<&str>,
        cookies: super::Cookies<'_>,
        now: Timestamp,
    ) -> Result<Result<(AttemptId, Arc<Provider>, Intent), &'static str>> {
        let Some(state) = state.filter(|state| !state.is_empty() && state.len() <= 128) else {
            return Ok(Err("the callback names no attempt"));
        };
        let id = AttemptId::of(way, state);
        let Some(attempt) = self.attempt(id, now).await? else {
            return Ok(Err("the attempt is unknown, expired or spent"));
        };
        if !cookies(&id.cookie()).is_some_and(|cookie| attempt.is_of(&cookie)) {
            return Ok(Err("the attempt was begun in another browser"));
        }
        let spend = attempt.spent(Change::unlogged(), now, || Error::OidcStateInvalid);
        match self.store.carry_out(spend).await {
            Ok(_) => {}
            Err(Error::OidcStateInvalid) => return Ok(Err("the attempt was spent a moment ago")),
            Err(fault) => return Err(fault),
        }
        let intent = self.kept_of(&attempt)?;
        match self.provider_of_attempt(&attempt.tenant, attempt.provider, &intent).await? {
            Some(provider) => Ok(Ok((id, provider, intent))),
            None => Ok(Err("the provider was switched off, removed or pointed elsewhere meanwhile")),
        }
    }

    /// The provider that somebody left for, if it still is what it was then.
    pub(super) async fn provider_of_attempt(
        &self,
        tenant: &TenantId,
        provider: ProviderId,
        intent: &Intent,
    ) -> Result<Option<Arc<Provider>>> {
        let all = self.providers_of(tenant).await?;
        let same = |it: &&Arc<Provider>| it.enabled && it.id == provider && likeness(it) == intent.provider;
        Ok(all.iter().find(same).cloned())
    }

    /// Ends the journey of somebody proven where they wanted it to end.
    pub(super) async fn arrive(
        &self,
        proven: &Proven,
        intent: Intent,
        flow_cookie: Option<String>,
        visit: &Visit,
    ) -> Result<Arrival> {
        let Some(native) = intent.native else {
            let signed_in = self.admit_proven(proven, &intent.return_to, visit).await?;
            return Ok(Arrival::Session { signed_in, return_to: intent.return_to, flow_cookie });
        };
        let code = self.give_code(proven, &native.challenge, &intent.return_to, visit).await?;
        Ok(Arrival::Elsewhere { to: places::with_code(&native, code.reveal()), flow_cookie })
    }
}

/// What must not change between going and coming back: who the provider is and who we are there.
pub(super) fn likeness(provider: &Provider) -> String {
    match &provider.protocol {
        Protocol::Oidc(it) => format!("oidc {} {}", it.issuer, it.client_id),
        Protocol::Saml(it) => format!("saml {}", it.entity_id),
        Protocol::Microsoft(it) => format!("microsoft {} {}", it.directory, it.app_id),
    }
}

/// What to answer to whoever has to be told nothing but whose fault it is.
pub(super) fn answer_to(refusal: &Refusal, plainly: Error) -> Error {
    match refusal {
        Refusal::Invalid(_) | Refusal::Denied(_) => plainly,
        Refusal::Unavailable { retry_after, .. } => Error::IdpUnavailable(retry_after.unwrap_or(AGAIN)),
        Refusal::Misconfigured(_) => Error::IdpUnavailable(CORRECTED),
    }
}

/// A secret as the federation crate takes it.
pub(super) fn foreign(secret: &Secret) -> purser_federation::Secret {
    purser_federation::Secret::new(secret.reveal())
}

//! Signing in with a SAML response.

mod logout;

use std::sync::Arc;
use std::time::Duration;

use purser_federation::saml::{self, Assertion, IdentityProvider, Outgoing, Peek, ServiceProvider};
use purser_federation::{Refusal, saml::metadata};

use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::providers::{Base, Protocol, Provider, Saml, claims};
use crate::signin::admission::{Once, Proven};
use crate::signin::attempt::{Attempt, AttemptId, Intent, Way};
use crate::signin::bounds::Bound;
use crate::signin::departure::{Naming, likeness};
use crate::signin::{Arrival, Cookies, Departure, Door, Leave, SamlBy, SamlShown, Start};

/// How far another server's clock may be off; as long as that, used assertions are remembered beyond their end.
const SKEW: Duration = Duration::from_mins(1);

/// A response, and what was found out about it without believing any of it.
struct Claimed {
    document: Arc<str>,
    peek: Peek,
    provider: Arc<Provider>,
    settings: Saml,
}

/// What a response answers: an attempt of ours, with what was kept of it, or nothing.
type Asked = Option<(Attempt, Intent)>;

impl App {
    /// Sends somebody to a SAML provider.
    ///
    /// # Errors
    /// As [`App::start_oidc`].
    pub async fn start_saml(&self, start: Start, visit: &Visit) -> Result<Departure> {
        let now = self.now();
        let (tenant, provider) =
            self.meant(start.tenant.as_ref(), start.provider.as_deref(), is_saml, Naming::Spared).await?;
        let intent = self.intent(&start, &tenant, &provider, visit, now).await?;
        let (sp, idp) = self.known_at(start.door, &provider, &start.base).await?;
        let request = self.draw_message_id();
        // Anything at all: it comes back, and nobody looks at it.
        let relay_state = self.draw_name();
        match saml::request::begin(&sp, &idp, &request, relay_state.reveal(), now.moment()) {
            Ok(outgoing) => {
                let attempt = AttemptId::of(Way::Saml, &request);
                let mut departure = self.depart(outgoing.into(), attempt, &provider, &intent, visit, now).await?;
                departure.flow.cross_site = true;
                Ok(departure)
            }
            Err(refusal) => Err(self.not_departed(&provider, &refusal, visit).await?),
        }
    }

    /// Takes a SAML response. One that came as JSON is always answered with a session.
    ///
    /// # Errors
    /// [`Error::SamlInvalid`], the same for whatever is wrong; [`Error::AccountUnknown`], [`Error::AccountExists`],
    /// [`Error::RateLimited`], [`Error::ServerBusy`].
    pub async fn finish_saml(
        &self,
        shown: SamlShown<'_>,
        named: Option<&TenantId>,
        cookies: Cookies<'_>,
        base: &Base,
        visit: &Visit,
    ) -> Result<Arrival> {
        let now = self.now();
        self.demand_room(Bound::Proofs(visit), now).await?;
        let claimed = self.claimed(shown.document, named, visit).await?;
        let asked = match self.asked(&claimed, shown.by, cookies, now).await? {
            Ok(asked) => asked,
            Err(reason) => return Err(self.refuse_document(&claimed.provider, reason, Sent::ByAnybody, visit).await?),
        };
        let sent = Sent::of(&asked, shown.by);
        if sent == Sent::ByAnybody {
            self.demand_room(Bound::ProofsAt(&claimed.provider.tenant), now).await?;
        }
        let assertion = match self.verified(&claimed, &asked, shown.door, base, now).await? {
            Ok(assertion) => assertion,
            Err(refusal) => {
                return Err(self.refuse_document(&claimed.provider, &refusal.to_string(), sent, visit).await?);
            }
        };
        let arrived = self.arrive_asserted(&claimed, assertion, asked, shown.by, visit).await;
        match arrived {
            Err(Error::SamlInvalid) => {
                Err(self.refuse_document(&claimed.provider, "the assertion was used before", sent, visit).await?)
            }
            arrived => arrived,
        }
    }

    /// Our metadata, for the provider's side. Without a name: that of the tenant's only SAML provider.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`], [`Error::ClientRequired`].
    pub async fn saml_metadata(
        &self,
        tenant: Option<&TenantId>,
        provider: Option<&str>,
        base: &Base,
    ) -> Result<String> {
        let (_, provider) = self.meant(tenant, provider, is_saml, Naming::Spared).await?;
        let (sp, idp) = self.saml_of(&provider, base).await?;
        metadata::write(&sp, &idp, self.now().moment()).map_err(|refusal| Error::internal(refusal.to_string()))
    }

    /// Whose a response claims to be. The tenant comes from there, and one that the request names must be the same.
    async fn claimed(&self, document: &str, named: Option<&TenantId>, visit: &Visit) -> Result<Claimed> {
        let document: Arc<str> = document.into();
        let read = Arc::clone(&document);
        let peek = match self.readers.aside(move || saml::response::peek(&read)).await? {
            Ok(peek) => peek,
            Err(refusal) => return Err(self.refuse_stranger("", &refusal.to_string(), visit).await?),
        };
        let Some(provider) = self.provider_claiming(&claims::saml(&peek.issuer)).await? else {
            let reason = "no provider that is switched on has this name, or its client is disabled";
            return Err(self.refuse_stranger(&peek.issuer, reason, visit).await?);
        };
        if named.is_some_and(|named| *named != provider.tenant) {
            let reason = "the request names another client than the provider's";
            return Err(self.refuse_document(&provider, reason, Sent::ByAnybody, visit).await?);
        }
        let Protocol::Saml(settings) = provider.protocol.clone() else {
            return Err(Error::internal("a SAML claim is another provider's"));
        };
        Ok(Claimed { document, peek, provider, settings })
    }

    /// The attempt that a response answers. A browser must be the one it was begun in; an API client shows no cookie.
    async fn asked(
        &self,
        claimed: &Claimed,
        by: SamlBy,
        cookies: Cookies<'_>,
        now: Timestamp,
    ) -> Result<Result<Asked, &'static str>> {
        let Some(request) = &claimed.peek.in_response_to else {
            let unasked = if claimed.settings.idp_initiated { Ok(None) } else { Err("nobody asked for it") };
            return Ok(unasked);
        };
        let id = AttemptId::of(Way::Saml, request);
        let found = self.attempt(id, now).await?.filter(|attempt| attempt.provider == claimed.provider.id);
        let Some(attempt) = found else {
            return Ok(Err("the request it answers is unknown, expired or spent, or was another provider's"));
        };
        if by == SamlBy::Form && !cookies(&id.cookie()).is_some_and(|cookie| attempt.is_of(&cookie)) {
            return Ok(Err("the request it answers was begun in another browser"));
        }
        let intent = self.kept_of(&attempt)?;
        if intent.provider != likeness(&claimed.provider) {
            return Ok(Err("the provider has become another since the request"));
        }
        Ok(Ok(Some((attempt, intent))))
    }

    /// What a response proves, on a thread of its own.
    async fn verified(
        &self,
        claimed: &Claimed,
        asked: &Asked,
        door: Door,
        base: &Base,
        now: Timestamp,
    ) -> Result<Result<Assertion, Refusal>> {
        let (sp, idp) = self.known_at(door, &claimed.provider, base).await?;
        let document = Arc::clone(&claimed.document);
        let request = asked.as_ref().and(claimed.peek.in_response_to.clone());
        let verify = move || saml::response::verify(&document, &sp, &idp, request.as_deref(), now.moment());
        self.readers.aside(verify).await
    }

    /// The provider, and ourselves as it knows us at this door. A document is good at the door it was written for, and at no other.
    async fn known_at(
        &self,
        door: Door,
        provider: &Provider,
        base: &Base,
    ) -> Result<(ServiceProvider, IdentityProvider)> {
        let (sp, idp) = self.saml_of(provider, base).await?;
        match (door, &provider.protocol) {
            (Door::Own, _) => Ok((sp, idp)),
            (Door::Rest, Protocol::Saml(settings)) if settings.okta_alias => {
                Ok((at_alias(sp, settings, provider, base), idp))
            }
            (Door::Rest, _) => Err(Error::UnknownProvider),
        }
    }

    async fn arrive_asserted(
        &self,
        claimed: &Claimed,
        assertion: Assertion,
        asked: Asked,
        by: SamlBy,
        visit: &Visit,
    ) -> Result<Arrival> {
        let until = Timestamp(assertion.not_on_or_after.as_microsecond()).after(SKEW);
        let (attempt, intent) = asked.unzip();
        let flow_cookie = attempt.as_ref().map(Attempt::cookie);
        let hint = logout::written(&assertion.name_id)?;
        let Assertion { identity, id, issuer, name_id, .. } = assertion;
        let proven = Proven {
            provider: Arc::clone(&claimed.provider),
            way: Way::Saml,
            identity,
            known_as: Some(name_id.value),
            hint: Some(hint),
            once: Once::Assertion { attempt, issuer, id, until },
        };
        match intent {
            Some(intent) if by == SamlBy::Form => self.arrive(&proven, intent, flow_cookie, visit).await,
            _ => {
                let signed_in = self.admit_proven(&proven, "/", visit).await?;
                Ok(Arrival::Session { signed_in, return_to: "/".into(), flow_cookie })
            }
        }
    }

    /// Writes down why a document is not believed. The answer is the same whatever the reason.
    async fn refuse_document(&self, provider: &Provider, reason: &str, sent: Sent, visit: &Visit) -> Result<Error> {
        let bounds = [Bound::Proofs(visit), Bound::ProofsAt(&provider.tenant)];
        let [own, _] = &bounds;
        let counted = if sent == Sent::ByUs { std::slice::from_ref(own) } else { bounds.as_slice() };
        self.log_failed_proof(provider, reason, counted, visit).await?;
        Ok(Error::SamlInvalid)
    }

    async fn refuse_stranger(&self, claimed: &str, reason: &str, visit: &Visit) -> Result<Error> {
        self.log_strange_proof(claimed, reason, visit).await?;
        Ok(Error::SamlInvalid)
    }

    /// An id for a message of ours: begins as XML wants it, and cannot be guessed.
    fn draw_message_id(&self) -> String {
        format!("_{}", self.draw_name().reveal())
    }
}

/// Whether we sent a browser away for what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// We did, and this is the browser: a flood from elsewhere must not keep it out.
    ByUs,
    /// Anybody may have sent it.
    ByAnybody,
}

impl Sent {
    fn of(asked: &Asked, by: SamlBy) -> Self {
        if asked.is_some() && by == SamlBy::Form { Self::ByUs } else { Self::ByAnybody }
    }
}

pub(crate) fn is_saml(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Saml(_))
}

/// Us at the address of old, for a provider that was set up with that.
fn at_alias(sp: ServiceProvider, settings: &Saml, provider: &Provider, base: &Base) -> ServiceProvider {
    let acs = base.with_tenant(&provider.tenant).acs_alias();
    let entity_id = settings.sp_entity_id.clone().unwrap_or_else(|| acs.clone());
    ServiceProvider { entity_id, acs, ..sp }
}

impl From<Outgoing> for Leave {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Redirect(url) => Self::To(url.into()),
            Outgoing::Post { location, fields } => Self::Form { location, fields },
        }
    }
}

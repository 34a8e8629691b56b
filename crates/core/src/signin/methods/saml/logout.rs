//! The end of sessions that both sides must hear of: SAML single logout, and OpenID's sign-out at the provider.

use std::sync::Arc;
use std::time::Duration;

use purser_federation::saml::logout::{self, LogoutOutcome, LogoutRequest};
use purser_federation::saml::{NameId, Received};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::SKEW;
use crate::access::Caller;
use crate::app::App;
use crate::audit::{Action, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, SessionId};
use crate::providers::{Base, Protocol, Provider, claims};
use crate::secret::Secret;
use crate::session::{hint_context, sql as session_sql};
use crate::signin::attempt::{AttemptId, Intent, Way};
use crate::signin::bounds::Bound;
use crate::signin::departure::{foreign, likeness};
use crate::signin::{Leave, SamlLogout, Through, sql};
use crate::store::{Change, Row, Stale, args};
use crate::tenants::Tenant;

/// Signing out here waits no longer than this for what a provider announces.
const PATIENCE: Duration = Duration::from_secs(2);

/// A log-out message, kept for the thread that reads it.
#[derive(Clone)]
enum Message {
    Query(Arc<str>),
    Form(Arc<str>),
}

/// What a log-out message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Answer,
}

impl Message {
    fn received(&self) -> Received<'_> {
        match self {
            Self::Query(query) => Received::Redirect { query },
            Self::Form(message) => Received::Post { message },
        }
    }
}

impl App {
    /// Takes a provider's message about the end of a session, signed only: ends what it names and says so, or reads the answer to
    /// our own.
    ///
    /// # Errors
    /// [`Error::SamlInvalid`], the same for whatever is wrong; [`Error::RateLimited`].
    pub async fn saml_logout(&self, received: SamlLogout<'_>, base: &Base, visit: &Visit) -> Result<Leave> {
        let now = self.now();
        self.demand_room(Bound::Proofs(visit), now).await?;
        let Some((kind, message, relay_state)) = read(&received) else {
            return Err(self.refuse_stranger("", "no log-out message", visit).await?);
        };
        let peeked = message.clone();
        let peek = match self.readers.aside(move || logout::peek(&peeked.received())).await? {
            Ok(peek) => peek,
            Err(refusal) => return Err(self.refuse_stranger("", &refusal.to_string(), visit).await?),
        };
        let Some(provider) = self.provider_claiming(&claims::saml(&peek.issuer)).await? else {
            return Err(self.refuse_stranger(&peek.issuer, "no provider has this name", visit).await?);
        };
        let outcome = match kind {
            Kind::Request => self.log_out_from_there(&provider, message, (&relay_state, base), visit, now).await?,
            Kind::Answer => self.logged_out_there(&provider, message, peek.in_response_to, base, now).await?,
        };
        match outcome {
            Ok(leave) => Ok(leave),
            Err(reason) => {
                let reason = format!("log-out message: {reason}");
                Err(self.refuse_document(&provider, &reason, super::Sent::ByAnybody, visit).await?)
            }
        }
    }

    /// Where the browser can end the session at the provider too, if the caller's came from one that offers it. To be asked before
    /// [`App::sign_out`].
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]; a provider that cannot be asked offers nothing.
    pub async fn provider_logout(&self, caller: &Caller, base: &Base) -> Result<Option<Leave>> {
        let Some(session) = caller.session else { return Ok(None) };
        let row: Option<Row> = self.store.one(caller, sql::THROUGH, args![session]).await?;
        let Some(through) = row.map(|row| self.through(session, &row)).transpose()? else { return Ok(None) };
        let all = self.providers_of(&caller.tenant.id).await?;
        let Some(provider) = all.iter().find(|it| it.enabled && it.id == through.provider) else { return Ok(None) };
        let now = self.now();
        match &provider.protocol {
            Protocol::Oidc(_) => {
                let asking = self.oidc_logout(provider, &through, base, now);
                Ok(timeout(PATIENCE, asking).await.unwrap_or(Ok(None))?)
            }
            Protocol::Saml(_) => self.begin_saml_logout(&caller.tenant, provider, &through, base, now).await,
            Protocol::Microsoft(_) => Ok(None),
        }
    }

    async fn oidc_logout(
        &self,
        provider: &Provider,
        through: &Through,
        base: &Base,
        now: Timestamp,
    ) -> Result<Option<Leave>> {
        let Some(hint) = &through.hint else { return Ok(None) };
        let settings = self.oidc_of(provider, base)?;
        let back = format!("{}/", base.as_str());
        let state = self.draw_name();
        let offered = self.federation.oidc.logout(&settings, &foreign(hint), &back, state.reveal(), now.moment()).await;
        Ok(offered.ok().flatten().map(|url| Leave::To(url.into())))
    }

    async fn begin_saml_logout(
        &self,
        tenant: &Tenant,
        provider: &Provider,
        through: &Through,
        base: &Base,
        now: Timestamp,
    ) -> Result<Option<Leave>> {
        let (sp, idp) = self.saml_of(provider, base).await?;
        let Some(name_id) = through.hint.as_ref().map(name_id).transpose()? else { return Ok(None) };
        let (id, relay_state) = (self.draw_message_id(), self.draw_name());
        let session = through.session.as_deref();
        let Ok(outgoing) = logout::begin(&sp, &idp, &name_id, session, &id, relay_state.reveal(), now.moment()) else {
            return Ok(None);
        };
        let intent = Intent::of_logout(likeness(provider));
        let attempt = AttemptId::of(Way::SamlLogout, &id);
        let (change, _) = self.keeping_attempt(Change::unlogged_within(tenant), attempt, provider, &intent, now)?;
        match self.store.carry_out(change).await {
            Ok(_) => Ok(Some(outgoing.into())),
            Err(Error::UnknownProvider) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Ends the sessions that a provider's request names, once per request.
    async fn log_out_from_there(
        &self,
        provider: &Arc<Provider>,
        message: Message,
        (relay_state, base): (&str, &Base),
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Result<Leave, String>> {
        let (sp, idp) = self.saml_of(provider, base).await?;
        let (us, them) = (sp.clone(), idp.clone());
        let read = move || logout::read_request(&message.received(), &us, &them, now.moment());
        let request = match self.readers.aside(read).await? {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        match self.end_there(provider, &idp.entity_id, &request, visit, now).await {
            Ok(()) => {}
            Err(Error::SamlInvalid) => return Ok(Err("the log-out request was used before".into())),
            Err(fault) => return Err(fault),
        }
        let id = self.draw_message_id();
        let answer = logout::answer(&sp, &idp, &request.id, &id, relay_state, LogoutOutcome::Ended, now.moment());
        // The sessions are over; a provider that cannot be told so is not waited for.
        Ok(Ok(answer.map_or_else(|_| Leave::To("/".into()), Leave::from)))
    }

    async fn end_there(
        &self,
        provider: &Provider,
        issuer: &str,
        request: &LogoutRequest,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<()> {
        let Some(tenant) = self.living_tenant(&provider.tenant).await? else { return Err(Error::SamlInvalid) };
        let all = [String::new()];
        let named = if request.session_indexes.is_empty() { all.as_slice() } else { &request.session_indexes };
        let mut ended: Vec<SessionId> = Vec::new();
        for session in named.iter().take(100) {
            let key = args![provider.id, &request.name_id.value, session];
            let found: Vec<Row> = self.store.all(&*tenant, sql::SESSIONS_THERE, key).await?;
            for row in found {
                ended.push(row.session(0)?);
            }
        }
        let until = Timestamp(request.not_on_or_after.as_microsecond()).after(SKEW);
        let change = Change::unlogged_within(&*tenant).must(
            sql::SPEND_PROOF,
            args![issuer, format!("logout {}", request.id), until],
            || Error::SamlInvalid,
        );
        let end = |change: Change, id: &SessionId| {
            let entry = Entry::done(now, &provider.actor(), visit, Action::SessionEnded, Target::session(*id));
            change
                .also_logging(entry.because("signed out at the provider"))
                .run_system(session_sql::END, args![*id, now])
                .forgetting(Stale::Session(*id))
        };
        self.store.carry_out(ended.iter().fold(change, end)).await.map(drop)
    }

    /// Reads the answer to our own request, if we asked.
    async fn logged_out_there(
        &self,
        provider: &Arc<Provider>,
        message: Message,
        asked: Option<String>,
        base: &Base,
        now: Timestamp,
    ) -> Result<Result<Leave, String>> {
        let asked = asked.unwrap_or_default();
        let found = self.attempt(AttemptId::of(Way::SamlLogout, &asked), now).await?;
        let Some(attempt) = found.filter(|attempt| attempt.provider == provider.id) else {
            return Ok(Err("the answer is to no request of ours that is still waited for".into()));
        };
        let (sp, idp) = self.saml_of(provider, base).await?;
        let read = move || logout::read_response(&message.received(), &sp, &idp, &asked, now.moment());
        if let Err(refusal) = self.readers.aside(read).await? {
            return Ok(Err(refusal.to_string()));
        }
        match self.store.carry_out(attempt.spent(Change::unlogged(), now, || Error::SamlInvalid)).await {
            Ok(_) => Ok(Ok(Leave::To("/".into()))),
            Err(Error::SamlInvalid) => Ok(Err("the answer was taken before".into())),
            Err(fault) => Err(fault),
        }
    }

    fn through(&self, session: SessionId, row: &Row) -> Result<Through> {
        let open = |sealed: &[u8]| -> Result<Secret> {
            let plain = self.vault.open_sealed(&hint_context(session), sealed)?;
            Ok(Secret::new(std::str::from_utf8(&plain).map_err(Error::internal)?))
        };
        Ok(Through {
            provider: ProviderId(row.int(0)?),
            name: String::new(),
            subject: row.text(1)?.into(),
            session: row.maybe_text(2)?.map(Into::into),
            hint: row.maybe_bytes(3)?.map(open).transpose()?,
        })
    }
}

/// Which message it is, the message, and the relay state.
fn read(received: &SamlLogout<'_>) -> Option<(Kind, Message, String)> {
    match *received {
        SamlLogout::Query(query) => {
            let field = |name: &str| {
                url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
            };
            let relay_state = field("RelayState").unwrap_or_default().into_owned();
            let kind = match (field("SAMLRequest"), field("SAMLResponse")) {
                (Some(_), None) => Kind::Request,
                (None, Some(_)) => Kind::Answer,
                _ => return None,
            };
            Some((kind, Message::Query(query.into()), relay_state))
        }
        SamlLogout::Form { request, response, relay_state } => {
            let relay_state = relay_state.unwrap_or_default().to_owned();
            match (request, response) {
                (Some(request), None) => Some((Kind::Request, Message::Form(request.into()), relay_state)),
                (None, Some(response)) => Some((Kind::Answer, Message::Form(response.into()), relay_state)),
                _ => None,
            }
        }
    }
}

/// A `NameID` as it is kept: whole, for the provider wants it back as it gave it.
#[derive(Serialize, Deserialize)]
struct Name {
    value: String,
    format: Option<String>,
    name_qualifier: Option<String>,
    sp_name_qualifier: Option<String>,
}

/// Writes a `NameID` down.
pub(super) fn written(name: &NameId) -> Result<Secret> {
    let NameId { value, format, name_qualifier, sp_name_qualifier } = name.clone();
    let name = Name { value, format, name_qualifier, sp_name_qualifier };
    serde_json::to_string(&name).map(Secret::new).map_err(Error::internal)
}

fn name_id(hint: &Secret) -> Result<NameId> {
    let name: Name = serde_json::from_str(hint.reveal()).map_err(Error::internal)?;
    let Name { value, format, name_qualifier, sp_name_qualifier } = name;
    Ok(NameId { value, format, name_qualifier, sp_name_qualifier })
}

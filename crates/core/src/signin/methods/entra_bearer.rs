//! Entra access tokens as bearer tokens (Power Apps): they make no session, and are proven anew every few minutes.

use std::sync::Arc;

use purser_federation::Refusal;
use purser_federation::microsoft::Entra;

use crate::access::Caller;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::providers::{Base, Provider, claims};
use crate::secret::Secret;
use crate::signin::admission::{Once, Proven, amr};
use crate::signin::answers::{AWAY, Answer, BELIEVED, Believed, REFUSED, Refused, TokenHash, Verdict};
use crate::signin::attempt::Way;
use crate::signin::bounds::Bound;
use crate::signin::departure::{answer_to, foreign};
use crate::signin::second::Demand;
use crate::store::{Change, Stale};
use crate::tenants::Tenant;
use crate::users::{User, UserStatus};

impl App {
    /// Who is behind a bearer token that is none of ours.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] if it is no Entra token, or of no directory and application of anybody's here, or not believed;
    /// [`Error::AccountUnknown`], [`Error::AccountExists`]; [`Error::IdpUnavailable`]; [`Error::RateLimited`];
    /// [`Error::Forbidden`] if another tenant is named.
    pub(crate) async fn foreign_caller(&self, token: &str, named: Option<&str>, visit: Visit) -> Result<Caller> {
        let now = self.now();
        let place = TokenHash::of(token);
        let standing = match self.live.answers.find(&place, now) {
            Some(verdict) => self.standing_by(place, verdict).await?,
            None => None,
        };
        let standing = match standing {
            Some(standing) => standing,
            None => self.standing_anew(token, place, &visit, now).await?,
        };
        if named.is_some_and(|named| named != standing.tenant.id.as_str()) {
            return Err(Error::Forbidden);
        }
        let Standing { tenant, user, believed } = standing;
        // There is no session that could wait for a second factor: the directory must have seen to it.
        match Demand::of(&tenant, &user, &believed.amr, now) {
            Demand::Verify | Demand::Enrol => return Err(Error::InvalidToken),
            Demand::Nothing | Demand::Later(_) => {}
        }
        let (amr, since) = (Arc::clone(&believed.amr), believed.since);
        Ok(Caller { tenant, user, session: None, foreign: Some(place), amr, since, visit, portrait: None })
    }

    /// Forgets what was answered about the caller's token, here and on other nodes. It is still good at Microsoft, and will be asked
    /// about anew if it is shown again.
    pub(crate) async fn forget_foreign(&self, caller: &Caller, place: TokenHash) -> Result<()> {
        let target = Target::user(caller.user.id);
        let entry = Entry::done(self.now(), &Actor::User(caller.user.id), &caller.visit, Action::SignOut, target);
        let change = Change::within(caller, entry.because("entra")).forgetting(Stale::Answer(place));
        self.store.carry_out(change).await.map(drop)
    }

    /// Asks, unless somebody is asking about this very token already: then their answer is waited for.
    async fn standing_anew(&self, token: &str, place: TokenHash, visit: &Visit, now: Timestamp) -> Result<Standing> {
        let glance = self.federation.microsoft.glance(token).ok_or(Error::InvalidToken)?;
        let claim = claims::entra(&glance.tid, &glance.app);
        let provider = self.provider_claiming(&claim).await?.ok_or(Error::InvalidToken)?;
        self.demand_room(Bound::Proofs(visit), now).await?;
        let verdict = match self.live.answers.known.get_value_or_guard_async(&place).await {
            Ok(answer) => answer.verdict,
            Err(guard) => {
                let answer = self.ask_microsoft(token, &provider, visit, now).await?;
                // If it was to be forgotten meanwhile, it is not remembered.
                let _forgotten = guard.insert(answer.clone());
                answer.verdict
            }
        };
        self.standing_by(place, verdict).await?.ok_or(Error::InvalidToken)
    }

    /// What is said of a token, and how long that counts.
    async fn ask_microsoft(
        &self,
        token: &str,
        provider: &Arc<Provider>,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Answer> {
        let base = self.base().map_or_else(|| Base::parse("http://localhost"), Ok)?;
        let directory = self.directory_of(provider, &base)?;
        let asked = self.federation.microsoft.check(&directory, &foreign(&Secret::new(token)), now.moment()).await;
        let entra = match asked {
            Ok(entra) => entra,
            Err(refusal) => return self.refused(provider, &refusal, visit, now).await,
        };
        let refused = |why| Answer { until: now.after(REFUSED), verdict: Verdict::Refused(why) };
        match self.believe(provider, entra, visit, now).await {
            Ok(answer) => Ok(answer),
            Err(Error::AccountUnknown) => Ok(refused(Refused::Unknown)),
            Err(Error::AccountExists) => Ok(refused(Refused::Exists)),
            Err(fault) => Err(fault),
        }
    }

    async fn believe(&self, provider: &Arc<Provider>, entra: Entra, visit: &Visit, now: Timestamp) -> Result<Answer> {
        let amr: Arc<str> = amr(&entra.identity).into();
        let expires = Timestamp(entra.expires.as_microsecond());
        let proven = Proven {
            provider: Arc::clone(provider),
            way: Way::Entra,
            identity: entra.identity,
            known_as: None,
            hint: None,
            once: Once::Already,
        };
        let id = self.recognise_proven(&proven, visit).await?;
        let tenant = self.living_tenant(&provider.tenant).await?.ok_or(Error::AccountUnknown)?;
        let user = self.living_user(&*tenant, id).await?.ok_or(Error::AccountUnknown)?;
        if matches!(Demand::of(&tenant, &user, &amr, now), Demand::Verify | Demand::Enrol) {
            let reason = "a second factor is asked for, and the directory does not say that one was shown";
            self.log_failed_proof(provider, reason, &[], visit).await?;
        }
        let believed = Believed {
            tenant: tenant.id.clone(),
            tenant_epoch: tenant.epoch,
            provider: provider.id,
            provider_version: provider.version,
            user: id,
            user_epoch: user.epoch,
            amr,
            since: now,
        };
        let until = now.after(BELIEVED).min(expires);
        Ok(Answer { until, verdict: Verdict::Believed(Arc::new(believed)) })
    }

    async fn refused(&self, provider: &Provider, refusal: &Refusal, visit: &Visit, now: Timestamp) -> Result<Answer> {
        if let Refusal::Unavailable { .. } = refusal {
            // Nothing is written: while Microsoft is away, every request of every user comes by here.
            tracing::warn!(provider = provider.name, reason = %refusal, "an Entra token could not be checked");
            let Error::IdpUnavailable(after) = answer_to(refusal, Error::InvalidToken) else {
                return Err(Error::internal("a provider that is away was not told apart"));
            };
            return Ok(Answer { until: now.after(AWAY), verdict: Verdict::Away(after) });
        }
        match self.not_believed(provider, refusal, visit, Error::InvalidToken).await? {
            Error::IdpUnavailable(after) => Ok(Answer { until: now.after(AWAY), verdict: Verdict::Away(after) }),
            _ => Ok(Answer { until: now.after(REFUSED), verdict: Verdict::Refused(Refused::Token) }),
        }
    }

    /// Who stands behind a verdict now; nothing if it was found under what is no longer so, and has to be found anew.
    async fn standing_by(&self, place: TokenHash, verdict: Verdict) -> Result<Option<Standing>> {
        let believed = match verdict {
            Verdict::Believed(believed) => believed,
            Verdict::Refused(why) => return Err(why.into()),
            Verdict::Away(after) => return Err(Error::IdpUnavailable(after)),
        };
        let standing = self.present(&believed).await?;
        if standing.is_none() {
            self.live.answers.forget_this(&place, &believed);
        }
        Ok(standing.map(|(tenant, user)| Standing { tenant, user, believed }))
    }

    /// Tenant and user, if they and the provider are what they were when the answer was given. From memory.
    async fn present(&self, believed: &Believed) -> Result<Option<(Arc<Tenant>, Arc<User>)>> {
        let Some(tenant) = self.living_tenant(&believed.tenant).await? else { return Ok(None) };
        let all = self.providers_of(&tenant.id).await?;
        let same =
            |it: &&Arc<Provider>| it.enabled && it.id == believed.provider && it.version == believed.provider_version;
        let Some(user) = self.living_user(&*tenant, believed.user).await? else { return Ok(None) };
        if all.iter().find(same).is_none() || !tenant.is_active() || tenant.epoch != believed.tenant_epoch {
            return Ok(None);
        }
        match user.status {
            // Disabled here beats fine there, and nobody outside has to be asked for it.
            UserStatus::Disabled => Err(Error::AccountUnknown),
            UserStatus::Active if user.epoch == believed.user_epoch => Ok(Some((tenant, user))),
            UserStatus::Active | UserStatus::Invited => Ok(None),
        }
    }
}

/// Who stands behind a token.
struct Standing {
    tenant: Arc<Tenant>,
    user: Arc<User>,
    believed: Arc<Believed>,
}

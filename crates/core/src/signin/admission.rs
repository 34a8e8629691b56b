//! What follows once a provider has proven somebody: an account found, linked or made, its roles, and then a session, a code, or neither.

use std::sync::Arc;

use futures::future::BoxFuture;
use purser_federation::Identity;

use super::attempt::{Attempt, Way};
use super::bounds::{Bound, forgiving_start};
use super::linking::{self, Account, Denial, Domain, Facts, Outcome, Word};
use super::{Proof, Seal, Through, sql};
use crate::access::{Role, Roles};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::providers::Provider;
use crate::secret::Secret;
use crate::session::SignedIn;
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::tenants::Tenant;
use crate::users::{UserStatus, sql as users_sql, words};

/// How often it is decided anew when somebody was faster.
const TRIES: usize = 8;

/// Somebody whom a provider has proven.
pub(super) struct Proven {
    pub(super) provider: Arc<Provider>,
    pub(super) way: Way,
    pub(super) identity: Identity,
    /// How the provider calls them when it signs them out, if not by the subject.
    pub(super) known_as: Option<String>,
    /// What ends the session at the provider: an ID token, or a whole `NameID`.
    pub(super) hint: Option<Secret>,
    pub(super) once: Once,
}

/// What must become true together with the sign-in, so that the same proof opens nothing twice.
pub(super) enum Once {
    /// Nothing more: it was spent before, or may be shown again.
    Already,
    /// A SAML assertion, and the attempt it answers if it answers one.
    Assertion { attempt: Option<Attempt>, issuer: String, id: String, until: Timestamp },
}

impl Once {
    fn spent(&self, change: Change, now: Timestamp) -> Change {
        match self {
            Self::Already => change,
            Self::Assertion { attempt, issuer, id, until } => {
                let change = change.must(sql::SPEND_PROOF, args![issuer, id, *until], || Error::SamlInvalid);
                match attempt {
                    Some(attempt) => attempt.spent(change, now, || Error::SamlInvalid),
                    None => change,
                }
            }
        }
    }
}

/// An account as the store has it.
struct Found {
    id: UserId,
    status: UserStatus,
    roles: Roles,
    epoch: i64,
    taken: bool,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: UserId(row.int(0)?),
            status: UserStatus::stored(row.text(1)?),
            roles: Roles::stored(row.int(2)?),
            epoch: row.int(3)?,
            taken: row.int(4)? != 0,
        })
    }
}

impl Found {
    fn account(&self) -> Account {
        Account { status: self.status, taken: self.taken }
    }
}

/// What follows a decision. Boxed: callers of this crate have to see that it may go from thread to thread.
type Act<'a, T> = dyn Fn(Settled, Arc<Tenant>, Timestamp) -> BoxFuture<'a, Result<T>> + Send + Sync + 'a;

/// A decision made into steps.
struct Settled {
    user: UserId,
    /// The user's epoch once the steps are done.
    epoch: i64,
    change: Change,
    /// Whether the steps do more than note the moment.
    matters: bool,
}

impl App {
    /// Opens a session for somebody proven, who wants to end up somewhere.
    ///
    /// # Errors
    /// [`Error::AccountUnknown`], [`Error::AccountExists`]; [`Error::SamlInvalid`] if the proof was used before;
    /// [`Error::TwoFactorRequired`] if a second factor is asked for that the provider does not vouch for.
    pub(super) async fn admit_proven(&self, proven: &Proven, return_to: &str, visit: &Visit) -> Result<SignedIn> {
        let act = move |settled: Settled, tenant: Arc<Tenant>, now| -> BoxFuture<'_, Result<SignedIn>> {
            let proof = Proof { return_to: Some(return_to.to_owned()), ..proven.proof(&tenant, &settled) };
            let also = forgiving_start(proven.once.spent(settled.change, now), visit);
            Box::pin(super::finish(self, proof, visit, also))
        };
        self.deciding_anew(proven, visit, &act).await
    }

    /// Settles the account of somebody proven, and puts down a code with which the session is fetched.
    ///
    /// # Errors
    /// As [`App::admit_proven`].
    pub(super) async fn give_code(
        &self,
        proven: &Proven,
        challenge: &str,
        return_to: &str,
        visit: &Visit,
    ) -> Result<Secret> {
        let act = move |settled: Settled, tenant: Arc<Tenant>, now| -> BoxFuture<'_, Result<Secret>> {
            let proof = proven.proof(&tenant, &settled);
            let also = forgiving_start(proven.once.spent(settled.change, now), visit);
            Box::pin(self.put_down_code(proof, proven.way, challenge, return_to, also, now))
        };
        self.deciding_anew(proven, visit, &act).await
    }

    /// Settles the account of somebody who proves themselves anew with every request, and makes no session.
    ///
    /// # Errors
    /// [`Error::AccountUnknown`], [`Error::AccountExists`].
    pub(super) async fn recognise_proven(&self, proven: &Proven, visit: &Visit) -> Result<UserId> {
        let act = move |settled: Settled, _tenant, _now| -> BoxFuture<'_, Result<UserId>> {
            Box::pin(async move {
                if settled.matters {
                    self.store.carry_out(settled.change).await?;
                }
                Ok(settled.user)
            })
        };
        self.deciding_anew(proven, visit, &act).await
    }

    /// Decides and acts. Whom the licence keeps out is in the log, as whoever else is.
    async fn deciding_anew<T>(&self, proven: &Proven, visit: &Visit, act: &Act<'_, T>) -> Result<T> {
        let outcome = self.deciding_until_it_holds(proven, visit, act).await;
        if let Err(refusal @ (Error::LicenseRequired | Error::LicenseExpired | Error::LicenseSeats)) = &outcome {
            self.log_refusal(proven, None, &refusal.to_string(), visit, self.now()).await?;
        }
        outcome
    }

    /// Decides and acts, and once more if the ground has moved in between.
    async fn deciding_until_it_holds<T>(&self, proven: &Proven, visit: &Visit, act: &Act<'_, T>) -> Result<T> {
        for _ in 0..TRIES {
            let now = self.now();
            let settled = match self.living_tenant(&proven.provider.tenant).await? {
                Some(tenant) if tenant.is_active() => {
                    if self.is_on(&proven.provider).await? {
                        self.settle_account(proven, &tenant, visit, now).await?.map(|settled| (tenant, settled))
                    } else {
                        Err((Denial::Unknown("the provider was switched off or removed"), None))
                    }
                }
                _ => Err((Denial::Unknown("the client is disabled or gone"), None)),
            };
            let (tenant, settled) = match settled {
                Ok(both) => both,
                Err((denial, user)) => {
                    self.log_refusal(proven, user, denial.reason(), visit, now).await?;
                    return Err(denial.into());
                }
            };
            match act(settled, tenant, now).await {
                // Somebody was faster: linked, made, changed or ended what this was decided on.
                Err(Error::Conflict | Error::InvalidCredentials | Error::NotFound) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Conflict)
    }

    /// Whether a provider is still there and on: it may have been asked for seconds, and what is switched off signs nobody in.
    async fn is_on(&self, provider: &Provider) -> Result<bool> {
        let all = self.providers_of(&provider.tenant).await?;
        Ok(all.iter().any(|it| it.enabled && it.id == provider.id))
    }

    /// Decides, and writes the decision down as steps.
    async fn settle_account(
        &self,
        proven: &Proven,
        tenant: &Tenant,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Result<Settled, (Denial, Option<UserId>)>> {
        let Proven { provider, identity, .. } = proven;
        // In this order: whoever comes to be linked between the two is found by the second, and not taken for a stranger of that address.
        let (namesake, domain) = self.by_address(proven, tenant).await?;
        let key = args![provider.id, &identity.issuer, &identity.subject];
        let linked: Option<Found> = self.store.one(tenant, sql::LINKED, key).await?;
        let facts = Facts {
            linked: linked.as_ref().map(Found::account),
            namesake: namesake.as_ref().map(Found::account),
            domain,
        };
        let word = linking::word(identity, provider.kind(), &provider.rules, domain);
        let outcome = match linking::decide(identity, provider.kind(), &provider.rules, facts) {
            Ok(outcome) => outcome,
            Err(denial) => return Ok(Err((denial, linked.or(namesake).map(|found| found.id)))),
        };
        let settled = match (outcome, linked, namesake) {
            (Outcome::SignIn, Some(found), namesake) => {
                // What is said of another address says nothing of this account.
                let own = namesake.is_some_and(|namesake| namesake.id == found.id);
                self.reopening(proven, tenant, &found, if own { word } else { Word::Claim }, visit, now).await?
            }
            (Outcome::Link, _, Some(found)) => self.linking(proven, tenant, &found, visit, now).await?,
            (Outcome::Create(email), ..) => self.creating(proven, tenant, &email, word, visit, now).await?,
            _ => return Err(Error::internal("an account was decided on that was not found")),
        };
        Ok(Ok(settled))
    }

    async fn by_address(&self, proven: &Proven, tenant: &Tenant) -> Result<(Option<Found>, Domain)> {
        let Proven { provider, identity, .. } = proven;
        let Some(email) = linking::address(identity) else { return Ok((None, Domain::Foreign)) };
        let key = args![email.key(), provider.id, &identity.issuer];
        let namesake = self.store.one(tenant, sql::NAMESAKE, key).await?;
        let verified = self.has_verified(&tenant.id, email.domain()).await?;
        Ok((namesake, if verified { Domain::Verified } else { Domain::Foreign }))
    }

    /// The account that is linked opens; asleep, it wakes.
    async fn reopening(
        &self,
        proven: &Proven,
        tenant: &Tenant,
        found: &Found,
        word: Word,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Settled> {
        let Proven { provider, identity, .. } = proven;
        let (change, moved) =
            self.with_roles(Change::unlogged_within(tenant), proven, tenant, found, visit, now).await?;
        let used = args![provider.id, &identity.issuer, &identity.subject, found.id, now, word.stored()];
        let change = change.must(sql::LINK_USED, used, || Error::Conflict);
        let asleep = found.status == UserStatus::Invited;
        let change = if asleep {
            change
                .also_logging(proven.entry(now, visit, Action::UserActivated, found.id))
                .must(sql::WAKE, args![found.id, found.epoch], || Error::Conflict)
                .forgetting(Stale::User(found.id))
        } else {
            change
        };
        Ok(Settled { user: found.id, epoch: found.epoch, change, matters: moved || asleep })
    }

    /// The account of its address is linked. Whoever else held a key to it until now is shut out: sessions end, a password that was set
    /// but never used goes, for nobody knows who set it, and so do identities that only claimed the address.
    async fn linking(
        &self,
        proven: &Proven,
        tenant: &Tenant,
        found: &Found,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Settled> {
        let change = Change::unlogged_within(tenant).guarding_tenant();
        let (change, _) = self.with_roles(change, proven, tenant, found, visit, now).await?;
        let change = change
            .must(sql::HAND_OVER, args![found.id, found.epoch], || Error::Conflict)
            .run(sql::DROP_UNVOUCHED, args![found.id]);
        let change = proven.linked(change, found.id, Word::Proof, visit, now).forgetting(Stale::User(found.id));
        Ok(Settled { user: found.id, epoch: found.epoch + 1, change, matters: true })
    }

    /// An account is made and linked.
    async fn creating(
        &self,
        proven: &Proven,
        tenant: &Tenant,
        email: &crate::users::Email,
        word: Word,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Settled> {
        let Proven { provider, identity, .. } = proven;
        let (first, last) = linking::names(identity, email);
        let roles = linking::first_roles(identity.groups.as_deref(), &provider.rules);
        let id = self.next_user_id().await?;
        let row = crate::users::row(id, email, [&first, &last, ""], UserStatus::Active, roles, None, now);
        let entry = proven.entry(now, visit, Action::UserCreated, id).because(words(roles));
        self.demand_license().await?;
        let change = self.adding(Change::within(tenant, entry), row, || Error::Conflict).await?;
        let change = proven.linked(change, id, word, visit, now).forgetting(Stale::User(id));
        Ok(Settled { user: id, epoch: 1, change, matters: true })
    }

    /// Adds what the provider's groups make of the account's roles, and says whether that is anything. The last Admin stays one.
    async fn with_roles(
        &self,
        change: Change,
        proven: &Proven,
        tenant: &Tenant,
        found: &Found,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<(Change, bool)> {
        let rules = &proven.provider.rules;
        let mut roles = linking::roles(found.roles, proven.identity.groups.as_deref(), rules);
        let entry = || proven.entry(now, visit, Action::UserRolesSet, found.id);
        let mut change = change;
        if found.roles.contain(Role::Admin) && !roles.contain(Role::Admin) && found.status == UserStatus::Active {
            let others: Option<i64> = self.store.one(tenant, sql::OTHER_ADMINS, args![found.id]).await?;
            if others.unwrap_or(0) == 0 {
                change = change.also_logging(entry().refused("the groups take ADMIN away, but this is the last Admin"));
                roles = roles.and(Roles::from_iter([Role::Admin]));
            }
        }
        if roles == found.roles {
            return Ok((change, false));
        }
        let change = change
            .guarding_tenant()
            .also_logging(entry().because(words(roles)))
            .must(users_sql::SET_ROLES, args![found.id, roles.bits(), found.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(found.id));
        Ok((change, true))
    }

    async fn log_refusal(
        &self,
        proven: &Proven,
        user: Option<UserId>,
        reason: &str,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<()> {
        let Proven { provider, identity, .. } = proven;
        let target = match user {
            Some(id) => Target::user(id),
            None => Target::claimed(&plain(identity.email.as_deref().unwrap_or(&identity.subject))),
        };
        let entry = Entry::done(now, &provider.actor(), visit, Action::SignIn, target).refused(reason);
        self.store.carry_out(Change::system(entry.in_tenant(&provider.tenant))).await.map(drop)
    }

    /// Writes down that a provider's proof failed, and counts it.
    pub(super) async fn log_failed_proof(
        &self,
        provider: &Provider,
        reason: &str,
        bounds: &[Bound<'_>],
        visit: &Visit,
    ) -> Result<()> {
        let now = self.now();
        let target = Target::provider(&provider.name);
        let entry = Entry::done(now, &provider.actor(), visit, Action::SignIn, target).refused(reason);
        let change = Change::system(entry.in_tenant(&provider.tenant));
        let change = bounds.iter().fold(change, |change, bound| self.counting(change, *bound, now));
        self.store.carry_out(change).await.map(drop)
    }

    /// The same for a proof that names nobody's provider.
    pub(super) async fn log_strange_proof(&self, claimed: &str, reason: &str, visit: &Visit) -> Result<()> {
        let now = self.now();
        let entry =
            Entry::done(now, &Actor::Anyone, visit, Action::SignIn, Target::claimed(&plain(claimed))).refused(reason);
        self.store.carry_out(self.counting(Change::system(entry), Bound::Proofs(visit), now)).await.map(drop)
    }
}

impl Proven {
    fn proof(&self, tenant: &Tenant, settled: &Settled) -> Proof {
        let Self { provider, way, identity, known_as, hint, .. } = self;
        Proof {
            tenant: tenant.id.clone(),
            user: settled.user,
            method: way.method().into(),
            amr: amr(identity),
            epoch: settled.epoch,
            through: Some(Through {
                provider: provider.id,
                name: provider.name.clone(),
                subject: known_as.as_ref().unwrap_or(&identity.subject).clone(),
                session: identity.session.clone(),
                hint: hint.clone(),
            }),
            return_to: None,
            _made_here: Seal,
        }
    }

    fn linked(&self, change: Change, user: UserId, word: Word, visit: &Visit, now: Timestamp) -> Change {
        let Self { provider, identity, .. } = self;
        let entry = self.entry(now, visit, Action::IdentityLinked, user).because(&identity.subject);
        let row = args![provider.id, &identity.issuer, &identity.subject, user, now, word.stored()];
        change.also_logging(entry).must(sql::ADD_LINK, row, || Error::Conflict)
    }

    fn entry(&self, now: Timestamp, visit: &Visit, action: Action, user: UserId) -> Entry {
        Entry::done(now, &self.provider.actor(), visit, action, Target::user(user))
    }
}

impl Provider {
    /// The provider as the log names who did something.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Provider(self.name.as_str().into())
    }
}

/// What a stranger said, fit for a line of the log.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

/// How somebody signed in, in one line of words: through a federation, and what the provider said of it. Only what looks like a word
/// of RFC 8176 is passed on.
pub(super) fn amr(identity: &Identity) -> String {
    let word = |text: &&String| (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut words = vec!["fed"];
    for said in identity.amr.iter().filter(word).take(8).map(String::as_str) {
        if !words.contains(&said) {
            words.push(said);
        }
    }
    if identity.second_factor && !words.contains(&"mfa") {
        words.push("mfa");
    }
    words.join(" ")
}

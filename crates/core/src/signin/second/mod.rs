//! The second factor: whom it is asked of, and the challenge that waits for it. Kept sealed, found by its hash, spent once, on any node.

mod demand;
mod factors;
pub(crate) mod sql;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use demand::shows_two;
pub(crate) use demand::{Demand, due};
pub use factors::{Factors, Passkey, TwoFactorWish};
pub(super) use factors::{Totp as StoredTotp, demand_session, keeping_session, own_entry};

use super::attempt::hash;
use super::bounds::Bound;
use super::guesses::{Place, counted};
use super::throttle::Rule;
use super::webauthn::PasskeyShown;
use super::{Proof, Seal, Through};
use crate::access::Scope;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId, UserId};
use crate::secret::{self, Secret};
use crate::session::SignedIn;
use crate::store::{Change, Row, args};
use crate::tenants::Tenant;
use crate::users::{User, UserStatus, sql as users_sql};

/// How long a second factor is waited for.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_mins(5);

/// How guesses at a user's codes are bounded: of a million codes three are good at any time (RFC 6238 section 5.2), so a day's
/// guesses find one in ten thousand days.
pub(super) const RULE: Rule = Rule { limit: 30, window: Duration::from_hours(24), waits: &[0, 0, 0, 1, 3, 5, 10] };

/// What a challenge waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Wanted {
    /// The second factor that the user has.
    Verify,
    /// That they enrol one.
    Enrol,
}

/// What somebody answers a challenge with.
#[derive(Clone, Copy, Debug)]
pub enum SecondFactor<'a> {
    /// Six digits of an app, or a recovery code.
    Code(&'a Secret),
    /// What a passkey signed.
    Passkey(&'a PasskeyShown),
}

/// What a challenge can be answered with.
#[derive(Debug)]
pub struct Waiting {
    /// Into which tenant.
    pub tenant: Arc<Tenant>,
    /// What it waits for.
    pub wanted: Wanted,
    /// Whether an authenticator app is set up.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// For the browser's `navigator.credentials.get`: the user's passkeys; none without any, or where passkeys cannot be used.
    pub passkey: Option<serde_json::Value>,
    /// Until when it waits.
    pub until: Timestamp,
}

/// A sign-in that has shown both factors.
#[derive(Debug)]
pub struct Completed {
    /// The handles, and who it is.
    pub signed_in: SignedIn,
    /// Where a browser wanted to go, if it came from a provider; checked.
    pub return_to: Option<String>,
    /// New recovery codes, if this enrolled the first second factor. Shown now or never.
    pub recovery_codes: Vec<Secret>,
}

/// How far a sign-in has come. Sealed, for it may hold the provider's ID token.
#[derive(Serialize, Deserialize)]
struct Kept {
    wanted: Wanted,
    method: String,
    amr: String,
    epoch: i64,
    through: Option<KeptThrough>,
    return_to: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptThrough {
    provider: i64,
    name: String,
    subject: String,
    session: Option<String>,
    hint: Option<String>,
}

/// A challenge as found, whose user is still the one it was given to.
pub(super) struct Challenge {
    id: [u8; 32],
    pub(super) tenant: Arc<Tenant>,
    pub(super) user: User,
    kept: Kept,
    until: Timestamp,
}

/// A second factor that was right: how it is called in a token (RFC 8176), and what must become true with it so that it is not right
/// twice.
pub(super) struct Shown {
    pub(super) words: &'static str,
    pub(super) change: Change,
}

/// Why a second factor is not taken.
pub(super) struct Wrong(pub(super) &'static str);

impl Scope for Challenge {
    fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }
}

impl Challenge {
    pub(super) fn wants(&self, wanted: Wanted) -> bool {
        self.kept.wanted == wanted
    }

    /// What a passkey has to sign for this challenge, and for no other.
    pub(super) fn purpose(&self) -> String {
        format!("second/{}", secret::encode(&self.id))
    }

    /// Adds to a change that it is answered; a rival who was faster keeps the whole change from happening.
    fn spent(&self, change: Change, now: Timestamp) -> Change {
        change.must(sql::SPEND_CHALLENGE, args![self.id, now], || Error::InvalidToken)
    }

    /// The proof it waited to become, with the words of the second factor.
    fn proof(self, words: &str, epoch: i64) -> Proof {
        let Self { tenant, user, kept, .. } = self;
        Proof {
            tenant: tenant.id.clone(),
            user: user.id,
            method: Cow::Owned(kept.method),
            amr: with_words(&kept.amr, words),
            epoch,
            through: kept.through.map(Through::from),
            return_to: kept.return_to,
            _made_here: Seal,
        }
    }
}

/// The words of a sign-in with those of its second factor; more than one factor is `mfa` (RFC 8176 section 2).
fn with_words(amr: &str, words: &str) -> String {
    let mut all: Vec<&str> = amr.split(' ').collect();
    for word in words.split(' ').chain(["mfa"]) {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all.join(" ")
}

impl From<Through> for KeptThrough {
    fn from(it: Through) -> Self {
        let hint = it.hint.map(|hint| hint.reveal().to_owned());
        Self { provider: it.provider.0, name: it.name, subject: it.subject, session: it.session, hint }
    }
}

impl From<KeptThrough> for Through {
    fn from(it: KeptThrough) -> Self {
        let hint = it.hint.map(Secret::new);
        Self { provider: ProviderId(it.provider), name: it.name, subject: it.subject, session: it.session, hint }
    }
}

impl App {
    /// What is asked of somebody who was proven. Their row is read and not remembered: whoever has enrolled since the proof was made
    /// has a new epoch, with which this proof opens nothing.
    pub(super) async fn demanded_of(&self, proof: &Proof, now: Timestamp) -> Result<Option<Wanted>> {
        let tenant = self.living_tenant(&proof.tenant).await?.ok_or(Error::InvalidCredentials)?;
        let user: Option<User> = self.store.one(proof, users_sql::FIND, args![proof.user]).await?;
        // Who is only made with this sign-in has time to enrol.
        let Some(user) = user else { return Ok(None) };
        Ok(match Demand::of(&tenant, &user, &proof.amr, now) {
            Demand::Verify => Some(Wanted::Verify),
            Demand::Enrol => Some(Wanted::Enrol),
            Demand::Nothing | Demand::Later(_) => None,
        })
    }

    /// Has somebody who was proven wait for their second factor. `also` is made true at once: the first factor was right.
    pub(super) async fn challenge(
        &self,
        proof: Proof,
        wanted: Wanted,
        visit: &Visit,
        also: Change,
        now: Timestamp,
    ) -> Result<Error> {
        let name = Secret::new(secret::encode(&self.draw::<32>()));
        let id = hash(name.reveal());
        let entry = Entry::done(now, &Actor::User(proof.user), visit, Action::TwoFactorAsked, Target::user(proof.user));
        let change = also.also_logging(entry.because(&*proof.method));
        let user = proof.user;
        let kept = Kept {
            wanted,
            method: proof.method.into_owned(),
            amr: proof.amr,
            epoch: proof.epoch,
            through: proof.through.map(KeptThrough::from),
            return_to: proof.return_to,
        };
        let plain = serde_json::to_vec(&kept).map_err(Error::internal)?;
        let sealed = self.vault.seal(&context(&id, user), &plain, &*self.entropy);
        let row = args![id, user, sealed, now.after(CHALLENGE_LIFETIME)];
        self.store.carry_out(change.must(sql::ADD_CHALLENGE, row, || Error::Conflict)).await?;
        Ok(Error::TwoFactorRequired(name))
    }

    /// What a challenge can be answered with. Begins the ceremony of a passkey, if the user has any.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] if it is unknown, expired or spent; [`Error::RateLimited`].
    pub async fn second_factors(&self, challenge: &Secret, visit: &Visit) -> Result<Waiting> {
        let now = self.now();
        let challenge = self.demand_challenge(challenge, visit, now).await?;
        let (wanted, until) = (challenge.kept.wanted, challenge.until);
        if wanted == Wanted::Enrol {
            let tenant = challenge.tenant;
            return Ok(Waiting { tenant, wanted, totp: false, recovery_codes: 0, passkey: None, until });
        }
        let factors = self.factors_of(&challenge.tenant, &challenge.user).await?;
        let passkey = self.second_passkey_options(&challenge, now).await?;
        let tenant = challenge.tenant;
        Ok(Waiting { tenant, wanted, totp: factors.totp, recovery_codes: factors.recovery_codes, passkey, until })
    }

    /// Ends a sign-in with its second factor.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] if the challenge is unknown, expired or spent, or wants something to be enrolled;
    /// [`Error::InvalidCredentials`] if the factor is wrong or was used before: the challenge may be answered again;
    /// [`Error::RateLimited`], [`Error::ServerBusy`].
    pub async fn verify_second_factor(
        &self,
        challenge: &Secret,
        factor: SecondFactor<'_>,
        visit: &Visit,
    ) -> Result<Completed> {
        let now = self.now();
        let challenge = self.demand_challenge(challenge, visit, now).await?;
        if !challenge.wants(Wanted::Verify) {
            return Err(Error::InvalidToken);
        }
        let place = self.place_for_code(&challenge, visit, now).await?;
        let looked_at = match factor {
            SecondFactor::Code(code) => self.look_at_code(&challenge, code, visit, now).await,
            SecondFactor::Passkey(shown) => self.look_at_passkey(&challenge, shown, visit, now).await,
        };
        let (user, tenant) = (challenge.user.id, challenge.tenant.id.clone());
        let wrong = match looked_at {
            Ok(Ok(shown)) => {
                let epoch = challenge.kept.epoch;
                match self.complete(challenge, shown, epoch, &place, visit, now).await {
                    // Somebody used the very same factor a moment ago.
                    Err(Error::InvalidCredentials) => {
                        Wrong("a code that is wrong, or a second factor that was used before")
                    }
                    Err(fault) => return self.giving_back(Err(fault), place).await,
                    opened => return opened,
                }
            }
            Ok(Err(wrong)) => wrong,
            Err(fault) => return self.giving_back(Err(fault), place).await,
        };
        let entry = Entry::done(now, &Actor::Anyone, visit, Action::SignIn, Target::user(user)).refused(wrong.0);
        let change = place.failed(Change::system(entry.in_tenant(&tenant)), now);
        self.store.carry_out(self.counting(change, Bound::Proofs(visit), now)).await?;
        Err(Error::InvalidCredentials)
    }

    /// Opens the session a challenge has waited for: it is spent, and so is what it was answered with.
    pub(super) async fn complete(
        &self,
        challenge: Challenge,
        shown: Shown,
        epoch: i64,
        place: &Place,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Completed> {
        let change = place.succeeded(challenge.spent(shown.change, now), now);
        let proof = challenge.proof(shown.words, epoch);
        let return_to = proof.return_to.clone();
        let signed_in = super::open(self, proof, visit, change, now).await?;
        Ok(Completed { signed_in, return_to, recovery_codes: Vec::new() })
    }

    /// The challenge, if it is still waited for and nothing has ended its user's sessions since.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], counted; [`Error::RateLimited`] if too many were none.
    pub(super) async fn demand_challenge(&self, shown: &Secret, visit: &Visit, now: Timestamp) -> Result<Challenge> {
        self.demand_room(Bound::Proofs(visit), now).await?;
        if let Some(challenge) = self.find_challenge(shown, now).await? {
            return Ok(challenge);
        }
        self.log_strange_proof("", "a challenge that is unknown, expired or spent", visit).await?;
        Err(Error::InvalidToken)
    }

    async fn find_challenge(&self, shown: &Secret, now: Timestamp) -> Result<Option<Challenge>> {
        let id = hash(shown.reveal());
        let row: Option<Row> = self.store.system_one(sql::CHALLENGE, args![id, now]).await?;
        let Some(row) = row else { return Ok(None) };
        let Some(tenant) = self.living_tenant(&row.tenant(0)?).await? else { return Ok(None) };
        let user = UserId(row.int(1)?);
        let plain = self.vault.open_sealed(&context(&id, user), row.bytes(2)?)?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(Error::internal)?;
        let found: Option<User> = self.store.one(&*tenant, users_sql::FIND, args![user]).await?;
        let same = |user: &User| user.epoch == kept.epoch && user.status == UserStatus::Active && tenant.is_active();
        let Some(user) = found.filter(same) else { return Ok(None) };
        if !self.still_through(&tenant, kept.through.as_ref()).await? {
            return Ok(None);
        }
        let until = row.time(3)?;
        Ok(Some(Challenge { id, tenant, user, kept, until }))
    }

    /// Whether the provider somebody came through is still on.
    async fn still_through(&self, tenant: &Tenant, through: Option<&KeptThrough>) -> Result<bool> {
        let Some(through) = through else { return Ok(true) };
        let all = self.providers_of(&tenant.id).await?;
        Ok(all.iter().any(|it| it.enabled && it.id.0 == through.provider))
    }

    /// A place for a guess at a user's codes. Those from an address from which the user has shown two factors are counted apart, so that
    /// whoever has only stolen the password cannot use the owner's up. One factor is not enough: whoever has the mailbox sets a
    /// password from as many addresses as they like, and would have guesses of their own at each.
    pub(super) async fn place_for_code(&self, challenge: &Challenge, visit: &Visit, now: Timestamp) -> Result<Place> {
        let (user, address) = (challenge.user.id, counted(visit.address));
        let known = args![challenge.tenant.id.as_str(), user, &address];
        let seen: Option<i64> = self.store.system_one(super::sql::KNOWN_BY_BOTH, known).await?;
        let key = if seen.is_some() { format!("second/{user}/{address}") } else { format!("second/{user}") };
        self.take_place(key, &RULE, now).await
    }

    pub(super) async fn giving_back<T>(&self, outcome: Result<T>, place: Place) -> Result<T> {
        if outcome.is_err() {
            self.give_back(&[place]).await?;
        }
        outcome
    }

    /// Six digits are an app's, everything else is a recovery code.
    async fn look_at_code(
        &self,
        challenge: &Challenge,
        code: &Secret,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Result<Shown, Wrong>> {
        let digits: String = code.reveal().chars().filter(|letter| !letter.is_whitespace()).collect();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.look_at_totp(challenge, &Secret::new(digits), now).await
        } else {
            Ok(self.look_at_recovery(challenge, code, visit, now))
        }
    }
}

fn context(id: &[u8; 32], user: UserId) -> String {
    format!("challenge/{user}/{}", secret::encode(id))
}

#[cfg(test)]
mod tests;

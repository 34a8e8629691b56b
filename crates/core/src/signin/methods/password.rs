//! Signing in with e-mail and password, for users; with name and password, for system administrators.

mod accounts;

use crate::access::Caller;
use crate::admins::{Username, sql as admins_sql};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::AdminId;
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::session::{AdminSignedIn, SignedIn, sql as session_sql};
use crate::signin::guesses::{Place, budget_failed, tenant_key};
use crate::signin::password::Password;
use crate::signin::stored::{Stored, Verdict};
use crate::signin::{AdminProof, Proof, Seal};
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::users::{Email, sql as users_sql};
use accounts::{Account, Candidates, address_key};

/// Somebody says who they are.
#[derive(Debug)]
pub struct Claim {
    /// The address typed in.
    pub email: String,
    /// The password typed in.
    pub password: Secret,
    /// The tenant the request names: by header, sub-domain or query.
    pub client: Option<String>,
    /// A cookie that came along: it opens nothing, but shows a browser that has signed in before.
    pub cookie: Option<Secret>,
}

/// Somebody says which administrator they are.
#[derive(Debug)]
pub struct AdminClaim {
    /// The name typed in.
    pub username: String,
    /// The password typed in.
    pub password: Secret,
}

/// A user's wish for another password.
#[derive(Debug)]
pub struct PasswordChange {
    /// The present one, once more.
    pub current: Secret,
    /// The one to come.
    pub new: Secret,
}

/// A caller has shown their password once more.
pub(crate) struct Confirmed {
    /// The place of the guess that it was, to be settled.
    pub(crate) place: Place,
    /// The user's epoch then.
    pub(crate) epoch: i64,
}

impl App {
    /// Signs a user in.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`], the same for whatever is wrong; [`Error::Invalid`] for what cannot be an address or a password;
    /// [`Error::ClientRequired`]; [`Error::SsoRequired`]; [`Error::RateLimited`]; [`Error::ServerBusy`].
    pub async fn sign_in(&self, claim: Claim, visit: &Visit) -> Result<SignedIn> {
        let now = self.now();
        let email = Email::parse("email", &claim.email)?;
        let password = Password::parse(claim.password.reveal())?;
        let mut candidates = self.candidates(&email, claim.client.as_deref()).await?;
        self.recognise(&mut candidates, claim.cookie.as_ref(), visit).await?;
        let places = self.take_places(&email, &mut candidates, visit, now).await?;
        let checked = self.check(password.clone(), &candidates).await;
        let verdicts = self.or_give_back(checked, &places).await?;
        let mut opened =
            candidates.accounts.iter().zip(&verdicts).filter(|(account, verdict)| {
                account.active && matches!(verdict, Verdict::Right | Verdict::RightButWeak)
            });
        match (opened.next(), opened.next()) {
            (None, _) => Err(self.refuse(&email, candidates, &verdicts, &places, visit).await?),
            (Some(_), Some(_)) => {
                self.give_back(&places).await?;
                Err(Error::ClientRequired)
            }
            (Some((account, verdict)), None) => {
                let settle = |change: Change, now| {
                    places.iter().fold(change, |change, place| {
                        if candidates.missed(place, &email, &verdicts) {
                            place.failed(change, now)
                        } else {
                            place.succeeded(change, now)
                        }
                    })
                };
                let admitted = self.admit(account, *verdict, password, settle, visit).await;
                self.or_give_back(admitted, &places).await
            }
        }
    }

    /// Signs a system administrator in.
    ///
    /// # Errors
    /// As [`App::sign_in`], with stricter limits.
    pub async fn sign_in_admin(&self, claim: AdminClaim, visit: &Visit) -> Result<AdminSignedIn> {
        let now = self.now();
        let username = Username::parse(&claim.username)?;
        let password = Password::parse(claim.password.reveal())?;
        self.demand_budget(&address_key(visit), &self.address_allowance(), now).await?;
        let place = self.take_place(format!("admin/{}", username.as_str()), &self.admin_rule(), now).await?;
        let account: Option<AdminAccount> =
            self.store.system_one(admins_sql::BY_NAME, args![username.as_str()]).await?;
        let stored = account.as_ref().map_or_else(Stored::nobody, |account| Stored::parse(&account.hash));
        let checked = self.hasher.verify(password.clone(), stored).await;
        let verdict = self.or_give_back(checked, std::slice::from_ref(&place)).await?;
        let now = self.now();
        match (account, verdict) {
            (Some(account), Verdict::Right | Verdict::RightButWeak) if account.active => {
                let admitted = self.admit_admin(&account, verdict, password, &place, visit).await;
                self.or_give_back(admitted, &[place]).await
            }
            (account, verdict) => {
                let reason = match (account, verdict) {
                    (None, _) => "unknown name",
                    (Some(_), Verdict::Unreadable) => "the stored hash cannot be read",
                    (Some(account), Verdict::Right | Verdict::RightButWeak) if !account.active => "disabled",
                    _ => "wrong password",
                };
                let entry = Entry::done(now, &Actor::Anyone, visit, Action::SignIn, Target::claimed(username.as_str()));
                let change = place.failed(Change::system(entry.refused(reason)), now);
                let change = budget_failed(change, &address_key(visit), &self.address_allowance(), now);
                self.store.carry_out(change).await?;
                Err(Error::InvalidCredentials)
            }
        }
    }

    async fn admit_admin(
        &self,
        account: &AdminAccount,
        verdict: Verdict,
        password: Password,
        place: &Place,
        visit: &Visit,
    ) -> Result<AdminSignedIn> {
        let mut also = place.succeeded(Change::unlogged(), self.now());
        if verdict == Verdict::RightButWeak {
            let better = self.hasher.hash(password).await?;
            also = also.run_system(admins_sql::REHASH, args![account.id, better, account.epoch]);
        }
        let proof = AdminProof { admin: account.id, epoch: account.epoch, _made_here: Seal };
        self.open_admin_session(proof, visit, also).await
    }

    /// Changes the caller's own password. Their other sessions end; the present one goes on.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] if the present password is wrong; [`Error::Invalid`] if the new one may not be one;
    /// [`Error::RateLimited`]; [`Error::ServerBusy`].
    pub async fn change_password(&self, caller: &Caller, wish: PasswordChange) -> Result<()> {
        let user = &caller.user;
        let again = self.confirm_password(caller, &wish.current, "currentPassword", Action::PasswordChanged).await?;
        let about = [user.email.as_str(), &user.first_name, &user.last_name];
        let hashed = self.hash_new_password(&caller.tenant.id, &wish.new, &about).await;
        let hashed = hashed.map_err(|refusal| refusal.about("newPassword"));
        let places = [again.place];
        let hash = self.or_give_back(hashed, &places).await?;
        let now = self.now();
        let entry =
            Entry::done(now, &Actor::User(user.id), &caller.visit, Action::PasswordChanged, Target::user(user.id));
        let change = Change::within(caller, entry)
            .must(users_sql::SET_PASSWORD, args![user.id, hash, now, again.epoch], || Error::Conflict)
            .forgetting(Stale::User(user.id));
        let change = match caller.session {
            Some(session) => change.run(session_sql::KEEP, args![user.id, session]).forgetting(Stale::Session(session)),
            None => change,
        };
        let word = NewLetter::notice(Kind::PasswordChanged, user.id, &user.email, again.epoch + 1);
        let change = places.iter().fold(self.posting(change, word, now), |change, it| it.succeeded(change, now));
        let changed = self.store.carry_out(change).await;
        self.or_give_back(changed, &places).await.map(drop)
    }

    /// Asks for the caller's own password once more, before something weighty. A wrong one is counted as a guess, and logged as a
    /// refusal of the action; for a right one, the place of the guess is the caller's to settle.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`]; [`Error::Invalid`] naming `field`; [`Error::RateLimited`]; [`Error::ServerBusy`].
    pub(crate) async fn confirm_password(
        &self,
        caller: &Caller,
        typed: &Secret,
        field: &str,
        action: Action,
    ) -> Result<Confirmed> {
        let now = self.now();
        let password = Password::parse(typed.reveal()).map_err(|refusal| refusal.about(field))?;
        let user = caller.user.id;
        let place = self.take_place(format!("change/{user}"), &self.account_rule(), now).await?;
        match self.check_own_password(caller, password).await {
            Ok(epoch) => Ok(Confirmed { place, epoch }),
            Err(Error::InvalidCredentials) => {
                let now = self.now();
                let entry = Entry::done(now, &Actor::User(user), &caller.visit, action, Target::user(user));
                let change = Change::within(caller, entry.refused("the present password is wrong"));
                self.store.carry_out(place.failed(change, now)).await?;
                Err(Error::InvalidCredentials)
            }
            Err(fault) => {
                self.give_back(&[place]).await?;
                Err(fault)
            }
        }
    }

    async fn check_own_password(&self, caller: &Caller, current: Password) -> Result<i64> {
        let account: Option<Account> = self.store.one(caller, users_sql::PASSWORD, args![caller.user.id]).await?;
        let account = account.ok_or(Error::InvalidToken)?;
        match self.hasher.verify(current, account.stored()).await? {
            Verdict::Right | Verdict::RightButWeak => Ok(account.epoch),
            Verdict::Wrong | Verdict::Unreadable => Err(Error::InvalidCredentials),
        }
    }

    async fn check(&self, password: Password, candidates: &Candidates) -> Result<Vec<Verdict>> {
        let mut stored: Vec<Stored> = candidates.accounts.iter().map(Account::stored).collect();
        if stored.is_empty() {
            stored.push(Stored::nobody());
        }
        self.hasher.verify_each(password, stored).await
    }

    async fn admit(
        &self,
        account: &Account,
        verdict: Verdict,
        password: Password,
        settle: impl Fn(Change, Timestamp) -> Change,
        visit: &Visit,
    ) -> Result<SignedIn> {
        let proof = Proof {
            tenant: account.tenant.clone(),
            user: account.id,
            method: "password".into(),
            amr: "pwd".into(),
            epoch: account.epoch,
            through: None,
            return_to: None,
            _made_here: Seal,
        };
        let better = match verdict {
            Verdict::RightButWeak => Some(self.hasher.hash(password).await?),
            _ => None,
        };
        let now = self.now();
        let mut change = settle(Change::unlogged_within(&proof), now);
        if let Some(better) = better {
            let entry =
                Entry::done(now, &Actor::User(account.id), visit, Action::PasswordRehashed, Target::user(account.id));
            change = change.also_logging(entry).run(users_sql::REHASH, args![account.id, better, account.epoch]);
        }
        crate::signin::finish(self, proof, visit, change).await
    }

    /// Counts and logs that nothing opened, and says what to answer.
    async fn refuse(
        &self,
        email: &Email,
        candidates: Candidates,
        verdicts: &[Verdict],
        places: &[Place],
        visit: &Visit,
    ) -> Result<Error> {
        let now = self.now();
        let entry = |account: Option<&Account>, reason: &str| {
            let target = account.map_or_else(|| Target::claimed(email.as_str()), |account| Target::user(account.id));
            Entry::done(now, &Actor::Anyone, visit, Action::SignIn, target).refused(reason)
        };
        let mut change = Change::unlogged();
        for (account, verdict) in candidates.accounts.iter().zip(verdicts) {
            let reason = match verdict {
                Verdict::Unreadable => "the stored hash cannot be read",
                Verdict::Right | Verdict::RightButWeak => "disabled",
                Verdict::Wrong if account.hash.is_none() => "no password set",
                Verdict::Wrong => "wrong password",
            };
            change = change.also_logging(entry(Some(account), reason).in_tenant(&account.tenant));
            change = budget_failed(change, &tenant_key(&account.tenant), &self.tenant_allowance(), now);
        }
        if candidates.accounts.is_empty() {
            // Only a tenant that exists has a log of its own.
            let tenant = match &candidates.named {
                Some(id) => self.living_tenant(id).await?,
                None => None,
            };
            let unknown = entry(None, "unknown address");
            change = match tenant {
                Some(tenant) => budget_failed(
                    change.also_logging(unknown.in_tenant(&tenant.id)),
                    &tenant_key(&tenant.id),
                    &self.tenant_allowance(),
                    now,
                ),
                None => change.also_logging(unknown),
            };
        }
        change = places.iter().fold(change, |change, place| place.failed(change, now));
        change = budget_failed(change, &address_key(visit), &self.address_allowance(), now);
        self.store.carry_out(change).await?;
        Ok(candidates.passed_over.unwrap_or(Error::InvalidCredentials))
    }
}

struct AdminAccount {
    id: AdminId,
    active: bool,
    hash: String,
    epoch: i64,
}

impl FromRow for AdminAccount {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: AdminId(row.int(0)?),
            active: row.text(1)? == "active",
            hash: row.text(2)?.into(),
            epoch: row.int(3)?,
        })
    }
}

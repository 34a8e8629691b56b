//! A user's own second factors: which there are, what enrolling and removing one takes, and what those who manage users may do.

use std::time::Duration;

use super::{due, sql};
use crate::access::{Caller, Grant, Scope, right};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{LetterId, PasskeyId, UserId};
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::session::sql as session_sql;
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::tenants::Tenant;
use crate::transfer::sql as transfer_sql;
use crate::users::{Email, User};

/// How long after signing in nobody is asked for their password again.
const FRESH: Duration = Duration::from_mins(10);

/// A user's second factors.
#[derive(Clone, Debug)]
pub struct Factors {
    /// Whether they must have one.
    pub required: bool,
    /// By when, if they must and have none.
    pub due_at: Option<Timestamp>,
    /// Whether an authenticator app is set up.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// Their passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
}

/// A passkey.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last signed somebody in.
    pub last_used_at: Option<Timestamp>,
    pub(crate) user: UserId,
    pub(crate) tenant: crate::ids::TenantId,
    pub(crate) credential: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) counter: u32,
}

impl FromRow for Passkey {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: PasskeyId::stored(row.bytes(0)?).ok_or_else(|| Error::internal("a passkey's id is not 16 bytes"))?,
            user: UserId(row.int(1)?),
            tenant: row.tenant(2)?,
            credential: row.bytes(3)?.into(),
            key: row.bytes(4)?.into(),
            counter: u32::try_from(row.int(5)?).map_err(Error::internal)?,
            name: row.text(6)?.into(),
            created_at: row.time(7)?,
            last_used_at: row.maybe_time(8)?,
        })
    }
}

/// An authenticator app as the store has it.
pub(in crate::signin) struct Totp {
    pub(in crate::signin) sealed: Option<Vec<u8>>,
    pub(in crate::signin) last_step: i64,
    pub(in crate::signin) pending: Option<Vec<u8>>,
    pub(in crate::signin) pending_at: Option<Timestamp>,
}

impl FromRow for Totp {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            sealed: row.maybe_bytes(0)?.map(Into::into),
            last_step: row.int(1)?,
            pending: row.maybe_bytes(2)?.map(Into::into),
            pending_at: row.maybe_time(3)?,
        })
    }
}

impl App {
    /// The caller's own second factors.
    pub async fn own_factors(&self, caller: &Caller) -> Result<Factors> {
        self.factors_of(&caller.tenant, &caller.user).await
    }

    /// By when the caller has to enrol a second factor; nothing if they need not, or have one.
    pub fn enrolment_due(&self, caller: &Caller) -> Option<Timestamp> {
        // Of most nothing is demanded, whatever the time is.
        due(&caller.tenant, &caller.user)?;
        match super::Demand::of(&caller.tenant, &caller.user, &caller.amr, self.now()) {
            super::Demand::Later(due) => Some(due),
            _ => None,
        }
    }

    /// New recovery codes in place of those there were. Shown now or never.
    ///
    /// # Errors
    /// As [`App::start_totp`]; [`Error::Conflict`] for somebody without a second factor.
    pub async fn renew_recovery_codes(&self, caller: &Caller, password: Option<&Secret>) -> Result<Vec<Secret>> {
        self.demand_fresh(caller, password, Action::RecoveryCodesMade).await?;
        let user = &caller.user;
        if user.two_factor_since.is_none() {
            return Err(Error::Conflict);
        }
        let codes = self.draw_recovery_codes();
        let entry = own_entry(caller, self.now(), Action::RecoveryCodesMade);
        let change = Change::within(caller, entry).must(sql::QUEUE, args![user.id, user.epoch], || Error::Conflict);
        self.store.carry_out(self.with_recovery_codes(change, user, &codes)).await?;
        Ok(codes)
    }

    /// Removes the caller's authenticator app. Their other sessions end.
    ///
    /// # Errors
    /// As [`App::start_totp`]; [`Error::NotFound`] without one; [`Error::Conflict`] if it is the last second factor of somebody who
    /// must have one.
    pub async fn remove_totp(&self, caller: &Caller, password: Option<&Secret>) -> Result<()> {
        self.demand_fresh(caller, password, Action::TotpRemoved).await?;
        let user = &caller.user;
        let now = self.now();
        let entry = own_entry(caller, now, Action::TotpRemoved);
        let change = self.telling_of_factors(removing(caller, entry), user, now);
        let change = change.must(sql::DROP_TOTP, args![user.id], || Error::NotFound);
        self.store.carry_out(settled(change, caller)).await.map(drop)
    }

    /// Removes one of the caller's passkeys. Their other sessions end.
    ///
    /// # Errors
    /// As [`App::remove_totp`].
    pub async fn remove_passkey(&self, caller: &Caller, id: PasskeyId, password: Option<&Secret>) -> Result<()> {
        self.demand_fresh(caller, password, Action::PasskeyRemoved).await?;
        let user = &caller.user;
        let now = self.now();
        let entry = own_entry(caller, now, Action::PasskeyRemoved);
        let change = self.telling_of_factors(removing(caller, entry), user, now);
        let change = change.must(sql::DROP_PASSKEY, args![user.id, id], || Error::NotFound);
        self.store.carry_out(settled(change, caller)).await.map(drop)
    }

    /// Calls one of the caller's passkeys otherwise.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for what is no name; [`Error::Forbidden`] without a session.
    pub async fn rename_passkey(&self, caller: &Caller, id: PasskeyId, name: &str) -> Result<()> {
        demand_session(caller)?;
        let name = crate::users::person_name("name", name)?;
        let entry = own_entry(caller, self.now(), Action::PasskeyRenamed);
        let change = Change::within(caller, entry)
            .must(sql::RENAME_PASSKEY, args![caller.user.id, id, name], || Error::NotFound);
        self.store.carry_out(change).await.map(drop)
    }

    /// Says whether a user must have a second factor, whatever their tenant asks of all.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] if a User Admin touches an Admin; [`Error::Conflict`] if someone was faster.
    pub async fn require_two_factor(
        &self,
        by: &Grant<right::UsersManage>,
        id: UserId,
        wish: TwoFactorWish,
    ) -> Result<User> {
        let user = self.managed(by, id).await?;
        let now = self.now();
        let (since, action) = match (wish, user.two_factor_required_at) {
            (TwoFactorWish::Required, None) => (Some(now), Action::TwoFactorRequired),
            (TwoFactorWish::Optional, Some(_)) => (None, Action::TwoFactorWaived),
            _ => return Ok(user),
        };
        let entry = Entry::done(now, by.actor(), by.visit(), action, Target::user(id));
        let change = Change::within(by, entry)
            .must(sql::REQUIRE, args![id, user.roles.bits(), since], || Error::Conflict)
            .forgetting(Stale::User(id));
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Takes every second factor of a user away: the way back for those who have lost theirs. Their sessions end. Nobody does so for
    /// themselves: what guards an account must not fall with one stolen session.
    ///
    /// # Errors
    /// As [`App::require_two_factor`]; [`Error::Forbidden`] for one's own.
    pub async fn reset_two_factor(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        if by.is(id) {
            return Err(Error::Forbidden);
        }
        let now = self.now();
        let entry = Entry::done(now, by.actor(), by.visit(), Action::TwoFactorReset, Target::user(id));
        let change = Change::within(by, entry)
            .taking_away()
            .must(sql::RESET, args![id, user.roles.bits()], || Error::Conflict)
            .run(sql::FORGET_TOTP, args![id])
            .run(sql::FORGET_PASSKEYS, args![id])
            .run(sql::FORGET_RECOVERY, args![id])
            .forgetting(Stale::User(id));
        let word = NewLetter::notice(Kind::TwoFactorReset, id, &user.email, user.epoch + 1);
        self.apply(by, self.posting(change, word, now)).await?;
        self.find_user(by, id).await
    }

    /// The change, and a letter about it to whose second factors it touches.
    pub(in crate::signin) fn telling_of_factors(&self, change: Change, user: &User, now: Timestamp) -> Change {
        // Each is a cause of its own, also two in one moment.
        let occasion = LetterId::mint(now, &*self.entropy);
        let word = NewLetter::notice(Kind::TwoFactorChanged, user.id, &user.email, occasion);
        self.posting(change, word, now)
    }

    /// The user with an address, for whoever knows no more of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for what is no address.
    pub async fn user_at(&self, by: &Grant<right::UsersManage>, email: &str) -> Result<User> {
        let email = Email::parse("email", email)?;
        self.store.one(by, transfer_sql::BY_ADDRESS, args![email.key()]).await?.ok_or(Error::NotFound)
    }

    pub(in crate::signin) async fn factors_of(&self, tenant: &Tenant, user: &User) -> Result<Factors> {
        let totp: Option<Totp> = self.store.one(tenant, sql::TOTP, args![user.id]).await?;
        let left: Option<i64> = self.store.one(tenant, sql::RECOVERY_LEFT, args![user.id]).await?;
        let due = due(tenant, user);
        Ok(Factors {
            required: due.is_some(),
            due_at: due.filter(|_| user.two_factor_since.is_none()),
            totp: totp.is_some_and(|totp| totp.sealed.is_some()),
            recovery_codes: u32::try_from(left.unwrap_or(0)).unwrap_or(0),
            passkeys: self.passkeys_of(tenant, user.id).await?,
        })
    }

    pub(in crate::signin) async fn passkeys_of(&self, scope: &impl Scope, user: UserId) -> Result<Vec<Passkey>> {
        self.store.all(scope, sql::PASSKEYS, args![user]).await
    }

    /// Refuses unless the caller has just signed in, or shows their password again (ASVS 5.0, 7.5.1).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `password` if it is needed and not there; [`Error::InvalidCredentials`] if it is wrong;
    /// [`Error::Forbidden`] without a session: an Entra token proves nothing about now.
    pub(in crate::signin) async fn demand_fresh(
        &self,
        caller: &Caller,
        password: Option<&Secret>,
        action: Action,
    ) -> Result<()> {
        demand_session(caller)?;
        match password {
            Some(password) => {
                let again = self.confirm_password(caller, password, "password", action).await?;
                let settled = again.place.succeeded(Change::unlogged(), self.now());
                self.store.carry_out(settled).await.map(drop)
            }
            None if self.now().since(caller.since) < FRESH => Ok(()),
            None => Err(Error::invalid("password", "is needed again: the sign-in is older than ten minutes")),
        }
    }
}

/// Whether a user must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoFactorWish {
    /// They must.
    Required,
    /// As their tenant asks of all.
    Optional,
}

pub(in crate::signin) fn demand_session(caller: &Caller) -> Result<()> {
    caller.session.map(drop).ok_or(Error::Forbidden)
}

/// A line of the log about the caller's own account.
pub(in crate::signin) fn own_entry(caller: &Caller, now: Timestamp, action: Action) -> Entry {
    Entry::done(now, &Actor::User(caller.user.id), &caller.visit, action, Target::user(caller.user.id))
}

/// Adds to a change that ended a user's sessions that the caller's goes on.
pub(in crate::signin) fn keeping_session(change: Change, caller: &Caller) -> Change {
    let change = change.forgetting(Stale::User(caller.user.id));
    match caller.session {
        Some(session) => {
            change.run(session_sql::KEEP, args![caller.user.id, session]).forgetting(Stale::Session(session))
        }
        None => change,
    }
}

fn removing(caller: &Caller, entry: Entry) -> Change {
    let user = &caller.user;
    Change::within(caller, entry).must(sql::TOUCH, args![user.id, user.epoch], || Error::Conflict)
}

/// What has to be said after a second factor was removed.
fn settled(change: Change, caller: &Caller) -> Change {
    let user = &caller.user;
    let change = change.run(sql::SETTLE, args![user.id]).run(sql::SETTLE_RECOVERY, args![user.id]);
    let change = match due(&caller.tenant, user) {
        Some(_) => change.must(sql::STILL_GUARDED, args![user.id], || Error::Conflict),
        None => change,
    };
    keeping_session(change, caller)
}

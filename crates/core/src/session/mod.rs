//! Sessions: one row behind every sign-in, and the three handles on it: access token, refresh token, cookie.

mod check;
mod hand;
pub(crate) mod handle;
pub(crate) mod keys;
mod lineage;
pub(crate) mod live;
mod pace;
pub(crate) mod pacing;
mod refresh;
pub(crate) mod sql;
pub mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;

use hand::Issued;
pub use handle::Realm;
use handle::RefreshToken;
pub use keys::KeyView;
use lineage::{Branch, Lineage};
use live::Seen;

use crate::access::{Caller, SystemAdmin, SystemGrant, system_right};
use crate::admins::Admin;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{SessionId, TenantId, UserId};
use crate::secret::Secret;
use crate::signin::{AdminProof, Proof, Through};
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::users::{User, sql as users_sql};

/// A session's row.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    tenant: TenantId,
    owner: i64,
    amr: Arc<str>,
    address: String,
    agent: String,
    created_at: Timestamp,
    pub(crate) seen: Seen,
    /// As last known here; what counts is the store's.
    lineage: Mutex<Lineage>,
    owner_epoch: i64,
    tenant_epoch: i64,
    ended: bool,
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self> {
        let branch = |at| -> Result<Branch> {
            row.bytes(at)?.try_into().map(Branch).map_err(|_| Error::internal("a branch is not 8 bytes"))
        };
        Ok(Self {
            id: row.session(0)?,
            tenant: row.tenant(1)?,
            owner: row.int(2)?,
            amr: row.text(4)?.into(),
            address: row.text(5)?.into(),
            agent: row.text(6)?.into(),
            created_at: row.time(7)?,
            seen: Seen::at(row.time(8)?),
            lineage: Mutex::new(Lineage {
                generation: u32::try_from(row.int(9)?).map_err(Error::internal)?,
                branch: branch(10)?,
                child: branch(11)?,
                child_since: row.time(12)?,
            }),
            owner_epoch: row.int(13)?,
            tenant_epoch: row.int(14)?,
            ended: row.maybe_int(15)?.is_some(),
        })
    }
}

/// What a client is given when it signs in or refreshes.
#[derive(Debug)]
pub struct Handed {
    /// The access token.
    pub token: Secret,
    /// The refresh token.
    pub refresh_token: Secret,
    /// The cookie's value; none on a refresh, which leaves the cookie as it is.
    pub cookie: Option<Secret>,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// How long a browser should keep the cookie.
    pub cookie_max_age: Duration,
}

/// A user signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The handles.
    pub handed: Handed,
    /// Who it is.
    pub user: Arc<User>,
}

/// A system administrator signed in.
#[derive(Debug)]
pub struct AdminSignedIn {
    /// The handles.
    pub handed: Handed,
    /// Who it is.
    pub admin: Arc<Admin>,
}

/// What a request shows of a session. An `Authorization` header switches the cookie off before this is made.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// An access token.
    Bearer(&'a str),
    /// A cookie's value.
    Cookie(&'a str),
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The one whose handle was shown.
    This,
    /// All of the user's.
    All,
}

/// One of a user's living sessions, as its list shows it.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// How it was opened: `password`, `oidc`, …
    pub method: String,
    /// Where it was last refreshed from.
    pub address: String,
    /// What the client said it is.
    pub agent: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to half a minute.
    pub last_seen_at: Timestamp,
}

impl FromRow for SessionView {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.session(0)?,
            method: row.text(1)?.into(),
            address: row.text(3)?.into(),
            agent: row.text(4)?.into(),
            created_at: row.time(5)?,
            last_seen_at: row.time(6)?,
        })
    }
}

impl App {
    /// Ends the caller's session, or all of the user's. From the next request on all their handles are dead.
    pub async fn sign_out(&self, caller: &Caller, extent: Extent) -> Result<()> {
        let now = self.now();
        let actor = Actor::User(caller.user.id);
        let change = match extent {
            Extent::This => {
                let session = match (caller.session, caller.foreign) {
                    (Some(session), _) => session,
                    (None, Some(token)) => return self.forget_foreign(caller, token).await,
                    (None, None) => return Ok(()),
                };
                let entry = Entry::done(now, &actor, &caller.visit, Action::SignOut, Target::session(session));
                Change::within(caller, entry)
                    .run_system(sql::END, args![session, now])
                    .forgetting(Stale::Session(session))
            }
            Extent::All => {
                let entry = Entry::done(now, &actor, &caller.visit, Action::SignOutAll, Target::user(caller.user.id));
                Change::within(caller, entry)
                    .run(users_sql::END_OWN_SESSIONS, args![caller.user.id])
                    .forgetting(Stale::User(caller.user.id))
            }
        };
        self.store.carry_out(change).await.map(drop)
    }

    /// Ends an administrator's session, or all of theirs.
    pub async fn sign_out_admin(&self, admin: &SystemAdmin, extent: Extent) -> Result<()> {
        let now = self.now();
        let (Some(session), Some(id)) = (admin.session, admin.id()) else {
            return Ok(());
        };
        let change = match extent {
            Extent::This => {
                let entry = Entry::done(now, &admin.actor, &admin.visit, Action::SignOut, Target::session(session));
                Change::system(entry)
                    .run_system(sql::END_ADMIN, args![session, now])
                    .forgetting(Stale::AdminSession(session))
            }
            Extent::All => {
                let entry = Entry::done(now, &admin.actor, &admin.visit, Action::SignOutAll, Target::admin(id));
                Change::system(entry)
                    .run_system(crate::admins::sql::END_SESSIONS, args![id])
                    .forgetting(Stale::Admin(id))
            }
        };
        self.store.carry_out(change).await.map(drop)
    }

    /// The caller's own living sessions, newest first.
    pub async fn own_sessions(&self, caller: &Caller) -> Result<Vec<SessionView>> {
        self.note_seen().await?;
        let lifetimes = caller.tenant.lifetimes(&self.settings);
        let alive_since = self.now().before(lifetimes.refresh.max(lifetimes.cookie_max));
        self.store.all(caller, sql::OF_USER, args![caller.user.id, alive_since]).await
    }

    /// Ends one of the caller's own sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] for any session that is not the caller's and alive.
    pub async fn end_own_session(&self, caller: &Caller, session: SessionId) -> Result<()> {
        let now = self.now();
        let actor = Actor::User(caller.user.id);
        let entry = Entry::done(now, &actor, &caller.visit, Action::SessionEnded, Target::session(session));
        let change = Change::within(caller, entry)
            .must(sql::END_OWN, args![caller.user.id, session, now], || Error::NotFound)
            .forgetting(Stale::Session(session));
        self.store.carry_out(change).await.map(drop)
    }

    /// Ends one session of anybody, of either realm.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn end_session(&self, by: &SystemGrant<system_right::SessionsEnd>, session: SessionId) -> Result<()> {
        let now = self.now();
        let of_admins = self.store.system_one::<Session>(sql::FIND_ADMIN, args![session]).await?.is_some();
        let (statement, stale) = if of_admins {
            (sql::END_ADMIN, Stale::AdminSession(session))
        } else {
            (sql::END, Stale::Session(session))
        };
        let entry = Entry::done(now, by.actor(), by.visit(), Action::SessionEnded, Target::session(session));
        let change =
            Change::system(entry).must_system(statement, args![session, now], || Error::NotFound).forgetting(stale);
        self.store.apply_system(by, change).await.map(drop)
    }

    /// Opens a session: the only way, and only with a proof that sign-in made.
    pub(crate) async fn open_session(&self, proof: Proof, visit: &Visit, also: Change) -> Result<SignedIn> {
        let now = self.now();
        let id = SessionId::mint(now, &*self.entropy);
        let lineage = Lineage::born(Branch(self.draw()), now);
        let row = args![
            id,
            proof.user,
            &*proof.method,
            &proof.amr,
            visit.address,
            &*visit.agent,
            now,
            lineage.branch.0,
            lineage.child.0,
            proof.epoch
        ];
        let entry = Entry::done(now, &Actor::User(proof.user), visit, Action::SignIn, Target::user(proof.user));
        let how = proof.through.as_ref().map_or_else(String::new, |through| format!(" {}", through.name));
        let change = also
            .also_logging(entry.because(format!("{}{how}", proof.method)))
            .must(sql::OPEN, row, || Error::InvalidCredentials)
            .run(users_sql::SIGNED_IN, args![proof.user, now]);
        let change = match &proof.through {
            Some(through) => self.noting_provider(change, id, through, now),
            None => change,
        };
        self.store.carry_out(change).await?;
        let tenant = self.living_tenant(&proof.tenant).await?.ok_or(Error::InvalidCredentials)?;
        let user = self.living_user(&*tenant, proof.user).await?.ok_or(Error::InvalidCredentials)?;
        let issued = Issued { id, place: lineage.issued(), created_at: now, amr: proof.amr.into() };
        let lifetimes = tenant.lifetimes(&self.settings);
        let mut handed = self.hand_out(&tenant, &user, &issued, lifetimes, now).await?;
        handed.cookie = Some(self.handles.write_cookie(id, &*self.entropy));
        self.tally.sign_ins.fetch_add(1, Ordering::Relaxed);
        Ok(SignedIn { handed, user })
    }

    /// Adds to a change through which provider a session was opened, for signing out on both sides.
    fn noting_provider(&self, change: Change, id: SessionId, through: &Through, now: Timestamp) -> Change {
        let seal = |hint: &Secret| self.vault.seal(&hint_context(id), hint.reveal().as_bytes(), &*self.entropy);
        let hint = through.hint.as_ref().map(seal);
        let row = args![id, through.provider, &through.subject, through.session.as_deref(), hint, now];
        change.must(sql::OPENED_THROUGH, row, || Error::Conflict)
    }

    /// Opens a session of the admin realm.
    pub(crate) async fn open_admin_session(
        &self,
        proof: AdminProof,
        visit: &Visit,
        also: Change,
    ) -> Result<AdminSignedIn> {
        let now = self.now();
        let id = SessionId::mint(now, &*self.entropy);
        let lineage = Lineage::born(Branch(self.draw()), now);
        let row =
            args![id, proof.admin, visit.address, &*visit.agent, now, lineage.branch.0, lineage.child.0, proof.epoch];
        let entry = Entry::done(now, &Actor::Admin(proof.admin), visit, Action::SignIn, Target::admin(proof.admin));
        let change = also
            .also_logging(entry)
            .must_system(sql::OPEN_ADMIN, row, || Error::InvalidCredentials)
            .run_system(crate::admins::sql::SIGNED_IN, args![proof.admin, now]);
        self.store.carry_out(change).await?;
        let admin = self.living_admin(proof.admin).await?.ok_or(Error::InvalidCredentials)?;
        let access = self.admin_access(now, now);
        let handed = Handed {
            token: self.admin_token(&admin, id, now, access).await?,
            refresh_token: self.admin_handles.write_refresh(RefreshToken { session: id, place: lineage.issued() }),
            cookie: Some(self.admin_handles.write_cookie(id, &*self.entropy)),
            expires_in: access,
            cookie_max_age: self.settings.sessions.admin_max.0,
        };
        Ok(AdminSignedIn { handed, admin })
    }

    /// Whether a cookie that came along with a sign-in was once given to this very user: their browser, then.
    pub(crate) async fn was_given_to(&self, cookie: &str, user: UserId) -> bool {
        let Some(id) = self.handles.read_cookie(cookie) else {
            return false;
        };
        let session: Result<Option<Session>> = self.store.system_one(sql::FIND, args![id]).await;
        session.is_ok_and(|found| found.is_some_and(|session| session.owner == user.0))
    }

    /// Writes down when sessions were last used, all at once.
    pub(crate) async fn note_seen(&self) -> Result<()> {
        let seen = self.live.take_seen();
        if seen.is_empty() {
            return Ok(());
        }
        let change = seen.iter().fold(Change::unlogged(), |change, (id, at)| {
            // An id stands in one realm only; the other statement finds nothing.
            change.run_system(sql::SEEN, args![*id, *at]).run_system(sql::SEEN_ADMIN, args![*id, *at])
        });
        self.store.carry_out(change).await.map(drop)
    }

    /// Removes sessions whose last handle has run out.
    pub(crate) async fn sweep_sessions(&self, now: Timestamp) -> Result<()> {
        let longest = self.settings.tokens.refresh_ttl.0.max(self.settings.sessions.cookie_max.0);
        let client = SessionId::first_of(now.before(longest + self.settings.tokens.access_ttl.0 + DAY));
        let admin = SessionId::first_of(now.before(self.settings.sessions.admin_max.0 + DAY));
        let change = Change::unlogged()
            .run_system(sql::SWEEP, args![client])
            .run_system(sql::SWEEP_ADMIN, args![admin])
            .run_system(sql::SWEEP_KEYS, args![now]);
        self.store.carry_out(change).await.map(drop)
    }
}

const DAY: Duration = Duration::from_hours(24);

/// What a provider's hint for signing out is sealed with.
pub(crate) fn hint_context(session: SessionId) -> String {
    format!("session-provider/{session}")
}

impl Session {
    /// The lineage as last known here.
    fn lineage(&self) -> Lineage {
        *self.lineage.lock()
    }

    fn remember(&self, next: Lineage) {
        *self.lineage.lock() = next;
    }

    fn is_elsewhere(&self, visit: &Visit) -> bool {
        self.agent != *visit.agent || self.address.parse::<IpAddr>().is_ok_and(|address| address != visit.address)
    }
}

impl SessionView {
    /// Whether it is the one the caller is using.
    pub fn is_current(&self, caller: &Caller) -> bool {
        Some(self.id) == caller.session
    }
}

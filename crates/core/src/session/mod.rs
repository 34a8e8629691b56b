//! Sessions: one row behind every sign-in, and the three handles on it: access token, refresh token, cookie.

pub(crate) mod handle;
pub(crate) mod keys;
mod lineage;
pub(crate) mod live;
mod pace;
pub(crate) mod pacing;
pub(crate) mod sql;
pub mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use handle::Realm;
use handle::RefreshToken;
pub use keys::KeyView;
use lineage::{Branch, Lineage, Rule, Step, Verdict};
use live::{Seen, Verified};
use token::{Claims, TokenFault};

use crate::access::{Caller, SystemAdmin, SystemGrant, system_right};
use crate::admins::Admin;
use crate::app::{App, SYSTEM};
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, SessionId, TenantId, UserId};
use crate::secret::Secret;
use crate::signin::{AdminProof, Proof};
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::tenants::{Lifetimes, Tenant};
use crate::users::{User, sql as users_sql};

/// A session's row.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    tenant: TenantId,
    owner: i64,
    method: String,
    amr: Arc<str>,
    address: String,
    agent: String,
    created_at: Timestamp,
    pub(crate) seen: Seen,
    lineage: Lineage,
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
            method: row.text(3)?.into(),
            amr: row.text(4)?.into(),
            address: row.text(5)?.into(),
            agent: row.text(6)?.into(),
            created_at: row.time(7)?,
            seen: Seen::at(row.time(8)?),
            lineage: Lineage {
                generation: u32::try_from(row.int(9)?).map_err(Error::internal)?,
                branch: branch(10)?,
                child: branch(11)?,
                child_since: row.time(12)?,
            },
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
    /// Checks what a request shows, and says who is calling. `named` is the tenant the request names, which must be the session's.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::TokenExpired`]; [`Error::Forbidden`] if another tenant is named.
    pub async fn caller(&self, shown: Shown<'_>, named: Option<&str>, visit: Visit) -> Result<Caller> {
        let now = self.now();
        let (session, expired) = match shown {
            Shown::Bearer(token) => (self.bearer(Realm::Client, token, now).await?, false),
            Shown::Cookie(value) => self.cookie(value, now).await?,
        };
        let (tenant, user) = self.alive(&session).await?;
        if expired {
            return Err(Error::TokenExpired);
        }
        if named.is_some_and(|named| named != tenant.id.as_str()) {
            return Err(Error::Forbidden);
        }
        self.live.saw(&session, now);
        if matches!(shown, Shown::Cookie(_))
            && let Err(cause) = self.note_moved(Realm::Client, &session, now, &visit).await
        {
            // A store that cannot write keeps nobody from reading.
            tracing::warn!(cause = &cause as &dyn std::error::Error, "a cookie used from elsewhere was not noted");
        }
        Ok(Caller {
            tenant,
            user,
            session: session.id,
            amr: Arc::clone(&session.amr),
            since: session.created_at,
            visit,
        })
    }

    /// Checks what a request in the admin realm shows.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::TokenExpired`].
    pub async fn system_admin(&self, shown: Shown<'_>, visit: Visit) -> Result<SystemAdmin> {
        let now = self.now();
        let session = match shown {
            Shown::Bearer(token) => self.bearer(Realm::Admin, token, now).await?,
            Shown::Cookie(value) => {
                let id = self.admin_handles.read_cookie(value).ok_or(Error::InvalidToken)?;
                self.living_session(Realm::Admin, id).await?
            }
        };
        let admin = self.alive_admin(&session).await?;
        self.demand_admin_awake(&session, now)?;
        self.live.saw(&session, now);
        Ok(SystemAdmin {
            actor: Actor::Admin(admin.id),
            username: admin.username.as_str().into(),
            session: Some(session.id),
            visit,
        })
    }

    /// Gives new tokens for a refresh token, by the rule of [`lineage`].
    ///
    /// # Errors
    /// [`Error::InvalidToken`], also for a replay, which ends the session; [`Error::TokenExpired`]; [`Error::Forbidden`] if another tenant is
    /// named; [`Error::RateLimited`] if one token comes too often.
    pub async fn refresh(&self, token: &str, named: Option<&str>, visit: &Visit) -> Result<SignedIn> {
        let now = self.now();
        let shown = self.handles.read_refresh(token).ok_or(Error::InvalidToken)?;
        let session = self.stored_session(Realm::Client, shown.session).await?;
        let (tenant, user) = self.alive(&session).await?;
        if named.is_some_and(|named| named != tenant.id.as_str()) {
            return Err(Error::Forbidden);
        }
        let lifetimes = tenant.lifetimes(&self.settings);
        if now >= session.created_at.after(lifetimes.refresh) {
            return Err(Error::TokenExpired);
        }
        let rule = self.rule(&tenant);
        let issued = self.advance(Realm::Client, session, shown, rule, now, visit).await?;
        let handed = self.hand_out_refreshed(&tenant, &user, &issued, lifetimes, now).await?;
        Ok(SignedIn { handed, user })
    }

    /// Gives a system administrator new tokens for a refresh token.
    ///
    /// # Errors
    /// As [`App::refresh`].
    pub async fn refresh_admin(&self, token: &str, visit: &Visit) -> Result<AdminSignedIn> {
        let now = self.now();
        let shown = self.admin_handles.read_refresh(token).ok_or(Error::InvalidToken)?;
        let session = self.stored_session(Realm::Admin, shown.session).await?;
        let admin = self.alive_admin(&session).await?;
        self.demand_admin_awake(&session, now)?;
        let issued = self.advance(Realm::Admin, session, shown, Rule::Standard, now, visit).await?;
        let access = self.admin_access(now, issued.created_at);
        let token = self.admin_token(&admin, issued.id, now, access).await?;
        let refresh_token = self.admin_handles.write_refresh(RefreshToken { session: issued.id, place: issued.place });
        let handed = Handed {
            token,
            refresh_token,
            cookie: None,
            expires_in: access,
            cookie_max_age: self.settings.sessions.admin_max.0,
        };
        Ok(AdminSignedIn { handed, admin })
    }

    /// Ends the caller's session, or all of the user's. From the next request on all their handles are dead.
    pub async fn sign_out(&self, caller: &Caller, extent: Extent) -> Result<()> {
        let now = self.now();
        let actor = Actor::User(caller.user.id);
        let change = match extent {
            Extent::This => {
                let entry = Entry::done(now, &actor, &caller.visit, Action::SignOut, Target::session(caller.session));
                Change::within(caller, entry)
                    .run_system(sql::END, args![caller.session, now])
                    .forgetting(Stale::Session(caller.session))
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
            proof.method,
            proof.amr,
            visit.address,
            &*visit.agent,
            now,
            lineage.branch.0,
            lineage.child.0,
            proof.epoch
        ];
        let entry = Entry::done(now, &Actor::User(proof.user), visit, Action::SignIn, Target::user(proof.user));
        let change = also
            .also_logging(entry.because(proof.method))
            .must(sql::OPEN, row, || Error::InvalidCredentials)
            .run(users_sql::SIGNED_IN, args![proof.user, now]);
        self.store.carry_out(change).await?;
        let tenant = self.living_tenant(&proof.tenant).await?.ok_or(Error::InvalidCredentials)?;
        let user = self.living_user(&*tenant, proof.user).await?.ok_or(Error::InvalidCredentials)?;
        let issued = Issued { id, place: lineage.issued(), created_at: now, amr: proof.amr.into() };
        let lifetimes = tenant.lifetimes(&self.settings);
        let mut handed = self.hand_out_refreshed(&tenant, &user, &issued, lifetimes, now).await?;
        handed.cookie = Some(self.handles.write_cookie(id, &*self.entropy));
        Ok(SignedIn { handed, user })
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
        let client = SessionId::first_of(now.before(longest + DAY));
        let admin = SessionId::first_of(now.before(self.settings.sessions.admin_max.0 + DAY));
        let change = Change::unlogged()
            .run_system(sql::SWEEP, args![client])
            .run_system(sql::SWEEP_ADMIN, args![admin])
            .run_system(sql::SWEEP_KEYS, args![now]);
        self.store.carry_out(change).await.map(drop)
    }

    /// The session behind an access token. The signature is checked once, everything else every time.
    async fn bearer(&self, realm: Realm, token: &str, now: Timestamp) -> Result<Arc<Session>> {
        if let Some(known) = self.live.tokens.find(token) {
            if now >= known.expires {
                return Err(Error::TokenExpired);
            }
            // A token of the other realm is not found among this one's sessions.
            return self.living_session(realm, known.session).await;
        }
        let claims = self.verified_claims(realm, token, now).await?;
        let session = self.living_session(realm, claims.sid).await?;
        if claims.sub != session.owner.to_string()
            || claims.cid.as_ref().map_or("", TenantId::as_str) != session.tenant.as_str()
        {
            return Err(Error::InvalidToken);
        }
        self.live
            .tokens
            .remember(token, Verified { session: claims.sid, expires: Timestamp::from_seconds(claims.exp) });
        Ok(session)
    }

    async fn verified_claims(&self, realm: Realm, token: &str, now: Timestamp) -> Result<Claims> {
        self.verify_token(realm, token, now).await?.map_err(|fault| match fault {
            TokenFault::Expired => Error::TokenExpired,
            _ => Error::InvalidToken,
        })
    }

    /// The session behind a cookie, and whether it has slept too long or lived too long.
    async fn cookie(&self, value: &str, now: Timestamp) -> Result<(Arc<Session>, bool)> {
        let id = self.handles.read_cookie(value).ok_or(Error::InvalidToken)?;
        let session = self.living_session(Realm::Client, id).await?;
        if !self.asleep(&session, now).await? {
            return Ok((session, false));
        }
        // Another node may have seen it awake since.
        self.live.forget(&[Stale::Session(id)]);
        let session = self.living_session(Realm::Client, id).await?;
        let asleep = self.asleep(&session, now).await?;
        Ok((session, asleep))
    }

    async fn asleep(&self, session: &Session, now: Timestamp) -> Result<bool> {
        let tenant = self.living_tenant(&session.tenant).await?.ok_or(Error::InvalidToken)?;
        let lifetimes = tenant.lifetimes(&self.settings);
        let idle = now >= session.seen.moment().after(lifetimes.cookie_idle);
        Ok(idle || now >= session.created_at.after(lifetimes.cookie_max))
    }

    /// The session as remembered, or read; refused if it has ended.
    async fn living_session(&self, realm: Realm, id: SessionId) -> Result<Arc<Session>> {
        let (memory, statement) = match realm {
            Realm::Client => (&self.live.sessions, sql::FIND),
            Realm::Admin => (&self.live.admin_sessions, sql::FIND_ADMIN),
        };
        let trust = self.store.trust();
        let session = memory.find(&id, trust, async || self.store.system_one(statement, args![id]).await).await?;
        session.filter(|session| !session.ended).ok_or(Error::InvalidToken)
    }

    /// The session as it stands in the store.
    async fn stored_session(&self, realm: Realm, id: SessionId) -> Result<Session> {
        let statement = match realm {
            Realm::Client => sql::FIND,
            Realm::Admin => sql::FIND_ADMIN,
        };
        let session: Option<Session> = self.store.system_one(statement, args![id]).await?;
        session.filter(|session| !session.ended).ok_or(Error::InvalidToken)
    }

    /// Tenant and user of a session, if both are alive and neither has ended it.
    async fn alive(&self, session: &Session) -> Result<(Arc<Tenant>, Arc<User>)> {
        let tenant = self.living_tenant(&session.tenant).await?.ok_or(Error::InvalidToken)?;
        let user = self.living_user(&*tenant, UserId(session.owner)).await?.ok_or(Error::InvalidToken)?;
        let fresh = session.tenant_epoch == tenant.epoch && session.owner_epoch == user.epoch;
        if fresh && tenant.is_active() && user.status == crate::users::UserStatus::Active {
            Ok((tenant, user))
        } else {
            Err(Error::InvalidToken)
        }
    }

    async fn alive_admin(&self, session: &Session) -> Result<Arc<Admin>> {
        let admin = self.living_admin(AdminId(session.owner)).await?.ok_or(Error::InvalidToken)?;
        if admin.is_active() && admin.epoch == session.owner_epoch { Ok(admin) } else { Err(Error::InvalidToken) }
    }

    fn demand_admin_awake(&self, session: &Session, now: Timestamp) -> Result<()> {
        let limits = &self.settings.sessions;
        let over = now >= session.created_at.after(limits.admin_max.0);
        if over || now >= session.seen.moment().after(limits.admin_idle.0) {
            return Err(Error::TokenExpired);
        }
        Ok(())
    }

    fn rule(&self, tenant: &Tenant) -> Rule {
        if tenant.settings.strict_refresh || self.settings.tokens.strict_refresh {
            Rule::Strict
        } else {
            Rule::Standard
        }
    }

    /// Decides about a refresh token and makes the decision true, against rivals if need be.
    async fn advance(
        &self,
        realm: Realm,
        mut session: Session,
        shown: RefreshToken,
        rule: Rule,
        now: Timestamp,
        visit: &Visit,
    ) -> Result<Issued> {
        self.pacing.admit(shown.session, shown.place, now)?;
        let fresh = Branch(self.draw());
        for _ in 0..ATTEMPTS {
            match session.lineage.decide(shown.place, rule, now, fresh) {
                Verdict::NeverIssued => return Err(Error::InvalidToken),
                Verdict::Replay => return self.end_replayed(realm, &session, now, visit).await,
                Verdict::Answer { issued, step: Step::Repeated, .. } => {
                    self.note_moved(realm, &session, now, visit).await?;
                    return Ok(session.issue(issued));
                }
                Verdict::Answer { next, issued, .. } => {
                    if self.write_lineage(realm, &session, next, now, visit).await? {
                        return Ok(session.issue(issued));
                    }
                }
            }
            session = self.stored_session(realm, shown.session).await?;
        }
        Err(Error::ServerBusy)
    }

    /// Writes the next lineage in place of the one the decision was made on; says whether it was still there.
    async fn write_lineage(
        &self,
        realm: Realm,
        session: &Session,
        next: Lineage,
        now: Timestamp,
        visit: &Visit,
    ) -> Result<bool> {
        let statement = match realm {
            Realm::Client => sql::ADVANCE,
            Realm::Admin => sql::ADVANCE_ADMIN,
        };
        let was = session.lineage;
        let row = args![
            session.id,
            was.generation,
            was.branch.0,
            was.child.0,
            next.generation,
            next.branch.0,
            next.child.0,
            next.child_since,
            now
        ];
        let moved = realm == Realm::Client && session.is_elsewhere(visit);
        let change = if moved { self.moving(session, now, visit) } else { Change::unlogged() };
        let applied = self.store.carry_out(change.must_system(statement, row, || Error::Conflict)).await;
        match applied {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Leaves the trace of a session used from elsewhere where nothing else is written.
    async fn note_moved(&self, realm: Realm, session: &Session, now: Timestamp, visit: &Visit) -> Result<()> {
        if realm == Realm::Admin || !session.is_elsewhere(visit) {
            return Ok(());
        }
        match self.store.carry_out(self.moving(session, now, visit)).await {
            // A rival has noted it, or the session has ended meanwhile.
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// A session that is used from elsewhere leaves a trace, for its owner and for the log.
    fn moving(&self, session: &Session, now: Timestamp, visit: &Visit) -> Change {
        let entry = Entry::done(
            now,
            &Actor::User(UserId(session.owner)),
            visit,
            Action::SessionMoved,
            Target::session(session.id),
        )
        .because(format!("from {}", session.address))
        .in_tenant(&session.tenant);
        Change::system(entry)
            .must_system(sql::MOVE, args![session.id, visit.address, &*visit.agent], || Error::Conflict)
            .forgetting(Stale::Session(session.id))
    }

    async fn end_replayed(&self, realm: Realm, session: &Session, now: Timestamp, visit: &Visit) -> Result<Issued> {
        let entry = Entry::done(now, &SYSTEM, visit, Action::RefreshReplayed, Target::session(session.id))
            .refused("a spent refresh token was presented; the session is ended");
        let change = match realm {
            Realm::Client => Change::system(entry.in_tenant(&session.tenant))
                .run_system(sql::END, args![session.id, now])
                .forgetting(Stale::Session(session.id)),
            Realm::Admin => Change::system(entry)
                .run_system(sql::END_ADMIN, args![session.id, now])
                .forgetting(Stale::AdminSession(session.id)),
        };
        self.store.carry_out(change).await?;
        Err(Error::InvalidToken)
    }

    async fn hand_out_refreshed(
        &self,
        tenant: &Tenant,
        user: &User,
        issued: &Issued,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Handed> {
        let claims = Claims {
            iss: self.issuer(),
            aud: CLIENT_AUDIENCE.into(),
            sub: user.id.to_string(),
            sid: issued.id,
            cid: Some(tenant.id.clone()),
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            amr: issued.amr.split(' ').map(str::to_owned).collect(),
            iat: now.seconds(),
            exp: now.after(lifetimes.access).seconds(),
            jti: crate::secret::encode(&self.draw::<16>()),
        };
        Ok(Handed {
            token: Secret::new(self.signer_of(Realm::Client).await?.sign(&claims)?),
            refresh_token: self.handles.write_refresh(RefreshToken { session: issued.id, place: issued.place }),
            cookie: None,
            expires_in: lifetimes.access,
            cookie_max_age: lifetimes.cookie_max,
        })
    }

    async fn admin_token(&self, admin: &Admin, session: SessionId, now: Timestamp, access: Duration) -> Result<Secret> {
        let claims = Claims {
            iss: self.issuer(),
            aud: ADMIN_AUDIENCE.into(),
            sub: admin.id.to_string(),
            sid: session,
            cid: None,
            roles: Vec::new(),
            amr: vec!["pwd".into()],
            iat: now.seconds(),
            exp: now.after(access).seconds(),
            jti: crate::secret::encode(&self.draw::<16>()),
        };
        Ok(Secret::new(self.signer_of(Realm::Admin).await?.sign(&claims)?))
    }

    /// An administrator's access token never outlives the session.
    fn admin_access(&self, now: Timestamp, created_at: Timestamp) -> Duration {
        let left = created_at.after(self.settings.sessions.admin_max.0).since(now);
        self.settings.tokens.access_ttl.0.min(left)
    }

    /// Who issues our tokens (RFC 7519 section 4.1.1): the public address, or an id of the deployment that stays the same.
    pub(crate) fn issuer(&self) -> String {
        match &self.settings.server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("urn:purser:{}", self.instance),
        }
    }
}

/// Whom access tokens of the client realm are for.
pub(crate) const CLIENT_AUDIENCE: &str = "purser:client";
/// Whom access tokens of the admin realm are for.
pub(crate) const ADMIN_AUDIENCE: &str = "purser:admin";
/// How often a decision lost to a rival is made anew. Each loss means that somebody else's was made true.
const ATTEMPTS: usize = 16;
const DAY: Duration = Duration::from_hours(24);

/// A session and the place of the refresh token to hand out for it.
struct Issued {
    id: SessionId,
    place: lineage::Presented,
    created_at: Timestamp,
    amr: Arc<str>,
}

impl Session {
    fn issue(&self, place: lineage::Presented) -> Issued {
        Issued { id: self.id, place, created_at: self.created_at, amr: Arc::clone(&self.amr) }
    }

    fn is_elsewhere(&self, visit: &Visit) -> bool {
        self.agent != *visit.agent || self.address.parse::<IpAddr>().is_ok_and(|address| address != visit.address)
    }
}

impl SessionView {
    /// Whether it is the one the caller is using.
    pub fn is_current(&self, caller: &Caller) -> bool {
        self.id == caller.session
    }
}

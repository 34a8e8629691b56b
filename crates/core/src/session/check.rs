//! Checking what a request shows of a session, and saying who is calling.

use std::sync::Arc;

use super::live::{Standing, Verified};
use super::token::{Claims, TokenFault};
use super::{Realm, Session, Shown, sql};
use crate::access::{Caller, Portrait, SystemAdmin};
use crate::admins::Admin;
use crate::app::App;
use crate::audit::{Actor, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, SessionId, TenantId, UserId};
use crate::signin::Demand;
use crate::store::{Stale, args};
use crate::tenants::Tenant;
use crate::users::User;

impl App {
    /// Checks what a request shows, and says who is calling. `named` is the tenant the request names, which must be the session's.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::TokenExpired`]; [`Error::Forbidden`] if another tenant is named.
    pub async fn caller(&self, shown: Shown<'_>, named: Option<&str>, visit: Visit) -> Result<Caller> {
        let now = self.now();
        let Standing { session, tenant, user, portrait } = match shown {
            Shown::Bearer(token) => match self.behind_token(token, now).await {
                // Only what is none of ours can be Entra's. Boxed, so that our own do not carry its weight.
                Err(Error::InvalidToken) => return Box::pin(self.foreign_caller(token, named, visit)).await,
                standing => standing?,
            },
            // Boxed likewise.
            Shown::Cookie(value) => Box::pin(self.behind_cookie(value, now, &visit)).await?,
        };
        if named.is_some_and(|named| named != tenant.id.as_str()) {
            return Err(Error::Forbidden);
        }
        demand_second_factor(&tenant, &user, &session, now)?;
        self.live.saw(&session, now);
        let (amr, since) = (Arc::clone(&session.amr), session.created_at);
        Ok(Caller { tenant, user, session: Some(session.id), foreign: None, amr, since, visit, portrait })
    }

    /// Checks what a request in the admin realm shows.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::TokenExpired`].
    pub async fn system_admin(&self, shown: Shown<'_>, visit: Visit) -> Result<SystemAdmin> {
        let now = self.now();
        let session = match shown {
            Shown::Bearer(token) => self.admin_bearer(token, now).await?,
            Shown::Cookie(value) => {
                let id = self.admin_handles.read_cookie(value).ok_or(Error::InvalidToken)?;
                self.living_session(Realm::Admin, id).await?
            }
        };
        let admin = self.alive_admin(&session).await?;
        self.demand_admin_awake(&session, now).await?;
        self.live.saw(&session, now);
        Ok(SystemAdmin {
            actor: Actor::Admin(admin.id),
            username: admin.username.as_str().into(),
            session: Some(session.id),
            visit,
        })
    }

    /// Who is behind an access token. Its signature is checked once; who is behind it, whenever anything has changed since.
    async fn behind_token(&self, token: &str, now: Timestamp) -> Result<Standing> {
        let place = self.live.tokens.place(token);
        let changes = self.live.changes();
        let known = self.live.tokens.find(place);
        if let Some((then, standing)) = known.as_ref().and_then(|known| known.standing.as_ref())
            && *then == changes
            && self.store.trust().listening()
        {
            return known
                .as_ref()
                .is_some_and(|known| now < known.expires)
                .then(|| standing.clone())
                .ok_or(Error::TokenExpired);
        }
        let (session, expires) = Box::pin(self.bearer(Realm::Client, token, known, now)).await?;
        let (tenant, user) = Box::pin(self.alive(&session)).await?;
        let standing = Standing { session, tenant, user, portrait: Some(Portrait::default()) };
        let verified = Verified { session: standing.session.id, expires, standing: Some((changes, standing.clone())) };
        self.live.tokens.remember(place, verified);
        Ok(standing)
    }

    /// Who is behind a cookie.
    async fn behind_cookie(&self, value: &str, now: Timestamp, visit: &Visit) -> Result<Standing> {
        let (session, expired) = self.cookie(value, now).await?;
        let (tenant, user) = self.alive(&session).await?;
        if expired {
            return Err(Error::TokenExpired);
        }
        if let Err(cause) = self.note_moved(Realm::Client, &session, now, visit).await {
            // A store that cannot write keeps nobody from reading.
            tracing::warn!(cause = &cause as &dyn std::error::Error, "a cookie used from elsewhere was not noted");
        }
        Ok(Standing { session, tenant, user, portrait: None })
    }

    /// The living session behind an access token, and when the token expires.
    async fn bearer(
        &self,
        realm: Realm,
        token: &str,
        known: Option<Arc<Verified>>,
        now: Timestamp,
    ) -> Result<(Arc<Session>, Timestamp)> {
        if let Some(known) = known {
            if now >= known.expires {
                return Err(Error::TokenExpired);
            }
            // A token of the other realm is not found among this one's sessions.
            return Ok((self.living_session(realm, known.session).await?, known.expires));
        }
        let claims = self.verified_claims(realm, token, now).await?;
        let session = self.living_session(realm, claims.sid).await?;
        let tenant = claims.cid.as_ref().map_or("", TenantId::as_str);
        if claims.sub != session.owner.to_string() || tenant != session.tenant.as_str() {
            return Err(Error::InvalidToken);
        }
        Ok((session, Timestamp::from_seconds(claims.exp)))
    }

    /// The living session behind an administrator's access token.
    async fn admin_bearer(&self, token: &str, now: Timestamp) -> Result<Arc<Session>> {
        let place = self.live.tokens.place(token);
        let known = self.live.tokens.find(place);
        let (session, expires) = self.bearer(Realm::Admin, token, known, now).await?;
        self.live.tokens.remember(place, Verified { session: session.id, expires, standing: None });
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
        // Another node may have seen it awake since it was read here. Only then is there anything to forget: a cookie past its
        // life must not cost others their place in the memory.
        let stored = self.stored_session(Realm::Client, id).await?;
        if self.asleep(&stored, now).await? {
            return Ok((session, true));
        }
        self.live.forget(&[Stale::Session(id)]);
        Ok((Arc::new(stored), false))
    }

    async fn asleep(&self, session: &Session, now: Timestamp) -> Result<bool> {
        let tenant = self.living_tenant(&session.tenant).await?.ok_or(Error::InvalidToken)?;
        let lifetimes = tenant.lifetimes(&self.settings);
        let idle = now >= session.seen.moment().after(lifetimes.cookie_idle);
        Ok(idle || now >= session.created_at.after(lifetimes.cookie_max))
    }

    /// The session as remembered, or read; refused if it has ended.
    pub(super) async fn living_session(&self, realm: Realm, id: SessionId) -> Result<Arc<Session>> {
        let (memory, statement) = match realm {
            Realm::Client => (&self.live.sessions, sql::FIND),
            Realm::Admin => (&self.live.admin_sessions, sql::FIND_ADMIN),
        };
        let trust = self.store.trust();
        let session = memory.find(&id, trust, async || self.store.system_one(statement, args![id]).await).await?;
        session.filter(|session| !session.ended).ok_or(Error::InvalidToken)
    }

    /// The session as it stands in the store.
    pub(super) async fn stored_session(&self, realm: Realm, id: SessionId) -> Result<Session> {
        let statement = match realm {
            Realm::Client => sql::FIND,
            Realm::Admin => sql::FIND_ADMIN,
        };
        let session: Option<Session> = self.store.system_one(statement, args![id]).await?;
        session.filter(|session| !session.ended).ok_or(Error::InvalidToken)
    }

    /// Tenant and user of a session, if both are alive and neither has ended it.
    pub(super) async fn alive(&self, session: &Session) -> Result<(Arc<Tenant>, Arc<User>)> {
        let tenant = self.living_tenant(&session.tenant).await?.ok_or(Error::InvalidToken)?;
        let user = self.living_user(&*tenant, UserId(session.owner)).await?.ok_or(Error::InvalidToken)?;
        let fresh = session.tenant_epoch == tenant.epoch && session.owner_epoch == user.epoch;
        if fresh && tenant.is_active() && user.status == crate::users::UserStatus::Active {
            Ok((tenant, user))
        } else {
            Err(Error::InvalidToken)
        }
    }

    pub(super) async fn alive_admin(&self, session: &Session) -> Result<Arc<Admin>> {
        let admin = self.living_admin(AdminId(session.owner)).await?.ok_or(Error::InvalidToken)?;
        if admin.is_active() && admin.epoch == session.owner_epoch { Ok(admin) } else { Err(Error::InvalidToken) }
    }

    /// Refuses an administrator's session that has slept or lived too long.
    pub(super) async fn demand_admin_awake(&self, session: &Session, now: Timestamp) -> Result<()> {
        let limits = &self.settings.sessions;
        if now >= session.created_at.after(limits.admin_max.0) {
            return Err(Error::TokenExpired);
        }
        let asleep = |session: &Session| now >= session.seen.moment().after(limits.admin_idle.0);
        // Another node may have seen it awake since it was read here.
        if asleep(session) && asleep(&self.stored_session(Realm::Admin, session.id).await?) {
            return Err(Error::TokenExpired);
        }
        Ok(())
    }
}

/// Ends what a session is good for once its user must have enrolled a second factor and has not: they sign in again, and enrol on the
/// way. Asked at each request, for it is time alone that makes it so.
pub(super) fn demand_second_factor(tenant: &Tenant, user: &User, session: &Session, now: Timestamp) -> Result<()> {
    match Demand::of(tenant, user, &session.amr, now) {
        Demand::Enrol => Err(Error::InvalidToken),
        // Whoever enrolled in this session has shown their factor then; all their others have ended.
        Demand::Verify | Demand::Later(_) | Demand::Nothing => Ok(()),
    }
}

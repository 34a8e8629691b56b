//! Callers and what they were granted: the proofs that use cases ask for, and the only place where they are made.

mod policy;

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub use policy::{Right, Role, Roles, right, system_right, table};

use crate::audit::{Actor, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, SessionId, TenantId, UserId};
use crate::signin::answers::TokenHash;
use crate::tenants::Tenant;
use crate::users::User;

/// A type that stands for a right.
pub trait Permission {
    /// The right it stands for.
    const RIGHT: Right;
}

/// A right that may change something. Reading rights cannot reach the writer.
pub trait Writes: Permission {}

/// A type that stands for a right of the admin realm.
pub trait SystemPermission {}

/// A right of the admin realm that may change something.
pub trait SystemWrites: SystemPermission {}

/// Something that proves which tenant a statement may see.
pub(crate) trait Scope {
    fn tenant(&self) -> &TenantId;
}

/// A signed-in user, as checked for this request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) user: Arc<User>,
    pub(crate) session: Option<SessionId>,
    /// The Entra token that was shown in a session's place.
    pub(crate) foreign: Option<TokenHash>,
    pub(crate) amr: Arc<str>,
    pub(crate) since: Timestamp,
    pub(crate) visit: Visit,
    pub(crate) portrait: Option<Portrait>,
}

/// Room for the text that says who a caller is. It is kept with what is remembered of them, and forgotten with it.
pub(crate) type Portrait = Arc<OnceLock<Bytes>>;

impl Caller {
    /// The text that says who the caller is: as it was written before, if nothing about them has changed since. It must follow from user,
    /// tenant and session alone, and there is only one.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn portrait(&self, write: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        let Some(kept) = &self.portrait else { return write() };
        if let Some(known) = kept.get() {
            return Ok(known.clone());
        }
        let written = write()?;
        Ok(kept.get_or_init(|| written).clone())
    }

    /// The proof that the caller holds a right.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if none of the caller's roles carries it.
    pub fn grant<P: Permission>(&self) -> Result<Grant<P>> {
        let held = self.user.roles.hold(P::RIGHT);
        tracing::trace!(right = P::RIGHT.name(), held, request_id = &*self.visit.request, "a right is asked for");
        if !held {
            return Err(Error::Forbidden);
        }
        Ok(Grant {
            tenant: self.tenant.id.clone(),
            actor: Actor::User(self.user.id),
            roles: self.user.roles,
            visit: self.visit.clone(),
            right: PhantomData,
        })
    }

    /// Whether the caller holds a right, for faces that show only what may be done.
    pub fn holds(&self, right: Right) -> bool {
        self.user.roles.hold(right)
    }

    /// The caller's tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The caller's own account.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The session behind the handle that was shown; none behind an Entra token, which proves itself anew each time.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// How they signed in, in the words of RFC 8176, separated by spaces.
    pub fn amr(&self) -> &str {
        &self.amr
    }

    /// Since when the session exists; without one, since when the token is believed here.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Whence the request came.
    pub fn visit(&self) -> &Visit {
        &self.visit
    }
}

impl Scope for Caller {
    fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }
}

/// The proof that its holder may use a right, in one tenant. Given, never made; not to be copied.
#[derive(Debug)]
pub struct Grant<P> {
    tenant: TenantId,
    actor: Actor,
    roles: Roles,
    visit: Visit,
    right: PhantomData<fn() -> P>,
}

impl<P> Grant<P> {
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The actor's own roles, for rules that look at rank. The admin realm ranks as Admin.
    pub(crate) fn roles(&self) -> Roles {
        self.roles
    }

    /// The user who acts, for what only a tenant's own people do.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if a system administrator does.
    pub(crate) fn user(&self) -> Result<UserId> {
        match self.actor {
            Actor::User(id) => Ok(id),
            _ => Err(Error::Forbidden),
        }
    }

    /// Whether a tenant's own people act, and not the admin realm.
    pub(crate) fn is_by_a_user(&self) -> bool {
        matches!(self.actor, Actor::User(_))
    }

    /// Whether the actor is this very user.
    pub(crate) fn is(&self, user: UserId) -> bool {
        matches!(self.actor, Actor::User(id) if id == user)
    }
}

impl<P> Scope for Grant<P> {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

/// A system administrator, of the admin realm. Never becomes a [`Caller`], nor a caller one of these.
#[derive(Clone, Debug)]
pub struct SystemAdmin {
    pub(crate) actor: Actor,
    pub(crate) username: Arc<str>,
    pub(crate) session: Option<SessionId>,
    pub(crate) visit: Visit,
}

impl SystemAdmin {
    /// Whoever runs the command line: they hold the database and the master key in their hands.
    pub fn at_the_command_line() -> Self {
        Self { actor: Actor::CommandLine, username: "command line".into(), session: None, visit: Visit::none() }
    }

    /// The proof that the administrator holds a right.
    pub fn grant<P: SystemPermission>(&self) -> SystemGrant<P> {
        SystemGrant { actor: self.actor.clone(), visit: self.visit.clone(), right: PhantomData }
    }

    /// The administrator's account; none at the command line.
    pub fn id(&self) -> Option<AdminId> {
        match self.actor {
            Actor::Admin(id) => Some(id),
            _ => None,
        }
    }

    /// The administrator's name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The session behind the handle that was shown; none at the command line.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }
}

/// The proof that its holder may use a right of the admin realm. Given, never made; not to be copied.
#[derive(Debug)]
pub struct SystemGrant<P> {
    actor: Actor,
    visit: Visit,
    right: PhantomData<fn() -> P>,
}

impl<P> SystemGrant<P> {
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }
}

impl SystemGrant<system_right::TenantsRead> {
    /// The right to see users, in one tenant that exists.
    pub(crate) fn within(&self, tenant: &Tenant) -> Grant<right::UsersRead> {
        self.inside(tenant)
    }
}

impl SystemGrant<system_right::TenantsManage> {
    /// The right to manage users, in one tenant that exists.
    pub(crate) fn within(&self, tenant: &Tenant) -> Grant<right::UsersManage> {
        self.inside(tenant)
    }

    /// The right to change settings and identity providers, in one tenant that exists.
    pub(crate) fn settling(&self, tenant: &Tenant) -> Grant<right::SettingsManage> {
        self.inside(tenant)
    }
}

impl<P> SystemGrant<P> {
    fn inside<R>(&self, tenant: &Tenant) -> Grant<R> {
        Grant {
            tenant: tenant.id.clone(),
            actor: self.actor.clone(),
            roles: Roles::from_iter([Role::Admin]),
            visit: self.visit.clone(),
            right: PhantomData,
        }
    }
}

//! The audit log: what a line of it says. Lines are written by the store, with the change they describe.

mod action;
pub(crate) mod days;
mod denials;
mod keep;
mod read;
mod relay;
pub(crate) mod sql;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

pub use action::Action;
pub use days::{MOST_DAYS, SignInDay, SignInDays, Way};
pub(crate) use denials::Denials;
pub(crate) use keep::forgetting_log;
pub use read::{Filter, Log, Record};
pub use relay::RELAY_DELAY;

use crate::env::Timestamp;
use crate::ids::{AdminId, AuditId, JobId, SessionId, TemplateId, TenantId, UserId};
use crate::store::{Value, args};

/// Whence a request came.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The client's address.
    pub address: IpAddr,
    /// What the client says it is, shortened.
    pub agent: Arc<str>,
    /// The request's id, as answered in `X-Request-Id`.
    pub request: Arc<str>,
}

impl Visit {
    /// Not from the network: the command line, or the system itself.
    pub fn none() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), agent: "".into(), request: "".into() }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody not signed in.
    Anyone,
    /// A tenant's user.
    User(UserId),
    /// A system administrator.
    Admin(AdminId),
    /// Whoever ran a command beside the server.
    CommandLine,
    /// A tenant's identity provider, by its name: whatever it proved.
    Provider(Arc<str>),
    /// The server itself.
    System,
}

impl Actor {
    fn kind(&self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::User(_) => "user",
            Self::Admin(_) => "admin",
            Self::CommandLine => "command-line",
            Self::Provider(_) => "provider",
            Self::System => "system",
        }
    }

    fn id(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Admin(id) => id.to_string(),
            Self::Provider(name) => name.to_string(),
            Self::Anyone | Self::CommandLine | Self::System => String::new(),
        }
    }
}

/// Whether it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// As it stands in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// One line of the log, about to be written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    tenant: Option<TenantId>,
    actor: Actor,
    visit: Visit,
    action: Action,
    target: String,
    outcome: Outcome,
    reason: String,
}

impl Entry {
    /// Something done.
    pub(crate) fn done(at: Timestamp, actor: &Actor, visit: &Visit, action: Action, target: Target) -> Self {
        Self {
            at,
            tenant: None,
            actor: actor.clone(),
            visit: visit.clone(),
            action,
            target: target.0,
            outcome: Outcome::Done,
            reason: String::new(),
        }
    }

    /// Something refused, and why. The reason is for those who read the log, not for the one refused.
    pub(crate) fn refused(self, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, ..self.because(reason) }
    }

    /// Adds what there is to say.
    pub(crate) fn because(self, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(300) {
            reason.truncate(end);
        }
        Self { reason, ..self }
    }

    pub(crate) fn in_tenant(self, tenant: &TenantId) -> Self {
        Self { tenant: Some(tenant.clone()), ..self }
    }

    pub(crate) fn row(self, id: AuditId) -> Vec<Value> {
        let address = if self.visit.address.is_unspecified() { String::new() } else { self.visit.address.to_string() };
        args![
            self.tenant.as_ref().map_or("", TenantId::as_str),
            id,
            self.at,
            self.actor.kind(),
            self.actor.id(),
            address,
            &*self.visit.request,
            self.action.as_str(),
            self.target,
            self.outcome.as_str(),
            self.reason
        ]
    }
}

/// On what it was done.
#[derive(Clone, Debug)]
pub(crate) struct Target(String);

impl Target {
    pub(crate) fn user(id: UserId) -> Self {
        Self(format!("user:{id}"))
    }

    pub(crate) fn admin(id: AdminId) -> Self {
        Self(format!("admin:{id}"))
    }

    pub(crate) fn session(id: SessionId) -> Self {
        Self(format!("session:{id}"))
    }

    pub(crate) fn tenant(id: &TenantId) -> Self {
        Self(format!("client:{id}"))
    }

    pub(crate) fn provider(name: &str) -> Self {
        Self(format!("provider:{name}"))
    }

    pub(crate) fn template(id: TemplateId) -> Self {
        Self(format!("template:{id}"))
    }

    pub(crate) fn job(id: JobId) -> Self {
        Self(format!("job:{id}"))
    }

    pub(crate) fn domain(name: &str) -> Self {
        Self(format!("domain:{name}"))
    }

    /// The name somebody gave who is not signed in.
    pub(crate) fn claimed(name: &str) -> Self {
        Self(format!("name:{name}"))
    }

    pub(crate) fn named(kind: &str, name: &str) -> Self {
        Self(format!("{kind}:{name}"))
    }
}

//! The audit log: the words it is written in, and reading it. Entries are written by the store, with the change they describe.

pub(crate) mod sql;

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use crate::access::{Grant, SystemGrant, right, system_right};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, AuditId, JobId, SessionId, TemplateId, TenantId, UserId};
use crate::store::{FromRow, Row, Value, args};

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

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done, or tried. The vocabulary of the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every word of the vocabulary.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As it stands in the log.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

actions! {
    /// A sign-in, of any kind.
    SignIn = "session.sign-in",
    /// A session was ended by its owner.
    SignOut = "session.sign-out",
    /// All of a user's sessions were ended.
    SignOutAll = "session.sign-out-all",
    /// One session was ended from the list, or by someone who manages it.
    SessionEnded = "session.ended",
    /// A spent refresh token was shown again: the session was ended.
    RefreshReplayed = "session.refresh-replayed",
    /// A session was used from another address or agent than before.
    SessionMoved = "session.moved",
    /// A user changed their own password.
    PasswordChanged = "user.password-changed",
    /// A stored password hash was brought up to the present parameters.
    PasswordRehashed = "user.password-rehashed",
    /// A first factor was right, and a second one is waited for.
    TwoFactorAsked = "session.two-factor-asked",
    /// A user set an authenticator app up.
    TotpAdded = "user.totp-added",
    /// A user removed their authenticator app.
    TotpRemoved = "user.totp-removed",
    /// A user had new recovery codes made.
    RecoveryCodesMade = "user.recovery-codes-made",
    /// A recovery code was used.
    RecoveryCodeUsed = "user.recovery-code-used",
    /// A user registered a passkey.
    PasskeyAdded = "user.passkey-added",
    /// A user called a passkey otherwise.
    PasskeyRenamed = "user.passkey-renamed",
    /// A user removed a passkey.
    PasskeyRemoved = "user.passkey-removed",
    /// A passkey's counter went back: there may be a copy of it.
    PasskeyCopied = "user.passkey-copied",
    /// A user must have a second factor from now on.
    TwoFactorRequired = "user.two-factor-required",
    /// A user need not have a second factor more than others.
    TwoFactorWaived = "user.two-factor-waived",
    /// A user's second factors were taken away.
    TwoFactorReset = "user.two-factor-reset",
    /// A user was created.
    UserCreated = "user.created",
    /// A user's e-mail, names or title were changed.
    UserUpdated = "user.updated",
    /// A user's roles were changed.
    UserRolesSet = "user.roles-set",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A user was enabled.
    UserEnabled = "user.enabled",
    /// A user was deleted.
    UserDeleted = "user.deleted",
    /// Whoever was invited has signed in through a provider.
    UserActivated = "user.activated",
    /// A person of a provider opens an account from now on.
    IdentityLinked = "user.identity-linked",
    /// A tenant was created.
    TenantCreated = "client.created",
    /// A tenant's name or settings were changed.
    TenantUpdated = "client.updated",
    /// A tenant was disabled.
    TenantDisabled = "client.disabled",
    /// A tenant was enabled.
    TenantEnabled = "client.enabled",
    /// A tenant was deleted with all it held.
    TenantDeleted = "client.deleted",
    /// A system administrator was created.
    AdminCreated = "admin.created",
    /// A system administrator was disabled.
    AdminDisabled = "admin.disabled",
    /// A system administrator was enabled.
    AdminEnabled = "admin.enabled",
    /// A system administrator was deleted.
    AdminDeleted = "admin.deleted",
    /// A signing key was made and the former one set to retire.
    KeysRotated = "keys.rotated",
    /// A licence was installed or refused.
    LicenseInstalled = "license.installed",
    /// An identity provider was set up.
    ProviderCreated = "provider.created",
    /// An identity provider's settings were changed.
    ProviderUpdated = "provider.updated",
    /// An identity provider was switched on.
    ProviderEnabled = "provider.enabled",
    /// An identity provider was switched off: nobody signs in through it.
    ProviderDisabled = "provider.disabled",
    /// An identity provider was deleted with the identities linked to it.
    ProviderDeleted = "provider.deleted",
    /// An identity provider's settings were examined.
    ProviderExamined = "provider.examined",
    /// The sessions opened through an identity provider were ended.
    ProviderSessionsEnded = "provider.sessions-ended",
    /// A domain was named as the tenant's, without proof yet.
    DomainAdded = "domain.added",
    /// A domain was proven to be the tenant's.
    DomainVerified = "domain.verified",
    /// A domain is the tenant's no more.
    DomainRemoved = "domain.removed",
    /// A template was created, with the draft of its first version.
    TemplateCreated = "template.created",
    /// A template was made from another.
    TemplateCopied = "template.copied",
    /// A template's title or asset class was changed.
    TemplateUpdated = "template.updated",
    /// A template was deleted with its only draft.
    TemplateDeleted = "template.deleted",
    /// A draft was made from a version that is frozen.
    VersionDrafted = "version.drafted",
    /// A draft's steps were changed.
    VersionEdited = "version.edited",
    /// A draft was deleted.
    VersionDeleted = "version.deleted",
    /// A draft was submitted for review.
    VersionSubmitted = "version.submitted",
    /// A submitted version was approved.
    VersionApproved = "version.approved",
    /// A submitted version went back to its author.
    VersionRejected = "version.rejected",
    /// An approved version was published.
    VersionPublished = "version.published",
    /// A published version was withdrawn, or gave way to another.
    VersionArchived = "version.archived",
    /// An archived version was published again.
    VersionRestored = "version.restored",
    /// A job was created.
    JobCreated = "job.created",
    /// A job, or what remains of it, was given to somebody.
    JobAssigned = "job.assigned",
    /// A job was started.
    JobStarted = "job.started",
    /// A value was recorded.
    JobRecorded = "job.recorded",
    /// A record was corrected by a new one.
    JobCorrected = "job.corrected",
    /// A step of a job was completed.
    StepCompleted = "job.step-completed",
    /// The last step of a job was completed, and so the job.
    JobCompleted = "job.completed",
    /// A job was cancelled.
    JobCancelled = "job.cancelled",
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

/// One line of the log, as read.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id; lines sort by it.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// The tenant; none for the admin realm.
    pub tenant: Option<TenantId>,
    /// `user`, `admin`, `command-line`, `provider`, `system` or `anyone`.
    pub actor_kind: String,
    /// The actor's id, where it has one.
    pub actor: String,
    /// From where.
    pub address: String,
    /// The id of the request.
    pub request: String,
    /// What, in the words of [`Action`].
    pub action: String,
    /// On what: kind and id.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Why, or what there is to say.
    pub reason: String,
}

impl FromRow for Record {
    fn from_row(row: &Row) -> Result<Self> {
        let tenant = row.tenant(10)?;
        Ok(Self {
            id: AuditId::stored(row.bytes(0)?).ok_or_else(|| Error::internal("an audit id is not 16 bytes"))?,
            at: row.time(1)?,
            actor_kind: row.text(2)?.into(),
            actor: row.text(3)?.into(),
            address: row.text(4)?.into(),
            request: row.text(5)?.into(),
            action: row.text(6)?.into(),
            target: row.text(7)?.into(),
            outcome: row.text(8)?.into(),
            reason: row.text(9)?.into(),
            tenant: (!tenant.as_str().is_empty()).then_some(tenant),
        })
    }
}

/// Which lines to read. Empty fields ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A word of [`Action`].
    pub action: String,
    /// An actor's id.
    pub actor: String,
    /// A target, kind and id.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Lines older than this one.
    pub before: Option<AuditId>,
    /// How many at most; 100 if unsaid, never more than 500.
    pub first: Option<u32>,
}

impl Filter {
    fn columns(&self) -> Vec<Value> {
        args![
            &self.action,
            &self.actor,
            &self.target,
            &self.outcome,
            self.since.unwrap_or(Timestamp(0)),
            self.until.unwrap_or(Timestamp(i64::MAX)),
            self.first.unwrap_or(100).clamp(1, 500)
        ]
    }

    fn before(&self) -> AuditId {
        self.before.unwrap_or(AuditId([0xff; 16]))
    }
}

/// Whose lines a system administrator reads.
#[derive(Clone, Debug)]
pub enum Log {
    /// Every tenant's, and the admin realm's.
    All,
    /// The admin realm's own.
    AdminRealm,
    /// One tenant's.
    Tenant(TenantId),
}

/// `all`, `admin`, or a tenant's id.
impl FromStr for Log {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "" | "all" | "*" => Ok(Self::All),
            "admin" => Ok(Self::AdminRealm),
            _ => text.parse().map(Self::Tenant),
        }
    }
}

impl App {
    /// A page of the tenant's log, newest first.
    pub async fn audit_log(&self, by: &Grant<right::AuditRead>, filter: &Filter) -> Result<Vec<Record>> {
        let mut args = args![filter.before()];
        args.extend(filter.columns());
        self.store.all(by, sql::PAGE, args).await
    }

    /// A page of any log, newest first.
    pub async fn audit_logs(
        &self,
        _by: &SystemGrant<system_right::AuditsRead>,
        log: &Log,
        filter: &Filter,
    ) -> Result<Vec<Record>> {
        let tenant = match log {
            Log::All => "*",
            Log::AdminRealm => "",
            Log::Tenant(id) => id.as_str(),
        };
        let mut args = args![filter.before(), tenant];
        args.extend(filter.columns());
        self.store.system_all(sql::PAGE_OF_ALL, args).await
    }
}

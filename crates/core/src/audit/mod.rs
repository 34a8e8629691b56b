//! The audit log: the words it is written in, and reading it. Entries are written by the store, with the change they describe.

pub(crate) mod days;
mod denials;
mod keep;
mod relay;
pub(crate) mod sql;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

pub use days::{MOST_DAYS, SignInDay, SignInDays, Way};
pub(crate) use denials::Denials;
pub(crate) use keep::forgetting_log;
pub use relay::RELAY_DELAY;

use crate::access::{Grant, Scope, SystemGrant, right, system_right};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, AuditId, JobId, SessionId, TemplateId, TenantId, UserId};
use crate::store::statement::TenantSql;
use crate::store::{Change, FromRow, Row, Value, args};

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
    /// Somebody asked for what they have no right to.
    AccessRefused = "access.refused",
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
    /// Whoever was invited has come: by their invitation, or through a provider.
    UserActivated = "user.activated",
    /// People were taken in from a file; who was made has a line of their own.
    UsersImported = "users.imported",
    /// A tenant's people were given out as a file.
    UsersExported = "users.exported",
    /// A user was invited, or invited once more.
    UserInvited = "user.invited",
    /// An invitation was taken back.
    InvitationRevoked = "user.invitation-revoked",
    /// Somebody said they forgot a password.
    PasswordForgotten = "user.password-forgotten",
    /// A password was chosen anew by a link sent to the account's address.
    PasswordReset = "user.password-reset",
    /// A user asked for another address, which has to be confirmed.
    EmailAsked = "user.email-asked",
    /// A user's new address was confirmed and is theirs.
    EmailChanged = "user.email-changed",
    /// A link that is unknown, expired, used or overtaken was shown.
    LinkShown = "link.shown",
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
    /// A job was taken from whoever was to do it.
    JobUnassigned = "job.unassigned",
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
    /// The log was read out, whole or in part.
    AuditExported = "audit.exported",
    /// Lines older than the retention asks for were removed.
    AuditTrimmed = "audit.trimmed",
    /// All that is kept of a tenant was read out.
    TenantExported = "client.exported",
    /// A letter could not be sent and is not tried again.
    MailGivenUp = "mail.given-up",
    /// Nobody knows whether a letter went; it is not sent again.
    MailUncertain = "mail.uncertain",
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
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id; lines sort by it.
    #[serde(serialize_with = "printed")]
    pub id: AuditId,
    /// When.
    #[serde(serialize_with = "printed")]
    pub at: Timestamp,
    /// The tenant; none for the admin realm.
    #[serde(rename = "clientId", serialize_with = "printed_if_any")]
    pub tenant: Option<TenantId>,
    /// `user`, `admin`, `command-line`, `provider`, `system` or `anyone`.
    pub actor_kind: String,
    /// The actor's id, where it has one.
    pub actor: String,
    /// From where.
    pub address: String,
    /// The id of the request.
    #[serde(rename = "requestId")]
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

impl Record {
    /// As one line of JSON, without its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn printed<S: Serializer>(it: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(it)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn printed_if_any<S: Serializer>(it: &Option<TenantId>, to: S) -> Result<S::Ok, S::Error> {
    it.as_ref().map(TenantId::as_str).serialize(to)
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

/// So long after its moment a line gets its id at most: what is refused waits for housekeeping, and a clock may be set back a little.
const WAITS: Duration = Duration::from_hours(1);

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

    /// What a page before an id takes. No line is older than its id, so nothing from before the first moment is looked at; and none is
    /// much younger, so nothing from long after the last.
    fn newest_first(&self) -> Vec<Value> {
        let mut args = args![self.before.unwrap_or(AuditId::LAST).min(self.ceiling())];
        args.extend(self.columns());
        args.push(self.floor().into());
        args
    }

    /// What the lines after an id take, below another.
    fn oldest_first(&self, after: Option<AuditId>, below: AuditId) -> Vec<Value> {
        let mut args = args![after.unwrap_or_else(|| self.floor().previous())];
        args.extend(self.columns());
        args.push(below.into());
        args
    }

    fn floor(&self) -> AuditId {
        self.since.map_or(AuditId::FIRST, AuditId::first_of)
    }

    /// What a page can begin at, and its place in [`Reach`]; the likely fewest first.
    fn leads(&self) -> Vec<(usize, TenantSql)> {
        let is_undone = !matches!(self.outcome.as_str(), "" | "done");
        let all = [
            (!self.target.is_empty(), sql::PAGE_OF_TARGET),
            (!self.actor.is_empty(), sql::PAGE_OF_ACTOR),
            (!self.action.is_empty(), sql::PAGE_OF_ACTION),
            (is_undone, sql::PAGE_NOT_DONE),
        ];
        all.into_iter().enumerate().filter_map(|(place, (asked, sql))| asked.then_some((place, sql))).collect()
    }

    fn ceiling(&self) -> AuditId {
        self.until.map_or(AuditId::LAST, |until| AuditId::first_of(until.after(WAITS)))
    }

    /// As a person would say it, for the log.
    fn said(&self) -> String {
        let moment = |it: Option<Timestamp>| it.map(|it| it.to_string()).unwrap_or_default();
        let parts = [
            ("action", self.action.clone()),
            ("actor", self.actor.clone()),
            ("target", self.target.clone()),
            ("outcome", self.outcome.clone()),
            ("since", moment(self.since)),
            ("until", moment(self.until)),
        ];
        let said = parts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name} {value}"));
        said.collect::<Vec<_>>().join(", ")
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
        self.page_of(by, filter).await
    }

    /// A page of any log, newest first.
    pub async fn audit_logs(
        &self,
        _by: &SystemGrant<system_right::AuditsRead>,
        log: &Log,
        filter: &Filter,
    ) -> Result<Vec<Record>> {
        match log.own() {
            Some(own) => self.page_of(&own, filter).await,
            None => self.store.system_all(sql::PAGE_OF_ALL, over_all(filter.newest_first())).await,
        }
    }

    /// The tenant's log read out, oldest line first: as many lines as the filter has at once, after the one given. Without one it begins,
    /// and that is written down.
    pub async fn export_audit(
        &self,
        by: &Grant<right::AuditRead>,
        filter: &Filter,
        after: Option<AuditId>,
    ) -> Result<Vec<Record>> {
        if after.is_none() {
            let entry = exported(self.now(), by.actor(), by.visit(), &Target::named("audit", "own"), filter);
            self.store.carry_out(Change::within(by, entry)).await?;
        }
        self.store.all(by, sql::NEXT, filter.oldest_first(after, AuditId::LAST)).await
    }

    /// Any log read out, in the same way.
    pub async fn export_audits(
        &self,
        by: &SystemGrant<system_right::AuditsRead>,
        log: &Log,
        filter: &Filter,
        after: Option<AuditId>,
    ) -> Result<Vec<Record>> {
        if after.is_none() {
            let target = Target::named("audit", &log.to_string());
            let entry = exported(self.now(), by.actor(), by.visit(), &target, filter);
            self.store.carry_out(Change::system(entry)).await?;
        }
        let args = filter.oldest_first(after, AuditId::LAST);
        match log.own() {
            Some(own) => self.store.all(&own, sql::NEXT, args).await,
            None => self.store.system_all(sql::NEXT_OF_ALL, over_all(args)).await,
        }
    }

    async fn page_of(&self, log: &impl Scope, filter: &Filter) -> Result<Vec<Record>> {
        let leads = filter.leads();
        let reach: Option<Reach> = if leads.len() > 1 {
            let before = filter.before.unwrap_or(AuditId::LAST).min(filter.ceiling());
            let args = args![before, &filter.target, &filter.actor, &filter.action, &filter.outcome];
            self.store.one(log, sql::REACH, args).await?
        } else {
            None
        };
        // What reaches farthest back has fewest lines; what has no two hundred reaches beyond all.
        let lead =
            leads.iter().min_by_key(|(place, _)| reach.as_ref().and_then(|it| it.0.get(*place).cloned().flatten()));
        let statement = lead.map_or(sql::PAGE, |(_, statement)| *statement);
        self.store.all(log, statement, filter.newest_first()).await
    }
}

/// Where the two hundredth line with each condition stands; nothing where there are fewer.
struct Reach([Option<Vec<u8>>; 4]);

impl FromRow for Reach {
    fn from_row(row: &Row) -> Result<Self> {
        let key = |at| row.maybe_bytes(at).map(|key| key.map(<[u8]>::to_vec));
        Ok(Self([key(0)?, key(1)?, key(2)?, key(3)?]))
    }
}

fn exported(now: Timestamp, actor: &Actor, visit: &Visit, target: &Target, filter: &Filter) -> Entry {
    Entry::done(now, actor, visit, Action::AuditExported, target.clone()).because(filter.said())
}

/// The arguments of a statement about every log, where those about one have the tenant.
fn over_all(args: Vec<Value>) -> Vec<Value> {
    std::iter::once(Value::from("*")).chain(args).collect()
}

/// One log and no other: a tenant's, or the admin realm's, which stands under the empty name.
struct Own(TenantId);

impl Scope for Own {
    fn tenant(&self) -> &TenantId {
        &self.0
    }
}

impl Log {
    fn own(&self) -> Option<Own> {
        match self {
            Self::All => None,
            Self::AdminRealm => Some(Own(TenantId::stored(""))),
            Self::Tenant(id) => Some(Own(id.clone())),
        }
    }
}

/// As it is asked for.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::AdminRealm => "admin",
            Self::Tenant(id) => id.as_str(),
        })
    }
}

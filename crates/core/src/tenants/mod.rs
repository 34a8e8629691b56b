//! Tenants ("clients" on the wire): the organisations that share a deployment without seeing one another.

pub(crate) mod branding;
pub(crate) mod export;
mod leaving;
mod patch;
mod picture;
mod settle;
pub(crate) mod sql;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use branding::{Accent, LogoWish, Look};
pub use export::{ExportPlace, LEFT_OUT, exported_tables};
pub use leaving::ROWS as CLEARED_AT_ONCE;
pub use patch::SettingsPatch;
pub use picture::{Logo, MOST_BYTES, MOST_PIXELS};
use settle::said;

use crate::access::{Scope, SystemGrant, system_right};
use crate::app::App;
use crate::audit::{self, Action, Entry, Target};
use crate::config::{Settings, Span};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::signin;
use crate::store::{Change, FromRow, Row, Stale, args};

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its slug.
    pub id: TenantId,
    /// Its name, for people.
    pub name: String,
    /// Whether its people may sign in.
    pub status: TenantStatus,
    /// What its Admins have settled.
    pub settings: TenantSettings,
    /// The colour of its pages, if it has one of its own.
    pub accent: Option<Accent>,
    /// The name of its logo, if it has one; another logo has another name.
    pub logo: Option<Arc<str>>,
    /// Since when it exists.
    pub created_at: Timestamp,
    version: i64,
    pub(crate) epoch: i64,
}

/// Whether a tenant's people may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TenantStatus {
    /// They may.
    Active,
    /// Nobody may, and every session is over.
    Disabled,
    /// It is deleted: what it held is being cleared away, and its id is free when that is done.
    Leaving,
}

/// What a tenant settles for itself. Lifetimes only shorten those of the deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TenantSettings {
    /// Life of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_ttl: Option<Span>,
    /// Life of the refresh tokens of one sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_ttl: Option<Span>,
    /// A cookie dies after so long without use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_idle: Option<Span>,
    /// A cookie dies so long after the sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_max: Option<Span>,
    /// Fewest characters of a new password; never fewer than the deployment asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_min_length: Option<usize>,
    /// Words no new password may contain.
    pub forbidden_words: Vec<String>,
    /// A refresh token presented again more than 60 s after its child was issued counts as a replay.
    pub strict_refresh: bool,
    /// Password sign-in is off.
    pub sso_only: bool,
    /// Whoever wrote or edited a version may not approve it, and whoever approved it may not publish it; Admins included.
    pub separation_of_duties: bool,
    /// Whether everybody has to have a second factor.
    #[serde(skip_serializing_if = "TwoFactor::is_off")]
    pub two_factor: TwoFactor,
    /// How long they may take to enrol one: from the moment it is demanded, or they are there. A week if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_factor_grace: Option<Span>,
    /// Since when it is demanded. Kept by the server; what is sent is not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_factor_since: Option<Moment>,
    /// Origins and addresses, besides our own paths, where people may be sent after signing in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub return_to: Vec<String>,
    /// Addresses, letter for letter, where native apps take their one-time code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native_redirects: Vec<String>,
}

/// Whether a tenant demands a second factor of everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TwoFactor {
    /// Everybody as they like, but for those who are told to in particular.
    #[default]
    Off,
    /// Everybody must have one.
    Required,
}

impl TwoFactor {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference to the field")]
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// A moment among the settings, as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl TenantSettings {
    /// The settings to come, with what the server keeps itself: since when a second factor is demanded. Demanding it once more
    /// begins no new time.
    fn following(self, before: &Self, now: Timestamp) -> Self {
        let since = match self.two_factor {
            TwoFactor::Off => None,
            TwoFactor::Required => before.two_factor_since.or(Some(Moment(now))),
        };
        Self { two_factor_since: since, ..self }
    }

    /// Refuses what no page could show or what would lock everybody out at once.
    fn check(&self) -> Result<()> {
        if self.forbidden_words.len() > 1_000
            || self.forbidden_words.iter().any(|word| word.len() > 100 || word.is_empty())
        {
            return Err(Error::invalid("settings.forbiddenWords", "at most 1,000 words of 1 to 100 characters"));
        }
        if self.password_min_length.is_some_and(|least| least > 64) {
            return Err(Error::invalid("settings.passwordMinLength", "at most 64"));
        }
        signin::check_lists(self)
    }
}

/// The lifetimes in force for one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) access: std::time::Duration,
    pub(crate) refresh: std::time::Duration,
    pub(crate) cookie_idle: std::time::Duration,
    pub(crate) cookie_max: std::time::Duration,
}

impl Tenant {
    /// The deployment's lifetimes, shortened by the tenant's.
    pub(crate) fn lifetimes(&self, deployment: &Settings) -> Lifetimes {
        let shorter = |own: Option<Span>, all: Span| own.map_or(all, |own| own.min(all)).0;
        Lifetimes {
            access: shorter(self.settings.access_ttl, deployment.tokens.access_ttl),
            refresh: shorter(self.settings.refresh_ttl, deployment.tokens.refresh_ttl),
            cookie_idle: shorter(self.settings.cookie_idle, deployment.sessions.cookie_idle),
            cookie_max: shorter(self.settings.cookie_max, deployment.sessions.cookie_max),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == TenantStatus::Active
    }

    /// One that no store has, for tests of what is decided on it.
    #[cfg(test)]
    pub(crate) fn of_tests(id: &str, settings: TenantSettings, created_at: Timestamp) -> Self {
        let status = TenantStatus::Active;
        let id = TenantId::stored(id);
        Self { name: id.to_string(), id, status, settings, accent: None, logo: None, created_at, version: 1, epoch: 1 }
    }
}

impl Scope for Tenant {
    fn tenant(&self) -> &TenantId {
        &self.id
    }
}

impl FromRow for Tenant {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.tenant(0)?,
            name: row.text(1)?.into(),
            status: match row.text(2)? {
                "active" => TenantStatus::Active,
                "leaving" => TenantStatus::Leaving,
                _ => TenantStatus::Disabled,
            },
            settings: serde_json::from_str(row.text(3)?).map_err(Error::internal)?,
            version: row.int(4)?,
            epoch: row.int(5)?,
            created_at: row.time(6)?,
            accent: row.maybe_text(7)?.and_then(|text| text.parse().ok()),
            logo: row.maybe_text(8)?.map(Into::into),
        })
    }
}

/// A tenant about to be made. Valid, or it does not exist.
#[derive(Clone, Debug)]
pub struct NewTenant {
    id: TenantId,
    name: String,
}

impl NewTenant {
    /// Checks slug and name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `id` or `name`.
    pub fn parse(id: &str, name: &str) -> Result<Self> {
        // Where a log is chosen these are the admin realm's, and all.
        if matches!(id, "admin" | "all") {
            return Err(Error::invalid("id", "is a word that chooses a log of the audit; choose another"));
        }
        Ok(Self { id: id.parse()?, name: tenant_name(name)? })
    }
}

/// What to change of a tenant; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct TenantUpdate {
    /// A new name.
    pub name: Option<String>,
    /// What to settle anew.
    pub settings: Option<SettingsPatch>,
    /// Whether its people may sign in. Disabling ends its sessions at once.
    pub status: Option<TenantStatus>,
}

fn tenant_name(name: &str) -> Result<String> {
    crate::users::person_name("name", name)
}

impl App {
    /// Makes a tenant.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the slug is taken; [`Error::Invalid`] naming `id` if whoever had it is not cleared away yet.
    pub async fn create_tenant(&self, by: &SystemGrant<system_right::TenantsManage>, new: NewTenant) -> Result<Tenant> {
        let now = self.now();
        let settings = serde_json::to_string(&TenantSettings::default()).map_err(Error::internal)?;
        // What was written about a former tenant of that name while it was being deleted is not this one's.
        let change = audit::forgetting_log(
            Change::system(entry(now, by, Action::TenantCreated, &new.id)),
            &new.id,
            leaving::ROWS,
        )
        .must_system(sql::ADD, args![&new.id, &new.name, new.name.to_lowercase(), settings, now], || Error::Conflict)
        .run_system(signin::sql::FORGET, args![signin::guesses::tenant_key(&new.id)])
        .run_system(signin::sql::FORGET, args![signin::proofs_key(&new.id)])
        .forgetting(Stale::Tenant(new.id.clone()));
        match self.store.apply_system(by, change).await {
            Err(Error::Conflict) if self.is_leaving(&new.id).await? => {
                Err(Error::invalid("id", "the client that had this id is still being cleared away; try again later"))
            }
            outcome => outcome.map(drop),
        }?;
        self.find_tenant(&new.id).await
    }

    async fn is_leaving(&self, id: &TenantId) -> Result<bool> {
        let tenant: Option<Tenant> = self.store.system_one(sql::FIND_ANY, args![id]).await?;
        Ok(tenant.is_some_and(|tenant| tenant.status == TenantStatus::Leaving))
    }

    async fn tenant_in_any_state(&self, id: &TenantId) -> Result<Tenant> {
        self.store.system_one(sql::FIND_ANY, args![id]).await?.ok_or(Error::NotFound)
    }

    /// One tenant, also one that is deleted and not cleared away yet.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tenant(&self, _by: &SystemGrant<system_right::TenantsRead>, id: &TenantId) -> Result<Tenant> {
        self.tenant_in_any_state(id).await
    }

    /// A page of tenants by id, after the one given; `search` looks into id and name.
    pub async fn tenants(
        &self,
        _by: &SystemGrant<system_right::TenantsRead>,
        after: Option<&TenantId>,
        search: &str,
        first: u32,
    ) -> Result<Vec<Tenant>> {
        let after = after.map_or("", TenantId::as_str);
        self.store.system_all(sql::PAGE, args![after, crate::users::pattern(search), first.clamp(1, 500)]).await
    }

    /// Changes a tenant: name, settings, status. What is as it was is not logged as changed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; [`Error::Conflict`] if someone was faster.
    pub async fn update_tenant(
        &self,
        by: &SystemGrant<system_right::TenantsManage>,
        id: &TenantId,
        update: TenantUpdate,
    ) -> Result<Tenant> {
        let now = self.now();
        let tenant = self.find_tenant(id).await?;
        let name = update.name.map_or(Ok(tenant.name.clone()), |name| tenant_name(&name))?;
        let settings =
            update.settings.unwrap_or_default().applied_to(&tenant.settings).following(&tenant.settings, now);
        let changed = tenant.settings.changed(&settings)?;
        let mut change = Change::unlogged().forgetting(Stale::Tenant(id.clone()));
        if name != tenant.name || !changed.is_empty() {
            let settings = serde_json::to_string(&settings).map_err(Error::internal)?;
            let entry = entry(now, by, Action::TenantUpdated, id).because(said(&changed));
            change = change.also_logging(entry).must_system(
                sql::UPDATE,
                args![id, &name, name.to_lowercase(), settings, tenant.version],
                || Error::Conflict,
            );
        }
        let switch = match update.status {
            Some(TenantStatus::Active) if !tenant.is_active() => Some((sql::ENABLE, Action::TenantEnabled)),
            Some(TenantStatus::Disabled) if tenant.is_active() => Some((sql::DISABLE, Action::TenantDisabled)),
            _ => None,
        };
        if let Some((statement, action)) = switch {
            change =
                change.also_logging(entry(now, by, action, id)).must_system(statement, args![id], || Error::Conflict);
        }
        self.store.apply_system(by, change).await?;
        self.find_tenant(id).await
    }

    /// Ends every session of a tenant.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn end_tenant_sessions(&self, by: &SystemGrant<system_right::SessionsEnd>, id: &TenantId) -> Result<()> {
        let change = Change::system(entry(self.now(), by, Action::SignOutAll, id))
            .must_system(sql::END_SESSIONS, args![id], || Error::NotFound)
            .forgetting(Stale::Tenant(id.clone()));
        self.store.apply_system(by, change).await.map(drop)
    }

    /// Ends every session of every tenant.
    pub async fn end_all_sessions(&self, by: &SystemGrant<system_right::SessionsEnd>) -> Result<()> {
        let entry =
            Entry::done(self.now(), by.actor(), by.visit(), Action::SignOutAll, Target::named("deployment", "all"));
        let change = Change::system(entry).run_system(sql::END_ALL_SESSIONS, args![]).forgetting(Stale::Everything);
        self.store.apply_system(by, change).await.map(drop)
    }

    /// Makes a database that came back from a backup safe to serve: whatever was ended since the backup must not live again, and no
    /// number given since may be given again.
    pub async fn begin_after_restore(&self, by: &SystemGrant<system_right::SessionsEnd>) -> Result<()> {
        let target = Target::named("deployment", "restored");
        let entry = Entry::done(self.now(), by.actor(), by.visit(), Action::SignOutAll, target);
        let change = Change::system(entry)
            .run_system(sql::END_ALL_SESSIONS, args![])
            .run_system(crate::admins::sql::END_ALL_SESSIONS, args![])
            .run_system(crate::users::sql::SKIP_NUMBERS, args![])
            .run_system(crate::mail::sql::DROP_WAITING, args![])
            .run_system(crate::people::sql::DROP_LINKS, args![])
            .run_system(crate::people::sql::DROP_FORGOTTEN, args![])
            .forgetting(Stale::Everything);
        self.store.apply_system(by, change).await.map(drop)
    }

    pub(crate) async fn find_tenant(&self, id: &TenantId) -> Result<Tenant> {
        self.store.system_one(sql::FIND, args![id]).await?.ok_or(Error::NotFound)
    }

    /// The tenant as remembered, or read; none if there is none.
    pub(crate) async fn living_tenant(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>> {
        self.live.tenants.find(id, self.store.trust(), async || self.store.system_one(sql::FIND, args![id]).await).await
    }

    /// The tenant, if there is exactly one.
    pub(crate) async fn only_tenant(&self) -> Result<Option<TenantId>> {
        let some: Vec<String> = self.store.system_few(sql::ANY_TWO, args![]).await?;
        match some.as_slice() {
            [only] => Ok(Some(TenantId::stored(only))),
            _ => Ok(None),
        }
    }
}

fn entry<P>(now: Timestamp, by: &SystemGrant<P>, action: Action, id: &TenantId) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::tenant(id))
}

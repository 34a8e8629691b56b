//! Identity providers of a tenant: who else may say who somebody is, and how they are asked.

mod base;
mod check;
pub(crate) mod claims;
mod compose;
mod connect;
mod domains;
mod draft;
mod examine;
mod manage;
mod protocol;
pub(crate) mod sql;

use std::sync::Arc;

pub use base::Base;
pub use connect::Addresses;
pub(crate) use connect::Federation;
pub use domains::Domain;
pub use draft::{Credential, CredentialForm, Draft, MicrosoftDraft, OidcDraft, ProtocolDraft, SamlDraft};
pub use protocol::{
    Binding, Claims, ClientAuth, Endpoint, Kind, Microsoft, Mode, Oidc, Protocol, Rules, Saml, ShownCertificate,
};
/// One step of examining a provider, and what came of it.
pub use purser_federation::{Check, Outcome};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId};
use crate::store::{FromRow, Row, args};
use crate::tenants::Tenant;

/// An identity provider as a tenant has set it up.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The tenant whose it is.
    pub tenant: TenantId,
    /// Its number, unique over the deployment and never used again.
    pub id: ProviderId,
    /// Its name within the tenant: a slug, never changed.
    pub name: String,
    /// What people read on its button.
    pub label: String,
    /// Whether people may sign in through it.
    pub enabled: bool,
    /// What it may decide.
    pub rules: Rules,
    /// How it is set up.
    pub protocol: Protocol,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    pub(crate) version: i64,
    /// Its secret or private key, sealed under [`seal_context`].
    pub(crate) sealed: Option<Vec<u8>>,
}

impl Provider {
    /// Which protocol it speaks.
    pub fn kind(&self) -> Kind {
        self.protocol.kind()
    }

    /// What its calls, caches and breaker are kept under. It begins with its name, for whoever looks at the breakers.
    pub(crate) fn key(&self) -> String {
        // Changed settings make another key, so that no node goes on with what it learnt under those of before.
        format!("{}{}.{}.{}", keys(&self.tenant), self.name, self.id, self.version)
    }
}

/// How the keys of all that is remembered of a tenant's providers begin. No tenant's id holds a stroke.
pub(crate) fn keys(tenant: &TenantId) -> String {
    format!("{tenant}/")
}

/// What the column `settings` holds.
#[derive(Serialize, Deserialize)]
struct Settings {
    #[serde(default)]
    rules: Rules,
    protocol: Protocol,
}

impl FromRow for Provider {
    fn from_row(row: &Row) -> Result<Self> {
        let settings: Settings = serde_json::from_str(row.text(5)?).map_err(Error::internal)?;
        Ok(Self {
            tenant: row.tenant(0)?,
            id: ProviderId(row.int(1)?),
            name: row.text(2)?.into(),
            label: row.text(3)?.into(),
            enabled: row.text(4)? == "on",
            rules: settings.rules,
            protocol: settings.protocol,
            sealed: row.maybe_bytes(6)?.map(Into::into),
            version: row.int(7)?,
            created_at: row.time(8)?,
            updated_at: row.time(9)?,
        })
    }
}

/// What a provider's secret is sealed with: it opens in no other tenant's and no other provider's place.
pub(crate) fn seal_context(tenant: &TenantId, id: ProviderId) -> String {
    format!("identity-provider/{tenant}/{id}")
}

/// What a tenant's key as a SAML service provider is sealed with.
fn service_key_context(tenant: &TenantId, id: i64) -> String {
    format!("service-key/{tenant}/{id}")
}

impl App {
    /// The tenant's provider of a name, as remembered or read.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`] if there is none or it is switched off, or its tenant is.
    pub(crate) async fn provider_named(&self, tenant: &TenantId, name: &str) -> Result<Arc<Provider>> {
        let all = self.providers_of(tenant).await?;
        let found = all.iter().find(|provider| provider.enabled && provider.name == name);
        found.cloned().ok_or(Error::UnknownProvider)
    }

    /// The tenant's providers by name, those switched off too; none of a tenant that does not live.
    pub(crate) async fn providers_of(&self, tenant: &TenantId) -> Result<Arc<[Arc<Provider>]>> {
        let Some(tenant) = self.living_tenant(tenant).await?.filter(|tenant| tenant.is_active()) else {
            return Ok(Arc::new([]));
        };
        let found = self
            .live
            .providers
            .find(&tenant.id, self.store.trust(), async || self.read_providers(&tenant).await)
            .await?;
        Ok(found.map_or_else(|| Arc::new([]) as Arc<[_]>, |all| Arc::clone(&all)))
    }

    /// Who claims something that a stranger showed: of a living tenant, and switched on.
    pub(crate) async fn provider_claiming(&self, claim: &str) -> Result<Option<Arc<Provider>>> {
        let row: Option<Row> = self.store.system_one(sql::CLAIMING, args![claim]).await?;
        let Some(row) = row else { return Ok(None) };
        let (tenant, id) = (row.tenant(0)?, ProviderId(row.int(1)?));
        let all = self.providers_of(&tenant).await?;
        Ok(all.iter().find(|provider| provider.enabled && provider.id == id).cloned())
    }

    async fn read_providers(&self, tenant: &Tenant) -> Result<Option<Arc<[Arc<Provider>]>>> {
        let all: Vec<Provider> = self.store.all(tenant, sql::ALL_OF, args![]).await?;
        Ok(Some(all.into_iter().map(Arc::new).collect()))
    }
}

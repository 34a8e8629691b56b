//! Domains of a tenant: which addresses it may speak for, once that is proven.

use super::sql;
use crate::app::App;
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::TenantId;
use crate::store::{FromRow, Row, args};

/// A domain that a tenant says is its own.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The domain: ASCII, lower case.
    pub name: String,
    /// What a TXT record at the domain must hold to prove it: see [`Domain::record`].
    pub token: String,
    /// When it was proven; none if it is not.
    pub verified_at: Option<Timestamp>,
    /// How it was proven: `dns`, or `admin` for a system administrator's word.
    pub verified_by: Option<String>,
    /// When it was named.
    pub created_at: Timestamp,
}

impl Domain {
    /// The TXT record that proves it.
    pub fn record(&self) -> String {
        format!("purser-verification={}", self.token)
    }
}

impl FromRow for Domain {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            name: row.text(0)?.into(),
            token: row.text(1)?.into(),
            verified_at: row.maybe_time(2)?,
            verified_by: row.maybe_text(3)?.map(Into::into),
            created_at: row.time(4)?,
        })
    }
}

impl App {
    /// Whether the tenant has proven that a domain is its own. Its sub-domains are not.
    pub(crate) async fn has_verified(&self, tenant: &TenantId, domain: &str) -> Result<bool> {
        let Some(tenant) = self.living_tenant(tenant).await? else { return Ok(false) };
        let found: Option<Domain> = self.store.one(&*tenant, sql::DOMAIN, args![domain.to_ascii_lowercase()]).await?;
        Ok(found.is_some_and(|domain| domain.verified_at.is_some()))
    }
}

//! Domains of a tenant: which addresses it may speak for, once that is proven.

use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};

use super::{check, sql};
use crate::access::{Grant, SystemGrant, right, system_right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::store::{Change, FromRow, Row, args};

/// Domains a tenant may have.
const MOST: usize = 100;
/// How long the name servers may take, all tries together.
const PATIENCE: Duration = Duration::from_secs(5);

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
    /// The TXT record at the domain itself that proves it.
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
    /// The tenant's domains, by name.
    pub async fn domains(&self, by: &Grant<right::SettingsManage>) -> Result<Vec<Domain>> {
        self.store.all(by, sql::DOMAINS, args![]).await
    }

    /// A tenant's domains, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn domains_in(
        &self,
        _by: &SystemGrant<system_right::TenantsRead>,
        tenant: &TenantId,
    ) -> Result<Vec<Domain>> {
        self.store.all(&self.find_tenant(tenant).await?, sql::DOMAINS, args![]).await
    }

    /// Names a domain as the tenant's own. Nothing follows from it until it is proven.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no domain; [`Error::Conflict`] if it is named already.
    pub async fn add_domain(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Domain> {
        let name = check::domain("domain", name)?;
        if self.domains(by).await?.len() >= MOST {
            return Err(Error::invalid("domain", format!("a client has at most {MOST} domains")));
        }
        let now = self.now();
        let token = crate::secret::encode(&self.draw::<20>());
        let change = Change::within(by, entry(by, now, Action::DomainAdded, &name)).must(
            sql::ADD_DOMAIN,
            args![&name, token, now],
            || Error::Conflict,
        );
        self.apply(by, change).await?;
        self.domain(by, &name).await
    }

    /// Asks the domain's name servers whether it is the tenant's: a TXT record at the domain must be [`Domain::record`].
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] naming `domain` if the record is not there, or nobody answers.
    pub async fn verify_domain(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Domain> {
        let domain = self.domain(by, name).await?;
        let record = domain.record();
        let found = self.txt_records(&domain.name).await?;
        if !found.iter().any(|text| text.trim() == record) {
            return Err(Error::invalid("domain", format!("no TXT record at {} says {record}", domain.name)));
        }
        self.mark_verified(by, &domain, "dns").await
    }

    /// Takes a system administrator's word for it that a domain is the tenant's.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn confirm_domain(
        &self,
        by: &SystemGrant<system_right::TenantsManage>,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Domain> {
        let by = self.settling_of(by, tenant).await?;
        let domain = self.domain(&by, name).await?;
        self.mark_verified(&by, &domain, "admin").await
    }

    /// Lets go of a domain: nobody is linked by an address of it any more. Who was linked stays so.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_domain(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Domain> {
        let domain = self.domain(by, name).await?;
        let change = Change::within(by, entry(by, self.now(), Action::DomainRemoved, &domain.name)).must(
            sql::REMOVE_DOMAIN,
            args![&domain.name],
            || Error::NotFound,
        );
        self.apply(by, change).await?;
        Ok(domain)
    }

    /// Whether the tenant has proven that a domain is its own. Its sub-domains are not.
    pub(crate) async fn has_verified(&self, tenant: &TenantId, domain: &str) -> Result<bool> {
        let Some(tenant) = self.living_tenant(tenant).await? else { return Ok(false) };
        let found: Option<Domain> = self.store.one(&*tenant, sql::DOMAIN, args![domain.to_ascii_lowercase()]).await?;
        Ok(found.is_some_and(|domain| domain.verified_at.is_some()))
    }

    async fn domain(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Domain> {
        let name = check::domain("domain", name).map_err(|_| Error::NotFound)?;
        self.store.one(by, sql::DOMAIN, args![name]).await?.ok_or(Error::NotFound)
    }

    async fn mark_verified(&self, by: &Grant<right::SettingsManage>, domain: &Domain, how: &str) -> Result<Domain> {
        let now = self.now();
        let change = Change::within(by, entry(by, now, Action::DomainVerified, &domain.name).because(how)).must(
            sql::VERIFY_DOMAIN,
            args![&domain.name, &domain.token, now, how],
            || Error::Conflict,
        );
        self.apply(by, change).await?;
        self.domain(by, &domain.name).await
    }

    /// The TXT records at a domain; none if there are none.
    async fn txt_records(&self, domain: &str) -> Result<Vec<String>> {
        let unanswered = || Error::invalid("domain", "its name servers do not answer; try again later");
        let resolver = self.resolver()?;
        // With the dot at the end no search list of this machine has a say in it.
        let asked = tokio::time::timeout(PATIENCE, resolver.txt_lookup(format!("{domain}."))).await;
        let lookup = match asked.map_err(|_| unanswered())? {
            Ok(lookup) => lookup,
            Err(refusal) if refusal.is_no_records_found() || refusal.is_nx_domain() => return Ok(Vec::new()),
            Err(cause) => {
                tracing::warn!(cause = &cause as &dyn std::error::Error, "a domain could not be looked up");
                return Err(unanswered());
            }
        };
        // The parts of one record are one text (RFC 7208 section 3.3 reads them so too).
        let whole = |data: &RData| match data {
            RData::TXT(txt) => Some(txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>()),
            _ => None,
        };
        Ok(lookup.answers().iter().filter_map(|record| whole(&record.data)).collect())
    }

    /// Whom to ask: made anew each time, so that nothing of before is remembered.
    fn resolver(&self) -> Result<TokioResolver> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = match self.settings.federation.dns_server {
            None => Resolver::builder(provider).map_err(Error::internal)?,
            Some(server) => {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = server.port();
                }
                let server = NameServerConfig::new(server.ip(), true, connections);
                Resolver::builder_with_config(ResolverConfig::from_name_servers(vec![server]), provider)
            }
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_secs(2);
        options.cache_size = 0;
        builder.build().map_err(Error::internal)
    }
}

fn entry<P>(by: &Grant<P>, now: Timestamp, action: Action, name: &str) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::domain(name))
}

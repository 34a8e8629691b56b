//! Setting identity providers up: the use cases of a tenant's Admin, and of system administrators.

use purser_federation::fetch::Call;
use purser_federation::saml::{IdentityProvider, ServiceKey, metadata};
use serde_json::Value as Json;
use url::Url;

use super::check::Check;
use super::draft::{Credential, Draft, ProtocolDraft, SamlDraft};
use super::protocol::{Kind, Protocol, Rules};
use super::{Provider, Settings, claims, compose, keys, seal_context, service_key_context, sql};
use crate::access::{Grant, Scope, SystemGrant, right, system_right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId};
use crate::store::{Change, Stale, args};

/// Providers a tenant may have.
const MOST: usize = 50;

impl App {
    /// The right to change one tenant's settings and identity providers, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn settling_of(
        &self,
        by: &SystemGrant<system_right::TenantsManage>,
        tenant: &TenantId,
    ) -> Result<Grant<right::SettingsManage>> {
        let tenant = self.find_tenant(tenant).await?;
        Ok(by.settling(&tenant))
    }

    /// The tenant's providers, by name.
    pub async fn providers(&self, by: &Grant<right::SettingsManage>) -> Result<Vec<Provider>> {
        self.store.all(by, sql::ALL_OF, args![]).await
    }

    /// One provider.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another tenant's names too.
    pub async fn provider(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Provider> {
        self.store.one(by, sql::FIND, args![name]).await?.ok_or(Error::NotFound)
    }

    /// A tenant's providers, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn providers_in(
        &self,
        _by: &SystemGrant<system_right::TenantsRead>,
        tenant: &TenantId,
    ) -> Result<Vec<Provider>> {
        self.store.all(&self.find_tenant(tenant).await?, sql::ALL_OF, args![]).await
    }

    /// One provider of a tenant, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant, or it has no such provider.
    pub async fn provider_in(
        &self,
        _by: &SystemGrant<system_right::TenantsRead>,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Provider> {
        let tenant = self.find_tenant(tenant).await?;
        self.store.one(&tenant, sql::FIND, args![name]).await?.ok_or(Error::NotFound)
    }

    /// Sets a provider up. Its secret is sealed, and never read back.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field; [`Error::Conflict`] if the name is taken, or another provider of this deployment
    /// claims the same client, entity or application.
    pub async fn create_provider(
        &self,
        by: &Grant<right::SettingsManage>,
        name: &str,
        draft: Draft,
    ) -> Result<Provider> {
        let now = self.now();
        let metadata = self.announced(by.tenant(), &draft, None, now).await?;
        let new = self.settle(None, name, &draft, metadata.as_ref())?;
        if self.providers(by).await?.len() >= MOST {
            return Err(Error::invalid("name", format!("a client has at most {MOST} identity providers")));
        }
        let id = ProviderId(self.next_number("provider").await?);
        let sealed = new.credential.as_ref().and_then(|credential| self.sealed(by.tenant(), id, credential));
        let (kind, settings) = (new.protocol.kind(), new.stored()?);
        let row = args![id, name, kind.as_str(), &new.label, new.status(), settings, sealed, now];
        let entry = entry(by, now, Action::ProviderCreated, name).because(kind.as_str());
        let change = Change::within(by, entry).guarding_tenant().must(sql::ADD, row, || Error::Conflict);
        let change = claiming(change, by.tenant(), id, &new.protocol);
        let change = self.with_service_key(change, by, kind, now).await?;
        self.apply(by, change.forgetting(Stale::Providers(by.tenant().clone()))).await?;
        self.provider(by, name).await
    }

    /// Changes a provider: what the draft does not name stays, its secret too. What is as it was is not logged as changed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] naming each wrong field; [`Error::Conflict`] if someone was faster, or another
    /// provider of this deployment claims the same.
    pub async fn update_provider(
        &self,
        by: &Grant<right::SettingsManage>,
        name: &str,
        draft: Draft,
    ) -> Result<Provider> {
        let now = self.now();
        let was = self.provider(by, name).await?;
        let metadata = self.announced(by.tenant(), &draft, Some(&was), now).await?;
        let new = self.settle(Some(&was), name, &draft, metadata.as_ref())?;
        self.write(by, &was, &new, now).await?;
        self.provider(by, name).await
    }

    /// Reads a SAML provider's metadata anew from where it is published: its addresses and certificates.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] if the provider has no such address, or what stands there cannot be used or is
    /// another provider's; [`Error::Conflict`] if someone was faster.
    pub async fn refresh_provider(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Provider> {
        let now = self.now();
        let was = self.provider(by, name).await?;
        let Protocol::Saml(saml) = &was.protocol else {
            return Err(Error::invalid("kind", "only SAML providers have metadata"));
        };
        let Some(url) = &saml.metadata_url else {
            return Err(Error::invalid(
                "saml.metadataUrl",
                "is not set, so there is nowhere to read from: set it, or update the provider with the metadata itself",
            ));
        };
        let published = self.fetch_metadata(by.tenant(), url).await?;
        let metadata = read_metadata("saml.metadataUrl", &published, Some(&saml.entity_id), now)?;
        let draft = Draft { protocol: Some(ProtocolDraft::Saml(SamlDraft::default())), ..Draft::default() };
        let new = self.settle(Some(&was), name, &draft, Some(&metadata))?;
        self.write(by, &was, &new, now).await?;
        self.provider(by, name).await
    }

    /// Deletes a provider, what it claims, the identities linked to it and the sign-ins under way. Sessions opened through it go on.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_provider(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Provider> {
        let was = self.provider(by, name).await?;
        let change = Change::within(by, entry(by, self.now(), Action::ProviderDeleted, name))
            .must(sql::DELETE, args![was.id], || Error::NotFound)
            .forgetting(Stale::Providers(by.tenant().clone()));
        self.apply(by, change).await?;
        Ok(was)
    }

    /// Ends every session that was opened through a provider, say before it is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn end_provider_sessions(&self, by: &Grant<right::SettingsManage>, name: &str) -> Result<Provider> {
        let now = self.now();
        let was = self.provider(by, name).await?;
        let change = Change::within(by, entry(by, now, Action::ProviderSessionsEnded, name))
            .taking_away()
            .run(sql::DROP_ATTEMPTS, args![was.id])
            .run(sql::DROP_CODES, args![])
            .run(sql::END_SESSIONS, args![was.id, now])
            // Which ones they are is known to the statement alone.
            .forgetting(Stale::Everything);
        self.apply(by, change).await?;
        Ok(was)
    }

    /// What the draft says by metadata: its text, or what is published where it says.
    async fn announced(
        &self,
        tenant: &TenantId,
        draft: &Draft,
        was: Option<&Provider>,
        now: Timestamp,
    ) -> Result<Option<IdentityProvider>> {
        let Some(ProtocolDraft::Saml(saml)) = &draft.protocol else { return Ok(None) };
        let known = was.and_then(|was| match &was.protocol {
            Protocol::Saml(it) => it.metadata_url.as_deref(),
            Protocol::Oidc(_) | Protocol::Microsoft(_) => None,
        });
        let wanted = saml.entity_id.as_deref();
        match (saml.metadata.as_deref(), saml.metadata_url.as_deref()) {
            (Some(text), _) if !text.is_empty() => {
                read_metadata("saml.metadata", text.as_bytes(), wanted, now).map(Some)
            }
            // An address that was there before is read again when that is asked for.
            (_, Some(url)) if !url.is_empty() && known != Some(url) => {
                let published = self.fetch_metadata(tenant, url).await?;
                read_metadata("saml.metadataUrl", &published, wanted, now).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn fetch_metadata(&self, tenant: &TenantId, url: &str) -> Result<Vec<u8>> {
        let field = "saml.metadataUrl";
        let mut check = self.checking();
        check.address(field, url);
        check.end()?;
        let url = Url::parse(url).map_err(|_| Error::invalid(field, "write an address, as https://idp.example.com"))?;
        let line =
            self.federation.outbound.line(&format!("{}metadata", keys(tenant)), url.host_str().map(str::to_owned));
        let told = |refusal: purser_federation::Refusal| Error::invalid(field, refusal.to_string());
        let answer = line.call(&url, Call::default()).await.map_err(told)?;
        if answer.status != 200 {
            return Err(Error::invalid(field, format!("the answer there was {} instead of 200", answer.status)));
        }
        Ok(answer.body)
    }

    /// What a provider shall be, checked.
    fn settle(
        &self,
        was: Option<&Provider>,
        name: &str,
        draft: &Draft,
        metadata: Option<&IdentityProvider>,
    ) -> Result<Settled> {
        let mut check = self.checking();
        if was.is_none() {
            check.kept(name.parse::<TenantId>().map_err(|error| error.about("name")));
        }
        let label = draft.label.as_deref().filter(|label| !label.trim().is_empty());
        let label = label.map_or_else(
            || Some(was.map_or(name, |was| &was.label).to_owned()),
            |label| check.kept(crate::users::person_name("label", label)),
        );
        let rules = compose::rules(&mut check, was.map_or(&Rules::default(), |was| &was.rules), draft);
        let protocol = protocol(&mut check, was, draft, metadata);
        check.end()?;
        let (Some(label), Some(protocol)) = (label, protocol) else {
            return Err(Error::invalid("kind", "say of which kind the provider is, and how it is reached"));
        };
        let enabled = draft.enabled.unwrap_or_else(|| was.is_none_or(|was| was.enabled));
        Ok(Settled {
            label,
            enabled,
            rules,
            protocol,
            credential: draft.protocol.as_ref().and_then(credential).cloned(),
        })
    }

    /// Writes what has changed, and nothing if nothing has.
    async fn write(
        &self,
        by: &Grant<right::SettingsManage>,
        was: &Provider,
        new: &Settled,
        now: Timestamp,
    ) -> Result<()> {
        let changed = new.changed(was)?;
        if changed.is_empty() && was.enabled == new.enabled {
            return Ok(());
        }
        let sealed = match &new.credential {
            Some(credential) => self.sealed(by.tenant(), was.id, credential),
            None => was.sealed.clone(),
        };
        let row = args![was.id, was.version, &new.label, new.status(), new.stored()?, sealed, now];
        let mut entries = Vec::new();
        if !changed.is_empty() {
            entries.push(entry(by, now, Action::ProviderUpdated, &was.name).because(changed.join(", ")));
        }
        if was.enabled != new.enabled {
            let action = if new.enabled { Action::ProviderEnabled } else { Action::ProviderDisabled };
            entries.push(entry(by, now, action, &was.name));
        }
        let change = entries.into_iter().fold(Change::unlogged_within(by), Change::also_logging);
        let mut change = change.must(sql::UPDATE, row, || Error::Conflict);
        if new.protocol != was.protocol || new.credential.is_some() || !new.enabled {
            // What was begun under other settings must not end under these.
            change = change.run(sql::DROP_ATTEMPTS, args![was.id]);
        }
        if claims::of(by.tenant(), &new.protocol) != claims::of(by.tenant(), &was.protocol) {
            change = claiming(change.run(sql::UNCLAIM, args![was.id]), by.tenant(), was.id, &new.protocol);
        }
        // To shut a provider that has gone bad is to take away.
        let shuts = changed.is_empty() && !new.enabled;
        let change = if shuts { change.taking_away() } else { change };
        self.apply(by, change.forgetting(Stale::Providers(by.tenant().clone()))).await?;
        Ok(())
    }

    fn checking(&self) -> Check {
        Check::new(self.settings.loopback_providers())
    }

    fn sealed(&self, tenant: &TenantId, id: ProviderId, credential: &Credential) -> Option<Vec<u8>> {
        let plain = match credential {
            Credential::None => return None,
            Credential::Secret(secret) => secret,
            Credential::PrivateKey { pem, .. } => pem,
        };
        Some(self.vault.seal(&seal_context(tenant, id), plain.reveal().as_bytes(), &*self.entropy))
    }

    /// Gives a tenant its own key as a service provider along with its first SAML provider.
    async fn with_service_key(
        &self,
        change: Change,
        by: &Grant<right::SettingsManage>,
        kind: Kind,
        now: Timestamp,
    ) -> Result<Change> {
        if kind != Kind::Saml || self.service_key_row(by).await?.is_some() {
            return Ok(change);
        }
        let (name, moment) = (format!("purser {}", by.tenant()), now.moment());
        // Finding primes takes a while: not on a thread that others wait for.
        let made = tokio::task::spawn_blocking(move || ServiceKey::generate(&name, moment)).await;
        let key = made.map_err(Error::internal)?.map_err(|refusal| Error::internal(refusal.to_string()))?;
        let id = self.next_number("service-key").await?;
        let context = service_key_context(by.tenant(), id);
        let sealed = self.vault.seal(&context, key.private_pem.reveal().as_bytes(), &*self.entropy);
        Ok(change.run(sql::ADD_SERVICE_KEY, args![id, sealed, key.certificate_der, now]))
    }
}

/// A provider as it shall be.
struct Settled {
    label: String,
    enabled: bool,
    rules: Rules,
    protocol: Protocol,
    /// A new credential; none: the one there is stays.
    credential: Option<Credential>,
}

impl Settled {
    fn status(&self) -> &'static str {
        if self.enabled { "on" } else { "off" }
    }

    fn stored(&self) -> Result<String> {
        let settings = Settings { rules: self.rules.clone(), protocol: self.protocol.clone() };
        serde_json::to_string(&settings).map_err(Error::internal)
    }

    /// The names of what differs, for the log: never a value.
    fn changed(&self, was: &Provider) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if self.label != was.label {
            names.push("label".to_owned());
        }
        names.extend(differing(&was.rules, &self.rules)?);
        names.extend(differing(&was.protocol, &self.protocol)?);
        match self.credential {
            Some(Credential::Secret(_)) => names.push("clientSecret".to_owned()),
            Some(Credential::PrivateKey { .. }) => names.push("privateKey".to_owned()),
            Some(Credential::None) | None => {}
        }
        Ok(names)
    }
}

/// The names of the members that two values of one type do not share.
fn differing<T: serde::Serialize>(was: &T, is: &T) -> Result<Vec<String>> {
    let members = |it: &T| match serde_json::to_value(it) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(Error::internal("settings are not an object")),
        Err(fault) => Err(Error::internal(fault)),
    };
    let (was, is) = (members(was)?, members(is)?);
    Ok(is.iter().filter(|(name, value)| was.get(*name) != Some(*value)).map(|(name, _)| name.clone()).collect())
}

/// The protocol's settings as they shall be; what is not spoken of stays, and is not judged again.
fn protocol(
    check: &mut Check,
    was: Option<&Provider>,
    draft: &Draft,
    metadata: Option<&IdentityProvider>,
) -> Option<Protocol> {
    let was = was.map(|was| &was.protocol);
    match (&draft.protocol, was) {
        (None, was) => was.cloned(),
        (Some(ProtocolDraft::Oidc(draft)), None) => Some(Protocol::Oidc(compose::oidc(check, None, draft))),
        (Some(ProtocolDraft::Oidc(draft)), Some(Protocol::Oidc(was))) => {
            Some(Protocol::Oidc(compose::oidc(check, Some(was), draft)))
        }
        (Some(ProtocolDraft::Saml(draft)), None) => Some(Protocol::Saml(compose::saml(check, None, draft, metadata))),
        (Some(ProtocolDraft::Saml(draft)), Some(Protocol::Saml(was))) => {
            Some(Protocol::Saml(compose::saml(check, Some(was), draft, metadata)))
        }
        (Some(ProtocolDraft::Microsoft(draft)), None) => {
            Some(Protocol::Microsoft(compose::microsoft(check, None, draft)))
        }
        (Some(ProtocolDraft::Microsoft(draft)), Some(Protocol::Microsoft(was))) => {
            Some(Protocol::Microsoft(compose::microsoft(check, Some(was), draft)))
        }
        (Some(_), Some(_)) => {
            check.refuse("kind", "a provider never changes its kind: make another, and remove this one");
            None
        }
    }
}

fn credential(draft: &ProtocolDraft) -> Option<&Credential> {
    match draft {
        ProtocolDraft::Oidc(it) => it.credential.as_ref(),
        ProtocolDraft::Microsoft(it) => it.credential.as_ref(),
        ProtocolDraft::Saml(_) => None,
    }
}

fn claiming(change: Change, tenant: &TenantId, id: ProviderId, protocol: &Protocol) -> Change {
    let all = claims::of(tenant, protocol);
    all.into_iter().fold(change, |change, claim| change.must(sql::CLAIM, args![id, claim], || Error::Conflict))
}

/// Reads metadata; that of the provider of a name, where one is named and there are several.
fn read_metadata(field: &str, xml: &[u8], entity_id: Option<&str>, now: Timestamp) -> Result<IdentityProvider> {
    let read = match entity_id {
        Some(id) => metadata::read_named(xml, id, now.moment()),
        None => metadata::read(xml, now.moment()),
    };
    read.map_err(|refusal| Error::invalid(field, refusal.to_string()))
}

fn entry<P>(by: &Grant<P>, now: Timestamp, action: Action, name: &str) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::provider(name))
}

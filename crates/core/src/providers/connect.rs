//! Providers as the federation crate wants them: settings joined with what is sealed and with our own addresses.

use std::sync::Arc;

use purser_federation::fetch::{Bounds, Outbound};
use purser_federation::saml::{self, Certificate, IdentityProvider, ServiceKey, ServiceProvider};
use purser_federation::{Secret, microsoft, oidc};

use super::protocol::{Binding, ClientAuth, Endpoint, Mode, Oidc, Protocol, Saml};
use super::{Base, Provider, keys, seal_context, service_key_context, sql};
use crate::access::Scope;
use crate::app::App;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::store::{Row, Stale, args};

/// The way out to identity providers, and what was learnt of them.
pub(crate) struct Federation {
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) oidc: oidc::RelyingParty,
    pub(crate) microsoft: microsoft::Microsoft,
}

impl Federation {
    /// Opens the way out, within the bounds that the settings draw.
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        let bounds = Bounds {
            internal_hosts: settings.federation.internal_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            loopback: settings.loopback_providers(),
            ca_file: settings.federation.ca_file.clone(),
            ..Bounds::default()
        };
        let outbound = Outbound::new(bounds).map_err(|refusal| Error::internal(refusal.to_string()))?;
        let cloud = microsoft::Cloud {
            login_url: settings.microsoft.login_url.clone(),
            sts_url: settings.microsoft.sts_url.clone(),
            graph_url: settings.microsoft.graph_url.clone(),
        };
        Ok(Self {
            oidc: oidc::RelyingParty::new(Arc::clone(&outbound)),
            microsoft: microsoft::Microsoft::new(Arc::clone(&outbound), cloud),
            outbound,
        })
    }

    /// Forgets what was learnt of providers whose settings have changed. Called wherever their settings are forgotten, on every node: what
    /// is kept under settings of before is asked for by nobody again, and would stay for good.
    pub(crate) fn forget(&self, stale: &[Stale]) {
        for one in stale {
            if let Stale::Providers(tenant) = one {
                let keys = keys(tenant);
                self.oidc.forget(&keys);
                self.microsoft.forget(&keys);
                self.outbound.forget(&keys);
            }
        }
    }
}

/// The addresses of ours that a provider has to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Where people start to sign in through this provider; none if it only vouches for tokens of Power Apps.
    pub sign_in: Option<String>,
    /// OpenID and Microsoft: the redirect URI.
    pub redirect_uri: Option<String>,
    /// SAML: the assertion consumer service, also called single sign-on URL, recipient or destination.
    pub acs: Option<String>,
    /// SAML: the assertion consumer service of old, where that is switched on.
    pub acs_alias: Option<String>,
    /// SAML: our entity id, also called audience.
    pub entity_id: Option<String>,
    /// SAML: where our metadata is read.
    pub metadata: Option<String>,
    /// SAML: the single logout service.
    pub slo: Option<String>,
}

impl App {
    /// Where this deployment is reached, as far as the settings tell: the public address, or that of a listener on loopback.
    pub fn base(&self) -> Option<Base> {
        let server = &self.settings.server;
        match &server.public_url {
            Some(url) => Base::parse(url).ok(),
            None if server.listen.ip().is_loopback() && server.listen.port() != 0 => {
                let scheme = if server.tls_certificate.is_some() { "https" } else { "http" };
                Base::parse(&format!("{scheme}://{}", server.listen)).ok()
            }
            None => None,
        }
    }

    /// Where this deployment is reached.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the settings do not tell.
    pub fn demand_base(&self) -> Result<Base> {
        let unknown =
            || Error::invalid("server.public_url", "is not set: nobody can be told where this server is reached");
        self.base().ok_or_else(unknown)
    }

    /// What to tell the other side about us.
    pub fn provider_addresses(&self, provider: &Provider, base: &Base) -> Addresses {
        let (tenant, name) = (&provider.tenant, &provider.name);
        let at = |place: &str| format!("{}/api/client/auth/{place}?client={tenant}&provider={name}", base.as_str());
        match &provider.protocol {
            Protocol::Oidc(_) => {
                let redirect_uri = Some(base.oidc_callback());
                Addresses { sign_in: Some(at("oidc")), redirect_uri, ..Addresses::default() }
            }
            Protocol::Microsoft(it) if it.dataverse_url.is_none() => Addresses::default(),
            Protocol::Microsoft(_) => {
                let redirect_uri = Some(base.dynamics_callback());
                Addresses { sign_in: Some(at("ms-dynamics")), redirect_uri, ..Addresses::default() }
            }
            Protocol::Saml(saml) => Addresses {
                sign_in: Some(at("okta-saml")),
                redirect_uri: None,
                acs: Some(base.acs()),
                acs_alias: saml.okta_alias.then(|| base.with_tenant(tenant).acs_alias()),
                entity_id: Some(own_entity_id(saml, base)),
                metadata: Some(at("okta-saml/metadata")),
                slo: Some(base.slo()),
            },
        }
    }

    /// An OpenID provider, ready to be asked.
    ///
    /// # Errors
    /// [`Error::UnknownProvider`] if it is of another kind; [`Error::Internal`] if its secret does not open.
    pub(crate) fn oidc_of(&self, provider: &Provider, base: &Base) -> Result<oidc::Provider> {
        let Protocol::Oidc(settings) = &provider.protocol else { return Err(Error::UnknownProvider) };
        let Oidc { issuer, client_id, client_auth, scopes, claims, hosts } = settings.clone();
        Ok(oidc::Provider {
            key: provider.key(),
            issuer,
            client_id,
            auth: self.client_auth(provider, &client_auth)?,
            scopes,
            claims: oidc::Claims {
                email: claims.email,
                first_name: claims.first_name,
                last_name: claims.last_name,
                groups: claims.groups,
            },
            hosts,
            redirect_uri: base.oidc_callback(),
        })
    }

    /// A SAML provider and ourselves as it knows us.
    ///
    /// # Errors
    /// As [`App::oidc_of`].
    pub(crate) async fn saml_of(
        &self,
        provider: &Provider,
        base: &Base,
    ) -> Result<(ServiceProvider, IdentityProvider)> {
        let Protocol::Saml(settings) = &provider.protocol else { return Err(Error::UnknownProvider) };
        let sp = ServiceProvider {
            entity_id: own_entity_id(settings, base),
            acs: base.acs(),
            slo: Some(base.slo()),
            key: self.service_key(provider).await?,
        };
        Ok((sp, identity_provider(settings)?))
    }

    /// A Microsoft directory, ready to be asked.
    ///
    /// # Errors
    /// As [`App::oidc_of`].
    pub(crate) fn directory_of(&self, provider: &Provider, base: &Base) -> Result<microsoft::Directory> {
        let Protocol::Microsoft(settings) = &provider.protocol else { return Err(Error::UnknownProvider) };
        let settings = settings.clone();
        let dataverse = settings.dataverse_url.zip(settings.organization_id);
        Ok(microsoft::Directory {
            key: provider.key(),
            tid: settings.directory,
            app_id: settings.app_id,
            auth: self.client_auth(provider, &settings.client_auth)?,
            dataverse: dataverse.map(|(url, organization_id)| microsoft::Dataverse { url, organization_id }),
            allowed_apps: settings.allowed_apps,
            mode: match (settings.mode, settings.audience) {
                (Mode::Api, Some(audience)) => microsoft::Mode::Api { audience },
                (Mode::Api | Mode::Graph, _) => microsoft::Mode::Graph,
            },
            guests: settings.guests,
            redirect_uri: base.dynamics_callback(),
        })
    }

    /// The tenant's key as a service provider, if it has one.
    pub(super) async fn service_key_row(&self, scope: &impl Scope) -> Result<Option<Row>> {
        self.store.one(scope, sql::SERVICE_KEY, args![]).await
    }

    async fn service_key(&self, provider: &Provider) -> Result<Option<ServiceKey>> {
        let Some(tenant) = self.living_tenant(&provider.tenant).await? else { return Ok(None) };
        let Some(row) = self.service_key_row(&*tenant).await? else { return Ok(None) };
        let plain = self.vault.open_sealed(&service_key_context(&tenant.id, row.int(0)?), row.bytes(1)?)?;
        let private_pem = Secret::new(std::str::from_utf8(&plain).map_err(Error::internal)?);
        Ok(Some(ServiceKey { private_pem, certificate_der: row.bytes(2)?.into() }))
    }

    fn client_auth(&self, provider: &Provider, auth: &ClientAuth) -> Result<oidc::ClientAuth> {
        Ok(match auth {
            ClientAuth::None => oidc::ClientAuth::None,
            ClientAuth::Secret => oidc::ClientAuth::Secret(self.opened(provider)?),
            ClientAuth::PrivateKey { key_id } => {
                oidc::ClientAuth::PrivateKey { pem: self.opened(provider)?, kid: key_id.clone() }
            }
        })
    }

    /// A provider's secret, opened.
    fn opened(&self, provider: &Provider) -> Result<Secret> {
        let sealed = provider.sealed.as_deref().ok_or_else(|| Error::internal("a provider's secret is not there"))?;
        let plain = self.vault.open_sealed(&seal_context(&provider.tenant, provider.id), sealed)?;
        Ok(Secret::new(std::str::from_utf8(&plain).map_err(Error::internal)?))
    }
}

/// What we call ourselves: the address of our assertion consumer service, unless the tenant says otherwise.
fn own_entity_id(saml: &Saml, base: &Base) -> String {
    saml.sp_entity_id.clone().unwrap_or_else(|| base.acs())
}

fn identity_provider(settings: &Saml) -> Result<IdentityProvider> {
    let unread = |refusal: purser_federation::Refusal| Error::internal(refusal.to_string());
    let certificates = settings.certificates.iter().map(|text| Certificate::read_text(text).map_err(unread));
    Ok(IdentityProvider {
        entity_id: settings.entity_id.clone(),
        sso: settings.sso.iter().map(endpoint).collect(),
        slo: settings.slo.iter().map(endpoint).collect(),
        certificates: certificates.collect::<Result<_>>()?,
        sign_requests: settings.sign_requests,
        accept: if settings.accept_assertion_only { saml::Accept::AssertionOnly } else { saml::Accept::Both },
        email_attribute: settings.email_attribute.clone(),
        first_name_attribute: settings.first_name_attribute.clone(),
        last_name_attribute: settings.last_name_attribute.clone(),
        groups_attribute: settings.groups_attribute.clone(),
    })
}

fn endpoint(it: &Endpoint) -> saml::Endpoint {
    let binding = match it.binding {
        Binding::Redirect => saml::Binding::Redirect,
        Binding::Post => saml::Binding::Post,
    };
    saml::Endpoint { binding, location: it.location.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_of_a_tenants_providers_goes_when_their_settings_change_and_nobody_elses() {
        let federation = Federation::open(&Settings::default()).unwrap();
        for key in ["acme/1.1", "acme/1.2", "acme/1.2 graph", "acme/metadata", "acme-two/3.1"] {
            drop(federation.outbound.line(key, []));
        }
        federation.forget(&[Stale::Keys, Stale::Providers("acme".parse().unwrap())]);
        assert_eq!(federation.outbound.remembered(), 1);
    }
}

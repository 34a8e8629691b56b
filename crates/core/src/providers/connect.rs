//! Providers as the federation crate wants them: settings joined with what is sealed and with our own addresses.

use std::sync::Arc;

use purser_federation::fetch::{Bounds, Outbound};
use purser_federation::oidc;

use super::{Base, ClientAuth, Oidc, Protocol, Provider, seal_context};
use crate::app::App;
use crate::config::Settings;
use crate::error::{Error, Result};

/// The way out to identity providers, and what was learnt of them.
pub(crate) struct Federation {
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) oidc: oidc::RelyingParty,
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
        Ok(Self { oidc: oidc::RelyingParty::new(Arc::clone(&outbound)), outbound })
    }

    /// Forgets what was learnt of a provider, because its settings have changed.
    pub(crate) fn forget(&self, provider: &Provider) {
        self.oidc.forget(&provider.key());
    }
}

impl App {
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
    fn opened(&self, provider: &Provider) -> Result<purser_federation::Secret> {
        let sealed = provider.sealed.as_deref().ok_or_else(|| Error::internal("a provider's secret is not there"))?;
        let plain = self.vault.open_sealed(&seal_context(&provider.tenant, provider.id), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(Error::internal)?;
        Ok(purser_federation::Secret::new(text))
    }
}

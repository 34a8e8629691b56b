//! [`Base`], where this deployment is reached from outside, and the addresses that providers are told.

use url::Url;

use crate::error::{Error, Result};
use crate::ids::TenantId;

/// Where this deployment is reached from outside: scheme, host and port, nothing after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Reads an origin, as `https://id.example.com`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything more or less than a scheme (http or https), a host and perhaps a port.
    pub fn parse(origin: &str) -> Result<Self> {
        let refused = || Error::invalid("server.public_url", "use a scheme and a host, like https://purser.example");
        let url = Url::parse(origin).map_err(|_| refused())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let nameless = url.username().is_empty() && url.password().is_none();
        if !(bare && nameless && matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(refused());
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The origin itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is https.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The same under a tenant's sub-domain: the tenant is the label before the host.
    #[must_use]
    pub fn with_tenant(&self, tenant: &TenantId) -> Self {
        match self.0.split_once("://") {
            Some((scheme, host)) => Self(format!("{scheme}://{tenant}.{host}")),
            None => self.clone(),
        }
    }

    /// Where OpenID providers send people back to.
    pub fn oidc_callback(&self) -> String {
        format!("{}/api/client/auth/oidc/callback", self.0)
    }

    /// Where SAML responses are posted: the assertion consumer service.
    pub fn acs(&self) -> String {
        format!("{}/api/client/auth/okta-saml", self.0)
    }

    /// Where SAML responses are posted by providers of old, on a tenant's own host.
    pub fn acs_alias(&self) -> String {
        format!("{}/rest/auth-with-okta-saml", self.0)
    }

    /// Where our SAML metadata is read.
    pub fn metadata(&self) -> String {
        format!("{}/api/client/auth/okta-saml/metadata", self.0)
    }

    /// Where SAML log-out messages go.
    pub fn slo(&self) -> String {
        format!("{}/api/client/auth/okta-saml/logout", self.0)
    }

    /// Where Microsoft sends people back to.
    pub fn dynamics_callback(&self) -> String {
        format!("{}/api/client/auth/ms-dynamics/callback", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_origin_and_a_tenants_is_its_sub_domain() {
        let base = Base::parse("https://Id.Example.com:443/").unwrap();
        assert_eq!(base.as_str(), "https://id.example.com");
        assert_eq!(
            base.with_tenant(&"acme".parse().unwrap()).acs_alias(),
            "https://acme.id.example.com/rest/auth-with-okta-saml"
        );
        let here = Base::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(here.oidc_callback(), "http://127.0.0.1:8080/api/client/auth/oidc/callback");
        assert!(base.is_https() && !here.is_https());
        for text in ["", "id.example.com", "ftp://a", "https://a/b", "https://u@a", "https://a?b", "javascript:1"] {
            assert!(Base::parse(text).is_err(), "{text}");
        }
    }
}

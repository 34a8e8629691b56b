//! [`Protocol`], what a provider speaks and how it is set up: everything but its secret. Kept as JSON.

use std::collections::BTreeMap;

use purser_federation::saml::Certificate;
use serde::{Deserialize, Serialize};

use crate::access::Roles;
use crate::env::Timestamp;

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// A Microsoft Entra directory: Dynamics sign-in, and Power Apps' tokens.
    Microsoft,
}

impl Kind {
    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "OIDC",
            Self::Saml => "SAML",
            Self::Microsoft => "MICROSOFT",
        }
    }
}

/// What a tenant lets a provider decide, whatever it speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rules {
    /// Whether somebody the provider proves, and who has no account, is given one.
    pub create_users: bool,
    /// The roles of an account so made.
    pub default_roles: Roles,
    /// The provider's word for addresses of these domains counts as verified, though its protocol has no way to say so.
    pub trusted_domains: Vec<String>,
    /// The roles that the provider's groups give.
    pub group_roles: BTreeMap<String, Roles>,
}

/// How a provider is set up, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE")]
pub enum Protocol {
    /// OpenID Connect.
    Oidc(Oidc),
    /// SAML 2.0.
    Saml(Saml),
    /// Microsoft Entra.
    Microsoft(Microsoft),
}

impl Protocol {
    /// Which one it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Oidc(_) => Kind::Oidc,
            Self::Saml(_) => Kind::Saml,
            Self::Microsoft(_) => Kind::Microsoft,
        }
    }
}

/// How we prove to a provider that we are its client. The secret itself is sealed apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum ClientAuth {
    /// Not at all: a public client.
    #[default]
    None,
    /// By a client secret.
    Secret,
    /// By assertions signed with a private key (RFC 7523).
    PrivateKey {
        /// The key's id, if the provider wants it named.
        key_id: Option<String>,
    },
}

impl ClientAuth {
    /// Its spelling on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Secret => "SECRET",
            Self::PrivateKey { .. } => "PRIVATE_KEY",
        }
    }

    /// The id of the private key, if there is one and it is named.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::PrivateKey { key_id } => key_id.as_deref(),
            Self::None | Self::Secret => None,
        }
    }
}

/// An OpenID provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Oidc {
    /// Its issuer, exactly as it writes it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// How we prove that we are that client.
    pub client_auth: ClientAuth,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Which claims tell what.
    pub claims: Claims,
    /// Hosts that may be called besides the issuer's own.
    pub hosts: Vec<String>,
}

/// The names of the claims that tell about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Claims {
    /// Their address.
    pub email: String,
    /// Their first name.
    pub first_name: String,
    /// Their last name.
    pub last_name: String,
    /// Their groups.
    pub groups: String,
}

impl Default for Claims {
    fn default() -> Self {
        let usual = purser_federation::oidc::Claims::default();
        Self { email: usual.email, first_name: usual.first_name, last_name: usual.last_name, groups: usual.groups }
    }
}

/// A SAML identity provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, as the wire has it")]
pub struct Saml {
    /// Its entity id.
    pub entity_id: String,
    /// Where people are sent to sign in.
    pub sso: Vec<Endpoint>,
    /// Where people are sent to sign out.
    pub slo: Vec<Endpoint>,
    /// The certificates that may vouch for its messages, PEM.
    pub certificates: Vec<String>,
    /// Whether our requests are signed.
    pub sign_requests: bool,
    /// Whether a signed assertion is enough, in a response that is not signed itself.
    pub accept_assertion_only: bool,
    /// Whether people may start at the provider.
    pub idp_initiated: bool,
    /// The attribute with the address; unset: the usual ones, then the `NameID`.
    pub email_attribute: Option<String>,
    /// The attribute with the first name; unset: the usual ones.
    pub first_name_attribute: Option<String>,
    /// The attribute with the last name; unset: the usual ones.
    pub last_name_attribute: Option<String>,
    /// The attribute with the groups; unset: none is looked at.
    pub groups_attribute: Option<String>,
    /// What we call ourselves there; unset: the address of our assertion consumer service.
    pub sp_entity_id: Option<String>,
    /// Whether the provider also posts to `/rest/auth-with-okta-saml` on the tenant's own host.
    pub okta_alias: bool,
    /// Where its metadata is published, to read it anew from.
    pub metadata_url: Option<String>,
}

impl Saml {
    /// Its certificates, to compare and to see until when they are good.
    pub fn shown_certificates(&self) -> Vec<ShownCertificate> {
        let shown = |pem: &String| {
            let it = Certificate::read_text(pem).ok()?;
            Some(ShownCertificate {
                fingerprint: it.fingerprint,
                not_before: Timestamp(it.not_before.as_microsecond()),
                not_after: Timestamp(it.not_after.as_microsecond()),
                pem: pem.clone(),
            })
        };
        self.certificates.iter().filter_map(shown).collect()
    }
}

/// A certificate as people look at it.
#[derive(Clone, Debug)]
pub struct ShownCertificate {
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// The certificate itself, PEM.
    pub pem: String,
}

/// An address of a SAML provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// How messages get there.
    pub binding: Binding,
    /// The address.
    pub location: String,
}

/// How SAML messages travel through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Binding {
    /// In the address.
    Redirect,
    /// In a form that posts itself.
    Post,
}

/// A Microsoft Entra directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Microsoft {
    /// The directory's id (`tid`).
    pub directory: String,
    /// Our application there.
    pub app_id: String,
    /// How we prove that we are that application.
    pub client_auth: ClientAuth,
    /// The Dataverse environment that `WhoAmI` is asked of, as `https://org.api.crm.dynamics.com`.
    pub dataverse_url: Option<String>,
    /// The organisation it must name.
    pub organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    pub allowed_apps: Vec<String>,
    /// What those tokens were issued for.
    pub mode: Mode,
    /// Our own audience, when they were issued for us.
    pub audience: Option<String>,
    /// Whether guests of the directory are let in.
    pub guests: bool,
}

/// What Entra bearer tokens were issued for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// For Microsoft Graph, which is asked about each.
    #[default]
    Graph,
    /// For this server, as an API of the directory's.
    Api,
}

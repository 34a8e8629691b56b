//! [`Draft`], what somebody wants an identity provider to be, not yet checked.

use std::collections::BTreeMap;

use super::protocol::{Kind, Mode};
use crate::access::Role;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// What somebody wants a provider to be. What is absent stays as it is, or is left at its default; an empty text takes away what may be
/// absent.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What people read on the button; the name, if never said.
    pub label: Option<String>,
    /// Whether people may sign in through it; a new one is on.
    pub enabled: Option<bool>,
    /// Whether somebody it proves, and who has no account, is given one.
    pub create_users: Option<bool>,
    /// The roles of an account so made.
    pub default_roles: Option<Vec<Role>>,
    /// Domains for whose addresses its word counts as verified.
    pub trusted_domains: Option<Vec<String>>,
    /// The roles that its groups give.
    pub group_roles: Option<BTreeMap<String, Vec<Role>>>,
    /// How it is reached and what it speaks. The kind never changes.
    pub protocol: Option<ProtocolDraft>,
}

/// What belongs to one protocol.
#[derive(Clone, Debug)]
pub enum ProtocolDraft {
    /// OpenID Connect.
    Oidc(OidcDraft),
    /// SAML 2.0.
    Saml(SamlDraft),
    /// Microsoft Entra.
    Microsoft(MicrosoftDraft),
}

impl ProtocolDraft {
    /// Which protocol.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Oidc(_) => Kind::Oidc,
            Self::Saml(_) => Kind::Saml,
            Self::Microsoft(_) => Kind::Microsoft,
        }
    }
}

impl ProtocolDraft {
    /// The one protocol that is spoken of.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `kind` if there are several.
    pub fn only(oidc: Option<Self>, saml: Option<Self>, microsoft: Option<Self>) -> Result<Option<Self>> {
        let mut all = [oidc, saml, microsoft].into_iter().flatten();
        match (all.next(), all.next()) {
            (only, None) => Ok(only),
            _ => Err(Error::invalid("kind", "a provider is of one kind: give only one of oidc, saml and microsoft")),
        }
    }
}

/// How we are to prove to the provider that we are its client.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Not at all.
    None,
    /// By a client secret.
    Secret(Secret),
    /// By assertions signed with a private key.
    PrivateKey {
        /// The key, PKCS#8 PEM: RSA or P-256.
        pem: Secret,
        /// Its id, if the provider wants it named.
        key_id: Option<String>,
    },
}

/// A credential as forms give it: fields that stand beside each other and may be absent.
#[derive(Clone, Debug, Default)]
pub struct CredentialForm {
    /// `NONE`, `SECRET` or `PRIVATE_KEY`; if absent, what the other fields say.
    pub client_auth: Option<String>,
    /// A client secret.
    pub client_secret: Option<Secret>,
    /// A private key, PEM.
    pub private_key: Option<Secret>,
    /// The private key's id.
    pub key_id: Option<String>,
}

impl CredentialForm {
    /// The credential that is meant; nothing if the one there is shall stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fields that contradict one another, named under `section`.
    pub fn read(self, section: &str) -> Result<Option<Credential>> {
        let refused = |field: &str, reason: &str| Err(Error::invalid(format!("{section}.{field}"), reason));
        match (self.client_auth.as_deref(), self.client_secret, self.private_key) {
            (_, Some(_), Some(_)) => refused("privateKey", "give either a client secret or a private key"),
            (None | Some("SECRET"), Some(secret), None) => Ok(Some(Credential::Secret(secret))),
            (None | Some("PRIVATE_KEY"), None, Some(pem)) => {
                Ok(Some(Credential::PrivateKey { pem, key_id: self.key_id }))
            }
            (Some("NONE"), None, None) => Ok(Some(Credential::None)),
            (None, None, None) if self.key_id.is_some() => refused("keyId", "give the private key along with its id"),
            // Says what is so already; whether it is, is seen when it is compared.
            (None | Some("SECRET" | "PRIVATE_KEY"), None, None) => Ok(None),
            (Some("NONE" | "SECRET" | "PRIVATE_KEY"), _, _) => {
                refused("clientAuth", "does not go with the secret or key given")
            }
            (Some(_), _, _) => refused("clientAuth", "use NONE, SECRET or PRIVATE_KEY"),
        }
    }
}

/// What to set of an OpenID provider.
#[derive(Clone, Debug, Default)]
pub struct OidcDraft {
    /// Its issuer, exactly as it writes it.
    pub issuer: Option<String>,
    /// Our name there.
    pub client_id: Option<String>,
    /// How we prove that we are that client.
    pub credential: Option<Credential>,
    /// What is asked for; `openid` must be among it.
    pub scopes: Option<Vec<String>>,
    /// The claim with the address.
    pub email_claim: Option<String>,
    /// The claim with the first name.
    pub first_name_claim: Option<String>,
    /// The claim with the last name.
    pub last_name_claim: Option<String>,
    /// The claim with the groups.
    pub groups_claim: Option<String>,
    /// Hosts that may be called besides the issuer's own.
    pub hosts: Option<Vec<String>>,
}

/// What to set of a SAML provider. What is said beside the metadata overrules it.
#[derive(Clone, Debug, Default)]
pub struct SamlDraft {
    /// The provider's metadata, XML.
    pub metadata: Option<String>,
    /// Where its metadata is published.
    pub metadata_url: Option<String>,
    /// Its entity id.
    pub entity_id: Option<String>,
    /// Where people are sent to sign in, by redirect.
    pub sso_url: Option<String>,
    /// Where people are sent to sign out, by redirect.
    pub slo_url: Option<String>,
    /// The certificates that may vouch for its messages, PEM, each or several in one text.
    pub certificates: Option<Vec<String>>,
    /// Whether our requests are signed.
    pub sign_requests: Option<bool>,
    /// Whether a signed assertion is enough.
    pub accept_assertion_only: Option<bool>,
    /// Whether people may start at the provider.
    pub idp_initiated: Option<bool>,
    /// The attribute with the address.
    pub email_attribute: Option<String>,
    /// The attribute with the first name.
    pub first_name_attribute: Option<String>,
    /// The attribute with the last name.
    pub last_name_attribute: Option<String>,
    /// The attribute with the groups.
    pub groups_attribute: Option<String>,
    /// What we call ourselves there.
    pub sp_entity_id: Option<String>,
    /// Whether the provider also posts to `/rest/auth-with-okta-saml`.
    pub okta_alias: Option<bool>,
}

/// What to set of a Microsoft directory.
#[derive(Clone, Debug, Default)]
pub struct MicrosoftDraft {
    /// The directory's id.
    pub directory: Option<String>,
    /// Our application there.
    pub app_id: Option<String>,
    /// How we prove that we are that application.
    pub credential: Option<Credential>,
    /// The Dataverse environment.
    pub dataverse_url: Option<String>,
    /// The organisation it must name.
    pub organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    pub allowed_apps: Option<Vec<String>>,
    /// What those tokens were issued for.
    pub mode: Option<Mode>,
    /// Our own audience, when they were issued for us.
    pub audience: Option<String>,
    /// Whether guests of the directory are let in.
    pub guests: Option<bool>,
}

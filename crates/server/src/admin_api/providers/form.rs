//! What is sent to set an identity provider up.

use std::collections::BTreeMap;

use purser_core::access::Role;
use purser_core::error::Result;
use purser_core::providers::{CredentialForm, Draft, MicrosoftDraft, Mode, OidcDraft, ProtocolDraft, SamlDraft};
use purser_core::secret::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::ClaimNames;
use crate::extract::object;

/// What to set of a provider. Exactly one of `oidc`, `saml` and `microsoft` says what it is; it never changes. When one is changed, what
/// is absent stays, its secret too, and an empty text takes away what may be absent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderForm {
    /// Its name, when it is set up: 1 to 63 of a-z, 0-9 and inner hyphens. It never changes.
    #[schema(example = "okta")]
    pub(super) name: Option<String>,
    /// What people read on its button; its name, if never said.
    #[schema(example = "Okta")]
    label: Option<String>,
    /// Whether people may sign in through it; a new one is on.
    enabled: Option<bool>,
    /// Whether somebody it proves, and who has no account, is given one.
    create_users: Option<bool>,
    /// The roles of an account so made.
    #[schema(value_type = Option<Vec<String>>, example = json!(["VIEWER"]))]
    default_roles: Option<Vec<Role>>,
    /// Domains for whose addresses its word counts as verified.
    #[schema(example = json!(["example.com"]))]
    trusted_domains: Option<Vec<String>>,
    /// The roles that its groups give; all of them.
    #[schema(value_type = Option<Object>)]
    group_roles: Option<BTreeMap<String, Vec<Role>>>,
    /// For OpenID Connect.
    #[serde(default, deserialize_with = "object")]
    oidc: Option<OidcForm>,
    /// For SAML.
    #[serde(default, deserialize_with = "object")]
    saml: Option<SamlForm>,
    /// For Microsoft Entra.
    #[serde(default, deserialize_with = "object")]
    microsoft: Option<MicrosoftForm>,
}

impl ProviderForm {
    pub(super) fn draft(self) -> Result<Draft> {
        let oidc = self.oidc.map(|it| it.draft().map(ProtocolDraft::Oidc)).transpose()?;
        let saml = self.saml.map(|it| ProtocolDraft::Saml(it.into()));
        let microsoft = self.microsoft.map(|it| it.draft().map(ProtocolDraft::Microsoft)).transpose()?;
        Ok(Draft {
            label: self.label,
            enabled: self.enabled,
            create_users: self.create_users,
            default_roles: self.default_roles,
            trusted_domains: self.trusted_domains,
            group_roles: self.group_roles,
            protocol: ProtocolDraft::only(oidc, saml, microsoft)?,
        })
    }
}

/// What to set of an OpenID provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcForm {
    /// Its issuer, exactly as it writes it.
    #[schema(example = "https://acme.okta.com")]
    issuer: Option<String>,
    /// Our name there.
    #[schema(example = "0oa1b2c3d4")]
    client_id: Option<String>,
    /// How we prove that we are that client: `NONE`, `SECRET` or `PRIVATE_KEY`; if absent, what is given says it.
    #[schema(example = "SECRET")]
    client_auth: Option<String>,
    /// The client secret. Never shown again.
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret>,
    /// A private key instead of the secret, PKCS#8 PEM: RSA or P-256. Never shown again.
    #[schema(value_type = Option<String>)]
    private_key: Option<Secret>,
    /// The private key's id.
    key_id: Option<String>,
    /// What is asked for; `openid` must be among it.
    #[schema(example = json!(["openid", "email", "profile"]))]
    scopes: Option<Vec<String>>,
    /// The names of the claims that tell about a person.
    #[serde(default)]
    claims: ClaimNames,
    /// Hosts that may be called besides the issuer's own.
    hosts: Option<Vec<String>>,
}

impl OidcForm {
    fn draft(self) -> Result<OidcDraft> {
        let credential = CredentialForm {
            client_auth: self.client_auth,
            client_secret: self.client_secret,
            private_key: self.private_key,
            key_id: self.key_id,
        };
        Ok(OidcDraft {
            issuer: self.issuer,
            client_id: self.client_id,
            credential: credential.read("oidc")?,
            scopes: self.scopes,
            email_claim: self.claims.email,
            first_name_claim: self.claims.first_name,
            last_name_claim: self.claims.last_name,
            groups_claim: self.claims.groups,
            hosts: self.hosts,
        })
    }
}

/// What to set of a SAML provider. What is said beside the metadata overrules it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SamlForm {
    /// The provider's metadata, XML.
    metadata: Option<String>,
    /// Where its metadata is published; read at once, and again when that is asked for.
    metadata_url: Option<String>,
    /// Its entity id.
    #[schema(example = "http://www.okta.com/exk1b2c3d4")]
    entity_id: Option<String>,
    /// Where people are sent to sign in, by redirect.
    sso_url: Option<String>,
    /// Where people are sent to sign out, by redirect.
    slo_url: Option<String>,
    /// The certificates that may vouch for its messages, PEM.
    certificates: Option<Vec<String>>,
    /// Whether our requests are signed.
    sign_requests: Option<bool>,
    /// Whether a signed assertion is enough.
    accept_assertion_only: Option<bool>,
    /// Whether people may start at the provider.
    idp_initiated: Option<bool>,
    /// The attribute with the address.
    email_attribute: Option<String>,
    /// The attribute with the first name.
    first_name_attribute: Option<String>,
    /// The attribute with the last name.
    last_name_attribute: Option<String>,
    /// The attribute with the groups.
    groups_attribute: Option<String>,
    /// What we call ourselves there.
    sp_entity_id: Option<String>,
    /// Whether the provider also posts to `/rest/auth-with-okta-saml`.
    okta_alias: Option<bool>,
}

impl From<SamlForm> for SamlDraft {
    fn from(it: SamlForm) -> Self {
        Self {
            metadata: it.metadata,
            metadata_url: it.metadata_url,
            entity_id: it.entity_id,
            sso_url: it.sso_url,
            slo_url: it.slo_url,
            certificates: it.certificates,
            sign_requests: it.sign_requests,
            accept_assertion_only: it.accept_assertion_only,
            idp_initiated: it.idp_initiated,
            email_attribute: it.email_attribute,
            first_name_attribute: it.first_name_attribute,
            last_name_attribute: it.last_name_attribute,
            groups_attribute: it.groups_attribute,
            sp_entity_id: it.sp_entity_id,
            okta_alias: it.okta_alias,
        }
    }
}

/// What to set of a Microsoft Entra directory.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftForm {
    /// The directory's id.
    #[schema(example = "00000000-1111-2222-3333-444444444444")]
    directory: Option<String>,
    /// Our application there.
    #[schema(example = "00000000-1111-2222-3333-444444444444")]
    app_id: Option<String>,
    /// How we prove that we are that application: `NONE`, `SECRET` or `PRIVATE_KEY`; if absent, what is given says it.
    #[schema(example = "SECRET")]
    client_auth: Option<String>,
    /// The client secret. Never shown again.
    #[schema(value_type = Option<String>)]
    client_secret: Option<Secret>,
    /// A private key with its certificate instead of the secret, PKCS#8 PEM. Never shown again.
    #[schema(value_type = Option<String>)]
    private_key: Option<Secret>,
    /// The certificate's thumbprint, if the certificate is not with the key.
    key_id: Option<String>,
    /// The Dataverse environment.
    #[schema(example = "https://acme.api.crm.dynamics.com")]
    dataverse_url: Option<String>,
    /// The organisation it must name.
    organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    allowed_apps: Option<Vec<String>>,
    /// What those tokens were issued for: `GRAPH` or `API`.
    #[schema(value_type = Option<String>, example = "GRAPH")]
    mode: Option<Mode>,
    /// Our own audience, when they were issued for us.
    audience: Option<String>,
    /// Whether guests of the directory are let in.
    guests: Option<bool>,
}

impl MicrosoftForm {
    fn draft(self) -> Result<MicrosoftDraft> {
        let credential = CredentialForm {
            client_auth: self.client_auth,
            client_secret: self.client_secret,
            private_key: self.private_key,
            key_id: self.key_id,
        };
        Ok(MicrosoftDraft {
            directory: self.directory,
            app_id: self.app_id,
            credential: credential.read("microsoft")?,
            dataverse_url: self.dataverse_url,
            organization_id: self.organization_id,
            allowed_apps: self.allowed_apps,
            mode: self.mode,
            audience: self.audience,
            guests: self.guests,
        })
    }
}

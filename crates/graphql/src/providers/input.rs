//! What is sent to set an identity provider up.

use std::collections::BTreeMap;

use async_graphql::InputObject;
use purser_core::access;
use purser_core::error::Result;
use purser_core::providers::{CredentialForm, Draft, MicrosoftDraft, OidcDraft, ProtocolDraft, SamlDraft};
use purser_core::secret::Secret;

use super::TokenMode;
use crate::users::Role;

/// An identity provider, by name.
#[derive(InputObject)]
pub(crate) struct NamedProviderInput {
    /// Which provider.
    pub(super) name: String,
}

/// An identity provider, and what to set of it. Exactly one of `oidc`, `saml` and `microsoft` says what it is; it never changes.
#[derive(InputObject)]
pub(crate) struct IdentityProviderInput {
    /// Its name: 1 to 63 of a-z, 0-9 and inner hyphens.
    pub(super) name: String,
    /// What people read on its button; its name, if never said.
    label: Option<String>,
    /// Whether people may sign in through it; a new one is on.
    enabled: Option<bool>,
    /// Whether somebody it proves, and who has no account, is given one.
    create_users: Option<bool>,
    /// The roles of an account so made.
    default_roles: Option<Vec<Role>>,
    /// Domains for whose addresses its word counts as verified.
    trusted_domains: Option<Vec<String>>,
    /// The roles that its groups give; all of them.
    group_roles: Option<Vec<GroupRolesInput>>,
    /// For OpenID Connect.
    oidc: Option<OidcInput>,
    /// For SAML.
    saml: Option<SamlInput>,
    /// For Microsoft Entra.
    microsoft: Option<MicrosoftInput>,
}

impl IdentityProviderInput {
    pub(super) fn draft(self) -> Result<Draft> {
        let core = |all: Vec<Role>| all.into_iter().map(access::Role::from).collect::<Vec<_>>();
        let oidc = self.oidc.map(|it| it.draft().map(ProtocolDraft::Oidc)).transpose()?;
        let saml = self.saml.map(|it| ProtocolDraft::Saml(it.into()));
        let microsoft = self.microsoft.map(|it| it.draft().map(ProtocolDraft::Microsoft)).transpose()?;
        Ok(Draft {
            label: self.label,
            enabled: self.enabled,
            create_users: self.create_users,
            default_roles: self.default_roles.map(core),
            trusted_domains: self.trusted_domains,
            group_roles: self
                .group_roles
                .map(|all| all.into_iter().map(|it| (it.group, core(it.roles))).collect::<BTreeMap<_, _>>()),
            protocol: ProtocolDraft::only(oidc, saml, microsoft)?,
        })
    }
}

/// A group of the provider's, and the roles it gives.
#[derive(InputObject)]
pub(crate) struct GroupRolesInput {
    /// The group, as the provider names it.
    group: String,
    /// The roles.
    roles: Vec<Role>,
}

/// What to set of an OpenID provider.
#[derive(InputObject)]
pub(crate) struct OidcInput {
    /// Its issuer, exactly as it writes it.
    issuer: Option<String>,
    /// Our name there.
    client_id: Option<String>,
    /// How we prove that we are that client: `NONE`, `SECRET` or `PRIVATE_KEY`; if absent, what is given says it.
    client_auth: Option<String>,
    /// The client secret. Never shown again.
    client_secret: Option<String>,
    /// A private key instead of the secret: PKCS#8 PEM, RSA or P-256. Never shown again.
    private_key: Option<String>,
    /// The private key's id.
    key_id: Option<String>,
    /// What is asked for; `openid` must be among it.
    scopes: Option<Vec<String>>,
    /// The claim with the address.
    email_claim: Option<String>,
    /// The claim with the first name.
    first_name_claim: Option<String>,
    /// The claim with the last name.
    last_name_claim: Option<String>,
    /// The claim with the groups.
    groups_claim: Option<String>,
    /// Hosts that may be called besides the issuer's own.
    hosts: Option<Vec<String>>,
}

impl OidcInput {
    fn draft(self) -> Result<OidcDraft> {
        let form = credential(self.client_auth, self.client_secret, self.private_key, self.key_id);
        Ok(OidcDraft {
            issuer: self.issuer,
            client_id: self.client_id,
            credential: form.read("oidc")?,
            scopes: self.scopes,
            email_claim: self.email_claim,
            first_name_claim: self.first_name_claim,
            last_name_claim: self.last_name_claim,
            groups_claim: self.groups_claim,
            hosts: self.hosts,
        })
    }
}

/// What to set of a SAML provider. What is said beside the metadata overrules it.
#[derive(InputObject)]
pub(crate) struct SamlInput {
    /// The provider's metadata, XML.
    metadata: Option<String>,
    /// Where its metadata is published; read at once, and again when that is asked for.
    metadata_url: Option<String>,
    /// Its entity id.
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

impl From<SamlInput> for SamlDraft {
    fn from(it: SamlInput) -> Self {
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
#[derive(InputObject)]
pub(crate) struct MicrosoftInput {
    /// The directory's id.
    directory: Option<String>,
    /// Our application there.
    app_id: Option<String>,
    /// How we prove that we are that application: `NONE`, `SECRET` or `PRIVATE_KEY`; if absent, what is given says it.
    client_auth: Option<String>,
    /// The client secret. Never shown again.
    client_secret: Option<String>,
    /// A private key with its certificate instead of the secret: PKCS#8 PEM. Never shown again.
    private_key: Option<String>,
    /// The certificate's thumbprint, if the certificate is not with the key.
    key_id: Option<String>,
    /// The Dataverse environment, as `https://org.api.crm.dynamics.com`.
    dataverse_url: Option<String>,
    /// The organisation it must name.
    organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    allowed_apps: Option<Vec<String>>,
    /// What those tokens were issued for.
    mode: Option<TokenMode>,
    /// Our own audience, when they were issued for us.
    audience: Option<String>,
    /// Whether guests of the directory are let in.
    guests: Option<bool>,
}

impl MicrosoftInput {
    fn draft(self) -> Result<MicrosoftDraft> {
        let form = credential(self.client_auth, self.client_secret, self.private_key, self.key_id);
        Ok(MicrosoftDraft {
            directory: self.directory,
            app_id: self.app_id,
            credential: form.read("microsoft")?,
            dataverse_url: self.dataverse_url,
            organization_id: self.organization_id,
            allowed_apps: self.allowed_apps,
            mode: self.mode.map(Into::into),
            audience: self.audience,
            guests: self.guests,
        })
    }
}

fn credential(
    client_auth: Option<String>,
    client_secret: Option<String>,
    private_key: Option<String>,
    key_id: Option<String>,
) -> CredentialForm {
    let (client_secret, private_key) = (client_secret.map(Secret::new), private_key.map(Secret::new));
    CredentialForm { client_auth, client_secret, private_key, key_id }
}

//! Identity providers: seeing them, setting them up, examining them.

mod input;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use purser_core::access;
use purser_core::error::Result;
use purser_core::providers::{self, Protocol, Provider};

use crate::ask::{app, ask};
use crate::moment::DateTime;
use crate::users::Role;
use input::{IdentityProviderInput, NamedProviderInput};

/// Which protocol an identity provider speaks.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "providers::Kind")]
pub(crate) enum ProviderKind {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// Microsoft Entra.
    Microsoft,
}

/// What Entra bearer tokens were issued for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "providers::Mode")]
pub(crate) enum TokenMode {
    /// For Microsoft Graph, which is asked about each.
    Graph,
    /// For this server, as an API of the directory's.
    Api,
}

/// How SAML messages travel.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "providers::Binding")]
pub(crate) enum Binding {
    /// In the address.
    Redirect,
    /// In a form that posts itself.
    Post,
}

/// What came of a check.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "providers::Outcome")]
pub(crate) enum CheckOutcome {
    /// As it should be.
    Passed,
    /// Works, but will not for long, or is not advisable.
    Warned,
    /// Keeps people from signing in.
    Failed,
    /// Could not be looked at, because something before it failed.
    Skipped,
}

/// An identity provider.
pub(crate) struct IdentityProvider(Provider);

/// An identity provider as the organisation has set it up. Its secret is never shown.
#[Object]
impl IdentityProvider {
    /// Unique over the deployment, never used again.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Its name within the organisation, which never changes.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it speaks.
    async fn kind(&self) -> ProviderKind {
        self.0.kind().into()
    }

    /// What people read on its button.
    async fn label(&self) -> &str {
        &self.0.label
    }

    /// Whether people may sign in through it.
    async fn enabled(&self) -> bool {
        self.0.enabled
    }

    /// Whether somebody it proves, and who has no account, is given one.
    async fn create_users(&self) -> bool {
        self.0.rules.create_users
    }

    /// The roles of an account so made.
    async fn default_roles(&self) -> Vec<Role> {
        roles(self.0.rules.default_roles)
    }

    /// Domains for whose addresses its word counts as verified.
    async fn trusted_domains(&self) -> &[String] {
        &self.0.rules.trusted_domains
    }

    /// The roles that its groups give.
    async fn group_roles(&self) -> Vec<GroupRoles> {
        let each = self.0.rules.group_roles.iter();
        each.map(|(group, all)| GroupRoles { group: group.clone(), roles: roles(*all) }).collect()
    }

    /// How it is set up, if it speaks OpenID Connect.
    async fn oidc(&self) -> Option<OidcSettings> {
        match &self.0.protocol {
            Protocol::Oidc(it) => Some(it.into()),
            Protocol::Saml(_) | Protocol::Microsoft(_) => None,
        }
    }

    /// How it is set up, if it speaks SAML.
    async fn saml(&self) -> Option<SamlSettings> {
        match &self.0.protocol {
            Protocol::Saml(it) => Some(it.into()),
            Protocol::Oidc(_) | Protocol::Microsoft(_) => None,
        }
    }

    /// How it is set up, if it is Microsoft Entra.
    async fn microsoft(&self) -> Option<MicrosoftSettings> {
        match &self.0.protocol {
            Protocol::Microsoft(it) => Some(it.into()),
            Protocol::Oidc(_) | Protocol::Saml(_) => None,
        }
    }

    /// What to tell the other side; null where this server does not know its own address.
    async fn addresses(&self, ctx: &Context<'_>) -> Option<ProviderAddresses> {
        let app = app(ctx);
        app.base().map(|base| app.provider_addresses(&self.0, &base).into())
    }

    /// Since when it exists.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}

fn roles(all: access::Roles) -> Vec<Role> {
    all.iter().map(Role::from).collect()
}

/// A group of the provider's, and the roles it gives.
#[derive(SimpleObject)]
pub(crate) struct GroupRoles {
    /// The group, as the provider names it.
    group: String,
    /// The roles.
    roles: Vec<Role>,
}

/// An OpenID provider's settings.
#[derive(SimpleObject)]
pub(crate) struct OidcSettings {
    /// Its issuer.
    issuer: String,
    /// Our name there.
    client_id: String,
    /// How we prove that we are that client: `NONE`, `SECRET` or `PRIVATE_KEY`.
    client_auth: String,
    /// The private key's id.
    key_id: Option<String>,
    /// What is asked for.
    scopes: Vec<String>,
    /// The claim with the address.
    email_claim: String,
    /// The claim with the first name.
    first_name_claim: String,
    /// The claim with the last name.
    last_name_claim: String,
    /// The claim with the groups.
    groups_claim: String,
    /// Hosts that may be called besides the issuer's own.
    hosts: Vec<String>,
}

impl From<&providers::Oidc> for OidcSettings {
    fn from(it: &providers::Oidc) -> Self {
        let it = it.clone();
        Self {
            issuer: it.issuer,
            client_id: it.client_id,
            client_auth: it.client_auth.as_str().into(),
            key_id: it.client_auth.key_id().map(Into::into),
            scopes: it.scopes,
            email_claim: it.claims.email,
            first_name_claim: it.claims.first_name,
            last_name_claim: it.claims.last_name,
            groups_claim: it.claims.groups,
            hosts: it.hosts,
        }
    }
}

/// A SAML provider's settings.
#[derive(SimpleObject)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, as the wire has it")]
pub(crate) struct SamlSettings {
    /// Its entity id.
    entity_id: String,
    /// Where people are sent to sign in.
    sso: Vec<SamlEndpoint>,
    /// Where people are sent to sign out.
    slo: Vec<SamlEndpoint>,
    /// The certificates that may vouch for its messages.
    certificates: Vec<Certificate>,
    /// Whether our requests are signed.
    sign_requests: bool,
    /// Whether a signed assertion is enough, in a response that is not signed itself.
    accept_assertion_only: bool,
    /// Whether people may start at the provider.
    idp_initiated: bool,
    /// The attribute with the address; null: the usual ones.
    email_attribute: Option<String>,
    /// The attribute with the first name; null: the usual ones.
    first_name_attribute: Option<String>,
    /// The attribute with the last name; null: the usual ones.
    last_name_attribute: Option<String>,
    /// The attribute with the groups; null: none is looked at.
    groups_attribute: Option<String>,
    /// What we call ourselves there; null: the address of our assertion consumer service.
    sp_entity_id: Option<String>,
    /// Whether the provider also posts to `/rest/auth-with-okta-saml`.
    okta_alias: bool,
    /// Where its metadata is published.
    metadata_url: Option<String>,
}

impl From<&providers::Saml> for SamlSettings {
    fn from(it: &providers::Saml) -> Self {
        let certificates = it.shown_certificates().into_iter().map(Certificate::from).collect();
        let it = it.clone();
        Self {
            entity_id: it.entity_id,
            sso: it.sso.into_iter().map(SamlEndpoint::from).collect(),
            slo: it.slo.into_iter().map(SamlEndpoint::from).collect(),
            certificates,
            sign_requests: it.sign_requests,
            accept_assertion_only: it.accept_assertion_only,
            idp_initiated: it.idp_initiated,
            email_attribute: it.email_attribute,
            first_name_attribute: it.first_name_attribute,
            last_name_attribute: it.last_name_attribute,
            groups_attribute: it.groups_attribute,
            sp_entity_id: it.sp_entity_id,
            okta_alias: it.okta_alias,
            metadata_url: it.metadata_url,
        }
    }
}

/// An address of a SAML provider.
#[derive(SimpleObject)]
pub(crate) struct SamlEndpoint {
    /// How messages get there.
    binding: Binding,
    /// The address.
    location: String,
}

impl From<providers::Endpoint> for SamlEndpoint {
    fn from(it: providers::Endpoint) -> Self {
        Self { binding: it.binding.into(), location: it.location }
    }
}

/// A certificate.
#[derive(SimpleObject)]
pub(crate) struct Certificate {
    /// SHA-256 of the certificate, in hexadecimal.
    fingerprint: String,
    /// Valid from.
    not_before: DateTime,
    /// Valid until.
    not_after: DateTime,
    /// The certificate itself, PEM.
    pem: String,
}

impl From<providers::ShownCertificate> for Certificate {
    fn from(it: providers::ShownCertificate) -> Self {
        Self {
            fingerprint: it.fingerprint,
            not_before: DateTime(it.not_before),
            not_after: DateTime(it.not_after),
            pem: it.pem,
        }
    }
}

/// A Microsoft Entra directory's settings.
#[derive(SimpleObject)]
pub(crate) struct MicrosoftSettings {
    /// The directory's id.
    directory: String,
    /// Our application there.
    app_id: String,
    /// How we prove that we are that application: `NONE`, `SECRET` or `PRIVATE_KEY`.
    client_auth: String,
    /// The private key's id.
    key_id: Option<String>,
    /// The Dataverse environment.
    dataverse_url: Option<String>,
    /// The organisation it must name.
    organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    allowed_apps: Vec<String>,
    /// What those tokens were issued for.
    mode: TokenMode,
    /// Our own audience, when they were issued for us.
    audience: Option<String>,
    /// Whether guests of the directory are let in.
    guests: bool,
}

impl From<&providers::Microsoft> for MicrosoftSettings {
    fn from(it: &providers::Microsoft) -> Self {
        let it = it.clone();
        Self {
            directory: it.directory,
            app_id: it.app_id,
            client_auth: it.client_auth.as_str().into(),
            key_id: it.client_auth.key_id().map(Into::into),
            dataverse_url: it.dataverse_url,
            organization_id: it.organization_id,
            allowed_apps: it.allowed_apps,
            mode: it.mode.into(),
            audience: it.audience,
            guests: it.guests,
        }
    }
}

/// The addresses of ours that a provider has to be told.
#[derive(SimpleObject)]
pub(crate) struct ProviderAddresses {
    /// Where people start to sign in through this provider; null if it only vouches for tokens of Power Apps.
    sign_in: Option<String>,
    /// OpenID and Microsoft: the redirect URI.
    redirect_uri: Option<String>,
    /// SAML: the assertion consumer service, also called single sign-on URL, recipient or destination.
    acs: Option<String>,
    /// SAML: the assertion consumer service of old, where that is switched on.
    acs_alias: Option<String>,
    /// SAML: our entity id, also called audience.
    entity_id: Option<String>,
    /// SAML: where our metadata is read.
    metadata: Option<String>,
    /// SAML: the single logout service.
    slo: Option<String>,
}

impl From<providers::Addresses> for ProviderAddresses {
    fn from(it: providers::Addresses) -> Self {
        let providers::Addresses { sign_in, redirect_uri, acs, acs_alias, entity_id, metadata, slo } = it;
        Self { sign_in, redirect_uri, acs, acs_alias, entity_id, metadata, slo }
    }
}

/// One step of examining a provider.
#[derive(SimpleObject)]
pub(crate) struct ProviderCheck {
    /// What was looked at.
    name: String,
    /// What came of it.
    outcome: CheckOutcome,
    /// What was found.
    found: String,
    /// What to change, and where; null if nothing.
    advice: Option<String>,
}

impl From<providers::Check> for ProviderCheck {
    fn from(it: providers::Check) -> Self {
        Self {
            name: it.name.into(),
            outcome: it.outcome.into(),
            found: it.found,
            advice: (!it.advice.is_empty()).then_some(it.advice),
        }
    }
}

#[derive(Default)]
pub(crate) struct ProvidersQuery;

#[Object]
impl ProvidersQuery {
    /// The organisation's identity providers, by name; for those who change its settings.
    async fn identity_providers(&self, ctx: &Context<'_>) -> Result<Option<Vec<IdentityProvider>>> {
        let (app, by) = ask(ctx)?;
        Ok(Some(app.providers(&by).await?.into_iter().map(IdentityProvider).collect()))
    }

    /// One identity provider.
    async fn identity_provider(&self, ctx: &Context<'_>, name: String) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        app.provider(&by, &name).await.map(IdentityProvider).map(Some)
    }
}

#[derive(Default)]
pub(crate) struct ProvidersMutation;

#[Object]
impl ProvidersMutation {
    /// Sets an identity provider up.
    async fn create_identity_provider(
        &self,
        ctx: &Context<'_>,
        input: IdentityProviderInput,
    ) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        let name = input.name.clone();
        app.create_provider(&by, &name, input.draft()?).await.map(IdentityProvider).map(Some)
    }

    /// Changes an identity provider. What is absent or null stays, its secret too; an empty text takes away what may be absent.
    async fn update_identity_provider(
        &self,
        ctx: &Context<'_>,
        input: IdentityProviderInput,
    ) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        let name = input.name.clone();
        app.update_provider(&by, &name, input.draft()?).await.map(IdentityProvider).map(Some)
    }

    /// Reads a SAML provider's metadata anew from where it is published.
    async fn refresh_identity_provider(
        &self,
        ctx: &Context<'_>,
        input: NamedProviderInput,
    ) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        app.refresh_provider(&by, &input.name).await.map(IdentityProvider).map(Some)
    }

    /// Deletes an identity provider with the identities linked to it, and gives it as it was. Sessions opened through it go on.
    async fn delete_identity_provider(
        &self,
        ctx: &Context<'_>,
        input: NamedProviderInput,
    ) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        app.delete_provider(&by, &input.name).await.map(IdentityProvider).map(Some)
    }

    /// Ends every session that was opened through an identity provider.
    async fn end_identity_provider_sessions(
        &self,
        ctx: &Context<'_>,
        input: NamedProviderInput,
    ) -> Result<Option<IdentityProvider>> {
        let (app, by) = ask(ctx)?;
        app.end_provider_sessions(&by, &input.name).await.map(IdentityProvider).map(Some)
    }

    /// Examines an identity provider step by step, and says what to change.
    async fn test_identity_provider(
        &self,
        ctx: &Context<'_>,
        input: NamedProviderInput,
    ) -> Result<Option<Vec<ProviderCheck>>> {
        let (app, by) = ask(ctx)?;
        let base = app.demand_base()?;
        let checks = app.examine_provider(&by, &input.name, &base).await?;
        Ok(Some(checks.into_iter().map(ProviderCheck::from).collect()))
    }
}

//! An identity provider as it is shown: everything but its secret.

use std::collections::BTreeMap;

use purser_core::access::{Role, Roles};
use purser_core::providers::{
    self, Base, Check, Claims, ClientAuth, Microsoft, Mode, Oidc, Outcome, Protocol, Provider, Saml,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::site::Site;

/// An identity provider, whole but for its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    /// Its number, never used again.
    #[schema(example = 7)]
    id: i64,
    /// Its name within the client, which never changes.
    #[schema(example = "okta")]
    name: String,
    /// `OIDC`, `SAML` or `MICROSOFT`.
    #[schema(example = "OIDC")]
    kind: &'static str,
    /// What people read on its button.
    #[schema(example = "Okta")]
    label: String,
    /// Whether people may sign in through it.
    enabled: bool,
    /// Whether somebody it proves, and who has no account, is given one.
    create_users: bool,
    /// The roles of an account so made.
    #[schema(example = json!(["VIEWER"]))]
    default_roles: Vec<&'static str>,
    /// Domains for whose addresses its word counts as verified.
    #[schema(example = json!(["example.com"]))]
    trusted_domains: Vec<String>,
    /// The roles that its groups give.
    #[schema(value_type = Object)]
    group_roles: BTreeMap<String, Vec<&'static str>>,
    /// How it is set up, if it speaks OpenID Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcView>,
    /// How it is set up, if it speaks SAML.
    #[serde(skip_serializing_if = "Option::is_none")]
    saml: Option<SamlView>,
    /// How it is set up, if it is Microsoft Entra.
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft: Option<MicrosoftView>,
    /// What to tell the other side; absent where the server does not know its own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Addresses>,
    /// Since when it exists.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

impl ProviderView {
    pub(super) fn of(site: &Site, provider: Provider) -> Self {
        let addresses = site.app.base().map(|base| Addresses::of(site, &provider, &base));
        let (mut oidc, mut saml, mut microsoft) = (None, None, None);
        let kind = provider.kind().as_str();
        match provider.protocol {
            Protocol::Oidc(it) => oidc = Some(it.into()),
            Protocol::Saml(it) => saml = Some(it.into()),
            Protocol::Microsoft(it) => microsoft = Some(it.into()),
        }
        Self {
            id: provider.id.0,
            name: provider.name,
            kind,
            label: provider.label,
            enabled: provider.enabled,
            create_users: provider.rules.create_users,
            default_roles: words(provider.rules.default_roles),
            trusted_domains: provider.rules.trusted_domains,
            group_roles: provider.rules.group_roles.into_iter().map(|(group, all)| (group, words(all))).collect(),
            oidc,
            saml,
            microsoft,
            addresses,
            created_at: provider.created_at.to_string(),
            updated_at: provider.updated_at.to_string(),
        }
    }
}

fn words(roles: Roles) -> Vec<&'static str> {
    roles.iter().map(Role::as_str).collect()
}

/// An OpenID provider's settings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcView {
    /// Its issuer.
    issuer: String,
    /// Our name there.
    client_id: String,
    /// How we prove that we are that client: `NONE`, `SECRET` or `PRIVATE_KEY`.
    client_auth: &'static str,
    /// The private key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    /// What is asked for.
    scopes: Vec<String>,
    /// The names of the claims that tell about a person.
    claims: ClaimNames,
    /// Hosts that may be called besides the issuer's own.
    hosts: Vec<String>,
}

impl From<Oidc> for OidcView {
    fn from(it: Oidc) -> Self {
        let Claims { email, first_name, last_name, groups } = it.claims;
        Self {
            issuer: it.issuer,
            client_id: it.client_id,
            client_auth: it.client_auth.as_str(),
            key_id: key_id(&it.client_auth),
            scopes: it.scopes,
            claims: ClaimNames {
                email: Some(email),
                first_name: Some(first_name),
                last_name: Some(last_name),
                groups: Some(groups),
            },
            hosts: it.hosts,
        }
    }
}

fn key_id(auth: &ClientAuth) -> Option<String> {
    auth.key_id().map(Into::into)
}

/// The names of the claims that tell about a person.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClaimNames {
    /// The claim with the address.
    #[schema(example = "email")]
    pub(super) email: Option<String>,
    /// The claim with the first name.
    #[schema(example = "given_name")]
    pub(super) first_name: Option<String>,
    /// The claim with the last name.
    #[schema(example = "family_name")]
    pub(super) last_name: Option<String>,
    /// The claim with the groups.
    #[schema(example = "groups")]
    pub(super) groups: Option<String>,
}

/// A SAML provider's settings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, as the wire has it")]
pub struct SamlView {
    /// Its entity id.
    entity_id: String,
    /// Where people are sent to sign in.
    sso: Vec<EndpointView>,
    /// Where people are sent to sign out.
    slo: Vec<EndpointView>,
    /// The certificates that may vouch for its messages.
    certificates: Vec<CertificateView>,
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

impl From<Saml> for SamlView {
    fn from(it: Saml) -> Self {
        let certificates = it.shown_certificates().into_iter().map(CertificateView::from).collect();
        Self {
            entity_id: it.entity_id,
            sso: it.sso.into_iter().map(EndpointView::from).collect(),
            slo: it.slo.into_iter().map(EndpointView::from).collect(),
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
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointView {
    /// `REDIRECT` or `POST`.
    #[schema(value_type = String, example = "REDIRECT")]
    binding: providers::Binding,
    /// The address.
    location: String,
}

impl From<providers::Endpoint> for EndpointView {
    fn from(it: providers::Endpoint) -> Self {
        Self { binding: it.binding, location: it.location }
    }
}

/// A certificate.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256 of the certificate, in hexadecimal.
    fingerprint: String,
    /// Valid from.
    not_before: String,
    /// Valid until.
    not_after: String,
    /// The certificate itself, PEM.
    pem: String,
}

impl From<providers::ShownCertificate> for CertificateView {
    fn from(it: providers::ShownCertificate) -> Self {
        Self {
            fingerprint: it.fingerprint,
            not_before: it.not_before.to_string(),
            not_after: it.not_after.to_string(),
            pem: it.pem,
        }
    }
}

/// A Microsoft Entra directory's settings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MicrosoftView {
    /// The directory's id.
    directory: String,
    /// Our application there.
    app_id: String,
    /// How we prove that we are that application: `NONE`, `SECRET` or `PRIVATE_KEY`.
    client_auth: &'static str,
    /// The private key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    /// The Dataverse environment.
    dataverse_url: Option<String>,
    /// The organisation it must name.
    organization_id: Option<String>,
    /// Applications whose tokens are taken as bearer tokens.
    allowed_apps: Vec<String>,
    /// What those tokens were issued for: `GRAPH` or `API`.
    #[schema(value_type = String, example = "GRAPH")]
    mode: Mode,
    /// Our own audience, when they were issued for us.
    audience: Option<String>,
    /// Whether guests of the directory are let in.
    guests: bool,
}

impl From<Microsoft> for MicrosoftView {
    fn from(it: Microsoft) -> Self {
        Self {
            client_auth: it.client_auth.as_str(),
            key_id: key_id(&it.client_auth),
            directory: it.directory,
            app_id: it.app_id,
            dataverse_url: it.dataverse_url,
            organization_id: it.organization_id,
            allowed_apps: it.allowed_apps,
            mode: it.mode,
            audience: it.audience,
            guests: it.guests,
        }
    }
}

/// The addresses of ours that a provider has to be told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// Where people start to sign in through this provider; absent if it only vouches for tokens of Power Apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<String>,
    /// OpenID and Microsoft: the redirect URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<String>,
    /// SAML: the assertion consumer service, also called single sign-on URL, recipient or destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    acs: Option<String>,
    /// SAML: the assertion consumer service of old, where that is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_alias: Option<String>,
    /// SAML: our entity id, also called audience.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_id: Option<String>,
    /// SAML: where our metadata is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    /// SAML: the single logout service.
    #[serde(skip_serializing_if = "Option::is_none")]
    slo: Option<String>,
}

impl Addresses {
    fn of(site: &Site, provider: &Provider, base: &Base) -> Self {
        let it = site.app.provider_addresses(provider, base);
        let providers::Addresses { sign_in, redirect_uri, acs, acs_alias, entity_id, metadata, slo } = it;
        Self { sign_in, redirect_uri, acs, acs_alias, entity_id, metadata, slo }
    }
}

/// One step of examining a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckView {
    /// What was looked at.
    #[schema(example = "discovery")]
    name: &'static str,
    /// `PASSED`, `WARNED`, `FAILED`, or `SKIPPED` because something before it failed.
    #[schema(example = "PASSED")]
    outcome: &'static str,
    /// What was found.
    found: String,
    /// What to change, and where; absent if nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
}

impl From<Check> for CheckView {
    fn from(it: Check) -> Self {
        let outcome = match it.outcome {
            Outcome::Passed => "PASSED",
            Outcome::Warned => "WARNED",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "SKIPPED",
        };
        Self { name: it.name, outcome, found: it.found, advice: it.advice }
    }
}

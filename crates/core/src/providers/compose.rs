//! From a draft to settings: what was, with what is wanted, checked.

use std::collections::BTreeMap;

use purser_federation::saml::{self, IdentityProvider};

use super::check::{Check, Company, pem};
use super::draft::{Credential, Draft, MicrosoftDraft, OidcDraft, SamlDraft};
use super::protocol::{Binding, ClientAuth, Endpoint, Microsoft, Mode, Oidc, Rules, Saml};
use crate::access::Roles;

/// Groups that may be mapped.
const GROUPS: usize = 500;
/// The directory of private Microsoft accounts, which anybody may open.
const CONSUMERS: &str = purser_federation::microsoft::CONSUMERS;
/// Graph's own application, and its address as an audience: tokens for it are for nobody in particular.
const GRAPH: [&str; 3] =
    ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "https://graph.microsoft.com/"];

/// The rules as they shall be.
pub(super) fn rules(check: &mut Check, was: &Rules, draft: &Draft) -> Rules {
    let mut rules = was.clone();
    rules.create_users = draft.create_users.unwrap_or(rules.create_users);
    if let Some(roles) = &draft.default_roles {
        rules.default_roles = roles.iter().copied().collect();
    }
    if let Some(domains) = &draft.trusted_domains {
        rules.trusted_domains = check.domains("trustedDomains", domains);
    }
    if let Some(groups) = &draft.group_roles {
        check.bounded("groupRoles", groups.len(), GROUPS);
        for group in groups.keys() {
            check.name("groupRoles", group);
        }
        let each = groups.iter().map(|(group, roles)| (group.clone(), roles.iter().copied().collect::<Roles>()));
        rules.group_roles = each.collect::<BTreeMap<_, _>>();
    }
    rules
}

/// An OpenID provider as it shall be.
pub(super) fn oidc(check: &mut Check, was: Option<&Oidc>, draft: &OidcDraft) -> Oidc {
    let mut it = was.cloned().unwrap_or_else(|| Oidc {
        scopes: ["openid", "email", "profile"].map(str::to_owned).into(),
        ..Oidc::default()
    });
    set(&mut it.issuer, draft.issuer.as_ref());
    set(&mut it.client_id, draft.client_id.as_ref());
    set(&mut it.scopes, draft.scopes.as_ref());
    set(&mut it.claims.email, draft.email_claim.as_ref());
    set(&mut it.claims.first_name, draft.first_name_claim.as_ref());
    set(&mut it.claims.last_name, draft.last_name_claim.as_ref());
    set(&mut it.claims.groups, draft.groups_claim.as_ref());
    check.issuer("oidc.issuer", &it.issuer);
    check.name("oidc.clientId", &it.client_id);
    check.scopes("oidc.scopes", &it.scopes);
    for (field, claim) in [
        ("oidc.claims.email", &it.claims.email),
        ("oidc.claims.firstName", &it.claims.first_name),
        ("oidc.claims.lastName", &it.claims.last_name),
        ("oidc.claims.groups", &it.claims.groups),
    ] {
        check.name(field, claim);
    }
    if let Some(hosts) = &draft.hosts {
        it.hosts = check.hosts("oidc.hosts", hosts);
    }
    let place = place(was.map(|was| (&was.issuer, &was.client_id)), (&it.issuer, &it.client_id));
    it.client_auth = client_auth(check, "oidc", &it.client_auth, draft.credential.as_ref(), place);
    it
}

/// A SAML provider as it shall be: what was, overruled by metadata, overruled by what is said beside it.
pub(super) fn saml(
    check: &mut Check,
    was: Option<&Saml>,
    draft: &SamlDraft,
    metadata: Option<&IdentityProvider>,
) -> Saml {
    let mut it = was.cloned().unwrap_or_default();
    if let Some(metadata) = metadata {
        announce(&mut it, metadata);
    }
    set(&mut it.entity_id, draft.entity_id.as_ref());
    if let Some(url) = &draft.sso_url {
        it.sso = redirect(url);
    }
    if let Some(url) = &draft.slo_url {
        it.slo = redirect(url);
    }
    if let Some(texts) = &draft.certificates {
        it.certificates = check.certificates("saml.certificates", texts);
    }
    set(&mut it.sign_requests, draft.sign_requests.as_ref());
    set(&mut it.accept_assertion_only, draft.accept_assertion_only.as_ref());
    set(&mut it.idp_initiated, draft.idp_initiated.as_ref());
    set(&mut it.okta_alias, draft.okta_alias.as_ref());
    for (field, value, given) in [
        ("saml.emailAttribute", &mut it.email_attribute, &draft.email_attribute),
        ("saml.firstNameAttribute", &mut it.first_name_attribute, &draft.first_name_attribute),
        ("saml.lastNameAttribute", &mut it.last_name_attribute, &draft.last_name_attribute),
        ("saml.groupsAttribute", &mut it.groups_attribute, &draft.groups_attribute),
    ] {
        maybe(value, given.as_ref());
        if let Some(name) = value {
            check.name(field, name);
        }
    }
    maybe(&mut it.sp_entity_id, draft.sp_entity_id.as_ref());
    maybe(&mut it.metadata_url, draft.metadata_url.as_ref());
    check_saml(check, &it, draft);
    it
}

fn check_saml(check: &mut Check, it: &Saml, draft: &SamlDraft) {
    check.identifier("saml.entityId", &it.entity_id);
    if let Some(id) = &it.sp_entity_id {
        check.identifier("saml.spEntityId", id);
    }
    if let Some(url) = &it.metadata_url {
        check.address("saml.metadataUrl", url);
    }
    for (field, endpoints) in [("saml.ssoUrl", &it.sso), ("saml.sloUrl", &it.slo)] {
        check.bounded(field, endpoints.len(), 10);
        for endpoint in endpoints {
            check.address(field, &endpoint.location);
        }
    }
    if it.sso.is_empty() {
        check.refuse("saml.ssoUrl", "say where people are sent to sign in, here or by metadata");
    }
    // Those that were given and could not be read are spoken of already.
    if it.certificates.is_empty() && draft.certificates.as_ref().is_none_or(Vec::is_empty) {
        check.refuse("saml.certificates", "give the certificate that the provider signs with, here or by metadata");
    }
}

/// Takes over what metadata announces.
fn announce(it: &mut Saml, metadata: &IdentityProvider) {
    it.entity_id.clone_from(&metadata.entity_id);
    it.sso = metadata.sso.iter().map(endpoint).collect();
    it.slo = metadata.slo.iter().map(endpoint).collect();
    it.certificates = metadata.certificates.iter().map(|it| pem("CERTIFICATE", &it.der)).collect();
    it.sign_requests |= metadata.sign_requests;
}

fn endpoint(it: &saml::Endpoint) -> Endpoint {
    let binding = match it.binding {
        saml::Binding::Redirect => Binding::Redirect,
        saml::Binding::Post => Binding::Post,
    };
    Endpoint { binding, location: it.location.clone() }
}

fn redirect(url: &str) -> Vec<Endpoint> {
    let endpoint = || Endpoint { binding: Binding::Redirect, location: url.to_owned() };
    (!url.is_empty()).then(endpoint).into_iter().collect()
}

/// A Microsoft directory as it shall be.
pub(super) fn microsoft(check: &mut Check, was: Option<&Microsoft>, draft: &MicrosoftDraft) -> Microsoft {
    let mut it = was.cloned().unwrap_or_default();
    set(&mut it.directory, draft.directory.as_ref());
    set(&mut it.app_id, draft.app_id.as_ref());
    set(&mut it.mode, draft.mode.as_ref());
    set(&mut it.guests, draft.guests.as_ref());
    maybe(&mut it.dataverse_url, draft.dataverse_url.as_ref());
    maybe(&mut it.organization_id, draft.organization_id.as_ref());
    maybe(&mut it.audience, draft.audience.as_ref());
    it.directory = check.guid("microsoft.directory", &it.directory);
    it.app_id = check.guid("microsoft.appId", &it.app_id);
    if it.directory == CONSUMERS {
        check.refuse("microsoft.directory", "is that of private accounts, which anybody may open");
    }
    if let Some(apps) = &draft.allowed_apps {
        it.allowed_apps = check.guids("microsoft.allowedApps", apps);
    }
    dataverse(check, &mut it);
    audience(check, &it);
    let place = place(was.map(|was| (&was.directory, &was.app_id)), (&it.directory, &it.app_id));
    it.client_auth = client_auth(check, "microsoft", &it.client_auth, draft.credential.as_ref(), place);
    it
}

fn dataverse(check: &mut Check, it: &mut Microsoft) {
    match (&mut it.dataverse_url, &mut it.organization_id) {
        (Some(url), Some(id)) => {
            check.origin("microsoft.dataverseUrl", url);
            url.truncate(url.trim_end_matches('/').len());
            *id = check.guid("microsoft.organizationId", id);
        }
        (Some(_), None) => check.refuse("microsoft.organizationId", "say which organisation the environment must be"),
        (None, Some(_)) => check.refuse("microsoft.dataverseUrl", "say where the organisation's environment is"),
        (None, None) => {}
    }
}

fn audience(check: &mut Check, it: &Microsoft) {
    match (it.mode, it.audience.as_deref()) {
        (Mode::Api, None) => check.refuse("microsoft.audience", "say for which audience the tokens are issued"),
        (Mode::Api, Some(audience)) if GRAPH.contains(&audience) => {
            check.refuse("microsoft.audience", "is Graph's own: tokens for Graph were issued for nobody in particular");
        }
        (_, Some(audience)) => check.identifier("microsoft.audience", audience),
        (Mode::Graph, None) => {}
    }
}

/// Whether a provider is now another than the one its secret was given for.
#[derive(Clone, Copy)]
enum Place {
    Same,
    Moved,
}

fn place<T: PartialEq + Copy>(was: Option<T>, is: T) -> Place {
    if was.is_none_or(|was| was == is) { Place::Same } else { Place::Moved }
}

/// A secret that is kept goes to nobody but the one it was given for: whoever may change settings need not know it, and must not be
/// able to have it sent elsewhere.
fn client_auth(
    check: &mut Check,
    section: &str,
    was: &ClientAuth,
    wanted: Option<&Credential>,
    place: Place,
) -> ClientAuth {
    match (wanted, was, place) {
        (None, ClientAuth::None, _) | (None, _, Place::Same) => was.clone(),
        (None, ClientAuth::Secret, Place::Moved) => {
            check.refuse(
                format!("{section}.clientSecret"),
                "give it again: the one kept was given for another provider or client",
            );
            was.clone()
        }
        (None, ClientAuth::PrivateKey { .. }, Place::Moved) => {
            check.refuse(
                format!("{section}.privateKey"),
                "give it again: the one kept was given for another provider or client",
            );
            was.clone()
        }
        (Some(Credential::None), ..) => ClientAuth::None,
        (Some(Credential::Secret(secret)), ..) => {
            check.secret(&format!("{section}.clientSecret"), secret.reveal());
            ClientAuth::Secret
        }
        (Some(Credential::PrivateKey { pem, key_id }), ..) => {
            let company = check.private_key(&format!("{section}.privateKey"), pem.reveal());
            let key_id = key_id.clone().filter(|id| !id.is_empty());
            if let Some(id) = &key_id {
                check.name(&format!("{section}.keyId"), id);
            }
            // Microsoft knows keys by the thumbprints of their certificates.
            if section == "microsoft" && company == Company::Alone && key_id.is_none() {
                check.refuse("microsoft.keyId", "give the certificate along with its key, or its thumbprint here");
            }
            ClientAuth::PrivateKey { key_id }
        }
    }
}

fn set<T: Clone>(value: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        value.clone_from(given);
    }
}

/// An empty text takes the value away.
fn maybe(value: &mut Option<String>, given: Option<&String>) {
    if let Some(given) = given {
        *value = (!given.is_empty()).then(|| given.clone());
    }
}

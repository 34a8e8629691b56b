//! What one provider of the whole deployment may call its own: the texts in `provider_claims`, made here and nowhere else.

use super::protocol::Protocol;
use crate::ids::TenantId;

/// An OpenID client.
pub(crate) fn oidc(issuer: &str, client_id: &str) -> String {
    // Issuers hold no blanks, so that the text has one reading.
    format!("oidc {issuer} {client_id}")
}

/// A SAML provider that posts to the address all tenants share.
pub(crate) fn saml(entity_id: &str) -> String {
    format!("saml {entity_id} *")
}

/// A SAML provider that posts to a tenant's own host.
pub(crate) fn saml_alias(entity_id: &str, tenant: &TenantId) -> String {
    format!("saml {entity_id} {tenant}")
}

/// An application of a Microsoft directory.
pub(crate) fn entra(tid: &str, app: &str) -> String {
    format!("entra {tid} {app}")
}

/// Everything a provider calls its own, each text once.
pub(super) fn of(tenant: &TenantId, protocol: &Protocol) -> Vec<String> {
    let mut claims = match protocol {
        Protocol::Oidc(it) => vec![oidc(&it.issuer, &it.client_id)],
        Protocol::Saml(it) if it.okta_alias => vec![saml(&it.entity_id), saml_alias(&it.entity_id, tenant)],
        Protocol::Saml(it) => vec![saml(&it.entity_id)],
        Protocol::Microsoft(it) => {
            let apps = std::iter::once(&it.app_id).chain(&it.allowed_apps);
            apps.map(|app| entra(&it.directory, app)).collect()
        }
    };
    claims.sort();
    claims.dedup();
    claims
}

//! The identity providers' statements, and their domains'.

use crate::store::statement::statements;

statements! {
    /// A tenant's providers, by name.
    tenant ALL_OF = "SELECT tenant_id, id, name, label, status, settings, sealed, version, created_at, updated_at
        FROM identity_providers WHERE tenant_id = ?1 ORDER BY name";
    /// One provider.
    tenant FIND = "SELECT tenant_id, id, name, label, status, settings, sealed, version, created_at, updated_at
        FROM identity_providers WHERE tenant_id = ?1 AND name = ?2";
    /// A new provider.
    tenant ADD = "INSERT INTO identity_providers (tenant_id, id, name, kind, label, status, settings, sealed, version, created_at, updated_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9)";
    /// A provider's settings, if they are still what the decision was made on.
    tenant UPDATE = "UPDATE identity_providers SET label = ?4, status = ?5, settings = ?6, sealed = ?7, version = version + 1, updated_at = ?8
        WHERE tenant_id = ?1 AND id = ?2 AND version = ?3";
    /// Touches the providers that are on, if any is.
    tenant SOME_ON = "UPDATE identity_providers SET version = version WHERE tenant_id = ?1 AND status = 'on'";
    /// A provider, what it claims, the identities linked to it and the attempts under way.
    tenant DELETE = "DELETE FROM identity_providers WHERE tenant_id = ?1 AND id = ?2";
    /// Nothing is claimed by a provider any more.
    tenant UNCLAIM = "DELETE FROM provider_claims WHERE tenant_id = ?1 AND provider_id = ?2";
    /// Something is claimed by a provider.
    tenant CLAIM = "INSERT INTO provider_claims (tenant_id, provider_id, claim) VALUES (?1, ?2, ?3)";
    /// Who claims something, over all tenants.
    system CLAIMING = "SELECT tenant_id, provider_id FROM provider_claims WHERE claim = ?1";
    /// The attempts under way at a provider end.
    tenant DROP_ATTEMPTS = "DELETE FROM attempts WHERE tenant_id = ?1 AND provider_id = ?2";
    /// Codes for which no session was fetched yet end, of all providers: of which one each is, is sealed.
    tenant DROP_CODES = "DELETE FROM exchange_codes WHERE tenant_id = ?1";
    /// The sessions opened through a provider end.
    tenant END_SESSIONS = "UPDATE sessions SET ended_at = ?3
        WHERE tenant_id = ?1 AND ended_at IS NULL
          AND id IN (SELECT s.session_id FROM session_providers s WHERE s.tenant_id = ?1 AND s.provider_id = ?2)";
    /// The last line of the log since a moment about somebody whom a provider signed in.
    tenant LAST_ADMITTED = "SELECT at, target FROM audit
        WHERE tenant_id = ?1 AND id >= ?2 AND action = 'session.sign-in' AND outcome = 'done' AND reason = ?3 ORDER BY id DESC LIMIT 1";
    /// The same about somebody who came through it and was refused.
    tenant LAST_REFUSED = "SELECT at, reason FROM audit
        WHERE tenant_id = ?1 AND id >= ?2 AND action = 'session.sign-in' AND outcome = 'refused' AND actor_kind = 'provider' AND actor = ?3
        ORDER BY id DESC LIMIT 1";
    /// The tenant's key as a service provider: the first.
    tenant SERVICE_KEY = "SELECT id, sealed, certificate FROM service_keys WHERE tenant_id = ?1 ORDER BY id LIMIT 1";
    /// A key for a tenant that has none.
    tenant ADD_SERVICE_KEY = "INSERT INTO service_keys (tenant_id, id, sealed, certificate, created_at)
        SELECT ?1, CAST(?2 AS BIGINT), ?3, ?4, CAST(?5 AS BIGINT) FROM tenants
        WHERE tenant_id = ?1 AND NOT EXISTS (SELECT 1 FROM service_keys k WHERE k.tenant_id = ?1)";
    /// A tenant's domains.
    tenant DOMAINS = "SELECT domain, token, verified_at, verified_by, created_at FROM domains WHERE tenant_id = ?1 ORDER BY domain";
    /// One domain.
    tenant DOMAIN = "SELECT domain, token, verified_at, verified_by, created_at FROM domains WHERE tenant_id = ?1 AND domain = ?2";
    /// A domain named, not proven.
    tenant ADD_DOMAIN = "INSERT INTO domains (tenant_id, domain, token, created_at) VALUES (?1, ?2, ?3, ?4)";
    /// A domain proven, if it is still the one that was looked at.
    tenant VERIFY_DOMAIN = "UPDATE domains SET verified_at = ?4, verified_by = ?5 WHERE tenant_id = ?1 AND domain = ?2 AND token = ?3";
    /// A domain is the tenant's no more.
    tenant REMOVE_DOMAIN = "DELETE FROM domains WHERE tenant_id = ?1 AND domain = ?2";
}

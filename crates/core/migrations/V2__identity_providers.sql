-- Identity providers of the tenants, and what signing in through them leaves behind.

CREATE TABLE identity_providers (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    id BIGINT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    status TEXT NOT NULL,
    settings TEXT NOT NULL,
    -- The client secret or private key, sealed.
    sealed BYTEA,
    -- Rises with every change of what stands above.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- What one provider of the whole deployment may call its own, so that what a stranger shows names one tenant or none.
CREATE TABLE provider_claims (
    claim TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    provider_id BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX provider_claims_by_provider ON provider_claims (tenant_id, provider_id);

-- A tenant's own key as a SAML service provider.
CREATE TABLE service_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    id BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    certificate BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE domains (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    domain TEXT NOT NULL,
    token TEXT NOT NULL,
    verified_at BIGINT,
    -- 'dns', or 'admin' for a system administrator's word.
    verified_by TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, domain)
);

-- Who a provider's person is here. The issuer is part of the key: a provider pointed elsewhere speaks of other people.
CREATE TABLE external_identities (
    tenant_id TEXT NOT NULL,
    provider_id BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT,
    PRIMARY KEY (tenant_id, provider_id, issuer, subject),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX external_identities_by_user ON external_identities (tenant_id, user_id);

-- Sign-ins that wait for their callback, by the hash of what comes back. Spent by deleting, once, on any node.
CREATE TABLE attempts (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    provider_id BIGINT NOT NULL,
    -- The hash of the flow cookie: the callback must come from the browser that started.
    browser BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX attempts_by_provider ON attempts (tenant_id, provider_id);

-- One-time codes that native apps and sub-domains turn into a session, by their hash.
CREATE TABLE exchange_codes (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    challenge TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Proofs that were used, until they would have expired by themselves.
CREATE TABLE spent_proofs (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    proof TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer, proof)
);

-- Through which provider a session was opened, so that signing out there can sign out here, and the other way round.
CREATE TABLE session_providers (
    tenant_id TEXT NOT NULL,
    session_id BYTEA NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    provider_id BIGINT NOT NULL,
    subject TEXT NOT NULL,
    provider_session TEXT,
    sealed BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, tenant_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX session_providers_by_subject ON session_providers (tenant_id, provider_id, subject);

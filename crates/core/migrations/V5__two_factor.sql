-- Second factors: what people enrolled, who must have one, and sign-ins that wait for theirs.

-- Since when this very user must have a second factor; what a tenant demands of all stands in its settings.
ALTER TABLE users ADD COLUMN two_factor_required_at BIGINT;
-- Since when they have one.
ALTER TABLE users ADD COLUMN two_factor_since BIGINT;

-- An authenticator app.
CREATE TABLE totp (
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    -- The secret in force, sealed; nothing before the first confirmation.
    sealed BYTEA,
    -- The step of the last code that was accepted: only later ones are.
    last_step BIGINT NOT NULL,
    -- A secret that was shown and waits for its first code, sealed.
    pending BYTEA,
    pending_at BIGINT,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Codes for the day the phone is lost, by their keyed hash. Spent by deleting.
CREATE TABLE recovery_codes (
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    code BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, user_id, code),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE passkeys (
    tenant_id TEXT NOT NULL,
    id BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    -- How the authenticator calls it. It alone says whose sign-in is meant.
    credential BYTEA NOT NULL UNIQUE,
    -- The public key, as COSE writes it.
    public_key BYTEA NOT NULL,
    -- How often it was used, by the authenticator's own count; 0 where it keeps none.
    counter BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX passkeys_by_user ON passkeys (tenant_id, user_id);

-- Sign-ins that wait for their second factor, by the hash of the challenge. Spent by deleting, once, on any node.
CREATE TABLE challenges (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX challenges_by_user ON challenges (tenant_id, user_id);

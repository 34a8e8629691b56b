-- One text for both databases: TEXT, BIGINT (times in microseconds), BOOLEAN, BYTEA.

CREATE TABLE deployment (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    verify_until BIGINT
);

CREATE TABLE tenants (
    tenant_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in lower case: the engines do not agree on how to make it.
    search TEXT NOT NULL,
    status TEXT NOT NULL,
    settings TEXT NOT NULL,
    -- Rises with every change of what stands above.
    version BIGINT NOT NULL,
    -- Sessions carry the epochs of their tenant and user; raising one ends them all at once.
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    id BIGINT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    title TEXT NOT NULL,
    search TEXT NOT NULL,
    status TEXT NOT NULL,
    roles BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    password_hash TEXT,
    password_changed_at BIGINT,
    last_sign_in_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (email_key, tenant_id)
);

-- Addresses an account has signed in from: their guesses are counted apart from strangers'.
CREATE TABLE known_addresses (
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, address),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Keyed by the session alone: ids are UUIDv7 and come out of checked handles, so refreshes write in the order of sign-in.
CREATE TABLE sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    method TEXT NOT NULL,
    amr TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    branch BYTEA NOT NULL,
    child BYTEA NOT NULL,
    child_since BIGINT NOT NULL,
    user_epoch BIGINT NOT NULL,
    tenant_epoch BIGINT NOT NULL,
    ended_at BIGINT,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);

CREATE TABLE admins (
    id BIGINT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

CREATE TABLE admin_sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    admin_id BIGINT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    branch BYTEA NOT NULL,
    child BYTEA NOT NULL,
    child_since BIGINT NOT NULL,
    admin_epoch BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE INDEX admin_sessions_by_admin ON admin_sessions (admin_id);

-- Guesses at one account (exact, shared by all nodes), and failures of one address or tenant.
CREATE TABLE guesses (
    id TEXT NOT NULL PRIMARY KEY,
    failed BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    streak BIGINT NOT NULL,
    window_since BIGINT NOT NULL,
    pending_since BIGINT NOT NULL,
    next_at BIGINT NOT NULL
);

-- Append-only. The admin realm writes with the empty tenant.
CREATE TABLE audit (
    tenant_id TEXT NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Licence keys as installed; the newest serial is in force.
CREATE TABLE licenses (
    serial BIGINT NOT NULL PRIMARY KEY,
    license_key TEXT NOT NULL,
    installed_at BIGINT NOT NULL,
    -- The latest time seen under this licence: a clock set back revives nothing.
    seen_at BIGINT NOT NULL
);

-- Letters that wait to be sent, and the links in them.

-- One-time links. What is kept of one cannot be turned into it: the link itself is sealed with a key the database does not hold.
CREATE TABLE links (
    tenant_id TEXT NOT NULL,
    id BYTEA NOT NULL,
    -- 'invitation', 'reset' or 'address'.
    kind TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    -- What the user's address and epoch were: once they are others, the link is of no use.
    mailbox TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    -- The address that is to be the user's; empty but for a change of it.
    address TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant_id),
    -- A newer link takes the older one's place.
    UNIQUE (tenant_id, user_id, kind),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX links_by_end ON links (expires_at);

-- Letters: what is to be said and to whom. The words are made when it is sent.
CREATE TABLE letters (
    tenant_id TEXT NOT NULL,
    id BYTEA NOT NULL,
    -- What the letter is written for. Nothing is written for twice.
    cause TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    mailbox TEXT NOT NULL,
    -- What there is to tell beside, such as a new address.
    about TEXT NOT NULL,
    link BYTEA,
    -- 'waiting', 'sending', 'sent', 'uncertain' or 'given-up'.
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Waiting: not before. Sending: since. Otherwise: since when it has been over.
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Why the last attempt failed.
    trouble TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, cause),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX letters_by_state ON letters (state, due_at);
CREATE INDEX letters_by_user ON letters (tenant_id, user_id);

-- Addresses typed in by those who forgot their password. Whether there is an account is looked up later, so that the answer to
-- the one who typed can tell nothing.
CREATE TABLE forgotten (
    id BYTEA NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    -- The tenant that was named; empty: none.
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

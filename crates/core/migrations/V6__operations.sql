-- What running the system takes: seats counted, the audit log read in every order, sent on and forgotten in time.

-- Whoever takes a seat.
CREATE INDEX users_seated ON users (tenant_id) WHERE status IN ('active', 'invited');

-- Ids are UUIDv7: by time, over all tenants.
CREATE INDEX audit_by_id ON audit (id);
CREATE INDEX audit_by_target ON audit (target, id);

-- The one way for lines to leave the log: a row put in here takes them along, and itself. Guarded by each engine's own means.
CREATE TABLE audit_removals (
    -- A tenant that is gone, or '*' for every log's lines that are too old.
    log TEXT NOT NULL PRIMARY KEY,
    -- Lines from before, with ids below, and so many at once.
    before BIGINT NOT NULL,
    below BYTEA NOT NULL,
    most BIGINT NOT NULL
);

-- How far the log was sent on to each place, and which node does that at present.
CREATE TABLE audit_relays (
    place TEXT NOT NULL PRIMARY KEY,
    sent BYTEA NOT NULL,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL
);

-- The overview's counts of sign-ins, and how an organisation's pages look.

-- Sign-ins alone, in the order of the log.
CREATE INDEX audit_sign_ins ON audit (tenant_id, id) WHERE action = 'session.sign-in';

-- Up to which line of the log a tenant's sign-ins are in `sign_in_days`.
CREATE TABLE sign_ins_counted (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    upto BYTEA NOT NULL
);

-- How many sign-ins of each kind a day (UTC, counted from 1970) has seen.
CREATE TABLE sign_in_days (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    way TEXT NOT NULL,
    done BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, way)
);

-- The colour as `#rrggbb`, and the name of the logo; nothing for the program's own.
ALTER TABLE tenants ADD COLUMN accent TEXT;
ALTER TABLE tenants ADD COLUMN logo TEXT;

-- The logos themselves: at most one of each tenant, named after its content.
CREATE TABLE logos (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    image BYTEA NOT NULL
);

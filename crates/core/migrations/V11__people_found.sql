-- Lists of people by role and by the beginnings of words, and of the audit log by several conditions.

-- The text that somebody's words were made of. Where it is not `search`, which an older release may have written, they are made anew.
-- Here and below each condition is an equation: of others PostgreSQL thinks that nearly everybody meets them, and leaves the index alone.
ALTER TABLE users ADD COLUMN worded TEXT NOT NULL DEFAULT '';
CREATE INDEX users_unworded ON users (tenant_id, id) WHERE CASE WHEN worded = search THEN 0 ELSE 1 END = 1;

-- What stands in `search` from the beginning of each word on, up to some letters. Bytes: all databases order them alike.
CREATE TABLE user_words (
    tenant_id TEXT NOT NULL,
    word BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, word, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_words_by_user ON user_words (tenant_id, user_id);

CREATE INDEX users_admins ON users (tenant_id, id) WHERE roles & 1 = 1;
CREATE INDEX users_user_admins ON users (tenant_id, id) WHERE roles & 2 = 2;
CREATE INDEX users_authors ON users (tenant_id, id) WHERE roles & 4 = 4;
CREATE INDEX users_operators ON users (tenant_id, id) WHERE roles & 8 = 8;
CREATE INDEX users_approvers ON users (tenant_id, id) WHERE roles & 16 = 16;
CREATE INDEX users_publishers ON users (tenant_id, id) WHERE roles & 32 = 32;
CREATE INDEX users_viewers ON users (tenant_id, id) WHERE roles & 64 = 64;

-- The audit log by target, actor and action, each with all that is asked of it but the time.
DROP INDEX audit_by_target;
DROP INDEX audit_by_actor;
DROP INDEX audit_by_action;
CREATE INDEX audit_by_target ON audit (tenant_id, target, id, actor, action, outcome);
CREATE INDEX audit_by_actor ON audit (tenant_id, actor, id, action, outcome, target);
CREATE INDEX audit_by_action ON audit (tenant_id, action, id, outcome, actor, target);

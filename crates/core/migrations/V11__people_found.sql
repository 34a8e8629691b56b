-- Lists of people by role and by the beginnings of words, so that a page reads none whom it does not show.

-- The text that somebody's words were made of. Where it is not `search`, which an older release may have written, they are made anew.
ALTER TABLE users ADD COLUMN worded TEXT NOT NULL DEFAULT '';
CREATE INDEX users_unworded ON users (tenant_id, id) WHERE worded <> search;

-- What stands in `search` from the beginning of each word on, up to some letters. Bytes: all databases order them alike.
CREATE TABLE user_words (
    tenant_id TEXT NOT NULL,
    word BYTEA NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, word, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_words_by_user ON user_words (tenant_id, user_id);

CREATE INDEX users_admins ON users (tenant_id, id) WHERE roles & 1 <> 0;
CREATE INDEX users_user_admins ON users (tenant_id, id) WHERE roles & 2 <> 0;
CREATE INDEX users_authors ON users (tenant_id, id) WHERE roles & 4 <> 0;
CREATE INDEX users_operators ON users (tenant_id, id) WHERE roles & 8 <> 0;
CREATE INDEX users_approvers ON users (tenant_id, id) WHERE roles & 16 <> 0;
CREATE INDEX users_publishers ON users (tenant_id, id) WHERE roles & 32 <> 0;
CREATE INDEX users_viewers ON users (tenant_id, id) WHERE roles & 64 <> 0;

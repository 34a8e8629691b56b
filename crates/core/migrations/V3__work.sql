-- Templates, their versions, the jobs done by them, and what was recorded. People stand here by number alone: who has left did what
-- they did.

CREATE TABLE templates (
    tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    -- UUIDv7: by age.
    id BYTEA NOT NULL,
    title TEXT NOT NULL,
    -- In lower case, as bytes: the engines agree neither on how to make it nor on how to sort it.
    title_key BYTEA NOT NULL,
    asset_class TEXT NOT NULL,
    class_key TEXT NOT NULL,
    -- The state of its newest version.
    state TEXT NOT NULL,
    -- The number of its published version; 0 if none is.
    published BIGINT NOT NULL,
    -- The highest number ever given to a version of it.
    last_number BIGINT NOT NULL,
    -- Rises with every change of it or of its versions: decisions are made on one, and history is numbered by it.
    changes BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX templates_by_title ON templates (tenant_id, title_key, id);
CREATE INDEX templates_by_state ON templates (tenant_id, state, id);
CREATE INDEX templates_by_state_title ON templates (tenant_id, state, title_key, id);
CREATE INDEX templates_by_class ON templates (tenant_id, class_key, id);
CREATE INDEX templates_by_class_title ON templates (tenant_id, class_key, title_key, id);
CREATE INDEX templates_published ON templates (tenant_id, id) WHERE published > 0;
CREATE INDEX templates_published_by_title ON templates (tenant_id, title_key, id) WHERE published > 0;

-- The words of a template's title and asset class.
CREATE TABLE template_words (
    tenant_id TEXT NOT NULL,
    word TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    title_key BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, word, template_id),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX template_words_by_title ON template_words (tenant_id, word, title_key, template_id);
CREATE INDEX template_words_by_template ON template_words (tenant_id, template_id);

CREATE TABLE template_versions (
    tenant_id TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- JSON. Never changes once the version was submitted, unless it was rejected.
    steps TEXT NOT NULL,
    step_count BIGINT NOT NULL,
    -- Rises with every edit.
    revision BIGINT NOT NULL,
    author BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    submitted_by BIGINT,
    submitted_at BIGINT,
    reviewer BIGINT,
    reviewed_at BIGINT,
    comment TEXT NOT NULL,
    publisher BIGINT,
    published_at BIGINT,
    archived_at BIGINT,
    PRIMARY KEY (tenant_id, template_id, number),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id) ON DELETE CASCADE
);

-- One published version for each template, whatever the program thinks.
CREATE UNIQUE INDEX template_versions_published ON template_versions (tenant_id, template_id) WHERE state = 'published';

-- Whoever wrote or edited a version.
CREATE TABLE version_editors (
    tenant_id TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_id, number, user_id),
    FOREIGN KEY (tenant_id, template_id, number) REFERENCES template_versions (tenant_id, template_id, number) ON DELETE CASCADE
);

CREATE TABLE template_history (
    tenant_id TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    action TEXT NOT NULL,
    -- Of which version; 0 for the template itself.
    part BIGINT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (tenant_id, template_id, number),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE jobs (
    tenant_id TEXT NOT NULL,
    -- UUIDv7: by age.
    id BYTEA NOT NULL,
    template_id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    title TEXT NOT NULL,
    asset TEXT NOT NULL,
    asset_class TEXT NOT NULL,
    class_key TEXT NOT NULL,
    -- 1 low, 2 medium, 3 high.
    priority BIGINT NOT NULL,
    assignee BIGINT,
    state TEXT NOT NULL,
    -- The step to be done next, of so many.
    next_step BIGINT NOT NULL,
    step_count BIGINT NOT NULL,
    -- How many records there are, and how many changes there were.
    records BIGINT NOT NULL,
    changes BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    -- Completed or cancelled.
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, template_id, version) REFERENCES template_versions (tenant_id, template_id, number) ON DELETE CASCADE
);

CREATE INDEX jobs_by_version ON jobs (tenant_id, template_id, version);
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, id);
CREATE INDEX jobs_by_assignee ON jobs (tenant_id, assignee, id);
CREATE INDEX jobs_by_assignee_state ON jobs (tenant_id, assignee, state, id);
CREATE INDEX jobs_by_class ON jobs (tenant_id, class_key, id);
CREATE INDEX jobs_by_class_state ON jobs (tenant_id, class_key, state, id);
CREATE INDEX jobs_by_priority ON jobs (tenant_id, priority, id);
CREATE INDEX jobs_by_state_priority ON jobs (tenant_id, state, priority, id);

-- The words of a job's title, asset and asset class.
CREATE TABLE job_words (
    tenant_id TEXT NOT NULL,
    word TEXT NOT NULL,
    job_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, word, job_id),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX job_words_by_job ON job_words (tenant_id, job_id);

-- Written once, never changed: a correction is a record of its own.
CREATE TABLE records (
    tenant_id TEXT NOT NULL,
    job_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    step BIGINT NOT NULL,
    -- 'recorded', 'completed' (the step), 'corrected'.
    act TEXT NOT NULL,
    value TEXT,
    note TEXT NOT NULL,
    author BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The record that this one corrects.
    corrects BIGINT,
    -- What the sender calls this act, so that a retry is known.
    idempotency_key TEXT,
    PRIMARY KEY (tenant_id, job_id, number),
    UNIQUE (tenant_id, job_id, corrects),
    UNIQUE (tenant_id, job_id, idempotency_key),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE job_history (
    tenant_id TEXT NOT NULL,
    job_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    action TEXT NOT NULL,
    -- Of which step; 0 for the job itself.
    part BIGINT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (tenant_id, job_id, number),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

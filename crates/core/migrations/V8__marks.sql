-- Lists by several filters at once. Marks say of a thing, beside every entry of an index, which words, class and priority it cannot
-- have; with them, state and assignee a filter is answered inside the index. All marks (-1) and no state ('') mean: not known.

ALTER TABLE jobs ADD COLUMN marks BIGINT NOT NULL DEFAULT -1;
ALTER TABLE templates ADD COLUMN marks BIGINT NOT NULL DEFAULT -1;

DROP INDEX jobs_by_state;
DROP INDEX jobs_by_assignee;
DROP INDEX jobs_by_assignee_state;
DROP INDEX jobs_by_class;
DROP INDEX jobs_by_class_state;
DROP INDEX jobs_by_state_priority;
CREATE INDEX jobs_by_state ON jobs (tenant_id, state, id, marks);
CREATE INDEX jobs_by_assignee ON jobs (tenant_id, assignee, id, marks);
CREATE INDEX jobs_by_assignee_state ON jobs (tenant_id, assignee, state, id, marks);
CREATE INDEX jobs_by_class ON jobs (tenant_id, class_key, id, marks, state, assignee);

DROP INDEX templates_by_state;
DROP INDEX templates_by_state_title;
DROP INDEX templates_by_class;
DROP INDEX templates_by_class_title;
DROP INDEX templates_published;
DROP INDEX templates_published_by_title;
CREATE INDEX templates_by_state ON templates (tenant_id, state, id, marks);
CREATE INDEX templates_by_state_title ON templates (tenant_id, state, title_key, id, marks);
CREATE INDEX templates_by_class ON templates (tenant_id, class_key, id, marks, state, published);
CREATE INDEX templates_by_class_title ON templates (tenant_id, class_key, title_key, id, marks, state, published);
CREATE INDEX templates_published ON templates (tenant_id, id, marks) WHERE published > 0;
CREATE INDEX templates_published_by_title ON templates (tenant_id, title_key, id, marks) WHERE published > 0;

-- Made anew, for only a key holds all that a filter asks without a second index beside it.
CREATE TABLE marked_job_words (
    tenant_id TEXT NOT NULL,
    word TEXT NOT NULL,
    job_id BYTEA NOT NULL,
    -- As the job has them; no assignee is 0.
    marks BIGINT NOT NULL DEFAULT -1,
    state TEXT NOT NULL DEFAULT '',
    assignee BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, word, job_id, marks, state, assignee),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, id) ON DELETE CASCADE
);

INSERT INTO marked_job_words (tenant_id, word, job_id, marks, state, assignee)
    SELECT w.tenant_id, w.word, w.job_id, -1, j.state, coalesce(j.assignee, 0)
    FROM job_words w JOIN jobs j ON j.tenant_id = w.tenant_id AND j.id = w.job_id;
DROP TABLE job_words;
ALTER TABLE marked_job_words RENAME TO job_words;
CREATE INDEX job_words_by_job ON job_words (tenant_id, job_id);

CREATE TABLE marked_template_words (
    tenant_id TEXT NOT NULL,
    word TEXT NOT NULL,
    template_id BYTEA NOT NULL,
    title_key BYTEA NOT NULL,
    -- As the template has them.
    marks BIGINT NOT NULL DEFAULT -1,
    state TEXT NOT NULL DEFAULT '',
    published BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, word, template_id, marks, state, published),
    FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id) ON DELETE CASCADE
);

INSERT INTO marked_template_words (tenant_id, word, template_id, title_key, marks, state, published)
    SELECT w.tenant_id, w.word, w.template_id, w.title_key, -1, t.state, t.published
    FROM template_words w JOIN templates t ON t.tenant_id = w.tenant_id AND t.id = w.template_id;
DROP TABLE template_words;
ALTER TABLE marked_template_words RENAME TO template_words;
CREATE INDEX template_words_by_title ON template_words (tenant_id, word, title_key, template_id, marks, state, published);
CREATE INDEX template_words_by_template ON template_words (tenant_id, template_id);

-- Tenants that are deleted and not cleared away yet (status 'leaving').
CREATE INDEX tenants_leaving ON tenants (tenant_id) WHERE status = 'leaving';

-- The audit log by who, by what, and by what was refused, so that a filter reads no line it does not show.
CREATE INDEX audit_by_actor ON audit (tenant_id, actor, id, action, outcome);
CREATE INDEX audit_by_action ON audit (tenant_id, action, id, outcome);
CREATE INDEX audit_not_done ON audit (tenant_id, outcome, id) WHERE outcome <> 'done';

//! The work's statements about one thing; those that list pages stand in `pages.rs`.

pub(crate) mod pages;

use crate::store::statement::statements;

/// As many ids as one statement takes.
macro_rules! fifty {
    () => {
        "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, \
         ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51"
    };
}

statements! {
    /// One template.
    tenant FIND_TEMPLATE = "SELECT id, title, asset_class, state, published, last_number, changes, created_by, created_at,
            updated_at
        FROM templates WHERE tenant_id = ?1 AND id = ?2";
    /// Some templates.
    tenant TEMPLATES_BY_ID = concat!("SELECT id, title, asset_class, state, published, last_number, changes, created_by,
            created_at, updated_at
        FROM templates WHERE tenant_id = ?1 AND id IN (", fifty!(), ")");
    /// A new template.
    tenant ADD_TEMPLATE = "INSERT INTO templates (tenant_id, id, title, title_key, asset_class, class_key, state, published,
            last_number,
            changes, created_by, created_at, updated_at, marks)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'draft', 0, 1, 1, ?7, ?8, ?8, ?9)";
    /// The template, if nothing of it has changed; what follows in the change waits for rivals here.
    tenant TOUCH_TEMPLATE = "UPDATE templates SET changes = changes + 1, updated_at = ?4
        WHERE tenant_id = ?1 AND id = ?2 AND changes = ?3";
    /// Another line of history in the same change.
    tenant COUNT_TEMPLATE = "UPDATE templates SET changes = changes + 1 WHERE tenant_id = ?1 AND id = ?2";
    /// Title and asset class.
    tenant RENAME = "UPDATE templates SET title = ?3, title_key = ?4, asset_class = ?5,
            class_key = ?6, marks = ?7 WHERE tenant_id = ?1 AND id = ?2";
    /// What a template says of its versions, after they have changed.
    tenant REFRESH = "UPDATE templates SET
            last_number = CASE WHEN last_number > n.newest THEN last_number ELSE n.newest END,
            published = n.published,
            state = (SELECT v.state FROM template_versions v WHERE v.tenant_id = ?1 AND v.template_id = ?2 AND v.number = n.newest)
        FROM (SELECT max(w.number) AS newest, coalesce(max(CASE WHEN w.state = 'published' THEN w.number END), 0) AS published
              FROM template_versions w WHERE w.tenant_id = ?1 AND w.template_id = ?2) n
        WHERE tenant_id = ?1 AND id = ?2";
    /// A template whose only version is a draft, gone.
    tenant DELETE_TEMPLATE = "DELETE FROM templates WHERE tenant_id = ?1 AND id = ?2 AND changes = ?3";
    /// A word of a template.
    tenant ADD_TEMPLATE_WORD = "INSERT INTO template_words (tenant_id, word, template_id, title_key, marks, state, published)
        SELECT ?1, ?2, t.id, t.title_key, t.marks, t.state, t.published FROM templates t WHERE t.tenant_id = ?1 AND t.id = ?3
        ON CONFLICT DO NOTHING";
    /// State and published version beside a template's words, after its versions have changed.
    tenant TELL_TEMPLATE_WORDS = "UPDATE template_words SET state = t.state, published = t.published FROM templates t
        WHERE template_words.tenant_id = ?1 AND template_words.template_id = ?2 AND t.tenant_id = ?1 AND t.id = ?2
          AND (template_words.state <> t.state OR template_words.published <> t.published)";
    /// The words of a template, before it is given others.
    tenant FORGET_TEMPLATE_WORDS = "DELETE FROM template_words WHERE tenant_id = ?1 AND template_id = ?2";
    /// A line of a template's history, numbered by its changes.
    tenant TELL_TEMPLATE = "INSERT INTO template_history (tenant_id, template_id, number, at, actor, action, part, note)
        SELECT ?1, t.id, t.changes, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), ?5, CAST(?6 AS BIGINT), ?7
        FROM templates t WHERE t.tenant_id = ?1 AND t.id = ?2";
    /// A template's history.
    tenant TEMPLATE_EVENTS = "SELECT number, at, actor, action, part, note FROM template_history
        WHERE tenant_id = ?1 AND template_id = ?2 AND number > ?3 ORDER BY number LIMIT ?4";

    /// One version.
    tenant FIND_VERSION = "SELECT template_id, number, state, steps, revision, author, created_at, updated_at, submitted_by,
            submitted_at, reviewer,
            reviewed_at, comment, publisher, published_at, archived_at
        FROM template_versions WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3";
    /// A template's versions, the newest first.
    tenant VERSIONS = "SELECT template_id, number, state, steps, revision, author, created_at, updated_at, submitted_by,
            submitted_at, reviewer,
            reviewed_at, comment, publisher, published_at, archived_at
        FROM template_versions WHERE tenant_id = ?1 AND template_id = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";
    /// The newest versions of some templates.
    tenant VERSIONS_OF = concat!("SELECT v.template_id, v.number, v.state, v.steps, v.revision, v.author, v.created_at,
            v.updated_at, v.submitted_by, v.submitted_at, v.reviewer, v.reviewed_at, v.comment, v.publisher, v.published_at,
            v.archived_at
        FROM templates t CROSS JOIN template_versions v
        WHERE t.tenant_id = ?1 AND t.id IN (", fifty!(), ")
          AND v.tenant_id = ?1 AND v.template_id = t.id AND v.number > t.last_number - 20
        ORDER BY v.template_id, v.number DESC");
    /// The versions that some jobs are done by, each beside its job.
    tenant VERSIONS_OF_JOBS = concat!("SELECT v.template_id, v.number, v.state, v.steps, v.revision, v.author, v.created_at,
            v.updated_at, v.submitted_by, v.submitted_at, v.reviewer, v.reviewed_at, v.comment, v.publisher, v.published_at,
            v.archived_at, j.id
        FROM jobs j CROSS JOIN template_versions v
        WHERE j.tenant_id = ?1 AND j.id IN (", fifty!(), ")
          AND v.tenant_id = ?1 AND v.template_id = j.template_id AND v.number = j.version");
    /// Some users.
    tenant USERS_BY_ID = concat!("SELECT tenant_id, id, email, first_name, last_name, title, status, roles, epoch,
            last_sign_in_at, created_at, two_factor_required_at, two_factor_since
        FROM users WHERE tenant_id = ?1 AND id IN (", fifty!(), ")");
    /// Whether a template has a version besides this one.
    tenant ANOTHER_VERSION = "SELECT number FROM template_versions WHERE tenant_id = ?1 AND template_id = ?2 AND number <> ?3 LIMIT 1";
    /// A new version: a draft.
    tenant ADD_VERSION = "INSERT INTO template_versions (tenant_id, template_id, number, state, steps, step_count, revision, author,
            created_at, updated_at, comment)
        VALUES (?1, ?2, ?3, 'draft', ?4, ?5, 1, ?6, ?7, ?7, '')";
    /// Whoever edits is remembered, once.
    tenant ADD_EDITOR = "INSERT INTO version_editors (tenant_id, template_id, number, user_id) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO NOTHING";
    /// Whether somebody wrote or edited a version.
    tenant IS_EDITOR = "SELECT user_id FROM version_editors WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND user_id = ?4";
    /// The template, if none of its versions is a draft.
    tenant NO_OTHER_DRAFT = "UPDATE templates SET changes = changes WHERE tenant_id = ?1 AND id = ?2
          AND NOT EXISTS (SELECT 1 FROM template_versions v WHERE v.tenant_id = ?1 AND v.template_id = ?2 AND v.state = 'draft')";
    /// Other steps for a draft.
    tenant EDIT = "UPDATE template_versions SET steps = ?4, step_count = ?5, updated_at = ?6, revision = revision + 1
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'draft'";
    /// A draft, frozen.
    tenant SUBMIT = "UPDATE template_versions SET state = 'in-review', submitted_by = ?4, submitted_at = ?5
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'draft' AND step_count > 0";
    /// Approved.
    tenant APPROVE = "UPDATE template_versions SET state = 'approved', reviewer = ?4, reviewed_at = ?5, comment = ?6
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'in-review'";
    /// A draft again.
    tenant REJECT = "UPDATE template_versions SET state = 'draft', reviewer = ?4, reviewed_at = ?5, comment = ?6
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'in-review'";
    /// Published, from the state that was decided on.
    tenant PUBLISH = "UPDATE template_versions SET state = 'published', publisher = ?5, published_at = ?6
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = ?4";
    /// Published no longer.
    tenant ARCHIVE = "UPDATE template_versions SET state = 'archived', archived_at = ?4
        WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'published'";
    /// A draft, gone.
    tenant DELETE_DRAFT = "DELETE FROM template_versions WHERE tenant_id = ?1 AND template_id = ?2 AND number = ?3 AND state = 'draft'";

    /// One job.
    tenant FIND_JOB = "SELECT id, template_id, version, title, asset, asset_class, priority, assignee, state, next_step,
            step_count, records, created_by,
            created_at, started_at, ended_at
        FROM jobs WHERE tenant_id = ?1 AND id = ?2";
    /// Some jobs.
    tenant JOBS_BY_ID = concat!("SELECT id, template_id, version, title, asset, asset_class, priority, assignee, state,
            next_step, step_count, records, created_by,
            created_at, started_at, ended_at
        FROM jobs WHERE tenant_id = ?1 AND id IN (", fifty!(), ")");
    /// A new job, if the version is published, and whoever is to do it is there to.
    tenant ADD_JOB = "INSERT INTO jobs (tenant_id, id, template_id, version, title, asset, asset_class, class_key, priority,
            assignee,
            state, next_step, step_count, records, changes, created_by, created_at, marks)
        SELECT ?1, ?4, v.template_id, v.number, ?5, ?6, ?7, ?8, CAST(?9 AS BIGINT), CAST(?10 AS BIGINT),
            ?11, 1, v.step_count, 0, 1, CAST(?12 AS BIGINT), CAST(?13 AS BIGINT), CAST(?15 AS BIGINT)
        FROM template_versions v
        WHERE v.tenant_id = ?1 AND v.template_id = ?2 AND v.number = ?3 AND v.state = 'published'
          AND (CAST(?10 AS BIGINT) IS NULL OR EXISTS (SELECT 1 FROM users u
               WHERE u.tenant_id = ?1 AND u.id = CAST(?10 AS BIGINT) AND u.status = 'active' AND u.roles & CAST(?14 AS BIGINT) <> 0))";
    /// A word of a job.
    tenant ADD_JOB_WORD = "INSERT INTO job_words (tenant_id, word, job_id, marks, state, assignee)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    /// State and assignee beside a job's words, after either has changed.
    tenant TELL_JOB_WORDS = "UPDATE job_words SET state = j.state, assignee = coalesce(j.assignee, 0) FROM jobs j
        WHERE job_words.tenant_id = ?1 AND job_words.job_id = ?2 AND j.tenant_id = ?1 AND j.id = ?2";
    /// A line of a job's history, numbered by its changes.
    tenant TELL_JOB = "INSERT INTO job_history (tenant_id, job_id, number, at, actor, action, part, note)
        SELECT ?1, j.id, j.changes, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), ?5, CAST(?6 AS BIGINT), ?7
        FROM jobs j WHERE j.tenant_id = ?1 AND j.id = ?2";
    /// A job's history.
    tenant JOB_EVENTS = "SELECT number, at, actor, action, part, note FROM job_history
        WHERE tenant_id = ?1 AND job_id = ?2 AND number > ?3 ORDER BY number LIMIT ?4";
    /// Somebody's from now on, if it is not over, still whose it was, and they are there to do it.
    tenant ASSIGN = "UPDATE jobs SET assignee = ?3, changes = changes + 1,
            state = CASE WHEN state = 'unassigned' THEN 'assigned' ELSE state END
        WHERE tenant_id = ?1 AND id = ?2 AND state IN ('unassigned', 'assigned', 'in-progress') AND coalesce(assignee, 0) = ?4
          AND EXISTS (SELECT 1 FROM users u
              WHERE u.tenant_id = ?1 AND u.id = ?3 AND u.status = 'active' AND u.roles & CAST(?5 AS BIGINT) <> 0)";
    /// Nobody's again, if it is not begun and still whose it was.
    tenant UNASSIGN = "UPDATE jobs SET assignee = NULL, state = 'unassigned', changes = changes + 1
        WHERE tenant_id = ?1 AND id = ?2 AND state = 'assigned' AND assignee = ?3";
    /// Given up.
    tenant CANCEL = "UPDATE jobs SET state = 'cancelled', ended_at = ?3, changes = changes + 1
        WHERE tenant_id = ?1 AND id = ?2 AND state IN ('unassigned', 'assigned', 'in-progress')";
    /// Begun, by its assignee.
    tenant START = "UPDATE jobs SET state = 'in-progress', started_at = ?4, changes = changes + 1
        WHERE tenant_id = ?1 AND id = ?2 AND assignee = ?3 AND state = 'assigned'";
    /// The step is done, by the assignee and in its turn; with the last the job is.
    tenant PROCEED = "UPDATE jobs SET next_step = next_step + 1, records = records + 1, changes = changes + 1,
            state = CASE WHEN next_step = step_count THEN 'completed' ELSE state END,
            ended_at = CASE WHEN next_step = step_count THEN CAST(?5 AS BIGINT) ELSE ended_at END
        WHERE tenant_id = ?1 AND id = ?2 AND assignee = ?3 AND state = 'in-progress' AND next_step = ?4";
    /// Something is recorded for the step whose turn it is.
    tenant NOTE = "UPDATE jobs SET records = records + 1, changes = changes + 1
        WHERE tenant_id = ?1 AND id = ?2 AND assignee = ?3 AND state = 'in-progress' AND next_step = ?4 AND records < ?5";
    /// Something recorded is corrected.
    tenant CORRECT = "UPDATE jobs SET records = records + 1, changes = changes + 1
        WHERE tenant_id = ?1 AND id = ?2 AND assignee = ?3 AND state IN ('in-progress', 'completed') AND records < ?4";

    /// A new record, numbered by the job's count of them.
    tenant ADD_RECORD = "INSERT INTO records (tenant_id, job_id, number, step, act, value, note, author, at, corrects,
            idempotency_key)
        SELECT ?1, j.id, j.records, CAST(?3 AS BIGINT), ?4, CAST(?5 AS TEXT), ?6, CAST(?7 AS BIGINT), CAST(?8 AS BIGINT),
            CAST(?9 AS BIGINT), CAST(?10 AS TEXT)
        FROM jobs j WHERE j.tenant_id = ?1 AND j.id = ?2
        RETURNING job_id, number, step, act, value, note, author, at, corrects";
    /// One record.
    tenant FIND_RECORD = "SELECT job_id, number, step, act, value, note, author, at, corrects
        FROM records WHERE tenant_id = ?1 AND job_id = ?2 AND number = ?3";
    /// The record that an act left under its key.
    tenant RECORD_BY_KEY = "SELECT job_id, number, step, act, value, note, author, at, corrects
        FROM records WHERE tenant_id = ?1 AND job_id = ?2 AND idempotency_key = ?3";
    /// Whether there is a value for a step.
    tenant IS_RECORDED = "SELECT number FROM records WHERE tenant_id = ?1 AND job_id = ?2 AND step = ?3 AND value IS NOT NULL LIMIT 1";
    /// A job's records, in order.
    tenant RECORDS = "SELECT job_id, number, step, act, value, note, author, at, corrects
        FROM records WHERE tenant_id = ?1 AND job_id = ?2 AND number > ?3 ORDER BY number LIMIT ?4";
    /// The first records of some jobs.
    tenant RECORDS_OF = concat!("SELECT job_id, number, step, act, value, note, author, at, corrects
        FROM records WHERE tenant_id = ?1 AND job_id IN (", fifty!(), ") AND number <= 100 ORDER BY job_id, number");
}

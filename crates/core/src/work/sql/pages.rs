//! The statements that list pages, by key and never by counting. Each begins at the index of what it is most narrowed by, in the order
//! of the list, so that a page costs what it shows; the other filters are asked of what comes.

/// The templates' pages.
pub(crate) mod templates {
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{TemplateFilter, TemplateOrder, VersionState};

    /// Arguments: after, how many, state, class, three words.
    macro_rules! newest {
        ($from:literal, $id:literal, $lead:literal) => {
            page!($from, $lead, concat!("AND ", $id, " < ?2"), concat!($id, " DESC"))
        };
    }

    /// The same, and the place in the order of titles.
    macro_rules! by_title {
        ($from:literal, $key:literal, $lead:literal) => {
            page!($from, $lead, concat!("AND (", $key, ") > (?9, ?2)"), $key)
        };
    }

    macro_rules! page {
        ($from:literal, $lead:literal, $place:expr, $order:expr) => {
            concat!(
                "SELECT t.id, t.title, t.asset_class, t.state, t.published, t.last_number, t.changes, t.created_by, t.created_at,
                    t.updated_at
                FROM ", $from, " WHERE t.tenant_id = ?1 ", $lead, " ", $place,
                " AND (?4 = '' OR t.state = ?4 OR (?4 = 'published' AND t.published > 0)) AND (?5 = '' OR t.class_key = ?5)
                AND (?6 = '' OR EXISTS (SELECT 1 FROM template_words w WHERE w.tenant_id = ?1 AND w.word = ?6 AND w.template_id = t.id))
                AND (?7 = '' OR EXISTS (SELECT 1 FROM template_words w WHERE w.tenant_id = ?1 AND w.word = ?7 AND w.template_id = t.id))
                AND (?8 = '' OR EXISTS (SELECT 1 FROM template_words w WHERE w.tenant_id = ?1 AND w.word = ?8 AND w.template_id = t.id))
                ORDER BY ", $order, " LIMIT ?3"
            )
        };
    }

    statements! {
        /// The newest first.
        tenant TEMPLATES = newest!("templates t", "t.id", "");
        /// Those in a state.
        tenant TEMPLATES_IN_STATE = newest!("templates t", "t.id", "AND t.state = ?4");
        /// Those with a published version.
        tenant TEMPLATES_PUBLISHED = newest!("templates t", "t.id", "AND t.published > 0");
        /// Those for a class.
        tenant TEMPLATES_OF_CLASS = newest!("templates t", "t.id", "AND t.class_key = ?5");
        /// Those with a word.
        tenant TEMPLATES_WITH_WORD = newest!("template_words l CROSS JOIN templates t", "l.template_id",
            "AND l.tenant_id = ?1 AND l.word = ?6 AND t.id = l.template_id");
        /// By title.
        tenant TEMPLATES_BY_TITLE = by_title!("templates t", "t.title_key, t.id", "");
        /// Those in a state, by title.
        tenant TEMPLATES_IN_STATE_BY_TITLE = by_title!("templates t", "t.title_key, t.id", "AND t.state = ?4");
        /// Those with a published version, by title.
        tenant TEMPLATES_PUBLISHED_BY_TITLE = by_title!("templates t", "t.title_key, t.id", "AND t.published > 0");
        /// Those for a class, by title.
        tenant TEMPLATES_OF_CLASS_BY_TITLE = by_title!("templates t", "t.title_key, t.id", "AND t.class_key = ?5");
        /// Those with a word, by title.
        tenant TEMPLATES_WITH_WORD_BY_TITLE = by_title!("template_words l CROSS JOIN templates t", "l.title_key, l.template_id",
            "AND l.tenant_id = ?1 AND l.word = ?6 AND t.id = l.template_id");
    }

    /// The statement that begins at what the filter narrows most.
    pub(in crate::work) fn choose(filter: &TemplateFilter, words: &[String]) -> TenantSql {
        let [newest, by_title] = if words.iter().any(|word| !word.is_empty()) {
            [TEMPLATES_WITH_WORD, TEMPLATES_WITH_WORD_BY_TITLE]
        } else if !filter.asset_class.trim().is_empty() {
            [TEMPLATES_OF_CLASS, TEMPLATES_OF_CLASS_BY_TITLE]
        } else {
            match filter.state {
                None => [TEMPLATES, TEMPLATES_BY_TITLE],
                Some(VersionState::Published) => [TEMPLATES_PUBLISHED, TEMPLATES_PUBLISHED_BY_TITLE],
                Some(_) => [TEMPLATES_IN_STATE, TEMPLATES_IN_STATE_BY_TITLE],
            }
        };
        match filter.order {
            TemplateOrder::Newest => newest,
            TemplateOrder::Title => by_title,
        }
    }
}

/// The jobs' pages.
pub(crate) mod jobs {
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{JobFilter, JobOrder};

    /// Arguments: after, how many, state, class, priority, assignee, three words.
    macro_rules! page {
        ($from:literal, $lead:literal, $place:literal, $order:literal) => {
            concat!(
                "SELECT j.id, j.template_id, j.version, j.title, j.asset, j.asset_class, j.priority, j.assignee, j.state,
            j.next_step,
                    j.step_count, j.records, j.created_by, j.created_at, j.started_at, j.ended_at
                FROM ", $from, " WHERE j.tenant_id = ?1 ", $lead, " AND ", $place,
                " AND (?4 = '' OR j.state = ?4) AND (?5 = '' OR j.class_key = ?5)
                AND (CAST(?6 AS BIGINT) = 0 OR j.priority = CAST(?6 AS BIGINT))
                AND (CAST(?7 AS BIGINT) = 0 OR j.assignee = CAST(?7 AS BIGINT))
                AND (?8 = '' OR EXISTS (SELECT 1 FROM job_words w WHERE w.tenant_id = ?1 AND w.word = ?8 AND w.job_id = j.id))
                AND (?9 = '' OR EXISTS (SELECT 1 FROM job_words w WHERE w.tenant_id = ?1 AND w.word = ?9 AND w.job_id = j.id))
                AND (?10 = '' OR EXISTS (SELECT 1 FROM job_words w WHERE w.tenant_id = ?1 AND w.word = ?10 AND w.job_id = j.id))
                ORDER BY ", $order, " LIMIT ?3"
            )
        };
    }

    macro_rules! newest {
        ($lead:literal) => {
            page!("jobs j", $lead, "j.id < ?2", "j.id DESC")
        };
    }

    macro_rules! oldest {
        ($lead:literal) => {
            page!("jobs j", $lead, "j.id > ?2", "j.id")
        };
    }

    statements! {
        /// The newest first.
        tenant JOBS = newest!("");
        /// Those in a state.
        tenant JOBS_IN_STATE = newest!("AND j.state = ?4");
        /// Those of an assignee.
        tenant JOBS_OF = newest!("AND j.assignee = CAST(?7 AS BIGINT)");
        /// Those of an assignee in a state.
        tenant JOBS_OF_IN_STATE = newest!("AND j.assignee = CAST(?7 AS BIGINT) AND j.state = ?4");
        /// Those for a class.
        tenant JOBS_OF_CLASS = newest!("AND j.class_key = ?5");
        /// Those of a priority.
        tenant JOBS_OF_PRIORITY = newest!("AND j.priority = CAST(?6 AS BIGINT)");
        /// Those with a word.
        tenant JOBS_WITH_WORD = page!("job_words l CROSS JOIN jobs j", "AND l.tenant_id = ?1 AND l.word = ?8 AND j.id = l.job_id",
            "l.job_id < ?2", "l.job_id DESC");
        /// The oldest first.
        tenant OLDEST_JOBS = oldest!("");
        /// Those in a state, the oldest first.
        tenant OLDEST_JOBS_IN_STATE = oldest!("AND j.state = ?4");
        /// Those of an assignee, the oldest first.
        tenant OLDEST_JOBS_OF = oldest!("AND j.assignee = CAST(?7 AS BIGINT)");
        /// Those of an assignee in a state, the oldest first.
        tenant OLDEST_JOBS_OF_IN_STATE = oldest!("AND j.assignee = CAST(?7 AS BIGINT) AND j.state = ?4");
        /// Those for a class, the oldest first.
        tenant OLDEST_JOBS_OF_CLASS = oldest!("AND j.class_key = ?5");
        /// Those of a priority, the oldest first.
        tenant OLDEST_JOBS_OF_PRIORITY = oldest!("AND j.priority = CAST(?6 AS BIGINT)");
        /// Those with a word, the oldest first.
        tenant OLDEST_JOBS_WITH_WORD = page!("job_words l CROSS JOIN jobs j",
            "AND l.tenant_id = ?1 AND l.word = ?8 AND j.id = l.job_id", "l.job_id > ?2", "l.job_id");
    }

    /// The statement that begins at what the filter narrows most.
    pub(in crate::work) fn choose(filter: &JobFilter, words: &[String]) -> TenantSql {
        let [newest, oldest] = if words.iter().any(|word| !word.is_empty()) {
            [JOBS_WITH_WORD, OLDEST_JOBS_WITH_WORD]
        } else if filter.assignee.is_some() && filter.state.is_some() {
            [JOBS_OF_IN_STATE, OLDEST_JOBS_OF_IN_STATE]
        } else if filter.assignee.is_some() {
            [JOBS_OF, OLDEST_JOBS_OF]
        } else if !filter.asset_class.trim().is_empty() {
            [JOBS_OF_CLASS, OLDEST_JOBS_OF_CLASS]
        } else if filter.state.is_some() {
            [JOBS_IN_STATE, OLDEST_JOBS_IN_STATE]
        } else if filter.priority.is_some() {
            [JOBS_OF_PRIORITY, OLDEST_JOBS_OF_PRIORITY]
        } else {
            [JOBS, OLDEST_JOBS]
        };
        match filter.order {
            JobOrder::Newest => newest,
            JobOrder::Oldest => oldest,
        }
    }
}

//! The statements that list pages, by key and never by counting. Each begins at the index of what the fewest things have, in the order
//! of the list, so that a page costs what it shows. The other filters are asked of their own indexes before a row is read; a key is
//! asked for between itself and itself there, for a key that is equal would make both engines read the row to look at.

use crate::error::{Error, Result};
use crate::store::{FromRow, Row};
use crate::work::Words;

/// What a page can begin at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::work) enum Lead {
    /// The word in this place, from 0.
    Word(usize),
    /// Who is to do it, in a state if one is asked for.
    Assignee,
    /// The asset class, in a state if one is asked for.
    Class,
    /// State, priority, or all there is.
    Rest,
}

/// How many things have each, counted up to a thousand: of more it does not matter how many more.
pub(in crate::work) struct Counts {
    words: [i64; 3],
    assignee: i64,
    class: i64,
    rest: i64,
}

impl FromRow for Counts {
    fn from_row(row: &Row) -> Result<Self> {
        let words = [row.int(0)?, row.int(1)?, row.int(2)?];
        Ok(Self { words, assignee: row.int(3)?, class: row.int(4)?, rest: row.int(5)? })
    }
}

impl Counts {
    fn of(&self, lead: Lead) -> i64 {
        match lead {
            Lead::Word(place) => self.words.get(place).copied().unwrap_or(i64::MAX),
            Lead::Assignee => self.assignee,
            Lead::Class => self.class,
            Lead::Rest => self.rest,
        }
    }
}

/// Of those that a page can begin at the one that fewest things have; the first if nothing was counted, and of equals.
pub(in crate::work) fn fewest(leads: &[Lead], counts: Option<&Counts>) -> Result<Lead> {
    let count = |lead: &&Lead| counts.map_or(0, |counts| counts.of(**lead));
    leads.iter().min_by_key(count).copied().ok_or_else(|| Error::internal("a page begins at nothing"))
}

/// The words, with the one that leads in the first place.
pub(in crate::work) fn led_by(lead: Lead, mut words: Words) -> Words {
    if let Lead::Word(place) = lead
        && place < words.len()
    {
        words.swap(0, place);
    }
    words
}

/// The places of the words there are.
fn places(words: &Words) -> impl Iterator<Item = Lead> {
    words.iter().enumerate().filter(|(_, word)| !word.is_empty()).map(|(place, _)| Lead::Word(place))
}

/// How many rows of a table there are, up to a thousand.
macro_rules! up_to_a_thousand {
    ($from:literal, $where:literal) => {
        concat!("(SELECT count(*) FROM (SELECT 1 FROM ", $from, " WHERE tenant_id = ?1 AND ", $where, " LIMIT 1000) n)")
    };
}

/// Asks an index whether it holds the key in hand, unless the filter is not set.
macro_rules! holds {
    ($unset:literal, $table:literal, $where:literal, $id:literal, $key:literal) => {
        concat!(
            " AND (",
            $unset,
            " OR EXISTS (SELECT 1 FROM ",
            $table,
            " x WHERE x.tenant_id = ?1 AND ",
            $where,
            " AND x.",
            $id,
            " >= ",
            $key,
            " AND x.",
            $id,
            " <= ",
            $key,
            "))"
        )
    };
}

/// The templates' pages.
pub(crate) mod templates {
    use super::{Lead, places};
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{TemplateFilter, TemplateOrder, VersionState, Words};

    /// Arguments: after, how many, state, class, three words.
    macro_rules! newest {
        ($from:literal, $id:literal, $lead:literal, $filters:expr) => {
            page!($from, $id, $lead, concat!(" AND ", $id, " < ?2"), concat!($id, " DESC"), $filters)
        };
    }

    /// The same, and the place in the order of titles.
    macro_rules! by_title {
        ($from:literal, $id:literal, $lead:literal, $filters:expr) => {
            page!(
                $from,
                $id,
                $lead,
                concat!(" AND (l.title_key, ", $id, ") > (?9, ?2)"),
                concat!("l.title_key, ", $id),
                $filters
            )
        };
    }

    macro_rules! page {
        ($from:literal, $id:literal, $lead:literal, $place:expr, $order:expr, $filters:expr) => {
            concat!(
                "SELECT t.id, t.title, t.asset_class, t.state, t.published, t.last_number, t.changes, t.created_by, t.created_at,
                    t.updated_at
                FROM ", $from, " l CROSS JOIN templates t WHERE l.tenant_id = ?1 ", $lead, $place, " AND t.tenant_id = ?1 AND t.id = ", $id,
                $filters, " ORDER BY ", $order, " LIMIT ?3"
            )
        };
    }

    macro_rules! state {
        ($key:literal) => {
            concat!(
                " AND (?4 = '' OR CASE WHEN ?4 = 'published'
                    THEN EXISTS (SELECT 1 FROM templates x WHERE x.tenant_id = ?1 AND x.published > 0 AND x.id >= ", $key, " AND x.id <= ", $key, ")
                    ELSE EXISTS (SELECT 1 FROM templates x WHERE x.tenant_id = ?1 AND x.state = ?4 AND x.id >= ", $key, " AND x.id <= ", $key, ")
                    END)"
            )
        };
    }

    macro_rules! class {
        ($key:literal) => {
            holds!("?5 = ''", "templates", "x.class_key = ?5", "id", $key)
        };
    }

    macro_rules! words {
        ($key:literal) => {
            concat!(holds!("?6 = ''", "template_words", "x.word = ?6", "template_id", $key), other_words!($key))
        };
    }

    macro_rules! other_words {
        ($key:literal) => {
            concat!(
                holds!("?7 = ''", "template_words", "x.word = ?7", "template_id", $key),
                holds!("?8 = ''", "template_words", "x.word = ?8", "template_id", $key)
            )
        };
    }

    statements! {
        /// The newest first.
        tenant TEMPLATES = newest!("templates", "l.id", "", concat!(state!("l.id"), class!("l.id"), words!("l.id")));
        /// By title.
        tenant TEMPLATES_BY_TITLE = by_title!("templates", "l.id", "", concat!(state!("l.id"), class!("l.id"), words!("l.id")));
        /// Those in a state.
        tenant TEMPLATES_IN_STATE = newest!("templates", "l.id", "AND l.state = ?4", concat!(class!("l.id"), words!("l.id")));
        /// Those in a state, by title.
        tenant TEMPLATES_IN_STATE_BY_TITLE = by_title!("templates", "l.id", "AND l.state = ?4", concat!(class!("l.id"), words!("l.id")));
        /// Those with a published version.
        tenant TEMPLATES_PUBLISHED = newest!("templates", "l.id", "AND l.published > 0 AND ?4 = 'published'", concat!(class!("l.id"), words!("l.id")));
        /// Those with a published version, by title.
        tenant TEMPLATES_PUBLISHED_BY_TITLE = by_title!("templates", "l.id", "AND l.published > 0 AND ?4 = 'published'", concat!(class!("l.id"), words!("l.id")));
        /// Those for a class.
        tenant TEMPLATES_OF_CLASS = newest!("templates", "l.id", "AND l.class_key = ?5", concat!(state!("l.id"), words!("l.id")));
        /// Those for a class, by title.
        tenant TEMPLATES_OF_CLASS_BY_TITLE = by_title!("templates", "l.id", "AND l.class_key = ?5", concat!(state!("l.id"), words!("l.id")));
        /// Those with a word.
        tenant TEMPLATES_WITH_WORD = newest!("template_words", "l.template_id", "AND l.word = ?6", concat!(state!("l.template_id"), class!("l.template_id"), other_words!("l.template_id")));
        /// Those with a word, by title.
        tenant TEMPLATES_WITH_WORD_BY_TITLE = by_title!("template_words", "l.template_id", "AND l.word = ?6", concat!(state!("l.template_id"), class!("l.template_id"), other_words!("l.template_id")));
        /// How many have each of three words, nobody's (templates are not given to people), a class, a state.
        tenant FEWEST = concat!("SELECT ", up_to_a_thousand!("template_words", "word = ?2"), ", ",
            up_to_a_thousand!("template_words", "word = ?3"), ", ",
            up_to_a_thousand!("template_words", "word = ?4"), ", 0, ",
            up_to_a_thousand!("templates", "class_key = ?5"), ", CASE WHEN ?6 = 'published' THEN ",
            up_to_a_thousand!("templates", "published > 0"), " ELSE ",
            up_to_a_thousand!("templates", "state = ?6"), " END");
    }

    /// What a page can begin at, the likely fewest first.
    pub(in crate::work) fn leads(filter: &TemplateFilter, words: &Words) -> Vec<Lead> {
        let mut leads: Vec<Lead> = places(words).collect();
        if !filter.asset_class.trim().is_empty() {
            leads.push(Lead::Class);
        }
        if filter.state.is_some() || leads.is_empty() {
            leads.push(Lead::Rest);
        }
        leads
    }

    /// The statement that begins there.
    pub(in crate::work) fn beginning_at(lead: Lead, filter: &TemplateFilter) -> TenantSql {
        let [newest, by_title] = match (lead, filter.state) {
            (Lead::Word(_), _) => [TEMPLATES_WITH_WORD, TEMPLATES_WITH_WORD_BY_TITLE],
            (Lead::Class, _) => [TEMPLATES_OF_CLASS, TEMPLATES_OF_CLASS_BY_TITLE],
            (_, None) => [TEMPLATES, TEMPLATES_BY_TITLE],
            (_, Some(VersionState::Published)) => [TEMPLATES_PUBLISHED, TEMPLATES_PUBLISHED_BY_TITLE],
            (_, Some(_)) => [TEMPLATES_IN_STATE, TEMPLATES_IN_STATE_BY_TITLE],
        };
        match filter.order {
            TemplateOrder::Newest => newest,
            TemplateOrder::Title => by_title,
        }
    }
}

/// The jobs' pages.
pub(crate) mod jobs {
    use super::{Lead, places};
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{JobFilter, JobOrder, Words};

    /// Arguments: after, how many, state, class, priority, assignee, three words.
    macro_rules! page {
        ($from:literal, $id:literal, $lead:literal, $place:literal, $order:literal, $filters:expr) => {
            concat!(
                "SELECT j.id, j.template_id, j.version, j.title, j.asset, j.asset_class, j.priority, j.assignee, j.state, j.next_step,
                    j.step_count, j.records, j.created_by, j.created_at, j.started_at, j.ended_at
                FROM ", $from, " l CROSS JOIN jobs j WHERE l.tenant_id = ?1 ", $lead, " AND ", $id, $place,
                " AND j.tenant_id = ?1 AND j.id = ", $id, $filters, " ORDER BY ", $id, $order, " LIMIT ?3"
            )
        };
    }

    macro_rules! newest {
        ($from:literal, $id:literal, $lead:literal, $filters:expr) => {
            page!($from, $id, $lead, " < ?2", " DESC", $filters)
        };
    }

    macro_rules! oldest {
        ($from:literal, $id:literal, $lead:literal, $filters:expr) => {
            page!($from, $id, $lead, " > ?2", "", $filters)
        };
    }

    macro_rules! state {
        ($key:literal) => {
            holds!("?4 = ''", "jobs", "x.state = ?4", "id", $key)
        };
    }

    macro_rules! class {
        ($key:literal) => {
            holds!("?5 = ''", "jobs", "x.class_key = ?5", "id", $key)
        };
    }

    macro_rules! priority {
        ($key:literal) => {
            holds!("CAST(?6 AS BIGINT) = 0", "jobs", "x.priority = CAST(?6 AS BIGINT)", "id", $key)
        };
    }

    macro_rules! assignee {
        ($key:literal) => {
            holds!("CAST(?7 AS BIGINT) = 0", "jobs", "x.assignee = CAST(?7 AS BIGINT)", "id", $key)
        };
    }

    macro_rules! words {
        ($key:literal) => {
            concat!(holds!("?8 = ''", "job_words", "x.word = ?8", "job_id", $key), other_words!($key))
        };
    }

    macro_rules! other_words {
        ($key:literal) => {
            concat!(
                holds!("?9 = ''", "job_words", "x.word = ?9", "job_id", $key),
                holds!("?10 = ''", "job_words", "x.word = ?10", "job_id", $key)
            )
        };
    }

    statements! {
        /// The newest first.
        tenant JOBS = newest!("jobs", "l.id", "", concat!(state!("l.id"), priority!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those in a state.
        tenant JOBS_IN_STATE = newest!("jobs", "l.id", "AND l.state = ?4", concat!(priority!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those in a state of a priority.
        tenant JOBS_IN_STATE_OF_PRIORITY = newest!("jobs", "l.id", "AND l.state = ?4 AND l.priority = CAST(?6 AS BIGINT)", concat!(class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those of a priority.
        tenant JOBS_OF_PRIORITY = newest!("jobs", "l.id", "AND l.priority = CAST(?6 AS BIGINT)", concat!(state!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those of an assignee.
        tenant JOBS_OF = newest!("jobs", "l.id", "AND l.assignee = CAST(?7 AS BIGINT)", concat!(state!("l.id"), class!("l.id"), priority!("l.id"), words!("l.id")));
        /// Those of an assignee in a state.
        tenant JOBS_OF_IN_STATE = newest!("jobs", "l.id", "AND l.assignee = CAST(?7 AS BIGINT) AND l.state = ?4", concat!(class!("l.id"), priority!("l.id"), words!("l.id")));
        /// Those for a class.
        tenant JOBS_OF_CLASS = newest!("jobs", "l.id", "AND l.class_key = ?5", concat!(state!("l.id"), priority!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those for a class in a state.
        tenant JOBS_OF_CLASS_IN_STATE = newest!("jobs", "l.id", "AND l.class_key = ?5 AND l.state = ?4", concat!(priority!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those with a word.
        tenant JOBS_WITH_WORD = newest!("job_words", "l.job_id", "AND l.word = ?8", concat!(state!("l.job_id"), class!("l.job_id"), priority!("l.job_id"), assignee!("l.job_id"), other_words!("l.job_id")));
        /// The oldest first.
        tenant OLDEST_JOBS = oldest!("jobs", "l.id", "", concat!(state!("l.id"), priority!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those in a state, the oldest first.
        tenant OLDEST_JOBS_IN_STATE = oldest!("jobs", "l.id", "AND l.state = ?4", concat!(priority!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those in a state of a priority, the oldest first.
        tenant OLDEST_JOBS_IN_STATE_OF_PRIORITY = oldest!("jobs", "l.id", "AND l.state = ?4 AND l.priority = CAST(?6 AS BIGINT)", concat!(class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those of a priority, the oldest first.
        tenant OLDEST_JOBS_OF_PRIORITY = oldest!("jobs", "l.id", "AND l.priority = CAST(?6 AS BIGINT)", concat!(state!("l.id"), class!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those of an assignee, the oldest first.
        tenant OLDEST_JOBS_OF = oldest!("jobs", "l.id", "AND l.assignee = CAST(?7 AS BIGINT)", concat!(state!("l.id"), class!("l.id"), priority!("l.id"), words!("l.id")));
        /// Those of an assignee in a state, the oldest first.
        tenant OLDEST_JOBS_OF_IN_STATE = oldest!("jobs", "l.id", "AND l.assignee = CAST(?7 AS BIGINT) AND l.state = ?4", concat!(class!("l.id"), priority!("l.id"), words!("l.id")));
        /// Those for a class, the oldest first.
        tenant OLDEST_JOBS_OF_CLASS = oldest!("jobs", "l.id", "AND l.class_key = ?5", concat!(state!("l.id"), priority!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those for a class in a state, the oldest first.
        tenant OLDEST_JOBS_OF_CLASS_IN_STATE = oldest!("jobs", "l.id", "AND l.class_key = ?5 AND l.state = ?4", concat!(priority!("l.id"), assignee!("l.id"), words!("l.id")));
        /// Those with a word, the oldest first.
        tenant OLDEST_JOBS_WITH_WORD = oldest!("job_words", "l.job_id", "AND l.word = ?8", concat!(state!("l.job_id"), class!("l.job_id"), priority!("l.job_id"), assignee!("l.job_id"), other_words!("l.job_id")));
        /// How many have each of three words, an assignee and a class, both in the state if one is asked for, and what remains.
        tenant FEWEST = concat!("SELECT ", up_to_a_thousand!("job_words", "word = ?2"), ", ",
            up_to_a_thousand!("job_words", "word = ?3"), ", ", up_to_a_thousand!("job_words", "word = ?4"), ",
            CASE WHEN ?7 = '' THEN ", up_to_a_thousand!("jobs", "assignee = CAST(?5 AS BIGINT)"), "
                ELSE ", up_to_a_thousand!("jobs", "assignee = CAST(?5 AS BIGINT) AND state = ?7"), " END,
            CASE WHEN ?7 = '' THEN ", up_to_a_thousand!("jobs", "class_key = ?6"), "
                ELSE ", up_to_a_thousand!("jobs", "class_key = ?6 AND state = ?7"), " END,
            CASE WHEN ?7 = '' THEN ", up_to_a_thousand!("jobs", "priority = CAST(?8 AS BIGINT)"), "
                WHEN CAST(?8 AS BIGINT) = 0 THEN ", up_to_a_thousand!("jobs", "state = ?7"), "
                ELSE ", up_to_a_thousand!("jobs", "state = ?7 AND priority = CAST(?8 AS BIGINT)"), " END");
    }

    /// What a page can begin at, the likely fewest first.
    pub(in crate::work) fn leads(filter: &JobFilter, words: &Words) -> Vec<Lead> {
        let mut leads: Vec<Lead> = Vec::new();
        if filter.assignee.is_some() {
            leads.push(Lead::Assignee);
        }
        leads.extend(places(words));
        if !filter.asset_class.trim().is_empty() {
            leads.push(Lead::Class);
        }
        if filter.state.is_some() || filter.priority.is_some() || leads.is_empty() {
            leads.push(Lead::Rest);
        }
        leads
    }

    /// The statement that begins there.
    pub(in crate::work) fn beginning_at(lead: Lead, filter: &JobFilter) -> TenantSql {
        let [newest, oldest] = match (lead, filter.state, filter.priority) {
            (Lead::Word(_), ..) => [JOBS_WITH_WORD, OLDEST_JOBS_WITH_WORD],
            (Lead::Assignee, Some(_), _) => [JOBS_OF_IN_STATE, OLDEST_JOBS_OF_IN_STATE],
            (Lead::Assignee, None, _) => [JOBS_OF, OLDEST_JOBS_OF],
            (Lead::Class, Some(_), _) => [JOBS_OF_CLASS_IN_STATE, OLDEST_JOBS_OF_CLASS_IN_STATE],
            (Lead::Class, None, _) => [JOBS_OF_CLASS, OLDEST_JOBS_OF_CLASS],
            (Lead::Rest, Some(_), Some(_)) => [JOBS_IN_STATE_OF_PRIORITY, OLDEST_JOBS_IN_STATE_OF_PRIORITY],
            (Lead::Rest, Some(_), None) => [JOBS_IN_STATE, OLDEST_JOBS_IN_STATE],
            (Lead::Rest, None, Some(_)) => [JOBS_OF_PRIORITY, OLDEST_JOBS_OF_PRIORITY],
            (Lead::Rest, None, None) => [JOBS, OLDEST_JOBS],
        };
        match filter.order {
            JobOrder::Oldest => oldest,
            JobOrder::Newest => newest,
        }
    }
}

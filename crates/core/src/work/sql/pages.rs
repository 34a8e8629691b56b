//! The statements that list pages, by key and never by counting. Each begins at the index of what the fewest things have, in the order
//! of the list, so that a page costs what it shows; the other filters are asked of what comes.

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

/// The templates' pages.
pub(crate) mod templates {
    use super::{Lead, places};
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{TemplateFilter, TemplateOrder, VersionState, Words};

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
        /// Those for a class in a state.
        tenant JOBS_OF_CLASS_IN_STATE = newest!("AND j.class_key = ?5 AND j.state = ?4");
        /// Those in a state of a priority.
        tenant JOBS_IN_STATE_OF_PRIORITY = newest!("AND j.state = ?4 AND j.priority = CAST(?6 AS BIGINT)");
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
        /// Those for a class in a state, the oldest first.
        tenant OLDEST_JOBS_OF_CLASS_IN_STATE = oldest!("AND j.class_key = ?5 AND j.state = ?4");
        /// Those in a state of a priority, the oldest first.
        tenant OLDEST_JOBS_IN_STATE_OF_PRIORITY = oldest!("AND j.state = ?4 AND j.priority = CAST(?6 AS BIGINT)");
        /// Those of a priority, the oldest first.
        tenant OLDEST_JOBS_OF_PRIORITY = oldest!("AND j.priority = CAST(?6 AS BIGINT)");
        /// Those with a word, the oldest first.
        tenant OLDEST_JOBS_WITH_WORD = page!("job_words l CROSS JOIN jobs j",
            "AND l.tenant_id = ?1 AND l.word = ?8 AND j.id = l.job_id", "l.job_id > ?2", "l.job_id");
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
            JobOrder::Newest | JobOrder::Priority => newest,
        }
    }
}

//! The statements that list pages, by key and never by counting. Each begins at the index of what the fewest things have, in the order
//! of the list, and passes over what lacks the marks, the state or the assignee of the other filters inside that index, without reading
//! a row. Of what is left (see `marks.rs`) it looks up the other words and the class. What an older release wrote has neither marks nor
//! state beside it: whoever asks looks at the rows too, and asks again for as many as are not meant.

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
    /// The asset class.
    Class,
    /// State, priority, or all there is.
    Rest,
}

/// Where, from the page's place on, the two hundredth thing with each condition stands in the list; nothing where there are fewer.
pub(in crate::work) struct Reach {
    words: [Option<Vec<u8>>; 3],
    assignee: Option<Vec<u8>>,
    class: Option<Vec<u8>>,
    rest: Option<Vec<u8>>,
}

impl FromRow for Reach {
    fn from_row(row: &Row) -> Result<Self> {
        let key = |at| row.maybe_bytes(at).map(|key| key.map(<[u8]>::to_vec));
        Ok(Self { words: [key(0)?, key(1)?, key(2)?], assignee: key(3)?, class: key(4)?, rest: key(5)? })
    }
}

impl Reach {
    fn of(&self, lead: Lead) -> Option<&[u8]> {
        let key = match lead {
            Lead::Word(place) => self.words.get(place).and_then(Option::as_ref),
            Lead::Assignee => self.assignee.as_ref(),
            Lead::Class => self.class.as_ref(),
            Lead::Rest => self.rest.as_ref(),
        };
        key.map(Vec::as_slice)
    }
}

/// Which way a list runs through its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::work) enum Way {
    /// From the greatest to the least.
    Down,
    /// From the least to the greatest.
    Up,
}

/// Of those that a page can begin at the one that the fewest things have there: whose two hundredth stands farthest away, or which has
/// no two hundred. The first of equals.
pub(in crate::work) fn rarest(leads: &[Lead], reach: Option<&Reach>, way: Way) -> Result<Lead> {
    let key = |lead: &Lead| reach.and_then(|reach| reach.of(*lead));
    let nearer = |one: &[u8], other: &[u8]| if way == Way::Up { one < other } else { one > other };
    let rarer = |best: Lead, lead: &Lead| match (key(&best), key(lead)) {
        (Some(_), None) => *lead,
        (Some(one), Some(other)) if nearer(one, other) => *lead,
        _ => best,
    };
    let (first, others) = leads.split_first().ok_or_else(|| Error::internal("a page begins at nothing"))?;
    Ok(others.iter().fold(*first, rarer))
}

/// The places of the words there are.
fn places(words: &Words) -> impl Iterator<Item = Lead> {
    words.iter().enumerate().filter(|(_, word)| !word.is_empty()).map(|(place, _)| Lead::Word(place))
}

/// Where the two hundredth row of a table stands.
macro_rules! two_hundredth {
    ($key:literal, $from:literal, $where:literal, $place:literal, $order:literal) => {
        concat!(
            "(SELECT ",
            $key,
            " FROM ",
            $from,
            " WHERE tenant_id = ?1 AND ",
            $where,
            " AND ",
            $place,
            " ORDER BY ",
            $order,
            " LIMIT 1 OFFSET 199)"
        )
    };
}

/// Whether the thing `a` of an index really has three words and a class; those that are not asked for are empty. Looked up after all
/// else, and for each thing alone: with an OFFSET PostgreSQL makes no join of it, for which it would read all that have the word.
macro_rules! has_all {
    ($thing:literal, $words:literal, $word_thing:literal, $things:literal) => {
        concat!(
            has_all!(@word "?5", $thing, $words, $word_thing),
            has_all!(@word "?6", $thing, $words, $word_thing),
            has_all!(@word "?7", $thing, $words, $word_thing),
            " AND (?8 = '' OR EXISTS (SELECT 1 FROM ",
            $things,
            " o WHERE o.tenant_id = ?1 AND o.id = a.",
            $thing,
            " AND o.class_key = ?8 LIMIT 1 OFFSET 0))"
        )
    };
    (@word $word:literal, $thing:literal, $words:literal, $word_thing:literal) => {
        concat!(
            " AND (",
            $word,
            " = '' OR EXISTS (SELECT 1 FROM ",
            $words,
            " o WHERE o.tenant_id = ?1 AND o.word = ",
            $word,
            " AND o.",
            $word_thing,
            " = a.",
            $thing,
            " LIMIT 1 OFFSET 0))"
        )
    };
}

/// The words that are to be looked up beside those that a page begins at, which has that word itself.
pub(in crate::work) fn beside(lead: Lead, words: &Words) -> [&str; 3] {
    let mut places = words.iter().enumerate();
    std::array::from_fn(|_| match places.next() {
        Some((place, word)) if lead != Lead::Word(place) => word.as_str(),
        _ => "",
    })
}

/// The templates' pages.
pub(crate) mod templates {
    use super::{Lead, places};
    use crate::store::statement::{TenantSql, statements};
    use crate::work::{TemplateFilter, TemplateOrder, VersionState, Words};

    /// Arguments: after, how many, marks, the words beside the lead's, class; by title the title's place; then what the lead asks for.
    macro_rules! page {
        ($table:literal, $id:literal, $lead:literal, $place:expr, $order:expr) => {
            concat!(
                "SELECT t.id, t.title, t.asset_class, t.state, t.published, t.last_number, t.changes, t.created_by, t.created_at,
                    t.updated_at
                FROM (SELECT ", $id, " AS thing FROM ", $table, " a WHERE tenant_id = ?1 ", $lead, " AND ", $place,
                " AND (marks & ?4) = ?4", has_all!($id, "template_words", "template_id", "templates"),
                " ORDER BY ", $order, " LIMIT ?3) l
                CROSS JOIN templates t WHERE t.tenant_id = ?1 AND t.id = l.thing"
            )
        };
    }

    macro_rules! newest {
        ($table:literal, $id:literal, $lead:literal) => {
            page!($table, $id, $lead, concat!($id, " < ?2"), concat!($id, " DESC"))
        };
    }

    macro_rules! by_title {
        ($table:literal, $id:literal, $lead:literal) => {
            page!($table, $id, $lead, concat!("(title_key, ", $id, ") > (?9, ?2)"), concat!("title_key, ", $id))
        };
    }

    /// Arguments: after, three words, class, state; by title the title's place.
    macro_rules! reach {
        ($key:literal, $place:literal, $order:literal, $word_key:literal, $word_place:literal, $word_order:literal) => {
            concat!(
                "SELECT ",
                two_hundredth!($word_key, "template_words", "word = ?3", $word_place, $word_order),
                ", ",
                two_hundredth!($word_key, "template_words", "word = ?4", $word_place, $word_order),
                ", ",
                two_hundredth!($word_key, "template_words", "word = ?5", $word_place, $word_order),
                ", NULL, ",
                two_hundredth!($key, "templates", "class_key = ?6 AND ?6 <> ''", $place, $order),
                ",
                CASE WHEN ?7 = '' THEN NULL WHEN ?7 = 'published' THEN ",
                two_hundredth!($key, "templates", "published > 0", $place, $order),
                " ELSE ",
                two_hundredth!($key, "templates", "state = ?7", $place, $order),
                " END"
            )
        };
    }

    statements! {
        /// The newest first.
        tenant TEMPLATES = newest!("templates", "id", "");
        /// By title.
        tenant TEMPLATES_BY_TITLE = by_title!("templates", "id", "");
        /// Those in a state.
        tenant TEMPLATES_IN_STATE = newest!("templates", "id", "AND state = ?9");
        /// Those in a state, by title.
        tenant TEMPLATES_IN_STATE_BY_TITLE = by_title!("templates", "id", "AND state = ?10");
        /// Those with a published version.
        tenant TEMPLATES_PUBLISHED = newest!("templates", "id", "AND published > 0");
        /// Those with a published version, by title.
        tenant TEMPLATES_PUBLISHED_BY_TITLE = by_title!("templates", "id", "AND published > 0");
        /// Those for a class.
        tenant TEMPLATES_OF_CLASS = newest!("templates", "id",
            "AND class_key = ?9 AND (?10 = '' OR state = ?10 OR (?10 = 'published' AND published > 0))");
        /// Those for a class, by title.
        tenant TEMPLATES_OF_CLASS_BY_TITLE = by_title!("templates", "id",
            "AND class_key = ?10 AND (?11 = '' OR state = ?11 OR (?11 = 'published' AND published > 0))");
        /// Those with a word.
        tenant TEMPLATES_WITH_WORD = newest!("template_words", "template_id",
            "AND word = ?9 AND (?10 = '' OR state IN (?10, '') OR (?10 = 'published' AND published > 0))");
        /// Those with a word, by title.
        tenant TEMPLATES_WITH_WORD_BY_TITLE = by_title!("template_words", "template_id",
            "AND word = ?10 AND (?11 = '' OR state IN (?11, '') OR (?11 = 'published' AND published > 0))");
        /// The reach of each of three words, nobody's (templates are not given to people), a class, a state.
        tenant REACH = reach!("id", "id < ?2", "id DESC", "template_id", "template_id < ?2", "template_id DESC");
        /// The same by title.
        tenant REACH_BY_TITLE = reach!("title_key", "(title_key, id) > (?8, ?2)", "title_key, id",
            "title_key", "(title_key, template_id) > (?8, ?2)", "title_key, template_id");
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

    /// Arguments: after, how many, marks, the words beside the lead's, class; then what the lead asks for.
    macro_rules! page {
        ($table:literal, $id:literal, $lead:literal, $place:literal, $order:literal) => {
            concat!(
                "SELECT j.id, j.template_id, j.version, j.title, j.asset, j.asset_class, j.priority, j.assignee, j.state, j.next_step,
                    j.step_count, j.records, j.created_by, j.created_at, j.started_at, j.ended_at
                FROM (SELECT ", $id, " AS thing FROM ", $table, " a WHERE tenant_id = ?1 ", $lead, " AND ", $id, $place,
                " AND (marks & ?4) = ?4", has_all!($id, "job_words", "job_id", "jobs"), " ORDER BY ", $id, $order, " LIMIT ?3) l
                CROSS JOIN jobs j WHERE j.tenant_id = ?1 AND j.id = l.thing"
            )
        };
    }

    macro_rules! newest {
        ($table:literal, $id:literal, $lead:literal) => {
            page!($table, $id, $lead, " < ?2", " DESC")
        };
    }

    macro_rules! oldest {
        ($table:literal, $id:literal, $lead:literal) => {
            page!($table, $id, $lead, " > ?2", "")
        };
    }

    /// Arguments: after, three words, assignee, class, state.
    macro_rules! reach {
        ($word_place:literal, $word_order:literal, $place:literal, $order:literal) => {
            concat!(
                "SELECT ",
                two_hundredth!("job_id", "job_words", "word = ?3", $word_place, $word_order),
                ", ",
                two_hundredth!("job_id", "job_words", "word = ?4", $word_place, $word_order),
                ", ",
                two_hundredth!("job_id", "job_words", "word = ?5", $word_place, $word_order),
                ",
                CASE WHEN CAST(?6 AS BIGINT) = 0 THEN NULL WHEN ?8 = '' THEN ",
                two_hundredth!("id", "jobs", "assignee = CAST(?6 AS BIGINT)", $place, $order),
                " ELSE ",
                two_hundredth!("id", "jobs", "assignee = CAST(?6 AS BIGINT) AND state = ?8", $place, $order),
                " END, ",
                two_hundredth!("id", "jobs", "class_key = ?7 AND ?7 <> ''", $place, $order),
                ",
                CASE WHEN ?8 = '' THEN NULL ELSE ",
                two_hundredth!("id", "jobs", "state = ?8", $place, $order),
                " END"
            )
        };
    }

    statements! {
        /// The newest first.
        tenant JOBS = newest!("jobs", "id", "");
        /// Those in a state.
        tenant JOBS_IN_STATE = newest!("jobs", "id", "AND state = ?9");
        /// Those of a priority.
        tenant JOBS_OF_PRIORITY = newest!("jobs", "id", "AND priority = CAST(?9 AS BIGINT)");
        /// Those of an assignee.
        tenant JOBS_OF = newest!("jobs", "id", "AND assignee = CAST(?9 AS BIGINT)");
        /// Those of an assignee in a state.
        tenant JOBS_OF_IN_STATE = newest!("jobs", "id", "AND assignee = CAST(?9 AS BIGINT) AND state = ?10");
        /// Those for a class.
        tenant JOBS_OF_CLASS = newest!("jobs", "id",
            "AND class_key = ?9 AND (?10 = '' OR state = ?10) AND (CAST(?11 AS BIGINT) = 0 OR assignee = CAST(?11 AS BIGINT))");
        /// Those with a word.
        tenant JOBS_WITH_WORD = newest!("job_words", "job_id",
            "AND word = ?9 AND (?10 = '' OR state IN (?10, '')) AND (CAST(?11 AS BIGINT) = 0 OR assignee = CAST(?11 AS BIGINT) OR state = '')");
        /// The oldest first.
        tenant OLDEST_JOBS = oldest!("jobs", "id", "");
        /// Those in a state, the oldest first.
        tenant OLDEST_JOBS_IN_STATE = oldest!("jobs", "id", "AND state = ?9");
        /// Those of a priority, the oldest first.
        tenant OLDEST_JOBS_OF_PRIORITY = oldest!("jobs", "id", "AND priority = CAST(?9 AS BIGINT)");
        /// Those of an assignee, the oldest first.
        tenant OLDEST_JOBS_OF = oldest!("jobs", "id", "AND assignee = CAST(?9 AS BIGINT)");
        /// Those of an assignee in a state, the oldest first.
        tenant OLDEST_JOBS_OF_IN_STATE = oldest!("jobs", "id", "AND assignee = CAST(?9 AS BIGINT) AND state = ?10");
        /// Those for a class, the oldest first.
        tenant OLDEST_JOBS_OF_CLASS = oldest!("jobs", "id",
            "AND class_key = ?9 AND (?10 = '' OR state = ?10) AND (CAST(?11 AS BIGINT) = 0 OR assignee = CAST(?11 AS BIGINT))");
        /// Those with a word, the oldest first.
        tenant OLDEST_JOBS_WITH_WORD = oldest!("job_words", "job_id",
            "AND word = ?9 AND (?10 = '' OR state IN (?10, '')) AND (CAST(?11 AS BIGINT) = 0 OR assignee = CAST(?11 AS BIGINT) OR state = '')");
        /// The reach of each of three words, an assignee (in the state if one is asked for), a class, a state.
        tenant REACH = reach!("job_id < ?2", "job_id DESC", "id < ?2", "id DESC");
        /// The same, the oldest first.
        tenant OLDEST_REACH = reach!("job_id > ?2", "job_id", "id > ?2", "id");
    }

    /// What a page can begin at, the likely fewest first. At a priority only if nothing else is asked for: all marks tell it.
    pub(in crate::work) fn leads(filter: &JobFilter, words: &Words) -> Vec<Lead> {
        let mut leads: Vec<Lead> = Vec::new();
        if filter.assignee.is_some() {
            leads.push(Lead::Assignee);
        }
        leads.extend(places(words));
        if !filter.asset_class.trim().is_empty() {
            leads.push(Lead::Class);
        }
        if filter.state.is_some() || leads.is_empty() {
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
            (Lead::Class, ..) => [JOBS_OF_CLASS, OLDEST_JOBS_OF_CLASS],
            (Lead::Rest, Some(_), _) => [JOBS_IN_STATE, OLDEST_JOBS_IN_STATE],
            (Lead::Rest, None, Some(_)) => [JOBS_OF_PRIORITY, OLDEST_JOBS_OF_PRIORITY],
            (Lead::Rest, None, None) => [JOBS, OLDEST_JOBS],
        };
        match filter.order {
            JobOrder::Oldest => oldest,
            JobOrder::Newest => newest,
        }
    }
}

//! How many jobs are open, for whoever wants to see it at a glance.

use crate::access::{Grant, right};
use crate::app::App;
use crate::error::Result;
use crate::store::{FromRow, Row, args};

pub(crate) mod sql {
    use super::COUNTED;
    use crate::store::statement::statements;

    /// Jobs of one kind, counted in an index, up to so many.
    macro_rules! so_many {
        ($which:literal) => {
            concat!("(SELECT count(*) FROM (SELECT 1 FROM jobs WHERE tenant_id = ?1 AND ", $which, " LIMIT 10000) n)")
        };
    }

    const _: () = assert!(COUNTED == 10_000, "the limit of the statement");

    statements! {
        /// Open jobs by state, everybody's and one user's.
        tenant OPEN = concat!(
            "SELECT ",
            so_many!("state = 'unassigned'"),
            ", ",
            so_many!("state = 'assigned'"),
            ", ",
            so_many!("state = 'in-progress'"),
            ", ",
            so_many!("assignee = ?2 AND state = 'assigned'"),
            ", ",
            so_many!("assignee = ?2 AND state = 'in-progress'")
        );
    }
}

/// Jobs are counted up to so many; of more it does not matter how many more.
pub const COUNTED: i64 = 10_000;

/// Open jobs by state, each counted up to [`COUNTED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenJobs {
    /// Nobody's yet.
    pub unassigned: i64,
    /// Somebody's, not begun.
    pub assigned: i64,
    /// Under way.
    pub in_progress: i64,
}

/// Open jobs: everybody's, and one's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobTally {
    /// All there are.
    pub all: OpenJobs,
    /// Those that are the caller's to do.
    pub own: OpenJobs,
}

impl FromRow for JobTally {
    fn from_row(row: &Row) -> Result<Self> {
        let all = OpenJobs { unassigned: row.int(0)?, assigned: row.int(1)?, in_progress: row.int(2)? };
        let own = OpenJobs { unassigned: 0, assigned: row.int(3)?, in_progress: row.int(4)? };
        Ok(Self { all, own })
    }
}

impl App {
    /// How many jobs are open.
    pub async fn job_tally(&self, by: &Grant<right::WorkRead>) -> Result<JobTally> {
        let tally = self.store.one(by, sql::OPEN, args![by.user()?]).await?;
        Ok(tally.unwrap_or_default())
    }
}

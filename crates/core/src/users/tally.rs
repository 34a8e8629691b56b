//! How many people there are, and how many of them come; how many seats they take.

use std::time::Duration;

use crate::access::{Grant, right};
use crate::app::App;
use crate::config::Mode;
use crate::error::Result;
use crate::license;
use crate::store::{FromRow, Row, args};

pub(crate) mod sql {
    use crate::store::statement::statements;

    statements! {
        /// People by status, and how many of them signed in since a moment; of at most so many.
        tenant TALLY = "SELECT count(CASE WHEN status = 'active' THEN 1 END), count(CASE WHEN status = 'invited' THEN 1 END),
                count(CASE WHEN status = 'disabled' THEN 1 END),
                count(CASE WHEN status = 'active' AND last_sign_in_at >= ?2 THEN 1 END)
            FROM (SELECT status, last_sign_in_at FROM users WHERE tenant_id = ?1 ORDER BY id LIMIT ?3) AS looked_at";
    }
}

/// So many people are looked at. Of larger organisations the overview says "more than".
const COUNTED: i64 = 10_000;
/// Who signed in so long ago counts as active.
const ACTIVE: Duration = Duration::from_hours(30 * 24);

/// The people of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleTally {
    /// Who may sign in.
    pub active: i64,
    /// Who was invited and has not come.
    pub invited: i64,
    /// Who may not sign in.
    pub disabled: i64,
    /// Who may, and has signed in within thirty days.
    pub seen: i64,
    /// Whether there are more people than were counted.
    pub more: bool,
}

impl FromRow for PeopleTally {
    fn from_row(row: &Row) -> Result<Self> {
        let (active, invited, disabled) = (row.int(0)?, row.int(1)?, row.int(2)?);
        Ok(Self { active, invited, disabled, seen: row.int(3)?, more: active + invited + disabled >= COUNTED })
    }
}

/// The seats of the licence in force, over the whole deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// Taken by people who are active or invited.
    pub used: i64,
    /// What the licence has.
    pub of: u32,
}

impl App {
    /// How many people there are.
    pub async fn people_tally(&self, by: &Grant<right::UsersManage>) -> Result<PeopleTally> {
        let since = self.now().before(ACTIVE);
        Ok(self.store.one(by, sql::TALLY, args![since, COUNTED]).await?.unwrap_or_default())
    }

    /// The licence's seats; none where no licence is needed, or there is none.
    pub async fn seats(&self, _by: &Grant<right::UsersManage>) -> Result<Option<Seats>> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(None);
        }
        let in_force = self.license_in_force().await?;
        let Some(license) = in_force.license.as_ref() else { return Ok(None) };
        let counted: Option<i64> = self.store.system_one(license::sql::SEATS_USED, args![]).await?;
        Ok(Some(Seats { used: counted.unwrap_or(0), of: license.seats }))
    }
}

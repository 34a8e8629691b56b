//! How long the log is kept: for ever, or as long as the operator says; and the end of a tenant's, with the tenant.

use super::{Action, Entry, Target, Visit, sql};
use crate::app::{self, App, SYSTEM};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AuditId, TenantId};
use crate::store::{Change, args};

/// So many lines are removed in one round of housekeeping, so that nobody's change has to wait long.
const MOST: i64 = 5_000;
/// Up to which moment the log has been trimmed.
const TRIMMED: &str = "audit-trimmed";
const DAY: i64 = 86_400;

impl App {
    /// Removes lines older than the retention, if there is one: those of whole days (UTC), and the first time each day that is written
    /// down.
    pub(crate) async fn trim_audit(&self, now: Timestamp) -> Result<()> {
        let Some(retention) = self.settings.audit.retention else { return Ok(()) };
        let before = midnight(now.before(retention.0));
        let below = AuditId::first_of(before);
        let old: Option<i64> = self.store.system_one(sql::OLDER, args![below, before]).await?;
        if old.is_none() {
            return Ok(());
        }
        let change = self.trimming(before, now).await?.run_system(sql::REMOVE, args!["*", before, below, MOST]);
        match self.store.carry_out(change).await {
            // Another node does it.
            Err(Error::Conflict) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn trimming(&self, before: Timestamp, now: Timestamp) -> Result<Change> {
        let mark: Option<String> = self.store.system_one(app::sql::FACT, args![TRIMMED]).await?;
        if mark.is_some_and(|mark| mark == before.0.to_string()) {
            return Ok(Change::unlogged());
        }
        let entry = Entry::done(now, &SYSTEM, &Visit::none(), Action::AuditTrimmed, Target::named("audit", "all"));
        let entry = entry.because(format!("lines from before {before}"));
        let raise = args![TRIMMED, before.0.to_string()];
        Ok(Change::system(entry).must_system(app::sql::RAISE_FACT, raise, || Error::Conflict))
    }
}

/// Adds to a change that so many lines of a tenant's log go, the tenant being gone or on its way.
pub(crate) fn forgetting_log(change: Change, tenant: &TenantId, most: u32) -> Change {
    change.run_system(sql::REMOVE, args![tenant, 0_i64, AuditId::FIRST, most])
}

fn midnight(moment: Timestamp) -> Timestamp {
    Timestamp::from_seconds(moment.seconds().div_euclid(DAY) * DAY)
}

//! The leaving of a tenant: at once gone for everybody, then cleared away piece by piece, however much it held.
//!
//! The first change marks the tenant: nobody can sign in, every session is over, its domains and providers are others' to have, and it
//! takes no seat. What it held goes in bounded changes, each of one table, what hangs on others first, so that nothing else has to wait
//! for long. Each change takes its turn by the tenant's version: of several nodes one goes on, and one that starts goes on where another
//! was killed. The row of the tenant goes last, and until then its id is nobody else's.

use super::sql::{self, leaving as pieces};
use super::{TenantStatus, entry};
use crate::access::{SystemGrant, system_right};
use crate::app::App;
use crate::audit::{self, Action};
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::signin;
use crate::store::statement::SystemSql;
use crate::store::{Change, FromRow, Row, Stale, args};

/// Rows of one table that go in one change: tens of milliseconds.
pub const ROWS: u32 = 1_000;
/// Changes made before a deletion is answered: most tenants are gone then.
const AT_ONCE: u32 = 40;

/// A tenant that leaves, and its version.
struct Leaving(TenantId, i64);

impl FromRow for Leaving {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self(row.tenant(0)?, row.int(1)?))
    }
}

impl App {
    /// Deletes a tenant: nobody finds it any more, and what it held goes, at once or, if it is much, by and by. Until all of it is gone
    /// its status is [`TenantStatus::Leaving`], and its id is not given again. Its users' ids never are.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_tenant(&self, by: &SystemGrant<system_right::TenantsManage>, id: &TenantId) -> Result<()> {
        self.begin_deleting(by, id).await?;
        // It is deleted, whatever becomes of the rest for now.
        if let Err(fault) = self.clear(id, ROWS, AT_ONCE).await {
            tracing::warn!(cause = &fault as &dyn std::error::Error, client = %id, "a client is not cleared away yet");
        }
        Ok(())
    }

    /// The first step of [`App::delete_tenant`]; the others are [`App::clear_leaving`]'s.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn begin_deleting(&self, by: &SystemGrant<system_right::TenantsManage>, id: &TenantId) -> Result<()> {
        if self.tenant_in_any_state(id).await?.status == TenantStatus::Leaving {
            return Ok(());
        }
        let change = Change::system(entry(self.now(), by, Action::TenantDeleted, id))
            .must_system(sql::LEAVE, args![id], || Error::NotFound)
            .run_system(pieces::DOMAINS, args![id])
            .run_system(pieces::PROVIDER_CLAIMS, args![id])
            .forgetting(Stale::Everything);
        self.store.apply_system(by, change).await.map(drop)
    }

    /// Clears away what a tenant that leaves held, so many rows in a change and at most so many changes; says whether there may be more
    /// to do. Another node that does the same is left to it.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn clear_leaving(&self, rows: u32, changes: u32) -> Result<bool> {
        let Some(Leaving(id, _)) = self.store.system_one(sql::ANY_LEAVING, args![]).await? else {
            return Ok(false);
        };
        self.clear(&id, rows, changes).await
    }

    /// At most so many changes; whether they were too few. Not so if another node made one meanwhile.
    async fn clear(&self, id: &TenantId, rows: u32, most: u32) -> Result<bool> {
        let Some(Leaving(id, mut version)) = self.store.system_one(sql::FIND_LEAVING, args![id]).await? else {
            return Ok(false);
        };
        let mut steps = pieces::ALL_OF_IT.iter().peekable();
        for _ in 0..most {
            let Some(piece) = steps.peek() else {
                return self.clear_rest(&id, version, rows).await;
            };
            let turn = turn(&id, version);
            let change = piece.iter().fold(turn, |change, step| change.run_system(*step, args![&id, rows]));
            match self.store.carry_out(change).await {
                Ok(applied) if applied.touched(piece.len()) < u64::from(rows) => drop(steps.next()),
                Ok(_) => {}
                Err(Error::Conflict) => return Ok(false),
                Err(fault) => return Err(fault),
            }
            version += 1;
        }
        Ok(true)
    }

    /// The log, which only the database itself can shorten, and with the last of it the tenant.
    async fn clear_rest(&self, id: &TenantId, version: i64, rows: u32) -> Result<bool> {
        let more: Option<i64> = self.store.system_one(audit::sql::MORE_THAN, args![id, rows]).await?;
        let change = audit::forgetting_log(turn(id, version), id, rows);
        let change = if more.is_some() {
            change
        } else {
            change
                .run_system(sql::DELETE, args![id])
                .run_system(signin::sql::FORGET, args![signin::guesses::tenant_key(id)])
                .run_system(signin::sql::FORGET, args![signin::proofs_key(id)])
                .forgetting(Stale::Everything)
        };
        match self.store.carry_out(change).await {
            Err(Error::Conflict) => Ok(false),
            outcome => outcome.map(|_| true),
        }
    }
}

/// A change that is made by whoever saw the tenant as it was last.
fn turn(id: &TenantId, version: i64) -> Change {
    Change::unlogged().must_system(sql::TAKE_TURN, args![id, version], || Error::Conflict)
}

/// Pieces of what a tenant held: the statements of one change, the last of which says how many rows went.
pub(super) type Piece = &'static [SystemSql];

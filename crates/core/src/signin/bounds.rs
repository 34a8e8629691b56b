//! Bounds on strangers with foreign proofs: how many journeys may begin from one address, and how many proofs may fail.

use std::time::Duration;

use super::guesses::{budget_failed, counted};
use super::sql;
use super::throttle::Allowance;
use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::TenantId;
use crate::store::{Change, args};

/// What is counted, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound<'a> {
    /// Journeys begun from an address. One that led to a session is forgiven, so that an office behind one address may come to work.
    Starts(&'a Visit),
    /// Proofs from an address that failed: callbacks, documents, codes, tokens.
    Proofs(&'a Visit),
    /// The same at one tenant, from all addresses, by those whom we did not send away ourselves.
    ProofsAt(&'a TenantId),
}

/// A quarter of an hour, as for passwords.
const WINDOW: Duration = Duration::from_mins(15);
/// None of these proofs can be guessed; what is bounded is the work of looking at them. One address may be a whole company whose
/// provider has just changed its certificate, or Microsoft's, from which the apps of many come with tokens that ran out.
const PROOFS: u32 = 1_500;

impl Bound<'_> {
    fn key(self) -> String {
        match self {
            Self::Starts(visit) => format!("starts/{}", counted(visit.address)),
            Self::Proofs(visit) => format!("proofs/{}", counted(visit.address)),
            Self::ProofsAt(tenant) => proofs_key(tenant),
        }
    }
}

/// Where failed proofs of a tenant are counted.
pub(crate) fn proofs_key(tenant: &TenantId) -> String {
    format!("proofs/tenant/{tenant}")
}

impl App {
    /// Refuses if the bound is reached.
    ///
    /// # Errors
    /// [`Error::RateLimited`](crate::error::Error::RateLimited).
    pub(crate) async fn demand_room(&self, bound: Bound<'_>, now: Timestamp) -> Result<()> {
        self.demand_budget(&bound.key(), &self.allowance_of(bound), now).await
    }

    /// Adds to a change that there was one more.
    pub(crate) fn counting(&self, change: Change, bound: Bound<'_>, now: Timestamp) -> Change {
        budget_failed(change, &bound.key(), &self.allowance_of(bound), now)
    }

    fn allowance_of(&self, bound: Bound<'_>) -> Allowance {
        let limits = &self.settings.limits;
        let limit = match bound {
            Bound::Starts(_) => limits.guesses_per_address,
            Bound::Proofs(_) => limits.guesses_per_address.min(PROOFS),
            Bound::ProofsAt(_) => limits.guesses_per_tenant,
        };
        Allowance { limit, window: WINDOW }
    }
}

/// Adds to a change that a journey begun from here has ended well.
pub(super) fn forgiving_start(change: Change, visit: &Visit) -> Change {
    change.run_system(sql::BUDGET_FORGIVEN, args![Bound::Starts(visit).key()])
}

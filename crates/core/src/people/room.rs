//! How many letters strangers and colleagues may have sent: counted exactly, in the change that queues them.

use std::time::Duration;

use super::sql;
use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{TenantId, UserId};
use crate::signin::guesses::counted;
use crate::signin::throttle::Allowance;
use crate::store::{Change, args};
use crate::users::Email;

/// How often in a window.
const WINDOW: Duration = Duration::from_hours(1);
/// Letters with a link to one mailbox: more than anybody needs, fewer than would be a nuisance.
const MAILBOX: Allowance = Allowance { limit: 5, window: WINDOW };
/// Forgotten passwords from one address: a whole site may share one.
const ADDRESS: Allowance = Allowance { limit: 60, window: WINDOW };

/// What is counted, and where.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room<'a> {
    /// Letters that one tenant has sent to a mailbox. Tenants are counted apart, or one could keep another's people from theirs.
    Mailbox(&'a TenantId, &'a Email),
    /// Letters to other mailboxes, that a user has sent by wishing for their addresses.
    Wisher(UserId),
    /// Forgotten passwords of a mailbox, whether or not anybody has it.
    Forgotten(&'a Email),
    /// Forgotten passwords from an address.
    From(&'a Visit),
}

impl Room<'_> {
    fn key(self) -> String {
        match self {
            Self::Mailbox(tenant, email) => format!("mailbox/{tenant}/{}", email.key()),
            Self::Wisher(user) => format!("wisher/{user}"),
            Self::Forgotten(email) => format!("forgotten/{}", email.key()),
            Self::From(visit) => format!("forgotten-from/{}", counted(visit.address)),
        }
    }

    fn allowance(self) -> Allowance {
        match self {
            Self::Mailbox(..) | Self::Wisher(_) | Self::Forgotten(_) => MAILBOX,
            Self::From(_) => ADDRESS,
        }
    }
}

impl App {
    /// Adds to a change that there is one more; refuses if there is no room.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time to wait.
    pub(super) async fn taking_room(&self, change: Change, room: Room<'_>, now: Timestamp) -> Result<Change> {
        let (key, allowance) = (room.key(), room.allowance());
        self.demand_budget(&key, &allowance, now).await?;
        let row = args![key, now, now.before(allowance.window), allowance.limit];
        // Whoever passed the look just now and finds no room any more has come with many others.
        Ok(change.must_system(sql::TAKE_ROOM, row, || Error::RateLimited(WINDOW)))
    }
}

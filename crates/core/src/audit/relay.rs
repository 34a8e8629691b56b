//! Sending the log on to other places, line by line, each at least once: where it stands is in the store, and one node does it.

use std::time::Duration;

use super::read::over_all;
use super::{Filter, Record, sql};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::AuditId;
use crate::store::{Change, FromRow, Row, args};

/// A line is sent so long after it was minted, so that none which another node is still writing is overtaken.
pub const RELAY_DELAY: Duration = Duration::from_secs(10);
/// A node's turn, prolonged while it lives.
const TURN: Duration = Duration::from_secs(30);
/// Lines read and sent at once.
const PIECE: u32 = 500;

/// How far a place has been told.
struct Relay {
    sent: AuditId,
    holder: String,
    held_until: Timestamp,
}

impl FromRow for Relay {
    fn from_row(row: &Row) -> Result<Self> {
        let sent = AuditId::stored(row.bytes(0)?).ok_or_else(|| Error::internal("a relay's mark is not 16 bytes"))?;
        Ok(Self { sent, holder: row.text(1)?.into(), held_until: row.time(2)? })
    }
}

impl App {
    /// The next lines that a place has not been told of, of every log, oldest first; none if there are none, or while it is another
    /// node's turn. A place that was never told of begins with the present.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn lines_to_relay(&self, place: &str, node: &str) -> Result<Vec<Record>> {
        let now = self.now();
        let below = AuditId::first_of(now.before(RELAY_DELAY));
        let Some(sent) = self.take_relay(place, node, below, now).await? else { return Ok(Vec::new()) };
        let filter = Filter { first: Some(PIECE), ..Filter::default() };
        self.store.system_all(sql::NEXT_OF_ALL, over_all(filter.oldest_first(Some(sent), below))).await
    }

    /// Notes that a place has been told up to a line. Until then those lines are given again.
    ///
    /// # Errors
    /// [`Error::Conflict`] if this node was so slow that another has taken over.
    pub async fn relayed(&self, place: &str, node: &str, last: AuditId) -> Result<()> {
        let told = args![place, node, last, self.now().after(TURN)];
        self.store.carry_out(Change::unlogged().must_system(sql::SENT, told, || Error::Conflict)).await.map(drop)
    }

    /// How far the place has been told, if it is this node's turn.
    async fn take_relay(&self, place: &str, node: &str, below: AuditId, now: Timestamp) -> Result<Option<AuditId>> {
        let Some(relay) = self.relay(place).await? else {
            self.store.carry_out(Change::unlogged().run_system(sql::BEGIN_RELAY, args![place, below])).await?;
            return Ok(None);
        };
        if relay.holder == node && relay.held_until > now.after(TURN / 2) {
            return Ok(Some(relay.sent));
        }
        let turn = args![place, node, now.after(TURN), now];
        match self.store.carry_out(Change::unlogged().must_system(sql::TAKE_TURN, turn, || Error::Conflict)).await {
            Err(Error::Conflict) => Ok(None),
            // Whoever had the turn before may have sent more since we looked.
            outcome => outcome.map(drop).and(Ok(self.relay(place).await?.map(|relay| relay.sent))),
        }
    }

    async fn relay(&self, place: &str) -> Result<Option<Relay>> {
        self.store.system_one(sql::RELAY, args![place]).await
    }
}

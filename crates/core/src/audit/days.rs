//! Sign-ins day by day. The log is only added to, so each of its lines is counted once and the counts are kept; what was written since
//! is counted when somebody asks.

pub(crate) mod sql;

use std::time::Duration;

use crate::access::{Grant, right};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::AuditId;
use crate::store::{Change, FromRow, Row, args};

/// As many days as are counted at most, today among them.
pub const MOST_DAYS: u32 = 30;
/// A line may be written a while after the moment its id says, on a node whose clock is behind: younger ones are not settled yet.
const SETTLES: Duration = Duration::from_mins(10);
/// What is kept may lag behind by so much before it is brought forward: the lines of that time are counted at each asking.
const LAGS: Duration = Duration::from_mins(20);
/// So many lines are counted at once, and so often for one asking. What is left then is for the next.
const CHUNK: i64 = 50_000;
const CHUNKS: usize = 6;
const DAY: i64 = 86_400_000_000;

/// How people sign in, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With a password, and a second factor if need be.
    Password,
    /// With a passkey.
    Passkey,
    /// Through an identity provider.
    Provider,
    /// By their invitation.
    Invitation,
    /// Refused before it was known how: a wrong password, code or passkey.
    Unknown,
}

impl Way {
    fn stored(word: &str) -> Self {
        match word {
            "password" => Self::Password,
            "passkey" => Self::Passkey,
            "provider" => Self::Provider,
            "invitation" => Self::Invitation,
            _ => Self::Unknown,
        }
    }
}

/// The sign-ins of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInDay {
    /// Its first moment (UTC).
    pub begins: Timestamp,
    /// With a password.
    pub password: i64,
    /// With a passkey.
    pub passkey: i64,
    /// Through an identity provider.
    pub provider: i64,
    /// By an invitation.
    pub invitation: i64,
    /// Not let in, by whatever way.
    pub refused: i64,
}

impl SignInDay {
    fn empty(day: i64) -> Self {
        let begins = Timestamp(day.saturating_mul(DAY));
        Self { begins, password: 0, passkey: 0, provider: 0, invitation: 0, refused: 0 }
    }

    /// Everybody who was let in.
    pub fn done(&self) -> i64 {
        self.password + self.passkey + self.provider + self.invitation
    }

    fn add(&mut self, count: &Count) {
        self.refused += count.refused;
        match count.way() {
            Way::Password => self.password += count.done,
            Way::Passkey => self.passkey += count.done,
            Way::Provider => self.provider += count.done,
            Way::Invitation | Way::Unknown => self.invitation += count.done,
        }
    }
}

/// The sign-ins of some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInDays {
    /// Each day, today last, whether or not anything happened.
    pub days: Vec<SignInDay>,
    /// Whether everything is counted. If not, the newest lines of a long log are still to be counted: ask again.
    pub whole: bool,
}

/// A row of counts.
#[derive(Clone, Debug)]
struct Count {
    day: i64,
    way: String,
    done: i64,
    refused: i64,
}

impl Count {
    fn way(&self) -> Way {
        Way::stored(&self.way)
    }
}

impl FromRow for Count {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { day: row.int(0)?, way: row.text(1)?.into(), done: row.int(2)?, refused: row.int(3)? })
    }
}

/// A row of what is kept: how far, and the counts of one day and way if there are any.
struct Kept {
    upto: AuditId,
    count: Option<Count>,
}

impl FromRow for Kept {
    fn from_row(row: &Row) -> Result<Self> {
        let upto = AuditId::stored(row.bytes(4)?).ok_or_else(|| Error::internal("an audit id is not 16 bytes"))?;
        let count = row.maybe_int(0)?.map(|_| Count::from_row(row)).transpose()?;
        Ok(Self { upto, count })
    }
}

/// The id of a line.
struct LineId(AuditId);

impl FromRow for LineId {
    fn from_row(row: &Row) -> Result<Self> {
        AuditId::stored(row.bytes(0)?).map(Self).ok_or_else(|| Error::internal("an audit id is not 16 bytes"))
    }
}

impl App {
    /// The tenant's sign-ins of the last days, today last; at most [`MOST_DAYS`].
    ///
    /// Usually two statements. The first to ask in a long while counts what came since, and keeps the counts.
    pub async fn sign_in_days(&self, by: &Grant<right::AuditRead>, days: u32) -> Result<SignInDays> {
        let now = self.now();
        let today = now.0.div_euclid(DAY);
        let oldest = today + 1 - i64::from(MOST_DAYS);
        let beginning = AuditId::first_of(Timestamp(oldest.saturating_mul(DAY))).previous();
        let settled = AuditId::first_of(now.before(SETTLES));
        let lagging = AuditId::first_of(now.before(LAGS));
        for _ in 0..CHUNKS {
            let (upto, kept) = self.kept_days(by, oldest).await?;
            let from = upto.unwrap_or(beginning).max(beginning);
            if upto.is_some() && from >= lagging {
                let (fresh, whole) = self.count_sign_ins(by, from, AuditId::LAST).await?;
                return Ok(days_of(today, days, kept.iter().chain(&fresh), whole.is_none()));
            }
            let (counts, end) = self.count_sign_ins(by, from, settled).await?;
            let reached = end.unwrap_or(settled.previous());
            match self.keep_days(by, upto, reached, &counts, oldest).await {
                // Somebody else asked at the same time, and was faster: theirs is as good.
                Ok(()) | Err(Error::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        let (_, kept) = self.kept_days(by, oldest).await?;
        Ok(days_of(today, days, kept.iter(), false))
    }

    /// Up to which line is counted, and the counts.
    async fn kept_days(&self, by: &Grant<right::AuditRead>, oldest: i64) -> Result<(Option<AuditId>, Vec<Count>)> {
        let rows: Vec<Kept> = self.store.all(by, sql::KEPT, args![oldest]).await?;
        let upto = rows.first().map(|row| row.upto);
        Ok((upto, rows.into_iter().filter_map(|row| row.count).collect()))
    }

    /// Counts the lines between two ids; with the last that was counted if there are more of them than are counted at once.
    async fn count_sign_ins(
        &self,
        by: &Grant<right::AuditRead>,
        after: AuditId,
        before: AuditId,
    ) -> Result<(Vec<Count>, Option<AuditId>)> {
        let counts: Vec<Count> = self.store.all(by, sql::COUNT, args![after, before, CHUNK]).await?;
        let lines: i64 = counts.iter().map(|it| it.done + it.refused).sum();
        if lines < CHUNK {
            return Ok((counts, None));
        }
        let last: Vec<LineId> = self.store.all(by, sql::LAST_COUNTED, args![after, before, CHUNK - 1]).await?;
        Ok((counts, last.first().map(|it| it.0)))
    }

    /// Keeps counts, if nobody has kept others since. Nothing that anybody did: it leaves no line, and needs no right that writes.
    async fn keep_days(
        &self,
        by: &Grant<right::AuditRead>,
        from: Option<AuditId>,
        reached: AuditId,
        counts: &[Count],
        oldest: i64,
    ) -> Result<()> {
        let mark = args![from.unwrap_or(AuditId::FIRST), reached];
        let change = Change::unlogged_within(by).must(sql::MARK, mark, || Error::Conflict);
        let change = counts
            .iter()
            .fold(change, |change, it| change.run(sql::ADD_DAY, args![it.day, &it.way, it.done, it.refused]));
        self.store.carry_out(change.run(sql::DROP_DAYS, args![oldest])).await.map(drop)
    }
}

/// So many days up to today, with everything that was counted of each.
fn days_of<'a>(today: i64, days: u32, counts: impl Iterator<Item = &'a Count>, whole: bool) -> SignInDays {
    let first = today + 1 - i64::from(days.clamp(1, MOST_DAYS));
    let mut all: Vec<SignInDay> = (first..=today).map(SignInDay::empty).collect();
    for count in counts {
        let place = usize::try_from(count.day - first).ok();
        if let Some(day) = place.and_then(|place| all.get_mut(place)) {
            day.add(count);
        }
    }
    SignInDays { days: all, whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(day: i64, way: &str, done: i64, refused: i64) -> Count {
        Count { day, way: way.into(), done, refused }
    }

    #[test]
    fn each_day_is_there_and_holds_what_was_counted_of_it() {
        let counts = [
            count(98, "password", 2, 0),
            count(100, "provider", 1, 4),
            count(100, "password", 3, 0),
            count(12, "password", 9, 9),
        ];
        let days = days_of(100, 3, counts.iter(), true).days;
        assert_eq!(
            days.iter().map(|day| (day.begins.0 / DAY, day.done(), day.refused)).collect::<Vec<_>>(),
            [(98, 2, 0), (99, 0, 0), (100, 4, 4)]
        );
        assert_eq!(days_of(100, 400, [].iter(), true).days.len(), 30);
    }
}

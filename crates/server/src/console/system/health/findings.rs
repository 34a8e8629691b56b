//! What is not as it should be, judged from one look.

use std::time::Duration;

use purser_core::app::LastCall;
use purser_core::durations::{Counts, Within};
use purser_core::license::Stage;

use super::{Look, WRITER};

/// Something to be looked at. Its words stand in `words`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) enum Finding {
    /// The store does not answer.
    StoreSilent,
    /// Other nodes' changes are not heard.
    NotHeard,
    /// So many changes wait to be written.
    WriterBehind(u64),
    /// One change in a hundred takes longer than this.
    WritesSlow(Duration),
    /// So many requests failed by a fault of ours.
    Failed(u64),
    /// One request in a hundred takes longer than this.
    RequestsSlow(Duration),
    /// So many passwords wait to be hashed.
    HasherBehind(usize),
    /// So many sign-ins were turned away since the start.
    TurnedAway(u64),
    /// So many letters could not be sent.
    LettersGivenUp(u64),
    /// So many letters wait.
    LettersWaiting(u64),
    /// No mail is sent.
    NoMail,
    /// So many providers do not answer.
    ProvidersSilent(usize),
    /// The licence wants to be renewed.
    License(Stage),
}

impl Finding {
    /// Whether people feel it already.
    pub(in crate::console) fn is_grave(&self) -> bool {
        matches!(
            self,
            Self::StoreSilent
                | Self::WriterBehind(_)
                | Self::HasherBehind(_)
                | Self::Failed(_)
                | Self::License(Stage::ReadOnly)
        )
    }
}

/// Slower than this is slow.
const SLOW_REQUEST: Duration = Duration::from_millis(500);
const SLOW_WRITE: Duration = Duration::from_millis(250);
/// Fewer than this tell nothing about one in a hundred.
const ENOUGH: u64 = 100;
/// More letters than this at once are a heap.
const HEAP: u64 = 100;

/// What a look has found, the gravest first.
pub(super) fn of(look: &Look) -> Vec<Finding> {
    let (figures, whole) = (&look.figures, &look.lately.whole);
    let troubled = look.lines.iter().filter(|line| line.open_for.is_some() || line.last != LastCall::Answered).count();
    let mail = look.mail.clone().unwrap_or_default();
    let all = [
        look.ping.is_none().then_some(Finding::StoreSilent),
        (figures.writes_waiting > WRITER / 2).then_some(Finding::WriterBehind(figures.writes_waiting)),
        (figures.hashes_waiting > look.queue / 2).then_some(Finding::HasherBehind(figures.hashes_waiting)),
        (whole.failed > 0).then_some(Finding::Failed(whole.failed)),
        (!figures.hears_other_nodes).then_some(Finding::NotHeard),
        slower(whole.writes, SLOW_WRITE).map(Finding::WritesSlow),
        slower(whole.requests, SLOW_REQUEST).map(Finding::RequestsSlow),
        (figures.hashes_refused > 0).then_some(Finding::TurnedAway(figures.hashes_refused)),
        (troubled > 0).then_some(Finding::ProvidersSilent(troubled)),
        (mail.given_up > 0).then_some(Finding::LettersGivenUp(mail.given_up)),
        (mail.waiting > HEAP).then_some(Finding::LettersWaiting(mail.waiting)),
        (!look.sends_mail).then_some(Finding::NoMail),
        look.license.map(|notice| Finding::License(notice.stage)),
    ];
    let mut found: Vec<_> = all.into_iter().flatten().collect();
    found.sort_by_key(|finding| !finding.is_grave());
    found
}

/// The step in which the slowest of a hundred lie, if that is beyond what is fair.
fn slower(counts: Counts, fair: Duration) -> Option<Duration> {
    let (Within::This(slowest) | Within::Beyond(slowest)) = counts.percentile(99)?;
    (counts.total() >= ENOUGH && slowest > fair).then_some(slowest)
}

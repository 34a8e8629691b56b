//! The pulse of a connection: what it is waiting for, and for how long it may.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::http_settings::HttpSettings;

/// How long a client that was refused may go on sending what we no longer read.
const LINGER: Duration = Duration::from_secs(2);

/// What happens on one connection. Its wire and its requests note it, [`Pulse::watch`] reads it. All of them run in one task,
/// so the atomics only spare a lock.
///
/// hyper's own timer is not used: it would allow an idle connection no more time than a request's head, and proxies that
/// keep connections for later would find them closed under their hands.
#[derive(Debug)]
pub(super) struct Pulse {
    marks: AtomicU8,
    /// Grows with everything that gives the client its time anew.
    beats: AtomicU32,
}

/// A request is being answered.
const BUSY: u8 = 1;
/// Bytes of the next request have come.
const HEARD: u8 = 1 << 1;
/// The client did not take what was last written.
const STALLED: u8 = 1 << 2;
/// We have said our last word.
const CLOSING: u8 = 1 << 3;
/// A request was seen that two readers could read in two ways.
const AMBIGUOUS: u8 = 1 << 4;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Answer,
    Write,
    Linger,
}

impl Default for Pulse {
    /// A new connection owes us a head from the start.
    fn default() -> Self {
        Self { marks: AtomicU8::new(HEARD), beats: AtomicU32::new(0) }
    }
}

impl Pulse {
    /// Bytes were read.
    pub(super) fn heard(&self) {
        self.mark(HEARD);
    }

    /// The head of a request is complete.
    pub(super) fn begun(&self) {
        self.marks.fetch_or(BUSY, Relaxed);
    }

    /// The answer is ready. What was heard until now was of its request.
    pub(super) fn answered(&self) {
        self.marks.fetch_and(!(BUSY | HEARD), Relaxed);
        self.beat();
    }

    /// A piece was written.
    pub(super) fn wrote(&self) {
        self.marks.fetch_and(!STALLED, Relaxed);
        self.beat();
    }

    /// A piece could not be written.
    pub(super) fn stalled(&self) {
        self.mark(STALLED);
    }

    /// Nothing more will be written.
    pub(super) fn closing(&self) {
        self.mark(CLOSING);
    }

    /// The head of a request is framed in two ways.
    pub(super) fn found_ambiguous(&self) {
        self.marks.fetch_or(AMBIGUOUS, Relaxed);
    }

    /// Whether such a head was seen. It poisons the connection, for whatever follows it may be its body.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.has(AMBIGUOUS)
    }

    /// How many answers and writes there were; the same number twice means nothing happened between.
    pub(super) fn beats(&self) -> u32 {
        self.beats.load(Relaxed)
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.has(BUSY)
    }

    fn has(&self, mark: u8) -> bool {
        self.marks.load(Relaxed) & mark != 0
    }

    fn mark(&self, mark: u8) {
        self.marks.fetch_or(mark, Relaxed);
    }

    fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
    }

    fn phase(&self) -> Phase {
        let marks = self.marks.load(Relaxed);
        match () {
            () if marks & CLOSING != 0 => Phase::Linger,
            () if marks & STALLED != 0 => Phase::Write,
            () if marks & BUSY != 0 => Phase::Answer,
            () if marks & HEARD != 0 => Phase::Head,
            () => Phase::Idle,
        }
    }

    /// Runs a connection to its end, or until its client has kept it waiting for too long.
    pub(super) async fn watch<C: Future>(&self, connection: C, settings: &HttpSettings) -> Result<C::Output, Waited> {
        let mut connection = pin!(connection);
        let mut alarm = pin!(tokio::time::sleep_until(Instant::now() + settings.head_patience));
        let mut since = (Phase::Head, self.beats(), Instant::now());
        std::future::poll_fn(|cx| {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ok(end));
            }
            let (phase, beats) = (self.phase(), self.beats());
            if (phase, beats) != (since.0, since.1) {
                since = (phase, beats, Instant::now());
            }
            let deadline = patience(phase, settings).map(|patience| since.2 + patience);
            set_off(alarm.as_mut(), deadline);
            while alarm.as_mut().poll(cx).is_ready() {
                match deadline {
                    Some(deadline) if deadline <= Instant::now() => return Poll::Ready(Err(Waited)),
                    Some(deadline) => alarm.as_mut().reset(deadline),
                    // Nothing is due. When something is, this task runs first and sets the alarm.
                    None => break,
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// The client kept us waiting for too long.
#[derive(Debug)]
pub(super) struct Waited;

/// Moves the alarm only forward in time's queue: an alarm that goes off too early finds out and is set anew, which costs less
/// than moving it back and forth for each request.
fn set_off(alarm: Pin<&mut Sleep>, deadline: Option<Instant>) {
    if let Some(deadline) = deadline.filter(|deadline| *deadline < alarm.deadline() || alarm.is_elapsed()) {
        alarm.reset(deadline);
    }
}

/// While we make the answer, the client waits for us.
fn patience(phase: Phase, settings: &HttpSettings) -> Option<Duration> {
    match phase {
        Phase::Idle => Some(settings.idle_patience),
        Phase::Head => Some(settings.head_patience),
        Phase::Answer => None,
        Phase::Write => Some(settings.write_patience),
        Phase::Linger => Some(LINGER),
    }
}

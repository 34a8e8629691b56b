//! The queue under pressure: full, late, left alone, closed.

use std::pin::Pin;
use std::sync::mpsc;

use futures::FutureExt as _;
use tokio::runtime::Builder as Runtime;

use super::*;
use crate::env::{FixedClock, SeededEntropy};

const CHEAP: Parameters = Parameters { memory_kib: 64, passes: 1, lanes: 1 };

/// A hasher with one thread and room for two, and its clock.
struct Site {
    hasher: Hasher,
    clock: Arc<FixedClock>,
}

type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

impl Site {
    fn new() -> Self {
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
        let settings = Settings { threads: NonZeroUsize::MIN, queue: 2, parameters: CHEAP, ..Settings::default() };
        let hasher =
            Hasher::start(settings, Arc::<FixedClock>::clone(&clock), Arc::new(SeededEntropy::new(7))).unwrap();
        Self { hasher, clock }
    }

    /// Occupies the one thread. It goes on when the given gate is opened or dropped.
    fn occupy(&self) -> (Asked<'_, ()>, mpsc::Sender<()>) {
        let (gate, closed_gate) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        let asked = begin(self.hasher.ask(move |_| {
            begun.send(()).unwrap();
            closed_gate.recv().ok();
            Ok(())
        }));
        has_begun.recv().unwrap();
        (asked, gate)
    }

    /// Queues a job that does nothing.
    fn queue(&self) -> Asked<'_, ()> {
        begin(self.hasher.ask(|_| Ok(())))
    }

    fn figures(&self) -> (usize, u64, u64) {
        let Figures { queued, done, refused, .. } = self.hasher.figures();
        (queued, done, refused)
    }
}

/// Lets a future come as far as it can, which is into the queue.
fn begin<'a, T>(future: impl Future<Output = Result<T>> + 'a) -> Asked<'a, T> {
    let mut future: Asked<'a, T> = Box::pin(future);
    assert!((&mut future).now_or_never().is_none());
    future
}

fn finish<T>(future: impl Future<Output = T>) -> T {
    Runtime::new_current_thread().build().unwrap().block_on(future)
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[test]
fn a_hashed_password_is_told_from_another() {
    let Site { hasher, .. } = Site::new();
    let stored = Stored::parse(&finish(hasher.hash(password("correct horse"))).unwrap());
    assert_eq!(finish(hasher.verify(password("correct horse"), stored.clone())).unwrap(), Verdict::Right);
    assert_eq!(finish(hasher.verify(password("battery staple"), stored)).unwrap(), Verdict::Wrong);
}

#[test]
fn a_password_hashed_twice_gives_two_texts() {
    let Site { hasher, .. } = Site::new();
    let hash = || finish(hasher.hash(password("correct horse"))).unwrap();
    assert_ne!(hash(), hash());
}

#[test]
fn several_accounts_are_tried_in_one_job() {
    let site = Site::new();
    let stored = Stored::parse(&finish(site.hasher.hash(password("correct horse"))).unwrap());
    let all = vec![Stored::nobody(), stored, Stored::parse("damaged")];
    let verdicts = finish(site.hasher.verify_each(password("correct horse"), all)).unwrap();
    assert_eq!(verdicts, [Verdict::Wrong, Verdict::Right, Verdict::Unreadable]);
    assert_eq!(site.figures(), (0, 2, 0));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let site = Site::new();
    let (busy, gate) = site.occupy();
    let (first, second) = (site.queue(), site.queue());
    assert!(matches!(finish(site.hasher.ask(|_| Ok(()))), Err(Error::ServerBusy)));
    assert_eq!(site.figures(), (2, 0, 1));

    gate.send(()).unwrap();
    for asked in [busy, first, second] {
        assert!(finish(asked).is_ok());
    }
    assert_eq!(site.figures(), (0, 3, 1));
}

#[test]
fn a_job_that_waited_too_long_is_refused_without_being_done() {
    let site = Site::new();
    let (busy, gate) = site.occupy();
    let late = site.queue();
    site.clock.advance(Duration::from_millis(1));
    let just_in_time = site.queue();
    site.clock.advance(Duration::from_secs(2));
    gate.send(()).unwrap();

    assert!(matches!(finish(late), Err(Error::ServerBusy)));
    assert!(finish(just_in_time).is_ok());
    assert!(finish(busy).is_ok());
    assert_eq!(site.figures(), (0, 2, 1));
}

#[test]
fn those_who_are_late_make_room_though_every_thread_is_occupied() {
    let site = Site::new();
    let (_busy, _gate) = site.occupy();
    let late = [site.queue(), site.queue()];
    site.clock.advance(Duration::from_secs(3));
    let _next = site.queue();
    for asked in late {
        assert!(matches!(finish(asked), Err(Error::ServerBusy)));
    }
    assert_eq!(site.figures(), (1, 0, 2));
}

#[test]
fn nothing_is_done_for_a_caller_who_left() {
    let site = Site::new();
    let (busy, gate) = site.occupy();
    drop(site.queue());
    let stayed = site.queue();
    gate.send(()).unwrap();
    assert!(finish(busy).is_ok());
    assert!(finish(stayed).is_ok());
    assert_eq!(site.figures(), (0, 2, 0));
}

#[test]
fn the_place_of_a_caller_who_left_is_given_to_another() {
    let site = Site::new();
    let (_busy, _gate) = site.occupy();
    let stayed = site.queue();
    drop(site.queue());
    let came = site.queue();
    assert_eq!(site.figures(), (2, 0, 0));
    drop((stayed, came));
}

#[test]
fn a_panic_ends_neither_the_thread_nor_anybody_elses_job() {
    let site = Site::new();
    let broken = finish(site.hasher.ask(|_| -> Result<()> { panic!("as this test wants") }));
    assert!(matches!(broken, Err(Error::Internal(_))));
    assert!(finish(site.hasher.ask(|_| Ok(()))).is_ok());
}

#[test]
fn a_closed_hasher_refuses_those_who_wait_and_those_who_come() {
    let site = Site::new();
    let (busy, gate) = site.occupy();
    let waiting = site.queue();
    site.hasher.close();
    assert!(matches!(finish(waiting), Err(Error::ServerBusy)));
    assert!(matches!(finish(site.hasher.ask(|_| Ok(()))), Err(Error::ServerBusy)));
    gate.send(()).unwrap();
    assert!(finish(busy).is_ok());
}

#[test]
fn a_dropped_hasher_leaves_no_thread_behind() {
    let Site { hasher, .. } = Site::new();
    let shared = Arc::downgrade(&hasher.shared);
    assert!(shared.upgrade().is_some());
    drop(hasher);
    assert!(shared.upgrade().is_none());
}

#[test]
fn a_cost_out_of_bounds_starts_nothing() {
    let settings = Settings { parameters: Parameters { passes: 11, ..CHEAP }, ..Settings::default() };
    let clock = Arc::new(FixedClock::at(Timestamp(0)));
    assert!(matches!(Hasher::start(settings, clock, Arc::new(SeededEntropy::new(7))), Err(Error::Invalid(_))));
}

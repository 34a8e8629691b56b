//! The guess rule at its corners, and what holds for any course of events.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: Duration = Duration::from_hours(24);

/// An account, a clock, and somebody who guesses one at a time.
struct Account {
    guesses: Guesses,
    now: Timestamp,
}

impl Account {
    fn fresh() -> Self {
        Self { guesses: Guesses::default(), now: START }
    }

    fn admit(&mut self) -> Result<(), Wait> {
        self.guesses = self.guesses.admit(&ACCOUNT, self.now)?;
        Ok(())
    }

    fn fail(&mut self) {
        self.guesses = self.guesses.failed(&ACCOUNT, self.now);
    }

    fn succeed(&mut self) {
        self.guesses = self.guesses.succeeded(self.now);
    }

    fn pass(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    /// Waits as long as it is told to, then guesses wrongly; says how many seconds it waited.
    fn fail_patiently(&mut self) -> u64 {
        let mut waited = Duration::ZERO;
        while let Err(wait) = self.admit() {
            let Wait::RateLimited(by) = wait else { panic!("busy with nothing pending") };
            self.pass(by);
            waited += by;
        }
        self.fail();
        waited.as_secs()
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn three_failures_cost_no_wait_and_the_next_ones_cost_more_and_more() {
    let mut account = Account::fresh();
    let waits: Vec<u64> = (0..10).map(|_| account.fail_patiently()).collect();
    assert_eq!(waits, [0, 0, 0, 0, 1, 3, 5, 10, 10, 10]);
}

#[test]
fn the_right_password_is_taken_once_the_wait_is_over() {
    let mut account = Account::fresh();
    for _ in 0..10 {
        account.fail_patiently();
    }
    account.pass(Duration::from_millis(9_999));
    assert_eq!(account.admit(), Err(Wait::RateLimited(Duration::from_millis(1))));
    account.pass(Duration::from_millis(1));
    assert_eq!(account.admit(), Ok(()));
}

#[test]
fn a_success_ends_the_waiting_but_forgives_no_failure_of_the_day() {
    let mut account = Account::fresh();
    for _ in 0..99 {
        account.fail_patiently();
        account.pass(seconds(10));
        account.admit().unwrap();
        account.succeed();
    }
    assert_eq!(account.guesses.streak, 0);
    assert_eq!(account.fail_patiently(), 0);
    assert!(matches!(account.admit(), Err(Wait::RateLimited(left)) if left > Duration::from_hours(20)));
}

#[test]
fn the_hundredth_failure_closes_the_account_until_the_window_ends_and_no_longer() {
    let mut account = Account::fresh();
    for _ in 0..100 {
        account.fail_patiently();
    }
    account.now = START.after(DAY).before(seconds(30));
    assert_eq!(account.admit(), Err(Wait::RateLimited(seconds(30))));
    account.pass(seconds(30));
    assert_eq!(account.admit(), Ok(()));
    account.fail();
    assert_eq!(
        account.guesses,
        Guesses {
            failed: 1,
            streak: 1,
            window_since: START.after(DAY),
            pending_since: START.after(DAY),
            next_at: START.after(DAY),
            ..Guesses::default()
        }
    );
}

#[test]
fn ten_thousand_guesses_in_ten_minutes_reach_the_hash_at_most_a_hundred_times() {
    let mut account = Account::fresh();
    let mut hashed = 0;
    for _ in 0..10_000 {
        account.pass(Duration::from_millis(60));
        if account.admit().is_ok() {
            hashed += 1;
            account.fail();
        }
    }
    assert!((50..=100).contains(&hashed), "{hashed}");
}

#[test]
fn two_hundred_correct_sign_ins_at_once_are_admitted_or_busy_and_never_too_many() {
    let mut account = Account::fresh();
    let outcomes: Vec<_> = (0..200).map(|_| account.admit()).collect();
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 100);
    assert_eq!(outcomes.iter().filter(|it| **it == Err(Wait::Busy)).count(), 100);
    for _ in 0..100 {
        account.succeed();
    }
    assert_eq!(account.admit(), Ok(()));
    account.succeed();
    assert!(account.guesses.is_blank());
}

#[test]
fn two_hundred_wrong_guesses_at_once_reach_the_hash_a_hundred_times() {
    let mut account = Account::fresh();
    let admitted = (0..200).filter(|_| account.admit().is_ok()).count();
    assert_eq!(admitted, 100);
    for _ in 0..admitted {
        account.fail();
    }
    assert_eq!(account.admit(), Err(Wait::RateLimited(DAY)));
}

#[test]
fn guesses_of_a_dead_process_count_as_failed_after_a_minute() {
    let mut account = Account::fresh();
    for _ in 0..100 {
        account.admit().unwrap();
    }
    account.pass(seconds(59));
    assert_eq!(account.admit(), Err(Wait::Busy));
    account.pass(seconds(1));
    assert_eq!(account.admit(), Err(Wait::RateLimited(seconds(24 * 3600 - 60))));
}

#[test]
fn steady_sign_ins_of_one_account_are_never_taken_for_a_dead_process() {
    let mut account = Account::fresh();
    account.admit().unwrap();
    for _ in 0..1000 {
        account.pass(seconds(30));
        account.admit().unwrap();
        account.succeed();
    }
    assert_eq!((account.guesses.failed, account.guesses.pending), (0, 1));
}

#[test]
fn a_quiet_hour_ends_the_streak_and_not_the_window() {
    let mut account = Account::fresh();
    for _ in 0..7 {
        account.fail_patiently();
    }
    account.pass(seconds(10 + 3599));
    assert_eq!(account.guesses.settled(&ACCOUNT, account.now).streak, 7);
    account.pass(seconds(1));
    let settled = account.guesses.settled(&ACCOUNT, account.now);
    assert_eq!((settled.streak, settled.failed), (0, 7));
}

#[test]
fn administrators_have_ten_failures_in_a_quarter_of_an_hour() {
    let (mut guesses, mut now, mut admitted) = (Guesses::default(), START, 0);
    while now < START.after(ADMIN.window) {
        if let Ok(next) = guesses.admit(&ADMIN, now) {
            guesses = next.failed(&ADMIN, now);
            admitted += 1;
        }
        now = now.after(seconds(1));
    }
    assert_eq!(admitted, 10);
    assert!(guesses.admit(&ADMIN, now).is_ok());
}

#[test]
fn an_address_has_its_failures_and_then_waits_for_the_window_to_end() {
    let mut budget = Budget::default();
    for _ in 0..ADDRESS.limit {
        assert_eq!(budget.admit(&ADDRESS, START), Ok(()));
        budget = budget.failed(&ADDRESS, START);
    }
    let later = START.after(Duration::from_mins(14));
    assert_eq!(budget.admit(&ADDRESS, later), Err(Wait::RateLimited(seconds(60))));
    let after = START.after(Duration::from_mins(15));
    assert_eq!(budget.admit(&ADDRESS, after), Ok(()));
    assert_eq!(budget.failed(&ADDRESS, after), Budget { failed: 1, window_since: after });
}

#[test]
fn a_wait_is_told_as_too_many_tries_and_a_crowd_as_a_busy_server() {
    assert!(matches!(Error::from(Wait::RateLimited(seconds(3))), Error::RateLimited(it) if it == seconds(3)));
    assert!(matches!(Error::from(Wait::Busy), Error::ServerBusy));
}

/// A short window, so that a course of events sees many; longer than [`PENDING_FOR`], as the real ones are.
const SHORT: Rule = Rule { limit: 6, window: Duration::from_mins(3), waits: &[0, 0, 1, 3] };

#[derive(Clone, Copy, Debug)]
enum Event {
    Guess,
    Wrong(usize),
    Right(usize),
    Time(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => Just(Event::Guess),
        4 => any::<usize>().prop_map(Event::Wrong),
        2 => any::<usize>().prop_map(Event::Right),
        3 => (0_u64..12_000).prop_map(Event::Time),
        1 => (0_u64..200_000).prop_map(Event::Time),
    ];
    proptest::collection::vec(event, 0..400)
}

/// What really happened, kept apart from the counters.
struct Course {
    guesses: Guesses,
    now: Timestamp,
    /// When each guess that is still to be reported was admitted, with its window.
    open: Vec<(Timestamp, Timestamp)>,
    /// Guesses of each window that were admitted and did not turn out right.
    spent: BTreeMap<i64, u32>,
    /// The longest wait that anybody was told.
    longest: Duration,
}

impl Course {
    fn run(events: &[Event]) -> Self {
        let (spent, longest) = (BTreeMap::new(), Duration::ZERO);
        let mut course = Self { guesses: Guesses::default(), now: START, open: Vec::new(), spent, longest };
        for event in events {
            course.take(*event);
        }
        course
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Guess => match self.guesses.admit(&SHORT, self.now) {
                Ok(next) => {
                    self.guesses = next;
                    self.open.push((self.now, next.window_since));
                    *self.spent.entry(next.window_since.0).or_default() += 1;
                }
                Err(Wait::RateLimited(by)) => self.longest = self.longest.max(by),
                Err(Wait::Busy) => assert!(self.guesses.pending > 0),
            },
            Event::Wrong(which) if !self.open.is_empty() => {
                self.open.swap_remove(which % self.open.len());
                self.guesses = self.guesses.failed(&SHORT, self.now);
            }
            Event::Right(which) if !self.open.is_empty() => {
                let (_, window) = self.open.swap_remove(which % self.open.len());
                *self.spent.get_mut(&window.0).unwrap() -= 1;
                self.guesses = self.guesses.succeeded(self.now);
            }
            Event::Wrong(_) | Event::Right(_) => {}
            Event::Time(by) => {
                self.now = self.now.after(Duration::from_millis(by));
                // Those it takes too long for are not reported any more.
                self.open.retain(|(admitted, _)| self.now.since(*admitted) < PENDING_FOR);
            }
        }
    }
}

proptest! {
    #[test]
    fn in_no_window_are_more_guesses_admitted_than_the_limit_without_turning_out_right(events in events()) {
        let course = Course::run(&events);
        prop_assert!(course.spent.values().all(|it| *it <= SHORT.limit), "{:?}", course.spent);
    }

    #[test]
    fn windows_never_overlap(events in events()) {
        let course = Course::run(&events);
        let opened: Vec<i64> = course.spent.keys().copied().collect();
        let window = i64::try_from(SHORT.window.as_micros()).unwrap();
        prop_assert!(opened.windows(2).all(|it| it[1] - it[0] >= window), "{opened:?}");
    }

    #[test]
    fn every_guess_that_can_still_be_reported_holds_a_place(events in events()) {
        let course = Course::run(&events);
        let settled = course.guesses.settled(&SHORT, course.now);
        prop_assert!(settled.pending as usize >= course.open.len());
        prop_assert!(settled.failed + settled.pending <= SHORT.limit * 2);
    }

    #[test]
    fn nobody_is_told_to_wait_longer_than_the_window_nor_has_to(events in events()) {
        let course = Course::run(&events);
        prop_assert!(course.longest <= SHORT.window);
        prop_assert!(course.guesses.admit(&SHORT, course.now.after(SHORT.window)).is_ok());
    }

    #[test]
    fn an_owner_whom_nobody_attacks_is_never_told_of_too_many_tries(
        steps in proptest::collection::vec((any::<bool>(), 0_u64..5_000), 0..200),
    ) {
        let (mut guesses, mut now, mut open) = (Guesses::default(), START, 0_u32);
        for (knock, passed) in steps {
            now = now.after(Duration::from_millis(passed));
            if knock || open == 0 {
                match guesses.admit(&SHORT, now) {
                    Ok(next) => (guesses, open) = (next, open + 1),
                    Err(wait) => prop_assert_eq!(wait, Wait::Busy),
                }
            } else {
                (guesses, open) = (guesses.succeeded(now), open - 1);
            }
        }
    }

    #[test]
    fn whoever_waits_as_told_is_not_told_to_wait_again_unless_others_failed_meanwhile(events in events()) {
        let course = Course::run(&events);
        if let Err(Wait::RateLimited(by)) = course.guesses.admit(&SHORT, course.now) {
            let then = course.now.after(by);
            let meanwhile = course.guesses.settled(&SHORT, then).failed != course.guesses.settled(&SHORT, course.now).failed;
            let again = course.guesses.admit(&SHORT, then);
            prop_assert!(meanwhile || !matches!(again, Err(Wait::RateLimited(_))), "{again:?}");
        }
    }
}

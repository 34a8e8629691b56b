//! PostgreSQL dead, stopped or frozen: the API says so at once and lets nobody in unchecked, and works again as soon as it is back.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::deployment::{BOSS, Deployment, Node};
use crate::patience::{TOLD, Watch, alone, promised, until};
use crate::wire::{Door, Reply, Tokens};

#[test]
fn with_a_killed_postgres_nothing_is_taken_for_checked() {
    story(|here| here.cluster_mut().kill(), |here| here.cluster_mut().start_again());
}

#[test]
fn with_a_stopped_postgres_nothing_is_taken_for_checked() {
    story(|here| here.cluster_mut().stop(), |here| here.cluster_mut().start_again());
}

#[test]
fn with_a_frozen_postgres_nothing_is_taken_for_checked_and_nobody_waits_for_ever() {
    story(|here| here.cluster().freeze(), |here| here.cluster().thaw());
}

#[test]
fn a_postgres_killed_while_frozen_is_found_again() {
    let mend = |here: &mut Deployment| {
        here.cluster_mut().kill_frozen();
        here.cluster_mut().start_again();
    };
    story(|here| here.cluster().freeze(), mend);
}

#[test]
fn while_a_table_is_locked_nobody_waits_for_ever_and_no_connection_is_left_behind() {
    let _alone = alone();
    let here = Deployment::on_postgres();
    let node = here.start();
    let live = node.boss();
    thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)";
        // Ended below.
        scope.spawn(|| drop(here.cluster().try_run("purser", lock)));
        until(TOLD, "the table is locked", || node.refresh(&live.refresh).unwrap().header("retry-after").map(|_| ()));
        for _ in 0..2 {
            everybody_is_told_at_last(&node, &live);
        }
        // 16 to read, one to write, one to listen, and those that are just ending.
        let open = here.cluster().run("postgres", "SELECT pid FROM pg_stat_activity WHERE usename = 'purser'").len();
        here.cluster()
            .run("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'");
        assert!(open < 30, "{open} connections");
    });
    until(TOLD, "a change is taken again", || node.sign_in(BOSS).unwrap().is_ok().then_some(()));
    node.refresh(&live.refresh).unwrap().ok();
}

/// A sign-in that gets through to the locked table has other waits behind it, each with a patience of its own.
fn everybody_is_told_at_last(node: &Node, live: &Tokens) {
    let door = node.door;
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(move || told_within(2 * TOLD, door.refresh(&live.refresh)));
            scope.spawn(move || told_within(2 * TOLD, door.sign_in(BOSS)));
        }
    });
}

fn story(take_away: impl Fn(&mut Deployment), bring_back: impl Fn(&mut Deployment)) {
    let _alone = alone();
    let mut here = Deployment::on_postgres();
    let node = here.start();
    let live = node.boss();
    let ended = node.boss();
    node.sign_out(&ended.access).unwrap().ok();
    for _ in 0..2 {
        let since = Watch::start();
        take_away(&mut here);
        // What is remembered may be believed for as long as another node has time to tell.
        until(TOLD, "nothing is believed any more", || (!node.me(&live.access).unwrap().is_ok()).then_some(()));
        assert!(since.reading() < promised(1) + TOLD, "believed for {:?}", since.reading());
        everything_says_so(&node, &live, &ended);
        everybody_is_told_in_time(&node, &live);
        bring_back(&mut here);
        works_again(&node, &live, &ended);
    }
}

fn everything_says_so(node: &Node, live: &Tokens, ended: &Tokens) {
    let door = node.door;
    let users = json!({"query": "{ users { id } }"});
    let root = json!({"username": "root", "password": "whatever it may be"});
    thread::scope(|scope| {
        scope.spawn(|| says_so(door.me(&live.access)));
        scope.spawn(|| says_so(door.me(&ended.access)));
        scope.spawn(|| says_so(door.refresh(&live.refresh)));
        scope.spawn(|| says_so(door.sign_out(&live.access)));
        scope.spawn(|| says_so(door.sign_in(BOSS)));
        scope.spawn(|| says_so(door.post("/api/client/graphql", &live.access, &users)));
        scope.spawn(|| says_so(door.post("/api/admin/auth/sign-in", "", &root)));
        scope.spawn(|| says_so(door.ready()));
    });
    // The process itself is well, and a forged token is refused without asking anybody.
    node.get("/healthz", "").unwrap().ok();
    assert!(node.refresh("nonsense").unwrap().is_dead());
}

#[track_caller]
fn says_so(reply: io::Result<Reply>) {
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.code()), (503, "STORE_UNAVAILABLE"), "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert!(reply.took < TOLD, "{reply:?}");
}

/// Many at once: more than there are connections, and many at one account.
fn everybody_is_told_in_time(node: &Node, live: &Tokens) {
    let door = node.door;
    thread::scope(|scope| {
        for turn in 0..60 {
            scope.spawn(move || told_within(TOLD, ask(door, live, turn)));
        }
    });
}

fn ask(door: Door, live: &Tokens, turn: u32) -> io::Result<Reply> {
    match turn % 4 {
        0 => door.me(&live.access),
        1 => door.refresh(&live.refresh),
        2 => door.sign_out(&live.access),
        _ => door.sign_in(BOSS),
    }
}

#[track_caller]
fn told_within(patience: Duration, reply: io::Result<Reply>) {
    let reply = reply.unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert!(reply.took < patience, "{reply:?}");
}

fn works_again(node: &Node, live: &Tokens, ended: &Tokens) {
    let since = Watch::start();
    until(TOLD, "a session is good again", || node.me(&live.access).unwrap().is_ok().then_some(()));
    until(TOLD, "a change is taken again", || node.sign_in(BOSS).unwrap().is_ok().then_some(()));
    assert!(since.reading() < promised(3), "after {:?}", since.reading());
    assert!(node.me(&ended.access).unwrap().is_dead());
    node.ready().unwrap().ok();
    node.refresh(&live.refresh).unwrap().ok();
    let another = node.boss();
    node.sign_out(&another.access).unwrap().ok();
    assert!(node.me(&another.access).unwrap().is_dead());
}

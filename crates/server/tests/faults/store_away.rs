//! PostgreSQL dead, stopped or frozen: the API says so at once and lets nobody in unchecked, and works again as soon as it is back.

use std::io;
use std::thread;

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
    let users = json!({"query": "{ users { id } }"});
    says_so(node.me(&live.access));
    says_so(node.me(&ended.access));
    says_so(node.refresh(&live.refresh));
    says_so(node.sign_out(&live.access));
    says_so(node.sign_in(BOSS));
    says_so(node.post("/api/client/graphql", &live.access, &users));
    says_so(node.post("/api/admin/auth/sign-in", "", &json!({"username": "root", "password": "whatever it may be"})));
    says_so(node.ready());
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
            scope.spawn(move || told_in_time(ask(door, live, turn)));
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
fn told_in_time(reply: io::Result<Reply>) {
    let reply = reply.unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    assert!(reply.took < TOLD, "{reply:?}");
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

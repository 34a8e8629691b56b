//! Two nodes on one PostgreSQL: what one has done, the other knows within a second, also while it cannot be told.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::deployment::{Deployment, Node};
use crate::patience::{alone, pause, promised, until};
use crate::wire::Tokens;

#[test]
fn fifty_presentations_of_one_token_over_two_nodes_leave_one_branch() {
    let _alone = alone();
    let here = Deployment::on_postgres();
    let nodes = [here.start(), here.start()];
    for _ in 0..5 {
        let signed_in = nodes[0].boss();
        let children = presented_at_once(&nodes, &signed_in.refresh, 50);
        assert_eq!(children.len(), 1, "{children:?}");
        let child = children.first().unwrap();
        let grandchildren = presented_at_once(&nodes, child, 50);
        assert_eq!(grandchildren.len(), 1, "{grandchildren:?}");
        // The first is spent now: whoever presents it holds a copy.
        assert!(nodes[1].refresh(&signed_in.refresh).unwrap().is_dead());
        assert!(nodes[1].me(&signed_in.access).unwrap().is_dead());
    }
}

/// The children given out for one token that is presented everywhere at once.
fn presented_at_once(nodes: &[Node], token: &str, times: usize) -> BTreeSet<String> {
    let together = Barrier::new(times);
    thread::scope(|scope| {
        let present = |turn: usize| {
            let (door, together) = (nodes[turn % nodes.len()].door, &together);
            scope.spawn(move || {
                together.wait();
                door.refresh(token).unwrap().ok().tokens().refresh
            })
        };
        let presented: Vec<_> = (0..times).map(present).collect();
        presented.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn what_one_node_has_ended_the_other_refuses_within_a_second() {
    let _alone = alone();
    let here = Deployment::on_postgres();
    let nodes = [here.start(), here.start()];
    every_end_is_heard(&nodes, 5);
}

#[test]
fn it_does_so_even_while_the_channel_between_them_is_cut_again_and_again() {
    let _alone = alone();
    let here = Deployment::on_postgres();
    let nodes = [here.start(), here.start()];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let mut cuts = 0;
            while !over.load(Ordering::Relaxed) {
                cuts += here.cluster().run("postgres", CUT).len();
                pause(Duration::from_millis(100));
            }
            cuts
        });
        // Ends the cutter also if the story ends badly.
        let outcome = std::panic::catch_unwind(|| every_end_is_heard(&nodes, 10));
        over.store(true, Ordering::Relaxed);
        assert!(cutter.join().unwrap() > 0, "nothing was cut");
        outcome.unwrap_or_else(|cause| std::panic::resume_unwind(cause));
    });
    until(promised(3), "both hear one another again", || {
        let heard = here.cluster().run("postgres", LISTENING);
        (heard.len() == 2).then_some(())
    });
    every_end_is_heard(&nodes, 2);
}

/// Ends every connection on which a node listens.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'purser'
    AND (query LIKE '%purser_echo_%' OR query LIKE '%clock_timestamp%' OR query LIKE '%pg_backend_pid%')";
const LISTENING: &str = "SELECT pid FROM pg_stat_activity WHERE usename = 'purser'
    AND (query LIKE '%purser_echo_%' OR query LIKE '%clock_timestamp%')";

fn every_end_is_heard(nodes: &[Node; 2], times: usize) {
    let boss = nodes[0].boss();
    for turn in 0..times {
        let (here, there) = (&nodes[turn % 2], &nodes[(turn + 1) % 2]);
        let email = format!("turn-{turn}-{}@acme.test", uniquely());
        let user = here.create_user(&boss.access, &email, "VIEWER").unwrap();
        signing_out_is_heard(here, there, &email);
        let signed_in = remembered_by_both(here, there, &email);
        here.set_role(&boss.access, &user, "AUTHOR").unwrap();
        assert_eq!(role(here, &signed_in), "AUTHOR");
        until(promised(1), "the other node hears of the role", || (role(there, &signed_in) == "AUTHOR").then_some(()));
        here.disable(&boss.access, &user).unwrap();
        assert!(here.me(&signed_in.access).unwrap().is_dead());
        until(promised(1), "the other node hears that they are disabled", || dead(there, &signed_in));
        assert_eq!(there.sign_in(&email).unwrap().code(), "INVALID_CREDENTIALS");
    }
}

fn signing_out_is_heard(here: &Node, there: &Node, email: &str) {
    let signed_in = remembered_by_both(here, there, email);
    here.sign_out(&signed_in.access).unwrap().ok();
    assert!(here.me(&signed_in.access).unwrap().is_dead());
    until(promised(1), "the other node hears of the sign-out", || dead(there, &signed_in));
    assert!(there.refresh(&signed_in.refresh).unwrap().is_dead());
}

fn remembered_by_both(here: &Node, there: &Node, email: &str) -> Tokens {
    let signed_in = here.sign_in(email).unwrap().ok().tokens();
    for node in [here, there] {
        node.me(&signed_in.access).unwrap().ok();
    }
    signed_in
}

fn role(node: &Node, who: &Tokens) -> String {
    node.me(&who.access).unwrap().ok().json["data"]["user"]["roles"][0].as_str().unwrap().to_owned()
}

fn dead(node: &Node, who: &Tokens) -> Option<()> {
    let reply = node.me(&who.access).unwrap();
    assert!(reply.is_ok() || reply.is_dead(), "{reply:?}");
    reply.is_dead().then_some(())
}

/// A number that no other call gives.
fn uniquely() -> usize {
    use std::sync::atomic::AtomicUsize;
    static GIVEN: AtomicUsize = AtomicUsize::new(1_000);
    GIVEN.fetch_add(1_000, Ordering::Relaxed)
}

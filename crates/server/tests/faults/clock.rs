//! A machine's clock set back: what has expired stays expired, what lives goes on, and nodes still agree.

use std::path::Path;
use std::time::Duration;

use crate::deployment::{Deployment, Node};
use crate::on_both;
use crate::patience::{TOLD, alone, pause, until};

/// Debian's package `faketime`.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// The clock of a machine that is two days behind.
const BEHIND: &[(&str, &str)] = &[("LD_PRELOAD", LIBRARY), ("FAKETIME", "-2d"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];

/// The clock of a machine that is two days ahead.
const AHEAD: &[(&str, &str)] = &[("LD_PRELOAD", LIBRARY), ("FAKETIME", "+2d"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];

fn has_library() -> bool {
    let there = Path::new(LIBRARY).exists();
    if !there {
        eprintln!("skipped: Debian's package faketime is not installed");
    }
    there
}

on_both! {
    fn what_has_expired_stays_expired_when_the_clock_is_set_back(here: Deployment) {
        if !has_library() {
            return;
        }
        let short = [("PURSER_TOKENS__ACCESS_TTL", "2s")];
        let node = here.start_with(&short);
        let expired = node.boss();
        until(TOLD, "the token expires", || (node.me(&expired.access).unwrap().code() == "TOKEN_EXPIRED").then_some(()));
        node.stop();
        for _ in 0..2 {
            let node = here.start_with(&[&short, BEHIND].concat());
            assert_eq!(node.me(&expired.access).unwrap().code(), "TOKEN_EXPIRED");
            // The session itself has 30 days.
            let renewed = node.refresh(&expired.refresh).unwrap().ok().tokens();
            node.me(&renewed.access).unwrap().ok();
            node.boss();
            node.stop();
        }
    }

    fn what_lives_goes_on_when_the_clock_is_set_back_and_forth(here: Deployment) {
        if !has_library() {
            return;
        }
        let node = here.start();
        let live = node.boss();
        node.stop();
        for settings in [BEHIND, BEHIND, &[], BEHIND, &[]] {
            let node = here.start_with(settings);
            // Long enough to hear what time others have.
            pause(Duration::from_millis(600));
            node.me(&live.access).unwrap().ok();
            node.stop();
        }
    }
}

#[test]
fn nodes_whose_clocks_are_days_apart_believe_one_another() {
    let _alone = alone();
    if !has_library() {
        return;
    }
    let here = Deployment::on_postgres();
    let nodes = [here.start(), here.start_with(BEHIND), here.start_with(AHEAD)];
    for _ in 0..2 {
        for (one, other) in pairs(&nodes) {
            let signed_in = one.boss();
            other.me(&signed_in.access).unwrap().ok();
            let renewed = other.refresh(&signed_in.refresh).unwrap().ok().tokens();
            // The same child within a minute, whoever is asked.
            assert_eq!(one.refresh(&signed_in.refresh).unwrap().ok().tokens().refresh, renewed.refresh);
            one.me(&renewed.access).unwrap().ok();
        }
        // Long enough to measure the clocks again.
        pause(Duration::from_millis(600));
    }
    // Nor does one of them leave a mark that makes the next one late.
    let [right, behind, ahead] = nodes;
    let live = right.boss();
    for node in [right, behind, ahead] {
        node.stop();
    }
    here.start().me(&live.access).unwrap().ok();
}

fn pairs(nodes: &[Node]) -> impl Iterator<Item = (&Node, &Node)> {
    let different = |(one, other): &(&Node, &Node)| one.door.0 != other.door.0;
    nodes.iter().flat_map(move |one| nodes.iter().map(move |other| (one, other))).filter(different)
}

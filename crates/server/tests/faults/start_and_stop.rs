//! Starting with the wrong key, and stopping with work in hand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::deployment::{BOSS, Deployment};
use crate::on_both;
use crate::patience::{LONG, Watch, alone, until};
use crate::wire::{PASSWORD, Reply, request};

on_both! {
    fn a_node_with_another_master_key_refuses_to_start_and_says_why(here: Deployment) {
        let node = here.start();
        let other = ("PURSER_SECRETS__MASTER_KEY", "YW5vdGhlciBrZXksIG9mIHRoaXJ0eS10d28gYnl0ZXM=");
        let output = here.run("", &[other], &["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the master key does not open what is sealed in this database"), "{said}");
        // The one with the right key goes on.
        node.boss();
        node.stop();
    }

    fn told_to_stop_a_server_finishes_what_is_in_flight_and_ends_well(here: Deployment) {
        let mut node = here.start();
        let since = Watch::start();
        let body = json!({"email": BOSS, "password": PASSWORD}).to_string();
        let whole = request("POST", "/api/client/auth/sign-in", "", "", &body);
        let (begun, rest) = whole.split_at(whole.len() - 10);
        let mut line = node.connect().unwrap();
        line.write_all(begun.as_bytes()).unwrap();
        let idle = node.connect().unwrap();
        // A server that has answered one that came later has read what came before.
        node.ready().unwrap().ok();
        node.terminate();
        until(LONG, "no connection is taken any more", || TcpStream::connect(node.door.0).err());
        until(LONG, "an idle connection is closed", || is_closed(&idle).then_some(()));
        line.write_all(rest.as_bytes()).unwrap();
        let signed_in = Reply::read_from(&line, since).unwrap().ok().tokens();
        let status = node.ended();
        assert_eq!(status.code(), Some(0));
        // Nothing waited for the grace to be over.
        assert!(since.reading().as_secs() < 10, "{:?}", since.reading());
        let node = here.start();
        node.me(&signed_in.access).unwrap().ok();
    }
}

fn is_closed(mut line: &TcpStream) -> bool {
    line.set_nonblocking(true).unwrap();
    matches!(line.read(&mut [0; 1]), Ok(0))
}

#[test]
fn a_request_that_never_ends_is_left_when_the_grace_is_over() {
    let _alone = alone();
    let mut here = Deployment::on_sqlite();
    here.set("PURSER_SERVER__SHUTDOWN_GRACE", "1s");
    let node = here.start();
    let mut line = node.connect().unwrap();
    let whole = request("POST", "/api/client/auth/sign-in", "", "", "{}");
    line.write_all(&whole.as_bytes()[..whole.len() - 1]).unwrap();
    node.ready().unwrap().ok();
    let since = Watch::start();
    node.stop();
    assert!(since.reading().as_secs() < 5, "{:?}", since.reading());
}

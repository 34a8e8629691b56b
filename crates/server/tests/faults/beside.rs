//! Commands run beside a SQLite server take effect in it within a second.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use crate::deployment::{BOSS, Deployment, Node};
use crate::patience::{TOLD, alone, promised, until};
use crate::wire::Tokens;

#[test]
fn a_user_made_beside_the_server_can_sign_in_within_a_second() {
    let _alone = alone();
    let here = Deployment::on_sqlite();
    let node = here.start();
    assert_eq!(node.sign_in("ann@acme.test").unwrap().code(), "INVALID_CREDENTIALS");
    here.with_user("acme", "ann@acme.test");
    until(promised(1), "they can sign in", || node.sign_in("ann@acme.test").unwrap().is_ok().then_some(()));
}

#[test]
fn a_client_made_beside_the_server_is_known_within_a_second() {
    let _alone = alone();
    let here = Deployment::on_sqlite();
    let node = here.start();
    // The server knows by now that there is only one, and that the other does not exist.
    node.sign_in(BOSS).unwrap().ok();
    assert_eq!(node.sign_in_to("beta", "ben@beta.test").unwrap().code(), "INVALID_CREDENTIALS");
    here.done("", &["client", "create", "beta", "--name", "Beta"]);
    here.with_user("beta", "ben@beta.test");
    until(promised(1), "their people can sign in, naming it", || {
        node.sign_in_to("beta", "ben@beta.test").unwrap().is_ok().then_some(())
    });
    node.sign_in("ben@beta.test").unwrap().ok();
    node.sign_in(BOSS).unwrap().ok();
}

#[test]
fn keys_made_beside_the_server_are_published_within_a_second_and_then_used() {
    let _alone = alone();
    let here = Deployment::on_sqlite();
    let node = here.start();
    let before = node.boss();
    let known = published(&node);
    here.done("", &["keys", "rotate"]);
    let new = until(promised(1), "the new key is published", || {
        published(&node).into_iter().find(|kid| !known.contains(kid))
    });
    let after = until(TOLD, "the new key signs", || Some(node.boss()).filter(|signed_in| kid(signed_in) == new));
    for one in [&before, &after] {
        node.me(&one.access).unwrap().ok();
    }
    assert!(published(&node).contains(&kid(&before)), "the former key is still published");
}

fn published(node: &Node) -> Vec<String> {
    let keys = node.get("/.well-known/jwks.json", "").unwrap().ok().json["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(of: &Tokens) -> String {
    let (header, _) = of.access.split_once('.').unwrap();
    let header: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

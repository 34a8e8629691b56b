//! Reading the audit log.

use insta::{allow_duplicates, assert_snapshot};
use purser_core::access::Role;
use serde_json::json;
use std::time::Duration;

use crate::on_both;
use crate::world::{World, codes, pretty};

on_both! {
    async fn the_log_is_newest_first_and_filtered(world) {
        let admin = world.admin_signed_in_later().await;
        world.clock.advance(Duration::from_mins(1));
        world.user("acme", "john", &[Role::Viewer]).await;
        world.clock.advance(Duration::from_secs(1));
        world.ask(&admin, "mutation { disableUser(input: {id: 2}) { id } }").await;
        let answer = world.ask(&admin, "{ auditLog(first: 1) { at actorKind actor address request action target outcome reason } }").await;
        allow_duplicates! { assert_snapshot!(pretty(&answer), @r#"
        {
          "data": {
            "auditLog": [
              {
                "action": "user.disabled",
                "actor": "1",
                "actorKind": "user",
                "address": "192.0.2.1",
                "at": "2027-01-15T08:01:02Z",
                "outcome": "DONE",
                "reason": null,
                "request": "r-1",
                "target": "user:2"
              }
            ]
          }
        }
        "#); }
        let log = "query($action: String, $actor: ID, $target: String, $outcome: Outcome, $since: DateTime, $until: DateTime) {
            auditLog(action: $action, actor: $actor, target: $target, outcome: $outcome, since: $since, until: $until) { action } }";
        for (filter, found) in [
            (json!({}), vec!["user.disabled", "user.created", "session.sign-in", "user.created"]),
            (json!({"action": "user.created"}), vec!["user.created", "user.created"]),
            (json!({"actor": "1"}), vec!["user.disabled", "session.sign-in"]),
            (json!({"target": "user:2"}), vec!["user.disabled", "user.created"]),
            (json!({"outcome": "REFUSED"}), vec![]),
            (json!({"since": "2027-01-15T08:01:00Z"}), vec!["user.disabled", "user.created"]),
            (json!({"until": "2027-01-15T09:01:00+01:00"}), vec!["session.sign-in", "user.created"]),
        ] {
            let answer = world.ask_with(&admin, log, filter.clone()).await;
            let actions: Vec<&str> = answer["data"]["auditLog"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
            assert_eq!(actions, found, "{filter}");
        }
    }

    async fn pages_of_the_log_follow_one_another(world) {
        let admin = world.admin_signed_in_later().await;
        let page = "query($before: ID) { auditLog(first: 1, before: $before) { id action } }";
        let newest = world.ask(&admin, page).await;
        let older = world.ask_with(&admin, page, json!({"before": newest["data"]["auditLog"][0]["id"]})).await;
        assert_eq!(newest["data"]["auditLog"][0]["action"], "session.sign-in");
        assert_eq!(older["data"]["auditLog"][0]["action"], "user.created");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_holds_one_tenants_lines() {
    let world = World::on_sqlite().await;
    world.tenant("globex").await;
    let eve = world.user("globex", "eve", &[Role::Admin]).await;
    world.sign_in(&eve.email).await;
    let admin = world.as_role(Role::Admin).await;
    let answer = world.ask(&admin, &format!("{{ auditLog(actor: {}) {{ id }} }}", eve.id)).await;
    assert_eq!(answer["data"]["auditLog"], json!([]));
    let answer = world.ask(&admin, "{ auditLog { target reason } }").await;
    assert!(!answer.to_string().contains(&format!("user:{}\"", eve.id)), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_log_leaves_the_rest_of_the_answer() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world.ask(&viewer, "{ auditLog { id } me { id } }").await;
    assert_snapshot!(answer, @r#"{"data":{"auditLog":null,"me":{"id":"1"}},"errors":[{"extensions":{"code":"FORBIDDEN"},"locations":[{"column":3,"line":1}],"message":"Insufficient permissions","path":["auditLog"]}]}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_moment_or_no_id_is_refused() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    for wrong in ["since: \"yesterday\"", "until: 7", "before: \"x\"", "outcome: MAYBE", "first: 0"] {
        let answer = world.ask(&admin, &format!("{{ auditLog({wrong}) {{ id }} }}")).await;
        assert_eq!(codes(&answer), ["VALIDATION_ERROR"], "{wrong}");
    }
}

//! Managing users.

use insta::{allow_duplicates, assert_snapshot};
use purser_core::access::Role;
use serde_json::json;

use crate::on_both;
use crate::world::{PASSWORD, World, codes, pretty};

const CREATE: &str = "mutation($input: CreateUserInput!) { createUser(input: $input) { id email firstName lastName title status roles } }";

on_both! {
    async fn a_user_lives_from_creation_to_deletion(world) {
        let admin = world.as_role(Role::Admin).await;
        let input = json!({"email": "New@Acme.test", "firstName": "New", "lastName": "User", "title": "Fitter",
            "roles": ["OPERATOR", "VIEWER"], "password": PASSWORD});
        let answer = world.ask_with(&admin, CREATE, json!({"input": input})).await;
        allow_duplicates! { assert_snapshot!(answer, @r#"{"data":{"createUser":{"email":"New@Acme.test","firstName":"New","id":"2","lastName":"User","roles":["OPERATOR","VIEWER"],"status":"ACTIVE","title":"Fitter"}}}"#); }
        assert!(world.can_sign_in("new@acme.test").await);
        let steps = "mutation {
            a: updateUser(input: {id: 2, email: \"newer@acme.test\", title: \"\"}) { email firstName title }
            b: setUserRoles(input: {id: 2, roles: []}) { roles }
            c: disableUser(input: {id: 2}) { status }
            d: enableUser(input: {id: 2}) { status }
            e: endUserSessions(input: {id: 2}) { id }
            f: deleteUser(input: {id: 2}) { email status }
            g: deleteUser(input: {id: 2}) { email }
        }";
        let answer = world.ask(&admin, steps).await;
        allow_duplicates! { assert_snapshot!(pretty(&answer), @r#"
        {
          "data": {
            "a": {
              "email": "newer@acme.test",
              "firstName": "New",
              "title": null
            },
            "b": {
              "roles": []
            },
            "c": {
              "status": "DISABLED"
            },
            "d": {
              "status": "ACTIVE"
            },
            "e": {
              "id": "2"
            },
            "f": {
              "email": "newer@acme.test",
              "status": "ACTIVE"
            },
            "g": null
          },
          "errors": [
            {
              "extensions": {
                "code": "NOT_FOUND"
              },
              "locations": [
                {
                  "column": 13,
                  "line": 8
                }
              ],
              "message": "Not found",
              "path": [
                "g"
              ]
            }
          ]
        }
        "#); }
        assert!(!world.can_sign_in("newer@acme.test").await);
    }

    async fn the_last_admin_stays(world) {
        let admin = world.as_role(Role::Admin).await;
        for last in ["disableUser(input: {id: 1}) { id }", "deleteUser(input: {id: 1}) { id }"] {
            let answer = world.ask(&admin, &format!("mutation {{ {last} }}")).await;
            assert_eq!(codes(&answer), ["CONFLICT"], "{last}");
        }
    }

    async fn an_address_is_taken_once_in_any_case(world) {
        let admin = world.as_role(Role::Admin).await;
        world.user("acme", "john", &[Role::Viewer]).await;
        world.user("acme", "jane", &[Role::Viewer]).await;
        let input = json!({"email": "JOHN@acme.test", "firstName": "A", "lastName": "B"});
        let answer = world.ask_with(&admin, CREATE, json!({"input": input})).await;
        allow_duplicates! { assert_snapshot!(answer, @r#"{"data":{"createUser":null},"errors":[{"extensions":{"code":"ACCOUNT_EXISTS"},"locations":[{"column":38,"line":1}],"message":"An account with this address exists already","path":["createUser"]}]}"#); }
        let answer = world.ask(&admin, "mutation { updateUser(input: {id: 3, email: \"John@acme.test\"}) { id } }").await;
        assert_eq!(codes(&answer), ["ACCOUNT_EXISTS"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let input = json!({"email": "nobody", "firstName": "", "lastName": "B\u{7}"});
    let answer = world.ask_with(&admin, CREATE, json!({"input": input})).await;
    assert_snapshot!(pretty(&answer), @r#"
    {
      "data": {
        "createUser": null
      },
      "errors": [
        {
          "extensions": {
            "code": "VALIDATION_ERROR",
            "details": {
              "email": "not an e-mail address",
              "firstName": "use 1 to 200 characters, none of them control characters",
              "lastName": "use 1 to 200 characters, none of them control characters"
            }
          },
          "locations": [
            {
              "column": 38,
              "line": 1
            }
          ],
          "message": "The request is not valid",
          "path": [
            "createUser"
          ]
        }
      ]
    }
    "#);
    let input = json!({"email": "a@acme.test", "firstName": "A", "lastName": "B", "password": "password"});
    let answer = world.ask_with(&admin, CREATE, json!({"input": input})).await;
    assert_eq!(codes(&answer), ["VALIDATION_ERROR"]);
    assert!(answer["errors"][0]["extensions"]["details"]["password"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_password_is_invited() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let input = json!({"email": "a@acme.test", "firstName": "A", "lastName": "B"});
    let answer = world.ask_with(&admin, CREATE, json!({"input": input})).await;
    assert_eq!(answer["data"]["createUser"]["status"], "INVITED");
    assert_eq!(answer["data"]["createUser"]["roles"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_not_in_the_input_are_refused_and_nothing_is_done() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    for extra in ["clientId", "tenant", "passwordHash", "emailVerified", "status", "id"] {
        let mut input = json!({"email": "a@acme.test", "firstName": "A", "lastName": "B"});
        input[extra] = json!("globex");
        assert_eq!(
            codes(&world.ask_with(&admin, CREATE, json!({"input": input})).await),
            ["VALIDATION_ERROR"],
            "{extra}"
        );
        let inline = format!("mutation {{ updateUser(input: {{id: 1, {extra}X: \"globex\"}}) {{ id }} }}");
        assert_eq!(codes(&world.ask(&admin, &inline).await), ["VALIDATION_ERROR"], "{extra}");
    }
    for roles in [json!(["ROOT"]), json!(["admin"]), json!([7]), json!([null]), json!({"a": 1})] {
        let input = json!({"email": "a@acme.test", "firstName": "A", "lastName": "B", "roles": roles});
        assert_eq!(
            codes(&world.ask_with(&admin, CREATE, json!({"input": input})).await),
            ["VALIDATION_ERROR"],
            "{roles}"
        );
    }
    let users = world.ask(&admin, "{ users { id } }").await;
    assert_eq!(users["data"]["users"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_fails_does_not_hide_those_that_were_done() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    world.user("acme", "john", &[Role::Viewer]).await;
    let answer = world
        .ask(
            &admin,
            "mutation {
                first: disableUser(input: {id: 2}) { status }
                second: disableUser(input: {id: 99}) { status }
                third: enableUser(input: {id: 2}) { status }
            }",
        )
        .await;
    assert_eq!(answer["data"], json!({"first": {"status": "DISABLED"}, "second": null, "third": {"status": "ACTIVE"}}));
    assert_eq!(codes(&answer), ["NOT_FOUND"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutation_is_done_twice_under_one_name() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    world.user("acme", "john", &[Role::Viewer]).await;
    let twice = "mutation { disableUser(input: {id: 2}) { id } ...again }
        fragment again on Mutation { disableUser(input: {id: 2}) { status } }";
    let answer = world.ask(&admin, twice).await;
    assert_snapshot!(answer, @r#"{"errors":[{"extensions":{"code":"VALIDATION_ERROR","details":{"query":"`disableUser` is selected twice; select it once"}},"message":"The request is not valid"}]}"#);
    assert!(world.can_sign_in("john@acme.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_decided_once_for_the_whole_request() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    world.user("acme", "jane", &[Role::Admin]).await;
    let answer = world
        .ask(
            &admin,
            "mutation { a: signOutEverywhere { id } b: disableUser(input: {id: 2}) { status } c: enableUser(input: {id: 2}) { status } }",
        )
        .await;
    assert_eq!(codes(&answer), [""; 0], "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_disabled_themselves_changes_nobody_after_that() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    world.user("acme", "jane", &[Role::Admin]).await;
    let answer = world
        .ask(
            &admin,
            "mutation { a: disableUser(input: {id: 1}) { status } b: enableUser(input: {id: 1}) { status } c: disableUser(input: {id: 2}) { status } }",
        )
        .await;
    assert_eq!(answer["data"], json!({"a": {"status": "DISABLED"}, "b": null, "c": null}));
    assert_eq!(codes(&answer), ["CONFLICT", "CONFLICT"]);
}

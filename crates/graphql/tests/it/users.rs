//! Reading users.

use insta::{allow_duplicates, assert_snapshot};
use purser_core::access::Role;
use serde_json::{Value, json};

use crate::on_both;
use crate::world::{World, codes, pretty};

on_both! {
    async fn the_list_is_plain_and_by_id(world) {
        world.user("acme", "zoe", &[Role::Viewer]).await;
        world.user("acme", "adam", &[Role::Viewer]).await;
        let viewer = world.sign_in("zoe@acme.test").await;
        let answer = world.ask(&viewer, "query { users { id email } }").await;
        allow_duplicates! { assert_snapshot!(answer, @r#"{"data":{"users":[{"email":"zoe@acme.test","id":"1"},{"email":"adam@acme.test","id":"2"}]}}"#); }
    }

    async fn pages_follow_one_another_without_gap(world) {
        for number in 0..7 {
            world.user("acme", &format!("user{number}"), &[Role::Viewer]).await;
        }
        let viewer = world.sign_in("user0@acme.test").await;
        let page = "query($after: ID) { users(first: 3, after: $after) { id } }";
        let mut seen = Vec::new();
        loop {
            let answer = world.ask_with(&viewer, page, json!({"after": seen.last()})).await;
            let ids = ids(&answer);
            if ids.is_empty() {
                break;
            }
            seen.extend(ids);
        }
        assert_eq!(seen, ["1", "2", "3", "4", "5", "6", "7"]);
    }

    async fn a_search_looks_into_names_and_address_literally(world) {
        world.user("acme", "zoe", &[Role::Viewer]).await;
        world.user("acme", "a_m", &[Role::Viewer]).await;
        world.user("acme", "adm", &[Role::Viewer]).await;
        let viewer = world.sign_in("zoe@acme.test").await;
        let search = "query($search: String) { users(search: $search) { id } }";
        for (wanted, found) in [("ZOE", vec!["1"]), ("a_m", vec!["2"]), ("doe", vec!["1", "2", "3"]), ("%", vec![]), ("argon2", vec![])] {
            assert_eq!(ids(&world.ask_with(&viewer, search, json!({"search": wanted})).await), found, "{wanted}");
        }
    }

    async fn those_who_manage_users_may_ask_for_a_role(world) {
        world.user("acme", "zoe", &[Role::Viewer, Role::Author]).await;
        world.user("acme", "adam", &[Role::Viewer]).await;
        let admin = world.as_role(Role::Admin).await;
        let answer = world.ask(&admin, "{ users(role: AUTHOR) { id roles } }").await;
        allow_duplicates! { assert_snapshot!(answer, @r#"{"data":{"users":[{"id":"1","roles":["AUTHOR","VIEWER"]}]}}"#); }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_1_to_500_rows() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    for first in ["1", "500", "null"] {
        assert_eq!(
            codes(&world.ask(&viewer, &format!("{{ users(first: {first}) {{ id }} }}")).await),
            [""; 0],
            "{first}"
        );
    }
    for first in ["0", "-1", "501", "2147483647", "9999999999", "1.5", "\"1\"", "[1]"] {
        let answer = world.ask(&viewer, &format!("{{ users(first: {first}) {{ id }} }}")).await;
        assert_eq!(codes(&answer), ["VALIDATION_ERROR"], "{first}");
        assert!(answer["data"].is_null(), "{answer}");
    }
    let answer = world.ask(&viewer, "{ users(first: 501) { id } }").await;
    assert_snapshot!(answer, @r#"{"data":null,"errors":[{"extensions":{"code":"VALIDATION_ERROR","details":{"first":"use 1 to 500"}},"locations":[{"column":3,"line":1}],"message":"The request is not valid","path":["users"]}]}"#);
    let answer = world.ask(&viewer, "{ users(after: \"x\") { id } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["details"], json!({"after": "not an id"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_others_are_denied_and_the_rest_of_their_row_stays() {
    let world = World::on_sqlite().await;
    world.tenant("globex").await;
    world.user("globex", "eve", &[Role::Admin]).await;
    world.user("acme", "john", &[Role::Viewer]).await;
    world.user("acme", "jane", &[Role::Admin]).await;
    let viewer = world.sign_in("john@acme.test").await;
    let answer = world.ask(&viewer, "query { users { id email roles } }").await;
    assert_snapshot!(pretty(&answer), @r#"
    {
      "data": {
        "users": [
          {
            "email": "john@acme.test",
            "id": "2",
            "roles": [
              "VIEWER"
            ]
          },
          {
            "email": "jane@acme.test",
            "id": "3",
            "roles": null
          }
        ]
      },
      "errors": [
        {
          "extensions": {
            "code": "FORBIDDEN"
          },
          "locations": [
            {
              "column": 26,
              "line": 1
            }
          ],
          "message": "Insufficient permissions",
          "path": [
            "users",
            1,
            "roles"
          ]
        }
      ]
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_null_is_null_and_not_left_out() {
    let world = World::on_sqlite().await;
    let jane = world.user("acme", "jane", &[Role::Admin]).await;
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world.ask(&viewer, &format!("{{ user(id: {}) {{ roles }} }}", jane.id)).await;
    assert_eq!(answer["data"], json!({"user": {"roles": null}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_whoever_asks() {
    let world = World::on_sqlite().await;
    world.user("acme", "john", &[Role::Author, Role::Viewer]).await;
    let john = world.sign_in("john@acme.test").await;
    let answer = world
        .ask(
            &john,
            "{ me { id email firstName lastName title status roles permissions lastSignInAt createdAt client { id name } } }",
        )
        .await;
    assert_snapshot!(pretty(&answer), @r#"
    {
      "data": {
        "me": {
          "client": {
            "id": "acme",
            "name": "Acme Corp."
          },
          "createdAt": "2027-01-15T08:00:00Z",
          "email": "john@acme.test",
          "firstName": "John",
          "id": "1",
          "lastName": "Doe",
          "lastSignInAt": "2027-01-15T08:00:00Z",
          "permissions": [
            "work.read",
            "users.read",
            "templates.write"
          ],
          "roles": [
            "AUTHOR",
            "VIEWER"
          ],
          "status": "ACTIVE",
          "title": null
        }
      }
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_another_tenant_are_answered_as_ids_that_never_existed() {
    let world = World::on_sqlite().await;
    world.tenant("globex").await;
    let eve = world.user("globex", "eve", &[Role::Viewer]).await;
    let admin = world.as_role(Role::Admin).await;
    for operation in [
        "query($id: ID!) { user(id: $id) { id } }",
        "mutation($id: ID!) { updateUser(input: {id: $id, lastName: \"X\"}) { id } }",
        "mutation($id: ID!) { setUserRoles(input: {id: $id, roles: [VIEWER]}) { id } }",
        "mutation($id: ID!) { disableUser(input: {id: $id}) { id } }",
        "mutation($id: ID!) { enableUser(input: {id: $id}) { id } }",
        "mutation($id: ID!) { deleteUser(input: {id: $id}) { id } }",
        "mutation($id: ID!) { endUserSessions(input: {id: $id}) { id } }",
    ] {
        let foreign = world.ask_with(&admin, operation, json!({"id": eve.id.to_string()})).await;
        assert_eq!(codes(&foreign), ["NOT_FOUND"], "{operation}");
        for id in ["999999999", "0", "-1", "", "x", "1 OR 1=1", "9223372036854775808", "\0"] {
            assert_eq!(world.ask_with(&admin, operation, json!({"id": id})).await, foreign, "{operation} {id:?}");
        }
    }
    assert!(world.can_sign_in("eve@globex.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_argument_leads_out_of_the_tenant() {
    let world = World::on_sqlite().await;
    world.tenant("globex").await;
    let eve = world.user("globex", "eve", &[Role::Viewer]).await;
    let admin = world.as_role(Role::Admin).await;
    for guess in [
        "{ users(clientId: \"globex\") { id } }",
        "{ users(orderBy: passwordHash) { id } }",
        "{ users(filter: {passwordHash: \"a\"}) { id } }",
        "{ node(id: 1) { id } }",
        "{ client(id: \"globex\") { id } }",
        "{ users { passwordHash } }",
        "{ users { tenant } }",
    ] {
        let answer = world.ask(&admin, guess).await;
        assert_eq!(codes(&answer), ["VALIDATION_ERROR"], "{guess}");
        assert_eq!(answer.get("data"), None, "{guess}");
    }
    let after = format!("{{ users(after: {}) {{ email }} }}", eve.id.0 - 1);
    assert!(!world.ask(&admin, &after).await.to_string().contains("eve"));
    assert!(!world.ask(&admin, "{ users(search: \"globex\") { email } }").await.to_string().contains("eve"));
}

/// The ids of a list of users.
fn ids(answer: &Value) -> Vec<String> {
    let users = answer["data"]["users"].as_array().unwrap();
    users.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

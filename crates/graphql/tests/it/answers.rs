//! The form of answers: order, nulls, errors.

use std::fmt::Write as _;

use insta::assert_snapshot;
use purser_core::access::Role;
use purser_graphql::Request;
use serde_json::json;

use crate::world::{World, codes, pretty};

#[tokio::test(flavor = "multi_thread")]
async fn fields_come_in_the_order_of_the_document() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let query = "{ z: auditLog(first: 1) { action } ...Some b: me { id } a: users { id } __typename }
        fragment Some on Query { y: me { email id } x: sessions { current } }";
    let request = Request { query: query.into(), ..Request::default() };
    let answer = world.answerer.answer(admin, request).await.unwrap();
    assert_snapshot!(serde_json::to_string(&answer).unwrap(), @r#"{"data":{"z":[{"action":"session.sign-in"}],"y":{"email":"admin0@acme.test","id":"1"},"x":[{"current":true}],"b":{"id":"1"},"a":[{"id":"1"}],"__typename":"Query"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_field_that_is_never_null_leaves_no_data() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world.ask(&viewer, "{ me { id } user(id: 99) { id } }").await;
    assert_snapshot!(pretty(&answer), @r#"
    {
      "data": null,
      "errors": [
        {
          "extensions": {
            "code": "NOT_FOUND"
          },
          "locations": [
            {
              "column": 13,
              "line": 1
            }
          ],
          "message": "Not found",
          "path": [
            "user"
          ]
        }
      ]
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_fields_are_left_out() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world
        .ask_with(
            &viewer,
            "query($no: Boolean!) { me { id email @include(if: $no) } auditLog @include(if: $no) { id } }",
            json!({"no": false}),
        )
        .await;
    assert_eq!(answer, json!({"data": {"me": {"id": "1"}}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_valid_document_is_told_so_without_hints() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let mut told = String::new();
    for wrong in [
        "",
        "{",
        "{ me { id }",
        "{ me { id } } { me { id } }",
        "query A { me { id } } query A { me { id } }",
        "fragment A on User { id }",
        "{ usrs { id } }",
        "{ users { emial } }",
        "{ users(fist: 1) { id } }",
        "{ me { id @skip(iff: true) } }",
        "{ me { id @nope } }",
        "{ users }",
        "{ me { id { id } } }",
        "{ user { id } }",
        "{ user(id: $id) { id } }",
        "query($id: Usr) { user(id: $id) { id } }",
        "{ ...Nothing }",
        "subscription { me { id } }",
        "{ a: me { id } a: sessions { id } }",
        "{ users { id } users { email } }",
        "\"\"\" { me { id } }",
    ] {
        let answer = world.ask(&viewer, wrong).await;
        let error = &answer["errors"][0];
        assert!(codes(&answer).iter().all(|code| *code == "VALIDATION_ERROR"), "{wrong}: {answer}");
        assert_eq!(error["message"], "The request is not valid", "{wrong}");
        assert_eq!(answer.get("data"), None, "{wrong}");
        assert!(!answer.to_string().contains("Did you mean"), "{answer}");
        writeln!(told, "{wrong}\n    {}", error["extensions"]["details"]["query"].as_str().unwrap()).unwrap();
    }
    assert_snapshot!(told, @r#"

        not a GraphQL document
    {
        not a GraphQL document
    { me { id }
        not a GraphQL document
    { me { id } } { me { id } }
        document contains multiple operations
    query A { me { id } } query A { me { id } }
        operation A is defined twice
    fragment A on User { id }
        document does not contain an operation
    { usrs { id } }
        Unknown field "usrs" on type "Query".
    { users { emial } }
        Unknown field "emial" on type "User".
    { users(fist: 1) { id } }
        Unknown argument "fist" on field "users" of type "Query".
    { me { id @skip(iff: true) } }
        Directive "@skip" argument "if" of type "Boolean!" is required but not provided
    { me { id @nope } }
        Unknown directive "nope"
    { users }
        Field "users" of type "User" must have a selection of subfields
    { me { id { id } } }
        Field "id" must not have a selection since type "ID" has no subfields
    { user { id } }
        Field "user" argument "id" of type "Query" is required but not provided
    { user(id: $id) { id } }
        Variable "$id" is not defined
    query($id: Usr) { user(id: $id) { id } }
        Unknown type "Usr"
    { ...Nothing }
        Unknown fragment: "Nothing"
    subscription { me { id } }
        Schema is not configured for subscriptions.
    { a: me { id } a: sessions { id } }
        `a` is selected twice; select it once
    { users { id } users { email } }
        `users` is selected twice; select it once
    """ { me { id } }
        a block string has no end
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_does_not_fit_is_named_by_its_field() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    for (query, field, reason) in [
        ("{ auditLog(since: \"soon\") { id } }", "since", r#"expected type "DateTime""#),
        (
            "{ auditLog(outcome: done) { id } }",
            "outcome",
            r#"enumeration type "Outcome" does not contain the value "done""#,
        ),
        (
            "mutation { setUserRoles(input: {id: 1, roles: [ADMN]}) { id } }",
            "roles.0",
            r#"enumeration type "Role" does not contain the value "ADMN""#,
        ),
        ("mutation { createTemplate(input: {title: null}) { id } }", "title", r#"expected type "String""#),
        (
            "mutation { createTemplate(input: {title: \"a\", steps: [{title: \"a\"}, {title: 5}]}) { id } }",
            "steps.1.title",
            r#"expected type "String""#,
        ),
        ("mutation { createUser(input: {email: \"a@b.test\"}) { id } }", "firstName", "is required"),
        ("mutation { createTemplate(input: {title: \"a\", admin: true}) { id } }", "admin", "there is no such field"),
        (
            "mutation { updateClientSettings(input: {passwordMinLength: 65}) { accessTtl } }",
            "passwordMinLength",
            "at most 64",
        ),
        (
            "mutation { updateClientSettings(input: {passwordMinLength: 9999999999}) { accessTtl } }",
            "passwordMinLength",
            "at most 64",
        ),
        ("{ users(first: 9999999999) { id } }", "first", "use 1 to 500"),
    ] {
        let answer = world.ask(&admin, query).await;
        assert_eq!(codes(&answer), ["VALIDATION_ERROR"], "{query}: {answer}");
        assert_eq!(answer["errors"][0]["extensions"]["details"], json!({field: reason}), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_while_a_variable_lacks_its_value() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    world.user("acme", "john", &[Role::Viewer]).await;
    let query = "mutation($id: ID!, $more: ID! = 2) {
        a: disableUser(input: {id: $more}) { id } b: disableUser(input: {id: $id}) { id } }";
    for values in [json!({}), json!({"id": null})] {
        let answer = world.ask_with(&admin, query, values).await;
        assert_eq!(answer["errors"][0]["extensions"]["details"], json!({"variables.id": "a value is needed"}));
        assert_eq!(answer.get("data"), None);
    }
    assert!(world.can_sign_in("john@acme.test").await);
    let wrong = world.ask_with(&admin, query, json!({"id": {"a": 1}})).await;
    assert_eq!(codes(&wrong), ["VALIDATION_ERROR"]);
    assert!(world.can_sign_in("john@acme.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_operations_is_run_by_its_name() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let query = "query A { a: me { id } } query B { b: me { id } }";
    let mut told = Vec::new();
    for name in [Some("A"), Some("B"), Some("C"), None] {
        let request = Request { query: query.into(), operation_name: name.map(str::to_owned), variables: None };
        let answer = world.answerer.answer(viewer.clone(), request).await.unwrap();
        told.push(serde_json::to_string(&answer).unwrap());
    }
    assert_snapshot!(told.join("\n"), @r#"
    {"data":{"a":{"id":"1"}}}
    {"data":{"b":{"id":"1"}}}
    {"errors":[{"message":"The request is not valid","extensions":{"code":"VALIDATION_ERROR","details":{"query":"Unknown operation named \"C\""}}}]}
    {"errors":[{"message":"The request is not valid","extensions":{"code":"VALIDATION_ERROR","details":{"query":"Operation name required in request."}}}]}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_past_the_hundredth_are_left_out_and_their_fields_are_null() {
    let world = World::on_sqlite().await;
    for number in 0..60 {
        world.user("acme", &format!("user{number}"), &[Role::Viewer]).await;
    }
    let viewer = world.as_role(Role::Viewer).await;
    let answer = world.ask(&viewer, "{ users(first: 500) { roles status } }").await;
    assert_eq!(codes(&answer), ["FORBIDDEN"; 100]);
    assert_eq!(answer["data"]["users"][59], json!({"roles": null, "status": null}));
    assert_eq!(answer["data"]["users"][60], json!({"roles": ["VIEWER"], "status": "ACTIVE"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_told_as_such_and_what_needs_no_store_is_answered() {
    let world = World::on_postgres().await;
    let admin = world.as_role(Role::Admin).await;
    world.lose_the_tables().await;
    let answer = world.ask(&admin, "{ me { id } auditLog { id } }").await;
    assert_snapshot!(answer, @r#"{"data":{"auditLog":null,"me":{"id":"1"}},"errors":[{"extensions":{"code":"STORE_UNAVAILABLE"},"locations":[{"column":13,"line":1}],"message":"The store is unavailable","path":["auditLog"]}]}"#);
    let answer = world.ask(&admin, "mutation { disableUser(input: {id: 1}) { id } }").await;
    assert_eq!(answer["data"], json!({"disableUser": null}));
}

#[test]
fn a_request_is_read_from_json_as_clients_send_it() {
    let full: Request = serde_json::from_str(
        r#"{"query": "{ me { id } }", "variables": {"a": 1}, "operationName": "A", "extensions": {}}"#,
    )
    .unwrap();
    assert_eq!(full.operation_name.as_deref(), Some("A"));
    let bare: Request =
        serde_json::from_str(r#"{"query": "{ me { id } }", "variables": null, "operationName": null}"#).unwrap();
    assert!(bare.variables.is_none());
    for wrong in ["[]", r#"[{"query": "{ me { id } }"}]"#, "{}", r#"{"query": 1}"#, r#"{"query": "", "variables": []}"#]
    {
        assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
    }
}

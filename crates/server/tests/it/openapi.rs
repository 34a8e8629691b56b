//! The description of the API: complete, valid, and changed by nobody unseen.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use purser_server::router;
use serde_json::{Map, Value};

use crate::site::Site;

fn description() -> Value {
    serde_json::to_value(router::description()).unwrap()
}

/// Path, method and description of every operation.
fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

/// Every operation for which the check does not hold, by name.
fn failing(check: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let all = operations(&description()).into_iter();
    all.filter(|(path, _, operation)| !check(path, operation))
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_description_changes_under_our_eyes_only() {
    assert_snapshot!("description", serde_json::to_string_pretty(&description()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_served_description_is_the_routers() {
    let site = Site::on_sqlite().await;
    let reply = site.anyone().get("/api/openapi.json").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), description());
}

#[test]
fn it_is_openapi_3_1() {
    let api = description();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1."));
    for member in ["title", "version"] {
        assert!(!api["info"][member].as_str().unwrap().is_empty());
    }
    let known = ["openapi", "info", "paths", "components", "tags", "servers", "security"];
    assert!(api.as_object().unwrap().keys().all(|member| known.contains(&member.as_str())));
}

#[test]
fn no_two_operations_have_one_id() {
    let api = description();
    let ids: Vec<Value> = operations(&api).iter().map(|(_, _, operation)| operation["operationId"].clone()).collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<&Value> = ids.iter().filter(|id| !seen.insert(id.as_str().unwrap())).collect();
    assert_eq!(twice, Vec::<&Value>::new());
}

#[test]
fn every_operation_is_told_in_a_sentence_and_under_one_heading() {
    let told = |_: &str, operation: &Value| {
        operation["tags"].as_array().is_some_and(|tags| tags.len() == 1)
            && operation["summary"].as_str().is_some_and(|text| text.len() > 10)
    };
    assert_eq!(failing(told), none());
}

#[test]
fn every_parameter_of_a_path_is_described() {
    let described = |path: &str, operation: &Value| {
        let named: BTreeSet<&str> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let required: BTreeSet<&str> =
            in_path.filter(|it| it["required"] == true).filter_map(|it| it["name"].as_str()).collect();
        named == required
    };
    assert_eq!(failing(described), none());
}

#[test]
fn every_refusal_is_described_as_the_envelope() {
    let described = |_: &str, operation: &Value| {
        let responses = operation["responses"].as_object().unwrap();
        let refusals = responses.iter().filter(|(status, _)| status.starts_with(['4', '5']));
        responses.values().all(|response| response["description"].as_str().is_some_and(|text| !text.is_empty()))
            && refusals.into_iter().all(|(_, response)| {
                response["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Refused"
                    && response["description"].as_str().unwrap().contains('`')
            })
    };
    assert_eq!(failing(described), none());
}

#[test]
fn who_wants_a_session_says_so_and_says_what_is_answered_without() {
    let open = |path: &str| {
        !path.starts_with("/api/client/") && !path.starts_with("/api/admin/")
            || ["/sign-in", "/refresh", "/providers", "/exchange", "/landing"].iter().any(|end| path.ends_with(end))
            || [
                "/password/forgot",
                "/password/reset",
                "/email/confirm",
                "/two-factor/options",
                "/two-factor/verify",
                "/passkey/options",
            ]
            .iter()
            .any(|end| path.ends_with(end))
            || ["/oidc", "/okta-saml", "/ms-dynamics", "/invitation"]
                .iter()
                .any(|door| path.contains(&format!("/auth{door}")))
    };
    let said = |path: &str, operation: &Value| {
        let door = if path.starts_with("/api/admin/") { "admin" } else { "bearer" };
        let doors = operation["security"].as_array().cloned().unwrap_or_default();
        let refused = operation["responses"]["401"]["description"].as_str().unwrap_or_default();
        open(path)
            || doors.len() == 2
                && doors.iter().any(|it| it[door].is_array())
                && ["`INVALID_TOKEN`", "`TOKEN_EXPIRED`"].iter().all(|code| refused.contains(code))
    };
    assert_eq!(failing(said), none());
}

#[test]
fn every_door_that_is_named_is_described() {
    let api = description();
    let described = api["components"]["securitySchemes"].as_object().unwrap();
    for (path, _, operation) in operations(&api) {
        for door in operation["security"].as_array().into_iter().flatten() {
            assert!(door.as_object().unwrap().keys().all(|name| described.contains_key(name)), "{path}");
        }
    }
}

#[test]
fn who_takes_a_body_says_that_it_may_be_refused_unread() {
    let said = |_: &str, operation: &Value| {
        operation["requestBody"].is_null()
            || ["400", "413", "415"].iter().all(|status| operation["responses"][*status].is_object())
    };
    assert_eq!(failing(said), none());
}

#[test]
fn every_body_that_is_taken_has_an_example_of_each_member_it_needs() {
    let api = description();
    let lacking = failing(|_, operation| {
        let body = &operation["requestBody"];
        body.is_null() || {
            assert_eq!(body["required"], true);
            body["content"].as_object().unwrap().values().all(|content| {
                let schema = resolved(&api, &content["schema"]);
                // A file has no members; it is an example itself.
                let Some(members) = schema["properties"].as_object() else { return content["example"].is_string() };
                schema["required"].as_array().into_iter().flatten().all(|name| has_example(&api, members, name))
            })
        }
    });
    assert_eq!(lacking, none());
}

fn has_example(api: &Value, members: &Map<String, Value>, name: &Value) -> bool {
    let member = &members[name.as_str().unwrap()];
    let schema = resolved(api, member);
    member["example"] != Value::Null || schema["example"] != Value::Null || schema["enum"].is_array()
}

fn resolved<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(pointer) => api.pointer(pointer.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// What the described schema asks of a value and is not there, by its place. (Two Rust types of one name would share one schema,
/// and each would be described as the other.)
pub(crate) fn lacking(api: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = resolved(api, schema);
    let mut lacking = Vec::new();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            lacking.push(format!("{at}.{name}"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        lacking.extend(self::lacking(api, &schema["properties"][name], member, &format!("{at}.{name}")));
    }
    for item in value.as_array().into_iter().flatten() {
        lacking.extend(self::lacking(api, &schema["items"], item, &format!("{at}[]")));
    }
    lacking
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(api: &Value, part: &Value) {
        match part {
            Value::Object(members) => {
                if let Some(pointer) = members.get("$ref").and_then(Value::as_str) {
                    assert!(api.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer}");
                }
                members.values().for_each(|member| check(api, member));
            }
            Value::Array(items) => items.iter().for_each(|item| check(api, item)),
            _ => {}
        }
    }
    let api = description();
    check(&api, &api);
}

#[test]
fn the_router_has_no_route_that_is_not_described() {
    let source = include_str!("../../src/router.rs");
    let (_, list) = source.split_once("\nroutes! {").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let listed: BTreeSet<&str> =
        list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect();
    let api = description();
    let described: BTreeSet<&str> = api["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(listed, described);
    // Beside the two halves of the list there are one page with its parts for demos, and the console, whose pages are no interface; who
    // sees which of them stands in a table of its own.
    assert_eq!(source.matches(".route(").count(), 4);
    assert_eq!(source.matches("console::pages(&site)").count(), 1);
}

//! Documents made to be dear: each is refused before anything of it runs.

use std::fmt::Write as _;

use purser_core::access::Role;
use purser_core::env::{Entropy, SeededEntropy};
use purser_core::error::Error;
use purser_graphql::Request;
use serde_json::json;

use crate::world::{World, codes};

/// Documents past a limit, each with a name for the message.
fn hostile() -> Vec<(&'static str, String)> {
    let aliases = |what: &str, count: usize| (0..count).fold(String::new(), |all, n| all + &format!("a{n}: {what} "));
    let deep = |open: &str, inner: &str, count: usize| format!("{}{inner}{}", open.repeat(count), "}".repeat(count));
    let laughs = |count: usize| {
        let mut text = String::from("{ me { ...f0 } } ");
        for n in 0..count {
            let _ = write!(text, "fragment f{n} on Me {{ ...f{m} ...f{m} }} ", m = n + 1);
        }
        text
    };
    vec![
        ("depth 13", deep("{ users ", "{ id }", 12)),
        ("depth 50", deep("{ user(id: 1) { org ", "{ id }", 25)),
        ("depth 10,000", deep("{ a ", "{ id }", 10_000)),
        ("10,000 braces that never close", "{a".repeat(10_000)),
        ("10,000 inline fragments", deep("{ ... ", "{ id }", 10_000)),
        ("40 inline fragments", deep("{ ... ", "{ id }", 35)),
        ("10,000 lists in an argument", format!("{{ users(first: {}1{}) {{ id }} }}", "[".repeat(10_000), "]".repeat(10_000))),
        ("10,000 objects in an argument", format!("{{ users(first: {}1{}) {{ id }} }}", "{a:".repeat(10_000), "}".repeat(10_000))),
        ("10,000 lists in a type", format!("query($a: {}Int{}) {{ me {{ id }} }}", "[".repeat(10_000), "]".repeat(10_000))),
        ("10,000 lists in a default", format!("query($a: Int = {}1{}) {{ me {{ id }} }}", "[".repeat(10_000), "]".repeat(10_000))),
        ("1,000 aliases", format!("{{ {} }}", aliases("users { id }", 1_000))),
        ("31 aliases", format!("{{ {} }}", aliases("me { id }", 31))),
        ("31 aliases within", format!("{{ me {{ {} }} }}", aliases("id", 31))),
        ("32 aliases by one fragment", format!("{{ {} }} fragment F on Me {{ a: id }}", "me { ...F } ".repeat(32))),
        ("1,000 aliases of a mutation", format!("mutation {{ {} }}", aliases("disableUser(input: {id: 1}) { id }", 1_000))),
        ("21 mutations", format!("mutation {{ {} }}", aliases("disableUser(input: {id: 1}) { id }", 21))),
        ("a fragment within itself", "{ me { ...A } } fragment A on Me { id ...A }".into()),
        ("two fragments within each other", "{ me { ...A } } fragment A on Me { ...B } fragment B on Me { ...A }".into()),
        ("a fragment within itself that nobody spreads", "{ me { id } } fragment A on Me { id ...A }".into()),
        ("a fragment within itself under a field", "{ me { ...A } } fragment A on Me { client { ...A } }".into()),
        ("30 fragments that double one another", laughs(30) + "fragment f30 on Me { id }"),
        ("30 fragments that double nothing", laughs(30)),
        ("30 fragments that double one another and nobody spreads", laughs(30).replace("...f0 }", "id }") + "fragment f30 on Me { id }"),
        ("10,000 fragments in a row", {
            (0..10_000).fold(String::from("{ me { ...f0 } } "), |all, n| all + &format!("fragment f{n} on Me {{ ...f{} }} ", n + 1))
        }),
        ("40 fragments in a row", {
            (0..40).fold(String::from("{ me { ...f0 } } "), |all, n| all + &format!("fragment f{n} on Me {{ ...f{} }} ", n + 1))
        }),
        ("100,000 fields", format!("{{ me {{ {} }} }}", "id ".repeat(100_000))),
        ("3,000 fields", format!("{{ me {{ {} }} }}", "id ".repeat(3_000))),
        ("a megabyte of blanks", format!("{{ me {{ id }} }}{}", " ".repeat(1 << 20))),
        ("a megabyte of comment", format!("{{ me {{ id }} }} #{}", "x".repeat(1 << 20))),
        ("10,000 directives", format!("{{ me {{ id {} }} }}", "@skip(if: false) ".repeat(10_000))),
        ("101 directives", format!("{{ me {{ {} }} }}", "id @skip(if: false) ".repeat(101))),
        ("10,000 variables", format!("query({}) {{ me {{ id }} }}", "$a: Int ".repeat(10_000))),
        ("cost by rows", format!("{{ users(first: 500) {{ {} }} }}", "id ".repeat(41))),
        ("cost by rows unsaid", format!("{{ users {{ {} }} }}", "id ".repeat(201))),
        ("cost by lists", "{ a: users(first: 500) {...F} b: users(first: 500) {...F} c: users(first: 500) {...F} d: users(first: 500) {...F} e: users(first: 500) {...F} } fragment F on User { id email firstName lastName title status roles lastSignInAt }".into()),
        ("cost by a variable's default", format!("query($n: Int = 500) {{ users(first: $n) {{ {} }} }}", "id ".repeat(41))),
        ("cost of operations that do not run", format!("query A {{ me {{ id }} }} query B {{ users(first: 500) {{ {} }} }}", "id ".repeat(41))),
        ("the schema within itself", "{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }".into()),
        ("the schema, deep", format!("{{ __schema {{ types {{ {} name {} }} }} }}", "ofType { ".repeat(18), "}".repeat(18))),
        ("the schema, wide", format!("{{ __schema {{ types {{ fields {{ {} }} }} }} }}", "name ".repeat(300))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_a_limit_is_refused_before_it_runs() {
    let world = World::on_sqlite().await;
    world.user("acme", "zoe", &[Role::Viewer]).await;
    let admin = world.as_role(Role::Admin).await;
    for (name, document) in hostile() {
        let refusal = world.refusal(&admin, &document).await;
        assert!(matches!(refusal, Some(Error::QueryTooComplex)), "{name}: {refusal:?}");
    }
    assert!(world.can_sign_in("zoe@acme.test").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_within_the_limits_is_answered() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let aliases = |what: &str, count: usize| (0..count).fold(String::new(), |all, n| all + &format!("a{n}: {what} "));
    for document in [
        format!("{{ {} }}", aliases("me { id }", 30)),
        format!("{{ users(first: 500) {{ {} }} }}", "id ".repeat(39)),
        format!("{{ users(first: 1) {{ {} }} }}", "id ".repeat(1_900)),
        format!("{{ me {{ {} }} }}", "id @skip(if: false) ".repeat(100)),
        format!("mutation {{ {} }}", aliases("endUserSessions(input: {id: 1}) { id }", 20)),
        "{ me { id ...A ...A } } fragment A on Me { ...B ...B } fragment B on Me { email }".into(),
    ] {
        let answer = world.ask(&admin, &document).await;
        assert_eq!(codes(&answer), [""; 0], "{document}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_counts_as_the_rows_it_says() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let query = format!("query($n: Int = 500) {{ users(first: $n) {{ {} }} }}", "id ".repeat(100));
    let ask = async |variables: serde_json::Value| {
        let variables = variables.as_object().cloned();
        let request = Request { query: query.clone(), variables, operation_name: None };
        world.answerer.answer(admin.clone(), request).await.is_ok()
    };
    assert!(ask(json!({"n": 100})).await);
    assert!(ask(json!({"n": null})).await, "null is as unsaid: a hundred");
    assert!(!ask(json!({})).await, "the default is 500");
    assert!(!ask(json!({"n": 500})).await);
    assert!(!ask(json!({"n": "many"})).await);
    assert!(!ask(json!({"n": 9_999_999_999_u64})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jumble_of_marks_is_answered_one_way_or_the_other() {
    const MARKS: &[&str] = &[
        "{", "}", "(", ")", "[", "]", ":", "\"", "\"\"\"", "\\", "#", "\n", "@", "...", "$", "!", "=", "&", "|", " ",
        "me", "users", "id", "first", "query", "mutation", "fragment", "on", "F", "Me", "1", "-", "0.5e", "null",
        "true", "\u{feff}", "é", "\0",
    ];
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let entropy = SeededEntropy::new(7);
    for _ in 0..2_000 {
        let mut bytes = [0; 48];
        entropy.fill(&mut bytes);
        let marks: String = bytes.iter().map(|byte| MARKS[usize::from(*byte) % MARKS.len()]).collect();
        let request = Request { query: format!("{{ me {{ id }} }} {marks}"), ..Request::default() };
        let _either = world.answerer.answer(viewer.clone(), request).await;
    }
}

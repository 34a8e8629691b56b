//! What stands beside the rows of a list is read for all rows together, in every list and for every field of the schema.

use purser_core::access::{Caller, Role};
use purser_core::work::{JobState, Performing, VersionState};
use serde_json::Value;

use crate::on_both;
use crate::world::{World, codes};

/// So many rows at least are in each list.
const ROWS: u64 = 12;

/// Lists of the schema with objects in their rows, and documents for them. A list that is not here panics.
fn documents(things: &Things) -> [(&'static str, String); 11] {
    let Things { template, job } = things;
    [
        ("users", "{ users { $ } }".into()),
        ("sessions", "{ sessions { $ } }".into()),
        ("auditLog", "{ auditLog { $ } }".into()),
        ("identityProviders", "{ identityProviders { $ } }".into()),
        ("domains", "{ domains { $ } }".into()),
        ("templates", "{ templates { $ } }".into()),
        ("templateVersions", format!("{{ templateVersions(id: \"{template}\") {{ $ }} }}")),
        ("templateHistory", format!("{{ templateHistory(id: \"{template}\") {{ $ }} }}")),
        ("jobs", "{ jobs { $ } }".into()),
        ("records", format!("{{ records(job: \"{job}\") {{ $ }} }}")),
        ("jobHistory", format!("{{ jobHistory(id: \"{job}\") {{ $ }} }}")),
    ]
}

/// The template and the job that have the most to tell.
struct Things {
    template: String,
    job: String,
}

/// As many rows as it takes, in every list.
async fn filled(world: &World, by: &Caller) -> Things {
    let app = &world.app;
    for _ in 0..ROWS {
        world.invited(&[Role::Viewer]).await;
        world.provider().await;
        world.job(by, JobState::Assigned).await;
    }
    for _ in 0..ROWS {
        world.sign_in(&by.user().email).await;
    }
    let template = world.template(by, VersionState::Published).await;
    for number in 1..=i64::try_from(ROWS).unwrap() {
        let steps = app.version(&by.grant().unwrap(), template, number).await.unwrap().steps;
        app.edit_version(&by.grant().unwrap(), template, number, None, &steps).await.unwrap();
        app.submit_version(&by.grant().unwrap(), template, number + 1).await.unwrap();
    }
    let job = world.job(by, JobState::InProgress).await;
    for _ in 0..ROWS {
        let other = world.as_role(Role::Operator).await;
        app.assign_job(&by.grant().unwrap(), job, other.user().id).await.unwrap();
        let note = Performing { step: 1, value: Some("seen".into()), ..Performing::default() };
        app.add_record(&other.grant().unwrap(), job, note).await.unwrap();
    }
    Things { template: template.to_string(), job: job.to_string() }
}

/// How many statements a document costs, and how many rows it gives.
async fn cost(world: &World, by: &Caller, list: &str, document: &str) -> (u64, u64) {
    let before = world.app.figures().statements_read;
    let answer = world.ask(by, document).await;
    assert_eq!(codes(&answer), [""; 0], "{document}: {answer}");
    let rows = answer["data"][list].as_array().unwrap().len();
    (world.app.figures().statements_read - before, u64::try_from(rows).unwrap())
}

/// The kind and name of a type within its lists and never-nulls, and whether it is a list.
fn named(of: &Value) -> (String, String, bool) {
    let is_list = of["kind"] == "LIST";
    if of["ofType"].is_null() {
        return (of["kind"].as_str().unwrap().into(), of["name"].as_str().unwrap().into(), is_list);
    }
    let (kind, name, inner) = named(&of["ofType"]);
    (kind, name, inner || is_list)
}

/// The fields of a type that hold objects.
fn objects_in<'a>(types: &'a [Value], name: &str) -> Vec<(&'a str, String, bool)> {
    let fields = types.iter().find(|it| it["name"] == name).unwrap()["fields"].as_array().unwrap();
    let typed = fields.iter().map(|field| (field["name"].as_str().unwrap(), named(&field["type"])));
    typed.filter(|(_, (kind, ..))| kind == "OBJECT").map(|(name, (_, of, list))| (name, of, list)).collect()
}

on_both! {
    async fn no_field_is_read_row_by_row(world) {
        let admin = world.as_role(Role::Admin).await;
        let documents = documents(&filled(&world, &admin).await);
        let schema = world.ask(&admin, "{ __schema { types { name fields { name type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }").await;
        let types = schema["data"]["__schema"]["types"].as_array().unwrap();
        let mut asked = 0;
        for (list, of, _) in objects_in(types, "Query").into_iter().filter(|(.., is_list)| *is_list) {
            let (_, document) = documents.iter().find(|(name, _)| *name == list).unwrap_or_else(|| panic!("{list} is not covered: write a document for it here"));
            let (alone, rows) = cost(&world, &admin, list, &document.replace('$', "__typename")).await;
            assert!(rows >= ROWS, "{list} has {rows} rows");
            for (field, ..) in objects_in(types, &of) {
                let (with, _) = cost(&world, &admin, list, &document.replace('$', &format!("{field} {{ __typename }}"))).await;
                // One, if every row is there in time; a busy machine may cut them in a few.
                assert!(with - alone <= ROWS / 2, "{list} {{ {field} }} costs {} statements more", with - alone);
                asked += 1;
            }
        }
        assert!(asked >= 20, "{asked}");
    }
}

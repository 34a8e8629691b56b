//! Templates and jobs over GraphQL: a day in the life, what is refused field by field, and how many statements a list costs.

use insta::assert_snapshot;
use purser_core::access::Role;
use purser_core::work::{JobState, VersionState};
use serde_json::json;

use crate::on_both;
use crate::world::{World, codes};

on_both! {
    async fn work_is_written_approved_published_and_done(world) {
        let [author, approver, publisher, operator] = [
            world.as_role(Role::Author).await, world.as_role(Role::Approver).await,
            world.as_role(Role::Publisher).await, world.as_role(Role::Operator).await,
        ];
        let steps = json!([
            {"title": "Read the pressure", "recordRequired": true, "kind": "NUMBER", "unit": "bar", "min": 1, "max": 5.5},
            {"title": "Worn?", "kind": "CHOICE", "options": ["no", "yes"]},
        ]);
        let create = "mutation ($steps: [StepInput!]!) {
            createTemplate(input: {title: \"Replace the seal\", assetClass: \"Pumps\", steps: $steps}) {
                id state versions { number steps { number kind unit min max options } }
            }
        }";
        let made = world.ask_with(&author, create, json!({"steps": steps})).await;
        assert_eq!(codes(&made), [""; 0], "{made}");
        let template = &made["data"]["createTemplate"];
        assert_eq!(template["versions"][0]["steps"][0]["max"], 5.5);
        assert_eq!(template["versions"][0]["steps"][1]["options"], json!(["no", "yes"]));
        let id = template["id"].as_str().unwrap();
        let of = |verb: &str| format!("mutation {{ {verb}(input: {{templateId: \"{id}\", number: 1}}) {{ state }} }}");
        for (caller, verb, state) in [
            (&author, "submitVersion", "IN_REVIEW"), (&approver, "approveVersion", "APPROVED"),
            (&publisher, "publishVersion", "PUBLISHED"),
        ] {
            assert_eq!(world.ask(caller, &of(verb)).await["data"][verb]["state"], state);
        }
        let late = world.ask(&approver, &of("approveVersion")).await;
        assert_eq!(codes(&late), ["CONFLICT"]);
        let me = operator.user().id;
        let job = world.ask(&operator, &format!(
            "mutation {{ createJob(input: {{templateId: \"{id}\", assigneeId: {me}}}) {{ id priority state assignee {{ id }} }} }}"
        )).await;
        let job = &job["data"]["createJob"];
        assert_eq!((&job["priority"], &job["state"]), (&json!("MEDIUM"), &json!("ASSIGNED")));
        let job = job["id"].as_str().unwrap();
        world.ask(&operator, &format!("mutation {{ startJob(input: {{id: \"{job}\"}}) {{ state }} }}")).await;
        let step = |step: i64, value: &str| format!(
            "mutation {{ completeStep(input: {{jobId: \"{job}\", step: {step}, value: \"{value}\", idempotencyKey: \"k{step}\"}}) {{ number job {{ state nextStep }} }} }}"
        );
        let refused = world.ask(&operator, &step(1, "6")).await;
        assert_eq!(refused["errors"][0]["extensions"]["details"], json!({"value": "above the highest value allowed"}));
        world.ask(&operator, &step(1, "2.5")).await;
        let last = world.ask(&operator, &step(2, "yes")).await;
        assert_eq!(last["data"]["completeStep"]["job"], json!({"state": "COMPLETED", "nextStep": 3}));
        assert_eq!(world.ask(&operator, &step(2, "yes")).await, last);
        let export = world.ask(&operator, &format!("{{ jobExport(id: \"{job}\") }}")).await;
        assert_eq!(export["data"]["jobExport"]["steps"][0]["records"][0]["value"], "2.5");
    }

    async fn beside_a_list_each_kind_of_thing_is_read_once(world) {
        let admin = world.as_role(Role::Admin).await;
        let query = "{ jobs(first: 10) { id assignee { id email } createdBy { id } template { id title } version { number steps { number } } records { number author { id } } } }";
        for _ in 0..10 {
            world.job(&admin, JobState::Completed).await;
        }
        let before = world.app.figures().statements_read;
        let answer = world.ask(&admin, query).await;
        let cost = world.app.figures().statements_read - before;
        assert_eq!(codes(&answer), [""; 0], "{answer}");
        let jobs = answer["data"]["jobs"].as_array().unwrap();
        assert!(jobs.len() == 10 && jobs.iter().all(|job| job["records"][0]["author"]["id"].is_string()));
        // Seven if every round finds all its keys together; a busy machine may cut a round in two. One by one it would be 61.
        assert!(cost <= 14, "{cost}");
        let query = "{ templates { versions { number author { id } } } }";
        let before = world.app.figures().statements_read;
        let answer = world.ask(&admin, query).await;
        assert_eq!(answer["data"]["templates"].as_array().unwrap().len(), 10);
        assert!(world.app.figures().statements_read - before <= 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_of_a_step_is_named_by_its_path() {
    let world = World::on_sqlite().await;
    let author = world.as_role(Role::Author).await;
    let wrong = "mutation { createTemplate(input: {title: \"T\", steps: [
        {title: \"\", kind: CHOICE}, {title: \"ok\", kind: NUMBER, min: 2, max: 1}]}) { id } }";
    let answer = world.ask(&author, wrong).await;
    assert_snapshot!(answer["errors"][0]["extensions"], @r#"{"code":"VALIDATION_ERROR","details":{"steps.0.options":"use 1 to 100 options, all different, each of 1 to 200 characters, no blanks around it","steps.0.title":"use 1 to 200 characters, none of them control characters","steps.1.max":"below the lowest value"}}"#);
    let odd = "mutation { createTemplate(input: {title: \"T\", steps: [{title: \"x\", unit: \"bar\", options: []}]}) { id } }";
    let answer = world.ask(&author, odd).await;
    assert_snapshot!(answer["errors"][0]["extensions"], @r#"{"code":"VALIDATION_ERROR","details":{"steps.0.options":"not for a step of this kind","steps.0.unit":"not for a step of this kind"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_inside_lists_count_towards_the_cost() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let admin = world.as_role(Role::Admin).await;
    world.template(&admin, VersionState::Published).await;
    let dear = "{ templates(first: 500) { versions { steps { title } } } }";
    assert_eq!(world.refusal(&viewer, dear).await.map(|it| it.code().as_str()), Some("QUERY_TOO_COMPLEX"));
    let fine = "{ templates(first: 2) { versions { steps { title } } } }";
    assert_eq!(codes(&world.ask(&viewer, fine).await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_jobs_cost_the_records_that_may_be_in_them() {
    let world = World::on_sqlite().await;
    let viewer = world.as_role(Role::Viewer).await;
    let id = world.job(&world.as_role(Role::Admin).await, JobState::Completed).await;
    let exports = |count: usize| {
        let one = |number: usize| format!("e{number}: jobExport(id: \"{id}\") ");
        format!("{{ {}}}", (0..count).map(one).collect::<String>())
    };
    assert_eq!(codes(&world.ask(&viewer, &exports(10)).await), [""; 0]);
    assert_eq!(world.refusal(&viewer, &exports(11)).await.map(|it| it.code().as_str()), Some("QUERY_TOO_COMPLEX"));
}

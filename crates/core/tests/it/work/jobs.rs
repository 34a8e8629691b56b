//! Jobs: who may do what to them, step by step, once, and however often it is sent.

use purser_core::access::Role;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::work::{Correcting, JobFilter, JobState, NewJob, Priority, WorkRecord};

use super::crew::{Crew, keyed, performing, word};
use crate::on_both;
use crate::world::{PASSWORD, named, visit};

fn fields<T>(outcome: Result<T>) -> Vec<String> {
    match outcome {
        Err(Error::Invalid(problems)) => problems.into_iter().map(|it| it.field).collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was not refused"),
    }
}

on_both! {
    async fn a_job_is_done_step_by_step_and_all_of_it_is_told(world) {
        let crew = Crew::of(&world).await;
        let template = crew.published("Replace the seal").await;
        let made = crew.job(template, None).await.unwrap();
        assert_eq!((made.state, made.priority, made.version), (JobState::Unassigned, Priority::Medium, 1));
        assert_eq!((made.title.as_str(), made.asset_class.as_str()), ("Replace the seal", "Pumps"));
        let (id, operator) = (made.id, &crew.operator);
        assert_eq!(crew.assign(id, operator).await.unwrap().state, JobState::Assigned);
        assert_eq!(crew.start(operator, id).await.unwrap().state, JobState::InProgress);
        crew.complete(operator, id, 1, None).await.unwrap();
        assert_eq!(fields(crew.complete(operator, id, 2, None).await), ["value"]);
        crew.add(operator, id, 2, " 3.5 ").await.unwrap();
        crew.complete(operator, id, 2, None).await.unwrap();
        crew.complete(operator, id, 3, Some("YES")).await.unwrap();
        let done = crew.look(id).await.unwrap();
        assert_eq!((done.state, done.next_step, done.records), (JobState::Completed, 4, 4));
        assert_eq!(crew.correct(operator, id, 2, "4").await.unwrap().corrects, Some(2));
        let records = world.app.records(&crew.viewer.grant().unwrap(), id, None, None).await.unwrap();
        let told: Vec<_> = records.iter().map(|it| (it.number, it.step, it.act.as_str(), it.value.as_deref())).collect();
        assert_eq!(told, [
            (1, 1, "COMPLETED", None), (2, 2, "RECORDED", Some("3.5")), (3, 2, "COMPLETED", None),
            (4, 3, "COMPLETED", Some("YES")), (5, 2, "CORRECTED", Some("4")),
        ]);
        let events = world.app.job_history(&crew.viewer.grant().unwrap(), id, None, None).await.unwrap();
        let told: Vec<_> = events.iter().map(|it| format!("{} {:?}", it.action, it.part)).collect();
        assert_eq!(told, [
            "job.created None", "job.assigned None", "job.started None", "job.step-completed Some(1)", "job.recorded Some(2)",
            "job.step-completed Some(2)", "job.completed Some(3)", "job.corrected Some(2)",
        ]);
        assert!(world.last(&"acme".parse().unwrap(), "job.completed").await.unwrap().contains(&format!("job:{id}")));
        let export = serde_json::to_value(crew.export(id).await.unwrap()).unwrap();
        assert_eq!(export["steps"][1]["records"].as_array().unwrap().len(), 3);
        assert_eq!(export["steps"][1]["title"], "Read the pressure");
        assert_eq!(export["steps"][1]["kind"], "NUMBER");
        assert_eq!(export["steps"][1]["max"], 5.0);
        assert_eq!(export["history"].as_array().unwrap().len(), 8);
        let operator = crew.operator.user();
        let name = format!("{} {}", operator.first_name, operator.last_name);
        assert_eq!(export["people"], serde_json::json!([{"id": operator.id.to_string(), "name": name}]));
    }

    async fn steps_are_done_in_order_within_bounds_and_by_the_assignee(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        let (operator, mate) = (&crew.operator, &crew.mate);
        let before = world.database.dump().await;
        assert_eq!(word(&crew.complete(mate, id, 1, None).await), "FORBIDDEN");
        assert_eq!(word(&crew.complete(&crew.admin, id, 1, None).await), "FORBIDDEN");
        assert_eq!(word(&crew.add(mate, id, 1, "x").await), "FORBIDDEN");
        assert_eq!(word(&crew.start(mate, id).await), "FORBIDDEN");
        assert_eq!(word(&crew.start(operator, id).await), "CONFLICT");
        assert_eq!(word(&crew.complete(operator, id, 2, Some("3")).await), "CONFLICT");
        assert_eq!(word(&crew.add(operator, id, 2, "3").await), "CONFLICT");
        assert_eq!(fields(crew.complete(operator, id, 4, None).await), ["step"]);
        assert_eq!(fields(crew.complete(operator, id, 0, None).await), ["step"]);
        assert_eq!(word(&crew.correct(operator, id, 1, "x").await), "NOT_FOUND");
        assert_eq!(world.database.dump().await, before);
        crew.complete(operator, id, 1, None).await.unwrap();
        assert_eq!(word(&crew.complete(operator, id, 1, None).await), "CONFLICT", "without a key it is done once");
        let before = world.database.dump().await;
        for value in ["0.99", "5.01", "three", ""] {
            assert_eq!(fields(crew.complete(operator, id, 2, Some(value)).await), ["value"], "{value}");
        }
        assert_eq!(world.database.dump().await, before);
        crew.complete(operator, id, 2, Some("5")).await.unwrap();
        assert_eq!(fields(crew.correct(operator, id, 2, "6").await), ["value"]);
        assert_eq!(word(&crew.correct(mate, id, 2, "4").await), "FORBIDDEN");
        crew.correct(operator, id, 2, "4").await.unwrap();
        assert_eq!(word(&crew.correct(operator, id, 2, "3").await), "CONFLICT", "a correction is corrected, not the record");
        assert_eq!(crew.correct(operator, id, 3, "3").await.unwrap().corrects, Some(3));
    }

    async fn what_remains_of_a_job_can_be_given_to_another(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        crew.complete(&crew.operator, id, 1, None).await.unwrap();
        let moved = crew.assign(id, &crew.mate).await.unwrap();
        assert_eq!((moved.state, moved.next_step), (JobState::InProgress, 2));
        assert_eq!(word(&crew.complete(&crew.operator, id, 2, Some("3")).await), "FORBIDDEN");
        crew.complete(&crew.mate, id, 2, Some("3")).await.unwrap();
        crew.cancel(id).await.unwrap();
        let before = world.database.dump().await;
        assert_eq!(word(&crew.cancel(id).await), "CONFLICT");
        assert_eq!(word(&crew.assign(id, &crew.operator).await), "CONFLICT");
        assert_eq!(word(&crew.complete(&crew.mate, id, 3, None).await), "CONFLICT");
        assert_eq!(word(&crew.correct(&crew.mate, id, 2, "2").await), "CONFLICT");
        assert_eq!(word(&crew.export(id).await), "CONFLICT");
        assert_eq!(world.database.dump().await, before);
    }

    async fn a_job_is_taken_back_until_it_is_begun(world) {
        let crew = Crew::of(&world).await;
        let template = crew.published("Replace the seal").await;
        let id = crew.job(template, Some(crew.operator.user().id)).await.unwrap().id;
        let free = crew.unassign(id).await.unwrap();
        assert_eq!((free.state, free.assignee), (JobState::Unassigned, None));
        let before = world.database.dump().await;
        assert_eq!(word(&crew.unassign(id).await), "CONFLICT");
        assert_eq!(word(&crew.start(&crew.operator, id).await), "FORBIDDEN");
        assert_eq!(world.database.dump().await, before);
        crew.assign(id, &crew.mate).await.unwrap();
        let before = world.database.dump().await;
        crew.assign(id, &crew.mate).await.unwrap();
        assert_eq!(world.database.dump().await, before, "it is theirs already");
        crew.start(&crew.mate, id).await.unwrap();
        let before = world.database.dump().await;
        assert_eq!(word(&crew.unassign(id).await), "CONFLICT");
        assert_eq!(world.database.dump().await, before);
        let logged = world.last(&"acme".parse().unwrap(), "job.unassigned").await.unwrap();
        assert!(logged.ends_with(&format!("from user {}", crew.operator.user().id)), "{logged}");
    }

    async fn a_job_taken_back_and_begun_at_once_is_one_of_both(world) {
        let crew = Crew::of(&world).await;
        let node = world.another_node().await;
        let template = crew.published("Replace the seal").await;
        for _ in 0..5 {
            let id = crew.job(template, Some(crew.operator.user().id)).await.unwrap().id;
            let (by, own) = (crew.admin.grant().unwrap(), crew.operator.grant().unwrap());
            let (back, begun) = tokio::join!(world.app.unassign_job(&by, id), node.start_job(&own, id));
            let state = crew.look(id).await.unwrap().state;
            match (word(&back), word(&begun)) {
                ("ok", "CONFLICT" | "FORBIDDEN") => assert_eq!(state, JobState::Unassigned),
                ("CONFLICT", "ok") => assert_eq!(state, JobState::InProgress),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn a_job_has_only_so_many_records_and_can_be_completed_with_them(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        crew.add(&crew.operator, id, 1, "x").await.unwrap();
        world.database.run("UPDATE jobs SET records = 2000").await;
        let before = world.database.dump().await;
        assert_eq!(fields(crew.add(&crew.operator, id, 1, "y").await), ["value"]);
        assert_eq!(fields(crew.correct(&crew.operator, id, 1, "y").await), ["value"]);
        assert_eq!(world.database.dump().await, before);
        crew.complete(&crew.operator, id, 1, None).await.unwrap();
        crew.complete(&crew.operator, id, 2, Some("2")).await.unwrap();
        crew.complete(&crew.operator, id, 3, None).await.unwrap();
        assert_eq!(crew.look(id).await.unwrap().state, JobState::Completed);
    }

    async fn only_active_people_who_perform_jobs_are_given_one(world) {
        let crew = Crew::of(&world).await;
        let template = crew.published("Replace the seal").await;
        let acme: TenantId = "acme".parse().unwrap();
        let gone = world.user(&acme, "gone", &[Role::Operator]).await;
        world.app.disable_user(&world.managing(&acme).await, gone.id).await.unwrap();
        let id = crew.job(template, None).await.unwrap().id;
        for user in [gone.id, crew.viewer.user().id, crew.author.user().id] {
            assert_eq!(fields(crew.job(template, Some(user)).await), ["assigneeId"]);
            let by = crew.operator.grant().unwrap();
            assert_eq!(fields(world.app.assign_job(&by, id, user).await), ["assigneeId"]);
        }
        crew.assign(id, &crew.admin).await.unwrap();
        let unused = crew.write("Not published").await;
        assert_eq!(word(&crew.job(unused, None).await), "CONFLICT");
        let untitled = NewJob { template, title: Some(" ".into()), asset: String::new(), priority: Priority::Low, assignee: None };
        assert_eq!(fields(world.app.create_job(&crew.operator.grant().unwrap(), untitled).await), ["title"]);
    }

    async fn a_running_job_keeps_its_version(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        let template = crew.look(id).await.unwrap().template;
        crew.edit(template, 1).await.unwrap();
        crew.submit(template, 2).await.unwrap();
        crew.approve(template, 2).await.unwrap();
        crew.publish(template, 2).await.unwrap();
        crew.complete(&crew.operator, id, 1, None).await.unwrap();
        assert_eq!(crew.look(id).await.unwrap().version, 1);
        assert_eq!(crew.job(template, None).await.unwrap().version, 2);
        crew.archive(template, 2).await.unwrap();
        assert_eq!(word(&crew.job(template, None).await), "CONFLICT");
        crew.complete(&crew.operator, id, 2, Some("2")).await.unwrap();
    }

    async fn a_retry_is_not_done_twice_even_after_the_job_is_completed_by_it(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        let by = || crew.operator.grant().unwrap();
        let app = &world.app;
        app.complete_step(&by(), id, keyed(1, None, "a")).await.unwrap();
        app.complete_step(&by(), id, keyed(2, Some(" 3 "), "b")).await.unwrap();
        let last = app.complete_step(&by(), id, keyed(3, Some("NO"), "c")).await.unwrap();
        let before = world.database.dump().await;
        assert_eq!(app.complete_step(&by(), id, keyed(3, Some("NO"), "c")).await.unwrap(), last);
        assert_eq!(app.complete_step(&by(), id, keyed(2, Some("3"), "b")).await.unwrap().number, 2);
        assert_eq!(word(&app.complete_step(&by(), id, keyed(3, Some("YES"), "c")).await), "CONFLICT");
        assert_eq!(word(&app.add_record(&by(), id, keyed(3, Some("NO"), "c")).await), "CONFLICT");
        assert_eq!(word(&app.complete_step(&crew.mate.grant().unwrap(), id, keyed(3, Some("NO"), "c")).await), "CONFLICT");
        assert_eq!(fields(app.complete_step(&by(), id, keyed(1, None, "")).await), ["idempotencyKey"]);
        assert_eq!(world.database.dump().await, before);
        let correcting = || Correcting { record: 3, value: "YES".into(), note: String::new(), idempotency_key: Some("d".into()) };
        let corrected = app.correct_record(&by(), id, correcting()).await.unwrap();
        assert_eq!(app.correct_record(&by(), id, correcting()).await.unwrap(), corrected);
        let elsewhere = crew.begun().await;
        assert_eq!(app.complete_step(&by(), elsewhere, keyed(1, None, "a")).await.unwrap().job, elsewhere, "keys are a job's own");
    }

    async fn of_twenty_retries_at_once_one_is_recorded(world) {
        let crew = Crew::of(&world).await;
        let nodes = [world.app.clone(), world.another_node().await];
        let id = crew.begun().await;
        crew.complete(&crew.operator, id, 1, None).await.unwrap();
        crew.complete(&crew.operator, id, 2, Some("3")).await.unwrap();
        let mut tries = tokio::task::JoinSet::new();
        for turn in 0..20 {
            let (node, caller) = (nodes[turn % 2].clone(), crew.operator.clone());
            tries.spawn(async move {
                node.complete_step(&caller.grant().unwrap(), id, keyed(3, Some("YES"), "the last")).await
            });
        }
        let answers: Vec<Result<WorkRecord>> = tries.join_all().await;
        let first = answers[0].as_ref().unwrap();
        assert!(answers.iter().all(|it| it.as_ref().unwrap() == first));
        assert_eq!(crew.look(id).await.unwrap().records, 3);
        assert_eq!(world.database.value("SELECT count(*) FROM records").await, "3");
        assert_eq!(world.database.value("SELECT count(*) FROM audit WHERE action = 'job.completed'").await, "1");
    }

    async fn many_records_at_once_are_all_kept_and_one_of_two_assignments(world) {
        let crew = Crew::of(&world).await;
        let nodes = [world.app.clone(), world.another_node().await];
        let id = crew.begun().await;
        let mut tries = tokio::task::JoinSet::new();
        for turn in 0..20 {
            let (node, caller) = (nodes[turn % 2].clone(), crew.operator.clone());
            let value = format!("reading {turn}");
            tries.spawn(async move { node.add_record(&caller.grant().unwrap(), id, performing(1, Some(&value))).await });
        }
        let mut numbers: Vec<i64> = tries.join_all().await.into_iter().map(|it| it.unwrap().number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        let (by, other) = (crew.operator.grant().unwrap(), crew.admin.grant().unwrap());
        let (one, two) = tokio::join!(
            nodes[0].assign_job(&by, id, crew.mate.user().id),
            nodes[1].assign_job(&other, id, crew.admin.user().id)
        );
        assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
        let events = world.app.job_history(&crew.viewer.grant().unwrap(), id, Some(22), None).await.unwrap();
        assert_eq!(events.len(), usize::from(one.is_ok()) + usize::from(two.is_ok()));
    }

    async fn another_tenants_job_is_one_that_never_was(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        let template = crew.look(id).await.unwrap().template;
        let globex = world.tenant("globex").await;
        let theirs = world.user(&globex, "hank", &[Role::Admin]).await;
        let signed_in = world.app.sign_in(named("hank@globex.test", PASSWORD, "globex"), &visit()).await.unwrap();
        let hank = world.caller(&signed_in.handed.token).await.unwrap();
        let app = &world.app;
        let before = world.database.dump().await;
        let new = NewJob { template, title: None, asset: String::new(), priority: Priority::Low, assignee: None };
        let correcting = Correcting { record: 1, value: "x".into(), ..Correcting::default() };
        let answers = [
            word(&app.job(&hank.grant().unwrap(), id).await),
            word(&app.records(&hank.grant().unwrap(), id, None, None).await),
            word(&app.job_history(&hank.grant().unwrap(), id, None, None).await),
            word(&app.export_job(&hank.grant().unwrap(), &hank.grant().unwrap(), id).await),
            word(&app.create_job(&hank.grant().unwrap(), new).await),
            word(&app.assign_job(&hank.grant().unwrap(), id, theirs.id).await),
            word(&app.cancel_job(&hank.grant().unwrap(), id, "").await),
            word(&app.start_job(&hank.grant().unwrap(), id).await),
            word(&app.complete_step(&hank.grant().unwrap(), id, performing(1, None)).await),
            word(&app.add_record(&hank.grant().unwrap(), id, performing(1, Some("x"))).await),
            word(&app.correct_record(&hank.grant().unwrap(), id, correcting).await),
            word(&app.assign_job(&crew.operator.grant().unwrap(), id, theirs.id).await),
            word(&crew.job(template, Some(theirs.id)).await),
        ];
        assert_eq!(answers, ["NOT_FOUND"; 13]);
        assert!(app.jobs(&hank.grant().unwrap(), &JobFilter::default()).await.unwrap().is_empty());
        assert!(app.jobs_by_id(&hank.grant().unwrap(), &[id]).await.unwrap().is_empty());
        assert!(app.records_of(&hank.grant().unwrap(), &[id]).await.unwrap().is_empty());
        assert_eq!(world.database.dump().await, before);
    }

    async fn work_goes_with_its_tenant(world) {
        let crew = Crew::of(&world).await;
        let id = crew.begun().await;
        crew.complete(&crew.operator, id, 1, Some("a canary")).await.unwrap();
        world.app.delete_tenant(&crate::world::command_line(), &"acme".parse().unwrap()).await.unwrap();
        let dump = world.database.dump().await;
        assert!(!dump.contains("canary") && !dump.contains("seal") && !dump.contains("P-4711"), "{dump}");
    }
}

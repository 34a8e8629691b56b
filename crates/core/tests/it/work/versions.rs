//! Versions: every way from one state to the next, every refusal, and nothing changed by it.

use purser_core::access::{Role, right};
use purser_core::error::Error;
use purser_core::work::{NewTemplate, Steps, TemplateFilter, TemplateUpdate, VersionState};

use super::crew::{Crew, three_steps, word};
use crate::on_both;
use crate::world::named;
use crate::world::{PASSWORD, visit};

on_both! {
    async fn a_version_goes_from_draft_to_archive_and_back_and_all_of_it_is_told(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        assert_eq!(crew.submit(id, 1).await.unwrap().state, VersionState::InReview);
        let rejected = crew.reject(id, 1).await.unwrap();
        assert_eq!((rejected.state, rejected.comment.as_str()), (VersionState::Draft, "Not yet"));
        crew.submit(id, 1).await.unwrap();
        assert_eq!(crew.approve(id, 1).await.unwrap().reviewer, Some(crew.approver.user().id));
        assert_eq!(crew.publish(id, 1).await.unwrap().publisher, Some(crew.publisher.user().id));
        assert_eq!(crew.find(id).await.unwrap().published, Some(1));
        crew.archive(id, 1).await.unwrap();
        assert_eq!(crew.find(id).await.unwrap().published, None);
        crew.restore(id, 1).await.unwrap();
        assert_eq!(crew.find(id).await.unwrap().published, Some(1));
        let events = world.app.template_history(&crew.viewer.grant().unwrap(), id, None, None).await.unwrap();
        let told: Vec<String> = events.iter().map(|it| format!("{} {} {}", it.number, it.action, it.note)).collect();
        assert_eq!(told, [
            "1 template.created ", "2 version.submitted ", "3 version.rejected Not yet", "4 version.submitted ",
            "5 version.approved ", "6 version.published ", "7 version.archived ", "8 version.restored ",
        ]);
        assert!(events.iter().skip(1).all(|it| it.part == Some(1)));
        let page = world.app.template_history(&crew.viewer.grant().unwrap(), id, Some(6), Some(1)).await.unwrap();
        assert_eq!(page, events[6..7]);
        let logged = world.last(&"acme".parse().unwrap(), "version.rejected").await.unwrap();
        assert_eq!(logged, format!("user {} version.rejected template:{id} done: version 1: Not yet", crew.approver.user().id));
    }

    async fn publishing_a_version_archives_the_one_before(world) {
        let crew = Crew::of(&world).await;
        let id = crew.published("Replace the seal").await;
        let next = crew.edit(id, 1).await.unwrap();
        assert_eq!((next.number, next.state), (2, VersionState::Draft));
        assert_eq!(crew.find(id).await.unwrap().state, VersionState::Draft);
        crew.submit(id, 2).await.unwrap();
        crew.approve(id, 2).await.unwrap();
        crew.publish(id, 2).await.unwrap();
        assert_eq!(crew.states(id).await, ["1 ARCHIVED", "2 PUBLISHED"]);
        crew.restore(id, 1).await.unwrap();
        assert_eq!(crew.states(id).await, ["1 PUBLISHED", "2 ARCHIVED"]);
        assert_eq!(crew.find(id).await.unwrap().published, Some(1));
        let events = world.app.template_history(&crew.viewer.grant().unwrap(), id, Some(7), None).await.unwrap();
        let told: Vec<String> = events.iter().map(|it| format!("{} {:?} {}", it.action, it.part, it.note)).collect();
        assert_eq!(told, [
            "version.published Some(2) in place of version 1", "version.archived Some(1) gave way to version 2",
            "version.restored Some(1) in place of version 2", "version.archived Some(2) gave way to version 1",
        ]);
        let twice = "SELECT count(*) FROM audit WHERE action = 'version.archived'";
        assert_eq!(world.database.value(twice).await, "2");
    }

    async fn every_step_out_of_turn_is_a_conflict_and_changes_nothing(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        for state in ["DRAFT", "IN_REVIEW", "APPROVED", "PUBLISHED", "ARCHIVED"] {
            let before = world.database.dump().await;
            let mut refused = Vec::new();
            if state != "DRAFT" {
                refused.extend([word(&crew.submit(id, 1).await), word(&crew.delete(id, 1).await)]);
            }
            if state != "IN_REVIEW" {
                refused.extend([word(&crew.approve(id, 1).await), word(&crew.reject(id, 1).await)]);
            }
            if state != "APPROVED" {
                refused.push(word(&crew.publish(id, 1).await));
            }
            if state != "PUBLISHED" {
                refused.push(word(&crew.archive(id, 1).await));
            }
            if state != "ARCHIVED" {
                refused.push(word(&crew.restore(id, 1).await));
            }
            assert!(refused.len() >= 5 && refused.iter().all(|it| *it == "CONFLICT"), "{state}: {refused:?}");
            assert_eq!(world.database.dump().await, before, "{state}");
            match state {
                "DRAFT" => crew.submit(id, 1).await,
                "IN_REVIEW" => crew.approve(id, 1).await,
                "APPROVED" => crew.publish(id, 1).await,
                _ => crew.archive(id, 1).await,
            }
            .map_or_else(|refusal| assert_eq!(state, "ARCHIVED", "{refusal}"), drop);
        }
    }

    async fn a_frozen_version_stays_as_it_was_when_it_is_edited(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        let by = crew.author.grant().unwrap();
        let none = world.app.edit_version(&by, id, 1, Some(1), &Steps::default()).await.unwrap();
        assert_eq!((none.number, none.revision, none.steps.all().len()), (1, 2, 0));
        assert!(matches!(crew.submit(id, 1).await, Err(Error::Invalid(_))), "without steps");
        let late = world.app.edit_version(&by, id, 1, Some(1), &three_steps()).await;
        assert_eq!(word(&late), "CONFLICT", "somebody has edited since");
        crew.edit(id, 1).await.unwrap();
        let frozen = crew.submit(id, 1).await.unwrap().steps;
        let next = world.app.edit_version(&by, id, 1, None, &Steps::default()).await.unwrap();
        assert_eq!((next.number, next.steps.all().len()), (2, 0));
        assert_eq!(world.app.version(&crew.viewer.grant().unwrap(), id, 1).await.unwrap().steps, frozen);
        assert_eq!(word(&crew.edit(id, 1).await), "CONFLICT", "there is a draft already");
        crew.delete(id, 2).await.unwrap();
        assert_eq!(crew.edit(id, 1).await.unwrap().number, 3, "numbers are never used again");
    }

    async fn a_version_rejected_after_the_next_was_begun_is_a_draft_beside_it(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        crew.submit(id, 1).await.unwrap();
        crew.edit(id, 1).await.unwrap();
        crew.reject(id, 1).await.unwrap();
        assert_eq!(crew.states(id).await, ["1 DRAFT", "2 DRAFT"], "nobody's writing is lost, and no reviewer is held up");
        crew.submit(id, 1).await.unwrap();
        crew.approve(id, 1).await.unwrap();
        assert_eq!(word(&crew.edit(id, 1).await), "CONFLICT", "a third is not begun beside a draft");
        crew.publish(id, 1).await.unwrap();
        crew.delete(id, 2).await.unwrap();
        assert_eq!(crew.find(id).await.unwrap().state, VersionState::Published);
        assert_eq!(crew.edit(id, 1).await.unwrap().number, 3);
    }

    async fn a_template_goes_with_its_only_draft_and_can_be_copied(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        let by = crew.author.grant().unwrap();
        let copy = world.app.copy_template(&by, id, None, Some("Replace the gasket")).await.unwrap();
        assert_eq!((copy.title.as_str(), copy.asset_class.as_str()), ("Replace the gasket", "Pumps"));
        assert_eq!(world.app.version(&crew.viewer.grant().unwrap(), copy.id, 1).await.unwrap().steps, three_steps());
        crew.delete(id, 1).await.unwrap();
        assert_eq!(word(&crew.find(id).await), "NOT_FOUND");
        for table in ["template_words", "template_history", "version_editors"] {
            let left = format!("SELECT count(DISTINCT template_id) FROM {table}");
            assert_eq!(world.database.value(&left).await, "1", "{table}");
        }
    }

    async fn a_template_is_renamed_and_found_by_its_new_name(world) {
        let crew = Crew::of(&world).await;
        let id = crew.write("Replace the seal").await;
        let by = crew.author.grant().unwrap();
        let update = TemplateUpdate { title: Some(" Grease the bearing ".into()), asset_class: Some(String::new()) };
        let renamed = world.app.update_template(&by, id, update).await.unwrap();
        assert_eq!((renamed.title.as_str(), renamed.asset_class.as_str()), ("Grease the bearing", ""));
        let found = async |search: &str| {
            let filter = TemplateFilter { search: search.into(), ..TemplateFilter::default() };
            world.app.templates(&crew.viewer.grant().unwrap(), &filter).await.unwrap().len()
        };
        assert_eq!([found("BEARING").await, found("seal").await, found("pumps").await], [1, 0, 0]);
        let bad = TemplateUpdate { title: Some("  ".into()), asset_class: Some("x".repeat(201)) };
        let Err(Error::Invalid(problems)) = world.app.update_template(&by, id, bad).await else { panic!() };
        assert_eq!(problems.iter().map(|it| it.field.as_str()).collect::<Vec<_>>(), ["title", "assetClass"]);
        assert!(matches!(NewTemplate::parse("\u{7}", "", Steps::default()), Err(Error::Invalid(_))));
    }

    async fn where_duties_are_separate_nobody_judges_or_publishes_their_own(world) {
        let crew = Crew::of(&world).await;
        let acme = "acme".parse().unwrap();
        let (admin, app) = (&crew.admin, &world.app);
        let id = crew.write("Replace the seal").await;
        // The Admin has edited, and may still do everything: duties are not separate yet.
        app.edit_version(&admin.grant().unwrap(), id, 1, None, &three_steps()).await.unwrap();
        crew.submit(id, 1).await.unwrap();
        world.settle(&acme, |settings| settings.separation_of_duties = true).await;
        let before = world.database.dump().await;
        assert_eq!(word(&app.approve_version(&admin.grant().unwrap(), id, 1, "").await), "FORBIDDEN");
        assert_eq!(world.database.dump().await, before);
        app.reject_version(&admin.grant().unwrap(), id, 1, "Sending one's own back harms nobody").await.unwrap();
        crew.submit(id, 1).await.unwrap();
        let other = world.as_role(Role::Admin).await;
        app.approve_version(&other.grant().unwrap(), id, 1, "Good").await.unwrap();
        assert_eq!(word(&app.publish_version(&other.grant().unwrap(), id, 1).await), "FORBIDDEN");
        app.publish_version(&admin.grant().unwrap(), id, 1).await.unwrap();
        crew.archive(id, 1).await.unwrap();
        assert_eq!(word(&app.restore_version(&other.grant().unwrap(), id, 1).await), "FORBIDDEN");
        world.settle(&acme, |settings| settings.separation_of_duties = false).await;
        app.restore_version(&other.grant().unwrap(), id, 1).await.unwrap();
    }

    async fn of_two_who_decide_at_once_one_is_late(world) {
        let crew = Crew::of(&world).await;
        let node = world.another_node().await;
        for _ in 0..5 {
            let id = crew.write("Replace the seal").await;
            crew.submit(id, 1).await.unwrap();
            let (approver, other) = (crew.approver.grant().unwrap(), crew.admin.grant().unwrap());
            let (one, two) = tokio::join!(
                world.app.approve_version(&approver, id, 1, ""),
                node.reject_version(&other, id, 1, "No")
            );
            let mut outcome = [word(&one), word(&two)];
            outcome.sort_unstable();
            assert_eq!(outcome, ["CONFLICT", "ok"]);
        }
    }

    async fn of_two_versions_published_at_once_one_is(world) {
        let crew = Crew::of(&world).await;
        let node = world.another_node().await;
        let id = crew.write("Replace the seal").await;
        crew.submit(id, 1).await.unwrap();
        crew.approve(id, 1).await.unwrap();
        crew.edit(id, 1).await.unwrap();
        crew.submit(id, 2).await.unwrap();
        crew.approve(id, 2).await.unwrap();
        let (by, other) = (crew.publisher.grant().unwrap(), crew.admin.grant().unwrap());
        let (one, two) = tokio::join!(world.app.publish_version(&by, id, 1), node.publish_version(&other, id, 2));
        let states = crew.states(id).await;
        assert_eq!(states.iter().filter(|it| it.ends_with("PUBLISHED")).count(), 1, "{states:?}");
        assert!(one.is_ok() || two.is_ok());
    }

    async fn each_right_is_its_roles_own(world) {
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            let may = |roles: &[Role]| role == Role::Admin || roles.contains(&role);
            assert!(caller.grant::<right::WorkRead>().is_ok());
            assert_eq!(caller.grant::<right::TemplatesWrite>().is_ok(), may(&[Role::Author]));
            assert_eq!(caller.grant::<right::VersionsReview>().is_ok(), may(&[Role::Approver]));
            assert_eq!(caller.grant::<right::VersionsPublish>().is_ok(), may(&[Role::Publisher]));
            assert_eq!(caller.grant::<right::JobsManage>().is_ok(), may(&[Role::Operator]));
            assert_eq!(caller.grant::<right::JobsPerform>().is_ok(), may(&[Role::Operator]));
        }
    }

    async fn another_tenants_template_is_one_that_never_was(world) {
        let crew = Crew::of(&world).await;
        let id = crew.published("Replace the seal").await;
        let globex = world.tenant("globex").await;
        world.user(&globex, "hank", &[Role::Admin]).await;
        let signed_in = world.app.sign_in(named("hank@globex.test", PASSWORD, "globex"), &visit()).await.unwrap();
        let hank = world.caller(&signed_in.handed.token).await.unwrap();
        let app = &world.app;
        let before = world.database.dump().await;
        let answers = [
            word(&app.template(&hank.grant().unwrap(), id).await),
            word(&app.version(&hank.grant().unwrap(), id, 1).await),
            word(&app.versions(&hank.grant().unwrap(), id, None, None).await),
            word(&app.template_history(&hank.grant().unwrap(), id, None, None).await),
            word(&app.update_template(&hank.grant().unwrap(), id, TemplateUpdate::default()).await),
            word(&app.copy_template(&hank.grant().unwrap(), id, None, None).await),
            word(&app.edit_version(&hank.grant().unwrap(), id, 1, None, &three_steps()).await),
            word(&app.submit_version(&hank.grant().unwrap(), id, 1).await),
            word(&app.approve_version(&hank.grant().unwrap(), id, 1, "").await),
            word(&app.reject_version(&hank.grant().unwrap(), id, 1, "No").await),
            word(&app.publish_version(&hank.grant().unwrap(), id, 1).await),
            word(&app.archive_version(&hank.grant().unwrap(), id, 1).await),
            word(&app.restore_version(&hank.grant().unwrap(), id, 1).await),
            word(&app.delete_draft(&hank.grant().unwrap(), id, 1).await),
        ];
        assert_eq!(answers, ["NOT_FOUND"; 14]);
        assert!(app.templates(&hank.grant().unwrap(), &TemplateFilter::default()).await.unwrap().is_empty());
        assert!(app.templates_by_id(&hank.grant().unwrap(), &[id]).await.unwrap().is_empty());
        assert!(app.versions_of(&hank.grant().unwrap(), &[id]).await.unwrap().is_empty());
        assert_eq!(world.database.dump().await, before);
    }
}

//! Lists: every filter and order, page by page, and none that reads a whole table.

use std::collections::BTreeSet;

use purser_core::error::Error;
use purser_core::ids::{JobId, TemplateId};
use purser_core::work::{
    JobFilter, JobOrder, JobState, NewJob, NewTemplate, Priority, TemplateFilter, TemplateOrder, VersionState,
};
use rusqlite::Connection;

use super::crew::{Crew, three_steps};
use crate::on_both;
use crate::world::World;

async fn templates(crew: &Crew<'_>, filter: TemplateFilter) -> Vec<TemplateId> {
    let by = crew.viewer.grant().unwrap();
    let all = crew.world.app.templates(&by, &filter).await.unwrap();
    let all: Vec<TemplateId> = all.into_iter().map(|it| it.id).collect();
    // The same page by page is the same list.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = TemplateFilter { first: Some(2), after, ..filter.clone() };
        let page = crew.world.app.templates(&by, &page).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        paged.extend(page.into_iter().map(|it| it.id));
    }
    assert_eq!(paged, all, "{filter:?}");
    all
}

async fn jobs(crew: &Crew<'_>, filter: JobFilter) -> Vec<JobId> {
    let by = crew.viewer.grant().unwrap();
    let all = crew.world.app.jobs(&by, &filter).await.unwrap();
    let all: Vec<JobId> = all.into_iter().map(|it| it.id).collect();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = JobFilter { first: Some(2), after, ..filter.clone() };
        let page = crew.world.app.jobs(&by, &page).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        paged.extend(page.into_iter().map(|it| it.id));
    }
    assert_eq!(paged, all, "{filter:?}");
    all
}

on_both! {
    async fn templates_are_listed_by_every_filter_and_order(world) {
        let crew = Crew::of(&world).await;
        let mut made = Vec::new();
        for (title, class) in [("b seal", "Pumps"), ("a seal", "PUMPS"), ("c Bearing", "Motors"), ("a seal", ""), ("d seal-ring", "pumps")] {
            let new = NewTemplate::parse(title, class, three_steps()).unwrap();
            made.push(world.app.create_template(&crew.author.grant().unwrap(), new).await.unwrap().id);
            world.wait(1);
        }
        for id in &made[..2] {
            crew.submit(*id, 1).await.unwrap();
            crew.approve(*id, 1).await.unwrap();
            crew.publish(*id, 1).await.unwrap();
        }
        crew.edit(made[0], 1).await.unwrap();
        let [b, a, c, a2, d] = made[..] else { panic!() };
        for (order, expected) in [(TemplateOrder::Newest, [d, a2, c, a, b]), (TemplateOrder::Title, [a, a2, b, c, d])] {
            let all = TemplateFilter { order, ..TemplateFilter::default() };
            let only = |ids: &[TemplateId]| expected.iter().copied().filter(|id| ids.contains(id)).collect::<Vec<_>>();
            assert_eq!(templates(&crew, all.clone()).await, expected);
            let in_state = |state| TemplateFilter { state: Some(state), ..all.clone() };
            assert_eq!(templates(&crew, in_state(VersionState::Draft)).await, only(&[b, c, a2, d]));
            assert_eq!(templates(&crew, in_state(VersionState::Published)).await, only(&[a, b]));
            assert_eq!(templates(&crew, in_state(VersionState::InReview)).await, []);
            let of_class = TemplateFilter { asset_class: " pumps ".into(), ..all.clone() };
            assert_eq!(templates(&crew, of_class.clone()).await, only(&[a, b, d]));
            let both = TemplateFilter { state: Some(VersionState::Draft), ..of_class };
            assert_eq!(templates(&crew, both).await, only(&[b, d]));
            let with = |search: &str| TemplateFilter { search: search.into(), ..all.clone() };
            assert_eq!(templates(&crew, with("SEAL")).await, only(&[a, b, a2, d]));
            assert_eq!(templates(&crew, with("ring, seal!")).await, only(&[d]));
            assert_eq!(templates(&crew, with("pumps seal b")).await, only(&[b]));
            assert_eq!(templates(&crew, with("sea")).await, []);
            assert_eq!(templates(&crew, with("%")).await, []);
            let narrow = TemplateFilter { state: Some(VersionState::Published), asset_class: "pumps".into(), ..with("seal") };
            assert_eq!(templates(&crew, narrow).await, only(&[a, b]));
        }
        crew.delete(c, 1).await.unwrap();
        let lost = TemplateFilter { after: Some(c), order: TemplateOrder::Title, ..TemplateFilter::default() };
        assert!(matches!(world.app.templates(&crew.viewer.grant().unwrap(), &lost).await, Err(Error::Invalid(_))));
    }

    async fn jobs_are_listed_by_every_filter_and_order(world) {
        let crew = Crew::of(&world).await;
        let pumps = crew.published("Replace the seal").await;
        let (operator, mate) = (crew.operator.user().id, crew.mate.user().id);
        let mut made = Vec::new();
        for (asset, priority, assignee) in [
            ("P-1", Priority::High, Some(operator)), ("P-2", Priority::Low, Some(operator)), ("P-3", Priority::High, None),
            ("P-4", Priority::Medium, Some(mate)), ("P-5 hall", Priority::High, Some(operator)),
        ] {
            let new = NewJob { template: pumps, title: None, asset: asset.into(), priority, assignee };
            made.push(world.app.create_job(&crew.operator.grant().unwrap(), new).await.unwrap().id);
            world.wait(1);
        }
        crew.start(&crew.operator, made[1]).await.unwrap();
        crew.cancel(made[2]).await.unwrap();
        let [one, two, three, four, five] = made[..] else { panic!() };
        let orders = [
            (JobOrder::Newest, [five, four, three, two, one]),
            (JobOrder::Oldest, [one, two, three, four, five]),
        ];
        for (order, expected) in orders {
            let all = JobFilter { order, ..JobFilter::default() };
            let only = |ids: &[JobId]| expected.iter().copied().filter(|id| ids.contains(id)).collect::<Vec<_>>();
            assert_eq!(jobs(&crew, all.clone()).await, expected);
            assert_eq!(jobs(&crew, JobFilter { state: Some(JobState::Assigned), ..all.clone() }).await, only(&[one, four, five]));
            let of = JobFilter { assignee: Some(operator), ..all.clone() };
            assert_eq!(jobs(&crew, of.clone()).await, only(&[one, two, five]));
            assert_eq!(jobs(&crew, JobFilter { state: Some(JobState::InProgress), ..of.clone() }).await, only(&[two]));
            assert_eq!(jobs(&crew, JobFilter { priority: Some(Priority::High), ..of }).await, only(&[one, five]));
            assert_eq!(jobs(&crew, JobFilter { priority: Some(Priority::High), ..all.clone() }).await, only(&[one, three, five]));
            assert_eq!(jobs(&crew, JobFilter { asset_class: "PUMPS".into(), ..all.clone() }).await, expected);
            assert_eq!(jobs(&crew, JobFilter { asset_class: "motors".into(), ..all.clone() }).await, []);
            let urgent = JobFilter { priority: Some(Priority::High), state: Some(JobState::Assigned), ..all.clone() };
            assert_eq!(jobs(&crew, urgent.clone()).await, only(&[one, five]));
            assert_eq!(jobs(&crew, JobFilter { asset_class: "pumps".into(), ..urgent.clone() }).await, only(&[one, five]));
            assert_eq!(jobs(&crew, JobFilter { assignee: Some(mate), ..urgent.clone() }).await, []);
            assert_eq!(jobs(&crew, JobFilter { search: "hall".into(), ..urgent }).await, only(&[five]));
            let with = |search: &str| JobFilter { search: search.into(), ..all.clone() };
            assert_eq!(jobs(&crew, with("replace SEAL")).await, expected);
            assert_eq!(jobs(&crew, with("seal p 4")).await, only(&[four]));
            assert_eq!(jobs(&crew, JobFilter { assignee: Some(mate), ..with("hall") }).await, []);
        }
    }

    async fn the_rarest_word_leads_and_finds_the_same(world) {
        let crew = Crew::of(&world).await;
        let pumps = crew.published("Replace the mechanical seal").await;
        let mut made = Vec::new();
        for number in 0..7 {
            let asset = format!("P-{}", number % 3);
            let new = NewJob { template: pumps, title: None, asset, priority: Priority::Low, assignee: None };
            made.push(world.app.create_job(&crew.operator.grant().unwrap(), new).await.unwrap().id);
            world.wait(1);
        }
        for search in ["mechanical 1", "1 mechanical replace", "1 seal replace"] {
            let filter = JobFilter { search: search.into(), order: JobOrder::Oldest, ..JobFilter::default() };
            assert_eq!(jobs(&crew, filter).await, [made[1], made[4]], "{search}");
        }
    }

    async fn more_than_one_statement_takes_is_read_by_several(world) {
        let crew = Crew::of(&world).await;
        let template = crew.published("Replace the seal").await;
        let mut made = Vec::new();
        for _ in 0..51 {
            made.push(crew.job(template, None).await.unwrap().id);
        }
        let by = crew.viewer.grant().unwrap();
        let found: BTreeSet<JobId> = world.app.jobs_by_id(&by, &made).await.unwrap().into_iter().map(|it| it.id).collect();
        assert_eq!(found, made.into_iter().collect());
        assert_eq!(world.app.versions_of(&by, &[template]).await.unwrap().len(), 1);
    }
}

/// As SQLite means to go about it, without having seen any data.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_work_reads_a_whole_table_or_sorts_one() {
    let world = World::on_sqlite().await;
    let file = world.database.url();
    let connection = Connection::open(file.trim_start_matches("sqlite:")).unwrap();
    let mut looked = 0;
    let tables = [
        "templates",
        "template_versions",
        "template_words",
        "template_history",
        "version_editors",
        "jobs",
        "job_words",
        "job_history",
        "records",
        "user_words",
    ];
    for listed in purser_core::statements() {
        let words: BTreeSet<&str> =
            listed.text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        if listed.kind != "tenant" || !tables.iter().any(|table| words.contains(table)) {
            continue;
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", listed.text)).unwrap();
        let count = plan.parameter_count();
        let args = vec![rusqlite::types::Value::Null; count];
        let steps: Vec<String> =
            plan.query_map(rusqlite::params_from_iter(args), |row| row.get(3)).unwrap().map(|it| it.unwrap()).collect();
        // The one row of an inner question or the few of a page, and no table.
        let few = |it: &str| matches!(it, "SCAN n" | "SCAN CONSTANT ROW" | "SCAN l" | "SCAN m" | "SCAN s");
        let whole = steps.iter().any(|it| it.starts_with("SCAN") && !few(it));
        let sorts = steps.iter().any(|it| it.contains("TEMP B-TREE FOR ORDER BY"));
        let small = matches!(listed.name, "VERSIONS_OF" | "RECORDS_OF" | "WITH_WORD");
        assert!(!whole && (!sorts || small), "{}: {steps:#?}", listed.name);
        looked += 1;
    }
    assert!(looked > 50, "{looked}");
}

/// On either engine a condition that is written as an index has it can be answered by that index.
#[tokio::test(flavor = "multi_thread")]
async fn people_with_a_role_are_read_from_an_index_of_them_alone() {
    let world = World::on_sqlite().await;
    let file = world.database.url();
    let connection = Connection::open(file.trim_start_matches("sqlite:")).unwrap();
    let mut looked = 0;
    for listed in purser_core::statements()
        .into_iter()
        .filter(|it| it.text.contains("AND id > ?2") && it.text.contains(" AND roles & "))
    {
        let index = listed.name.trim_start_matches("END_OF_").to_lowercase();
        if !listed.text.contains("ORDER BY id LIMIT") {
            continue;
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", listed.text)).unwrap();
        let args = vec![rusqlite::types::Value::Null; plan.parameter_count()];
        let steps: Vec<String> =
            plan.query_map(rusqlite::params_from_iter(args), |row| row.get(3)).unwrap().map(|it| it.unwrap()).collect();
        assert!(steps.len() == 1 && steps[0].contains(&format!("users_{index} ")), "{}: {steps:#?}", listed.name);
        looked += 1;
    }
    assert_eq!(looked, 14);
}

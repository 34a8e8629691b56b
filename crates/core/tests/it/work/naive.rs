//! Lists against a naive filter of all there is: on databases filled by this release, partly by an older one, and brought up from one
//! of before the marks.

use std::sync::Arc;

use purser_core::access::{Caller, Role};
use purser_core::app::App;
use purser_core::users::{User, UserFilter};
use purser_core::work::{
    Job, JobFilter, JobOrder, JobState, NewJob, NewTemplate, Priority, Template, TemplateFilter, TemplateOrder,
    VersionState,
};

use super::crew::{Crew, three_steps};
use crate::on_both;
use crate::world::{PASSWORD, named, visit};

const VERBS: [&str; 3] = ["Replace", "look", "REPAIR"];
const PARTS: [&str; 4] = ["seal", "Seal-ring", "bearing", "valve"];
const CLASSES: [&str; 4] = ["Pumps", "MOTORS", "fire doors", ""];
const ASSETS: [&str; 4] = ["P-1", "P-2", "hall 7", ""];

/// Numbers that look random and are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// One of some, or nothing.
    fn perhaps<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (self.below(2) == 0).then(|| self.one(of))
    }
}

/// Templates and jobs of every kind.
async fn fill(crew: &Crew<'_>, draw: &mut Draw) {
    let app = &crew.world.app;
    let mut published = Vec::new();
    for number in 0..36 {
        let title = format!("{} the {} {}", draw.one(&VERBS), draw.one(&PARTS), number % 5);
        let new = NewTemplate::parse(&title, draw.one(&CLASSES), three_steps()).unwrap();
        let id = app.create_template(&crew.author.grant().unwrap(), new).await.unwrap().id;
        if draw.below(3) > 0 {
            crew.submit(id, 1).await.unwrap();
        }
        if crew.find(id).await.unwrap().state == VersionState::InReview && draw.below(4) > 0 {
            crew.approve(id, 1).await.unwrap();
            crew.publish(id, 1).await.unwrap();
            published.push(id);
            if draw.below(3) == 0 {
                crew.edit(id, 1).await.unwrap();
            }
        }
        crew.world.wait(1);
    }
    for _ in 0..60 {
        let who = draw.one(&[Some(&crew.operator), Some(&crew.mate), None]);
        let new = NewJob {
            template: draw.one(&published),
            title: draw.perhaps(&VERBS).map(Into::into),
            asset: draw.one(&ASSETS).into(),
            priority: draw.one(&[Priority::Low, Priority::Medium, Priority::High]),
            assignee: who.map(|who| who.user().id),
        };
        let id = app.create_job(&crew.operator.grant().unwrap(), new).await.unwrap().id;
        match (who, draw.below(3)) {
            (Some(who), 0) => drop(crew.start(who, id).await.unwrap()),
            (_, 1) => drop(crew.cancel(id).await.unwrap()),
            _ => {}
        }
        crew.world.wait(1);
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect()
}

/// Whether all words of a search are among those of some texts.
fn has(texts: [&str; 3], search: &str) -> bool {
    let there: Vec<String> = texts.iter().flat_map(|text| words(text)).collect();
    words(search).iter().all(|word| word.is_empty() || there.contains(word))
}

fn search(draw: &mut Draw) -> String {
    let all = [
        "seal",
        "SEAL ring",
        "the replace",
        "repair",
        "bearing 3",
        "1 seal",
        "valve the 2",
        "nowhere",
        "pumps",
        "doors fire",
        "p 2",
    ];
    draw.perhaps(&all).unwrap_or_default().to_owned()
}

fn template_filter(draw: &mut Draw) -> TemplateFilter {
    TemplateFilter {
        search: search(draw),
        state: draw.perhaps(&[
            VersionState::Draft,
            VersionState::InReview,
            VersionState::Published,
            VersionState::Archived,
        ]),
        asset_class: draw.perhaps(&["pumps", "Motors", "FIRE doors", "fire"]).unwrap_or_default().into(),
        order: draw.one(&[TemplateOrder::Newest, TemplateOrder::Title]),
        ..TemplateFilter::default()
    }
}

fn is_template(filter: &TemplateFilter, it: &Template) -> bool {
    let in_state = match filter.state {
        None => true,
        Some(VersionState::Published) => it.published.is_some(),
        Some(state) => it.state == state,
    };
    in_state
        && (filter.asset_class.is_empty() || it.asset_class.to_lowercase() == filter.asset_class.to_lowercase())
        && has([&it.title, &it.asset_class, ""], &filter.search)
}

fn job_filter(draw: &mut Draw, people: &[User]) -> JobFilter {
    JobFilter {
        search: search(draw),
        state: draw.perhaps(&[JobState::Unassigned, JobState::Assigned, JobState::InProgress, JobState::Cancelled]),
        priority: draw.perhaps(&[Priority::Low, Priority::High]),
        assignee: (draw.below(3) == 0).then(|| people[draw.below(people.len())].id),
        asset_class: draw.perhaps(&["pumps", "Motors", "fire"]).unwrap_or_default().into(),
        order: draw.one(&[JobOrder::Newest, JobOrder::Oldest]),
        ..JobFilter::default()
    }
}

fn is_job(filter: &JobFilter, it: &Job) -> bool {
    filter.state.is_none_or(|state| it.state == state)
        && filter.priority.is_none_or(|priority| it.priority == priority)
        && filter.assignee.is_none_or(|who| it.assignee == Some(who))
        && (filter.asset_class.is_empty() || it.asset_class.to_lowercase() == filter.asset_class.to_lowercase())
        && has([&it.title, &it.asset, &it.asset_class], &filter.search)
}

/// Some hundred lists, each page by page, equal what is left of all there is.
async fn every_list_is_right(app: &Arc<App>, viewer: &Caller, people: &[User], draw: &mut Draw) {
    let mut found = 0;
    for _ in 0..150 {
        let filter = template_filter(draw);
        let of = TemplateFilter { order: filter.order, first: Some(500), ..TemplateFilter::default() };
        let mut expected = app.templates(&viewer.grant().unwrap(), &of).await.unwrap();
        assert!(expected.len() >= 36);
        expected.retain(|it| is_template(&filter, it));
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = TemplateFilter { first: Some(4), after, ..filter.clone() };
            let page = app.templates(&viewer.grant().unwrap(), &page).await.unwrap();
            after = page.last().map(|it| it.id);
            listed.extend(page.iter().map(|it| it.id));
            if page.len() < 4 {
                break;
            }
        }
        assert_eq!(listed, expected.iter().map(|it| it.id).collect::<Vec<_>>(), "{filter:?}");
        found += listed.len();
    }
    assert!(found > 300, "{found}");
    for _ in 0..150 {
        let filter = job_filter(draw, people);
        let of = JobFilter { order: filter.order, first: Some(500), ..JobFilter::default() };
        let mut expected = app.jobs(&viewer.grant().unwrap(), &of).await.unwrap();
        assert!(expected.len() >= 60);
        expected.retain(|it| is_job(&filter, it));
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = JobFilter { first: Some(4), after, ..filter.clone() };
            let page = app.jobs(&viewer.grant().unwrap(), &page).await.unwrap();
            after = page.last().map(|it| it.id);
            listed.extend(page.iter().map(|it| it.id));
            if page.len() < 4 {
                break;
            }
        }
        assert_eq!(listed, expected.iter().map(|it| it.id).collect::<Vec<_>>(), "{filter:?}");
        found += listed.len();
    }
    assert!(found > 600, "{found}");
}

/// Whom a search and a role give, all of them.
async fn found(app: &Arc<App>, admin: &Caller, search: &str, role: Option<Role>) -> Vec<User> {
    let filter = UserFilter { search: search.into(), role, first: Some(500), ..UserFilter::default() };
    app.users(&admin.grant().unwrap(), &filter).await.unwrap()
}

on_both! {
    async fn every_page_is_what_a_naive_filter_leaves_of_all(world) {
        let crew = Crew::of(&world).await;
        let mut draw = Draw(1);
        fill(&crew, &mut draw).await;
        let people = found(&world.app, &crew.admin, "", None).await;
        every_list_is_right(&world.app, &crew.viewer, &people, &mut draw).await;
        // As if a release of before the marks had written every third.
        for (table, thing) in [("template_words", "template_id"), ("job_words", "job_id")] {
            world.database.run(&format!("UPDATE {table} SET marks = -1, state = '' WHERE {thing} IN
                (SELECT {thing} FROM {table} WHERE word IN ('2', 'seal'))")).await;
        }
        for table in ["templates", "jobs"] {
            world.database.run(&format!("UPDATE {table} SET marks = -1 WHERE lower(title) LIKE '%seal%'")).await;
        }
        every_list_is_right(&world.app, &crew.viewer, &people, &mut draw).await;
    }

    async fn a_filled_database_of_before_the_marks_gives_the_same_lists(world) {
        let crew = Crew::of(&world).await;
        let mut draw = Draw(2);
        fill(&crew, &mut draw).await;
        world.app.keep_house().await.unwrap();
        let old = world.before_the_marks().await;
        let again = async |it: &Caller| {
            let claim = named(&it.user().email, PASSWORD, "acme");
            old.caller(&old.app.sign_in(claim, &visit()).await.unwrap().handed.token).await.unwrap()
        };
        let (viewer, admin) = (again(&crew.viewer).await, again(&crew.admin).await);
        let people = found(&world.app, &crew.admin, "", None).await;
        for round in 0..2 {
            every_list_is_right(&old.app, &viewer, &people, &mut Draw(3)).await;
            for (search, role) in [("", None), ("oper", None), ("acme.test", None), ("", Some(Role::Operator)), ("acme", Some(Role::Author))] {
                let ids = |people: Vec<User>| people.into_iter().map(|it| it.id).collect::<Vec<_>>();
                let now = ids(found(&world.app, &crew.admin, search, role).await);
                assert!(!now.is_empty());
                assert_eq!(ids(found(&old.app, &admin, search, role).await), now, "{round} {search} {role:?}");
            }
            // From then on by words that it made itself.
            old.app.keep_house().await.unwrap();
            assert_eq!(old.database.value("SELECT count(*) FROM users WHERE worded <> search").await, "0");
        }
        let templates = async |app: &Arc<App>, by: &Caller| {
            let all = app.templates(&by.grant().unwrap(), &TemplateFilter::default()).await.unwrap();
            all.into_iter().map(|it| format!("{it:?}")).collect::<Vec<_>>()
        };
        assert_eq!(templates(&old.app, &viewer).await, templates(&world.app, &crew.viewer).await);
    }
}

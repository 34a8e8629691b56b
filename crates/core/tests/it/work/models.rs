//! Versions and jobs against small models of them: whatever is tried in whatever order, both say the same.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use purser_core::work::VersionState::{Approved, Archived, Draft, InReview, Published};
use purser_core::work::{JobState, VersionState};

use super::crew::{Crew, word};
use crate::world::World;

/// What may be tried with a version.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Edit,
    Submit,
    Approve,
    Reject,
    Publish,
    Archive,
    Restore,
    Delete,
}

/// A template's versions; those deleted are none.
#[derive(Default)]
struct Versions(Vec<Option<VersionState>>);

impl Versions {
    fn expect(&mut self, deed: Deed, number: usize) -> &'static str {
        let Some(state) = self.0.get(number - 1).copied().flatten() else {
            return "NOT_FOUND";
        };
        let next = match (deed, state) {
            (Deed::Edit, Draft) | (Deed::Reject, InReview) => Some(Draft),
            (Deed::Edit, _) if self.0.contains(&Some(Draft)) => return "CONFLICT",
            (Deed::Edit, _) => {
                self.0.push(Some(Draft));
                return "ok";
            }
            (Deed::Submit, Draft) => Some(InReview),
            (Deed::Approve, InReview) => Some(Approved),
            (Deed::Publish, Approved) | (Deed::Restore, Archived) => {
                for other in self.0.iter_mut().filter(|it| **it == Some(Published)) {
                    *other = Some(Archived);
                }
                Some(Published)
            }
            (Deed::Archive, Published) => Some(Archived),
            (Deed::Delete, Draft) => None,
            _ => return "CONFLICT",
        };
        self.0[number - 1] = next;
        "ok"
    }

    fn states(&self) -> Vec<String> {
        let there = self.0.iter().enumerate().filter_map(|(place, state)| Some((place + 1, (*state)?)));
        there.map(|(number, state)| format!("{number} {}", state.as_str())).collect()
    }
}

async fn versions_go_as_the_model(deeds: Vec<(Deed, usize)>) {
    let world = World::on_sqlite().await;
    let crew = Crew::of(&world).await;
    let id = crew.write("Replace the seal").await;
    let mut model = Versions(vec![Some(Draft)]);
    for (deed, number) in deeds {
        let at = i64::try_from(number).unwrap();
        let outcome = match deed {
            Deed::Edit => crew.edit(id, at).await,
            Deed::Submit => crew.submit(id, at).await,
            Deed::Approve => crew.approve(id, at).await,
            Deed::Reject => crew.reject(id, at).await,
            Deed::Publish => crew.publish(id, at).await,
            Deed::Archive => crew.archive(id, at).await,
            Deed::Restore => crew.restore(id, at).await,
            Deed::Delete => crew.delete(id, at).await,
        };
        assert_eq!(word(&outcome), model.expect(deed, number), "{deed:?} {number}");
        if model.states().is_empty() {
            assert_eq!(word(&crew.find(id).await), "NOT_FOUND");
            return;
        }
        assert_eq!(crew.states(id).await, model.states());
        let template = crew.find(id).await.unwrap();
        let published =
            model.0.iter().position(|it| *it == Some(Published)).map(|place| i64::try_from(place + 1).unwrap());
        assert_eq!(template.published, published);
        assert_eq!(Some(template.state), model.0.iter().rev().flatten().next().copied());
    }
}

/// What may be tried with a job, and by the operator or by the mate.
#[derive(Clone, Copy, Debug)]
enum Labour {
    Assign,
    Unassign,
    Start,
    Complete(i64, Option<&'static str>),
    Add(i64, &'static str),
    Cancel,
}

/// A job of three steps: one free, one that wants a number from 1 to 5, one with yes or no.
struct JobModel {
    state: JobState,
    assignee: Option<usize>,
    next: i64,
    recorded: bool,
}

impl JobModel {
    fn expect(&mut self, labour: Labour, who: usize) -> &'static str {
        let over = matches!(self.state, JobState::Completed | JobState::Cancelled);
        match labour {
            Labour::Assign | Labour::Cancel if over => "CONFLICT",
            Labour::Assign => {
                self.assignee = Some(who);
                if self.state == JobState::Unassigned {
                    self.state = JobState::Assigned;
                }
                "ok"
            }
            Labour::Unassign if self.state != JobState::Assigned => "CONFLICT",
            Labour::Unassign => {
                (self.state, self.assignee) = (JobState::Unassigned, None);
                "ok"
            }
            Labour::Cancel => {
                self.state = JobState::Cancelled;
                "ok"
            }
            _ if self.assignee != Some(who) => "FORBIDDEN",
            Labour::Start if self.state == JobState::Assigned => {
                self.state = JobState::InProgress;
                "ok"
            }
            Labour::Start => "CONFLICT",
            Labour::Complete(step, value) => self.perform(step, value, true),
            Labour::Add(step, value) => self.perform(step, Some(value), false),
        }
    }

    fn perform(&mut self, step: i64, value: Option<&str>, completes: bool) -> &'static str {
        let fits = match (step, value) {
            (1..=3, None) | (1, _) => true,
            (2, Some(value)) => value == "3",
            (3, Some(value)) => value == "YES",
            _ => false,
        };
        if !fits {
            return "VALIDATION_ERROR";
        }
        if self.state != JobState::InProgress || self.next != step {
            return "CONFLICT";
        }
        if completes && step == 2 && value.is_none() && !self.recorded {
            return "VALIDATION_ERROR";
        }
        self.recorded |= step == 2 && value.is_some();
        if completes {
            self.next += 1;
            if step == 3 {
                self.state = JobState::Completed;
            }
        }
        "ok"
    }
}

async fn a_job_goes_as_the_model(labours: Vec<(Labour, usize)>) {
    let world = World::on_sqlite().await;
    let crew = Crew::of(&world).await;
    let id = crew.job(crew.published("Replace the seal").await, None).await.unwrap().id;
    let people = [&crew.operator, &crew.mate];
    let mut model = JobModel { state: JobState::Unassigned, assignee: None, next: 1, recorded: false };
    for (labour, who) in labours {
        let by = people[who];
        let outcome = match labour {
            Labour::Assign => word(&crew.assign(id, by).await),
            Labour::Unassign => word(&crew.unassign(id).await),
            Labour::Start => word(&crew.start(by, id).await),
            Labour::Complete(step, value) => word(&crew.complete(by, id, step, value).await),
            Labour::Add(step, value) => word(&crew.add(by, id, step, value).await),
            Labour::Cancel => word(&crew.cancel(id).await),
        };
        assert_eq!(outcome, model.expect(labour, who), "{labour:?} {who}");
        let job = crew.look(id).await.unwrap();
        assert_eq!((job.state, job.next_step), (model.state, model.next));
        assert_eq!(job.assignee, model.assignee.map(|who| people[who].user().id));
    }
}

fn some_values() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("3"), Just("YES"), Just("9")]
}

/// Runs a story for a few drawn lists. Each costs a system of its own.
fn for_some<T: std::fmt::Debug + Clone>(step: impl Strategy<Value = T>, length: usize, story: impl AsyncFn(Vec<T>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step, length);
    runner
        .run(&steps, |steps| {
            runtime.block_on(story(steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_is_tried_with_versions_goes_as_the_model_says() {
    let deed = prop_oneof![
        2 => Just(Deed::Edit), 3 => Just(Deed::Submit), 3 => Just(Deed::Approve), 1 => Just(Deed::Reject),
        3 => Just(Deed::Publish), 1 => Just(Deed::Archive), 1 => Just(Deed::Restore), 1 => Just(Deed::Delete),
    ];
    for_some((deed, 1_usize..4), 60, versions_go_as_the_model);
}

#[test]
fn whatever_is_tried_with_a_job_goes_as_the_model_says() {
    let labour = prop_oneof![
        2 => Just(Labour::Assign),
        1 => Just(Labour::Unassign),
        2 => Just(Labour::Start),
        8 => (1_i64..5, prop::option::of(some_values())).prop_map(|(step, value)| Labour::Complete(step, value)),
        3 => (1_i64..4, some_values()).prop_map(|(step, value)| Labour::Add(step, value)),
    ];
    let labour = prop_oneof![40 => labour, 1 => Just(Labour::Cancel)];
    for_some((labour, 0_usize..2), 60, a_job_goes_as_the_model);
}

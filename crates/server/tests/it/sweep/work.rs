//! The templates and jobs that documents name, in every state they can stand in.

use std::net::{IpAddr, Ipv4Addr};

use purser_core::access::{Caller, Role};
use purser_core::audit::Visit;
use purser_core::ids::{JobId, TemplateId};
use purser_core::session::Shown;
use purser_core::users::User;
use purser_core::work::{JobState, Kind, NewJob, NewTemplate, Performing, Priority, Step, Steps, VersionState};

use crate::site::Site;

/// A document with its templates and jobs made, in a tenant. Open jobs are given to the performer, if there is one.
pub(crate) async fn with_work(site: &Site, tenant: &str, document: &str, performer: Option<&User>) -> String {
    let mut document = document.to_owned();
    let templates = [
        ("$DRAFT", VersionState::Draft),
        ("$REVIEW", VersionState::InReview),
        ("$APPROVED", VersionState::Approved),
        ("$PUBLISHED", VersionState::Published),
        ("$ARCHIVED", VersionState::Archived),
    ];
    for (name, state) in templates {
        if document.contains(name) {
            let id = template(site, &admin(site, tenant).await, state).await;
            document = document.replace(name, &id.to_string());
        }
    }
    let jobs = [
        ("$OPEN", JobState::Unassigned),
        ("$GIVEN", JobState::Assigned),
        ("$BEGUN", JobState::InProgress),
        ("$DONE", JobState::Completed),
    ];
    for (name, state) in jobs {
        if document.contains(name) {
            let id = job(site, &admin(site, tenant).await, state, performer).await;
            document = document.replace(name, &id.to_string());
        }
    }
    document
}

async fn admin(site: &Site, tenant: &str) -> Caller {
    let member = site.member(tenant, &[Role::Admin]).await;
    let visit = Visit { address: IpAddr::V4(Ipv4Addr::LOCALHOST), agent: "test".into(), request: "work".into() };
    site.app.caller(Shown::Bearer(&member.token), None, visit).await.unwrap()
}

async fn template(site: &Site, by: &Caller, state: VersionState) -> TemplateId {
    let step = Step { title: "Look".into(), instructions: String::new(), record_required: false, kind: Kind::Text };
    let steps = Steps::parse(vec![step]).unwrap();
    let new = NewTemplate::parse("Replace the seal", "Pumps", steps).unwrap();
    let id = site.app.create_template(&by.grant().unwrap(), new).await.unwrap().id;
    let mut reached = VersionState::Draft;
    while reached != state {
        let moved = match reached {
            VersionState::Draft => site.app.submit_version(&by.grant().unwrap(), id, 1).await,
            VersionState::InReview => site.app.approve_version(&by.grant().unwrap(), id, 1, "").await,
            VersionState::Approved => site.app.publish_version(&by.grant().unwrap(), id, 1).await,
            _ => site.app.archive_version(&by.grant().unwrap(), id, 1).await,
        };
        reached = moved.unwrap().state;
    }
    id
}

async fn job(site: &Site, by: &Caller, state: JobState, performer: Option<&User>) -> JobId {
    let template = template(site, by, VersionState::Published).await;
    let assignee = (state != JobState::Unassigned).then_some(by.user().id);
    let new = NewJob { template, title: None, asset: "P-1".into(), priority: Priority::High, assignee };
    let id = site.app.create_job(&by.grant().unwrap(), new).await.unwrap().id;
    if matches!(state, JobState::InProgress | JobState::Completed) {
        site.app.start_job(&by.grant().unwrap(), id).await.unwrap();
        let first = Performing { step: 1, value: Some("seen".into()), ..Performing::default() };
        site.app.add_record(&by.grant().unwrap(), id, first).await.unwrap();
    }
    match (state, performer) {
        (JobState::Completed, _) => {
            let last = Performing { step: 1, ..Performing::default() };
            site.app.complete_step(&by.grant().unwrap(), id, last).await.unwrap();
        }
        (JobState::Assigned | JobState::InProgress, Some(performer)) => {
            site.app.assign_job(&by.grant().unwrap(), id, performer.id).await.unwrap();
        }
        _ => {}
    }
    id
}

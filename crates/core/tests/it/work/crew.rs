//! [`Crew`]: one person for each role, and what they do day by day.

use purser_core::access::{Caller, Role};
use purser_core::error::Result;
use purser_core::ids::{JobId, TemplateId, UserId};
use purser_core::work::{
    Correcting, Job, JobExport, Kind, NewJob, NewTemplate, Performing, Priority, Step, Steps, Template, Version,
    WorkRecord,
};

use crate::world::World;

/// The people of tenant `acme`.
pub struct Crew<'w> {
    pub world: &'w World,
    pub admin: Caller,
    pub author: Caller,
    pub approver: Caller,
    pub publisher: Caller,
    pub operator: Caller,
    pub mate: Caller,
    pub viewer: Caller,
}

impl<'w> Crew<'w> {
    pub async fn of(world: &'w World) -> Self {
        Self {
            admin: world.as_role(Role::Admin).await,
            author: world.as_role(Role::Author).await,
            approver: world.as_role(Role::Approver).await,
            publisher: world.as_role(Role::Publisher).await,
            operator: world.as_role(Role::Operator).await,
            mate: world.as_role(Role::Operator).await,
            viewer: world.as_role(Role::Viewer).await,
            world,
        }
    }

    pub async fn write(&self, title: &str) -> TemplateId {
        let new = NewTemplate::parse(title, "Pumps", three_steps()).unwrap();
        self.world.app.create_template(&self.author.grant().unwrap(), new).await.unwrap().id
    }

    pub async fn submit(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.submit_version(&self.author.grant()?, id, number).await
    }

    pub async fn approve(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.approve_version(&self.approver.grant()?, id, number, "").await
    }

    pub async fn reject(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.reject_version(&self.approver.grant()?, id, number, "Not yet").await
    }

    pub async fn publish(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.publish_version(&self.publisher.grant()?, id, number).await
    }

    pub async fn archive(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.archive_version(&self.publisher.grant()?, id, number).await
    }

    pub async fn restore(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.restore_version(&self.publisher.grant()?, id, number).await
    }

    pub async fn edit(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.edit_version(&self.author.grant()?, id, number, None, &three_steps()).await
    }

    pub async fn delete(&self, id: TemplateId, number: i64) -> Result<Version> {
        self.world.app.delete_draft(&self.author.grant()?, id, number).await
    }

    /// A template with its first version published.
    pub async fn published(&self, title: &str) -> TemplateId {
        let id = self.write(title).await;
        self.submit(id, 1).await.unwrap();
        self.approve(id, 1).await.unwrap();
        self.publish(id, 1).await.unwrap();
        id
    }

    /// A job of a new template, begun by the operator.
    pub async fn begun(&self) -> JobId {
        let job = self.job(self.published("Replace the seal").await, Some(self.operator.user().id)).await.unwrap();
        self.start(&self.operator, job.id).await.unwrap();
        job.id
    }

    pub async fn job(&self, template: TemplateId, assignee: Option<UserId>) -> Result<Job> {
        let new = NewJob { template, title: None, asset: "P-4711".into(), priority: Priority::Medium, assignee };
        self.world.app.create_job(&self.operator.grant()?, new).await
    }

    pub async fn start(&self, by: &Caller, id: JobId) -> Result<Job> {
        self.world.app.start_job(&by.grant()?, id).await
    }

    pub async fn assign(&self, id: JobId, to: &Caller) -> Result<Job> {
        self.world.app.assign_job(&self.operator.grant()?, id, to.user().id).await
    }

    pub async fn unassign(&self, id: JobId) -> Result<Job> {
        self.world.app.unassign_job(&self.operator.grant()?, id).await
    }

    pub async fn export(&self, id: JobId) -> Result<JobExport> {
        self.world.app.export_job(&self.viewer.grant()?, &self.viewer.grant()?, id).await
    }

    pub async fn cancel(&self, id: JobId) -> Result<Job> {
        self.world.app.cancel_job(&self.operator.grant()?, id, "No longer needed").await
    }

    pub async fn complete(&self, by: &Caller, id: JobId, step: i64, value: Option<&str>) -> Result<WorkRecord> {
        self.world.app.complete_step(&by.grant()?, id, performing(step, value)).await
    }

    pub async fn add(&self, by: &Caller, id: JobId, step: i64, value: &str) -> Result<WorkRecord> {
        self.world.app.add_record(&by.grant()?, id, performing(step, Some(value))).await
    }

    pub async fn correct(&self, by: &Caller, id: JobId, record: i64, value: &str) -> Result<WorkRecord> {
        let asked = Correcting { record, value: value.into(), note: "Misread".into(), idempotency_key: None };
        self.world.app.correct_record(&by.grant()?, id, asked).await
    }

    pub async fn find(&self, id: TemplateId) -> Result<Template> {
        self.world.app.template(&self.viewer.grant()?, id).await
    }

    pub async fn look(&self, id: JobId) -> Result<Job> {
        self.world.app.job(&self.viewer.grant()?, id).await
    }

    /// The states of a template's versions, by number.
    pub async fn states(&self, id: TemplateId) -> Vec<String> {
        let mut versions = self.world.app.versions(&self.viewer.grant().unwrap(), id, None, None).await.unwrap();
        versions.reverse();
        versions.iter().map(|version| format!("{} {}", version.number, version.state.as_str())).collect()
    }
}

/// Something about a step, under no key.
pub fn performing(step: i64, value: Option<&str>) -> Performing {
    Performing { step, value: value.map(Into::into), note: String::new(), idempotency_key: None }
}

/// The same under a key.
pub fn keyed(step: i64, value: Option<&str>, key: &str) -> Performing {
    Performing { idempotency_key: Some(key.into()), ..performing(step, value) }
}

/// A step without a record, one with a number from 1 to 5, one with yes or no that may be left out.
pub fn three_steps() -> Steps {
    let step = |title: &str, record_required, kind| Step {
        title: title.into(),
        instructions: "As shown.".into(),
        record_required,
        kind,
    };
    let pressure = Kind::Number { unit: "bar".into(), min: Some(1.0), max: Some(5.0) };
    Steps::parse(vec![
        step("Open the valve", false, Kind::Text),
        step("Read the pressure", true, pressure),
        step("Dry?", false, Kind::YesNo),
    ])
    .unwrap()
}

/// The code of a refusal.
pub fn word<T>(outcome: &Result<T>) -> &'static str {
    outcome.as_ref().map_or_else(|refusal| refusal.code().as_str(), |_| "ok")
}

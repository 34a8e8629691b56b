//! A day in the life of an organisation, over HTTP alone: from the making of it to the reading out of its log. Whatever somebody does,
//! everybody else tries before, and is refused as the table of rights says.

mod cast;
mod deed;
mod told;

use insta::{allow_duplicates, assert_snapshot};
use purser_core::access::{Right, Role};
use serde_json::json;

use crate::on_both;
use cast::Day;
use deed::{Deed, code_of};

const WRITE: &str = r#"mutation { createTemplate(input: {title: "Replace the seal", assetClass: "Pumps", steps: [
    {title: "Read the pressure", recordRequired: true, kind: NUMBER, unit: "bar", min: 1, max: 5.5}]}) { id state } }"#;

const EDIT: &str = r#"mutation { editVersion(input: {templateId: "$TEMPLATE", number: 1, steps: [
    {title: "Read the pressure", recordRequired: true, kind: NUMBER, unit: "bar", min: 1, max: 5.5},
    {title: "Worn?", kind: CHOICE, options: ["no", "yes"]}]}) { state } }"#;

const REJECT: &str =
    r#"mutation { rejectVersion(input: {templateId: "$TEMPLATE", number: 1, comment: "And the wear?"}) { state } }"#;

/// About the version of the day.
fn version(verb: &str) -> String {
    format!(r#"mutation {{ {verb}(input: {{templateId: "$TEMPLATE", number: 1}}) {{ state }} }}"#)
}

const PLAN: &str =
    r#"mutation { createJob(input: {templateId: "$TEMPLATE", asset: "P-101", priority: HIGH}) { id state } }"#;

const ASSIGN: &str = r#"mutation { assignJob(input: {id: "$JOB", assigneeId: "$OPERATOR"}) { state } }"#;

/// What the Operator does: by the name of the step, what is sent.
const PERFORMED: &[(&str, &str)] = &[
    ("records", r#"addRecord(input: {jobId: "$JOB", step: 1, value: "2.5", idempotencyKey: "headset-1"}) { number }"#),
    (
        "corrects",
        r#"correctRecord(input: {jobId: "$JOB", record: 1, value: "3.5", note: "misread", idempotencyKey: "headset-2"}) { number }"#,
    ),
    (
        "completes-a-step",
        r#"completeStep(input: {jobId: "$JOB", step: 1, value: "3.5", idempotencyKey: "headset-3"}) { number }"#,
    ),
    (
        "completes",
        r#"completeStep(input: {jobId: "$JOB", step: 2, value: "no", idempotencyKey: "headset-4"}) { number }"#,
    ),
];

const READ_TEMPLATE: &str =
    r#"{ template(id: "$TEMPLATE") { title state published versions { number state steps { title } } } }"#;

const READ_JOB: &str = r#"{ job(id: "$JOB") { state asset assignee { email } nextStep stepCount } }"#;

const READ_RECORDS: &str = r#"{ records(job: "$JOB") { number step act value corrects author { email } } }"#;

/// The Admin invites one for each role, who comes by the link; the User Admin invites one more, so that there is another Operator.
async fn people_come_aboard(day: &mut Day<'_>) {
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        day.invites(Role::Admin, role, role.as_str()).await;
    }
    day.invites(Role::UserAdmin, Role::Operator, "SECOND_OPERATOR").await;
    let duties = "mutation { updateClientSettings(input: {separationOfDuties: true}) { separationOfDuties } }";
    day.does(Role::Admin, Deed::graphql("separates-duties", Right::SettingsManage, duties)).await;
}

async fn a_template_is_written_sent_back_approved_and_published(day: &mut Day<'_>) {
    let submit = version("submitVersion");
    let made = day.does(Role::Author, Deed::graphql("writes", Right::TemplatesWrite, WRITE)).await;
    day.calls("$TEMPLATE", &made["createTemplate"]["id"]);
    day.does(Role::Author, Deed::graphql("submits", Right::TemplatesWrite, &submit)).await;
    let rejected = day.does(Role::Approver, Deed::graphql("rejects", Right::VersionsReview, REJECT)).await;
    assert_eq!(rejected["rejectVersion"]["state"], "DRAFT");
    day.does(Role::Author, Deed::graphql("edits", Right::TemplatesWrite, EDIT)).await;
    day.does(Role::Author, Deed::graphql("submits-again", Right::TemplatesWrite, &submit)).await;
    day.does(Role::Approver, Deed::graphql("approves", Right::VersionsReview, &version("approveVersion"))).await;
    day.does(Role::Publisher, Deed::graphql("publishes", Right::VersionsPublish, &version("publishVersion"))).await;
}

async fn a_job_is_made_given_and_done(day: &mut Day<'_>) {
    let made = day.does(Role::Operator, Deed::graphql("plans", Right::JobsManage, PLAN)).await;
    day.calls("$JOB", &made["createJob"]["id"]);
    day.does(Role::Operator, Deed::graphql("assigns", Right::JobsManage, ASSIGN)).await;
    let start = r#"mutation { startJob(input: {id: "$JOB"}) { state } }"#;
    day.does(Role::Operator, Deed::graphql("starts", Right::JobsPerform, start).of_the_assignee()).await;
    for (name, act) in PERFORMED {
        let deed = Deed::graphql(name, Right::JobsPerform, &format!("mutation {{ {act} }}")).of_the_assignee();
        done_behind_a_bad_network(day, &deed).await;
    }
}

/// Sends what a headset has kept: first twice at once, then once more.
async fn done_behind_a_bad_network(day: &Day<'_>, deed: &Deed) {
    day.everybody_else_is_refused(deed, Role::Operator).await;
    let operator = &day.one(Role::Operator).asker;
    let (one, other) = tokio::join!(day.sent(deed, operator), day.sent(deed, operator));
    let before = day.site.holdings().await;
    let late = day.sent(deed, operator).await;
    assert_eq!(day.site.holdings().await, before, "{} was done again", deed.name);
    for reply in [&one, &other, &late] {
        assert_eq!((code_of(reply).as_str(), &reply.body), ("done", &one.body), "{}", deed.name);
    }
}

/// The Viewer, and with them everybody of the organisation.
async fn all_of_it_is_read(day: &Day<'_>) {
    let read = day.reads(Deed::graphql("reads-the-template", Right::WorkRead, READ_TEMPLATE)).await.json();
    assert_eq!(read["data"]["template"]["published"], 1);
    assert_eq!(read["data"]["template"]["versions"][0]["steps"][1]["title"], "Worn?");
    let read = day.reads(Deed::graphql("reads-the-job", Right::WorkRead, READ_JOB)).await.json();
    let by = json!({"email": "operator@acme.test"});
    let job = json!({"state": "COMPLETED", "asset": "P-101", "assignee": by, "nextStep": 3, "stepCount": 2});
    assert_eq!(read["data"]["job"], job);
    let read = day.reads(Deed::graphql("reads-the-records", Right::WorkRead, READ_RECORDS)).await.json();
    let records = json!([
        {"number": 1, "step": 1, "act": "RECORDED", "value": "2.5", "corrects": null, "author": by},
        {"number": 2, "step": 1, "act": "CORRECTED", "value": "3.5", "corrects": 1, "author": by},
        {"number": 3, "step": 1, "act": "COMPLETED", "value": "3.5", "corrects": null, "author": by},
        {"number": 4, "step": 2, "act": "COMPLETED", "value": "no", "corrects": null, "author": by},
    ]);
    assert_eq!(read["data"]["records"], records);
    let export = day.reads(Deed::get("reads-the-export", Right::WorkRead, "/api/client/jobs/$JOB/export")).await;
    assert_eq!(export.json()["data"]["steps"][0]["records"].as_array().unwrap().len(), 3);
    let report = day.reads(Deed::get("reads-the-report", Right::WorkRead, "/api/client/jobs/$JOB/report")).await;
    assert!(report.body.contains("Replace the seal") && report.body.contains("3.5 bar"), "{report}");
}

on_both! {
    async fn an_organisation_lives_through_a_day(site) {
        let site = site.with_mail().await;
        let mut day = Day::dawns(&site).await;
        day.the_system_admin_makes_the_organisation_and_its_first_admin().await;
        people_come_aboard(&mut day).await;
        a_template_is_written_sent_back_approved_and_published(&mut day).await;
        a_job_is_made_given_and_done(&mut day).await;
        all_of_it_is_read(&day).await;
        // All that was done, and nothing that was only tried.
        let log = day.exported(Role::UserAdmin).await;
        allow_duplicates! { assert_snapshot!(day.told(&log), @"
        makes-acme              admin           user.created         user ADMIN: done
        signs-in                ADMIN           session.sign-in      user ADMIN: done
        invites-USER_ADMIN      ADMIN           user.created         user USER_ADMIN: done
        invites-USER_ADMIN      ADMIN           user.invited         user USER_ADMIN: done
        accepts-USER_ADMIN      USER_ADMIN      user.activated       user USER_ADMIN: done
        accepts-USER_ADMIN      USER_ADMIN      session.sign-in      user USER_ADMIN: done
        invites-AUTHOR          ADMIN           user.created         user AUTHOR: done
        invites-AUTHOR          ADMIN           user.invited         user AUTHOR: done
        accepts-AUTHOR          AUTHOR          user.activated       user AUTHOR: done
        accepts-AUTHOR          AUTHOR          session.sign-in      user AUTHOR: done
        invites-OPERATOR        ADMIN           user.created         user OPERATOR: done
        invites-OPERATOR        ADMIN           user.invited         user OPERATOR: done
        accepts-OPERATOR        OPERATOR        user.activated       user OPERATOR: done
        accepts-OPERATOR        OPERATOR        session.sign-in      user OPERATOR: done
        invites-APPROVER        ADMIN           user.created         user APPROVER: done
        invites-APPROVER        ADMIN           user.invited         user APPROVER: done
        accepts-APPROVER        APPROVER        user.activated       user APPROVER: done
        accepts-APPROVER        APPROVER        session.sign-in      user APPROVER: done
        invites-PUBLISHER       ADMIN           user.created         user PUBLISHER: done
        invites-PUBLISHER       ADMIN           user.invited         user PUBLISHER: done
        accepts-PUBLISHER       PUBLISHER       user.activated       user PUBLISHER: done
        accepts-PUBLISHER       PUBLISHER       session.sign-in      user PUBLISHER: done
        invites-VIEWER          ADMIN           user.created         user VIEWER: done
        invites-VIEWER          ADMIN           user.invited         user VIEWER: done
        accepts-VIEWER          VIEWER          user.activated       user VIEWER: done
        accepts-VIEWER          VIEWER          session.sign-in      user VIEWER: done
        invites-SECOND_OPERATOR USER_ADMIN      user.created         user SECOND_OPERATOR: done
        invites-SECOND_OPERATOR USER_ADMIN      user.invited         user SECOND_OPERATOR: done
        accepts-SECOND_OPERATOR SECOND_OPERATOR user.activated       user SECOND_OPERATOR: done
        accepts-SECOND_OPERATOR SECOND_OPERATOR session.sign-in      user SECOND_OPERATOR: done
        separates-duties        ADMIN           client.updated       client acme: done
        writes                  AUTHOR          template.created     template TEMPLATE: done
        submits                 AUTHOR          version.submitted    template TEMPLATE: done
        rejects                 APPROVER        version.rejected     template TEMPLATE: done
        edits                   AUTHOR          version.edited       template TEMPLATE: done
        submits-again           AUTHOR          version.submitted    template TEMPLATE: done
        approves                APPROVER        version.approved     template TEMPLATE: done
        publishes               PUBLISHER       version.published    template TEMPLATE: done
        plans                   OPERATOR        job.created          job JOB: done
        assigns                 OPERATOR        job.assigned         job JOB: done
        starts                  OPERATOR        job.started          job JOB: done
        records                 OPERATOR        job.recorded         job JOB: done
        corrects                OPERATOR        job.corrected        job JOB: done
        completes-a-step        OPERATOR        job.step-completed   job JOB: done
        completes               OPERATOR        job.completed        job JOB: done
        reads-the-log-out       USER_ADMIN      audit.exported       audit own: done
        "); }
    }
}

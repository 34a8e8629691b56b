//! `/api/client/jobs`: a completed job as JSON and as a page for paper.

use purser_core::access::Role;
use serde_json::{Value, json};

use super::is;
use crate::on_both;
use crate::site::{Member, Site};

const TITLE: &str = "<script>alert(1)</script> & more";

/// Makes a job and does it, but for its end.
async fn begun(site: &Site) -> (Member<'_>, String) {
    let admin = site.as_role(Role::Admin).await;
    let ask = async |document: &str, input: Value| {
        let reply = admin.post("/api/client/graphql", &json!({"query": document, "variables": {"input": input}})).await;
        let mut answer = reply.json();
        assert!(answer["errors"].is_null(), "{reply}");
        answer["data"].take()
    };
    let steps = json!([{"title": "Look", "kind": "NUMBER", "unit": "bar"}, {"title": "Close"}]);
    let made = ask(
        "mutation($input: CreateTemplateInput!) { createTemplate(input: $input) { id } }",
        json!({"title": TITLE, "steps": steps}),
    )
    .await;
    let version = json!({"templateId": made["createTemplate"]["id"], "number": 1});
    for (deed, kind) in [("submitVersion", "Version"), ("approveVersion", "Review"), ("publishVersion", "Version")] {
        let document = format!("mutation($input: {kind}Input!) {{ {deed}(input: $input) {{ state }} }}");
        ask(&document, version.clone()).await;
    }
    let job = ask(
        "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }",
        json!({"templateId": version["templateId"], "assigneeId": admin.user.id.to_string()}),
    )
    .await;
    let id = job["createJob"]["id"].as_str().unwrap().to_owned();
    ask("mutation($input: JobInput!) { startJob(input: $input) { state } }", json!({"id": id})).await;
    let perform = "mutation($input: PerformInput!) { completeStep(input: $input) { number } }";
    ask(perform, json!({"jobId": id, "step": 1, "value": "4711", "note": "<b>"})).await;
    (admin, id)
}

on_both! {
    async fn a_completed_job_is_a_page_for_paper_and_a_document(site) {
        let (admin, id) = begun(&site).await;
        let (page, export) = (format!("/api/client/jobs/{id}/report"), format!("/api/client/jobs/{id}/export"));
        assert_eq!(admin.ask("GET", &page).await.refusal(), is(409, "CONFLICT"));
        assert_eq!(admin.ask("GET", &export).await.refusal(), is(409, "CONFLICT"));
        let last = json!({"query": "mutation($input: PerformInput!) { completeStep(input: $input) { number } }",
            "variables": {"input": {"jobId": id, "step": 2}}});
        admin.post("/api/client/graphql", &last).await;
        let viewer = site.as_role(Role::Viewer).await;
        let report = viewer.ask("GET", &page).await;
        assert_eq!((report.status, report.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = report.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        let text = report.body.clone();
        assert!(text.contains("4711 bar") && text.contains("&#60;script&#62;") && !text.contains("<script"), "{text}");
        assert!(text.contains(&format!("{} {}", admin.user.first_name, admin.user.last_name)));
        let document = viewer.ask("GET", &export).await.json();
        assert_eq!(document["data"]["steps"][0]["records"][0]["value"], "4711");
        assert_eq!(document["data"]["title"], TITLE);
        let stranger = site.other_tenant().await;
        assert_eq!(stranger.ask("GET", &page).await.refusal(), is(404, "NOT_FOUND"));
        assert_eq!(site.anyone().ask("GET", &page).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn people_are_taken_in_and_given_out_over_http(site) {
        let admin = site.as_role(Role::Admin).await;
        let file = "email,firstName,lastName,roles\n=ann@acme.test,Ann,Lee,AUTHOR VIEWER\nnobody,A,B,\n";
        let csv = admin.with("Content-Type: text/csv");
        let dry = csv.send_raw("POST", "/api/client/users/import?dryRun=true", file).await;
        assert_eq!((dry.status, &dry.json()["data"]["created"]), (200, &json!(1)), "{dry}");
        let told = csv.send_raw("POST", "/api/client/users/import", file).await.json();
        let refused = json!([{"line": 3, "field": "email", "reason": "not an e-mail address"}]);
        assert_eq!((&told["data"]["created"], &told["data"]["refused"]), (&json!(1), &refused));
        let again = csv.send_raw("POST", "/api/client/users/import", file).await.json();
        assert_eq!(again["data"]["unchanged"], 1);
        let out = admin.ask("GET", "/api/client/users/export").await;
        assert_eq!(out.header("content-disposition"), Some("attachment; filename=\"users.csv\""));
        assert!(out.body.contains("'=ann@acme.test,Ann,Lee,,AUTHOR VIEWER,INVITED\r\n"), "{out}");
        let lines = admin.ask("GET", "/api/client/users/export?format=jsonl").await;
        assert_eq!(lines.body.lines().count(), 2);
        for media in ["Content-Type: application/jsonl", "Content-Type: application/x-ndjson"] {
            let back = admin.with(media).send_raw("POST", "/api/client/users/import", &lines.body).await;
            assert_eq!(back.json()["data"]["unchanged"], 2, "{media}: {back}");
        }
        let neither = admin.with("Content-Type: text/plain").send_raw("POST", "/api/client/users/import", file).await;
        assert_eq!(neither.refusal(), is(415, "UNSUPPORTED_MEDIA_TYPE"));
        assert!(!neither.body.contains("must be JSON"), "{neither}");
        let whole = csv.send_raw("POST", "/api/client/users/import", "email,name\n").await;
        assert_eq!(whole.refusal(), is(400, "VALIDATION_ERROR"));
        let author = site.as_role(Role::Author).await;
        assert_eq!(author.ask("GET", "/api/client/users/export").await.refusal(), is(403, "FORBIDDEN"));
        let evil = admin.by_cookie_alone().with("Origin: https://evil.test").with("Content-Type: text/csv");
        assert_eq!(evil.send_raw("POST", "/api/client/users/import", file).await.refusal(), is(403, "CSRF_REJECTED"));
    }
}

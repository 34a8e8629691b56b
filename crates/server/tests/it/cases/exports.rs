//! What is read out line by line: `GET /api/admin/audit/export`, `/api/client/audit/export`, `/api/admin/clients/{id}/export`.

use purser_core::access::Role;
use serde_json::Value;

use super::is;
use crate::http::probe::Reply;
use crate::on_both;

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

on_both! {
    async fn a_tenants_log_is_read_out_for_those_who_may_read_it_and_holds_its_own_lines_only(site) {
        site.user("globex", &[Role::Viewer]).await;
        let auditor = site.as_role(Role::UserAdmin).await;
        let log = lines(&auditor.get("/api/client/audit/export").await);
        assert!(log.len() > 1 && log.iter().all(|line| line["clientId"] == "acme"), "{log:?}");
        assert_eq!(log.last().unwrap()["action"], "audit.exported");
        let some = lines(&auditor.get("/api/client/audit/export?action=session.sign-in&outcome=done").await);
        assert!(!some.is_empty() && some.iter().all(|line| line["action"] == "session.sign-in"));
        assert_eq!(auditor.get("/api/client/audit/export?since=yesterday").await.refusal(), is(400, "VALIDATION_ERROR"));
        let operator = site.as_role(Role::Operator).await;
        assert_eq!(operator.get("/api/client/audit/export").await.refusal(), is(403, "FORBIDDEN"));
    }

    async fn an_administrator_reads_any_log_out_in_many_pieces(site) {
        for _ in 0..520 {
            site.new_tenant().await;
        }
        let admin = site.admin().await;
        let log = lines(&admin.get("/api/admin/audit/export?client=admin&action=client.created").await);
        assert!(log.len() >= 520, "{}", log.len());
        let ids: Vec<&str> = log.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted_by(|one, other| one < other), "each once, oldest first");
    }

    async fn a_tenant_is_read_out_whole(site) {
        let user = site.user("acme", &[Role::Admin]).await;
        let admin = site.admin().await;
        let reply = admin.get("/api/admin/clients/acme/export").await;
        assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"acme.jsonl\""));
        let read = lines(&reply);
        assert_eq!((&read[0]["kind"], &read[1]["id"]), (&"export".into(), &"acme".into()));
        assert!(read.iter().any(|line| line["kind"] == "user" && line["email"] == *user.email));
        assert_eq!(read.last().unwrap()["lines"].as_u64(), Some(read.len() as u64 - 1));
        assert_eq!(admin.get("/api/admin/clients/nowhere/export").await.refusal(), is(404, "NOT_FOUND"));
    }
}

//! Refusals for want of a right, as the audit log tells of them.

use std::time::Duration;

use purser_core::access::Role;
use serde_json::Value;

use super::is;
use crate::on_both;
use crate::site::Site;

/// The refusals in the log, the oldest first: who, what, why.
async fn denials(site: &Site) -> Vec<String> {
    site.app.keep_house().await.unwrap();
    let log = site.as_role(Role::Admin).await.get("/api/client/audit/export?action=access.refused").await;
    assert_eq!(log.status, 200, "{log}");
    let lines = log.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = |line: Value| {
        let word = |name: &str| line[name].as_str().unwrap().to_owned();
        assert!(!word("address").is_empty() && !word("requestId").is_empty(), "{line}");
        format!("{} {} {} {}: {}", word("actorKind"), word("actor"), word("target"), word("outcome"), word("reason"))
    };
    let mut told: Vec<String> = lines.map(told).collect();
    told.sort();
    told
}

on_both! {
    async fn whoever_asks_for_what_they_have_no_right_to_stands_in_the_log(site) {
        let viewer = site.as_role(Role::Viewer).await;
        let id = &viewer.user.id;
        for _ in 0..2 {
            assert_eq!(viewer.get("/api/client/users/export").await.refusal(), is(403, "FORBIDDEN"));
        }
        let page = viewer.by_cookie().submit("/people/new", &[("email", "new@acme.test")]).await;
        assert_eq!(page.status, 403, "{page}");
        // By whatever name it goes in the answer, and however often.
        let denied = viewer.graphql("mutation { evil: endUserSessions(input: {id: \"1\"}) { id } again: endUserSessions(input: {id: \"2\"}) { id } }").await;
        assert!(denied.body.contains("FORBIDDEN"), "{denied}");
        site.as_role(Role::Author).await;
        let part = viewer.graphql("{ users { id roles } }").await;
        assert!(part.body.contains("FORBIDDEN"), "{part}");
        // What is allowed, unknown or not signed in is none of it.
        assert_eq!(viewer.get("/api/client/auth/me").await.status, 200);
        assert_eq!(site.anyone().get("/api/client/users/export").await.status, 401);
        let wanting = "refused: for want of a right";
        assert_eq!(denials(&site).await, [
            format!("user {id} operation:GET /api/client/users/export {wanting}"),
            format!("user {id} operation:GET /api/client/users/export {wanting}"),
            format!("user {id} operation:GraphQL endUserSessions {wanting}"),
            format!("user {id} operation:GraphQL users {wanting}"),
            format!("user {id} operation:POST /people/new {wanting}"),
        ]);
    }

    async fn a_flood_of_refusals_is_counted_and_the_log_stays_short(site) {
        let viewer = site.as_role(Role::Viewer).await;
        for _ in 0..40 {
            assert_eq!(viewer.get("/api/client/users/export").await.refusal(), is(403, "FORBIDDEN"));
        }
        assert_eq!(denials(&site).await.len(), 3);
        site.wait(Duration::from_mins(1));
        let told = denials(&site).await;
        assert_eq!(told.len(), 4);
        assert!(told[0].ends_with("refused: and 37 times more within a minute"), "{told:?}");
    }
}

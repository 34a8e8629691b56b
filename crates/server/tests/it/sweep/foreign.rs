//! Ids of another tenant are answered as ids that never existed: letter for letter.

use std::collections::BTreeSet;

use purser_core::access::Role;

use super::recipes::{metrics_reader, prepared};
use super::{Operation, Who};
use crate::on_both;
use crate::site::Site;
use crate::two_factor::{ORIGIN, passkey_of};

/// A session that never was.
const NO_SESSION: &str = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000";

/// A user or administrator that never was.
const NO_NUMBER: &str = "900719925474099";

/// The target of an operation about somebody else's thing, and about nothing.
async fn targets(site: &Site, operation: &Operation) -> Option<(String, String)> {
    if !operation.path.contains('{') {
        return None;
    }
    let stranger = site.other_tenant().await;
    let path = &operation.path;
    if path.contains("{user}") {
        let of = |user: &str| path.replace("{id}", "acme").replace("{user}", user);
        return Some((of(&stranger.user.id.to_string()), of(NO_NUMBER)));
    }
    if path.contains("{name}") || path.contains("{domain}") {
        let theirs = site.provider("globex").await;
        let of = |name: &str| {
            path.replace("{id}", "acme").replace("{name}", name).replace("{domain}", &format!("{name}.invalid"))
        };
        return Some((of(&theirs), of("never")));
    }
    if path.ends_with("auth/sessions/{id}") {
        return Some((path.replace("{id}", &stranger.session().await), path.replace("{id}", NO_SESSION)));
    }
    if path.contains("auth/two-factor/passkeys/{id}") {
        let theirs = passkey_of(&stranger).await;
        return Some((path.replace("{id}", &theirs), path.replace("{id}", NO_SESSION)));
    }
    if path.starts_with("/api/client/jobs/") {
        let theirs = super::work::with_work(site, "globex", &path.replace("{id}", "$DONE"), None).await;
        return Some((theirs, path.replace("{id}", NO_SESSION)));
    }
    let nothing = match path.split("/{id}").next().unwrap() {
        "/api/admin/clients" => "no-such-client",
        "/api/admin/admins" => NO_NUMBER,
        "/api/admin/sessions" => NO_SESSION,
        other => panic!("{other} is not covered: say here what its ids are"),
    };
    // The admin realm knows every tenant: there, only what is malformed is a stranger's.
    Some((path.replace("{id}", "%27%20OR%201%3D1"), path.replace("{id}", nothing)))
}

on_both! {
    async fn an_id_of_another_tenant_is_an_id_that_never_existed(site) {
        let site = site.with(|settings| settings.server.public_url = Some(ORIGIN.into())).await;
        let (member, system) = (site.as_role(Role::Admin).await, site.admin().await);
        let mut swept = BTreeSet::new();
        for operation in Operation::all() {
            let Some((foreign, never)) = targets(&site, &operation).await else { continue };
            let who = if operation.is_admins() { Who::System(&system) } else { Who::Member(&member) };
            let example = prepared(&site, &operation.name(), who).await;
            let before = site.holdings().await;
            let asker = who.asker(&site);
            let mut answers = Vec::new();
            for asked in [foreign, never] {
                let reply = example.about(asked.clone()).send(&operation.method, &asker).await;
                assert_eq!(reply.status, 404, "{} {}: {reply}", operation.name(), asked);
                assert_eq!(reply.code(), "NOT_FOUND");
                assert_eq!(reply.header("set-cookie"), None);
                answers.push(reply.body);
            }
            assert_eq!(answers[0], answers[1], "{}", operation.name());
            assert_eq!(site.holdings().await, before);
            swept.insert(operation.name());
        }
        assert!(swept.len() >= 12, "{swept:#?}");
    }

    async fn the_metrics_open_to_their_token_alone(site) {
        assert_eq!(metrics_reader(&site).get("/metrics").await.status, 200);
        assert_eq!(site.anyone().get("/metrics").await.refusal().0, 401);
        assert_eq!(site.admin().await.get("/metrics").await.refusal().0, 401);
        let site = site.with(|settings| settings.metrics.token = None).await;
        assert_eq!(site.anyone().get("/metrics").await.refusal().0, 404);
        assert_eq!(metrics_reader(&site).get("/metrics").await.refusal().0, 404);
        assert_eq!(site.anyone().get("/graphiql").await.refusal().0, 404);
    }
}

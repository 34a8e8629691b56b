//! Every page and every form, asked for by everybody: a golden table.

use std::fmt::Write as _;

use purser_core::access::Role;

use super::{in_browser, routes};
use crate::site::{Asker, Site};

/// Things that do not exist: whoever may do it learns so, whoever may not learns nothing.
fn concrete(path: &str) -> Vec<String> {
    let uuid = "01890000-0000-7000-8000-000000000000";
    let id = if path.starts_with("/people") { "999999" } else { uuid };
    let acts: &[&str] = match path {
        "/people/{id}/{act}" => &["disable", "enable", "delete", "end-sessions"],
        "/providers/{name}/{act}" => &["enable", "disable", "refresh", "end-sessions", "delete"],
        "/domains/{name}/{act}" => &["verify", "remove"],
        "/templates/{id}/versions/{number}/{act}" => {
            &["submit", "approve", "reject", "publish", "archive", "restore", "delete"]
        }
        _ => &[""],
    };
    let fixed = path.replace("{id}", id).replace("{name}", "nothing").replace("{number}", "1").replace("{kind}", "oidc");
    acts.iter().map(|act| fixed.replace("{act}", act)).collect()
}

/// What a form is sent with that it cannot do without.
fn fields(path: &str) -> Vec<(&'static str, &'static str)> {
    match path {
        "/jobs/new" => vec![("template", "01890000-0000-7000-8000-000000000000")],
        _ if path.ends_with("/assign") => vec![("assignee", "999999")],
        _ if path.ends_with("/step") => vec![("step", "1")],
        _ if path.ends_with("/copy") => vec![("title", "T")],
        _ if path.ends_with("/name") || path == "/templates/new" => vec![("title", "T"), ("assetClass", "")],
        _ if path == "/account/sessions/end" => vec![("session", "01890000-0000-7000-8000-000000000000")],
        _ => vec![],
    }
}

/// What changes the caller's own session, and would change the rest of the row.
const LEFT_OUT: &[&str] = &["/sign-in", "/sign-out", "/signed-out", "/account/sign-out-everywhere"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_form_answers_every_role_as_the_table_says() {
    let site = Site::on_sqlite().await;
    let mut members = Vec::new();
    for role in Role::ALL {
        members.push(site.as_role(role).await);
    }
    let mut table = String::from("page or form                                                   nobody | Admin | User Admin | Author | Operator | Approver | Publisher | Viewer\n");
    for (path, posts) in routes().into_iter().filter(|(path, _)| !LEFT_OUT.contains(path)) {
        for path in concrete(path) {
            let mut row = |method: &str, statuses: Vec<u16>| {
                let statuses: Vec<_> = statuses.iter().map(ToString::to_string).collect();
                writeln!(table, "{:<66}{}", format!("{method:<5}{path}").replace("01890000-0000-7000-8000-000000000000", "ID"), statuses.join(" ")).unwrap();
            };
            let seen = async |asker: Asker<'_>| asker.visit(&path).await.status;
            let sent = async |asker: Asker<'_>| asker.submit(&path, &fields(&path)).await.status;
            let mut statuses = vec![seen(site.anyone()).await];
            for member in &members {
                statuses.push(seen(in_browser(member)).await);
            }
            if statuses[1] != 405 {
                row("GET", statuses);
            }
            if posts {
                let mut statuses = vec![sent(site.anyone().with("Origin: http://localhost")).await];
                for member in &members {
                    statuses.push(sent(in_browser(member)).await);
                }
                row("POST", statuses);
            }
        }
    }
    insta::assert_snapshot!("rights", table);
}

/// A cookie alone changes nothing: every form asks where it was sent from (ASVS 3.5.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_is_taken_from_another_site() {
    let site = Site::on_sqlite().await;
    let admin = site.as_role(Role::Admin).await;
    let before = site.holdings().await;
    for (path, _) in routes().into_iter().filter(|(_, posts)| *posts) {
        for path in concrete(path) {
            for line in [None, Some("Origin: https://evil.test"), Some("Origin: null"), Some("Sec-Fetch-Site: same-site")] {
                let stranger = line.map_or_else(|| admin.by_cookie_alone(), |line| admin.by_cookie_alone().with(line));
                let reply = stranger.submit(&path, &fields(&path)).await;
                assert_eq!(reply.status, 403, "{path} {line:?}: {reply}");
                assert!(reply.body.contains("CSRF_REJECTED"), "{path} {line:?}: {reply}");
            }
        }
    }
    assert_eq!(site.holdings().await, before);
}

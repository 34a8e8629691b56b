//! Every page and every form, asked for by everybody: a golden table.

use std::fmt::Write as _;

use purser_core::access::Role;

use super::{in_browser, is_unseen, routes};
use crate::site::Site;

/// Things that do not exist: whoever may do it learns so, whoever may not learns nothing.
pub(super) fn concrete(path: &str) -> Vec<String> {
    let uuid = "01890000-0000-7000-8000-000000000000";
    let id = match path {
        _ if path.starts_with("/people") || path.starts_with("/admin/admins") => "999999",
        _ if path.starts_with("/admin") => "nothing",
        _ => uuid,
    };
    let acts: &[&str] = match path {
        "/people/{id}/{act}" => &[
            "disable",
            "enable",
            "delete",
            "end-sessions",
            "resend-invitation",
            "revoke-invitation",
            "require-two-factor",
            "waive-two-factor",
            "reset-two-factor",
        ],
        "/admin/tenants/{id}/people/{user}/{act}" => {
            &["disable", "enable", "end-sessions", "reset-two-factor", "delete"]
        }
        "/providers/{name}/{act}" | "/admin/tenants/{id}/providers/{name}/{act}" => {
            &["enable", "disable", "refresh", "end-sessions", "delete"]
        }
        "/admin/tenants/{id}/{act}" => &["disable", "enable", "end-sessions", "delete"],
        "/admin/admins/{id}/{act}" => &["disable", "enable", "delete"],
        "/account/two-factor/{act}" => &["remove-app", "renew-codes"],
        "/domains/{name}/{act}" | "/admin/tenants/{id}/domains/{name}/{act}" => &["verify", "remove"],
        "/templates/{id}/versions/{number}/{act}" => {
            &["submit", "approve", "reject", "publish", "archive", "restore", "delete"]
        }
        _ => &[""],
    };
    let fixed = path.replace("{id}", id).replace("{name}", "nothing").replace("{user}", "999999");
    let fixed = fixed.replace("{number}", "1").replace("{kind}", "oidc");
    acts.iter().map(|act| fixed.replace("{act}", act)).collect()
}

/// What a form is sent with that it cannot do without.
pub(super) fn fields(path: &str) -> Vec<(&'static str, &'static str)> {
    match path {
        "/jobs/new" => vec![("template", "01890000-0000-7000-8000-000000000000")],
        _ if path.ends_with("/assign") => vec![("assignee", "999999")],
        _ if path.ends_with("/step") => vec![("step", "1")],
        _ if path.ends_with("/copy") => vec![("title", "T")],
        _ if path.ends_with("/name") || path == "/templates/new" => vec![("title", "T"), ("assetClass", "")],
        "/admin/sessions" => vec![("session", "01890000-0000-7000-8000-000000000000")],
        "/admin/tenants/nothing/delete" => vec![("confirm", "nothing")],
        _ if path == "/account/sessions/end" => vec![("session", "01890000-0000-7000-8000-000000000000")],
        _ => vec![],
    }
}

/// What changes the caller's own session, and would change the rest of the row.
const LEFT_OUT: &[&str] =
    &["/sign-in", "/sign-out", "/signed-out", "/account/sign-out-everywhere", "/admin/sign-in", "/admin/sign-out"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_form_answers_everybody_as_the_table_says() {
    let site = Site::on_sqlite().await;
    let mut everybody = vec![site.anyone().with("Origin: http://localhost")];
    for role in Role::ALL {
        everybody.push(in_browser(&site.as_role(role).await));
    }
    everybody.push(site.admin().await.by_cookie_alone().with("Origin: http://localhost"));
    let mut table =
        String::from("nobody, the seven roles in the order of the permission table, a system administrator\n\n");
    for (listed, posts) in routes().into_iter().filter(|(path, _)| !LEFT_OUT.contains(path)) {
        for path in concrete(listed) {
            let shown = path.replace("01890000-0000-7000-8000-000000000000", "ID");
            // What is only posted to leads to the page that its form stands in.
            if !is_unseen(listed) {
                let mut seen = Vec::new();
                for asker in &everybody {
                    seen.push(asker.visit(&path).await.status.to_string());
                }
                writeln!(table, "{:<60}{}", format!("GET  {shown}"), seen.join(" ")).unwrap();
            }
            let mut sent = Vec::new();
            for asker in everybody.iter().filter(|_| posts) {
                sent.push(asker.submit(&path, &fields(&path)).await.status.to_string());
            }
            if posts {
                writeln!(table, "{:<60}{}", format!("POST {shown}"), sent.join(" ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!("rights", table);
}

/// A cookie alone changes nothing: every form asks where it was sent from (ASVS 3.5.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_is_taken_from_another_site() {
    let site = Site::on_sqlite().await;
    let (admin, keeper) = (site.as_role(Role::Admin).await, site.admin().await);
    let before = site.holdings().await;
    for (path, _) in routes().into_iter().filter(|(_, posts)| *posts) {
        for path in concrete(path) {
            for line in
                [None, Some("Origin: https://evil.test"), Some("Origin: null"), Some("Sec-Fetch-Site: same-site")]
            {
                let system = path.starts_with("/admin");
                let victim = if system { keeper.by_cookie_alone() } else { admin.by_cookie_alone() };
                let stranger = line.map_or_else(|| victim.clone(), |line| victim.with(line));
                let reply = stranger.submit(&path, &fields(&path)).await;
                assert_eq!(reply.status, 403, "{path} {line:?}: {reply}");
                assert!(reply.body.contains("CSRF_REJECTED"), "{path} {line:?}: {reply}");
            }
        }
    }
    assert_eq!(site.holdings().await, before);
}

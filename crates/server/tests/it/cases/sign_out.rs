//! `POST /api/client/auth/sign-out`.

use purser_core::access::Role;

use super::is;
use crate::on_both;
use crate::site::{Asker, DAY, Member, Site};

const TARGET: &str = "/api/client/auth/sign-out";

/// Asks until the session is over there; another node has a second for it.
async fn ends(asker: &Asker<'_>) {
    let over = async {
        while asker.me().await.status == 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::http::probe::LONG, over).await.expect("the session ends on every node");
}

/// All three handles of a session are dead.
async fn is_over(site: &Site, member: &Member<'_>) {
    assert_eq!(member.me().await.refusal(), is(401, "INVALID_TOKEN"));
    assert_eq!(member.by_cookie().me().await.refusal(), is(401, "INVALID_TOKEN"));
    assert_eq!(member.graphql("{ me { id } }").await.refusal(), is(401, "INVALID_TOKEN"));
    assert_eq!(site.anyone().refresh(&member.refresh_token).await.refusal(), is(401, "INVALID_TOKEN"));
}

on_both! {
    async fn what_is_said_of_the_caller_follows_every_change_at_once(site) {
        let (admin, member) = (site.as_role(Role::Admin).await, site.as_role(Role::Viewer).await);
        for name in ["Ada", "Grace"] {
            let change = format!("mutation {{ updateUser(input: {{id: {}, firstName: \"{name}\"}}) {{ id }} }}", member.user.id);
            assert_eq!(admin.graphql(&change).await.status, 200);
            for _ in 0..2 {
                assert_eq!(member.me().await.json()["data"]["user"]["firstName"], name);
            }
        }
    }

    async fn all_three_handles_die_at_once_and_on_every_node(site) {
        let other = site.another_node().await;
        let member = site.as_role(Role::Viewer).await;
        let elsewhere = member.at(&other);
        assert_eq!(elsewhere.me().await.status, 200);
        let reply = member.ask("POST", TARGET).await;
        assert_eq!(reply.status, 200);
        assert!(reply.header("set-cookie").unwrap().starts_with("session=; Max-Age=0;"), "the browser forgets its cookie");
        is_over(&site, &member).await;
        ends(&elsewhere).await;
        assert_eq!(other.anyone().refresh(&member.refresh_token).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn whoever_cannot_prove_a_session_ends_none(site) {
        let member = site.as_role(Role::Viewer).await;
        let signed_out = site.as_role(Role::Viewer).await;
        signed_out.ask("POST", TARGET).await;
        let admin = site.admin().await;
        let (head, _) = member.token.rsplit_once('.').unwrap();
        let before = site.holdings().await;
        for token in [&signed_out.token, &admin.token, "rubbish", &format!("{head}.AAAA"), &format!("{head}."), &member.refresh_token] {
            let reply = site.anyone().bearing(token).ask("POST", TARGET).await;
            assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"));
        }
        assert_eq!(site.holdings().await, before);
        assert_eq!(member.me().await.status, 200);
        site.wait(DAY);
        assert_eq!(member.ask("POST", TARGET).await.refusal(), is(401, "TOKEN_EXPIRED"));
        assert_eq!(site.anyone().refresh(&member.refresh_token).await.status, 200);
    }

    async fn another_site_cannot_sign_a_browser_out(site) {
        let member = site.as_role(Role::Viewer).await;
        for line in ["Origin: https://evil.test", "Sec-Fetch-Site: cross-site", "Origin: null", "Referer: http://localhost/"] {
            let reply = member.by_cookie_alone().with(line).ask("POST", TARGET).await;
            assert_eq!(reply.refusal(), is(403, "CSRF_REJECTED"), "{line}");
        }
        assert_eq!(member.me().await.status, 200);
        assert_eq!(member.by_cookie().ask("POST", TARGET).await.status, 200);
        is_over(&site, &member).await;
    }

    async fn a_session_that_was_ended_is_not_back_after_a_restart(site) {
        let (token, refresh_token) = {
            let member = site.as_role(Role::Viewer).await;
            member.ask("POST", TARGET).await;
            (member.token.clone(), member.refresh_token.clone())
        };
        let site = site.restarted().await;
        assert_eq!(site.anyone().bearing(&token).me().await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(site.anyone().refresh(&refresh_token).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn all_of_a_users_sessions_end_together_even_one_of_the_same_second(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let (one, two) = (site.sign_in(&user).await, site.sign_in(&user).await);
        let bystander = site.as_role(Role::Viewer).await;
        let reply = one.ask("POST", "/api/client/auth/sign-out?all=true").await;
        assert_eq!(reply.status, 200);
        is_over(&site, &one).await;
        is_over(&site, &two).await;
        assert_eq!(bystander.me().await.status, 200);
        // The very same second: a new sign-in is a new session.
        assert_eq!(site.sign_in(&user).await.me().await.status, 200);
    }

    async fn without_all_the_others_go_on(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let (one, two, three) = (site.sign_in(&user).await, site.sign_in(&user).await, site.sign_in(&user).await);
        assert_eq!(one.ask("POST", "/api/client/auth/sign-out?all=false").await.status, 200);
        assert_eq!(two.ask("POST", "/api/client/auth/sign-out?all=perhaps").await.refusal(), is(400, "VALIDATION_ERROR"));
        is_over(&site, &one).await;
        assert_eq!((two.me().await.status, three.me().await.status), (200, 200));
    }

    async fn a_changed_password_ends_every_session_but_the_one_that_changed_it(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let (one, two) = (site.sign_in(&user).await, site.sign_in(&user).await);
        let wish = serde_json::json!({"currentPassword": crate::site::PASSWORD, "newPassword": "another horse battery 4711"});
        assert_eq!(one.post("/api/client/auth/password/change", &wish).await.status, 200);
        is_over(&site, &two).await;
        assert_eq!(one.me().await.status, 200);
        assert_eq!(site.anyone().refresh(&one.refresh_token).await.status, 200);
        assert_eq!(site.anyone().sign_in(&user.email, crate::site::PASSWORD).await.refusal(), is(401, "INVALID_CREDENTIALS"));
        assert_eq!(site.anyone().sign_in(&user.email, "another horse battery 4711").await.status, 200);
    }
}

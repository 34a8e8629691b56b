//! Signing in and out, as a browser does.

use purser_core::access::Role;

use super::{in_browser, led_to, set_cookies};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{Asker, PASSWORD, Site};

/// Somebody before the door, on a page of ours.
pub(super) fn at_the_door(site: &Site) -> Asker<'_> {
    site.anyone().with("Origin: http://localhost")
}

pub(super) async fn enter(site: &Site, email: &str, password: &str, more: &[(&str, &str)]) -> Reply {
    let fields = [&[("email", email), ("password", password)], more].concat();
    at_the_door(site).submit("/sign-in", &fields).await
}

/// The browser that was given a session.
#[track_caller]
pub(super) fn with_session<'s>(site: &'s Site, reply: &Reply) -> Asker<'s> {
    let cookies = set_cookies(reply);
    let line = cookies.iter().find(|line| line.starts_with("session=")).unwrap();
    at_the_door(site).with(&format!("Cookie: {}", line.split(';').next().unwrap()))
}

on_both! {
    async fn somebody_signs_in_looks_around_and_signs_out(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let reply = enter(&site, &user.email, PASSWORD, &[("returnTo", "/templates?state=DRAFT")]).await;
        assert_eq!(led_to(&reply), "/templates?state=DRAFT");
        let browser = with_session(&site, &reply);
        assert!(browser.visit("/templates").await.body.contains("Templates"));
        // Whoever is signed in has nothing to do at the door.
        assert_eq!(led_to(&browser.visit("/sign-in?returnTo=/jobs").await), "/jobs");
        let reply = browser.submit("/sign-out", &[]).await;
        assert_eq!(led_to(&reply), "/signed-out?client=acme");
        assert_eq!(set_cookies(&reply), ["session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]);
        assert!(led_to(&browser.visit("/templates").await).starts_with("/sign-in"));
        // Once more, with a session that is over: the cookie still goes.
        assert_eq!(led_to(&browser.submit("/sign-out", &[]).await), "/signed-out");
    }

    async fn nobody_is_sent_where_the_tenant_does_not_send_people(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        for place in ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/..//evil.test"] {
            let reply = enter(&site, &user.email, PASSWORD, &[("returnTo", place)]).await;
            assert_eq!(led_to(&reply), "/", "{place}");
            let escaped: String = url::form_urlencoded::byte_serialize(place.as_bytes()).collect();
            assert_eq!(site.anyone().visit(&format!("/sign-in?client=acme&returnTo={escaped}")).await.status, 400, "{place}");
        }
    }

    async fn what_is_wrong_is_said_alike_whether_there_is_an_account_or_not(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let wrong = enter(&site, &user.email, "not the password 1", &[("client", "acme")]).await;
        let unknown = enter(&site, "nobody@acme.test", "not the password 1", &[("client", "acme")]).await;
        assert_eq!((wrong.status, unknown.status), (401, 401));
        assert!(wrong.body.contains("The e-mail address or the password is not right."), "{wrong}");
        assert_eq!(wrong.body.replace(&user.email, "X"), unknown.body.replace("nobody@acme.test", "X"));
        assert!(set_cookies(&wrong).is_empty() && !wrong.body.contains("not the password"));
    }

    async fn too_many_tries_are_said_plainly_with_the_time_to_wait(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        for _ in 0..30 {
            let reply = enter(&site, &user.email, "not the password 1", &[]).await;
            if reply.status == 429 {
                assert!(reply.body.contains("Too many tries."), "{reply}");
                assert!(reply.header("retry-after").is_some(), "{reply}");
                return;
            }
        }
        panic!("nobody was held up");
    }

    async fn where_there_are_several_organisations_the_page_asks_for_one(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        site.tenant("globex").await;
        let page = site.anyone().visit("/sign-in").await.body;
        assert!(page.contains("Through your organisation’s own sign-in") && !page.contains("globex"), "{page}");
        assert!(site.anyone().visit("/sign-in?client=acme").await.body.contains("<span class=\"whose\">acme</span>"));
        let page = site.anyone().visit("/sign-in?client=nobody").await.body;
        assert!(page.contains("There is no organisation called “nobody” here."), "{page}");
        let reply = enter(&site, &user.email, PASSWORD, &[("client", "globex")]).await;
        assert_eq!(reply.status, 401, "{reply}");
        assert_eq!(led_to(&enter(&site, &user.email, PASSWORD, &[("client", "acme")]).await), "/");
    }

    async fn an_organisation_without_passwords_shows_no_field_for_one(site) {
        site.user("acme", &[Role::Viewer]).await;
        let provider = site.provider("acme").await;
        let page = site.anyone().visit("/sign-in?returnTo=/jobs").await.body;
        let link = format!("/api/client/auth/oidc?provider={provider}&#38;client=acme&#38;returnTo=%2Fjobs");
        assert!(page.contains(&link) && page.contains("type=\"password\""), "{page}");
        let admin = site.admin().await;
        let settings = serde_json::json!({"settings": {"ssoOnly": true}});
        assert_eq!(admin.patch("/api/admin/clients/acme", &settings).await.status, 200);
        let page = site.anyone().visit("/sign-in").await.body;
        assert!(page.contains(&provider) && !page.contains("type=\"password\""), "{page}");
    }

    async fn nobody_is_signed_in_or_out_by_another_site(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let member = site.sign_in(&user).await;
        let fields = [("email", &*user.email), ("password", PASSWORD)];
        for origin in [None, Some("Origin: https://evil.test"), Some("Origin: null")] {
            let stranger = origin.map_or_else(|| site.anyone(), |line| site.anyone().with(line));
            let reply = stranger.submit("/sign-in", &fields).await;
            assert_eq!(reply.status, 403, "{reply}");
            assert!(reply.body.contains("CSRF_REJECTED") && set_cookies(&reply).is_empty(), "{reply}");
            let victim = stranger.with(&format!("Cookie: session={}", member.cookie));
            assert_eq!(victim.submit("/sign-out", &[]).await.status, 403);
        }
        assert_eq!(in_browser(&member).visit("/account").await.status, 200);
    }

    async fn somebody_changes_their_password_and_ends_a_session(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let (here, elsewhere) = (site.sign_in(&user).await, site.sign_in(&user).await);
        let session = elsewhere.session().await;
        let reply = in_browser(&here).submit("/account/sessions/end", &[("session", &session)]).await;
        assert_eq!(led_to(&reply), "/account");
        assert!(led_to(&in_browser(&elsewhere).visit("/account").await).starts_with("/sign-in"));
        let next = "an entirely new password 7";
        let wrong = [("currentPassword", "not the password 1"), ("newPassword", next)];
        let reply = in_browser(&here).submit("/account/password", &wrong).await;
        assert_eq!(reply.status, 401, "{reply}");
        let short = [("currentPassword", PASSWORD), ("newPassword", "short")];
        let reply = in_browser(&here).submit("/account/password", &short).await;
        assert!(reply.status == 400 && reply.body.contains("newPassword-problem"), "{reply}");
        let right = [("currentPassword", PASSWORD), ("newPassword", next)];
        assert_eq!(led_to(&in_browser(&here).submit("/account/password", &right).await), "/account");
        assert_eq!(led_to(&enter(&site, &user.email, next, &[]).await), "/");
    }

    async fn pages_of_a_sub_domain_are_at_the_main_address(site) {
        let site = site.with(|settings| settings.server.public_url = Some("http://sp.test".into())).await;
        site.tenant("acme").await;
        site.tenant("globex").await;
        let there = site.anyone().with("Host: acme.sp.test");
        for (path, place) in [
            ("/", "http://sp.test/sign-in?client=acme"),
            ("/sign-in?returnTo=%2Fjobs", "http://sp.test/sign-in?returnTo=%2Fjobs&client=acme"),
            ("/jobs?state=ASSIGNED", "http://sp.test/jobs?state=ASSIGNED"),
        ] {
            assert_eq!(led_to(&there.visit(path).await), place);
        }
    }
}

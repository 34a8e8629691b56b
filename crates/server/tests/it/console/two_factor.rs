//! The second step of signing in, as a browser takes it.

use purser_core::access::Role;
use purser_core::env::Clock as _;
use purser_standin::totp;
use serde_json::json;

use super::pages::is_ours;
use super::sign_in::{at_the_door, enter, with_session};
use super::{after, led_to, set_cookies};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{Asker, PASSWORD, SECOND, Site};
use crate::two_factor::{STEP, code, demand, enrol};

/// The browser in which a sign-in waits.
#[track_caller]
pub(super) fn waiting<'s>(site: &'s Site, reply: &Reply) -> Asker<'s> {
    let cookies = set_cookies(reply);
    let line = cookies.iter().find(|line| line.starts_with("two_factor=")).unwrap_or_else(|| panic!("{reply}"));
    assert!(line.ends_with("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"), "{line}");
    at_the_door(site).with(&format!("Cookie: {}", line.split(';').next().unwrap()))
}

/// The cookie of the challenge is taken away.
#[track_caller]
fn is_over(reply: &Reply) {
    let gone = "two_factor=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax";
    assert!(set_cookies(reply).contains(&gone), "{reply}");
}

on_both! {
    async fn whoever_has_an_app_is_asked_for_its_code_and_goes_where_they_wanted(site) {
        let member = site.as_role(Role::Author).await;
        let (secret, codes) = enrol(&site, &member).await;
        let asked = enter(&site, &member.user.email, PASSWORD, &[("returnTo", "/templates?state=DRAFT")]).await;
        assert_eq!(led_to(&asked), "/two-factor?returnTo=%2Ftemplates%3Fstate%3DDRAFT");
        assert!(!set_cookies(&asked).iter().any(|line| line.starts_with("session=")), "{asked}");
        let browser = waiting(&site, &asked);
        let page = browser.visit(&led_to(&asked)).await;
        is_ours(&page);
        assert!(page.body.contains("or one of your recovery codes"), "{page}");
        let there = [("returnTo", "/templates?state=DRAFT")];
        let wrong = browser.submit("/two-factor", &[("code", "000000"), there[0]]).await;
        assert_eq!(wrong.status, 401, "{wrong}");
        assert!(wrong.body.contains("That is not right.") && set_cookies(&wrong).is_empty(), "{wrong}");
        let digits = code(&site, &secret);
        let done = browser.submit("/two-factor", &[("code", &digits), there[0]]).await;
        assert_eq!(led_to(&done), "/templates?state=DRAFT");
        is_over(&done);
        assert_eq!(with_session(&site, &done).visit("/templates").await.status, 200);
        // The challenge is spent, and the door says so.
        let again = browser.submit("/two-factor", &[("code", &codes[0])]).await;
        assert_eq!(led_to(&again), "/sign-in");
        is_over(&again);
        let told = browser.with("Cookie: said=sign-in-expired").visit("/sign-in").await;
        assert!(told.body.contains("That took too long. Please sign in once more."), "{told}");
        let asked = enter(&site, &member.user.email, PASSWORD, &[]).await;
        let done = waiting(&site, &asked).submit("/two-factor", &[("code", &codes[0]), ("returnTo", "https://evil.test/")]).await;
        assert_eq!(led_to(&done), "/");
    }

    async fn whoever_must_enrol_sets_an_app_up_and_is_shown_the_recovery_codes_once(site) {
        let member = site.as_role(Role::Author).await;
        demand(&site, "1h").await;
        site.wait(SECOND * 3600);
        let asked = enter(&site, &member.user.email, PASSWORD, &[]).await;
        let browser = waiting(&site, &asked);
        let page = browser.visit(&led_to(&asked)).await;
        is_ours(&page);
        assert!(page.body.contains("Your organisation asks for a second factor."), "{page}");
        let offered = browser.submit("/two-factor/app", &[("returnTo", "/jobs")]).await;
        is_ours(&offered);
        assert!(offered.body.contains("<svg") && !offered.body.contains("data:image"), "{offered}");
        let secret = after(&offered.body, "data-copy=\"");
        let wrong = browser.submit("/two-factor/confirm", &[("code", "000000"), ("returnTo", "/jobs")]).await;
        assert_eq!(wrong.status, 401, "{wrong}");
        assert!(!wrong.body.contains(secret) && wrong.body.contains("still counts"), "{wrong}");
        let digits = totp::code(secret, site.clock.now().seconds());
        let done = browser.submit("/two-factor/confirm", &[("code", &digits), ("returnTo", "/jobs")]).await;
        is_ours(&done);
        is_over(&done);
        assert!(done.body.contains("href=\"/jobs\""), "{done}");
        let code = done.body.split("<li><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert_eq!(done.body.matches("<li><code>").count(), 10);
        assert_eq!(with_session(&site, &done).visit("/jobs").await.status, 200);
        site.wait(STEP);
        let asked = enter(&site, &member.user.email, PASSWORD, &[]).await;
        assert_eq!(led_to(&waiting(&site, &asked).submit("/two-factor", &[("code", &code)]).await), "/");
    }

    async fn a_sign_in_that_waited_too_long_begins_again_at_the_door(site) {
        let member = site.as_role(Role::Author).await;
        let (secret, _) = enrol(&site, &member).await;
        let browser = waiting(&site, &enter(&site, &member.user.email, PASSWORD, &[]).await);
        site.wait(SECOND * 301);
        let page = browser.visit("/two-factor?returnTo=%2Fjobs").await;
        assert_eq!(led_to(&page), "/sign-in?returnTo=%2Fjobs");
        is_over(&page);
        let digits = code(&site, &secret);
        for (path, field) in [("/two-factor", digits.as_str()), ("/two-factor/app", ""), ("/two-factor/confirm", "123456")] {
            let reply = browser.submit(path, &[("code", field), ("returnTo", "/jobs")]).await;
            assert_eq!(led_to(&reply), "/sign-in?returnTo=%2Fjobs", "{path}");
            assert!(!set_cookies(&reply).iter().any(|line| line.starts_with("session=")), "{path}: {reply}");
        }
        assert_eq!(led_to(&site.anyone().visit("/two-factor").await), "/sign-in");
    }

    async fn another_application_is_led_to_by_a_page_that_says_so(site) {
        let member = site.as_role(Role::Author).await;
        let (secret, _) = enrol(&site, &member).await;
        let settings = json!({"settings": {"returnTo": ["https://app.acme.test"]}});
        assert_eq!(site.admin().await.patch("/api/admin/clients/acme", &settings).await.status, 200);
        let browser = waiting(&site, &enter(&site, &member.user.email, PASSWORD, &[]).await);
        let digits = code(&site, &secret);
        let done = browser.submit("/two-factor", &[("code", &digits), ("returnTo", "https://app.acme.test/x")]).await;
        assert!(done.status == 200 && done.body.contains("url=https://app.acme.test/x"), "{done}");
        is_over(&done);
    }
}

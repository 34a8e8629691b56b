//! One's own second factors, and another address, on the account's pages.

use purser_core::access::Role;
use purser_core::env::Clock as _;
use purser_standin::authenticator::Authenticator;
use purser_standin::totp;
use serde_json::{Value, json};

use super::pages::is_ours;
use super::sign_in::{at_the_door, enter, with_session};
use super::two_factor::waiting;
use super::{after, in_browser, led_to};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{Asker, PASSWORD, SECOND};
use crate::two_factor::{ORIGIN, STEP, demand, enrol};

const HERE: &str = "/account/two-factor";

/// What a page asks the browser with.
#[track_caller]
fn options(page: &Reply) -> Value {
    is_ours(page);
    let text = after(&page.body, "data-options=\"").replace("&#34;", "\"").replace("&#38;", "&");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

async fn add_passkey(browser: &Asker<'_>, authenticator: &mut Authenticator) -> Reply {
    let offered = browser.submit(&format!("{HERE}/passkeys"), &[]).await;
    let made = authenticator.make(&options(&offered)).to_string();
    browser.submit(&format!("{HERE}/passkeys/add"), &[("name", "Phone"), ("passkey", &made)]).await
}

on_both! {
    async fn somebody_sets_an_app_up_and_removes_it(site) {
        let member = site.as_role(Role::Viewer).await;
        let browser = in_browser(&member);
        assert!(browser.visit("/account").await.body.contains("An app or a passkey keeps others out"));
        let offered = browser.submit(&format!("{HERE}/app"), &[]).await;
        is_ours(&offered);
        let secret = after(&offered.body, "data-copy=\"").to_owned();
        let wrong = browser.submit(&format!("{HERE}/app/confirm"), &[("code", "000000")]).await;
        assert!(wrong.status == 401 && !wrong.body.contains(&secret), "{wrong}");
        let digits = totp::code(&secret, site.clock.now().seconds());
        let done = browser.submit(&format!("{HERE}/app/confirm"), &[("code", &digits)]).await;
        is_ours(&done);
        assert_eq!(done.body.matches("<li><code>").count(), 10, "{done}");
        let page = browser.visit(HERE).await;
        assert!(page.body.contains("10 left") && !page.body.contains(&secret), "{page}");
        let renewed = browser.submit(&format!("{HERE}/renew-codes"), &[]).await;
        assert_eq!(renewed.body.matches("<li><code>").count(), 10, "{renewed}");
        assert_eq!(browser.visit(&format!("{HERE}/remove-app")).await.status, 200);
        assert_eq!(led_to(&browser.submit(&format!("{HERE}/remove-app"), &[]).await), HERE);
        assert!(browser.visit(HERE).await.body.contains("Not set up"));
        assert_eq!(led_to(&enter(&site, &member.user.email, PASSWORD, &[]).await), "/");
    }

    async fn a_while_after_signing_in_the_password_is_asked_for_again(site) {
        let member = site.as_role(Role::Viewer).await;
        enrol(&site, &member).await;
        site.wait(SECOND * 601);
        let browser = in_browser(&member);
        let path = format!("{HERE}/remove-app");
        let asked = browser.submit(&path, &[]).await;
        assert!(asked.status == 400 && asked.body.contains(&format!("action=\"{path}\"")), "{asked}");
        let wrong = browser.submit(&path, &[("password", "not the password 1")]).await;
        assert!(wrong.status == 401 && wrong.body.contains("That is not right."), "{wrong}");
        assert!(browser.visit(HERE).await.body.contains(">Set up<"));
        assert_eq!(led_to(&browser.submit(&path, &[("password", PASSWORD)]).await), HERE);
        assert!(browser.visit(HERE).await.body.contains("Not set up"));
    }

    async fn the_last_second_factor_of_somebody_who_must_have_one_stays(site) {
        let member = site.as_role(Role::Viewer).await;
        enrol(&site, &member).await;
        demand(&site, "1h").await;
        let browser = in_browser(&member);
        assert_eq!(browser.submit(&format!("{HERE}/remove-app"), &[]).await.status, 409);
        assert!(browser.visit(HERE).await.body.contains(">Set up<"));
    }

    async fn a_passkey_is_added_named_used_and_removed(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let browser = in_browser(&member);
        let mut authenticator = Authenticator::at(ORIGIN);
        let added = add_passkey(&browser, &mut authenticator).await;
        assert_eq!(added.body.matches("<li><code>").count(), 10, "{added}");
        let page = browser.visit(HERE).await;
        let passkey = format!("{HERE}/passkeys/{}", after(&page.body, "href=\"/account/two-factor/passkeys/"));
        assert!(browser.visit(&passkey).await.body.contains("value=\"Phone\""));
        assert_eq!(led_to(&browser.submit(&passkey, &[("name", "Old phone")]).await), HERE);
        assert_eq!(browser.submit(&passkey, &[("name", "")]).await.status, 400);
        assert!(browser.visit(HERE).await.body.contains("Old phone"));
        // As the second factor.
        site.wait(STEP);
        let asked = waiting(&site, &enter(&site, &member.user.email, PASSWORD, &[]).await);
        let page = asked.visit("/two-factor").await;
        let shown = authenticator.show(&options(&page)).to_string();
        assert_eq!(led_to(&asked.submit("/two-factor", &[("passkey", &shown)]).await), "/");
        // With nothing else.
        let door = at_the_door(&site);
        let page = site.anyone().visit("/sign-in?client=acme").await;
        let shown = authenticator.show(&options(&page)).to_string();
        let fields = [("passkey", &*shown), ("client", "acme"), ("returnTo", "/jobs")];
        let entered = door.submit("/sign-in/passkey", &fields).await;
        assert_eq!(led_to(&entered), "/jobs");
        assert_eq!(with_session(&site, &entered).visit("/jobs").await.status, 200);
        assert_eq!(door.submit("/sign-in/passkey", &fields).await.status, 401, "what was shown before is taken again");
        for said in ["{}", "nonsense"] {
            assert_eq!(door.submit("/sign-in/passkey", &[("passkey", said)]).await.status, 401, "{said}");
        }
        // What the page asked with was too old: once more.
        let again = door.submit("/sign-in/passkey", &[("passkey", ""), ("client", "acme")]).await;
        assert!(again.status == 200 && options(&again).is_object(), "{again}");
        assert_eq!(led_to(&browser.submit(&format!("{passkey}/remove"), &[]).await), HERE);
        assert_eq!(browser.visit(&passkey).await.status, 404);
    }

    async fn a_passkey_under_no_name_is_kept_once_it_has_one(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let (browser, mut authenticator) = (in_browser(&member), Authenticator::at(ORIGIN));
        let offered = browser.submit(&format!("{HERE}/passkeys"), &[]).await;
        let made = authenticator.make(&options(&offered)).to_string();
        let add = format!("{HERE}/passkeys/add");
        let reply = browser.submit(&add, &[("name", " "), ("passkey", &made)]).await;
        assert!(reply.status == 400 && reply.body.contains("name-problem"), "{reply}");
        // What the browser has made is still there, and is sent again with a name.
        let kept = after(&reply.body, "name=\"passkey\" value=\"").replace("&#34;", "\"");
        assert_eq!(kept, made);
        assert_eq!(browser.submit(&add, &[("name", "Phone"), ("passkey", &kept)]).await.status, 200);
        assert!(browser.visit(HERE).await.body.contains("Phone"));
        assert_eq!(browser.submit(&add, &[("name", "Phone"), ("passkey", "{}")]).await.status, 400);
    }

    async fn nobody_touches_anothers_passkey(site) {
        let site = site.with_mail().await;
        let (member, other) = (site.as_role(Role::Viewer).await, site.as_role(Role::Admin).await);
        add_passkey(&in_browser(&member), &mut Authenticator::at(ORIGIN)).await;
        let page = in_browser(&member).visit(HERE).await;
        let passkey = format!("{HERE}/passkeys/{}", after(&page.body, "href=\"/account/two-factor/passkeys/"));
        assert_eq!(in_browser(&other).visit(&passkey).await.status, 404);
        assert_eq!(in_browser(&other).submit(&passkey, &[("name", "Mine")]).await.status, 404);
        assert_eq!(in_browser(&other).submit(&format!("{passkey}/remove"), &[]).await.status, 404);
        assert!(in_browser(&member).visit(HERE).await.body.contains("Phone"));
    }

    async fn another_address_is_asked_for_with_the_password(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let browser = in_browser(&member);
        assert!(browser.visit("/account").await.body.contains("/account/email"));
        let fields = |password| [("email", "other@acme.test"), ("password", password)];
        let wrong = browser.submit("/account/email", &fields("not the password 1")).await;
        assert!(wrong.status == 401 && wrong.body.contains("value=\"other@acme.test\""), "{wrong}");
        assert_eq!(led_to(&browser.submit("/account/email", &fields(PASSWORD)).await), "/account");
        let token = site.letter_to("other@acme.test").await.token();
        assert_eq!(at_the_door(&site).submit("/confirm-email", &[("token", &token)]).await.status, 200);
        assert_eq!(member.me().await.json()["data"]["user"]["email"], json!("other@acme.test"));
    }

    async fn an_admin_requires_a_second_factor_and_takes_a_lost_one_away(site) {
        let (admin, member) = (site.as_role(Role::Admin).await, site.as_role(Role::Viewer).await);
        enrol(&site, &member).await;
        let (browser, person) = (in_browser(&admin), format!("/people/{}", member.user.id));
        for (act, then) in [("require-two-factor", "This account must have one"), ("waive-two-factor", "settings ask of everybody")] {
            assert_eq!(browser.visit(&format!("{person}/{act}")).await.status, 200, "{act}");
            assert_eq!(led_to(&browser.submit(&format!("{person}/{act}"), &[]).await), person);
            assert!(browser.visit(&person).await.body.contains(then), "{act}");
        }
        assert_eq!(led_to(&browser.submit(&format!("{person}/reset-two-factor"), &[]).await), person);
        assert_eq!(led_to(&enter(&site, &member.user.email, PASSWORD, &[]).await), "/");
        let own = format!("/people/{}/reset-two-factor", admin.user.id);
        assert_eq!(browser.submit(&own, &[]).await.status, 403);
    }
}

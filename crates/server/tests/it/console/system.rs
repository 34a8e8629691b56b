//! The admin realm's pages over HTTP.

use super::{led_to, set_cookies, settings_form};
use purser_core::access::Role;

use crate::on_both;
use crate::site::{Asker, PASSWORD, Site, System};

fn at_the_door(site: &Site) -> Asker<'_> {
    site.anyone().with("Origin: http://localhost")
}

fn in_browser<'s>(admin: &System<'s>) -> Asker<'s> {
    admin.by_cookie_alone().with("Origin: http://localhost")
}

on_both! {
    async fn an_administrator_signs_in_keeps_house_and_signs_out(site) {
        site.new_admin("root").await;
        let wrong = [("username", "root"), ("password", "not the password 1")];
        let wrong = at_the_door(&site).submit("/admin/sign-in", &wrong).await;
        assert!(wrong.status == 401 && wrong.body.contains("That is not right."), "{wrong}");
        let fields = [("username", "root"), ("password", PASSWORD), ("returnTo", "/admin/keys")];
        let reply = at_the_door(&site).submit("/admin/sign-in", &fields).await;
        assert_eq!(led_to(&reply), "/admin/keys");
        let cookie = set_cookies(&reply)[0].split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("admin_session="), "{cookie}");
        let browser = at_the_door(&site).with(&format!("Cookie: {cookie}"));
        let fields = [("id", "globex"), ("name", "Globex")];
        assert_eq!(led_to(&browser.submit("/admin/tenants/new", &fields).await), "/admin/tenants/globex");
        assert_eq!(browser.submit("/admin/tenants/new", &fields).await.status, 409);
        let renamed = browser.submit("/admin/tenants/globex", &[("name", "Globex Ltd")]).await;
        assert_eq!(led_to(&renamed), "/admin/tenants/globex");
        assert!(browser.visit("/admin?search=ltd").await.body.contains("Globex Ltd"));
        assert_eq!(led_to(&browser.submit("/admin/keys/rotate", &[]).await), "/admin/keys");
        let page = browser.submit("/admin/license", &[("key", "no key")]).await;
        assert!(page.status == 400 && page.body.contains("This key is not accepted"), "{page}");
        // Deleting wants the name typed in.
        let page = browser.submit("/admin/tenants/globex/delete", &[("confirm", "acme")]).await;
        assert!(page.status == 400 && page.body.contains("is not its short name"), "{page}");
        let deleted = browser.submit("/admin/tenants/globex/delete", &[("confirm", "globex")]).await;
        assert_eq!(led_to(&deleted), "/admin");
        for path in ["/admin/admins", "/admin/license", "/admin/audit?tenant=admin", "/admin/health"] {
            assert_eq!(browser.visit(path).await.status, 200, "{path}");
        }
        assert_eq!(led_to(&browser.submit("/admin/sign-out", &[]).await), "/admin/sign-in");
        assert_eq!(led_to(&browser.visit("/admin").await), "/admin/sign-in?returnTo=%2Fadmin");
    }

    async fn the_last_administrator_remains(site) {
        let admin = site.admin().await;
        let browser = in_browser(&admin);
        for act in ["disable", "delete"] {
            let reply = browser.submit(&format!("/admin/admins/{}/{act}", admin.id), &[]).await;
            assert!(reply.status == 409 && reply.body.contains("It could not be done"), "{reply}");
        }
    }

    async fn a_tenant_is_looked_after_from_its_own_pages(site) {
        let admin = site.admin().await;
        let browser = in_browser(&admin);
        site.tenant("globex").await;
        let page = browser.visit("/admin/tenants/globex").await;
        assert!(page.body.contains("Add its first Admin"), "{page}");
        // Its first Admin.
        let people = "/admin/tenants/globex/people";
        let hank = [("firstName", "Hank"), ("lastName", "Scorpio"), ("email", "hank@globex.test"), ("password", PASSWORD), ("role.ADMIN", "on")];
        let one = led_to(&browser.submit(&format!("{people}/new"), &hank).await);
        assert!(one.starts_with(people), "{one}");
        let again = browser.submit(&format!("{people}/new"), &hank).await;
        assert!(again.status == 409 && again.body.contains("value=\"Hank\"") && !again.body.contains(PASSWORD), "{again}");
        let found = browser.visit(&format!("{people}?search=scorp&role=ADMIN")).await;
        assert!(found.body.contains("hank@globex.test"), "{found}");
        assert!(browser.visit(&format!("{people}?search=nobody")).await.body.contains("Nobody is like that."));
        let signed_in = site.anyone().with("X-Client-ID: globex").sign_in("hank@globex.test", PASSWORD).await;
        assert_eq!(signed_in.status, 200, "{signed_in}");
        // Another beside him, so that he is not the last.
        let boss = site.user("globex", &[Role::Admin]).await;
        for (act, leads) in [("disable", &*one), ("enable", &one), ("end-sessions", &one), ("delete", people)] {
            assert_eq!(browser.visit(&format!("{one}/{act}")).await.status, 200, "{act}");
            assert_eq!(led_to(&browser.submit(&format!("{one}/{act}"), &[]).await), leads, "{act}");
        }
        let last = browser.submit(&format!("{people}/{}/disable", boss.id), &[]).await;
        assert!(last.status == 409 && last.body.contains("It could not be done"), "{last}");
        // A person of another tenant is not there.
        let stranger = site.user("acme", &[Role::Viewer]).await;
        for path in [format!("{people}/{}", stranger.id), format!("{people}/{}/delete", stranger.id)] {
            assert_eq!(browser.visit(&path).await.status, 404, "{path}");
        }
        assert_eq!(browser.submit(&format!("{people}/{}/delete", stranger.id), &[]).await.status, 404);
        assert_eq!(browser.visit("/admin/tenants/nobody/people").await.status, 404);
    }

    async fn a_tenants_ways_to_sign_in_and_settings_are_the_ones_it_sees_itself(site) {
        let admin = site.admin().await;
        let browser = in_browser(&admin);
        let own = site.as_role(Role::Admin).await;
        let root = "/admin/tenants/acme";
        let fields = [("oidc.issuer", "http://127.0.0.1:9"), ("oidc.clientId", "purser"), ("name", "okta"), ("label", "Okta")];
        let made = browser.submit(&format!("{root}/new-provider/oidc"), &fields).await;
        assert_eq!(led_to(&made), format!("{root}/providers/okta"));
        let tested = browser.submit(&format!("{root}/providers/okta/test"), &[]).await;
        assert!(tested.status == 200 && tested.body.contains("The test, step by step"), "{tested}");
        assert_eq!(own.by_cookie().visit("/providers/okta").await.status, 200);
        for act in ["disable", "enable", "end-sessions"] {
            let reply = browser.submit(&format!("{root}/providers/okta/{act}"), &[]).await;
            assert_eq!(led_to(&reply), format!("{root}/providers/okta"), "{act}");
        }
        assert_eq!(led_to(&browser.submit(&format!("{root}/providers/okta/delete"), &[]).await), format!("{root}/providers"));
        assert_eq!(own.by_cookie().visit("/providers/okta").await.status, 404);
        // What metadata would have told is asked for where metadata goes, not by names that the form does not show.
        let empty = browser.submit(&format!("{root}/new-provider/saml"), &[("name", "adfs")]).await;
        assert!(empty.status == 400 && empty.body.contains("give its address, or the metadata itself"), "{empty}");
        assert!(!empty.body.contains("saml.entityId:") && !empty.body.contains("saml.ssoUrl:"), "{empty}");
        // A domain, by its word.
        assert_eq!(led_to(&browser.submit(&format!("{root}/domains"), &[("domain", "acme.test")]).await), format!("{root}/domains"));
        assert_eq!(browser.visit(&format!("{root}/domains/acme.test/confirm")).await.status, 200);
        assert_eq!(led_to(&browser.submit(&format!("{root}/domains/acme.test/confirm"), &[]).await), format!("{root}/domains"));
        assert!(own.by_cookie().visit("/domains").await.body.contains("Confirmed by the deployment"));
        // Settings, with what is wrong said in the form.
        assert_eq!(led_to(&browser.submit(&format!("{root}/settings"), &settings_form(&[("cookieIdle", "2h")])).await), format!("{root}/settings"));
        assert!(own.by_cookie().visit("/settings").await.body.contains("value=\"2h\""));
        let wrong = browser.submit(&format!("{root}/settings"), &settings_form(&[("cookieIdle", "soon")])).await;
        assert!(wrong.status == 400 && wrong.body.contains("cookieIdle-problem"), "{wrong}");
        // The tenant's own Admin finds none of it there.
        for path in [format!("{root}/settings"), format!("{root}/providers")] {
            assert_eq!(own.by_cookie().get(&path).await.refusal(), (401, "INVALID_TOKEN".into()), "{path}");
        }
    }

    async fn everybody_is_signed_out_only_when_the_word_is_typed_in(site) {
        let admin = site.admin().await;
        let browser = in_browser(&admin);
        let (member, other) = (site.as_role(Role::Viewer).await, site.as_role(Role::Viewer).await);
        let ended = browser.submit("/admin/sessions", &[("session", &member.session().await)]).await;
        assert_eq!(led_to(&ended), "/admin/sessions");
        assert_eq!((member.me().await.status, other.me().await.status), (401, 200));
        for unknown in ["x", "01890000-0000-7000-8000-000000000000"] {
            let reply = browser.submit("/admin/sessions", &[("session", unknown)]).await;
            assert!(reply.status == 400 && reply.body.contains("there is no such session"), "{unknown}: {reply}");
        }
        let unsure = browser.submit("/admin/sessions/end-all", &[("confirm", "nobody")]).await;
        assert!(unsure.status == 400 && unsure.body.contains("is not the word"), "{unsure}");
        assert_eq!(other.me().await.status, 200);
        assert_eq!(led_to(&browser.submit("/admin/sessions/end-all", &[("confirm", "everybody")]).await), "/admin/sessions");
        assert_eq!(other.me().await.status, 401);
        assert_eq!(browser.visit("/admin").await.status, 200);
    }

    async fn the_page_about_health_says_what_is_wrong_and_what_to_do(site) {
        let admin = site.admin().await;
        let browser = in_browser(&admin);
        site.as_role(Role::Viewer).await;
        let page = browser.visit("/admin/health").await;
        crate::console::pages::is_ours(&page);
        for told in ["All is well", "None was called since the start.", "Running for", "Size on disk", "1 of late", "half within"] {
            assert!(page.body.contains(told), "{told}: {page}");
        }
        assert_eq!(page.header("refresh"), None);
        assert_eq!(browser.visit("/admin/health?keep=on").await.header("refresh"), Some("15"));
        // A provider that nobody hears.
        let provider = site.provider("acme").await;
        browser.submit(&format!("/admin/tenants/acme/providers/{provider}/test"), &[]).await;
        let page = browser.visit("/admin/health").await;
        for told in ["Look at this", "An identity provider does not answer.", "failed ", &provider] {
            assert!(page.body.contains(told), "{told}: {page}");
        }
    }
}

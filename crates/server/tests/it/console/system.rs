//! The admin realm's pages over HTTP.

use super::{led_to, set_cookies};
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
        assert_eq!(led_to(&browser.submit("/admin/keys", &[]).await), "/admin/keys");
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
}

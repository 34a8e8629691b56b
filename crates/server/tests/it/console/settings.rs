//! What an organisation settles for itself, and what it reads out.

use purser_core::access::Role;
use serde_json::json;

use super::{after, in_browser, led_to, settings_form};
use crate::on_both;

on_both! {
    async fn an_admin_settles_what_holds_for_the_organisation(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let fields = settings_form(&[
            ("cookieIdle", "2h"), ("passwordMinLength", "14"), ("forbiddenWords", "acme\r\nrocket"), ("twoFactor", "on"),
            ("twoFactorGrace", "3d"), ("separationOfDuties", "on"), ("returnTo", "https://app.acme.test"),
        ]);
        assert_eq!(led_to(&browser.submit("/settings", &fields).await), "/settings");
        let keeper = site.admin().await;
        let stands = || async { keeper.get("/api/admin/clients/acme").await.json()["data"]["settings"].clone() };
        let now = stands().await;
        assert_eq!((&now["cookieIdle"], &now["passwordMinLength"]), (&json!("2h"), &json!(14)));
        assert_eq!((&now["forbiddenWords"], &now["twoFactor"]), (&json!(["acme", "rocket"]), &json!("REQUIRED")));
        let page = browser.visit("/settings").await;
        assert!(page.body.contains("value=\"2h\"") && page.body.contains("acme\nrocket</textarea>"), "{page}");
        // What is wrong is marked, and nothing of it is kept.
        for (name, value) in [("cookieIdle", "soon"), ("passwordMinLength", "many"), ("returnTo", "javascript:x"), ("ssoOnly", "on")] {
            let reply = browser.submit("/settings", &settings_form(&[(name, value)])).await;
            assert!(reply.status == 400 && reply.body.contains(&format!("{name}-problem")), "{name}: {reply}");
        }
        // Half a form is not taken for one that was emptied.
        let half: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != "passwordMinLength").collect();
        let reply = browser.submit("/settings", &half).await;
        assert!(reply.status == 400 && reply.body.contains("load the page again"), "{reply}");
        assert_eq!(stands().await, now);
        // As the form stands, so it is taken: nothing changes by saving it once more.
        assert_eq!(led_to(&browser.submit("/settings", &fields).await), "/settings");
        assert_eq!(stands().await, now);
    }

    async fn the_log_is_read_out_as_it_is_looked_at(site) {
        let admin = site.as_role(Role::Admin).await;
        let page = in_browser(&admin).visit("/audit?action=session.sign-in&since=2027-01-15&until=2027-01-15").await;
        let link = format!("/api/client/audit/export{}", after(&page.body, "href=\"/api/client/audit/export").replace("&#38;", "&"));
        let lines = in_browser(&admin).get(&link).await;
        assert_eq!(lines.status, 200, "{lines}");
        assert!(lines.body.contains("session.sign-in") && !lines.body.contains("user.created"), "{lines}");
    }
}

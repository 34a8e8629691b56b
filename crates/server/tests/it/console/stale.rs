//! Forms that somebody filled in while somebody else was faster: they undo nothing.

use purser_core::access::Role;
use serde_json::json;

use super::{after, in_browser, led_to, settings_form};
use crate::http::probe::Reply;
use crate::on_both;

/// How things stood when a page was shown, as the form behind a mark has it.
fn stood_in(page: &Reply, mark: &str) -> String {
    let (_, form) = page.body.split_once(mark).unwrap();
    after(form, "name=\"stood\" value=\"").to_owned()
}

fn stood(page: &Reply) -> String {
    stood_in(page, "action=\"/settings\"")
}

on_both! {
    async fn a_form_of_settings_from_before_somebody_elses_undoes_nothing(site) {
        let (slow, quick) = (site.as_role(Role::Admin).await, site.as_role(Role::Admin).await);
        let (slow, quick) = (in_browser(&slow), in_browser(&quick));
        let (old, new) = (slow.visit("/settings").await, quick.visit("/settings").await);
        let (old, new) = (stood(&old), stood(&new));
        let stricter = settings_form(&[("stood", &new), ("separationOfDuties", "on"), ("twoFactor", "on")]);
        assert_eq!(led_to(&quick.submit("/settings", &stricter).await), "/settings");
        let late = slow.submit("/settings", &settings_form(&[("stood", &old), ("cookieIdle", "2h")])).await;
        assert!(late.status == 409 && late.body.contains("Somebody was faster"), "{late}");
        assert_eq!(stood(&late), old);
        let keeper = site.admin().await;
        let now = keeper.get("/api/admin/clients/acme").await.json()["data"]["settings"].clone();
        assert_eq!((&now["separationOfDuties"], &now["twoFactor"]), (&json!(true), &json!("REQUIRED")));
        // Pressed twice it is taken once, and both are told so.
        assert_eq!(led_to(&quick.submit("/settings", &stricter).await), "/settings");
        let seen = stood(&slow.visit("/settings").await);
        let again = settings_form(&[("stood", &seen), ("cookieIdle", "2h"), ("separationOfDuties", "on"), ("twoFactor", "on")]);
        assert_eq!(led_to(&slow.submit("/settings", &again).await), "/settings");
    }

    async fn a_way_to_sign_in_that_somebody_else_has_changed_is_not_put_back(site) {
        let name = site.provider("acme").await;
        let (slow, quick) = (site.as_role(Role::Admin).await, site.as_role(Role::Admin).await);
        let (slow, quick) = (in_browser(&slow), in_browser(&quick));
        let (place, edit) = (format!("/providers/{name}"), format!("/providers/{name}/edit"));
        let old = stood_in(&slow.visit(&edit).await, &edit);
        let common = [("stood", old.as_str()), ("oidc.issuer", "http://127.0.0.1:9"), ("oidc.clientId", &name), ("groupRoles", "")];
        let sent = |more: &[(&'static str, &'static str)]| [&common, more].concat();
        let trusting = sent(&[("label", "Slow"), ("createUsers", "on"), ("trustedDomains", "corp.test")]);
        let careful = sent(&[("label", "Quick"), ("trustedDomains", "")]);
        assert_eq!(led_to(&quick.submit(&edit, &careful).await), place);
        let late = slow.submit(&edit, &trusting).await;
        assert!(late.status == 409 && stood_in(&late, &edit) == old, "{late}");
        let now = slow.visit(&edit).await;
        assert!(now.body.contains("value=\"Quick\"") && !now.body.contains("corp.test"), "{now}");
    }

    async fn roles_and_names_that_somebody_else_has_changed_are_not_put_back(site) {
        let (slow, quick) = (site.as_role(Role::Admin).await, site.as_role(Role::Admin).await);
        let them = site.as_role(Role::Approver).await;
        let (slow, quick) = (in_browser(&slow), in_browser(&quick));
        let place = format!("/people/{}", them.user.id);
        let (roles, names) = (format!("{place}/roles"), format!("action=\"{place}\""));
        let before = slow.visit(&place).await;
        let (old_roles, old_names) = (stood_in(&before, &roles), stood_in(&before, &names));
        assert_eq!(led_to(&quick.submit(&roles, &[("stood", &old_roles), ("role.VIEWER", "on")]).await), place);
        let named = [("stood", old_names.as_str()), ("firstName", "Other"), ("lastName", "Name"), ("email", &them.user.email), ("title", "")];
        assert_eq!(led_to(&quick.submit(&place, &named).await), place);
        let late = slow.submit(&roles, &[("stood", &old_roles), ("role.APPROVER", "on"), ("role.AUTHOR", "on")]).await;
        assert_eq!(late.status, 409, "{late}");
        let mine = [("stood", old_names.as_str()), ("firstName", "Mine"), ("lastName", "Name"), ("email", &them.user.email), ("title", "")];
        let late = slow.submit(&place, &mine).await;
        assert!(late.status == 409 && stood_in(&late, &names) == old_names, "{late}");
        let now = slow.visit(&place).await;
        assert!(now.body.contains("Other Name") && !now.body.contains("name=\"role.APPROVER\" checked"), "{now}");
        // What stands already may be sent again.
        assert_eq!(led_to(&quick.submit(&roles, &[("stood", &old_roles), ("role.VIEWER", "on")]).await), place);
        assert_eq!(led_to(&quick.submit(&place, &named).await), place);
        let seen = stood_in(&now, &roles);
        assert_eq!(led_to(&slow.submit(&roles, &[("stood", &seen), ("role.AUTHOR", "on")]).await), place);
    }
}

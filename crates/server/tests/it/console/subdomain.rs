//! A tenant's sub-domain names the tenant, and leads to its pages at the main address.

use purser_core::access::Role;

use super::led_to;
use crate::on_both;

/// The main address.
const MAIN: &str = "Host: id.example.test";
/// A tenant's own.
const ACME: &str = "Host: acme.id.example.test";

on_both! {
    async fn a_sub_domain_leads_to_the_tenants_own_door_where_its_buttons_are(site) {
        let provider = site.provider("acme").await;
        site.tenant("globex").await;
        let site = site.with(|settings| settings.server.public_url = Some("https://id.example.test".into())).await;
        let door = led_to(&site.anyone().with(ACME).visit("/").await);
        assert_eq!(door, "https://id.example.test/sign-in?client=acme");
        let page = site.anyone().with(MAIN).visit("/sign-in?client=acme").await;
        assert!(page.body.contains(&format!("provider={provider}")) && page.body.contains("client=acme"), "{page}");
        // The button stays at the main address: it is there that the session is wanted.
        assert!(!page.body.contains("acme.id.example.test"), "{page}");
        let elsewhere = led_to(&site.anyone().with(ACME).visit("/people?search=a").await);
        assert_eq!(elsewhere, "https://id.example.test/people?search=a");
    }

    async fn whoever_is_signed_in_at_the_main_address_comes_through_from_a_sub_domain(site) {
        let site = site.with(|settings| settings.server.public_url = Some("https://id.example.test".into())).await;
        let admin = site.as_role(Role::Admin).await;
        let place = led_to(&site.anyone().with(ACME).visit("/audit").await);
        let path = place.strip_prefix("https://id.example.test").unwrap();
        assert_eq!(admin.by_cookie_alone().with(MAIN).visit(path).await.status, 200);
    }
}

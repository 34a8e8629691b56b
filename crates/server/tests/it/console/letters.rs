//! The pages that letters lead to, and inviting people.

use purser_core::access::Role;
use serde_json::json;

use super::sign_in::{at_the_door, enter, with_session};
use super::{after, in_browser, led_to};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{PASSWORD, SECOND};

const NEXT: &str = "an entirely new password 7";

/// Nobody is told the address of a page that holds what opens an account.
#[track_caller]
fn is_unnamed(page: &Reply, token: &str) {
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("strict-origin")), "{page}");
    assert_eq!(page.body.matches(token).count(), 1, "{page}");
    assert!(page.body.contains(&format!("<input type=\"hidden\" name=\"token\" value=\"{token}\">")), "{page}");
}

on_both! {
    async fn whoever_forgot_their_password_chooses_another_by_a_letter(site) {
        let site = site.with_mail().await;
        let user = site.user("acme", &[Role::Viewer]).await;
        assert!(site.anyone().visit("/sign-in").await.body.contains("href=\"/forgot?client=acme\""));
        assert!(site.anyone().visit("/forgot?client=acme").await.body.contains("name=\"client\" value=\"acme\""));
        let door = at_the_door(&site);
        let known = door.submit("/forgot", &[("email", &*user.email), ("client", "acme")]).await;
        let unknown = door.submit("/forgot", &[("email", "nobody@acme.test"), ("client", "acme")]).await;
        assert_eq!((known.status, &known.body), (200, &unknown.body));
        let token = site.letter_to(&user.email).await.token();
        is_unnamed(&site.anyone().visit(&format!("/reset?token={token}")).await, &token);
        let short = door.submit("/reset", &[("token", &*token), ("password", "short")]).await;
        assert!(short.status == 400 && short.body.contains("password-problem"), "{short}");
        let reply = door.submit("/reset", &[("token", &*token), ("password", NEXT)]).await;
        assert_eq!(led_to(&reply), "/sign-in?client=acme");
        assert_eq!(led_to(&enter(&site, &user.email, NEXT, &[]).await), "/");
        let again = door.submit("/reset", &[("token", &*token), ("password", PASSWORD)]).await;
        assert_eq!(again.status, 401, "{again}");
        // The page itself says so too, before anybody types anything.
        let looked = site.anyone().visit(&format!("/reset?token={token}")).await;
        assert!(looked.status == 401 && looked.body.contains("This link is no longer good"), "{looked}");
        assert!(again.body.contains("This link is no longer good") && !again.body.contains(&token), "{again}");
        assert_eq!(enter(&site, &user.email, PASSWORD, &[]).await.status, 401);
    }

    async fn without_mail_nobody_is_offered_a_letter(site) {
        let site = site.with(|settings| settings.mail.outbox = None).await;
        let user = site.user("acme", &[Role::Viewer]).await;
        assert!(!site.anyone().visit("/sign-in").await.body.contains("/forgot"));
        let reply = at_the_door(&site).submit("/forgot", &[("email", &*user.email)]).await;
        assert!(reply.status == 503 && reply.body.contains("This server sends no mail"), "{reply}");
        let admin = site.as_role(Role::Admin).await;
        assert!(!in_browser(&admin).visit("/people/new").await.body.contains("name=\"invite\""));
    }

    async fn somebody_is_invited_and_comes_aboard(site) {
        let site = site.with_mail().await;
        let admin = site.as_role(Role::Admin).await;
        let fields = [("firstName", "Zoe"), ("lastName", "Zed"), ("email", "zoe@acme.test"), ("role.VIEWER", "on"), ("invite", "on")];
        let wrong = in_browser(&admin).submit("/people/new", &[&fields[..], &[("password", NEXT)]].concat()).await;
        assert!(wrong.status == 400 && wrong.body.contains("password-problem"), "{wrong}");
        let zoe = led_to(&in_browser(&admin).submit("/people/new", &fields).await);
        let first = site.letter_to("zoe@acme.test").await.token();
        assert_eq!(led_to(&in_browser(&admin).submit(&format!("{zoe}/resend-invitation"), &[]).await), zoe);
        let token = site.letter_to("zoe@acme.test").await.token();
        let dead = site.anyone().visit(&format!("/invitation?token={first}")).await;
        assert!(dead.status == 401 && dead.body.contains("This link is no longer good"), "{dead}");
        let page = site.anyone().visit(&format!("/invitation?token={token}")).await;
        is_unnamed(&page, &token);
        assert!(page.body.contains("value=\"Zoe\"") && page.body.contains("zoe@acme.test"), "{page}");
        let door = at_the_door(&site);
        let names = [("token", &*token), ("firstName", "Zora"), ("lastName", "Zed")];
        let short = door.submit("/invitation", &[&names[..], &[("password", "short")]].concat()).await;
        assert!(short.status == 400 && short.body.contains("value=\"Zora\""), "{short}");
        let aboard = door.submit("/invitation", &[&names[..], &[("password", NEXT)]].concat()).await;
        assert_eq!(led_to(&aboard), "/");
        assert!(with_session(&site, &aboard).visit("/").await.body.contains("Hello Zora"));
        let again = door.submit("/invitation", &[&names[..], &[("password", NEXT)]].concat()).await;
        assert_eq!(again.status, 401, "{again}");
    }

    async fn an_invitation_is_taken_back(site) {
        let site = site.with_mail().await;
        let admin = site.as_role(Role::Admin).await;
        let token = site.invitation_link("zoe@acme.test").await;
        let page = in_browser(&admin).visit("/people?search=zoe").await.body;
        let zoe = format!("/people/{}", after(&page, "<td class=\"lead\"><a href=\"/people/"));
        assert!(in_browser(&admin).visit(&zoe).await.body.contains("Take it back"));
        assert_eq!(led_to(&in_browser(&admin).submit(&format!("{zoe}/revoke-invitation"), &[]).await), "/people");
        assert_eq!(site.anyone().visit(&format!("/invitation?token={token}")).await.status, 401);
        assert_eq!(in_browser(&admin).visit(&zoe).await.status, 404);
    }

    async fn where_no_passwords_are_an_invitation_leads_to_the_organisations_sign_in(site) {
        let site = site.with_mail().await;
        let token = site.invitation_link("zoe@acme.test").await;
        let provider = site.provider("acme").await;
        let settings = json!({"settings": {"ssoOnly": true}});
        assert_eq!(site.admin().await.patch("/api/admin/clients/acme", &settings).await.status, 200);
        let page = site.anyone().visit(&format!("/invitation?token={token}")).await;
        assert!(page.body.contains(&provider) && !page.body.contains("type=\"password\""), "{page}");
        let fields = [("token", &*token), ("firstName", "A"), ("lastName", "B"), ("password", NEXT)];
        assert_eq!(at_the_door(&site).submit("/invitation", &fields).await.status, 403);
    }

    async fn a_new_address_is_confirmed_by_a_button(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let token = site.address_link(&member, "other@acme.test").await;
        let path = format!("/confirm-email?token={token}");
        is_unnamed(&site.anyone().visit(&path).await, &token);
        // Having looked at it changes nothing.
        assert_eq!(member.me().await.json()["data"]["user"]["email"], member.user.email);
        let door = at_the_door(&site);
        let reply = door.submit("/confirm-email", &[("token", &*token)]).await;
        assert!(reply.status == 200 && reply.body.contains("Your address is changed"), "{reply}");
        assert_eq!(led_to(&enter(&site, "other@acme.test", PASSWORD, &[]).await), "/");
        site.wait(SECOND);
        assert_eq!(door.submit("/confirm-email", &[("token", &*token)]).await.status, 401);
    }
}

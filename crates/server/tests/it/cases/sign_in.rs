//! `POST /api/client/auth/sign-in`.

use std::time::Duration;

use purser_core::access::Role;
use serde_json::{Value, json};

use super::{is, retry_after};
use crate::on_both;
use crate::site::{PASSWORD, Site};

const TARGET: &str = "/api/client/auth/sign-in";

/// A refusal before any password is looked at, which leaves everything as it was.
async fn is_refused_unhashed(site: &Site, email: &str, password: &str) -> (u16, String) {
    let (before, hashes) = (site.holdings().await, site.app.figures().hashes_done);
    let reply = site.anyone().sign_in(email, password).await;
    assert_eq!(reply.header("set-cookie"), None);
    assert_eq!(site.holdings().await, before);
    assert_eq!(site.app.figures().hashes_done, hashes, "{email:?}");
    reply.refusal()
}

on_both! {
    async fn whatever_is_wrong_the_answer_is_letter_for_letter_the_same(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let disabled = site.user("acme", &[Role::Viewer]).await;
        let admin = site.admin().await;
        let target = format!("/api/admin/clients/acme/users/{}", disabled.id);
        assert_eq!(admin.patch(&target, &json!({"status": "DISABLED"})).await.status, 200);
        // Comes by single sign-on only: there is no password.
        site.user_named("acme", "sso@acme.test", &[Role::Viewer], None).await;
        let hashes = site.app.figures().hashes_done;
        let mut answers = Vec::new();
        for (email, password) in [
            (&*user.email, "wrong password 1"),
            ("nobody@acme.test", PASSWORD),
            (&disabled.email, PASSWORD),
            ("sso@acme.test", PASSWORD),
        ] {
            let reply = site.anyone().sign_in(email, password).await;
            assert_eq!(reply.refusal(), is(401, "INVALID_CREDENTIALS"), "{email}");
            answers.push(reply.body);
        }
        let unknown_tenant = site.anyone().with("X-Client-ID: nowhere").sign_in(&user.email, PASSWORD).await;
        assert_eq!(unknown_tenant.refusal(), is(401, "INVALID_CREDENTIALS"));
        answers.push(unknown_tenant.body);
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:#?}");
        // Each cost the same work.
        assert_eq!(site.app.figures().hashes_done, hashes + 5);
    }

    async fn an_address_in_two_tenants_is_settled_by_the_password(site) {
        for (tenant, password) in [("acme", "the password at acme 1"), ("globex", "the password at globex 2")] {
            site.user_named(tenant, "both@mail.test", &[Role::Viewer], Some(password)).await;
        }
        let signed_in = site.anyone().sign_in("both@mail.test", "the password at globex 2").await;
        assert_eq!(signed_in.json()["data"]["user"]["clientId"], "globex");
        assert_eq!(site.anyone().sign_in("both@mail.test", "neither of them 3").await.refusal(), is(401, "INVALID_CREDENTIALS"));
    }

    async fn a_password_that_opens_two_accounts_opens_none_until_the_tenant_is_named(site) {
        for tenant in ["acme", "globex"] {
            site.user_named(tenant, "both@mail.test", &[Role::Viewer], Some(PASSWORD)).await;
        }
        assert_eq!(site.anyone().sign_in("both@mail.test", PASSWORD).await.refusal(), is(400, "CLIENT_REQUIRED"));
        assert_eq!(site.anyone().sign_in("both@mail.test", "wrong password 1").await.refusal(), is(401, "INVALID_CREDENTIALS"));
        let named = site.anyone().with("X-Client-ID: acme").sign_in("both@mail.test", PASSWORD).await;
        assert_eq!(named.json()["data"]["user"]["clientId"], "acme");
        let body = json!({"email": "both@mail.test", "password": PASSWORD});
        let in_query = site.anyone().post("/api/client/auth/sign-in?client=globex", &body).await;
        assert_eq!(in_query.json()["data"]["user"]["clientId"], "globex");
        let both = site.anyone().with("X-Client-ID: acme").post("/api/client/auth/sign-in?client=globex", &body).await;
        assert_eq!(both.refusal(), is(400, "VALIDATION_ERROR"));
    }

    async fn an_address_in_more_than_three_tenants_must_name_one(site) {
        for tenant in ["a", "b", "c", "d"] {
            site.user_named(tenant, "many@mail.test", &[Role::Viewer], Some(&format!("the password at {tenant} 1"))).await;
        }
        assert_eq!(site.anyone().sign_in("many@mail.test", "the password at a 1").await.refusal(), is(400, "CLIENT_REQUIRED"));
        let named = site.anyone().with("X-Client-ID: d").sign_in("many@mail.test", "the password at d 1").await;
        assert_eq!(named.status, 200);
    }

    async fn the_sub_domain_names_the_tenant(site) {
        let site = site.with(|settings| settings.server.public_url = Some("https://sp.test".into())).await;
        for tenant in ["acme", "globex"] {
            site.user_named(tenant, "both@mail.test", &[Role::Viewer], Some(PASSWORD)).await;
        }
        let signed_in = site.anyone().with("Host: globex.sp.test").sign_in("both@mail.test", PASSWORD).await;
        assert_eq!(signed_in.json()["data"]["user"]["clientId"], "globex");
        let foreign = site.anyone().with("Host: globex.sp.test.evil.test").sign_in("both@mail.test", PASSWORD).await;
        assert_eq!(foreign.refusal(), is(400, "CLIENT_REQUIRED"));
    }

    async fn what_is_missing_empty_or_of_another_type_is_named(site) {
        site.tenant("acme").await;
        for (body, field) in [
            (json!({"email": "a@b.test"}), "password"),
            (json!({"password": "x"}), "email"),
            (json!({"email": "", "password": "x"}), "email"),
            (json!({"email": "a@b.test", "password": ""}), "password"),
            (json!({"email": null, "password": "x"}), "email"),
            (json!({"email": ["a@b.test"], "password": "x"}), "email"),
            (json!({"email": {"$ne": null}, "password": {"$ne": null}}), "email"),
            (json!({"email": "a@b.test", "password": 12_345_678}), "password"),
            (json!({"email": "a@b.test", "password": true}), "password"),
        ] {
            let reply = site.anyone().post(TARGET, &body).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
            assert!(reply.json()["error"]["details"].get(field).is_some(), "{body}: {reply}");
        }
    }

    async fn what_is_no_address_reaches_no_hash(site) {
        site.user_named("acme", "admin@acme.test", &[Role::Admin], Some(PASSWORD)).await;
        site.user_named("acme", "kim@acme.test", &[Role::Admin], Some(PASSWORD)).await;
        for email in [
            "admin@acme.test' OR '1'='1",
            "adm\u{131}n@acme.test",
            "\u{212a}im@acme.test",
            "admin\u{ff20}acme.test",
            "admin@acme.test\r\nBcc: other@mail.test",
            "admin@acme.test\u{0}",
            "admin@acme.test\u{200b}",
            &format!("{}@acme.test", "x".repeat(65)),
            &format!("a@{}.test", "x".repeat(256)),
            &format!("{}@acme.test", "x.".repeat(155)),
        ] {
            assert_eq!(is_refused_unhashed(&site, email, PASSWORD).await, is(400, "VALIDATION_ERROR"), "{email:?}");
        }
    }

    async fn a_password_that_nobody_has_reaches_no_hash(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let megabyte = "x".repeat(1 << 20);
        assert_eq!(is_refused_unhashed(&site, &user.email, &megabyte).await, is(413, "PAYLOAD_TOO_LARGE"));
        let long = "x".repeat(60_000);
        assert_eq!(is_refused_unhashed(&site, &user.email, &long).await, is(400, "VALIDATION_ERROR"));
    }

    async fn nothing_is_cut_off_a_password(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        for password in
            [format!("{PASSWORD}\u{0}junk"), format!("{PASSWORD} "), format!(" {PASSWORD}"), PASSWORD.to_uppercase()]
        {
            let reply = site.anyone().sign_in(&user.email, &password).await;
            assert!(matches!(reply.status, 400 | 401), "{password:?}: {reply}");
            assert_eq!(reply.header("set-cookie"), None);
        }
    }

    async fn an_address_is_compared_without_case(site) {
        site.user_named("acme", "Jane.Doe@Acme.test", &[Role::Viewer], Some(PASSWORD)).await;
        let reply = site.anyone().sign_in("jane.doe@ACME.TEST", PASSWORD).await;
        assert_eq!(reply.json()["data"]["user"]["email"], "Jane.Doe@Acme.test");
    }

    async fn after_ten_wrong_tries_the_right_password_waits_and_is_not_locked_out(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let session = site.sign_in(&user).await;
        for _ in 0..10 {
            let reply = site.anyone().sign_in(&user.email, "wrong password 1").await;
            assert!(matches!(reply.status, 401 | 429), "{reply}");
        }
        let refused = site.anyone().sign_in(&user.email, PASSWORD).await;
        assert_eq!(refused.refusal(), is(429, "RATE_LIMITED"));
        assert_eq!(session.me().await.status, 200);
        site.wait(retry_after(&refused));
        assert_eq!(site.anyone().sign_in(&user.email, PASSWORD).await.status, 200);
    }

    async fn no_forged_header_gives_an_address_more_tries(site) {
        let site = site.with(|settings| settings.limits.guesses_per_address = 100).await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let mut refused = None;
        for n in 0..101 {
            let forged = site.anyone().with(&format!("X-Forwarded-For: 198.51.100.{n}")).with(&format!("Forwarded: for=198.51.100.{n}"));
            let reply = forged.sign_in(&format!("nobody{n}@acme.test"), "wrong password 1").await;
            if reply.status == 429 {
                refused = Some((n, reply));
                break;
            }
        }
        let (tries, reply) = refused.expect("the limit of the address fires");
        assert_eq!((tries, reply.code()), (100, "RATE_LIMITED".to_owned()));
        assert_eq!(site.anyone().sign_in(&user.email, PASSWORD).await.refusal(), is(429, "RATE_LIMITED"));
        site.wait(Duration::from_mins(15));
        assert_eq!(site.anyone().sign_in(&user.email, PASSWORD).await.status, 200);
    }

    async fn behind_a_trusted_proxy_each_visitor_has_tries_of_their_own(site) {
        let site = site
            .with(|settings| {
                settings.server.trusted_proxies = vec!["127.0.0.1".into()];
                settings.limits.guesses_per_address = 100;
            })
            .await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let from = |address: &str| site.anyone().with(&format!("X-Forwarded-For: {address}"));
        for n in 0..100 {
            let reply = from("198.51.100.7").sign_in(&format!("nobody{n}@acme.test"), "wrong password 1").await;
            assert_eq!(reply.refusal(), is(401, "INVALID_CREDENTIALS"));
        }
        assert_eq!(from("198.51.100.7").sign_in(&user.email, PASSWORD).await.refusal(), is(429, "RATE_LIMITED"));
        // What stands left of the proxy's own entry is the visitor's word.
        assert_eq!(from("203.0.113.1, 198.51.100.7").sign_in(&user.email, PASSWORD).await.refusal(), is(429, "RATE_LIMITED"));
        assert_eq!(from("198.51.100.8").sign_in(&user.email, PASSWORD).await.status, 200);
    }

    async fn a_cookie_that_came_along_is_never_adopted(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let attacker = site.as_role(Role::Viewer).await;
        for planted in [attacker.cookie.as_str(), "chosen-by-an-attacker", ""] {
            let asker = site.anyone().with(&format!("Cookie: session={planted}"));
            let reply = asker.sign_in(&user.email, PASSWORD).await;
            assert_eq!(reply.status, 200);
            let given = reply.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap();
            assert!(given.len() > 40 && given != planted);
            assert_eq!(reply.json()["data"]["user"]["id"], user.id.0);
        }
        assert_eq!(attacker.me().await.json()["data"]["user"]["id"], attacker.user.id.0);
    }

    async fn members_nobody_asked_for_change_nothing(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        site.tenant("other").await;
        let body = json!({
            "email": user.email, "password": PASSWORD, "role": "Admin", "roles": ["ADMIN"], "clientId": "other", "isVerified": true,
            "id": 1, "status": "ACTIVE", "passwordHash": "x", "__proto__": {"roles": ["ADMIN"]},
        });
        let reply = site.anyone().post(TARGET, &body).await;
        assert_eq!(reply.json()["data"]["user"]["roles"], json!(["VIEWER"]));
        assert_eq!(reply.json()["data"]["user"]["clientId"], "acme");
        let present = site.present(&user).await;
        assert_eq!((present.roles, present.tenant, present.email), (user.roles, user.tenant, user.email));
    }

    async fn a_member_named_twice_is_refused(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let asker = site.anyone().with("Content-Type: application/json");
        let twice = format!(r#"{{"email":"{}","email":"other@acme.test","password":"{PASSWORD}"}}"#, user.email);
        assert_eq!(asker.send_raw("POST", TARGET, &twice).await.refusal(), is(400, "VALIDATION_ERROR"));
    }

    async fn other_methods_are_told_the_right_one(site) {
        for method in ["GET", "PUT", "DELETE", "TRACE", "PATCH"] {
            let reply = site.anyone().ask(method, TARGET).await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
        }
    }

    async fn a_tenant_without_passwords_says_so_before_looking_at_any_account(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let admin = site.admin().await;
        let set = admin.patch("/api/admin/clients/acme", &json!({"settings": {"ssoOnly": true}})).await;
        assert_eq!(set.json()["data"]["settings"]["ssoOnly"], true);
        let mut answers = Vec::new();
        for (email, password) in [(&*user.email, PASSWORD), (&user.email, "wrong password 1"), ("nobody@acme.test", "x")] {
            let reply = site.anyone().sign_in(email, password).await;
            assert_eq!(reply.refusal(), is(403, "SSO_REQUIRED"));
            answers.push(reply.body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
    }

    async fn auth_answers_are_stored_by_nobody_and_name_no_server(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        for (reply, media) in [
            (site.anyone().sign_in(&user.email, PASSWORD).await, "application/json"),
            (site.anyone().with("Accept: text/html").sign_in(&user.email, "wrong password 1").await, "application/json"),
            (site.anyone().with("Accept: */*").me().await, "application/json"),
        ] {
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(reply.header("content-type"), Some(media));
            assert_eq!(reply.header("server"), None);
            assert!(reply.header("x-request-id").is_some());
            assert_eq!(reply.json().get("success").map(Value::is_boolean), Some(true));
        }
    }
}

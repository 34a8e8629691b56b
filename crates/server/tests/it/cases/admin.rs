//! `/api/admin`.

use std::time::Duration;

use purser_core::access::Role;
use serde_json::json;

use super::{is, retry_after};
use crate::http::probe::request;
use crate::on_both;
use crate::site::{Member, PASSWORD};

const SIGN_IN: &str = "/api/admin/auth/sign-in";

on_both! {
    async fn there_is_no_account_until_one_is_made(site) {
        for (name, password) in [("admin", "admin-password"), ("admin", "admin"), ("root", "root"), ("administrator", "password")] {
            assert_eq!(site.try_sign_in_admin(name, password).await.refusal(), is(401, "INVALID_CREDENTIALS"));
        }
        site.new_admin("keeper").await;
        let wrong = site.try_sign_in_admin("keeper", "wrong password 1").await;
        let unknown = site.try_sign_in_admin("nobody", PASSWORD).await;
        assert_eq!(wrong.refusal(), is(401, "INVALID_CREDENTIALS"));
        assert_eq!(wrong.body, unknown.body);
        assert_eq!(site.try_sign_in_admin("KEEPER", PASSWORD).await.status, 200);
    }

    async fn ten_wrong_tries_cost_a_quarter_of_an_hour(site) {
        site.new_admin("root").await;
        let mut hashed = 0;
        for _ in 0..200 {
            let reply = site.try_sign_in_admin("root", "wrong password 1").await;
            match reply.status {
                401 => hashed += 1,
                429 => site.wait(retry_after(&reply).min(Duration::from_secs(10))),
                _ => panic!("{reply}"),
            }
            if hashed == 10 {
                break;
            }
        }
        let refused = site.try_sign_in_admin("root", PASSWORD).await;
        assert_eq!(refused.refusal(), is(429, "RATE_LIMITED"));
        assert!(retry_after(&refused) > Duration::from_mins(10));
        site.wait(retry_after(&refused));
        assert_eq!(site.try_sign_in_admin("root", PASSWORD).await.status, 200);
    }

    async fn settings_that_are_left_out_stay_and_null_is_the_default(site) {
        let (_, admin) = (site.as_role(Role::Viewer).await, site.admin().await);
        let settle = async |settings: serde_json::Value| {
            let reply = admin.patch("/api/admin/clients/acme", &json!({ "settings": settings })).await;
            assert_eq!(reply.status, 200, "{reply}");
            reply.json()["data"]["settings"].clone()
        };
        let strict = settle(json!({"twoFactor": "REQUIRED", "cookieIdle": "2h", "forbiddenWords": ["acme"]})).await;
        let since = strict["twoFactorSince"].clone();
        site.wait(Duration::from_mins(1));
        let more = settle(json!({"strictRefresh": true, "forbiddenWords": ["rocket"]})).await;
        assert_eq!((&more["twoFactor"], &more["twoFactorSince"]), (&json!("REQUIRED"), &since));
        assert_eq!((&more["cookieIdle"], &more["forbiddenWords"]), (&json!("2h"), &json!(["rocket"])));
        let less = settle(json!({"cookieIdle": null, "twoFactor": null})).await;
        assert_eq!((less.get("cookieIdle"), less.get("twoFactor"), less.get("twoFactorSince")), (None, None, None));
        assert_eq!(less["strictRefresh"], true);
        for settings in [json!({"twoFactor": "MAYBE"}), json!({"cookieIdle": 7}), json!({"returnTo": "https://a.test"}), json!(1)] {
            let reply = admin.patch("/api/admin/clients/acme", &json!({ "settings": settings })).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{settings}");
        }
        // An array is no object, whatever stands in it, and what a time is to look like is said.
        for (settings, field, reason) in [
            (json!([]), "settings", "has the wrong type"),
            (json!(["1h", "2h"]), "settings", "has the wrong type"),
            (json!({"cookieIdle": "0s"}), "settings.cookieIdle", "write a whole number and a unit, as 90s, 10m, 24h or 30d"),
        ] {
            let reply = admin.patch("/api/admin/clients/acme", &json!({ "settings": settings })).await;
            assert_eq!(reply.json()["error"]["details"], json!({field: reason}), "{settings}: {reply}");
        }
        assert_eq!(settle(json!({})).await, less);
    }

    async fn no_handle_crosses_the_realms(site) {
        let (member, admin) = (site.as_role(Role::Admin).await, site.admin().await);
        assert_eq!(member.get("/api/admin/clients").await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(admin.me().await.refusal(), is(401, "INVALID_TOKEN"));
        let by_cookie = site.anyone().with(&format!("Cookie: session={}; admin_session={}", member.cookie, member.cookie));
        assert_eq!(by_cookie.get("/api/admin/clients").await.refusal(), is(401, "INVALID_TOKEN"));
        let by_cookie = site.anyone().with(&format!("Cookie: session={}; admin_session={}", admin.cookie, admin.cookie));
        assert_eq!(by_cookie.me().await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(by_cookie.get("/api/admin/clients").await.status, 200);
        // A user's own account opens nothing here, not even by an administrator's name.
        assert_eq!(site.try_sign_in_admin(&member.user.email, PASSWORD).await.refusal(), is(401, "INVALID_CREDENTIALS"));
    }

    async fn a_path_has_one_spelling(site) {
        let admin = site.admin().await;
        for target in [
            "/api/admin/../client/auth/me",
            "/api/client/../admin/clients",
            "//api//admin/clients",
            "/api//admin/clients",
            "/api/admin;x/clients",
            "/api/admin/clients;x",
            "/api/%61dmin/clients",
            "/api/admin%2fclients",
            "/api/%2e%2e/api/admin/clients",
            "/api/admin/clients/",
            "/API/ADMIN/clients",
            "/api/admin/clients%20",
            "/api/admin/clients%00",
            "/api/admin",
        ] {
            for asker in [site.anyone(), admin.with("Accept: */*")] {
                assert_eq!(asker.get(target).await.refusal(), is(404, "NOT_FOUND"), "{target}");
            }
        }
        let tricks = ["X-HTTP-Method-Override: GET", "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Prefix: /x"];
        let tricky = tricks.iter().fold(site.anyone(), |asker, line| asker.with(line));
        assert_eq!(tricky.get("/api/admin/clients").await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(tricky.ask("PUT", "/api/admin/clients").await.refusal(), is(405, "METHOD_NOT_ALLOWED"));
    }

    async fn head_and_options_tell_no_data(site) {
        let admin = site.admin().await;
        for target in ["/api/admin/clients", "/api/admin/audit", "/api/admin/keys", "/api/admin/license-on-prem"] {
            assert_eq!(admin.ask("OPTIONS", target).await.refusal(), is(405, "METHOD_NOT_ALLOWED"));
            for (line, status) in [("Accept: */*".to_owned(), 401), (format!("Authorization: Bearer {}", admin.token), 200)] {
                let mut connection = site.probe.connect().await;
                connection.write(request("HEAD", target, &[&line, "Connection: close"], "")).await;
                let answer = connection.rest().await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with("\r\n\r\n"), "{answer}");
            }
        }
    }

    async fn an_idle_administrator_is_signed_out_after_half_an_hour_and_any_after_twelve(site) {
        let idle = site.admin().await;
        site.wait(Duration::from_mins(30));
        assert_eq!(idle.get("/api/admin/clients").await.refusal(), is(401, "TOKEN_EXPIRED"));
        assert_eq!(site.anyone().refresh_admin(&idle.refresh_token).await.refusal().0, 401);
        assert_eq!(idle.by_cookie_alone().get("/api/admin/clients").await.refusal().0, 401);
        let busy = site.admin().await;
        for _ in 0..35 {
            site.wait(Duration::from_mins(20));
            assert_eq!(busy.get("/api/admin/clients").await.status, 200);
            site.app.keep_house().await.unwrap();
        }
        site.wait(Duration::from_mins(20));
        assert_eq!(busy.get("/api/admin/clients").await.refusal(), is(401, "TOKEN_EXPIRED"));
        assert_eq!(site.anyone().refresh_admin(&busy.refresh_token).await.refusal(), is(401, "TOKEN_EXPIRED"));
    }

    async fn an_administrators_token_says_how_long_it_lives(site) {
        let name = site.new_name();
        site.new_admin(&name).await;
        let reply = site.try_sign_in_admin(&name, PASSWORD).await;
        assert!(reply.json()["data"]["expiresIn"].as_i64().unwrap() <= 43_200, "{reply}");
        assert!(reply.header("set-cookie").unwrap().starts_with("admin_session="));
    }

    async fn nobody_reads_or_chooses_a_users_password(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let admin = site.admin().await;
        for target in ["/api/admin/clients/acme/users", "/api/admin/admins", "/api/admin/keys", "/api/admin/clients", "/api/admin/audit"] {
            let reply = admin.get(target).await;
            for word in ["password\"", "hash", "$argon2", "sealed", "epoch"] {
                assert!(!reply.body.contains(word), "{target} tells {word}: {reply}");
            }
        }
        let target = format!("/api/admin/clients/acme/users/{}", user.id);
        let chosen = json!({"password": "chosen by an admin 1", "newPassword": "chosen by an admin 1"});
        assert_eq!(admin.patch(&target, &chosen).await.refusal(), is(400, "VALIDATION_ERROR"));
        assert_eq!(admin.patch(&target, &json!({"status": "DISABLED", "password": "chosen by an admin 1"})).await.status, 200);
        assert_eq!(admin.patch(&target, &json!({"status": "ACTIVE", "password": "chosen by an admin 1"})).await.status, 200);
        assert_eq!(site.anyone().sign_in(&user.email, "chosen by an admin 1").await.refusal(), is(401, "INVALID_CREDENTIALS"));
        assert_eq!(site.anyone().sign_in(&user.email, PASSWORD).await.status, 200);
        for method in ["PUT", "PATCH", "POST"] {
            let reply = admin.send(method, &format!("{target}/password"), &chosen).await;
            assert_eq!(reply.refusal(), is(404, "NOT_FOUND"));
        }
    }

    async fn an_administrator_ends_one_session_a_users_a_tenants_or_everybodys(site) {
        let other = site.another_node().await;
        let admin = site.admin().await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let (one, two) = (site.sign_in(&user).await, site.sign_in(&user).await);
        let (colleague, stranger) = (site.as_role(Role::Viewer).await, site.other_tenant().await);
        let alive = async |member: &Member<'_>| member.me().await.status == 200;
        let session = one.session().await;
        for member in [&one, &two, &colleague, &stranger] {
            assert_eq!(member.at(&other).me().await.status, 200);
        }
        assert_eq!(admin.delete(&format!("/api/admin/sessions/{session}")).await.status, 200);
        assert!(!alive(&one).await && alive(&two).await);
        assert_eq!(admin.delete(&format!("/api/admin/clients/acme/users/{}/sessions", user.id)).await.status, 200);
        assert!(!alive(&two).await && alive(&colleague).await);
        assert_eq!(admin.delete("/api/admin/clients/acme/sessions").await.status, 200);
        assert!(!alive(&colleague).await && alive(&stranger).await);
        assert_eq!(admin.delete("/api/admin/sessions").await.status, 200);
        assert!(!alive(&stranger).await);
        assert_eq!(admin.get("/api/admin/clients").await.status, 200);
        for member in [&one, &two, &colleague, &stranger] {
            let there = member.at(&other);
            let over = async {
                while there.me().await.status == 200 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(crate::http::probe::LONG, over).await.expect("the session ends on every node");
        }
    }

    async fn the_last_administrator_stays(site) {
        let admin = site.admin().await;
        let own = format!("/api/admin/admins/{}", admin.id);
        assert_eq!(admin.patch(&own, &json!({"status": "DISABLED"})).await.refusal(), is(409, "CONFLICT"));
        assert_eq!(admin.delete(&own).await.refusal(), is(409, "CONFLICT"));
        assert_eq!(admin.get("/api/admin/admins").await.status, 200);
    }

    async fn what_cannot_be_a_name_is_refused(site) {
        for body in [json!({"username": "", "password": "x"}), json!({"username": "a b", "password": "x"}), json!({"username": "root"}),
            json!({"username": "root", "password": null}), json!({"username": "ro\u{0}ot", "password": "x"}), json!({"email": "root", "password": "x"})] {
            assert_eq!(site.anyone().post(SIGN_IN, &body).await.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
        }
        let admin = site.admin().await;
        for body in [json!({"username": "a b", "password": PASSWORD}), json!({"username": "fine", "password": "short"}), json!({"username": "admin-password", "password": "admin-password"})] {
            assert_eq!(admin.post("/api/admin/admins", &body).await.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
        }
        assert_eq!(admin.post("/api/admin/clients", &json!({"id": "A B", "name": "x"})).await.refusal(), is(400, "VALIDATION_ERROR"));
        assert_eq!(admin.post("/api/admin/clients", &json!({"id": "fine", "name": ""})).await.refusal(), is(400, "VALIDATION_ERROR"));
        assert_eq!(admin.post("/api/admin/clients", &json!({"id": "fine", "name": "Fine"})).await.status, 201);
        assert_eq!(admin.post("/api/admin/clients", &json!({"id": "fine", "name": "Fine"})).await.refusal(), is(409, "CONFLICT"));
    }

    async fn a_parameter_that_cannot_be_read_is_named(site) {
        let admin = site.admin().await;
        site.tenant("acme").await;
        for target in [
            "/api/admin/clients?first=many",
            "/api/admin/clients?first=-1",
            "/api/admin/clients?first=1&first=2",
            "/api/admin/clients?after=A%20B",
            "/api/admin/clients/acme/users?role=OWNER",
            "/api/admin/clients/acme/users?after=x",
            "/api/admin/audit?since=yesterday",
            "/api/admin/audit?client=A%20B",
            "/api/admin/audit?before=x",
            "/api/admin/audit?outcome=ok",
            "/api/admin/audit/export?outcome=ok",
            "/api/admin/audit?first=99999999999",
        ] {
            assert_eq!(admin.get(target).await.refusal(), is(400, "VALIDATION_ERROR"), "{target}");
        }
        for (target, field, reason) in [
            ("/api/admin/clients?first=many", "first", "write a whole number"),
            ("/api/admin/audit?first=99999999999", "first", "write a whole number"),
            ("/api/admin/audit?since=yesterday", "since", "write a time as 2026-11-21T19:17:00Z"),
            ("/api/admin/clients?first=1&first=2", "first", "is given twice"),
            ("/api/admin/clients?after=A%20B", "after", "not a client's id"),
        ] {
            assert_eq!(admin.get(target).await.json()["error"]["details"], json!({field: reason}), "{target}");
        }
        for target in ["/api/admin/audit?outcome=done", "/api/admin/audit?outcome=DONE"] {
            let told = admin.get(target).await.json();
            assert!(told["data"]["entries"].as_array().is_some_and(|lines| !lines.is_empty()), "{target}: {told}");
        }
        for target in ["/api/admin/clients?first=0", "/api/admin/clients?first=4294967295", "/api/admin/clients?search=%27%25_%5C",
            "/api/admin/clients/acme/users?search=%00", "/api/admin/audit?action=%00&first=0", "/api/admin/clients?search=%F0%9F%92%A9"] {
            let reply = admin.get(target).await;
            assert!(matches!(reply.status, 200 | 400), "{target}: {reply}");
        }
    }
}

//! Sessions by cookie.

use purser_core::access::Role;
use serde_json::json;

use super::is;
use crate::on_both;
use crate::site::{DAY, PASSWORD, SECOND};

on_both! {
    async fn the_cookie_is_for_this_host_and_out_of_scripts_reach(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let reply = site.anyone().sign_in(&user.email, PASSWORD).await;
        let line = reply.header("set-cookie").unwrap();
        let (value, attributes) = line.split_once("; ").unwrap();
        assert!(value.strip_prefix("session=").unwrap().len() >= 43, "128 bits and more of chance: {line}");
        // Plain HTTP on the loopback.
        assert_eq!(attributes, "Max-Age=7776000; Path=/; HttpOnly; SameSite=Lax");
        let site = site.with(|settings| settings.server.public_url = Some("https://sp.test".into())).await;
        let reply = site.anyone().sign_in(&user.email, PASSWORD).await;
        assert!(reply.header("set-cookie").unwrap().ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
        assert_eq!(reply.header("strict-transport-security"), Some("max-age=63072000"));
    }

    async fn two_cookies_of_the_name_prove_nothing(site) {
        let (one, two) = (site.as_role(Role::Viewer).await, site.as_role(Role::Admin).await);
        for lines in [
            vec![format!("Cookie: session={}; session={}", one.cookie, two.cookie)],
            vec![format!("Cookie: session={}; session={}", one.cookie, one.cookie)],
            vec![format!("Cookie: session={}", one.cookie), format!("Cookie: session={}", two.cookie)],
            vec![format!("Cookie: session=planted; session={}", one.cookie)],
            vec![format!("Cookie: session={}; session", one.cookie)],
        ] {
            let asker = lines.iter().fold(site.anyone(), |asker, line| asker.with(line));
            assert_eq!(asker.me().await.refusal(), is(401, "INVALID_TOKEN"), "{lines:?}");
        }
    }

    async fn a_write_from_another_site_is_refused_and_does_nothing(site) {
        let site = site.with(|settings| settings.server.public_url = Some("https://sp.test".into())).await;
        let member = site.as_role(Role::Admin).await;
        let before = site.holdings().await;
        let mutation = r#"mutation { createUser(input: {email: "x@acme.test", firstName: "A", lastName: "B"}) { id } }"#;
        for lines in [
            vec![],
            vec!["Sec-Fetch-Site: cross-site"],
            vec!["Sec-Fetch-Site: same-site"],
            vec!["Sec-Fetch-Site: none"],
            vec!["Origin: null"],
            vec!["Origin: https://sp.test.evil.test"],
            vec!["Origin: https://evilsp.test"],
            vec!["Origin: http://sp.test"],
            vec!["Origin: https://sp.test:8443"],
            vec!["Origin: https://acme.sp.test"],
            vec!["Origin: https://evil.test", "Sec-Fetch-Site: same-origin"],
            vec!["Origin: https://sp.test", "Origin: https://evil.test"],
            vec!["Referer: https://sp.test/"],
        ] {
            let asker = lines.iter().fold(member.by_cookie_alone(), |asker, line| asker.with(line));
            assert_eq!(asker.graphql(mutation).await.refusal(), is(403, "CSRF_REJECTED"), "{lines:?}");
        }
        assert_eq!(site.holdings().await, before);
        for line in ["Origin: https://sp.test", "Sec-Fetch-Site: same-origin"] {
            assert_eq!(member.by_cookie_alone().with(line).graphql("{ me { id } }").await.status, 200, "{line}");
        }
        // Reading needs no origin: a link leads here.
        assert_eq!(member.by_cookie_alone().me().await.status, 200);
    }

    async fn a_token_wins_over_another_users_cookie_and_the_log_says_so(site) {
        let (by_token, by_cookie) = (site.as_role(Role::Admin).await, site.as_role(Role::Admin).await);
        let both = by_cookie.by_cookie().bearing(&by_token.token);
        assert_eq!(both.me().await.json()["data"]["user"]["id"], by_token.user.id.0);
        assert_eq!(both.ask("POST", "/api/client/auth/sign-out").await.status, 200);
        assert_eq!(by_cookie.me().await.status, 200);
        assert_eq!(both.me().await.refusal(), is(401, "INVALID_TOKEN"));
        let admin = site.admin().await;
        let log = admin.get("/api/admin/audit?client=acme&action=session.sign-out").await.json();
        assert_eq!(log["data"]["entries"][0]["actor"], by_token.user.id.to_string(), "{log}");
        for broken in ["Authorization: Bearer rubbish", "Authorization: Basic dTpw", "Authorization:"] {
            let asker = by_cookie.by_cookie().with(broken);
            assert_eq!(asker.me().await.refusal(), is(401, "INVALID_TOKEN"), "{broken}");
        }
    }

    async fn a_cookie_lives_seven_days_of_silence_and_ninety_in_all(site) {
        let member = site.as_role(Role::Viewer).await;
        for _ in 0..14 {
            site.wait(6 * DAY);
            assert_eq!(member.by_cookie().me().await.status, 200);
            site.app.keep_house().await.unwrap();
        }
        site.wait_almost(6 * DAY);
        assert_eq!(member.by_cookie().me().await.status, 200);
        site.wait(SECOND);
        assert_eq!(member.by_cookie().me().await.refusal(), is(401, "TOKEN_EXPIRED"));
    }

    async fn a_cookie_of_no_living_session_proves_nothing(site) {
        let (gone, other) = (site.as_role(Role::Viewer).await, site.as_role(Role::Viewer).await);
        let admin = site.admin().await;
        gone.ask("POST", "/api/client/auth/sign-out").await;
        let session = other.session().await;
        for value in [&gone.cookie, &session, &admin.cookie, &other.token, &other.refresh_token, "guessed", "", &"A".repeat(other.cookie.len())] {
            let asker = site.anyone().with(&format!("Cookie: session={value}"));
            assert_eq!(asker.me().await.refusal(), is(401, "INVALID_TOKEN"), "{value}");
        }
        let stranger = site.other_tenant().await;
        let named = stranger.by_cookie().with("X-Client-ID: acme");
        assert_eq!(named.me().await.refusal(), is(403, "FORBIDDEN"));
        // Of the right form, under the name of the other realm.
        let admins = site.anyone().with(&format!("Cookie: admin_session={}", other.cookie));
        assert_eq!(admins.get("/api/admin/clients").await.refusal(), is(401, "INVALID_TOKEN"));
        let client = site.anyone().with(&format!("Cookie: admin_session={}", admin.cookie));
        assert_eq!(client.me().await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn a_flipped_cookie_proves_nothing(site) {
        let member = site.as_role(Role::Viewer).await;
        for at in (0..member.cookie.len()).step_by(7) {
            let mut value = member.cookie.clone().into_bytes();
            value[at] = if value[at] == b'A' { b'B' } else { b'A' };
            let asker = site.anyone().with(&format!("Cookie: session={}", String::from_utf8(value).unwrap()));
            assert_eq!(asker.me().await.refusal(), is(401, "INVALID_TOKEN"), "{at}");
        }
    }

    async fn no_other_site_is_let_in_by_cors(site) {
        let member = site.as_role(Role::Viewer).await;
        let asked = member.by_cookie_alone().with("Origin: https://evil.test").with("Access-Control-Request-Method: POST");
        for (method, target) in [
            ("OPTIONS", "/api/client/auth/sign-in"),
            ("OPTIONS", "/api/client/graphql"),
            ("OPTIONS", "/api/admin/clients"),
            ("GET", "/api/client/auth/me"),
            ("GET", "/.well-known/jwks.json"),
        ] {
            let reply = asked.ask(method, target).await;
            assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control")), "{method} {target}");
        }
    }

    async fn a_page_elsewhere_can_send_no_mutation(site) {
        let member = site.as_role(Role::Admin).await;
        let cookie = member.by_cookie_alone();
        let target = "/api/client/graphql?query=mutation%7BsignOutEverywhere%7Bid%7D%7D";
        assert_eq!(cookie.get(target).await.refusal(), is(405, "METHOD_NOT_ALLOWED"));
        for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql"] {
            // Even from our own page.
            let asker = member.by_cookie().with(&format!("Content-Type: {media}"));
            let reply = asker.send_raw("POST", "/api/client/graphql", r#"{"query":"mutation{signOutEverywhere{id}}"}"#).await;
            assert_eq!(reply.refusal(), is(415, "UNSUPPORTED_MEDIA_TYPE"), "{media}");
        }
        assert_eq!(member.me().await.status, 200);
    }

    async fn no_other_site_signs_a_browser_in_as_somebody_else(site) {
        let user = site.user("acme", &[Role::Viewer]).await;
        let body = json!({"email": user.email, "password": PASSWORD});
        let cross = site.anyone().with("Origin: https://evil.test");
        for target in ["/api/client/auth/sign-in", "/api/admin/auth/sign-in"] {
            let sent = if target.contains("admin") { json!({"username": "root", "password": PASSWORD}) } else { body.clone() };
            let reply = cross.post(target, &sent).await;
            assert_eq!(reply.refusal(), is(403, "CSRF_REJECTED"));
            assert_eq!(reply.header("set-cookie"), None);
        }
        for media in ["text/plain", "application/x-www-form-urlencoded"] {
            let asker = site.anyone().with(&format!("Content-Type: {media}"));
            let reply = asker.send_raw("POST", "/api/client/auth/sign-in", &body.to_string()).await;
            assert_eq!(reply.refusal(), is(415, "UNSUPPORTED_MEDIA_TYPE"));
        }
    }

    async fn where_a_cookie_is_used_stands_in_the_list_of_sessions(site) {
        let member = site.as_role(Role::Viewer).await;
        let elsewhere = member.by_cookie().with("User-Agent: another-browser");
        assert_eq!(elsewhere.me().await.status, 200, "addresses change on the way to work; a cookie is not bound to one");
        let listed = elsewhere.get("/api/client/auth/sessions").await.json();
        let session = &listed["data"]["sessions"][0];
        assert_eq!((&session["current"], &session["method"]), (&json!(true), &json!("password")));
        assert_eq!(session["address"], "127.0.0.1");
    }
}

//! Invitations, forgotten passwords and new addresses over HTTP, with their letters read from the outbox.

use std::time::Duration;

use purser_core::access::Role;
use purser_core::users::UserStatus;
use serde_json::json;

use crate::on_both;
use crate::site::{Asker, Site};

const CHOSEN: &str = "another horse battery 4711";

async fn forgot(asker: &Asker<'_>, email: &str) -> crate::http::probe::Reply {
    asker.post("/api/client/auth/password/forgot?client=acme", &json!({"email": email})).await
}

async fn reset(site: &Site, token: &str) -> crate::http::probe::Reply {
    site.anyone().post("/api/client/auth/password/reset", &json!({"token": token, "password": CHOSEN})).await
}

on_both! {
    async fn an_invited_person_comes_aboard_by_the_link_in_the_letter(site) {
        let site = site.with_mail().await;
        let admin = site.as_role(Role::Admin).await;
        let reply = admin.graphql(r#"mutation { inviteUser(input: {email: "ann@corp.test", firstName: "Ann", lastName: "Lée", roles: [AUTHOR]}) { id status } }"#).await;
        assert_eq!(reply.json()["data"]["inviteUser"]["status"], "INVITED");
        assert!(!reply.body.contains("token"), "{reply}");
        let letter = site.letter_to("ann@corp.test").await;
        assert_eq!((letter.head("From"), letter.head("Auto-Submitted")), ("Purser <purser@localhost>", "auto-generated"));
        assert_eq!(letter.head("Subject"), "You are invited to acme");
        assert!(letter.link().starts_with("http://localhost/invitation?token="), "{}", letter.text);
        assert!(letter.text.contains("The link works once, until 2027-01-18 at 08:00 UTC."), "{}", letter.text);
        let token = letter.token();
        let shown = site.anyone().post("/api/client/auth/invitation", &json!({"token": token})).await;
        assert_eq!(shown.json()["data"]["email"], "ann@corp.test");
        assert_eq!(shown.json()["data"]["lastName"], "Lée");
        let accepted = site.anyone().post("/api/client/auth/invitation/accept", &json!({"token": token, "password": CHOSEN})).await;
        assert_eq!(accepted.status, 200, "{accepted}");
        assert!(accepted.header("set-cookie").unwrap().starts_with("session="));
        assert_eq!(accepted.header("cache-control"), Some("no-store"));
        let bearing = site.anyone().bearing(accepted.json()["data"]["token"].as_str().unwrap());
        assert_eq!(bearing.me().await.json()["data"]["user"]["email"], "ann@corp.test");
        let again = site.anyone().post("/api/client/auth/invitation/accept", &json!({"token": token, "password": CHOSEN})).await;
        assert_eq!(again.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }

    // P13
    async fn an_invitation_accepted_while_signed_in_elsewhere_lands_in_its_own_client(site) {
        let site = site.with_mail().await;
        let elsewhere = site.other_tenant().await;
        let token = site.invitation_link("ann@corp.test").await;
        let accepted = elsewhere.with("X-Client-ID: globex").post("/api/client/auth/invitation/accept", &json!({"token": token, "password": CHOSEN})).await;
        assert_eq!(accepted.json()["data"]["user"]["clientId"], "acme");
        assert_eq!(elsewhere.me().await.json()["data"]["user"]["clientId"], "globex");
    }

    // P01, P02
    async fn whatever_a_request_says_of_our_address_no_link_leads_there(site) {
        let site = site.with_mail().await;
        let user = site.user("acme", &[Role::Viewer]).await;
        for line in ["X-Forwarded-Host: evil.test", "X-Forwarded-Proto: gopher", "X-Original-URL: https://evil.test/", "Forwarded: host=evil.test", "X-Host: evil.test"] {
            assert_eq!(forgot(&site.anyone().with(line), &user.email).await.status, 202);
            let letter = site.letter_to(&user.email).await;
            assert!(letter.link().starts_with("http://localhost/reset?token=") && !letter.file.contains("evil.test"), "{line}");
        }
        site.wait(Duration::from_hours(1));
        let body = json!({"email": user.email}).to_string();
        let raw = format!("POST /api/client/auth/password/forgot?client=acme HTTP/1.1\r\nHost: evil.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let reply = site.probe.send(raw).await;
        if reply.status == 202 {
            assert!(site.letter_to(&user.email).await.link().starts_with("http://localhost/reset?token="));
        }
    }

    // P04
    async fn a_forgotten_password_is_answered_alike_for_everyone(site) {
        let site = site.with_mail().await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let mut answers = Vec::new();
        for email in [user.email.as_str(), "nobody@acme.test"] {
            let reply = forgot(&site.anyone(), email).await;
            answers.push((reply.status, reply.body));
        }
        assert_eq!(answers[0], (202, r#"{"success":true,"data":{}}"#.to_owned()));
        assert_eq!(answers[0], answers[1]);
        for _ in 0..4 {
            forgot(&site.anyone(), "nobody@acme.test").await;
        }
        let refused = forgot(&site.anyone(), "nobody@acme.test").await;
        assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "RATE_LIMITED".to_owned()), Some("3600")));
        assert_eq!(site.letters().await.len(), 1);
    }

    // P05
    async fn a_reset_link_works_once_and_ends_every_session(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let token = site.reset_link(&member.user.email).await;
        let weak = site.anyone().post("/api/client/auth/password/reset", &json!({"token": token, "password": "password"})).await;
        assert_eq!(weak.refusal(), (400, "VALIDATION_ERROR".to_owned()));
        let (one, other) = tokio::join!(reset(&site, &token), reset(&site, &token));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        assert_eq!(member.me().await.refusal(), (401, "INVALID_TOKEN".to_owned()));
        let asker = site.anyone().with("X-Client-ID: acme");
        assert_eq!(asker.sign_in(&member.user.email, CHOSEN).await.status, 200);
        let letters = site.letters().await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].head("Subject"), "Your password for acme was changed");
        let late = site.reset_link(&member.user.email).await;
        site.wait(Duration::from_mins(10));
        assert_eq!(reset(&site, &late).await.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }

    // P08
    async fn whoever_has_no_password_gets_none(site) {
        let site = site.with_mail().await;
        let user = site.user_named("acme", "sso@acme.test", &[Role::Viewer], None).await;
        assert_eq!(user.status, UserStatus::Invited);
        let before = site.holdings().await;
        assert_eq!(forgot(&site.anyone(), "sso@acme.test").await.status, 202);
        assert!(site.letters().await.is_empty());
        assert_eq!(site.holdings().await, before);
    }

    async fn a_new_address_is_confirmed_from_its_own_mailbox(site) {
        let site = site.with_mail().await;
        let member = site.as_role(Role::Viewer).await;
        let token = site.address_link(&member, "new@corp.test").await;
        assert_eq!(member.me().await.json()["data"]["user"]["email"], member.user.email);
        let confirm = |token: String| async move { json!({"token": token}) };
        let body = confirm(token).await;
        assert_eq!(site.anyone().post("/api/client/auth/email/confirm", &body).await.status, 200);
        assert_eq!(site.anyone().post("/api/client/auth/email/confirm", &body).await.refusal(), (401, "INVALID_TOKEN".to_owned()));
        assert_eq!(member.me().await.json()["data"]["user"]["email"], "new@corp.test");
        let letters = site.letters().await;
        assert_eq!(letters[0].head("To"), member.user.email);
        assert!(letters[0].text.contains("new@corp.test"));
        let wrong = member.post("/api/client/auth/email/change", &json!({"email": "x@corp.test", "password": "wrong password"})).await;
        assert_eq!(wrong.refusal(), (401, "INVALID_CREDENTIALS".to_owned()));
        let forged = member.by_cookie_alone().with("Origin: https://evil.test").post("/api/client/auth/email/change", &json!({"email": "x@corp.test", "password": "x"})).await;
        assert_eq!(forged.refusal(), (403, "CSRF_REJECTED".to_owned()));
    }

    async fn without_an_address_of_our_own_nothing_is_promised(site) {
        let admin = site.as_role(Role::Admin).await;
        let before = site.holdings().await;
        let reply = forgot(&site.anyone(), &admin.user.email).await;
        assert_eq!(reply.refusal(), (503, "MAIL_UNAVAILABLE".to_owned()));
        let invite = r#"mutation { inviteUser(input: {email: "ann@corp.test", firstName: "Ann", lastName: "Lee"}) { id } }"#;
        assert_eq!(admin.graphql(invite).await.json()["errors"][0]["extensions"]["code"], "MAIL_UNAVAILABLE");
        assert_eq!(site.holdings().await, before);
    }

    async fn administrators_see_how_the_mail_is_doing(site) {
        let site = site.with_mail().await;
        let admin = site.admin().await;
        let user = site.user("acme", &[Role::Viewer]).await;
        assert_eq!(forgot(&site.anyone(), &user.email).await.status, 202);
        let report = admin.get("/api/admin/mail").await.json();
        assert_eq!((&report["data"]["sends"], &report["data"]["waiting"]), (&json!(true), &json!(0)));
        site.letters().await;
        let report = admin.get("/api/admin/mail").await.json();
        assert_eq!((&report["data"]["givenUp"], &report["data"]["troubled"]), (&json!(0), &json!([])));
    }

    async fn names_and_subjects_cannot_add_lines_to_a_letter(site) {
        let site = site.with_mail().await;
        let admin = site.as_role(Role::Admin).await;
        for (field, value) in [("email", "ann@corp.test\\r\\nBcc: all@evil.test"), ("firstName", "Ann\\r\\nBcc: all@evil.test")] {
            let mut said = json!({"email": "ann@corp.test", "firstName": "Ann", "lastName": "Lee"});
            said[field] = json!(value.replace("\\r\\n", "\r\n"));
            let body = json!({"query": "mutation($input: InviteUserInput!) { inviteUser(input: $input) { id } }", "variables": {"input": said}});
            let reply = admin.post("/api/client/graphql", &body).await;
            assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "VALIDATION_ERROR", "{reply}");
        }
        assert!(site.letters().await.is_empty());
        let odd = json!({"email": "ann@corp.test", "firstName": "<b>\"Ann\" ü ✉</b>", "lastName": "Lee"});
        let body = json!({"query": "mutation($input: InviteUserInput!) { inviteUser(input: $input) { id } }", "variables": {"input": odd}});
        admin.post("/api/client/graphql", &body).await;
        let letter = site.letter_to("ann@corp.test").await;
        assert!(letter.text.contains("Hello <b>\"Ann\" ü ✉</b>,"), "{}", letter.text);
        assert!(letter.file.is_ascii() && !letter.file.contains("<p>Hello <b>"), "{}", letter.file);
    }
}

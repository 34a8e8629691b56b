//! `POST /api/client/auth/refresh`.

use std::time::Duration;

use purser_core::access::Role;
use serde_json::{Value, json};

use super::{is, retry_after};
use crate::on_both;
use crate::site::DAY;

const TARGET: &str = "/api/client/auth/refresh";

fn child(reply: &crate::http::probe::Reply) -> String {
    reply.json()["refreshToken"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

on_both! {
    async fn a_spent_token_ends_the_session_and_is_audited(site) {
        let member = site.as_role(Role::Viewer).await;
        let first = child(&site.anyone().refresh(&member.refresh_token).await);
        let second = child(&site.anyone().refresh(&first).await);
        assert_eq!(site.anyone().refresh(&member.refresh_token).await.refusal(), is(401, "INVALID_TOKEN"));
        for token in [&first, &second] {
            assert_eq!(site.anyone().refresh(token).await.refusal(), is(401, "INVALID_TOKEN"));
        }
        assert_eq!(member.me().await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(member.by_cookie().me().await.refusal(), is(401, "INVALID_TOKEN"));
        let audit = site.admin().await.get("/api/admin/audit?client=acme&outcome=refused").await.json();
        assert!(!audit["data"]["entries"].as_array().unwrap().is_empty(), "{audit}");
    }

    async fn a_lost_answer_costs_nothing(site) {
        let member = site.as_role(Role::Viewer).await;
        let first = child(&site.anyone().refresh(&member.refresh_token).await);
        site.wait(Duration::from_secs(59));
        assert_eq!(child(&site.anyone().refresh(&member.refresh_token).await), first);
        site.wait(Duration::from_secs(2));
        let later = child(&site.anyone().refresh(&member.refresh_token).await);
        assert_ne!(later, first);
        assert_eq!(site.anyone().refresh(&later).await.status, 200);
        assert_eq!(member.me().await.status, 200);
    }

    async fn two_children_of_one_token_end_the_session(site) {
        let member = site.as_role(Role::Viewer).await;
        let one = child(&site.anyone().refresh(&member.refresh_token).await);
        site.wait(Duration::from_secs(61));
        let other = child(&site.anyone().refresh(&member.refresh_token).await);
        assert_eq!(site.anyone().refresh(&one).await.status, 200);
        assert_eq!(site.anyone().refresh(&other).await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(member.me().await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn handles_of_other_kinds_and_realms_refresh_nothing(site) {
        let (member, admin) = (site.as_role(Role::Viewer).await, site.admin().await);
        let before = site.holdings().await;
        for token in [&member.token, &member.cookie, &admin.token, &admin.refresh_token, &admin.cookie] {
            assert_eq!(site.anyone().refresh(token).await.refusal(), is(401, "INVALID_TOKEN"));
        }
        for token in [&admin.token, &admin.cookie, &member.token, &member.refresh_token, &member.cookie] {
            assert_eq!(site.anyone().refresh_admin(token).await.refusal(), is(401, "INVALID_TOKEN"));
        }
        assert_eq!(site.holdings().await, before);
    }

    async fn a_token_of_another_tenant_is_refused_and_not_spent(site) {
        let member = site.as_role(Role::Viewer).await;
        site.tenant("globex").await;
        let before = site.holdings().await;
        let named = site.anyone().with("X-Client-ID: globex");
        assert_eq!(named.refresh(&member.refresh_token).await.refusal(), is(403, "FORBIDDEN"));
        assert_eq!(site.holdings().await, before);
        assert_eq!(site.anyone().with("X-Client-ID: acme").refresh(&member.refresh_token).await.status, 200);
    }

    async fn the_thirty_days_are_counted_from_the_sign_in(site) {
        let member = site.as_role(Role::Viewer).await;
        site.wait(20 * DAY);
        let child = child(&site.anyone().refresh(&member.refresh_token).await);
        site.wait(10 * DAY + Duration::from_secs(1));
        assert_eq!(site.anyone().refresh(&child).await.refusal(), is(401, "TOKEN_EXPIRED"));
    }

    async fn what_was_never_issued_touches_nothing(site) {
        let member = site.as_role(Role::Viewer).await;
        let token = &member.refresh_token;
        let before = site.holdings().await;
        let (front, back) = token.split_at(token.len() / 2);
        let mut flipped = token.clone().into_bytes();
        flipped[20] ^= 1;
        for (sent, status) in [
            (Value::from(front), 401),
            (Value::from(format!("{token}A")), 401),
            (Value::from(format!("{token}=")), 401),
            (Value::from(format!(" {token}")), 401),
            (Value::from(format!("{back}{front}")), 401),
            (Value::from(token.to_lowercase()), 401),
            (Value::from(String::from_utf8(flipped).unwrap()), 401),
            (Value::from("A".repeat(token.len())), 401),
            (Value::from(""), 401),
            (Value::from("\u{0}"), 401),
            (Value::Null, 400),
            (json!(17), 400),
            (json!([token]), 400),
            (Value::from("A".repeat(1 << 20)), 413),
        ] {
            let reply = site.anyone().post(TARGET, &json!({"refreshToken": sent})).await;
            assert!(reply.status == status || status == 401 && reply.status == 400, "{sent}: {reply}");
            assert_eq!(reply.header("set-cookie"), None);
        }
        assert_eq!(site.holdings().await, before);
        assert_eq!(site.anyone().refresh(token).await.status, 200);
    }

    async fn a_token_in_the_address_is_refused_and_not_logged(site) {
        let member = site.as_role(Role::Viewer).await;
        let token = &member.refresh_token;
        for (target, body) in [
            (format!("{TARGET}?refreshToken={token}"), json!({"refreshToken": token})),
            (format!("{TARGET}?refreshToken={token}"), json!({})),
            (format!("/api/admin/auth/refresh?refreshToken={token}"), json!({"refreshToken": token})),
        ] {
            assert_eq!(site.anyone().post(&target, &body).await.refusal(), is(400, "VALIDATION_ERROR"));
        }
        assert_eq!(site.logged(token), Vec::<String>::new());
        assert_eq!(site.anyone().refresh(token).await.status, 200);
    }

    async fn one_token_is_shown_six_times_a_minute_and_no_more(site) {
        let member = site.as_role(Role::Viewer).await;
        for _ in 0..6 {
            assert_eq!(site.anyone().refresh(&member.refresh_token).await.status, 200);
            site.wait(Duration::from_secs(5));
        }
        let refused = site.anyone().refresh(&member.refresh_token).await;
        assert_eq!(refused.refusal(), is(429, "RATE_LIMITED"));
        site.wait(retry_after(&refused));
        assert_eq!(site.anyone().refresh(&member.refresh_token).await.status, 200);
    }

    async fn a_spent_token_stays_spent_after_a_restart(site) {
        let (spent, child) = {
            let member = site.as_role(Role::Viewer).await;
            let child = child(&site.anyone().refresh(&member.refresh_token).await);
            assert_eq!(site.anyone().refresh(&child).await.status, 200);
            (member.refresh_token.clone(), child)
        };
        let site = site.restarted().await;
        assert_eq!(site.anyone().refresh(&spent).await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(site.anyone().refresh(&child).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn fifty_at_once_over_two_nodes_get_one_child(site) {
        let other = site.another_node().await;
        let member = site.as_role(Role::Viewer).await;
        let askers = [site.anyone(), other.anyone()];
        let asked = (0..50).map(|turn| askers[turn % 2].refresh(&member.refresh_token));
        let mut children: Vec<String> = futures::future::join_all(asked).await.iter().map(child).collect();
        children.sort();
        children.dedup();
        assert_eq!(children.len(), 1);
    }
}

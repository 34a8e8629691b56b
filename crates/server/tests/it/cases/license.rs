//! `POST /api/admin/license-on-prem`.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_core::access::Role;
use serde_json::{Value, json};

use super::is;
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::vendor::{HEADER, claims, key, public_key, signed, vendor};
use crate::site::{Asker, DAY, NOW, Site};

const TARGET: &str = "/api/admin/license-on-prem";

async fn install(by: &Asker<'_>, key: &str) -> Reply {
    by.post(TARGET, &json!({"licenseKey": key})).await
}

/// Keys that must not be believed, each with what is wrong with it.
fn unfit(site: &Site) -> Vec<(&'static str, String)> {
    let good = |serial| claims(site, serial, &json!({})).to_string();
    let by_vendor = |header: &str| signed(&vendor(), header, &good(2));
    let with = |changes: Value| key(site, 2, &changes);
    let stranger = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let own_key = format!(
        r#"{{"alg":"EdDSA","typ":"purser-license+jwt","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#,
        public_key()
    );
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"purser-license+jwt"}"#),
        URL_SAFE_NO_PAD.encode(good(2))
    );
    let fine = key(site, 2, &json!({}));
    let (said, signature) = fine.rsplit_once('.').unwrap();
    vec![
        ("signed by another key", signed(&stranger, HEADER, &good(2))),
        ("signed by a key it brings along", signed(&stranger, &own_key, &good(2))),
        ("not signed", unsigned),
        ("algorithm none over a true signature", by_vendor(r#"{"alg":"none","typ":"purser-license+jwt"}"#)),
        ("HS256 named", by_vendor(r#"{"alg":"HS256","typ":"purser-license+jwt"}"#)),
        ("another kind of token", by_vendor(r#"{"alg":"EdDSA","typ":"JWT"}"#)),
        ("no kind", by_vendor(r#"{"alg":"EdDSA"}"#)),
        ("expired", with(json!({"nbf": NOW - 100, "iat": NOW - 100, "exp": NOW - 1}))),
        ("not yet valid", with(json!({"nbf": NOW + 86_400}))),
        ("expiry as text", with(json!({"exp": "2030-01-01"}))),
        ("expiry as a fraction", with(json!({"exp": 1_900_000_000.5}))),
        ("expiry out of all calendars", with(json!({"exp": 224_000_000_000_000_i64}))),
        ("no expiry", with(json!({"exp": null}))),
        ("another instance", with(json!({"instance": "another"}))),
        ("no seats", with(json!({"seats": null}))),
        ("fewer than no seats", with(json!({"seats": -1}))),
        ("serial 0", key(site, 0, &json!({}))),
        ("a claim twice", signed(&vendor(), HEADER, &good(2).replacen('{', r#"{"seats":1,"#, 1))),
        ("no JSON", signed(&vendor(), HEADER, "seats=5000")),
        ("cut off", said.to_owned()),
        ("one letter changed", format!("{}A{signature}", &fine[..fine.len() - signature.len()])),
        ("a line break within", format!("{}\n{}", &fine[..40], &fine[40..])),
        ("a NUL within", format!("{}\0{}", &fine[..40], &fine[40..])),
        ("letters that look alike", fine.replacen('e', "\u{435}", 1)),
        ("padded", format!("{fine}==")),
        ("long", "A".repeat(60_000)),
        ("empty", String::new()),
        ("the example", "your-license-key".into()),
    ]
}

on_both! {
    async fn a_key_for_this_instance_is_put_in_force(site) {
        let site = site.on_premises().await;
        let admin = site.admin().await;
        assert_eq!(admin.get(TARGET).await.json()["data"]["stage"], "UNLICENSED");
        let reply = install(&admin, &key(&site, 1, &json!({}))).await;
        assert_eq!(reply.status, 200);
        let told = &reply.json()["data"];
        assert_eq!((&told["stage"], &told["serial"], &told["seats"]), (&json!("VALID"), &json!(1), &json!(5_000)));
        assert_eq!(*told, admin.get(TARGET).await.json()["data"]);
    }

    async fn a_refused_key_leaves_the_one_in_force(site) {
        let site = site.on_premises().await;
        let admin = site.admin().await;
        assert_eq!(install(&admin, &key(&site, 1, &json!({}))).await.status, 200);
        let (in_force, before) = (admin.get(TARGET).await.body, site.holdings().await);
        let mut answers = Vec::new();
        for (what, key) in unfit(&site) {
            let reply = install(&admin, &key).await;
            assert_eq!(reply.refusal(), is(400, "LICENSE_INVALID"), "{what}");
            answers.push(reply.body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "what is wrong is told to the log alone");
        assert_eq!((admin.get(TARGET).await.body, site.holdings().await), (in_force, before));
        let log = admin.get("/api/admin/audit?client=admin&outcome=refused").await.json();
        assert!(log["data"]["entries"].as_array().unwrap().len() >= unfit(&site).len());
    }

    async fn what_is_no_key_at_all_is_refused(site) {
        let site = site.on_premises().await;
        let admin = site.admin().await;
        for body in [json!({}), json!({"licenseKey": null}), json!({"licenseKey": 1}), json!({"licenseKey": ["x"]})] {
            assert_eq!(admin.post(TARGET, &body).await.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
        }
        assert_eq!(install(&admin, &"A".repeat(1 << 20)).await.refusal(), is(413, "PAYLOAD_TOO_LARGE"));
    }

    async fn an_older_licence_does_not_come_back(site) {
        let site = site.on_premises().await;
        let admin = site.admin().await;
        for serial in [1, 3] {
            assert_eq!(install(&admin, &key(&site, serial, &json!({}))).await.status, 200);
        }
        for serial in [1, 2] {
            assert_eq!(install(&admin, &key(&site, serial, &json!({}))).await.refusal(), is(400, "LICENSE_INVALID"));
        }
        assert_eq!(install(&admin, &key(&site, 3, &json!({}))).await.status, 200, "the one in force again");
        assert_eq!(install(&admin, &format!("\n {} \n", key(&site, 4, &json!({})))).await.status, 200, "blanks around it");
        assert_eq!(admin.get(TARGET).await.json()["data"]["serial"], 4);
    }

    async fn only_an_administrator_installs_one(site) {
        let site = site.on_premises().await;
        let key = key(&site, 1, &json!({}));
        let member = site.as_role(Role::Viewer).await;
        for asker in [site.anyone(), member.with("Accept: */*")] {
            assert_eq!(install(&asker, &key).await.refusal(), is(401, "INVALID_TOKEN"));
            assert_eq!(asker.get(TARGET).await.refusal(), is(401, "INVALID_TOKEN"));
        }
    }

    async fn without_a_licence_people_read_and_administrators_work(site) {
        let member_of = site.user("acme", &[Role::Admin]).await;
        let site = site.on_premises().await;
        let member = site.sign_in(&member_of).await;
        let told = member.me().await.json();
        assert_eq!(told["data"]["notices"][0]["stage"], "UNLICENSED");
        assert_eq!(member.graphql("{ users { id } }").await.json()["errors"], Value::Null);
        let create = r#"mutation { createUser(input: {email: "new@acme.test", firstName: "A", lastName: "B"}) { id } }"#;
        let refused = member.graphql(create).await.json();
        assert_eq!(refused["errors"][0]["extensions"]["code"], "LICENSE_REQUIRED");
        let admin = site.admin().await;
        assert_eq!(admin.get("/api/admin/clients").await.status, 200);
        assert_eq!(install(&admin, &key(&site, 1, &json!({}))).await.status, 200);
        assert_eq!(member.graphql(create).await.json()["errors"], Value::Null);
        assert_eq!(member.me().await.json()["data"]["notices"], json!([]));
    }

    async fn a_licence_runs_out_by_stages(site) {
        let user = site.user("acme", &[Role::Admin]).await;
        let site = site.on_premises().await;
        let admin_name = site.new_name();
        site.new_admin(&admin_name).await;
        let first = site.sign_in_admin(&admin_name).await;
        assert_eq!(install(&first, &key(&site, 1, &json!({}))).await.status, 200);
        for (days, stage) in [(334, "VALID"), (1, "NOTICE"), (30, "GRACE"), (14, "READ_ONLY")] {
            site.wait(days * DAY);
            let admin = site.sign_in_admin(&admin_name).await;
            assert_eq!(admin.get(TARGET).await.json()["data"]["stage"], stage);
            let member = site.sign_in(&user).await;
            let rename = format!(r#"mutation {{ updateUser(input: {{id: {}, lastName: "New"}}) {{ id }} }}"#, user.id);
            let code = member.graphql(&rename).await.json()["errors"][0]["extensions"]["code"].clone();
            assert_eq!(code, if stage == "READ_ONLY" { json!("LICENSE_EXPIRED") } else { Value::Null }, "{stage}");
        }
        // Removing people and renewing always work.
        let admin = site.sign_in_admin(&admin_name).await;
        let second = site.user("acme", &[Role::Viewer]).await;
        let member = site.sign_in(&user).await;
        let delete = format!("mutation {{ deleteUser(input: {{id: {}}}) {{ id }} }}", second.id);
        assert_eq!(member.graphql(&delete).await.json()["errors"], Value::Null);
        let renewed = key(&site, 2, &json!({"exp": NOW + 800 * 86_400}));
        assert_eq!(install(&admin, &renewed).await.json()["data"]["stage"], "VALID");
    }

    async fn seats_are_exact_even_when_taken_at_once(site) {
        let user = site.user("acme", &[Role::Admin]).await;
        let site = site.on_premises().await;
        let admin = site.admin().await;
        assert_eq!(install(&admin, &key(&site, 1, &json!({"seats": 4}))).await.status, 200);
        let member = site.sign_in(&user).await;
        let create = (0..10).map(|n| format!(r#"mutation {{ createUser(input: {{email: "n{n}@acme.test", firstName: "A", lastName: "B"}}) {{ id }} }}"#));
        let documents: Vec<String> = create.collect();
        let answers = futures::future::join_all(documents.iter().map(|document| member.graphql(document))).await;
        let codes: Vec<Value> = answers.iter().map(|reply| reply.json()["errors"][0]["extensions"]["code"].clone()).collect();
        assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 3, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == "LICENSE_SEATS").count(), 7, "{codes:?}");
        assert_eq!(admin.get(TARGET).await.json()["data"]["seatsUsed"], 4);
    }
}

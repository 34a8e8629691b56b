//! Second factors and passkeys over HTTP, as a client of the API meets them.

use std::time::Duration;

use purser_core::access::Role;
use purser_core::env::Clock as _;
use purser_core::ids::TenantId;
use purser_core::tenants::{TenantSettings, TenantUpdate, TwoFactor};
use purser_core::users::User;
use purser_standin::authenticator::Authenticator;
use purser_standin::totp;
use serde_json::{Value, json};

use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{Asker, Member, PASSWORD, SECOND, Site};

const TOTP: &str = "/api/client/auth/two-factor/totp";
const CONFIRM: &str = "/api/client/auth/two-factor/totp/confirm";
const VERIFY: &str = "/api/client/auth/two-factor/verify";
const OPTIONS: &str = "/api/client/auth/two-factor/options";
const STATE: &str = "/api/client/auth/two-factor";
const PASSKEYS: &str = "/api/client/auth/two-factor/passkeys";
/// An address that passkeys may be for.
pub(crate) const ORIGIN: &str = "http://localhost";

pub(crate) const STEP: Duration = Duration::from_secs(30);

pub(crate) fn code(site: &Site, secret: &str) -> String {
    totp::code(secret, site.clock.now().seconds())
}

/// Sets an app up for somebody: the secret, and the recovery codes.
pub(crate) async fn enrol(site: &Site, member: &Member<'_>) -> (String, Vec<String>) {
    let offer = member.post(TOTP, &json!({})).await.json();
    let secret = offer["data"]["secret"].as_str().unwrap().to_owned();
    let confirmed = member.post(CONFIRM, &json!({"code": code(site, &secret)})).await.json();
    let codes = confirmed["data"]["recoveryCodes"].as_array().unwrap();
    site.wait(STEP);
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn sign_in(site: &Site, user: &User) -> Reply {
    site.anyone().with("X-Client-ID: acme").sign_in(&user.email, PASSWORD).await
}

/// The challenge in a refusal.
fn challenge(reply: &Reply) -> String {
    assert_eq!(reply.refusal(), (401, "TWO_FACTOR_REQUIRED".to_owned()));
    let refusal = reply.json();
    assert_eq!(refusal["error"]["message"], "Two-factor authentication required");
    refusal["error"]["challenge"].as_str().unwrap().to_owned()
}

pub(crate) async fn demand(site: &Site, grace: &str) {
    let settings = TenantSettings {
        two_factor: TwoFactor::Required,
        two_factor_grace: Some(grace.parse().unwrap()),
        ..TenantSettings::default()
    };
    let update = TenantUpdate { settings: Some(settings.into()), ..TenantUpdate::default() };
    let by = purser_core::access::SystemAdmin::at_the_command_line().grant();
    let acme: TenantId = "acme".parse().unwrap();
    site.app.update_tenant(&by, &acme, update).await.unwrap();
}

/// What a browser is asked, as its script hands it on.
fn public_key(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()["data"]["publicKey"].clone()
}

async fn register(member: &Asker<'_>, authenticator: &mut Authenticator) -> Reply {
    let options = public_key(&member.post(&format!("{PASSKEYS}/options"), &json!({})).await);
    member.post(PASSKEYS, &json!({"name": "Phone", "passkey": authenticator.make(&options)})).await
}

/// Registers a passkey for somebody: its id.
pub(crate) async fn passkey_of(member: &Member<'_>) -> String {
    let added = register(member, &mut Authenticator::at(ORIGIN)).await.json();
    added["data"]["id"].as_str().unwrap().to_owned()
}

async fn alone(site: &Site, authenticator: &mut Authenticator) -> Reply {
    let options = public_key(&site.anyone().ask("POST", "/api/client/auth/passkey/options").await);
    let shown = json!({"passkey": authenticator.show(&options)});
    site.anyone().post("/api/client/auth/passkey/sign-in", &shown).await
}

on_both! {
    async fn a_sign_in_with_an_app_answers_as_one_without(site) {
        let member = site.as_role(Role::Author).await;
        let plain = sign_in(&site, &member.user).await;
        let member = site.sign_in(&member.user).await;
        let (secret, codes) = enrol(&site, &member).await;
        assert_eq!(codes.len(), 10);
        let waiting = sign_in(&site, &member.user).await;
        assert_eq!(waiting.header("set-cookie"), None);
        assert_eq!(waiting.header("cache-control"), Some("no-store"));
        let challenge = challenge(&waiting);
        let options = site.anyone().post(OPTIONS, &json!({"challenge": challenge})).await.json();
        assert_eq!(options["data"]["methods"], json!(["totp", "recovery"]));
        assert_eq!(options["data"]["wanted"], "VERIFY");
        let wrong = site.anyone().post(VERIFY, &json!({"challenge": challenge, "code": "00000"})).await;
        assert_eq!(wrong.refusal(), (401, "INVALID_CREDENTIALS".to_owned()));
        let done = site.anyone().post(VERIFY, &json!({"challenge": challenge, "code": code(&site, &secret)})).await;
        assert_eq!(done.status, 200);
        let members = |reply: &Reply| reply.json()["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(members(&done), members(&plain));
        assert!(done.header("set-cookie").unwrap().starts_with("session="));
        let token = done.json()["data"]["token"].as_str().unwrap().to_owned();
        let me = site.anyone().bearing(&token).me().await.json();
        assert_eq!(me["data"]["session"]["amr"], json!(["pwd", "otp", "mfa"]));
        assert!(me["data"].get("twoFactor").is_none());
        let again = site.anyone().post(VERIFY, &json!({"challenge": challenge, "code": codes[0]})).await;
        assert_eq!(again.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }

    async fn a_page_of_another_site_cannot_answer_for_somebody(site) {
        let member = site.as_role(Role::Author).await;
        let (secret, _) = enrol(&site, &member).await;
        let challenge = challenge(&sign_in(&site, &member.user).await);
        let evil = site.anyone().with("Origin: https://evil.test");
        for (path, body) in [
            (VERIFY, json!({"challenge": challenge, "code": code(&site, &secret)})),
            (OPTIONS, json!({"challenge": challenge})),
            (TOTP, json!({"challenge": challenge})),
            (CONFIRM, json!({"challenge": challenge, "code": "123456"})),
        ] {
            assert_eq!(evil.post(path, &body).await.refusal(), (403, "CSRF_REJECTED".to_owned()), "{path}");
        }
        let both = json!({"challenge": challenge, "code": "123456", "passkey": {"id": "aWQ", "response": {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}});
        assert_eq!(site.anyone().post(VERIFY, &both).await.refusal(), (400, "VALIDATION_ERROR".to_owned()));
        let neither = site.anyone().post(VERIFY, &json!({"challenge": challenge})).await;
        assert_eq!(neither.refusal(), (400, "VALIDATION_ERROR".to_owned()));
    }

    async fn those_who_must_enrol_are_told_until_when_and_then_enrol_on_the_way_in(site) {
        let member = site.as_role(Role::Author).await;
        demand(&site, "1h").await;
        let me = member.me().await.json();
        assert_eq!(me["data"]["twoFactor"]["enrolBy"], "2027-01-15T09:00:00Z");
        let state = member.get(STATE).await.json();
        assert_eq!((&state["data"]["required"], &state["data"]["totp"]), (&json!(true), &json!(false)));
        site.wait(SECOND * 3600);
        assert_eq!(member.me().await.refusal(), (401, "INVALID_TOKEN".to_owned()));
        let challenge = challenge(&sign_in(&site, &member.user).await);
        let options = site.anyone().post(OPTIONS, &json!({"challenge": challenge})).await.json();
        assert_eq!((&options["data"]["wanted"], &options["data"]["methods"]), (&json!("ENROL"), &json!([])));
        let offer = site.anyone().post(TOTP, &json!({"challenge": challenge})).await.json();
        let secret = offer["data"]["secret"].as_str().unwrap();
        assert!(offer["data"]["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
        assert!(offer["data"]["qr"].as_str().unwrap().starts_with("data:image/svg+xml;base64,"));
        let confirm = json!({"challenge": challenge, "code": code(&site, secret)});
        let done = site.anyone().post(CONFIRM, &confirm).await;
        assert_eq!(done.json()["data"]["recoveryCodes"].as_array().unwrap().len(), 10);
        assert!(done.header("set-cookie").unwrap().starts_with("session="));
        let token = done.json()["data"]["token"].as_str().unwrap().to_owned();
        let member = site.anyone().bearing(&token);
        assert!(member.me().await.json()["data"].get("twoFactor").is_none());
        let gone = member.send("DELETE", TOTP, &json!({})).await;
        assert_eq!(gone.refusal(), (409, "CONFLICT".to_owned()));
    }

    async fn what_changes_second_factors_takes_a_fresh_sign_in_or_the_password(site) {
        let member = site.as_role(Role::Author).await;
        enrol(&site, &member).await;
        site.wait(SECOND * 600);
        for (method, path) in [
            ("POST", TOTP.to_owned()),
            ("DELETE", TOTP.to_owned()),
            ("POST", format!("{STATE}/recovery-codes")),
        ] {
            let held = site.holdings().await;
            let bare = member.ask(method, &path).await;
            assert_eq!(bare.refusal(), (400, "VALIDATION_ERROR".to_owned()), "{method} {path}");
            assert!(bare.json()["error"]["details"]["password"].is_string());
            let wrong = member.send(method, &path, &json!({"password": "another horse battery 4711"})).await;
            assert_eq!(wrong.refusal(), (401, "INVALID_CREDENTIALS".to_owned()), "{method} {path}");
            assert_eq!(site.holdings().await, held);
        }
        let codes = member.post(&format!("{STATE}/recovery-codes"), &json!({"password": PASSWORD})).await;
        assert_eq!(codes.json()["data"]["recoveryCodes"].as_array().unwrap().len(), 10);
        assert_eq!(member.send("DELETE", TOTP, &json!({"password": PASSWORD})).await.status, 200);
        assert_eq!(sign_in(&site, &member.user).await.status, 200);
    }

    async fn whoever_manages_users_demands_and_resets(site) {
        let (member, admin) = (site.as_role(Role::Author).await, site.as_role(Role::UserAdmin).await);
        enrol(&site, &member).await;
        let id = member.user.id;
        let demanded = admin.graphql(&format!("mutation {{ requireTwoFactor(input: {{id: {id}, required: true}}) {{ twoFactorRequired twoFactorEnabled }} }}")).await;
        assert_eq!(demanded.json()["data"]["requireTwoFactor"], json!({"twoFactorRequired": true, "twoFactorEnabled": true}));
        let reset = admin.graphql(&format!("mutation {{ resetTwoFactor(input: {{id: {id}}}) {{ twoFactorEnabled }} }}")).await;
        assert_eq!(reset.json()["data"]["resetTwoFactor"]["twoFactorEnabled"], false);
        assert_eq!(member.me().await.refusal(), (401, "INVALID_TOKEN".to_owned()));
        assert_eq!(sign_in(&site, &member.user).await.status, 200);
    }

    async fn a_passkey_signs_in_alone_and_as_a_second_factor(site) {
        let site = site.with(|settings| settings.server.public_url = Some(ORIGIN.into())).await;
        let member = site.as_role(Role::Author).await;
        let mut phone = Authenticator::at(ORIGIN);
        let added = register(&member, &mut phone).await;
        assert_eq!(added.status, 201);
        let added = added.json()["data"].clone();
        assert_eq!((&added["name"], added["recoveryCodes"].as_array().unwrap().len()), (&json!("Phone"), 10));
        let done = alone(&site, &mut phone).await;
        assert!(done.header("set-cookie").unwrap().starts_with("session="));
        let token = done.json()["data"]["token"].as_str().unwrap().to_owned();
        let me = site.anyone().bearing(&token).me().await.json();
        assert_eq!(me["data"]["session"]["amr"], json!(["hwk", "user", "mfa"]));
        let challenge = challenge(&sign_in(&site, &member.user).await);
        let options = site.anyone().post(OPTIONS, &json!({"challenge": challenge})).await.json();
        assert_eq!(options["data"]["methods"], json!(["recovery", "passkey"]));
        let shown = phone.show(&options["data"]["passkey"]);
        let done = site.anyone().post(VERIFY, &json!({"challenge": challenge, "passkey": shown})).await;
        assert_eq!(done.status, 200, "{done}");
        let path = format!("{PASSKEYS}/{}", added["id"].as_str().unwrap());
        assert_eq!(member.patch(&path, &json!({"name": "Old phone"})).await.status, 200);
        assert_eq!(member.get(STATE).await.json()["data"]["passkeys"][0]["name"], "Old phone");
        assert_eq!(member.delete(&path).await.status, 200);
        assert_eq!(alone(&site, &mut phone).await.refusal(), (401, "INVALID_CREDENTIALS".to_owned()));
        assert_eq!(sign_in(&site, &member.user).await.status, 200);
    }

    async fn what_is_no_passkey_is_refused_by_field(site) {
        let site = site.with(|settings| settings.server.public_url = Some(ORIGIN.into())).await;
        let body = json!({"passkey": {"id": "not base64!", "response": {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}});
        let refused = site.anyone().post("/api/client/auth/passkey/sign-in", &body).await;
        assert_eq!(refused.refusal(), (400, "VALIDATION_ERROR".to_owned()));
        assert!(refused.json()["error"]["details"]["passkey.id"].is_string(), "{refused}");
    }
}

//! For each operation a request that succeeds when the right one asks, about things made for it alone.

use purser_core::access::Role;
use purser_core::env::Clock as _;
use purser_standin::totp;
use serde_json::{Value, json};

use super::Who;
use crate::http::probe::Reply;
use crate::site::{Asker, METRICS, Member, PASSWORD, Site, vendor};

/// A request, ready to be sent by anybody.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) target: String,
    media: Option<String>,
    body: Value,
    text: String,
}

impl Prepared {
    pub(super) fn bare(target: impl Into<String>) -> Self {
        Self { target: target.into(), media: None, body: Value::Null, text: String::new() }
    }

    pub(super) fn json(target: impl Into<String>, body: Value) -> Self {
        Self { target: target.into(), media: None, text: String::new(), body }
    }

    pub(super) fn form(target: &str, fields: &str) -> Self {
        Self::text(target, "application/x-www-form-urlencoded", fields)
    }

    pub(super) fn text(target: &str, media: &str, text: &str) -> Self {
        Self { target: target.into(), media: Some(media.into()), body: Value::Null, text: text.into() }
    }

    /// The same about something else.
    pub(super) fn about(&self, target: String) -> Self {
        Self { target, ..self.clone() }
    }

    pub(super) async fn send(&self, method: &str, asker: &Asker<'_>) -> Reply {
        match &self.media {
            Some(media) => {
                asker.with(&format!("Content-Type: {media}")).send_raw(method, &self.target, &self.text).await
            }
            None if self.body.is_null() => asker.ask(method, &self.target).await,
            None => asker.send(method, &self.target, &self.body).await,
        }
    }
}

/// The request for an operation.
///
/// # Panics
/// For an operation nobody has written a request for: then it is not covered.
pub(super) async fn prepared(site: &Site, operation: &str, who: Who<'_, '_>) -> Prepared {
    let (method, path) = operation.split_once(' ').unwrap();
    if let Some(rest) = path.strip_prefix("/api/client/") {
        return client(site, method, rest, who).await;
    }
    if let Some(rest) = path.strip_prefix("/api/admin/") {
        return admin(site, method, rest).await;
    }
    match (method, path) {
        ("GET", "/rest/auth-with-okta-saml") => Prepared::bare(path),
        ("POST", "/rest/auth-with-okta-saml") => {
            Prepared::json(path, json!({"samlResponse": "base64-encoded-saml-response"}))
        }
        _ => standing(operation, path),
    }
}

fn standing(operation: &str, path: &str) -> Prepared {
    match path {
        "/healthz" | "/readyz" | "/metrics" | "/.well-known/jwks.json" | "/api/openapi.json" => Prepared::bare(path),
        _ => panic!("{operation} is not covered: write a request for it here"),
    }
}

async fn client(site: &Site, method: &str, rest: &str, who: Who<'_, '_>) -> Prepared {
    let path = format!("/api/client/{rest}");
    match (method, rest) {
        ("POST", "auth/sign-in") => {
            let user = site.user("acme", &[Role::Viewer]).await;
            Prepared::json(path + "?client=acme", json!({"email": user.email, "password": PASSWORD}))
        }
        ("POST", "auth/refresh") => {
            let member = site.as_role(Role::Viewer).await;
            Prepared::json(path, json!({"refreshToken": member.refresh_token}))
        }
        ("POST", "auth/sign-out") | ("GET", "auth/me" | "auth/sessions" | "audit/export" | "users/export") => {
            Prepared::bare(path)
        }
        ("DELETE", "auth/sessions/{id}") => {
            let own = match who {
                Who::Member(member) => site.sign_in(&member.user).await,
                _ => site.as_role(Role::Viewer).await,
            };
            Prepared::bare(format!("/api/client/auth/sessions/{}", own.session().await))
        }
        ("POST", "auth/password/change") => {
            Prepared::json(path, json!({"currentPassword": PASSWORD, "newPassword": "another horse battery 4711"}))
        }
        ("POST", _) if rest.starts_with("auth/password/") || rest.starts_with("auth/email/") => {
            by_mail(site, rest, path, who).await
        }
        ("POST", "auth/invitation" | "auth/invitation/accept") => by_mail(site, rest, path, who).await,
        (_, rest) if rest.starts_with("auth/two-factor") => second_factor(site, method, rest, who).await,
        ("POST", "auth/passkey/options") => Prepared::bare(path),
        ("POST", "auth/passkey/sign-in") => Prepared::json(path, json!({"passkey": shown_passkey()})),
        ("POST", "graphql") => Prepared::json(path, json!({"query": "query { users { id email } }"})),
        ("POST", "users/import") => {
            let file = format!("email,firstName,lastName\n{}@acme.test,Ann,Lee\n", site.new_name());
            Prepared::text(&path, "text/csv", &file)
        }
        ("GET", "jobs/{id}/export" | "jobs/{id}/report") => {
            Prepared::bare(super::work::with_work(site, "acme", &path.replace("{id}", "$DONE"), None).await)
        }
        _ => single_sign_on(method, rest, path),
    }
}

/// What letters lead to.
async fn by_mail(site: &Site, rest: &str, path: String, who: Who<'_, '_>) -> Prepared {
    let fresh = format!("{}@acme.test", site.new_name());
    match rest {
        "auth/password/forgot" => Prepared::json(path + "?client=acme", json!({"email": fresh})),
        "auth/password/reset" => {
            let user = site.user("acme", &[Role::Viewer]).await;
            let token = site.reset_link(&user.email).await;
            Prepared::json(path, json!({"token": token, "password": "another horse battery 4711"}))
        }
        "auth/email/change" => Prepared::json(path, json!({"email": fresh, "password": PASSWORD})),
        "auth/email/confirm" => {
            let member = match who {
                Who::Member(member) => site.sign_in(&member.user).await,
                _ => site.as_role(Role::Viewer).await,
            };
            let token = site.address_link(&member, &fresh).await;
            Prepared::json(path, json!({"token": token}))
        }
        "auth/invitation" => Prepared::json(path, json!({"token": site.invitation_link(&fresh).await})),
        "auth/invitation/accept" => {
            let token = site.invitation_link(&fresh).await;
            Prepared::json(path, json!({"token": token, "firstName": "Ann", "password": "another horse battery 4711"}))
        }
        _ => panic!("{rest} is not covered: write a request for it here"),
    }
}

/// Whoever is asked for a second factor has enrolled one; so has whoever removes it.
async fn second_factor(site: &Site, method: &str, rest: &str, who: Who<'_, '_>) -> Prepared {
    let path = format!("/api/client/{rest}").replace("{id}", "0190a0a0-0000-7000-8000-000000000000");
    match (method, rest.trim_start_matches("auth/two-factor").trim_start_matches('/')) {
        ("GET", "") => Prepared::bare(path),
        ("POST", "options") => Prepared::json(path, json!({"challenge": challenged(site).await.0})),
        ("POST", "verify") => {
            let (challenge, code) = challenged(site).await;
            Prepared::json(path, json!({"challenge": challenge, "code": code}))
        }
        ("POST", "totp/confirm") => {
            let code = match who {
                Who::Member(member) => begun(site, member).await,
                _ => "123456".into(),
            };
            Prepared::json(path, json!({"code": code}))
        }
        ("DELETE", "totp") | ("POST", "recovery-codes") => {
            if let Who::Member(member) = who {
                enrolled(site, member).await;
            }
            Prepared::json(path, json!({"password": PASSWORD}))
        }
        // No address is set here that passkeys could be for; their stories stand elsewhere.
        ("POST", "totp" | "passkeys/options") | ("DELETE", "passkeys/{id}") => Prepared::json(path, json!({})),
        ("POST", "passkeys") => Prepared::json(path, json!({"name": "Phone", "passkey": made_passkey()})),
        ("PATCH", "passkeys/{id}") => Prepared::json(path, json!({"name": "Old phone"})),
        _ => panic!("{method} {path} is not covered: write a request for it here"),
    }
}

/// The code of a secret that somebody was just shown.
async fn begun(site: &Site, member: &Member<'_>) -> String {
    let offer = member.post("/api/client/auth/two-factor/totp", &json!({})).await.json();
    totp::code(offer["data"]["secret"].as_str().unwrap(), site.clock.now().seconds())
}

/// Enrols somebody; gives a recovery code of theirs.
async fn enrolled(site: &Site, member: &Member<'_>) -> String {
    let confirm = json!({"code": begun(site, member).await});
    let codes = member.post("/api/client/auth/two-factor/totp/confirm", &confirm).await.json();
    codes["data"]["recoveryCodes"][0].as_str().unwrap_or_default().to_owned()
}

/// A sign-in that waits, and a code that ends it.
async fn challenged(site: &Site) -> (String, String) {
    let member = site.as_role(Role::Viewer).await;
    let code = enrolled(site, &member).await;
    let asked = site.anyone().with("X-Client-ID: acme").sign_in(&member.user.email, PASSWORD).await.json();
    (asked["error"]["challenge"].as_str().unwrap().to_owned(), code)
}

fn made_passkey() -> Value {
    json!({"id": "aWQ", "response": {"clientDataJSON": "e30", "attestationObject": "oA"}})
}

fn shown_passkey() -> Value {
    json!({"id": "aWQ", "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}})
}

/// For these no request succeeds by itself: it takes a provider, whose stories stand elsewhere.
fn single_sign_on(method: &str, rest: &str, path: String) -> Prepared {
    match (method, rest) {
        ("GET", "auth/providers" | "auth/okta-saml" | "auth/okta-saml/metadata" | "auth/ms-dynamics") => {
            Prepared::bare(path + "?client=acme")
        }
        ("GET", "auth/oidc") => Prepared::bare(path + "?provider=provider-name&client=acme"),
        ("GET", "auth/oidc/callback" | "auth/ms-dynamics/callback") => Prepared::bare(path + "?code=code&state=state"),
        ("POST", "auth/oidc/callback") => Prepared::form(&path, "code=code&state=state"),
        ("POST", "auth/okta-saml") => {
            Prepared::json(path + "?client=acme", json!({"samlResponse": "base64-encoded-saml-response"}))
        }
        ("GET", "auth/okta-saml/logout") => Prepared::bare(path + "?SAMLRequest=base64"),
        ("POST", "auth/okta-saml/logout") => Prepared::form(&path, "SAMLRequest=base64"),
        ("GET", "auth/landing") => Prepared::bare(path + "?code=one-time-code&state=state"),
        ("POST", "auth/exchange") => {
            Prepared::json(path, json!({"code": "one-time-code", "codeVerifier": "verifier-of-another"}))
        }
        _ => panic!("{method} {path} is not covered: write a request for it here"),
    }
}

async fn admin(site: &Site, method: &str, rest: &str) -> Prepared {
    let path = format!("/api/admin/{rest}");
    match (method, rest) {
        ("POST", "auth/sign-in") => {
            let name = site.new_name();
            site.new_admin(&name).await;
            Prepared::json(path, json!({"username": name, "password": PASSWORD}))
        }
        ("POST", "auth/refresh") => {
            let admin = site.admin().await;
            Prepared::json(path, json!({"refreshToken": admin.refresh_token}))
        }
        ("POST", "auth/sign-out" | "keys")
        | ("GET", "clients" | "admins" | "audit" | "audit/export" | "keys" | "license-on-prem" | "mail")
        | ("DELETE", "sessions") => Prepared::bare(path),
        ("DELETE", "sessions/{id}") => {
            let member = site.as_role(Role::Viewer).await;
            Prepared::bare(format!("/api/admin/sessions/{}", member.session().await))
        }
        ("POST", "clients") => Prepared::json(path, json!({"id": site.new_name(), "name": "New"})),
        (_, rest) if rest.starts_with("clients/{id}") => of_client(site, method, rest).await,
        ("POST", "admins") => Prepared::json(path, json!({"username": site.new_name(), "password": PASSWORD})),
        ("PATCH" | "DELETE", "admins/{id}") => {
            let id = site.new_admin(&site.new_name()).await;
            switch(method, format!("/api/admin/admins/{id}"))
        }
        ("POST", "license-on-prem") => {
            let serial: i64 = site.new_name().trim_start_matches("new").parse().unwrap();
            Prepared::json(path, json!({"licenseKey": vendor::key(site, serial + 1, &json!({}))}))
        }
        _ => panic!("{method} {path} is not covered: write a request for it here"),
    }
}

async fn of_client(site: &Site, method: &str, rest: &str) -> Prepared {
    let tenant = site.new_tenant().await;
    let user = site.user(tenant.as_str(), &[Role::Viewer]).await;
    let provider = site.provider(tenant.as_str()).await;
    let path = format!("/api/admin/{rest}")
        .replace("{id}", tenant.as_str())
        .replace("{user}", &user.id.to_string())
        .replace("{name}", &provider)
        .replace("{domain}", &format!("{provider}.invalid"));
    match (method, rest) {
        (
            "GET",
            "clients/{id}"
            | "clients/{id}/export"
            | "clients/{id}/users"
            | "clients/{id}/identity-providers"
            | "clients/{id}/identity-providers/{name}"
            | "clients/{id}/domains",
        )
        | (
            "DELETE",
            "clients/{id}"
            | "clients/{id}/sessions"
            | "clients/{id}/users/{user}/sessions"
            | "clients/{id}/users/{user}/two-factor"
            | "clients/{id}/identity-providers/{name}"
            | "clients/{id}/identity-providers/{name}/sessions"
            | "clients/{id}/domains/{domain}",
        )
        | (
            "POST",
            "clients/{id}/identity-providers/{name}/test"
            | "clients/{id}/identity-providers/{name}/refresh"
            | "clients/{id}/domains/{domain}/verify"
            | "clients/{id}/domains/{domain}/confirm",
        ) => Prepared::bare(path),
        ("POST", "clients/{id}/identity-providers") => {
            let oidc = json!({"issuer": "https://idp.test", "clientId": site.new_name(), "clientSecret": "canary-client-secret"});
            Prepared::json(path, json!({"name": site.new_name(), "oidc": oidc}))
        }
        ("PATCH", "clients/{id}/identity-providers/{name}") => {
            Prepared::json(path, json!({"oidc": {"clientSecret": "another-canary-secret"}}))
        }
        ("POST", "clients/{id}/domains") => Prepared::json(path, json!({"name": format!("{}.test", site.new_name())})),
        ("PATCH", "clients/{id}") => Prepared::json(path, json!({"name": "Another name"})),
        ("POST", "clients/{id}/users") => {
            let email = format!("{}@acme.test", site.new_name());
            Prepared::json(
                path,
                json!({"email": email, "firstName": "John", "lastName": "Doe", "roles": ["ADMIN"], "password": PASSWORD}),
            )
        }
        ("PATCH" | "DELETE", "clients/{id}/users/{user}") => switch(method, path),
        _ => panic!("{method} {path} is not covered: write a request for it here"),
    }
}

/// To disable, or to delete.
fn switch(method: &str, path: String) -> Prepared {
    match method {
        "PATCH" => Prepared::json(path, json!({"status": "DISABLED"})),
        _ => Prepared::bare(path),
    }
}

/// What opens the metrics.
pub(super) fn metrics_reader(site: &Site) -> Asker<'_> {
    site.anyone().bearing(METRICS)
}

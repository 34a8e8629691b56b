//! For each operation a request that succeeds when the right one asks, about things made for it alone.

use purser_core::access::Role;
use serde_json::{Value, json};

use super::Who;
use crate::http::probe::Reply;
use crate::site::{Asker, METRICS, PASSWORD, Site, vendor};

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
        ("POST", "auth/sign-out") | ("GET", "auth/me" | "auth/sessions" | "users/export") => Prepared::bare(path),
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
        | ("GET", "clients" | "admins" | "audit" | "keys" | "license-on-prem")
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

//! Every operation of the API as every kind of caller, against one written table.

mod fields;
mod foreign;
mod matrix;
mod recipes;
pub(crate) mod work;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insta::assert_snapshot;
use purser_core::access::Role;
use purser_server::router;
use serde_json::{Value, json};

use crate::http::probe::Reply;
use crate::on_both;
use crate::openapi::lacking;
use crate::site::{Asker, DAY, Member, Site, System, vendor};
use matrix::{Ear, Matrix};
use recipes::{Prepared, prepared};

/// What any operation may answer without saying so in its description.
const EVERYWHERE: &[&str] = &["METHOD_NOT_ALLOWED", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];

/// Who asks.
#[derive(Clone, Copy)]
enum Who<'a, 's> {
    Nobody,
    Member(&'a Member<'s>),
    System(&'a System<'s>),
}

impl<'s> Who<'_, 's> {
    fn asker(self, site: &'s Site) -> Asker<'s> {
        match self {
            Self::Nobody => site.anyone(),
            Self::Member(member) => (**member).clone(),
            Self::System(system) => (**system).clone(),
        }
    }
}

/// An operation of the description.
struct Operation {
    method: String,
    path: String,
    described: Value,
}

impl Operation {
    fn all() -> Vec<Self> {
        let described = described();
        let mut operations = Vec::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, described) in methods.as_object().unwrap() {
                let (method, path) = (method.to_uppercase(), path.clone());
                operations.push(Self { method, path, described: described.clone() });
            }
        }
        operations
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_admins(&self) -> bool {
        self.path.starts_with("/api/admin")
    }

    /// Whether it asks who is calling. The metrics have a token of their own.
    fn wants_a_session(&self) -> bool {
        self.described["security"].is_array() && self.path != "/metrics"
    }

    /// Whether tenants' users ask for it, by itself: what GraphQL asks is told field by field.
    fn is_clients(&self) -> bool {
        self.path.starts_with("/api/client/") && self.path != "/api/client/graphql"
    }

    fn takes_a_body(&self) -> bool {
        self.described["requestBody"].is_object()
    }

    /// The media type of that body; JSON, if it may be.
    fn takes(&self) -> &'static str {
        let content = &self.described["requestBody"]["content"];
        let known = ["application/json", "text/csv", "application/x-www-form-urlencoded"];
        known.into_iter().find(|media| content[*media].is_object()).unwrap_or_default()
    }

    /// What this answer should hold besides, by the description.
    fn lacking(&self, api: &Value, reply: &Reply) -> Vec<String> {
        let content = &self.described["responses"][reply.status.to_string()]["content"];
        let media = reply.header("content-type").and_then(|media| media.split(';').next()).unwrap_or_default();
        let place = format!("{} answers {} without ", self.name(), reply.status);
        if content.is_object() && !media.is_empty() && content[media].is_null() {
            return vec![format!("{} answers as {media}", self.name())];
        }
        if media == "application/json" {
            lacking(api, &content[media]["schema"], &reply.json(), &place)
        } else {
            Vec::new()
        }
    }

    /// Whether the description says that this may be answered.
    fn documents(&self, status: u16, code: &str) -> bool {
        let response = &self.described["responses"][status.to_string()];
        response["description"].as_str().is_some_and(|text| status < 400 || text.contains(&format!("`{code}`")))
    }
}

fn described() -> Value {
    serde_json::to_value(router::description()).unwrap()
}

/// The table while it is filled.
struct Table<'s> {
    site: &'s Site,
    text: String,
    undocumented: BTreeSet<String>,
    api: Value,
    matrix: Matrix,
}

impl<'s> Table<'s> {
    /// Asks once, checks what holds for every answer, and gives what stands in the table.
    async fn cell(&mut self, operation: &Operation, asker: &Asker<'s>, prepared: &Prepared) -> String {
        let before = self.site.holdings().await;
        let reply = prepared.send(&operation.method, asker).await;
        if reply.status >= 400 {
            assert_eq!(self.site.holdings().await, before, "{} was refused and changed something", operation.name());
            assert_eq!(reply.header("set-cookie"), None);
        }
        self.note(operation, &reply)
    }

    fn note(&mut self, operation: &Operation, reply: &Reply) -> String {
        let code = if reply.status < 400 { String::new() } else { reply.code() };
        if !EVERYWHERE.contains(&code.as_str()) && !operation.documents(reply.status, &code) {
            self.undocumented.insert(format!("{} answers {} {code}", operation.name(), reply.status));
        }
        self.undocumented.extend(operation.lacking(&self.api, reply));
        if reply.status < 400 { reply.status.to_string() } else { format!("{} {code}", reply.status) }
    }

    async fn asked_by(&mut self, operation: &Operation, who: Who<'_, 's>) -> String {
        let prepared = prepared(self.site, &operation.name(), who).await;
        self.cell(operation, &who.asker(self.site), &prepared).await
    }

    async fn row(&mut self, operation: &Operation, expired: &(Member<'s>, System<'s>)) {
        let site = self.site;
        let nobody = self.asked_by(operation, Who::Nobody).await;
        let mut roles = Vec::new();
        for role in Role::ALL {
            let member = site.as_role(role).await;
            let prepared = prepared(site, &operation.name(), Who::Member(&member)).await;
            let ear = Ear::open();
            let cell = self.cell(operation, &ear.at(&member), &prepared).await;
            if operation.is_clients() {
                self.matrix.note(&operation.name(), role, &cell, &ear);
            }
            roles.push(cell);
        }
        let system = site.admin().await;
        let system = self.asked_by(operation, Who::System(&system)).await;
        let late = if operation.is_admins() { Who::System(&expired.1) } else { Who::Member(&expired.0) };
        let prepared = prepared(site, &operation.name(), Who::Nobody).await;
        let late = self.cell(operation, &late.asker(site), &prepared).await;
        let elsewhere = self.elsewhere_asked(operation).await;
        let broken = self.broken(operation).await;
        if roles.iter().all(|cell| *cell == roles[0]) {
            roles.truncate(1);
        }
        let roles = roles.join(", ");
        let _ = writeln!(
            self.text,
            "{}\n    nobody: {nobody}\n    each role: {roles}\n    system administrator: {system}\n    too late: {late}{elsewhere}{broken}",
            operation.name()
        );
    }

    /// What becomes of a session's requests that name another tenant, or come from another site's page.
    async fn elsewhere_asked(&mut self, operation: &Operation) -> String {
        if !operation.wants_a_session() {
            return String::new();
        }
        let (member, system) = (self.site.as_role(Role::Admin).await, self.site.admin().await);
        self.site.tenant("globex").await;
        let (who, by_cookie) = if operation.is_admins() {
            (Who::System(&system), system.by_cookie_alone())
        } else {
            (Who::Member(&member), member.by_cookie_alone())
        };
        let prepared = prepared(self.site, &operation.name(), who).await;
        let evil = self.cell(operation, &by_cookie.with("Origin: https://evil.test"), &prepared).await;
        let mut told = format!("\n    by cookie from another site: {evil}");
        if !operation.is_admins() {
            for named in ["globex", "no-such-client", "ACME"] {
                let asker = who.asker(self.site).with(&format!("X-Client-ID: {named}"));
                let _ = write!(told, "\n    naming {named}: {}", self.cell(operation, &asker, &prepared).await);
            }
        }
        told
    }

    /// What becomes of bodies that cannot be read, sent by those who may ask.
    async fn broken(&mut self, operation: &Operation) -> String {
        if !operation.takes_a_body() {
            return String::new();
        }
        let (member, system) = (self.site.as_role(Role::Admin).await, self.site.admin().await);
        let who = if operation.is_admins() { Who::System(&system) } else { Who::Member(&member) };
        let target = prepared(self.site, &operation.name(), who).await.target;
        let asker = who.asker(self.site);
        let mut told = Vec::new();
        for body in ["{\"email\":", "[]", "{\"a\":1,\"a\":2}", "{} {}", "null", "\"\\ud800\""] {
            let broken = Prepared::text(&target, "application/json", body);
            told.push(self.cell(operation, &asker, &broken).await);
        }
        told.dedup();
        let (media, most) = match operation.takes() {
            "application/json" => ("application/json", 513 * 1024),
            "text/csv" => ("text/csv", 6 * 1024 * 1024),
            _ => ("application/x-www-form-urlencoded", 513 * 1024),
        };
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(most));
        let long = self.cell(operation, &asker, &Prepared::text(&target, media, &long)).await;
        assert_eq!(long, "413 PAYLOAD_TOO_LARGE");
        let text = self.cell(operation, &asker, &Prepared::text(&target, "text/plain", "{}")).await;
        assert_eq!(text, "415 UNSUPPORTED_MEDIA_TYPE");
        format!("\n    broken body: {}", told.join(", "))
    }
}

on_both! {
    async fn every_operation_answers_every_caller_as_the_table_says(site) {
        let site = site.on_premises().await.with_mail().await;
        let key = vendor::key(&site, 1, &json!({}));
        site.admin().await.post("/api/admin/license-on-prem", &json!({"licenseKey": key})).await;
        let expired = (site.as_role(Role::Admin).await, site.admin().await);
        site.wait(DAY);
        let mut table = Table { site: &site, text: String::new(), undocumented: BTreeSet::new(), api: described(), matrix: Matrix::default() };
        for operation in Operation::all() {
            table.row(&operation, &expired).await;
        }
        let Table { text, undocumented, matrix, .. } = table;
        insta::allow_duplicates! { assert_snapshot!("operations", text) };
        assert_eq!(undocumented, BTreeSet::new());
        matrix.of_those_who_ask().is_what_the_page_shows("REST");
    }

    async fn what_is_held_is_seen(site) {
        let held = site.holdings().await;
        let member = site.as_role(Role::Viewer).await;
        let with_member = site.holdings().await;
        assert!(!held.contains("acme") && with_member.contains(&member.user.email));
        assert_eq!(site.holdings().await, with_member);
        member.ask("POST", "/api/client/auth/sign-out").await;
        assert_ne!(site.holdings().await, with_member);
    }

    // Every story ends with a look for its secrets in the log; so the log has to be heard.
    async fn what_is_logged_is_heard(site) {
        let member = site.as_role(Role::Viewer).await;
        member.with("X-Request-Id: heard-1").sign_in("nobody@acme.test", "a password that is told to nobody").await;
        assert!(!site.logged("heard-1").is_empty());
        assert_eq!(site.logged("told to nobody"), Vec::<String>::new());
    }

    async fn a_path_answers_no_method_but_its_own(site) {
        let operations = Operation::all();
        let paths: BTreeSet<&str> = operations.iter().map(|operation| operation.path.as_str()).collect();
        for path in paths {
            let own: BTreeSet<&str> =
                operations.iter().filter(|one| one.path == path).map(|one| one.method.as_str()).collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                if own.contains(method) {
                    continue;
                }
                let reply = site.admin().await.ask(method, &path.replace(['{', '}'], "")).await;
                assert_eq!(reply.refusal(), (405, "METHOD_NOT_ALLOWED".to_owned()), "{method} {path}");
                let allowed: BTreeSet<&str> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
                let allowed: BTreeSet<&str> = allowed.into_iter().filter(|it| *it != "HEAD").collect();
                assert_eq!(allowed, own, "{path}");
            }
        }
    }
}

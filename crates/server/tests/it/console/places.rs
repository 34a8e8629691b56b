//! What may be done by API may be done here: each operation has its page or form, or a reason why it has none; and whoever may not do
//! it is refused here as there.

use std::collections::{BTreeMap, BTreeSet};

use purser_core::access::Role;
use serde_json::Value;

use super::rights::{concrete, fields};
use super::{in_browser, routes};
use crate::site::Site;

/// Where an operation is found in the console.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A page that shows it.
    Page(&'static str),
    /// A form that does it, by the path it is posted to.
    Form(&'static str),
    /// A link on this page, to the operation itself.
    Link(&'static str),
    /// Nowhere, and why.
    Nowhere(&'static str),
}
use Place::{Form, Link, Nowhere, Page};

const TOKENS: &str = "for programs: people have the cookie";
const ON_THE_WAY: &str = "a way of browsers and providers, not a page";

/// Every operation of REST, in the order of their paths.
const REST: &[(&str, Place)] = &[
    ("DELETE /api/admin/admins/{id}", Form("/admin/admins/999999/delete")),
    ("DELETE /api/admin/clients/{id}", Form("/admin/tenants/nothing/delete")),
    ("DELETE /api/admin/clients/{id}/domains/{domain}", Form("/admin/tenants/nothing/domains/nothing/remove")),
    (
        "DELETE /api/admin/clients/{id}/identity-providers/{name}",
        Form("/admin/tenants/nothing/providers/nothing/delete"),
    ),
    (
        "DELETE /api/admin/clients/{id}/identity-providers/{name}/sessions",
        Form("/admin/tenants/nothing/providers/nothing/end-sessions"),
    ),
    ("DELETE /api/admin/clients/{id}/sessions", Form("/admin/tenants/nothing/end-sessions")),
    ("DELETE /api/admin/clients/{id}/users/{user}", Form("/admin/tenants/nothing/people/999999/delete")),
    ("DELETE /api/admin/clients/{id}/users/{user}/sessions", Form("/admin/tenants/nothing/people/999999/end-sessions")),
    (
        "DELETE /api/admin/clients/{id}/users/{user}/two-factor",
        Form("/admin/tenants/nothing/people/999999/reset-two-factor"),
    ),
    ("DELETE /api/admin/sessions", Form("/admin/sessions/end-all")),
    ("DELETE /api/admin/sessions/{id}", Form("/admin/sessions")),
    ("DELETE /api/client/auth/sessions/{id}", Form("/account/sessions/end")),
    ("DELETE /api/client/auth/two-factor/passkeys/{id}", Form("/account/two-factor/passkeys/ID/remove")),
    ("DELETE /api/client/auth/two-factor/totp", Form("/account/two-factor/remove-app")),
    ("GET /api/admin/admins", Page("/admin/admins")),
    ("GET /api/admin/audit", Page("/admin/audit")),
    ("GET /api/admin/audit/export", Link("/admin/audit")),
    ("GET /api/admin/clients", Page("/admin")),
    ("GET /api/admin/clients/{id}", Page("/admin/tenants/nothing")),
    ("GET /api/admin/clients/{id}/domains", Page("/admin/tenants/nothing/domains")),
    ("GET /api/admin/clients/{id}/export", Link("/admin/tenants/acme")),
    ("GET /api/admin/clients/{id}/identity-providers", Page("/admin/tenants/nothing/providers")),
    ("GET /api/admin/clients/{id}/identity-providers/{name}", Page("/admin/tenants/nothing/providers/nothing")),
    ("GET /api/admin/clients/{id}/users", Page("/admin/tenants/nothing/people")),
    ("GET /api/admin/keys", Page("/admin/keys")),
    ("GET /api/admin/license-on-prem", Page("/admin/license")),
    ("GET /api/admin/mail", Page("/admin/mail")),
    ("GET /api/client/audit/export", Link("/audit")),
    ("GET /api/client/auth/landing", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/me", Page("/account")),
    ("GET /api/client/auth/ms-dynamics", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/ms-dynamics/callback", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/oidc", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/oidc/callback", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/okta-saml", Nowhere(ON_THE_WAY)),
    ("GET /api/client/auth/okta-saml/logout", Nowhere(ON_THE_WAY)),
    (
        "GET /api/client/auth/okta-saml/metadata",
        Nowhere("its address stands on the provider's page, for the other side"),
    ),
    ("GET /api/client/auth/providers", Page("/sign-in")),
    ("GET /api/client/auth/sessions", Page("/account")),
    ("GET /api/client/auth/two-factor", Page("/account/two-factor")),
    ("GET /api/client/jobs/{id}/export", Nowhere("JSON for programs: people have the report")),
    ("GET /api/client/jobs/{id}/report", Page("/jobs/ID/report")),
    ("GET /api/client/users/export", Link("/people")),
    ("GET /rest/auth-with-okta-saml", Nowhere(ON_THE_WAY)),
    ("PATCH /api/admin/admins/{id}", Form("/admin/admins/999999/disable")),
    ("PATCH /api/admin/clients/{id}", Form("/admin/tenants/nothing/settings")),
    ("PATCH /api/admin/clients/{id}/identity-providers/{name}", Form("/admin/tenants/nothing/providers/nothing/edit")),
    ("PATCH /api/admin/clients/{id}/users/{user}", Form("/admin/tenants/nothing/people/999999/disable")),
    ("PATCH /api/client/auth/two-factor/passkeys/{id}", Form("/account/two-factor/passkeys/ID")),
    ("POST /api/admin/admins", Form("/admin/admins")),
    ("POST /api/admin/auth/refresh", Nowhere(TOKENS)),
    ("POST /api/admin/auth/sign-in", Form("/admin/sign-in")),
    ("POST /api/admin/auth/sign-out", Form("/admin/sign-out")),
    ("POST /api/admin/clients", Form("/admin/tenants/new")),
    ("POST /api/admin/clients/{id}/domains", Form("/admin/tenants/nothing/domains")),
    ("POST /api/admin/clients/{id}/domains/{domain}/confirm", Form("/admin/tenants/nothing/domains/nothing/confirm")),
    ("POST /api/admin/clients/{id}/domains/{domain}/verify", Form("/admin/tenants/nothing/domains/nothing/verify")),
    ("POST /api/admin/clients/{id}/identity-providers", Form("/admin/tenants/nothing/new-provider/oidc")),
    (
        "POST /api/admin/clients/{id}/identity-providers/{name}/refresh",
        Form("/admin/tenants/nothing/providers/nothing/refresh"),
    ),
    (
        "POST /api/admin/clients/{id}/identity-providers/{name}/test",
        Form("/admin/tenants/nothing/providers/nothing/test"),
    ),
    ("POST /api/admin/clients/{id}/users", Form("/admin/tenants/nothing/people/new")),
    ("POST /api/admin/keys", Form("/admin/keys/rotate")),
    ("POST /api/admin/license-on-prem", Form("/admin/license")),
    ("POST /api/client/auth/email/change", Form("/account/email")),
    ("POST /api/client/auth/email/confirm", Form("/confirm-email")),
    ("POST /api/client/auth/exchange", Nowhere("for apps on phones and computers")),
    ("POST /api/client/auth/invitation", Page("/invitation")),
    ("POST /api/client/auth/invitation/accept", Form("/invitation")),
    ("POST /api/client/auth/oidc/callback", Nowhere(ON_THE_WAY)),
    ("POST /api/client/auth/okta-saml", Nowhere(ON_THE_WAY)),
    ("POST /api/client/auth/okta-saml/logout", Nowhere(ON_THE_WAY)),
    ("POST /api/client/auth/passkey/options", Form("/sign-in/passkey")),
    ("POST /api/client/auth/passkey/sign-in", Form("/sign-in/passkey")),
    ("POST /api/client/auth/password/change", Form("/account/password")),
    ("POST /api/client/auth/password/forgot", Form("/forgot")),
    ("POST /api/client/auth/password/reset", Form("/reset")),
    ("POST /api/client/auth/refresh", Nowhere(TOKENS)),
    ("POST /api/client/auth/sign-in", Form("/sign-in")),
    ("POST /api/client/auth/sign-out", Form("/sign-out")),
    ("POST /api/client/auth/two-factor/options", Page("/two-factor")),
    ("POST /api/client/auth/two-factor/passkeys", Form("/account/two-factor/passkeys/add")),
    ("POST /api/client/auth/two-factor/passkeys/options", Form("/account/two-factor/passkeys")),
    ("POST /api/client/auth/two-factor/recovery-codes", Form("/account/two-factor/renew-codes")),
    ("POST /api/client/auth/two-factor/totp", Form("/account/two-factor/app")),
    ("POST /api/client/auth/two-factor/totp/confirm", Form("/account/two-factor/app/confirm")),
    ("POST /api/client/auth/two-factor/verify", Form("/two-factor")),
    ("POST /api/client/graphql", Nowhere("see the other table")),
    ("POST /api/client/users/import", Form("/people/import")),
    ("POST /rest/auth-with-okta-saml", Nowhere(ON_THE_WAY)),
];

/// Every operation of GraphQL.
const GRAPHQL: &[(&str, Place)] = &[
    ("mutation addDomain", Form("/domains")),
    ("mutation addRecord", Form("/jobs/ID/step")),
    ("mutation approveVersion", Form("/templates/ID/versions/1/approve")),
    ("mutation archiveVersion", Form("/templates/ID/versions/1/archive")),
    ("mutation assignJob", Form("/jobs/ID/assign")),
    ("mutation cancelJob", Form("/jobs/ID/cancel")),
    ("mutation completeStep", Form("/jobs/ID/step")),
    ("mutation copyTemplate", Form("/templates/ID/copy")),
    ("mutation correctRecord", Form("/jobs/ID/records/1")),
    ("mutation createIdentityProvider", Form("/new-provider/oidc")),
    ("mutation createJob", Form("/jobs/new")),
    ("mutation createTemplate", Form("/templates/new")),
    ("mutation createUser", Form("/people/new")),
    ("mutation deleteDraft", Form("/templates/ID/versions/1/delete")),
    ("mutation deleteIdentityProvider", Form("/providers/nothing/delete")),
    ("mutation deleteUser", Form("/people/999999/delete")),
    ("mutation disableUser", Form("/people/999999/disable")),
    ("mutation editVersion", Form("/templates/ID/versions/1/edit")),
    ("mutation enableUser", Form("/people/999999/enable")),
    ("mutation endIdentityProviderSessions", Form("/providers/nothing/end-sessions")),
    ("mutation endSession", Form("/account/sessions/end")),
    ("mutation endUserSessions", Form("/people/999999/end-sessions")),
    ("mutation inviteUser", Form("/people/new")),
    ("mutation publishVersion", Form("/templates/ID/versions/1/publish")),
    ("mutation refreshIdentityProvider", Form("/providers/nothing/refresh")),
    ("mutation rejectVersion", Form("/templates/ID/versions/1/reject")),
    ("mutation removeDomain", Form("/domains/nothing/remove")),
    ("mutation requireTwoFactor", Form("/people/999999/require-two-factor")),
    ("mutation resendInvitation", Form("/people/999999/resend-invitation")),
    ("mutation resetTwoFactor", Form("/people/999999/reset-two-factor")),
    ("mutation restoreVersion", Form("/templates/ID/versions/1/restore")),
    ("mutation revokeInvitation", Form("/people/999999/revoke-invitation")),
    ("mutation setUserRoles", Form("/people/999999/roles")),
    ("mutation signOutEverywhere", Page("/account/sign-out-everywhere")),
    ("mutation startJob", Form("/jobs/ID/start")),
    ("mutation submitVersion", Form("/templates/ID/versions/1/submit")),
    ("mutation testIdentityProvider", Form("/providers/nothing/test")),
    ("mutation unassignJob", Form("/jobs/ID/assign")),
    ("mutation updateClientSettings", Form("/settings")),
    ("mutation updateIdentityProvider", Form("/providers/nothing/edit")),
    ("mutation updateTemplate", Form("/templates/ID/name")),
    ("mutation updateUser", Form("/people/999999")),
    ("mutation verifyDomain", Form("/domains/nothing/verify")),
    ("query auditLog", Page("/audit")),
    ("query clientSettings", Page("/settings")),
    ("query domains", Page("/domains")),
    ("query identityProvider", Page("/providers/nothing")),
    ("query identityProviders", Page("/providers")),
    ("query job", Page("/jobs/ID")),
    ("query jobExport", Nowhere("JSON for programs: people have the report")),
    ("query jobHistory", Page("/jobs/ID")),
    ("query jobs", Page("/jobs")),
    ("query me", Page("/account")),
    ("query records", Page("/jobs/ID")),
    ("query sessions", Page("/account")),
    ("query template", Page("/templates/ID")),
    ("query templateHistory", Page("/templates/ID/history")),
    ("query templateVersion", Page("/templates/ID/versions/1")),
    ("query templateVersions", Page("/templates/ID/versions/1")),
    ("query templates", Page("/templates")),
    ("query user", Page("/people/999999")),
    ("query users", Page("/people")),
];

/// The number of nothing.
const ID: &str = "01890000-0000-7000-8000-000000000000";

impl Place {
    /// The path, if there is a page.
    fn path(self) -> Option<String> {
        match self {
            Page(path) | Form(path) | Link(path) => Some(path.replace("ID", ID)),
            Nowhere(_) => None,
        }
    }
}

/// Every operation that the description of the API lists.
fn described() -> BTreeSet<String> {
    let description = serde_json::to_value(purser_server::router::description()).unwrap();
    let of = |(path, methods): (&String, &Value)| {
        let methods: Vec<_> = methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    let all = description["paths"].as_object().unwrap().iter().flat_map(of);
    all.filter(|operation| {
        operation.contains("/api/client") || operation.contains("/api/admin") || operation.contains("/rest/")
    })
    .collect()
}

/// What the page about permissions says of each operation: who may.
fn permitted() -> BTreeMap<String, Vec<bool>> {
    let page = include_str!("../../../../../docs/permissions.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter(|row| ["GET ", "POST ", "query ", "mutation "].iter().any(|word| row.starts_with(word)));
    rows.map(|row| {
        let (operation, rest) = row.split_once('`').unwrap();
        let cells: Vec<_> = rest.split('|').map(str::trim).filter(|cell| matches!(*cell, "●" | "–")).collect();
        let roles = cells.into_iter().rev().take(Role::ALL.len()).map(|cell| cell == "●").collect::<Vec<_>>();
        (operation.to_owned(), roles.into_iter().rev().collect())
    })
    .collect()
}

#[test]
fn every_operation_has_its_place_or_a_reason() {
    let (described, permitted) = (described(), permitted());
    let graphql: BTreeSet<_> = permitted.keys().filter(|it| !it.contains(" /")).cloned().collect();
    assert!(described.len() > 60 && graphql.len() > 50, "{} {}", described.len(), graphql.len());
    let named = |table: &[(&str, Place)]| table.iter().map(|(it, _)| (*it).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(named(REST), described);
    assert_eq!(named(GRAPHQL), graphql);
}

#[test]
fn every_place_is_there() {
    let there: Vec<_> =
        routes().into_iter().flat_map(|(path, posts)| concrete(path).into_iter().map(move |it| (it, posts))).collect();
    for (operation, place) in REST.iter().chain(GRAPHQL) {
        match place {
            // A tenant that exists stands for any other.
            Page(_) | Link(_) => {
                let path = place.path().unwrap().replace("acme", "nothing");
                assert!(there.iter().any(|(it, _)| *it == path), "{operation}: {path}");
            }
            Form(_) => {
                let path = place.path().unwrap();
                assert!(there.iter().any(|(it, posts)| *it == path && *posts), "{operation}: {path}");
            }
            Nowhere(reason) => assert!(!reason.is_empty()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_by_the_api_is_refused_here_in_the_same_words() {
    let site = Site::on_sqlite().await;
    let permitted = permitted();
    let tables = REST
        .iter()
        .chain(GRAPHQL)
        .filter_map(|(operation, place)| Some((permitted.get(*operation)?, operation, place)));
    let tables: Vec<_> = tables.collect();
    for (number, role) in Role::ALL.into_iter().enumerate() {
        let member = site.as_role(role).await;
        let asker = in_browser(&member);
        let program = asker.with("Content-Type: application/x-www-form-urlencoded");
        for (roles, operation, place) in &tables {
            let Some(path) = place.path() else { continue };
            if let Link(_) = place {
                // Whoever sees the page without the right does not see the link.
                let shows = asker.visit(&path).await.body.contains(&format!("href=\"{}", target(operation)));
                assert_eq!(shows, roles[number], "{role}, {operation} on {path}");
                continue;
            }
            let form = matches!(place, Form(_));
            let seen = if form { asker.submit(&path, &fields(&path)).await } else { asker.visit(&path).await };
            assert_eq!(seen.status == 403, !roles[number], "{role}, {operation} at {path}: {seen}");
            if seen.status == 403 {
                let told =
                    if form { program.send_raw("POST", &path, &sent(&path)).await } else { asker.get(&path).await };
                assert_eq!(told.refusal(), (403, "FORBIDDEN".into()), "{role}, {operation} at {path}");
            }
        }
    }
}

/// Where an operation is asked for.
fn target(operation: &str) -> String {
    operation.split(' ').nth(1).unwrap().replace("{id}", "acme")
}

fn sent(path: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields(path)).finish()
}

/// What is only a link leads to the operation itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_out_is_linked_where_it_is_looked_at() {
    let site = Site::on_sqlite().await;
    let (admin, keeper) = (site.as_role(Role::Admin).await, site.admin().await);
    for (operation, place) in REST.iter().filter(|(_, place)| matches!(place, Link(_))) {
        let path = place.path().unwrap();
        let system = path.starts_with("/admin");
        let asker = if system { keeper.by_cookie_alone() } else { in_browser(&admin) };
        let page = asker.visit(&path).await;
        assert!(page.body.contains(&format!("href=\"{}", target(operation))), "{operation}: {page}");
    }
}

//! Every root field of the GraphQL schema as every kind of caller.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use insta::assert_snapshot;
use purser_core::access::{Right, Role};
use serde_json::Value;

use super::Who;
use super::matrix::{Ear, Matrix};
use super::work::with_work;
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{DAY, Site};

/// Documents, one root field each. `$OTHER` and `$ADMIN` are ids of users made for it, `$SELF` that of the caller, `$SESSION` that
/// of a session of the caller, `$INVITED` one of somebody who is only invited, `$NEW` an address nobody has, `$PROVIDER` an identity provider, `$FRESH` a name not used yet.
/// `$DRAFT` to `$ARCHIVED` are templates whose version stands so; `$OPEN` to `$DONE` are jobs, given to the caller if they perform any.
const DOCUMENTS: &[&str] = &[
    "{ me { id email roles permissions client { id } } }",
    "{ users { id email firstName lastName title } }",
    "{ users { id roles } }",
    "{ users(role: ADMIN) { id } }",
    "{ user(id: $OTHER) { id email } }",
    "{ user(id: $OTHER) { id status roles lastSignInAt createdAt } }",
    "{ user(id: $SELF) { id status roles lastSignInAt createdAt } }",
    "{ sessions { id method address agent createdAt lastSeenAt current } }",
    "{ auditLog { id action target outcome reason } }",
    r#"mutation { createUser(input: {email: "$NEW", firstName: "A", lastName: "B", roles: [AUTHOR]}) { id } }"#,
    r#"mutation { createUser(input: {email: "$NEW", firstName: "A", lastName: "B", roles: [ADMIN]}) { id } }"#,
    r#"mutation { updateUser(input: {id: $OTHER, lastName: "C"}) { id } }"#,
    r#"mutation { updateUser(input: {id: $ADMIN, lastName: "C"}) { id } }"#,
    "mutation { setUserRoles(input: {id: $OTHER, roles: [USER_ADMIN]}) { id } }",
    "mutation { setUserRoles(input: {id: $OTHER, roles: [ADMIN]}) { id } }",
    "mutation { setUserRoles(input: {id: $ADMIN, roles: [VIEWER]}) { id } }",
    "mutation { setUserRoles(input: {id: $SELF, roles: [ADMIN]}) { id } }",
    "mutation { disableUser(input: {id: $OTHER}) { id } }",
    "mutation { disableUser(input: {id: $ADMIN}) { id } }",
    "mutation { enableUser(input: {id: $OTHER}) { id } }",
    "mutation { enableUser(input: {id: $ADMIN}) { id } }",
    "mutation { deleteUser(input: {id: $OTHER}) { id } }",
    "mutation { deleteUser(input: {id: $ADMIN}) { id } }",
    "mutation { endUserSessions(input: {id: $OTHER}) { id } }",
    "mutation { endUserSessions(input: {id: $ADMIN}) { id } }",
    r#"mutation { inviteUser(input: {email: "$NEW", firstName: "A", lastName: "B", roles: [AUTHOR]}) { id } }"#,
    r#"mutation { inviteUser(input: {email: "$NEW", firstName: "A", lastName: "B", roles: [ADMIN]}) { id } }"#,
    "mutation { resendInvitation(input: {id: $INVITED}) { id } }",
    "mutation { resendInvitation(input: {id: $ADMIN}) { id } }",
    "mutation { revokeInvitation(input: {id: $INVITED}) { id } }",
    "mutation { revokeInvitation(input: {id: $ADMIN}) { id } }",
    "{ user(id: $OTHER) { twoFactorEnabled twoFactorRequired } }",
    "mutation { requireTwoFactor(input: {id: $OTHER, required: true}) { id } }",
    "mutation { requireTwoFactor(input: {id: $ADMIN, required: true}) { id } }",
    "mutation { resetTwoFactor(input: {id: $OTHER}) { id } }",
    "mutation { resetTwoFactor(input: {id: $ADMIN}) { id } }",
    "mutation { resetTwoFactor(input: {id: $SELF}) { id } }",
    r#"mutation { endSession(input: {id: "$SESSION"}) { id } }"#,
    "{ identityProviders { id name kind oidc { issuer clientId clientAuth } addresses { redirectUri } } }",
    r#"{ identityProvider(name: "$PROVIDER") { id name kind } }"#,
    "{ domains { name record verifiedAt } }",
    r#"mutation { createIdentityProvider(input: {name: "$FRESH", oidc: {issuer: "https://idp.test", clientId: "$FRESH", clientSecret: "canary-client-secret"}}) { id } }"#,
    r#"mutation { updateIdentityProvider(input: {name: "$PROVIDER", label: "Other"}) { id } }"#,
    r#"mutation { refreshIdentityProvider(input: {name: "$PROVIDER"}) { id } }"#,
    r#"mutation { testIdentityProvider(input: {name: "$PROVIDER"}) { name outcome } }"#,
    r#"mutation { endIdentityProviderSessions(input: {name: "$PROVIDER"}) { id } }"#,
    r#"mutation { deleteIdentityProvider(input: {name: "$PROVIDER"}) { id } }"#,
    r#"mutation { addDomain(input: {name: "$FRESH.test"}) { name record } }"#,
    r#"mutation { verifyDomain(input: {name: "$PROVIDER.invalid"}) { name } }"#,
    r#"mutation { removeDomain(input: {name: "$PROVIDER.invalid"}) { name } }"#,
    "{ templates { id } }",
    r#"{ templates(first: 2, search: "seal") { id title state versions { number author { id } steps { title } } } }"#,
    r#"{ template(id: "$DRAFT") { id title } }"#,
    r#"{ templateVersions(id: "$DRAFT") { number state } }"#,
    r#"{ templateVersion(id: "$DRAFT", number: 1) { number state } }"#,
    r#"{ templateHistory(id: "$DRAFT") { action } }"#,
    r#"{ templateHistory(id: "$DRAFT") { action actor { id } } }"#,
    r#"mutation { createTemplate(input: {title: "Grease", steps: [{title: "Look"}]}) { id } }"#,
    r#"mutation { updateTemplate(input: {id: "$DRAFT", title: "Other"}) { id } }"#,
    r#"mutation { copyTemplate(input: {id: "$DRAFT"}) { id } }"#,
    r#"mutation { editVersion(input: {templateId: "$DRAFT", number: 1, steps: []}) { number } }"#,
    r#"mutation { deleteDraft(input: {templateId: "$DRAFT", number: 1}) { number } }"#,
    r#"mutation { submitVersion(input: {templateId: "$DRAFT", number: 1}) { state } }"#,
    r#"mutation { approveVersion(input: {templateId: "$REVIEW", number: 1}) { state } }"#,
    r#"mutation { rejectVersion(input: {templateId: "$REVIEW", number: 1, comment: "No"}) { state } }"#,
    r#"mutation { publishVersion(input: {templateId: "$APPROVED", number: 1}) { state } }"#,
    r#"mutation { archiveVersion(input: {templateId: "$PUBLISHED", number: 1}) { state } }"#,
    r#"mutation { restoreVersion(input: {templateId: "$ARCHIVED", number: 1}) { state } }"#,
    "{ jobs { id } }",
    "{ jobs(state: COMPLETED) { id title assignee { id } version { number } records { number } } }",
    r#"{ job(id: "$DONE") { id state } }"#,
    r#"{ records(job: "$DONE") { number act value } }"#,
    r#"{ jobHistory(id: "$DONE") { action } }"#,
    r#"{ jobHistory(id: "$DONE") { action actor { id } } }"#,
    r#"{ jobExport(id: "$DONE") }"#,
    r#"mutation { createJob(input: {templateId: "$PUBLISHED"}) { id } }"#,
    r#"mutation { assignJob(input: {id: "$OPEN", assigneeId: $ADMIN}) { id } }"#,
    r#"mutation { unassignJob(input: {id: "$GIVEN"}) { state } }"#,
    r#"mutation { cancelJob(input: {id: "$OPEN"}) { id } }"#,
    r#"mutation { startJob(input: {id: "$GIVEN"}) { id } }"#,
    r#"mutation { completeStep(input: {jobId: "$BEGUN", step: 1}) { number } }"#,
    r#"mutation { completeStep(input: {jobId: "$DONE", step: 1}) { number } }"#,
    r#"mutation { addRecord(input: {jobId: "$BEGUN", step: 1, value: "x"}) { number } }"#,
    r#"mutation { correctRecord(input: {jobId: "$BEGUN", record: 1, value: "x"}) { number } }"#,
    "mutation { signOutEverywhere { id } }",
    "{ clientSettings { accessTtl passwordMinLength forbiddenWords ssoOnly } }",
    "mutation { updateClientSettings(input: {passwordMinLength: 12}) { passwordMinLength } }",
];

/// The names of the root fields, as the printed schema has them.
fn root_fields() -> BTreeSet<String> {
    let schema = purser_graphql::sdl();
    let mut fields = BTreeSet::new();
    for root in ["type Query {", "type Mutation {"] {
        let (_, rest) = schema.split_once(root).unwrap();
        let (block, _) = rest.split_once("\n}").unwrap();
        let lines = block.lines().filter_map(|line| line.strip_prefix("  "));
        let named = lines.filter(|line| line.starts_with(|letter: char| letter.is_ascii_lowercase()));
        fields.extend(named.map(|line| line.split(['(', ':']).next().unwrap().to_owned()));
    }
    fields
}

fn covers(document: &str, field: &str) -> bool {
    [format!("{{ {field} {{"), format!("{{ {field}(")].iter().any(|call| document.contains(call))
}

#[test]
fn every_root_field_has_a_document() {
    let fields = root_fields();
    assert!(fields.len() >= 14, "{fields:?}");
    for field in fields {
        assert!(DOCUMENTS.iter().any(|document| covers(document, &field)), "{field} is not covered");
    }
}

/// The one word for what became of a document.
fn verdict(reply: &Reply) -> String {
    if reply.status >= 400 {
        return format!("{} {}", reply.status, reply.code());
    }
    let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
    let codes: BTreeSet<&str> = errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap()).collect();
    match codes.len() {
        0 => "done".to_owned(),
        _ => codes.into_iter().collect::<Vec<_>>().join("+"),
    }
}

async fn filled(site: &Site, document: &str, who: Who<'_, '_>) -> String {
    let other = site.user("acme", &[Role::Viewer]).await;
    let admin = site.user("acme", &[Role::Admin]).await;
    let (own_id, session) = match who {
        Who::Member(member) => (member.user.id.to_string(), site.sign_in(&member.user).await.session().await),
        _ => (other.id.to_string(), site.sign_in(&other).await.session().await),
    };
    let mut invited = String::new();
    if document.contains("$INVITED") {
        let email = format!("{}@acme.test", site.new_name());
        invited = site.user_named("acme", &email, &[Role::Viewer], None).await.id.to_string();
    }
    let mut provider = String::new();
    if document.contains("$PROVIDER") {
        site.forget_providers("acme").await;
        provider = site.provider("acme").await;
    }
    let performer = match who {
        Who::Member(member) if member.user.roles.hold(Right::JobsPerform) => Some(&member.user),
        _ => None,
    };
    with_work(site, "acme", document, performer)
        .await
        .replace("$PROVIDER", &provider)
        .replace("$FRESH", &site.new_name())
        .replace("$INVITED", &invited)
        .replace("$OTHER", &other.id.to_string())
        .replace("$ADMIN", &admin.id.to_string())
        .replace("$SELF", &own_id)
        .replace("$SESSION", &session)
        .replace("$NEW", &format!("{}@acme.test", site.new_name()))
}

/// What a document asks for: `query users`, `mutation createUser`.
fn operation_of(document: &str) -> String {
    let (kind, selection) = document.split_once("{ ").unwrap();
    let field = selection.split([' ', '(']).next().unwrap();
    format!("{} {field}", if kind.is_empty() { "query" } else { kind.trim_end() })
}

/// A mutation that is refused, whole or in part, changes nothing.
async fn asked(site: &Site, document: &str, who: Who<'_, '_>) -> String {
    heard(site, document, who).await.0
}

/// The same, with an ear for the rights that were asked for.
async fn heard(site: &Site, document: &str, who: Who<'_, '_>) -> (String, Ear) {
    let document = filled(site, document, who).await;
    let (before, ear) = (site.holdings().await, Ear::open());
    let verdict = verdict(&ear.at(&who.asker(site)).graphql(&document).await);
    if verdict != "done" {
        assert_eq!(site.holdings().await, before, "{document}");
    }
    (verdict, ear)
}

on_both! {
    async fn every_field_answers_every_caller_as_the_table_says(site) {
        let site = site.with_mail().await;
        let expired = site.as_role(Role::Admin).await;
        site.wait(DAY);
        let (mut table, mut matrix) = (String::new(), Matrix::default());
        for document in DOCUMENTS {
            let nobody = asked(&site, document, Who::Nobody).await;
            let mut roles = Vec::new();
            for role in Role::ALL {
                let member = site.as_role(role).await;
                let (verdict, ear) = heard(&site, document, Who::Member(&member)).await;
                matrix.note(&operation_of(document), role, &verdict, &ear);
                roles.push(verdict);
            }
            if roles.iter().all(|cell| *cell == roles[0]) {
                roles.truncate(1);
            }
            let system = site.admin().await;
            let system = asked(&site, document, Who::System(&system)).await;
            let late = verdict(&expired.graphql(&filled(&site, document, Who::Nobody).await).await);
            let roles = roles.join(", ");
            let _ = writeln!(
                table,
                "{document}\n    nobody: {nobody}\n    each role: {roles}\n    system administrator: {system}\n    too late: {late}"
            );
        }
        insta::allow_duplicates! { assert_snapshot!("fields", table) };
        matrix.is_what_the_page_shows("GraphQL");
    }

    async fn an_id_of_another_tenant_is_an_id_that_never_existed(site) {
        let member = site.as_role(Role::Admin).await;
        let stranger = site.other_tenant().await;
        let (theirs, their_session) = (stranger.user.id.to_string(), stranger.session().await);
        let mut swept = 0;
        let their_provider = site.provider("globex").await;
        let work = ["$DRAFT", "$REVIEW", "$APPROVED", "$PUBLISHED", "$ARCHIVED", "$OPEN", "$GIVEN", "$BEGUN", "$DONE"];
        let ids = [["$OTHER", "$ADMIN", "$INVITED", "$SESSION", "$PROVIDER"].as_slice(), &work].concat();
        for document in DOCUMENTS.iter().filter(|it| ids.iter().any(|id| it.contains(id))) {
            let their_work = with_work(&site, "globex", document, None).await;
            let of = |user: &str, session: &str, provider: &str| {
                let document = if user == theirs {
                    their_work.clone()
                } else {
                    work.iter().fold((*document).to_owned(), |text, id| text.replace(id, session))
                };
                let named = document.replace("$OTHER", user).replace("$ADMIN", user).replace("$SESSION", session);
                let named = named.replace("$INVITED", user);
                named.replace("$PROVIDER", provider)
            };
            let before = site.holdings().await;
            let foreign = member.graphql(&of(&theirs, &their_session, &their_provider)).await;
            let never = member.graphql(&of("900719925474099", "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "never")).await;
            assert_eq!(verdict(&foreign), "NOT_FOUND", "{document}");
            assert_eq!((foreign.status, &foreign.body), (never.status, &never.body), "{document}");
            assert_eq!(site.holdings().await, before);
            swept += 1;
        }
        assert!(swept > 10);
        assert_eq!(stranger.me().await.json()["data"]["user"]["clientId"], Value::from("globex"));
    }
}

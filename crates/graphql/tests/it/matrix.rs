//! Who may do what: every root field as each of the seven roles, against a written table.

use std::fmt::Write as _;

use insta::assert_snapshot;
use purser_core::access::{Caller, Right, Role};
use purser_core::work::{JobState, VersionState};

use crate::world::{World, codes};

/// An operation: its name in the table, and its document. `$OTHER`, `$ADMIN` and `$SELF` are ids of users made anew for it, `$SESSION`
/// that of a session of the caller; `$PROVIDER` is an OpenID provider, `$PROVIDER.invalid` a domain, `$FRESH` a name not used yet.
/// `$DRAFT` to `$ARCHIVED` are templates whose version stands so; `$OPEN` to `$DONE` are jobs, given to the caller if they perform
/// any, `$THEIRS` one of somebody else. `$INVITED` and `$BOSS` are ids of a user and an Admin who are only invited.
const OPERATIONS: &[(&str, &str)] = &[
    (
        "me",
        "{ me { id email firstName lastName title status roles permissions lastSignInAt createdAt client { id name } } }",
    ),
    ("users", "{ users { id email firstName lastName title } }"),
    ("users of a role", "{ users(role: ADMIN) { id } }"),
    ("user", "{ user(id: $OTHER) { id email firstName lastName title } }"),
    ("user, status", "{ user(id: $OTHER) { status } }"),
    ("user, roles", "{ user(id: $OTHER) { roles } }"),
    ("user, last sign-in", "{ user(id: $OTHER) { lastSignInAt } }"),
    ("user, created", "{ user(id: $OTHER) { createdAt } }"),
    ("user, factor", "{ user(id: $OTHER) { twoFactorEnabled } }"),
    ("user, factor demanded", "{ user(id: $OTHER) { twoFactorRequired } }"),
    (
        "user, oneself",
        "{ user(id: $SELF) { id status roles lastSignInAt createdAt twoFactorEnabled twoFactorRequired } }",
    ),
    ("sessions", "{ sessions { id method address agent createdAt lastSeenAt current } }"),
    ("auditLog", "{ auditLog { id at actorKind actor address request action target outcome reason } }"),
    (
        "createUser",
        "mutation { createUser(input: {email: \"$NEW\", firstName: \"A\", lastName: \"B\", roles: [AUTHOR]}) { id } }",
    ),
    (
        "createUser, admin",
        "mutation { createUser(input: {email: \"$NEW\", firstName: \"A\", lastName: \"B\", roles: [ADMIN]}) { id } }",
    ),
    ("updateUser", "mutation { updateUser(input: {id: $OTHER, lastName: \"C\"}) { id } }"),
    ("updateUser, admin", "mutation { updateUser(input: {id: $ADMIN, lastName: \"C\"}) { id } }"),
    ("updateUser, oneself", "mutation { updateUser(input: {id: $SELF, lastName: \"C\"}) { id } }"),
    ("setUserRoles", "mutation { setUserRoles(input: {id: $OTHER, roles: [PUBLISHER]}) { id } }"),
    ("setUserRoles, to user admin", "mutation { setUserRoles(input: {id: $OTHER, roles: [USER_ADMIN]}) { id } }"),
    ("setUserRoles, to admin", "mutation { setUserRoles(input: {id: $OTHER, roles: [ADMIN]}) { id } }"),
    ("setUserRoles, of an admin", "mutation { setUserRoles(input: {id: $ADMIN, roles: [VIEWER]}) { id } }"),
    ("setUserRoles, oneself", "mutation { setUserRoles(input: {id: $SELF, roles: [VIEWER]}) { id } }"),
    ("disableUser", "mutation { disableUser(input: {id: $OTHER}) { id } }"),
    ("disableUser, admin", "mutation { disableUser(input: {id: $ADMIN}) { id } }"),
    ("enableUser", "mutation { enableUser(input: {id: $OTHER}) { id } }"),
    ("enableUser, admin", "mutation { enableUser(input: {id: $ADMIN}) { id } }"),
    ("deleteUser", "mutation { deleteUser(input: {id: $OTHER}) { id } }"),
    ("deleteUser, admin", "mutation { deleteUser(input: {id: $ADMIN}) { id } }"),
    ("endUserSessions", "mutation { endUserSessions(input: {id: $OTHER}) { id } }"),
    ("endUserSessions, admin", "mutation { endUserSessions(input: {id: $ADMIN}) { id } }"),
    (
        "inviteUser",
        "mutation { inviteUser(input: {email: \"$NEW\", firstName: \"A\", lastName: \"B\", roles: [AUTHOR]}) { id } }",
    ),
    (
        "inviteUser, admin",
        "mutation { inviteUser(input: {email: \"$NEW\", firstName: \"A\", lastName: \"B\", roles: [ADMIN]}) { id } }",
    ),
    ("resendInvitation", "mutation { resendInvitation(input: {id: $INVITED}) { id } }"),
    ("resendInvitation, admin", "mutation { resendInvitation(input: {id: $BOSS}) { id } }"),
    ("resendInvitation, active", "mutation { resendInvitation(input: {id: $OTHER}) { id } }"),
    ("revokeInvitation", "mutation { revokeInvitation(input: {id: $INVITED}) { id } }"),
    ("revokeInvitation, admin", "mutation { revokeInvitation(input: {id: $BOSS}) { id } }"),
    ("revokeInvitation, active", "mutation { revokeInvitation(input: {id: $OTHER}) { id } }"),
    ("requireTwoFactor", "mutation { requireTwoFactor(input: {id: $OTHER, required: true}) { id } }"),
    ("requireTwoFactor, admin", "mutation { requireTwoFactor(input: {id: $ADMIN, required: true}) { id } }"),
    ("resetTwoFactor", "mutation { resetTwoFactor(input: {id: $OTHER}) { id } }"),
    ("resetTwoFactor, admin", "mutation { resetTwoFactor(input: {id: $ADMIN}) { id } }"),
    ("resetTwoFactor, oneself", "mutation { resetTwoFactor(input: {id: $SELF}) { id } }"),
    ("endSession", "mutation { endSession(input: {id: \"$SESSION\"}) { id } }"),
    (
        "identityProviders",
        "{ identityProviders { id name kind label enabled createUsers defaultRoles trustedDomains groupRoles { group roles } oidc { issuer clientId clientAuth scopes } saml { entityId } microsoft { directory } addresses { signIn redirectUri } createdAt updatedAt } }",
    ),
    ("identityProvider", "{ identityProvider(name: \"$PROVIDER\") { id name kind } }"),
    ("domains", "{ domains { name record verifiedAt verifiedBy createdAt } }"),
    (
        "createIdentityProvider",
        "mutation { createIdentityProvider(input: {name: \"$FRESH\", oidc: {issuer: \"https://idp.test\", clientId: \"$FRESH\", clientSecret: \"s3cret\"}}) { id } }",
    ),
    (
        "updateIdentityProvider",
        "mutation { updateIdentityProvider(input: {name: \"$PROVIDER\", label: \"Other\"}) { id } }",
    ),
    ("refreshIdentityProvider", "mutation { refreshIdentityProvider(input: {name: \"$PROVIDER\"}) { id } }"),
    (
        "testIdentityProvider",
        "mutation { testIdentityProvider(input: {name: \"$PROVIDER\"}) { name outcome found advice } }",
    ),
    ("endIdentityProviderSessions", "mutation { endIdentityProviderSessions(input: {name: \"$PROVIDER\"}) { id } }"),
    ("deleteIdentityProvider", "mutation { deleteIdentityProvider(input: {name: \"$PROVIDER\"}) { id } }"),
    ("addDomain", "mutation { addDomain(input: {name: \"$FRESH.test\"}) { name record } }"),
    ("verifyDomain", "mutation { verifyDomain(input: {name: \"$PROVIDER.invalid\"}) { name } }"),
    ("removeDomain", "mutation { removeDomain(input: {name: \"$PROVIDER.invalid\"}) { name } }"),
    (
        "templates",
        "{ templates(first: 2, search: \"seal\", order: TITLE) { id title assetClass state published createdBy { id } createdAt updatedAt versions { number state steps { number title instructions recordRequired kind unit min max options } } } }",
    ),
    ("template", "{ template(id: \"$DRAFT\") { id title } }"),
    (
        "templateVersions",
        "{ templateVersions(id: \"$ARCHIVED\") { number template { id } revision author { id } submittedBy { id } submittedAt reviewer { id } reviewedAt comment publisher { id } publishedAt archivedAt } }",
    ),
    ("templateVersion", "{ templateVersion(id: \"$DRAFT\", number: 1) { number } }"),
    ("templateHistory", "{ templateHistory(id: \"$ARCHIVED\") { number at actorId actor { id } action part note } }"),
    (
        "createTemplate",
        "mutation { createTemplate(input: {title: \"Grease\", steps: [{title: \"Look\", kind: NUMBER, unit: \"bar\", max: 5}]}) { id } }",
    ),
    ("updateTemplate", "mutation { updateTemplate(input: {id: \"$DRAFT\", title: \"Other\"}) { id } }"),
    ("copyTemplate", "mutation { copyTemplate(input: {id: \"$DRAFT\", title: \"Copy\"}) { id } }"),
    ("editVersion", "mutation { editVersion(input: {templateId: \"$DRAFT\", number: 1, steps: []}) { number } }"),
    (
        "editVersion, frozen",
        "mutation { editVersion(input: {templateId: \"$REVIEW\", number: 1, steps: []}) { number } }",
    ),
    ("deleteDraft", "mutation { deleteDraft(input: {templateId: \"$DRAFT\", number: 1}) { number } }"),
    ("submitVersion", "mutation { submitVersion(input: {templateId: \"$DRAFT\", number: 1}) { state } }"),
    ("approveVersion", "mutation { approveVersion(input: {templateId: \"$REVIEW\", number: 1}) { state } }"),
    (
        "rejectVersion",
        "mutation { rejectVersion(input: {templateId: \"$REVIEW\", number: 1, comment: \"No\"}) { state } }",
    ),
    ("publishVersion", "mutation { publishVersion(input: {templateId: \"$APPROVED\", number: 1}) { state } }"),
    ("archiveVersion", "mutation { archiveVersion(input: {templateId: \"$PUBLISHED\", number: 1}) { state } }"),
    ("restoreVersion", "mutation { restoreVersion(input: {templateId: \"$ARCHIVED\", number: 1}) { state } }"),
    (
        "jobs",
        "{ jobs(first: 5, state: IN_PROGRESS, priority: HIGH) { id title asset assetClass priority state assigneeId assignee { id } template { id } version { number } nextStep stepCount records { number } createdBy { id } createdAt startedAt endedAt } }",
    ),
    ("job", "{ job(id: \"$DONE\") { id state } }"),
    (
        "records",
        "{ records(job: \"$DONE\") { number job { id } step act value note authorId author { id } at corrects } }",
    ),
    ("jobHistory", "{ jobHistory(id: \"$DONE\") { action } }"),
    ("jobExport", "{ jobExport(id: \"$DONE\") }"),
    ("createJob", "mutation { createJob(input: {templateId: \"$PUBLISHED\"}) { id } }"),
    ("assignJob", "mutation { assignJob(input: {id: \"$OPEN\", assigneeId: $ADMIN}) { id } }"),
    ("unassignJob", "mutation { unassignJob(input: {id: \"$GIVEN\"}) { id } }"),
    ("cancelJob", "mutation { cancelJob(input: {id: \"$OPEN\"}) { id } }"),
    ("startJob", "mutation { startJob(input: {id: \"$GIVEN\"}) { id } }"),
    ("completeStep", "mutation { completeStep(input: {jobId: \"$BEGUN\", step: 1}) { number } }"),
    ("completeStep, of others", "mutation { completeStep(input: {jobId: \"$THEIRS\", step: 1}) { number } }"),
    ("addRecord", "mutation { addRecord(input: {jobId: \"$BEGUN\", step: 1, value: \"x\"}) { number } }"),
    ("correctRecord", "mutation { correctRecord(input: {jobId: \"$BEGUN\", record: 1, value: \"x\"}) { number } }"),
    ("signOutEverywhere", "mutation { signOutEverywhere { id } }"),
    (
        "clientSettings",
        "{ clientSettings { accessTtl refreshTtl cookieIdle cookieMax passwordMinLength forbiddenWords strictRefresh ssoOnly separationOfDuties returnTo nativeRedirects } }",
    ),
    (
        "updateClientSettings",
        "mutation { updateClientSettings(input: {accessTtl: \"1h\", passwordMinLength: null}) { accessTtl passwordMinLength } }",
    ),
];

#[expect(clippy::too_many_lines, reason = "the table is written out")]
#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_exactly_what_the_table_says() {
    let world = World::on_sqlite().await;
    let mut table = format!("{:28}", "");
    for role in Role::ALL {
        write!(table, "{:11}", role.as_str()).unwrap();
    }
    for (name, document) in OPERATIONS {
        write!(table, "\n{name:28}").unwrap();
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            write!(table, "{:11}", verdict(&world, &caller, document).await).unwrap();
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    assert_snapshot!(table.join("\n"), @r#"
                                ADMIN      USER_ADMIN AUTHOR     OPERATOR   APPROVER   PUBLISHER  VIEWER
    me                          done       done       done       done       done       done       done
    users                       done       done       done       done       done       done       done
    users of a role             done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user                        done       done       done       done       done       done       done
    user, status                done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, roles                 done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, last sign-in          done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, created               done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, factor                done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, factor demanded       done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    user, oneself               done       done       done       done       done       done       done
    sessions                    done       done       done       done       done       done       done
    auditLog                    done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    createUser                  done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    createUser, admin           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateUser                  done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateUser, admin           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateUser, oneself         done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    setUserRoles                done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    setUserRoles, to user admin done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    setUserRoles, to admin      done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    setUserRoles, of an admin   done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    setUserRoles, oneself       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    disableUser                 done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    disableUser, admin          done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    enableUser                  done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    enableUser, admin           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    deleteUser                  done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    deleteUser, admin           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    endUserSessions             done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    endUserSessions, admin      done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    inviteUser                  done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    inviteUser, admin           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resendInvitation            done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resendInvitation, admin     done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resendInvitation, active    CONFLICT   CONFLICT   FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    revokeInvitation            done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    revokeInvitation, admin     done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    revokeInvitation, active    CONFLICT   CONFLICT   FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    requireTwoFactor            done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    requireTwoFactor, admin     done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resetTwoFactor              done       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resetTwoFactor, admin       done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    resetTwoFactor, oneself     FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    endSession                  done       done       done       done       done       done       done
    identityProviders           done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    identityProvider            done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    domains                     done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    createIdentityProvider      done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateIdentityProvider      done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    refreshIdentityProvider     VALIDATION_ERRORFORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    testIdentityProvider        done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    endIdentityProviderSessions done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    deleteIdentityProvider      done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    addDomain                   done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    verifyDomain                VALIDATION_ERRORFORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    removeDomain                done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    templates                   done       done       done       done       done       done       done
    template                    done       done       done       done       done       done       done
    templateVersions            done       done       done       done       done       done       done
    templateVersion             done       done       done       done       done       done       done
    templateHistory             done       done       done       done       done       done       done
    createTemplate              done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateTemplate              done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    copyTemplate                done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    editVersion                 done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    editVersion, frozen         done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    deleteDraft                 done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    submitVersion               done       FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    approveVersion              done       FORBIDDEN  FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN
    rejectVersion               done       FORBIDDEN  FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN
    publishVersion              done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  done       FORBIDDEN
    archiveVersion              done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  done       FORBIDDEN
    restoreVersion              done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  done       FORBIDDEN
    jobs                        done       done       done       done       done       done       done
    job                         done       done       done       done       done       done       done
    records                     done       done       done       done       done       done       done
    jobHistory                  done       done       done       done       done       done       done
    jobExport                   done       done       done       done       done       done       done
    createJob                   done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    assignJob                   done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    unassignJob                 done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    cancelJob                   done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    startJob                    done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    completeStep                done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    completeStep, of others     FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    addRecord                   done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    correctRecord               done       FORBIDDEN  FORBIDDEN  done       FORBIDDEN  FORBIDDEN  FORBIDDEN
    signOutEverywhere           done       done       done       done       done       done       done
    clientSettings              done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    updateClientSettings        done       FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN  FORBIDDEN
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_stands_in_the_table() {
    let world = World::on_sqlite().await;
    let admin = world.as_role(Role::Admin).await;
    let answer =
        world.ask(&admin, "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }").await;
    let schema = &answer["data"]["__schema"];
    let fields = ["queryType", "mutationType"].map(|root| schema[root]["fields"].as_array().unwrap().clone()).concat();
    assert!(fields.len() > 10);
    for field in fields {
        let name = field["name"].as_str().unwrap();
        let calls = [format!(" {name} "), format!(" {name}(")];
        assert!(
            OPERATIONS.iter().any(|(_, it)| calls.iter().any(|call| it.contains(call))),
            "{name} is not in the table"
        );
    }
}

/// What becomes of an operation: done, or the one code of its refusal.
async fn verdict(world: &World, caller: &Caller, document: &str) -> String {
    let me = caller.user().id;
    let other = world.user("acme", &format!("other{me}-{}", document.len()), &[Role::Viewer]).await;
    let admin = world.user("acme", &format!("admin{me}-{}", document.len()), &[Role::Admin]).await;
    let provider = world.provider().await;
    let (invited, boss) = (world.invited(&[Role::Viewer]).await, world.invited(&[Role::Admin]).await);
    let document = document
        .replace("$INVITED", &invited.id.to_string())
        .replace("$BOSS", &boss.id.to_string())
        .replace("$PROVIDER", &provider)
        .replace("$FRESH", &format!("fresh-{provider}"))
        .replace("$OTHER", &other.id.to_string())
        .replace("$ADMIN", &admin.id.to_string())
        .replace("$SELF", &me.to_string())
        .replace("$SESSION", &caller.session().unwrap().to_string())
        .replace("$NEW", &format!("new{me}-{}@acme.test", document.len()));
    let document = with_work(world, caller, document).await;
    let answer = world.ask(caller, &document).await;
    world.forget_providers().await;
    match codes(&answer).as_slice() {
        [] => "done".into(),
        [code] => (*code).into(),
        codes => panic!("{codes:?} for {document}"),
    }
}

/// Makes the templates and jobs that a document names.
async fn with_work(world: &World, caller: &Caller, mut document: String) -> String {
    let templates = [
        ("$DRAFT", VersionState::Draft),
        ("$REVIEW", VersionState::InReview),
        ("$APPROVED", VersionState::Approved),
        ("$PUBLISHED", VersionState::Published),
        ("$ARCHIVED", VersionState::Archived),
    ];
    let jobs = [
        ("$OPEN", JobState::Unassigned),
        ("$GIVEN", JobState::Assigned),
        ("$BEGUN", JobState::InProgress),
        ("$DONE", JobState::Completed),
        ("$THEIRS", JobState::InProgress),
    ];
    for (name, state) in templates {
        if document.contains(name) {
            let admin = world.as_role(Role::Admin).await;
            document = document.replace(name, &world.template(&admin, state).await.to_string());
        }
    }
    for (name, state) in jobs {
        if document.contains(name) {
            let admin = world.as_role(Role::Admin).await;
            let id = world.job(&admin, state).await;
            if name != "$THEIRS" && name != "$OPEN" && name != "$DONE" && caller.holds(Right::JobsPerform) {
                world.app.assign_job(&admin.grant().unwrap(), id, caller.user().id).await.unwrap();
            }
            document = document.replace(name, &id.to_string());
        }
    }
    document
}

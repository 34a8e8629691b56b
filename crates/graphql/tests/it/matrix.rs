//! Who may do what: every root field as each of the seven roles, against a written table.

use std::fmt::Write as _;

use insta::assert_snapshot;
use purser_core::access::{Caller, Role};

use crate::world::{World, codes};

/// An operation: its name in the table, and its document. `$OTHER`, `$ADMIN` and `$SELF` are ids of users made anew for it, `$SESSION`
/// that of a session of the caller; `$PROVIDER` is an OpenID provider, `$PROVIDER.invalid` a domain, `$FRESH` a name not used yet.
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
    ("user, oneself", "{ user(id: $SELF) { id status roles lastSignInAt createdAt } }"),
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
    ("signOutEverywhere", "mutation { signOutEverywhere { id } }"),
];

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
    signOutEverywhere           done       done       done       done       done       done       done
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
    let document = document
        .replace("$PROVIDER", &provider)
        .replace("$FRESH", &format!("fresh-{provider}"))
        .replace("$OTHER", &other.id.to_string())
        .replace("$ADMIN", &admin.id.to_string())
        .replace("$SELF", &me.to_string())
        .replace("$SESSION", &caller.session().unwrap().to_string())
        .replace("$NEW", &format!("new{me}@acme.test"));
    let answer = world.ask(caller, &document).await;
    world.forget_providers().await;
    match codes(&answer).as_slice() {
        [] => "done".into(),
        [code] => (*code).into(),
        codes => panic!("{codes:?} for {document}"),
    }
}

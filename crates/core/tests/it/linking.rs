//! Whose account a foreign identity opens: linking, making, refusing, and what groups make of roles.

use std::collections::BTreeMap;

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::error::{Code, Result};
use purser_core::ids::TenantId;
use purser_core::providers::Draft;
use purser_core::session::SignedIn;
use purser_core::users::{NewUser, User, UserStatus};
use purser_standin::oidc;

use crate::journey::{
    Browser, arrived, change, count, creating, ground, groups, idp, owning, person, set_up, settling, to, trusting,
};
use crate::on_both;
use crate::world::{PASSWORD, World, command_line, named, short, visit};

async fn acme(world: &World) -> (TenantId, oidc::Provider) {
    let acme = world.tenant("acme").await;
    let idp = idp(world).await;
    set_up(world, &acme, "corp", &idp).await;
    (acme, idp)
}

async fn sign_in(world: &World, tenant: &TenantId, idp: &oidc::Provider) -> Result<SignedIn> {
    Browser::default().sign_in(&world.app, idp, to(tenant, "corp")).await.map(arrived)
}

async fn invited(world: &World, tenant: &TenantId, email: &str, roles: &[Role]) -> User {
    let new = NewUser::parse(email, "Jane", "Doe", "", roles.iter().copied(), None).unwrap();
    world.app.create_user(&world.managing(tenant).await, new).await.unwrap()
}

async fn user(world: &World, tenant: &TenantId, id: purser_core::ids::UserId) -> User {
    let all = world.app.users_of(&command_line(), tenant, &purser_core::users::UserFilter::default()).await.unwrap();
    all.into_iter().find(|user| user.id == id).unwrap()
}

fn mapping(pairs: &[(&str, &[Role])]) -> Draft {
    let group_roles: BTreeMap<String, Vec<Role>> =
        pairs.iter().map(|(group, roles)| ((*group).to_owned(), roles.to_vec())).collect();
    Draft { group_roles: Some(group_roles), ..Draft::default() }
}

on_both! {
    async fn an_unknown_person_gets_no_account_unless_creating_is_on(world) {
        let (acme, idp) = acme(&world).await;
        let before = ground(&world).await;
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountUnknown);
        assert_eq!(ground(&world).await, before);
        let line = world.last(&acme, "session.sign-in").await.unwrap();
        assert_eq!(line, "provider corp session.sign-in name:jane@corp.test refused: nobody here is linked to this identity, and creating users is off");
        creating(&world, &acme, "corp", &[Role::Viewer]).await;
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.email, "jane@corp.test");
    }

    async fn an_account_is_linked_only_in_a_verified_domain_and_on_a_word_that_counts(world) {
        let (acme, idp) = acme(&world).await;
        let jane = world.user_called(&acme, "Jane@Corp.test", PASSWORD, &[Role::Viewer]).await;
        creating(&world, &acme, "corp", &[]).await;
        let refused = async |verified: bool| {
            person(&idp, "s-1", "jane@corp.test", verified);
            let before = ground(&world).await;
            assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountExists);
            assert_eq!(ground(&world).await, before);
        };
        refused(true).await;
        trusting(&world, &acme, "corp", "corp.test").await;
        refused(true).await;
        trusting(&world, &acme, "corp", "other.test").await;
        owning(&world, &acme, "other.test").await;
        refused(true).await;
        // Another tenant's domain is nothing to this one.
        let other = world.tenant("other").await;
        owning(&world, &other, "corp.test").await;
        refused(true).await;
        owning(&world, &acme, "corp.test").await;
        refused(false).await;
        person(&idp, "s-1", "jane@corp.test", true);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.id, jane.id);
    }

    async fn linking_ends_what_was_open_and_clears_a_password_nobody_used(world) {
        let (acme, idp) = acme(&world).await;
        owning(&world, &acme, "corp.test").await;
        let unused = world.user_called(&acme, "unused@corp.test", PASSWORD, &[Role::Viewer]).await;
        let used = world.user_called(&acme, "used@corp.test", PASSWORD, &[Role::Viewer]).await;
        let before = world.sign_in("used@corp.test").await;
        person(&idp, "s-unused", "unused@corp.test", true);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.id, unused.id);
        person(&idp, "s-used", "used@corp.test", true);
        let linked = sign_in(&world, &acme, &idp).await.unwrap();
        assert_eq!(linked.user.id, used.id);
        assert!(world.caller(&before.handed.token).await.is_err());
        assert!(world.caller(&linked.handed.token).await.is_ok());
        assert_eq!(world.try_sign_in("unused@corp.test", PASSWORD).await.unwrap_err().code(), Code::InvalidCredentials);
        assert!(world.try_sign_in("used@corp.test", PASSWORD).await.is_ok());
        // Only linking ends sessions; signing in again does not.
        let again = sign_in(&world, &acme, &idp).await.unwrap();
        assert!(world.caller(&linked.handed.token).await.is_ok() && world.caller(&again.handed.token).await.is_ok());
    }

    async fn whoever_was_invited_comes_through_the_provider(world) {
        let (acme, idp) = acme(&world).await;
        owning(&world, &acme, "corp.test").await;
        let jane = invited(&world, &acme, "jane@corp.test", &[Role::Author]).await;
        let signed_in = sign_in(&world, &acme, &idp).await.unwrap();
        assert_eq!((signed_in.user.id, signed_in.user.status), (jane.id, UserStatus::Active));
        let by = world.managing(&acme).await;
        world.app.disable_user(&by, jane.id).await.unwrap();
        // Without a password they are as invited once more; the provider lets them in again.
        assert_eq!(world.app.enable_user(&by, jane.id).await.unwrap().status, UserStatus::Invited);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.status, UserStatus::Active);
    }

    async fn a_second_person_of_a_provider_never_gets_the_same_account(world) {
        let (acme, idp) = acme(&world).await;
        owning(&world, &acme, "corp.test").await;
        world.user_called(&acme, "jane@corp.test", PASSWORD, &[Role::Viewer]).await;
        person(&idp, "s-1", "jane@corp.test", true);
        sign_in(&world, &acme, &idp).await.unwrap();
        person(&idp, "s-2", "jane@corp.test", true);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountExists);
        assert_eq!(count(&world, "external_identities").await, "1");
    }

    async fn whoever_took_an_address_before_its_domain_was_proven_is_shut_out_by_its_owner(world) {
        let (acme, idp) = acme(&world).await;
        let other = crate::journey::idp(&world).await;
        set_up(&world, &acme, "first", &other).await;
        creating(&world, &acme, "first", &[Role::Viewer]).await;
        let squatter = async || Browser::default().sign_in(&world.app, &other, to(&acme, "first")).await.map(arrived);
        person(&other, "squatter", "jane@corp.test", true);
        let before = squatter().await.unwrap();
        owning(&world, &acme, "corp.test").await;
        // Their word for the address does not count even now.
        person(&other, "squatter", "jane@corp.test", false);
        squatter().await.unwrap();
        person(&idp, "jane", "jane@corp.test", true);
        let jane = sign_in(&world, &acme, &idp).await.unwrap();
        assert_eq!(jane.user.id, before.user.id);
        assert!(world.caller(&before.handed.token).await.is_err());
        assert_eq!(squatter().await.unwrap_err().code(), Code::AccountExists);
        assert!(world.caller(&jane.handed.token).await.is_ok());
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.id, jane.user.id);
        assert_eq!(count(&world, "external_identities").await, "1");
    }

    async fn an_address_taken_within_one_provider_comes_to_its_owner_too(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        person(&idp, "squatter", "jane@corp.test", false);
        let squatter = sign_in(&world, &acme, &idp).await.unwrap();
        owning(&world, &acme, "corp.test").await;
        person(&idp, "jane", "jane@corp.test", true);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap().user.id, squatter.user.id);
        assert!(world.caller(&squatter.handed.token).await.is_err());
        person(&idp, "squatter", "jane@corp.test", false);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountExists);
    }

    async fn an_identity_whose_address_was_vouched_for_since_stays_linked(world) {
        let (acme, idp) = acme(&world).await;
        let other = crate::journey::idp(&world).await;
        set_up(&world, &acme, "first", &other).await;
        creating(&world, &acme, "first", &[]).await;
        person(&other, "jane-there", "jane@corp.test", true);
        let there = async || Browser::default().sign_in(&world.app, &other, to(&acme, "first")).await.map(arrived);
        there().await.unwrap();
        owning(&world, &acme, "corp.test").await;
        there().await.unwrap();
        person(&idp, "jane", "jane@corp.test", true);
        sign_in(&world, &acme, &idp).await.unwrap();
        person(&other, "jane-there", "jane@corp.test", false);
        assert!(there().await.is_ok());
        assert_eq!(count(&world, "external_identities").await, "2");
    }

    async fn a_changed_address_opens_the_same_account_and_changes_nothing_here(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        let other = world.user_called(&acme, "boss@corp.test", PASSWORD, &[Role::Admin]).await;
        person(&idp, "s-1", "jane@corp.test", true);
        let jane = sign_in(&world, &acme, &idp).await.unwrap().user;
        person(&idp, "s-1", &other.email, true);
        let again = sign_in(&world, &acme, &idp).await.unwrap().user;
        assert_eq!((again.id, again.email.as_str()), (jane.id, "jane@corp.test"));
    }

    async fn identities_of_two_tenants_are_two_though_the_subject_is_one(world) {
        let (acme, idp_of_acme) = acme(&world).await;
        let other = world.tenant("other").await;
        let idp_of_other = idp(&world).await;
        set_up(&world, &other, "corp", &idp_of_other).await;
        for tenant in [&acme, &other] {
            creating(&world, tenant, "corp", &[]).await;
        }
        let one = sign_in(&world, &acme, &idp_of_acme).await.unwrap().user;
        let two = sign_in(&world, &other, &idp_of_other).await.unwrap().user;
        assert_ne!(one.id, two.id);
        assert_eq!((one.tenant.as_str(), two.tenant.as_str()), ("acme", "other"));
    }

    async fn whatever_is_deleted_and_made_again_inherits_nothing(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        let jane = sign_in(&world, &acme, &idp).await.unwrap().user;
        world.app.delete_user(&world.managing(&acme).await, jane.id).await.unwrap();
        let anew = world.user_called(&acme, "jane@corp.test", PASSWORD, &[Role::Admin]).await;
        assert_ne!(anew.id, jane.id);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountExists);
        world.app.delete_user(&world.managing(&acme).await, anew.id).await.unwrap_err();
        let boss = world.user_called(&acme, "boss@corp.test", PASSWORD, &[Role::Admin]).await;
        world.app.delete_user(&world.managing(&acme).await, anew.id).await.unwrap();
        let third = sign_in(&world, &acme, &idp).await.unwrap().user;
        assert!(third.id > boss.id && third.roles.iter().next().is_none());
        world.app.delete_provider(&settling(&world, &acme).await, "corp").await.unwrap();
        set_up(&world, &acme, "corp", &idp).await;
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountExists);
    }

    async fn fifty_first_sign_ins_at_once_make_one_account(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[Role::Viewer]).await;
        let other = world.another_node().await;
        let nodes: Vec<_> = (0..50).map(|turn| if turn % 2 == 0 { &world.app } else { &other }).collect();
        // Their ways there are one after the other, their ways back all at once.
        let mut ways = Vec::new();
        for node in nodes {
            let browser = Browser::default();
            let url = browser.leave(node, to(&acme, "corp")).await.unwrap();
            let code = idp.sign_in(&url);
            ways.push((node, browser, crate::journey::parameter(&url, "state"), code));
        }
        let outcomes = join_all(ways.iter().map(async |(node, browser, state, code)| {
            let back = purser_core::signin::Returned { state: Some(state), code: Some(code), ..Default::default() };
            browser.come_back(node, back).await
        })).await;
        for outcome in outcomes {
            let user = arrived(outcome.unwrap()).user;
            assert_eq!(user.email, "jane@corp.test");
        }
        assert_eq!((count(&world, "users").await, count(&world, "external_identities").await), ("1".into(), "1".into()));
    }

    async fn an_address_of_a_verified_domain_is_not_taken_by_whoever_merely_claims_it(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        owning(&world, &acme, "corp.test").await;
        person(&idp, "s-1", "ceo@corp.test", false);
        assert_eq!(sign_in(&world, &acme, &idp).await.unwrap_err().code(), Code::AccountUnknown);
        assert_eq!(count(&world, "users").await, "0");
    }

    async fn accounts_without_a_password_do_not_open_by_one(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        sign_in(&world, &acme, &idp).await.unwrap();
        for password in [PASSWORD, "a long enough password"] {
            let claim = named("jane@corp.test", password, "acme");
            assert_eq!(world.app.sign_in(claim, &visit()).await.unwrap_err().code(), Code::InvalidCredentials);
        }
        world.settle(&acme, |settings| settings.sso_only = true).await;
        let claim = named("jane@corp.test", PASSWORD, "acme");
        assert_eq!(world.app.sign_in(claim, &visit()).await.unwrap_err().code(), Code::SsoRequired);
        assert!(sign_in(&world, &acme, &idp).await.is_ok());
    }

    async fn groups_make_roles_at_each_sign_in_and_leave_all_others_alone(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[Role::Viewer]).await;
        change(&world, &acme, "corp", mapping(&[("writers", &[Role::Author]), ("bosses", &[Role::Approver, Role::Publisher])])).await;
        let roles = async || sign_in(&world, &acme, &idp).await.unwrap().user.roles.iter().collect::<Vec<_>>();
        groups(&idp, &["writers", "unmapped"]);
        assert_eq!(roles().await, [Role::Author, Role::Viewer]);
        groups(&idp, &["bosses"]);
        assert_eq!(roles().await, [Role::Approver, Role::Publisher, Role::Viewer]);
        let id = sign_in(&world, &acme, &idp).await.unwrap().user.id;
        world.app.set_user_roles(&world.managing(&acme).await, id, [Role::Operator, Role::Approver, Role::Publisher]).await.unwrap();
        groups(&idp, &[]);
        assert_eq!(roles().await, [Role::Operator]);
        idp.script(|script| drop(script.claims.remove("groups")));
        assert_eq!(roles().await, [Role::Operator]);
        let log: Vec<String> = world.log(&acme).await.iter().map(short).filter(|line| line.contains("roles-set")).collect();
        assert_eq!(log, [
            "provider corp user.roles-set user:1 done: APPROVER PUBLISHER VIEWER",
            "command-line user.roles-set user:1 done: OPERATOR APPROVER PUBLISHER",
            "provider corp user.roles-set user:1 done: OPERATOR",
        ]);
    }

    async fn a_role_taken_away_by_groups_holds_for_open_sessions_at_once(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        change(&world, &acme, "corp", mapping(&[("writers", &[Role::Author])])).await;
        groups(&idp, &["writers"]);
        let first = sign_in(&world, &acme, &idp).await.unwrap();
        groups(&idp, &[]);
        sign_in(&world, &acme, &idp).await.unwrap();
        assert!(world.caller(&first.handed.token).await.unwrap().user().roles.iter().next().is_none());
    }

    async fn groups_never_take_the_last_admin_away(world) {
        let (acme, idp) = acme(&world).await;
        creating(&world, &acme, "corp", &[]).await;
        change(&world, &acme, "corp", mapping(&[("admins", &[Role::Admin]), ("writers", &[Role::Author])])).await;
        groups(&idp, &["admins"]);
        let jane = sign_in(&world, &acme, &idp).await.unwrap().user;
        groups(&idp, &["writers"]);
        let kept = sign_in(&world, &acme, &idp).await.unwrap().user;
        assert_eq!(kept.roles.iter().collect::<Vec<_>>(), [Role::Admin, Role::Author]);
        let log: Vec<String> = world.log(&acme).await.iter().map(short).collect();
        assert!(log.iter().any(|line| line.contains("user.roles-set") && line.contains("refused: the groups take ADMIN away")));
        world.user_called(&acme, "boss@corp.test", PASSWORD, &[Role::Admin]).await;
        sign_in(&world, &acme, &idp).await.unwrap();
        assert_eq!(user(&world, &acme, jane.id).await.roles.iter().collect::<Vec<_>>(), [Role::Author]);
    }
}

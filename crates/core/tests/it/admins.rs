//! System administrators: their accounts, their sessions, and the realm nobody else enters.

use std::sync::Arc;

use purser_core::access::{Role, SystemAdmin};
use purser_core::admins::{Admin, Username};
use purser_core::app::App;
use purser_core::error::{Error, Result};
use purser_core::ids::AdminId;
use purser_core::secret::Secret;
use purser_core::session::{AdminSignedIn, Extent, Handed, Shown};
use purser_core::signin::AdminClaim;

use crate::on_both;
use crate::world::{PASSWORD, World, command_line, refresh, short, soon, stranger, visit};

async fn admin(world: &World, name: &str) -> Admin {
    let name = Username::parse(name).unwrap();
    world.app.create_admin(&command_line(), name, &Secret::new(PASSWORD)).await.unwrap()
}

async fn sign_in(node: &App, name: &str, password: &str) -> Result<AdminSignedIn> {
    let claim = AdminClaim { username: name.into(), password: Secret::new(password) };
    node.sign_in_admin(claim, &stranger()).await
}

async fn handed(world: &World, name: &str) -> Handed {
    sign_in(&world.app, name, PASSWORD).await.unwrap().handed
}

async fn by_token(node: &App, token: &Secret) -> Result<SystemAdmin> {
    node.system_admin(Shown::Bearer(token.reveal()), visit()).await
}

async fn by_cookie(node: &App, handed: &Handed) -> Result<SystemAdmin> {
    node.system_admin(Shown::Cookie(handed.cookie.as_ref().unwrap().reveal()), visit()).await
}

async fn assert_over(node: &App, handed: &Handed) {
    assert!(matches!(by_token(node, &handed.token).await, Err(Error::InvalidToken)));
    assert!(matches!(by_cookie(node, handed).await, Err(Error::InvalidToken)));
    let refused = node.refresh_admin(handed.refresh_token.reveal(), &visit()).await;
    assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
}

on_both! {
    async fn there_is_no_administrator_until_one_is_made(world) {
        assert!(world.app.admins(&command_line()).await.unwrap().is_empty());
        for (name, password) in [("admin", "admin-password"), ("admin", "admin"), ("root", PASSWORD)] {
            assert!(matches!(sign_in(&world.app, name, password).await, Err(Error::InvalidCredentials)));
        }
        let root = admin(&world, "Root").await;
        assert_eq!((root.username.as_str(), root.is_active(), root.last_sign_in_at), ("root", true, None));
        let signed_in = sign_in(&world.app, "ROOT", PASSWORD).await.unwrap();
        assert_eq!(signed_in.admin.id, root.id);
        assert_eq!(by_token(&world.app, &signed_in.handed.token).await.unwrap().id(), Some(root.id));
        assert_eq!(by_cookie(&world.app, &signed_in.handed).await.unwrap().username(), "root");
        assert!(world.app.admins(&command_line()).await.unwrap()[0].last_sign_in_at.is_some());
    }

    async fn whatever_is_wrong_has_one_answer_costs_one_hash_and_is_logged(world) {
        admin(&world, "root").await;
        let gone = admin(&world, "gone").await;
        world.app.disable_admin(&command_line(), gone.id).await.unwrap();
        for (name, password, reason) in [
            ("root", "wrong password", "wrong password"),
            ("nobody", PASSWORD, "unknown name"),
            ("gone", PASSWORD, "disabled"),
            ("gone", "wrong password", "wrong password"),
        ] {
            world.wait(1);
            let before = world.app.figures().hashes_done;
            let refused = sign_in(&world.app, name, password).await;
            assert!(matches!(refused, Err(Error::InvalidCredentials)), "{name}");
            assert_eq!(world.app.figures().hashes_done, before + 1);
            let line = world.admin_log().await.pop().unwrap();
            assert_eq!(short(&line), format!("anyone session.sign-in name:{name} refused: {reason}"));
        }
        for (name, password) in
            [("", PASSWORD), ("a b", PASSWORD), ("root", ""), ("root", "a\0b"), ("r\u{f6}\u{f6}t", PASSWORD)]
        {
            assert!(matches!(sign_in(&world.app, name, password).await, Err(Error::Invalid(_))));
        }
    }

    async fn a_name_is_taken_in_whatever_case_and_a_password_is_judged(world) {
        admin(&world, "root").await;
        let make = async |name: &str, password: &str| {
            world.app.create_admin(&command_line(), Username::parse(name).unwrap(), &Secret::new(password)).await
        };
        assert!(matches!(make("ROOT", PASSWORD).await, Err(Error::Conflict)));
        for bad in ["", "short", "password", "administrator1"] {
            assert!(matches!(make("administrator", bad).await, Err(Error::Invalid(_))), "{bad}");
        }
        assert_eq!(world.app.admins(&command_line()).await.unwrap().len(), 1);
    }

    async fn a_disabled_or_deleted_administrators_handles_are_dead_at_once(world) {
        admin(&world, "root").await;
        let other = admin(&world, "other").await;
        let first = handed(&world, "other").await;
        by_token(&world.app, &first.token).await.unwrap();
        world.app.disable_admin(&command_line(), other.id).await.unwrap();
        assert_over(&world.app, &first).await;
        world.app.enable_admin(&command_line(), other.id).await.unwrap();
        assert_over(&world.app, &first).await;
        let second = handed(&world, "other").await;
        by_token(&world.app, &second.token).await.unwrap();
        world.app.delete_admin(&command_line(), other.id).await.unwrap();
        assert_over(&world.app, &second).await;
        let again = admin(&world, "other").await;
        assert!(again.id > other.id);
        assert_over(&world.app, &second).await;
        let unknown = world.app.delete_admin(&command_line(), other.id).await;
        assert!(matches!(unknown, Err(Error::NotFound)));
    }

    async fn the_last_administrator_cannot_be_removed(world) {
        let root = admin(&world, "root").await;
        let other = admin(&world, "other").await;
        world.app.disable_admin(&command_line(), other.id).await.unwrap();
        let before = world.database.dump().await;
        assert!(matches!(world.app.disable_admin(&command_line(), root.id).await, Err(Error::Conflict)));
        assert!(matches!(world.app.delete_admin(&command_line(), root.id).await, Err(Error::Conflict)));
        assert!(matches!(world.app.enable_admin(&command_line(), root.id).await, Err(Error::Conflict)));
        assert_eq!(world.database.dump().await, before);
        world.app.delete_admin(&command_line(), other.id).await.unwrap();
        handed(&world, "root").await;
    }

    async fn of_administrators_who_remove_one_another_at_once_one_remains(world) {
        let second = world.another_node().await;
        for turn in 0..4 {
            let ids: Vec<AdminId> =
                [admin(&world, &format!("a{turn}")).await, admin(&world, &format!("b{turn}")).await]
                    .map(|it| it.id)
                    .into();
            for old in world.app.admins(&command_line()).await.unwrap().iter().filter(|it| !ids.contains(&it.id)) {
                world.app.delete_admin(&command_line(), old.id).await.unwrap();
            }
            let removals = [Arc::clone(&world.app), Arc::clone(&second)].into_iter().zip(ids).map(|(node, id)| {
                tokio::spawn(async move {
                    match turn % 2 {
                        0 => node.disable_admin(&command_line(), id).await.map(drop),
                        _ => node.delete_admin(&command_line(), id).await,
                    }
                })
            });
            let outcomes: Vec<_> =
                futures::future::join_all(removals).await.into_iter().map(|it| it.unwrap()).collect();
            assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1, "{outcomes:?}");
            assert_eq!(world.database.value("SELECT count(*) FROM admins WHERE status = 'active'").await, "1");
        }
    }

    async fn an_administrator_who_was_shut_out_a_moment_ago_shuts_nobody_out(world) {
        admin(&world, "third").await;
        for turn in 0..2 {
            let (one, two) = (format!("one{turn}"), format!("two{turn}"));
            let (first, second) = (admin(&world, &one).await, admin(&world, &two).await);
            let by_first = by_token(&world.app, &handed(&world, &one).await.token).await.unwrap();
            let by_second = by_token(&world.app, &handed(&world, &two).await.token).await.unwrap();
            match turn {
                0 => world.app.disable_admin(&by_first.grant(), second.id).await.map(drop).unwrap(),
                _ => world.app.delete_admin(&by_first.grant(), second.id).await.unwrap(),
            }
            let late = world.app.disable_admin(&by_second.grant(), first.id).await.map(drop);
            assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
            let late = world.app.delete_admin(&by_second.grant(), first.id).await;
            assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
            let name = Username::parse("accomplice").unwrap();
            let late = world.app.create_admin(&by_second.grant(), name, &Secret::new(PASSWORD)).await;
            assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
        }
    }

    async fn an_administrators_session_sleeps_half_an_hour_and_lives_twelve(world) {
        admin(&world, "root").await;
        let asleep = handed(&world, "root").await;
        let busy = handed(&world, "root").await;
        assert_eq!(busy.expires_in.as_secs(), 12 * 3_600);
        world.wait(1_799);
        by_token(&world.app, &busy.token).await.unwrap();
        world.wait(1);
        for refused in [by_token(&world.app, &asleep.token).await, by_cookie(&world.app, &asleep).await] {
            assert!(matches!(refused, Err(Error::TokenExpired)), "{refused:?}");
        }
        let refused = world.app.refresh_admin(asleep.refresh_token.reveal(), &visit()).await;
        assert!(matches!(refused, Err(Error::TokenExpired)), "{refused:?}");
        for _ in 0..27 {
            world.wait(1_499);
            by_cookie(&world.app, &busy).await.unwrap();
            world.app.keep_house().await.unwrap();
        }
        let late = world.app.refresh_admin(busy.refresh_token.reveal(), &visit()).await.unwrap().handed;
        world.wait(12 * 3_600 - 1_800 - 27 * 1_499);
        for refused in [by_token(&world.app, &late.token).await, by_cookie(&world.app, &busy).await] {
            assert!(matches!(refused, Err(Error::TokenExpired)), "{refused:?}");
        }
    }

    async fn use_on_one_node_keeps_an_administrator_awake_on_the_other(world) {
        admin(&world, "root").await;
        let other = world.another_node().await;
        let handed = handed(&world, "root").await;
        by_token(&other, &handed.token).await.unwrap();
        for _ in 0..3 {
            world.wait(1_200);
            by_token(&world.app, &handed.token).await.unwrap();
            world.app.keep_house().await.unwrap();
        }
        by_token(&other, &handed.token).await.unwrap();
        by_cookie(&other, &handed).await.unwrap();
    }

    async fn the_refresh_rule_holds_in_this_realm_too(world) {
        admin(&world, "root").await;
        let first = handed(&world, "root").await;
        let again = async |token: &Secret| world.app.refresh_admin(token.reveal(), &visit()).await;
        let second = again(&first.refresh_token).await.unwrap().handed;
        assert_eq!(again(&first.refresh_token).await.unwrap().handed.refresh_token, second.refresh_token);
        by_token(&world.app, &second.token).await.unwrap();
        again(&second.refresh_token).await.unwrap();
        assert!(matches!(again(&first.refresh_token).await, Err(Error::InvalidToken)));
        assert_over(&world.app, &Handed { cookie: first.cookie, ..second }).await;
        let line = world.admin_log().await.into_iter().find(|line| line.action == "session.refresh-replayed");
        assert_eq!(line.unwrap().outcome, "refused");
    }

    async fn no_handle_crosses_the_realms(world) {
        admin(&world, "root").await;
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Admin]).await;
        let johns = world.sign_in("john@acme.test").await.handed;
        let roots = handed(&world, "root").await;
        by_token(&world.app, &roots.token).await.unwrap();
        world.caller(&johns.token).await.unwrap();
        assert_over(&world.app, &johns).await;
        assert!(matches!(world.caller(&roots.token).await, Err(Error::InvalidToken)));
        assert!(matches!(refresh(&world.app, &roots.refresh_token).await, Err(Error::InvalidToken)));
        by_token(&world.app, &roots.token).await.unwrap();
        world.caller(&johns.token).await.unwrap();
    }

    async fn sign_out_ends_one_or_all_of_an_administrators_sessions(world) {
        admin(&world, "root").await;
        let [one, two, three] =
            [handed(&world, "root").await, handed(&world, "root").await, handed(&world, "root").await];
        let root = by_token(&world.app, &one.token).await.unwrap();
        world.app.sign_out_admin(&root, Extent::This).await.unwrap();
        assert_over(&world.app, &one).await;
        let root = by_token(&world.app, &two.token).await.unwrap();
        world.app.sign_out_admin(&root, Extent::All).await.unwrap();
        assert_over(&world.app, &two).await;
        assert_over(&world.app, &three).await;
        let fresh = handed(&world, "root").await;
        by_token(&world.app, &fresh.token).await.unwrap();
    }

    async fn an_administrators_session_can_be_ended_by_another(world) {
        admin(&world, "root").await;
        let other = world.another_node().await;
        let handed = handed(&world, "root").await;
        let session = by_token(&other, &handed.token).await.unwrap().session().unwrap();
        world.app.end_session(&command_line(), session).await.unwrap();
        assert_over(&world.app, &handed).await;
        soon("the end", async || matches!(by_token(&other, &handed.token).await, Err(Error::InvalidToken))).await;
    }

    async fn a_weaker_hash_of_an_administrator_is_upgraded_too(world) {
        admin(&world, "root").await;
        let world = world.with(|settings| settings.passwords.memory_kib = 128).await;
        handed(&world, "root").await;
        assert!(world.database.value("SELECT password_hash FROM admins").await.contains("m=128,"));
        handed(&world, "root").await;
    }
}

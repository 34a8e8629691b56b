//! Cookie sessions: how long they sleep and live, and a user's list of them.

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::ids::{SessionId, TenantId, UserId};
use purser_core::secret::Secret;
use purser_core::session::{Extent, Shown};
use purser_core::signin::{AdminClaim, Claim};

use crate::on_both;
use crate::world::{PASSWORD, World, claim, command_line, cookie_caller, from, refresh, soon, visit};

const DAY: u64 = 86_400;

async fn john(world: &World) -> (TenantId, UserId) {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    (acme, user.id)
}

async fn cookie(world: &World) -> Secret {
    world.sign_in("john@acme.test").await.handed.cookie.unwrap()
}

async fn assert_expired(world: &World, cookie: &Secret) {
    let refused = cookie_caller(&world.app, cookie).await;
    assert!(matches!(refused, Err(Error::TokenExpired)), "{refused:?}");
}

on_both! {
    async fn a_cookie_sleeps_seven_days_and_no_longer(world) {
        john(&world).await;
        let (woken, asleep) = (cookie(&world).await, cookie(&world).await);
        world.wait(7 * DAY - 1);
        cookie_caller(&world.app, &woken).await.unwrap();
        world.wait(1);
        assert_expired(&world, &asleep).await;
        cookie_caller(&world.app, &woken).await.unwrap();
        world.wait(7 * DAY);
        assert_expired(&world, &woken).await;
        // An answer that says "expired" is no use of it.
        assert_expired(&world, &woken).await;
    }

    async fn use_keeps_a_cookie_alive_but_never_past_ninety_days(world) {
        john(&world).await;
        let cookie = cookie(&world).await;
        for _ in 0..89 {
            world.wait(DAY);
            cookie_caller(&world.app, &cookie).await.unwrap();
            world.app.keep_house().await.unwrap();
        }
        world.wait(DAY - 1);
        cookie_caller(&world.app, &cookie).await.unwrap();
        world.wait(1);
        assert_expired(&world, &cookie).await;
    }

    async fn use_is_remembered_over_a_restart(world) {
        john(&world).await;
        let cookie = cookie(&world).await;
        world.wait(6 * DAY);
        cookie_caller(&world.app, &cookie).await.unwrap();
        world.app.keep_house().await.unwrap();
        let world = world.restarted().await;
        world.wait(6 * DAY);
        cookie_caller(&world.app, &cookie).await.unwrap();
    }

    async fn use_on_another_node_keeps_it_alive_on_this(world) {
        john(&world).await;
        let other = world.another_node().await;
        let cookie = cookie(&world).await;
        for _ in 0..3 {
            world.wait(6 * DAY);
            cookie_caller(&other, &cookie).await.unwrap();
            other.keep_house().await.unwrap();
        }
        cookie_caller(&world.app, &cookie).await.unwrap();
    }

    async fn a_refresh_is_a_use(world) {
        john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let cookie = handed.cookie.unwrap();
        cookie_caller(&world.app, &cookie).await.unwrap();
        world.wait(6 * DAY);
        refresh(&world.app, &handed.refresh_token).await.unwrap();
        world.wait(6 * DAY);
        cookie_caller(&world.app, &cookie).await.unwrap();
    }

    async fn a_tenant_can_shorten_both_limits_but_not_lengthen_them(world) {
        let (acme, _) = john(&world).await;
        let begun = cookie(&world).await;
        world
            .settle(&acme, |settings| {
                settings.cookie_idle = Some("10m".parse().unwrap());
                settings.cookie_max = Some("1h".parse().unwrap());
            })
            .await;
        let asleep = cookie(&world).await;
        for _ in 0..6 {
            world.wait(599);
            cookie_caller(&world.app, &begun).await.unwrap();
        }
        assert_expired(&world, &asleep).await;
        world.wait(6);
        assert_expired(&world, &begun).await;
        world
            .settle(&acme, |settings| {
                settings.cookie_idle = Some("30d".parse().unwrap());
                settings.cookie_max = Some("300d".parse().unwrap());
            })
            .await;
        let cookie = cookie(&world).await;
        world.wait(7 * DAY);
        assert_expired(&world, &cookie).await;
    }

    async fn a_session_whose_last_handle_has_run_out_is_removed(world) {
        john(&world).await;
        let old = cookie(&world).await;
        world.wait(92 * DAY + 1);
        let young = cookie(&world).await;
        world.app.keep_house().await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "1");
        assert!(matches!(cookie_caller(&world.app, &old).await, Err(Error::TokenExpired | Error::InvalidToken)));
        cookie_caller(&world.app, &young).await.unwrap();
    }

    async fn a_cookie_sent_along_with_a_sign_in_is_never_adopted(world) {
        john(&world).await;
        world.user(&"acme".parse().unwrap(), "mallory", &[Role::Viewer]).await;
        let planted = world.sign_in("mallory@acme.test").await.handed.cookie.unwrap();
        for sent in [planted.clone(), Secret::new("x"), Secret::new("")] {
            let sending = Claim { cookie: Some(sent.clone()), ..claim("john@acme.test", PASSWORD) };
            let given = world.app.sign_in(sending, &visit()).await.unwrap().handed.cookie.unwrap();
            assert_ne!(given, sent);
            assert_eq!(cookie_caller(&world.app, &given).await.unwrap().user().email, "john@acme.test");
        }
        assert_eq!(cookie_caller(&world.app, &planted).await.unwrap().user().email, "mallory@acme.test");
    }

    async fn a_list_shows_ones_own_living_sessions_newest_first(world) {
        let (acme, _) = john(&world).await;
        world.user(&acme, "jane", &[Role::Admin]).await;
        world.sign_in("jane@acme.test").await;
        let first =
            world.app.sign_in(claim("john@acme.test", PASSWORD), &from("2001:db8::7".parse().unwrap())).await.unwrap();
        world.wait(60);
        let second = world.sign_in("john@acme.test").await;
        let ended = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        world.app.sign_out(&ended, Extent::This).await.unwrap();
        world.wait(60);
        let john = world.caller(&second.handed.token).await.unwrap();
        let list = world.app.own_sessions(&john).await.unwrap();
        let seen =
            |at: usize| (list[at].address.as_str(), list[at].created_at.seconds(), list[at].last_seen_at.seconds());
        assert_eq!(list.len(), 2);
        assert_eq!(seen(0), ("192.0.2.1", 1_800_000_060, 1_800_000_120));
        assert_eq!(seen(1), ("2001:db8::7", 1_800_000_000, 1_800_000_000));
        assert!(list.iter().all(|it| it.method == "password" && it.agent == "test"));
        assert!(list[0].is_current(&john) && !list[1].is_current(&john));
        assert_eq!(list[1].id, world.caller(&first.handed.token).await.unwrap().session().unwrap());
    }

    async fn ending_one_session_from_the_list_ends_that_one_only(world) {
        let (acme, id) = john(&world).await;
        let one = world.sign_in("john@acme.test").await.handed;
        let other = world.sign_in("john@acme.test").await.handed;
        let john = world.caller(&other.token).await.unwrap();
        let target = world.caller(&one.token).await.unwrap().session().unwrap();
        world.app.end_own_session(&john, target).await.unwrap();
        assert!(matches!(world.caller(&one.token).await, Err(Error::InvalidToken)));
        assert!(matches!(cookie_caller(&world.app, &one.cookie.unwrap()).await, Err(Error::InvalidToken)));
        assert!(matches!(refresh(&world.app, &one.refresh_token).await, Err(Error::InvalidToken)));
        world.caller(&other.token).await.unwrap();
        assert_eq!(world.app.own_sessions(&john).await.unwrap().len(), 1);
        let line = format!("user {id} session.ended session:{target} done");
        assert_eq!(world.last(&acme, "session.ended").await, Some(line));
        assert!(matches!(world.app.end_own_session(&john, target).await, Err(Error::NotFound)));
    }

    async fn nobody_elses_session_is_found_in_it(world) {
        let (acme, _) = john(&world).await;
        world.user(&acme, "jane", &[Role::Viewer]).await;
        let other = world.tenant("other").await;
        world.user(&other, "john", &[Role::Viewer]).await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        let before = world.log(&acme).await.len();
        let unknown: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let mut victims = Vec::new();
        for email in ["jane@acme.test", "john@other.test"] {
            let token = world.sign_in(email).await.handed.token;
            victims.push((world.caller(&token).await.unwrap().session().unwrap(), Some(token)));
        }
        for (session, token) in victims.into_iter().chain([(unknown, None)]) {
            assert!(matches!(world.app.end_own_session(&john, session).await, Err(Error::NotFound)));
            if let Some(token) = token {
                world.caller(&token).await.unwrap();
            }
        }
        assert_eq!(world.log(&acme).await.len(), before + 1, "only Jane's sign-in was logged");
    }

    async fn a_session_that_was_ended_otherwise_cannot_be_ended_again(world) {
        let (acme, id) = john(&world).await;
        let old = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap().session().unwrap();
        world.app.end_user_sessions(&world.managing(&acme).await, id).await.unwrap();
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        assert!(matches!(world.app.end_own_session(&john, old).await, Err(Error::NotFound)));
        assert_eq!(world.app.own_sessions(&john).await.unwrap().len(), 1);
    }

    async fn a_cookie_used_from_elsewhere_shows_it_in_list_and_log(world) {
        let (acme, id) = john(&world).await;
        let cookie = cookie(&world).await;
        let elsewhere = || from("198.51.100.7".parse().unwrap());
        for _ in 0..3 {
            let john = world.app.caller(Shown::Cookie(cookie.reveal()), None, elsewhere()).await.unwrap();
            assert_eq!(world.app.own_sessions(&john).await.unwrap()[0].address, "198.51.100.7");
        }
        let moves = world.log(&acme).await.into_iter().filter(|line| line.action == "session.moved");
        let moves: Vec<String> = moves.map(|line| format!("{} {} {}", line.actor, line.address, line.reason)).collect();
        assert_eq!(moves, [format!("{id} 198.51.100.7 from 192.0.2.1")]);
    }

    async fn a_cookie_of_the_other_realm_is_refused(world) {
        john(&world).await;
        let name = purser_core::admins::Username::parse("root").unwrap();
        world.app.create_admin(&command_line(), name, &Secret::new(PASSWORD)).await.unwrap();
        let root = AdminClaim { username: "root".into(), password: Secret::new(PASSWORD) };
        let admins = world.app.sign_in_admin(root, &visit()).await.unwrap().handed.cookie.unwrap();
        let johns = cookie(&world).await;
        assert!(matches!(cookie_caller(&world.app, &admins).await, Err(Error::InvalidToken)));
        let crossed = world.app.system_admin(Shown::Cookie(johns.reveal()), visit()).await;
        assert!(matches!(crossed, Err(Error::InvalidToken)));
    }

    async fn a_session_ended_on_one_node_is_over_on_the_other_within_a_second(world) {
        john(&world).await;
        let other = world.another_node().await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let cookie = handed.cookie.unwrap();
        let john = cookie_caller(&other, &cookie).await.unwrap();
        world.app.end_own_session(&john, john.session().unwrap()).await.unwrap();
        assert!(matches!(refresh(&other, &handed.refresh_token).await, Err(Error::InvalidToken)));
        soon("the end", async || matches!(cookie_caller(&other, &cookie).await, Err(Error::InvalidToken))).await;
    }
}

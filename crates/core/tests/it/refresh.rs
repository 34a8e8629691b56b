//! The refresh rule: what a refresh token is answered with, and when a session ends over it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::session::Extent;
use purser_core::signin::PasswordChange;

use crate::database::unhex;
use crate::on_both;
use crate::world::{PASSWORD, World, caller, cookie_caller, from, refresh, visit};

/// A session of John's: its first refresh token.
async fn john(world: &World) -> Secret {
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    world.sign_in("john@acme.test").await.handed.refresh_token
}

/// The child of a refresh token.
async fn child(node: &App, token: &Secret) -> Secret {
    refresh(node, token).await.unwrap().handed.refresh_token
}

async fn assert_refused(node: &App, token: &Secret) {
    let refused = refresh(node, token).await;
    assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
}

on_both! {
    async fn a_refresh_gives_a_new_pair_and_leaves_the_old_access_token_alive(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@acme.test").await.handed;
        let second = refresh(&world.app, &first.refresh_token).await.unwrap().handed;
        assert_ne!(first.token, second.token);
        assert_ne!(first.refresh_token, second.refresh_token);
        assert!(second.cookie.is_none());
        let sessions = [world.caller(&first.token).await.unwrap(), world.caller(&second.token).await.unwrap()];
        assert_eq!(sessions[0].session(), sessions[1].session());
        assert_eq!(world.app.own_sessions(&sessions[0]).await.unwrap().len(), 1);
    }

    async fn a_lost_answer_is_given_again_for_sixty_seconds_and_then_anew(world) {
        let first = john(&world).await;
        let given = child(&world.app, &first).await;
        world.wait(59);
        assert_eq!(child(&world.app, &first).await, given);
        world.wait(1);
        assert_eq!(child(&world.app, &first).await, given);
        world.clock.advance(Duration::from_micros(1));
        let anew = child(&world.app, &first).await;
        assert_ne!(anew, given);
        world.wait(59);
        assert_eq!(child(&world.app, &first).await, anew);
    }

    async fn an_older_child_may_be_the_one_that_arrived(world) {
        let first = john(&world).await;
        let older = child(&world.app, &first).await;
        world.wait(61);
        child(&world.app, &first).await;
        child(&world.app, &older).await;
    }

    async fn two_children_presented_end_the_session(world) {
        let first = john(&world).await;
        let owners = child(&world.app, &first).await;
        world.wait(61);
        let thiefs = child(&world.app, &first).await;
        let grandchild = refresh(&world.app, &thiefs).await.unwrap().handed;
        assert_refused(&world.app, &owners).await;
        assert_refused(&world.app, &grandchild.refresh_token).await;
        assert!(matches!(world.caller(&grandchild.token).await, Err(Error::InvalidToken)));
    }

    async fn a_replay_ends_all_three_handles_and_is_logged(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let signed_in = world.sign_in("john@acme.test").await.handed;
        let session = world.caller(&signed_in.token).await.unwrap().session().unwrap();
        let second = child(&world.app, &signed_in.refresh_token).await;
        let third = child(&world.app, &second).await;
        assert_refused(&world.app, &signed_in.refresh_token).await;
        assert_refused(&world.app, &third).await;
        assert!(matches!(world.caller(&signed_in.token).await, Err(Error::InvalidToken)));
        assert!(matches!(cookie_caller(&world.app, &signed_in.cookie.unwrap()).await, Err(Error::InvalidToken)));
        let line = format!(
            "system session.refresh-replayed session:{session} refused: a spent refresh token was presented; \
                            the session is ended"
        );
        assert_eq!(world.last(&acme, "session.refresh-replayed").await, Some(line));
        let again = world.sign_in("john@acme.test").await;
        let caller = world.caller(&again.handed.token).await.unwrap();
        assert_eq!(world.app.own_sessions(&caller).await.unwrap().len(), 1);
    }

    async fn a_replay_ends_no_other_session(world) {
        let first = john(&world).await;
        let elsewhere = world.sign_in("john@acme.test").await.handed;
        let second = child(&world.app, &first).await;
        child(&world.app, &second).await;
        assert_refused(&world.app, &first).await;
        world.caller(&elsewhere.token).await.unwrap();
        child(&world.app, &elsewhere.refresh_token).await;
    }

    async fn a_generation_never_issued_is_refused_and_touches_nothing(world) {
        let first = john(&world).await;
        let second = child(&world.app, &first).await;
        let third = child(&world.app, &second).await;
        // The store of a moment ago: as if `third` had come from another branch of time.
        world.database.run("UPDATE sessions SET generation = 0").await;
        let before = world.database.dump().await;
        assert_refused(&world.app, &third).await;
        assert_eq!(world.database.dump().await, before);
        child(&world.app, &first).await;
    }

    async fn under_the_strict_option_a_late_repetition_is_a_replay(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        world.settle(&acme, |settings| settings.strict_refresh = true).await;
        let first = world.sign_in("john@acme.test").await.handed.refresh_token;
        world.wait(3_600);
        let second = child(&world.app, &first).await;
        world.wait(60);
        assert_eq!(child(&world.app, &first).await, second);
        world.wait(1);
        assert_refused(&world.app, &first).await;
        assert_refused(&world.app, &second).await;
        assert!(world.last(&acme, "session.refresh-replayed").await.is_some());
    }

    async fn the_strict_option_of_one_tenant_binds_no_other(world) {
        let acme = world.tenant("acme").await;
        world.settle(&acme, |settings| settings.strict_refresh = true).await;
        let other = world.tenant("other").await;
        world.user(&other, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@other.test").await.handed.refresh_token;
        child(&world.app, &first).await;
        world.wait(61);
        child(&world.app, &first).await;
    }

    async fn the_deployment_can_be_strict_for_all(world) {
        let world = world.with(|settings| settings.tokens.strict_refresh = true).await;
        let first = john(&world).await;
        child(&world.app, &first).await;
        world.wait(61);
        assert_refused(&world.app, &first).await;
    }

    async fn a_client_that_keeps_its_first_refresh_token_for_life_stays_signed_in(world) {
        let first = john(&world).await;
        for _ in 0..60 {
            world.wait(11 * 3_600);
            let fresh = refresh(&world.app, &first).await.unwrap();
            world.caller(&fresh.handed.token).await.unwrap();
        }
    }

    async fn a_client_whose_answers_are_lost_again_and_again_stays_signed_in(world) {
        let mut kept = john(&world).await;
        for turn in 0..40_u64 {
            // Two of three answers never arrive.
            for _ in 0..2 {
                refresh(&world.app, &kept).await.unwrap();
                world.wait(11 + turn * 7 % 60);
            }
            kept = child(&world.app, &kept).await;
            world.wait(30);
        }
    }

    async fn a_refresh_token_lives_thirty_days_from_the_sign_in_and_no_longer(world) {
        let first = john(&world).await;
        world.wait(30 * 86_400 - 1);
        let last = refresh(&world.app, &first).await.unwrap().handed;
        world.wait(1);
        assert!(matches!(refresh(&world.app, &first).await, Err(Error::TokenExpired)));
        world.wait(1);
        assert!(matches!(refresh(&world.app, &last.refresh_token).await, Err(Error::TokenExpired)));
    }

    async fn a_tenant_can_shorten_the_life_of_refresh_tokens_but_not_lengthen_it(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@acme.test").await.handed.refresh_token;
        world.settle(&acme, |settings| settings.refresh_ttl = Some("2h".parse().unwrap())).await;
        world.wait(7_199);
        let second = child(&world.app, &first).await;
        world.wait(1);
        assert!(matches!(refresh(&world.app, &second).await, Err(Error::TokenExpired)));
        world.settle(&acme, |settings| settings.refresh_ttl = Some("300d".parse().unwrap())).await;
        child(&world.app, &second).await;
        world.wait(30 * 86_400);
        assert!(matches!(refresh(&world.app, &second).await, Err(Error::TokenExpired)));
    }

    async fn another_tenant_named_is_forbidden_and_spends_nothing(world) {
        let first = john(&world).await;
        world.tenant("other").await;
        let before = world.database.dump().await;
        for name in ["other", "unknown", "ACME", ""] {
            let refused = world.app.refresh(first.reveal(), Some(name), &visit()).await;
            assert!(matches!(refused, Err(Error::Forbidden)), "{name}: {refused:?}");
        }
        assert_eq!(world.database.dump().await, before);
        world.app.refresh(first.reveal(), Some("acme"), &visit()).await.unwrap();
    }

    async fn handles_of_another_kind_are_no_refresh_tokens(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let cookie = handed.cookie.unwrap();
        let cut = |text: &str, by: usize| Secret::new(&text[..text.len() - by]);
        let text = handed.refresh_token.reveal();
        let junk = [
            Secret::new(""),
            Secret::new("null"),
            Secret::new("x".repeat(1_000_000)),
            cut(text, 1),
            cut(text, 43),
            Secret::new(format!("{text}A")),
            Secret::new(text.to_ascii_uppercase()),
        ];
        for other in [&handed.token, &cookie].into_iter().chain(&junk) {
            assert_refused(&world.app, other).await;
        }
        assert!(matches!(world.caller(&handed.refresh_token).await, Err(Error::InvalidToken)));
        assert!(matches!(cookie_caller(&world.app, &handed.refresh_token).await, Err(Error::InvalidToken)));
        child(&world.app, &handed.refresh_token).await;
    }

    async fn nothing_stored_can_be_presented_as_a_token(world) {
        let first = john(&world).await;
        let second = child(&world.app, &first).await;
        let row = world.database.rows("SELECT * FROM sessions").await.remove(0);
        let mut forged = row.clone();
        let stored: Vec<Vec<u8>> = row.iter().filter_map(|column| unhex(column)).collect();
        forged.extend(stored.iter().map(|column| URL_SAFE_NO_PAD.encode(column)));
        let known = world.database.rows("SELECT id, branch, child FROM sessions").await.remove(0);
        let known: Vec<Vec<u8>> = known.iter().filter_map(|hex| unhex(hex)).collect();
        for (generation, branch) in [(1_u32, &known[1]), (2, &known[2])] {
            for seal in [[0; 32], [0xff; 32]] {
                let said = [&[1], known[0].as_slice(), &generation.to_be_bytes(), branch, &seal].concat();
                forged.push(URL_SAFE_NO_PAD.encode(said));
            }
        }
        for text in &forged {
            assert_refused(&world.app, &Secret::new(text)).await;
            assert!(caller(&world.app, &Secret::new(text)).await.is_err());
            assert!(cookie_caller(&world.app, &Secret::new(text)).await.is_err());
        }
        let dump = world.database.dump().await;
        assert!(!dump.contains(first.reveal()) && !dump.contains(second.reveal()));
        child(&world.app, &second).await;
    }

    async fn a_spent_token_is_still_spent_after_a_restart(world) {
        let first = john(&world).await;
        let second = child(&world.app, &first).await;
        let third = child(&world.app, &second).await;
        let world = world.restarted().await;
        assert_refused(&world.app, &first).await;
        assert_refused(&world.app, &third).await;
        let world = world.restarted().await;
        assert_refused(&world.app, &third).await;
    }

    async fn a_lost_answer_is_the_same_after_a_restart(world) {
        let first = john(&world).await;
        let second = child(&world.app, &first).await;
        let world = world.restarted().await;
        assert_eq!(child(&world.app, &first).await, second);
    }

    async fn whatever_ends_the_session_ends_its_refresh_token(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let begin = async || {
            let handed = world.sign_in("john@acme.test").await.handed;
            (world.caller(&handed.token).await.unwrap(), handed.refresh_token)
        };
        let (one, token) = begin().await;
        world.app.sign_out(&one, Extent::This).await.unwrap();
        assert_refused(&world.app, &token).await;

        let (_, token) = begin().await;
        let (other, kept) = begin().await;
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(PASSWORD) };
        world.app.change_password(&other, wish).await.unwrap();
        assert_refused(&world.app, &token).await;
        child(&world.app, &kept).await;

        world.app.end_user_sessions(&world.managing(&acme).await, user.id).await.unwrap();
        assert_refused(&world.app, &kept).await;
    }

    async fn one_token_comes_at_most_six_times_a_minute(world) {
        let first = john(&world).await;
        let second = child(&world.app, &first).await;
        for _ in 0..5 {
            world.wait(5);
            assert_eq!(child(&world.app, &first).await, second);
        }
        world.wait(5);
        let refused = refresh(&world.app, &first).await;
        assert!(matches!(refused, Err(Error::RateLimited(wait)) if wait == Duration::from_secs(30)), "{refused:?}");
        child(&world.app, &second).await;
    }

    async fn a_session_refreshed_from_elsewhere_shows_it_in_list_and_log(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@acme.test").await.handed;
        let session = world.caller(&first.token).await.unwrap().session().unwrap();
        let elsewhere = from("198.51.100.7".parse().unwrap());
        let second = world.app.refresh(first.refresh_token.reveal(), None, &elsewhere).await.unwrap().handed;
        let caller = world.caller(&second.token).await.unwrap();
        let list = world.app.own_sessions(&caller).await.unwrap();
        assert_eq!((list[0].address.as_str(), list.len()), ("198.51.100.7", 1));
        let line = format!("user {} session.moved session:{session} done: from 192.0.2.1", user.id);
        assert_eq!(world.last(&acme, "session.moved").await, Some(line));
        world.app.refresh(second.refresh_token.reveal(), None, &elsewhere).await.unwrap();
        assert_eq!(world.log(&acme).await.iter().filter(|it| it.action == "session.moved").count(), 1);
    }

    /// A thief who only ever repeats what the owner has just presented is not found by the rule, but must be seen.
    async fn a_repetition_from_elsewhere_shows_too(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@acme.test").await.handed;
        let owners = child(&world.app, &first.refresh_token).await;
        let thief = from("198.51.100.7".parse().unwrap());
        let stolen = world.app.refresh(first.refresh_token.reveal(), None, &thief).await.unwrap().handed;
        assert_eq!(stolen.refresh_token, owners);
        let caller = world.caller(&first.token).await.unwrap();
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].address, "198.51.100.7");
        assert!(world.last(&acme, "session.moved").await.is_some());
    }

    /// Both nodes remember where the session was; only one has seen it move.
    async fn a_session_that_moved_on_one_node_goes_on_at_once_on_the_other(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let other = world.another_node().await;
        let elsewhere = from("198.51.100.7".parse().unwrap());
        for turn in 0..10 {
            let first = world.sign_in("john@acme.test").await.handed;
            for node in [&world.app, &other] {
                caller(node, &first.token).await.unwrap();
            }
            let second = world.app.refresh(first.refresh_token.reveal(), None, &elsewhere).await.unwrap().handed;
            let third = other.refresh(second.refresh_token.reveal(), None, &elsewhere).await;
            assert!(third.is_ok(), "{turn}: {third:?}");
        }
        let moves = world.log(&acme).await.into_iter().filter(|line| line.action == "session.moved");
        assert_eq!(moves.count(), 10);
    }

    async fn a_refused_refresh_from_elsewhere_moves_nothing(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let first = world.sign_in("john@acme.test").await.handed;
        let thief = from("198.51.100.7".parse().unwrap());
        let refused = world.app.refresh(first.refresh_token.reveal(), Some("other"), &thief).await;
        assert!(matches!(refused, Err(Error::Forbidden)));
        assert_eq!(world.last(&acme, "session.moved").await, None);
        assert_eq!(world.database.value("SELECT address FROM sessions").await, "192.0.2.1");
    }
}

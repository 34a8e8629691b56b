//! Changing one's own password.

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use purser_core::users::User;

use crate::on_both;
use crate::world::{PASSWORD, World, claim, cookie_caller, refresh, stranger};

const NEW: &str = "another password of mine";

async fn john(world: &World) -> (TenantId, User) {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    (acme, user)
}

fn wish(current: &str, new: &str) -> PasswordChange {
    PasswordChange { current: Secret::new(current), new: Secret::new(new) }
}

on_both! {
    async fn a_new_password_opens_and_the_old_one_no_longer_does(world) {
        let (acme, user) = john(&world).await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        world.app.change_password(&john, wish(PASSWORD, NEW)).await.unwrap();
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::InvalidCredentials)));
        world.try_sign_in("john@acme.test", NEW).await.unwrap();
        let line = format!("user {0} user.password-changed user:{0} done", user.id);
        assert_eq!(world.last(&acme, "user.password-changed").await, Some(line));
    }

    async fn it_ends_every_other_session_and_keeps_this_one_with_all_its_handles(world) {
        john(&world).await;
        let kept = world.sign_in("john@acme.test").await.handed;
        let other = world.sign_in("john@acme.test").await.handed;
        let second = refresh(&world.app, &kept.refresh_token).await.unwrap().handed;
        let john = world.caller(&kept.token).await.unwrap();
        world.app.change_password(&john, wish(PASSWORD, NEW)).await.unwrap();
        for token in [&kept.token, &second.token] {
            world.caller(token).await.unwrap();
        }
        cookie_caller(&world.app, kept.cookie.as_ref().unwrap()).await.unwrap();
        refresh(&world.app, &second.refresh_token).await.unwrap();
        assert!(matches!(world.caller(&other.token).await, Err(Error::InvalidToken)));
        assert!(matches!(cookie_caller(&world.app, &other.cookie.unwrap()).await, Err(Error::InvalidToken)));
        assert!(matches!(refresh(&world.app, &other.refresh_token).await, Err(Error::InvalidToken)));
        assert_eq!(world.app.own_sessions(&john).await.unwrap().len(), 1);
        let world = world.restarted().await;
        world.caller(&kept.token).await.unwrap();
        assert!(matches!(world.caller(&other.token).await, Err(Error::InvalidToken)));
    }

    async fn without_the_present_password_nothing_changes(world) {
        let (acme, user) = john(&world).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let other = world.sign_in("john@acme.test").await.handed;
        let john = world.caller(&handed.token).await.unwrap();
        let hash = world.database.value("SELECT password_hash FROM users").await;
        let refused = world.app.change_password(&john, wish("wrong", NEW)).await;
        assert!(matches!(refused, Err(Error::InvalidCredentials)));
        assert!(matches!(world.app.change_password(&john, wish("", NEW)).await, Err(Error::Invalid(_))));
        assert_eq!(world.database.value("SELECT password_hash FROM users").await, hash);
        world.caller(&other.token).await.unwrap();
        let line = format!("user {0} user.password-changed user:{0} refused: the present password is wrong", user.id);
        assert_eq!(world.last(&acme, "user.password-changed").await, Some(line));
    }

    async fn a_bad_new_password_is_refused_and_costs_no_guess(world) {
        let (acme, _) = john(&world).await;
        world
            .settle(&acme, |settings| {
                settings.password_min_length = Some(15);
                settings.forbidden_words = vec!["Turbine".into()];
            })
            .await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        let long = "x".repeat(129);
        for bad in ["fourteen chars", "turbine turbine", "john@acme.test!", "", "with\0a nul inside", &long] {
            let refused = world.app.change_password(&john, wish(PASSWORD, bad)).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}: {refused:?}");
        }
        let counts = "SELECT count(*) FROM guesses WHERE id LIKE 'change/%' AND failed + pending > 0";
        assert_eq!(world.database.value(counts).await, "0");
        assert_eq!(world.last(&acme, "user.password-changed").await, None);
        world.app.change_password(&john, wish(PASSWORD, "fifteen chars!!")).await.unwrap();
    }

    async fn of_two_changes_at_once_one_holds(world) {
        john(&world).await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        let news = ["the first new password", "the second new password"];
        let [one, two] = news.map(|new| {
            let (app, john) = (world.app.clone(), john.clone());
            tokio::spawn(async move { app.change_password(&john, wish(PASSWORD, new)).await })
        });
        let outcomes = [one.await.unwrap(), two.await.unwrap()];
        let good: Vec<usize> = (0..2).filter(|at| outcomes[*at].is_ok()).collect();
        assert!(!good.is_empty(), "{outcomes:?}");
        assert!(outcomes.iter().all(|it| matches!(it, Ok(()) | Err(Error::Conflict | Error::InvalidCredentials))));
        let mut opening = 0;
        for new in news {
            world.wait(10);
            opening += usize::from(world.app.sign_in(claim("john@acme.test", new), &stranger()).await.is_ok());
        }
        assert_eq!((opening, good.len()), (1, 1));
    }

    async fn a_caller_from_before_an_end_of_all_sessions_changes_nothing(world) {
        let (acme, user) = john(&world).await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        world.app.delete_user(&world.managing(&acme).await, user.id).await.unwrap();
        let refused = world.app.change_password(&john, wish(PASSWORD, NEW)).await;
        assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
    }
}

//! Sign-in, refresh, sign-out.

use std::time::Duration;

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::session::Extent;

use crate::on_both;
use crate::world::visit;

on_both! {
    async fn a_session_lives_from_sign_in_to_sign_out(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let signed_in = world.sign_in("john@acme.test").await;
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!(caller.user().id, user.id);
        world.clock.advance(Duration::from_secs(5));
        let again = world.app.refresh(signed_in.handed.refresh_token.reveal(), None, &visit()).await.unwrap();
        assert_eq!(world.app.own_sessions(&caller).await.unwrap().len(), 1);
        world.app.sign_out(&caller, Extent::This).await.unwrap();
        assert!(matches!(world.caller(&signed_in.handed.token).await, Err(Error::InvalidToken)));
        assert!(matches!(world.caller(&again.handed.token).await, Err(Error::InvalidToken)));
        let refused = world.app.refresh(again.handed.refresh_token.reveal(), None, &visit()).await;
        assert!(matches!(refused, Err(Error::InvalidToken)));
    }

    async fn a_spent_refresh_token_ends_the_session(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let signed_in = world.sign_in("john@acme.test").await;
        let first = signed_in.handed.refresh_token;
        let second = world.app.refresh(first.reveal(), None, &visit()).await.unwrap().handed.refresh_token;
        let repeated = world.app.refresh(first.reveal(), None, &visit()).await.unwrap().handed.refresh_token;
        assert_eq!(second, repeated);
        let third = world.app.refresh(second.reveal(), None, &visit()).await.unwrap();
        assert!(matches!(world.app.refresh(first.reveal(), None, &visit()).await, Err(Error::InvalidToken)));
        assert!(matches!(world.caller(&third.handed.token).await, Err(Error::InvalidToken)));
    }

    async fn wrong_passwords_are_slowed_and_never_lock_for_good(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        for _ in 0..4 {
            let refused = world.try_sign_in("john@acme.test", "wrong").await.unwrap_err();
            assert!(matches!(refused, Error::InvalidCredentials), "{refused:?}");
        }
        assert!(matches!(world.try_sign_in("john@acme.test", "wrong").await, Err(Error::RateLimited(_))));
        world.clock.advance(Duration::from_secs(2));
        world.sign_in("john@acme.test").await;
    }
}

//! What a tenant's Admins settle, and that each setting does what it says.

use purser_core::access::{Caller, Role};
use purser_core::error::{Error, Result};
use purser_core::providers::Draft;
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use purser_core::tenants::TenantSettings;
use purser_core::users::NewUser;

use crate::journey::{change, idp, set_up};
use crate::on_both;
use crate::world::{PASSWORD, World, cookie_caller, named, refresh, visit};

async fn settle(world: &World, by: &Caller, change: impl FnOnce(&mut TenantSettings) + Send) -> Result<TenantSettings> {
    let change = |settings: &mut TenantSettings| {
        change(settings);
        Ok(())
    };
    world.app.settle_own(&by.grant()?, change).await
}

on_both! {
    async fn only_an_admin_settles_and_only_for_their_own(world) {
        let other = world.tenant("other").await;
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            let outcome = settle(&world, &caller, |settings| settings.separation_of_duties = true).await;
            assert_eq!(outcome.is_ok(), role == Role::Admin, "{role}");
        }
        let untouched = world.app.tenant(&crate::world::command_line(), &other).await.unwrap().settings;
        assert_eq!(untouched, TenantSettings::default());
    }

    async fn what_was_changed_is_in_the_log_by_name_and_never_by_value(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        let settled = settle(&world, &admin, |settings| {
            settings.forbidden_words = vec!["canary".into()];
            settings.access_ttl = Some("1h".parse().unwrap());
        });
        assert_eq!(settled.await.unwrap().forbidden_words, ["canary"]);
        let line = format!("user {} client.updated client:acme done: settings: accessTtl, forbiddenWords", admin.user().id);
        assert_eq!(world.last(&acme, "client.updated").await.unwrap(), line);
        assert_eq!(world.app.own_settings(&admin.grant().unwrap()).await.unwrap().forbidden_words, ["canary"]);
        let lines = world.log(&acme).await.len();
        settle(&world, &admin, |settings| settings.access_ttl = Some("60m".parse().unwrap())).await.unwrap();
        assert_eq!(world.log(&acme).await.len(), lines, "nothing was changed");
    }

    async fn what_is_refused_changes_nothing(world) {
        let admin = world.as_role(Role::Admin).await;
        let before = world.database.rows("SELECT * FROM tenants").await;
        let bad: [fn(&mut TenantSettings); 4] = [
            |settings| settings.password_min_length = Some(65),
            |settings| settings.forbidden_words = vec![String::new()],
            |settings| settings.return_to = vec!["nowhere".into()],
            |settings| settings.native_redirects = vec!["javascript:alert(1)".into()],
        ];
        for change in bad {
            let refused = settle(&world, &admin, change).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        }
        assert_eq!(world.database.rows("SELECT * FROM tenants").await, before);
    }

    async fn passwords_are_shut_out_only_where_a_provider_is_on(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        let wish = |settings: &mut TenantSettings| settings.sso_only = true;
        let refused = async || match settle(&world, &admin, wish).await {
            Err(Error::Invalid(problems)) => problems[0].field == "settings.ssoOnly",
            _ => false,
        };
        assert!(refused().await);
        set_up(&world, &acme, "corp", &idp(&world).await).await;
        change(&world, &acme, "corp", Draft { enabled: Some(false), ..Draft::default() }).await;
        assert!(refused().await);
        change(&world, &acme, "corp", Draft { enabled: Some(true), ..Draft::default() }).await;
        settle(&world, &admin, wish).await.unwrap();
        for email in [admin.user().email.as_str(), "nobody@acme.test"] {
            let turned_away = world.app.sign_in(named(email, PASSWORD, "acme"), &visit()).await;
            assert!(matches!(turned_away, Err(Error::SsoRequired)), "{turned_away:?}");
        }
        change(&world, &acme, "corp", Draft { enabled: Some(false), ..Draft::default() }).await;
        settle(&world, &admin, |settings| settings.strict_refresh = true).await.unwrap();
    }

    /// But an access token keeps the end that it was made with: whoever checks it elsewhere sees no settings.
    async fn shorter_lives_hold_for_living_sessions_from_the_next_request_on(world) {
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        world.user(&acme, "john", &[Role::Viewer]).await;
        let handed = world.sign_in("john@acme.test").await.handed;
        let cookie = handed.cookie.as_ref().unwrap();
        world.wait(1_000);
        cookie_caller(&world.app, cookie).await.unwrap();
        world.wait(900);
        settle(&world, &admin, |settings| {
            settings.access_ttl = Some("10m".parse().unwrap());
            settings.refresh_ttl = Some("30m".parse().unwrap());
            settings.cookie_idle = Some("10m".parse().unwrap());
        }).await.unwrap();
        assert!(matches!(cookie_caller(&world.app, cookie).await, Err(Error::TokenExpired)));
        assert!(matches!(refresh(&world.app, &handed.refresh_token).await, Err(Error::TokenExpired)));
        world.caller(&handed.token).await.unwrap();
        let again = world.sign_in("john@acme.test").await.handed;
        world.wait(601);
        assert!(matches!(world.caller(&again.token).await, Err(Error::TokenExpired)));
    }

    async fn rules_about_passwords_hold_for_the_next_password(world) {
        let admin = world.as_role(Role::Admin).await;
        settle(&world, &admin, |settings| {
            settings.password_min_length = Some(40);
            settings.forbidden_words = vec!["zeppelin".into()];
        }).await.unwrap();
        let choose = async |new: &str| {
            let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new(new) };
            world.app.change_password(&admin, wish).await
        };
        assert!(matches!(choose("another horse battery 4711").await, Err(Error::Invalid(_))), "too short");
        let new = |password: &str| NewUser::parse("new@acme.test", "New", "Comer", "", [], Some(Secret::new(password))).unwrap();
        let leaning = "zeppelinzeppelinzeppelinzeppelinzeppelin1234";
        let refused = world.app.create_user(&admin.grant().unwrap(), new(leaning)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        world.app.create_user(&admin.grant().unwrap(), new("a long horse and a longer battery, stapled 4711")).await.unwrap();
    }
}

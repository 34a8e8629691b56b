//! Entra tokens as bearer tokens: who is behind them, how long that is believed, and what undoes it at once.

use futures::future::join_all;
use purser_core::access::{Caller, Role};
use purser_core::app::App;
use purser_core::error::{Code, Error, Result};
use purser_core::secret::Secret;
use purser_core::session::{Extent, Shown};
use purser_core::signin::PasswordChange;
use purser_core::tenants::{TenantStatus, TwoFactor};
use purser_standin::microsoft::{Access, Endpoint, Fault, Microsoft, OTHER_DIRECTORY, Person, Version};

use crate::journey::{change, count, creating, ground, owning, switch, trusting};
use crate::microsoft::contoso;
use crate::on_both;
use crate::world::{PASSWORD, soon, stranger, visit};

async fn show(app: &App, token: &str) -> Result<Caller> {
    app.caller(Shown::Bearer(token), None, visit()).await
}

async fn code(app: &App, token: &str) -> Code {
    show(app, token).await.map(|_| ()).unwrap_err().code()
}

fn token(there: &Microsoft) -> String {
    there.issue(&Access::graph(Version::V2))
}

fn asked(there: &Microsoft) -> usize {
    there.calls(Endpoint::Me)
}

on_both! {
    async fn a_token_stands_for_its_person_and_makes_no_session(world) {
        let (world, _contoso, there) = contoso(world).await;
        for (version, amr) in [(Version::V1, "fed pwd"), (Version::V2, "fed")] {
            let caller = show(&world.app, &there.issue(&Access::graph(version))).await.unwrap();
            assert_eq!(caller.user().email, "AdeleV@contoso.com");
            assert_eq!((caller.session(), caller.amr()), (None, amr));
            assert!(world.app.own_sessions(&caller).await.unwrap().is_empty());
        }
        assert_eq!((count(&world, "users").await, count(&world, "sessions").await), ("1".into(), "0".into()));
    }

    async fn a_token_is_asked_about_once_in_five_minutes_and_never_believed_past_its_end(world) {
        let (world, _contoso, there) = contoso(world).await;
        let token = token(&there);
        for _ in 0..10 {
            show(&world.app, &token).await.unwrap();
        }
        world.wait(299);
        show(&world.app, &token).await.unwrap();
        assert_eq!(asked(&there), 1);
        world.wait(1);
        there.stop_clock_at(1_800_000_300);
        show(&world.app, &token).await.unwrap();
        assert_eq!(asked(&there), 2);
        let short = there.issue(&Access { lifetime: 120, ..Access::graph(Version::V2) });
        show(&world.app, &short).await.unwrap();
        world.wait(119);
        assert!(show(&world.app, &short).await.is_ok());
        world.wait(1);
        there.stop_clock_at(1_800_000_420);
        assert_eq!(code(&world.app, &short).await, Code::InvalidToken);
    }

    async fn a_thousand_uses_of_a_new_token_ask_once(world) {
        let (world, _contoso, there) = contoso(world).await;
        let token = token(&there);
        let callers = join_all((0..1_000).map(|_| show(&world.app, &token))).await;
        assert!(callers.iter().all(Result::is_ok));
        assert_eq!(asked(&there), 1);
    }

    async fn what_is_undone_here_is_undone_at_the_next_use(world) {
        let (world, contoso, there) = contoso(world).await;
        let token = token(&there);
        let app = &world.app;
        let adele = show(app, &token).await.unwrap().user().id;
        let by = world.managing(&contoso).await;
        app.set_user_roles(&by, adele, [Role::Author]).await.unwrap();
        assert_eq!(show(app, &token).await.unwrap().user().roles.iter().collect::<Vec<_>>(), [Role::Author]);
        app.disable_user(&by, adele).await.unwrap();
        assert_eq!(code(app, &token).await, Code::AccountUnknown);
        assert_eq!(asked(&there), 1);
        app.enable_user(&by, adele).await.unwrap();
        assert!(show(app, &token).await.is_ok());
        let before = asked(&there);
        switch(&world, &contoso, "microsoft", false).await;
        assert_eq!(code(app, &token).await, Code::InvalidToken);
        assert_eq!(asked(&there), before);
        switch(&world, &contoso, "microsoft", true).await;
        assert!(show(app, &token).await.is_ok());
        world.switch(&contoso, TenantStatus::Disabled).await;
        assert_eq!(code(app, &token).await, Code::InvalidToken);
        world.switch(&contoso, TenantStatus::Active).await;
        assert!(show(app, &token).await.is_ok());
        app.delete_user(&by, adele).await.unwrap();
        assert_ne!(show(app, &token).await.unwrap().user().id, adele);
    }

    async fn where_a_second_factor_is_asked_for_the_token_has_to_say_that_one_was_shown(world) {
        let (world, contoso, there) = contoso(world).await;
        let plain = there.issue(&Access::graph(Version::V1));
        show(&world.app, &plain).await.unwrap();
        world.settle(&contoso, |settings| {
            settings.two_factor = TwoFactor::Required;
            settings.two_factor_grace = Some("1h".parse().unwrap());
        }).await;
        let caller = show(&world.app, &plain).await.unwrap();
        assert!(world.app.enrolment_due(&caller).is_some());
        assert_eq!(world.app.start_totp(&caller, None).await.unwrap_err().code(), Code::Forbidden);
        world.wait(3_600);
        there.stop_clock_at(1_800_003_600);
        let plain = there.issue(&Access::graph(Version::V1));
        assert_eq!(code(&world.app, &plain).await, Code::InvalidToken);
        let line = world.last(&contoso, "session.sign-in").await.unwrap();
        assert!(line.ends_with("the directory does not say that one was shown"), "{line}");
        let both = Access { amr: vec!["pwd".into(), "mfa".into()], ..Access::graph(Version::V1) };
        assert_eq!(show(&world.app, &there.issue(&both)).await.unwrap().amr(), "fed pwd mfa");
        assert_eq!(count(&world, "challenges").await, "0");
    }

    async fn a_guest_who_calls_themselves_like_somebody_here_is_not_taken_for_them(world) {
        let (world, contoso, there) = contoso(world).await;
        trusting(&world, &contoso, "microsoft", "contoso.com").await;
        owning(&world, &contoso, "contoso.com").await;
        let draft = purser_core::providers::MicrosoftDraft { guests: Some(true), ..Default::default() };
        let draft = purser_core::providers::ProtocolDraft::Microsoft(draft);
        let guests = purser_core::providers::Draft { protocol: Some(draft), ..Default::default() };
        change(&world, &contoso, "microsoft", guests).await;
        world.user_called(&contoso, "boss@contoso.com", PASSWORD, &[Role::Admin]).await;
        let posing = Person { mail: Some("boss@contoso.com".into()), ..Person::guest() };
        for version in [Version::V1, Version::V2] {
            let token = there.issue(&Access { person: Some(posing.clone()), ..Access::graph(version) });
            assert_eq!(code(&world.app, &token).await, Code::AccountExists);
        }
        assert_eq!(count(&world, "external_identities").await, "0");
    }

    async fn settings_that_changed_are_applied_to_tokens_believed_before(world) {
        let (world, contoso, there) = contoso(world).await;
        let token = there.issue(&Access { person: Some(Person::guest()), ..Access::graph(Version::V2) });
        let guests = |guests| purser_core::providers::Draft {
            protocol: Some(purser_core::providers::ProtocolDraft::Microsoft(purser_core::providers::MicrosoftDraft {
                guests: Some(guests), ..Default::default()
            })),
            ..Default::default()
        };
        change(&world, &contoso, "microsoft", guests(true)).await;
        assert!(show(&world.app, &token).await.is_ok());
        change(&world, &contoso, "microsoft", guests(false)).await;
        assert_eq!(code(&world.app, &token).await, Code::InvalidToken);
    }

    async fn a_refusal_is_remembered_for_half_a_minute_and_counted(world) {
        let (world, contoso, there) = contoso(world).await;
        let before = ground(&world).await;
        let token = token(&there);
        for (status, calls) in [(401, 1), (403, 2), (404, 3)] {
            there.fail(Endpoint::Me, Fault::Failing(status));
            assert_eq!(code(&world.app, &token).await, Code::InvalidToken);
            there.mend(Endpoint::Me);
            world.wait(29);
            assert_eq!(code(&world.app, &token).await, Code::InvalidToken);
            assert_eq!(asked(&there), calls);
            world.wait(1);
        }
        assert_eq!(ground(&world).await, before);
        assert!(world.last(&contoso, "session.sign-in").await.unwrap().starts_with("provider microsoft session.sign-in provider:microsoft refused: "));
        assert!(show(&world.app, &token).await.is_ok());
    }

    async fn microsoft_being_away_is_said_as_it_is_and_to_all_who_wait_at_once(world) {
        let (world, _contoso, there) = contoso(world).await;
        let token = token(&there);
        there.fail(Endpoint::Me, Fault::Throttled { retry_after: Some(5) });
        let outcomes = join_all((0..100).map(|_| show(&world.app, &token))).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::IdpUnavailable(_)))));
        assert_eq!(asked(&there), 1);
    }

    async fn tokens_of_directories_and_applications_of_nobody_here_are_never_asked_about(world) {
        let (world, _contoso, there) = contoso(world).await;
        let other_directory = there.issue(&Access { tid: OTHER_DIRECTORY.into(), ..Access::graph(Version::V2) });
        let other_app = there.issue(&Access { app: "99999999-cccc-4444-8ddd-5555eeee6666".into(), ..Access::graph(Version::V2) });
        for token in [other_directory.as_str(), &other_app, "", "x", "a.b.c", &"x".repeat(20_000)] {
            assert_eq!(code(&world.app, token).await, Code::InvalidToken);
        }
        assert_eq!(there.requests(), []);
    }

    async fn another_tenant_cannot_be_named_beside_a_token(world) {
        let (world, _contoso, there) = contoso(world).await;
        world.tenant("acme").await;
        let token = token(&there);
        let named = |name| world.app.caller(Shown::Bearer(&token), Some(name), visit());
        assert_eq!(named("acme").await.unwrap_err().code(), Code::Forbidden);
        assert!(named("contoso").await.is_ok());
    }

    async fn signing_out_drops_the_answer_on_every_node(world) {
        let (world, contoso, there) = contoso(world).await;
        let other = world.another_node().await;
        let token = token(&there);
        let caller = show(&world.app, &token).await.unwrap();
        show(&other, &token).await.unwrap();
        assert_eq!(asked(&there), 2);
        world.app.sign_out(&caller, Extent::This).await.unwrap();
        assert!(world.last(&contoso, "session.sign-out").await.is_some());
        show(&world.app, &token).await.unwrap();
        assert_eq!(asked(&there), 3);
        if world.database.is_postgres() {
            soon("the other node asks again", async || show(&other, &token).await.is_ok() && asked(&there) == 4).await;
        }
        world.app.sign_out(&caller, Extent::All).await.unwrap();
        let before = asked(&there);
        show(&world.app, &token).await.unwrap();
        assert_eq!(asked(&there), before + 1);
    }

    async fn the_admin_realm_takes_none(world) {
        let (world, _contoso, there) = contoso(world).await;
        let token = token(&there);
        show(&world.app, &token).await.unwrap();
        let refusal = world.app.system_admin(Shown::Bearer(&token), visit()).await.unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidToken);
        assert!(show(&world.app, &format!("{token}x")).await.is_err());
        let as_cookie = world.app.caller(Shown::Cookie(&token), None, visit()).await;
        assert_eq!(as_cookie.unwrap_err().code(), Code::InvalidToken);
    }

    async fn somebody_unknown_is_refused_once_and_remembered(world) {
        let (world, contoso, there) = contoso(world).await;
        change(&world, &contoso, "microsoft", purser_core::providers::Draft { create_users: Some(false), ..Default::default() }).await;
        let token = token(&there);
        for _ in 0..5 {
            assert_eq!(code(&world.app, &token).await, Code::AccountUnknown);
        }
        assert_eq!((asked(&there), count(&world, "users").await), (1, "0".into()));
        creating(&world, &contoso, "microsoft", &[]).await;
        world.wait(30);
        assert!(show(&world.app, &token).await.is_ok());
    }

    async fn an_account_of_that_address_is_linked_where_the_tenant_trusts_the_directory(world) {
        let (world, contoso, there) = contoso(world).await;
        let adele = world.user_called(&contoso, "adelev@contoso.com", PASSWORD, &[Role::Approver]).await;
        let before = world.sign_in(&adele.email).await;
        let token = token(&there);
        assert_eq!(code(&world.app, &token).await, Code::AccountExists);
        owning(&world, &contoso, "contoso.com").await;
        trusting(&world, &contoso, "microsoft", "contoso.com").await;
        world.wait(30);
        let caller = show(&world.app, &token).await.unwrap();
        assert_eq!(caller.user().id, adele.id);
        assert!(world.caller(&before.handed.token).await.is_err());
        // Nothing of a session is needed to change the password, and none is kept.
        let session = world.sign_in(&adele.email).await;
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new("another long password 7") };
        world.app.change_password(&caller, wish).await.unwrap();
        assert!(world.caller(&session.handed.token).await.is_err());
        assert!(show(&world.app, &token).await.is_ok());
    }

    async fn bad_tokens_from_one_address_stop_being_asked_about(world) {
        let (world, _contoso, there) = contoso(world).await;
        let world = world.with(|settings| settings.limits.guesses_per_address = 3).await;
        there.let_graph_name("00000000-44d7-43e1-9a83-5f2406dee5bd");
        for lifetime in 1_000..1_003 {
            let token = there.issue(&Access { lifetime, ..Access::graph(Version::V2) });
            assert_eq!(code(&world.app, &token).await, Code::InvalidToken);
        }
        let token = token(&there);
        assert_eq!(code(&world.app, &token).await, Code::RateLimited);
        assert_eq!(asked(&there), 3);
        let elsewhere = world.app.caller(Shown::Bearer(&token), None, stranger()).await;
        assert_eq!(elsewhere.unwrap_err().code(), Code::InvalidToken);
    }
}

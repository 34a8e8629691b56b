//! Signing in at an OpenID Connect provider: attempts that are spent once and in their own browser, and what comes of them.

use std::sync::Arc;

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::env::Clock as _;
use purser_core::error::{Code, Error};
use purser_core::providers::Outcome;
use purser_core::secret::Secret;
use purser_core::signin::{Arrival, Leave, Returned, Start};
use purser_core::tenants::TenantStatus;
use purser_standin::oidc::{self, DISCOVERY, TOKEN};

use crate::journey::{
    Browser, arrived, base, by_app, change, count, creating, elsewhere, ground, idp, parameter, person, pointing_at,
    set_up, settling, switch, to,
};
use crate::on_both;
use crate::world::{World, cookie_caller, short, stranger, visit};

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-letters-0123456789";

/// A tenant with a provider that makes users.
async fn acme(world: &World) -> (purser_core::ids::TenantId, oidc::Provider) {
    let acme = world.tenant("acme").await;
    let idp = idp(world).await;
    set_up(world, &acme, "corp", &idp).await;
    creating(world, &acme, "corp", &[Role::Operator]).await;
    (acme, idp)
}

fn code_of(result: purser_core::error::Result<Arrival>) -> Code {
    result.map(|_| ()).unwrap_err().code()
}

on_both! {
    async fn whoever_the_provider_proves_is_signed_in_and_the_log_says_how(world) {
        let (acme, idp) = acme(&world).await;
        let browser = Browser::default();
        let start = Start { return_to: Some("/work?tab=2".into()), ..to(&acme, "corp") };
        let arrival = browser.sign_in(&world.app, &idp, start).await.unwrap();
        let Arrival::Session { signed_in, return_to, flow_cookie } = arrival else { panic!("sent elsewhere") };
        assert_eq!(return_to, "/work?tab=2");
        assert!(browser.cookie(&flow_cookie.unwrap()).is_some());
        let user = &signed_in.user;
        assert_eq!((user.email.as_str(), user.first_name.as_str(), user.last_name.as_str()), ("jane@corp.test", "Jane", "Doe"));
        assert_eq!(user.roles.iter().collect::<Vec<_>>(), [Role::Operator]);
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!((caller.amr(), caller.user().id), ("fed", user.id));
        assert!(cookie_caller(&world.app, signed_in.handed.cookie.as_ref().unwrap()).await.is_ok());
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].method, "oidc");
        let log: Vec<String> = world.log(&acme).await.iter().map(short).collect();
        assert_eq!(log[log.len() - 3..], [
            "provider corp user.created user:1 done: OPERATOR",
            "provider corp user.identity-linked user:1 done: 248289761001",
            "user 1 session.sign-in user:1 done: oidc corp",
        ]);
        let again = arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        assert_eq!(again.user.id, user.id);
        assert_eq!(count(&world, "users").await, "1");
    }

    async fn examining_a_provider_tells_how_the_last_sign_in_through_it_went(world) {
        let (acme, idp) = acme(&world).await;
        let by = settling(&world, &acme).await;
        let trial = async || {
            let checks = world.app.examine_provider(&by, "corp", &base()).await.unwrap();
            checks.into_iter().find(|check| check.name == "sign-in").unwrap()
        };
        let untried = trial().await;
        assert_eq!(untried.outcome, Outcome::Warned);
        assert!(untried.advice.starts_with("open http://localhost:8080/api/client/auth/oidc?client=acme&provider=corp "), "{untried:?}");
        world.wait(1);
        idp.script(|script| {
            script.claims.insert("nonce".into(), "another".into());
        });
        let refused = Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await;
        assert_eq!(code_of(refused), Code::InvalidToken);
        let failed = trial().await;
        assert_eq!(failed.outcome, Outcome::Failed);
        assert!(failed.found.contains("nonce"), "{failed:?}");
        world.wait(1);
        idp.script(|script| {
            script.now = world.clock.now().seconds();
            script.claims.remove("nonce");
        });
        arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        let passed = trial().await;
        assert_eq!((passed.outcome, passed.found.starts_with("user:1 signed in at ")), (Outcome::Passed, true), "{passed:?}");
        world.wait(25 * 60 * 60);
        assert_eq!(trial().await.outcome, Outcome::Warned);
    }

    async fn fifty_callbacks_over_two_nodes_give_one_session(world) {
        let (acme, idp) = acme(&world).await;
        let other = world.another_node().await;
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        let returned = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        let nodes: Vec<Arc<App>> = (0..50).map(|turn| if turn % 2 == 0 { &world.app } else { &other }).cloned().collect();
        let outcomes = join_all(nodes.iter().map(|node| browser.come_back(node, returned))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.iter().filter_map(|it| it.as_ref().err()).all(|it| it.code() == Code::OidcStateInvalid));
        assert_eq!(idp.calls(TOKEN).len(), 1);
        assert_eq!((count(&world, "sessions").await, count(&world, "attempts").await), ("1".into(), "0".into()));
    }

    async fn what_was_begun_on_one_node_ends_on_another_and_after_a_restart(world) {
        let (acme, idp) = acme(&world).await;
        let other = world.another_node().await;
        let (one, two) = (Browser::default(), Browser::default());
        let url = one.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        let returned = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        assert!(one.come_back(&other, returned).await.is_ok());
        assert_eq!(code_of(one.come_back(&world.app, returned).await), Code::OidcStateInvalid);
        let url = two.leave(&world.app, to(&acme, "corp")).await.unwrap();
        drop(other);
        let world = world.restarted().await;
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        let returned = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        assert!(two.come_back(&world.app, returned).await.is_ok());
        let world = world.restarted().await;
        assert_eq!(code_of(two.come_back(&world.app, returned).await), Code::OidcStateInvalid);
    }

    async fn a_callback_without_an_own_living_attempt_is_refused_before_anybody_is_asked(world) {
        let (acme, idp) = acme(&world).await;
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        let asked = (idp.calls(DISCOVERY).len(), idp.calls(TOKEN).len());
        let before = ground(&world).await;
        let back = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        let (long, upper) = ("a".repeat(5_000), state.to_uppercase());
        for wrong in [None, Some(""), Some("x"), Some(long.as_str()), Some(upper.as_str())] {
            let back = Returned { state: wrong, ..back };
            assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::OidcStateInvalid);
        }
        assert_eq!(code_of(Browser::default().come_back(&world.app, back).await), Code::OidcStateInvalid);
        let forged = |_: &str| Some(Secret::new("a-cookie-of-somebody-else"));
        let outcome = world.app.finish_oidc(back, &forged, &base(), &visit()).await;
        assert_eq!(code_of(outcome), Code::OidcStateInvalid);
        // An attempt of one way does not exist for another.
        let outcome = world.app.finish_dynamics(back, &|name| browser.cookie(name), &base(), &visit()).await;
        assert_eq!(code_of(outcome), Code::OidcStateInvalid);
        world.wait(600);
        assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::OidcStateInvalid);
        assert_eq!((idp.calls(DISCOVERY).len(), idp.calls(TOKEN).len()), asked);
        assert_eq!(ground(&world).await, before);
    }

    async fn an_attempt_lives_ten_minutes_and_is_swept_after(world) {
        let (acme, idp) = acme(&world).await;
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        world.wait(599);
        idp.script(|script| script.now += 599);
        world.app.keep_house().await.unwrap();
        let back = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        assert!(browser.come_back(&world.app, back).await.is_ok());
        browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        world.wait(601);
        world.app.keep_house().await.unwrap();
        assert_eq!(count(&world, "attempts").await, "0");
    }

    async fn an_answer_from_another_provider_never_has_its_code_told_to_this_one(world) {
        let (acme, idp) = acme(&world).await;
        let other = crate::journey::idp(&world).await;
        let issuer = other.issuer();
        for iss in [Some(issuer.as_str()), None] {
            if iss.is_none() {
                idp.script(|script| {
                    script.discovery.insert("authorization_response_iss_parameter_supported".into(), true.into());
                });
                change(&world, &acme, "corp", pointing_at(&idp)).await;
                world.app.update_provider(&settling(&world, &acme).await, "corp", purser_core::providers::Draft {
                    label: Some("Corp".into()), ..Default::default()
                }).await.unwrap();
            }
            let browser = Browser::default();
            let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
            let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
            let back = Returned { state: Some(&state), code: Some(&code), iss, ..Returned::default() };
            assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::OidcStateInvalid, "{iss:?}");
            // The attempt is spent all the same.
            let right = idp.issuer();
            let back = Returned { iss: Some(&right), ..back };
            assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::OidcStateInvalid);
        }
        assert_eq!((idp.calls(TOKEN).len(), other.calls(TOKEN).len()), (0, 0));
    }

    async fn a_code_goes_to_the_provider_that_was_left_for_and_to_no_other(world) {
        let (acme, one) = acme(&world).await;
        let two = idp(&world).await;
        set_up(&world, &acme, "other", &two).await;
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let other_url = browser.leave(&world.app, to(&acme, "other")).await.unwrap();
        let (state, code) = (parameter(&other_url, "state"), one.sign_in(&url));
        let back = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::InvalidToken);
        assert_eq!((one.calls(TOKEN).len(), two.calls(TOKEN).len()), (0, 1));
    }

    async fn an_id_token_that_is_not_believed_changes_nothing_and_is_explained_in_the_log(world) {
        let (acme, idp) = acme(&world).await;
        idp.script(|script| {
            script.claims.insert("nonce".into(), "another".into());
        });
        let before = ground(&world).await;
        let outcome = Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await;
        assert_eq!(code_of(outcome), Code::InvalidToken);
        assert_eq!(ground(&world).await, before);
        let line = world.last(&acme, "session.sign-in").await.unwrap();
        assert!(line.starts_with("provider corp session.sign-in provider:corp refused: "), "{line}");
        assert!(line.contains("nonce") || line.contains("another sign-in"), "{line}");
    }

    async fn a_provider_that_says_no_is_logged_with_its_word(world) {
        let (acme, _idp) = acme(&world).await;
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let state = parameter(&url, "state");
        let back = Returned { state: Some(&state), error: Some("access_denied"), ..Returned::default() };
        assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::InvalidToken);
        assert!(world.last(&acme, "session.sign-in").await.unwrap().contains("access_denied"));
    }

    async fn a_provider_that_is_away_is_a_fault_of_nobody_here(world) {
        let (acme, idp) = acme(&world).await;
        let browser = Browser::default();
        idp.answer(DISCOVERY, oidc::Answer::json(500, &serde_json::json!({})));
        let outcome = browser.leave(&world.app, to(&acme, "corp")).await;
        assert!(matches!(outcome.unwrap_err(), Error::IdpUnavailable(_)));
        assert_eq!(count(&world, "attempts").await, "0");
    }

    async fn nobody_is_sent_to_a_place_that_is_not_ours_or_to_a_provider_that_is_not_the_tenants(world) {
        let (acme, idp) = acme(&world).await;
        let other = world.tenant("other").await;
        let app = &world.app;
        let browser = Browser::default();
        for place in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\r\nb"] {
            let start = Start { return_to: Some(place.into()), ..to(&acme, "corp") };
            assert_eq!(browser.leave(app, start).await.unwrap_err().code(), Code::ValidationError, "{place}");
        }
        for (tenant, name, code) in [
            (&acme, "unknown", Code::UnknownProvider),
            (&acme, "../corp", Code::UnknownProvider),
            (&acme, "", Code::ValidationError),
            (&other, "corp", Code::UnknownProvider),
            (&"nobody".parse().unwrap(), "corp", Code::UnknownProvider),
        ] {
            assert_eq!(browser.leave(app, to(tenant, name)).await.unwrap_err().code(), code, "{name}");
        }
        let unnamed = Start { tenant: None, ..to(&acme, "corp") };
        assert_eq!(browser.leave(app, unnamed).await.unwrap_err().code(), Code::ClientRequired);
        switch(&world, &acme, "corp", false).await;
        assert_eq!(browser.leave(app, to(&acme, "corp")).await.unwrap_err().code(), Code::UnknownProvider);
        assert_eq!(idp.calls(DISCOVERY).len(), 0);
        world.settle(&acme, |settings| settings.return_to = vec!["https://app.test".into()]).await;
        switch(&world, &acme, "corp", true).await;
        let start = Start { return_to: Some("https://app.test/x".into()), ..to(&acme, "corp") };
        let Arrival::Session { return_to, .. } = browser.sign_in(app, &idp, start).await.unwrap() else { panic!() };
        assert_eq!(return_to, "https://app.test/x");
    }

    async fn what_was_switched_off_removed_or_pointed_elsewhere_meanwhile_takes_nobody_back(world) {
        let (acme, idp) = acme(&world).await;
        let elsewhere = crate::journey::idp(&world).await;
        for turn in 0..4 {
            let browser = Browser::default();
            let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
            let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
            let back = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
            match turn {
                0 => switch(&world, &acme, "corp", false).await,
                1 => change(&world, &acme, "corp", pointing_at(&elsewhere)).await,
                2 => world.switch(&acme, TenantStatus::Disabled).await,
                _ => {
                    world.app.delete_provider(&settling(&world, &acme).await, "corp").await.unwrap();
                    set_up(&world, &acme, "corp", &idp).await;
                }
            }
            assert_eq!(code_of(browser.come_back(&world.app, back).await), Code::OidcStateInvalid, "{turn}");
            match turn {
                0 => switch(&world, &acme, "corp", true).await,
                1 => change(&world, &acme, "corp", pointing_at(&idp)).await,
                2 => world.switch(&acme, TenantStatus::Active).await,
                _ => {}
            }
        }
        assert_eq!((idp.calls(TOKEN).len(), elsewhere.calls(TOKEN).len()), (0, 0));
    }

    async fn an_app_gets_a_code_that_opens_once_and_only_with_its_verifier(world) {
        let (acme, idp) = acme(&world).await;
        world.settle(&acme, |settings| settings.native_redirects = vec!["com.acme.app:/done".into()]).await;
        let (app, verifier) = (&world.app, Secret::new(VERIFIER));
        let get = async || {
            let start = by_app(&acme, "corp", "com.acme.app:/done", VERIFIER);
            let url = elsewhere(Browser::default().sign_in(app, &idp, start).await.unwrap());
            assert!(url.as_str().starts_with("com.acme.app:/done?code="), "{url}");
            Secret::new(parameter(&url, "code"))
        };
        let code = get().await;
        assert_eq!(count(&world, "sessions").await, "0");
        let signed_in = app.exchange(&code, &verifier, &visit()).await.unwrap();
        assert_eq!(signed_in.user.email, "jane@corp.test");
        assert!(world.caller(&signed_in.handed.token).await.is_ok());
        assert_eq!(app.exchange(&code, &verifier, &visit()).await.unwrap_err().code(), Code::InvalidToken);
        let code = get().await;
        let wrong = Secret::new(VERIFIER.replace("43", "44") + "x");
        assert_eq!(app.exchange(&code, &wrong, &visit()).await.unwrap_err().code(), Code::InvalidToken);
        assert_eq!(app.exchange(&code, &verifier, &visit()).await.unwrap_err().code(), Code::InvalidToken);
        let code = get().await;
        world.wait(61);
        idp.script(|script| script.now += 61);
        assert_eq!(app.exchange(&code, &verifier, &visit()).await.unwrap_err().code(), Code::InvalidToken);
        let code = get().await;
        let other = world.another_node().await;
        let nodes: Vec<&Arc<App>> = (0..20).map(|turn| if turn % 2 == 0 { app } else { &other }).collect();
        let outcomes = join_all(nodes.iter().map(async |node| node.exchange(&code, &verifier, &visit()).await)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }

    async fn a_code_dies_with_the_users_sessions_the_user_and_the_provider(world) {
        let (acme, idp) = acme(&world).await;
        world.settle(&acme, |settings| settings.native_redirects = vec!["com.acme.app:/done".into()]).await;
        let verifier = Secret::new(VERIFIER);
        for turn in 0..4 {
            let start = by_app(&acme, "corp", "com.acme.app:/done", VERIFIER);
            let url = elsewhere(Browser::default().sign_in(&world.app, &idp, start).await.unwrap());
            let code = Secret::new(parameter(&url, "code"));
            let id = world.database.value("SELECT id FROM users").await.parse().unwrap();
            let managing = world.managing(&acme).await;
            match turn {
                0 => drop(world.app.end_user_sessions(&managing, id).await.unwrap()),
                1 => switch(&world, &acme, "corp", false).await,
                2 => drop(world.app.end_provider_sessions(&settling(&world, &acme).await, "corp").await.unwrap()),
                _ => drop(world.app.disable_user(&managing, id).await.unwrap()),
            }
            let outcome = world.app.exchange(&code, &verifier, &visit()).await;
            assert_eq!(outcome.unwrap_err().code(), Code::InvalidToken, "{turn}");
            switch(&world, &acme, "corp", true).await;
        }
        assert_eq!(count(&world, "sessions").await, "0");
    }

    async fn what_is_switched_off_while_the_provider_is_asked_opens_nothing(world) {
        let (acme, idp) = acme(&world).await;
        let (go_on, held) = std::sync::mpsc::channel::<()>();
        let held = parking_lot::Mutex::new(held);
        idp.forge(move |signer, header, claims| {
            held.lock().recv().unwrap();
            signer.sign(&header, &claims)
        });
        let browser = Browser::default();
        let url = browser.leave(&world.app, to(&acme, "corp")).await.unwrap();
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        let returned = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
        let (outcome, ()) = tokio::join!(browser.come_back(&world.app, returned), async {
            idp.called(TOKEN, 1).await;
            switch(&world, &acme, "corp", false).await;
            go_on.send(()).unwrap();
        });
        assert_eq!(code_of(outcome), Code::AccountUnknown);
        assert_eq!((count(&world, "sessions").await, count(&world, "users").await), ("0".into(), "0".into()));
        let last = world.last(&acme, "session.sign-in").await.unwrap();
        assert!(last.ends_with("refused: the provider was switched off or removed"), "{last}");
    }

    async fn a_code_is_sent_only_where_the_tenant_said_or_to_its_own_sub_domain(world) {
        let (acme, idp) = acme(&world).await;
        world.settle(&acme, |settings| settings.native_redirects = vec!["com.acme.app:/done".into()]).await;
        let landing = "http://acme.localhost:8080/api/client/auth/landing";
        for redirect in [
            "com.acme.app:/done/", "com.acme.app:/other", "COM.acme.app:/done", "https://evil.test/", "",
            "http://other.localhost:8080/api/client/auth/landing", "http://acme.localhost:8080/api/client/auth/landing?x",
        ] {
            let start = by_app(&acme, "corp", redirect, VERIFIER);
            let refusal = Browser::default().leave(&world.app, start).await.unwrap_err();
            assert_eq!(refusal.code(), Code::ValidationError, "{redirect}");
        }
        let mut start = by_app(&acme, "corp", landing, VERIFIER);
        start.return_to = Some("/there".into());
        let url = elsewhere(Browser::default().sign_in(&world.app, &idp, start).await.unwrap());
        assert!(url.as_str().starts_with(landing));
        let code = Secret::new(parameter(&url, "code"));
        let arrival = world.app.land(&code, &Secret::new(VERIFIER), &visit()).await.unwrap();
        let Arrival::Session { return_to, .. } = arrival else { panic!("sent elsewhere") };
        assert_eq!(return_to, "/there");
        let mut start = by_app(&acme, "corp", landing, VERIFIER);
        start.native.as_mut().unwrap().challenge = "short".into();
        assert_eq!(Browser::default().leave(&world.app, start).await.unwrap_err().code(), Code::ValidationError);
    }

    async fn too_many_who_set_out_from_one_address_have_to_wait_but_those_who_arrive_are_forgiven(world) {
        let world = world.with(|settings| settings.limits.guesses_per_address = 3).await;
        let (acme, idp) = acme(&world).await;
        for _ in 0..6 {
            Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap();
        }
        for _ in 0..3 {
            Browser::default().leave(&world.app, to(&acme, "corp")).await.unwrap();
        }
        let refusal = Browser::default().leave(&world.app, to(&acme, "corp")).await.unwrap_err();
        assert!(matches!(refusal, Error::RateLimited(_)));
        assert!(world.app.start_oidc(to(&acme, "corp"), &stranger()).await.is_ok());
        world.wait(901);
        assert!(Browser::default().leave(&world.app, to(&acme, "corp")).await.is_ok());
    }

    async fn too_many_callbacks_that_fail_are_not_looked_at_any_more(world) {
        let world = world.with(|settings| settings.limits.guesses_per_address = 3).await;
        let (_acme, _idp) = acme(&world).await;
        let back = Returned { state: Some("unknown"), code: Some("x"), ..Returned::default() };
        for _ in 0..3 {
            assert_eq!(code_of(Browser::default().come_back(&world.app, back).await), Code::OidcStateInvalid);
        }
        let lines = world.admin_log().await.len();
        assert_eq!(code_of(Browser::default().come_back(&world.app, back).await), Code::RateLimited);
        assert_eq!(world.admin_log().await.len(), lines);
        let code = world.app.exchange(&Secret::new("x"), &Secret::new(VERIFIER), &visit()).await.unwrap_err().code();
        assert_eq!(code, Code::RateLimited);
    }

    async fn a_session_from_a_provider_can_be_ended_there_too(world) {
        let (acme, idp) = acme(&world).await;
        let signed_in = arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        let Some(Leave::To(url)) = world.app.provider_logout(&caller, &base()).await.unwrap() else { panic!("not offered") };
        let url: url::Url = url.parse().unwrap();
        assert_eq!(parameter(&url, "post_logout_redirect_uri"), "http://localhost:8080/");
        assert_eq!(parameter(&url, "id_token_hint").split('.').count(), 3);
        assert!(!world.database.dump().await.contains(&parameter(&url, "id_token_hint")));
        let jane = world.user(&acme, "jane", &[Role::Viewer]).await;
        let by_password = world.sign_in(&jane.email).await;
        let caller = world.caller(&by_password.handed.token).await.unwrap();
        assert_eq!(world.app.provider_logout(&caller, &base()).await.unwrap(), None);
    }

    async fn a_sign_in_page_offers_what_is_switched_on(world) {
        let (acme, idp) = acme(&world).await;
        set_up(&world, &acme, "second", &crate::journey::idp(&world).await).await;
        switch(&world, &acme, "second", false).await;
        let buttons = world.app.sign_in_buttons(Some(&acme)).await.unwrap();
        assert_eq!(buttons.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["corp"]);
        assert_eq!(idp.calls(DISCOVERY).len(), 0);
    }

    async fn no_secret_of_a_journey_can_be_read_in_the_store(world) {
        let (acme, idp) = acme(&world).await;
        let browser = Browser::default();
        let departure = world.app.start_oidc(to(&acme, "corp"), &visit()).await.unwrap();
        browser.keep(&departure);
        let Leave::To(url) = &departure.to else { panic!("a form") };
        let url: url::Url = url.parse().unwrap();
        idp.sign_in(&url);
        let dump = world.database.dump().await;
        for secret in [parameter(&url, "state"), parameter(&url, "nonce"), departure.flow.value.reveal().to_owned()] {
            assert!(!dump.contains(&secret));
        }
    }

    async fn a_user_disabled_here_stays_out_and_the_log_says_so(world) {
        let (acme, idp) = acme(&world).await;
        person(&idp, "s-1", "jane@corp.test", true);
        let user = arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap()).user;
        world.app.disable_user(&world.managing(&acme).await, user.id).await.unwrap();
        let before = ground(&world).await;
        let outcome = Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await;
        assert_eq!(code_of(outcome), Code::AccountUnknown);
        assert_eq!(ground(&world).await, before);
        let line = world.last(&acme, "session.sign-in").await.unwrap();
        assert_eq!(line, format!("provider corp session.sign-in user:{} refused: the account is disabled", user.id));
        world.app.enable_user(&world.managing(&acme).await, user.id).await.unwrap();
        assert!(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.is_ok());
    }
}

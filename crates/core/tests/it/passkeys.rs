//! Passkeys: registering them, showing one as a second factor, and signing in with nothing else.

use std::sync::Arc;

use futures::future::join_all;
use purser_core::access::{Caller, Role};
use purser_core::app::App;
use purser_core::error::{Code, Error, Result};
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::SignedIn;
use purser_core::signin::{PasskeyMade, PasskeyShown, SecondFactor};
use purser_core::users::User;
use purser_standin::authenticator::{Authenticator, MOVABLE, PRESENT};
use serde_json::Value;

use crate::journey::{count, ground};
use crate::on_both;
use crate::world::{PASSWORD, World, short, visit};

const ORIGIN: &str = "https://id.example.com";

/// The world under an address that passkeys can be for.
async fn under_https(world: World) -> World {
    world.with(|settings| settings.server.public_url = Some(ORIGIN.into())).await
}

/// Somebody with a passkey.
struct Holder {
    acme: TenantId,
    user: User,
    caller: Caller,
    authenticator: Authenticator,
    recovery_codes: Vec<Secret>,
}

async fn john(world: &World) -> Holder {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    let token = world.sign_in(&user.email).await.handed.token;
    let caller = world.caller(&token).await.unwrap();
    let mut authenticator = Authenticator::at(ORIGIN);
    let recovery_codes = register(world, &caller, &mut authenticator).await.unwrap();
    let caller = world.caller(&token).await.unwrap();
    Holder { acme, user, caller, authenticator, recovery_codes }
}

async fn register(world: &World, caller: &Caller, authenticator: &mut Authenticator) -> Result<Vec<Secret>> {
    let options = world.app.start_passkey(caller, None).await?;
    let made = made(authenticator.make(&options));
    world.app.add_passkey(caller, "Phone", &made).await.map(|(_, codes)| codes)
}

fn made(answer: Value) -> PasskeyMade {
    serde_json::from_value(answer).unwrap()
}

fn shown(answer: Value) -> PasskeyShown {
    serde_json::from_value(answer).unwrap()
}

/// Signs in with nothing but the passkey.
async fn alone(world: &World, authenticator: &mut Authenticator) -> Result<SignedIn> {
    let options = world.app.start_passkey_sign_in(None).await?;
    world.app.sign_in_with_passkey(&shown(authenticator.show(&options)), None, &visit()).await
}

async fn challenge(world: &World) -> Secret {
    match world.try_sign_in("john@acme.test", PASSWORD).await.map(|_| ()).unwrap_err() {
        Error::TwoFactorRequired(challenge) => challenge,
        other => panic!("{other:?}"),
    }
}

/// What the browser is asked for a sign-in that waits.
async fn asked(world: &World, challenge: &Secret) -> Value {
    world.app.second_factors(challenge, &visit()).await.unwrap().passkey.unwrap()
}

async fn answer(app: &App, challenge: &Secret, shown: &PasskeyShown) -> Result<SignedIn> {
    let completed = app.verify_second_factor(challenge, SecondFactor::Passkey(shown), &visit()).await;
    completed.map(|completed| completed.signed_in)
}

fn refusal<T>(result: Result<T>) -> Code {
    result.map(|_| ()).unwrap_err().code()
}

on_both! {
    async fn a_passkey_alone_signs_its_owner_in_and_the_token_says_how(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        assert_eq!(john.recovery_codes.len(), 10);
        world.wait(1);
        let signed_in = alone(&world, &mut john.authenticator).await.unwrap();
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!((caller.amr(), caller.user().id), ("hwk user mfa", john.user.id));
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].method, "passkey");
        let log: Vec<String> = world.log(&john.acme).await.iter().map(short).collect();
        let id = john.user.id;
        assert_eq!(log[log.len() - 2..], [
            format!("user {id} user.passkey-added user:{id} done: Phone"),
            format!("user {id} session.sign-in user:{id} done: passkey"),
        ]);
        let factors = world.app.own_factors(&caller).await.unwrap();
        assert_eq!((factors.passkeys.len(), factors.passkeys[0].name.as_str()), (1, "Phone"));
        assert!(factors.passkeys[0].last_used_at.is_some() && !factors.totp);
    }

    async fn a_passkey_that_moves_between_devices_is_called_so_and_counts_nothing(world) {
        let world = under_https(world).await;
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let caller = world.caller(&world.sign_in(&user.email).await.handed.token).await.unwrap();
        let mut phone = Authenticator::at(ORIGIN);
        phone.flags |= MOVABLE;
        phone.counting = false;
        register(&world, &caller, &mut phone).await.unwrap();
        for _ in 0..2 {
            let signed_in = alone(&world, &mut phone).await.unwrap();
            assert_eq!(world.caller(&signed_in.handed.token).await.unwrap().amr(), "swk user mfa");
        }
    }

    async fn nothing_about_the_user_is_told_to_the_authenticator_but_what_it_shows_them(world) {
        let world = under_https(world).await;
        let john = john(&world).await;
        let options = world.app.start_passkey(&john.caller, None).await.unwrap();
        let handle = options["user"]["id"].as_str().unwrap();
        assert_eq!((handle.len(), handle == "am9obkBhY21lLnRlc3Q"), (43, false));
        assert_eq!(options["rp"], serde_json::json!({"id": "id.example.com", "name": "acme"}));
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
        let alone = world.app.start_passkey_sign_in(None).await.unwrap();
        assert_eq!(alone["allowCredentials"], serde_json::json!([]));
        assert_eq!(alone["userVerification"], "required");
    }

    async fn a_passkey_is_a_second_factor_too(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let waiting = challenge(&world).await;
        let options = asked(&world, &waiting).await;
        // Touch is enough here: the password was shown.
        john.authenticator.flags = PRESENT;
        let signed_in = answer(&world.app, &waiting, &shown(john.authenticator.show(&options))).await.unwrap();
        assert_eq!(world.caller(&signed_in.handed.token).await.unwrap().amr(), "pwd hwk user mfa");
        let waiting = challenge(&world).await;
        let code = SecondFactor::Code(&john.recovery_codes[0]);
        world.app.verify_second_factor(&waiting, code, &visit()).await.unwrap();
    }

    async fn what_was_signed_once_opens_nothing_more(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let options = world.app.start_passkey_sign_in(None).await.unwrap();
        john.authenticator.counting = false;
        let answer_once = shown(john.authenticator.show(&options));
        world.app.sign_in_with_passkey(&answer_once, None, &visit()).await.unwrap();
        let before = ground(&world).await;
        let again = world.app.sign_in_with_passkey(&answer_once, None, &visit()).await;
        assert_eq!(refusal(again), Code::InvalidCredentials);
        let waiting = challenge(&world).await;
        let as_second = answer(&world.app, &waiting, &answer_once).await;
        assert_eq!(refusal(as_second), Code::InvalidCredentials);
        assert_eq!(count(&world, "sessions").await, "2");
        assert!(before.contains("spent_proofs:"));
    }

    async fn each_ceremony_stands_for_itself(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let (one, other) = (challenge(&world).await, challenge(&world).await);
        let of_one = asked(&world, &one).await;
        let for_other = answer(&world.app, &other, &shown(john.authenticator.show(&of_one))).await;
        assert_eq!(refusal(for_other), Code::InvalidCredentials);
        let as_sole = world.app.sign_in_with_passkey(&shown(john.authenticator.show(&of_one)), None, &visit()).await;
        assert_eq!(refusal(as_sole), Code::InvalidCredentials);
        let registering = world.app.start_passkey(&john.caller, None).await.unwrap();
        let sole = world.app.sign_in_with_passkey(&shown(john.authenticator.show(&registering)), None, &visit()).await;
        assert_eq!(refusal(sole), Code::InvalidCredentials);
        let of_sole = world.app.start_passkey_sign_in(None).await.unwrap();
        let mut new = Authenticator::at(ORIGIN);
        let of_sole = {
            let mut of_sole = of_sole;
            of_sole["user"] = registering["user"].clone();
            of_sole
        };
        let refused = world.app.add_passkey(&john.caller, "Other", &made(new.make(&of_sole))).await;
        assert_eq!(refusal(refused), Code::ValidationError);
        answer(&world.app, &one, &shown(john.authenticator.show(&of_one))).await.unwrap();
    }

    async fn a_ceremony_ends_after_five_minutes(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let options = world.app.start_passkey_sign_in(None).await.unwrap();
        let registering = world.app.start_passkey(&john.caller, None).await.unwrap();
        world.wait(300);
        let late = world.app.sign_in_with_passkey(&shown(john.authenticator.show(&options)), None, &visit()).await;
        assert_eq!(refusal(late), Code::InvalidCredentials);
        let made = made(Authenticator::at(ORIGIN).make(&registering));
        assert_eq!(refusal(world.app.add_passkey(&john.caller, "Late", &made).await), Code::ValidationError);
        assert_eq!(count(&world, "passkeys").await, "1");
    }

    async fn without_pin_finger_or_face_a_passkey_is_one_factor_only(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        john.authenticator.flags = PRESENT;
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        assert!(world.last(&john.acme, "session.sign-in").await.unwrap().contains("did not ask for a PIN"));
    }

    async fn a_counter_that_goes_back_is_refused_and_written_down(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        for _ in 0..3 {
            alone(&world, &mut john.authenticator).await.unwrap();
        }
        john.authenticator.counter = 1;
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        let copied = format!("anyone user.passkey-copied user:{} refused: Phone", john.user.id);
        assert_eq!(world.last(&john.acme, "user.passkey-copied").await, Some(copied));
        let waiting = challenge(&world).await;
        let options = asked(&world, &waiting).await;
        john.authenticator.counter = 1;
        let refused = answer(&world.app, &waiting, &shown(john.authenticator.show(&options))).await;
        assert_eq!(refusal(refused), Code::InvalidCredentials);
        assert_eq!(count(&world, "sessions").await, "4");
    }

    async fn another_page_another_owner_and_strangers_are_refused_alike(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let before = ground(&world).await;
        let mut stranger = Authenticator::at(ORIGIN);
        stranger.handle = john.authenticator.handle.clone();
        assert_eq!(refusal(alone(&world, &mut stranger).await), Code::InvalidCredentials);
        john.authenticator.origin = "https://id.example.com.evil.test".into();
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        john.authenticator.origin = ORIGIN.into();
        let own = john.authenticator.handle.replace("b3RoZXI".into());
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        john.authenticator.handle = None;
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        john.authenticator.handle = own;
        let options = world.app.start_passkey_sign_in(None).await.unwrap();
        let globex = world.tenant("globex").await;
        let named = shown(john.authenticator.show(&options));
        let refused = world.app.sign_in_with_passkey(&named, Some(&globex), &visit()).await;
        assert_eq!(refusal(refused), Code::InvalidCredentials);
        assert_eq!(count(&world, "sessions").await, "1");
        assert_eq!(before.lines().filter(|line| line.starts_with("passkeys:")).count(), 1);
        alone(&world, &mut john.authenticator).await.unwrap();
    }

    async fn disabled_users_and_disabled_tenants_stay_out(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let by = world.managing(&john.acme).await;
        world.app.disable_user(&by, john.user.id).await.unwrap();
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        world.app.enable_user(&by, john.user.id).await.unwrap();
        world.switch(&john.acme, purser_core::tenants::TenantStatus::Disabled).await;
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        world.switch(&john.acme, purser_core::tenants::TenantStatus::Active).await;
        alone(&world, &mut john.authenticator).await.unwrap();
    }

    async fn where_only_providers_sign_in_a_passkey_alone_does_not(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        world.settle(&john.acme, |settings| settings.sso_only = true).await;
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::SsoRequired);
        assert_eq!(refusal(world.app.start_passkey_sign_in(Some(&john.acme)).await), Code::SsoRequired);
        assert_eq!(count(&world, "sessions").await, "1");
    }

    async fn passkeys_want_a_public_address_with_https(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let token = world.sign_in(&user.email).await.handed.token;
        for url in [None, Some("http://id.example.com"), Some("https://192.0.2.7")] {
            let node = world.node_with(|settings| settings.server.public_url = url.map(Into::into)).await;
            let refused = node.start_passkey_sign_in(None).await.unwrap_err();
            let Error::Invalid(problems) = refused else { panic!("{refused:?}") };
            assert_eq!(problems[0].field, "server.public_url");
        }
        let caller = world.caller(&token).await.unwrap();
        assert_eq!(refusal(world.app.start_passkey(&caller, None).await), Code::ValidationError);
    }

    async fn the_same_passkey_is_registered_once_and_twenty_at_most(world) {
        let world = under_https(world).await;
        let john = john(&world).await;
        let options = world.app.start_passkey(&john.caller, None).await.unwrap();
        let mut other = Authenticator::at(ORIGIN);
        let answer = made(other.make(&options));
        world.app.add_passkey(&john.caller, "Key", &answer).await.unwrap();
        let again = world.app.add_passkey(&john.caller, "Key", &answer).await;
        assert_eq!(refusal(again), Code::Conflict);
        let jane = world.user(&john.acme, "jane", &[Role::Viewer]).await;
        let jane = world.caller(&world.sign_in(&jane.email).await.handed.token).await.unwrap();
        assert_eq!(refusal(register(&world, &jane, &mut other).await), Code::Conflict);
        for _ in 0..18 {
            assert!(register(&world, &john.caller, &mut Authenticator::at(ORIGIN)).await.unwrap().is_empty());
        }
        assert_eq!(refusal(register(&world, &john.caller, &mut Authenticator::at(ORIGIN)).await), Code::Conflict);
        assert_eq!(count(&world, "passkeys").await, "20");
    }

    async fn passkeys_are_named_and_removed_by_their_owner_alone(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        let id = world.app.own_factors(&john.caller).await.unwrap().passkeys[0].id;
        let jane = world.user(&john.acme, "jane", &[Role::Admin]).await;
        let jane = world.caller(&world.sign_in(&jane.email).await.handed.token).await.unwrap();
        assert_eq!(refusal(world.app.rename_passkey(&jane, id, "Mine").await), Code::NotFound);
        assert_eq!(refusal(world.app.remove_passkey(&jane, id, None).await), Code::NotFound);
        world.app.rename_passkey(&john.caller, id, "Old phone").await.unwrap();
        assert_eq!(refusal(world.app.rename_passkey(&john.caller, id, "").await), Code::ValidationError);
        let other = alone(&world, &mut john.authenticator).await.unwrap().handed.token;
        assert_eq!(world.app.own_factors(&john.caller).await.unwrap().passkeys[0].name, "Old phone");
        world.wait(600);
        assert_eq!(refusal(world.app.remove_passkey(&john.caller, id, None).await), Code::ValidationError);
        world.app.remove_passkey(&john.caller, id, Some(&Secret::new(PASSWORD))).await.unwrap();
        assert_eq!(refusal(world.caller(&other).await), Code::InvalidToken);
        assert_eq!(refusal(alone(&world, &mut john.authenticator).await), Code::InvalidCredentials);
        world.sign_in("john@acme.test").await;
        assert_eq!(count(&world, "recovery_codes").await, "0");
    }

    async fn one_signature_at_two_nodes_at_once_opens_one_session(world) {
        let world = under_https(world).await;
        let mut john = john(&world).await;
        john.authenticator.counting = false;
        let nodes = [Arc::clone(&world.app), world.another_node().await];
        let options = world.app.start_passkey_sign_in(None).await.unwrap();
        let signed = shown(john.authenticator.show(&options));
        let all = (0..16).map(|at| {
            let (node, signed) = (Arc::clone(&nodes[at % 2]), signed.clone());
            tokio::spawn(async move { node.sign_in_with_passkey(&signed, None, &visit()).await })
        });
        let outcomes: Vec<_> = join_all(all).await.into_iter().map(|outcome| outcome.unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(count(&world, "sessions").await, "2");
    }
}

//! The second factor: enrolling one, being asked for it, and every way in which it must not be got around.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use purser_core::access::{Caller, Role};
use purser_core::env::Clock as _;
use purser_core::error::{Code, Error, Result};
use purser_core::ids::TenantId;
use purser_core::mail::Kind;
use purser_core::people::Forgotten;
use purser_core::secret::Secret;
use purser_core::signin::{Completed, SecondFactor, TotpOffer, TwoFactorWish, Wanted};
use purser_core::tenants::{TenantStatus, TwoFactor};
use purser_core::users::User;
use purser_standin::totp;

use crate::journey::{Browser, arrived, count, creating, ground, idp, set_up, to};
use crate::on_both;
use crate::postbox::{only, token};
use crate::world::{PASSWORD, World, caller, from, named, refresh, short, stranger, visit};

/// Somebody with an authenticator app.
struct Enrolled {
    acme: TenantId,
    user: User,
    secret: String,
    recovery_codes: Vec<Secret>,
    caller: Caller,
}

impl Enrolled {
    /// The code their app shows now.
    fn code(&self, world: &World) -> Secret {
        code(&self.secret, world)
    }
}

fn code(secret: &str, world: &World) -> Secret {
    Secret::new(totp::code(secret, world.clock.now().seconds()))
}

fn wrong(code: &Secret) -> Secret {
    let last = if code.reveal().ends_with('0') { "1" } else { "0" };
    Secret::new(format!("{}{last}", &code.reveal()[..5]))
}

/// Makes John, who enrols an app.
async fn john(world: &World) -> Enrolled {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    enrolled(world, acme, user).await
}

async fn enrolled(world: &World, acme: TenantId, user: User) -> Enrolled {
    let signed_in = world.app.sign_in(named(&user.email, PASSWORD, acme.as_str()), &visit()).await.unwrap();
    let caller = world.caller(&signed_in.handed.token).await.unwrap();
    let offer = world.app.start_totp(&caller, None).await.unwrap();
    let secret = offer.secret.reveal().to_owned();
    let recovery_codes = world.app.confirm_totp(&caller, &code(&secret, world)).await.unwrap();
    // The code of the confirmation is spent.
    world.wait(30);
    let caller = world.caller(&signed_in.handed.token).await.unwrap();
    Enrolled { acme, user, secret, recovery_codes, caller }
}

/// Shows the password, and is asked for more.
async fn challenge(world: &World, email: &str) -> Secret {
    challenged(world.try_sign_in(email, PASSWORD).await)
}

fn challenged<T>(result: Result<T>) -> Secret {
    match result.map(|_| ()).unwrap_err() {
        Error::TwoFactorRequired(challenge) => challenge,
        other => panic!("{other:?}"),
    }
}

async fn answer(world: &World, challenge: &Secret, code: &Secret) -> Result<Completed> {
    world.app.verify_second_factor(challenge, SecondFactor::Code(code), &visit()).await
}

fn refusal<T>(result: Result<T>) -> Code {
    result.map(|_| ()).unwrap_err().code()
}

on_both! {
    async fn whoever_has_an_app_is_asked_for_its_code_and_the_token_says_so(world) {
        let john = john(&world).await;
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(count(&world, "sessions").await, "1");
        let options = world.app.second_factors(&waiting, &visit()).await.unwrap();
        assert_eq!((options.wanted, options.totp, options.recovery_codes), (Wanted::Verify, true, 10));
        assert!(options.passkey.is_none());
        let completed = answer(&world, &waiting, &john.code(&world)).await.unwrap();
        assert!(completed.recovery_codes.is_empty() && completed.return_to.is_none());
        let handed = completed.signed_in.handed;
        assert!(handed.cookie.is_some());
        let caller = world.caller(&handed.token).await.unwrap();
        assert_eq!((caller.amr(), caller.user().id), ("pwd otp mfa", john.user.id));
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].method, "password");
        refresh(&world.app, &handed.refresh_token).await.unwrap();
        let log: Vec<String> = world.log(&john.acme).await.iter().map(short).collect();
        let id = john.user.id;
        assert_eq!(log[log.len() - 3..], [
            format!("user {id} user.totp-added user:{id} done"),
            format!("user {id} session.two-factor-asked user:{id} done: password"),
            format!("user {id} session.sign-in user:{id} done: password"),
        ]);
    }

    async fn a_wrong_password_says_nothing_of_the_second_factor(world) {
        john(&world).await;
        let refused = world.try_sign_in("john@acme.test", "another password of mine").await;
        assert_eq!(refusal(refused), Code::InvalidCredentials);
        assert_eq!(count(&world, "challenges").await, "0");
    }

    async fn nothing_is_asked_of_those_who_have_none(world) {
        john(&world).await;
        world.user(&"acme".parse().unwrap(), "jane", &[Role::Viewer]).await;
        let signed_in = world.sign_in("jane@acme.test").await;
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!((caller.amr(), world.app.enrolment_due(&caller)), ("pwd", None));
    }

    async fn enrolling_ends_every_other_session(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let other = world.sign_in("john@acme.test").await.handed;
        let john = enrolled(&world, acme, user).await;
        assert_eq!(refusal(world.caller(&other.token).await), Code::InvalidToken);
        assert_eq!(refusal(refresh(&world.app, &other.refresh_token).await), Code::InvalidToken);
        let factors = world.app.own_factors(&john.caller).await.unwrap();
        assert_eq!((factors.totp, factors.recovery_codes, factors.required), (true, 10, false));
    }

    async fn a_code_is_taken_once_even_in_another_sign_in(world) {
        let john = john(&world).await;
        let code = john.code(&world);
        let first = challenge(&world, "john@acme.test").await;
        let second = challenge(&world, "john@acme.test").await;
        answer(&world, &first, &code).await.unwrap();
        assert_eq!(refusal(answer(&world, &second, &code).await), Code::InvalidCredentials);
        assert_eq!(
            world.last(&john.acme, "session.sign-in").await.unwrap(),
            format!("anyone session.sign-in user:{} refused: a code that was used before", john.user.id)
        );
        // The code of the step before is older than the one that was used.
        let before = Secret::new(totp::code(&john.secret, world.clock.now().seconds() - 30));
        assert_eq!(refusal(answer(&world, &second, &before).await), Code::InvalidCredentials);
        let after = Secret::new(totp::code(&john.secret, world.clock.now().seconds() + 30));
        answer(&world, &second, &after).await.unwrap();
    }

    async fn a_challenge_is_answered_once_and_not_after_five_minutes(world) {
        let john = john(&world).await;
        let spent = challenge(&world, "john@acme.test").await;
        answer(&world, &spent, &john.code(&world)).await.unwrap();
        world.wait(60);
        assert_eq!(refusal(answer(&world, &spent, &john.code(&world)).await), Code::InvalidToken);
        let late = challenge(&world, "john@acme.test").await;
        world.wait(300);
        assert_eq!(refusal(answer(&world, &late, &john.code(&world)).await), Code::InvalidToken);
        assert_eq!(refusal(world.app.second_factors(&late, &visit()).await), Code::InvalidToken);
        let in_time = challenge(&world, "john@acme.test").await;
        world.wait(299);
        answer(&world, &in_time, &john.code(&world)).await.unwrap();
        world.wait(300);
        world.app.keep_house().await.unwrap();
        assert_eq!(count(&world, "challenges").await, "0");
    }

    async fn a_challenge_is_no_token_and_no_token_is_a_challenge(world) {
        let john = john(&world).await;
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(world.caller(&waiting).await), Code::InvalidToken);
        assert_eq!(refusal(refresh(&world.app, &waiting).await), Code::InvalidToken);
        assert_eq!(refusal(crate::world::cookie_caller(&world.app, &waiting).await), Code::InvalidToken);
        assert_eq!(refusal(world.app.exchange(&waiting, &waiting, &visit()).await), Code::InvalidToken);
        let completed = answer(&world, &waiting, &john.code(&world)).await.unwrap();
        world.wait(30);
        let handed = completed.signed_in.handed;
        let before = ground(&world).await;
        for other in [&handed.token, &handed.refresh_token, handed.cookie.as_ref().unwrap(), &Secret::new("x")] {
            assert_eq!(refusal(answer(&world, other, &john.code(&world)).await), Code::InvalidToken);
            assert_eq!(refusal(world.app.start_totp_first(other, &visit()).await), Code::InvalidToken);
        }
        assert_eq!(ground(&world).await, before);
    }

    async fn another_users_code_and_a_foreign_challenge_open_nothing(world) {
        let john = john(&world).await;
        let jane = world.user(&john.acme, "jane", &[Role::Viewer]).await;
        let jane = enrolled(&world, john.acme.clone(), jane).await;
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(answer(&world, &waiting, &jane.code(&world)).await), Code::InvalidCredentials);
        assert_eq!(refusal(answer(&world, &waiting, &jane.recovery_codes[0]).await), Code::InvalidCredentials);
        let elsewhere = World::elsewhere().await;
        assert_eq!(refusal(answer(&elsewhere, &waiting, &john.code(&world)).await), Code::InvalidToken);
        assert_eq!(count(&world, "recovery_codes").await, "20");
    }

    async fn whatever_ends_the_users_sessions_ends_the_waiting_too(world) {
        let john = john(&world).await;
        let by = world.managing(&john.acme).await;
        let waiting = challenge(&world, "john@acme.test").await;
        world.app.end_user_sessions(&by, john.user.id).await.unwrap();
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidToken);
        let waiting = challenge(&world, "john@acme.test").await;
        world.switch(&john.acme, TenantStatus::Disabled).await;
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidToken);
        world.switch(&john.acme, TenantStatus::Active).await;
        let waiting = challenge(&world, "john@acme.test").await;
        world.app.disable_user(&by, john.user.id).await.unwrap();
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidToken);
        world.app.enable_user(&by, john.user.id).await.unwrap();
        let waiting = challenge(&world, "john@acme.test").await;
        world.app.delete_user(&by, john.user.id).await.unwrap();
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidToken);
        for table in ["challenges", "totp", "recovery_codes"] {
            assert_eq!(count(&world, table).await, "0", "{table}");
        }
    }

    async fn guesses_at_codes_are_slowed_and_bounded_and_the_bound_is_lifted(world) {
        let john = john(&world).await;
        let from = stranger();
        let waiting = challenge(&world, "john@acme.test").await;
        let guess = async |code: &Secret| {
            world.app.verify_second_factor(&waiting, SecondFactor::Code(code), &from).await
        };
        let nonsense = wrong(&john.code(&world));
        for _ in 0..4 {
            assert_eq!(refusal(guess(&nonsense).await), Code::InvalidCredentials);
        }
        // The right one too has to wait now; it is not looked at.
        let Err(Error::RateLimited(wait)) = guess(&john.code(&world)).await else { panic!("not slowed") };
        assert_eq!(wait, Duration::from_secs(1));
        world.wait(1);
        answer(&world, &waiting, &john.code(&world)).await.unwrap();
    }

    async fn whoever_has_the_password_alone_cannot_use_up_the_owners_guesses(world) {
        let john = john(&world).await;
        let mut failed = 0;
        for _ in 0..60 {
            let waiting = challenge(&world, "john@acme.test").await;
            let nonsense = wrong(&john.code(&world));
            match world.app.verify_second_factor(&waiting, SecondFactor::Code(&nonsense), &stranger()).await {
                Err(Error::InvalidCredentials) => failed += 1,
                Err(Error::RateLimited(_)) => {}
                other => panic!("{other:?}"),
            }
            world.wait(11);
        }
        assert_eq!(failed, 30, "so many of a day, from wherever");
        let waiting = challenge(&world, "john@acme.test").await;
        let refused = world.app.verify_second_factor(&waiting, SecondFactor::Code(&john.code(&world)), &stranger()).await;
        assert_eq!(refusal(refused), Code::RateLimited);
        // From where John is known, he comes in all the same; and the next day from everywhere.
        answer(&world, &waiting, &john.code(&world)).await.unwrap();
        world.wait(24 * 3600);
        let waiting = challenge(&world, "john@acme.test").await;
        world.app.verify_second_factor(&waiting, SecondFactor::Code(&john.code(&world)), &stranger()).await.unwrap();
    }

    async fn whoever_has_the_mailbox_gets_no_guesses_at_codes_of_their_own(world) {
        let world = world.with_mail().await;
        let john = john(&world).await;
        let mut failed = 0;
        for nth in 0..3 {
            let from = from(format!("203.0.113.{nth}").parse().unwrap());
            let wish = Forgotten { email: john.user.email.clone(), client: Some("acme".into()) };
            world.app.forgot_password(&wish, &from).await.unwrap();
            let link = token(only(&world.letters().await, Kind::PasswordReset));
            let chosen = format!("a very long chosen phrase {nth}");
            world.app.reset_password(&link, &Secret::new(&*chosen), &from).await.unwrap();
            world.letters().await;
            for _ in 0..20 {
                let waiting = challenged(world.app.sign_in(named(&john.user.email, &chosen, "acme"), &from).await);
                let nonsense = wrong(&john.code(&world));
                failed += u32::from(matches!(
                    world.app.verify_second_factor(&waiting, SecondFactor::Code(&nonsense), &from).await,
                    Err(Error::InvalidCredentials)
                ));
                world.wait(11);
            }
        }
        assert_eq!(failed, 30, "so many of a day, from wherever");
    }

    async fn a_recovery_code_opens_once_and_says_so_in_the_log(world) {
        let john = john(&world).await;
        assert_eq!(john.recovery_codes.len(), 10);
        let typed = Secret::new(john.recovery_codes[3].reveal().to_uppercase().replace('-', " "));
        let waiting = challenge(&world, "john@acme.test").await;
        let completed = answer(&world, &waiting, &typed).await.unwrap();
        let caller = world.caller(&completed.signed_in.handed.token).await.unwrap();
        assert_eq!(caller.amr(), "pwd otp mfa");
        assert!(world.last(&john.acme, "user.recovery-code-used").await.is_some());
        assert_eq!(world.app.own_factors(&caller).await.unwrap().recovery_codes, 9);
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(answer(&world, &waiting, &typed).await), Code::InvalidCredentials);
        assert_eq!(count(&world, "recovery_codes").await, "9");
        let dump = world.database.dump().await;
        assert!(john.recovery_codes.iter().all(|code| !dump.contains(code.reveal())), "they are kept by their hash");
        assert!(!dump.contains(&john.secret));
    }

    async fn new_recovery_codes_take_the_place_of_the_old_ones(world) {
        let john = john(&world).await;
        let new = world.app.renew_recovery_codes(&john.caller, None).await.unwrap();
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(answer(&world, &waiting, &john.recovery_codes[0]).await), Code::InvalidCredentials);
        answer(&world, &waiting, &new[0]).await.unwrap();
        assert_eq!(count(&world, "recovery_codes").await, "9");
        let jane = world.user(&john.acme, "jane", &[Role::Viewer]).await;
        let jane = world.caller(&world.sign_in(&jane.email).await.handed.token).await.unwrap();
        assert_eq!(refusal(world.app.renew_recovery_codes(&jane, None).await), Code::Conflict);
    }

    async fn enrolling_and_removing_want_a_fresh_sign_in_or_the_password(world) {
        let john = john(&world).await;
        world.wait(600);
        let before = ground(&world).await;
        let (app, caller) = (&world.app, &john.caller);
        let bad = Secret::new("another password of mine");
        for (password, code) in [(None, Code::ValidationError), (Some(&bad), Code::InvalidCredentials)] {
            assert_eq!(refusal(app.start_totp(caller, password).await), code);
            assert_eq!(refusal(app.remove_totp(caller, password).await), code);
            assert_eq!(refusal(app.renew_recovery_codes(caller, password).await), code);
        }
        assert_eq!(ground(&world).await, before);
        world.wait(30);
        app.remove_totp(caller, Some(&Secret::new(PASSWORD))).await.unwrap();
        assert_eq!(count(&world, "recovery_codes").await, "0");
        world.sign_in("john@acme.test").await;
        caller_is_alive(&world, &john).await;
        assert_eq!(refusal(app.remove_totp(caller, Some(&Secret::new(PASSWORD))).await), Code::Conflict);
    }

    async fn a_secret_waits_ten_minutes_for_its_code_and_the_one_before_goes_on_meanwhile(world) {
        let john = john(&world).await;
        let offer = world.app.start_totp(&john.caller, None).await.unwrap();
        let new = offer.secret.reveal().to_owned();
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(answer(&world, &waiting, &code(&new, &world)).await), Code::InvalidCredentials);
        answer(&world, &waiting, &john.code(&world)).await.unwrap();
        assert_eq!(refusal(world.app.confirm_totp(&john.caller, &john.code(&world)).await), Code::InvalidCredentials);
        let none = world.app.confirm_totp(&john.caller, &code(&new, &world)).await.unwrap();
        assert!(none.is_empty(), "the recovery codes of before stay");
        world.wait(30);
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidCredentials);
        answer(&world, &waiting, &code(&new, &world)).await.unwrap();
        let late = world.caller_of("john@acme.test", &new).await;
        let offer = world.app.start_totp(&late, None).await.unwrap();
        world.wait(600);
        let refused = world.app.confirm_totp(&late, &code(offer.secret.reveal(), &world)).await;
        assert_eq!(refusal(refused), Code::Conflict);
    }

    async fn what_is_shown_to_scan_is_the_secret(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let caller = world.caller(&world.sign_in(&user.email).await.handed.token).await.unwrap();
        let offer = world.app.start_totp(&caller, None).await.unwrap();
        let (qr, TotpOffer { secret, uri, .. }) = (offer.qr(), &offer);
        assert_eq!(
            uri.reveal(),
            format!("otpauth://totp/acme:john%40acme.test?secret={}&issuer=acme", secret.reveal())
        );
        assert_eq!(secret.reveal().len(), 32);
        assert!(qr.reveal().starts_with("data:image/svg+xml;base64,"));
    }

    async fn those_who_must_enrol_have_time_and_then_enrol_while_signing_in(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let before = world.sign_in("john@acme.test").await.handed;
        let settle = |settings: &mut purser_core::tenants::TenantSettings| {
            settings.two_factor = TwoFactor::Required;
            settings.two_factor_grace = Some("1h".parse().unwrap());
        };
        world.settle(&acme, settle).await;
        let due = world.clock.now().after(Duration::from_hours(1));
        let caller = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        assert_eq!(world.app.enrolment_due(&caller), Some(due));
        world.wait(1800);
        // Settling it once more begins no new time.
        world.settle(&acme, settle).await;
        world.wait(1799);
        world.caller(&before.token).await.unwrap();
        world.wait(1);
        assert_eq!(refusal(world.caller(&before.token).await), Code::InvalidToken);
        assert_eq!(refusal(refresh(&world.app, &before.refresh_token).await), Code::InvalidToken);
        let waiting = challenge(&world, "john@acme.test").await;
        assert_eq!(world.app.second_factors(&waiting, &visit()).await.unwrap().wanted, Wanted::Enrol);
        assert_eq!(refusal(answer(&world, &waiting, &Secret::new("123456")).await), Code::InvalidToken);
        let offer = world.app.start_totp_first(&waiting, &visit()).await.unwrap();
        let right = code(offer.secret.reveal(), &world);
        let refused = world.app.confirm_totp_first(&waiting, &wrong(&right), &visit()).await;
        assert_eq!(refusal(refused), Code::InvalidCredentials);
        let completed = world.app.confirm_totp_first(&waiting, &right, &visit()).await.unwrap();
        assert_eq!(completed.recovery_codes.len(), 10);
        let caller = world.caller(&completed.signed_in.handed.token).await.unwrap();
        assert_eq!((caller.amr(), caller.user().id), ("pwd otp mfa", user.id));
        let again = world.app.confirm_totp_first(&waiting, &right, &visit()).await;
        assert_eq!(refusal(again), Code::InvalidToken);
        assert_eq!(refusal(world.app.remove_totp(&caller, None).await), Code::Conflict);
        assert_eq!(count(&world, "recovery_codes").await, "10");
    }

    async fn a_user_may_be_told_to_enrol_and_let_off_again(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let admin = world.user(&acme, "root", &[Role::Admin]).await;
        world.settle(&acme, |settings| settings.two_factor_grace = Some("1s".parse().unwrap())).await;
        let by = world.managing(&acme).await;
        let told = world.app.require_two_factor(&by, user.id, TwoFactorWish::Required).await.unwrap();
        assert_eq!(told.two_factor_required_at, Some(world.clock.now()));
        world.wait(1);
        challenge(&world, "john@acme.test").await;
        world.app.require_two_factor(&by, user.id, TwoFactorWish::Optional).await.unwrap();
        world.sign_in("john@acme.test").await;
        let log: Vec<String> = world.log(&acme).await.iter().map(short).collect();
        assert!(log.contains(&format!("command-line user.two-factor-required user:{} done", user.id)));
        assert!(log.contains(&format!("command-line user.two-factor-waived user:{} done", user.id)));
        let lesser = world.as_role(Role::UserAdmin).await.grant().unwrap();
        let refused = world.app.require_two_factor(&lesser, admin.id, TwoFactorWish::Required).await;
        assert_eq!(refusal(refused), Code::Forbidden);
        assert_eq!(refusal(world.app.reset_two_factor(&lesser, admin.id).await), Code::Forbidden);
    }

    async fn whoever_manages_users_gives_those_who_lost_theirs_a_way_back(world) {
        let john = john(&world).await;
        let waiting = challenge(&world, "john@acme.test").await;
        let by = world.managing(&john.acme).await;
        let user = world.app.reset_two_factor(&by, john.user.id).await.unwrap();
        assert_eq!(user.two_factor_since, None);
        caller_is_gone(&world, &john).await;
        assert_eq!(refusal(answer(&world, &waiting, &john.code(&world)).await), Code::InvalidToken);
        world.sign_in("john@acme.test").await;
        for table in ["totp", "recovery_codes", "passkeys"] {
            assert_eq!(count(&world, table).await, "0", "{table}");
        }
        assert_eq!(
            world.last(&john.acme, "user.two-factor-reset").await.unwrap(),
            format!("command-line user.two-factor-reset user:{} done", john.user.id)
        );
        let other = world.tenant("globex").await;
        let foreign = world.managing(&other).await;
        assert_eq!(refusal(world.app.reset_two_factor(&foreign, john.user.id).await), Code::NotFound);
        let admin = world.as_role(Role::Admin).await;
        let own = world.app.reset_two_factor(&admin.grant().unwrap(), admin.user().id).await;
        assert_eq!(refusal(own), Code::Forbidden);
    }

    async fn a_provider_that_vouches_for_a_second_factor_spares_the_own(world) {
        let acme = world.tenant("acme").await;
        let idp = idp(&world).await;
        set_up(&world, &acme, "corp", &idp).await;
        creating(&world, &acme, "corp", &[Role::Operator]).await;
        world.settle(&acme, |settings| {
            settings.two_factor = TwoFactor::Required;
            settings.two_factor_grace = Some("1h".parse().unwrap());
        }).await;
        // Whoever is only made now has time.
        let first = arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        world.wait(3600);
        idp.script(|script| script.now = world.clock.now().seconds());
        assert_eq!(refusal(world.caller(&first.handed.token).await), Code::InvalidToken);
        let start = purser_core::signin::Start { return_to: Some("/work".into()), ..to(&acme, "corp") };
        let waiting = challenged(Browser::default().sign_in(&world.app, &idp, start).await);
        let offer = world.app.start_totp_first(&waiting, &visit()).await.unwrap();
        let right = code(offer.secret.reveal(), &world);
        let completed = world.app.confirm_totp_first(&waiting, &right, &visit()).await.unwrap();
        assert_eq!(completed.return_to.as_deref(), Some("/work"));
        let caller = world.caller(&completed.signed_in.handed.token).await.unwrap();
        assert_eq!((caller.amr(), caller.user().id), ("fed otp mfa", first.user.id));
        assert_eq!(count(&world, "session_providers").await, "2");
        idp.script(|script| {
            script.claims.insert("amr".into(), serde_json::json!(["pwd", "mfa"]));
        });
        let vouched = arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        assert_eq!(world.caller(&vouched.handed.token).await.unwrap().amr(), "fed pwd mfa");
    }

    async fn a_provider_switched_off_meanwhile_lets_nobody_finish(world) {
        let acme = world.tenant("acme").await;
        let idp = idp(&world).await;
        set_up(&world, &acme, "corp", &idp).await;
        creating(&world, &acme, "corp", &[Role::Operator]).await;
        arrived(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.unwrap());
        world.settle(&acme, |settings| {
            settings.two_factor = TwoFactor::Required;
            settings.two_factor_grace = Some("1s".parse().unwrap());
        }).await;
        world.wait(1);
        idp.script(|script| script.now = world.clock.now().seconds());
        let waiting = challenged(Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await);
        crate::journey::switch(&world, &acme, "corp", false).await;
        assert_eq!(refusal(world.app.start_totp_first(&waiting, &visit()).await), Code::InvalidToken);
    }
}

async fn caller_is_alive(world: &World, john: &Enrolled) {
    assert!(world.app.own_sessions(&john.caller).await.unwrap().len() > 1);
}

async fn caller_is_gone(world: &World, john: &Enrolled) {
    assert_eq!(world.app.own_sessions(&john.caller).await.unwrap().len(), 0);
}

impl World {
    /// Signs in with password and app.
    async fn caller_of(&self, email: &str, secret: &str) -> Caller {
        self.wait(30);
        let waiting = challenge(self, email).await;
        let completed = answer(self, &waiting, &code(secret, self)).await.unwrap();
        self.caller(&completed.signed_in.handed.token).await.unwrap()
    }
}

/// Answers a challenge with one code many times at once, over the nodes in turn.
async fn at_once(nodes: &[Arc<purser_core::app::App>], challenges: &[Secret], code: &Secret) -> Vec<Result<Completed>> {
    let all = challenges.iter().enumerate().map(|(at, challenge)| {
        let (node, challenge, code) = (Arc::clone(&nodes[at % nodes.len()]), challenge.clone(), code.clone());
        tokio::spawn(async move { node.verify_second_factor(&challenge, SecondFactor::Code(&code), &visit()).await })
    });
    join_all(all).await.into_iter().map(|outcome| outcome.unwrap()).collect()
}

on_both! {
    async fn one_code_at_two_nodes_at_once_opens_one_session(world) {
        let john = john(&world).await;
        let nodes = [Arc::clone(&world.app), world.another_node().await];
        for code in [john.code(&world), john.recovery_codes[0].clone()] {
            let mut challenges = Vec::new();
            for _ in 0..8 {
                challenges.push(challenge(&world, "john@acme.test").await);
            }
            let outcomes = at_once(&nodes, &challenges, &code).await;
            let opened = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(opened, 1, "{outcomes:?}");
            let told = |outcome: &Result<Completed>| {
                matches!(outcome, Ok(_) | Err(Error::InvalidCredentials | Error::RateLimited(_) | Error::ServerBusy))
            };
            assert!(outcomes.iter().all(told), "{outcomes:?}");
            world.wait(60);
        }
        let one = challenge(&world, "john@acme.test").await;
        let outcomes = at_once(&nodes, &vec![one; 8], &john.code(&world)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }

    async fn a_reset_on_one_node_is_heard_by_the_other(world) {
        let john = john(&world).await;
        let other = world.another_node().await;
        let waiting = challenge(&world, "john@acme.test").await;
        let token = answer(&world, &waiting, &john.code(&world)).await.unwrap().signed_in.handed.token;
        caller(&other, &token).await.unwrap();
        let by = world.managing(&john.acme).await;
        world.app.reset_two_factor(&by, john.user.id).await.unwrap();
        crate::world::soon("the session is over", async || caller(&other, &token).await.is_err()).await;
        other.sign_in(named("john@acme.test", PASSWORD, "acme"), &visit()).await.unwrap();
    }
}

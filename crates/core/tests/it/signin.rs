//! Signing in with e-mail and password: one answer for whatever is wrong, the same work for everybody, and which tenant is meant.

use purser_core::access::Role;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use purser_core::tenants::TenantStatus;
use purser_core::users::{NewUser, User};

use crate::on_both;
use crate::world::{PASSWORD, World, claim, named, soon, stranger, visit};

async fn john(world: &World) -> (TenantId, User) {
    let acme = world.tenant("acme").await;
    let user = world.user(&acme, "john", &[Role::Viewer]).await;
    (acme, user)
}

/// The one address in each of these tenants, each account with a password of its own: `password of TENANT`.
async fn one_address_in(world: &World, tenants: &[&str]) {
    for id in tenants {
        let tenant = world.tenant(id).await;
        world.user_called(&tenant, "john@mail.test", &format!("password of {id}"), &[Role::Viewer]).await;
    }
}

on_both! {
    async fn whatever_is_wrong_has_one_answer_and_costs_one_hash(world) {
        let (acme, _) = john(&world).await;
        let managing = world.managing(&acme).await;
        let disabled = world.user(&acme, "disabled", &[]).await;
        world.app.disable_user(&managing, disabled.id).await.unwrap();
        let invited = NewUser::parse("invited@acme.test", "In", "Vited", "", [], None).unwrap();
        world.app.create_user(&managing, invited).await.unwrap();
        let gone = world.user(&acme, "gone", &[]).await;
        world.app.delete_user(&managing, gone.id).await.unwrap();
        let closed = world.tenant("closed").await;
        world.user(&closed, "john", &[]).await;
        world.switch(&closed, TenantStatus::Disabled).await;
        let cases = [
            ("john@acme.test", "wrong password", "acme"),
            ("nobody@acme.test", PASSWORD, "acme"),
            ("disabled@acme.test", PASSWORD, "acme"),
            ("disabled@acme.test", "wrong password", "acme"),
            ("invited@acme.test", PASSWORD, "acme"),
            ("gone@acme.test", PASSWORD, "acme"),
            ("john@acme.test", PASSWORD, "unknown"),
            ("john@acme.test", PASSWORD, "Not A Slug"),
            ("john@acme.test", PASSWORD, ""),
            ("john@acme.test", PASSWORD, "closed"),
            ("john@closed.test", PASSWORD, "closed"),
        ];
        for (email, password, client) in cases {
            world.wait(10);
            let before = world.app.figures().hashes_done;
            let refused = world.app.sign_in(named(email, password, client), &stranger()).await.unwrap_err();
            assert!(matches!(refused, Error::InvalidCredentials), "{email} {client}: {refused:?}");
            assert_eq!(refused.to_string(), "Invalid email or password");
            assert_eq!(world.app.figures().hashes_done, before + 1, "{email} {client}");
        }
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "0");
    }

    async fn the_log_has_the_reason_that_the_answer_keeps(world) {
        let (acme, user) = john(&world).await;
        let disabled = world.user(&acme, "disabled", &[]).await;
        world.app.disable_user(&world.managing(&acme).await, disabled.id).await.unwrap();
        let invited = NewUser::parse("invited@acme.test", "In", "Vited", "", [], None).unwrap();
        let invited = world.app.create_user(&world.managing(&acme).await, invited).await.unwrap();
        let cases = [
            ("john@acme.test", "wrong password", format!("user:{} refused: wrong password", user.id)),
            ("nobody@acme.test", PASSWORD, "name:nobody@acme.test refused: unknown address".into()),
            ("disabled@acme.test", PASSWORD, format!("user:{} refused: disabled", disabled.id)),
            ("invited@acme.test", PASSWORD, format!("user:{} refused: no password set", invited.id)),
        ];
        for (email, password, expected) in cases {
            world.wait(1);
            world.try_sign_in(email, password).await.unwrap_err();
            assert_eq!(world.last(&acme, "session.sign-in").await, Some(format!("anyone session.sign-in {expected}")));
        }
        world.wait(1);
        world.sign_in("john@acme.test").await;
        let good = format!("user {0} session.sign-in user:{0} done: password", user.id);
        assert_eq!(world.last(&acme, "session.sign-in").await, Some(good));
        world.app.sign_in(named("john@acme.test", PASSWORD, "unknown"), &visit()).await.unwrap_err();
        let line = world.admin_log().await.pop().unwrap();
        assert_eq!((line.target.as_str(), line.outcome.as_str()), ("name:john@acme.test", "refused"));
    }

    async fn what_cannot_be_an_address_or_a_password_is_refused_before_any_hash(world) {
        john(&world).await;
        let long_local = format!("{}@acme.test", "x".repeat(65));
        let long_domain = format!("john@{}.test", "x".repeat(256));
        let long = format!("{}@acme.test", "x".repeat(311));
        let addresses = [
            "",
            " ",
            "john",
            "admin@acme.test' OR '1'='1",
            "john@acme.test\r\nBcc: a@b.test",
            "john\0@acme.test",
            "\u{212a}ohn@acme.test",
            "joh\u{131}n@acme.test",
            "john\u{ff20}acme.test",
            &long_local,
            &long_domain,
            &long,
        ];
        let huge = "x".repeat(1_000_000);
        let passwords = ["", "right\0junk", &huge];
        let tries =
            addresses.map(|email| (email, PASSWORD)).into_iter().chain(passwords.map(|it| ("john@acme.test", it)));
        let before = world.database.dump().await;
        for (email, password) in tries {
            let refused = world.try_sign_in(email, password).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{email:?}: {refused:?}");
        }
        assert_eq!(world.app.figures().hashes_done, 1, "John's own, when he was made");
        assert_eq!(world.database.dump().await, before);
    }

    async fn an_address_is_the_same_in_any_case_and_never_an_almost_equal_one(world) {
        let acme = world.tenant("acme").await;
        world.user_called(&acme, "Kim.Ivy@Acme.test", PASSWORD, &[]).await;
        assert_eq!(world.sign_in(" kim.ivy@ACME.TEST\t").await.user.email, "Kim.Ivy@Acme.test");
        for almost in ["\u{212a}im.ivy@acme.test", "kim.\u{131}vy@acme.test"] {
            assert!(world.try_sign_in(almost, PASSWORD).await.is_err());
        }
    }

    async fn a_password_typed_on_another_keyboard_is_the_same(world) {
        let acme = world.tenant("acme").await;
        world.user_called(&acme, "john@acme.test", "Cr\u{e8}me br\u{fb}l\u{e9}e", &[]).await;
        world.try_sign_in("john@acme.test", "Cre\u{300}me bru\u{302}le\u{301}e").await.unwrap();
        world.try_sign_in("john@acme.test", "Creme brulee").await.unwrap_err();
    }

    async fn the_only_tenant_need_not_be_named(world) {
        let (acme, _) = john(&world).await;
        world.settle(&acme, |settings| settings.sso_only = true).await;
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::SsoRequired)));
    }

    async fn sso_required_is_said_before_any_account_is_looked_at(world) {
        let (acme, _) = john(&world).await;
        world.tenant("other").await;
        world.settle(&acme, |settings| settings.sso_only = true).await;
        let (hashes, before) = (world.app.figures().hashes_done, world.database.dump().await);
        for (email, password) in [("john@acme.test", PASSWORD), ("john@acme.test", "wrong"), ("nobody@acme.test", "x")]
        {
            let refused = world.app.sign_in(named(email, password, "acme"), &visit()).await;
            assert!(matches!(refused, Err(Error::SsoRequired)));
        }
        assert_eq!(world.app.figures().hashes_done, hashes);
        assert_eq!(world.database.dump().await, before);
        // With no tenant named nobody is told about one tenant's choice.
        assert!(matches!(world.try_sign_in("john@acme.test", PASSWORD).await, Err(Error::InvalidCredentials)));
        world.switch(&acme, TenantStatus::Disabled).await;
        let disabled = world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &visit()).await;
        assert!(matches!(disabled, Err(Error::InvalidCredentials)));
    }

    async fn an_address_in_several_tenants_is_settled_by_the_password(world) {
        one_address_in(&world, &["one", "two", "three"]).await;
        for id in ["two", "one", "three"] {
            let signed_in =
                world.app.sign_in(claim("john@mail.test", &format!("password of {id}")), &visit()).await.unwrap();
            assert_eq!(signed_in.user.tenant.as_str(), id);
            assert_eq!(world.caller(&signed_in.handed.token).await.unwrap().tenant().id.as_str(), id);
        }
        let wrong = world.app.sign_in(claim("john@mail.test", "password of four"), &stranger()).await;
        assert!(matches!(wrong, Err(Error::InvalidCredentials)));
        let elsewhere = named("john@mail.test", "password of two", "one");
        assert!(matches!(world.app.sign_in(elsewhere, &stranger()).await, Err(Error::InvalidCredentials)));
    }

    async fn a_password_that_opens_several_accounts_needs_the_tenant_named(world) {
        for id in ["one", "two"] {
            let tenant = world.tenant(id).await;
            world.user_called(&tenant, "john@mail.test", PASSWORD, &[]).await;
        }
        assert!(matches!(world.try_sign_in("john@mail.test", PASSWORD).await, Err(Error::ClientRequired)));
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "0");
        for id in ["one", "two"] {
            let signed_in = world.app.sign_in(named("john@mail.test", PASSWORD, id), &visit()).await.unwrap();
            assert_eq!(signed_in.user.tenant.as_str(), id);
        }
    }

    async fn closed_accounts_do_not_make_a_choice_necessary(world) {
        for id in ["one", "two", "three"] {
            let tenant = world.tenant(id).await;
            world.user_called(&tenant, "john@mail.test", PASSWORD, &[]).await;
        }
        let [two, three] = ["two", "three"].map(|id| id.parse::<TenantId>().unwrap());
        world.settle(&two, |settings| settings.sso_only = true).await;
        world.switch(&three, TenantStatus::Disabled).await;
        assert_eq!(world.sign_in("john@mail.test").await.user.tenant.as_str(), "one");
    }

    async fn an_address_in_more_than_three_tenants_needs_the_tenant_named(world) {
        one_address_in(&world, &["one", "two", "three", "four"]).await;
        let before = world.app.figures().hashes_done;
        for password in ["password of one", "wrong"] {
            let refused = world.app.sign_in(claim("john@mail.test", password), &visit()).await;
            assert!(matches!(refused, Err(Error::ClientRequired)));
        }
        assert_eq!(world.app.figures().hashes_done, before);
        world.app.sign_in(named("john@mail.test", "password of four", "four"), &visit()).await.unwrap();
    }

    async fn several_accounts_are_tried_as_one_job(world) {
        one_address_in(&world, &["one", "two", "three"]).await;
        let before = world.app.figures().hashes_done;
        world.app.sign_in(claim("john@mail.test", "password of two"), &visit()).await.unwrap();
        assert_eq!(world.app.figures().hashes_done, before + 1);
    }

    async fn a_weaker_hash_is_upgraded_by_the_sign_in_that_proves_it(world) {
        let (acme, user) = john(&world).await;
        let hash = async |world: &World| world.database.value("SELECT password_hash FROM users").await;
        let before = hash(&world).await;
        let world = world.with(|settings| settings.passwords.memory_kib = 128).await;
        world.try_sign_in("john@acme.test", "wrong password").await.unwrap_err();
        assert_eq!(hash(&world).await, before);
        world.sign_in("john@acme.test").await;
        let better = hash(&world).await;
        assert!(better.contains("m=128,"), "{better}");
        let line = format!("user {0} user.password-rehashed user:{0} done", user.id);
        assert_eq!(world.last(&acme, "user.password-rehashed").await, Some(line));
        world.sign_in("john@acme.test").await;
        assert_eq!(hash(&world).await, better);
    }

    async fn a_hash_from_another_system_opens_once_and_is_then_ours(world) {
        john(&world).await;
        let imported = bcrypt::hash_with_salt("from another system", 4, [7; 16]).unwrap().to_string();
        world.database.run(&format!("UPDATE users SET password_hash = '{imported}'")).await;
        world.try_sign_in("john@acme.test", PASSWORD).await.unwrap_err();
        for _ in 0..2 {
            world.try_sign_in("john@acme.test", "from another system").await.unwrap();
            let now = world.database.value("SELECT password_hash FROM users").await;
            assert!(now.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{now}");
        }
    }

    async fn a_damaged_hash_opens_to_nobody_and_is_told_to_the_log(world) {
        let (acme, user) = john(&world).await;
        for damaged in [
            "",
            "x",
            "$argon2id$v=19$m=64,t=1,p=1$short",
            "$2b$99$x",
            "\u{fc}\u{e4}",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
        ] {
            world.database.run(&format!("UPDATE users SET password_hash = '{damaged}'")).await;
            let refused = world.app.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await;
            assert!(matches!(refused, Err(Error::InvalidCredentials)), "{damaged}: {refused:?}");
            let line = format!("anyone session.sign-in user:{} refused: the stored hash cannot be read", user.id);
            assert_eq!(world.last(&acme, "session.sign-in").await, Some(line));
            world.wait(3_600);
        }
    }

    async fn two_hundred_right_sign_ins_at_once_are_all_good_or_told_to_come_back(world) {
        john(&world).await;
        let tries = (0..200).map(|_| {
            let app = world.app.clone();
            tokio::spawn(async move { app.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await })
        });
        let mut good = 0;
        for answer in futures::future::join_all(tries).await {
            match answer.unwrap() {
                Ok(signed_in) => {
                    world.caller(&signed_in.handed.token).await.unwrap();
                    good += 1;
                }
                Err(Error::ServerBusy) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(good > 0);
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, good.to_string());
        world.app.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await.unwrap();
    }
}

/// What happens while John's password is being hashed.
async fn while_hashing(world: &World, happens: impl AsyncFnOnce()) -> Result<(), Error> {
    let (node, gate) = world.gated_node().await;
    let john = claim("john@acme.test", PASSWORD);
    let waiting = tokio::spawn(async move { node.sign_in(john, &visit()).await.map(drop) });
    let pending = async || world.database.value("SELECT count(*) FROM guesses WHERE pending > 0").await == "1";
    soon("John to wait for the hash", pending).await;
    happens().await;
    gate.open();
    waiting.await.unwrap()
}

on_both! {
    async fn whoever_is_disabled_while_their_password_is_hashed_stays_out(world) {
        let (acme, user) = john(&world).await;
        let by = world.managing(&acme).await;
        let answer = while_hashing(&world, async || drop(world.app.disable_user(&by, user.id).await.unwrap())).await;
        assert!(matches!(answer, Err(Error::InvalidCredentials)), "{answer:?}");
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "0");
    }

    async fn whoever_is_deleted_while_their_password_is_hashed_stays_out(world) {
        let (acme, user) = john(&world).await;
        let by = world.managing(&acme).await;
        let answer = while_hashing(&world, async || drop(world.app.delete_user(&by, user.id).await.unwrap())).await;
        assert!(matches!(answer, Err(Error::InvalidCredentials)), "{answer:?}");
    }

    async fn a_password_changed_while_the_old_one_is_hashed_opens_nothing(world) {
        john(&world).await;
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new("another password of mine") };
        let answer = while_hashing(&world, async || world.app.change_password(&john, wish).await.unwrap()).await;
        assert!(matches!(answer, Err(Error::InvalidCredentials)), "{answer:?}");
        assert_eq!(world.app.own_sessions(&john).await.unwrap().len(), 1);
    }

    async fn a_tenant_disabled_while_a_password_is_hashed_lets_nobody_in(world) {
        let (acme, _) = john(&world).await;
        let answer = while_hashing(&world, async || world.switch(&acme, TenantStatus::Disabled).await).await;
        assert!(matches!(answer, Err(Error::InvalidCredentials)), "{answer:?}");
        assert_eq!(world.database.value("SELECT count(*) FROM sessions").await, "0");
    }

    /// What came too late for the right password was no wrong guess.
    async fn a_right_password_that_comes_too_late_keeps_no_place_among_the_guesses(world) {
        let (acme, user) = john(&world).await;
        let by = world.managing(&acme).await;
        let answer = while_hashing(&world, async || drop(world.app.disable_user(&by, user.id).await.unwrap())).await;
        answer.unwrap_err();
        assert_eq!(world.database.value("SELECT count(*) FROM guesses WHERE pending > 0").await, "0");
    }
}

/// Nothing that could be used to sign in lies in the store in the clear.
#[tokio::test]
async fn no_password_or_handle_lies_in_the_store() {
    let world = World::on_sqlite().await;
    john(&world).await;
    let handed = world.sign_in("john@acme.test").await.handed;
    world.try_sign_in("john@acme.test", "a wrong canary").await.unwrap_err();
    let dump = world.database.dump().await;
    let secrets = [&handed.token, &handed.refresh_token, &handed.cookie.unwrap(), &Secret::new(PASSWORD)];
    for secret in secrets.map(Secret::reveal).into_iter().chain(["a wrong canary"]) {
        assert!(!dump.contains(secret));
    }
}

//! Licences: what is installed, what is refused, and what time does to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_core::access::{Role, SystemAdmin};
use purser_core::app::App;
use purser_core::audit::{Filter, Log};
use purser_core::config::{Mode, Settings};
use purser_core::env::{Clock as _, FixedClock, SeededEntropy, Timestamp};
use purser_core::error::{Code, Error, Result};
use purser_core::license::{LicenseState, Stage};
use purser_core::secret::Secret;
use purser_core::signin::PasswordChange;
use purser_core::transfer::{Existing, Format, RefusedLine, Run, Source, Tally, Wish};
use purser_core::users::{NewUser, UserUpdate};
use serde_json::{Value, json};

use crate::journey::{Browser, arrived, creating, idp, set_up, to};
use crate::on_both;
use crate::world::{PASSWORD, World, refresh};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// Whoever issues licences.
fn vendor() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn signed(claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"purser-license+jwt"}"#);
    let said = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(vendor().sign(said.as_bytes())))
}

/// A year for this deployment, beginning now.
fn claims(app: &App, serial: i64) -> Value {
    json!({
        "licensee": "Acme Ltd", "instance": app.instance(), "seats": 25, "serial": serial,
        "iat": NOW, "nbf": NOW, "exp": NOW + 365 * DAY,
    })
}

fn key(app: &App, serial: i64) -> String {
    signed(&claims(app, serial))
}

fn key_with(app: &App, serial: i64, changes: &Value) -> String {
    let mut claims = claims(app, serial);
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    signed(&claims)
}

/// An on-premises deployment that knows the vendor.
async fn on_prem(world: World) -> World {
    let public = URL_SAFE_NO_PAD.encode(vendor().public_key());
    let settle = |settings: &mut Settings| {
        settings.deployment.mode = Mode::OnPrem;
        settings.license.public_key = Some(public);
    };
    world.with(settle).await
}

/// Another node, whose clock stands elsewhere.
async fn node_at(world: &World, second: i64) -> App {
    static NODES: AtomicU64 = AtomicU64::new(1_000);
    let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(second)));
    let entropy = Arc::new(SeededEntropy::new(NODES.fetch_add(1, Ordering::SeqCst)));
    App::open_with(world.settings(), clock, entropy).await.unwrap()
}

async fn install(app: &App, key: &str) -> Result<LicenseState> {
    app.install_license(&SystemAdmin::at_the_command_line().grant(), key).await
}

async fn state(app: &App) -> LicenseState {
    app.license_state(&SystemAdmin::at_the_command_line().grant()).await.unwrap()
}

async fn serial(app: &App) -> Option<i64> {
    state(app).await.license.map(|it| it.serial)
}

async fn assert_refused(app: &App, key: &str) {
    let before = serial(app).await;
    let answer = install(app, key).await;
    assert!(matches!(answer, Err(Error::LicenseInvalid)), "{answer:?}");
    assert_eq!(serial(app).await, before);
}

/// The lines about licences, sorted: target, outcome, reason.
async fn log(app: &App) -> Vec<String> {
    let filter = Filter { action: "license.installed".into(), ..Filter::default() };
    let by = SystemAdmin::at_the_command_line().grant();
    let lines = app.audit_logs(&by, &Log::AdminRealm, &filter).await.unwrap();
    let mut lines: Vec<String> =
        lines.iter().map(|it| format!("{} {}: {}", it.target, it.outcome, it.reason)).collect();
    lines.sort();
    lines
}

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

on_both! {
    async fn a_licence_for_this_deployment_is_put_in_force(world) {
        let world = on_prem(world).await;
        assert_eq!(state(&world.app).await.stage, Stage::Unlicensed);
        let installed = install(&world.app, &format!("\n  {}\r\n", key(&world.app, 3))).await.unwrap();
        let license = installed.license.unwrap();
        assert_eq!((license.licensee.as_str(), license.seats, license.serial), ("Acme Ltd", 25, 3));
        assert_eq!(license.expires_at, Timestamp::from_seconds(NOW + 365 * DAY));
        assert_eq!(installed.instance, world.app.instance());
        assert_eq!(installed.mode, Mode::OnPrem);
        assert_eq!(installed.stage, Stage::Valid);
        assert_eq!(installed.installed_at, Some(Timestamp::from_seconds(NOW)));
        assert_eq!(state(&world.app).await.license, Some(license));
        assert_eq!(log(&world.app).await, ["license:3 done: 25 seats for Acme Ltd until 2028-01-15T08:00:00Z"]);
    }

    async fn a_licence_outlives_a_restart_and_reaches_every_node(world) {
        let world = on_prem(world).await;
        let other = world.another_node().await;
        assert_eq!(serial(&other).await, None);
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        let third = world.another_node().await;
        assert_eq!(serial(&third).await, Some(1));
        let world = world.restarted().await;
        assert_eq!(serial(&world.app).await, Some(1));
    }

    async fn seats_are_taken_by_active_and_invited_users_of_all_tenants(world) {
        let (acme, beta) = (world.tenant("acme").await, world.tenant("beta").await);
        assert_eq!(state(&world.app).await.seats_used, 0);
        world.user(&acme, "ann", &[Role::Admin]).await;
        let leaver = world.user(&acme, "lee", &[Role::Viewer]).await;
        world.user(&beta, "bob", &[Role::Admin]).await;
        let by = world.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &beta).await.unwrap();
        let invited = NewUser::parse("ivy@beta.test", "Ivy", "Doe", "", [Role::Viewer], None).unwrap();
        world.app.create_user(&by, invited).await.unwrap();
        assert_eq!(state(&world.app).await.seats_used, 4);
        let by = world.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &acme).await.unwrap();
        world.app.disable_user(&by, leaver.id).await.unwrap();
        assert_eq!(state(&world.app).await.seats_used, 3);
    }

    async fn what_is_not_for_here_and_now_is_refused_and_written_down(world) {
        let world = on_prem(world).await;
        let app = &world.app;
        install(app, &key(app, 5)).await.unwrap();
        let forged = key(app, 6).replacen(".e", ".f", 1);
        assert_refused(app, &forged).await;
        assert_refused(app, "").await;
        assert_refused(app, &"a".repeat(1 << 20)).await;
        assert_refused(app, &key_with(app, 6, &json!({"instance": "another"}))).await;
        assert_refused(app, &key_with(app, 7, &json!({"iat": NOW - 2, "nbf": NOW - 2, "exp": NOW}))).await;
        assert_refused(app, &key_with(app, 8, &json!({"nbf": NOW + 1}))).await;
        assert_refused(app, &key_with(app, 9, &json!({"iat": NOW + 1}))).await;
        assert_refused(app, &key_with(app, 10, &json!({"exp": 253_402_300_800_i64}))).await;
        assert_refused(app, &key(app, 4)).await;
        assert_refused(app, &key_with(app, 5, &json!({"seats": 9_999}))).await;
        let log = log(app).await.join("\n");
        insta::allow_duplicates! {
            insta::assert_snapshot!(log, @r"
            license:4 refused: it is not newer than the licence in force
            license:5 done: 25 seats for Acme Ltd until 2028-01-15T08:00:00Z
            license:5 refused: it is not newer than the licence in force
            license:6 refused: it is for another instance
            license:7 refused: it has expired
            license:8 refused: it is not valid yet
            license:9 refused: it is not valid yet
            license:unread refused: its claims are not those of a licence
            license:unread refused: the configured public key did not sign it
            license:unread refused: the key is not a compact JWS
            license:unread refused: the key is too long
            ");
        }
    }

    async fn bounds_of_validity_are_exact(world) {
        let world = on_prem(world).await;
        install(&world.app, &key_with(&world.app, 1, &json!({"exp": NOW + 1}))).await.unwrap();
        install(&world.app, &key_with(&world.app, 2, &json!({"nbf": NOW}))).await.unwrap();
    }

    async fn without_a_public_key_every_licence_is_refused(world) {
        assert_refused(&world.app, &key(&world.app, 1)).await;
        assert_eq!(log(&world.app).await, ["license:unread refused: no license.public_key is configured"]);
    }

    async fn the_same_key_again_changes_nothing(world) {
        let world = on_prem(world).await;
        let first = install(&world.app, &key(&world.app, 1)).await.unwrap();
        world.clock.advance(days(1));
        let again = install(&world.app, &key(&world.app, 1)).await.unwrap();
        assert_eq!(again.installed_at, first.installed_at);
        assert_eq!(log(&world.app).await.len(), 1);
    }

    async fn a_key_that_was_in_force_before_does_not_come_back(world) {
        let world = on_prem(world).await;
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        install(&world.app, &key(&world.app, 2)).await.unwrap();
        assert_refused(&world.app, &key(&world.app, 1)).await;
        assert_eq!(serial(&world.app).await, Some(2));
    }

    async fn an_expired_key_is_not_even_itself_again(world) {
        let world = on_prem(world).await;
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        world.clock.advance(days(365));
        assert_refused(&world.app, &key(&world.app, 1)).await;
        assert_eq!(state(&world.app).await.stage, Stage::Grace);
    }

    async fn of_keys_installed_at_once_on_two_nodes_the_newest_wins(world) {
        let world = on_prem(world).await;
        let other = world.another_node().await;
        let keys: Vec<String> = (1..=20).map(|serial| key(&world.app, serial)).collect();
        let nodes = [&*world.app, &*other];
        // Every key twice, in no good order.
        let tries = (0..40).map(|turn| install(nodes[turn % 2], &keys[(turn * 7 + 3) % 20]));
        let answers = futures::future::join_all(tries).await;
        for answer in &answers {
            assert!(matches!(answer, Ok(_) | Err(Error::LicenseInvalid)), "{answer:?}");
        }
        assert!(answers.iter().any(Result::is_ok));
        assert_eq!(serial(&world.app).await, Some(20));
        let mut installed: Vec<String> = log(&world.app).await;
        installed.retain(|line| line.contains(" done: "));
        assert!(installed.iter().any(|line| line.starts_with("license:20 ")), "{installed:#?}");
        assert!(installed.is_sorted_by(|a, b| a < b), "one was installed twice: {installed:#?}");
    }

    async fn one_key_installed_at_once_on_two_nodes_is_installed_once(world) {
        let world = on_prem(world).await;
        let other = world.another_node().await;
        let key = key(&world.app, 1);
        let tries = (0..20).map(|turn| install(if turn % 2 == 0 { &world.app } else { &other }, &key));
        for answer in futures::future::join_all(tries).await {
            assert_eq!(answer.unwrap().license.unwrap().serial, 1);
        }
        assert_eq!(log(&world.app).await.len(), 1);
    }

    async fn people_are_told_before_and_after_a_licence_runs_out(world) {
        let world = on_prem(world).await;
        let mut told = vec![notices(&world.app).await];
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        told.push(notices(&world.app).await);
        for step in [335, 30, 14] {
            world.clock.advance(days(step));
            told.push(notices(&world.app).await);
        }
        let told = told.concat().join("\n");
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @r"
            There is no licence. Nothing can be changed until one is installed.
            The licence expires at 2028-01-15T08:00:00Z.
            The licence has expired. From 2028-01-29T08:00:00Z nothing can be changed.
            The licence has expired. Nothing can be changed until it is renewed.
            ");
        }
    }

    async fn a_hosted_deployment_tells_nobody_of_licences(world) {
        assert_eq!(notices(&world.app).await, Vec::<String>::new());
        assert_eq!(state(&world.app).await.mode, Mode::Hosted);
    }

    async fn a_clock_set_back_revives_nothing(world) {
        let world = on_prem(world).await;
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        world.clock.advance(days(365 + 14));
        assert_eq!(state(&world.app).await.stage, Stage::ReadOnly);
        world.app.keep_house().await.unwrap();
        let set_back = node_at(&world, NOW).await;
        assert_eq!(state(&set_back).await.stage, Stage::ReadOnly);
        assert_refused(&set_back, &key_with(&world.app, 1, &json!({"seats": 26}))).await;
        assert_eq!(state(&set_back).await.stage, Stage::ReadOnly);
    }

    async fn a_clock_that_ran_ahead_is_forgiven_by_a_newer_licence(world) {
        let world = on_prem(world).await;
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        world.clock.advance(days(3_650));
        world.app.keep_house().await.unwrap();
        let repaired = node_at(&world, NOW + DAY).await;
        assert_eq!(state(&repaired).await.stage, Stage::ReadOnly);
        let renewed = install(&repaired, &key(&repaired, 2)).await.unwrap();
        assert_eq!(renewed.stage, Stage::Valid);
        let next = node_at(&world, NOW + DAY).await;
        assert_eq!(state(&next).await.stage, Stage::Valid);
    }

    async fn no_licence_is_older_than_its_installation(world) {
        let world = on_prem(world).await;
        world.clock.advance(days(10));
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        let set_back = node_at(&world, NOW).await;
        let short = key_with(&world.app, 2, &json!({"exp": NOW + 9 * DAY}));
        assert_refused(&set_back, &short).await;
        let renewed = install(&set_back, &key(&world.app, 3)).await.unwrap();
        assert_eq!(renewed.installed_at, Some(Timestamp::from_seconds(NOW + 10 * DAY)));
    }

    async fn a_licence_of_a_vendor_no_longer_configured_is_not_in_force(world) {
        let world = on_prem(world).await;
        install(&world.app, &key(&world.app, 1)).await.unwrap();
        let other = URL_SAFE_NO_PAD.encode(Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap().public_key());
        let world = world.with(|settings| settings.license.public_key = Some(other)).await;
        assert_eq!(state(&world.app).await.stage, Stage::Unlicensed);
        assert_refused(&world.app, &key(&world.app, 1)).await;
    }
}

/// A licence of so many seats, installed.
async fn with_seats(world: &World, serial: i64, seats: u32) {
    install(&world.app, &key_with(&world.app, serial, &json!({"seats": seats}))).await.unwrap();
}

fn newcomer(email: &str) -> NewUser {
    NewUser::parse(email, "New", "Comer", "", [Role::Viewer], None).unwrap()
}

on_both! {
    async fn fifty_creations_at_once_on_two_nodes_take_the_ten_free_seats_exactly(world) {
        let world = on_prem(world).await;
        let other = world.another_node().await;
        let admins = [world.as_role(Role::Admin).await, world.as_role(Role::Admin).await];
        let beta = world.tenant("beta").await;
        let beta = world.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &beta).await.unwrap();
        with_seats(&world, 1, 12).await;
        assert_eq!(serial(&other).await, Some(1));
        let acme = admins.each_ref().map(|admin| admin.grant().unwrap());
        let nodes = [&*world.app, &*other];
        let tries = (0..50).map(|turn| {
            let by = if turn % 3 == 0 { &beta } else { &acme[turn % 2] };
            nodes[turn % 2].create_user(by, newcomer(&format!("new{turn}@acme.test")))
        });
        let answers = futures::future::join_all(tries).await;
        let refused = answers.iter().filter(|it| matches!(it, Err(Error::LicenseSeats))).count();
        assert_eq!((answers.iter().filter(|it| it.is_ok()).count(), refused), (10, 40), "{answers:?}");
        assert_eq!(state(&world.app).await.seats_used, 12);
    }

    async fn a_seat_is_free_again_when_somebody_leaves_and_taken_when_they_come_back(world) {
        let world = on_prem(world).await;
        let admin = world.as_role(Role::Admin).await;
        let by = || admin.grant().unwrap();
        with_seats(&world, 1, 3).await;
        let one = world.app.create_user(&by(), newcomer("one@acme.test")).await.unwrap();
        let two = world.app.create_user(&by(), newcomer("two@acme.test")).await.unwrap();
        let full = async |email: &str| {
            let before = world.database.value("SELECT count(*) FROM users").await;
            let refused = world.app.create_user(&by(), newcomer(email)).await;
            assert!(matches!(refused, Err(Error::LicenseSeats)), "{refused:?}");
            assert_eq!(world.database.value("SELECT count(*) FROM users").await, before);
        };
        full("three@acme.test").await;
        world.app.disable_user(&by(), one.id).await.unwrap();
        world.app.create_user(&by(), newcomer("three@acme.test")).await.unwrap();
        assert!(matches!(world.app.enable_user(&by(), one.id).await, Err(Error::LicenseSeats)));
        assert_eq!(world.app.user(&admin.grant().unwrap(), one.id).await.unwrap().status.as_str(), "DISABLED");
        world.app.delete_user(&by(), two.id).await.unwrap();
        world.app.enable_user(&by(), one.id).await.unwrap();
        full("four@acme.test").await;
        let beta = world.tenant("beta").await;
        let managing = world.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &beta).await.unwrap();
        let refused = world.app.create_user(&managing, newcomer("bob@beta.test")).await;
        assert!(matches!(refused, Err(Error::LicenseSeats)), "the admin realm's people take seats too: {refused:?}");
    }

    async fn a_dry_run_of_an_import_finds_the_seats_that_it_would_lack(world) {
        let world = on_prem(world).await;
        let acme = world.tenant("acme").await;
        for name in ["ann", "bob"] {
            world.user(&acme, name, &[Role::Viewer]).await;
        }
        with_seats(&world, 1, 3).await;
        let by = world.managing(&acme).await;
        let text = "email,firstName,lastName,roles,status\n\
            cy@acme.test,Cy,Fox,,\n\
            di@acme.test,Di,Fox,,\n\
            ed@acme.test,Ed,Fox,,\n\
            bob@acme.test,Bob,Ray,VIEWER,DISABLED\n";
        let run = async |run: Run| {
            let mut refused = Vec::new();
            let wish = Wish { existing: Existing::Update, run, most_refused: None };
            let source = Source::new(text.as_bytes(), Format::Csv);
            let told = |_: &Tally, lines: Vec<RefusedLine>| refused.extend(lines);
            let tally = world.app.import_users(&by, source, wish, told).await.unwrap();
            (tally, refused)
        };
        let dry = run(Run::Dry).await;
        assert_eq!((dry.0.created, dry.0.updated, dry.0.refused), (2, 1, 1), "{dry:?}");
        assert_eq!(state(&world.app).await.seats_used, 2);
        assert_eq!(run(Run::Real).await, dry, "what it said is what happens");
    }

    async fn a_deleted_tenant_gives_its_seats_back(world) {
        let world = on_prem(world).await;
        let beta = world.tenant("beta").await;
        world.user(&beta, "bob", &[Role::Admin]).await;
        let admin = world.as_role(Role::Admin).await;
        with_seats(&world, 1, 2).await;
        let new = || newcomer("new@acme.test");
        assert!(matches!(world.app.create_user(&admin.grant().unwrap(), new()).await, Err(Error::LicenseSeats)));
        world.app.delete_tenant(&SystemAdmin::at_the_command_line().grant(), &beta).await.unwrap();
        world.app.create_user(&admin.grant().unwrap(), new()).await.unwrap();
    }

    async fn a_smaller_licence_shuts_nobody_out_and_lets_nobody_in(world) {
        let world = on_prem(world).await;
        let admin = world.as_role(Role::Admin).await;
        let john = world.user(&admin.tenant().id, "john", &[Role::Viewer]).await;
        with_seats(&world, 1, 1).await;
        assert_eq!(state(&world.app).await.seats_used, 2);
        world.sign_in(&john.email).await;
        let refused = world.app.create_user(&admin.grant().unwrap(), newcomer("new@acme.test")).await;
        assert!(matches!(refused, Err(Error::LicenseSeats)));
        with_seats(&world, 2, 3).await;
        world.app.create_user(&admin.grant().unwrap(), newcomer("new@acme.test")).await.unwrap();
    }

    async fn a_hosted_deployment_counts_no_seats(world) {
        let world = on_prem(world).await;
        with_seats(&world, 1, 1).await;
        let world = world.with(|settings| settings.deployment.mode = Mode::Hosted).await;
        let admin = world.as_role(Role::Admin).await;
        world.app.create_user(&admin.grant().unwrap(), newcomer("new@acme.test")).await.unwrap();
    }

    async fn without_a_licence_people_do_what_takes_away_and_nothing_that_adds(world) {
        let world = on_prem(world).await;
        let admin = world.as_role(Role::Admin).await;
        let acme = admin.tenant().id.clone();
        let [john, jane] = [world.user(&acme, "john", &[]).await, world.user(&acme, "jane", &[]).await];
        let by = || admin.grant().unwrap();
        let before = world.database.rows("SELECT * FROM users ORDER BY id").await;
        let refusals = [
            world.app.create_user(&by(), newcomer("new@acme.test")).await.unwrap_err(),
            world.app.update_user(&by(), john.id, UserUpdate::default()).await.unwrap_err(),
            world.app.set_user_roles(&by(), john.id, [Role::Viewer]).await.unwrap_err(),
            world.app.add_domain(&admin.grant().unwrap(), "acme.test").await.unwrap_err(),
        ];
        assert!(refusals.iter().all(|it| matches!(it, Error::LicenseRequired)), "{refusals:?}");
        assert_eq!(world.database.rows("SELECT * FROM users ORDER BY id").await, before);
        world.app.end_user_sessions(&by(), john.id).await.unwrap();
        world.app.disable_user(&by(), john.id).await.unwrap();
        assert!(matches!(world.app.enable_user(&by(), john.id).await, Err(Error::LicenseRequired)));
        world.app.delete_user(&by(), jane.id).await.unwrap();
        let signed_in = world.sign_in(&admin.user().email).await;
        refresh(&world.app, &signed_in.handed.refresh_token).await.unwrap();
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new("another horse battery 4711") };
        world.app.change_password(&world.caller(&signed_in.handed.token).await.unwrap(), wish).await.unwrap();
    }

    async fn accounts_that_a_provider_would_make_need_a_licence_and_a_seat_too(world) {
        let world = on_prem(world).await;
        let acme = world.tenant("acme").await;
        let idp = idp(&world).await;
        set_up(&world, &acme, "corp", &idp).await;
        creating(&world, &acme, "corp", &[Role::Viewer]).await;
        let arrive = async || Browser::default().sign_in(&world.app, &idp, to(&acme, "corp")).await.map(arrived);
        let refused = async |code: Code, why: &str| {
            assert_eq!(arrive().await.unwrap_err().code(), code);
            assert_eq!(world.database.value("SELECT count(*) FROM users").await, "0");
            let line = world.last(&acme, "session.sign-in").await.unwrap();
            assert_eq!(line, format!("provider corp session.sign-in name:jane@corp.test refused: {why}"));
        };
        refused(Code::LicenseRequired, "A licence is required").await;
        let beta = world.tenant("beta").await;
        let bob = world.user(&beta, "bob", &[]).await;
        world.database.run("UPDATE users SET status = 'invited'").await;
        with_seats(&world, 1, 1).await;
        assert_eq!(arrive().await.unwrap_err().code(), Code::LicenseSeats);
        assert_eq!(world.database.value("SELECT count(*) FROM users").await, "1");
        let managing = world.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &beta).await.unwrap();
        world.app.delete_user(&managing, bob.id).await.unwrap();
        assert_eq!(arrive().await.unwrap().user.email, "jane@corp.test");
        // Who has an account signs in whatever the licence says.
        world.clock.advance(days(400));
        idp.script(|script| script.now = world.clock.now().seconds());
        arrive().await.unwrap();
    }

    async fn the_log_tells_of_the_licence_once_a_day(world) {
        let world = on_prem(world).await;
        let told = async || world.app.license_notice_of_the_day().await.unwrap().is_some();
        assert!(told().await);
        assert!(!told().await);
        world.clock.advance(days(1));
        assert!(told().await);
    }
}

async fn notices(app: &App) -> Vec<String> {
    app.license_notices().await.unwrap().iter().map(ToString::to_string).collect()
}

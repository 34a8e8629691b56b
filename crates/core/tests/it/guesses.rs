//! How often passwords may be guessed: exact limits over all nodes, that never keep the owner out for good.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::admins::Username;
use purser_core::app::App;
use purser_core::audit::Visit;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::Extent;
use purser_core::signin::{AdminClaim, Claim, PasswordChange};

use crate::on_both;
use crate::world::{PASSWORD, World, claim, command_line, from, named, soon, stranger, visit};

const DAY: u64 = 86_400;

async fn john(world: &World) -> TenantId {
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    acme
}

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Good,
    Wrong,
    Slowed,
}

fn fate<T>(outcome: Result<T>) -> Fate {
    match outcome {
        Ok(_) => Fate::Good,
        Err(Error::InvalidCredentials) => Fate::Wrong,
        Err(Error::RateLimited(_) | Error::ServerBusy) => Fate::Slowed,
        Err(other) => panic!("{other:?}"),
    }
}

/// One try at John.
async fn try_once(node: &App, password: &str, visit: &Visit) -> Fate {
    fate(node.sign_in(claim("john@acme.test", password), visit).await)
}

/// Many tries at once, from as many addresses, over the nodes in turn: how many reached the hash and were wrong.
async fn wrong_at_once(nodes: &[&Arc<App>], tries: usize) -> usize {
    let tries = (0..tries).map(|at| {
        let node = Arc::clone(nodes[at % nodes.len()]);
        tokio::spawn(async move { try_once(&node, "a wrong password", &stranger()).await })
    });
    let fates = join_all(tries).await.into_iter().map(Result::unwrap);
    fates.filter(|fate| *fate == Fate::Wrong).count()
}

/// Strangers use up the day's guesses at John.
async fn exhaust(world: &World) {
    let mut wrong = 0;
    for _ in 0..110 {
        wrong += usize::from(try_once(&world.app, "a wrong password", &stranger()).await == Fate::Wrong);
        world.wait(10);
    }
    assert_eq!(wrong, 100);
}

on_both! {
    async fn a_streak_of_failures_is_slowed_step_by_step(world) {
        john(&world).await;
        let waits = [0, 0, 0, 1, 3, 5, 10, 10, 10];
        for wait in waits {
            assert_eq!(try_once(&world.app, "wrong", &stranger()).await, Fate::Wrong);
            if wait > 0 {
                world.wait(wait - 1);
                let early = world.app.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await;
                assert!(matches!(early, Err(Error::RateLimited(left)) if left == Duration::from_secs(1)), "{early:?}");
                world.wait(1);
            }
        }
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Good);
        assert_eq!(try_once(&world.app, "wrong", &stranger()).await, Fate::Wrong);
        assert_eq!(try_once(&world.app, "wrong", &stranger()).await, Fate::Wrong);
    }

    async fn a_hundred_wrong_guesses_a_day_reach_the_hash_and_not_one_more(world) {
        john(&world).await;
        let other = world.another_node().await;
        let nodes = [&world.app, &other];
        let hashes = || nodes.map(|node| node.figures().hashes_done).iter().sum::<u64>();
        let before = hashes();
        let mut wrong = wrong_at_once(&nodes, 150).await;
        assert!(wrong > 1, "the first are let through side by side");
        for _ in 0..100 {
            world.wait(60);
            wrong += wrong_at_once(&nodes, 4).await;
        }
        assert_eq!(wrong, 100);
        assert_eq!(hashes() - before, 100);
        assert!(matches!(
            world.app.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await,
            Err(Error::RateLimited(_))
        ));
        world.wait(DAY - 6_000);
        assert_eq!(try_once(&other, PASSWORD, &stranger()).await, Fate::Good);
    }

    async fn the_count_outlives_a_restart(world) {
        john(&world).await;
        exhaust(&world).await;
        let world = world.restarted().await;
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Slowed);
    }

    async fn a_right_password_forgives_no_wrong_guess_of_the_day(world) {
        john(&world).await;
        let mut wrong = 0;
        for turn in 0..130 {
            wrong += usize::from(try_once(&world.app, "wrong", &stranger()).await == Fate::Wrong);
            if turn % 3 == 0 {
                world.app.sign_in(claim("john@acme.test", PASSWORD), &visit()).await.unwrap();
            }
            world.wait(10);
        }
        assert_eq!(wrong, 100);
    }

    async fn the_owner_gets_in_from_a_known_address_or_browser_whatever_strangers_do(world) {
        john(&world).await;
        let home = visit();
        let handed = world.app.sign_in(claim("john@acme.test", PASSWORD), &home).await.unwrap().handed;
        let cookie = handed.cookie;
        exhaust(&world).await;
        world.caller(&handed.token).await.unwrap();
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Slowed);
        assert_eq!(try_once(&world.app, PASSWORD, &home).await, Fate::Good);
        let browser = || Claim { cookie: cookie.clone(), ..claim("john@acme.test", PASSWORD) };
        assert_eq!(fate(world.app.sign_in(browser(), &stranger()).await), Fate::Good);
        let world = world.restarted().await;
        assert_eq!(try_once(&world.app, PASSWORD, &home).await, Fate::Good);
    }

    async fn an_owner_known_in_one_of_several_tenants_need_not_name_it_while_under_fire(world) {
        john(&world).await;
        let other = world.tenant("other").await;
        world.user_called(&other, "john@acme.test", "another password of mine", &[]).await;
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &visit()).await.unwrap();
        exhaust(&world).await;
        assert_eq!(try_once(&world.app, PASSWORD, &visit()).await, Fate::Good);
        assert_eq!(try_once(&world.app, "another password of mine", &visit()).await, Fate::Slowed);
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Slowed);
    }

    async fn an_owner_who_signed_out_still_has_a_known_browser_and_a_stranger_has_none(world) {
        let acme = john(&world).await;
        world.user(&acme, "mallory", &[]).await;
        let johns = world.sign_in("john@acme.test").await.handed;
        let mallorys = world.sign_in("mallory@acme.test").await.handed.cookie;
        world.app.sign_out(&world.caller(&johns.token).await.unwrap(), Extent::This).await.unwrap();
        exhaust(&world).await;
        let with = |cookie| Claim { cookie, ..claim("john@acme.test", PASSWORD) };
        assert_eq!(fate(world.app.sign_in(with(mallorys), &stranger()).await), Fate::Slowed);
        let guessed = Some(Secret::new("AgUFBQUFBQUFBQUFBQUFBQULCwsLCwsLCwsLCwsLCwsLeJ9R0COMs5Jom3b7nlHiWa2ZImyrV3E"));
        assert_eq!(fate(world.app.sign_in(with(guessed), &stranger()).await), Fate::Slowed);
        assert_eq!(fate(world.app.sign_in(with(johns.cookie), &stranger()).await), Fate::Good);
    }

    async fn a_known_address_has_a_hundred_guesses_of_its_own_and_no_more(world) {
        let world = world.with(|settings| settings.limits.guesses_per_address = 1_000).await;
        john(&world).await;
        let home = visit();
        world.app.sign_in(claim("john@acme.test", PASSWORD), &home).await.unwrap();
        let mut wrong = 0;
        for _ in 0..120 {
            wrong += usize::from(try_once(&world.app, "wrong", &home).await == Fate::Wrong);
            world.wait(10);
        }
        assert_eq!(wrong, 100);
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Good);
    }

    async fn one_address_may_fail_so_often_in_a_quarter_of_an_hour_over_all_accounts(world) {
        let world = world.with(|settings| settings.limits.guesses_per_address = 100).await;
        john(&world).await;
        let sprayer = stranger();
        let spray = async |at: usize| {
            fate(world.app.sign_in(claim(&format!("user{at}@acme.test"), "summer 2026"), &sprayer).await)
        };
        for at in 0..100 {
            assert_eq!(spray(at).await, Fate::Wrong, "{at}");
        }
        assert_eq!(spray(100).await, Fate::Slowed);
        assert_eq!(try_once(&world.app, PASSWORD, &sprayer).await, Fate::Slowed);
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Good);
        world.wait(899);
        assert_eq!(spray(100).await, Fate::Slowed);
        world.wait(1);
        assert_eq!(spray(100).await, Fate::Wrong);
    }

    async fn the_addresses_of_one_network_are_one(world) {
        let world = world.with(|settings| settings.limits.guesses_per_address = 3).await;
        john(&world).await;
        let wrong = async |address: &str, name: &str| {
            let visit = from(address.parse().unwrap());
            fate(world.app.sign_in(claim(&format!("{name}@acme.test"), "x"), &visit).await)
        };
        for (name, address) in [("a", "2001:db8:0:1::1"), ("b", "2001:db8:0:1:ffff::2"), ("c", "2001:db8:0:1::3")] {
            assert_eq!(wrong(address, name).await, Fate::Wrong);
        }
        assert_eq!(wrong("2001:db8:0:1:9::9", "d").await, Fate::Slowed);
        assert_eq!(wrong("2001:db8:0:2::1", "d").await, Fate::Wrong);
        for (name, address) in [("e", "192.0.2.9"), ("f", "::ffff:192.0.2.9"), ("g", "192.0.2.9")] {
            assert_eq!(wrong(address, name).await, Fate::Wrong);
        }
        assert_eq!(wrong("::ffff:192.0.2.9", "h").await, Fate::Slowed);
    }

    async fn a_tenant_under_fire_is_slowed_for_strangers_and_no_other_tenant_is(world) {
        let world = world.with(|settings| settings.limits.guesses_per_tenant = 20).await;
        let acme = john(&world).await;
        world.user(&acme, "jane", &[]).await;
        let other = world.tenant("other").await;
        world.user(&other, "john", &[]).await;
        let home = visit();
        world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &home).await.unwrap();
        for at in 0..20 {
            let email = format!("user{at}@acme.test");
            assert_eq!(fate(world.app.sign_in(named(&email, "x", "acme"), &stranger()).await), Fate::Wrong);
        }
        let as_jane =
            async |visit: &Visit| fate(world.app.sign_in(named("jane@acme.test", PASSWORD, "acme"), visit).await);
        assert_eq!(as_jane(&stranger()).await, Fate::Slowed);
        let owner = world.app.sign_in(named("john@acme.test", PASSWORD, "acme"), &home).await;
        assert_eq!(fate(owner), Fate::Good, "who has been here before is no stranger");
        assert_eq!(fate(world.app.sign_in(named("john@other.test", PASSWORD, "other"), &stranger()).await), Fate::Good);
        world.wait(900);
        assert_eq!(as_jane(&stranger()).await, Fate::Good);
    }

    /// Whoever may make accounts in one tenant must not have a free look at a namesake's password in another.
    async fn a_right_password_elsewhere_hides_no_wrong_guess_here(world) {
        let victims = world.tenant("victim").await;
        world.user_called(&victims, "john@mail.test", PASSWORD, &[]).await;
        let mallorys = world.tenant("mallory").await;
        world.user_called(&mallorys, "john@mail.test", "known to mallory", &[]).await;
        let mut wrong = 0;
        for _ in 0..120 {
            // Good in Mallory's tenant, and a guess at the victim's all the same.
            match fate(world.app.sign_in(claim("john@mail.test", "known to mallory"), &stranger()).await) {
                Fate::Good => wrong += 1,
                other => assert_eq!(other, Fate::Slowed),
            }
            world.wait(10);
        }
        assert_eq!(wrong, 100);
    }

    /// Limits must not tell who has an account: what is counted for somebody is counted for nobody alike.
    async fn nobody_is_slowed_exactly_as_somebody_is(world) {
        john(&world).await;
        world.tenant("other").await;
        let mut seen = Vec::new();
        for email in ["john@acme.test", "nobody@acme.test"] {
            let mut fates = Vec::new();
            for client in
                [None, None, None, None, Some("acme"), None, Some("acme"), Some("other"), None, Some("unknown")]
            {
                let claim = Claim { client: client.map(Into::into), ..claim(email, "wrong") };
                fates.push(fate(world.app.sign_in(claim, &stranger()).await));
                world.clock.advance(Duration::from_millis(600));
            }
            seen.push(fates);
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[0].contains(&Fate::Slowed));
    }

    async fn a_guess_that_is_abandoned_halfway_counts_as_wrong(world) {
        john(&world).await;
        let counted = "SELECT failed, pending FROM guesses WHERE id LIKE 'account/%'";
        for at in 0..5 {
            let (node, gate) = world.gated_node().await;
            let guessing = Arc::clone(&node);
            let guess =
                tokio::spawn(async move { guessing.sign_in(claim("john@acme.test", "wrong"), &stranger()).await });
            let pending = [at.to_string(), "1".into()];
            let waits = async || world.database.rows(counted).await.first().is_some_and(|row| *row == pending);
            soon("the guess to wait for the hash", waits).await;
            guess.abort();
            let _cancelled = guess.await;
            gate.open();
            world.wait(60);
        }
        assert_eq!(try_once(&world.app, "wrong", &stranger()).await, Fate::Wrong);
        assert_eq!(world.database.rows(counted).await[0], ["6", "0"]);
    }

    async fn an_administrator_may_be_guessed_at_ten_times_in_a_quarter_of_an_hour(world) {
        let root = Username::parse("root").unwrap();
        world.app.create_admin(&command_line(), root, &Secret::new(PASSWORD)).await.unwrap();
        let other = world.another_node().await;
        let try_root = async |node: &App, password: &str| {
            let claim = AdminClaim { username: "Root".into(), password: Secret::new(password) };
            fate(node.sign_in_admin(claim, &stranger()).await)
        };
        let mut wrong = 0;
        for _ in 0..20 {
            wrong += usize::from(try_root(&world.app, "wrong").await == Fate::Wrong);
            wrong += usize::from(try_root(&other, "wrong").await == Fate::Wrong);
            world.wait(20);
        }
        assert_eq!(wrong, 10);
        assert_eq!(try_root(&world.app, PASSWORD).await, Fate::Slowed);
        world.wait(500);
        assert_eq!(try_root(&world.app, PASSWORD).await, Fate::Good);
    }

    async fn a_wrong_present_password_counts_and_never_ends_the_session(world) {
        john(&world).await;
        let token = world.sign_in("john@acme.test").await.handed.token;
        let john = world.caller(&token).await.unwrap();
        let mut wrong = 0;
        for _ in 0..110 {
            let wish = PasswordChange { current: Secret::new("wrong"), new: Secret::new("another password of mine") };
            wrong += usize::from(fate(world.app.change_password(&john, wish).await) == Fate::Wrong);
            world.wait(10);
        }
        assert_eq!(wrong, 100);
        world.caller(&token).await.unwrap();
        assert_eq!(try_once(&world.app, PASSWORD, &stranger()).await, Fate::Good);
        world.wait(DAY);
        let wish = PasswordChange { current: Secret::new(PASSWORD), new: Secret::new("another password of mine") };
        let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
        world.app.change_password(&john, wish).await.unwrap();
    }

    async fn counts_of_no_window_are_swept(world) {
        john(&world).await;
        exhaust(&world).await;
        world.wait(26 * 3_600);
        world.app.keep_house().await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM guesses").await, "0");
    }
}

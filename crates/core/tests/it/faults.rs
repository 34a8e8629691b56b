//! When the store or the way to it fails: said to be our fault, nothing half done, and over by itself.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::{Error, Result};
use purser_core::secret::Secret;
use purser_core::session::{Extent, Handed};
use purser_core::users::NewUser;

use crate::proxy::Proxy;
use crate::world::{PASSWORD, World, caller, claim, command_line, cookie_caller, refresh, soon, visit, within};

/// What the store is given before a node gives up on it, and as much again for connecting anew.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// A node that reaches PostgreSQL over a bad network, beside one that reaches it over a good one; John is signed in.
struct Site {
    world: World,
    far: Arc<App>,
    network: Proxy,
    john: Handed,
}

impl Site {
    async fn new() -> Self {
        let world = World::on_postgres().await;
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let john = world.sign_in("john@acme.test").await.handed;
        let network = Proxy::new().await;
        let far = far_node(&world, &network).await;
        let site = Self { world, far, network, john };
        site.hears().await;
        caller(&site.far, &site.john.token).await.unwrap();
        site
    }

    async fn hears(&self) {
        within(GIVEN_UP, "the far node to hear", async || self.far.figures().hears_other_nodes).await;
    }

    async fn falls_deaf(&self) {
        self.network.silence("LISTEN ");
        within(GIVEN_UP, "the silence to be noticed", async || !self.far.figures().hears_other_nodes).await;
    }

    /// Signs John in on the far node.
    async fn sign_in(&self) -> Result<Secret> {
        self.far.sign_in(claim("john@acme.test", PASSWORD), &visit()).await.map(|it| it.handed.token)
    }

    async fn recovers(&self) {
        within(GIVEN_UP, "the far node to recover", async || match self.sign_in().await {
            Ok(token) => caller(&self.far, &token).await.is_ok(),
            Err(Error::StoreUnavailable(_) | Error::ServerBusy) => false,
            Err(other) => panic!("{other:?}"),
        })
        .await;
        assert!(caller(&self.far, &self.john.token).await.is_ok());
    }
}

async fn far_node(world: &World, network: &Proxy) -> Arc<App> {
    world.node_with(|settings| settings.database.url = Secret::new(world.database.url_through(network.address()))).await
}

fn assert_ours<T: std::fmt::Debug>(outcome: &Result<T>) {
    assert!(matches!(outcome, Err(Error::StoreUnavailable(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_ends_are_made_again() {
    let site = Site::new().await;
    for _ in 0..3 {
        let ports = site.network.open_ports().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let ending =
            format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_port IN ({ports})");
        assert_ne!(site.world.database.value(&ending).await, "0");
        for outcome in [site.sign_in().await.map(drop), caller(&site.far, &site.john.token).await.map(drop)] {
            assert!(matches!(outcome, Ok(()) | Err(Error::StoreUnavailable(_))), "{outcome:?}");
        }
        site.recovers().await;
        site.hears().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_under_load_leave_nothing_half_done() {
    let site = Site::new().await;
    let tries = (0..40).map(|_| {
        let far = Arc::clone(&site.far);
        tokio::spawn(async move { far.sign_in(claim("john@acme.test", PASSWORD), &visit()).await })
    });
    let tries: Vec<_> = tries.collect();
    let counted =
        "SELECT (SELECT count(*) FROM sessions) - (SELECT count(*) FROM audit WHERE action = 'session.sign-in')";
    for _ in 0..5 {
        tokio::task::yield_now().await;
        site.network.cut();
    }
    for outcome in join_all(tries).await {
        match outcome.unwrap() {
            Ok(signed_in) => drop(caller(&site.world.app, &signed_in.handed.token).await.unwrap()),
            Err(Error::StoreUnavailable(_) | Error::ServerBusy) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(site.world.database.value(counted).await, "0", "each session has its line");
    site.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_our_fault_and_never_a_wrong_token() {
    let site = Site::new().await;
    let john = caller(&site.far, &site.john.token).await.unwrap();
    site.network.freeze();
    within(GIVEN_UP, "the silence to be noticed", async || !site.far.figures().hears_other_nodes).await;
    let cookie = site.john.cookie.clone().unwrap();
    let (token, by_cookie, refreshed, signed_in, signed_out, ready) = tokio::join!(
        caller(&site.far, &site.john.token),
        cookie_caller(&site.far, &cookie),
        refresh(&site.far, &site.john.refresh_token),
        site.sign_in(),
        site.far.sign_out(&john, Extent::This),
        site.far.ready(),
    );
    assert_ours(&token);
    assert_ours(&by_cookie);
    assert_ours(&refreshed.map(drop));
    assert_ours(&signed_in);
    assert_ours(&signed_out);
    assert_ours(&ready);
    // Junk needs no store.
    let junk = Secret::new("A".repeat(82));
    assert!(matches!(refresh(&site.far, &junk).await, Err(Error::InvalidToken)));
    assert!(matches!(cookie_caller(&site.far, &junk).await, Err(Error::InvalidToken)));
    site.network.thaw();
    within(GIVEN_UP, "the far node to answer", async || site.far.ready().await.is_ok()).await;
    // The sign-out may have come through after all; both are true to what was answered.
    within(GIVEN_UP, "sign-in to work", async || site.sign_in().await.is_ok()).await;
    site.hears().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_hear_yet_believes_nothing_it_remembers() {
    let world = World::on_postgres().await;
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    let network = Proxy::new().await;
    network.silence("LISTEN ");
    let far = far_node(&world, &network).await;
    let token = world.sign_in("john@acme.test").await.handed.token;
    let john = caller(&far, &token).await.unwrap();
    world.app.sign_out(&john, Extent::This).await.unwrap();
    assert!(matches!(caller(&far, &token).await, Err(Error::InvalidToken)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_channel_falls_silent_still_refuses_what_has_ended() {
    let site = Site::new().await;
    let john = caller(&site.far, &site.john.token).await.unwrap();
    site.network.silence("LISTEN ");
    site.world.app.sign_out(&john, Extent::This).await.unwrap();
    let refused = async || matches!(caller(&site.far, &site.john.token).await, Err(Error::InvalidToken));
    soon("the end", refused).await;
    // Still deaf, it knows at once.
    assert!(!site.far.figures().hears_other_nodes);
    let token = site.world.sign_in("john@acme.test").await.handed.token;
    let john = caller(&site.far, &token).await.unwrap();
    site.world.app.sign_out(&john, Extent::All).await.unwrap();
    assert!(matches!(caller(&site.far, &token).await, Err(Error::InvalidToken)));
    site.network.allow_everything();
    site.hears().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deaf_node_believes_tokens_of_a_key_it_never_heard_of() {
    let site = Site::new().await;
    site.falls_deaf().await;
    site.world.app.rotate_keys(&command_line()).await.unwrap();
    site.world.wait(3);
    let new = site.world.sign_in("john@acme.test").await.handed.token;
    caller(&site.far, &new).await.unwrap();
}

/// The former key goes when the last token that a node which heard of the rotation can have signed has run out.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_deaf_node_signs_long_after_a_rotation_is_good_to_its_end() {
    let site = Site::new().await;
    site.falls_deaf().await;
    site.world.app.rotate_keys(&command_line()).await.unwrap();
    site.world.wait(3_600);
    let late = site.sign_in().await.unwrap();
    site.world.wait(86_399);
    caller(&site.world.app, &late).await.unwrap();
    caller(&site.far, &late).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_new_connection_falls_silent_tries_another() {
    let site = Site::new().await;
    site.sign_in().await.unwrap();
    site.network.silence("SET synchronous_commit");
    site.network.cut();
    within(GIVEN_UP, "the silence to be noticed", async || site.sign_in().await.is_err()).await;
    site.network.allow_everything();
    site.recovers().await;
}

/// As another node's transaction holds rows, or an operator's at a prompt.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_another_transaction_holds_keeps_nobody_else_from_writing() {
    let world = World::on_postgres().await;
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    let john = world.caller(&world.sign_in("john@acme.test").await.handed.token).await.unwrap();
    let holder = world.database.client("*").await;
    holder.batch_execute("BEGIN; UPDATE counters SET value = value").await.unwrap();
    let by = world.managing(&acme).await;
    let new = || NewUser::parse("jane@acme.test", "Jane", "Doe", "", [], None).unwrap();
    let (made, signed_out) = tokio::join!(world.app.create_user(&by, new()), world.app.sign_out(&john, Extent::This));
    assert_ours(&made);
    signed_out.unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    world.app.create_user(&by, new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_node_leaves_no_connection_behind() {
    let site = Site::new().await;
    site.sign_in().await.unwrap();
    assert!(site.network.open_ports().len() >= 3);
    drop(site.far);
    within(GIVEN_UP, "every connection to be closed", async || site.network.open_ports().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_locked_by_another_program_keeps_nobody_from_reading() {
    let world = World::on_sqlite().await;
    let acme = world.tenant("acme").await;
    world.user(&acme, "john", &[Role::Viewer]).await;
    let handed = world.sign_in("john@acme.test").await.handed;
    let john = world.caller(&handed.token).await.unwrap();
    let file = world.database.url();
    let other = rusqlite::Connection::open(file.strip_prefix("sqlite:").unwrap()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE users SET title = 'changed'").unwrap();
    let refused = world.app.sign_out(&john, Extent::This);
    let reading = async {
        for _ in 0..10 {
            world.caller(&handed.token).await.unwrap();
        }
    };
    let (refused, ()) = tokio::join!(refused, reading);
    assert_ours(&refused);
    world.caller(&handed.token).await.unwrap();
    other.execute_batch("COMMIT").unwrap();
    world.app.sign_out(&john, Extent::This).await.unwrap();
    assert!(matches!(world.caller(&handed.token).await, Err(Error::InvalidToken)));
}

//! What was acknowledged is there after a kill and a restart, and time does not go back with the machine's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::session::{Extent, SignedIn};
use purser_core::users::UserFilter;
use tempfile::TempDir;

use crate::database::Database;
use crate::on_both;
use crate::world::{PASSWORD, World, caller, claim, command_line, cookie_caller, named, refresh, stranger, visit};

const DAY: u64 = 86_400;

/// A node on what lies on disk at this moment, as if the first had been killed in the middle of its work.
async fn after_a_kill(world: &World, folder: &TempDir) -> Arc<App> {
    let Database::Sqlite(file) = &world.database else { return world.another_node().await };
    let copy = folder.path().join("copy.db").display().to_string();
    // In this order: what is in the file by then is not in the log alone.
    for part in ["", "-wal"] {
        std::fs::copy(format!("{file}{part}"), format!("{copy}{part}")).unwrap();
    }
    world.node_with(|settings| settings.database.url = Secret::new(format!("sqlite:{copy}"))).await
}

async fn sign_in(node: &App) -> SignedIn {
    node.sign_in(claim("john@acme.test", PASSWORD), &visit()).await.unwrap()
}

on_both! {
    async fn everything_acknowledged_is_there_after_a_kill_under_load(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let signed_in = join_all((0..40).map(|_| sign_in(&world.app))).await;
        let app = &world.app;
        let facts = join_all(signed_in.iter().enumerate().map(|(at, it)| async move {
            let handed = refresh(app, &it.handed.refresh_token).await.unwrap().handed;
            let spent = refresh(app, &handed.refresh_token).await.unwrap().handed;
            if at % 3 == 0 {
                app.sign_out(&caller(app, &handed.token).await.unwrap(), Extent::This).await.unwrap();
            }
            spent
        }))
        .await;
        let made = world.user(&acme, "made", &[Role::Author]).await;
        let gone = world.user(&acme, "gone", &[Role::Author]).await;
        world.app.set_user_roles(&world.managing(&acme).await, made.id, [Role::Approver]).await.unwrap();
        world.app.delete_user(&world.managing(&acme).await, gone.id).await.unwrap();
        let lines = world.log(&acme).await.len();

        // More is being written while the process is killed.
        let over = Arc::new(AtomicBool::new(false));
        let (writing, writer) = (Arc::clone(&over), world.app.clone());
        let load = tokio::spawn(async move {
            while !writing.load(Ordering::SeqCst) {
                writer.sign_in(named("made@acme.test", PASSWORD, "acme"), &visit()).await.unwrap();
            }
        });
        let folder = TempDir::new().unwrap();
        let node = after_a_kill(&world, &folder).await;
        over.store(true, Ordering::SeqCst);
        load.await.unwrap();

        for (at, (first, last)) in signed_in.iter().zip(&facts).enumerate() {
            let ended = at % 3 == 0;
            let found = caller(&node, &last.token).await;
            assert_eq!(found.is_err(), ended, "{at}: {found:?}");
            assert!(
                matches!(refresh(&node, &first.handed.refresh_token).await, Err(Error::InvalidToken)),
                "{at}: spent"
            );
            assert!(matches!(caller(&node, &last.token).await, Err(Error::InvalidToken)), "{at}: replayed");
        }
        let users = node.users_of(&command_line(), &acme, &UserFilter::default()).await.unwrap();
        let users: Vec<_> = users.iter().map(|user| (user.id, user.roles.contain(Role::Approver))).collect();
        assert_eq!(users.len(), 2);
        assert!(users.contains(&(made.id, true)));
        let all = purser_core::audit::Filter { first: Some(500), ..purser_core::audit::Filter::default() };
        let log = purser_core::audit::Log::Tenant(acme);
        assert!(node.audit_logs(&command_line(), &log, &all).await.unwrap().len() >= lines);
    }

    async fn what_has_expired_stays_expired_when_the_machines_clock_goes_back(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let handed = sign_in(&world.app).await.handed;
        world.wait(31 * DAY);
        assert!(matches!(caller(&world.app, &handed.token).await, Err(Error::TokenExpired)));
        world.app.keep_house().await.unwrap();
        // The tests' clock stands in 2027; the machine's own may well be behind.
        let node = App::open(world.settings()).await.unwrap();
        assert!(matches!(caller(&node, &handed.token).await, Err(Error::TokenExpired)));
        assert!(matches!(refresh(&node, &handed.refresh_token).await, Err(Error::TokenExpired)));
        assert!(matches!(cookie_caller(&node, &handed.cookie.unwrap()).await, Err(Error::TokenExpired)));
        let fresh = node.sign_in(claim("john@acme.test", PASSWORD), &stranger()).await.unwrap().handed;
        caller(&node, &fresh.token).await.unwrap();
        caller(&world.app, &fresh.token).await.unwrap();
    }

    async fn the_latest_time_written_down_never_goes_back(world) {
        let mark = async || world.database.value("SELECT value FROM deployment WHERE name = 'time'").await;
        world.wait(DAY);
        world.app.keep_house().await.unwrap();
        let before = mark().await;
        let behind =
            Arc::new(purser_core::env::FixedClock::at(purser_core::env::Timestamp::from_seconds(1_700_000_000)));
        let entropy = Arc::new(purser_core::env::SeededEntropy::new(7));
        let node = App::open_with(world.settings(), behind, entropy).await.unwrap();
        node.keep_house().await.unwrap();
        assert_eq!(mark().await, before);
    }

    async fn opening_twice_changes_nothing(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        sign_in(&world.app).await;
        let before = world.database.dump().await;
        let instance = world.app.instance().to_owned();
        let world = world.restarted().await.restarted().await;
        assert_eq!(world.database.dump().await, before);
        assert_eq!(world.app.instance(), instance);
    }

    async fn keeping_house_of_a_living_system_loses_nothing(world) {
        let acme = world.tenant("acme").await;
        world.user(&acme, "john", &[Role::Viewer]).await;
        let handed = sign_in(&world.app).await.handed;
        for _ in 0..29 {
            world.wait(DAY);
            world.app.keep_house().await.unwrap();
        }
        let fresh = refresh(&world.app, &handed.refresh_token).await.unwrap().handed;
        world.app.keep_house().await.unwrap();
        caller(&world.app, &fresh.token).await.unwrap();
        assert_eq!(world.database.value("SELECT count(*) FROM signing_keys").await, "2");
    }
}

/// The file and the key beside it are for their owner alone.
#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_file_or_the_key() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::on_sqlite().await;
    let Database::Sqlite(file) = &world.database else { unreachable!() };
    let settings = world.settings();
    for path in [std::path::Path::new(file), &settings.secrets.master_key_file] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    for beside in ["-wal", "-shm"] {
        let mode = std::fs::metadata(format!("{file}{beside}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{beside}");
    }
}

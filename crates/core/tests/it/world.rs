//! [`World`]: a system of one's own on either database, with a clock that moves when told and chance that repeats.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use purser_core::access::{Caller, Role, SystemAdmin};
use purser_core::app::App;
use purser_core::audit::Visit;
use purser_core::config::Settings;
use purser_core::env::{FixedClock, SeededEntropy, Timestamp};
use purser_core::error::Result;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::{Shown, SignedIn};
use purser_core::signin::Claim;
use purser_core::tenants::NewTenant;
use purser_core::users::{NewUser, User};
use tempfile::TempDir;

/// The password everybody has.
pub const PASSWORD: &str = "correct horse battery staple 9";

/// Runs one story on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn story($world: $crate::world::World) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                story($crate::world::World::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                story($crate::world::World::on_postgres().await).await;
            }
        }
    )*};
}

/// A system of one's own.
pub struct World {
    /// The system.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    settings: Settings,
    /// Every node draws chance of its own.
    nodes: AtomicU64,
    _folder: TempDir,
}

impl World {
    /// On a new SQLite file.
    pub async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("purser.db").display());
        Self::open(folder, url).await
    }

    /// On a new schema of the PostgreSQL that `./test` starts.
    pub async fn on_postgres() -> Self {
        let folder = TempDir::new().unwrap();
        Self::open(folder, new_schema().await).await
    }

    async fn open(folder: TempDir, url: String) -> Self {
        let mut settings = Settings::default();
        settings.database.url = Secret::new(url);
        settings.database.connections = 4;
        settings.secrets.master_key_file = folder.path().join("purser.key");
        // The cheapest hash there is: what is tested is not its cost.
        settings.passwords.memory_kib = 64;
        settings.passwords.passes = 1;
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
        let app = open(&settings, &clock, 1).await;
        Self { app, clock, settings, nodes: AtomicU64::new(2), _folder: folder }
    }

    /// Another node on the same database, with the same clock.
    pub async fn another_node(&self) -> Arc<App> {
        open(&self.settings, &self.clock, self.nodes.fetch_add(1, Ordering::SeqCst)).await
    }

    /// The system, closed and opened again.
    pub async fn restarted(self) -> Self {
        self.with(|_| ()).await
    }

    /// The system, closed and opened again with other settings.
    pub async fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        let (settings, clock, nodes) = (self.settings(), Arc::clone(&self.clock), self.nodes.get_mut());
        let seed = *nodes;
        *nodes += 1;
        drop(self.app);
        Self { app: open(&settings, &clock, seed).await, ..self }
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// Makes a tenant.
    pub async fn tenant(&self, id: &str) -> TenantId {
        let by = SystemAdmin::at_the_command_line().grant();
        self.app.create_tenant(&by, NewTenant::parse(id, id).unwrap()).await.unwrap().id
    }

    /// Makes a user `NAME@TENANT.test` with the password of all.
    pub async fn user(&self, tenant: &TenantId, name: &str, roles: &[Role]) -> User {
        let by = self.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), tenant).await.unwrap();
        let email = format!("{name}@{tenant}.test");
        let new =
            NewUser::parse(&email, "John", "Doe", "", roles.iter().copied(), Some(Secret::new(PASSWORD))).unwrap();
        self.app.create_user(&by, new).await.unwrap()
    }

    /// Signs a user in.
    pub async fn sign_in(&self, email: &str) -> SignedIn {
        self.try_sign_in(email, PASSWORD).await.unwrap()
    }

    /// Tries to.
    pub async fn try_sign_in(&self, email: &str, password: &str) -> Result<SignedIn> {
        let claim = Claim { email: email.into(), password: Secret::new(password), client: None, cookie: None };
        self.app.sign_in(claim, &visit()).await
    }

    /// Who calls with this access token.
    pub async fn caller(&self, token: &Secret) -> Result<Caller> {
        self.app.caller(Shown::Bearer(token.reveal()), None, visit()).await
    }

    /// A user of tenant `acme` with a role, signed in.
    pub async fn as_role(&self, role: Role) -> Caller {
        let tenant: TenantId = "acme".parse().unwrap();
        let by = SystemAdmin::at_the_command_line().grant();
        if self.app.tenant(&by, &tenant).await.is_err() {
            self.tenant("acme").await;
        }
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("{}{}", role.as_str().to_lowercase().replace('_', "-"), SERIAL.fetch_add(1, Ordering::SeqCst));
        let user = self.user(&tenant, &name, &[role]).await;
        let signed_in = self.sign_in(&user.email).await;
        self.caller(&signed_in.handed.token).await.unwrap()
    }
}

async fn open(settings: &Settings, clock: &Arc<FixedClock>, seed: u64) -> Arc<App> {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Arc::new(App::open_with(settings.clone(), clock.clone(), entropy).await.unwrap())
}

/// From a documentation address (RFC 5737).
pub fn visit() -> Visit {
    Visit { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), agent: "test".into(), request: "r-1".into() }
}

/// A database address whose search path is a schema nobody else uses.
async fn new_schema() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL names the PostgreSQL to test on; ./test starts one");
    let name = format!("w{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options=-csearch_path%3D{name}")
}

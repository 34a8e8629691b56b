//! [`World`]: a system of one's own on either database, with a clock that moves when told and chance that repeats.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use purser_core::access::{Caller, Grant, Role, SystemAdmin, SystemGrant, SystemPermission, right};
use purser_core::app::App;
use purser_core::audit::{Filter, Log, Record, Visit};
use purser_core::config::Settings;
use purser_core::env::{Clock, FixedClock, SeededEntropy, Timestamp};
use purser_core::error::Result;
use purser_core::ids::TenantId;
use purser_core::mail::Letter;
use purser_core::secret::Secret;
use purser_core::session::{Shown, SignedIn};
use purser_core::signin::Claim;
use purser_core::tenants::{NewTenant, Tenant, TenantSettings, TenantStatus, TenantUpdate};
use purser_core::users::{NewUser, User};
use tempfile::TempDir;

use crate::database::Database;
use crate::postbox::{Lookout, Postbox};

/// The password everybody has.
pub const PASSWORD: &str = "correct horse battery staple 9";

/// Runs one story on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "some stories need nothing from around them")]
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
    /// Looks before the database goes.
    lookout: Lookout,
    /// Its database, to look into and to tamper with.
    pub database: Database,
    /// Where its letters arrive.
    pub postbox: Postbox,
    settings: Settings,
    /// Every node draws chance of its own.
    nodes: AtomicU64,
    _folder: TempDir,
}

impl World {
    /// On a new SQLite file.
    pub async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let database = Database::on_sqlite(folder.path());
        Self::open(folder, database, 1).await
    }

    /// Another deployment, with which nothing is shared.
    pub async fn elsewhere() -> Self {
        let folder = TempDir::new().unwrap();
        let database = Database::on_sqlite(folder.path());
        Self::open(folder, database, 1_000).await
    }

    /// On a new schema of the PostgreSQL that `./test` starts.
    pub async fn on_postgres() -> Self {
        Self::open(TempDir::new().unwrap(), Database::on_postgres().await, 1).await
    }

    async fn open(folder: TempDir, database: Database, seed: u64) -> Self {
        let mut settings = Settings::default();
        settings.database.url = Secret::new(database.url());
        settings.database.connections = 3;
        settings.secrets.master_key_file = folder.path().join("purser.key");
        // The cheapest hash there is: what is tested is not its cost.
        settings.passwords.memory_kib = 64;
        settings.passwords.passes = 1;
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
        let app = open(&settings, &clock, seed).await;
        let (lookout, postbox) = (Lookout::default(), Postbox::default());
        Self { app, clock, lookout, database, postbox, settings, nodes: AtomicU64::new(seed), _folder: folder }
    }

    /// The same people and the same work, in a database as the release before the marks (migration 8) left it, brought up to date.
    pub async fn before_the_marks(&self) -> Self {
        let folder = TempDir::new().unwrap();
        let database = if self.database.is_postgres() {
            Database::on_postgres().await
        } else {
            Database::on_sqlite(folder.path())
        };
        database.migrate_to(7).await;
        database.take_over(&self.database).await;
        Self::open(folder, database, 500).await
    }

    /// Another node on the same database, with the same clock.
    pub async fn another_node(&self) -> Arc<App> {
        self.node_with(|_| ()).await
    }

    /// Another node on the same database, with settings of its own.
    pub async fn node_with(&self, change: impl FnOnce(&mut Settings)) -> Arc<App> {
        let mut settings = self.settings();
        change(&mut settings);
        open(&settings, &self.clock, self.nodes.fetch_add(1, Ordering::SeqCst) + 1).await
    }

    /// Another node, whose one hashing thread waits at a gate.
    pub async fn gated_node(&self) -> (Arc<App>, Arc<Gate>) {
        let mut settings = self.settings();
        settings.passwords.threads = Some(1);
        let gate = Arc::new(Gate { clock: Arc::clone(&self.clock), shut: Mutex::new(true), opened: Condvar::new() });
        let entropy = Arc::new(SeededEntropy::new(self.nodes.fetch_add(1, Ordering::SeqCst) + 1));
        (Arc::new(App::open_with(settings, gate.clone(), entropy).await.unwrap()), gate)
    }

    /// The system, closed and opened again.
    pub async fn restarted(self) -> Self {
        self.with(|_| ()).await
    }

    /// The system, closed and opened again with other settings.
    pub async fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        let (settings, clock, nodes) = (self.settings(), Arc::clone(&self.clock), self.nodes.get_mut());
        *nodes += 1;
        let seed = *nodes;
        drop(self.app);
        Self { app: open(&settings, &clock, seed).await, ..self }
    }

    /// The same, with letters that leave from here. At its end none may be left in the queue.
    pub async fn with_mail(self) -> Self {
        let mut world = self
            .with(|settings| {
                settings.server.public_url = Some("https://id.test".into());
                settings.mail.outbox = Some("never-looked-at".into());
            })
            .await;
        world.lookout = Lookout(Some(world.database.url()));
        world
    }

    /// Carries away what is due, and gives what arrived.
    pub async fn letters(&self) -> Vec<Letter> {
        while self.app.post_letters(&self.postbox).await.unwrap() > 0 {}
        self.postbox.take()
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Makes a tenant.
    pub async fn tenant(&self, id: &str) -> TenantId {
        self.app.create_tenant(&command_line(), NewTenant::parse(id, id).unwrap()).await.unwrap().id
    }

    /// Changes a tenant's settings.
    pub async fn settle(&self, tenant: &TenantId, change: impl FnOnce(&mut TenantSettings)) -> Tenant {
        let mut settings = self.app.tenant(&command_line(), tenant).await.unwrap().settings;
        change(&mut settings);
        let update = TenantUpdate { settings: Some(settings.into()), ..TenantUpdate::default() };
        self.app.update_tenant(&command_line(), tenant, update).await.unwrap()
    }

    /// Enables or disables a tenant.
    pub async fn switch(&self, tenant: &TenantId, status: TenantStatus) {
        let update = TenantUpdate { status: Some(status), ..TenantUpdate::default() };
        self.app.update_tenant(&command_line(), tenant, update).await.unwrap();
    }

    /// The right to manage a tenant's users, from the command line.
    pub async fn managing(&self, tenant: &TenantId) -> Grant<right::UsersManage> {
        self.app.managing_users_of(&command_line(), tenant).await.unwrap()
    }

    /// Makes a user `NAME@TENANT.test` with the password of all.
    pub async fn user(&self, tenant: &TenantId, name: &str, roles: &[Role]) -> User {
        self.user_called(tenant, &format!("{name}@{tenant}.test"), PASSWORD, roles).await
    }

    /// Makes a user with an address and a password of their own.
    pub async fn user_called(&self, tenant: &TenantId, email: &str, password: &str, roles: &[Role]) -> User {
        let roles = roles.iter().copied();
        let new = NewUser::parse(email, "John", "Doe", "", roles, Some(Secret::new(password))).unwrap();
        self.app.create_user(&self.managing(tenant).await, new).await.unwrap()
    }

    /// Signs a user in.
    pub async fn sign_in(&self, email: &str) -> SignedIn {
        self.try_sign_in(email, PASSWORD).await.unwrap()
    }

    /// Tries to.
    pub async fn try_sign_in(&self, email: &str, password: &str) -> Result<SignedIn> {
        self.app.sign_in(claim(email, password), &visit()).await
    }

    /// Who calls with this access token.
    pub async fn caller(&self, token: &Secret) -> Result<Caller> {
        caller(&self.app, token).await
    }

    /// A user of tenant `acme` with a role, signed in.
    pub async fn as_role(&self, role: Role) -> Caller {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let tenant: TenantId = "acme".parse().unwrap();
        if self.app.tenant(&command_line(), &tenant).await.is_err() {
            self.tenant("acme").await;
        }
        let name =
            format!("{}{}", role.as_str().to_lowercase().replace('_', "-"), SERIAL.fetch_add(1, Ordering::SeqCst));
        let user = self.user(&tenant, &name, &[role]).await;
        let signed_in = self.app.sign_in(named(&user.email, PASSWORD, "acme"), &visit()).await.unwrap();
        self.caller(&signed_in.handed.token).await.unwrap()
    }

    /// A tenant's log, oldest line first.
    pub async fn log(&self, tenant: &TenantId) -> Vec<Record> {
        self.read_log(&Log::Tenant(tenant.clone())).await
    }

    /// The admin realm's log, oldest line first.
    pub async fn admin_log(&self) -> Vec<Record> {
        self.read_log(&Log::AdminRealm).await
    }

    async fn read_log(&self, log: &Log) -> Vec<Record> {
        let filter = Filter { first: Some(500), ..Filter::default() };
        let mut lines = self.app.audit_logs(&command_line(), log, &filter).await.unwrap();
        lines.reverse();
        lines
    }

    /// The last line of the admin realm's log about an action.
    pub async fn last_of_admins(&self, action: &str) -> String {
        let lines = self.admin_log().await;
        lines.iter().rev().find(|line| line.action == action).map(short).unwrap()
    }

    /// The last line of a tenant's log about an action: who, on what, outcome, reason.
    pub async fn last(&self, tenant: &TenantId, action: &str) -> Option<String> {
        let filter = Filter { action: action.into(), first: Some(1), ..Filter::default() };
        let log = Log::Tenant(tenant.clone());
        let lines = self.app.audit_logs(&command_line(), &log, &filter).await.unwrap();
        lines.first().map(short)
    }
}

/// A clock that lets hashing threads, who ask for the time before each job, wait.
pub struct Gate {
    clock: Arc<FixedClock>,
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Lets the jobs be done from now on.
    pub fn open(&self) {
        *self.shut.lock() = false;
        self.opened.notify_all();
    }
}

impl Clock for Gate {
    fn now_by(&self, ahead: i64) -> Timestamp {
        if std::thread::current().name().is_some_and(|name| name.starts_with("hash-")) {
            self.opened.wait_while(&mut self.shut.lock(), |shut| *shut);
        }
        self.clock.now_by(ahead)
    }
}

async fn open(settings: &Settings, clock: &Arc<FixedClock>, seed: u64) -> Arc<App> {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Arc::new(App::open_with(settings.clone(), clock.clone(), entropy).await.unwrap())
}

/// A line of the log as one line of text.
pub fn short(line: &Record) -> String {
    let who = format!("{} {}", line.actor_kind, line.actor);
    let text = format!("{} {} {} {}: {}", who.trim(), line.action, line.target, line.outcome, line.reason);
    text.trim_end_matches([' ', ':']).into()
}

/// Any right of the admin realm, at the command line.
pub fn command_line<P: SystemPermission>() -> SystemGrant<P> {
    SystemAdmin::at_the_command_line().grant()
}

/// Who calls a node with this access token.
pub async fn caller(node: &App, token: &Secret) -> Result<Caller> {
    node.caller(Shown::Bearer(token.reveal()), None, visit()).await
}

/// Who calls a node with this cookie.
pub async fn cookie_caller(node: &App, cookie: &Secret) -> Result<Caller> {
    node.caller(Shown::Cookie(cookie.reveal()), None, visit()).await
}

/// Refreshes on a node.
pub async fn refresh(node: &App, token: &Secret) -> Result<SignedIn> {
    node.refresh(token.reveal(), None, &visit()).await
}

/// Somebody says who they are, and names no tenant.
pub fn claim(email: &str, password: &str) -> Claim {
    Claim { email: email.into(), password: Secret::new(password), client: None, cookie: None }
}

/// Somebody says who they are, and of which tenant.
pub fn named(email: &str, password: &str, client: &str) -> Claim {
    Claim { client: Some(client.into()), ..claim(email, password) }
}

/// From a documentation address (RFC 5737).
pub fn visit() -> Visit {
    from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
}

/// From some other address than anybody else's.
pub fn stranger() -> Visit {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let [.., a, b, c] = SERIAL.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    from(IpAddr::V4(Ipv4Addr::new(10, a, b, c)))
}

/// From an address.
pub fn from(address: IpAddr) -> Visit {
    Visit { address, agent: "test".into(), request: "r-1".into() }
}

/// Waits until something has become so, which may take the second that other nodes are given, and another on a busy machine.
pub async fn soon(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    within(Duration::from_secs(2), what, &mut is_so).await;
}

/// Waits until something has become so.
pub async fn within(bound: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let watching = async {
        let mut beat = tokio::time::interval(Duration::from_millis(5));
        while !is_so().await {
            beat.tick().await;
        }
    };
    assert!(tokio::time::timeout(bound, watching).await.is_ok(), "not within {bound:?}: {what}");
}

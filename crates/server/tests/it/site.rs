//! [`Site`]: the whole program on sockets of its own, on either database, with a clock that moves when told.

mod asker;
mod ground;
mod letters;
pub(crate) mod vendor;

use std::sync::Arc;
use std::time::Duration;

use purser_core::access::{Grant, Role, SystemAdmin, right};
use purser_core::admins::Username;
use purser_core::app::App;
use purser_core::config::Settings;
use purser_core::env::{FixedClock, SeededEntropy, Timestamp};
use purser_core::ids::{TenantId, UserId};
use purser_core::providers::{Draft, OidcDraft, ProtocolDraft};
use purser_core::secret::Secret;
use purser_core::tenants::NewTenant;
use purser_core::users::{NewUser, User};
use purser_graphql::Answerer;
use purser_server::router;
use purser_server::serve::http_settings;
use purser_server::site::{Extras, Parts};
use serde_json::json;

use crate::http::probe::{Probe, Reply};

pub(crate) use asker::{Asker, Member, System};
use ground::Ground;

/// The password everybody has.
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";

/// The token that opens the metrics.
pub(crate) const METRICS: &str = "metrics-token-of-the-tests";

/// When every story begins.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Runs one story on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($site:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn story($site: $crate::site::Site) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                story($crate::site::Site::on_sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                story($crate::site::Site::on_postgres().await).await;
            }
        }
    )*};
}

/// A running server, or one node of several.
pub(crate) struct Site {
    /// The system behind it.
    pub(crate) app: Arc<App>,
    /// Its clock.
    pub(crate) clock: Arc<FixedClock>,
    /// Its socket, for bytes as they are written.
    pub(crate) probe: Probe,
    settings: Settings,
    ground: Arc<Ground>,
}

impl Site {
    /// On a new SQLite file.
    pub(crate) async fn on_sqlite() -> Self {
        Self::on(Ground::sqlite()).await
    }

    /// On a new schema of the PostgreSQL that `./test` starts.
    pub(crate) async fn on_postgres() -> Self {
        Self::on(Ground::postgres().await).await
    }

    async fn on(ground: Ground) -> Self {
        let mut settings = Settings::default();
        settings.database.url = ground.url();
        settings.database.connections = 2;
        settings.secrets.master_key_file = ground.master_key();
        settings.metrics.token = Some(Secret::new(METRICS));
        // The cheapest hash there is: what is tested is not its cost.
        settings.passwords.memory_kib = 64;
        settings.passwords.passes = 1;
        // Nobody answers there.
        settings.federation.dns_server = Some(([127, 0, 0, 1], 9).into());
        settings.mail.outbox = Some(ground.outbox());
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(NOW)));
        Self::opened(settings, clock, Arc::new(ground)).await
    }

    async fn opened(settings: Settings, clock: Arc<FixedClock>, ground: Arc<Ground>) -> Self {
        let entropy = Arc::new(SeededEntropy::new(ground.next_seed()));
        let app = Arc::new(Box::pin(App::open_with(settings.clone(), clock.clone(), entropy)).await.unwrap());
        let http = http_settings(&settings).unwrap();
        let figures = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let parts = Parts {
            graphql: Answerer::new(Arc::clone(&app)),
            app: Arc::clone(&app),
            http: Arc::new(http.clone()),
            extras: Extras { metrics: Some((figures, settings.metrics.token.clone())), ..Extras::default() },
        };
        let probe = Probe::serving(router::routes(purser_server::site::Site::new(parts)), http).await;
        Self { app, clock, probe, settings, ground }
    }

    /// Another node on the same database, with the same clock.
    pub(crate) async fn another_node(&self) -> Self {
        Self::opened(self.settings.clone(), Arc::clone(&self.clock), Arc::clone(&self.ground)).await
    }

    /// The server, stopped and started again.
    pub(crate) async fn restarted(self) -> Self {
        self.with(|_| ()).await
    }

    /// The server, stopped and started again with other settings.
    pub(crate) async fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let Self { app, clock, probe, mut settings, ground } = self;
        probe.stop().await.unwrap();
        drop(app);
        change(&mut settings);
        Box::pin(Self::opened(settings, clock, ground)).await
    }

    /// Moves the clock to one second before so much time has passed.
    pub(crate) fn wait_almost(&self, time: Duration) {
        self.clock.advance(time.checked_sub(SECOND).unwrap());
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// What the tables hold that a refusal must leave as it is, as text.
    pub(crate) async fn holdings(&self) -> String {
        self.ground.holdings().await
    }

    /// The lines of the log of this story's time with this word.
    pub(crate) fn logged(&self, word: &str) -> Vec<String> {
        self.ground.logged(word)
    }

    /// Nobody in particular.
    pub(crate) fn anyone(&self) -> Asker<'_> {
        Asker::nobody(self)
    }

    /// A user of tenant `acme` with a role, signed in.
    pub(crate) async fn as_role(&self, role: Role) -> Member<'_> {
        self.member("acme", &[role]).await
    }

    /// The Admin of another tenant, `globex`, signed in.
    pub(crate) async fn other_tenant(&self) -> Member<'_> {
        self.member("globex", &[Role::Admin]).await
    }

    /// A new system administrator, signed in.
    pub(crate) async fn admin(&self) -> System<'_> {
        let username = format!("root{}", self.ground.next_name());
        self.new_admin(&username).await;
        self.sign_in_admin(&username).await
    }

    /// A new user of a tenant, signed in.
    pub(crate) async fn member(&self, tenant: &str, roles: &[Role]) -> Member<'_> {
        let user = self.user(tenant, roles).await;
        self.sign_in(&user).await
    }

    /// A tenant of this id, made if there is none.
    pub(crate) async fn tenant(&self, id: &str) -> TenantId {
        let id: TenantId = id.parse().unwrap();
        let by = SystemAdmin::at_the_command_line().grant();
        if self.app.tenant(&by, &id).await.is_err() {
            let new = NewTenant::parse(id.as_str(), id.as_str()).unwrap();
            self.app.create_tenant(&SystemAdmin::at_the_command_line().grant(), new).await.unwrap();
        }
        id
    }

    /// A new tenant with a name of its own.
    pub(crate) async fn new_tenant(&self) -> TenantId {
        self.tenant(&format!("tenant-{}", self.ground.next_name())).await
    }

    /// A name nobody has yet.
    pub(crate) fn new_name(&self) -> String {
        format!("new{}", self.ground.next_name())
    }

    /// A new user with the password of all.
    pub(crate) async fn user(&self, tenant: &str, roles: &[Role]) -> User {
        let role = roles.first().map_or("nobody", |role| role.as_str());
        let name = format!("{}{}", role.to_lowercase().replace('_', "-"), self.ground.next_name());
        self.user_named(tenant, &format!("{name}@{tenant}.test"), roles, Some(PASSWORD)).await
    }

    /// A new user of a chosen address, with a password or invited.
    pub(crate) async fn user_named(&self, tenant: &str, email: &str, roles: &[Role], password: Option<&str>) -> User {
        let tenant = self.tenant(tenant).await;
        let by = self.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        let password = password.map(Secret::new);
        let new = NewUser::parse(email, "John", "Doe", "", roles.iter().copied(), password).unwrap();
        self.app.create_user(&by, new).await.unwrap()
    }

    /// Sets an OpenID provider of a tenant up, and names the domain `NAME.invalid` after it.
    pub(crate) async fn provider(&self, tenant: &str) -> String {
        let name = format!("provider-{}", self.ground.next_name());
        let by = self.settling(tenant).await;
        // A port where nobody listens: examining it ends at once.
        let issuer = Some("http://127.0.0.1:9".to_owned());
        let oidc = OidcDraft { issuer, client_id: Some(name.clone()), ..OidcDraft::default() };
        let draft = Draft { protocol: Some(ProtocolDraft::Oidc(oidc)), ..Draft::default() };
        self.app.create_provider(&by, &name, draft).await.unwrap();
        self.app.add_domain(&by, &format!("{name}.invalid")).await.unwrap();
        name
    }

    /// Deletes the providers and domains of a tenant, which has only so many.
    pub(crate) async fn forget_providers(&self, tenant: &str) {
        let by = self.settling(tenant).await;
        for provider in self.app.providers(&by).await.unwrap() {
            self.app.delete_provider(&by, &provider.name).await.unwrap();
        }
        for domain in self.app.domains(&by).await.unwrap() {
            self.app.remove_domain(&by, &domain.name).await.unwrap();
        }
    }

    async fn settling(&self, tenant: &str) -> Grant<right::SettingsManage> {
        let tenant = self.tenant(tenant).await;
        self.app.settling_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap()
    }

    /// The user as the system has them now.
    pub(crate) async fn present(&self, user: &User) -> User {
        let by = SystemAdmin::at_the_command_line().grant();
        let filter = purser_core::users::UserFilter { after: Some(UserId(user.id.0 - 1)), ..Default::default() };
        self.app.users_of(&by, &user.tenant, &filter).await.unwrap().swap_remove(0)
    }

    /// A new system administrator with the password of all.
    pub(crate) async fn new_admin(&self, username: &str) -> i64 {
        let by = SystemAdmin::at_the_command_line().grant();
        let made = self.app.create_admin(&by, Username::parse(username).unwrap(), &Secret::new(PASSWORD)).await;
        made.unwrap().id.0
    }

    /// Signs a user in.
    pub(crate) async fn sign_in(&self, user: &User) -> Member<'_> {
        let tenant = format!("X-Client-ID: {}", user.tenant);
        let reply = self.anyone().with(&tenant).sign_in(&user.email, PASSWORD).await;
        Member::of(self, &reply, user)
    }

    /// Signs an administrator in.
    pub(crate) async fn sign_in_admin(&self, username: &str) -> System<'_> {
        let reply = self.try_sign_in_admin(username, PASSWORD).await;
        System::of(self, &reply)
    }

    /// Tries to.
    pub(crate) async fn try_sign_in_admin(&self, username: &str, password: &str) -> Reply {
        let body = json!({"username": username, "password": password});
        self.anyone().post("/api/admin/auth/sign-in", &body).await
    }
}

//! [`World`]: a system of one's own with the GraphQL face over it, a clock that moves when told and chance that repeats.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purser_core::access::{Caller, Role, SystemAdmin};
use purser_core::app::App;
use purser_core::audit::Visit;
use purser_core::config::Settings;
use purser_core::env::{FixedClock, SeededEntropy, Timestamp};
use purser_core::error::{Error, Result};
use purser_core::ids::{JobId, TemplateId, TenantId};
use purser_core::providers::{Draft, OidcDraft, ProtocolDraft};
use purser_core::secret::Secret;
use purser_core::session::{Shown, SignedIn};
use purser_core::signin::Claim;
use purser_core::tenants::NewTenant;
use purser_core::users::{NewUser, User};
use purser_core::work::{JobState, Kind, NewJob, NewTemplate, Performing, Priority, Step, Steps, VersionState};
use purser_graphql::{Answerer, Request};
use serde_json::Value;
use tempfile::TempDir;

/// The password everybody has.
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";

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

/// A system of one's own, with its GraphQL face.
pub(crate) struct World {
    /// The system.
    pub(crate) app: Arc<App>,
    /// The face.
    pub(crate) answerer: Answerer,
    /// The clock.
    pub(crate) clock: Arc<FixedClock>,
    people: AtomicU64,
    url: String,
    _folder: TempDir,
}

impl World {
    /// On a new SQLite file.
    pub(crate) async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("purser.db").display());
        Self::open(folder, url).await
    }

    /// On a new schema of the PostgreSQL that `./test` starts.
    pub(crate) async fn on_postgres() -> Self {
        let folder = TempDir::new().unwrap();
        Self::open(folder, new_schema().await).await
    }

    async fn open(folder: TempDir, url: String) -> Self {
        let mut settings = Settings::default();
        settings.database.url = Secret::new(&url);
        settings.database.connections = 4;
        settings.secrets.master_key_file = folder.path().join("purser.key");
        // The cheapest hash there is: what is tested is not its cost.
        settings.passwords.memory_kib = 64;
        settings.passwords.passes = 1;
        // Nobody answers there.
        settings.federation.dns_server = Some(([127, 0, 0, 1], 9).into());
        // Letters are queued; nobody carries them away.
        settings.server.public_url = Some("http://localhost".into());
        settings.mail.outbox = Some(folder.path().join("outbox"));
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
        let entropy = Arc::new(SeededEntropy::new(1));
        let app = Arc::new(App::open_with(settings, clock.clone(), entropy).await.unwrap());
        let world = Self {
            answerer: Answerer::new(Arc::clone(&app)),
            app,
            clock,
            people: AtomicU64::new(0),
            url,
            _folder: folder,
        };
        world.tenant("acme").await;
        world
    }

    /// Takes the tables away from under the system (PostgreSQL).
    pub(crate) async fn lose_the_tables(&self) {
        let (server, schema) = self.url.rsplit_once("options=-csearch_path%3D").unwrap();
        let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }

    /// Makes a tenant.
    pub(crate) async fn tenant(&self, id: &str) -> TenantId {
        let by = SystemAdmin::at_the_command_line().grant();
        self.app.create_tenant(&by, NewTenant::parse(id, "Acme Corp.").unwrap()).await.unwrap().id
    }

    /// Makes a user `NAME@TENANT.test` with the password of all.
    pub(crate) async fn user(&self, tenant: &str, name: &str, roles: &[Role]) -> User {
        let tenant: TenantId = tenant.parse().unwrap();
        let by = self.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        let email = format!("{name}@{tenant}.test");
        let new =
            NewUser::parse(&email, "John", "Doe", "", roles.iter().copied(), Some(Secret::new(PASSWORD))).unwrap();
        self.app.create_user(&by, new).await.unwrap()
    }

    /// Makes a user of tenant `acme` who is only invited.
    pub(crate) async fn invited(&self, roles: &[Role]) -> User {
        let by =
            self.app.managing_users_of(&SystemAdmin::at_the_command_line().grant(), &"acme".parse().unwrap()).await;
        let email = format!("invited{}@acme.test", self.people.fetch_add(1, Ordering::SeqCst));
        let new = NewUser::parse(&email, "John", "Doe", "", roles.iter().copied(), None).unwrap();
        self.app.create_user(&by.unwrap(), new).await.unwrap()
    }

    /// Sets an OpenID provider of tenant `acme` up, and names a domain after it.
    pub(crate) async fn provider(&self) -> String {
        let name = format!("provider-{}", self.people.fetch_add(1, Ordering::SeqCst));
        let tenant: TenantId = "acme".parse().unwrap();
        let by = self.app.settling_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        // A port where nobody listens: examining it ends at once.
        let issuer = Some("http://127.0.0.1:9".to_owned());
        let oidc = OidcDraft { issuer, client_id: Some(name.clone()), ..OidcDraft::default() };
        let draft = Draft { protocol: Some(ProtocolDraft::Oidc(oidc)), ..Draft::default() };
        self.app.create_provider(&by, &name, draft).await.unwrap();
        self.app.add_domain(&by, &format!("{name}.invalid")).await.unwrap();
        name
    }

    /// Deletes what providers and domains there are, for a tenant has only so many.
    pub(crate) async fn forget_providers(&self) {
        let tenant: TenantId = "acme".parse().unwrap();
        let by = self.app.settling_of(&SystemAdmin::at_the_command_line().grant(), &tenant).await.unwrap();
        for provider in self.app.providers(&by).await.unwrap() {
            self.app.delete_provider(&by, &provider.name).await.unwrap();
        }
        for domain in self.app.domains(&by).await.unwrap() {
            self.app.remove_domain(&by, &domain.name).await.unwrap();
        }
    }

    /// A template of tenant `acme` whose version stands in a state.
    pub(crate) async fn template(&self, by: &Caller, state: VersionState) -> TemplateId {
        let read = |title: &str| Step {
            title: title.into(),
            instructions: String::new(),
            record_required: false,
            kind: Kind::Text,
        };
        let steps = Steps::parse(vec![read("Open the valve"), read("Close it")]).unwrap();
        let new = NewTemplate::parse("Replace the seal", "Pumps", steps).unwrap();
        let app = &self.app;
        let id = app.create_template(&by.grant().unwrap(), new).await.unwrap().id;
        let mut reached = VersionState::Draft;
        while reached != state {
            reached = match reached {
                VersionState::Draft => app.submit_version(&by.grant().unwrap(), id, 1).await,
                VersionState::InReview => app.approve_version(&by.grant().unwrap(), id, 1, "").await,
                VersionState::Approved => app.publish_version(&by.grant().unwrap(), id, 1).await,
                _ => app.archive_version(&by.grant().unwrap(), id, 1).await,
            }
            .unwrap()
            .state;
        }
        id
    }

    /// A job of tenant `acme` in a state, done by somebody who performs jobs.
    pub(crate) async fn job(&self, by: &Caller, state: JobState) -> JobId {
        let template = self.template(by, VersionState::Published).await;
        let assignee = (state != JobState::Unassigned).then_some(by.user().id);
        let new = NewJob { template, title: None, asset: "P-1".into(), priority: Priority::High, assignee };
        let app = &self.app;
        let id = app.create_job(&by.grant().unwrap(), new).await.unwrap().id;
        if matches!(state, JobState::InProgress | JobState::Completed) {
            app.start_job(&by.grant().unwrap(), id).await.unwrap();
            let first = Performing { step: 1, value: Some("open".into()), ..Performing::default() };
            app.add_record(&by.grant().unwrap(), id, first).await.unwrap();
        }
        if state == JobState::Completed {
            for step in [1, 2] {
                let done = Performing { step, ..Performing::default() };
                app.complete_step(&by.grant().unwrap(), id, done).await.unwrap();
            }
        }
        id
    }

    /// Signs somebody in, and gives who then calls.
    pub(crate) async fn sign_in(&self, email: &str) -> Caller {
        let claim = Claim { email: email.into(), password: Secret::new(PASSWORD), client: None, cookie: None };
        let signed_in: SignedIn = self.app.sign_in(claim, &visit()).await.unwrap();
        self.app.caller(Shown::Bearer(signed_in.handed.token.reveal()), None, visit()).await.unwrap()
    }

    /// A new user of tenant `acme` with a role, signed in.
    pub(crate) async fn as_role(&self, role: Role) -> Caller {
        let name =
            format!("{}{}", role.as_str().to_lowercase().replace('_', "-"), self.people.fetch_add(1, Ordering::SeqCst));
        let user = self.user("acme", &name, &[role]).await;
        self.sign_in(&user.email).await
    }

    /// An Admin who signs in a second after being made, so that the log tells the two apart.
    pub(crate) async fn admin_signed_in_later(&self) -> Caller {
        let admin = self.user("acme", "jane", &[Role::Admin]).await;
        self.clock.advance(Duration::from_secs(1));
        self.sign_in(&admin.email).await
    }

    /// The answer to a document without variables.
    pub(crate) async fn ask(&self, caller: &Caller, query: &str) -> Value {
        self.ask_with(caller, query, serde_json::json!({})).await
    }

    /// The answer to a document with variables.
    pub(crate) async fn ask_with(&self, caller: &Caller, query: &str, variables: Value) -> Value {
        let Value::Object(variables) = variables else { panic!("variables are an object") };
        let request = Request { query: query.into(), variables: Some(variables), operation_name: None };
        let answer = self.answerer.answer(caller.clone(), request).await.unwrap();
        serde_json::to_value(answer).unwrap()
    }

    /// Why a document does not even run.
    pub(crate) async fn refusal(&self, caller: &Caller, query: &str) -> Option<Error> {
        let request = Request { query: query.into(), ..Request::default() };
        self.answerer.answer(caller.clone(), request).await.err()
    }

    /// Whether the owner of an address can sign in.
    pub(crate) async fn can_sign_in(&self, email: &str) -> bool {
        let claim = Claim { email: email.into(), password: Secret::new(PASSWORD), client: None, cookie: None };
        let result: Result<SignedIn> = self.app.sign_in(claim, &visit()).await;
        result.is_ok()
    }
}

/// From a documentation address (RFC 5737).
pub(crate) fn visit() -> Visit {
    Visit { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), agent: "test".into(), request: "r-1".into() }
}

/// The codes of an answer's errors, in their order.
pub(crate) fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error["extensions"]["code"].as_str().expect("every error has a code")).collect()
}

/// The answer as text, for whole-answer snapshots.
pub(crate) fn pretty(answer: &Value) -> String {
    serde_json::to_string_pretty(answer).unwrap()
}

/// A database address whose search path is a schema nobody else uses.
async fn new_schema() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL names the PostgreSQL to test on; ./test starts one");
    let name = format!("g{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options=-csearch_path%3D{name}")
}

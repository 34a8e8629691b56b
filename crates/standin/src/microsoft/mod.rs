//! [`Microsoft`], a stand-in for Entra, Graph and Dataverse that speaks as their documents say, and fails as they do when told to.

mod access;
mod directory;
mod graph;
mod login;
mod serve;
mod token;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use access::{Access, Audience, Groups, Kind, Version};
pub use directory::{App, Certificate, Person};
pub use serve::{Endpoint, Fault, Recorded};

use crate::tokens::{Draft, Key, encode, guid, sha1};

/// The directory that everything is set up for.
pub const DIRECTORY: &str = "aaaabbbb-0000-4ccc-8ddd-eeee2222ffff";
/// Another directory of the same cloud.
pub const OTHER_DIRECTORY: &str = "bbbbcccc-1111-4ddd-8eee-ffff3333aaaa";
/// The directory of private accounts.
pub const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The application that is registered from the start.
pub const APP: &str = "00001111-aaaa-4222-8bbb-3333cccc4444";
/// Its secret.
pub const SECRET: &str = "a stand-in's client secret";
/// Where it may send people back to.
pub const REDIRECT_URI: &str = "https://purser.example/api/client/auth/ms-dynamics/callback";
/// An application of somebody's Power Apps, which asks for access tokens.
pub const POWER_APP: &str = "22223333-cccc-4444-8ddd-5555eeee6666";
/// The audience of an API of one's own, as tokens of version 2.0 spell it.
pub const API: &str = APP;
/// Graph as an audience, by its id.
pub const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";
/// Graph as an audience, by its address.
pub const GRAPH_ADDRESS: &str = "https://graph.microsoft.com";
/// The Dataverse organisation.
pub const ORGANIZATION: &str = "c0ffee00-2222-4333-8444-555566667777";
/// How tokens of version 1.0 begin their issuer.
pub const STS: &str = "https://sts.windows.net";

/// A running stand-in. Stops when dropped.
#[derive(Debug)]
pub struct Microsoft {
    world: Arc<World>,
    task: JoinHandle<()>,
}

/// What to do with people who come to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Send them back with a code at once.
    AtOnce,
    /// Show them a form first.
    Form,
    /// Send them back with `access_denied`.
    Refused,
}

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) state: Mutex<State>,
    pub(crate) arrived: Notify,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Signs an ID token in another way than the honest one.
pub(crate) type Signer = Box<dyn Fn(Draft, &Key) -> String + Send + Sync>;

pub(crate) struct State {
    pub(crate) clock: Option<i64>,
    pub(crate) keys: KeyRing,
    pub(crate) apps: Vec<App>,
    pub(crate) people: Vec<Person>,
    pub(crate) directories: Vec<String>,
    pub(crate) organization: String,
    pub(crate) consent: Consent,
    pub(crate) faults: HashMap<Endpoint, Fault>,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) codes: HashMap<String, login::Code>,
    pub(crate) issued: HashMap<String, access::Issued>,
    pub(crate) graph_id: Option<String>,
    pub(crate) id_tokens: Option<Signer>,
}

/// The keys in use. Version 1.0 and 2.0 have their own sets here, so that a reader who takes the wrong one is found out.
#[derive(Clone, Debug)]
pub(crate) struct KeyRing {
    pub(crate) v1: Arc<Key>,
    pub(crate) v2: Arc<Key>,
    /// A key that is published beside the others but bound to the directory of private accounts by its `issuer`.
    pub(crate) consumers: Arc<Key>,
}

impl KeyRing {
    fn new() -> Self {
        Self { v1: microsoft_key(), v2: microsoft_key(), consumers: microsoft_key() }
    }

    /// The keys every stand-in of this process begins with: making keys is slow, and a test that cares rotates them.
    fn first() -> Self {
        static FIRST: OnceLock<KeyRing> = OnceLock::new();
        FIRST.get_or_init(Self::new).clone()
    }
}

/// A key named as Microsoft names its own: by the thumbprint of its certificate.
fn microsoft_key() -> Arc<Key> {
    let mut key = Key::rsa("");
    key.kid = encode(&sha1(&key.certificate_der()));
    Arc::new(key)
}

impl Microsoft {
    /// Starts a stand-in on any free port of this machine.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        Self::start_on(0).await.expect("this machine has a free port")
    }

    /// Starts a stand-in on a port of this machine.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start_on(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address: SocketAddr = listener.local_addr()?;
        let world = Arc::new(World {
            url: format!("http://{address}"),
            state: Mutex::new(State::first()),
            arrived: Notify::new(),
        });
        let router = serve::router(Arc::clone(&world));
        let task = tokio::spawn(async move {
            // It ends with the task that runs it; there is nobody to tell.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { world, task })
    }

    /// Its address, which serves as login host, as Graph and as Dataverse.
    pub fn url(&self) -> &str {
        &self.world.url
    }

    /// Lets its clock stand at this time, in seconds since 1970.
    pub fn stop_clock_at(&self, seconds: i64) {
        self.world.state.lock().clock = Some(seconds);
    }

    /// Registers an application, in place of one of the same id.
    pub fn register(&self, app: App) {
        let mut state = self.world.state.lock();
        state.apps.retain(|known| known.id != app.id);
        state.apps.push(app);
    }

    /// Makes this the person who signs in, and of whom Graph tells.
    pub fn welcome(&self, person: Person) {
        self.world.state.lock().people.insert(0, person);
    }

    /// What to do with people who come to sign in.
    pub fn consent(&self, consent: Consent) {
        self.world.state.lock().consent = consent;
    }

    /// Makes an endpoint fail in this way, until it is mended.
    pub fn fail(&self, endpoint: Endpoint, fault: Fault) {
        self.world.state.lock().faults.insert(endpoint, fault);
    }

    /// Mends an endpoint.
    pub fn mend(&self, endpoint: Endpoint) {
        self.world.state.lock().faults.remove(&endpoint);
    }

    /// Takes new keys and forgets the old ones at once.
    pub fn rotate_keys(&self) {
        self.world.state.lock().keys = KeyRing::new();
    }

    /// Makes Graph name another person than the token does.
    pub fn let_graph_name(&self, id: &str) {
        self.world.state.lock().graph_id = Some(id.to_owned());
    }

    /// Makes `WhoAmI` name this organisation.
    pub fn let_dataverse_name(&self, organization: &str) {
        organization.clone_into(&mut self.world.state.lock().organization);
    }

    /// Makes ID tokens by this from now on, out of the honest draft and the key that would sign it.
    pub fn sign_id_tokens_by(&self, signer: impl Fn(Draft, &Key) -> String + Send + Sync + 'static) {
        self.world.state.lock().id_tokens = Some(Box::new(signer));
    }

    /// An access token such as this, honestly made.
    pub fn issue(&self, access: &Access) -> String {
        let mut state = self.world.state.lock();
        access::issue(&mut state, &self.world.url, access)
    }

    /// The same before it is signed.
    pub fn draft(&self, access: &Access) -> Draft {
        let state = self.world.state.lock();
        access::draft(&state, &self.world.url, access)
    }

    /// A token of any claims, signed with the key of that version; Graph, Dataverse honour it as the access it is passed off for.
    pub fn issue_draft(&self, draft: &Draft, access: &Access) -> String {
        let mut state = self.world.state.lock();
        access::issue_draft(&mut state, draft, access)
    }

    /// The key that signs tokens of a version.
    pub fn key(&self, version: Version) -> Arc<Key> {
        let state = self.world.state.lock();
        Arc::clone(access::signing_key(&state, version))
    }

    /// The key that is published for private accounts only.
    pub fn consumers_key(&self) -> Arc<Key> {
        Arc::clone(&self.world.state.lock().keys.consumers)
    }

    /// How often an endpoint was called.
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        self.world.state.lock().requests.iter().filter(|request| request.endpoint == endpoint).count()
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.world.state.lock().requests.clone()
    }

    /// Waits until an endpoint has been called this often.
    pub async fn called(&self, endpoint: Endpoint, times: usize) {
        loop {
            let arrival = self.world.arrived.notified();
            if self.calls(endpoint) >= times {
                return;
            }
            arrival.await;
        }
    }

    /// Runs until the program is stopped.
    pub async fn run(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Microsoft {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn first() -> Self {
        Self {
            clock: None,
            keys: KeyRing::first(),
            apps: vec![App::default()],
            people: vec![Person::default()],
            directories: [DIRECTORY, OTHER_DIRECTORY, CONSUMERS].map(str::to_owned).to_vec(),
            organization: ORGANIZATION.to_owned(),
            consent: Consent::AtOnce,
            faults: HashMap::new(),
            requests: Vec::new(),
            codes: HashMap::new(),
            issued: HashMap::new(),
            graph_id: None,
            id_tokens: None,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.unwrap_or_else(real_time)
    }

    pub(crate) fn person(&self) -> Person {
        self.people.first().cloned().unwrap_or_default()
    }

    pub(crate) fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }
}

#[expect(clippy::disallowed_methods, reason = "a stand-in for another company keeps that company's time")]
fn real_time() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[expect(clippy::disallowed_methods, reason = "a slow service is what is stood in for; tests stop the clock")]
pub(crate) async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The ids that Microsoft puts into every error, for its own support.
pub(crate) fn trace() -> (String, String) {
    (guid(), guid())
}

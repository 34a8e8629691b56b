//! [`App`]: the system, opened: its store, clock, keys and memory. Use cases are its methods, each written in its feature's room.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub use purser_federation::fetch::LastCall;
use purser_federation::fetch::LineState;

use crate::access::{SystemGrant, system_right};
use crate::audit::{Actor, Denials};
use crate::config::Settings;
use crate::durations::Counts;
use crate::env::{Clock, Entropy, Timestamp};
use crate::error::{Error, Result};
use crate::ids::TenantId;
use crate::license::VendorKey;
use crate::providers::Federation;
use crate::session::handle::{Handles, Realm};
use crate::session::live::Live;
use crate::session::pacing::Pacing;
use crate::signin::Parameters;
use crate::signin::guesses::Lanes;
use crate::signin::hasher::{self, Hasher};
use crate::signin::readers::Readers;
use crate::store::statement::statements;
use crate::store::{Change, Stale, Store, args};
use crate::vault::{MasterKey, Vault};

pub(crate) mod sql {
    use super::statements;

    statements! {
        /// A fact about the deployment.
        system FACT = "SELECT value FROM deployment WHERE name = ?1";
        /// Writes a fact down if nobody has.
        system ADD_FACT = "INSERT INTO deployment (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        /// Writes a number down if none higher is.
        system RAISE_FACT = "INSERT INTO deployment (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
            WHERE CAST(deployment.value AS BIGINT) < CAST(excluded.value AS BIGINT)";
        /// The store answers.
        system PING = "SELECT 1";
    }
}

/// The system.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) vault: Vault,
    pub(crate) live: Arc<Live>,
    pub(crate) handles: Handles,
    pub(crate) admin_handles: Handles,
    pub(crate) hasher: Hasher,
    pub(crate) pacing: Pacing,
    pub(crate) lanes: Lanes,
    pub(crate) instance: String,
    pub(crate) vendor: Option<VendorKey>,
    /// The day on which the log last told of the licence, counted from 1970.
    pub(crate) license_told: AtomicI64,
    pub(crate) federation: Arc<Federation>,
    pub(crate) readers: Readers,
    pub(crate) tally: Tally,
    pub(crate) denials: Denials,
}

impl App {
    /// Opens the system on the machine's clock: the master key, the database brought up to date, the signing keys.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`] if the database cannot be opened; [`Error::Internal`] if the master key cannot be read, or does
    /// not open what is sealed in the database; [`Error::Invalid`] for a setting that cannot be read.
    pub async fn open(settings: Settings) -> Result<Self> {
        let clock = Arc::new(crate::env::SystemClock::starting_at(Timestamp(0)));
        let app = Self::open_with(settings, clock.clone(), Arc::new(crate::env::SystemEntropy::default())).await?;
        clock.not_before(app.time_mark().await?);
        Ok(app)
    }

    /// Opens the system with a clock and a source of chance of one's own.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_with(settings: Settings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let master = match &settings.secrets.master_key {
            Some(key) => MasterKey::Inline(key.clone()),
            None => MasterKey::File(settings.secrets.master_key_file.clone()),
        };
        let vendor = settings.license.public_key.as_deref().map(VendorKey::parse).transpose()?;
        let federation = Arc::new(Federation::open(&settings)?);
        let live = Arc::new(Live::new(&*entropy));
        let (remembered, learnt) = (Arc::clone(&live), Arc::clone(&federation));
        let forget = move |stale: &[Stale]| {
            // First the settings: whoever learns something anew in between learns it under the new ones.
            remembered.forget(stale);
            learnt.forget(stale);
        };
        let store = Store::open(&settings.database, Arc::clone(&entropy), Arc::new(forget)).await?;
        demand_key_file(&store, &master).await?;
        let vault = Vault::open(&master, &*entropy)?;
        demand_same_key(&store, &vault).await?;
        let instance = instance(&store, &*entropy).await?;
        let hasher = Hasher::start(hashing(&settings), Arc::clone(&clock), Arc::clone(&entropy))?;
        let app = Self {
            handles: Handles::of(Realm::Client, &vault),
            admin_handles: Handles::of(Realm::Admin, &vault),
            pacing: Pacing::new(),
            lanes: Lanes::new(),
            settings,
            store,
            clock,
            entropy,
            vault,
            live,
            hasher,
            instance,
            vendor,
            license_told: AtomicI64::new(0),
            federation,
            readers: Readers::new(),
            tally: Tally::default(),
            denials: Denials::default(),
        };
        app.provide_keys().await?;
        Ok(app)
    }

    /// The present moment by the store's clock, on which all nodes agree.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now_by(self.store.trust().ahead())
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// This deployment's own id, which licences name.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Whether the store answers and there are keys to sign with.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<()> {
        let _one: Option<i64> = self.store.system_one(sql::PING, args![]).await?;
        self.signer_of(Realm::Client).await.map(drop)
    }

    /// The present figures, for the metrics.
    pub fn figures(&self) -> Figures {
        let hashing = self.hasher.figures();
        let (writes_waiting, writes) = self.store.writes();
        Figures {
            writes_waiting,
            writes,
            sign_ins: self.tally.sign_ins.load(Ordering::Relaxed),
            refreshes: self.tally.refreshes.load(Ordering::Relaxed),
            hash_threads: hashing.threads,
            hashes_waiting: hashing.queued,
            hashes_done: hashing.done,
            hashes_refused: hashing.refused,
            hears_other_nodes: self.store.trust().listening(),
            statements_read: self.store.reads(),
        }
    }

    /// How many bytes the database takes on its disk; on PostgreSQL with whatever else lives in it.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`].
    pub async fn store_size(&self, _by: &SystemGrant<system_right::TenantsRead>) -> Result<u64> {
        self.store.size().await
    }

    /// How the last calls to identity providers went, of one tenant or of all, as this node knows it: those in trouble first, then
    /// the latest.
    pub fn provider_lines(
        &self,
        _by: &SystemGrant<system_right::TenantsRead>,
        tenant: Option<&TenantId>,
        first: usize,
    ) -> Vec<ProviderLine> {
        let of = tenant.map(crate::providers::keys).unwrap_or_default();
        self.federation.outbound.states(&of, first).into_iter().map(ProviderLine::from).collect()
    }

    /// Prepares every statement of the program on the database.
    ///
    /// # Errors
    /// Names the first one that the database does not understand.
    pub async fn prepare_every_statement(&self) -> Result<usize> {
        self.store.prepare_every_statement().await
    }

    /// Keeps house once: notes when sessions were last used and the latest time seen, makes words to find people by, removes what is long dead.
    ///
    /// # Errors
    /// [`Error::StoreUnavailable`]; the next round tries again.
    pub async fn keep_house(&self) -> Result<()> {
        let now = self.now();
        self.store
            .carry_out(Change::unlogged().run_system(sql::RAISE_FACT, args![TIME_MARK, now.0.to_string()]))
            .await?;
        self.note_license_time(now).await?;
        if let Some(notice) = self.license_notice_of_the_day().await? {
            tracing::warn!(instance = self.instance, "{notice}");
        }
        self.note_seen().await?;
        self.write_denials().await?;
        self.word_people().await?;
        self.trim_audit(now).await?;
        self.sweep_sessions(now).await?;
        self.sweep_guesses(now).await?;
        self.sweep_journeys(now).await?;
        self.sweep_links(now).await?;
        self.sweep_letters(now).await
    }

    /// The latest time any node wrote down.
    async fn time_mark(&self) -> Result<Timestamp> {
        let mark: Option<String> = self.store.system_one(sql::FACT, args![TIME_MARK]).await?;
        Ok(Timestamp(mark.and_then(|text| text.parse().ok()).unwrap_or(0)))
    }

    /// Draws bytes nobody can foretell.
    pub(crate) fn draw<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

/// How the last call to an identity provider went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderLine {
    /// The tenant whose provider it is.
    pub tenant: String,
    /// The provider's name within the tenant.
    pub provider: String,
    /// How long it is still left alone, because it kept failing or asked for a pause.
    pub open_for: Option<Duration>,
    /// How the last call went.
    pub last: LastCall,
    /// How long ago that was.
    pub ago: Duration,
}

impl From<LineState> for ProviderLine {
    fn from(line: LineState) -> Self {
        let (tenant, rest) = line.provider.split_once('/').unwrap_or_default();
        let provider = rest.split('.').next().unwrap_or_default().to_owned();
        Self { tenant: tenant.to_owned(), provider, open_for: line.open_for, last: line.last, ago: line.ago }
    }
}

/// What was done since the start, to be counted and no more.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sign_ins: AtomicU64,
    pub(crate) refreshes: AtomicU64,
}

/// What the metrics show of the system.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Changes that wait to be written, or are being written.
    pub writes_waiting: u64,
    /// How long changes took until they were durable, the wait for the writer included.
    pub writes: Counts,
    /// Sessions opened since the start.
    pub sign_ins: u64,
    /// Refresh tokens traded for new ones since the start.
    pub refreshes: u64,
    /// Threads that hash passwords.
    pub hash_threads: usize,
    /// Passwords waiting to be hashed.
    pub hashes_waiting: usize,
    /// Passwords hashed since the start.
    pub hashes_done: u64,
    /// Passwords turned away since the start: the queue was full, or the wait too long.
    pub hashes_refused: u64,
    /// Whether other nodes' changes are heard; while they are not, the store is read for each check.
    pub hears_other_nodes: bool,
    /// Statements that were read from the store since the start.
    pub statements_read: u64,
}

/// How often [`App::keep_house`] wants to be called.
pub const HOUSEKEEPING: Duration = Duration::from_secs(10);

const TIME_MARK: &str = "time";
const FINGERPRINT: &str = "master-key";
const INSTANCE: &str = "instance";

fn hashing(settings: &Settings) -> hasher::Settings {
    let usual = hasher::Settings::default();
    let passwords = &settings.passwords;
    hasher::Settings {
        threads: passwords.threads.and_then(std::num::NonZeroUsize::new).unwrap_or(usual.threads),
        queue: passwords.queue,
        patience: passwords.queue_wait.0,
        parameters: Parameters { memory_kib: passwords.memory_kib, passes: passwords.passes, lanes: passwords.lanes },
    }
}

/// A new key is only made for a new database: an old one could not be opened with it.
async fn demand_key_file(store: &Store, master: &MasterKey) -> Result<()> {
    let MasterKey::File(path) = master else { return Ok(()) };
    let sealed: Option<String> = store.system_one(sql::FACT, args![FINGERPRINT]).await?;
    if sealed.is_none() || path.exists() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the master key {} is not there, and this database is sealed with one: put it back, or name its place in secrets.master_key_file",
        path.display()
    )))
}

/// Nodes that share a database share the master key.
async fn demand_same_key(store: &Store, vault: &Vault) -> Result<()> {
    let own = vault.fingerprint();
    if fact(store, FINGERPRINT, &own).await? == own {
        return Ok(());
    }
    Err(Error::internal(
        "the master key does not open what is sealed in this database: give this node the key the others use (secrets.master_key_file)",
    ))
}

async fn instance(store: &Store, entropy: &dyn Entropy) -> Result<String> {
    let mut random = [0; 15];
    entropy.fill(&mut random);
    fact(store, INSTANCE, &crate::secret::encode(&random)).await
}

/// A fact as the database has it; `proposed` if it has none yet.
async fn fact(store: &Store, name: &str, proposed: &str) -> Result<String> {
    if let Some(known) = store.system_one(sql::FACT, args![name]).await? {
        return Ok(known);
    }
    store.carry_out(Change::unlogged().run_system(sql::ADD_FACT, args![name, proposed])).await?;
    store
        .system_one(sql::FACT, args![name])
        .await?
        .ok_or_else(|| Error::internal(format!("the fact {name} is not kept")))
}

/// Who acts when the system acts by itself.
pub(crate) const SYSTEM: Actor = Actor::System;

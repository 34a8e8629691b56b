//! What a node remembers so that a check needs no read: living sessions, their users and tenants. Exact, because the writer makes it
//! forget before an answer leaves, and other nodes' changes are heard or not believed.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;

use super::Session;
use super::keys::Rings;
use crate::access::Portrait;
use crate::admins::Admin;
use crate::env::{Entropy, Timestamp};
use crate::error::Result;
use crate::ids::{AdminId, SessionId, TenantId, UserId};
use crate::license::InForce;
use crate::providers::Provider;
use crate::signin::answers::Answers;
use crate::store::{Stale, Trust};
use crate::tenants::Tenant;
use crate::users::User;

/// Shards per memory; more than there are cores, so that checks seldom meet.
const SHARDS: usize = 64;
/// Sessions and users remembered per shard.
const PER_SHARD: usize = 16_384;
/// Verified tokens remembered.
const TOKENS: usize = 262_144;
/// A session's use is noted no finer than this: 30 s.
const SEEN_STEP: i64 = 30_000_000;

/// A node's memory.
pub(crate) struct Live {
    pub(crate) tenants: Memory<TenantId, Tenant>,
    pub(crate) users: Memory<UserId, User>,
    pub(crate) sessions: Memory<SessionId, Session>,
    pub(crate) admins: Memory<AdminId, Admin>,
    pub(crate) admin_sessions: Memory<SessionId, Session>,
    pub(crate) license: Memory<(), InForce>,
    /// A tenant's providers, those switched off too.
    pub(crate) providers: Memory<TenantId, Arc<[Arc<Provider>]>>,
    pub(crate) tokens: Tokens,
    pub(crate) answers: Answers,
    changes: AtomicU64,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    pub(crate) keys: Memory<(), Rings>,
    /// When a token with an unknown key last made this node look for it.
    pub(crate) keys_looked_at: AtomicI64,
}

impl Live {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            tenants: Memory::new(),
            users: Memory::new(),
            sessions: Memory::new(),
            admins: Memory::new(),
            admin_sessions: Memory::new(),
            license: Memory::new(),
            providers: Memory::new(),
            tokens: Tokens::new(entropy),
            answers: Answers::new(),
            changes: AtomicU64::new(0),
            seen: Mutex::default(),
            keys: Memory::new(),
            keys_looked_at: AtomicI64::new(0),
        }
    }

    /// Forgets what is no longer so. Called by the writer before it answers, and for other nodes' changes.
    pub(crate) fn forget(&self, stale: &[Stale]) {
        for one in stale {
            match one {
                Stale::Session(id) => self.sessions.forget(id),
                Stale::User(id) => self.users.forget(id),
                Stale::Tenant(id) => self.tenants.forget(id),
                Stale::AdminSession(id) => self.admin_sessions.forget(id),
                Stale::Admin(id) => self.admins.forget(id),
                Stale::Keys => self.forget_keys(),
                Stale::License => self.license.forget(&()),
                Stale::Providers(id) => self.providers.forget(id),
                Stale::Answer(token) => self.answers.forget(token),
                Stale::Everything => self.forget_everything(),
            }
        }
        // After what was forgotten is gone: whoever reads the new number finds nothing old.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often this node was told to forget something. Whatever was found together under one number still holds under it.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn forget_everything(&self) {
        self.sessions.forget_all();
        self.users.forget_all();
        self.tenants.forget_all();
        self.admin_sessions.forget_all();
        self.admins.forget_all();
        self.license.forget_all();
        self.providers.forget_all();
        self.answers.forget_all();
        self.forget_keys();
    }

    /// Has the keys read anew, and leaves what was verified with them alone: anybody can ask for a key that does not exist.
    pub(crate) fn look_for_keys(&self) {
        self.keys.forget(&());
    }

    fn forget_keys(&self) {
        self.keys.forget(&());
        self.tokens.forget_all();
    }

    /// Notes that a session was used, to be written down with others later.
    pub(crate) fn saw(&self, session: &Session, now: Timestamp) {
        let before = session.seen.load(Ordering::Relaxed);
        if now.0.saturating_sub(before) >= SEEN_STEP
            && session.seen.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.seen.lock().insert(session.id, now);
        }
    }

    /// The uses noted since the last time.
    pub(crate) fn take_seen(&self) -> HashMap<SessionId, Timestamp> {
        std::mem::take(&mut *self.seen.lock())
    }
}

/// A bounded memory of one kind of row.
pub(crate) struct Memory<K, V> {
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
}

struct Shard<K, V> {
    rows: HashMap<K, Arc<V>>,
    /// Rises whenever something is forgotten: a row read before that must not be remembered after.
    epoch: u64,
}

impl<K: Hash + Eq + Clone, V> Memory<K, V> {
    fn new() -> Self {
        let shard = || Mutex::new(Shard { rows: HashMap::new(), epoch: 0 });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hasher: RandomState::new() }
    }

    /// The row as remembered; else as `read` finds it, which is then remembered unless it was forgotten meanwhile.
    pub(crate) async fn find(
        &self,
        key: &K,
        trust: &Trust,
        read: impl AsyncFnOnce() -> Result<Option<V>>,
    ) -> Result<Option<Arc<V>>> {
        if !trust.listening() {
            return Ok(read().await?.map(Arc::new));
        }
        let epoch = {
            let shard = self.shard(key).lock();
            if let Some(row) = shard.rows.get(key) {
                return Ok(Some(Arc::clone(row)));
            }
            shard.epoch
        };
        let Some(row) = read().await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut shard = self.shard(key).lock();
        if shard.epoch == epoch {
            // A full shard is emptied: what is still used comes back by a point read each.
            if shard.rows.len() >= PER_SHARD {
                shard.rows.clear();
            }
            shard.rows.insert(key.clone(), Arc::clone(&row));
        }
        Ok(Some(row))
    }

    fn forget(&self, key: &K) {
        let mut shard = self.shard(key).lock();
        shard.epoch += 1;
        shard.rows.remove(key);
    }

    fn forget_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.epoch += 1;
            shard.rows.clear();
        }
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a remainder of the length is always inside"
    )]
    fn shard(&self, key: &K) -> &Mutex<Shard<K, V>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

/// Tokens whose signature was verified before, by a keyed 128-bit hash of their bytes.
pub(crate) struct Tokens {
    known: Cache<u128, Arc<Verified>>,
    key: [u8; 16],
}

/// What a verified token says that cannot change, and who was behind it when this was last looked at.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) session: SessionId,
    pub(crate) expires: Timestamp,
    /// In the client realm: whom the token stood for at a number of [`Live::changes`]. Holds as long as the number does.
    pub(crate) standing: Option<(u64, Standing)>,
}

/// A living session with its tenant and user.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) session: Arc<Session>,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) user: Arc<User>,
    pub(crate) portrait: Option<Portrait>,
}

/// A token's place in the memory.
#[derive(Clone, Copy)]
pub(crate) struct Place(u128);

impl Tokens {
    fn new(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 16];
        entropy.fill(&mut key);
        Self { known: Cache::new(TOKENS), key }
    }

    /// Where a token is remembered, whether it is or not.
    pub(crate) fn place(&self, token: &str) -> Place {
        Place(self.hash(token))
    }

    pub(crate) fn find(&self, place: Place) -> Option<Arc<Verified>> {
        self.known.get(&place.0)
    }

    pub(crate) fn remember(&self, place: Place, verified: Verified) {
        self.known.insert(place.0, Arc::new(verified));
    }

    fn forget_all(&self) {
        self.known.clear();
    }

    fn hash(&self, token: &str) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(token.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// When a session was last used, as far as this node knows.
#[derive(Debug)]
pub(crate) struct Seen(AtomicI64);

impl Seen {
    pub(crate) fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.0))
    }

    pub(crate) fn moment(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn load(&self, order: Ordering) -> i64 {
        self.0.load(order)
    }

    fn compare_exchange(&self, from: i64, to: i64, success: Ordering, failure: Ordering) -> Result<i64, i64> {
        self.0.compare_exchange(from, to, success, failure)
    }
}

//! What Microsoft said about bearer tokens, remembered for a short while: who is behind them, or that nobody is.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::env::Timestamp;
use crate::error::Error;
use crate::ids::{ProviderId, TenantId, UserId};

/// Tokens remembered; beyond that those least used are asked about again.
const TOKENS: usize = 65_536;
/// How long a token is believed at most. It is asked about again before it may have been withdrawn for longer.
pub(super) const BELIEVED: Duration = Duration::from_mins(5);
/// How long a refusal is remembered.
pub(super) const REFUSED: Duration = Duration::from_secs(30);
/// How long it is remembered that Microsoft is away: those who wait together are answered together.
pub(super) const AWAY: Duration = Duration::from_secs(1);

/// A token's place: its hash, whole. Two tokens that begin alike, or stand for the same person, have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

impl TokenHash {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// What came of asking.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// When it is asked again.
    pub(super) until: Timestamp,
    pub(super) verdict: Verdict,
}

#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Somebody is behind the token.
    Believed(Arc<Believed>),
    /// Nobody is, or nobody who may come in.
    Refused(Refused),
    /// Microsoft could not be asked.
    Away(Duration),
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Token,
    Unknown,
    Exists,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Token => Self::InvalidToken,
            Refused::Unknown => Self::AccountUnknown,
            Refused::Exists => Self::AccountExists,
        }
    }
}

/// Somebody behind a token, and what that was found under: whatever of it changes, the answer is worth nothing.
#[derive(Debug)]
pub(super) struct Believed {
    pub(super) tenant: TenantId,
    pub(super) tenant_epoch: i64,
    pub(super) provider: ProviderId,
    pub(super) provider_version: i64,
    pub(super) user: UserId,
    pub(super) user_epoch: i64,
    pub(super) amr: Arc<str>,
    pub(super) since: Timestamp,
}

/// The memory of a node.
pub(crate) struct Answers {
    pub(super) known: Cache<TokenHash, Answer>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self { known: Cache::new(TOKENS) }
    }

    /// The answer, if it still counts.
    pub(super) fn find(&self, place: &TokenHash, now: Timestamp) -> Option<Verdict> {
        let answer = self.known.get(place)?;
        if now < answer.until {
            return Some(answer.verdict);
        }
        self.known.remove_if(place, |answer| answer.until <= now);
        None
    }

    pub(crate) fn forget(&self, place: &TokenHash) {
        self.known.remove(place);
    }

    /// Forgets one answer, but none that has taken its place.
    pub(super) fn forget_this(&self, place: &TokenHash, believed: &Arc<Believed>) {
        let same = |answer: &Answer| matches!(&answer.verdict, Verdict::Believed(it) if Arc::ptr_eq(it, believed));
        self.known.remove_if(place, same);
    }

    pub(crate) fn forget_all(&self) {
        self.known.clear();
    }
}

//! [`Outbound`], the one way out: every call to a provider, held to its hosts, sizes, times and numbers.

mod address;
mod breaker;
mod shelf;
mod wire;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use url::{Host, Url};

use self::breaker::{Breaker, Outcome, Pass};
pub(crate) use self::shelf::{Life, Shelf};
use crate::{Refusal, Result, Secret};

/// What all calls out are held to.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Time to connect.
    pub connect: Duration,
    /// Time for a whole call.
    pub whole: Duration,
    /// Most bytes of an answer, unpacked.
    pub bytes: usize,
    /// Most calls at once to one provider.
    pub at_once: usize,
    /// Hosts that may lie in private networks. Any other name that leads into one is not called.
    pub internal_hosts: BTreeSet<String>,
    /// Whether this machine itself may be called, also without TLS: for trying things out on one machine.
    pub loopback: bool,
    /// PEM file with certificate authorities that may vouch for providers, besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            whole: Duration::from_secs(10),
            bytes: 1024 * 1024,
            at_once: 50,
            internal_hosts: BTreeSet::new(),
            loopback: false,
            ca_file: None,
        }
    }
}

/// The way out, one for the whole program.
#[derive(Debug)]
pub struct Outbound {
    bounds: Bounds,
    client: reqwest::Client,
    tracks: Mutex<HashMap<String, Arc<Track>>>,
}

/// A provider's own line out: its hosts, its share of calls, its circuit breaker. Cheap to clone.
#[derive(Clone)]
pub struct Line {
    outbound: Arc<Outbound>,
    provider: Arc<str>,
    hosts: Arc<BTreeSet<String>>,
    track: Arc<Track>,
}

/// What is remembered of a provider between calls.
#[derive(Debug)]
struct Track {
    share: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
    /// How the last call went that told anything, and when.
    last: Mutex<Option<(LastCall, Instant)>>,
}

/// How a call to a provider went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastCall {
    /// An answer came.
    Answered,
    /// None came, or one that says the provider is in trouble.
    Failed,
    /// It asked to be left alone for a while.
    Paused,
}

/// How the calls to one provider go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineState {
    /// Whose, by the key of its line.
    pub provider: String,
    /// How long it is still left alone.
    pub open_for: Option<Duration>,
    /// How the last call went.
    pub last: LastCall,
    /// How long ago that was.
    pub ago: Duration,
}

impl LineState {
    /// Whether somebody should look at it.
    fn is_well(&self) -> bool {
        self.open_for.is_none() && self.last == LastCall::Answered
    }
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, if given in seconds.
    pub retry_after: Option<Duration>,
    /// How long the answer may be kept by its `Cache-Control: max-age`, if said.
    pub max_age: Option<Duration>,
    /// The `Date` of the answer as seconds since 1970, for telling whether clocks agree.
    pub date: Option<i64>,
    /// The `Content-Type`, if said.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a call brings along besides its address.
#[derive(Clone, Debug, Default)]
pub struct Call<'a> {
    /// A bearer token.
    pub bearer: Option<&'a Secret>,
    /// Basic credentials, each part already form-urlencoded (RFC 6749 section 2.3.1).
    pub basic: Option<(&'a str, &'a Secret)>,
    /// Other headers.
    pub headers: &'a [(&'static str, &'static str)],
    /// A form to post; without one the call is a GET.
    pub form: Option<&'a [(&'a str, &'a str)]>,
}

impl Outbound {
    /// Opens the way out.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read.
    pub fn new(bounds: Bounds) -> Result<Arc<Self>> {
        let client = wire::client(&bounds)?;
        Ok(Arc::new(Self { bounds, client, tracks: Mutex::default() }))
    }

    /// The line of one provider, by its key. What it has been through (its breaker, the calls under way) is remembered for the key.
    pub fn line(self: &Arc<Self>, provider: &str, hosts: impl IntoIterator<Item = String>) -> Line {
        Line {
            outbound: Arc::clone(self),
            provider: provider.into(),
            hosts: Arc::new(hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect()),
            track: self.track(provider),
        }
    }

    /// Forgets what was remembered under every key that begins like this. Calls under way end as they would have.
    pub fn forget(&self, keys: &str) {
        self.tracks.lock().retain(|provider, _| !provider.starts_with(keys));
    }

    /// How many keys something is remembered under.
    pub fn remembered(&self) -> usize {
        self.tracks.lock().len()
    }

    /// How the last calls went under the keys that begin like this: those in trouble first, then the latest.
    pub fn states(&self, keys: &str, first: usize) -> Vec<LineState> {
        let now = Instant::now();
        let tracks = self.tracks.lock();
        let of = tracks.iter().filter(|(provider, _)| provider.starts_with(keys));
        let mut all: Vec<_> = of.filter_map(|(provider, track)| track.state(provider, now)).collect();
        drop(tracks);
        all.sort_by(|a, b| (a.is_well(), a.ago, &a.provider).cmp(&(b.is_well(), b.ago, &b.provider)));
        all.truncate(first);
        all
    }

    fn track(&self, provider: &str) -> Arc<Track> {
        let mut tracks = self.tracks.lock();
        let share = self.bounds.at_once;
        Arc::clone(tracks.entry(provider.to_owned()).or_insert_with(|| Arc::new(Track::new(share))))
    }
}

impl Track {
    fn new(at_once: usize) -> Self {
        Self { share: Arc::new(Semaphore::new(at_once)), breaker: Mutex::default(), last: Mutex::default() }
    }

    /// How the calls go; nothing if none has told anything yet.
    fn state(&self, provider: &str, now: Instant) -> Option<LineState> {
        let (last, at) = (*self.last.lock())?;
        let open_for = self.breaker.lock().open_for(now);
        Some(LineState { provider: provider.to_owned(), open_for, last, ago: now.saturating_duration_since(at) })
    }

    fn note(&self, pass: Pass, outcome: Outcome, now: Instant) {
        self.breaker.lock().note(pass, outcome, now);
        let last = match outcome {
            Outcome::Answered => LastCall::Answered,
            Outcome::Failed => LastCall::Failed,
            Outcome::Paused(_) => LastCall::Paused,
            Outcome::GivenUp => return,
        };
        *self.last.lock() = Some((last, now));
    }

    /// Leave to make a call, refused at once rather than queued: who waits for a slow provider only makes the queue longer.
    fn leave(self: &Arc<Self>) -> Result<Leave> {
        let share = Arc::clone(&self.share).try_acquire_owned();
        let share = share.map_err(|_| Refusal::unavailable("too many calls to the provider are under way"))?;
        let pass = self.breaker.lock().admit(Instant::now()).map_err(|wait| Refusal::Unavailable {
            reason: "the provider failed or asked for a pause a moment ago and is left alone for a while".into(),
            retry_after: Some(wait),
        })?;
        Ok(Leave { track: Arc::clone(self), pass, outcome: Outcome::GivenUp, _share: share })
    }
}

/// Leave to make one call. Dropped, it tells the breaker how the call went, also when the caller has gone away meanwhile.
struct Leave {
    track: Arc<Track>,
    pass: Pass,
    outcome: Outcome,
    _share: OwnedSemaphorePermit,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.track.note(self.pass, self.outcome, Instant::now());
    }
}

impl Line {
    /// Whose line it is.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Calls an address. Only the line's hosts, only https (but for loopback), no redirect followed, nothing beyond the bounds.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] for whatever keeps an answer from coming whole; [`Refusal::Misconfigured`] for an address that may not be
    /// called. An answer of any status is an answer.
    pub async fn call(&self, url: &Url, call: Call<'_>) -> Result<Fetched> {
        self.may_call(url)?;
        let mut leave = self.track.leave()?;
        let sent = wire::send(&self.outbound.client, &self.outbound.bounds, url, &call);
        let answer = tokio::time::timeout(self.outbound.bounds.whole, sent).await;
        let answer = answer.unwrap_or_else(|_| Err(Refusal::unavailable("the provider did not answer in time")));
        leave.outcome = outcome(&answer);
        answer
    }

    /// Whether a host is one of the line's.
    pub(crate) fn leads_to(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// Whether the address may be called, as far as it tells itself: where its name leads is judged when connecting.
    pub(crate) fn may_call(&self, url: &Url) -> Result<()> {
        let Some(host) = url.host() else { return Err(Refusal::misconfigured("an address has no host")) };
        let name = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::misconfigured(format!("an address at {name} holds a user name or password")));
        }
        if !self.leads_to(name) {
            return Err(Refusal::misconfigured(format!("{name} is not among the provider's hosts")));
        }
        let plain = url.scheme() == "http" && self.outbound.bounds.loopback && is_loopback(&host);
        if url.scheme() != "https" && !plain {
            return Err(Refusal::misconfigured(format!("an address at {name} is not https")));
        }
        // The resolver never sees a host that is an address already.
        match ip(&host) {
            Some(address) if !address::may_be_called(&self.outbound.bounds, name, address) => Err(walled(name)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("provider", &self.provider).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

fn walled(name: &str) -> Refusal {
    Refusal::misconfigured(format!(
        "{name} lies in a private network or on this machine, where nothing is called; whoever runs this server opens a private \
         network for a host with federation.internal_hosts"
    ))
}

fn ip(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

/// Whether a host is this machine by its very name: `localhost` is, by RFC 6761 section 6.3.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn outcome(answer: &Result<Fetched>) -> Outcome {
    match answer {
        Ok(Fetched { status: 429 | 503, retry_after: Some(pause), .. }) => Outcome::Paused(*pause),
        Ok(Fetched { status: 429 | 500.., .. }) | Err(Refusal::Unavailable { .. }) => Outcome::Failed,
        Ok(_) => Outcome::Answered,
        Err(_) => Outcome::GivenUp,
    }
}

//! [`Outbound`], the one way out: every call to a provider, held to its hosts, sizes, times and numbers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

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
    _bounds: Bounds,
}

/// A provider's own line out: its hosts, its share of calls, its circuit breaker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Line {
    _outbound: Arc<Outbound>,
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
        Ok(Arc::new(Self { _bounds: bounds }))
    }

    /// The line of one provider, by its key. What it has been through (its breaker, the calls under way) is remembered for the key.
    pub fn line(self: &Arc<Self>, _provider: &str, _hosts: impl IntoIterator<Item = String>) -> Line {
        Line { _outbound: Arc::clone(self) }
    }
}

impl Line {
    /// Calls an address. Only the line's hosts, only https (but for loopback), no redirect followed, nothing beyond the bounds.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] for whatever keeps an answer from coming whole; [`Refusal::Misconfigured`] for an address that may not be
    /// called. An answer of any status is an answer.
    pub async fn call(&self, _url: &Url, _call: Call<'_>) -> Result<Fetched> {
        Err(Refusal::unavailable("not yet"))
    }
}

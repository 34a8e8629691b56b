//! [`Settings`]: everything an operator may set, each with its unit and default. Read once at start; no room reads files or the environment itself.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::session::token::Algorithm;

/// A length of time as operators write it: `2s`, `10m`, `24h`, `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    const fn days(count: u64) -> Self {
        Self::seconds(count * 86_400)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is not a duration; write a whole number and a unit, as 90s, 10m, 24h or 30d");
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| refused())?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(refused()),
        };
        number
            .checked_mul(seconds)
            .filter(|all| (1..=3_650 * 86_400).contains(all))
            .map(Self::seconds)
            .ok_or_else(refused)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
            if seconds >= size && seconds.is_multiple_of(size) {
                return write!(f, "{}{unit}", seconds / size);
            }
        }
        write!(f, "{seconds}s")
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// All settings. Unknown keys are refused.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the data lies.
    pub database: Database,
    /// Where the server listens and how the world sees it.
    pub server: Server,
    /// Access and refresh tokens.
    pub tokens: Tokens,
    /// Cookie sessions.
    pub sessions: Sessions,
    /// Passwords and their hashing.
    pub passwords: Passwords,
    /// Bounds on what anybody may ask of the server.
    pub limits: Limits,
    /// The master key.
    pub secrets: Secrets,
    /// Hosted or on-premises.
    pub deployment: Deployment,
    /// The licence's public key.
    pub license: License,
    /// Calls to identity providers.
    pub federation: Federation,
    /// Microsoft's addresses, for national clouds.
    pub microsoft: Microsoft,
    /// The audit log: how long it is kept and where it is sent on to.
    pub audit: Audit,
    /// Letters to people.
    pub mail: Mail,
    /// The log.
    pub log: Log,
    /// The metrics.
    pub metrics: Metrics,
}

impl Settings {
    /// Whether identity providers may be on this machine. A server behind a proxy on this machine has a public address elsewhere, and
    /// its tenants must not reach what else listens here.
    pub fn loopback_providers(&self) -> bool {
        let here = |url: &String| url::Url::parse(url).is_ok_and(|url| is_loopback(&url));
        let own = self.server.listen.ip().is_loopback() && self.server.public_url.as_ref().is_none_or(here);
        self.federation.loopback.unwrap_or(own)
    }
}

/// Whether an address leads to this machine by its very name.
pub(crate) fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What is written in a secret's place.
pub const HIDDEN: &str = "(hidden)";

/// Settings are shown to operators; a secret among them only as being there.
fn hidden<S: serde::Serializer>(_: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(HIDDEN)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn hidden_if_set<S: serde::Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(to)
}

/// `[database]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:FILE` or `postgres://…`.
    #[serde(serialize_with = "hidden")]
    pub url: Secret,
    /// PEM file with the certificate authorities that may vouch for PostgreSQL; unset: the system's.
    pub ca_file: Option<PathBuf>,
    /// Connections for reading (PostgreSQL).
    pub connections: usize,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: Secret::new("sqlite:purser.db"), ca_file: None, connections: 16 }
    }
}

/// `[server]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address people and providers use, as `https://id.example.com`. Links in mails, cookies and origins follow it.
    pub public_url: Option<String>,
    /// Addresses or networks (CIDR) of proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<String>,
    /// PEM file with the certificate chain; with it the server speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    pub tls_key: Option<PathBuf>,
    /// How long a stopping server waits for what is in flight.
    pub shutdown_grace: Span,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            shutdown_grace: Span::seconds(30),
        }
    }
}

/// `[tokens]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Life of an access token.
    pub access_ttl: Span,
    /// Life of the refresh tokens of one sign-in, counted from the sign-in.
    pub refresh_ttl: Span,
    /// `ES256`, `EdDSA`, `RS256` or `HS256`.
    pub algorithm: Algorithm,
    /// A refresh token presented again more than 60 s after its child was issued counts as a replay.
    pub strict_refresh: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access_ttl: Span::days(1),
            refresh_ttl: Span::days(30),
            algorithm: Algorithm::default(),
            strict_refresh: false,
        }
    }
}

/// `[sessions]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// A cookie dies after so long without use.
    pub cookie_idle: Span,
    /// A cookie dies so long after the sign-in, used or not.
    pub cookie_max: Span,
    /// An administrator's cookie dies after so long without use.
    pub admin_idle: Span,
    /// An administrator's session dies so long after the sign-in.
    pub admin_max: Span,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            cookie_idle: Span::days(7),
            cookie_max: Span::days(90),
            admin_idle: Span::seconds(1_800),
            admin_max: Span::seconds(43_200),
        }
    }
}

/// `[passwords]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// Fewest characters of a new password.
    pub min_length: usize,
    /// argon2id memory, KiB.
    pub memory_kib: u32,
    /// argon2id passes.
    pub passes: u32,
    /// argon2id lanes.
    pub lanes: u32,
    /// Threads that hash; unset: one fewer than the machine has cores, at least one.
    pub threads: Option<usize>,
    /// Sign-ins that may wait for a hashing thread.
    pub queue: usize,
    /// How long a sign-in may wait for a hashing thread.
    pub queue_wait: Span,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            min_length: 8,
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            threads: None,
            queue: 200,
            queue_wait: Span::seconds(2),
        }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Failed sign-ins a day for one account, from strangers.
    pub guesses_per_account: u32,
    /// Failed sign-ins in 15 minutes from one address.
    pub guesses_per_address: u32,
    /// Failed sign-ins in 15 minutes for one tenant.
    pub guesses_per_tenant: u32,
    /// Failed sign-ins in 15 minutes for one administrator.
    pub guesses_per_admin: u32,
    /// Connections open at once.
    pub connections: usize,
    /// Time for the head of a request to arrive.
    pub header_timeout: Span,
    /// Time for the body of a request to arrive.
    pub body_timeout: Span,
    /// Depth of a GraphQL query.
    pub graphql_depth: usize,
    /// Aliases in a GraphQL query.
    pub graphql_aliases: usize,
    /// Cost of a GraphQL query: fields times the rows they may stand in.
    pub graphql_cost: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guesses_per_account: 100,
            guesses_per_address: 2_500,
            guesses_per_tenant: 3_000,
            guesses_per_admin: 10,
            connections: 10_000,
            header_timeout: Span::seconds(10),
            body_timeout: Span::seconds(10),
            graphql_depth: 12,
            graphql_aliases: 30,
            graphql_cost: 20_000,
        }
    }
}

/// `[secrets]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// File with the master key; made with mode 0600 on first start if absent.
    pub master_key_file: PathBuf,
    /// The master key itself (32 bytes, base64), instead of a file.
    #[serde(serialize_with = "hidden_if_set")]
    pub master_key: Option<Secret>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { master_key_file: PathBuf::from("purser.key"), master_key: None }
    }
}

/// Whether a licence is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// We run it: no licence.
    #[default]
    Hosted,
    /// A customer runs it: a licence is needed.
    OnPrem,
}

/// `[deployment]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// `hosted` or `on-prem`.
    pub mode: Mode,
}

/// `[license]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct License {
    /// The vendor's Ed25519 public key: 32 bytes, base64url or base64.
    pub public_key: Option<String>,
}

/// `[federation]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Federation {
    /// Hosts of identity providers that may lie in private networks. Any other name that leads into one is not called.
    pub internal_hosts: Vec<String>,
    /// PEM file with certificate authorities that may vouch for identity providers, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether identity providers may be on this machine, also without TLS; unset: while the server itself is for this machine only.
    pub loopback: Option<bool>,
    /// Name server that is asked whether domains are proven; unset: the system's.
    pub dns_server: Option<SocketAddr>,
}

/// `[microsoft]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Microsoft {
    /// Where people sign in.
    pub login_url: String,
    /// How the sign-in service calls itself in tokens of version 1.0; nothing is fetched there.
    pub sts_url: String,
    /// Where Graph answers.
    pub graph_url: String,
}

impl Default for Microsoft {
    fn default() -> Self {
        Self {
            login_url: "https://login.microsoftonline.com".into(),
            sts_url: "https://sts.windows.net".into(),
            graph_url: "https://graph.microsoft.com".into(),
        }
    }
}

/// `[audit]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Lines older than this are removed, by whole days; unset: none ever is.
    pub retention: Option<Span>,
    /// Where lines are sent on to as syslog (RFC 5424): `tls://HOST:PORT`, `tcp://HOST:PORT` or `udp://HOST:PORT`.
    pub syslog: Option<String>,
    /// PEM file with the certificate authorities that may vouch for the collector behind `tls://`; unset: the system's.
    pub ca_file: Option<PathBuf>,
    /// File that lines are appended to, as JSON.
    pub file: Option<PathBuf>,
}

/// `[mail]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The mail server: `smtp://HOST:PORT`, which must offer STARTTLS unless it is on this machine, or `smtps://HOST:PORT`.
    pub url: Option<String>,
    /// Name to sign in to it with.
    pub user: Option<String>,
    /// Password to sign in to it with.
    #[serde(serialize_with = "hidden_if_set")]
    pub password: Option<Secret>,
    /// Whom letters come from, as `Purser <purser@example.com>`.
    pub from: Option<String>,
    /// PEM file with certificate authorities that may vouch for the mail server, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Folder to write letters into instead of sending them, one file each. For trying things out.
    pub outbox: Option<PathBuf>,
}

impl Mail {
    /// Whether there is a way for letters.
    pub fn is_set_up(&self) -> bool {
        self.url.is_some() || self.outbox.is_some()
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or a filter as `info,purser_core=debug`.
    pub level: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), json: false }
    }
}

/// `[metrics]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// A listener of their own for `/metrics`; unset: only with the token.
    pub listen: Option<SocketAddr>,
    /// Bearer token that opens `/metrics` on the main listener.
    #[serde(serialize_with = "hidden_if_set")]
    pub token: Option<Secret>,
}

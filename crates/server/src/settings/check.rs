//! What settings must be to make sense together; what is allowed but unwise is a warning.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use purser_core::config::{Settings, Span};
use purser_core::license;
use serde_json::Value as Json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::{Host, Url};

use super::{Complaint, Loaded, keys};
use crate::http_settings::PublicUrl;
use crate::mail;
use crate::relay::Place;

/// Checks settings and puts them into the one form the rest relies on: addresses without a trailing slash.
pub(super) fn settle(loaded: &mut Loaded) -> Vec<Complaint> {
    let mut check =
        Check { complaints: Vec::new(), warnings: Vec::new(), set: loaded.origins.keys().cloned().collect() };
    check.numbers(&loaded.settings);
    check.database(&loaded.settings);
    check.server(&mut loaded.settings);
    check.lifetimes(&loaded.settings);
    check.passwords(&loaded.settings);
    check.mail(&loaded.settings);
    check.others(&mut loaded.settings);
    loaded.warnings.append(&mut check.warnings);
    let named = |(key, reason): (&str, String)| Complaint {
        subject: key.to_owned(),
        origin: loaded.origin(key).map(str::to_owned),
        reason,
    };
    check.complaints.into_iter().map(named).collect()
}

/// A proxy to trust: one address, or a network as `10.0.0.0/8`.
///
/// # Errors
/// What would be right instead.
pub fn trusted_proxy(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("`{text}` is neither an address, as 10.0.0.1, nor a network, as 10.0.0.0/8"))
}

struct Check {
    complaints: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    /// The keys that are not at their defaults.
    set: BTreeSet<String>,
}

impl Check {
    fn refuse(&mut self, key: &'static str, reason: impl Into<String>) {
        self.complaints.push((key, reason.into()));
    }

    fn refuse_if(&mut self, wrong: bool, key: &'static str, reason: &str) {
        if wrong {
            self.refuse(key, reason);
        }
    }

    fn warn(&mut self, wrong: bool, key: &str, advice: &str) {
        if wrong {
            self.warnings.push(format!("{key}: {advice}"));
        }
    }

    /// No number may be nought: a limit of none would shut everybody out.
    fn numbers(&mut self, settings: &Settings) {
        let sections = keys::tree(settings);
        for key in keys::all() {
            let value = key.name.split_once('.').and_then(|(section, name)| sections.get(section)?.get(name));
            self.refuse_if(value.and_then(Json::as_u64) == Some(0), &key.name, "must be at least 1");
        }
    }

    fn database(&mut self, settings: &Settings) {
        let url = settings.database.url.reveal();
        let file = url.strip_prefix("sqlite:").is_some_and(names_a_file);
        let postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
        self.refuse_if(!file && !postgres, "database.url", "write sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME");
        let many = settings.database.connections > MOST_DATABASE_CONNECTIONS;
        self.refuse_if(many, "database.connections", "must be at most 10000");
        let many = settings.limits.connections > MOST_CONNECTIONS;
        self.refuse_if(many, "limits.connections", "must be at most 1000000");
    }

    fn server(&mut self, settings: &mut Settings) {
        let server = &mut settings.server;
        if let Some(text) = &server.public_url {
            match text.parse::<PublicUrl>() {
                Ok(url) => {
                    let bare = !url.is_https() && !is_this_machine(url.host());
                    self.warn(bare, "server.public_url", "not https: passwords and tokens cross the network in the clear");
                    server.public_url = Some(url.origin().to_owned());
                }
                Err(_) => self.refuse(
                    "server.public_url",
                    format!("`{text}` is not an address as https://id.example.com, with http or https and nothing after the host and port"),
                ),
            }
        }
        for refusal in server.trusted_proxies.iter().filter_map(|text| trusted_proxy(text).err()) {
            self.refuse("server.trusted_proxies", refusal);
        }
        let missing = "is missing; TLS needs both tls_certificate and tls_key";
        let (certificate, key) = (server.tls_certificate.is_some(), server.tls_key.is_some());
        self.refuse_if(certificate && !key, "server.tls_key", missing);
        self.refuse_if(key && !certificate, "server.tls_certificate", missing);
    }

    fn lifetimes(&mut self, settings: &Settings) {
        let (tokens, sessions) = (&settings.tokens, &settings.sessions);
        self.in_order("tokens.access_ttl", tokens.access_ttl, "tokens.refresh_ttl", tokens.refresh_ttl);
        self.in_order("sessions.cookie_idle", sessions.cookie_idle, "sessions.cookie_max", sessions.cookie_max);
        self.in_order("sessions.admin_idle", sessions.admin_idle, "sessions.admin_max", sessions.admin_max);
    }

    fn in_order(&mut self, short_key: &'static str, short: Span, long_key: &'static str, long: Span) {
        if short <= long {
            return;
        }
        // Blamed is what the operator wrote, not a default.
        if self.set.contains(short_key) || !self.set.contains(long_key) {
            self.refuse(short_key, format!("{short} is longer than {long_key}, which is {long}"));
        } else {
            self.refuse(long_key, format!("{long} is shorter than {short_key}, which is {short}; shorten that too"));
        }
    }

    fn passwords(&mut self, settings: &Settings) {
        let it = &settings.passwords;
        self.refuse_if(!(8..=128).contains(&it.min_length), "passwords.min_length", "must be from 8 to 128");
        self.refuse_if(
            it.memory_kib > MOST_MEMORY_KIB,
            "passwords.memory_kib",
            "must be at most 262144 (256 MiB a sign-in)",
        );
        self.refuse_if(it.lanes > 16, "passwords.lanes", "must be at most 16");
        self.refuse_if(
            it.memory_kib < it.lanes.saturating_mul(8),
            "passwords.memory_kib",
            "must be at least 8 for each lane",
        );
        self.refuse_if(it.passes > 10, "passwords.passes", "must be at most 10");
        self.refuse_if(it.threads.is_some_and(|threads| threads > 1_024), "passwords.threads", "must be at most 1024");
        let work = u64::from(it.memory_kib) * u64::from(it.passes);
        let cheap = it.memory_kib < LEAST_MEMORY_KIB || work < LEAST_WORK;
        self.warn(
            cheap,
            "passwords",
            "hashing is cheaper than memory_kib = 19456, passes = 2; stolen hashes are guessed faster",
        );
    }

    fn mail(&mut self, settings: &Settings) {
        let it = &settings.mail;
        if let Some(reason) = it.url.as_deref().and_then(|url| mail::server_of(url).err()) {
            self.refuse("mail.url", reason);
        }
        self.refuse_if(
            it.url.is_some() && it.outbox.is_some(),
            "mail.outbox",
            "goes in the place of mail.url: set one of them",
        );
        self.refuse_if(
            it.url.is_some() && it.from.is_none(),
            "mail.from",
            "is missing; write it as Purser <purser@example.com>",
        );
        self.refuse_if(
            mail::sender(it).is_err(),
            "mail.from",
            "is no mailbox; write it as Purser <purser@example.com>",
        );
        self.refuse_if(it.user.is_some() && it.password.is_none(), "mail.password", "is missing; mail.user needs it");
        self.refuse_if(it.password.is_some() && it.user.is_none(), "mail.user", "is missing; mail.password needs it");
        let homeless = it.is_set_up() && settings.server.public_url.is_none();
        self.warn(
            homeless,
            "mail",
            "without server.public_url no letter can hold a link: nobody is invited, no password is reset",
        );
    }

    fn others(&mut self, settings: &mut Settings) {
        for (key, address) in [
            ("microsoft.login_url", &mut settings.microsoft.login_url),
            ("microsoft.sts_url", &mut settings.microsoft.sts_url),
            ("microsoft.graph_url", &mut settings.microsoft.graph_url),
        ] {
            let known = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            self.refuse_if(!known, key, "write an address, as https://login.microsoftonline.com");
            address.truncate(address.trim_end_matches('/').len());
        }
        for host in &settings.federation.internal_hosts {
            let known = Host::parse(host).is_ok();
            self.refuse_if(
                !known,
                "federation.internal_hosts",
                &format!("`{host}` is not the name or address of a host"),
            );
        }
        let vendor = settings.license.public_key.as_deref();
        self.refuse_if(
            vendor.is_some_and(|key| !license::is_public_key(key)),
            "license.public_key",
            "write an Ed25519 public key: 32 bytes, base64url or base64",
        );
        let near = settings.federation.loopback == Some(true) && !settings.server.listen.ip().is_loopback();
        self.warn(near, "federation.loopback", "every client's Admin can have this machine's own services called");
        let ca_file = settings.audit.ca_file.as_deref();
        if let Some(Err(reason)) = settings.audit.syslog.as_deref().map(|text| Place::syslog(text, ca_file)) {
            self.refuse("audit.syslog", reason);
        }
        if let Err(reason) = log_filter(&settings.log.level) {
            self.refuse("log.level", reason);
        }
        let token = settings.metrics.token.as_ref().map(|token| token.reveal().len());
        self.refuse_if(token.is_some_and(|length| length < 16), "metrics.token", "must have at least 16 characters");
        let both = settings.metrics.listen == Some(settings.server.listen) && settings.server.listen.port() != 0;
        self.refuse_if(both, "metrics.listen", "is the address of the server itself; choose another port");
    }
}

/// Each is a process of PostgreSQL's.
const MOST_DATABASE_CONNECTIONS: usize = 10_000;
/// Each is a file descriptor, of which Linux gives one program about so many (`fs.nr_open`).
const MOST_CONNECTIONS: usize = 1_000_000;
/// What one hash may take at most; more would let a few sign-ins exhaust the machine.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
/// The equal choices of the OWASP password storage cheat sheet are 46 MiB once, 19 twice, 12 thrice, 9 four times, 7 five times: never
/// less memory than the last, nor less work than it.
const LEAST_MEMORY_KIB: u32 = 7_168;
const LEAST_WORK: u64 = 35_840;

/// Whether it can only mean one file. `sqlite://a.db`, as others write what is in the working folder, would here be at the very top;
/// nothing stays in memory.
fn names_a_file(text: &str) -> bool {
    let at_the_top = text.starts_with("//") && !text.starts_with("///");
    !text.is_empty() && !at_the_top && text != ":memory:" && !text.starts_with("file:")
}

/// Whether a host is this machine itself.
pub(crate) fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

/// The log's filter. Its own parser takes any word for the name of a module, so that `inof` would mean silence.
pub(crate) fn log_filter(text: &str) -> Result<EnvFilter, String> {
    let refused = |part: &str| {
        format!("`{part}` is not error, warn, info, debug or trace, nor a filter as info,purser_core=debug")
    };
    let bare = text.split(',').filter(|part| !part.contains(['=', '[']));
    for part in bare {
        part.trim().parse::<LevelFilter>().map_err(|_| refused(part))?;
    }
    EnvFilter::builder().parse(text).map_err(|_| refused(text))
}

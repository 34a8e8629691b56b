//! TLS towards PostgreSQL: demanded beyond this machine, checked against the system's or the operator's authorities.

use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};
use crate::trust;

/// Without a word about TLS in the address, a server on another machine must speak it, and one on this machine need not:
/// plain text over the network has to be asked for by `sslmode=disable`.
pub(super) fn demand_beyond_this_machine(config: &mut Config, url: &str) {
    let here = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    if !url.contains("sslmode=") {
        let here = config.get_hosts().iter().all(here);
        config.ssl_mode(if here { SslMode::Disable } else { SslMode::Require });
    }
}

/// A connector that trusts the authorities in the file, or the system's. Those are many, and only read where TLS is spoken.
pub(super) fn connector(mode: SslMode, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    let config = match ca_file {
        None if mode == SslMode::Disable => trust::in_nobody(),
        _ => trust::client(ca_file, "database.ca_file"),
    };
    config.map(MakeRustlsConnect::new).map_err(Error::store)
}

//! TLS towards PostgreSQL: demanded beyond this machine, checked against the system's or the operator's authorities.

use std::path::Path;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};

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

/// A connector that trusts the authorities in the file, or the system's.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    crate::trust::client(ca_file, "database.ca_file").map(MakeRustlsConnect::new).map_err(Error::store)
}

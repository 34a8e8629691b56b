//! TLS towards PostgreSQL: demanded beyond this machine, checked against the system's or the operator's authorities.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
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

/// A connector that trusts the authorities in the file, or the system's. Those are many, and only read where TLS is spoken.
pub(super) fn connector(mode: SslMode, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let unreadable = |cause| Error::store(format!("database.ca_file {}: {cause}", file.display()));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|cause| unreadable(cause.to_string()))? {
                let certificate = certificate.map_err(|cause| unreadable(cause.to_string()))?;
                roots.add(certificate).map_err(|cause| unreadable(cause.to_string()))?;
            }
        }
        None if mode == SslMode::Disable => {}
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

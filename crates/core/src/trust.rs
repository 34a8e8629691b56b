//! Whom we believe when we call a server over TLS: the system's authorities, or the operator's.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// TLS 1.2 and 1.3 as a client that trusts the authorities in the PEM file, or the system's if there is none.
///
/// # Errors
/// Which setting names a file that cannot be read as certificates, and why.
pub fn client(ca_file: Option<&Path>, setting: &str) -> Result<ClientConfig, String> {
    let roots = match ca_file {
        Some(file) => of_file(file).map_err(|cause| format!("{setting} {}: {cause}", file.display()))?,
        None => of_system(),
    };
    with(roots)
}

/// A client that can be made where TLS is not spoken: it would believe nobody.
///
/// # Errors
/// As [`client`].
pub fn in_nobody() -> Result<ClientConfig, String> {
    with(RootCertStore::empty())
}

fn with(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| cause.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn of_file(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|cause| cause.to_string())? {
        let certificate = certificate.map_err(|cause| cause.to_string())?;
        roots.add(certificate).map_err(|cause| cause.to_string())?;
    }
    if roots.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    Ok(roots)
}

fn of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

//! The server's TLS identity and the versions it speaks.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::http_settings::TlsFiles;

/// TLS 1.2 and 1.3 (ASVS 12.1.1) with a certificate and key from files, HTTP/1.1 only.
pub(super) fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let read = |error| io::Error::other(format!("{}: {error}", files.certificate.display()));
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(read)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(read)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| io::Error::other(format!("{}: {error}", files.key.display())))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

//! The server's TLS identity and the versions it speaks.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::http_settings::TlsFiles;

/// TLS 1.2 and 1.3 (ASVS 12.1.1) with a certificate and key from files, HTTP/1.1 only.
pub(super) fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain(&files.certificate)?, key(&files.key)?)
        .map_err(|error| unusable(files, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = |error: pem::Error| refused(file, error);
    let chain = CertificateDer::pem_file_iter(file).map_err(read)?.collect::<Result<Vec<_>, _>>().map_err(read)?;
    if chain.is_empty() {
        return Err(refused(file, "holds no certificate in PEM; server.tls_certificate has to name one that does"));
    }
    Ok(chain)
}

fn key(file: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            refused(file, "holds no private key in PEM without a password; server.tls_key has to name one that does")
        }
        other => refused(file, other),
    })
}

fn unusable(files: &TlsFiles, error: rustls::Error) -> io::Error {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            let certificate = files.certificate.display();
            refused(
                &files.key,
                format!("is not the key of {certificate}; server.tls_key has to name the one it was issued for"),
            )
        }
        other => refused(&files.certificate, other),
    }
}

fn refused(file: &Path, why: impl Display) -> io::Error {
    io::Error::other(format!("{}: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_make_no_identity_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let issued = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (ours, other) = (issued(), issued());
        let certificate = written("certificate.pem", &ours.cert.pem());
        let key = written("key.pem", &ours.signing_key.serialize_pem());
        let others = written("others.pem", &other.signing_key.serialize_pem());
        let absent = folder.path().join("absent.pem");
        let said = |certificate: &Path, key: &Path| {
            let files = TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() };
            acceptor(&files).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(said(&certificate, &key), Ok(()));
        for (certificate, key, expected) in [
            (&key, &key, "key.pem: holds no certificate"),
            (&certificate, &certificate, "certificate.pem: holds no private key"),
            (&certificate, &others, "others.pem: is not the key of"),
            (&absent, &key, "absent.pem: "),
            (&certificate, &absent, "absent.pem: "),
        ] {
            let refusal = said(certificate, key).unwrap_err();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}

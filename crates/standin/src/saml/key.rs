//! Keys of the stand-in, and the certificates they come in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

/// A private key with its certificate.
#[derive(Clone, Debug)]
pub struct Key {
    /// PKCS#8, PEM.
    pub private_pem: String,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
}

#[expect(clippy::missing_panics_doc, reason = "the algorithms are built in")]
impl Key {
    /// A new RSA key of 2048 bits.
    pub fn rsa() -> Self {
        Self::made(
            &KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("RSA is built in"),
        )
    }

    /// A new key on P-256.
    pub fn p256() -> Self {
        Self::made(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("P-256 is built in"))
    }

    /// A new key on P-384.
    pub fn p384() -> Self {
        Self::made(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("P-384 is built in"))
    }

    /// The certificate as XML carries it.
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate_der)
    }

    fn made(pair: &KeyPair) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, "a stand-in");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let certificate = parameters.self_signed(pair).expect("nothing in it can be wrong");
        Self { private_pem: pair.serialize_pem(), certificate_der: certificate.der().to_vec() }
    }
}

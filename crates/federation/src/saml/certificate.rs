//! The certificates that keys come in.

use std::fmt::Write as _;

use bergshamra::core::algorithm;
use jiff::Timestamp;
use x509_cert::der::Decode;

use super::{ServiceKey, signature};
use crate::{Refusal, Result, Secret};

/// A key of an identity provider. Only the key counts: who signed the certificate is never asked, and its dates are only shown
/// (SAML metadata interoperability profile 2.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// SHA-256 of `der`, in hexadecimal: what is shown to compare.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`] if it cannot be read or its key cannot be used.
    pub fn read(der: &[u8]) -> Result<Self> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|_| Refusal::misconfigured("the certificate cannot be read as X.509"))?;
        let dates = parsed.tbs_certificate.validity;
        let certificate = Self {
            der: der.to_vec(),
            not_before: moment(dates.not_before)?,
            not_after: moment(dates.not_after)?,
            fingerprint: hexadecimal(&signature::digest(algorithm::SHA256, der)?),
        };
        certificate.key()?;
        Ok(certificate)
    }

    /// Reads a certificate as people paste it: PEM, or its base64 alone.
    ///
    /// # Errors
    /// As [`Certificate::read`].
    pub fn read_text(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|it| !it.starts_with("-----"));
        let der = signature::from_base64(&lines.collect::<String>())
            .map_err(|_| Refusal::misconfigured("the certificate is neither PEM nor its base64 alone"))?;
        Self::read(&der)
    }

    /// The key in it.
    pub(super) fn key(&self) -> Result<bergshamra::SoftwareKey> {
        let key = bergshamra::keys::loader::load_x509_cert_der(&self.der).and_then(|it| it.to_signing_key());
        key.ok().flatten().filter(signature::may_verify).ok_or_else(|| {
            Refusal::misconfigured("the certificate's key cannot be used: it has to be RSA of at least 2048 bits, or P-256, P-384 or P-521")
        })
    }
}

fn moment(time: x509_cert::time::Time) -> Result<Timestamp> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_err(|_| Refusal::misconfigured("the certificate has impossible dates"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// How long our own certificates are valid. Identity providers compare them, they do not judge them.
const YEARS: i32 = 10;

pub(super) fn generate(common_name: &str, now: Timestamp) -> Result<ServiceKey> {
    let failed = |_| Refusal::misconfigured("a key for this name cannot be made");
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).map_err(failed)?;
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (year, month) = (i32::from(today.year()), u8::try_from(today.month()).unwrap_or(1));
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    parameters.not_before = rcgen::date_time_ymd(year, month, 1);
    parameters.not_after = rcgen::date_time_ymd(year + YEARS, month, 1);
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok(ServiceKey { private_pem: Secret::new(key.serialize_pem()), certificate_der: certificate.der().to_vec() })
}

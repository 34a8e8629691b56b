//! A passkey's public key, read from COSE (RFC 9052 section 7) and asked by aws-lc.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use coset::cbor::value::Value;
use coset::iana::{Algorithm, Ec2KeyParameter, EllipticCurve, EnumI64, KeyType, OkpKeyParameter, RsaKeyParameter};
use coset::{CborSerializable as _, CoseKey, Label, RegisteredLabel, RegisteredLabelWithPrivate};

use super::Flaw;

/// The algorithms we ask for, by their numbers (COSE), the best first.
pub(crate) const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// A key that can be asked whether it signed something.
#[derive(Debug)]
pub(crate) enum PublicKey {
    /// ECDSA on P-256 with SHA-256: the point, uncompressed.
    Es256(Vec<u8>),
    /// Ed25519.
    EdDsa(Vec<u8>),
    /// RSA PKCS#1 v1.5 with SHA-256: what older Windows Hello has.
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

const STRANGE: Flaw = Flaw("the key is of a kind that was not asked for");

impl PublicKey {
    /// Reads a key. Its algorithm and its type must belong together.
    pub(crate) fn read(cose: &[u8]) -> Result<Self, Flaw> {
        let key = CoseKey::from_slice(cose).map_err(|_| Flaw("the key cannot be read"))?;
        let Some(RegisteredLabelWithPrivate::Assigned(algorithm)) = &key.alg else { return Err(STRANGE) };
        let RegisteredLabel::Assigned(kind) = &key.kty else { return Err(STRANGE) };
        match (algorithm, kind) {
            (Algorithm::ES256, KeyType::EC2) => es256(&key),
            (Algorithm::EdDSA, KeyType::OKP) => ed25519(&key),
            (Algorithm::RS256, KeyType::RSA) => rs256(&key),
            _ => Err(STRANGE),
        }
    }

    /// Refuses a signature that is not this key's over these bytes.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Flaw> {
        let verdict = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verdict.map_err(|_| Flaw("the signature is not the passkey's"))
    }
}

fn es256(key: &CoseKey) -> Result<PublicKey, Flaw> {
    demand_curve(key, Ec2KeyParameter::Crv.to_i64(), EllipticCurve::P_256)?;
    let (x, y) = (bytes(key, Ec2KeyParameter::X.to_i64())?, bytes(key, Ec2KeyParameter::Y.to_i64())?);
    if x.len() != 32 || y.len() != 32 {
        return Err(STRANGE);
    }
    Ok(PublicKey::Es256([&[4], x, y].concat()))
}

fn ed25519(key: &CoseKey) -> Result<PublicKey, Flaw> {
    demand_curve(key, OkpKeyParameter::Crv.to_i64(), EllipticCurve::Ed25519)?;
    let point = bytes(key, OkpKeyParameter::X.to_i64())?;
    if point.len() == 32 { Ok(PublicKey::EdDsa(point.to_vec())) } else { Err(STRANGE) }
}

fn rs256(key: &CoseKey) -> Result<PublicKey, Flaw> {
    let modulus = bytes(key, RsaKeyParameter::N.to_i64())?;
    let exponent = bytes(key, RsaKeyParameter::E.to_i64())?;
    if !(256..=1_024).contains(&modulus.len()) || !(1..=4).contains(&exponent.len()) {
        return Err(STRANGE);
    }
    Ok(PublicKey::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

fn demand_curve(key: &CoseKey, label: i64, curve: EllipticCurve) -> Result<(), Flaw> {
    let named = parameter(key, label)?.as_integer().and_then(|it| i64::try_from(it).ok());
    if named == Some(curve.to_i64()) { Ok(()) } else { Err(STRANGE) }
}

fn bytes(key: &CoseKey, label: i64) -> Result<&[u8], Flaw> {
    parameter(key, label)?.as_bytes().map(Vec::as_slice).ok_or(STRANGE)
}

/// The one parameter of this label: two readers must not find two.
fn parameter(key: &CoseKey, label: i64) -> Result<&Value, Flaw> {
    let mut all = key.params.iter().filter(|(found, _)| *found == Label::Int(label));
    match (all.next(), all.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(STRANGE),
    }
}

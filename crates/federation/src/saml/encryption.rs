//! Opening encrypted assertions: AES-GCM with a key that came by RSA-OAEP, and nothing older.

use bergshamra::core::algorithm;
use bergshamra::crypto::keytransport::{OaepParams, from_uri_with_params};

use super::xml::{ENCRYPTION, Node, SIGNATURE, quoted};
use super::{ServiceProvider, signature};
use crate::{Refusal, Result};

/// Ciphers that notice changes. CBC does not, and can be read by asking often enough.
const CIPHERS: [&str; 3] = [algorithm::AES128_GCM, algorithm::AES192_GCM, algorithm::AES256_GCM];

/// OAEP in its two spellings. RSA PKCS#1 v1.5 can be read by asking often enough.
const TRANSPORTS: [&str; 2] = [algorithm::RSA_OAEP, algorithm::RSA_OAEP_ENC11];

/// Namespace of the mask generation function's name (XML encryption 1.1).
const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";

/// The plain bytes of an `EncryptedAssertion`. They prove nothing: anybody can encrypt for us.
pub(super) fn open(encrypted: Node<'_, '_>, sp: &ServiceProvider) -> Result<Vec<u8>> {
    let key = sp.key.as_ref().ok_or_else(|| refused("the assertion is encrypted, but we have no key"))?;
    let data = encrypted.only(ENCRYPTION, "EncryptedData")?;
    let cipher = algorithm_of(data, &CIPHERS)?;
    let cipher = bergshamra::crypto::cipher::from_uri(cipher).map_err(|_| refused("the cipher is not supported"))?;
    let transported = our_key(encrypted, &sp.entity_id)?;
    let secret = unwrap(transported, &signature::private(key)?)?;
    if secret.len() != cipher.key_size() {
        return Err(refused("the key has another length than the cipher needs"));
    }
    cipher.decrypt(&secret, &cipher_value(data)?).map_err(|_| refused("the content cannot be opened"))
}

/// The encrypted key made for us; if there are several, the one with our name on it.
fn our_key<'d, 'a>(encrypted: Node<'d, 'a>, us: &str) -> Result<Node<'d, 'a>> {
    let mut keys: Vec<_> = encrypted.all().filter(|it| it.is(ENCRYPTION, "EncryptedKey")).collect();
    if keys.len() > 1 {
        keys.retain(|it| it.attribute("Recipient") == Some(us));
    }
    match keys.as_slice() {
        [key] => Ok(*key),
        _ => Err(refused("there is not exactly one key for us")),
    }
}

fn unwrap(key: Node<'_, '_>, private: &bergshamra::Key) -> Result<Vec<u8>> {
    let name = algorithm_of(key, &TRANSPORTS)?;
    let method = key.only(ENCRYPTION, "EncryptionMethod")?;
    if method.children().any(|it| !it.is(SIGNATURE, "DigestMethod") && !it.is(ENCRYPTION_11, "MGF")) {
        return Err(refused("OAEP has unexpected parameters"));
    }
    let parameters = OaepParams {
        digest_uri: parameter(method, SIGNATURE, "DigestMethod")?,
        mgf_uri: parameter(method, ENCRYPTION_11, "MGF")?,
        oaep_params: None,
    };
    let unsupported =
        |_| refused("the digests of OAEP are not supported: SHA-1 or SHA-256 to SHA-512, the same for both");
    let transport = from_uri_with_params(name, parameters).map_err(unsupported)?;
    let private = private.to_signing_key().ok().flatten().ok_or_else(|| refused("our own key cannot be used"))?;
    transport.decrypt(&private, &cipher_value(key)?).map_err(|_| refused("the key cannot be opened with ours"))
}

fn parameter(method: Node<'_, '_>, namespace: &str, name: &str) -> Result<Option<String>> {
    let Some(parameter) = method.children().find(|it| it.is(namespace, name)) else { return Ok(None) };
    Ok(Some(parameter.required("Algorithm")?.to_owned()))
}

fn algorithm_of(encrypted: Node<'_, '_>, from: &[&'static str]) -> Result<&'static str> {
    let name = encrypted.only(ENCRYPTION, "EncryptionMethod")?.required("Algorithm")?;
    let found = from.iter().find(|it| **it == name).copied();
    found.ok_or_else(|| refused(&format!("the algorithm {} is not accepted", quoted(name))))
}

/// The bytes themselves; a reference to bytes elsewhere is not followed.
fn cipher_value(encrypted: Node<'_, '_>) -> Result<Vec<u8>> {
    let value = encrypted.only(ENCRYPTION, "CipherData")?.only(ENCRYPTION, "CipherValue")?;
    signature::from_base64(&value.text()?)
}

fn refused(why: &str) -> Refusal {
    Refusal::invalid(format!("encryption: {why}"))
}

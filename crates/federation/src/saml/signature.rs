//! Signatures in and over XML: only those shapes that SAML allows, only with keys from the settings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::core::algorithm;
use bergshamra::{DsigContext, KeysManager};

use super::xml::{Node, SIGNATURE, Tree, is_ncname, quoted};
use super::{Certificate, ServiceKey};
use crate::{Refusal, Result};

/// The signature algorithms believed: SHA-2 with RSA (PKCS#1 and PSS) or ECDSA (RFC 9231). Whether one fits a key is up to the key.
const METHODS: [&str; 9] = [
    algorithm::RSA_SHA256,
    algorithm::RSA_SHA384,
    algorithm::RSA_SHA512,
    algorithm::RSA_PSS_SHA256,
    algorithm::RSA_PSS_SHA384,
    algorithm::RSA_PSS_SHA512,
    algorithm::ECDSA_SHA256,
    algorithm::ECDSA_SHA384,
    algorithm::ECDSA_SHA512,
];

/// The digest algorithms believed.
const DIGESTS: [&str; 3] = [algorithm::SHA256, algorithm::SHA384, algorithm::SHA512];

/// More elements than two transforms with all their parameters need.
const SIGNED_INFO: usize = 12;

/// More prefixes than any provider declares.
const PREFIXES: usize = 20;

/// The canonical form of an element whose own signature was verified: the only thing to read on from. Nothing if it is not signed.
///
/// # Errors
/// If it is signed, but not so that it can be believed.
pub(super) fn verified(element: Node<'_, '_>, keys: &[Certificate]) -> Result<Option<String>> {
    let what = element.name();
    let named = |problem: Refusal| match problem {
        Refusal::Invalid(reason) => Refusal::Invalid(format!("{what} signature: {reason}")),
        other => other,
    };
    let Some(signature) = element.optional(SIGNATURE, "Signature").map_err(named)? else { return Ok(None) };
    check(element, signature, keys).map(Some).map_err(named)
}

fn check(element: Node<'_, '_>, signature: Node<'_, '_>, keys: &[Certificate]) -> Result<String> {
    let (signed_info, value) = parts(signature)?;
    // Nobody has vouched for it yet, so no more work than a real one needs.
    if signed_info.all().count() > SIGNED_INFO {
        return Err(Refusal::invalid("shape: SignedInfo has too many parts"));
    }
    let canonical = signed_info.canonical(None, &canonicalization(signed_info)?)?;
    // From here on only what is signed is read.
    let tree = Tree::parse(&canonical)?;
    let info = SignedInfo::read(tree.root()?)?;
    verify_value(info.method, canonical.as_bytes(), &value, keys)?;
    info.verify_target(element, signature)
}

/// `SignedInfo`, `SignatureValue`, `KeyInfo` in this order and nothing else. `KeyInfo` is never looked into.
fn parts<'d, 'a>(signature: Node<'d, 'a>) -> Result<(Node<'d, 'a>, Vec<u8>)> {
    let names: Vec<_> = signature.children().map(Node::name).collect();
    if !matches!(names.as_slice(), ["SignedInfo", "SignatureValue"] | ["SignedInfo", "SignatureValue", "KeyInfo"]) {
        return Err(Refusal::invalid(format!("shape: unexpected parts {}", quoted(&names.join(" ")))));
    }
    let value = signature.only(SIGNATURE, "SignatureValue")?.text()?;
    Ok((signature.only(SIGNATURE, "SignedInfo")?, from_base64(&value)?))
}

/// The prefixes that the canonicalisation of `SignedInfo` is told to keep.
fn canonicalization(signed_info: Node<'_, '_>) -> Result<Vec<String>> {
    exclusive(signed_info.only(SIGNATURE, "CanonicalizationMethod")?)
}

/// Reads a mention of exclusive canonicalisation without comments; any other is refused.
fn exclusive(method: Node<'_, '_>) -> Result<Vec<String>> {
    if method.required("Algorithm")? != algorithm::EXC_C14N {
        return Err(Refusal::invalid("transform: not exclusive canonicalisation without comments"));
    }
    if method.children().any(|it| !it.is(algorithm::EXC_C14N, "InclusiveNamespaces")) {
        return Err(Refusal::invalid("transform: unexpected parameters"));
    }
    let Some(list) = method.optional(algorithm::EXC_C14N, "InclusiveNamespaces")? else { return Ok(Vec::new()) };
    let prefixes: Vec<_> = list.required("PrefixList")?.split_ascii_whitespace().map(str::to_owned).collect();
    if prefixes.len() > PREFIXES || !prefixes.iter().all(|it| it == "#default" || is_ncname(it)) {
        return Err(Refusal::invalid("transform: too many or malformed prefixes"));
    }
    Ok(prefixes)
}

/// What is signed: how, and what it vouches for.
struct SignedInfo {
    method: &'static str,
    target: String,
    prefixes: Vec<String>,
    digest: &'static str,
    value: Vec<u8>,
}

impl SignedInfo {
    fn read(info: Node<'_, '_>) -> Result<Self> {
        let names: Vec<_> = info.children().map(Node::name).collect();
        if names != ["CanonicalizationMethod", "SignatureMethod", "Reference"] {
            return Err(Refusal::invalid(format!("shape: SignedInfo has {}", quoted(&names.join(" ")))));
        }
        let method = info.only(SIGNATURE, "SignatureMethod")?;
        let reference = info.only(SIGNATURE, "Reference")?;
        Ok(Self {
            method: accepted(method, &METHODS)?,
            target: reference.required("URI")?.to_owned(),
            prefixes: transforms(reference)?,
            digest: accepted(reference.only(SIGNATURE, "DigestMethod")?, &DIGESTS)?,
            value: from_base64(&reference.only(SIGNATURE, "DigestValue")?.text()?)?,
        })
    }

    /// Makes the canonical form of the element without its signature and compares the digest.
    fn verify_target(&self, element: Node<'_, '_>, signature: Node<'_, '_>) -> Result<String> {
        let id = element.required("ID")?;
        if !is_ncname(id) || self.target.strip_prefix('#') != Some(id) {
            return Err(Refusal::invalid("reference: not to the element it stands in"));
        }
        let canonical = element.canonical(Some(signature), &self.prefixes)?;
        if digest(self.digest, canonical.as_bytes())? != self.value {
            return Err(Refusal::invalid("digest: the content is not what was signed"));
        }
        Ok(canonical)
    }
}

/// Exactly the two transforms of SAML core 5.4.4; the prefixes of the second.
fn transforms(reference: Node<'_, '_>) -> Result<Vec<String>> {
    let names: Vec<_> = reference.children().map(Node::name).collect();
    if names != ["Transforms", "DigestMethod", "DigestValue"] {
        return Err(Refusal::invalid(format!("shape: Reference has {}", quoted(&names.join(" ")))));
    }
    let steps: Vec<_> = reference.only(SIGNATURE, "Transforms")?.children().collect();
    let [first, second] = steps.as_slice() else { return Err(Refusal::invalid("transform: not exactly two")) };
    if !first.is(SIGNATURE, "Transform") || !second.is(SIGNATURE, "Transform") {
        return Err(Refusal::invalid("transform: unexpected element"));
    }
    if first.required("Algorithm")? != algorithm::ENVELOPED_SIGNATURE || first.children().next().is_some() {
        return Err(Refusal::invalid("transform: the first is not enveloped-signature"));
    }
    exclusive(*second)
}

/// The algorithm a method names, if it is one of those accepted and comes without parameters.
fn accepted(method: Node<'_, '_>, from: &[&'static str]) -> Result<&'static str> {
    let name = method.required("Algorithm")?;
    if method.children().next().is_some() {
        return Err(Refusal::invalid(format!("algorithm: parameters for {}", quoted(name))));
    }
    known(name, from)
}

fn known(name: &str, from: &[&'static str]) -> Result<&'static str> {
    let found = from.iter().find(|it| **it == name).copied();
    found.ok_or_else(|| Refusal::invalid(format!("algorithm: {} is not accepted", quoted(name))))
}

/// Checks the signature of a message in an address (SAML bindings 3.4.4.1), over its query as received.
pub(super) fn verify_detached(method: &str, signed: &[u8], value: &[u8], keys: &[Certificate]) -> Result<()> {
    verify_value(known(method, &METHODS)?, signed, value, keys)
}

/// Any of the configured keys may have made it; none that the message brings along.
fn verify_value(method: &str, signed: &[u8], value: &[u8], keys: &[Certificate]) -> Result<()> {
    let algorithm = bergshamra::crypto::sign::from_uri(method)
        .map_err(|_| Refusal::invalid(format!("algorithm: {} is not supported", quoted(method))))?;
    let made_by = |key: &Certificate| key.key().is_ok_and(|key| algorithm.verify(&key, signed, value).unwrap_or(false));
    if keys.iter().any(made_by) {
        Ok(())
    } else {
        Err(Refusal::invalid("key: not made with any of the configured certificates"))
    }
}

/// Whether an accepted algorithm goes with the key, and the key is long enough for it.
pub(super) fn may_verify(key: &bergshamra::SoftwareKey) -> bool {
    let fits = |method| bergshamra::crypto::sign::key_algorithm_matches_signature_uri(method, key.algorithm());
    if !fits(algorithm::RSA_SHA256) {
        return fits(algorithm::ECDSA_SHA256);
    }
    // An RSA key that is too short is an error; a signature that is none is only wrong.
    bergshamra::crypto::sign::from_uri(algorithm::RSA_SHA256).is_ok_and(|it| it.verify(key, b"", &[0; 256]).is_ok())
}

/// The digest of bytes by the algorithm of this name.
pub(super) fn digest(name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let unsupported = |_| Refusal::invalid(format!("algorithm: {} is not supported", quoted(name)));
    let mut digest = bergshamra::crypto::digest::from_uri(name).map_err(unsupported)?;
    digest.update(bytes);
    digest.finalize().map_err(unsupported)
}

/// Base64 as XML has it: any space in it means nothing, all else is canonical.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>> {
    let packed: String = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect();
    STANDARD.decode(packed).map_err(|_| Refusal::invalid("base64: cannot be decoded"))
}

/// Where the signature of a message of ours goes before it is signed.
pub(super) fn template(id: &str) -> String {
    let (signature, exclusive, enveloped) = (SIGNATURE, algorithm::EXC_C14N, algorithm::ENVELOPED_SIGNATURE);
    let (method, digest) = (algorithm::RSA_SHA256, algorithm::SHA256);
    format!(
        r##"<ds:Signature xmlns:ds="{signature}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{exclusive}"/><ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{enveloped}"/><ds:Transform Algorithm="{exclusive}"/></ds:Transforms><ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>"##
    )
}

/// Fills in the [`template`] in a message of ours.
pub(super) fn sign(key: &ServiceKey, message: String) -> Result<String> {
    let mut keys = KeysManager::new();
    keys.add_key(private(key)?);
    bergshamra::dsig::sign::sign_owned(&DsigContext::new(keys), message).map_err(|_| unusable())
}

/// Signs bytes with RSA and SHA-256; gives the algorithm's name too.
pub(super) fn sign_detached(key: &ServiceKey, bytes: &[u8]) -> Result<Vec<u8>> {
    let key = private(key)?.to_signing_key().ok().flatten().ok_or_else(unusable)?;
    let algorithm = bergshamra::crypto::sign::from_uri(DETACHED).map_err(|_| unusable())?;
    algorithm.sign(&key, bytes).map_err(|_| unusable())
}

/// How [`sign_detached`] signs.
pub(super) const DETACHED: &str = algorithm::RSA_SHA256;

/// Our private key, unlocked.
pub(super) fn private(key: &ServiceKey) -> Result<bergshamra::Key> {
    bergshamra::keys::loader::load_rsa_private_pem(key.private_pem.reveal().as_bytes()).map_err(|_| unusable())
}

fn unusable() -> Refusal {
    Refusal::misconfigured("our own signing key cannot be used: it has to be RSA, PKCS#8, PEM")
}

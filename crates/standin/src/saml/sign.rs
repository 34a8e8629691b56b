//! Signatures over whatever, in whatever shape.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::xml::NodeSet;
use uppsala::{Document, NodeId};

use super::Key;

const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// How to sign. The default is as it should be; each field may be made wrong.
#[derive(Clone)]
pub struct Signing {
    /// With which key: PKCS#8 PEM.
    pub private_pem: String,
    /// A secret instead of the key, for HMAC.
    pub secret: Option<Vec<u8>>,
    /// The signature algorithm.
    pub method: String,
    /// The digest algorithm.
    pub digest: String,
    /// The prefix of the signature's elements.
    pub prefix: String,
    /// The prefixes that canonicalisation keeps.
    pub prefixes: Vec<String>,
    /// What stands in `KeyInfo`; nothing leaves it out.
    pub key_info: Option<String>,
    /// What to refer to, if not to the element around.
    pub reference: Option<String>,
    /// What is digested, if not the element's canonical form.
    pub digested: Option<String>,
    /// Changes `SignedInfo` before it is signed.
    pub alter: fn(String) -> String,
    /// Which canonicalisation is really done.
    pub mode: C14nMode,
}

impl Signing {
    /// As it should be, with this key: RSA and SHA-256, unless it is one on a curve.
    pub fn with(key: &Key) -> Self {
        let is_rsa = bergshamra::keys::loader::load_rsa_private_pem(key.private_pem.as_bytes()).is_ok();
        let method = if is_rsa {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        } else {
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        };
        Self {
            private_pem: key.private_pem.clone(),
            secret: None,
            method: method.into(),
            digest: "http://www.w3.org/2001/04/xmlenc#sha256".into(),
            prefix: "ds".into(),
            prefixes: Vec::new(),
            key_info: Some(format!(
                "<X509Data xmlns=\"{SIGNATURE}\"><X509Certificate>{}</X509Certificate></X509Data>",
                key.certificate_base64()
            )),
            reference: None,
            digested: None,
            alter: |it| it,
            mode: C14nMode::Exclusive,
        }
    }

    pub(super) fn value(&self, bytes: &[u8]) -> Vec<u8> {
        let key = match &self.secret {
            Some(secret) => bergshamra::keys::loader::load_hmac_key(secret),
            None => bergshamra::keys::loader::load_pem_auto(self.private_pem.as_bytes(), None),
        };
        let key = key.and_then(|it| it.to_signing_key()).expect("the key is one").expect("the key can sign");
        let algorithm = bergshamra::crypto::sign::from_uri(&self.method).expect("the algorithm is known");
        algorithm.sign(&key, bytes).expect("the key fits the algorithm")
    }

    fn signed_info(&self, reference: &str, digest: &str) -> String {
        let Self { method, digest: digest_method, .. } = self;
        let p = if self.prefix.is_empty() { String::new() } else { format!("{}:", self.prefix) };
        let parameters = if self.prefixes.is_empty() {
            String::new()
        } else {
            format!(r#"<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{}"/>"#, self.prefixes.join(" "))
        };
        let mode = self.mode.uri();
        (self.alter)(format!(
            r#"<{p}SignedInfo><{p}CanonicalizationMethod Algorithm="{mode}"></{p}CanonicalizationMethod><{p}SignatureMethod Algorithm="{method}"/><{p}Reference URI="{reference}"><{p}Transforms><{p}Transform Algorithm="{SIGNATURE}enveloped-signature"/><{p}Transform Algorithm="{mode}">{parameters}</{p}Transform></{p}Transforms><{p}DigestMethod Algorithm="{digest_method}"/><{p}DigestValue>{digest}</{p}DigestValue></{p}Reference></{p}SignedInfo>"#
        ))
    }
}

/// Puts a signature over the element of this identifier where `place` stands.
///
/// # Panics
/// If there is no such place or element.
pub fn sign(xml: &str, place: &str, id: &str, how: &Signing) -> String {
    assert!(xml.contains(place), "no {place} in the document");
    let without = xml.replace(place, "");
    let canonical =
        how.digested.clone().unwrap_or_else(|| canonical(&without, |doc| by_id(doc, id), how.mode, &how.prefixes));
    let mut digest = bergshamra::crypto::digest::from_uri(&how.digest).expect("the digest is known");
    digest.update(canonical.as_bytes());
    let digest = STANDARD.encode(digest.finalize().expect("digests do not fail"));
    let reference = how.reference.clone().unwrap_or_else(|| format!("#{id}"));
    let info = how.signed_info(&reference, &digest);
    let (p, declaration) = if how.prefix.is_empty() {
        (String::new(), format!(r#"xmlns="{SIGNATURE}""#))
    } else {
        (format!("{}:", how.prefix), format!(r#"xmlns:{}="{SIGNATURE}""#, how.prefix))
    };
    let key_info = how.key_info.as_ref().map(|it| format!("<{p}KeyInfo>{it}</{p}KeyInfo>")).unwrap_or_default();
    let whole = |info: &str, value: &str| {
        xml.replace(place, &format!(r#"<{p}Signature {declaration} Id="sig{id}">{info}<{p}SignatureValue>{value}</{p}SignatureValue>{key_info}</{p}Signature>"#))
    };
    let draft = whole(&info, "");
    let signed = self::canonical(&draft, |doc| signed_info(doc, &format!("sig{id}")), how.mode, &[]);
    whole(&info, &STANDARD.encode(how.value(signed.as_bytes())))
}

/// The canonical form of an element.
pub(super) fn canonical(
    xml: &str,
    find: impl FnOnce(&Document<'_>) -> NodeId,
    mode: C14nMode,
    prefixes: &[String],
) -> String {
    let doc = uppsala::parse(xml).expect("the document is well-formed");
    let visible = NodeSet::tree_without_comments(find(&doc), &doc);
    let bytes = canonicalize_doc(&doc, mode, Some(&visible), prefixes).expect("it has a canonical form");
    String::from_utf8(bytes).expect("canonical XML is UTF-8")
}

pub(super) fn by_id(doc: &Document<'_>, id: &str) -> NodeId {
    let is_it = |it: &NodeId| doc.get_attribute(*it, "ID") == Some(id);
    doc.descendants(doc.root()).into_iter().find(is_it).expect("the element is there")
}

fn signed_info(doc: &Document<'_>, id: &str) -> NodeId {
    let is_it = |it: &NodeId| doc.get_attribute(*it, "Id") == Some(id);
    let signature = doc.descendants(doc.root()).into_iter().find(is_it).expect("the signature is there");
    let is_info = |it: &NodeId| doc.element(*it).is_some_and(|it| it.name.local_name == "SignedInfo");
    doc.children_iter(signature).find(is_info).expect("a signature has a SignedInfo")
}

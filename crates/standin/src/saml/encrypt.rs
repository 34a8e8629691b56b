//! Encryption of assertions, for whoever's certificate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::C14nMode;
use bergshamra::crypto::keytransport::{OaepParams, from_uri_with_params};

use super::sign::{by_id, canonical};

/// How to encrypt. Each field may be made wrong.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// For whom.
    pub certificate_der: Vec<u8>,
    /// The cipher.
    pub cipher: String,
    /// How the cipher is called in the document, if not by its name.
    pub cipher_said: Option<String>,
    /// How the key is encrypted.
    pub transport: String,
    /// How that is called in the document, if not by its name.
    pub transport_said: Option<String>,
    /// The digest for OAEP; nothing leaves it out.
    pub digest: Option<String>,
    /// The mask generation function for OAEP; nothing leaves it out.
    pub mask: Option<String>,
    /// The prefixes that the assertion's own signature keeps.
    pub prefixes: Vec<String>,
    /// What is encrypted, if not the assertion.
    pub content: Option<String>,
}

impl Encryption {
    /// As most do it: AES-256-GCM and RSA-OAEP with SHA-1.
    pub fn for_certificate(der: &[u8]) -> Self {
        Self {
            certificate_der: der.to_vec(),
            cipher: "http://www.w3.org/2009/xmlenc11#aes256-gcm".into(),
            cipher_said: None,
            transport: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p".into(),
            transport_said: None,
            digest: Some("http://www.w3.org/2000/09/xmldsig#sha1".into()),
            mask: None,
            prefixes: Vec::new(),
            content: None,
        }
    }

    fn wrapped(&self, secret: &[u8]) -> Vec<u8> {
        let parameters = OaepParams { digest_uri: self.digest.clone(), mgf_uri: self.mask.clone(), oaep_params: None };
        let key = bergshamra::keys::loader::load_x509_cert_der(&self.certificate_der).expect("the certificate is one");
        let key = key.to_signing_key().expect("the key is one").expect("the key is there");
        let transport = from_uri_with_params(&self.transport, parameters).expect("the transport is known");
        transport.encrypt(&key, secret).expect("the key fits")
    }
}

/// Replaces the assertion of this identifier by an encrypted one.
pub(super) fn encrypt(xml: &str, id: &str, how: &Encryption) -> String {
    let plain =
        how.content.clone().unwrap_or_else(|| canonical(xml, |doc| by_id(doc, id), C14nMode::Exclusive, &how.prefixes));
    let (range, name) = {
        let doc = uppsala::parse(xml).expect("the document is well-formed");
        let node = by_id(&doc, id);
        let element = doc.element(node).expect("it is an element");
        (
            doc.node_range(node).expect("it was parsed"),
            element.name.prefix.as_ref().map(|it| format!("{it}:")).unwrap_or_default(),
        )
    };
    let cipher = bergshamra::crypto::cipher::from_uri(&how.cipher).expect("the cipher is known");
    let secret: Vec<u8> = (0..cipher.key_size()).map(|it| u8::try_from(it).unwrap_or_default()).collect();
    let content = STANDARD.encode(cipher.encrypt(&secret, plain.as_bytes()).expect("the key fits the cipher"));
    let key = STANDARD.encode(how.wrapped(&secret));
    let digest = how
        .digest
        .as_ref()
        .map(|it| format!(r#"<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="{it}"/>"#));
    let mask =
        how.mask.as_ref().map(|it| format!(r#"<m:MGF xmlns:m="http://www.w3.org/2009/xmlenc11#" Algorithm="{it}"/>"#));
    let (digest, mask) = (digest.unwrap_or_default(), mask.unwrap_or_default());
    let cipher = how.cipher_said.as_ref().unwrap_or(&how.cipher);
    let transport = how.transport_said.as_ref().unwrap_or(&how.transport);
    let declaration = match name.trim_end_matches(':') {
        "" => "xmlns".to_owned(),
        prefix => format!("xmlns:{prefix}"),
    };
    let encrypted = format!(
        r#"<{name}EncryptedAssertion {declaration}="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="{cipher}"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}">{digest}{mask}</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{key}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{content}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></{name}EncryptedAssertion>"#
    );
    let mut whole = xml.to_owned();
    whole.replace_range(range, &encrypted);
    whole
}

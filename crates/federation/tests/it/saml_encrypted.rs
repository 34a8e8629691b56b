//! Encryption hides nothing from the checks.

use purser_federation::saml::{ServiceProvider, response};
use purser_standin::saml::{Dialect, Draft, Encryption, Signing};

use crate::saml::{ASKED, OURS, SP, STRANGER, draft, facts, honest, idp, now, reason, refused, sp, twice, verify};

#[test]
fn an_encrypted_assertion_that_would_not_pass_in_clear_does_not_pass() {
    const ENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    let good = Encryption::for_certificate(&OURS.certificate_der);
    let plain = |content: &str| Encryption { content: Some(content.to_owned()), ..good.clone() };
    let signed = || draft().sign_assertion(&honest());
    let cases: Vec<(&str, Draft, Encryption, &str)> = vec![
        ("unsigned", draft(), good.clone(), "Assertion signature: missing"),
        (
            "signed by a stranger",
            draft().sign_assertion(&Signing::with(&STRANGER)),
            good.clone(),
            "Assertion signature: key",
        ),
        (
            "CBC",
            signed(),
            Encryption { cipher: format!("{ENC}aes256-cbc"), ..good.clone() },
            "encryption: the algorithm “http://www.w3.org/2001/04/xmlenc#aes256-cbc”",
        ),
        (
            "CBC by name",
            signed(),
            Encryption { cipher_said: Some(format!("{ENC}aes128-cbc")), ..good.clone() },
            "encryption: the algorithm",
        ),
        (
            "RSA 1.5",
            signed(),
            Encryption { transport_said: Some(format!("{ENC}rsa-1_5")), ..good.clone() },
            "encryption: the algorithm “http://www.w3.org/2001/04/xmlenc#rsa-1_5”",
        ),
        (
            "for somebody else",
            signed(),
            Encryption::for_certificate(&STRANGER.certificate_der),
            "encryption: the key cannot be opened",
        ),
        (
            "another cipher than the key is for",
            signed(),
            Encryption { cipher_said: Some("http://www.w3.org/2009/xmlenc11#aes128-gcm".into()), ..good.clone() },
            "encryption: the key has another length",
        ),
        ("no assertion", signed(), plain("<x/>"), "encryption: what was encrypted is no assertion"),
        ("no XML", signed(), plain("hello"), "encryption: what was encrypted is not one element"),
        ("document type", signed(), plain("<!DOCTYPE x><x/>"), "document type: not allowed"),
        ("comment", signed(), plain("<x><!-- --></x>"), "comment: not allowed"),
        (
            "an assertion in it",
            signed(),
            plain(r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Assertion/></Assertion>"#),
            "assertion: not exactly one in what",
        ),
        (
            "a signature deeper in it",
            signed(),
            plain(r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><x><Signature/></x></Assertion>"#),
            "signature: in an unexpected place",
        ),
        ("two elements", signed(), plain("<x/><x/>"), "encryption: what was encrypted is not one element"),
        ("a piece that ends early", signed(), plain("<x/></context><x>"), "XML: "),
        (
            "a name in another tongue",
            signed(),
            plain(r#"<a:Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>"#),
            "XML: ",
        ),
    ];
    for (name, document, how, expected) in cases {
        refused(name, &document.encrypt(&how).sign_response(&honest()).posted(), expected);
    }
}

#[test]
fn an_encrypted_assertion_of_odd_shape_is_refused() {
    let encrypted = || draft().sign_assertion(&honest()).encrypt(&Encryption::for_certificate(&OURS.certificate_der));
    let key = |xml: &str| {
        let (_, rest) = xml.split_once("<xenc:EncryptedKey>").unwrap();
        format!("<xenc:EncryptedKey>{}</xenc:EncryptedKey>", rest.split_once("</xenc:EncryptedKey>").unwrap().0)
    };
    let cases: Vec<(&str, Draft, &str)> = vec![
        (
            "no key",
            encrypted().map(|xml| {
                let key = key(&xml);
                xml.replace(&key, "")
            }),
            "encryption: there is not exactly one key for us",
        ),
        (
            "two keys",
            encrypted().map(|xml| {
                let key = key(&xml);
                xml.replace(&key, &key.repeat(2))
            }),
            "encryption: there is not exactly one key for us",
        ),
        (
            "a reference to the content",
            encrypted().with("xenc:CipherValue>", "xenc:CipherReference>"),
            "CipherValue: missing",
        ),
        (
            "a label",
            encrypted()
                .with("</xenc:EncryptionMethod>", "<xenc:OAEPparams>AA==</xenc:OAEPparams></xenc:EncryptionMethod>"),
            "encryption: OAEP has unexpected parameters",
        ),
        ("unlike digests", encrypted().with("xmldsig#sha1", "xmlenc#x"), "encryption: the digests of OAEP"),
        (
            "content of two",
            encrypted().map(|xml| twice(&xml, "<xenc:EncryptedData ", "</xenc:EncryptedData>")),
            "EncryptedData: more than one",
        ),
        (
            "content changed",
            encrypted().map(|xml| {
                let at = xml.rfind("</xenc:CipherValue>").unwrap();
                let (a, b) = xml.split_at(at - 8);
                format!("{a}{}{b}", "AAAA")
            }),
            "encryption: the content cannot be opened",
        ),
    ];
    for (name, document, expected) in cases {
        refused(name, &document.sign_response(&honest()).posted(), expected);
    }
    let two = encrypted().map(|xml| {
        let key = key(&xml);
        let mine = key.replace("<xenc:EncryptedKey>", &format!("<xenc:EncryptedKey Recipient=\"{SP}\">"));
        let theirs = key.replace("<xenc:EncryptedKey>", "<xenc:EncryptedKey Recipient=\"https://other.test\">");
        xml.replace(&key, &format!("{theirs}{mine}"))
    });
    assert!(verify(&two.clone().sign_response(&honest()).posted()).is_ok(), "of two keys, ours is taken by its name");
    let both_ours = two.with("Recipient=\"https://other.test\"", &format!("Recipient=\"{SP}\""));
    refused(
        "two for us",
        &both_ours.sign_response(&honest()).posted(),
        "encryption: there is not exactly one key for us",
    );
}

#[test]
fn without_a_key_of_ours_nothing_encrypted_is_opened() {
    let how = Encryption::for_certificate(&OURS.certificate_der);
    let posted = draft().sign_assertion(&honest()).encrypt(&how).sign_response(&honest()).posted();
    let keyless = ServiceProvider { key: None, ..sp() };
    let refused = reason(response::verify(&posted, &keyless, &idp(), Some(ASKED), now()));
    assert_eq!(refused, "encryption: the assertion is encrypted, but we have no key");
}

#[test]
fn what_was_encrypted_may_use_the_namespaces_around_it() {
    const NAMESPACE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    let read = |dialect: &Dialect, declaration: &str, begin: &str, decoy: &str| {
        let signed = Draft::new(&facts(), dialect).sign_assertion(&honest());
        let xml = signed.xml();
        let content = xml.get(xml.find(begin).unwrap()..xml.find("</samlp:Response>").unwrap()).unwrap();
        assert!(content.contains(declaration));
        let how = Encryption {
            content: Some(content.replacen(declaration, "", 1)),
            ..Encryption::for_certificate(&OURS.certificate_der)
        };
        let document = signed.encrypt(&how).with("<samlp:Response ", &format!("<samlp:Response {decoy} "));
        verify(&document.sign_response(&honest()).posted()).map(|it| it.identity.subject)
    };
    let prefixed = format!(r#" xmlns:saml="{NAMESPACE}""#);
    let nearest = read(&Dialect::SAMLP, &prefixed, "<saml:Assertion ", r#"xmlns:saml="urn:farther""#);
    assert_eq!(nearest.as_deref(), Ok("ada@customer.test"));
    let default = read(&Dialect::ENTRA, &format!(r#" xmlns="{NAMESPACE}""#), "<Assertion ", r#"xmlns="urn:farther""#);
    assert_eq!(default.as_deref(), Ok("ada@customer.test"));
}

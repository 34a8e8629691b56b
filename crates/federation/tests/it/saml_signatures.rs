//! Signatures that are there, but not as they should be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::C14nMode;
use purser_federation::saml::{Accept, IdentityProvider, response};
use purser_standin::saml::{Key, Signing, attacks};

use crate::saml::{ASKED, KEY, STRANGER, between, cut, draft, honest, idp, idp_with, now, reason, refused, sp, twice};

#[test]
fn a_signature_of_another_shape_is_refused_however_well_it_is_made() {
    const OTHER: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let alter = |alter: fn(String) -> String| Signing { alter, ..honest() };
    let shapes: Vec<(&str, Signing, &str)> = vec![
        ("reference to all", Signing { reference: Some(String::new()), ..honest() }, "reference: not to the element"),
        (
            "reference to another",
            Signing { reference: Some("#_other".into()), ..honest() },
            "reference: not to the element",
        ),
        (
            "reference by pointer",
            Signing { reference: Some("#xpointer(id('_assertion-1'))".into()), ..honest() },
            "reference: not to the element",
        ),
        ("no reference", alter(|it| cut(&it, "<dsig:Reference", "</dsig:Reference>")), "shape: SignedInfo has"),
        ("two references", alter(|it| twice(&it, "<dsig:Reference", "</dsig:Reference>")), "shape: SignedInfo has"),
        (
            "reference without address",
            alter(|it| it.replace(" URI=\"#_assertion-1\"", "")),
            "URI: missing on Reference",
        ),
        (
            "manifest",
            alter(|it| it.replace("</dsig:SignedInfo>", "<dsig:Manifest/></dsig:SignedInfo>")),
            "shape: SignedInfo has",
        ),
        ("no transforms", alter(|it| cut(&it, "<dsig:Transforms>", "</dsig:Transforms>")), "shape: Reference has"),
        ("one transform", alter(|it| cut(&it, "<dsig:Transform A", "/>")), "transform: not exactly two"),
        ("XSLT", alter(|it| third(&it, "http://www.w3.org/TR/1999/REC-xslt-19991116")), "transform: not exactly two"),
        ("XPath", alter(|it| third(&it, "http://www.w3.org/TR/1999/REC-xpath-19991116")), "transform: not exactly two"),
        ("base64", alter(|it| third(&it, "http://www.w3.org/2000/09/xmldsig#base64")), "transform: not exactly two"),
        (
            "XPath instead of enveloped",
            alter(|it| it.replace(OTHER, "http://www.w3.org/2002/06/xmldsig-filter2")),
            "transform: the first is not enveloped",
        ),
        (
            "parameters for enveloped",
            alter(|it| it.replace(&format!("\"{OTHER}\"/>"), &format!("\"{OTHER}\"><x/></dsig:Transform>"))),
            "transform: the first is not enveloped",
        ),
        (
            "parameters for canonicalisation",
            alter(|it| {
                it.replace(
                    &format!("<dsig:Transform Algorithm=\"{EXCLUSIVE}\">"),
                    &format!("<dsig:Transform Algorithm=\"{EXCLUSIVE}\"><x/>"),
                )
            }),
            "transform: unexpected parameters",
        ),
        (
            "transform of another family",
            alter(|it| {
                it.replace("<dsig:Transform A", r#"<x:Transform xmlns:x="urn:x" A"#)
                    .replace("</dsig:Transform>", "</x:Transform>")
            }),
            "transform: unexpected element",
        ),
        ("inclusive canonicalisation", Signing { mode: C14nMode::Inclusive, ..honest() }, "transform: not exclusive"),
        (
            "canonicalisation with comments",
            Signing { mode: C14nMode::ExclusiveWithComments, ..honest() },
            "transform: not exclusive",
        ),
        (
            "inclusive canonicalisation of the content only",
            alter(|it| {
                it.replace(
                    &format!("<dsig:Transform Algorithm=\"{EXCLUSIVE}\">"),
                    "<dsig:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\">",
                )
            }),
            "transform: not exclusive",
        ),
        (
            "odd prefixes",
            Signing { prefixes: vec!["a:b".into()], ..honest() },
            "transform: too many or malformed prefixes",
        ),
        (
            "many prefixes",
            Signing { prefixes: (0..21).map(|it| format!("p{it}")).collect(), ..honest() },
            "transform: too many or malformed prefixes",
        ),
        (
            "SHA-1 digest",
            Signing { digest: "http://www.w3.org/2000/09/xmldsig#sha1".into(), ..honest() },
            "algorithm: “http://www.w3.org/2000/09/xmldsig#sha1”",
        ),
        (
            "HMAC with the public key",
            Signing {
                method: "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256".into(),
                secret: Some(KEY.certificate_der.clone()),
                ..honest()
            },
            "algorithm: “http://www.w3.org/2001/04/xmldsig-more#hmac-sha256”",
        ),
        (
            "SHA-1 signature",
            alter(|it| {
                it.replace(
                    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
                )
            }),
            "algorithm: “http://www.w3.org/2000/09/xmldsig#rsa-sha1”",
        ),
        (
            "parameters for the method",
            alter(|it| {
                it.replace(
                    "#rsa-sha256\"/>",
                    "#rsa-sha256\"><dsig:HMACOutputLength>8</dsig:HMACOutputLength></dsig:SignatureMethod>",
                )
            }),
            "algorithm: parameters for",
        ),
        (
            "parameters for the digest",
            alter(|it| it.replace("xmlenc#sha256\"/>", "xmlenc#sha256\"><x/></dsig:DigestMethod>")),
            "algorithm: parameters for",
        ),
        (
            "void digest",
            Signing { digested: Some(String::new()), ..honest() },
            "digest: the content is not what was signed",
        ),
        (
            "digest in pieces",
            alter(|it| it.replace("</dsig:DigestValue>", "<x/></dsig:DigestValue>")),
            "text: DigestValue holds more than text",
        ),
        (
            "digest not in base64",
            alter(|it| it.replace("</dsig:DigestValue>", "!</dsig:DigestValue>")),
            "base64: cannot be decoded",
        ),
        (
            "many parts",
            alter(|it| it.replace("</dsig:SignedInfo>", &format!("{}</dsig:SignedInfo>", "<x/>".repeat(10)))),
            "shape: SignedInfo has too many parts",
        ),
        ("a stranger's key", Signing { prefix: "dsig".into(), ..Signing::with(&STRANGER) }, "key: not made with any"),
        (
            "a stranger's key, our provider's certificate",
            Signing { private_pem: STRANGER.private_pem.clone(), ..honest() },
            "key: not made with any",
        ),
        (
            "another kind of key",
            Signing { prefix: "dsig".into(), ..Signing::with(&Key::p256()) },
            "key: not made with any",
        ),
    ];
    for (name, how, expected) in shapes {
        let posted = draft().sign_assertion(&how).sign_response(&honest()).posted();
        refused(name, &posted, &format!("Assertion signature: {expected}"));
    }
}

fn third(text: &str, transform: &str) -> String {
    text.replace("</dsig:Transforms>", &format!("<dsig:Transform Algorithm=\"{transform}\"/></dsig:Transforms>"))
}

/// The content of the assertion's signature after signing, or of the whole: somebody in between.
#[test]
fn a_document_changed_after_signing_is_refused() {
    let both = || draft().sign_both(&honest());
    let in_assertion = |old: &str, new: &str| {
        let xml = draft().sign_assertion(&honest()).map(|xml| {
            assert!(xml.contains(old), "there is no {old}");
            xml.replace(old, new)
        });
        xml.sign_response(&honest()).posted()
    };
    let changed: Vec<(&str, String, &str)> = vec![
        ("another name", in_assertion("ada@customer.test", attacks::VILLAIN), "Assertion signature: digest"),
        ("another attribute", in_assertion(">Operators<", ">Admins<"), "Assertion signature: digest"),
        (
            "another destination",
            both().with("Destination=", "ProtocolBinding=\"x\" Destination=").posted(),
            "Response signature: digest",
        ),
        (
            "something added",
            both().with("</samlp:Response>", "<x/></samlp:Response>").posted(),
            "Response signature: digest",
        ),
        (
            "an object",
            in_assertion("</dsig:KeyInfo>", "</dsig:KeyInfo><dsig:Object/>"),
            "Assertion signature: shape: unexpected parts",
        ),
        (
            "two SignedInfo",
            in_assertion("<dsig:SignedInfo>", "<dsig:SignedInfo></dsig:SignedInfo><dsig:SignedInfo>"),
            "Assertion signature: shape: unexpected parts",
        ),
        (
            "parts in another order",
            both()
                .map(|xml| {
                    let (begin, rest) = xml.split_once("<dsig:SignedInfo>").unwrap();
                    let (info, rest) = rest.split_once("</dsig:SignedInfo>").unwrap();
                    let (value, rest) = rest.split_once("</dsig:SignatureValue>").unwrap();
                    format!("{begin}{value}</dsig:SignatureValue><dsig:SignedInfo>{info}</dsig:SignedInfo>{rest}")
                })
                .posted(),
            "Response signature: shape: unexpected parts",
        ),
        (
            "no value",
            in_assertion("dsig:SignatureValue>", "dsig:Value>"),
            "Assertion signature: shape: unexpected parts",
        ),
        (
            "an empty value",
            draft()
                .sign_assertion(&honest())
                .map(|xml| between(&xml, "<dsig:SignatureValue>", "<", "<dsig:SignatureValue><"))
                .sign_response(&honest())
                .posted(),
            "Assertion signature: key",
        ),
        (
            "an element in the value",
            in_assertion("</dsig:SignatureValue>", "<x/></dsig:SignatureValue>"),
            "Assertion signature: text: SignatureValue holds more",
        ),
        ("another digest", in_assertion("<dsig:DigestValue>", "<dsig:DigestValue>AAAA"), "Assertion signature: key"),
        ("another method", in_assertion("#rsa-sha256", "#rsa-sha512"), "Assertion signature: key"),
        (
            "two signatures",
            draft()
                .sign_assertion(&honest())
                .map(|xml| {
                    twice(&xml, "<dsig:Signature ", "</dsig:Signature>").replacen("Id=\"sig_assertion-1\"", "", 1)
                })
                .sign_response(&honest())
                .posted(),
            "Assertion signature: Signature: more than one",
        ),
        (
            "signature of another family",
            draft()
                .sign_assertion(&honest())
                .with("xmlns:dsig=\"http://www.w3.org/2000/09/xmldsig#\"", "xmlns:dsig=\"urn:x\"")
                .sign_response(&honest())
                .posted(),
            "signature: in an unexpected place",
        ),
        (
            "signature elsewhere",
            draft()
                .map(|xml| {
                    xml.replace("<!--assertion-signature-->", "")
                        .replace("<saml:Subject>", "<saml:Subject><!--assertion-signature-->")
                })
                .sign_both(&honest())
                .posted(),
            "signature: in an unexpected place",
        ),
        (
            "signature of a part",
            draft()
                .with("<!--assertion-signature-->", "")
                .with("<saml:AttributeStatement>", "<saml:AttributeStatement><!--assertion-signature-->")
                .sign_assertion(&honest())
                .posted(),
            "signature: in an unexpected place",
        ),
        (
            "false friend of a signature",
            draft()
                .with("<samlp:Status>", r#"<x:Signature xmlns:x="urn:x"/><samlp:Status>"#)
                .sign_both(&honest())
                .posted(),
            "signature: in an unexpected place",
        ),
        ("unsigned", draft().posted(), "Response signature: missing"),
        ("assertion unsigned", draft().sign_response(&honest()).posted(), "Assertion signature: missing"),
        ("response unsigned", draft().sign_assertion(&honest()).posted(), "Response signature: missing"),
    ];
    for (name, posted, expected) in changed {
        refused(name, &posted, expected);
    }
}

#[test]
fn no_setting_accepts_a_signed_response_around_an_unsigned_assertion() {
    let lenient = IdentityProvider { accept: Accept::AssertionOnly, ..idp() };
    let read = |posted: &str| reason(response::verify(posted, &sp(), &lenient, Some(ASKED), now()));
    assert_eq!(read(&draft().sign_response(&honest()).posted()), "Assertion signature: missing");
    let stranger = Signing { prefix: "dsig".into(), ..Signing::with(&STRANGER) };
    let wrong = draft().sign_assertion(&honest()).sign_response(&stranger).posted();
    assert_eq!(read(&wrong), "Response signature: key: not made with any of the configured certificates");
    let nameless = draft().sign_assertion(&honest()).with(r#" ID="_response-1""#, "").posted();
    assert_eq!(read(&nameless), "ID: missing on Response");
    let elsewhere =
        draft().sign_assertion(&honest()).with("Destination=\"", "Destination=\"https://evil.test/").posted();
    assert!(read(&elsewhere).starts_with("destination:"));
}

#[test]
fn no_certificate_at_all_believes_nobody() {
    let posted = draft().sign_both(&honest()).posted();
    let refused = reason(response::verify(&posted, &sp(), &idp_with(&[]), Some(ASKED), now()));
    assert_eq!(refused, "Response signature: key: not made with any of the configured certificates");
}

#[test]
fn all_eight_ways_of_wrapping_are_refused() {
    for accept in [Accept::Both, Accept::AssertionOnly] {
        let idp = IdentityProvider { accept, ..idp() };
        for way in 1..=8 {
            let signed = draft().sign_assertion(&honest());
            // The attacker rearranges before the response's signature only in our test, so that nothing but the arrangement is wrong.
            let document = match way {
                1 | 2 => attacks::wrapped(&signed.sign_response(&honest()).xml(), way),
                _ => signed.map(|xml| attacks::wrapped(&xml, way)).sign_response(&honest()).xml(),
            };
            let found = reason(response::verify(&STANDARD.encode(document), &sp(), &idp, Some(ASKED), now()));
            let expected = match way {
                1 => ["signature: in an unexpected place", "Response signature: shape: unexpected parts"].as_slice(),
                2 => &["signature: in an unexpected place", "Response signature: reference"],
                4 | 6 | 8 => &["signature: in an unexpected place", "assertion: not exactly one in the document"],
                _ => &["assertion: not exactly one in the document", "signature: in an unexpected place"],
            };
            assert!(expected.iter().any(|it| found.starts_with(it)), "way {way}: {found}");
        }
    }
}

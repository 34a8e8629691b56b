//! Documents that are not read at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use purser_federation::saml::response;
use purser_standin::saml::Draft;

use crate::saml::{ACS, cut, draft, honest, refused, verify};

#[test]
fn the_assertion_is_the_only_one_and_in_its_place() {
    let evil = r#"<saml:Assertion ID="_evil" Version="2.0"/>"#;
    let cases = [
        (
            "one before",
            draft().with("<saml:Assertion ", &format!("{evil}<saml:Assertion ")),
            "assertion: not exactly one",
        ),
        (
            "one after",
            draft().with("</saml:Assertion>", &format!("</saml:Assertion>{evil}")),
            "assertion: not exactly one",
        ),
        (
            "one inside",
            draft().with("<saml:Subject>", &format!("<saml:Advice>{evil}</saml:Advice><saml:Subject>")),
            "assertion: not exactly one",
        ),
        (
            "one of SAML 1",
            draft().with(
                "<samlp:Status>",
                r#"<o:Assertion xmlns:o="urn:oasis:names:tc:SAML:1.0:assertion"/><samlp:Status>"#,
            ),
            "assertion: not exactly one",
        ),
        (
            "an encrypted one beside",
            draft().with("</saml:Assertion>", "</saml:Assertion><saml:EncryptedAssertion/>"),
            "assertion: not exactly one",
        ),
        (
            "deeper",
            draft()
                .with("<saml:Assertion ", "<samlp:Extensions><saml:Assertion ")
                .with("</saml:Assertion>", "</saml:Assertion></samlp:Extensions>"),
            "signature: in an unexpected place",
        ),
        (
            "of another family",
            draft()
                .with("<saml:Assertion ", r#"<x:Assertion xmlns:x="urn:x" "#)
                .with("</saml:Assertion>", "</x:Assertion>"),
            "signature: in an unexpected place",
        ),
    ];
    for (name, document, expected) in cases {
        refused(name, &document.sign_both(&honest()).posted(), expected);
    }
    let lenient =
        |draft: Draft| draft.map(|xml| xml.replace("<!--assertion-signature-->", "")).sign_response(&honest()).posted();
    let deeper = draft()
        .with("<saml:Assertion ", "<samlp:Extensions><saml:Assertion ")
        .with("</saml:Assertion>", "</saml:Assertion></samlp:Extensions>");
    refused("deeper, unsigned", &lenient(deeper), "assertion: not directly in the response");
    let foreign = draft()
        .with("<saml:Assertion ", r#"<x:Assertion xmlns:x="urn:x" "#)
        .with("</saml:Assertion>", "</x:Assertion>");
    refused("of another family, unsigned", &lenient(foreign), "assertion: not directly in the response");
    let none = draft().map(|xml| cut(&xml, "<saml:Assertion ", "</saml:Assertion>")).sign_response(&honest()).posted();
    refused("none", &none, "assertion: not exactly one");
}

#[test]
fn a_document_with_anything_but_plain_elements_is_refused() {
    let signed = || draft().sign_both(&honest());
    let within = |old: &str, new: &str| signed().with(old, new).posted();
    let begin = |prologue: &str| signed().map(|xml| format!("{prologue}{xml}")).posted();
    let laughs: String =
        (1..10).map(|it| format!("<!ENTITY l{it} \"{}\">", format!("&l{};", it - 1).repeat(10))).collect();
    let cases: Vec<(&str, String, &str)> = vec![
        ("document type", begin("<!DOCTYPE Response>"), "document type: not allowed"),
        (
            "external entity",
            begin(r#"<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#),
            "document type: not allowed",
        ),
        ("billion laughs", begin(&format!("<!DOCTYPE r [<!ENTITY l0 \"ha\">{laughs}]>")), "document type: not allowed"),
        ("entity", within(">Operators<", ">&operators;<"), "XML: "),
        (
            "comment in the name",
            within("ada@customer.test</saml:NameID>", "ada@customer.test<!---->.evil.test</saml:NameID>"),
            "comment: not allowed",
        ),
        ("comment in the digest", within("</dsig:DigestValue>", "<!--x--></dsig:DigestValue>"), "comment: not allowed"),
        (
            "comment in the signature",
            within("</dsig:SignatureValue>", "<!--x--></dsig:SignatureValue>"),
            "comment: not allowed",
        ),
        ("comment before all", begin("<!-- hello -->"), "comment: not allowed"),
        ("CDATA", within(">Operators<", "><![CDATA[Operators]]><"), "CDATA: not allowed"),
        ("instruction", within("<saml:Subject>", "<?php echo?><saml:Subject>"), "processing instruction: not allowed"),
        ("instruction before all", begin("<?xml-stylesheet href=\"x\"?>"), "encoding: the declaration"),
        ("Latin 1", begin(r#"<?xml version="1.0" encoding="ISO-8859-1"?>"#), "encoding: the declaration"),
        ("XML 1.1", begin(r#"<?xml version="1.1"?>"#), "encoding: the declaration"),
        ("declaration not closed", begin(r#"<?xml version="1.0""#), "declaration: not closed"),
        ("two roots", signed().map(|xml| format!("{xml}<x/>")).posted(), "XML: "),
        ("text after the root", signed().map(|xml| format!("{xml}x")).posted(), "XML: "),
        (
            "an attribute twice",
            within("<samlp:Response ", &format!(r#"<samlp:Response Destination="{ACS}" "#)),
            "XML: ",
        ),
        (
            "an attribute twice under two prefixes",
            within("<saml:Subject>", r#"<saml:Subject xmlns:a="urn:x" xmlns:b="urn:x" a:c="1" b:c="2">"#),
            "XML: ",
        ),
        ("a prefix for nothing", within("<saml:Subject>", "<saml:Subject nobody:x=\"1\">"), "XML: "),
        (
            "an ID twice",
            within("<saml:Subject>", r#"<saml:Subject ID="_assertion-1">"#),
            "identifier: two elements share one",
        ),
        (
            "an ID twice in other letters",
            within("<saml:Subject>", r#"<saml:Subject Id="_assertion-1">"#),
            "identifier: two elements share one",
        ),
        (
            "an xml:id",
            within("<saml:Subject>", r#"<saml:Subject xml:id="_assertion-1">"#),
            "identifier: two elements share one",
        ),
        (
            "an ID of another family",
            within("<saml:Subject>", r#"<saml:Subject xmlns:w="urn:w" w:Id="_assertion-1">"#),
            "identifier: two elements share one",
        ),
        (
            "an AssertionID",
            within("<saml:Subject>", r#"<saml:Subject AssertionID="_assertion-1">"#),
            "identifier: two elements share one",
        ),
        (
            "two identifiers",
            within("<samlp:Response ", r#"<samlp:Response xml:id="_other" "#),
            "identifier: an element has two",
        ),
        (
            "deep",
            within("<saml:Subject>", &format!("{}{}<saml:Subject>", "<x>".repeat(40), "</x>".repeat(40))),
            "XML: ",
        ),
        (
            "many elements",
            within("<saml:Subject>", &format!("{}<saml:Subject>", "<x/>".repeat(25_000))),
            "size: too many elements",
        ),
        (
            "many attributes",
            within(
                "<saml:Subject>",
                &format!("<saml:Subject {}>", (0..300).map(|it| format!("a{it}='' ")).collect::<String>()),
            ),
            "size: too many attributes",
        ),
        (
            "many attributes in all",
            within("<saml:Subject>", &format!("{}<saml:Subject>", "<x a='' b='' c='' d='' e=''/>".repeat(5_000))),
            "size: too many attributes",
        ),
        (
            "many namespaces",
            within(
                "<saml:Subject>",
                &format!("<saml:Subject {}>", (0..40).map(|it| format!("xmlns:a{it}='u' ")).collect::<String>()),
            ),
            "size: too many namespaces",
        ),
        (
            "a long namespace",
            within("<saml:Subject>", &format!("<saml:Subject xmlns:a='{}'>", "u".repeat(1000))),
            "size: a namespace's name is too long",
        ),
        ("too long", within(">Operators<", &format!(">{}<", "x".repeat(520 << 10))), "size: more than"),
        ("no response", STANDARD.encode("<html/>"), "root: “html” is not a response"),
        (
            "a response of another family",
            STANDARD.encode(r#"<Response xmlns="urn:x"/>"#),
            "root: “Response” is not a response",
        ),
        ("no XML", STANDARD.encode("hello"), "XML: "),
        ("nothing", String::new(), "XML: "),
        ("no base64", "<Response/>".into(), "base64: cannot be decoded"),
        ("base64 for addresses", signed().posted().replacen('P', "-", 1), "base64: cannot be decoded"),
        ("base64 cut off", signed().posted().trim_end_matches('=').to_owned() + "=====", "base64: cannot be decoded"),
        ("not UTF-8", STANDARD.encode([b"<r>".as_slice(), &[0xc3, 0x28], b"</r>"].concat()), "encoding: not UTF-8"),
        (
            "UTF-16",
            STANDARD.encode("\u{feff}<r/>".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
            "encoding: not UTF-8",
        ),
        ("NUL", STANDARD.encode("<r>\0</r>"), "XML: "),
    ];
    for (name, posted, expected) in cases {
        refused(name, &posted, expected);
        let peeked = response::peek(&posted);
        // What the guard refuses is refused to the glance as well; what only signatures can tell is not its business.
        assert!(peeked.is_err(), "{name}: the glance accepts it");
    }
}

#[test]
fn base64_may_be_broken_into_lines_and_text_may_begin_with_a_mark() {
    let posted = draft().sign_both(&honest()).posted();
    let lines: Vec<_> = posted.as_bytes().chunks(76).map(|it| std::str::from_utf8(it).unwrap()).collect();
    assert!(verify(&lines.join("\r\n")).is_ok());
    let padded = posted.clone() + &" ".repeat(1 << 20);
    refused("mostly space", &padded, "size: more than");
    let declared = draft()
        .sign_both(&honest())
        .map(|xml| format!("\u{feff}<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n{xml}"));
    assert!(verify(&declared.posted()).is_ok());
}

#[test]
fn a_short_document_with_a_huge_canonical_form_is_refused() {
    let junk = format!("<x xmlns:p='{}'>{}</x><saml:Subject>", "u".repeat(500), "<p:a/>".repeat(9_000));
    let posted = draft().sign_both(&honest()).with("<saml:Subject>", &junk).posted();
    assert!(posted.len() < 100 << 10);
    refused("namespaces repeated", &posted, "Response signature: canonical form: too long");
}

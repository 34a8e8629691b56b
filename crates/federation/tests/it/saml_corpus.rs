//! Responses signed by implementations that share no code with ours.

use purser_federation::saml::{Assertion, Certificate, IdentityProvider, ServiceKey, ServiceProvider, response};
use purser_federation::{Result, Secret};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::saml::{ASKED, idp, reason, sp};

macro_rules! corpus {
    ($name:literal) => {
        include_str!(concat!("../corpus/saml/", $name))
    };
}

fn verify(xml: &str) -> Result<Assertion> {
    let theirs = IdentityProvider { certificates: vec![Certificate::read_text(corpus!("idp.crt")).unwrap()], ..idp() };
    let key = ServiceKey {
        private_pem: Secret::new(corpus!("sp.key")),
        certificate_der: Certificate::read_text(corpus!("sp.crt")).unwrap().der,
    };
    let us = ServiceProvider { key: Some(key), ..sp() };
    response::verify(&STANDARD.encode(xml), &us, &theirs, Some(ASKED), "2026-11-21T23:12:00Z".parse().unwrap())
}

#[test]
fn what_node_signs_is_read() {
    let documents =
        [corpus!("node-samlp.xml"), corpus!("node-samlp-prefixed.xml"), corpus!("node-samlp-encrypted.xml")];
    for xml in documents {
        let assertion = verify(xml).unwrap();
        let identity = assertion.identity;
        assert_eq!(identity.subject, "ada-1");
        assert_eq!(identity.email.as_deref(), Some("ada@customer.test"));
        assert_eq!(identity.last_name.as_deref(), Some("Lovelace"));
        assert_eq!(identity.session.as_deref(), Some("session-7"));
        assert_eq!(assertion.in_response_to.as_deref(), Some(ASKED));
    }
}

#[test]
fn what_libxml_signs_is_read() {
    let documents = [
        corpus!("libxml.xml"),
        corpus!("libxml-plain.xml"),
        corpus!("libxml-crlf.xml"),
        corpus!("libxml-encrypted.xml"),
    ];
    for (at, xml) in documents.into_iter().enumerate() {
        let identity = verify(xml).unwrap_or_else(|it| panic!("number {at}: {it}")).identity;
        assert_eq!(identity.subject, "Zoë & Ada");
        assert_eq!(identity.email.as_deref(), Some("ada@customer.test"));
        assert_eq!(identity.first_name.as_deref(), Some("Zoë\r\n\"A\""), "escaped line ends are part of the text");
        assert_eq!(identity.amr, ["pwd"]);
    }
}

#[test]
fn sha1_is_refused_even_when_well_made() {
    let found = reason(verify(corpus!("node-samlp-sha1.xml")));
    assert_eq!(found, "Response signature: algorithm: “http://www.w3.org/2000/09/xmldsig#rsa-sha1” is not accepted");
}

#[test]
fn the_same_responses_changed_by_one_letter_are_refused() {
    let changed = corpus!("libxml.xml").replace("ada@customer.test", "eda@customer.test");
    assert_eq!(reason(verify(&changed)), "Response signature: digest: the content is not what was signed");
    let changed = corpus!("node-samlp.xml").replace(">ada@customer.test<", "> ada@customer.test<");
    assert_eq!(reason(verify(&changed)), "Response signature: digest: the content is not what was signed");
}

/// What those put in who try to make a signed document say something else.
const BAIT: [&str; 10] = [
    "<!-- -->",
    "<![CDATA[x]]>",
    "<?x?>",
    "&#x61;",
    "&amp;",
    " xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
    " ID=\"_asked-1\"",
    "<Assertion/>",
    "</saml:Assertion>",
    "\r\n",
];

/// One change of a text: where, as a part of its whole length, and what happens there.
fn damage() -> impl Strategy<Value = (f64, f64, usize, usize)> {
    (0.0..1.0, 0.0..1.0, 0_usize..40, 0_usize..BAIT.len() + 3)
}

fn damaged(text: &str, changes: &[(f64, f64, usize, usize)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for &(from, to, length, what) in changes {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a text"
        )]
        let place = |part: f64| (part * bytes.len() as f64) as usize;
        let (from, to) = (place(from), place(to));
        let run = bytes[from..(from + length).min(bytes.len())].to_vec();
        match what.checked_sub(3) {
            Some(bait) => drop(bytes.splice(from..from, BAIT[bait].bytes())),
            None if what == 0 => drop(bytes.splice(from..from + run.len(), [])),
            None if what == 1 => drop(bytes.splice(to..to, run)),
            None => bytes[from] = b'a' + u8::try_from(length % 26).unwrap(),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    /// As fuzz/ does for longer, and with whoever signed it well: so that what comes through must have been signed.
    #[test]
    fn a_damaged_document_says_what_was_signed_or_nothing(changes in prop::collection::vec(damage(), 1..4), which in 0_usize..5) {
        let documents = [
            corpus!("node-samlp.xml"),
            corpus!("node-samlp-prefixed.xml"),
            corpus!("libxml.xml"),
            corpus!("libxml-plain.xml"),
            corpus!("libxml-crlf.xml"),
        ];
        let whole = documents[which];
        if let Ok(read) = verify(&damaged(whole, &changes)) {
            prop_assert_eq!(read, verify(whole).unwrap());
        }
    }
}

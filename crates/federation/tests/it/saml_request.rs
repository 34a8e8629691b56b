//! What we send to identity providers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra::{DsigContext, KeysManager};
use purser_federation::saml::{Binding, Endpoint, IdentityProvider, Outgoing, ServiceProvider, request};
use url::Url;

use crate::saml::{ACS, OURS, SP, idp, now, sp};

fn address(outgoing: Outgoing) -> Url {
    match outgoing {
        Outgoing::Redirect(url) => url,
        Outgoing::Post { .. } => panic!("it should have been a redirect"),
    }
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn unpacked(packed: &str) -> String {
    let bytes = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(packed).unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Checks the signature of an address as its receiver does: over the query as it stands there.
pub(crate) fn is_signed_by_us(url: &Url) -> bool {
    let Some((signed, value)) = url.query().unwrap().split_once("&Signature=") else { return false };
    let value: String = url::form_urlencoded::parse(format!("={value}").as_bytes()).next().unwrap().1.into_owned();
    let key = bergshamra::keys::loader::load_x509_cert_der(&OURS.certificate_der).unwrap().to_signing_key().unwrap();
    let algorithm = bergshamra::crypto::sign::from_uri("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256").unwrap();
    algorithm.verify(&key.unwrap(), signed.as_bytes(), &STANDARD.decode(value).unwrap()).unwrap()
}

#[test]
fn a_request_travels_deflated_in_the_address() {
    let url = address(request::begin(&sp(), &idp(), "_r1", "state-1", now()).unwrap());
    assert!(url.as_str().starts_with("https://idp.test/sso?SAMLRequest="));
    assert_eq!(parameter(&url, "RelayState").as_deref(), Some("state-1"));
    assert_eq!(parameter(&url, "Signature"), None);
    assert_eq!(
        unpacked(&parameter(&url, "SAMLRequest").unwrap()),
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="2026-11-21T12:00:00Z" Destination="https://idp.test/sso" AssertionConsumerServiceURL="{ACS}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>{SP}</saml:Issuer><samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>"#
        )
    );
}

#[test]
fn a_request_is_signed_when_the_identity_provider_wants_it() {
    let strict = IdentityProvider { sign_requests: true, ..idp() };
    let url = address(request::begin(&sp(), &strict, "_r1", "a b&c=d", now()).unwrap());
    assert!(is_signed_by_us(&url));
    let keyless = ServiceProvider { key: None, ..sp() };
    let refused = request::begin(&keyless, &strict, "_r1", "", now()).unwrap_err();
    assert_eq!(refused.to_string(), "this message has to be signed, but we have no key");
}

#[test]
fn an_address_with_a_query_of_its_own_keeps_it() {
    let sso = vec![Endpoint { binding: Binding::Redirect, location: "https://idp.test/sso?tenant=7#top".into() }];
    let url = address(
        request::begin(&sp(), &IdentityProvider { sso, sign_requests: false, ..idp() }, "_r1", "", now()).unwrap(),
    );
    assert!(url.as_str().starts_with("https://idp.test/sso?tenant=7&SAMLRequest="), "{url}");
    assert_eq!(parameter(&url, "RelayState"), None);
}

#[test]
fn a_posted_request_carries_its_signature_inside() {
    let sso = vec![Endpoint { binding: Binding::Post, location: "https://idp.test/sso".into() }];
    let strict = IdentityProvider { sso, sign_requests: true, ..idp() };
    let Outgoing::Post { location, fields } = request::begin(&sp(), &strict, "_r1", "state-1", now()).unwrap() else {
        panic!("it should have been a form");
    };
    assert_eq!(location, "https://idp.test/sso");
    assert_eq!(fields.get(1), Some(&("RelayState".to_owned(), "state-1".to_owned())));
    let (name, value) = fields.first().unwrap();
    assert_eq!(name, "SAMLRequest");
    let xml = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
    let mut keys = KeysManager::new();
    keys.add_key(bergshamra::keys::loader::load_x509_cert_der(&OURS.certificate_der).unwrap());
    assert!(bergshamra::verify(&DsigContext::new(keys), &xml).unwrap().is_valid());
    let issuer_then_signature = format!("<saml:Issuer>{SP}</saml:Issuer><ds:Signature ");
    assert!(xml.contains(&issuer_then_signature), "in the order of the schema: {xml}");
}

#[test]
fn what_is_written_into_a_request_stays_inside_its_quotes() {
    let evil = r#"https://x.test/?a="><evil b='&amp;"#;
    let us = ServiceProvider { entity_id: evil.into(), acs: evil.into(), ..sp() };
    let url = address(request::begin(&us, &idp(), "_r1", "", now()).unwrap());
    let xml = unpacked(&parameter(&url, "SAMLRequest").unwrap());
    assert!(!xml.contains("<evil"), "{xml}");
    let tree = uppsala::parse(&xml).unwrap();
    let root = tree.document_element().unwrap();
    assert_eq!(tree.get_attribute(root, "AssertionConsumerServiceURL"), Some(evil));
    assert!(request::begin(&sp(), &idp(), "1\"", "", now()).is_err(), "an id that is none");
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_of_the_web() {
    for binding in [Binding::Redirect, Binding::Post] {
        for location in ["javascript:alert(1)//", "data:text/html,x", "/sso", ""] {
            let sso = vec![Endpoint { binding, location: location.into() }];
            let refused = request::begin(&sp(), &IdentityProvider { sso, ..idp() }, "_r1", "", now()).unwrap_err();
            assert_eq!(refused.to_string(), "the identity provider's address is not one of the web");
        }
    }
}

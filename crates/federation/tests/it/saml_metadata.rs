//! Metadata, certificates, and the look over the settings.

use jiff::{SignedDuration, Timestamp};
use purser_federation::saml::{
    Accept, Binding, Certificate, Endpoint, IdentityProvider, Outgoing, ServiceKey, ServiceProvider, examine, metadata,
    request, response,
};
use purser_federation::{Outcome, Refusal};
use purser_standin::saml::Key;

use crate::saml::{ACS, ASKED, IDP, KEY, OURS, SLO, SP, STRANGER, draft, honest, idp, now, service_key, sp};

fn descriptor(entity: &str, inside: &str) -> String {
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{entity}"><!-- made by hand --><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" WantAuthnRequestsSigned="true">{inside}</md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

fn key(usage: &str, key: &Key) -> String {
    let lines: Vec<_> =
        key.certificate_base64().as_bytes().chunks(64).map(|it| String::from_utf8(it.to_vec()).unwrap()).collect();
    format!(
        "<md:KeyDescriptor{usage}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        lines.join("\n")
    )
}

fn service(name: &str, binding: &str, location: &str) -> String {
    format!(r#"<md:{name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{location}"/>"#)
}

fn usual() -> String {
    [
        key(r#" use="signing""#, &KEY),
        key("", &STRANGER),
        key(r#" use="encryption""#, &OURS),
        key("", &STRANGER),
        service("SingleLogoutService", "HTTP-POST", "https://idp.test/slo"),
        service("SingleSignOnService", "SOAP", "https://idp.test/soap"),
        service("SingleSignOnService", "HTTP-POST", "https://idp.test/post"),
        service("SingleSignOnService", "HTTP-Redirect", "https://idp.test/redirect?a=1&amp;b=2"),
    ]
    .concat()
}

fn read(xml: &str) -> purser_federation::Result<IdentityProvider> {
    metadata::read(xml.as_bytes(), now())
}

fn refused(xml: &str, expected: &str) {
    match read(xml) {
        Err(Refusal::Misconfigured(reason)) => {
            assert!(reason.contains(expected), "expected {expected}, found {reason}");
        }
        other => panic!("expected {expected}, found {other:?}"),
    }
}

fn certificate(key: &Key) -> Certificate {
    Certificate::read(&key.certificate_der).unwrap()
}

#[test]
fn an_identity_providers_metadata_is_read() {
    let found = read(&descriptor(IDP, &usual())).unwrap();
    assert_eq!(
        found,
        IdentityProvider {
            entity_id: IDP.into(),
            sso: vec![
                Endpoint { binding: Binding::Post, location: "https://idp.test/post".into() },
                Endpoint { binding: Binding::Redirect, location: "https://idp.test/redirect?a=1&b=2".into() },
            ],
            slo: vec![Endpoint { binding: Binding::Post, location: "https://idp.test/slo".into() }],
            certificates: vec![certificate(&KEY), certificate(&STRANGER)],
            sign_requests: true,
            accept: Accept::Both,
            email_attribute: None,
            first_name_attribute: None,
            last_name_attribute: None,
            groups_attribute: None,
        }
    );
    let Ok(Outgoing::Redirect(url)) = request::begin(&sp(), &found, "_r1", "", now()) else {
        panic!("of two addresses, the one that needs no form is taken");
    };
    assert!(url.as_str().starts_with("https://idp.test/redirect?a=1&b=2&SAMLRequest="));
}

#[test]
fn what_the_stand_in_publishes_is_enough_to_believe_it() {
    let published = purser_standin::saml::metadata(IDP, "https://idp.test/sso", &KEY);
    let found = metadata::read(published.as_bytes(), now()).unwrap();
    let posted = draft().sign_both(&honest()).posted();
    assert!(response::verify(&posted, &sp(), &found, Some(ASKED), now()).is_ok());
}

#[test]
fn one_of_many_is_found_by_its_name() {
    let inside = |xml: &str| {
        format!(r#"<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata">{xml}</m:EntitiesDescriptor>"#)
    };
    let service = metadata::write(&sp(), &idp(), now()).unwrap();
    let service = service.split_once("?>").unwrap().1;
    let one = inside(&format!("{service}{}", descriptor(IDP, &usual())));
    assert_eq!(read(&one).unwrap().entity_id, IDP);
    let two = inside(&format!("{}{}", descriptor(IDP, &usual()), descriptor("https://second.test", &usual())));
    refused(&two, "there are several identity providers in it");
    assert_eq!(
        metadata::read_named(two.as_bytes(), "https://second.test", now()).unwrap().entity_id,
        "https://second.test"
    );
    assert!(metadata::read_named(two.as_bytes(), "https://third.test", now()).is_err());
    let nested = inside(&inside(&descriptor(IDP, &usual())));
    assert_eq!(read(&nested).unwrap().entity_id, IDP);
}

#[test]
fn metadata_that_cannot_be_used_is_refused_in_words() {
    let sso = service("SingleSignOnService", "HTTP-Redirect", "https://idp.test/sso");
    refused(&descriptor(IDP, &sso), "no certificate for signing");
    refused(&descriptor(IDP, &format!("{}{sso}", key(r#" use="encryption""#, &KEY))), "no certificate for signing");
    refused(&descriptor(IDP, &key("", &KEY)), "no sign-in address");
    refused(
        &descriptor(IDP, &usual().replace("<ds:X509Certificate>\n", "<ds:X509Certificate>AAAA")),
        "the certificate cannot be read",
    );
    refused(
        &descriptor(IDP, &usual().replace("<ds:X509Certificate>\n", "<ds:X509Certificate><!-- -->")),
        "text: X509Certificate holds more",
    );
    refused(&descriptor(IDP, &usual()).replace("SAML:2.0:protocol", "SAML:1.1:protocol"), "not exactly one role");
    refused(
        &descriptor(IDP, &usual()).replace("IDPSSODescriptor", "SPSSODescriptor"),
        "there is no such identity provider",
    );
    let role = descriptor(IDP, &usual()).replace("</md:EntityDescriptor>", "<md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/></md:EntityDescriptor>");
    refused(&role, "not exactly one role");
    refused("<html/>", "“html” is not SAML metadata");
    refused("<!DOCTYPE x><x/>", "document type: not allowed");
    refused(&format!("<x>{}</x>", " ".repeat(1 << 20)), "size: more than");
    refused("", "XML:");
}

#[test]
fn metadata_with_more_keys_than_anybody_needs_is_refused() {
    let keys = |count: usize| (0..count).map(|_| key("", &Key::p256())).collect::<Vec<_>>().concat();
    let sso = service("SingleSignOnService", "HTTP-Redirect", "https://idp.test/sso");
    assert_eq!(read(&descriptor(IDP, &(keys(10) + &sso))).unwrap().certificates.len(), 10);
    refused(&descriptor(IDP, &(keys(11) + &sso)), "too many certificates");
}

#[test]
fn metadata_past_its_time_is_refused_wherever_the_time_stands() {
    let until = |place: &str, moment: &str| {
        descriptor(IDP, &usual()).replacen(place, &format!(r#"{place} validUntil="{moment}""#), 1)
    };
    for place in ["<md:EntityDescriptor", "<md:IDPSSODescriptor"] {
        refused(&until(place, "2026-11-20T00:00:00Z"), "only valid until");
        assert!(read(&until(place, "2026-11-22T00:00:00Z")).is_ok());
    }
}

#[test]
fn our_metadata_says_how_to_reach_us() {
    let key = ServiceKey { certificate_der: vec![1, 2, 3], ..service_key(&OURS) };
    let signing = IdentityProvider { sign_requests: true, ..idp() };
    let xml = metadata::write(&ServiceProvider { key: Some(key), ..sp() }, &signing, now()).unwrap();
    let info = r#"<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>AQID</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"#;
    assert_eq!(
        xml,
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{SP}" validUntil="2027-11-21T12:00:00Z"><md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">{info}</md:KeyDescriptor><md:KeyDescriptor use="encryption">{info}<md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/><md:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/></md:KeyDescriptor><md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{SLO}"/><md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{SLO}"/><md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ACS}" index="0" isDefault="true"/></md:SPSSODescriptor></md:EntityDescriptor>
"#
        )
    );
    let evil = ServiceProvider { entity_id: "\"><x>&".into(), key: None, slo: None, ..sp() };
    let xml = metadata::write(&evil, &idp(), now()).unwrap();
    assert!(uppsala::parse(&xml).is_ok() && !xml.contains("<x>"), "{xml}");
    assert!(xml.contains(r#"AuthnRequestsSigned="false""#), "whoever believes more would refuse our requests: {xml}");
}

#[test]
fn a_certificate_is_read_however_it_is_pasted() {
    let base64 = KEY.certificate_base64();
    let pem = format!("-----BEGIN CERTIFICATE-----\r\n{base64}\r\n-----END CERTIFICATE-----\r\n");
    for text in [base64.clone(), format!("  {base64}\n"), pem] {
        assert_eq!(Certificate::read_text(&text), Ok(certificate(&KEY)));
    }
    assert!(Certificate::read_text("hello").is_err());
    assert!(Certificate::read(&[]).is_err());
    let mut longer = KEY.certificate_der.clone();
    longer.push(0);
    assert!(Certificate::read(&longer).is_err());
}

#[test]
fn a_certificate_with_a_key_that_proves_nothing_is_refused() {
    for text in [include_str!("../corpus/saml/weak.crt"), include_str!("../corpus/saml/ed25519.crt")] {
        let refused = Certificate::read_text(text).unwrap_err();
        assert!(refused.to_string().starts_with("the certificate's key cannot be used"), "{refused}");
    }
    for key in [Key::p256(), Key::p384()] {
        assert!(Certificate::read(&key.certificate_der).is_ok());
    }
}

#[test]
fn a_generated_key_signs_and_opens_for_ten_years() {
    let key = ServiceKey::generate("purser.test", now()).unwrap();
    let certificate = Certificate::read(&key.certificate_der).unwrap();
    assert_eq!(certificate.not_before.to_string(), "2026-11-01T00:00:00Z");
    assert_eq!(certificate.not_after.to_string(), "2036-11-01T00:00:00Z");
    assert_eq!(certificate.fingerprint.len(), 64);
    let us = ServiceProvider { key: Some(key), ..sp() };
    let strict = IdentityProvider { sign_requests: true, ..idp() };
    assert!(request::begin(&us, &strict, "_r1", "", now()).is_ok());
}

fn outcomes(sp: &ServiceProvider, idp: &IdentityProvider, now: Timestamp) -> Vec<(&'static str, Outcome)> {
    examine(sp, idp, now).into_iter().map(|it| (it.name, it.outcome)).filter(|(_, it)| *it != Outcome::Passed).collect()
}

#[test]
fn good_settings_pass_the_look_over() {
    assert_eq!(outcomes(&sp(), &idp(), now()), []);
}

#[test]
fn a_look_over_the_settings_finds_what_keeps_people_out() {
    use Outcome::{Failed, Warned};
    let location = |it: &str| vec![Endpoint { binding: Binding::Redirect, location: it.into() }];
    let keyless = ServiceProvider { key: None, ..sp() };
    let wants_signed = IdentityProvider { sign_requests: true, ..idp() };
    assert_eq!(outcomes(&keyless, &idp(), now()), []);
    assert_eq!(outcomes(&keyless, &wants_signed, now()), [("our key", Failed)]);
    assert_eq!(
        outcomes(&sp(), &IdentityProvider { certificates: vec![], ..idp() }, now()),
        [("certificate", Failed), ("rollover", Warned)]
    );
    assert_eq!(outcomes(&sp(), &IdentityProvider { sso: vec![], ..idp() }, now()), [("sign-in address", Failed)]);
    assert_eq!(
        outcomes(&sp(), &IdentityProvider { sso: location("http://idp.test"), ..idp() }, now()),
        [("sign-in address", Failed)]
    );
    assert_eq!(
        outcomes(&sp(), &IdentityProvider { sso: location("http://127.0.0.1:80"), ..idp() }, now()),
        [("sign-in address", Warned)]
    );
    assert_eq!(
        outcomes(&sp(), &IdentityProvider { slo: location("idp.test"), ..idp() }, now()),
        [("sign-out address", Failed)]
    );
    assert_eq!(outcomes(&sp(), &IdentityProvider { entity_id: SP.into(), ..idp() }, now()), [("names", Failed)]);
    assert_eq!(
        outcomes(&sp(), &IdentityProvider { accept: Accept::AssertionOnly, ..idp() }, now()),
        [("signatures", Warned)]
    );
}

#[test]
fn certificates_are_spoken_of_thirty_days_before_they_run_out() {
    use Outcome::Warned;
    let end = certificate(&KEY).not_after;
    let us = ServiceProvider { key: None, ..sp() };
    let before = |days: i64| end.checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
    assert_eq!(outcomes(&us, &idp(), before(31)), []);
    for moment in [before(30), before(1), end] {
        assert_eq!(outcomes(&us, &idp(), moment), [("certificate", Warned), ("rollover", Warned)]);
    }
    let found = examine(&us, &idp(), end).into_iter().find(|it| it.name == "certificate").unwrap().found;
    assert!(found.ends_with("has run out"), "{found}");
    let early = certificate(&KEY).not_before.checked_sub(SignedDuration::from_hours(1)).unwrap();
    assert_eq!(outcomes(&us, &idp(), early), [("certificate", Warned)]);
}

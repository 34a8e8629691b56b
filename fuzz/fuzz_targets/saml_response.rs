//! Any bytes as a SAML response: nobody is ever believed, nothing panics. Seeds: `crates/federation/tests/corpus/saml/*.xml`.

#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use purser_federation::Secret;
use purser_federation::saml::{Accept, Certificate, IdentityProvider, ServiceKey, ServiceProvider, logout, response};

/// As the corpus was made, but a year later: even what is well signed there has run out.
static PARTIES: LazyLock<(ServiceProvider, IdentityProvider)> = LazyLock::new(|| {
    let certificate = |text| Certificate::read_text(text).expect("the corpus is whole");
    let service = certificate(include_str!("../../crates/federation/tests/corpus/saml/sp.crt"));
    let provider = certificate(include_str!("../../crates/federation/tests/corpus/saml/idp.crt"));
    let us = ServiceProvider {
        entity_id: "https://purser.test/saml".into(),
        acs: "https://purser.test/api/client/auth/okta-saml".into(),
        slo: Some("https://purser.test/api/client/auth/okta-saml/logout".into()),
        key: Some(ServiceKey {
            private_pem: Secret::new(include_str!("../../crates/federation/tests/corpus/saml/sp.key")),
            certificate_der: service.der,
        }),
    };
    let them = IdentityProvider {
        entity_id: "https://idp.test/saml".into(),
        sso: Vec::new(),
        slo: Vec::new(),
        certificates: vec![provider],
        sign_requests: false,
        accept: Accept::AssertionOnly,
        email_attribute: None,
        first_name_attribute: None,
        last_name_attribute: None,
        groups_attribute: None,
    };
    (us, them)
});

fuzz_target!(|bytes: &[u8]| {
    let (us, them) = &*PARTIES;
    let now = "2027-11-21T23:12:00Z".parse().expect("a moment");
    let posted = STANDARD.encode(bytes);
    let _ = response::peek(&posted);
    assert!(response::verify(&posted, us, them, Some("_asked-1"), now).is_err());
    assert!(logout::read_request(&logout_form(&posted), us, them, now).is_err());
    if let Ok(query) = std::str::from_utf8(bytes) {
        let _ = logout::peek(&purser_federation::saml::Received::Redirect { query });
    }
});

fn logout_form(message: &str) -> purser_federation::saml::Received<'_> {
    purser_federation::saml::Received::Post { message }
}

//! The world of the SAML tests: one service provider, one identity provider, one noon in November.

use std::sync::LazyLock;

use jiff::Timestamp;
use purser_federation::saml::{
    Accept, Assertion, Binding, Certificate, Endpoint, IdentityProvider, ServiceKey, ServiceProvider, response,
};
use purser_federation::{Refusal, Result, Secret};
use purser_standin::saml::{Dialect, Draft, Facts, Key, Signing};

pub(crate) const IDP: &str = "https://idp.test/saml";
pub(crate) const SP: &str = "https://purser.test/saml";
pub(crate) const ACS: &str = "https://purser.test/api/client/auth/okta-saml";
pub(crate) const SLO: &str = "https://purser.test/api/client/auth/okta-saml/logout";
pub(crate) const ASKED: &str = "_asked-1";

/// The identity provider's key.
pub(crate) static KEY: LazyLock<Key> = LazyLock::new(Key::rsa);
/// The key of nobody we know.
pub(crate) static STRANGER: LazyLock<Key> = LazyLock::new(Key::rsa);
/// Our own.
pub(crate) static OURS: LazyLock<Key> = LazyLock::new(Key::rsa);

pub(crate) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub(crate) fn sp() -> ServiceProvider {
    ServiceProvider { entity_id: SP.into(), acs: ACS.into(), slo: Some(SLO.into()), key: Some(service_key(&OURS)) }
}

pub(crate) fn service_key(key: &Key) -> ServiceKey {
    ServiceKey { private_pem: Secret::new(&key.private_pem), certificate_der: key.certificate_der.clone() }
}

pub(crate) fn idp() -> IdentityProvider {
    idp_with(&[&KEY])
}

pub(crate) fn idp_with(keys: &[&Key]) -> IdentityProvider {
    IdentityProvider {
        entity_id: IDP.into(),
        sso: vec![Endpoint { binding: Binding::Redirect, location: "https://idp.test/sso".into() }],
        slo: vec![Endpoint { binding: Binding::Redirect, location: "https://idp.test/slo".into() }],
        certificates: keys.iter().map(|it| Certificate::read(&it.certificate_der).unwrap()).collect(),
        sign_requests: false,
        accept: Accept::Both,
        email_attribute: None,
        first_name_attribute: None,
        last_name_attribute: None,
        groups_attribute: Some("groups".into()),
    }
}

pub(crate) fn facts() -> Facts {
    Facts::new(IDP, SP, ACS, Some(ASKED), now())
}

/// An unsigned response of the dialect whose prefixes the tests spell out.
pub(crate) fn draft() -> Draft {
    Draft::new(&facts(), &Dialect::KEYCLOAK)
}

/// As it should be signed.
pub(crate) fn honest() -> Signing {
    Signing { prefix: "dsig".into(), ..Signing::with(&KEY) }
}

pub(crate) fn verify(posted: &str) -> Result<Assertion> {
    response::verify(posted, &sp(), &idp(), Some(ASKED), now())
}

/// Why the document is refused.
pub(crate) fn reason(result: Result<Assertion>) -> String {
    match result {
        Err(Refusal::Invalid(reason)) => reason,
        Err(other) => format!("{other:?}"),
        Ok(assertion) => format!("believed: {}", assertion.identity.subject),
    }
}

/// Refused for this reason, or the test says what happened instead.
pub(crate) fn refused(name: &str, posted: &str, expected: &str) {
    let found = reason(verify(posted));
    assert!(found.starts_with(expected), "{name}: expected “{expected}”, found “{found}”");
}

pub(crate) fn cut(text: &str, begin: &str, end: &str) -> String {
    between(text, begin, end, "")
}

pub(crate) fn twice(text: &str, begin: &str, end: &str) -> String {
    let (_, rest) = text.split_once(begin).unwrap();
    let piece = format!("{begin}{}{end}", rest.split_once(end).unwrap().0);
    text.replacen(&piece, &piece.repeat(2), 1)
}

pub(crate) fn between(text: &str, begin: &str, end: &str, new: &str) -> String {
    let (before, rest) = text.split_once(begin).unwrap();
    format!("{before}{new}{}", rest.split_once(end).unwrap().1)
}

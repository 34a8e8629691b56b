//! The parts by themselves, without the server: that a provider signs people in and a browser gets through is what all else stands on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::chromium::Browser;
use crate::deployment::{free_address, until};
use crate::providers::{ANN, OpenId, Saml};
use crate::visitor::Visitor;

/// An authorization request as any client would send it; the challenge is that of RFC 7636, appendix B.
fn authorization(at: &OpenId, redirect_uri: &str) -> String {
    let query = [
        ("client_id", at.client_id()),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("scope", "openid email"),
        ("state", "s"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{}/auth?{query}", at.issuer())
}

#[test]
fn the_openid_provider_sends_whoever_signs_in_back_with_a_code() {
    let mut provider = OpenId::start();
    provider.answer_to("http://127.0.0.1/done");
    let mut visitor = Visitor::new();
    let login = visitor.open(&authorization(&provider, "http://127.0.0.1/done"));
    let wrong = visitor.sign_in_at(&login, ANN, "wrong");
    assert_eq!((wrong.status, wrong.leads_to()), (401, None));
    let sent = visitor.sign_in_at(&login, ANN, provider.password()).leads_to().unwrap();
    assert!(sent.as_str().starts_with("http://127.0.0.1/done?code="), "{sent}");
    // RFC 9207.
    assert!(sent.query_pairs().any(|(name, value)| name == "iss" && value == provider.issuer()), "{sent}");
    let elsewhere = visitor.open(&authorization(&provider, "http://127.0.0.1/done/"));
    assert_eq!((elsewhere.status, elsewhere.leads_to()), (400, None));
}

#[test]
fn the_saml_provider_answers_with_a_response_that_is_signed_twice() {
    let mut provider = Saml::start();
    provider.answer_to("http://127.0.0.1/acs");
    let mut visitor = Visitor::new();
    let login = visitor.open(provider.start_here());
    let form = visitor.sign_in_at(&login, ANN, provider.password()).form();
    assert_eq!(form.action.as_str(), "http://127.0.0.1/acs");
    let response = String::from_utf8(STANDARD.decode(form.value("SAMLResponse")).unwrap()).unwrap();
    assert_eq!(response.matches("<SignatureValue>").count(), 2, "{response}");
    assert!(response.contains(">ann@acme.test</saml:NameID>"), "{response}");
}

fn came_to(step: &Json, url: &str) -> bool {
    step["url"].as_str().unwrap().starts_with(url)
}

#[test]
fn the_browser_signs_in_at_both() {
    let (mut openid, mut saml, mut browser) = (OpenId::start(), Saml::start(), Browser::start());
    // Where nobody listens: that it is sent there is all that is asked.
    let nowhere = format!("http://{}/", free_address());
    openid.answer_to(&nowhere);
    saml.answer_to(&nowhere);
    for (start, password) in [
        (authorization(&openid, &nowhere), openid.password().to_owned()),
        (saml.start_here().to_owned(), saml.password().to_owned()),
    ] {
        browser.open(&start);
        browser.fill("login", ANN);
        browser.fill("password", &password);
        browser.click("Sign in");
        let sent = until("it is sent back", || browser.see().trail.pop().filter(|step| came_to(step, &nowhere)));
        assert_eq!(sent["status"], json!(null), "nobody listens there");
    }
}

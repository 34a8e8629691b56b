//! Signing in through a real SAML identity provider, over HTTP: from the first click to `auth/me`.

use serde_json::json;

use crate::deployment::{Deployment, Node, until};
use crate::on_both;
use crate::providers::{ANN, EVAN, Saml};
use crate::visitor::{Form, Page, Visitor};

const ME: &str = "/api/client/auth/me";

/// Where responses are posted.
pub(crate) const ACS: &str = "/api/client/auth/okta-saml";

/// A click on the button of the provider.
pub(crate) const CLICK: &str = "/api/client/auth/okta-saml?provider=acme-saml&returnTo=/api/client/auth/me";

const MADE: &[&str] = &["--create-users", "--default-role", "Viewer"];

/// A server whose client has the provider, set up so; and a provider that has read the server's metadata.
pub(crate) fn set_up(here: &Deployment, settings: &[&str]) -> (Node, Saml) {
    let node = here.start();
    let mut provider = Saml::start();
    here.with_saml(&provider, settings);
    provider.trust(&node.at("/api/client/auth/okta-saml/metadata?provider=acme-saml"));
    (node, provider)
}

/// Goes to the provider, signs in there, and stands before the form that leads back.
pub(crate) fn until_the_way_back(visitor: &mut Visitor, node: &Node, provider: &Saml, name: &str) -> Form {
    let login = visitor.open(&node.at(CLICK));
    assert_eq!(login.status, 200, "{login:?}");
    visitor.sign_in_at(&login, name, provider.password()).form()
}

fn send(visitor: &mut Visitor, form: &Form) -> Page {
    let page = visitor.send_form(form);
    visitor.follow(page, |_| true)
}

on_both! {
    fn from_the_first_click_to_who_one_is(here: Deployment) {
        here.with_user("ann@acme.test", "Author");
        here.with_verified_domain("acme.test");
        let (node, provider) = set_up(&here, &["--trust-domain", "acme.test"]);
        let mut visitor = Visitor::new();
        let form = until_the_way_back(&mut visitor, &node, &provider, ANN);
        assert_eq!(form.action.as_str(), node.at(ACS));
        let arrived = visitor.send_form(&form);
        assert_eq!((arrived.status, arrived.leads_to().map(String::from)), (303, Some(node.at(ME))), "{arrived:?}");
        let me = visitor.open(&node.at(ME));
        assert_eq!((me.status, &me.json()["data"]["user"]["email"]), (200, &json!("ann@acme.test")), "{me:?}");
        assert_eq!(me.json()["data"]["user"]["roles"], json!(["AUTHOR"]));
    }

    fn a_response_is_taken_once_however_it_comes(here: Deployment) {
        let (node, provider) = set_up(&here, MADE);
        let mut visitor = Visitor::new();
        let form = until_the_way_back(&mut visitor, &node, &provider, EVAN);
        let me = send(&mut visitor, &form);
        assert_eq!((me.status, &me.json()["data"]["user"]["lastName"]), (200, &json!("O'Neil & Sons")), "{me:?}");
        let again = visitor.send_form(&form);
        assert_eq!((again.status, again.code()), (401, "SAML_INVALID".into()));
        let as_json = visitor.post(&node.at(ACS), &json!({"samlResponse": form.value("SAMLResponse")}));
        assert_eq!((as_json.status, as_json.code()), (401, "SAML_INVALID".into()));
    }

    fn a_response_is_of_no_use_in_another_browser(here: Deployment) {
        let (node, provider) = set_up(&here, MADE);
        let mut owner = Visitor::new();
        let form = until_the_way_back(&mut owner, &node, &provider, ANN);
        for mut other in [Visitor::new(), owner.forger()] {
            let refused = other.send_form(&form);
            assert_eq!((refused.status, refused.code()), (401, "SAML_INVALID".into()));
            assert_eq!(other.cookie("127.0.0.1", "session"), None);
        }
        assert_eq!(owner.send_form(&form).status, 303, "others' tries spoil nothing");
    }

    fn a_program_gets_tokens_for_a_response(here: Deployment) {
        let (node, provider) = set_up(&here, MADE);
        let mut visitor = Visitor::new();
        let form = until_the_way_back(&mut visitor, &node, &provider, ANN);
        let answer = Visitor::new().post(&node.at(ACS), &json!({"samlResponse": form.value("SAMLResponse")}));
        assert_eq!((answer.status, &answer.json()["data"]["user"]["email"]), (200, &json!("ann@acme.test")), "{answer:?}");
        assert!(answer.json()["data"]["token"].is_string() && answer.json()["data"]["refreshToken"].is_string());
    }

    fn who_starts_at_the_provider_is_let_in_only_where_that_is_wanted(here: Deployment) {
        let (node, provider) = set_up(&here, MADE);
        let mut visitor = Visitor::new();
        let login = visitor.open(provider.start_here());
        let form = visitor.sign_in_at(&login, ANN, provider.password()).form();
        let refused = visitor.send_form(&form);
        assert_eq!((refused.status, refused.code()), (401, "SAML_INVALID".into()));
        here.change_provider("saml", "acme-saml", &["--idp-initiated"]);
        let (form, to) = until("the change is noticed", || {
            // They are known there by now, and get a new response each time.
            let form = visitor.open(provider.start_here()).form();
            let evil = form.clone().with("RelayState", "https://evil.test/");
            Some((form, visitor.send_form(&evil).leads_to()?))
        });
        assert!(to.as_str().starts_with(&node.base), "{to}");
        assert_eq!(visitor.open(&node.at(ME)).status, 200);
        let again = visitor.send_form(&form);
        assert_eq!((again.status, again.code()), (401, "SAML_INVALID".into()));
    }

    fn an_encrypted_answer_is_read(here: Deployment) {
        let (node, mut provider) = set_up(&here, MADE);
        provider.encrypt();
        let mut visitor = Visitor::new();
        let form = until_the_way_back(&mut visitor, &node, &provider, ANN);
        let me = send(&mut visitor, &form);
        assert_eq!((me.status, &me.json()["data"]["user"]["email"]), (200, &json!("ann@acme.test")), "{me:?}");
    }

    fn a_certificate_that_nobody_was_told_of_signs_nothing(here: Deployment) {
        let (node, mut provider) = set_up(&here, MADE);
        provider.rotate();
        let mut visitor = Visitor::new();
        let form = until_the_way_back(&mut visitor, &node, &provider, ANN);
        let refused = visitor.send_form(&form);
        assert_eq!((refused.status, refused.code()), (401, "SAML_INVALID".into()));
        here.done("", &["provider", "refresh", "--client", "acme", "acme-saml"]);
        until("the new certificate is noticed", || {
            let mut visitor = Visitor::new();
            let form = until_the_way_back(&mut visitor, &node, &provider, ANN);
            (send(&mut visitor, &form).status == 200).then_some(())
        });
    }
}

//! Signing in as people do: in a browser, at real providers that for it are other sites.

use serde_json::{Value as Json, json};

use crate::chromium::{Browser, Sight};
use crate::deployment::{Deployment, Node};
use crate::on_both;
use crate::providers::{ANN, BEN};
use crate::{openid, saml};

const MADE: &[&str] = &["--create-users", "--default-role", "Viewer"];

const ME: &str = "/api/client/auth/me";

fn sign_in(browser: &mut Browser, click: &str, name: &str, password: &str) {
    browser.open(click);
    browser.fill("login", name);
    browser.fill("password", password);
    browser.click("Sign in");
}

/// What the window shows in the end is who they are; nothing on the way gave anything away.
#[track_caller]
fn assert_signed_in(seen: &Sight, email: &str) {
    let shown: Json = serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{seen:?}"));
    assert_eq!(shown["data"]["user"]["email"], email);
    let session = seen.cookies.iter().find(|cookie| cookie["name"] == "session").unwrap();
    assert_eq!((&session["httpOnly"], &session["sameSite"]), (&json!(true), &json!("Lax")));
    let value = session["value"].as_str().unwrap();
    for step in &seen.trail {
        let url = step["url"].as_str().unwrap();
        assert!(!url.contains(value) && !url.contains("eyJ"), "a token in an address: {url}");
    }
}

#[track_caller]
fn assert_nobody(browser: &mut Browser, node: &Node) {
    assert_eq!(browser.see().cookie("session"), None);
    browser.open(&node.at(ME));
    assert!(browser.see().text.contains("INVALID_TOKEN"));
}

on_both! {
    fn somebody_signs_in_at_the_openid_provider(here: Deployment) {
        let (node, provider) = openid::set_up(&here, MADE);
        let mut browser = Browser::start();
        sign_in(&mut browser, &node.at(openid::CLICK), ANN, provider.password());
        let seen = browser.arrive(&node.at(ME));
        browser.picture("openid");
        assert_signed_in(&seen, "ann@acme.test");
    }

    fn somebody_signs_in_at_the_saml_provider(here: Deployment) {
        let (node, provider) = saml::set_up(&here, MADE);
        let mut browser = Browser::start();
        sign_in(&mut browser, &node.at(saml::CLICK), ANN, provider.password());
        let seen = browser.arrive(&node.at(ME));
        browser.picture("saml");
        assert_signed_in(&seen, "ann@acme.test");
        // Those who have signed in there once are not asked again.
        let response = browser.run("() => fetch('/api/client/auth/sign-out', {method: 'POST'}).then(it => it.status)", &Json::Null);
        assert_eq!(response, 200);
        browser.open(&node.at(saml::CLICK));
        let seen = browser.arrive(&node.at(ME));
        assert_signed_in(&seen, "ann@acme.test");
    }
}

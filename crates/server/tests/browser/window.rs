//! Signing in as people do: in a browser, at real providers that for it are other sites.

use serde_json::{Value as Json, json};

use crate::chromium::{Browser, Sight};
use crate::deployment::{Deployment, Node, free_address};
use crate::on_both;
use crate::providers::{ANN, BEN, OpenId, Saml};
use crate::visitor::Visitor;
use crate::{openid, saml};

const MADE: &[&str] = &["--create-users", "--default-role", "Viewer"];

const ME: &str = "/api/client/auth/me";

/// Whatever becomes of it.
fn try_to_sign_in(browser: &mut Browser, click: &str, name: &str, password: &str) {
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
        assert!(!url.contains(value) && !holds_a_token(url), "a token in an address: {url}");
    }
    let names: Vec<_> = seen.cookies.iter().map(|cookie| cookie["name"].as_str().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with("flow_") || name.starts_with("hop_")), "left over: {names:?}");
}

/// Whether a JWT stands in an address: what SAML sends is base64 too, and may have its first letters anywhere, but no full stops.
fn holds_a_token(url: &str) -> bool {
    let words = url.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
    words.into_iter().any(|word| word.split_once("eyJ").is_some_and(|(_, rest)| rest.matches('.').count() >= 2))
}

/// Signs out here, as a page of ours does; gives the way to sign out at the provider too.
#[track_caller]
fn sign_out(browser: &mut Browser) -> String {
    let script = "() => fetch('/api/client/auth/sign-out', {method: 'POST'}).then(answer => answer.json())";
    let answer = browser.run(script, &Json::Null);
    assert_eq!(browser.see().cookie("session"), None, "{answer}");
    answer["data"]["providerLogout"]["url"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// The window shows a page in words, and nobody is signed in.
#[track_caller]
fn assert_turned_away(browser: &mut Browser, node: &Node, picture: &str) {
    let seen = browser.see();
    browser.picture(picture);
    assert!(seen.url.starts_with(&node.base) && !seen.text.contains('{'), "no page for people: {seen:?}");
    assert_eq!(seen.cookie("session"), None);
    browser.open(&node.at(ME));
    assert!(browser.see().text.contains("INVALID_TOKEN"));
}

on_both! {
    fn somebody_signs_in_at_the_openid_provider(here: Deployment) {
        let (node, provider) = openid::set_up(&here, MADE);
        let mut browser = Browser::start();
        try_to_sign_in(&mut browser, &node.at(openid::CLICK), ANN, provider.password());
        let seen = browser.arrive(&node.at(ME));
        browser.picture("openid");
        assert_signed_in(&seen, "ann@acme.test");
    }

    fn somebody_signs_in_at_the_saml_provider_and_out_and_in_again(here: Deployment) {
        let (node, provider) = saml::set_up(&here, MADE);
        let mut browser = Browser::start();
        try_to_sign_in(&mut browser, &node.at(saml::CLICK), ANN, provider.password());
        let seen = browser.arrive(&node.at(ME));
        browser.picture("saml");
        assert_signed_in(&seen, "ann@acme.test");
        sign_out(&mut browser);
        // Whoever has signed in at the provider is not asked again there.
        browser.open(&node.at(saml::CLICK));
        assert_signed_in(&browser.arrive(&node.at(ME)), "ann@acme.test");
    }
}

#[test]
fn a_browser_without_script_gets_through_as_well() {
    let here = Deployment::on_sqlite();
    let (node, provider) = saml::set_up(&here, MADE);
    let mut browser = Browser::start();
    browser.someone_without_script();
    try_to_sign_in(&mut browser, &node.at(saml::CLICK), ANN, provider.password());
    browser.click("Submit");
    assert_signed_in(&browser.arrive(&node.at(ME)), "ann@acme.test");
}

/// The flow itself runs on the main address, which is the one that providers know.
#[test]
fn whoever_begins_on_the_clients_own_host_is_signed_in_there() {
    let mut here = Deployment::on_sqlite();
    let address = free_address();
    // Browsers find every name below localhost on this machine.
    let main = address.replace("127.0.0.1", "http://id.localhost");
    let own = address.replace("127.0.0.1", "http://acme.id.localhost");
    here.set("PURSER_SERVER__PUBLIC_URL", &main);
    let _node = here.start_at(&address);
    let (mut openid, mut saml, mut browser) = (OpenId::start(), Saml::start(), Browser::start());
    openid.answer_to(&format!("{main}/api/client/auth/oidc/callback"));
    here.with_openid(&openid, MADE);
    here.with_saml(&saml, &[MADE, &["--trust-domain", "acme.test"]].concat());
    here.with_verified_domain("acme.test");
    saml.trust(&format!("http://{address}/api/client/auth/okta-saml/metadata?provider=acme-saml"));
    for (click, password) in [(openid::CLICK, openid.password()), (saml::CLICK, saml.password())] {
        browser.someone_else();
        try_to_sign_in(&mut browser, &format!("{own}{click}"), ANN, password);
        let seen = browser.arrive(&format!("{own}{ME}"));
        assert_signed_in(&seen, "ann@acme.test");
        let hosts: Vec<_> = seen.cookies.iter().filter(|it| it["name"] == "session").map(|it| &it["domain"]).collect();
        assert_eq!(hosts, ["acme.id.localhost"]);
    }
}

#[test]
fn who_is_refused_is_told_so_on_a_page() {
    let here = Deployment::on_sqlite();
    here.with_user("ben@acme.test", "Admin");
    here.with_verified_domain("acme.test");
    let (node, provider) = openid::set_up(&here, MADE);
    let mut browser = Browser::start();
    try_to_sign_in(&mut browser, &node.at(openid::CLICK), BEN, provider.password());
    browser.arrive(&node.at("/api/client/auth/oidc/callback"));
    assert_turned_away(&mut browser, &node, "account-exists");
}

/// A stranger signs in, and has a victim's browser carry out the last step: the victim would act under the stranger's name.
#[test]
fn nobody_can_be_signed_in_as_a_stranger_with_the_strangers_way_back() {
    let here = Deployment::on_sqlite();
    let (node, provider) = openid::set_up(&here, MADE);
    let back = openid::until_the_way_back(&mut Visitor::new(), &node, &provider, ANN);
    let mut browser = Browser::start();
    browser.open(&back);
    assert_turned_away(&mut browser, &node, "way-back-of-another");
}

/// The same with a SAML response, which a page of the stranger's own posts.
#[test]
fn nobody_can_be_signed_in_as_a_stranger_with_the_strangers_response() {
    let here = Deployment::on_sqlite();
    let (node, provider) = saml::set_up(&here, MADE);
    let form = saml::until_the_way_back(&mut Visitor::new(), &node, &provider, ANN);
    let mut browser = Browser::start();
    browser.open(provider.metadata());
    // Under way there themselves: a cookie of that kind is there, but not for this response.
    browser.open(&node.at(saml::CLICK));
    let post = "form => {
        const made = document.createElement('form');
        made.method = 'POST';
        made.action = form.action;
        for (const [name, value] of form.fields) made.append(Object.assign(document.createElement('input'), { name, value }));
        document.body.append(made);
        setTimeout(() => made.submit());
    }";
    browser.run(post, &json!({"action": form.action.as_str(), "fields": form.fields}));
    browser.arrive(&node.at(saml::ACS));
    assert_turned_away(&mut browser, &node, "response-of-another");
}

#[test]
fn another_sites_page_learns_nothing_of_who_is_signed_in() {
    let here = Deployment::on_sqlite();
    let (node, provider) = openid::set_up(&here, MADE);
    let mut browser = Browser::start();
    try_to_sign_in(&mut browser, &node.at(openid::CLICK), ANN, provider.password());
    browser.arrive(&node.at(ME));
    assert_eq!(browser.run("() => document.cookie", &Json::Null), "", "scripts see no cookie of ours");
    // The provider's origin serves as any other site.
    browser.open(&format!("{}/.well-known/openid-configuration", provider.issuer()));
    let ask = "url => fetch(url, {credentials: 'include'}).then(answer => answer.text()).catch(fault => fault.name)";
    assert_eq!(browser.run(ask, &json!(node.at(ME))), "TypeError");
    // This one is sent, and its answer withheld.
    let end = "url => fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include'}).catch(fault => fault.name)";
    assert_eq!(browser.run(end, &json!(node.at("/api/client/auth/sign-out"))), "TypeError");
    browser.open(&node.at(ME));
    assert_signed_in(&browser.see(), "ann@acme.test");
}

#[test]
fn both_providers_know_one_person_by_their_verified_address() {
    let here = Deployment::on_sqlite();
    here.with_user("ann@acme.test", "Author");
    here.with_verified_domain("acme.test");
    let node = here.start();
    let (mut openid, mut saml) = (OpenId::start(), Saml::start());
    openid.answer_to(&node.at("/api/client/auth/oidc/callback"));
    here.with_openid(&openid, &[]);
    here.with_saml(&saml, &["--trust-domain", "acme.test"]);
    saml.trust(&node.at("/api/client/auth/okta-saml/metadata?provider=acme-saml"));
    let mut browser = Browser::start();
    let ids = [(openid::CLICK, openid.password()), (saml::CLICK, saml.password())].map(|(click, password)| {
        browser.someone_else();
        try_to_sign_in(&mut browser, &node.at(click), ANN, password);
        let shown: Json = serde_json::from_str(&browser.arrive(&node.at(ME)).text).unwrap();
        shown["data"]["user"]["id"].clone()
    });
    assert!(ids[0].is_number() && ids[0] == ids[1], "{ids:?}");
}

#[test]
fn whoever_signs_out_can_do_so_at_the_openid_provider_too() {
    let here = Deployment::on_sqlite();
    let (node, provider) = openid::set_up(&here, MADE);
    let mut browser = Browser::start();
    try_to_sign_in(&mut browser, &node.at(openid::CLICK), ANN, provider.password());
    browser.arrive(&node.at(ME));
    let there = sign_out(&mut browser);
    browser.open(&there);
    browser.click("Yes, sign me out");
    browser.arrive(&node.at("/"));
    browser.open(&node.at(openid::CLICK));
    let seen = browser.see();
    assert!(seen.url.starts_with(provider.issuer()) && seen.text.contains("Password"), "nobody was asked: {seen:?}");
}

#[test]
fn whoever_signs_out_can_do_so_at_the_saml_provider_too() {
    let here = Deployment::on_sqlite();
    let (node, provider) = saml::set_up(&here, MADE);
    let mut browser = Browser::start();
    try_to_sign_in(&mut browser, &node.at(saml::CLICK), ANN, provider.password());
    browser.arrive(&node.at(ME));
    let there = sign_out(&mut browser);
    assert!(there.starts_with(provider.logout()), "{there}");
    browser.open(&there);
    browser.arrive(&node.at("/"));
    browser.open(&node.at(saml::CLICK));
    let seen = browser.see();
    assert!(seen.text.contains("Password"), "nobody was asked: {seen:?}");
}

#[test]
fn a_session_that_the_saml_provider_ends_is_ended_here() {
    let here = Deployment::on_sqlite();
    let (node, provider) = saml::set_up(&here, MADE);
    let mut browser = Browser::start();
    try_to_sign_in(&mut browser, &node.at(saml::CLICK), ANN, provider.password());
    browser.arrive(&node.at(ME));
    browser.open(provider.logout());
    // To us with a request, and back with our answer.
    let seen = browser.arrive(provider.logout());
    assert!(seen.url.contains("SAMLResponse="), "{seen:?}");
    browser.open(&node.at(ME));
    assert!(browser.see().text.contains("INVALID_TOKEN"));
}

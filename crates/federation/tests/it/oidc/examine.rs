//! The test action: which step fails for which fault, and that it says what to do.

use purser_federation::{Check, Outcome};

use super::*;

const STEPS: [&str; 8] = ["connection", "discovery", "issuer", "clock", "flow", "endpoints", "keys", "client"];

async fn site() -> Site {
    let site = Site::start().await;
    dated(&site, "Sat, 21 Nov 2026 19:17:00 GMT");
    site
}

fn dated(site: &Site, date: &str) {
    site.provider.script(|script| script.headers = vec![("date", date.into())]);
}

async fn examine(site: &Site) -> Vec<Check> {
    let checks = site.party.examine(&site.settings, site.now).await;
    let mut names: Vec<_> = checks.iter().map(|check| check.name).collect();
    names.sort_unstable();
    let mut steps = STEPS;
    steps.sort_unstable();
    assert_eq!(names, steps, "every step is told once");
    for check in &checks {
        assert!(!check.found.is_empty(), "{check:?}");
        let needs_advice = matches!(check.outcome, Outcome::Failed | Outcome::Warned);
        assert_eq!(!check.advice.is_empty(), needs_advice, "{check:?}");
    }
    checks
}

/// The steps with this outcome.
fn steps(checks: &[Check], outcome: Outcome) -> Vec<&'static str> {
    checks.iter().filter(|check| check.outcome == outcome).map(|check| check.name).collect()
}

#[tokio::test]
async fn good_settings_pass_every_step() {
    let checks = examine(&site().await).await;
    assert_eq!(steps(&checks, Outcome::Passed), STEPS);
}

#[tokio::test]
async fn each_fault_fails_its_own_step_and_the_rest_is_looked_at_as_far_as_it_can() {
    for (member, value, failed, skipped) in [
        ("issuer", json!("https://evil.test"), "issuer", vec![]),
        ("code_challenge_methods_supported", json!(["plain"]), "flow", vec![]),
        ("token_endpoint", json!("https://evil.test/token"), "endpoints", vec!["keys", "client"]),
        ("jwks_uri", Value::Null, "endpoints", vec!["keys", "client"]),
    ] {
        let site = site().await;
        site.announce(member, value);
        let checks = examine(&site).await;
        assert_eq!(steps(&checks, Outcome::Failed), [failed]);
        assert_eq!(steps(&checks, Outcome::Skipped), skipped);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_fails_the_first_step_alone() {
    let site = site().await;
    site.provider.answer(DISCOVERY, Answer::Endless);
    let checks = examine(&site).await;
    assert_eq!(steps(&checks, Outcome::Failed), ["connection"]);
    assert_eq!(steps(&checks, Outcome::Skipped).len(), 7);
}

#[tokio::test]
async fn a_document_that_is_none_fails_the_second_step() {
    for answer in [Answer::status(404), Answer::Plain(200, vec![], "<html>".into())] {
        let site = site().await;
        site.provider.answer(DISCOVERY, answer);
        let checks = examine(&site).await;
        assert_eq!(steps(&checks, Outcome::Passed), ["connection"]);
        assert_eq!(steps(&checks, Outcome::Failed), ["discovery"]);
    }
}

#[tokio::test]
async fn an_issuer_that_is_no_address_is_told() {
    let mut site = site().await;
    site.settings.issuer = "login.example.com".into();
    let checks = examine(&site).await;
    assert_eq!(steps(&checks, Outcome::Failed), ["issuer"]);
    assert_eq!(steps(&checks, Outcome::Skipped).len(), 7);
}

#[tokio::test]
async fn clocks_that_differ_are_told_before_tokens_are_refused() {
    for (date, outcome) in [
        ("Sat, 21 Nov 2026 19:17:30 GMT", Outcome::Passed),
        ("Sat, 21 Nov 2026 19:16:29 GMT", Outcome::Warned),
        ("Sat, 21 Nov 2026 19:18:00 GMT", Outcome::Warned),
        ("Sat, 21 Nov 2026 19:18:01 GMT", Outcome::Failed),
        ("Sat, 21 Nov 2026 19:15:59 GMT", Outcome::Failed),
        ("now", Outcome::Warned),
    ] {
        let site = site().await;
        dated(&site, date);
        let checks = examine(&site).await;
        let clock = checks.iter().find(|check| check.name == "clock").unwrap();
        assert_eq!(clock.outcome, outcome, "{date}: {}", clock.found);
    }
}

#[tokio::test]
async fn keys_of_no_use_are_told() {
    let weak = json!({ "keys": [{ "kty": "oct", "kid": "k", "k": "c2VjcmV0" }] });
    for answer in [Answer::json(200, &weak), Answer::status(500), Answer::Plain(200, vec![], "<html>".into())] {
        let site = site().await;
        site.provider.answer(KEYS, answer);
        let checks = examine(&site).await;
        assert_eq!(steps(&checks, Outcome::Failed), ["keys"]);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_apart_from_a_refused_code() {
    let mut site = site().await;
    site.provider.script(|script| script.client_secret = Some("right".into()));
    for (secret, outcome) in [("wrong", Outcome::Failed), ("right", Outcome::Passed)] {
        site.settings.auth = ClientAuth::Secret(Secret::new(secret));
        let checks = examine(&site).await;
        let client = checks.iter().find(|check| check.name == "client").unwrap();
        assert_eq!(client.outcome, outcome, "{}", client.found);
        assert!(!format!("{checks:?}").contains("wrong"));
    }
}

#[tokio::test]
async fn a_provider_that_gives_tokens_for_any_code_is_not_to_be_used() {
    let site = site().await;
    site.provider.answer(TOKEN, Answer::json(200, &json!({ "token_type": "Bearer", "id_token": "a.b.c" })));
    assert_eq!(steps(&examine(&site).await, Outcome::Failed), ["client"]);
}

#[tokio::test]
async fn an_examination_asks_anew_what_is_remembered() {
    let site = site().await;
    site.sign_in().await.unwrap();
    examine(&site).await;
    assert_eq!((site.provider.calls(DISCOVERY).len(), site.provider.calls(KEYS).len()), (2, 2));
}

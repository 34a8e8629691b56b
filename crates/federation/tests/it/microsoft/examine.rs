//! The examination of a directory's settings.

use purser_federation::microsoft::Dataverse;
use purser_federation::oidc::ClientAuth;
use purser_federation::{Outcome, Secret};
use purser_standin::microsoft::{APP, Endpoint, Fault, POWER_APP};

use super::{NOW, Site, page};

#[tokio::test]
async fn a_directory_that_is_set_up_rightly_passes_every_check() {
    let site = Site::new().await;
    let names = ["settings", "discovery", "clock", "keys", "credentials", "graph", "dataverse"];
    assert_eq!(site.examine().await, names.map(|name| (name, Outcome::Passed)));
    assert!(site.checks().await.iter().all(|check| check.advice.is_empty()));
}

#[tokio::test]
async fn a_wrong_setting_fails_its_own_check_with_advice() {
    type Spoil = fn(&mut Site);
    let cases: [(&str, Spoil, &str, &str); 14] = [
        (
            "discovery",
            |it| it.directory.tid = "11112222-3333-4444-8555-666677778888".into(),
            "no such directory",
            "tenant",
        ),
        ("discovery", |it| it.them.fail(Endpoint::Discovery, page(503)), "status 503", "later"),
        ("discovery", |it| it.them.fail(Endpoint::Discovery, page(200)), "cannot be read", "login address"),
        ("discovery", lying_description, "another issuer", "login address"),
        ("clock", |it| it.them.stop_clock_at(NOW + 61), "61 s behind", "time server"),
        ("clock", |it| it.them.stop_clock_at(NOW - 61), "61 s ahead", "time server"),
        ("keys", |it| it.them.fail(Endpoint::Keys, Fault::Failing(500)), "status 500", "login address"),
        ("keys", no_keys, "no usable keys", "later"),
        (
            "credentials",
            |it| it.directory.auth = ClientAuth::Secret(Secret::new("wrong")),
            "secret is wrong",
            "new secret",
        ),
        ("credentials", |it| it.directory.app_id = POWER_APP.into(), "not known", "client"),
        ("credentials", |it| it.them.fail(Endpoint::Token, Fault::Failing(503)), "status 503", "later"),
        ("graph", |it| it.them.fail(Endpoint::Me, Fault::Failing(503)), "status 503", "later"),
        ("dataverse", |it| it.them.fail(Endpoint::WhoAmI, page(200)), "status 200", "address"),
        ("dataverse", |it| dataverse(it).url = "http://contoso.example".into(), "not https", "address"),
    ];
    for (name, spoil, found, advice) in cases {
        let mut site = Site::new().await;
        spoil(&mut site);
        let checks = site.checks().await;
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.outcome, Outcome::Failed, "{check:?}");
        assert!(check.found.contains(found) && check.advice.contains(advice), "{check:?}");
        let others = checks.iter().filter(|other| other.name != name && other.outcome == Outcome::Failed);
        assert_eq!(others.count(), 0, "{checks:?}");
        let skipped = checks.iter().any(|check| check.outcome == Outcome::Skipped);
        assert_eq!(skipped, name == "discovery", "{checks:?}");
    }
}

fn dataverse(site: &mut Site) -> &mut Dataverse {
    site.directory.dataverse.as_mut().unwrap()
}

fn lying_description(site: &mut Site) {
    let body = format!(r#"{{"issuer":"https://evil.example","jwks_uri":"{}/keys"}}"#, site.them.url());
    site.them.fail(Endpoint::Discovery, Fault::Answer { status: 200, content_type: "application/json", body });
}

fn no_keys(site: &mut Site) {
    let body = r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.into();
    site.them.fail(Endpoint::Keys, Fault::Answer { status: 200, content_type: "application/json", body });
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_seen_without_asking() {
    let mut site = Site::new().await;
    site.directory.app_id = "my app".into();
    assert_eq!(site.examine().await[0], ("settings", Outcome::Failed));
    site.directory.app_id = APP.into();
    dataverse(&mut site).organization_id = "contoso".into();
    assert_eq!(site.examine().await[0], ("settings", Outcome::Failed));
    site.directory.dataverse = None;
    site.directory.allowed_apps.clear();
    assert_eq!(site.examine().await[0], ("settings", Outcome::Warned));
}

#[tokio::test]
async fn a_directory_that_only_checks_tokens_needs_no_credentials() {
    let mut site = Site::new().await;
    site.directory.auth = ClientAuth::None;
    let outcome = |checks: Vec<(_, _)>| checks.into_iter().find(|(name, _)| *name == "credentials").unwrap().1;
    assert_eq!(outcome(site.examine().await), Outcome::Warned);
    site.directory.dataverse = None;
    assert_eq!(outcome(site.examine().await), Outcome::Passed);
    assert_eq!(site.them.calls(Endpoint::Token), 0);
}

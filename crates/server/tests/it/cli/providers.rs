//! `purser provider` and `purser domain`, from outside.

use std::fs;
use std::net::TcpListener;

use insta::assert_snapshot;
use purser_standin::saml::Key;

use super::deployment::{Deployment, Running, runtime};

const SECRET: &str = "canary-client-secret-of-the-command-line";

const OKTA: &[&str] = &[
    "provider",
    "add",
    "oidc",
    "--client",
    "acme",
    "okta",
    "--issuer",
    "https://acme.okta.test",
    "--client-id",
    "0oa1",
    "--client-secret-stdin",
];

fn with_okta() -> Deployment {
    let here = Deployment::on_sqlite();
    here.with_client();
    here.fed(SECRET, OKTA).done();
    here
}

#[test]
fn a_provider_is_set_up_and_its_addresses_are_printed() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let added = here.fed(format!("{SECRET}\n"), OKTA);
    assert!(!added.err.contains(SECRET));
    assert_snapshot!(added.done(), @r#"
    Set up OIDC provider okta of client acme.

    PASTE AT THE OTHER SIDE
    redirect URI             http://127.0.0.1:8080/api/client/auth/oidc/callback

    People start at http://127.0.0.1:8080/api/client/auth/oidc?client=acme&provider=okta
    "#);
    let listed = here.purser(&["provider", "list", "--client", "acme"]).done();
    let columns: Vec<_> = listed.lines().map(|line| line.rsplit_once("  ").unwrap().0.trim_end()).collect();
    assert_snapshot!(columns.join("\n"), @r#"
    NAME  KIND  STATUS  LABEL
    okta  OIDC  on      okta
    "#);
}

#[test]
fn a_saml_provider_comes_from_a_file_and_tells_everything_to_paste() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let certificate = Key::rsa().certificate_base64();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    fs::write(here.folder.path().join("idp.pem"), pem).unwrap();
    let add = ["provider", "add", "saml", "--client", "acme", "okta", "--certificate-file", "idp.pem", "--okta-alias"];
    let rest = ["--entity-id", "http://www.okta.com/exk1", "--sso-url", "https://acme.okta.test/sso"];
    let more = [
        "--create-users",
        "--default-role",
        "viewer",
        "--trust-domain",
        "acme.test",
        "--map-group",
        "CN=A,DC=x=Author,Viewer",
    ];
    let told = here.purser(&[&add[..], &rest, &more].concat()).done();
    assert_snapshot!(told, @r#"
    Set up SAML provider okta of client acme.

    PASTE AT THE OTHER SIDE
    single sign-on URL (ACS, recipient, destination)  http://127.0.0.1:8080/api/client/auth/okta-saml
    the same as it was of old                         http://acme.127.0.0.1:8080/rest/auth-with-okta-saml
    entity ID (audience)                              http://127.0.0.1:8080/api/client/auth/okta-saml
    metadata                                          http://127.0.0.1:8080/api/client/auth/okta-saml/metadata?client=acme&provider=okta
    single logout URL                                 http://127.0.0.1:8080/api/client/auth/okta-saml/logout

    People start at http://127.0.0.1:8080/api/client/auth/okta-saml?client=acme&provider=okta
    "#);
}

#[test]
fn what_is_wrong_is_named_by_its_flag() {
    let here = with_okta();
    let add = ["provider", "add", "oidc", "--client", "acme"];
    let microsoft =
        ["provider", "add", "microsoft", "--client", "acme", "entra", "--directory", "common", "--app-id", "x"];
    let refusals = [
        here.purser(&[&add[..], &["Okta", "--issuer", "http://idp.test"]].concat()).refused(),
        here.purser(&[&add[..], &["new", "--issuer", "https://acme.okta.test", "--client-id", "0oa1"]].concat())
            .refused(),
        here.purser(&[&microsoft[..], &["--allowed-app", "*"]].concat()).refused(),
        here.purser(&["provider", "add", "saml", "--client", "acme", "saml"]).refused(),
        here.purser(&["provider", "test", "--client", "acme", "nobody"]).refused(),
        here.purser(&["provider", "list", "--client", "nobody"]).refused(),
        here.purser(&["domain", "verify", "--client", "acme", "acme.test"]).refused(),
        here.purser(&["domain", "add", "--client", "acme", "com"]).refused(),
    ];
    assert_snapshot!(refusals.concat());
    let both = here.purser(&[&add[..], &["x", "--public-client", "--client-secret-stdin"]].concat()).refused();
    assert!(both.starts_with("2 "), "{both}");
}

#[test]
fn a_test_prints_each_check_and_fails_if_one_fails() {
    let here = Deployment::on_sqlite();
    here.with_client();
    // A port where nobody listens any more.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = format!("http://{away}");
    let add =
        ["provider", "add", "oidc", "--client", "acme", "away", "--client-id", "x", "--public-client", "--issuer"];
    here.purser(&[&add[..], &[&issuer]].concat()).done();
    here.purser(&["provider", "update", "oidc", "--client", "acme", "away", "--disable"]).done();
    let ran = here.purser(&["provider", "test", "--client", "acme", "away"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.starts_with("! warning  switch: switched off"), "{}", ran.out);
    assert!(ran.out.contains("✓ passed   domains: ") && ran.out.contains("✗ failed   "), "{}", ran.out);
    assert!(ran.err.starts_with("error: ") && ran.err.contains("failed: people cannot sign in"), "{}", ran.err);
}

#[test]
fn a_provider_is_changed_and_removed_beside_a_running_server() {
    let here = with_okta();
    let server = Running::serving(&here);
    let update = ["provider", "update", "oidc", "--client", "acme", "okta", "--label", "Okta", "--disable"];
    assert_eq!(here.purser(&update).done(), "Changed provider okta of client acme, switched off.\n");
    let issuer = ["provider", "update", "oidc", "--client", "acme", "okta", "--issuer", "https://evil.test"];
    assert!(here.purser(&issuer).refused().contains("client secret: give it again"));
    let shown = here.purser(&["provider", "show", "--client", "acme", "okta"]).done();
    assert!(shown.starts_with("OIDC provider okta of client acme, switched off: Okta\n"), "{shown}");
    let removed = here.purser(&["provider", "remove", "--client", "acme", "okta", "--end-sessions"]).done();
    assert_eq!(removed, "Deleted provider okta of client acme with the identities linked to it.\n");
    assert!(here.purser(&["provider", "show", "--client", "acme", "okta"]).refused().contains("has no provider okta"));
    let ready = runtime().block_on(async { reqwest::get(format!("{}/readyz", server.base())).await.unwrap().status() });
    assert_eq!(ready, 200);
}

#[test]
fn a_domain_is_named_confirmed_and_let_go() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let added = here.purser(&["domain", "add", "--client", "acme", "ACME.test"]).done();
    let (first, record) = added.trim_end().split_once('\n').unwrap();
    assert_eq!(first, "To prove that acme.test is the client's, publish this TXT record at it:");
    assert!(record.starts_with("purser-verification="), "{record}");
    let again = here.purser(&["domain", "add", "--client", "acme", "acme.test"]).refused();
    assert!(again.contains("is a domain of client acme already"), "{again}");
    let confirmed = here.purser(&["domain", "confirm", "--client", "acme", "acme.test"]).done();
    assert_eq!(confirmed, "acme.test counts as proven to be of client acme.\n");
    let listed = here.purser(&["domain", "list", "--client", "acme"]).done();
    assert!(listed.contains("  admin  ") && listed.contains(record), "{listed}");
    assert_eq!(
        here.purser(&["domain", "remove", "--client", "acme", "acme.test"]).done(),
        "acme.test is no domain of client acme any more.\n"
    );
}

#[test]
fn what_is_said_of_one_group_several_times_is_all_kept() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let groups = ["--map-group", "Staff=Author", "--map-group", "Staff=Viewer", "--map-group", "Other=Operator"];
    here.fed(SECRET, &[OKTA, &groups].concat()).done();
    let kept = here.purser(&["client", "export", "acme", "--output", "-"]).done();
    let provider = kept.lines().find(|line| line.contains(r#""kind":"identityProvider""#)).unwrap();
    let provider: serde_json::Value = serde_json::from_str(provider).unwrap();
    let roles = provider.pointer("/settings/rules/groupRoles").unwrap();
    assert_eq!(roles, &serde_json::json!({"Other": ["OPERATOR"], "Staff": ["AUTHOR", "VIEWER"]}), "{provider}");
}

#[test]
fn our_name_at_a_provider_may_begin_with_a_hyphen() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let add = ["provider", "add", "oidc", "--client", "acme", "okta", "--issuer", "https://acme.okta.test"];
    here.purser(&[&add[..], &["--client-id", "-0oa1", "--public-client"]].concat()).done();
}

#[test]
fn the_id_of_a_key_that_is_not_there_is_not_passed_over() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let refused = here.fed(SECRET, &[OKTA, &["--key-id", "k1"]].concat()).refused();
    assert_eq!(
        refused,
        "2 error: --key-id is the id of a private key, and none is named\nnext:  name it with --private-key-file, or leave --key-id out\n"
    );
}

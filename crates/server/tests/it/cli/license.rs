//! Licences from the vendor's side to the deployment's, all by the command line.

use std::os::unix::fs::PermissionsExt as _;

use super::deployment::{Deployment, Ran};

/// What stands behind a word at the beginning of a line.
fn said<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{word} in {text}")).trim()
}

on_both! {
    fn a_licence_made_by_the_vendor_is_taken_by_the_deployment_it_is_for(here: &Deployment) {
        let public = here.purser(&["license", "keygen", "--output", "vendor.key"]).done();
        let file = here.folder.path().join("vendor.key");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = here.purser(&["license", "keygen", "--output", "vendor.key"]);
        assert_eq!(again.status, 1, "a key is never written over");
        let shown = here.purser(&["license", "show"]).done();
        let instance = said(&shown, "instance");
        let issue_for = |instance: &str, seats: &str, expires: &str| {
            here.purser(&[
                "license", "issue", "--key", "vendor.key", "--licensee", "Acme Ltd", "--instance", instance, "--seats", seats,
                "--valid-from", "2026-01-01", "--expires", expires, "--serial", "7",
            ])
        };
        let issue = |seats: &str, expires: &str| issue_for(instance, seats, expires);
        let key = issue("25", "2100-01-31").done();
        let told = here.purser(&["license", "inspect", "--public-key", public.trim(), key.trim()]).done();
        assert_eq!((said(&told, "licensee"), said(&told, "seats"), said(&told, "serial")), ("Acme Ltd", "25", "7"));
        assert_eq!((said(&told, "valid from"), said(&told, "expires")), ("2026-01-01T00:00:00Z", "2100-01-31T00:00:00Z"));
        assert_eq!(here.purser(&["license", "inspect", key.trim()]).done(), told);
        let stranger = here.purser(&["license", "keygen"]).done();
        let refused = here.purser(&["license", "inspect", "--public-key", stranger.lines().last().unwrap(), key.trim()]);
        assert_eq!(refused.status, 1);
        let hyphen = format!("-{}", "A".repeat(42));
        let refused = here.purser(&["license", "inspect", "--public-key", &hyphen, key.trim()]);
        assert_eq!(refused.status, 1, "a key may begin with a hyphen: {}", refused.err);
        let told = here.purser(&["license", "inspect", issue_for("-begins-so", "25", "2100-01-31").done().trim()]).done();
        assert_eq!(said(&told, "instance"), "-begins-so", "and an instance too");
        assert_eq!(issue("0", "2100-01-31").status, 1, "no seats");
        assert_eq!(issue("25", "2020-01-31").status, 1, "over before it began");
        let on_premises = |arguments: &[&str]| {
            let mut command = here.command(arguments);
            command.env("PURSER_DEPLOYMENT__MODE", "on-prem").env("PURSER_LICENSE__PUBLIC_KEY", public.trim());
            Ran::from(command.output().unwrap())
        };
        assert!(on_premises(&["license", "show"]).done().contains("There is no licence."));
        let refused = on_premises(&["license", "install", "nonsense"]);
        assert_eq!(refused.status, 1);
        let advised = refused.err.split('`').nth(1).unwrap().split_whitespace().skip(1).collect::<Vec<_>>();
        assert!(on_premises(&advised).done().contains("the key is not a compact JWS"), "what is advised can be run as it stands");
        on_premises(&["license", "install", key.trim()]).done();
        let shown = on_premises(&["license", "show"]).done();
        assert_eq!((said(&shown, "serial"), said(&shown, "seats used")), ("7", "0 of 25"));
    }
}

#[test]
fn a_licence_for_no_instance_is_not_issued() {
    let here = Deployment::on_sqlite();
    here.purser(&["license", "keygen", "--output", "vendor.key"]).done();
    let issue = ["license", "issue", "--key", "vendor.key", "--licensee", "Acme", "--instance", ""];
    let rest = ["--seats", "1", "--expires", "2090-01-01", "--serial", "1"];
    assert!(here.purser(&[&issue[..], &rest].concat()).refused().starts_with("2 error: a value is required"));
}

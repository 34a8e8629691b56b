//! What is read out by the command line: the audit log, a client, the schemas.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::ANN;
use super::deployment::Deployment;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

on_both! {
    fn the_audit_log_is_read_out_to_a_file_and_to_standard_output(here: &Deployment) {
        here.with_client();
        here.purser(&[&["user", "create", "--client", "acme", "--role", "admin"], ANN].concat()).done();
        let ran = here.purser(&["audit", "export", "--output", "audit.jsonl"]);
        assert!(ran.err.ends_with(" lines.\n"), "{}", ran.err);
        ran.done();
        let file = here.folder.path().join("audit.jsonl");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = lines(&std::fs::read_to_string(&file).unwrap());
        let actions: Vec<&str> = read.iter().map(|line| line["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["keys.rotated", "keys.rotated", "client.created", "user.created", "audit.exported"]);
        let again = here.purser(&["audit", "export", "--output", "audit.jsonl"]);
        assert!(again.refused().contains("next:  choose another --output"));
        let own = here.purser(&["audit", "export", "--client", "acme", "--action", "user.created", "--output", "-"]).done();
        assert_eq!((lines(&own).len(), &lines(&own)[0]["clientId"]), (1, &"acme".into()));
        let none = here.purser(&["audit", "export", "--until", "2020-01-01", "--output", "-"]).done();
        assert_eq!(none, "");
    }

    fn a_client_is_read_out_whole(here: &Deployment) {
        here.with_client();
        here.purser(&[&["user", "create", "--client", "acme", "--role", "admin"], ANN].concat()).done();
        let read = lines(&here.purser(&["client", "export", "acme", "--output", "-"]).done());
        let kinds: Vec<&str> = read.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["export", "client", "user", "audit", "end"]);
        assert_eq!(read[2]["email"], "ann@acme.test");
        assert!(here.purser(&["client", "export", "nobody", "--output", "-"]).refused().contains("there is no client nobody"));
    }
}

#[test]
fn a_slip_in_what_is_read_out_is_neither_everything_nor_nothing() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let export =
        |flag: &str, value: &str| here.purser(&["audit", "export", "--output", "audit.jsonl", flag, value]).refused();
    let unset = export("--client", "");
    assert!(unset.starts_with("2 ") && unset.contains("write the ID of a client, `admin` or `all`"), "{unset}");
    let slip = export("--client", "Ac me");
    assert!(slip.starts_with("2 ") && slip.contains("write the ID of a client, `admin` or `all`"), "{slip}");
    assert_eq!(
        export("--client", "acne"),
        "1 error: there is no client acne\nnext:  `purser client list` shows those there are\n"
    );
    for flag in ["--action", "--actor", "--target"] {
        assert!(export(flag, "").starts_with("2 "), "{flag}");
    }
    assert!(!here.folder.path().join("audit.jsonl").exists());
    let all = ["audit", "export", "--output", "-", "--client", "all"];
    assert_ne!(here.purser(&all).done(), "");
}

#[test]
fn the_schemas_are_printed_as_they_are_served() {
    let here = Deployment::on_sqlite();
    assert_eq!(here.purser(&["schema"]).done().trim_end(), purser_graphql::sdl().trim_end());
    let described: Value = serde_json::from_str(&here.purser(&["schema", "--openapi"]).done()).unwrap();
    assert_eq!(described, serde_json::to_value(purser_server::router::description()).unwrap());
    assert!(!here.folder.path().join("purser.db").exists(), "no database is made for it");
}

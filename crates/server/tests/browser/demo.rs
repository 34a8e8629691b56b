//! `purser demo --with-idp`: a newcomer signs in through a real OpenID provider and a real SAML one, on one machine.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::chromium::Browser;
use crate::helper::{node, tools};
use crate::visitor::Visitor;

/// What all people of the demo's providers sign in with.
const PASSWORD: &str = "open sesame";

/// A demo.
struct Demo {
    process: Child,
    /// Everything it said.
    said: String,
}

impl Demo {
    /// Starts one that keeps its data, and waits until it has said where to click.
    fn start(folder: &TempDir) -> Self {
        let mut process = demo(
            folder,
            &["--listen", "127.0.0.1:0", "--dir", "kept", &with_tools()],
            Path::new(&node()).parent().unwrap(),
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("(begun at the provider)") {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "it ended after saying: {said}");
        }
        Self { process, said }
    }

    /// The address in the line that begins so.
    fn address(&self, start: &str) -> &str {
        let line = self.said.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("{}", self.said)).split_whitespace().next().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn demo(folder: &TempDir, arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_purser"), "demo"]).args(arguments);
    command.current_dir(folder.path()).env_clear().env("PATH", path).env("TMPDIR", folder.path());
    command
}

fn with_tools() -> String {
    format!("--with-idp={}", tools().display())
}

#[test]
fn a_newcomer_signs_in_wherever_the_demo_says() {
    let folder = TempDir::new().unwrap();
    let demo = Demo::start(&folder);
    let mut browser = Browser::start();
    for (line, name, role) in [("OpenID    ", "dora", "ADMIN"), ("SAML      ", "ann", "AUTHOR")] {
        browser.someone_else();
        browser.open(demo.address(line));
        browser.fill("login", name);
        browser.fill("password", PASSWORD);
        browser.click("Sign in");
        let seen = browser.arrive(&format!("{}/api/client/auth/me", demo.address("Purser is ready at ")));
        assert!(seen.text.contains(&format!("{name}@acme.test")) && seen.text.contains(role), "{seen:?}");
    }
}

/// The providers come back at other addresses and with other keys; the people have accounts by then.
#[test]
fn a_kept_demo_lets_the_same_people_in_again() {
    let folder = TempDir::new().unwrap();
    let ids = [1, 2].map(|_| {
        let demo = Demo::start(&folder);
        let mut visitor = Visitor::new();
        let login = visitor.open(demo.address("OpenID    "));
        let sent = visitor.sign_in_at(&login, "ann", PASSWORD);
        let through_openid = visitor.follow(sent, |_| true).json()["data"]["user"]["id"].clone();
        let login = visitor.open(demo.address("SAML      "));
        let form = visitor.sign_in_at(&login, "ann", PASSWORD).form();
        let sent = visitor.send_form(&form);
        let through_saml = visitor.follow(sent, |_| true).json()["data"]["user"]["id"].clone();
        [through_openid, through_saml]
    });
    assert!(ids[0][0].is_number(), "{ids:?}");
    assert!(ids.concat().iter().all(|id| *id == ids[0][0]), "{ids:?}");
}

#[test]
fn what_is_missing_for_the_providers_is_said_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    for (arguments, path, next) in [
        (
            &["--with-idp"][..],
            "/usr/bin",
            "run this in the folder of the sources, or name their tools: --with-idp=FOLDER",
        ),
        (&[&with_tools()], "/nowhere", "apt-get install nodejs npm"),
        (&["--listen", "0.0.0.0:0", &with_tools()], "/usr/bin", "leave --listen away, or listen on 127.0.0.1"),
    ] {
        let output = demo(&folder, arguments, Path::new(path)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.ends_with(&format!("next:  {next}\n")), "{arguments:?}: {said}");
    }
    std::fs::create_dir_all(folder.path().join("tools/idp")).unwrap();
    std::fs::write(folder.path().join("tools/idp/both.mjs"), "").unwrap();
    let output = demo(&folder, &["--with-idp"], Path::new("/usr/bin")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with("next:  npm --prefix tools ci\n"), "{said}");
}

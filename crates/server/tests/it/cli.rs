//! The program from outside: run as an operator runs it, on both databases.

mod deployment;
mod providers;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use deployment::{Deployment, Running, runtime, sh};
use insta::{allow_duplicates, assert_snapshot};

const PASSWORD: &str = "correct horse battery staple 9";
const ANN: &[&str] = &["--email", "ann@acme.test", "--first-name", "Ann", "--last-name", "Lee"];

/// Tells one story on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $name:ident($here:ident: &Deployment) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn story($here: &Deployment) $body

            #[test]
            fn on_sqlite() {
                story(&Deployment::on_sqlite());
            }

            #[test]
            fn on_postgres() {
                story(&Deployment::on_postgres());
            }
        }
    )*};
}

mod exports;
mod license;
mod people;

on_both! {
    fn who_is_made_at_the_command_line_can_sign_in(here: &Deployment) {
        assert_eq!(
            here.purser(&["client", "create", "acme", "--name", "Acme Industries"]).done(),
            "Created client acme (Acme Industries).\n"
        );
        let user = [&["user", "create", "--client", "acme", "--role", "uSER adMIN", "--role", "VIEWER", "--password-stdin"], ANN].concat();
        assert_eq!(here.fed(format!("{PASSWORD}\n"), &user).done(), "Created user 1 ann@acme.test in client acme: USER_ADMIN, VIEWER.\n");
        assert_eq!(here.fed(format!("{PASSWORD}\r\n"), &["admin", "create", "Root", "--password-stdin"]).done(), "Created administrator root.\n");
        assert_eq!(here.sign_in("ann@acme.test", PASSWORD).unwrap().user.id.0, 1);
        assert!(here.sign_in_admin("root", PASSWORD));
        assert!(!here.sign_in_admin("root", "another password"));
    }

    fn a_password_nobody_gave_is_made_and_printed_once(here: &Deployment) {
        here.with_client();
        let said = here.purser(&[&["user", "create", "--client", "acme", "--role", "admin,author"], ANN].concat()).done();
        let (first, password) = said.trim_end().split_once('\n').unwrap();
        assert_eq!(first, "Created user 1 ann@acme.test in client acme: ADMIN, AUTHOR.");
        assert_eq!(here.sign_in("ann@acme.test", password).unwrap().user.id.0, 1);
        let said = here.purser(&["admin", "create", "root"]).done();
        let (_, password) = said.trim_end().split_once('\n').unwrap();
        assert!(here.sign_in_admin("root", password));
    }

    fn what_is_taken_is_refused_with_what_to_do_next(here: &Deployment) {
        here.with_client();
        let user = [&["user", "create", "--client", "acme", "--role", "Viewer"], ANN].concat();
        here.purser(&user).done();
        here.purser(&["admin", "create", "root"]).done();
        let refusals = [
            here.purser(&["client", "create", "acme", "--name", "Other"]).refused(),
            here.purser(&user).refused(),
            here.purser(&["admin", "create", "ROOT"]).refused(),
        ];
        allow_duplicates! { assert_snapshot!(refusals.concat(), @r#"
        1 error: there is a client acme already
        next:  choose another ID; `purser client list` shows those that are taken
        1 error: ann@acme.test has an account in client acme already
        next:  choose another e-mail address
        1 error: there is an administrator root already
        next:  choose another USERNAME
        "#); }
    }

    fn an_unknown_client_names_the_command_that_makes_it(here: &Deployment) {
        let user = [&["user", "create", "--client", "acme", "--role", "Viewer"], ANN].concat();
        here.purser(&["migrate"]).done();
        allow_duplicates! { assert_snapshot!(here.purser(&user).refused(), @r#"
        1 error: there is no client acme
        next:  `purser client list` shows those there are; `purser client create acme --name NAME` makes it
        "#); }
    }

    fn clients_are_listed_by_id(here: &Deployment) {
        for (id, name) in [("beta", "Beta"), ("acme", "Acme Industries")] {
            here.purser(&["client", "create", id, "--name", name]).done();
        }
        let listed = here.purser(&["client", "list"]).done();
        let columns: Vec<_> = listed.lines().map(|line| line.rsplit_once("  ").unwrap().0).collect();
        allow_duplicates! { assert_snapshot!(columns.join("\n"), @r#"
        ID    NAME             STATUS
        acme  Acme Industries  active
        beta  Beta             active
        "#); }
    }

    fn rotated_keys_stand_beside_the_former_ones(here: &Deployment) {
        let kids = |listed: String| {
            let lines = listed.lines().filter(|line| line.starts_with("client") || line.starts_with("admin"));
            lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        let before = kids(here.purser(&["keys", "list"]).done());
        let rotated = here.purser(&["keys", "rotate"]).done();
        let after = kids(here.purser(&["keys", "list"]).done());
        assert_eq!((before.len(), after.len()), (2, 4));
        assert!(before.iter().all(|kid| after.contains(kid)));
        assert_eq!(kids(rotated).len(), 4);
    }

    fn commands_take_effect_in_a_running_server(here: &Deployment) {
        let server = Running::serving(here);
        here.with_client();
        let user = [&["user", "create", "--client", "acme", "--role", "Viewer", "--password-stdin"], ANN].concat();
        here.fed(PASSWORD, &user).done();
        let body = format!(r#"{{"email":"ann@acme.test","password":"{PASSWORD}"}}"#);
        let answer = runtime().block_on(async {
            // The way out to identity providers leaves the choice of cryptography to the program.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let request = reqwest::Client::new().post(format!("{}/api/client/auth/sign-in", server.base()));
            request.header("Content-Type", "application/json").body(body).send().await.unwrap().status()
        });
        assert_eq!(answer, 200);
    }
}

#[test]
fn wrong_fields_are_named_as_on_the_command_line() {
    let here = Deployment::on_sqlite();
    let refusals = [
        here.purser(&["client", "create", "Acme!", "--name", "Acme"]).refused(),
        here.purser(&["client", "create", "acme", "--name", " "]).refused(),
        here.purser(&["admin", "create", "ro ot"]).refused(),
        here.purser(&[
            "user",
            "create",
            "--client",
            "acme",
            "--role",
            "Viewer",
            "--email",
            "x",
            "--first-name",
            "",
            "--last-name",
            "L",
        ])
        .refused(),
    ];
    assert_snapshot!(refusals.concat(), @r#"
    1 error: ID: use 1 to 63 of a-z, 0-9 and inner hyphens
    next:  correct it and run the command again
    1 error: --name: use 1 to 200 characters, none of them control characters
    next:  correct it and run the command again
    1 error: USERNAME: use 1 to 64 of a-z, 0-9, dot, underscore, hyphen and @
    next:  correct it and run the command again
    1 error: --email: not an e-mail address
           --first-name: use 1 to 200 characters, none of them control characters
    next:  correct it and run the command again
    "#);
    assert!(!here.folder.path().join("purser.db").exists(), "a command that is refused makes no database");
}

#[test]
fn a_refusal_nobody_can_hear_has_its_status_all_the_same() {
    let here = Deployment::on_sqlite();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = here.command(&["client", "create", "Acme!", "--name", "Acme"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_made_password_that_nobody_read_is_not_passed_over() {
    let here = Deployment::on_sqlite();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (reader, gone) = std::io::pipe().unwrap();
    drop(reader);
    for (name, output) in [("ann", full.into()), ("bob", Stdio::from(gone))] {
        let ran = here.command(&["admin", "create", name]).stdout(output).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("the account was made, but its password cannot be written"), "{said}");
        assert!(said.contains("next:  nobody knows the password"), "{said}");
    }
}

#[test]
fn a_client_that_cannot_be_is_not_advised_to_be_made() {
    let here = Deployment::on_sqlite();
    here.purser(&["migrate"]).done();
    assert_eq!(
        here.purser(&["provider", "list", "--client", "No Pe"]).refused(),
        "1 error: there is no client No Pe\nnext:  `purser client list` shows those there are\n"
    );
}

#[test]
fn what_the_json_log_counts_is_a_number() {
    let here = Deployment::on_sqlite();
    let mut serve = here.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = serve.env("PURSER_LOG__JSON", "true").stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = said.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap());
    let address = said.find(|line| line["message"] == "listening").unwrap()["address"].as_str().unwrap().to_owned();
    let mut line = TcpStream::connect(&address).unwrap();
    write!(line, "GET /nowhere HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let refused = said.find(|line| line["message"] == "request refused").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(refused["status"] == 404 && refused["micros"].is_u64(), "{refused}");
}

#[test]
fn a_database_of_a_newer_version_is_known_as_one() {
    let here = Deployment::on_sqlite();
    here.purser(&["migrate"]).done();
    let newer = "INSERT INTO refinery_schema_history VALUES (999, 'to_come', '2030-01-01T00:00:00Z', '1')";
    rusqlite::Connection::open(here.folder.path().join("purser.db")).unwrap().execute(newer, []).unwrap();
    assert_eq!(
        here.purser(&["client", "list"]).refused(),
        "1 error: a newer version of Purser made this database: run that one, or put back what was kept before the upgrade\n"
    );
}

#[test]
fn what_stands_in_a_file_does_not_reach_the_terminal_as_a_command() {
    let here = Deployment::on_sqlite();
    here.with_client();
    let import = ["user", "import", "--client", "acme", "-"];
    for file in ["email,firstName,lastName,\x1b[31m\n", "email,firstName,lastName,roles\na@b.test,A,B,\x1b[31m\n"] {
        let refused = here.fed(file, &import).refused();
        assert!(refused.contains(r"\u{1b}[31m") && !refused.contains('\x1b'), "{refused}");
    }
}

#[test]
fn a_password_that_breaks_the_rules_is_refused_with_the_rule() {
    let here = Deployment::on_sqlite();
    here.purser(&["migrate"]).done();
    let create = ["admin", "create", "root", "--password-stdin"];
    let refusals = ["short\n", "password1\n", "", "rootroot1\n"].map(|input| here.fed(input, &create).refused());
    assert_snapshot!(refusals.concat(), @r#"
    1 error: password: must have at least 8 characters
    next:  choose another, or leave --password-stdin out: then one is made and printed
    1 error: password: is among the most used passwords
    next:  choose another, or leave --password-stdin out: then one is made and printed
    1 error: password: is missing
    next:  choose another, or leave --password-stdin out: then one is made and printed
    1 error: password: is little more than a name that others know
    next:  choose another, or leave --password-stdin out: then one is made and printed
    "#);
    assert!(here.fed([0xff, b'\n'], &create).refused().contains("cannot be read from standard input"));
}

#[test]
fn only_the_first_line_is_the_password_and_its_blanks_count() {
    let here = Deployment::on_sqlite();
    here.fed(" spaces around it \nanother line\n", &["admin", "create", "root", "--password-stdin"]).done();
    assert!(here.sign_in_admin("root", " spaces around it "));
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_would_be_right() {
    let here = Deployment::on_sqlite();
    let refused = |arguments: &[&str]| here.purser(arguments).refused();
    let role = refused(&[&["user", "create", "--client", "acme", "--role", "Boss"], ANN].concat());
    assert!(role.starts_with('2') && role.contains("roles are Admin, User Admin, Author"), "{role}");
    let address = refused(&["serve", "--listen", "localhost"]);
    assert!(address.starts_with('2') && address.contains("127.0.0.1:8080"), "{address}");
    for wrong in [
        &["server"][..],
        &["client"],
        &["client", "create", "acme"],
        &["admin", "create", "root", "--password", "x"],
        &["demo", "--config", "x"],
    ] {
        let refusal = refused(wrong);
        assert!(refusal.starts_with('2'), "{wrong:?}: {refusal}");
    }
}

#[test]
fn settings_that_cannot_be_used_stop_every_command_but_help() {
    let mut here = Deployment::on_sqlite();
    here.environment.push(("PURSER_TOKENS__ACCES_TTL".into(), "1h".into()));
    for command in [&["config"][..], &["serve"], &["migrate"], &["client", "list"]] {
        assert_eq!(
            here.purser(command).refused(),
            "1 error: the settings cannot be used\n       PURSER_TOKENS__ACCES_TTL: no setting has this name; the nearest is PURSER_TOKENS__ACCESS_TTL\n"
        );
    }
    assert!(here.purser(&["--help"]).done().contains("purser demo"));
}

#[test]
fn a_named_settings_file_counts_before_and_after_the_command() {
    let mut here = Deployment::on_sqlite();
    here.environment.clear();
    std::fs::write(here.folder.path().join("my.toml"), "[limits]\nconnections = 77\n").unwrap();
    for command in [["--config", "my.toml", "config"], ["config", "--config", "my.toml"]] {
        let page = here.purser(&command).done();
        assert!(page.contains("connections = 77") && page.contains("# my.toml"), "{page}");
    }
    assert_eq!(
        here.purser(&["config", "--config", "no.toml"]).refused(),
        "1 error: the settings cannot be used\n       no.toml: cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_database_that_does_not_answer_is_named_as_the_fault() {
    let mut here = Deployment::on_sqlite();
    here.environment.push(("PURSER_DATABASE__URL".into(), "postgres://purser:s3cret@127.0.0.1:1/purser".into()));
    let refusal = here.purser(&["migrate"]).refused();
    assert!(refusal.starts_with("1 error: the database cannot be used: "), "{refusal}");
    assert!(refusal.contains("database.url") && !refusal.contains("s3cret"), "{refusal}");
}

#[test]
fn another_master_key_is_refused() {
    let here = Deployment::on_sqlite();
    here.purser(&["migrate"]).done();
    let key = here.folder.path().join("purser.key");
    // Written over, so that the file stays the owner's alone.
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let refusal = here.purser(&["client", "list"]).refused();
    assert!(refusal.starts_with("1 error: the master key does not open"), "{refusal}");
    std::fs::remove_file(&key).unwrap();
    let refusal = here.purser(&["client", "list"]).refused();
    assert!(refusal.starts_with("1 error: the master key ") && refusal.contains(" is not there"), "{refusal}");
    assert!(!key.exists(), "no key is made for an old database");
}

#[test]
fn after_a_restore_no_session_lives_and_no_number_comes_again() {
    let here = Deployment::on_sqlite();
    here.purser(&["client", "create", "acme", "--name", "Acme"]).done();
    let user = |email: &str| {
        let person = ["--first-name", "A", "--last-name", "B", "--role", "Viewer"];
        here.purser(&[&["user", "create", "--client", "acme", "--email", email][..], &person].concat()).done()
    };
    user("one@acme.test");
    assert!(here.purser(&["restore"]).done().starts_with("Every session is over"));
    user("two@acme.test");
    let database = rusqlite::Connection::open(here.folder.path().join("purser.db")).unwrap();
    let apart: i64 = database.query_row("SELECT max(id) - min(id) FROM users", [], |row| row.get(0)).unwrap();
    assert!(apart >= 1_000_000, "{apart}");
}

#[test]
fn a_new_database_is_announced_once() {
    let here = Deployment::on_sqlite();
    assert!(here.purser(&["client", "list"]).err.starts_with("Made a new database: "));
    assert_eq!(
        here.purser(&["client", "list"]).err,
        "There is no client yet; `purser client create ID --name NAME` makes one.\n"
    );
}

#[test]
fn commands_run_side_by_side_on_a_new_file_all_succeed() {
    let here = Deployment::on_sqlite();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let here = &here;
            scope.spawn(move || here.purser(&["client", "create", &format!("c{number}"), "--name", "C"]).done());
        }
    });
    assert_eq!(here.purser(&["client", "list"]).done().lines().count(), 7);
}

#[test]
fn every_command_has_help_with_an_example() {
    use clap::CommandFactory as _;
    fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
        if command.has_subcommands() { command.get_subcommands().flat_map(leaves).collect() } else { vec![command] }
    }
    let whole = purser_server::cli::CommandLine::command();
    let leaves = leaves(&whole);
    assert_eq!(leaves.len(), 38);
    for command in leaves {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example") && help.contains("purser "), "{}: {help}", command.get_name());
    }
}

#[test]
fn a_demo_says_lines_that_work_when_pasted() {
    let mut here = Deployment::on_sqlite();
    // A demo must not reach what the environment names.
    here.environment.push(("PURSER_DATABASE__URL".into(), "postgres://127.0.0.1:1/real".into()));
    let mut demo = Running::demo(&here, &["demo", "--listen", "127.0.0.1:0"]);
    let [sign_in, ask, work, admin] = demo.pasted().try_into().unwrap();
    assert!(sign_in.starts_with(r#"{"success":true,"data":{"token":""#), "{sign_in}");
    assert!(ask.starts_with(r#"{"data":{"users":[{"id":"#), "{ask}");
    for shown in
        ["APPROVED", "IN_REVIEW", "DRAFT", "ARCHIVED", "UNASSIGNED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "Olga"]
    {
        assert!(work.contains(shown), "{shown}: {work}");
    }
    assert!(admin.starts_with(r#"{"success":true,"data":{"token":""#), "{admin}");
    assert!(demo.stop().success());
    let left: Vec<_> = std::fs::read_dir(here.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn everybody_in_a_demo_s_table_can_sign_in() {
    let here = Deployment::on_sqlite();
    let demo = Running::demo(&here, &["demo", "--listen", "127.0.0.1:0"]);
    let line = demo.said.lines().find(|line| line.starts_with("curl ")).unwrap();
    let users: Vec<_> = demo.said.lines().filter(|line| line.contains("of client acme")).collect();
    assert_eq!(users.len(), 7);
    for user in users {
        let (email, rest) = user.split_once(' ').unwrap();
        let role =
            rest.trim().split_once("  ").unwrap().1.split_once(" of").unwrap().0.to_uppercase().replace(' ', "_");
        let answer = sh(&line.replace("admin@acme.test", email));
        assert!(
            answer.contains(&format!(r#""email":"{email}""#)) && answer.contains(&format!(r#""roles":["{role}"]"#)),
            "{answer}"
        );
    }
}

#[test]
fn a_kept_demo_comes_back_with_its_passwords() {
    let here = Deployment::on_sqlite();
    let options = ["demo", "--listen", "127.0.0.1:0", "--dir", "kept"];
    let table = |demo: &Running| {
        let rows =
            demo.said.lines().skip_while(|line| !line.starts_with("ACCOUNT")).take_while(|line| !line.is_empty());
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = table(&Running::demo(&here, &options));
    let again = Running::demo(&here, &options);
    assert_eq!((table(&again), first.len()), (first, 9));
    assert!(again.pasted()[0].starts_with(r#"{"success":true"#));
    let about = here.folder.path().join("kept/demo-passwords").metadata().unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_demo_stays_away_from_a_database_it_did_not_make() {
    let here = Deployment::on_sqlite();
    here.purser(&["migrate"]).done();
    let refusal = here.purser(&["demo", "--listen", "127.0.0.1:0", "--dir", "."]).refused();
    assert!(refusal.starts_with("1 error: . holds a database that no demo made\n"), "{refusal}");
}

#[test]
fn a_taken_address_is_refused_with_what_to_do_next() {
    let here = Deployment::on_sqlite();
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refusal = here.purser(&["serve", "--listen", &address]);
    assert_eq!(refusal.status, 1);
    assert!(refusal.err.contains("or choose another address with --listen"), "{}", refusal.err);
}

#[test]
fn people_are_imported_and_exported() {
    let here = Deployment::on_sqlite();
    here.purser(&["client", "create", "acme", "--name", "Acme"]).done();
    let file = here.folder.path().join("people.csv");
    std::fs::write(&file, "email,firstName,lastName,roles\nann@acme.test,Ann,Lee,Admin\nbob,Bob,Ray,\n").unwrap();
    let import = |more: &[&str]| here.purser(&[&["user", "import", "--client", "acme", "people.csv"], more].concat());
    let refusal = import(&["--dry-run"]).refused();
    assert!(refusal.contains("line 3: email: not an e-mail address"), "{refusal}");
    assert!(import(&["--report", "refused.csv"]).refused().contains("1 line was refused"));
    let report = std::fs::read_to_string(here.folder.path().join("refused.csv")).unwrap();
    assert_eq!(report, "line,field,reason\r\n3,email,\"not an e-mail address\"\r\n");
    std::fs::write(&file, "email,firstName,lastName,roles\nann@acme.test,Ann,Lee,Admin\nbob@acme.test,Bob,Ray,\n")
        .unwrap();
    let said = import(&[]).done();
    assert!(said.contains("2 lines: 1 created, 0 updated, 1 unchanged, 0 refused."), "{said}");
    let out = here.purser(&["user", "export", "--client", "acme"]).done();
    assert!(out.contains("ann@acme.test,Ann,Lee,,ADMIN,INVITED"), "{out}");
    assert!(here.purser(&["user", "export", "--client", "nobody"]).refused().contains("there is no client nobody"));
}

#[test]
fn a_running_server_carries_letters_away_by_itself() {
    let mut here = Deployment::on_sqlite();
    here.environment.push(("PURSER_MAIL__OUTBOX".into(), "outbox".into()));
    here.environment.push(("PURSER_SERVER__PUBLIC_URL".into(), "http://localhost".into()));
    here.with_client();
    let user = [&["user", "create", "--client", "acme", "--role", "Viewer", "--password-stdin"], ANN].concat();
    here.fed(format!("{PASSWORD}\n"), &user).done();
    let mut server = Running::serving(&here);
    let wish = r#"-H 'Content-Type: application/json' -d '{"email":"ann@acme.test"}'"#;
    let answer = sh(&format!("curl -sS {}/api/client/auth/password/forgot {wish}", server.base()));
    assert_eq!(answer, r#"{"success":true,"data":{}}"#);
    let outbox = here.folder.path().join("outbox");
    let found = sh(&format!("timeout 20 sh -c 'until ls {0}/*.eml; do sleep 0.1; done' 2>/dev/null", outbox.display()));
    let letter = std::fs::metadata(found.trim()).unwrap();
    assert_eq!(letter.permissions().mode() & 0o777, 0o600);
    assert!(found.trim().ends_with("-password-reset.eml"), "{found}");
    assert!(server.stop().success());
}

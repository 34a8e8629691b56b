//! Where settings come from, which ones are refused, and what an operator reads about them.

use std::ffi::OsString;
use std::fs;

use insta::assert_snapshot;
use purser_core::config::{Mode, Settings};
use purser_server::settings::{Loaded, Sources};
use tempfile::TempDir;

/// A folder with a `purser.toml`, and an environment.
struct Place {
    folder: TempDir,
    sources: Sources,
}

impl Place {
    fn bare() -> Self {
        let folder = TempDir::new().unwrap();
        let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
        Self { folder, sources }
    }

    fn with_file(text: &str) -> Self {
        let place = Self::bare();
        fs::write(place.folder.path().join("purser.toml"), text).unwrap();
        place
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.into(), value.into()));
        self
    }

    fn load(self) -> Loaded {
        self.sources.load().unwrap()
    }

    /// What is complained about, without the folder's name, which is never the same.
    fn refusal(self) -> String {
        let refused = self.sources.load().unwrap_err().to_string();
        refused.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn a_flag_overrules_a_variable_overrules_the_file_overrules_the_default() {
    let file = "[server]\nlisten = \"127.0.0.1:1001\"\n[limits]\nconnections = 11\ngraphql_depth = 11\n";
    let mut place = Place::with_file(file)
        .variable("PURSER_SERVER__LISTEN", "127.0.0.1:1002")
        .variable("PURSER_LIMITS__CONNECTIONS", "12");
    place.sources.listen = Some("127.0.0.1:1003".parse().unwrap());
    let file = place.folder.path().join("purser.toml").display().to_string();
    let loaded = place.load();
    assert_eq!(loaded.settings.server.listen, "127.0.0.1:1003".parse().unwrap());
    assert_eq!(loaded.settings.limits.connections, 12);
    assert_eq!(loaded.settings.limits.graphql_depth, 11);
    assert_eq!(loaded.settings.limits.graphql_aliases, 30);
    assert_eq!(loaded.origin("server.listen"), Some("--listen"));
    assert_eq!(loaded.origin("limits.connections"), Some("PURSER_LIMITS__CONNECTIONS"));
    assert_eq!(loaded.origin("limits.graphql_depth"), Some(file.as_str()));
    assert_eq!(loaded.origin("limits.graphql_aliases"), None);
}

#[test]
fn a_list_in_a_variable_takes_the_place_of_the_file_s() {
    let loaded = Place::with_file("[server]\ntrusted_proxies = [\"192.0.2.1\", \"192.0.2.2\"]")
        .variable("PURSER_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1")
        .load();
    assert_eq!(loaded.settings.server.trusted_proxies, ["10.0.0.0/8", "::1"]);
    let none =
        Place::with_file("[server]\ntrusted_proxies = [\"192.0.2.1\"]").variable("PURSER_SERVER__TRUSTED_PROXIES", "");
    assert!(none.load().settings.server.trusted_proxies.is_empty());
}

#[test]
fn variables_say_texts_numbers_switches_words_and_durations() {
    let settings = Place::bare()
        .variable("PURSER_METRICS__TOKEN", "0123456789012345")
        .variable("PURSER_PASSWORDS__THREADS", "3")
        .variable("PURSER_LOG__JSON", "true")
        .variable("PURSER_DEPLOYMENT__MODE", "on-prem")
        .variable("PURSER_TOKENS__ACCESS_TTL", "2s")
        .variable("HOME", "/nowhere")
        .load()
        .settings;
    assert_eq!(settings.metrics.token.unwrap().reveal(), "0123456789012345");
    assert_eq!(settings.passwords.threads, Some(3));
    assert!(settings.log.json);
    assert_eq!(settings.deployment.mode, Mode::OnPrem);
    assert_eq!(settings.tokens.access_ttl.to_string(), "2s");
}

#[test]
fn every_key_has_a_variable_that_can_say_its_default() {
    let serde_json::Value::Object(sections) = serde_json::to_value(Settings::default()).unwrap() else { panic!() };
    let mut place = Place::bare();
    for (section, keys) in sections {
        for (key, default) in keys.as_object().unwrap().iter().filter(|(_, default)| !default.is_null()) {
            let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            let text = if text == "(hidden)" { "sqlite:purser.db".to_owned() } else { text };
            place = place.variable(&format!("PURSER_{section}__{key}").to_uppercase(), &text);
        }
    }
    let said = place.sources.environment.len();
    let loaded = place.load();
    assert_eq!(format!("{:?}", loaded.settings), format!("{:?}", Settings::default()));
    assert_eq!(loaded.to_toml().matches(" # PURSER_").count(), said);
}

#[test]
fn unknown_names_are_refused_all_at_once_each_with_the_nearest_that_exists() {
    let place =
        Place::with_file("listen = 1\n[databse]\nurl = \"x\"\n[tokens]\nacess_ttl = \"1h\"\n[limits]\nqqqq = 1\n")
            .variable("PURSER_DATABASE_URL", "x")
            .variable("PURSER_LISTEN", "x")
            .variable("PURSER_server__listen", "x")
            .variable("PURSER_", "x");
    assert_snapshot!(place.refusal(), @r#"
    PURSER_: no setting has this name; the sections are audit, database, deployment, federation, license, limits, log, mail, metrics, microsoft, passwords, secrets, server, sessions, tokens
    PURSER_DATABASE_URL: no setting has this name; the nearest is PURSER_DATABASE__URL
    PURSER_LISTEN: no setting has this name; the nearest is PURSER_SERVER__LISTEN
    PURSER_server__listen: no setting has this name; the nearest is PURSER_SERVER__LISTEN
    databse (from purser.toml): there is no such section; the nearest is database
    limits.qqqq (from purser.toml): there is no such key; the sections are audit, database, deployment, federation, license, limits, log, mail, metrics, microsoft, passwords, secrets, server, sessions, tokens
    listen (from purser.toml): there is no such key; the nearest is server.listen
    tokens.acess_ttl (from purser.toml): there is no such key; the nearest is tokens.access_ttl
    "#);
}

#[test]
fn values_that_do_not_fit_are_refused_with_what_would() {
    let refusals = [
        Place::with_file("[tokens]\naccess_ttl = 60").refusal(),
        Place::with_file("[tokens]\naccess_ttl = \"soon\"").refusal(),
        Place::with_file("[limits]\nconnections = -1").refusal(),
        Place::with_file("[server]\nlisten = \"localhost:80\"").refusal(),
        Place::with_file("[server]\ntrusted_proxies = \"10.0.0.0/8\"").refusal(),
        Place::with_file("[server]\nlisten = { port = 1 }").refusal(),
        Place::with_file("server = 3").refusal(),
        Place::with_file("[database]\nurl = 1234").refusal(),
        Place::with_file("[metrics]\ntoken = [\"s3cret\"]").refusal(),
        Place::with_file("[database]\nurl = \"s3cret").refusal(),
        Place::bare().variable("PURSER_TOKENS__ALGORITHM", "none").refusal(),
        Place::bare().variable("PURSER_TOKENS__ACCESS_TTL", "1 h").refusal(),
        Place::bare().variable("PURSER_LOG__JSON", "maybe").refusal(),
        Place::bare().variable("PURSER_DATABASE__URL", "").refusal(),
    ];
    assert!(refusals.iter().all(|refusal| !refusal.contains("s3cret") && !refusal.contains("1234")));
    assert_snapshot!(refusals.join("\n"), @r#"
    tokens.access_ttl (from purser.toml): found 60, expected a whole number with s, m, h or d after it, from 1s to 3650d, as "1d"
    tokens.access_ttl (from purser.toml): found `soon`, expected a whole number with s, m, h or d after it, from 1s to 3650d, as "1d"
    limits.connections (from purser.toml): found -1, expected a whole number, as 10000
    server.listen (from purser.toml): found `localhost:80`, expected an address and a port, as "127.0.0.1:8080"
    server.trusted_proxies (from purser.toml): found `10.0.0.0/8`, expected a list, as ["10.0.0.0/8", "::1"]
    server.listen (from purser.toml): found a section, expected an address and a port, as "127.0.0.1:8080"
    server (from purser.toml): is a section: write [server] and its keys on the lines below
    database.url (from purser.toml): must be a text, as "sqlite:purser.db"
    metrics.token (from purser.toml): must be a text
    purser.toml: line 2: invalid basic string
    tokens.algorithm (from PURSER_TOKENS__ALGORITHM): `none` is not one of ES256, EdDSA, RS256, HS256
    tokens.access_ttl (from PURSER_TOKENS__ACCESS_TTL): found `1 h`, expected a whole number with s, m, h or d after it, from 1s to 3650d, as 1d
    log.json (from PURSER_LOG__JSON): found `maybe`, expected true or false
    PURSER_DATABASE__URL: is empty; unset it, or give it a text, as sqlite:purser.db
    "#);
}

#[test]
fn a_database_file_is_named_without_guessing() {
    for url in ["sqlite:a.db", "sqlite:/var/lib/a.db", "sqlite:///var/lib/a.db", "sqlite:./a.db"] {
        assert_eq!(Place::bare().variable("PURSER_DATABASE__URL", url).load().settings.database.url.reveal(), url);
    }
    // Elsewhere they mean a file in the working folder, one in no folder at all, and none.
    for url in ["sqlite://a.db", "sqlite::memory:", "sqlite:file:a.db?mode=ro", "sqlite:"] {
        let refusal = Place::bare().variable("PURSER_DATABASE__URL", url).refusal();
        assert!(refusal.contains("database.url"), "{url}: {refusal}");
    }
}

#[test]
fn settings_that_make_no_sense_together_are_refused() {
    let place = Place::with_file(
        r#"
        [database]
        url = "mysql://db"
        [server]
        public_url = "https://id.example.com/purser"
        trusted_proxies = ["10.0.0.0/8", "10.0.0.0/99", "proxy.example.com"]
        tls_certificate = "cert.pem"
        [tokens]
        refresh_ttl = "1h"
        [sessions]
        cookie_idle = "100d"
        admin_idle = "13h"
        admin_max = "12h"
        [passwords]
        min_length = 7
        memory_kib = 2097152
        lanes = 17
        passes = 0
        [microsoft]
        login_url = "login.example.com"
        [log]
        level = "inof"
        [metrics]
        listen = "127.0.0.1:8080"
        token = "short"
        "#,
    );
    assert_snapshot!(place.refusal(), @r#"
    passwords.passes (from purser.toml): must be at least 1
    database.url (from purser.toml): write sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME
    server.public_url (from purser.toml): `https://id.example.com/purser` is not an address as https://id.example.com, with http or https and nothing after the host and port
    server.trusted_proxies (from purser.toml): `10.0.0.0/99` is neither an address, as 10.0.0.1, nor a network, as 10.0.0.0/8
    server.trusted_proxies (from purser.toml): `proxy.example.com` is neither an address, as 10.0.0.1, nor a network, as 10.0.0.0/8
    server.tls_key: is missing; TLS needs both tls_certificate and tls_key
    tokens.refresh_ttl (from purser.toml): 1h is shorter than tokens.access_ttl, which is 1d; shorten that too
    sessions.cookie_idle (from purser.toml): 100d is longer than sessions.cookie_max, which is 90d
    sessions.admin_idle (from purser.toml): 13h is longer than sessions.admin_max, which is 12h
    passwords.min_length (from purser.toml): must be from 8 to 128
    passwords.memory_kib (from purser.toml): must be at most 262144 (256 MiB a sign-in)
    passwords.lanes (from purser.toml): must be at most 16
    microsoft.login_url (from purser.toml): write an address, as https://login.microsoftonline.com
    log.level (from purser.toml): `inof` is not error, warn, info, debug or trace, nor a filter as info,purser_core=debug
    metrics.token (from purser.toml): must have at least 16 characters
    metrics.listen (from purser.toml): is the address of the server itself; choose another port
    "#);
}

#[test]
fn what_is_allowed_but_unwise_is_a_warning() {
    let warnings = |place: Place| place.load().warnings.join("\n");
    let cheap = Place::bare()
        .variable("PURSER_PASSWORDS__MEMORY_KIB", "64")
        .variable("PURSER_SERVER__PUBLIC_URL", "http://id.example.com");
    assert_snapshot!(warnings(cheap), @r#"
    server.public_url: not https: passwords and tokens cross the network in the clear
    passwords: hashing is cheaper than memory_kib = 19456, passes = 2; stolen hashes are guessed faster
    "#);
    for fine in [
        "https://id.example.com",
        "http://localhost:8080",
        "http://acme.localhost",
        "http://127.0.0.1",
        "http://[::1]:80",
    ] {
        assert_eq!(warnings(Place::bare().variable("PURSER_SERVER__PUBLIC_URL", fine)), "", "{fine}");
    }
    // The equal choices of the OWASP password storage cheat sheet.
    for (memory, passes) in [("47104", "1"), ("19456", "2"), ("12288", "3"), ("9216", "4"), ("7168", "5")] {
        let place =
            Place::bare().variable("PURSER_PASSWORDS__MEMORY_KIB", memory).variable("PURSER_PASSWORDS__PASSES", passes);
        assert_eq!(warnings(place), "", "{memory} {passes}");
    }
}

#[test]
fn the_public_address_is_kept_as_browsers_write_an_origin() {
    let settings = Place::bare().variable("PURSER_SERVER__PUBLIC_URL", "https://ID.example.com:443/").load().settings;
    assert_eq!(settings.server.public_url.as_deref(), Some("https://id.example.com"));
}

#[test]
fn the_log_s_level_is_a_word_or_a_filter() {
    for fine in ["warn", "DEBUG", "off", "info,purser_core=debug", "warn,[span{id=1}]=trace"] {
        Place::bare().variable("PURSER_LOG__LEVEL", fine).load();
    }
    for wrong in ["verbose", "info,purser_core", "purser_core=loud"] {
        assert!(
            Place::bare()
                .variable("PURSER_LOG__LEVEL", wrong)
                .refusal()
                .starts_with("log.level (from PURSER_LOG__LEVEL)")
        );
    }
}

#[test]
fn a_file_that_is_named_must_exist_and_takes_the_place_of_the_usual_one() {
    let mut place = Place::with_file("[limits]\nconnections = 1");
    let named = place.folder.path().join("other.toml");
    place.sources.file = Some(named.clone());
    assert!(place.sources.clone().load().unwrap_err().to_string().contains("other.toml: cannot be read"));
    fs::write(&named, "[limits]\ngraphql_depth = 1").unwrap();
    let limits = place.load().settings.limits;
    assert_eq!((limits.connections, limits.graphql_depth), (10_000, 1));
}

#[test]
fn a_file_of_a_folder_above_is_not_read() {
    let mut place = Place::with_file("[limits]\nconnections = 1");
    place.sources.folder = place.folder.path().join("below");
    fs::create_dir(&place.sources.folder).unwrap();
    assert_eq!(place.load().settings.limits.connections, 10_000);
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut place = Place::bare();
    place.sources.environment.push(("PURSER_LOG__LEVEL".into(), OsString::from_vec(vec![0xff])));
    assert_eq!(place.refusal(), "PURSER_LOG__LEVEL: is not UTF-8");
}

#[test]
fn the_page_of_settings_shows_no_secret_and_where_each_comes_from() {
    let page = Place::bare()
        .variable("PURSER_DATABASE__URL", "postgres://purser:s3cret@db.example.com/purser")
        .variable("PURSER_SECRETS__MASTER_KEY", "s3cret")
        .variable("PURSER_MAIL__URL", "smtp://mail.example.com")
        .variable("PURSER_MAIL__FROM", "purser@example.com")
        .variable("PURSER_MAIL__USER", "purser")
        .variable("PURSER_MAIL__PASSWORD", "s3cret")
        .variable("PURSER_METRICS__TOKEN", "s3cret-0123456789")
        .variable("PURSER_TOKENS__ACCESS_TTL", "90m")
        .load()
        .to_toml();
    assert!(!page.contains("s3cret"));
    let told: Vec<_> = page.lines().filter(|line| line.contains("# PURSER_")).collect();
    assert_snapshot!(told.join("\n"), @r#"
    # url = "postgres://purser:(hidden)@db.example.com/purser" # PURSER_DATABASE__URL
    from = "purser@example.com"                  # PURSER_MAIL__FROM
    # password = (hidden)                        # PURSER_MAIL__PASSWORD
    url = "smtp://mail.example.com"              # PURSER_MAIL__URL
    user = "purser"                              # PURSER_MAIL__USER
    # token = (hidden)                           # PURSER_METRICS__TOKEN
    # master_key = (hidden)                      # PURSER_SECRETS__MASTER_KEY
    access_ttl = "90m"                           # PURSER_TOKENS__ACCESS_TTL
    "#);
}

#[test]
fn a_secret_of_the_wrong_kind_is_not_repeated() {
    for (section, key) in [("database", "url"), ("secrets", "master_key"), ("mail", "password"), ("metrics", "token")] {
        let refusal = Place::with_file(&format!("[{section}]\n{key} = 7340021")).refusal();
        assert!(refusal.starts_with(&format!("{section}.{key} ")) && !refusal.contains("7340021"), "{refusal}");
    }
}

#[test]
fn the_page_of_settings_can_be_saved_and_read_again() {
    let first =
        Place::with_file("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n[log]\nlevel = \"info,purser_core=debug\"\n")
            .load();
    let again = Place::with_file(&first.to_toml()).load();
    assert_eq!(format!("{:?}", again.settings), format!("{:?}", first.settings));
}

#[test]
fn loaded_settings_print_no_secret_for_debugging() {
    let loaded = Place::bare().variable("PURSER_SECRETS__MASTER_KEY", "s3cret").load();
    assert!(!format!("{loaded:?}").contains("s3cret"));
}

#[test]
fn a_way_for_mail_that_leads_nowhere_is_refused_with_what_would_be_right() {
    let file = "[mail]\nurl = \"mail.example.com\"\noutbox = \"out\"\nuser = \"u\"\n";
    assert_snapshot!(Place::with_file(file).refusal(), @r#"
    mail.url (from purser.toml): write smtp://HOST:PORT or smtps://HOST:PORT, with nothing after the port
    mail.outbox (from purser.toml): goes in the place of mail.url: set one of them
    mail.from: is missing; write it as Purser <purser@example.com>
    mail.password: is missing; mail.user needs it
    "#);
    let file = "[mail]\noutbox = \"out\"\nfrom = \"nobody\"\npassword = \"canary-mail-password\"\n";
    assert_snapshot!(Place::with_file(file).refusal(), @r#"
    mail.from (from purser.toml): is no mailbox; write it as Purser <purser@example.com>
    mail.user: is missing; mail.password needs it
    "#);
    let loaded = Place::with_file("[mail]\nurl = \"smtp://mail.example.com\"\nfrom = \"P <p@example.com>\"\nuser = \"u\"\npassword = \"canary-mail-password\"\n").load();
    assert!(!loaded.to_toml().contains("canary-mail-password"));
    assert!(
        loaded.warnings.iter().any(|it| it.starts_with("mail: without server.public_url")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn more_connections_than_any_machine_has_are_refused_before_they_stop_a_server() {
    for (variable, most, key) in [
        ("PURSER_LIMITS__CONNECTIONS", 1_000_000_u64, "limits.connections"),
        ("PURSER_DATABASE__CONNECTIONS", 10_000, "database.connections"),
    ] {
        Place::bare().variable(variable, &most.to_string()).load();
        for more in [most + 1, u64::MAX] {
            let refused = Place::bare().variable(variable, &more.to_string()).refusal();
            assert_eq!(refused, format!("{key} (from {variable}): must be at most {most}"));
        }
    }
}

#[test]
fn a_public_key_that_is_none_is_refused_where_it_was_set() {
    let variable = "PURSER_LICENSE__PUBLIC_KEY";
    Place::bare().variable(variable, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").load();
    for wrong in ["short", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo0"] {
        assert_eq!(
            Place::bare().variable(variable, wrong).refusal(),
            format!("license.public_key (from {variable}): write an Ed25519 public key: 32 bytes, base64url or base64")
        );
    }
}

#[test]
fn an_empty_text_in_the_file_is_refused_as_an_empty_variable_is() {
    let file = "[log]\nlevel = \"\"\n[mail]\noutbox = \" \"\n[secrets]\nmaster_key = \"\"\n";
    assert_snapshot!(Place::with_file(file).refusal(), @r#"
    log.level (from purser.toml): is empty; leave it out, or give it a text, as "info"
    mail.outbox (from purser.toml): is empty; leave it out, or give it a text
    secrets.master_key (from purser.toml): is empty; leave it out, or give it a text
    "#);
}

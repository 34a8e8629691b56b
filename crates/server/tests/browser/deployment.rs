//! A deployment of one's own: a folder, a database, and the processes of the server that run on it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::providers::{OpenId, Saml};

/// No test waits longer than this for a server.
const LONG: Duration = Duration::from_mins(1);

/// The password of whoever has one.
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";

/// A deployment with one client, `acme`.
pub(crate) struct Deployment {
    folder: TempDir,
    environment: Vec<(String, String)>,
    started: AtomicU32,
}

impl Deployment {
    /// On a new SQLite file.
    pub(crate) fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("purser.db").display());
        Self::on(folder, &url)
    }

    /// On a new schema of the PostgreSQL that `./test` starts.
    pub(crate) fn on_postgres() -> Self {
        Self::on(TempDir::new().unwrap(), &new_schema())
    }

    fn on(folder: TempDir, url: &str) -> Self {
        let key = folder.path().join("purser.key").display().to_string();
        let environment = [
            ("PURSER_DATABASE__URL", url),
            ("PURSER_DATABASE__CONNECTIONS", "4"),
            ("PURSER_SECRETS__MASTER_KEY_FILE", &key),
            // The cheapest hash there is: what is tested is not its cost.
            ("PURSER_PASSWORDS__MEMORY_KIB", "64"),
            ("PURSER_PASSWORDS__PASSES", "1"),
            ("PURSER_LOG__JSON", "true"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let it = Self { folder, environment, started: AtomicU32::new(0) };
        it.done("", &["client", "create", "acme", "--name", "Acme"]);
        it
    }

    /// With a setting of one's own, for what is started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// With an address of its own for links and passkeys, and a folder for its letters. Gives that address, and where to listen.
    pub(crate) fn with_mail(&mut self) -> (String, String) {
        let address = free_address();
        let main = address.replace("127.0.0.1", "http://localhost");
        let outbox = self.folder.path().join("outbox");
        std::fs::create_dir(&outbox).unwrap();
        self.set("PURSER_SERVER__PUBLIC_URL", &main);
        self.set("PURSER_MAIL__OUTBOX", &outbox.display().to_string());
        (main, address)
    }

    /// The database beside the server, as an operator may look into it.
    pub(crate) fn beside(&self, statements: &str) {
        let there = rusqlite::Connection::open(self.folder.path().join("purser.db")).unwrap();
        there.busy_timeout(LONG).unwrap();
        there.execute_batch(statements).unwrap();
    }

    /// Sign-ins of the last month, as a living organisation has them: none at week-ends.
    pub(crate) fn with_a_month_of_sign_ins(&self) {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        let mut lines = String::new();
        for day in 1..30_u128 {
            let at = now - day * 86_400_000;
            let weekday = (at / 86_400_000 + 4) % 7;
            let busy = if weekday == 0 || weekday == 6 { 1 } else { 9 + (day * 7) % 6 };
            for line in 0..busy * 2 {
                let (actor, outcome, reason) = match line % 9 {
                    0..4 => ("user", "done", "password"),
                    4 | 5 => ("user", "done", "oidc okta"),
                    6 | 7 => ("user", "done", "passkey"),
                    _ => ("anyone", "refused", "wrong password"),
                };
                let at = at + line;
                writeln!(
                    lines,
                    "INSERT INTO audit VALUES ('acme', x'{at:012x}7000800000000000000a', {}, '{actor}', '1', '', '', 'session.sign-in',
                     'user:1', '{outcome}', '{reason}');",
                    at * 1_000
                )
                .unwrap();
            }
        }
        self.beside(&format!("BEGIN; {lines} COMMIT;"));
    }

    /// The link in the letter of a kind to an address, once it is there.
    #[track_caller]
    pub(crate) fn link_in_letter(&self, kind: &str, to: &str) -> String {
        until("the letter is there", || {
            let folder = std::fs::read_dir(self.folder.path().join("outbox")).unwrap();
            let mut letters = folder
                .map(|it| it.unwrap().path())
                .filter(|it| it.to_string_lossy().ends_with(&format!("-{kind}.eml")))
                .map(|it| std::fs::read_to_string(it).unwrap());
            let text = letters.find(|it| it.contains(&format!("To: {to}\r\n")))?;
            // Quoted-printable (RFC 2045 section 6.7).
            let text = text.replace("=\r\n", "").replace("=3D", "=");
            text.split_whitespace().find(|word| word.starts_with("http") && word.contains("token=")).map(str::to_owned)
        })
    }

    /// Makes a user at the command line.
    pub(crate) fn with_user(&self, email: &str, role: &str) {
        self.with_person("A", "B", email, role);
    }

    /// The same, with a name.
    pub(crate) fn with_person(&self, first: &str, last: &str, email: &str, role: &str) {
        let person = ["--first-name", first, "--last-name", last, "--role", role, "--password-stdin"];
        self.done(PASSWORD, &[&["user", "create", "--client", "acme", "--email", email], &person[..]].concat());
    }

    /// Takes the operator's word that a domain is the client's.
    pub(crate) fn with_verified_domain(&self, domain: &str) {
        for act in ["add", "confirm"] {
            self.done("", &["domain", act, "--client", "acme", domain]);
        }
    }

    /// Sets an OpenID provider up, as `acme-openid`.
    pub(crate) fn with_openid(&self, provider: &OpenId, settings: &[&str]) {
        let named = ["provider", "add", "oidc", "--client", "acme", "acme-openid"];
        let there = ["--issuer", provider.issuer(), "--client-id", provider.client_id(), "--client-secret-stdin"];
        self.done(provider.client_secret(), &[&named[..], &there, settings].concat());
    }

    /// Sets a SAML provider up, as `acme-saml`.
    pub(crate) fn with_saml(&self, provider: &Saml, settings: &[&str]) {
        let named = ["provider", "add", "saml", "--client", "acme", "acme-saml"];
        self.done("", &[&named[..], &["--metadata-url", provider.metadata()], settings].concat());
    }

    /// Changes a provider, beside the server: until that has noticed, a second may pass.
    pub(crate) fn change_provider(&self, protocol: &str, name: &str, settings: &[&str]) {
        self.done("", &[&["provider", "update", protocol, "--client", "acme", name], settings].concat());
    }

    /// Runs a command that does what it should, and gives what it says.
    #[track_caller]
    pub(crate) fn done(&self, input: &str, arguments: &[&str]) -> String {
        let output = self.run(input, arguments);
        assert!(output.status.success(), "purser {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, input: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever reads nothing has hung up already.
        drop(writeln!(child.stdin.take().unwrap(), "{input}"));
        child.wait_with_output().unwrap()
    }

    /// Starts a server, and waits until it listens.
    pub(crate) fn start(&self) -> Node {
        self.start_at("127.0.0.1:0")
    }

    /// The same, at an address.
    pub(crate) fn start_at(&self, listen: &str) -> Node {
        let log = self.folder.path().join(format!("node-{}.log", self.started.fetch_add(1, Ordering::SeqCst)));
        let mut command = self.command(&["serve", "--listen", listen]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn();
        let mut process = process.unwrap();
        let base = until("the server listens", || {
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(process.try_wait().unwrap().is_none(), "the server has ended: {text}");
            address_in(&text)
        });
        Node { process, log, base }
    }

    /// A process that does not outlive the thread that starts it, whatever becomes of that.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_purser")]).args(arguments);
        command.current_dir(self.folder.path()).env_clear().envs(self.environment.iter().cloned());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }
}

/// A running server.
pub(crate) struct Node {
    process: Child,
    log: PathBuf,
    /// Its origin.
    pub(crate) base: String,
}

impl Node {
    /// An address at it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what {} logged:\n{}", self.base, std::fs::read_to_string(&self.log).unwrap_or_default());
        }
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn address_in(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("\"listening\""))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(format!("http://{}", line["address"].as_str()?))
}

/// Looks until there is something to see.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "another process is waited for, and its time cannot be moved")]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < LONG, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A database address whose search path is a schema nobody else uses.
fn new_schema() -> String {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL names the PostgreSQL to test on; ./test starts one");
    let name = format!("real{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
    });
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options=-csearch_path%3D{name}")
}

/// Tells one story on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $name:ident($here:ident: Deployment) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn story($here: Deployment) $body

            #[test]
            fn on_sqlite() {
                story(Deployment::on_sqlite());
            }

            #[test]
            fn on_postgres() {
                story(Deployment::on_postgres());
            }
        }
    )*};
}

//! [`Deployment`], a folder and a database to run the program in, and [`Running`], the program left running.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use purser_core::app::App;
use purser_core::audit::Visit;
use purser_core::error::Result;
use purser_core::secret::Secret;
use purser_core::session::SignedIn;
use purser_core::signin::{AdminClaim, Claim};
use purser_server::settings::Sources;
use tempfile::TempDir;

/// A deployment of one's own: a folder, a database, an environment.
pub(super) struct Deployment {
    pub(super) folder: TempDir,
    pub(super) environment: Vec<(String, String)>,
}

impl Deployment {
    pub(super) fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("purser.db").display());
        Self::on(folder, url)
    }

    pub(super) fn on_postgres() -> Self {
        Self::on(TempDir::new().unwrap(), new_schema())
    }

    pub(super) fn on(folder: TempDir, url: String) -> Self {
        let key = folder.path().join("purser.key").display().to_string();
        let environment = [
            ("PURSER_DATABASE__URL", url),
            ("PURSER_DATABASE__CONNECTIONS", "4".to_owned()),
            ("PURSER_SECRETS__MASTER_KEY_FILE", key),
            // A demo's temporary folder.
            ("TMPDIR", folder.path().display().to_string()),
            // The cheapest hash there is: what is tested is not its cost.
            ("PURSER_PASSWORDS__MEMORY_KIB", "64".to_owned()),
            ("PURSER_PASSWORDS__PASSES", "1".to_owned()),
        ];
        Self { folder, environment: environment.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(self.environment.iter().cloned());
        command
    }

    /// Runs the program with nothing on standard input.
    pub(super) fn purser(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs the program with something on standard input.
    pub(super) fn fed(&self, input: impl AsRef<[u8]>, arguments: &[&str]) -> Ran {
        let piped = || Stdio::piped();
        let mut child = self.command(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        // A program that refuses its arguments reads nothing.
        drop(child.stdin.take().unwrap().write_all(input.as_ref()));
        Ran::from(child.wait_with_output().unwrap())
    }

    pub(super) fn with_client(&self) {
        self.purser(&["client", "create", "acme", "--name", "Acme Industries"]).done();
    }

    /// Signs in by the core, as another program beside the command line would.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn> {
        let claim = Claim { email: email.into(), password: Secret::new(password), client: None, cookie: None };
        runtime().block_on(async { self.app().await.sign_in(claim, &visit()).await })
    }

    pub(super) fn sign_in_admin(&self, username: &str, password: &str) -> bool {
        let claim = AdminClaim { username: username.into(), password: Secret::new(password) };
        runtime().block_on(async { self.app().await.sign_in_admin(claim, &visit()).await.is_ok() })
    }

    pub(super) async fn app(&self) -> App {
        let environment = self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let sources = Sources { environment, folder: self.folder.path().into(), ..Sources::default() };
        App::open(sources.load().unwrap().settings).await.unwrap()
    }
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// What it said, having done what it should.
    #[track_caller]
    pub(super) fn done(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.out
    }

    /// How it was refused: the status, and what is on standard error. Standard output is kept clear of it.
    #[track_caller]
    pub(super) fn refused(self) -> String {
        assert_eq!(self.out, "");
        format!("{} {}", self.status, self.err)
    }
}

/// A server, told to stop when dropped.
pub(super) struct Running {
    child: Child,
    pub(super) said: String,
}

impl Running {
    /// A demo, as soon as it has said all it has to say.
    pub(super) fn demo(here: &Deployment, arguments: &[&str]) -> Self {
        let mut child = here.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let said = read_until(child.stdout.take().unwrap(), |said| said.matches("\ncurl ").count() == 4);
        Self { child, said }
    }

    /// A server, as soon as it listens.
    pub(super) fn serving(here: &Deployment) -> Self {
        let mut child = here.command(&["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
        let said = read_until(child.stderr.take().unwrap(), |said| said.contains("listening address="));
        Self { child, said }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.said.trim().rsplit_once("address=").unwrap().1)
    }

    /// What the lines to paste answer.
    pub(super) fn pasted(&self) -> Vec<String> {
        self.said.lines().filter(|line| line.starts_with("curl ")).map(sh).collect()
    }

    pub(super) fn stop(&mut self) -> ExitStatus {
        sh(&format!("kill {}", self.child.id()));
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads lines until enough has been said; the rest is read and dropped, so that the program never waits for a reader.
fn read_until(from: impl Read + Send + 'static, enough: impl Fn(&str) -> bool) -> String {
    let mut from = BufReader::new(from);
    let mut said = String::new();
    while !enough(&said) {
        assert_ne!(from.read_line(&mut said).unwrap(), 0, "it ended after saying: {said}");
    }
    std::thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
    said
}

/// What a shell makes of a line.
pub(super) fn sh(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    // The tests' own client asks for one, though it speaks no TLS.
    let _there_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// From a documentation address (RFC 5737).
pub(super) fn visit() -> Visit {
    Visit { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), agent: "test".into(), request: "r-1".into() }
}

/// A database address whose search path is a schema nobody else uses.
fn new_schema() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names the PostgreSQL to test on");
    let name = format!("cli{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::SeqCst));
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
    });
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}options=-csearch_path%3D{name}")
}

//! A deployment of one's own: a folder, a database, its settings, and the processes that run on it.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::patience::{LONG, Watch, until};
use crate::wire::{Door, PASSWORD, Reply, Tokens};

/// A tenant's administrator, who is there from the beginning.
pub(crate) const BOSS: &str = "boss@acme.test";

/// A deployment.
pub(crate) struct Deployment {
    folder: TempDir,
    environment: Vec<(String, String)>,
    started: AtomicU32,
    /// Gone last.
    cluster: Option<Cluster>,
}

impl Deployment {
    /// On a new SQLite file.
    pub(crate) fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("purser.db");
        Self::on(folder, &format!("sqlite:{}", file.display()), None)
    }

    /// On a SQLite file in a folder of somebody else's.
    pub(crate) fn on_sqlite_in(place: &Path) -> Self {
        Self::on(TempDir::new().unwrap(), &format!("sqlite:{}", place.join("purser.db").display()), None)
    }

    /// On a PostgreSQL that serves nobody else.
    pub(crate) fn on_postgres() -> Self {
        let cluster = Cluster::start();
        let url = cluster.url();
        Self::on(TempDir::new().unwrap(), &url, Some(cluster))
    }

    fn on(folder: TempDir, url: &str, cluster: Option<Cluster>) -> Self {
        let key = folder.path().join("purser.key").display().to_string();
        let environment = [
            ("PURSER_DATABASE__URL", url),
            ("PURSER_SECRETS__MASTER_KEY_FILE", &key),
            // The cheapest hash there is: what is tested is not its cost.
            ("PURSER_PASSWORDS__MEMORY_KIB", "64"),
            ("PURSER_PASSWORDS__PASSES", "1"),
            ("PURSER_LOG__JSON", "true"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let it = Self { folder, environment, started: AtomicU32::new(0), cluster };
        it.done("", &["client", "create", "acme", "--name", "Acme"]);
        it.with_user("acme", BOSS);
        it
    }

    /// Makes a user at the command line.
    pub(crate) fn with_user(&self, client: &str, email: &str) {
        let person = ["--first-name", "A", "--last-name", "B", "--role", "Admin", "--password-stdin"];
        self.done(PASSWORD, &[&["user", "create", "--client", client, "--email", email], &person[..]].concat());
    }

    /// With a setting of one's own, for what is started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("the story runs on PostgreSQL")
    }

    pub(crate) fn cluster_mut(&mut self) -> &mut Cluster {
        self.cluster.as_mut().expect("the story runs on PostgreSQL")
    }

    /// Runs a command that does what it should.
    #[track_caller]
    pub(crate) fn done(&self, input: &str, arguments: &[&str]) {
        let output = self.run(input, &[], arguments);
        assert!(output.status.success(), "purser {arguments:?}: {output:?}");
    }

    /// Runs a command.
    pub(crate) fn run(&self, input: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = self.command(settings, arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever reads nothing has hung up already.
        drop(writeln!(child.stdin.take().unwrap(), "{input}"));
        child.wait_with_output().unwrap()
    }

    /// Starts a server, and waits until it is ready.
    pub(crate) fn start(&self) -> Node {
        self.start_with(&[])
    }

    /// The same, with settings of its own.
    pub(crate) fn start_with(&self, settings: &[(&str, &str)]) -> Node {
        let log = self.folder.path().join(format!("node-{}.log", self.started.fetch_add(1, Ordering::SeqCst)));
        let begun = Watch::start();
        let process = self
            .command(settings, &["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut node = Node { process, door: Door(([0, 0, 0, 0], 0).into()), begun };
        node.door = Door(until(LONG, "the server listens", || {
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(node.process.try_wait().unwrap().is_none(), "the server has ended: {text}");
            address_in(&text)
        }));
        until(LONG, "the server is ready", || node.ready().ok().filter(Reply::is_ok));
        node
    }

    /// A process that does not outlive the thread that starts it, whatever becomes of that.
    fn command(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_purser")]).args(arguments);
        command.current_dir(self.folder.path()).env_clear().envs(self.environment.iter().cloned());
        command.envs(settings.iter().copied()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }
}

fn address_in(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("\"listening\""))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}

/// A running server.
pub(crate) struct Node {
    process: Child,
    pub(crate) door: Door,
    begun: Watch,
}

impl Node {
    /// When its process was started.
    pub(crate) fn begun(&self) -> Watch {
        self.begun
    }

    /// Ends it as the kernel does when memory runs out.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        kill_process(pid(&self.process), Signal::TERM).unwrap();
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until(LONG, "the server ends", || self.process.try_wait().unwrap())
    }

    /// Tells it to stop, and sees that it ends well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "{status:?}");
    }

    /// The tenant's administrator, signed in.
    #[track_caller]
    pub(crate) fn boss(&self) -> Tokens {
        self.sign_in(BOSS).unwrap().ok().tokens()
    }
}

impl Deref for Node {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A child's number, as signals want it.
pub(crate) fn pid(process: &Child) -> Pid {
    Pid::from_child(process)
}

/// Tells one story on both databases, one after the other.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $name:ident($here:ident: Deployment) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn story($here: Deployment) $body

            #[test]
            fn on_sqlite() {
                let _alone = $crate::patience::alone();
                story(Deployment::on_sqlite());
            }

            #[test]
            fn on_postgres() {
                let _alone = $crate::patience::alone();
                story(Deployment::on_postgres());
            }
        }
    )*};
}

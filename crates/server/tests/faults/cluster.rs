//! A PostgreSQL of one's own, which may be stopped, killed and frozen: in a temporary folder, on a loopback port, gone with the story.

use std::fs::{File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::deployment::pid;
use crate::patience::{LONG, until};

/// Good enough for a database that nobody outside this machine can reach and that lives for a minute.
const PASSWORD: &str = "throw-away";

/// A PostgreSQL.
pub(crate) struct Cluster {
    folder: TempDir,
    port: u16,
    postmaster: Child,
}

impl Cluster {
    /// Makes and starts one, with a database and an ordinary role that owns it.
    pub(crate) fn start() -> Self {
        // Not in TMPDIR: the user postgres must get there, and the path of a socket has to be short.
        let folder = TempDir::with_prefix_in("purser-fault.", "/tmp").unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let own = folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("password"), PASSWORD).unwrap();
        if geteuid().is_root() {
            let (user, group) = ids_of_postgres();
            chown(own.join("password"), Some(user), Some(group)).unwrap();
            chown(&own, Some(user), Some(group)).unwrap();
        }
        initialise(&own);
        let (port, postmaster) = start_on_a_free_port(&own);
        let it = Self { folder, port, postmaster };
        it.await_answers();
        it.run("postgres", &format!("CREATE ROLE purser LOGIN PASSWORD '{PASSWORD}'"));
        it.run("postgres", "CREATE DATABASE purser OWNER purser");
        it
    }

    /// Where Purser finds its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://purser:{PASSWORD}@127.0.0.1:{}/purser", self.port)
    }

    /// Runs a statement as the one who may everything; gives the first column.
    #[track_caller]
    pub(crate) fn run(&self, database: &str, sql: &str) -> Vec<String> {
        self.try_run(database, sql).unwrap()
    }

    /// The same, if it can be done.
    pub(crate) fn try_run(&self, database: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
        let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{database}?connect_timeout=5", self.port);
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            tokio::spawn(connection);
            let told = client.simple_query(sql).await?;
            let first = |message: &SimpleQueryMessage| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            };
            Ok(told.iter().filter_map(first).collect())
        })
    }

    /// Ends it as the kernel does when memory runs out; what it had started sees that and ends itself.
    pub(crate) fn kill(&mut self) {
        let children = children_of(pid(&self.postmaster));
        self.postmaster.kill().unwrap();
        self.postmaster.wait().unwrap();
        until(LONG, "the last of PostgreSQL ends", || children.iter().all(|child| has_ended(*child)).then_some(()));
    }

    /// Ends all its processes, which are frozen and so see nothing.
    pub(crate) fn kill_frozen(&mut self) {
        // Named before the postmaster is gone: then they are nobody's.
        let children = children_of(pid(&self.postmaster));
        self.postmaster.kill().unwrap();
        for child in &children {
            // It may have ended by itself.
            let _ended = kill_process(*child, Signal::KILL);
        }
        self.postmaster.wait().unwrap();
        until(LONG, "the last of PostgreSQL ends", || children.iter().all(|child| has_ended(*child)).then_some(()));
    }

    /// Ends it as an operator does, whoever is connected.
    pub(crate) fn stop(&mut self) {
        kill_process(pid(&self.postmaster), Signal::INT).unwrap();
        self.postmaster.wait().unwrap();
    }

    /// Starts it where it was, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        self.postmaster = launch(&self.folder.path().join("own"), self.port);
        self.await_answers();
    }

    /// Stops all its processes where they are: connections stay open, and nothing comes back.
    pub(crate) fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        let postmaster = pid(&self.postmaster);
        // First the one that makes new ones.
        kill_process(postmaster, signal).unwrap();
        // One that was being made at that moment is seen the second time.
        for child in [children_of(postmaster), children_of(postmaster)].concat() {
            // It may have ended by itself.
            let _ended = kill_process(child, signal);
        }
    }

    fn await_answers(&self) {
        until(LONG, "PostgreSQL answers", || self.try_run("postgres", "SELECT 1").ok());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !matches!(self.postmaster.try_wait(), Ok(None)) {
            return;
        }
        self.thaw();
        // At once, without writing anything down; and if that is asked too much, the hard way.
        let _ended = kill_process(pid(&self.postmaster), Signal::QUIT);
        drop(self.postmaster.wait());
    }
}

fn initialise(own: &Path) {
    let output = as_postgres("initdb")
        .arg(format!("--pgdata={}", own.join("data").display()))
        .arg(format!("--pwfile={}", own.join("password").display()))
        .args(["--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Nobody can say which port is free but by taking it; another program may be faster.
fn start_on_a_free_port(own: &Path) -> (u16, Child) {
    let started = (0..5).find_map(|_| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some((port, still_there(own, port, launch(own, port))?))
    });
    started.unwrap_or_else(|| panic!("no PostgreSQL: {}", std::fs::read_to_string(own.join("log")).unwrap_or_default()))
}

/// Waits until it listens, or has ended.
fn still_there(own: &Path, port: u16, mut postmaster: Child) -> Option<Child> {
    let socket = own.join(format!(".s.PGSQL.{port}"));
    let ended = until(LONG, "PostgreSQL starts", || {
        let ended = postmaster.try_wait().unwrap().is_some();
        (ended || socket.exists()).then_some(ended)
    });
    (!ended).then_some(postmaster)
}

/// Its log lies beside its data. Machines do not fail here, only processes: nothing has to reach the disk.
fn launch(own: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(own.join("log")).unwrap();
    as_postgres("postgres")
        .arg(format!("-D{}", own.join("data").display()))
        .arg(format!("-p{port}"))
        .arg(format!("-cunix_socket_directories={}", own.display()))
        .args(["-clisten_addresses=127.0.0.1", "-cmax_connections=200", "-cfsync=off"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// One of PostgreSQL's programs, which refuse to run as root. It does not outlive the thread that starts it.
fn as_postgres(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    if geteuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg("--pdeathsig=KILL").arg(programs().join(program)).current_dir("/");
    command
}

/// The newest one's programs. Debian keeps them off the path.
fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed, as ./test sees to").flatten();
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
    newest.expect("a version of PostgreSQL is installed").path().join("bin")
}

fn ids_of_postgres() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).expect("Debian's package makes the user");
    let fields: Vec<_> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before may hold anything, also blanks and brackets.
    Pid::from_raw(text.rsplit_once(')')?.1.split(' ').nth(2)?.parse().ok()?)
}

fn has_ended(pid: Pid) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    text.is_ok_and(|text| text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
        || parent_of(pid).is_none()
}

//! A server run as a child: started, waited for, looked at through `/proc`, stopped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::CpuSet;

use crate::{clock, cpus, http};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// A running server. Dropped, it is stopped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    /// From its spawning to its first good answer.
    pub(crate) ready_after: Duration,
    child: Child,
}

/// What there is to say about a server before it is started.
pub(crate) struct Launch<'a> {
    /// The command line.
    pub(crate) command: Command,
    /// Where that tells it to listen.
    pub(crate) at: SocketAddr,
    /// The path that answers 200 when it is ready.
    pub(crate) ready: &'a str,
    /// What it prints goes here.
    pub(crate) log: PathBuf,
    /// The processors it stays on.
    pub(crate) on: Option<CpuSet>,
}

impl Server {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be spawned, ends at once, or is not ready within 30 s; the end of its log is in the message.
    pub(crate) fn start(launch: Launch<'_>) -> Result<Self> {
        let Launch { mut command, at, ready, log, on } = launch;
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let spawned = clock::now();
        let child = spawn(&mut command, on.as_ref())?;
        let mut server = Self { at, ready_after: Duration::ZERO, child };
        let question = http::get(at, ready, None);
        while ask(at, &question) != Some(200) {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended at once ({status}):\n{}", tail(&log));
            }
            if spawned.elapsed() > START_LIMIT {
                bail!("the server was not ready within {} s:\n{}", START_LIMIT.as_secs(), tail(&log));
            }
            clock::pause(Duration::from_micros(300));
        }
        server.ready_after = spawned.elapsed();
        Ok(server)
    }

    /// Asks one thing over a new connection; gives the status.
    pub(crate) fn ask(&self, request: &[u8]) -> Option<u16> {
        ask(self.at, request)
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most memory that was ever resident, in MiB.
    pub(crate) fn resident_peak(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, line: &str) -> Result<f64> {
        let status = self.proc("status")?;
        let kib = status.lines().find_map(|it| it.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kib.with_context(|| format!("no {line} in /proc"))? / 1024.0)
    }

    /// The processor time its threads have used so far. Those that ended are missing: a server keeps the ones that matter.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).context("the server is gone")?;
        Ok(threads.flatten().filter_map(|thread| used(&thread.path())).sum())
    }

    fn proc(&self, file: &str) -> Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).context("the server is gone")
    }

    /// Asks it to stop and waits for it, so that nothing of it runs on into the next measurement.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let asked = clock::now();
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < STOP_LIMIT {
            clock::pause(Duration::from_millis(2));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// A child has the processors of the thread that spawned it, so a thread of its own spawns it.
fn spawn(command: &mut Command, on: Option<&CpuSet>) -> Result<Child> {
    let name = command.get_program().to_owned();
    let spawned = std::thread::scope(|scope| {
        let thread = scope.spawn(|| cpus::stay_on(on).and_then(|()| Ok(command.spawn()?)));
        thread.join().map_err(|_| anyhow!("the spawning thread panicked"))?
    });
    spawned.with_context(|| format!("cannot start {}", name.display()))
}

/// The processor time the calling thread has used so far.
pub(crate) fn used_here() -> Duration {
    used(Path::new("/proc/thread-self")).unwrap_or_default()
}

/// The scheduler's own account, in nanoseconds: `stat` counts in hundredths of a second, too coarse for a short round.
fn used(thread: &Path) -> Option<Duration> {
    let account = fs::read_to_string(thread.join("schedstat")).ok()?;
    account.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// A loopback address nobody listens on.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn ask(at: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(request).ok()?;
    let (mut read, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).ok().filter(|&count| count > 0)?;
        read.extend_from_slice(chunk.get(..count)?);
        if let Some(head) = http::head(&read).ok()? {
            return Some(head.status);
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

//! The program under test, driven as its operator would drive it: by its command line and its environment.

use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use rustix::thread::CpuSet;
use tempfile::TempDir;

use crate::lists::{self, Work};
use crate::process::{Launch, Server, free_address};
use crate::scale::{self, Size, scatter};

/// The tenant everything happens in.
pub(crate) const TENANT: &str = "acme";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple 9";
/// How many of the filled-in users sign in: enough that no limit on a single account tells.
const SIGNING_IN: u64 = 4096;

/// Which program is tested.
#[derive(Clone)]
pub(crate) enum Program {
    /// The server itself.
    Binary(PathBuf),
    /// This program's own stand-in, which tests the bench and not the server.
    Stub,
}

impl Program {
    /// The binary at `path`; without one, the `purser` beside this executable, built first if it is missing.
    ///
    /// # Errors
    /// When there is none and it cannot be built.
    pub(crate) fn locate(path: Option<&Path>) -> Result<Self> {
        if let Some(path) = path {
            ensure!(path.is_file(), "there is no purser at {}", path.display());
            return Ok(Self::Binary(path.canonicalize()?));
        }
        let beside = std::env::current_exe()?.with_file_name("purser");
        if !beside.is_file() {
            build()?;
        }
        ensure!(beside.is_file(), "no purser at {} even after building it; name it with --purser", beside.display());
        Ok(Self::Binary(beside))
    }

    fn command(&self) -> Result<Command> {
        match self {
            Self::Binary(path) => Ok(Command::new(path)),
            Self::Stub => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("stub");
                Ok(command)
            }
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(path) => path.display().fmt(f),
            Self::Stub => f.write_str("the stub"),
        }
    }
}

fn build() -> Result<()> {
    eprintln!("purser is not built yet: cargo build --release -p purser-server");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--release", "-p", "purser-server"]).status();
    ensure!(built.context("cannot run cargo")?.success(), "purser could not be built; name one with --purser");
    Ok(())
}

/// An installation in a folder of its own, which goes when this is dropped.
pub(crate) struct Purser {
    program: Program,
    database: String,
    folder: TempDir,
    starts: Cell<usize>,
    users: usize,
    filled_in: Cell<Option<Size>>,
}

impl Purser {
    /// An installation on a new SQLite file, with the tenant and its users.
    ///
    /// # Errors
    /// When a command fails.
    pub(crate) fn on_sqlite(program: Program, within: &Path, users: usize) -> Result<Self> {
        let folder = TempDir::with_prefix_in("purser-bench-", within)?;
        let database = format!("sqlite:{}", folder.path().join("purser.db").display());
        Self::install(program, database, folder, users)
    }

    /// An installation on an empty PostgreSQL database, with the tenant and its users.
    ///
    /// # Errors
    /// When a command fails.
    pub(crate) fn on_postgres(program: Program, within: &Path, users: usize, url: &str) -> Result<Self> {
        Self::install(program, url.to_owned(), TempDir::with_prefix_in("purser-bench-", within)?, users)
    }

    fn install(program: Program, database: String, folder: TempDir, users: usize) -> Result<Self> {
        let purser = Self { program, database, folder, starts: Cell::new(0), users, filled_in: Cell::new(None) };
        purser.run(&["client", "create", TENANT, "--name", "Acme"], "")?;
        for user in 0..users {
            purser.create_user(&email(user))?;
        }
        Ok(purser)
    }

    fn create_user(&self, email: &str) -> Result<()> {
        self.create_person(email, "Viewer")
    }

    /// Makes a user with a role.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn create_person(&self, email: &str, role: &str) -> Result<()> {
        let of = ["user", "create", "--client", TENANT, "--email", email];
        let who = ["--first-name", "A", "--last-name", "B", "--role", role, "--password-stdin"];
        self.run(&[&of[..], &who[..]].concat(), &format!("{PASSWORD}\n"))
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn run(&self, words: &[&str], input: &str) -> Result<()> {
        let mut command = self.command()?;
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start purser")?;
        // It may end without reading; what it then says is more telling than the broken pipe.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            bail!("purser {} failed ({}):\n{}", words.join(" "), output.status, said.trim());
        }
        Ok(())
    }

    /// Starts the server on a free port and waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(crate) fn start(&self, on: Option<CpuSet>) -> Result<Server> {
        self.start_with(on, &[])
    }

    /// The same, with settings in the environment.
    ///
    /// # Errors
    /// As [`Purser::start`].
    pub(crate) fn start_with(&self, on: Option<CpuSet>, settings: &[(&str, &str)]) -> Result<Server> {
        let at = free_address()?;
        let mut command = self.command()?;
        command.envs(settings.iter().copied());
        command.args(["serve", "--listen", &at.to_string()]);
        self.starts.set(self.starts.get() + 1);
        let log = self.folder().join(format!("server-{}.log", self.starts.get()));
        Server::start(Launch { command, at, ready: "/readyz", log, on }).context("purser did not start")
    }

    /// Starts a demo with its made-up data in a folder of its own, and waits until it is ready. None from the stand-in, nor on
    /// PostgreSQL, for a demo always runs on SQLite.
    ///
    /// # Errors
    /// As [`Purser::start`].
    pub(crate) fn demo(&self) -> Result<Option<(Server, PathBuf)>> {
        if !(self.database.starts_with("sqlite:") && matches!(self.program, Program::Binary(_))) {
            return Ok(None);
        }
        let (at, folder) = (free_address()?, self.folder().join("demo"));
        let mut command = self.program.command()?;
        command.current_dir(self.folder()).args(["demo", "--listen", &at.to_string(), "--dir"]).arg(&folder);
        let log = self.folder().join("demo.log");
        let launch = Launch { command, at, ready: "/readyz", log, on: None };
        Ok(Some((Server::start(launch).context("the demo did not start")?, folder)))
    }

    fn command(&self) -> Result<Command> {
        let mut command = self.program.command()?;
        command.current_dir(self.folder()).env("PURSER_DATABASE__URL", &self.database);
        Ok(command)
    }

    /// The installation's folder, on the disk its database is on.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Fills the database of the stopped server up to a size. PostgreSQL, and the stand-in, which has no such tables, are left
    /// as they are.
    ///
    /// # Errors
    /// When the server's tables are not the expected ones.
    pub(crate) fn furnish(&self, size: Size, progress: &ProgressBar) -> Result<()> {
        if let (Some(file), Program::Binary(_)) = (self.database.strip_prefix("sqlite:"), &self.program) {
            progress.set_message(format!("filling in {} users, {} sessions", size.users, size.sessions));
            scale::fill(Path::new(file), size, progress)?;
            self.filled_in.set(Some(size));
        }
        Ok(())
    }

    /// Fills the database of the stopped server up to so much work, on either engine.
    ///
    /// # Errors
    /// When the server's tables are not the expected ones.
    pub(crate) fn stock(&self, size: Work, progress: &ProgressBar) -> Result<()> {
        match self.database.strip_prefix("sqlite:") {
            Some(file) => lists::fill_sqlite(Path::new(file), size, progress),
            None => lists::fill_postgres(&self.database, size, progress),
        }
    }

    /// The addresses of people who can sign in: of those filled in if there are any, drawn from all over the table.
    pub(crate) fn emails(&self) -> Vec<String> {
        match self.filled_in.get() {
            None => (0..self.users).map(email).collect(),
            Some(size) => (0..SIGNING_IN).map(|draw| size.email(scatter(draw) % size.users.max(1))).collect(),
        }
    }
}

/// The address of a user made by the command line.
fn email(user: usize) -> String {
    format!("u{user}@acme.test")
}

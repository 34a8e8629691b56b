//! `user import` and `user export`: a client's people from a file, and into one.

use std::fs::{File, Metadata};
use std::io::{IsTerminal as _, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::transfer::{Existing, Format, RefusedLine, Run, Source, Tally, Wish};

use super::commands::{open, operator};
use super::{Failure, note, say};
use crate::settings::Loaded;

/// The formats, as they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Named {
    /// RFC 4180, with a header
    Csv,
    /// A JSON object on each line
    Jsonl,
}

impl From<Named> for Format {
    fn from(named: Named) -> Self {
        match named {
            Named::Csv => Self::Csv,
            Named::Jsonl => Self::JsonLines,
        }
    }
}

pub(super) const IMPORT_HELP: &str = "\
The columns, or members, are email, firstName, lastName, title, roles, status and passwordHash; the first
three are needed. Roles stand in one cell, with blanks or | between them; a password hash is argon2, bcrypt,
scrypt or PBKDF2. Each line is checked alone. An import that broke off is taken up again by repeating it.
Exit status 1 if a line was refused.

Examples:
  purser user import --client acme people.csv --dry-run
  purser user import --client acme people.jsonl --report refused.csv";

pub(super) const EXPORT_HELP: &str = "\
Examples:
  purser user export --client acme > people.csv
  purser user export --client acme --format jsonl --with-hashes > people.jsonl";

pub(super) const RESET_TWO_FACTOR_HELP: &str = "\
For whoever has lost phone and recovery codes, and whom nobody in the client can help: its only Admin, say.
Their app, passkeys and codes are gone, their sessions are over, and they are told by a letter where letters
leave from here. Make sure first that it is really they who ask.

Example:
  purser user reset-two-factor --client acme --email ann@acme.test";

#[derive(Args, Debug)]
pub(super) struct ResetTwoFactor {
    /// ID of the client the user belongs to
    #[arg(long, value_name = "ID")]
    client: String,
    /// E-mail address of the user
    #[arg(long)]
    email: String,
}

impl ResetTwoFactor {
    pub(super) async fn run(self, loaded: Loaded) -> Result<(), Failure> {
        let app = open(loaded).await?;
        let id = client(&self.client)?;
        let by = app.managing_users_of(&operator().grant(), &id).await.map_err(|it| unknown(it, &self.client))?;
        let user = app.user_at(&by, &self.email).await.map_err(|refusal| match refusal {
            Error::NotFound => Failure::new(format!("nobody in client {id} has the address {}", self.email))
                .hint(format!("`purser user export --client {id}` shows who is there")),
            other => other.into(),
        })?;
        if user.two_factor_since.is_none() {
            return Err(Failure::new(format!("{} has no second factor", user.email))
                .hint("nothing was changed; if they cannot sign in, something else is wrong"));
        }
        app.reset_two_factor(&by, user.id).await?;
        say(&format!("Took every second factor of user {} {} away. Their sessions are over.", user.id, user.email))
    }
}

#[derive(Args, Debug)]
pub(super) struct Import {
    /// ID of the client the people belong to
    #[arg(long, value_name = "ID")]
    client: String,
    /// The file; - for standard input
    file: PathBuf,
    /// What the file is; without it its name tells: .jsonl and .ndjson are JSON lines
    #[arg(long, value_enum)]
    format: Option<Named>,
    /// Change people who are there already with other data; without it such lines are refused. Passwords stay as they are
    #[arg(long)]
    update: bool,
    /// Check every line and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the refused lines into this file, as CSV, instead of telling them
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Export {
    /// ID of the client the people belong to
    #[arg(long, value_name = "ID")]
    client: String,
    /// What to write
    #[arg(long, value_enum, default_value = "csv")]
    format: Named,
    /// Write the hashes of their passwords too. Keep such a file as you would keep the passwords
    #[arg(long)]
    with_hashes: bool,
}

impl Import {
    pub(super) async fn run(self, loaded: Loaded) -> Result<(), Failure> {
        let file = self.open()?;
        let mut report = self.report()?;
        let app = open(loaded).await?;
        let client = client(&self.client)?;
        let by = app.managing_users_of(&operator().grant(), &client).await.map_err(|it| unknown(it, &self.client))?;
        let wish = Wish {
            existing: if self.update { Existing::Update } else { Existing::Keep },
            run: if self.dry_run { Run::Dry } else { Run::Real },
            most_refused: None,
        };
        let tally = app.import_users(&by, Source::new(file, self.format()), wish, |tally, refused| {
            report.take(tally, &refused);
        });
        let tally = tally.await.map_err(|refusal| report.broken(refusal))?;
        report.end()?;
        let would = if self.dry_run { " (nothing was changed)" } else { "" };
        let said = format!("{} lines: {tally}{would}.", tally.lines);
        match tally.refused {
            0 => say(&said),
            some => {
                let many = if some == 1 { "line was" } else { "lines were" };
                Err(Failure::new(format!("{some} {many} refused\n{said}")).hint("mend them and import the file again"))
            }
        }
    }

    fn format(&self) -> Format {
        let json = self.file.extension().is_some_and(|it| it == "jsonl" || it == "ndjson");
        self.format.map_or(if json { Format::JsonLines } else { Format::Csv }, Format::from)
    }

    fn open(&self) -> Result<Box<dyn Read + Send>, Failure> {
        if self.file.as_os_str() == "-" {
            return Ok(Box::new(std::io::stdin()));
        }
        match File::open(&self.file) {
            Ok(file) => Ok(Box::new(file)),
            Err(fault) => Err(Failure::new(format!("{} cannot be read: {fault}", self.file.display()))),
        }
    }

    /// A report is written over what was there, which must not be what is about to be read.
    fn report(&self) -> Result<Report, Failure> {
        let input = if self.file.as_os_str() == "-" { Path::new("/dev/stdin") } else { &self.file };
        match self.report.as_deref() {
            Some(report) if is_same_file(input, report) => {
                Err(Failure::usage(format!("{} is the file that is imported", report.display()))
                    .hint("choose another --report"))
            }
            report => Report::open(report),
        }
    }
}

/// Whether two paths lead to one file, links included.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.metadata().ok().filter(Metadata::is_file).map(|it| (it.dev(), it.ino()));
    place(one).is_some_and(|it| Some(it) == place(other))
}

impl Export {
    pub(super) async fn run(self, loaded: Loaded) -> Result<(), Failure> {
        let app = open(loaded).await?;
        let (client, format) = (client(&self.client)?, self.format.into());
        let by = app.managing_users_of(&operator().grant(), &client).await.map_err(|it| unknown(it, &self.client))?;
        let mut after = None;
        loop {
            let (page, next) = if self.with_hashes {
                app.export_users_with_hashes(&operator().grant(), &client, format, after).await?
            } else {
                app.export_users(&by, format, after).await?
            };
            let mut out = std::io::stdout().lock();
            if let Err(fault) = out.write_all(&page.0).and_then(|()| out.flush()) {
                return Err(Failure::new(format!("the people cannot be written: {fault}")));
            }
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

fn client(id: &str) -> Result<TenantId, Failure> {
    id.parse().map_err(|_| unknown(Error::NotFound, id))
}

fn unknown(refusal: Error, id: &str) -> Failure {
    match refusal {
        Error::NotFound => {
            Failure::new(format!("there is no client {id}")).hint("`purser client list` shows those there are")
        }
        other => other.into(),
    }
}

/// Where the refused lines are told, and how far it has come.
struct Report {
    file: Option<(PathBuf, File)>,
    fault: Option<std::io::Error>,
    shows_progress: bool,
}

impl Report {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let file = path.map(|path| {
            let made = File::create(path).and_then(|mut file| file.write_all(b"line,field,reason\r\n").map(|()| file));
            made.map(|file| (path.to_owned(), file)).map_err(|fault| cannot_write(path, &fault))
        });
        Ok(Self { file: file.transpose()?, fault: None, shows_progress: std::io::stderr().is_terminal() })
    }

    fn take(&mut self, tally: &Tally, refused: &[RefusedLine]) {
        for line in refused {
            match &mut self.file {
                Some((_, file)) => {
                    let row = format!("{},{},\"{}\"\r\n", line.line, line.field, line.reason.replace('"', "\"\""));
                    self.fault = self.fault.take().or(file.write_all(row.as_bytes()).err());
                }
                None => note(&format!("line {}: {}: {}", line.line, line.field, line.reason)),
            }
        }
        if self.shows_progress {
            drop(write!(std::io::stderr(), "\r{} lines: {tally}\x1b[K", tally.lines));
        }
    }

    /// What became of an import that broke off.
    fn broken(&mut self, refusal: Error) -> Failure {
        self.clear();
        Failure::from(refusal)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.clear();
        match (self.fault.take(), &self.file) {
            (Some(fault), Some((path, _))) => Err(cannot_write(path, &fault)),
            _ => Ok(()),
        }
    }

    fn clear(&self) {
        if self.shows_progress {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

fn cannot_write(path: &Path, fault: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {fault}", path.display()))
}

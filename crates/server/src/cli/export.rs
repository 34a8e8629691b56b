//! What is read out, one JSON object a line: the audit log, or all that is kept of a client.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use purser_core::app::App;
use purser_core::audit::{Filter, Log};
use purser_core::env::Timestamp;
use purser_core::error::Error;
use purser_core::ids::TenantId;

use super::commands::{open, operator};
use super::{Failure, note};
use crate::settings::Loaded;

/// So many lines are read at once.
const PIECE: u32 = 500;
/// After so many lines a word on how far it is.
const PROGRESS: u64 = 50_000;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Read the audit log out, oldest line first, one JSON object a line
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
}

const EXPORT_HELP: &str = "\
Examples:
  purser audit export --output audit.jsonl
  purser audit export --client acme --since 2027-01-01T00:00:00Z --action session.sign-in --output -";

#[derive(Args, Debug)]
pub(super) struct Export {
    /// File to write, made with mode 0600; must not exist yet. `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// ID of a client, `admin` for the administrators' own log, or `all`
    #[arg(long, value_name = "ID", default_value = "all", value_parser = log)]
    client: Log,
    /// Not before this moment
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    since: Option<Timestamp>,
    /// Before this moment
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    until: Option<Timestamp>,
    /// An action, as session.sign-in
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    action: Option<String>,
    /// An actor's ID
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    actor: Option<String>,
    /// A target, as user:7
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    target: Option<String>,
    /// `done` or `refused`
    #[arg(long, value_parser = ["done", "refused"])]
    outcome: Option<String>,
}

pub(super) async fn run(loaded: Loaded, Audit::Export(wanted): Audit) -> Result<(), Failure> {
    let filter = Filter {
        action: wanted.action.unwrap_or_default(),
        actor: wanted.actor.unwrap_or_default(),
        target: wanted.target.unwrap_or_default(),
        outcome: wanted.outcome.unwrap_or_default(),
        since: wanted.since,
        until: wanted.until,
        first: Some(PIECE),
        ..Filter::default()
    };
    let app = open(loaded).await?;
    if let Log::Tenant(tenant) = &wanted.client {
        demand_client(&app, tenant).await?;
    }
    let mut output = Output::to(&wanted.output)?;
    let mut after = None;
    loop {
        let lines = app.export_audits(&operator().grant(), &wanted.client, &filter, after).await?;
        let Some(last) = lines.last() else { break };
        after = Some(last.id);
        for line in &lines {
            output.write(&line.to_json(), || format!("until {}", line.at))?;
        }
    }
    output.finish()
}

pub(super) async fn export_client(loaded: Loaded, id: &str, output: &Path) -> Result<(), Failure> {
    let tenant: TenantId = id.parse().map_err(|_| no_client(id))?;
    let app = open(loaded).await?;
    demand_client(&app, &tenant).await?;
    let mut output = Output::to(output)?;
    let mut place = None;
    while let Some((lines, next)) = app.export_tenant(&operator().grant(), &tenant, place).await? {
        for line in &lines {
            output.write(line, || format!("at kind {}", next.reading))?;
        }
        place = Some(next);
    }
    output.finish()
}

/// What is said of nobody is not said of a client that is not there: a slip in its ID would pass for an empty log.
async fn demand_client(app: &App, tenant: &TenantId) -> Result<(), Failure> {
    match app.tenant(&operator().grant(), tenant).await {
        Err(Error::NotFound) => Err(no_client(tenant.as_str())),
        found => Ok(found.map(drop)?),
    }
}

fn no_client(id: &str) -> Failure {
    Failure::new(format!("there is no client {id}")).hint("`purser client list` shows those there are")
}

/// Which log is meant. Nothing at all, as an unset variable of a script leaves, does not mean everybody's.
fn log(text: &str) -> Result<Log, String> {
    let known = if text.is_empty() { None } else { text.parse().ok() };
    known.ok_or_else(|| "write the ID of a client, `admin` or `all`".to_owned())
}

/// Lines on their way to a file or to standard output, and how many there were.
pub(super) struct Output {
    to: BufWriter<Box<dyn Write>>,
    file: Option<File>,
    name: String,
    count: u64,
}

impl Output {
    /// A file that exists is not written over; half of one that failed is better found than taken for the whole.
    pub(super) fn to(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if name == "-" {
            let name = "standard output".to_owned();
            return Ok(Self { to: BufWriter::new(Box::new(std::io::stdout())), file: None, name, count: 0 });
        }
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let failed = |fault| Failure::new(format!("{name} cannot be made: {fault}")).hint("choose another --output");
        let file = made.map_err(failed)?;
        let writer = file.try_clone().map_err(failed)?;
        Ok(Self { to: BufWriter::new(Box::new(writer)), file: Some(file), name, count: 0 })
    }

    /// Writes a line; now and then says on standard error how far it is.
    pub(super) fn write(&mut self, line: &str, place: impl FnOnce() -> String) -> Result<(), Failure> {
        writeln!(self.to, "{line}").map_err(|fault| self.failed(&fault))?;
        self.count += 1;
        if self.count.is_multiple_of(PROGRESS) {
            note(&format!("{} lines, {}", self.count, place()));
        }
        Ok(())
    }

    /// Sees to it that all of it is written.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let flushed = self.to.flush();
        let kept = flushed.and_then(|()| self.file.as_ref().map_or(Ok(()), File::sync_all));
        kept.map_err(|fault| self.failed(&fault))?;
        note(&format!("{} lines.", self.count));
        Ok(())
    }

    fn failed(&self, fault: &std::io::Error) -> Failure {
        Failure::new(format!("{} cannot be written: {fault}", self.name))
    }
}

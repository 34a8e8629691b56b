//! `license`: how a deployment stands with its licence, and the vendor's side, which needs no deployment: keys, licences, looking at one.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use purser_core::config::Mode;
use purser_core::env::{Clock as _, SystemClock, SystemEntropy, Timestamp};
use purser_core::error::Error;
use purser_core::license::{self, Issuer, LicenseState, Stage};
use purser_core::secret::Secret;

use super::commands::{open, operator};
use super::{Failure, note, say};
use crate::settings::{Loaded, Sources};

/// Show the licence of a deployment; make and inspect licences
#[derive(Debug, Subcommand)]
pub(super) enum License {
    /// Show the instance id that a licence must name, the licence in force and the seats in use
    #[command(after_help = "Example:\n  purser license show")]
    Show,
    /// Put a licence in force
    #[command(after_help = "Example:\n  purser license install LICENSE_KEY")]
    Install {
        /// The licence key, as the vendor gave it
        key: String,
    },
    /// For vendors: make the pair of keys that signs licences
    #[command(after_help = "Example:\n  purser license keygen --output vendor.key")]
    Keygen {
        /// File for the private key, made with mode 0600; must not exist yet. Without it the private key is printed
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// For vendors: issue a licence
    #[command(after_help = ISSUE_HELP)]
    Issue(Issue),
    /// Show what a licence key says
    #[command(after_help = "Example:\n  purser license inspect --public-key VENDORS_PUBLIC_KEY LICENSE_KEY")]
    Inspect {
        /// The licence key
        key: String,
        /// The vendor's public key, to check the signature. Without it the key is only read
        // Keys and instances are base64url, where one in 64 begins with a hyphen.
        #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
        public_key: Option<String>,
    },
}

const ISSUE_HELP: &str = "\
Times are dates (2027-01-31, at 00:00 UTC) or moments (2027-01-31T12:00:00Z). A deployment takes a licence
only if its serial is higher than every one before.

Example:
  purser license issue --key vendor.key --licensee 'Acme Ltd' --instance INSTANCE --seats 250 \\
      --expires 2028-01-31 --serial 1";

#[derive(Args, Debug)]
pub(super) struct Issue {
    /// File with the private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// To whom it is given
    #[arg(long, value_name = "NAME")]
    licensee: String,
    /// The deployment it is for, as `purser license show` prints it there
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
    instance: String,
    /// How many users it allows, active and invited, over all clients
    #[arg(long, value_name = "N")]
    seats: u32,
    /// Its first moment; now, if unsaid
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    valid_from: Option<Timestamp>,
    /// The moment it runs out
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    expires: Timestamp,
    /// Its place in the order of this deployment's licences
    #[arg(long, value_name = "N")]
    serial: i64,
}

/// Carries one out. Only to show a deployment's licence are settings read.
pub(super) async fn run(which: License, sources: Sources) -> Result<(), Failure> {
    match which {
        License::Show => show(sources.load()?).await,
        License::Install { key } => install(sources.load()?, &key).await,
        License::Keygen { output } => keygen(output.as_deref()),
        License::Issue(wanted) => issue(wanted),
        License::Inspect { key, public_key } => inspect(&key, public_key.as_deref()),
    }
}

async fn show(mut loaded: Loaded) -> Result<(), Failure> {
    super::quieten(&mut loaded);
    let app = open(loaded).await?;
    let state = app.license_state(&operator().grant()).await?;
    say(&standing(&state))
}

async fn install(mut loaded: Loaded, key: &str) -> Result<(), Failure> {
    super::quieten(&mut loaded);
    let app = open(loaded).await?;
    let state = app.install_license(&operator().grant(), key).await.map_err(|error| match error {
        Error::LicenseInvalid => Failure::new("the licence key is not valid here; the one in force stays")
            .hint("`purser audit export --client admin --action license.installed --output -` says why"),
        other => other.into(),
    })?;
    say(&standing(&state))
}

fn standing(state: &LicenseState) -> String {
    let mode = match state.mode {
        Mode::Hosted => "hosted (no licence needed)",
        Mode::OnPrem => "on-prem",
    };
    let seats = state.license.as_ref().map_or_else(String::new, |license| format!(" of {}", license.seats));
    let mut lines = vec![
        format!("instance    {}", state.instance),
        format!("mode        {mode}"),
        format!("stage       {}", word(state.stage)),
        format!("seats used  {}{seats}", state.seats_used),
    ];
    lines.extend(state.license.as_ref().map(described));
    lines.extend(state.notices.iter().map(ToString::to_string));
    lines.join("\n")
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Unlicensed => "unlicensed",
        Stage::Valid => "valid",
        Stage::Notice => "valid, near its end",
        Stage::Grace => "expired, in its grace period",
        Stage::ReadOnly => "expired, nothing can be changed",
    }
}

fn described(license: &license::License) -> String {
    format!(
        "licensee    {}\nserial      {}\nseats       {}\nissued      {}\nvalid from  {}\nexpires     {}",
        license.licensee, license.serial, license.seats, license.issued_at, license.valid_from, license.expires_at
    )
}

fn keygen(output: Option<&Path>) -> Result<(), Failure> {
    let pair = Issuer::generate(&SystemEntropy::default());
    if let Some(file) = output {
        write_private(file, pair.private_key())?;
        note(&format!("The private key is in {}. Whoever has it makes licences.", file.display()));
    } else {
        note("This is the private key. Whoever has it makes licences:");
        say(pair.private_key().reveal())?;
    }
    note("This is the public key, for `license.public_key` of every deployment:");
    say(&pair.public_key())
}

/// A key that exists is never written over: the licences it signed could not be renewed.
fn write_private(file: &Path, key: &Secret) -> Result<(), Failure> {
    let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|fault| {
        Failure::new(format!("{} cannot be made: {fault}", file.display())).hint("choose another --output")
    })?;
    writeln!(made, "{}", key.reveal())
        .and_then(|()| made.sync_all())
        .map_err(|fault| Failure::new(format!("{} cannot be written: {fault}", file.display())))
}

fn issue(wanted: Issue) -> Result<(), Failure> {
    let private = std::fs::read_to_string(&wanted.key).map(Secret::new).map_err(|fault| {
        Failure::new(format!("{} cannot be read: {fault}", wanted.key.display()))
            .hint("`purser license keygen --output FILE` makes a key")
    })?;
    let now = Timestamp::from_seconds(SystemClock::starting_at(Timestamp(0)).now().seconds());
    let license = license::License {
        licensee: wanted.licensee,
        instance: wanted.instance,
        seats: wanted.seats,
        serial: wanted.serial,
        issued_at: now,
        valid_from: wanted.valid_from.unwrap_or(now),
        expires_at: wanted.expires,
    };
    say(&Issuer::parse(&private)?.issue(&license)?)
}

fn inspect(key: &str, public_key: Option<&str>) -> Result<(), Failure> {
    let license = license::inspect(key, public_key)?;
    if public_key.is_none() {
        note("The signature was not checked; --public-key does that.");
    }
    say(&format!("instance    {}\n{}", license.instance, described(&license)))
}

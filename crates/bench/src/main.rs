//! `bench`: measures Purser against the bare parts it is made of, both in the same run, and holds the ratios against their targets.

mod clock;
mod commit;
mod cpus;
mod crowd;
mod hash;
mod hello;
mod http;
mod lists;
mod load;
mod postgres;
mod process;
mod purser;
mod report;
mod sample;
mod scale;
mod scenarios;
mod stub;
mod talks;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;

use crate::commit::Bare;
use crate::purser::{Program, Purser};
use crate::report::{Report, Section};
use crate::scale::Size;
use crate::scenarios::{Bench, FURNISHED, Only, Plan, growth};

/// The allocator the server uses: the bare server shall not lose by another.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures Purser against the bare parts it is made of.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "a command line is a list of switches")]
struct Args {
    #[command(subcommand)]
    role: Option<Role>,
    /// The purser to test [default: the one beside this program, built if missing]
    #[arg(long, value_name = "PATH")]
    purser: Option<PathBuf>,
    /// Shorter and rougher: about 50 s
    #[arg(long)]
    quick: bool,
    /// Compare a large database with a small one instead (SQLite)
    #[arg(long)]
    scale: bool,
    /// Compare 10,000 tenants with one instead (SQLite)
    #[arg(long, conflicts_with = "scale")]
    tenants: bool,
    /// Compare the lists of 100,000 templates, 1 M jobs and 10 M records, 1 M people and 1 M lines of the audit log with those of a
    /// hundredth instead; where DATABASE_URL says
    #[arg(long, conflicts_with_all = ["scale", "tenants"])]
    lists: bool,
    /// So much of that is the large size
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..=100), requires = "lists")]
    portion: u64,
    /// Only these lists
    #[arg(long, value_enum, value_name = "LISTS", requires = "lists")]
    which: Option<lists::Which>,
    /// Exit with 1 if a figure falls short of its target
    #[arg(long)]
    require: bool,
    /// Also write the figures here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Make the temporary folders here: the disk that is measured [default: the system's]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Measure only this
    #[arg(long, value_enum, conflicts_with_all = ["scale", "tenants"])]
    only: Option<Only>,
    /// How often each pair is measured [default: 5, or 3 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=50))]
    rounds: Option<u16>,
    /// Connections for bearer checks and sign-ins
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=190))]
    connections: u16,
    /// How many users to make by the command line
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    users: u16,
    /// Connections for refreshes, and waiters of the bare commit loop
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=1000))]
    refreshing: u16,
    /// Let server and generator share all processors in the bearer check
    #[arg(long)]
    no_pin: bool,
    /// Test the bench itself, with a stand-in for the server
    #[arg(long, hide = true)]
    stub: bool,
}

#[derive(Subcommand)]
enum Role {
    /// The bare axum server
    #[command(hide = true)]
    Hello {
        #[arg(long)]
        listen: SocketAddr,
    },
    /// The stand-in for the server
    #[command(hide = true)]
    Stub {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.role {
        Some(Role::Hello { listen }) => hello::serve(*listen).map(|()| ExitCode::SUCCESS),
        Some(Role::Stub { words }) => stub::run(words).map(|()| ExitCode::SUCCESS),
        None => bench(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::from(2)
    })
}

fn bench(args: &Args) -> Result<ExitCode> {
    let program = if args.stub { Program::Stub } else { Program::locate(args.purser.as_deref())? };
    let plan = plan(args);
    let within = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let sections = match (args.scale, args.tenants, args.lists) {
        (true, ..) => vec![grow(&program, args, &within, &plan)?],
        (_, true, _) => vec![deal_out(&program, &within, &plan)?],
        (.., true) => vec![list(&program, args, &within, &plan)?],
        _ => measure(&program, &within, &plan)?,
    };
    let report = Report { program: program.to_string(), cpus: cpus::count(), pinned: plan.halves.is_some(), sections };
    std::io::stdout().write_all(report.table().as_bytes())?;
    if let Some(file) = &args.json {
        report.save(file)?;
    }
    let short = report.shortfalls();
    if !args.require || short.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("short of the target: {}", short.join(", "));
    Ok(ExitCode::FAILURE)
}

fn plan(args: &Args) -> Plan {
    let (rounds, warm_up, measure, starts) = if args.quick { (3, 120, 450, 3) } else { (5, 200, 1200, 7) };
    Plan {
        rounds: args.rounds.map_or(rounds, usize::from),
        warm_up: Duration::from_millis(warm_up),
        measure: Duration::from_millis(measure),
        users: args.users.into(),
        connections: args.connections.into(),
        refreshing: args.refreshing.into(),
        starts,
        only: args.only,
        halves: if args.no_pin { None } else { cpus::halves() },
        hash_threads: hash::threads(),
    }
}

fn measure(program: &Program, within: &Path, plan: &Plan) -> Result<Vec<Section>> {
    // Told at once if PostgreSQL cannot be used, not after a minute on SQLite.
    let fresh = std::env::var("DATABASE_URL").ok().map(|url| postgres::Fresh::beside(&url)).transpose()?;
    let mut sections = vec![on_sqlite(program, within, plan)?];
    if let Some(fresh) = fresh {
        sections.push(on_postgres(program, within, &fresh, plan)?);
    }
    Ok(sections)
}

fn on_sqlite(program: &Program, within: &Path, plan: &Plan) -> Result<Section> {
    let progress = bar("SQLite", plan.steps());
    let purser = Purser::on_sqlite(program.clone(), within, plan.users)?;
    let mut bare = Bare::sqlite(purser.folder(), FURNISHED.sessions.try_into()?, plan.refreshing)?;
    let bench = Bench { purser: &purser, plan: *plan, progress: &progress };
    section("SQLite", scenarios::measure(&bench, &mut bare), &progress)
}

fn on_postgres(program: &Program, within: &Path, fresh: &postgres::Fresh, plan: &Plan) -> Result<Section> {
    let progress = bar("PostgreSQL", plan.steps());
    let purser = Purser::on_postgres(program.clone(), within, plan.users, &fresh.url)?;
    let mut bare = Bare::postgres(&fresh.url, plan.connections + plan.refreshing, plan.refreshing)?;
    let bench = Bench { purser: &purser, plan: *plan, progress: &progress };
    section("PostgreSQL", scenarios::measure(&bench, &mut bare), &progress)
}

fn grow(program: &Program, args: &Args, within: &Path, plan: &Plan) -> Result<Section> {
    let few = FURNISHED;
    let many = if args.quick { 10 } else { 100 };
    let many = Size { users: few.users * many, sessions: few.sessions * many, ..few };
    let progress = bar("SQLite", growth::steps(plan));
    let [small, large] = [
        Purser::on_sqlite(program.clone(), within, plan.users)?,
        Purser::on_sqlite(program.clone(), within, plan.users)?,
    ];
    let store = if args.quick { "SQLite, 100 k users against 10 k" } else { "SQLite, 1 M users against 10 k" };
    section(store, growth::measure([&small, &large], [few, many], plan, &progress), &progress)
}

fn deal_out(program: &Program, within: &Path, plan: &Plan) -> Result<Section> {
    let progress = bar("SQLite", growth::steps(plan));
    let [one, many] = [
        Purser::on_sqlite(program.clone(), within, plan.users)?,
        Purser::on_sqlite(program.clone(), within, plan.users)?,
    ];
    let sizes = [FURNISHED, Size { tenants: 10_000, ..FURNISHED }];
    section(
        "SQLite, 10 k tenants against one",
        growth::measure_tenants([&one, &many], sizes, plan, &progress),
        &progress,
    )
}

/// On PostgreSQL if there is one, for it takes minutes to fill either.
fn list(program: &Program, args: &Args, within: &Path, plan: &Plan) -> Result<Section> {
    let whole = args.which.map_or(lists::WHOLE, |which| lists::WHOLE.only(which));
    let many = whole.percent(args.portion);
    let sizes = [many.percent(1), many];
    let at = std::env::var("DATABASE_URL").ok();
    let fresh = at.map(|url| Ok::<_, anyhow::Error>([postgres::Fresh::beside(&url)?, postgres::Fresh::beside(&url)?]));
    let store = if fresh.is_some() { "PostgreSQL, lists" } else { "SQLite, lists" };
    let progress = bar(store, scenarios::lists::steps(many));
    let (_fresh, [small, large]) = match fresh.transpose()? {
        Some(fresh) => {
            let made = [
                Purser::on_postgres(program.clone(), within, plan.users, &fresh[0].url)?,
                Purser::on_postgres(program.clone(), within, plan.users, &fresh[1].url)?,
            ];
            (Some(fresh), made)
        }
        None => (
            None,
            [
                Purser::on_sqlite(program.clone(), within, plan.users)?,
                Purser::on_sqlite(program.clone(), within, plan.users)?,
            ],
        ),
    };
    section(store, scenarios::lists::measure([&small, &large], sizes, plan, &progress), &progress)
}

fn section(store: &'static str, results: Result<scenarios::Results>, progress: &ProgressBar) -> Result<Section> {
    progress.finish_and_clear();
    let results = results.context(store)?;
    Ok(Section { store, figures: results.figures, rates: results.rates })
}

fn bar(store: &'static str, steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}")
        .expect("the template is written out above");
    let progress = ProgressBar::new(steps).with_style(style).with_prefix(store).with_message("making tenant and users");
    progress.tick();
    progress
}

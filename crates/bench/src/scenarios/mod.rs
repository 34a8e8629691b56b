//! The measurements, each a file: two things in turn, round after round, and the ratio of every round.

mod bearer;
mod hanging;
mod pages;
mod refresh;
mod signin;
mod start;
mod storm;

pub(crate) mod growth;
pub(crate) mod lists;
mod lists_of_all;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use indicatif::ProgressBar;

use crate::commit::Bare;
use crate::cpus::Halves;
use crate::load::{self, Shape, Talk, Until};
use crate::process::Server;
use crate::purser::Purser;
use crate::report::{Figure, Rate};
use crate::sample::{Sample, median};
use crate::scale::Size;
use crate::talks::{SignIn, Tokens};

/// What a SQLite database holds while it is measured: a small company's.
pub(crate) const FURNISHED: Size = Size { users: 10_000, sessions: 50_000, tenants: 0 };

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// How often each pair is measured.
    pub(crate) rounds: usize,
    /// How long at the start of each round is not counted.
    pub(crate) warm_up: Duration,
    /// How long each round counts.
    pub(crate) measure: Duration,
    /// How many users the command line makes.
    pub(crate) users: usize,
    /// Connections for bearer checks and sign-ins.
    pub(crate) connections: usize,
    /// Connections for refreshes, and waiters of the bare commit loop.
    pub(crate) refreshing: usize,
    /// How often the server is restarted to see how fast it is ready.
    pub(crate) starts: usize,
    /// The one thing to measure; without it, everything.
    pub(crate) only: Option<Only>,
    /// Server and generator apart during bearer checks.
    pub(crate) halves: Option<Halves>,
    /// Threads the server hashes on.
    pub(crate) hash_threads: usize,
}

/// One measurement of those there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Time to the first answer, idle memory.
    Start,
    /// Bearer checks against hello.
    Bearer,
    /// Sign-ins against hashes.
    Signin,
    /// Refreshes against commits.
    Refresh,
    /// Bearer checks while sign-ins storm.
    Storm,
    /// Sign-ins while every identity provider hangs.
    Hanging,
    /// Every page of the console, on the demo's data (SQLite).
    Pages,
}

impl Plan {
    fn wants(&self, one: Only) -> bool {
        self.only.is_none_or(|only| only == one)
    }

    /// How many steps the progress bar has for one store.
    pub(crate) fn steps(&self) -> u64 {
        let steps = [
            (Only::Start, self.starts),
            (Only::Bearer, self.rounds * 2),
            (Only::Signin, self.rounds * 2),
            (Only::Refresh, self.rounds * 2),
            (Only::Storm, storm::rounds(self) * 2),
            (Only::Hanging, hanging::rounds(self) * 2),
            (Only::Pages, self.rounds),
        ];
        steps.iter().filter(|(one, _)| self.wants(*one)).map(|(_, steps)| *steps as u64).sum()
    }

    fn shape(&self, server: &Server) -> Shape {
        Shape {
            to: server.at,
            threads: 1,
            on: None,
            warm_up: self.warm_up,
            until: Until::Passed(self.measure),
            every: None,
        }
    }
}

/// What the measurements have in common.
pub(crate) struct Bench<'a> {
    /// The installation under test.
    pub(crate) purser: &'a Purser,
    /// How much is measured.
    pub(crate) plan: Plan,
    /// Told of every round.
    pub(crate) progress: &'a ProgressBar,
}

/// Figures and plain rates of one store.
#[derive(Default)]
pub(crate) struct Results {
    /// What is held against a target.
    pub(crate) figures: Vec<Figure>,
    /// What they were made from.
    pub(crate) rates: Vec<Rate>,
}

/// Measures everything on one store, whose bare commit rate `bare` tells.
///
/// # Errors
/// When anything does not answer as it should: a figure made of refusals would be worth nothing.
pub(crate) fn measure(bench: &Bench<'_>, bare: &mut Bare) -> Result<Results> {
    let mut results = Results::default();
    let plan = &bench.plan;
    if plan.wants(Only::Start) {
        start::measure(bench, &mut results)?;
    }
    if plan.wants(Only::Pages) {
        pages::measure(bench, &mut results)?;
    }
    if matches!(plan.only, Some(Only::Start | Only::Pages)) {
        return Ok(results);
    }
    let server = bench.purser.start(None)?;
    let mut sessions = open_sessions(bench.purser, &server, plan, plan.connections + plan.refreshing)?;
    server.stop();
    // The sessions that are refreshed lie scattered among others, as in real life and as the rows of the bare loop do: what a
    // commit costs is the number of pages it writes.
    bench.purser.furnish(FURNISHED, bench.progress)?;
    let refreshed = sessions.split_off(plan.connections.min(sessions.len()));
    if plan.wants(Only::Bearer) {
        bearer::measure(bench, &sessions, &mut results)?;
    }
    let server = bench.purser.start(None)?;
    if plan.wants(Only::Signin) {
        signin::measure(bench, &server, &mut results)?;
    }
    if plan.wants(Only::Refresh) {
        refresh::measure(bench, &server, refreshed, bare, &mut results)?;
    }
    if plan.wants(Only::Storm) {
        storm::measure(bench, &server, &sessions, &mut results)?;
    }
    server.stop();
    if plan.wants(Only::Hanging) {
        hanging::measure(bench, &mut results)?;
    }
    Ok(results)
}

/// Opens at least this many sessions by signing in.
fn open_sessions(purser: &Purser, server: &Server, plan: &Plan, sessions: usize) -> Result<Vec<Tokens>> {
    let shape = Shape { warm_up: Duration::ZERO, until: Until::Said(Duration::from_mins(2)), ..plan.shape(server) };
    let each = sessions.div_ceil(plan.connections.max(1));
    let talks = SignIn::opening(server.at, plan.connections, &purser.emails(), each);
    let (_, talks) = load::run(talks, shape)?;
    Ok(talks.into_iter().flat_map(|talk| talk.opened).take(sessions).collect())
}

/// One round against a server, with what it cost it.
fn round<T: Talk>(server: &Server, talks: Vec<T>, shape: Shape) -> Result<(Sample, Vec<T>)> {
    let before = server.cpu()?;
    let (outcome, talks) = load::run(talks, shape)?;
    let cost = server.cpu()?.saturating_sub(before);
    Ok((outcome.sample.costing(cost, outcome.answers), talks))
}

/// Two things measured in turn.
struct Pair {
    ours: Vec<Sample>,
    bare: Vec<Sample>,
}

impl Pair {
    /// Measures both in every round, now the one first and now the other, so that noise and drift hit both alike.
    fn alternate(
        bench: &Bench<'_>,
        mut ours: impl FnMut() -> Result<Sample>,
        mut bare: impl FnMut() -> Result<Sample>,
    ) -> Result<Self> {
        let mut pair = Self { ours: Vec::new(), bare: Vec::new() };
        for round in 0..bench.plan.rounds * 2 {
            // The order within a round: A B, B A, A B, …
            if round % 4 == 0 || round % 4 == 3 {
                pair.bare.push(bare()?);
            } else {
                pair.ours.push(ours()?);
            }
            bench.progress.inc(1);
        }
        Ok(pair)
    }

    /// The ratio of a figure in each round.
    fn ratios(&self, of: fn(&Sample) -> f64) -> Vec<f64> {
        self.ours.iter().zip(&self.bare).map(|(ours, bare)| of(ours) / of(bare)).collect()
    }

    fn rates(&self, ours: &'static str, bare: &'static str) -> [Rate; 2] {
        [Rate::new(bare, &self.bare), Rate::new(ours, &self.ours)]
    }
}

/// The ratio of the rates: the median of the rounds' ratios, each of two measurements next to each other in time.
fn rate_ratio(name: &'static str, pair: &Pair) -> Figure {
    let ratios = pair.ratios(|sample| sample.per_second);
    Figure::new(name, median(&ratios), "×", ratios)
}

/// The ratio of the work a processor does in a time: it holds even while other programs take most of the processors.
fn cpu_ratio(name: &'static str, pair: &Pair) -> Figure {
    let ratios = pair.ratios(|sample| 1.0 / sample.cpu_us.unwrap_or(f64::NAN));
    Figure::new(name, median(&ratios), "×", ratios)
}

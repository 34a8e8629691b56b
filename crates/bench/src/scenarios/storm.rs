//! Whether bearer checks stay quick while sign-ins come in a storm.

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::{Bench, Plan, Results, round};
use crate::load::{self, Shape, Until};
use crate::process::Server;
use crate::report::{Figure, Rate};
use crate::sample::{Sample, median};
use crate::talks::{Say, SignIn, Tokens};
use crate::{hash, hello, http};

/// More than the hash queue takes: some are told to come back.
const STORM: usize = 256;
/// The checks come at their own pace: 8 connections, 200 a second each.
const PROBES: usize = 8;
const PACE: Duration = Duration::from_millis(5);

/// How often it is measured.
pub(super) fn rounds(plan: &Plan) -> usize {
    plan.rounds.min(3)
}

/// Checks during a storm, and in turn the same questions to the bare server while a bare loop hashes: what the machine
/// itself does to a latency when all its processors are busy.
pub(super) fn measure(bench: &Bench<'_>, server: &Server, sessions: &[Tokens], results: &mut Results) -> Result<()> {
    bench.progress.set_message("bearer check in a storm");
    let hello = hello::start(bench.purser.folder(), None)?;
    let (mut checks, mut greetings, mut signed_in, mut busy) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..rounds(&bench.plan) {
        let (check, storm) = in_storm(bench, server, sessions)?;
        checks.push(check);
        signed_in.push(storm.sample);
        busy += storm.busy;
        bench.progress.inc(1);
        greetings.push(while_hashing(&bench.plan, &hello)?);
        bench.progress.inc(1);
    }
    hello.stop();
    let p99: Vec<f64> = checks.iter().map(|check| check.p99_ms).collect();
    results.figures.push(Figure::new("bearer_p99_ms_during_signin_storm", median(&p99), "ms", p99));
    results.figures.push(Figure::new("storm_peak_rss_mb", server.resident_peak()?, "MiB", Vec::new()));
    results.rates.push(Rate::new("hello while hashing, paced", &greetings));
    results.rates.push(Rate::new("bearer in the storm, paced", &checks));
    results.rates.push(Rate::new("sign-in, the storm", &signed_in).with_busy(busy));
    Ok(())
}

fn in_storm(bench: &Bench<'_>, server: &Server, sessions: &[Tokens]) -> Result<(Sample, load::Outcome)> {
    let check = |session: &Tokens| Say::always(http::get(server.at, super::bearer::ME, Some(&session.access)));
    let probes: Vec<_> = sessions.iter().cycle().take(PROBES).map(check).collect();
    let storm = SignIn::talks(server.at, STORM, &bench.purser.emails());
    let plan = &bench.plan;
    std::thread::scope(|scope| {
        let storming = scope.spawn(|| load::run(storm, shape(plan, server)));
        let checked = load::run(probes, Shape { every: Some(PACE), ..shape(plan, server) });
        let (storm, _) = storming.join().map_err(|_| anyhow!("the storm panicked"))??;
        Ok((checked?.0.sample, storm))
    })
}

fn while_hashing(plan: &Plan, hello: &Server) -> Result<Sample> {
    let probes = (0..PROBES).map(|_| Say::always(http::get(hello.at, "/hello", None))).collect();
    std::thread::scope(|scope| {
        let hashing = scope.spawn(|| hash::rate(plan.hash_threads, plan.warm_up, plan.measure * 2));
        let greeted = round(hello, probes, Shape { every: Some(PACE), ..shape(plan, hello) });
        hashing.join().map_err(|_| anyhow!("the hashing panicked"))??;
        Ok(greeted?.0)
    })
}

fn shape(plan: &Plan, server: &Server) -> Shape {
    Shape { until: Until::Passed(plan.measure * 2), ..plan.shape(server) }
}

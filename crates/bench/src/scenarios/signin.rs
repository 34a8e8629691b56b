//! Sign-ins against the bare hash rate.

use anyhow::Result;

use super::{Bench, Pair, Results, cpu_ratio, rate_ratio, round};
use crate::hash;
use crate::load::{Shape, Until};
use crate::process::Server;
use crate::talks::SignIn;

/// Enough connections to keep the queue of hashes full, few enough that none is turned away.
pub(super) fn measure(bench: &Bench<'_>, server: &Server, results: &mut Results) -> Result<()> {
    bench.progress.set_message("sign-in / hash");
    let plan = bench.plan;
    // Hashes are slow: a longer round counts enough of them.
    let time = plan.measure.mul_f64(1.5);
    let shape = Shape { until: Until::Passed(time), ..plan.shape(server) };
    let emails = bench.purser.emails();
    let pair = Pair::alternate(
        bench,
        || Ok(round(server, SignIn::talks(server.at, plan.connections, &emails), shape)?.0),
        || hash::rate(plan.hash_threads, plan.warm_up, time),
    )?;
    results.figures.push(rate_ratio("signin_vs_hash", &pair));
    results.figures.push(cpu_ratio("signin_vs_hash_cpu", &pair));
    results.rates.extend(pair.rates("sign-in", "hash"));
    Ok(())
}

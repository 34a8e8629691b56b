//! The bearer check against a bare axum answer.

use anyhow::Result;

use super::{Bench, Pair, Results, cpu_ratio, rate_ratio, round};
use crate::load::Shape;
use crate::talks::{Say, Tokens};
use crate::{cpus, hello, http};

/// The request that is checked.
pub(super) const ME: &str = "/api/client/auth/me";

/// Both servers on one half of the processors, the generator on the other, the same connections, in turn.
pub(super) fn measure(bench: &Bench<'_>, sessions: &[Tokens], results: &mut Results) -> Result<()> {
    bench.progress.set_message("bearer check / hello");
    let halves = bench.plan.halves;
    let purser = bench.purser.start(halves.map(|halves| halves.server))?;
    let hello = hello::start(bench.purser.folder(), halves.map(|halves| halves.server))?;
    let shape = |server| Shape {
        threads: halves.map_or(1, |halves| cpus::size(&halves.generator)),
        on: halves.map(|halves| halves.generator),
        ..bench.plan.shape(server)
    };
    let check = |session: &Tokens| Say::always(http::get(purser.at, ME, Some(&session.access)));
    let greet = |_| Say::always(http::get(hello.at, "/hello", None));
    let pair = Pair::alternate(
        bench,
        || Ok(round(&purser, sessions.iter().map(check).collect(), shape(&purser))?.0),
        || Ok(round(&hello, sessions.iter().map(greet).collect(), shape(&hello))?.0),
    )?;
    results.figures.push(rate_ratio("bearer_vs_hello", &pair));
    results.figures.push(cpu_ratio("bearer_vs_hello_cpu", &pair));
    results.rates.extend(pair.rates("bearer check", "hello"));
    purser.stop();
    hello.stop();
    Ok(())
}

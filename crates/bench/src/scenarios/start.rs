//! How fast the server is ready, and how little memory it takes until it is used.

use anyhow::{Result, ensure};

use super::{Bench, Results};
use crate::http;
use crate::report::Figure;
use crate::sample::median;

/// Starts it several times; asks one request each time before looking at its memory.
pub(super) fn measure(bench: &Bench<'_>, results: &mut Results) -> Result<()> {
    bench.progress.set_message("starting");
    let (mut ready, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..bench.plan.starts {
        let server = bench.purser.start(None)?;
        let answer = server.ask(&http::get(server.at, super::bearer::ME, None));
        ensure!(answer == Some(401), "{} without a token was answered with {answer:?}, not 401", super::bearer::ME);
        ready.push(server.ready_after.as_secs_f64() * 1e3);
        resident.push(server.resident()?);
        server.stop();
        bench.progress.inc(1);
    }
    results.figures.push(Figure::new("idle_rss_mb", median(&resident), "MiB", resident));
    results.figures.push(Figure::new("start_ms", median(&ready), "ms", ready));
    Ok(())
}

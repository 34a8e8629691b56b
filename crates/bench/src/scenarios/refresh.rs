//! Refreshes against the bare rate of group commits on the same disk.

use anyhow::Result;

use super::{Bench, Pair, Results, rate_ratio, round};
use crate::commit::Bare;
use crate::process::Server;
use crate::talks::{Refresh, Tokens};

/// Every connection owns its session, as every waiter of the bare loop owns its row.
pub(super) fn measure(
    bench: &Bench<'_>,
    server: &Server,
    sessions: Vec<Tokens>,
    bare: &mut Bare,
    results: &mut Results,
) -> Result<()> {
    bench.progress.set_message("refresh / commit");
    let plan = bench.plan;
    let mut talks: Vec<_> = sessions.into_iter().map(|session| Refresh::of(server.at, vec![session.refresh])).collect();
    let pair = Pair::alternate(
        bench,
        || {
            let (sample, kept) = round(server, std::mem::take(&mut talks), plan.shape(server))?;
            talks = kept;
            Ok(sample)
        },
        || bare.rate(plan.warm_up, plan.measure),
    )?;
    results.figures.push(rate_ratio("refresh_vs_commit", &pair));
    results.rates.extend(pair.rates("refresh", "group commit"));
    Ok(())
}

//! What a bearer check, a sign-in and a refresh cost when there are a hundred times as many users and sessions, and when the users
//! belong to as many tenants.

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;

use super::{Plan, Results, open_sessions, round};
use crate::http;
use crate::load::{Shape, Until};
use crate::process::Server;
use crate::purser::Purser;
use crate::report::{Figure, Rate};
use crate::sample::{Sample, median};
use crate::scale::Size;
use crate::talks::{Refresh, Say, SignIn, Tokens};

/// How many sessions the bench opens itself; only theirs can be checked and refreshed.
const OPENED: usize = 2048;
/// Of these, so many warm a started server up.
const WARMING: usize = 256;
/// The rest are checked in a moment, so a round does it on several servers just started.
const COLD_STARTS: usize = 5;

/// How many steps the progress bar has.
pub(crate) fn steps(plan: &Plan) -> u64 {
    (plan.rounds * 2 + 4) as u64
}

/// Fills both installations, then measures them in turn. `purser` and `sizes` are the small one and the large one.
///
/// # Errors
/// When a database cannot be filled, or an answer is not as it should be.
pub(crate) fn measure(purser: [&Purser; 2], sizes: [Size; 2], plan: &Plan, progress: &ProgressBar) -> Result<Results> {
    let [small, large] = purser;
    let [few, many] = sizes;
    let mut small = Grown::fill(small, few, plan, progress)?;
    let mut large = Grown::fill(large, many, plan, progress)?;
    alternate(&mut small, &mut large, plan, progress)?;
    Ok(compare(&small.seen, &large.seen))
}

/// The same users in one tenant, and in as many as `sizes` has it. Those who are checked sign in once they are dealt out.
///
/// # Errors
/// As [`measure`].
pub(crate) fn measure_tenants(
    purser: [&Purser; 2],
    sizes: [Size; 2],
    plan: &Plan,
    progress: &ProgressBar,
) -> Result<Results> {
    let [one, many] = purser;
    let [alone, among] = sizes;
    let mut one = Grown::settle(one, alone, plan, progress)?;
    let mut many = Grown::settle(many, among, plan, progress)?;
    alternate(&mut one, &mut many, plan, progress)?;
    Ok(Results {
        figures: [
            costs("tenants_bearer", "tenants_bearer_cpu", &one.seen.bearer, &many.seen.bearer),
            costs("tenants_signin", "tenants_signin_cpu", &one.seen.signin, &many.seen.signin),
        ]
        .into_iter()
        .flatten()
        .collect(),
        rates: vec![
            Rate::new("bearer check, one tenant", &one.seen.bearer),
            Rate::new("bearer check, many", &many.seen.bearer),
            Rate::new("sign-in, one tenant", &one.seen.signin),
            Rate::new("sign-in, many", &many.seen.signin),
        ],
    })
}

fn alternate<'a>(small: &mut Grown<'a>, large: &mut Grown<'a>, plan: &Plan, progress: &ProgressBar) -> Result<()> {
    progress.set_message("measuring both");
    for round in 0..plan.rounds {
        let (first, second) = if round % 2 == 0 { (&mut *small, &mut *large) } else { (&mut *large, &mut *small) };
        first.measure(plan)?;
        progress.inc(1);
        second.measure(plan)?;
        progress.inc(1);
    }
    Ok(())
}

/// The samples of one size, a list for each kind of request.
#[derive(Default)]
struct Seen {
    bearer: Vec<Sample>,
    refresh: Vec<Sample>,
    signin: Vec<Sample>,
}

struct Grown<'a> {
    purser: &'a Purser,
    access: Vec<String>,
    refreshing: Vec<Refresh>,
    seen: Seen,
}

impl<'a> Grown<'a> {
    fn fill(purser: &'a Purser, size: Size, plan: &Plan, progress: &ProgressBar) -> Result<Self> {
        progress.set_message("opening sessions");
        let server = purser.start(None)?;
        let opened = open_sessions(purser, &server, plan, OPENED)?;
        let at = server.at;
        server.stop();
        progress.inc(1);
        purser.furnish(size, progress)?;
        progress.inc(1);
        let share = opened.len().div_ceil(plan.refreshing.max(1)).max(1);
        let newest = |share: &[Tokens]| Refresh::of(at, share.iter().map(|session| session.refresh.clone()).collect());
        let refreshing = opened.chunks(share).map(newest).collect();
        let access = opened.into_iter().map(|session| session.access).collect();
        Ok(Self { purser, access, refreshing, seen: Seen::default() })
    }

    /// Fills, and then opens the sessions that are checked, as people from all over the table. None are refreshed.
    fn settle(purser: &'a Purser, size: Size, plan: &Plan, progress: &ProgressBar) -> Result<Self> {
        progress.set_message("opening sessions");
        let server = purser.start(None)?;
        open_sessions(purser, &server, plan, plan.connections)?;
        server.stop();
        purser.furnish(size, progress)?;
        progress.inc(1);
        progress.set_message("opening sessions");
        let server = purser.start(None)?;
        let opened = open_sessions(purser, &server, plan, OPENED)?;
        server.stop();
        progress.inc(1);
        let access = opened.into_iter().map(|session| session.access).collect();
        Ok(Self { purser, access, refreshing: Vec::new(), seen: Seen::default() })
    }

    /// A round on servers just started: nothing is in their memory, though the file is in the system's.
    fn measure(&mut self, plan: &Plan) -> Result<()> {
        for _ in 1..COLD_STARTS {
            let server = self.purser.start(None)?;
            self.seen.bearer.push(self.check(&server, plan)?);
            server.stop();
        }
        let server = self.purser.start(None)?;
        self.seen.bearer.push(self.check(&server, plan)?);
        if !self.refreshing.is_empty() {
            let refreshing = std::mem::take(&mut self.refreshing);
            let refreshing = refreshing.into_iter().map(|talk| talk.moved_to(server.at)).collect();
            let (refreshed, kept) = round(&server, refreshing, plan.shape(&server))?;
            self.refreshing = kept;
            self.seen.refresh.push(refreshed);
        }
        let talks = SignIn::talks(server.at, plan.connections, &self.purser.emails());
        self.seen.signin.push(round(&server, talks, plan.shape(&server))?.0);
        server.stop();
        Ok(())
    }

    /// Every token is presented once: neither it nor its session is known to a server just started.
    fn check(&self, server: &Server, plan: &Plan) -> Result<Sample> {
        let (warming, counted) = self.access.split_at(WARMING.min(self.access.len()));
        let once = Shape { warm_up: Duration::ZERO, until: Until::Said(Duration::from_mins(1)), ..plan.shape(server) };
        round(server, presenting(server, warming, plan.connections), once)?;
        Ok(round(server, presenting(server, counted, plan.connections), once)?.0)
    }
}

/// Shares the tokens out over the connections; neighbours in time go to different ones.
fn presenting(server: &Server, access: &[String], connections: usize) -> Vec<Say> {
    let request = |token: &String| http::get(server.at, super::bearer::ME, Some(token));
    (0..connections.max(1))
        .map(|place| Say::once(access.iter().skip(place).step_by(connections.max(1)).map(request).collect()))
        .collect()
}

fn compare(small: &Seen, large: &Seen) -> Results {
    let figures = [
        costs("growth_bearer", "growth_bearer_cpu", &small.bearer, &large.bearer),
        costs("growth_signin", "growth_signin_cpu", &small.signin, &large.signin),
        costs("growth_refresh", "growth_refresh_cpu", &small.refresh, &large.refresh),
    ];
    let rates = vec![
        Rate::new("bearer check, few", &small.bearer),
        Rate::new("bearer check, many", &large.bearer),
        Rate::new("sign-in, few", &small.signin),
        Rate::new("sign-in, many", &large.signin),
        Rate::new("refresh, few", &small.refresh),
        Rate::new("refresh, many", &large.refresh),
    ];
    Results { figures: figures.into_iter().flatten().collect(), rates }
}

fn costs(by_time: &'static str, by_cpu: &'static str, small: &[Sample], large: &[Sample]) -> [Figure; 2] {
    [
        growth(by_time, small, large, |sample| 1.0 / sample.per_second),
        growth(by_cpu, small, large, |sample| sample.cpu_us.unwrap_or(f64::NAN)),
    ]
}

/// How many times the cost at the small size the cost at the large one is.
fn growth(name: &'static str, small: &[Sample], large: &[Sample], cost: fn(&Sample) -> f64) -> Figure {
    let ratios: Vec<f64> = large.iter().zip(small).map(|(large, small)| cost(large) / cost(small)).collect();
    Figure::new(name, median(&ratios), "×", ratios)
}

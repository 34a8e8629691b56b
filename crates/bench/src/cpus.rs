//! Which processors a thread, and what it spawns, may run on.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The machine's processors cut in two halves, so that the generator cannot take time from the server it measures.
#[derive(Clone, Copy)]
pub(crate) struct Halves {
    /// For the server.
    pub(crate) server: CpuSet,
    /// For the generator.
    pub(crate) generator: CpuSet,
}

/// How many processors this process may use.
pub(crate) fn count() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Cuts the processors this process may use in two; nothing to cut with a single one.
pub(crate) fn halves() -> Option<Halves> {
    let mine = sched_getaffinity(None).ok()?;
    let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| mine.is_set(cpu)).collect();
    let (server, generator) = all.split_at(all.len().div_ceil(2));
    (!generator.is_empty()).then(|| Halves { server: set(server), generator: set(generator) })
}

fn set(cpus: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    set
}

/// How many processors are in a set.
pub(crate) fn size(set: &CpuSet) -> usize {
    set.count().try_into().unwrap_or(1)
}

/// Keeps the calling thread, and every process it spawns from now on, on these processors.
///
/// # Errors
/// When the system refuses.
pub(crate) fn stay_on(set: Option<&CpuSet>) -> Result<()> {
    let Some(set) = set else { return Ok(()) };
    sched_setaffinity(None, set).context("cannot bind a thread to its processors (try --no-pin)")
}

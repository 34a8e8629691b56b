//! The yardstick of the sign-in: argon2id with OWASP's parameters in a bare loop, on as many threads as the server hashes on.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::process::used_here;
use crate::sample::{Latencies, Sample};
use crate::{clock, cpus};

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many threads the server hashes on: as many as it is told by its setting, else all processors but one, at least one.
pub(crate) fn threads() -> usize {
    let told = std::env::var("PURSER_PASSWORDS__THREADS").ok().and_then(|count| count.parse().ok());
    told.unwrap_or_else(|| cpus::count().saturating_sub(1)).max(1)
}

/// Hashes with a buffer that is kept.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    blocks: Vec<Block>,
}

impl Hasher {
    /// One with its buffer made.
    pub(crate) fn new() -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).expect("OWASP's parameters are within bounds");
        let blocks = vec![Block::default(); params.block_count()];
        Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), blocks }
    }

    /// One hash.
    pub(crate) fn hash(&mut self, password: &[u8], salt: [u8; 16]) -> [u8; 32] {
        let mut out = [0; 32];
        self.argon2
            .hash_password_into_with_memory(password, &salt, &mut out, &mut self.blocks)
            .expect("salt, output and buffer have the sizes of the parameters");
        out
    }
}

/// The bare rate of hashing over a time.
///
/// # Errors
/// When a thread panics.
pub(crate) fn rate(threads: usize, warm_up: Duration, measure: Duration) -> Result<Sample> {
    let ready = Barrier::new(threads);
    let shares: Result<Vec<_>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_for(&ready, warm_up, measure))).collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a hashing thread panicked"))).collect()
    });
    let (mut all, mut per_second) = (Latencies::new(), 0.0);
    let mut cpu = Duration::ZERO;
    for share in shares? {
        per_second += Sample::new(share.latencies.count(), share.took, &share.latencies).per_second;
        all.add(&share.latencies);
        cpu += share.cpu;
    }
    Ok(Sample { per_second, ..Sample::new(all.count(), measure, &all) }.costing(cpu, all.count()))
}

/// A thread's hashes.
struct Share {
    latencies: Latencies,
    /// From the start of the first to the end of the last: hashes are so long that a cut one would tell.
    took: Duration,
    cpu: Duration,
}

fn hash_for(ready: &Barrier, warm_up: Duration, measure: Duration) -> Share {
    let (mut hasher, mut latencies, mut salt) = (Hasher::new(), Latencies::new(), 0_u128);
    ready.wait();
    let mut once = || {
        let started = clock::now();
        salt += 1;
        black_box(hasher.hash(black_box(crate::purser::PASSWORD.as_bytes()), salt.to_le_bytes()));
        started.elapsed()
    };
    let warming = clock::now();
    while warming.elapsed() < warm_up {
        once();
    }
    let (started, used_before) = (clock::now(), used_here());
    while started.elapsed() < measure {
        latencies.record(once());
    }
    Share { latencies, took: started.elapsed(), cpu: used_here().saturating_sub(used_before) }
}

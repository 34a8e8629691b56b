//! [`Hasher`], the threads on which passwords are hashed, and the queue before them.
//!
//! A hash is meant to be slow. So it runs neither on the threads that serve requests nor in a pool that grows: there
//! are fewer hashing threads than cores, each with its own memory, and whoever finds the queue full or waits in it
//! too long hears that the server is busy. However many knock, memory stays bounded and other work goes on.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::password::Password;
use super::stored::{Parameters, Stored, Verdict, Workspace};
use crate::env::{Clock, Entropy, Timestamp};
use crate::error::{Error, Result};

/// How much may be hashed at once, and at what cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Hashing threads. Each keeps the memory of one hash.
    pub(crate) threads: NonZeroUsize,
    /// How many may wait.
    pub(crate) queue: usize,
    /// How long one may wait.
    pub(crate) patience: Duration,
    /// The cost of a hash made today.
    pub(crate) parameters: Parameters,
}

/// One core stays free for everything else.
impl Default for Settings {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            threads: NonZeroUsize::new(cores.saturating_sub(1)).unwrap_or(NonZeroUsize::MIN),
            queue: 200,
            patience: Duration::from_secs(2),
            parameters: Parameters::default(),
        }
    }
}

/// Hashes and checks passwords, a bounded number at a time. Dropping it lets the hashes at work end and refuses
/// those that wait.
pub(crate) struct Hasher {
    shared: Arc<Shared>,
    entropy: Arc<dyn Entropy>,
    threads: Vec<JoinHandle<()>>,
}

/// What the hasher tells the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Threads that hash.
    pub(crate) threads: usize,
    /// Jobs that wait now.
    pub(crate) queued: usize,
    /// Jobs done since the start.
    pub(crate) done: u64,
    /// Jobs refused since the start, because the queue was full or the wait too long.
    pub(crate) refused: u64,
}

impl Hasher {
    /// Starts the threads. They take memory only when the first hashes come.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cost out of bounds, [`Error::Internal`] if the system gives no threads.
    pub(crate) fn start(settings: Settings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let mut hasher = Self { shared: Arc::new(Shared::new(settings, clock)), entropy, threads: Vec::new() };
        for number in 0..settings.threads.get() {
            let mut desk = Workspace::new(settings.parameters)?;
            let shared = Arc::clone(&hasher.shared);
            let thread = Builder::new().name(format!("hash-{number}")).spawn(move || shared.serve(&mut desk));
            hasher.threads.push(thread.map_err(Error::internal)?);
        }
        Ok(hasher)
    }

    /// Checks a password against a stored hash.
    ///
    /// # Errors
    /// [`Error::ServerBusy`] if it could not be checked in time.
    pub(crate) async fn verify(&self, password: Password, stored: Stored) -> Result<Verdict> {
        self.ask(move |desk| stored.check(&password, desk)).await
    }

    /// Checks a password against several stored hashes, as one job.
    ///
    /// # Errors
    /// [`Error::ServerBusy`] if they could not be checked in time.
    pub(crate) async fn verify_each(&self, password: Password, stored: Vec<Stored>) -> Result<Vec<Verdict>> {
        self.ask(move |desk| stored.iter().map(|it| it.check(&password, desk)).collect()).await
    }

    /// Makes the text to store for a password.
    ///
    /// # Errors
    /// [`Error::ServerBusy`] if it could not be made in time.
    pub(crate) async fn hash(&self, password: Password) -> Result<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.ask(move |desk| Stored::make(&password, salt, desk)).await
    }

    /// The present figures.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            threads: self.threads.len(),
            queued: self.shared.queue.lock().waiting.len(),
            done: self.shared.done.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
        }
    }

    /// Queues the work and waits for what comes of it. A caller that stops waiting takes its work along, unless it
    /// has begun.
    async fn ask<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut Workspace) -> Result<T> + Send + 'static,
    {
        let (answer, reply) = oneshot::channel();
        self.shared.push(Box::new(Task { work, answer }))?;
        match reply.await {
            Ok(outcome) => outcome,
            Err(_) if self.shared.queue.lock().closed => Err(Error::ServerBusy),
            Err(unanswered) => Err(Error::internal(unanswered)),
        }
    }

    fn close(&self) {
        let mut queue = self.shared.queue.lock();
        queue.closed = true;
        let unserved = std::mem::take(&mut queue.waiting);
        drop(queue);
        drop(unserved);
        self.shared.arrived.notify_all();
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.close();
        for thread in self.threads.drain(..) {
            // A thread ends by itself or not at all: panics of jobs are caught.
            drop(thread.join());
        }
    }
}

/// What the callers and the threads have in common.
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    room: usize,
    patience: Duration,
    clock: Arc<dyn Clock>,
    done: AtomicU64,
    refused: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

struct Waiting {
    since: Timestamp,
    job: Box<dyn Job>,
}

impl Shared {
    fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            room: settings.queue,
            patience: settings.patience,
            clock,
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let now = self.clock.now();
        let mut queue = self.queue.lock();
        // Whoever is late shall hear it soon, even if every thread is at a long job.
        while queue.waiting.front().is_some_and(|it| self.is_late(it, now)) {
            queue.waiting.pop_front().into_iter().for_each(|it| self.refuse(it.job));
        }
        if queue.waiting.len() >= self.room {
            queue.waiting.retain(|it| it.job.is_wanted());
        }
        if queue.waiting.len() >= self.room || queue.closed {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::ServerBusy);
        }
        queue.waiting.push_back(Waiting { since: now, job });
        drop(queue);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes one job after the other until the hasher is closed.
    fn serve(&self, desk: &mut Workspace) {
        while let Some(next) = self.next() {
            if !next.job.is_wanted() {
                continue;
            }
            if self.is_late(&next, self.clock.now()) {
                self.refuse(next.job);
                continue;
            }
            // A panic is a fault of one job. Its caller is told by the answer that never comes, and a half-filled
            // workspace is as good as any: each hash writes it anew.
            drop(catch_unwind(AssertUnwindSafe(|| next.job.run(desk, &self.done))));
        }
    }

    /// The next job, once there is one. Nothing when the hasher is closed.
    fn next(&self) -> Option<Waiting> {
        let mut queue = self.queue.lock();
        while !queue.closed {
            if let Some(next) = queue.waiting.pop_front() {
                return Some(next);
            }
            self.arrived.wait(&mut queue);
        }
        None
    }

    fn is_late(&self, waiting: &Waiting, now: Timestamp) -> bool {
        now.since(waiting.since) > self.patience
    }

    fn refuse(&self, job: Box<dyn Job>) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        job.refuse();
    }
}

/// A [`Task`] of any outcome.
trait Job: Send {
    /// Whether anybody still waits for it.
    fn is_wanted(&self) -> bool;
    /// Does it, counts it and answers.
    fn run(self: Box<Self>, desk: &mut Workspace, done: &AtomicU64);
    /// Answers that the server is busy.
    fn refuse(self: Box<Self>);
}

struct Task<W, T> {
    work: W,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnOnce(&mut Workspace) -> Result<T> + Send> Job for Task<W, T> {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(self: Box<Self>, desk: &mut Workspace, done: &AtomicU64) {
        let outcome = (self.work)(desk);
        done.fetch_add(1, Ordering::Relaxed);
        // Whoever left in the meantime does not want it.
        drop(self.answer.send(outcome));
    }

    fn refuse(self: Box<Self>) {
        drop(self.answer.send(Err(Error::ServerBusy)));
    }
}

#[cfg(test)]
mod tests;

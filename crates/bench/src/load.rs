//! The load generator: fixed keep-alive connections over raw sockets, each a closed loop of one [`Talk`].

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures::future::try_join_all;
use rustix::thread::CpuSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Interval, interval_at};

use crate::http::Head;
use crate::sample::{Latencies, Sample};
use crate::{clock, cpus, http};

/// How long after the end of a round its last answers may come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said over one connection, a question at a time.
pub(crate) trait Talk: Send + 'static {
    /// Writes the next request; false when there is nothing more to say.
    fn ask(&mut self, request: &mut Vec<u8>) -> bool;

    /// Takes the answer.
    ///
    /// # Errors
    /// When the answer makes the measurement worthless.
    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard>;
}

/// What an answer means for the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It counts.
    Served,
    /// The server is too busy: it does not count, and the connection rests.
    Busy,
}

/// How a round is run.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Where the server listens.
    pub(crate) to: SocketAddr,
    /// How many threads generate.
    pub(crate) threads: usize,
    /// The processors they stay on.
    pub(crate) on: Option<CpuSet>,
    /// Answers that come this early are not counted.
    pub(crate) warm_up: Duration,
    /// When it ends.
    pub(crate) until: Until,
    /// Each connection asks at this pace; without one it asks as soon as it has its answer.
    pub(crate) every: Option<Duration>,
}

/// When a round ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Passed(Duration),
    /// When every talk has said all it had to say, at the latest after this time.
    Said(Duration),
}

/// What a round brought.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The rate and the latencies of what counts.
    pub(crate) sample: Sample,
    /// All answers, those of the warm-up included: what the server's processor time was spent on.
    pub(crate) answers: u64,
    /// How often the server was too busy.
    pub(crate) busy: u64,
}

/// Runs a round, a connection for each talk, and gives the talks back.
///
/// # Errors
/// When a connection breaks, an answer is worthless, or answers stay away.
pub(crate) fn run<T: Talk>(talks: Vec<T>, shape: Shape) -> Result<(Outcome, Vec<T>)> {
    let threads = shape.threads.clamp(1, talks.len().max(1));
    let mut shares: Vec<Share<T>> = (0..threads).map(|_| Share::new()).collect();
    for (place, talk) in talks.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(place % threads) {
            share.talks.push((place, talk));
        }
    }
    let connected = Barrier::new(threads);
    let done = std::thread::scope(|scope| {
        let running: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(|| generate(share, &shape, &connected))).collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a generator thread panicked"))?).collect()
    });
    gather(done, &shape)
}

fn gather<T>(done: Result<Vec<Share<T>>>, shape: &Shape) -> Result<(Outcome, Vec<T>)> {
    let (mut whole, mut talks) = (Tally::new(), Vec::new());
    for share in done? {
        whole.add(&share.tally);
        talks.extend(share.talks);
    }
    talks.sort_by_key(|(place, _)| *place);
    let took = match shape.until {
        Until::Passed(time) => time,
        Until::Said(_) => whole.longest,
    };
    let sample = Sample::new(whole.latencies.count(), took, &whole.latencies);
    let outcome = Outcome { sample, answers: whole.answers, busy: whole.busy };
    Ok((outcome, talks.into_iter().map(|(_, talk)| talk).collect()))
}

fn generate<T: Talk>(share: Share<T>, shape: &Shape, connected: &Barrier) -> Result<Share<T>> {
    let prepared = cpus::stay_on(shape.on.as_ref())
        .and_then(|()| Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?))
        .and_then(|runtime| {
            let wires = runtime.block_on(try_join_all(share.talks.iter().map(|_| Wire::open(shape.to))))?;
            Ok((runtime, wires))
        });
    // Every thread comes to the barrier, also one that failed: the others would wait for it for ever.
    connected.wait();
    let (runtime, wires) = prepared?;
    let window = Window::from_now(shape);
    let tally = Rc::new(RefCell::new(share.tally));
    let loops = share.talks.into_iter().zip(wires).map(|((place, talk), wire)| {
        let round = Round { shape: *shape, window, tally: Rc::clone(&tally) };
        async move { Ok::<_, anyhow::Error>((place, round.converse(talk, wire, place).await?)) }
    });
    let limit = window.close.saturating_duration_since(clock::now()) + PATIENCE;
    let local = LocalSet::new();
    let tasks: Vec<_> = loops.map(|task| local.spawn_local(task)).collect();
    let all = async { try_join_all(tasks).await.context("a connection's task broke off") };
    let talks = runtime
        .block_on(local.run_until(async { tokio::time::timeout(limit, all).await }))
        .with_context(|| format!("no answer within {} s after the end of a round", PATIENCE.as_secs()))??;
    let tally = tally.borrow().clone();
    Ok(Share { tally, talks: talks.into_iter().collect::<Result<_>>()? })
}

#[derive(Clone, Copy)]
struct Window {
    open: Instant,
    close: Instant,
}

impl Window {
    fn from_now(shape: &Shape) -> Self {
        let open = clock::now() + shape.warm_up;
        let (Until::Passed(time) | Until::Said(time)) = shape.until;
        Self { open, close: open + time }
    }

    fn holds(&self, moment: Instant) -> bool {
        self.open <= moment && moment <= self.close
    }
}

struct Round {
    shape: Shape,
    window: Window,
    tally: Rc<RefCell<Tally>>,
}

impl Round {
    async fn converse<T: Talk>(&self, mut talk: T, mut wire: Wire, place: usize) -> Result<T> {
        let mut pace = self.shape.every.map(|every| stride(every, place));
        let mut request = Vec::with_capacity(2048);
        let mut idle_since = clock::now();
        loop {
            let asked = match &mut pace {
                Some(pace) => due(pace, idle_since).await,
                None => clock::now(),
            };
            request.clear();
            if asked >= self.window.close || !talk.ask(&mut request) {
                return Ok(talk);
            }
            let head = wire.exchange(&request).await?;
            idle_since = clock::now();
            let heard = talk.hear(head.status, wire.body(&head))?;
            self.note(heard, asked, idle_since);
            wire.finish(&head, self.shape.to).await?;
            if heard == Heard::Busy {
                clock::rest(Duration::from_millis(100)).await;
            }
        }
    }

    fn note(&self, heard: Heard, asked: Instant, now: Instant) {
        let mut tally = self.tally.borrow_mut();
        tally.answers += 1;
        if !self.window.holds(now) {
            return;
        }
        match heard {
            Heard::Served => tally.latencies.record(now.saturating_duration_since(asked)),
            Heard::Busy => tally.busy += 1,
        }
        tally.longest = tally.longest.max(now.saturating_duration_since(self.window.open));
    }
}

/// Ticks apart from those of the other connections, so that they do not all ask at once.
fn stride(every: Duration, place: usize) -> Interval {
    let offset = every.mul_f64(crate::sample::fraction(place, 7));
    interval_at(tokio::time::Instant::now() + offset, every)
}

/// When the next question is asked. One that had to wait for the answer before it is asked, in the books, when it was due
/// (no coordinated omission); one that is late only because this program woke up late is asked now.
async fn due(pace: &mut Interval, idle_since: Instant) -> Instant {
    let tick = pace.tick().await.into_std();
    if idle_since > tick { tick } else { clock::now() }
}

/// A thread's part: its talks with their places in the whole, and what they counted.
struct Share<T> {
    talks: Vec<(usize, T)>,
    tally: Tally,
}

impl<T> Share<T> {
    fn new() -> Self {
        Self { talks: Vec::new(), tally: Tally::new() }
    }
}

#[derive(Clone)]
struct Tally {
    latencies: Latencies,
    answers: u64,
    busy: u64,
    longest: Duration,
}

impl Tally {
    fn new() -> Self {
        Self { latencies: Latencies::new(), answers: 0, busy: 0, longest: Duration::ZERO }
    }

    fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies);
        self.answers += other.answers;
        self.busy += other.busy;
        self.longest = self.longest.max(other.longest);
    }
}

struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(8192) })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await.context("the server does not take the request")?;
        loop {
            let count = self.stream.read_buf(&mut self.read).await.context("the answer breaks off")?;
            ensure!(count > 0, "the server closed the connection instead of answering");
            if let Some(head) = http::head(&self.read)?
                && self.read.len() >= head.ends
            {
                return Ok(head);
            }
        }
    }

    fn body(&self, head: &Head) -> &[u8] {
        self.read.get(head.body_starts..head.ends).unwrap_or_default()
    }

    async fn finish(&mut self, head: &Head, to: SocketAddr) -> Result<()> {
        self.read.clear();
        if head.closes {
            *self = Self::open(to).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream as Connection};

    use super::*;
    use crate::talks::{Say, SignIn};

    /// Serves connections until each of these answers was given, one a request.
    fn answering(answers: Vec<&'static str>) -> (SocketAddr, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut answers = answers.into_iter().peekable();
            while answers.peek().is_some() {
                serve(&mut listener.accept().unwrap().0, &mut answers);
            }
        });
        (at, server)
    }

    fn serve(connection: &mut Connection, answers: &mut impl Iterator<Item = &'static str>) {
        let mut request = [0; 4096];
        while connection.read(&mut request).unwrap() > 0 {
            let Some(answer) = answers.next() else { return };
            connection.write_all(answer.as_bytes()).unwrap();
            if answer.contains("close") {
                return;
            }
        }
    }

    fn once(to: SocketAddr) -> Shape {
        let until = Until::Said(Duration::from_mins(1));
        Shape { to, threads: 1, on: None, warm_up: Duration::ZERO, until, every: None }
    }

    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn every_answer_is_counted_over_a_connection_that_the_server_closes_too() {
        let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let (at, server) = answering(vec![GOOD, closing, GOOD]);
        let talk = Say::once(vec![http::get(at, "/", None); 3]);
        let (outcome, _) = run(vec![talk], once(at)).unwrap();
        server.join().unwrap();
        assert_eq!((outcome.answers, outcome.busy), (3, 0));
    }

    #[test]
    fn a_busy_answer_is_counted_apart() {
        let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        let signed_in =
            "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n{\"data\":{\"token\":\"a\",\"refreshToken\":\"r\"}} ";
        let (at, server) = answering(vec![busy, signed_in]);
        let (outcome, talks) = run(SignIn::opening(at, 1, &["u0@acme.test".into()], 1), once(at)).unwrap();
        server.join().unwrap();
        assert_eq!((outcome.answers, outcome.busy), (2, 1));
        assert_eq!(talks.first().unwrap().opened.len(), 1);
    }

    #[test]
    fn a_wrong_answer_ends_the_round() {
        let (at, server) = answering(vec!["HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nbad!"]);
        let refused = run(vec![Say::always(http::get(at, "/", None))], once(at)).err().unwrap();
        server.join().unwrap();
        assert_eq!(refused.to_string(), "a checked request was answered with 500: bad!");
    }
}

//! One connection and the requests that come over it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Request, Uri, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use super::pulse::Pulse;
use super::wire::Wire;
use crate::fault::Fault;
use crate::http_settings::HttpSettings;
use crate::layers::{Answering, Shell, Shelled};

/// The longest head of a request: enough for a token with many groups and a browser's other cookies.
const MAX_HEAD: usize = 16 * 1024;

/// What all connections are served with.
pub(super) struct Server {
    http: http1::Builder,
    router: Shelled,
    shell: Arc<Shell>,
    settings: Arc<HttpSettings>,
}

impl Server {
    pub(super) fn new(router: Shelled, shell: Arc<Shell>, settings: Arc<HttpSettings>) -> Self {
        let mut http = http1::Builder::new();
        // A client that has sent all it will send still waits for its answer; and a handler that is changing something is not
        // dropped halfway because its client hung up. hyper's limit of 100 headers stays: another costs an allocation each.
        http.half_close(true).header_read_timeout(None).max_header_size(MAX_HEAD).max_buf_size(MAX_HEAD);
        Self { http, router, shell, settings }
    }

    pub(super) fn handshake_patience(&self) -> Duration {
        self.settings.handshake_patience
    }

    /// Serves one connection to its end.
    pub(super) async fn converse<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Arc::new(Pulse::default());
        let wire = Wire::new(stream, Arc::clone(&pulse), Arc::clone(&self.shell));
        let entrance =
            Entrance { router: self.router.apart(), shell: Arc::clone(&self.shell), pulse: Arc::clone(&pulse), peer };
        let connection = watcher.watch(self.http.serve_connection(TokioIo::new(wire), entrance));
        match pulse.watch(connection, &self.settings).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "a connection broke"),
            Err(_) => debug!("a connection was closed because its client was too slow"),
        }
    }
}

/// Where a connection's requests enter.
struct Entrance {
    router: Arc<Shelled>,
    shell: Arc<Shell>,
    pulse: Arc<Pulse>,
    peer: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Entering;

    fn call(&self, request: Request<Incoming>) -> Entering {
        self.pulse.begun();
        let pulse = Arc::clone(&self.pulse);
        if pulse.is_ambiguous() || !is_plain(request.uri(), request.headers(), request.version()) {
            let refusal = self.shell.refusal(request.headers(), Fault::Unreadable);
            return Entering { way: Way::Refused { answer: ready(Ok(refusal)) }, pulse };
        }
        let answer = self.router.call(request.map(Body::new), self.peer);
        Entering { way: Way::Routed { answer }, pulse }
    }
}

/// Only the origin form of a target is for a server like this one (RFC 9112 section 3.2.1); the others are for proxies
/// and tunnels. And exactly one `Host`, also in HTTP/1.0, for it names the tenant and decides about origins.
fn is_plain(target: &Uri, headers: &HeaderMap, version: Version) -> bool {
    let origin_form = target.scheme().is_none() && target.authority().is_none() && target.path().starts_with('/');
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().is_some_and(|host| is_host(host.as_bytes())) && hosts.next().is_none();
    origin_form && host && matches!(version, Version::HTTP_10 | Version::HTTP_11)
}

/// The letters of a name or an address, with or without a port (RFC 3986 section 3.2.2).
fn is_host(host: &[u8]) -> bool {
    let of_host = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'%')
    };
    !host.is_empty() && host.iter().all(of_host)
}

pin_project! {
    /// A request being answered.
    struct Entering {
        #[pin]
        way: Way,
        pulse: Arc<Pulse>,
    }
}

pin_project! {
    #[project = WayProjected]
    enum Way {
        Routed { #[pin] answer: Answering },
        Refused { #[pin] answer: Ready<Result<Response, Infallible>> },
    }
}

impl Future for Entering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = task::ready!(match this.way.project() {
            WayProjected::Routed { answer } => answer.poll(cx),
            WayProjected::Refused { answer } => answer.poll(cx),
        });
        this.pulse.answered();
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Routes;
    use axum::Router;
    use axum::routing::{get, post};
    use hyper_util::server::graceful::GracefulShutdown;
    use proptest::prelude::*;
    use purser_core::env::SeededEntropy;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, timeout};

    const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A connection over which at most so many bytes lie unread, under the settings a server has by default. The tests'
    /// time stands still and jumps to the next thing that is due.
    fn connect(unread: usize) -> (DuplexStream, JoinHandle<()>) {
        let settings = Arc::new(HttpSettings::default());
        let shell = Shell::new(&settings, &SeededEntropy::new(3));
        let router = Router::new()
            .route("/hello", get(async || "hello"))
            .route("/echo", post(async |body: String| body))
            .route(
                "/slow",
                get(async || timeout(Duration::from_hours(1), std::future::pending::<()>()).await.is_err().to_string()),
            )
            .route("/long", get(async || "x".repeat(100_000)));
        let server =
            Server::new(shell.around(Routes { router, patterns: Vec::new(), pulse: Arc::default() }), shell, settings);
        let (client, stream) = tokio::io::duplex(unread);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let served = async move {
            let nobody_stops_it = GracefulShutdown::new();
            server.converse(stream, peer, nobody_stops_it.watcher()).await;
        };
        (client, tokio::spawn(served))
    }

    async fn answer(client: &mut DuplexStream) -> String {
        let mut bytes = vec![0; 4096];
        let length = client.read(&mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// After how many seconds the server hangs up.
    async fn seconds_to_the_end(mut client: DuplexStream, served: JoinHandle<()>) -> u64 {
        let start = Instant::now();
        served.await.unwrap();
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0);
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_left_after_ten_seconds() {
        let (client, served) = connect(4096);
        assert_eq!(seconds_to_the_end(client, served).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_a_byte_in_five_seconds_is_left_after_ten() {
        let (mut client, served) = connect(4096);
        let start = Instant::now();
        for byte in HELLO {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            let _ = timeout(Duration::from_secs(5), client.read(&mut [0; 1])).await;
        }
        assert_eq!(start.elapsed().as_secs(), 10);
        served.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_seventy_five_seconds() {
        let (mut client, served) = connect(4096);
        for _ in 0..3 {
            client.write_all(HELLO).await.unwrap();
            assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
            assert!(timeout(Duration::from_secs(74), client.read(&mut [0; 1])).await.is_err(), "left too early");
        }
        client.write_all(HELLO).await.unwrap();
        answer(&mut client).await;
        assert_eq!(seconds_to_the_end(client, served).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_has_ten_seconds_from_its_first_byte() {
        let (mut client, served) = connect(4096);
        client.write_all(HELLO).await.unwrap();
        answer(&mut client).await;
        assert!(timeout(Duration::from_mins(1), client.read(&mut [0; 1])).await.is_err());
        client.write_all(b"GET /").await.unwrap();
        assert_eq!(seconds_to_the_end(client, served).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_not_blamed_for_our_own_slowness() {
        let (mut client, served) = connect(4096);
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(answer(&mut client).await.ends_with("true"));
        assert_eq!(seconds_to_the_end(client, served).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_answer_is_left_after_thirty_seconds() {
        let (mut client, served) = connect(1000);
        client.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let start = Instant::now();
        served.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_its_answer_slowly_is_served_to_the_end() {
        let (mut client, _served) = connect(1000);
        client.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut taken = 0;
        while taken < 100_000 {
            let _ = timeout(Duration::from_secs(20), std::future::pending::<()>()).await;
            let more = answer(&mut client).await.len();
            assert_ne!(more, 0, "left after {taken} bytes");
            taken += more;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_client_that_goes_on_sending_is_left_after_two_seconds() {
        let (mut client, served) = connect(100_000);
        client
            .write_all(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 400"));
        assert_eq!(seconds_to_the_end(client, served).await, 2);
    }

    /// Pieces of requests, whole and broken.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\n",
            "PUT * HTTP/1.0\r\n",
            "CONNECT a:1 HTTP/1.1\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "Expect: 100-continue\r\n",
            "Trailer: x\r\n",
            "\r\n",
            "hello",
            "5\r\nhello\r\n",
            "ffffffffffffffff\r\n",
            "0\r\n\r\n",
            "0\r\nx: y\r\n\r\n",
            "\n",
            ":",
        ]);
        prop_oneof![
            8 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 1..20),
        ]
    }

    async fn everything_said_to(pieces: Vec<Vec<u8>>) -> String {
        let (mut client, served) = connect(1 << 20);
        for piece in pieces {
            let _ = client.write_all(&piece).await;
            tokio::task::yield_now().await;
        }
        let _ = client.shutdown().await;
        served.await.expect("no connection panics");
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }

    proptest! {
        #[test]
        fn whatever_is_sent_it_is_the_sender_who_is_blamed(pieces in prop::collection::vec(piece(), 0..12)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            let said = runtime.block_on(everything_said_to(pieces));
            prop_assert!(said.is_empty() || said.starts_with("HTTP/1."), "{}", said);
            prop_assert!(!said.contains("HTTP/1.1 5") && !said.contains("HTTP/1.0 5"), "{}", said);
        }
    }
}

//! One connection and the requests that come over it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Request, Uri, Version};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service as _;
use tracing::debug;

use super::pulse::Pulse;
use super::wire::Wire;
use crate::fault::Fault;
use crate::http_settings::HttpSettings;
use crate::layers::Shell;

/// The longest head of a request: enough for a token with many groups and a browser's other cookies.
const MAX_HEAD: usize = 16 * 1024;

/// What all connections are served with.
pub(super) struct Server {
    http: http1::Builder,
    router: Router,
    shell: Arc<Shell>,
    settings: Arc<HttpSettings>,
}

impl Server {
    pub(super) fn new(router: Router, shell: Arc<Shell>, settings: Arc<HttpSettings>) -> Self {
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
            Entrance { router: self.router.clone(), shell: Arc::clone(&self.shell), pulse: Arc::clone(&pulse), peer };
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
    router: Router,
    shell: Arc<Shell>,
    pulse: Arc<Pulse>,
    peer: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Entering;

    fn call(&self, mut request: Request<Incoming>) -> Entering {
        self.pulse.begun();
        let pulse = Arc::clone(&self.pulse);
        if pulse.is_ambiguous() || !is_plain(request.uri(), request.headers(), request.version()) {
            let refusal = self.shell.refusal(request.headers(), Fault::Unreadable);
            return Entering { way: Way::Refused { answer: ready(Ok(refusal)) }, pulse };
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = self.router.clone().call(request.map(Body::new));
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
    !host.is_empty() && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte))
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
        Routed { #[pin] answer: RouteFuture<Infallible> },
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

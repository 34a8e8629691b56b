//! The shell around every route: it gives each request its id and each answer its headers, its log line and its place in the
//! metrics, and turns panics and bare refusals into the envelope.

mod meters;
mod request_id;

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::future::RouteFuture;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use purser_core::env::Entropy;
use purser_core::error::Error;
use tokio::time::Instant;
use tower::Service as _;
use tracing::{Level, debug, error, info};

use crate::fault::{Denied, Fault, Verdict};
use crate::http_settings::HttpSettings;
use crate::pulse::Pulse;
use meters::RouteMeters;
use request_id::RequestIds;

/// The header with the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request before anything is read of it. Inside the shell every request has one among its extensions.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The id of the request, as the answer will carry it.
    pub id: Arc<str>,
}

impl Arrived {
    /// The id of a request; empty for one that came from nowhere.
    pub fn id_of(extensions: &Extensions) -> Arc<str> {
        extensions.get().map_or_else(Arc::default, |Self { id, .. }| Arc::clone(id))
    }
}

/// What all answers have in common. One for the whole program.
#[derive(Debug)]
pub struct Shell {
    ids: RequestIds,
    /// The headers of an answer that says nothing else about them.
    usual: HeaderMap,
}

impl Shell {
    /// A shell for these settings. Chance goes into the ids of requests.
    pub fn new(settings: &HttpSettings, entropy: &dyn Entropy) -> Arc<Self> {
        Arc::new(Self { ids: RequestIds::new(entropy), usual: usual(settings) })
    }

    /// Puts the shell around a finished router, its refusals of unknown paths and wrong methods included.
    pub(crate) fn around(self: &Arc<Self>, routes: Routes) -> Shelled {
        let Routes { router, patterns, pulse } = routes;
        let mut places = matchit::Router::new();
        for pattern in patterns {
            let place = Place { pattern, meters: RouteMeters::default() };
            places.insert(pattern, place).expect("the router has taken the same patterns");
        }
        let ground = Ground { shell: Arc::clone(self), places, nowhere: Place::default(), pulse };
        Shelled { ground: Arc::new(ground), router: Mutex::new(router) }
    }

    /// The answer to a request that never reaches a route.
    pub(crate) fn refusal(&self, sent: &HeaderMap, fault: Fault) -> Response {
        let id = self.ids.of(sent);
        let (request_id, status) = (&*id, fault.status().as_u16());
        info!(request_id, status, code = fault.code(), "request refused before any route");
        meters::refused(fault.status());
        let mut response = fault.into_response();
        self.dress(response.headers_mut(), &id, Storing::Never);
        response
    }

    fn dress(&self, headers: &mut HeaderMap, id: &str, storing: Storing) {
        // What the answer says itself is the less, and goes on top: one by one, the usual headers cost several times as much.
        let own = std::mem::replace(headers, self.usual.clone());
        if storing == Storing::Unsaid {
            headers.remove(CACHE_CONTROL);
        }
        headers.extend(own);
        headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("an id is of letters that a header may hold"));
    }
}

fn usual(settings: &HttpSettings) -> HeaderMap {
    // Its copies have as much room, so that most answers need no more.
    let mut usual = HeaderMap::with_capacity(12);
    usual.extend([
        (X_CONTENT_TYPE_OPTIONS, NOSNIFF),
        (REFERRER_POLICY, NO_REFERRER),
        (X_FRAME_OPTIONS, DENY),
        (RESOURCE_POLICY, SAME_ORIGIN),
        (CONTENT_SECURITY_POLICY, NOTHING_BUT_DATA),
        (CACHE_CONTROL, NO_STORE),
    ]);
    if settings.is_https() {
        usual.insert(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
    }
    usual
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For answers that are data; a page brings its own policy.
const NOTHING_BUT_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Not for sub-domains by our word: a tenant's may be ours, but what else lives under the name is not ours to decide.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Whether an answer that says nothing about it may be stored by a cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Storing {
    /// The default under `/api` (ASVS 14.3.2).
    Never,
    /// Left to what HTTP says of the answer.
    Unsaid,
}

impl Storing {
    fn of(path: &str) -> Self {
        if path.starts_with("/api") { Self::Never } else { Self::Unsaid }
    }
}

/// A router with the patterns of its routes, by which requests are logged and counted.
pub struct Routes {
    /// The router, finished.
    pub router: Router,
    /// Every pattern it was given.
    pub patterns: Vec<&'static str>,
    /// Where requests are counted for the page that says how the server fares.
    pub pulse: Arc<Pulse>,
}

/// One route, as the log and the metrics know it.
#[derive(Default)]
struct Place {
    pattern: &'static str,
    meters: RouteMeters,
}

/// What all requests share.
struct Ground {
    shell: Arc<Shell>,
    places: matchit::Router<Place>,
    nowhere: Place,
    pulse: Arc<Pulse>,
}

impl Ground {
    fn place(&self, path: &str) -> &Place {
        self.places.at(path).map_or(&self.nowhere, |found| found.value)
    }
}

/// A router in its shell. Not a layer of it: a layer is boxed and copied for every request, route by route.
pub(crate) struct Shelled {
    ground: Arc<Ground>,
    /// A router is called by whoever has it alone.
    router: Mutex<Router>,
}

impl Shelled {
    /// One for a connection of its own. Cores that count the users of one pointer, request by request, wait for one another.
    pub(crate) fn apart(&self) -> Arc<Self> {
        Arc::new(Self { ground: Arc::clone(&self.ground), router: Mutex::new(self.router.lock().clone()) })
    }

    /// Has a request from the other end of a connection answered.
    pub(crate) fn call(self: &Arc<Self>, mut request: Request, peer: SocketAddr) -> Answering {
        let id = self.ground.shell.ids.of(request.headers());
        request.extensions_mut().insert(Arrived { peer, id: Arc::clone(&id) });
        let record =
            Record { began: Instant::now(), id, method: request.method().clone(), target: request.uri().clone() };
        Answering { answer: self.router.lock().call(request), record: Some(record), shelled: Arc::clone(self) }
    }
}

pin_project! {
    /// A request on its way through the router.
    pub(crate) struct Answering {
        #[pin]
        answer: RouteFuture<Infallible>,
        record: Option<Record>,
        shelled: Arc<Shelled>,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // After a panic the route's future is never polled again: the record is gone with the answer.
        let answer = catch_unwind(AssertUnwindSafe(|| this.answer.poll(cx)));
        let response = match answer {
            Ok(answer) => {
                let Ok(response) = ready!(answer);
                response
            }
            Err(panic) => Fault::from(Error::internal(said(panic.as_ref()))).into_response(),
        };
        let record = this.record.take().expect("a future is not polled after it is done");
        let response = record.finish(response, &this.shelled.ground);
        Poll::Ready(Ok(response))
    }
}

/// What a panic said, as far as it is text.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of an unknown kind"))
}

/// What is kept of a request until its answer is there. Never its query, its body or a credential.
struct Record {
    began: Instant,
    id: Arc<str>,
    method: Method,
    target: Uri,
}

impl Record {
    fn finish(self, response: Response, ground: &Ground) -> Response {
        let mut response = enveloped(response);
        let took = self.began.elapsed();
        let place = ground.place(self.target.path());
        if response.status() == StatusCode::FORBIDDEN
            && let Some(Denied { app, caller }) = response.extensions_mut().remove()
        {
            app.note_denial(&caller, &format!("{} {}", self.method, place.pattern));
        }
        place.meters.record(place.pattern, &self.method, response.status(), took);
        ground.pulse.record(response.status(), took);
        self.log(&mut response, place.pattern, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        ground.shell.dress(response.headers_mut(), &self.id, Storing::of(self.target.path()));
        response
    }

    /// The one line of a request.
    fn log(&self, response: &mut Response, pattern: &'static str, micros: u64) {
        let status = response.status().as_u16();
        if status < 400 && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        let verdict = response.extensions_mut().remove::<Verdict>();
        let code = verdict.as_ref().map(|verdict| verdict.code);
        let cause = verdict.as_ref().and_then(Verdict::chain);
        let (id, method, route) = (&*self.id, self.method.as_str(), self.route(pattern));
        match status {
            ..400 => debug!(request_id = id, method, route, status, micros, "request answered"),
            400..500 => info!(request_id = id, method, route, status, code, micros, "request refused"),
            500.. => error!(request_id = id, method, route, status, code, micros, cause, "request failed"),
        }
    }

    /// Where it went: by the route's pattern, so that no ids stand in the log; a path that leads nowhere is shortened.
    fn route(&self, pattern: &'static str) -> &str {
        let path = self.target.path();
        if pattern.is_empty() { path.get(..128).unwrap_or(path) } else { pattern }
    }
}

/// Puts into the envelope what a library refused in its own words or without any: unknown paths, wrong methods, paths and
/// queries that cannot be read.
pub(crate) fn enveloped(response: Response) -> Response {
    let status = response.status();
    if status.as_u16() < 400 || !is_bare(response.headers()) {
        return response;
    }
    let (mut bare, _) = response.into_parts();
    let (fault, body) = fault_for(status).into_response().into_parts();
    bare.headers.remove(CONTENT_LENGTH);
    bare.headers.extend(fault.headers);
    bare.extensions.extend(fault.extensions);
    Response::from_parts(bare, body)
}

fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|media| media.as_bytes().starts_with(b"text/plain"))
}

fn fault_for(status: StatusCode) -> Fault {
    match status {
        StatusCode::NOT_FOUND => Error::NotFound.into(),
        // The router has added `Allow`.
        StatusCode::METHOD_NOT_ALLOWED => Fault::MethodNotAllowed(""),
        StatusCode::PAYLOAD_TOO_LARGE => Fault::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Fault::UnsupportedMediaType,
        status if status.is_server_error() => Error::internal(format!("bare status {status}")).into(),
        _ => Error::Invalid(Vec::new()).into(),
    }
}

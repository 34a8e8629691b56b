//! The shell around every route: it gives each request its id and each answer its headers, its log line and its place in the
//! metrics, and turns panics and bare refusals into the envelope.

mod meters;
mod request_id;

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use axum::routing::future::RouteFuture;
use pin_project_lite::pin_project;
use purser_core::env::Entropy;
use purser_core::error::Error;
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::{Level, debug, error, info};

use crate::fault::{Fault, Verdict};
use crate::http_settings::HttpSettings;
use meters::RouteMeters;
use request_id::RequestIds;

/// The header with the id of a request. Inside the shell every request has one, and it is the one the answer carries.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all answers have in common. One for the whole program.
#[derive(Debug)]
pub struct Shell {
    ids: RequestIds,
    https: bool,
}

impl Shell {
    /// A shell for these settings. Chance goes into the ids of requests.
    pub fn new(settings: &HttpSettings, entropy: &dyn Entropy) -> Arc<Self> {
        Arc::new(Self { ids: RequestIds::new(entropy), https: settings.is_https() })
    }

    /// Puts the shell around every route of a finished router, its refusals of unknown paths and wrong methods included.
    /// A listener does this with the router it serves; only tests that go without one do it themselves.
    pub fn around(self: &Arc<Self>, router: Router) -> Router {
        // `with_state` builds the routes now; without it axum would build each anew for every request.
        router.layer(ShellLayer(Arc::clone(self))).with_state(())
    }

    /// The answer to a request that never reaches a route.
    pub(crate) fn refusal(&self, sent: &HeaderMap, fault: Fault) -> Response {
        let id = RequestIds::sane(sent).cloned().unwrap_or_else(|| self.ids.mint());
        let (request_id, status) = (id.to_str().unwrap_or_default(), fault.status().as_u16());
        info!(request_id, status, code = fault.code(), "request refused before any route");
        meters::refused(fault.status());
        let mut response = fault.into_response();
        self.dress(response.headers_mut(), id, Storing::Never);
        response
    }

    fn dress(&self, headers: &mut HeaderMap, id: HeaderValue, storing: Storing) {
        headers.reserve(10);
        headers.insert(REQUEST_ID, id);
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.entry(REFERRER_POLICY).or_insert(NO_REFERRER);
        headers.insert(X_FRAME_OPTIONS, DENY);
        headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING_BUT_DATA);
        if storing == Storing::Never {
            headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
        }
        if self.https {
            headers.insert(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
    }
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

/// Gives each route a shell of its own, so that what is known of the route is looked up once.
#[derive(Clone)]
struct ShellLayer(Arc<Shell>);

impl Layer<Route> for ShellLayer {
    type Service = Shelled;

    fn layer(&self, route: Route) -> Shelled {
        Shelled { shell: Arc::clone(&self.0), meters: Arc::default(), route }
    }
}

/// A route in its shell.
#[derive(Clone)]
struct Shelled {
    shell: Arc<Shell>,
    meters: Arc<RouteMeters>,
    route: Route,
}

impl Service<Request> for Shelled {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Answering {
        let record = Record {
            began: Instant::now(),
            id: self.shell.ids.of(request.headers_mut()),
            method: request.method().clone(),
            path: Path::of(&request),
            storing: Storing::of(request.uri().path()),
        };
        Answering {
            answer: self.route.call(request),
            record: Some(record),
            shell: Arc::clone(&self.shell),
            meters: Arc::clone(&self.meters),
        }
    }
}

pin_project! {
    /// A request on its way through a route.
    struct Answering {
        #[pin]
        answer: RouteFuture<Infallible>,
        record: Option<Record>,
        shell: Arc<Shell>,
        meters: Arc<RouteMeters>,
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
        let response = record.finish(response, this.shell, this.meters);
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
    id: HeaderValue,
    method: Method,
    path: Path,
    storing: Storing,
}

impl Record {
    fn finish(self, response: Response, shell: &Shell, meters: &RouteMeters) -> Response {
        let mut response = enveloped(response);
        let took = self.began.elapsed();
        meters.record(self.path.pattern(), &self.method, response.status(), took);
        self.log(&mut response, took.as_micros());
        shell.dress(response.headers_mut(), self.id, self.storing);
        response
    }

    /// The one line of a request.
    fn log(&self, response: &mut Response, micros: u128) {
        let status = response.status().as_u16();
        if status < 400 && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        let verdict = response.extensions_mut().remove::<Verdict>();
        let code = verdict.as_ref().map(|verdict| verdict.code);
        let cause = verdict.as_ref().and_then(Verdict::chain);
        let (id, method, route) = (self.id.to_str().unwrap_or_default(), self.method.as_str(), self.path.as_str());
        match status {
            ..400 => debug!(request_id = id, method, route, status, micros, "request answered"),
            400..500 => info!(request_id = id, method, route, status, code, micros, "request refused"),
            500.. => error!(request_id = id, method, route, status, code, micros, cause, "request failed"),
        }
    }
}

/// Where a request went.
enum Path {
    /// To a route, by its pattern: no ids in the log, and as many names in the metrics as there are routes.
    Known(MatchedPath),
    /// To no route.
    Unknown(Uri),
}

impl Path {
    fn of(request: &Request) -> Self {
        match request.extensions().get::<MatchedPath>() {
            Some(pattern) => Self::Known(pattern.clone()),
            None => Self::Unknown(request.uri().clone()),
        }
    }

    fn pattern(&self) -> &str {
        match self {
            Self::Known(pattern) => pattern.as_str(),
            Self::Unknown(_) => "",
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Known(pattern) => pattern.as_str(),
            Self::Unknown(uri) => uri.path().get(..128).unwrap_or(uri.path()),
        }
    }
}

/// Puts into the envelope what a library refused in its own words or without any: unknown paths, wrong methods, paths and
/// queries that cannot be read.
fn enveloped(response: Response) -> Response {
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
        // The router adds `Allow` after us.
        StatusCode::METHOD_NOT_ALLOWED => Fault::MethodNotAllowed(""),
        StatusCode::PAYLOAD_TOO_LARGE => Fault::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Fault::UnsupportedMediaType,
        status if status.is_server_error() => Error::internal(format!("bare status {status}")).into(),
        _ => Error::Invalid(Vec::new()).into(),
    }
}

//! The wire: takes requests down, fails as told, and passes them on to whom they are for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::form_urlencoded;

use super::{World, graph, login, rest, token};

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The description of a directory, version 1.0 or 2.0.
    Discovery,
    /// The published keys.
    Keys,
    /// Where people sign in.
    Authorize,
    /// Where codes are traded for tokens.
    Token,
    /// Graph's `/v1.0/me`.
    Me,
    /// Dataverse's `WhoAmI`.
    WhoAmI,
    /// Anything else.
    Other,
}

/// A way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers rightly, but late.
    Slow(Duration),
    /// Never answers.
    Hang,
    /// Too many requests, in the documented words.
    Throttled {
        /// How many seconds to wait, if it says so.
        retry_after: Option<u32>,
    },
    /// This status, with the body that the documents show for it.
    Failing(u16),
    /// Any answer at all.
    Answer {
        /// The status.
        status: u16,
        /// The content type.
        content_type: &'static str,
        /// The body.
        body: String,
    },
    /// Sends the caller elsewhere.
    Elsewhere(String),
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What it was for.
    pub endpoint: Endpoint,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The fields of a posted form, decoded.
    pub form: Vec<(String, String)>,
}

impl Recorded {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// A field of the form.
    pub fn field(&self, name: &str) -> Option<&str> {
        first(&self.form, name)
    }

    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

fn first<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().fallback(serve).with_state(world)
}

async fn serve(Extracted(world): Extracted<Arc<World>>, request: Request) -> Response {
    let recorded = take_down(request).await;
    let fault = {
        let mut state = world.state.lock();
        state.requests.push(recorded.clone());
        state.faults.get(&recorded.endpoint).cloned()
    };
    world.arrived.notify_waiters();
    let mut response = match fault {
        None => answer(&world, &recorded),
        Some(Fault::Slow(time)) => {
            rest(time).await;
            answer(&world, &recorded)
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(fault) => failure(recorded.endpoint, &fault),
    };
    date(&world, &mut response);
    response
}

async fn take_down(request: Request) -> Recorded {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 256 * 1024).await.unwrap_or_default();
    let pairs = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
    Recorded {
        endpoint: endpoint(head.uri.path()),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        form: pairs(&body),
    }
}

fn endpoint(path: &str) -> Endpoint {
    match path {
        path if path.ends_with("/.well-known/openid-configuration") => Endpoint::Discovery,
        path if path.ends_with("/discovery/v2.0/keys") || path.ends_with("/discovery/keys") => Endpoint::Keys,
        path if path.ends_with("/oauth2/v2.0/authorize") => Endpoint::Authorize,
        path if path.ends_with("/oauth2/v2.0/token") => Endpoint::Token,
        "/v1.0/me" => Endpoint::Me,
        "/api/data/v9.2/WhoAmI" => Endpoint::WhoAmI,
        _ => Endpoint::Other,
    }
}

fn answer(world: &World, request: &Recorded) -> Response {
    match request.endpoint {
        Endpoint::Discovery => login::discovery(world, request),
        Endpoint::Keys => login::keys(world, request),
        Endpoint::Authorize => login::authorize(world, request),
        Endpoint::Token => token::token(world, request),
        Endpoint::Me => graph::me(world, request),
        Endpoint::WhoAmI => graph::who_am_i(world, request),
        Endpoint::Other => StatusCode::NOT_FOUND.into_response(),
    }
}

fn failure(endpoint: Endpoint, fault: &Fault) -> Response {
    match fault {
        Fault::Throttled { retry_after } => {
            let mut response = documented(endpoint, 429);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        Fault::Failing(status) => documented(endpoint, *status),
        Fault::Answer { status, content_type, body } => plain(*status, content_type, body.clone()),
        Fault::Elsewhere(place) => see(place),
        Fault::Slow(_) | Fault::Hang => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn documented(endpoint: Endpoint, status: u16) -> Response {
    match endpoint {
        Endpoint::Me => graph::failure(status),
        Endpoint::WhoAmI => graph::dataverse_failure(status),
        _ => login::failure(status),
    }
}

pub(crate) fn json(status: u16, body: &Value) -> Response {
    plain(status, "application/json; charset=utf-8", body.to_string())
}

pub(crate) fn plain(status: u16, content_type: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// A redirect, as Entra sends it.
pub(crate) fn see(place: &str) -> Response {
    let mut response = plain(302, "text/html; charset=utf-8", String::new());
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Dates the answer by the stand-in's own clock, which is how others tell whether clocks agree.
fn date(world: &World, response: &mut Response) {
    let now = world.state.lock().now();
    let Ok(moment) = jiff::Timestamp::from_second(now) else { return };
    let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment);
    if let Some(value) = printed.ok().and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::DATE, value);
    }
}

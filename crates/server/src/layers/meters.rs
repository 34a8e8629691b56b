//! Counts and durations of requests, by route, method and class of status.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};

const REQUESTS: &str = "purser_http_requests_total";
const SECONDS: &str = "purser_http_request_seconds";

/// The meters of one route. Each is looked up in the registry once, when it is first needed.
#[derive(Default)]
pub(super) struct RouteMeters {
    of_methods: [OnceLock<Box<[OnceLock<Meter>; 5]>>; 6],
}

struct Meter {
    requests: Counter,
    seconds: Histogram,
}

impl Meter {
    fn of(pattern: &'static str, method: &'static str, class: &'static str) -> Self {
        let route = if pattern.is_empty() { "none" } else { pattern };
        Self {
            requests: metrics::counter!(REQUESTS, "route" => route, "method" => method, "status" => class),
            seconds: metrics::histogram!(SECONDS, "route" => route, "method" => method, "status" => class),
        }
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

impl RouteMeters {
    /// Counts one answer.
    pub(super) fn record(&self, pattern: &'static str, method: &Method, status: StatusCode, took: Duration) {
        let (row, method) = method_name(method);
        let (column, class) = class_name(status);
        let cells = self.of_methods.get(row).map(|cells| cells.get_or_init(Box::default));
        if let Some(cell) = cells.and_then(|cells| cells.get(column)) {
            cell.get_or_init(|| Meter::of(pattern, method, class)).record(took);
        }
    }
}

/// Counts a request that was refused before it came to a route.
pub(super) fn refused(status: StatusCode) {
    let (_, class) = class_name(status);
    metrics::counter!(REQUESTS, "route" => "none", "method" => "unread", "status" => class).increment(1);
}

/// Strangers choose methods, so only the usual ones get a name.
fn method_name(method: &Method) -> (usize, &'static str) {
    match *method {
        Method::GET => (0, "GET"),
        Method::POST => (1, "POST"),
        Method::PUT => (2, "PUT"),
        Method::PATCH => (3, "PATCH"),
        Method::DELETE => (4, "DELETE"),
        _ => (5, "other"),
    }
}

fn class_name(status: StatusCode) -> (usize, &'static str) {
    match status.as_u16() {
        ..200 => (0, "1xx"),
        200..300 => (1, "2xx"),
        300..400 => (2, "3xx"),
        400..500 => (3, "4xx"),
        500.. => (4, "5xx"),
    }
}

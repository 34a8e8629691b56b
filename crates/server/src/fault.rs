//! [`Fault`], every refusal as it goes over the wire, with the envelope that refusals and successes share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use purser_core::access::Caller;
use purser_core::app::App;
use purser_core::error::{Code, Error, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// What a handler gives back: an answer, or a refusal that becomes one.
pub type Answer<T = Response> = Result<T, Fault>;

/// A refusal: one of the system's, or one that only HTTP knows.
#[derive(Debug)]
pub enum Fault {
    /// A refusal of the system.
    Refused(Error),
    /// The caller has no right to it. It goes out as [`Error::Forbidden`] does, and is written down by whoever knows what was asked.
    Denied(Box<Denied>),
    /// The path exists, the method does not. The names are for the `Allow` header (RFC 9110 section 15.5.6);
    /// a router that knows them adds them by itself.
    MethodNotAllowed(&'static str),
    /// The body is not of a type we read (RFC 9110 section 15.5.16).
    UnsupportedMediaType,
    /// The body is longer than the endpoint reads (RFC 9110 section 15.5.14).
    PayloadTooLarge,
    /// The head of the request is longer than we read (RFC 6585 section 5).
    HeadTooLarge,
    /// The target of the request is longer than we read (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// The body did not arrive in time. Its own status (RFC 9110 section 15.5.9) tells clients and proxies that they may
    /// send it again, which 400 would forbid; the code stays `VALIDATION_ERROR`, because a program does the same about
    /// a body that is half there as about one that is malformed.
    BodyTooSlow,
    /// Not a request as RFC 9112 writes them, or one that two readers could read in two ways.
    Unreadable,
}

impl Fault {
    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(error) => status(error.code()),
            Self::Denied(_) => status(Code::Forbidden),
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unreadable => StatusCode::BAD_REQUEST,
        }
    }

    /// The word for it on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code().as_str(),
            Self::Denied(_) => Code::Forbidden.as_str(),
            Self::MethodNotAllowed(_) => "METHOD_NOT_ALLOWED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::PayloadTooLarge | Self::HeadTooLarge | Self::TargetTooLong => "PAYLOAD_TOO_LARGE",
            Self::BodyTooSlow | Self::Unreadable => Code::ValidationError.as_str(),
        }
    }

    /// The sentence for it, the same whenever the code is the same.
    pub fn message(&self) -> String {
        match self {
            Self::Refused(error) => error.to_string(),
            Self::Denied(_) => Error::Forbidden.to_string(),
            Self::MethodNotAllowed(_) => "This method is not allowed here".to_owned(),
            Self::UnsupportedMediaType => "The body is of a type that is not taken here, or compressed".to_owned(),
            Self::PayloadTooLarge | Self::HeadTooLarge | Self::TargetTooLong => "The request is too large".to_owned(),
            Self::BodyTooSlow | Self::Unreadable => Error::Invalid(Vec::new()).to_string(),
        }
    }

    /// Its body: the envelope with nothing in it but what the contract names.
    pub(crate) fn envelope(&self) -> Vec<u8> {
        let message = self.message();
        let error =
            Reason { message: &message, code: self.code(), details: self.details(), challenge: self.challenge() };
        serde_json::to_vec(&Refusal { success: false, error }).expect("texts under text keys always become JSON")
    }

    /// Its headers.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(CONTENT_TYPE, JSON);
        match self {
            Self::Refused(Error::InvalidToken) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Refused(error) => {
                if let Some(wait) = wait(error) {
                    headers.insert(RETRY_AFTER, whole_seconds(wait).into());
                }
            }
            Self::MethodNotAllowed(allow) if !allow.is_empty() => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            // What is left of the body is not read, so nothing after it can be understood.
            Self::PayloadTooLarge | Self::HeadTooLarge | Self::TargetTooLong | Self::BodyTooSlow | Self::Unreadable => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::MethodNotAllowed(_) | Self::UnsupportedMediaType | Self::Denied(_) => {}
        }
        headers
    }

    fn details(&self) -> Option<BTreeMap<&str, &str>> {
        match self {
            Self::Refused(Error::Invalid(problems)) => Some(first_reasons(problems)),
            Self::BodyTooSlow => Some(BTreeMap::from([("body", "did not arrive in time")])),
            Self::Unreadable => Some(BTreeMap::from([("request", "is not well-formed HTTP")])),
            _ => None,
        }
    }

    fn challenge(&self) -> Option<&str> {
        match self {
            Self::Refused(Error::TwoFactorRequired(challenge)) => Some(challenge.reveal()),
            _ => None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.envelope()));
        *response.status_mut() = self.status();
        *response.headers_mut() = self.headers();
        let (code, field) = (self.code(), self.first_field());
        let cause = match self {
            Self::Denied(denied) => {
                response.extensions_mut().insert(*denied);
                None
            }
            other => other.cause().map(Arc::new),
        };
        response.extensions_mut().insert(Verdict { code, field, cause });
        response
    }
}

impl Fault {
    /// The first field that is blamed.
    fn first_field(&self) -> Option<String> {
        match self {
            Self::Refused(Error::Invalid(problems)) => problems.first().map(|problem| problem.field.clone()),
            _ => None,
        }
    }

    /// The error with its chain of causes, if it is a fault of ours.
    fn cause(self) -> Option<Error> {
        match self {
            Self::Refused(error) if status(error.code()).is_server_error() => Some(error),
            _ => None,
        }
    }
}

/// Who was refused for want of a right. It rides on the response to the one place that knows by which route they came.
#[derive(Clone)]
pub struct Denied {
    /// The system, which writes it down.
    pub app: Arc<App>,
    /// Who it was.
    pub caller: Caller,
}

/// What stands in it is no secret, and of no use here.
impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Denied")
    }
}

/// What the log, and a page, is told about a refusal. It rides on the response to the one place that logs.
#[derive(Clone)]
pub(crate) struct Verdict {
    pub(crate) code: &'static str,
    pub(crate) field: Option<String>,
    pub(crate) cause: Option<Arc<Error>>,
}

impl Verdict {
    /// The whole chain of causes in one line.
    pub(crate) fn chain(&self) -> Option<String> {
        let error: &dyn std::error::Error = self.cause.as_deref()?;
        let causes = std::iter::successors(Some(error), |error| error.source());
        Some(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

/// `200` with the data in the envelope.
///
/// # Errors
/// `INTERNAL` if the data cannot be written as JSON.
pub fn success(data: impl Serialize) -> Answer {
    enveloped(StatusCode::OK, data)
}

/// `201` with the new resource in the envelope.
///
/// # Errors
/// `INTERNAL` if the resource cannot be written as JSON.
pub fn created(resource: impl Serialize) -> Answer {
    enveloped(StatusCode::CREATED, resource)
}

/// `202` with the data in the envelope: what was asked for is under way.
///
/// # Errors
/// `INTERNAL` if the data cannot be written as JSON.
pub fn accepted(data: impl Serialize) -> Answer {
    enveloped(StatusCode::ACCEPTED, data)
}

/// Any JSON as it is, for the few answers that have members beside the envelope's.
///
/// # Errors
/// `INTERNAL` if the answer cannot be written as JSON.
pub fn json(status: StatusCode, answer: &impl Serialize) -> Answer {
    Ok(written(status, text(answer)?))
}

/// What [`success`] answers, as text: for answers that are kept.
///
/// # Errors
/// `INTERNAL` if the data cannot be written as JSON.
pub fn success_text(data: impl Serialize) -> Result<Bytes, Error> {
    text(&Envelope::new(data))
}

/// JSON that is written already.
pub fn written(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn text(answer: &impl Serialize) -> Result<Bytes, Error> {
    // Most answers fit, and are written without moving.
    let mut text = Vec::with_capacity(2048);
    serde_json::to_writer(&mut text, answer).map_err(Error::internal)?;
    Ok(text.into())
}

fn enveloped(status: StatusCode, data: impl Serialize) -> Answer {
    json(status, &Envelope::new(data))
}

/// JSON is UTF-8 and its media type has no `charset` (RFC 8259 section 11).
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What every success looks like.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    /// What was asked for.
    data: T,
}

impl<T> Envelope<T> {
    /// Wraps what was asked for.
    pub fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

/// Nothing to tell.
#[derive(Debug, Serialize, ToSchema)]
pub struct Empty {}

/// What every refusal looks like.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the envelope for the API's description; it is written from borrowed parts")]
pub struct Refused {
    /// Always false.
    #[schema(example = false)]
    success: bool,
    /// Why.
    error: RefusalReason,
}

/// Why something was refused.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "as above")]
pub struct RefusalReason {
    /// A sentence, the same whenever the code is the same.
    #[schema(example = "Invalid email or password")]
    message: String,
    /// The word to act on.
    #[schema(example = "INVALID_CREDENTIALS")]
    code: String,
    /// With `VALIDATION_ERROR`: field to reason.
    details: Option<BTreeMap<String, String>>,
    /// With `TWO_FACTOR_REQUIRED`: to be answered within 5 minutes.
    challenge: Option<String>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    success: bool,
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    message: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<&'a str>,
}

/// Field to reason; of two reasons for one field the first, for an object names nothing twice.
fn first_reasons(problems: &[Problem]) -> BTreeMap<&str, &str> {
    let mut reasons = BTreeMap::new();
    for problem in problems {
        reasons.entry(problem.field.as_str()).or_insert(problem.reason.as_str());
    }
    reasons
}

/// The status of each code, as the contract has it.
fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidCredentials
        | Code::TokenExpired
        | Code::InvalidToken
        | Code::TwoFactorRequired
        | Code::SamlInvalid => StatusCode::UNAUTHORIZED,
        Code::Forbidden
        | Code::CsrfRejected
        | Code::SsoRequired
        | Code::LicenseRequired
        | Code::LicenseExpired
        | Code::LicenseSeats
        | Code::AccountUnknown => StatusCode::FORBIDDEN,
        Code::LicenseInvalid
        | Code::ValidationError
        | Code::ClientRequired
        | Code::OidcStateInvalid
        | Code::QueryTooComplex => StatusCode::BAD_REQUEST,
        Code::UnknownProvider | Code::NotFound => StatusCode::NOT_FOUND,
        Code::AccountExists | Code::Conflict => StatusCode::CONFLICT,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::ServerBusy | Code::IdpUnavailable | Code::StoreUnavailable | Code::MailUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How long a client should wait before it tries again. A hash queue drains in a second or two, a database that comes
/// back is found again in a few, a provider's breaker opens after some more.
fn wait(error: &Error) -> Option<Duration> {
    match error {
        Error::RateLimited(wait) => Some(*wait),
        Error::ServerBusy => Some(Duration::from_secs(1)),
        Error::StoreUnavailable(_) => Some(Duration::from_secs(2)),
        Error::IdpUnavailable(after) => Some(*after),
        _ => None,
    }
}

/// Rounded up, and never 0: a client told to wait no time at all would be back before the window is over.
fn whole_seconds(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_core::secret::Secret;

    fn shown(error: Error) -> String {
        let fault = Fault::from(error);
        format!("{} {}", fault.status().as_u16(), String::from_utf8(fault.envelope()).unwrap())
    }

    #[test]
    fn a_refusal_is_the_envelope_and_nothing_else() {
        insta::assert_snapshot!(shown(Error::InvalidCredentials), @r#"401 {"success":false,"error":{"message":"Invalid email or password","code":"INVALID_CREDENTIALS"}}"#);
        insta::assert_snapshot!(shown(Error::TwoFactorRequired(Secret::new("c-1"))), @r#"401 {"success":false,"error":{"message":"Two-factor authentication required","code":"TWO_FACTOR_REQUIRED","challenge":"c-1"}}"#);
        insta::assert_snapshot!(shown(Error::invalid("email", "is required")), @r#"400 {"success":false,"error":{"message":"The request is not valid","code":"VALIDATION_ERROR","details":{"email":"is required"}}}"#);
    }

    #[test]
    fn the_cause_of_a_fault_of_ours_is_never_shown() {
        let fault = shown(Error::store("connection refused: db.internal:5432"));
        insta::assert_snapshot!(fault, @r#"503 {"success":false,"error":{"message":"The store is unavailable","code":"STORE_UNAVAILABLE"}}"#);
    }

    #[test]
    fn the_cause_of_a_fault_of_ours_is_told_to_the_log() {
        let response = Fault::from(Error::internal("the key is of 7 bytes")).into_response();
        let verdict = response.extensions().get::<Verdict>().unwrap();
        assert_eq!(verdict.chain().unwrap(), "Internal error: the key is of 7 bytes");
    }

    #[test]
    fn a_field_with_two_reasons_is_named_once() {
        let problem = |reason: &str| Problem { field: "email".into(), reason: reason.into() };
        let shown = shown(Error::Invalid(vec![problem("is too long"), problem("has no @")]));
        assert_eq!(shown.matches("email").count(), 1);
        assert!(shown.contains("is too long"));
    }

    #[test]
    fn waiting_is_told_in_whole_seconds_rounded_up() {
        for (wait, said) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let fault = Fault::from(Error::RateLimited(Duration::from_millis(wait)));
            assert_eq!(fault.headers().get(RETRY_AFTER).unwrap(), said, "{wait} ms");
        }
    }

    #[test]
    fn every_503_says_when_to_come_back() {
        for error in [Error::ServerBusy, Error::IdpUnavailable(Duration::from_secs(10)), Error::store("gone")] {
            let fault = Fault::from(error);
            assert_eq!(fault.status(), 503);
            assert!(fault.headers().contains_key(RETRY_AFTER));
        }
    }

    #[test]
    fn only_a_bad_token_asks_for_another_one() {
        let asks = |error: Error| Fault::from(error).headers().contains_key(WWW_AUTHENTICATE);
        assert!(asks(Error::InvalidToken));
        assert!(!asks(Error::InvalidCredentials));
        assert!(!asks(Error::Forbidden));
    }
}

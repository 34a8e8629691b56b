//! Forms whose sender has to sign in first: what they hold goes back to the browser it came from, so that nothing typed is lost.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use url::form_urlencoded;

use crate::extract::{read_body, same_origin};
use crate::http_settings::HttpSettings;

/// The longest form that goes back: as long as the longest that is taken.
const LONGEST: usize = 1024 * 1024;

/// A form on its way. Whoever answers reads it as it comes; it is read here only if nobody did.
pub(super) struct Sent {
    body: Arc<Mutex<Lent>>,
    headers: HeaderMap,
    action: String,
}

/// A body, and whether anybody has begun to read it.
struct Lent {
    body: Body,
    touched: bool,
}

/// What a form held, to be sent once more.
pub(super) struct Again {
    /// Where it goes.
    pub(super) action: String,
    /// What was typed, but for secrets.
    pub(super) fields: Vec<(String, String)>,
}

impl Sent {
    /// The form that a request brings, if it comes from one of our own pages: a stranger's would be made ours by showing it.
    pub(super) fn with(request: Request, settings: &HttpSettings) -> (Option<Self>, Request) {
        let headers = request.headers();
        let form = headers.get(CONTENT_TYPE).is_some_and(|media| media == "application/x-www-form-urlencoded");
        if request.method() != Method::POST || !form || same_origin(headers, settings).is_err() {
            return (None, request);
        }
        let action = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let headers = headers.clone();
        let (parts, body) = request.into_parts();
        let body = Arc::new(Mutex::new(Lent { body, touched: false }));
        let lent = Body::new(Lending(Arc::clone(&body)));
        (Some(Self { body, headers, action }), Request::from_parts(parts, lent))
    }

    /// What it holds. Nothing if it was read already, is too long or comes too slowly, or is sent for its secrets only.
    pub(super) async fn again(self, settings: &HttpSettings) -> Option<Again> {
        let Self { body, headers, action } = self;
        let lent = Arc::into_inner(body)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut request = Request::new(lent.body);
        *request.headers_mut() = headers;
        let bytes = if lent.touched { None } else { read_body(request, LONGEST, settings.body_patience).await.ok() }?;
        let pairs = form_urlencoded::parse(&bytes).into_owned();
        let fields: Vec<_> = pairs.filter(|(name, _)| !is_secret(name)).collect();
        (!fields.is_empty()).then_some(Again { action, fields })
    }
}

/// What is not written into a page, also not for whoever has just typed it.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "passkey", "code"].iter().any(|word| name.contains(word))
}

/// A body that can be taken back as long as nobody has begun to read it.
struct Lending(Arc<Mutex<Lent>>);

impl HttpBody for Lending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lent.touched = true;
        Pin::new(&mut lent.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).body.size_hint()
    }
}

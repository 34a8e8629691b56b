//! Answers that are read out piece by piece, one JSON object a line (`application/x-ndjson`), so that no length of them lies in memory.

use std::future::Future;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream;
use purser_core::error::{Error, Result};

/// What lines are.
pub const MEDIA: &str = "application/x-ndjson";

/// Pieces of lines, asked for one after another until there is none. The first has been read already, so that a refusal is an answer of
/// its own; a failure after that breaks the connection off, so that nobody takes a part for the whole.
pub fn answer<S, F, N>(first: Option<(String, S)>, file: &str, next: N) -> Response
where
    S: Send + 'static,
    F: Future<Output = Result<Option<(String, S)>>> + Send,
    N: Fn(S) -> F + Send + Sync + Clone + 'static,
{
    let pieces = stream::try_unfold(Turn::First(first), move |turn| {
        let next = next.clone();
        async move {
            let piece = match turn {
                Turn::First(first) => first,
                Turn::After(state) => next(state).await.inspect_err(|fault| {
                    tracing::error!(cause = fault as &dyn std::error::Error, "an answer was broken off");
                })?,
            };
            Ok::<_, Error>(piece.map(|(text, state)| (Bytes::from(text), Turn::After(state))))
        }
    });
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    let attachment = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""));
    response.headers_mut().extend(attachment.ok().map(|value| (CONTENT_DISPOSITION, value)));
    response
}

enum Turn<S> {
    First(Option<(String, S)>),
    After(S),
}

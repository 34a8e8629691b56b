//! What whoever runs the server asks of it: `/healthz`, `/readyz`, `/metrics`, the public keys, and the description of the API.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use purser_core::error::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::fault::{Answer, Envelope, Refused, success, written};
use crate::site::Site;

/// A word about the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `ready`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "It does", body = Envelope<Health>)))]
pub async fn healthz() -> Answer {
    success(Health { status: "ok" })
}

/// Whether requests can be served: the store answers and there are keys to sign with.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses(
        (status = 200, description = "They can", body = Envelope<Health>),
        (status = 503, description = "`STORE_UNAVAILABLE`, with `Retry-After`", body = Refused)))]
pub async fn readyz(State(site): State<Site>) -> Answer {
    site.app.ready().await?;
    success(Health { status: "ready" })
}

/// The public keys with which anybody can verify our access tokens (RFC 7517). Keys of HS256 are never shown.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "operations",
    responses((status = 200, description = "A JSON Web Key Set", body = Object, content_type = "application/jwk-set+json")))]
pub async fn jwks(State(site): State<Site>) -> Answer {
    let mut response = Json(site.app.jwks().await?).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}

/// Figures for Prometheus. On this listener only with the configured token.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain"),
        (status = 401, description = "`INVALID_TOKEN`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: not shown here", body = Refused)),
    security(("metrics" = [])))]
pub async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Answer {
    let Some((figures, Some(token))) = &site.extras.metrics else {
        return Err(Error::NotFound.into());
    };
    let shown =
        headers.get(AUTHORIZATION).and_then(|line| line.to_str().ok()).and_then(|line| line.strip_prefix("Bearer "));
    if !shown.is_some_and(|shown| token.is(shown)) {
        return Err(Error::InvalidToken.into());
    }
    crate::background::measure(&site.app);
    Ok(figures_page(figures.render()))
}

/// Figures as Prometheus reads them.
pub fn figures_page(figures: String) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "text/plain; version=0.0.4")], figures).into_response()
}

/// This description, in OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI", body = Object)))]
pub async fn openapi() -> Answer {
    description().map(|text| written(StatusCode::OK, text)).map_err(Into::into)
}

/// Written once, when somebody first asks: it costs as much as a hundred other answers, and asking costs a stranger nothing.
fn description() -> Result<Bytes, Error> {
    static WRITTEN: OnceLock<Bytes> = OnceLock::new();
    if let Some(text) = WRITTEN.get() {
        return Ok(text.clone());
    }
    let text = Bytes::from(serde_json::to_vec(&crate::router::description()).map_err(Error::internal)?);
    Ok(WRITTEN.get_or_init(|| text).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_written_once() {
        assert!(std::ptr::eq(description().unwrap().as_ptr(), description().unwrap().as_ptr()));
    }
}

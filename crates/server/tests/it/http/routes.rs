//! Routes that show what the extractors found.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_server::cookie;
use purser_server::extract::{Body, Credential, Form, NamedClient, Visitor, allowed_origin_if_sent, same_origin};
use purser_server::fault::{Answer, Empty, Fault, created, success};
use purser_server::http_settings::{HttpSettings, Reach};
use purser_server::layers::Routes;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;

use super::probe::Probe;

/// More than the buffers of a connection hold.
pub(super) const BIG: usize = 32 * 1024 * 1024;

#[derive(Clone)]
struct App {
    settings: Arc<HttpSettings>,
    gate: Arc<Gate>,
}

impl FromRef<App> for Arc<HttpSettings> {
    fn from_ref(app: &App) -> Self {
        Arc::clone(&app.settings)
    }
}

/// Lets a test see that a request is in flight, and hold it there.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) entered: Notify,
    pub(super) leave: Notify,
}

/// A server with all test routes, under settings a developer's machine would have.
pub(super) async fn server() -> Probe {
    server_with(settings()).await
}

pub(super) fn settings() -> HttpSettings {
    HttpSettings { reach: Reach::Loopback, ..HttpSettings::default() }
}

pub(super) async fn server_with(settings: HttpSettings) -> Probe {
    gated(settings).await.0
}

pub(super) async fn gated(settings: HttpSettings) -> (Probe, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let app = App { settings: Arc::new(settings.clone()), gate: Arc::clone(&gate) };
    let patterns = vec!["/api/hello", "/api/things/{id}"];
    let routes = Routes { router: router(app), patterns, pulse: Arc::default() };
    (Probe::serving(routes, settings).await, gate)
}

fn router(app: App) -> Router {
    Router::new()
        .route("/api/hello", get(async || success(json!({ "hello": "world" }))))
        .route("/api/things", post(async || created(json!({ "id": "1" }))).delete(deleted_thing))
        .route("/api/things/{id}", get(async |Path(id): Path<u32>| success(id)))
        .route("/api/admin/secrets", get(async || success("the secret")))
        .route("/api/sign-in", post(sign_in))
        .route("/api/saml", post(async |Body(saml): Body<Saml, { 512 * 1024 }>| success(saml.saml_response.len())))
        .route("/api/form", post(async |Form(form): Form<Saml>| success(form.saml_response)))
        .route("/api/who", get(who))
        .route("/api/credential", get(credential))
        .route("/api/write", post(write))
        .route("/api/client", get(client))
        .route("/api/fault/{name}", get(fault))
        .route("/api/panic", get(async || -> Response { panic!("at /home/secret/src") }))
        .route("/api/big", get(async || "x".repeat(BIG)))
        .route("/api/wait", get(wait))
        .route("/page", get(page))
        .with_state(app)
}

async fn deleted_thing() -> Answer {
    success(Empty {})
}

#[derive(Deserialize)]
struct SignIn {
    email: String,
    password: Secret,
}

async fn sign_in(State(app): State<App>, headers: HeaderMap, Body(body): Body<SignIn>) -> Answer {
    allowed_origin_if_sent(&headers, &app.settings)?;
    let mut response = success(json!({ "email": body.email, "letters": body.password.reveal().len() }))?;
    let given = cookie::given(cookie::CLIENT, &Secret::new("fresh"), Duration::from_hours(168), &app.settings);
    response.headers_mut().insert("set-cookie", given);
    Ok(response)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saml {
    saml_response: String,
}

async fn who(visitor: Visitor) -> Answer {
    success(
        json!({ "address": visitor.address.to_string(), "agent": &*visitor.agent, "requestId": &*visitor.request_id }),
    )
}

async fn credential(headers: HeaderMap) -> Answer {
    success(match Credential::of(&headers, cookie::CLIENT)? {
        Credential::Bearer(token) => format!("bearer {token}"),
        Credential::Cookie(value) => format!("cookie {value}"),
        Credential::None => "none".to_owned(),
    })
}

async fn write(State(app): State<App>, headers: HeaderMap) -> Answer {
    match Credential::of(&headers, cookie::CLIENT)? {
        Credential::Cookie(_) => same_origin(&headers, &app.settings)?,
        Credential::Bearer(_) => {}
        Credential::None => return Err(Error::InvalidToken.into()),
    }
    success("written")
}

async fn client(client: NamedClient) -> Answer {
    success(client.name().map(ToString::to_string))
}

async fn fault(Path(name): Path<String>) -> Result<(), Fault> {
    let cause = "SELECT * FROM /var/lib/purser.db: disk I/O error";
    Err(match name.as_str() {
        "token" => Error::InvalidToken.into(),
        "expired" => Error::TokenExpired.into(),
        "second" => Error::TwoFactorRequired(Secret::new("challenge-1")).into(),
        "forbidden" => Error::Forbidden.into(),
        "conflict" => Error::Conflict.into(),
        "limited" => Error::RateLimited(Duration::from_millis(4200)).into(),
        "busy" => Error::ServerBusy.into(),
        "store" => Error::store(cause).into(),
        "internal" => Error::internal(cause).into(),
        _ => Error::NotFound.into(),
    })
}

async fn wait(State(app): State<App>) -> Answer {
    app.gate.entered.notify_one();
    app.gate.leave.notified().await;
    success("at last")
}

async fn page() -> Response {
    let headers = [(CONTENT_SECURITY_POLICY, "default-src 'self'"), (CACHE_CONTROL, "no-cache")];
    (StatusCode::FORBIDDEN, headers, Html("<p>no</p>")).into_response()
}

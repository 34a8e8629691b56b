//! A stand-in for Purser made of the bench's own yardsticks: with it the bench is tested, and every ratio must come near 1.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::{Result, bail};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Mutex, oneshot};

use crate::commit::{Change, Queue, key, make_sqlite, open_sqlite, write_to_sqlite};
use crate::hash::Hasher;
use crate::hello;

const SESSIONS: usize = 4096;

/// Understands as much of Purser's command line as the bench speaks.
///
/// # Errors
/// When it is given anything else.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["client" | "user", "create", ..] | ["provider", "add", ..] => Ok(()),
        ["serve", "--listen", at] => serve(at.parse()?),
        other => bail!("the stub does not understand {other:?}"),
    }
}

struct Stub {
    hashing: mpsc::Sender<oneshot::Sender<[u8; 32]>>,
    writing: Queue,
    generations: Vec<Mutex<i64>>,
    next: AtomicUsize,
}

fn serve(at: SocketAddr) -> Result<()> {
    let file = Path::new("stub.db");
    make_sqlite(file, crate::scenarios::FURNISHED.sessions.try_into()?)?;
    let connection = open_sqlite(file)?;
    let (writing, waiting) = unbounded_channel();
    std::thread::spawn(move || write_to_sqlite(connection, waiting));
    let generations = (0..SESSIONS).map(|_| Mutex::new(0)).collect();
    let stub = Arc::new(Stub { hashing: hashing(), writing, generations, next: AtomicUsize::new(0) });
    let router = Router::new()
        .route("/readyz", get(|| async { Json(json!({ "success": true })) }))
        .route("/api/client/auth/sign-in", post(sign_in))
        .route("/api/client/auth/refresh", post(refresh))
        .route("/api/client/auth/me", get(me))
        .with_state(stub);
    hello::serve_router(at, router)
}

fn hashing() -> mpsc::Sender<oneshot::Sender<[u8; 32]>> {
    let (queue, waiting) = mpsc::channel::<oneshot::Sender<[u8; 32]>>();
    let waiting = Arc::new(std::sync::Mutex::new(waiting));
    for _ in 0..crate::hash::threads() {
        let waiting = Arc::clone(&waiting);
        std::thread::spawn(move || {
            let mut hasher = Hasher::new();
            while let Some(asked) = waiting.lock().ok().and_then(|queue| queue.recv().ok()) {
                let _ = asked.send(hasher.hash(crate::purser::PASSWORD.as_bytes(), [7; 16]));
            }
        });
    }
    queue
}

async fn sign_in(State(stub): State<Arc<Stub>>, Json(_): Json<Value>) -> Response {
    let (asked, hashed) = oneshot::channel();
    if stub.hashing.send(asked).is_err() || hashed.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    tokens(stub.next.fetch_add(1, Ordering::Relaxed) % SESSIONS)
}

async fn refresh(State(stub): State<Arc<Stub>>, Json(body): Json<Value>) -> Response {
    let row = body.pointer("/refreshToken").and_then(Value::as_str).and_then(|row| row.parse::<usize>().ok());
    let Some((row, generation)) = row.and_then(|row| Some((row, stub.generations.get(row)?))) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut generation = generation.lock().await;
    let (done, outcome) = oneshot::channel();
    let sent = stub.writing.send(Change { row: key(row), generation: *generation, done });
    if sent.is_err() || outcome.await != Ok(true) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    *generation += 1;
    tokens(row)
}

async fn me(headers: HeaderMap) -> Response {
    match headers.get("authorization").map(axum::http::HeaderValue::as_bytes) {
        Some(b"Bearer stub") => Json(json!({ "success": true, "data": {} })).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn tokens(row: usize) -> Response {
    Json(json!({ "success": true, "data": { "token": "stub", "refreshToken": row.to_string() } })).into_response()
}

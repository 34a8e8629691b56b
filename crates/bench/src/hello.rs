//! The yardstick of the bearer check: an axum server that answers a small JSON and does nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use rustix::thread::CpuSet;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::process::{Launch, Server, free_address};

#[derive(Serialize)]
struct Hello {
    success: bool,
    data: &'static str,
}

/// Starts it as a child of this program.
///
/// # Errors
/// When it does not get ready.
pub(crate) fn start(folder: &Path, on: Option<CpuSet>) -> Result<Server> {
    let at = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["hello", "--listen", &at.to_string()]);
    Server::start(Launch { command, at, ready: "/hello", log: folder.join("hello.log"), on })
        .context("the hello server did not start")
}

/// Serves, on tokio's default number of workers, until it is ended.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) fn serve(listen: SocketAddr) -> Result<()> {
    let answer = || async { Json(Hello { success: true, data: "hello" }) };
    serve_router(listen, Router::new().route("/hello", get(answer)))
}

/// Serves any router in the same way.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) fn serve_router(listen: SocketAddr, router: Router) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

//! [`Listener`], where connections come in.

mod connection;
mod framing;
mod pulse;
mod tls;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

use crate::http_settings::HttpSettings;
use crate::layers::{Routes, Shell};
use connection::Server;

/// A bound address, and with it everything a connection is served with.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    settings: Arc<HttpSettings>,
    shell: Arc<Shell>,
}

impl Listener {
    /// Binds the address, and loads the TLS identity if the settings name one.
    ///
    /// # Errors
    /// If the address is taken or not ours, or the certificate or key cannot be read or do not fit each other.
    pub async fn bind(address: SocketAddr, settings: Arc<HttpSettings>, shell: Arc<Shell>) -> io::Result<Self> {
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        Ok(Self { socket: TcpListener::bind(address).await?, tls, settings, shell })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// If the socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves the routes, in this listener's shell, until `stop` is done: then takes no more connections, closes the idle
    /// ones, lets requests in flight finish for as long as the grace period lasts, and ends the rest.
    ///
    /// Handlers find the peer among the request's extensions, in [`Arrived`](crate::layers::Arrived). A recorder of metrics must be
    /// installed before, for each route looks its meters up once.
    pub async fn serve(self, routes: Routes, stop: impl Future<Output = ()>) {
        let server =
            Arc::new(Server::new(self.shell.around(routes), Arc::clone(&self.shell), Arc::clone(&self.settings)));
        let places = Arc::new(Semaphore::new(self.settings.max_connections));
        let graceful = GracefulShutdown::new();
        let mut open = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                // Only to forget those that are done.
                Some(_) = open.join_next() => {}
                (stream, peer, place) = self.next(&places) => {
                    let arrival = Arrival { stream, peer, tls: self.tls.clone(), watcher: graceful.watcher(), place };
                    open.spawn(arrival.serve(Arc::clone(&server)));
                }
            }
        }
        drop(self.socket);
        finish(graceful, open, self.settings.grace).await;
    }

    /// The next connection for which there is a place. While there is none, the kernel keeps them waiting.
    async fn next(&self, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the semaphore");
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return (stream, peer, place),
                Err(error) => recover(&error).await,
            }
        }
    }
}

/// A connection that broke before it was taken is nobody's loss; anything else is a lack of descriptors or memory.
#[expect(
    clippy::disallowed_methods,
    reason = "accept fails at once while descriptors lack: without a pause it would spin"
)]
async fn recover(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "no connection can be taken at present");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn finish(graceful: GracefulShutdown, mut open: JoinSet<()>, grace: Duration) {
    info!(connections = graceful.count(), "stopped listening");
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        warn!(connections = open.len(), "ended connections that outlasted the grace period");
    }
    open.shutdown().await;
}

/// A connection just taken.
struct Arrival {
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    watcher: Watcher,
    place: OwnedSemaphorePermit,
}

impl Arrival {
    async fn serve(self, server: Arc<Server>) {
        let Self { stream, peer, tls, watcher, place } = self;
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let gauge = metrics::gauge!("purser_http_connections");
        gauge.increment(1);
        match tls {
            None => server.converse(stream, peer, watcher).await,
            Some(tls) => match tokio::time::timeout(server.handshake_patience(), tls.accept(stream)).await {
                Ok(Ok(stream)) => server.converse(stream, peer, watcher).await,
                Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
                Err(_) => debug!("a TLS handshake took too long"),
            },
        }
        gauge.decrement(1);
        drop(place);
    }
}

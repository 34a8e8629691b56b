//! [`Proxy`]: a bad network between a node and PostgreSQL, to be had when wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A way to the server on which connections can be cut, frozen, and silenced as soon as they say a certain word.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

struct Network {
    server: SocketAddr,
    frozen: watch::Sender<bool>,
    /// Whoever says this is not heard of again.
    taboo: Mutex<Option<&'static str>>,
    lines: Mutex<Vec<Arc<Line>>>,
}

/// One connection.
struct Line {
    port: u16,
    said: Mutex<Vec<u8>>,
    silenced: AtomicBool,
    pumps: Mutex<Vec<JoinHandle<()>>>,
}

impl Proxy {
    /// A way to the server that the tests use.
    pub async fn new() -> Self {
        let url = std::env::var("TEST_POSTGRES_URL").unwrap();
        let host = url.split_once('@').unwrap().1.split(['/', '?']).next().unwrap();
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
        let server = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network =
            Network { server, frozen: watch::Sender::new(false), taboo: Mutex::default(), lines: Mutex::default() };
        let network = Arc::new(network);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&network)));
        Self { address, network, accepting }
    }

    /// Where nodes connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing comes through any more, in either direction; connections stay open.
    pub fn freeze(&self) {
        self.network.frozen.send_replace(true);
    }

    /// All that was held back comes through.
    pub fn thaw(&self) {
        self.network.frozen.send_replace(false);
    }

    /// From now on nothing is heard of connections that say this word, nor of those that have said it.
    pub fn silence(&self, taboo: &'static str) {
        *self.network.taboo.lock() = Some(taboo);
        for line in self.network.lines.lock().iter() {
            line.mind(Some(taboo));
        }
    }

    /// New connections may say everything again. Those silenced stay so.
    pub fn allow_everything(&self) {
        *self.network.taboo.lock() = None;
    }

    /// Closes every connection.
    pub fn cut(&self) {
        for line in std::mem::take(&mut *self.network.lines.lock()) {
            line.pumps.lock().drain(..).for_each(|pump| pump.abort());
        }
    }

    /// From which ports the server sees the connections that are open.
    pub fn open_ports(&self) -> Vec<u16> {
        let mut lines = self.network.lines.lock();
        lines.retain(|line| line.pumps.lock().iter().all(|pump| !pump.is_finished()));
        lines.iter().map(|line| line.port).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    loop {
        let (node, _) = listener.accept().await.unwrap();
        let Ok(server) = TcpStream::connect(network.server).await else { continue };
        let port = server.local_addr().unwrap().port();
        let line = Line { port, said: Mutex::default(), silenced: AtomicBool::new(false), pumps: Mutex::default() };
        let line = Arc::new(line);
        let ((from_node, to_node), (from_server, to_server)) = (node.into_split(), server.into_split());
        let out = pump(from_node, to_server, Arc::clone(&line), Arc::clone(&network), Direction::Out);
        let back = pump(from_server, to_node, Arc::clone(&line), Arc::clone(&network), Direction::Back);
        line.pumps.lock().extend([tokio::spawn(out), tokio::spawn(back)]);
        network.lines.lock().push(line);
    }
}

#[derive(PartialEq, Eq)]
enum Direction {
    Out,
    Back,
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: Arc<Line>, network: Arc<Network>, way: Direction) {
    let mut frozen = network.frozen.subscribe();
    let mut buffer = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if way == Direction::Out {
            line.said.lock().extend_from_slice(&buffer[..read]);
            line.mind(*network.taboo.lock());
        }
        if frozen.wait_for(|frozen| !frozen).await.is_err() || line.silenced.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

impl Line {
    fn mind(&self, taboo: Option<&str>) {
        let said = self.said.lock();
        if taboo.is_some_and(|taboo| said.windows(taboo.len()).any(|part| part == taboo.as_bytes())) {
            self.silenced.store(true, Ordering::SeqCst);
        }
    }
}

//! A server with routes made for testing, and a client that sends bytes exactly as they are written.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use purser_core::env::SeededEntropy;
use purser_server::http_settings::HttpSettings;
use purser_server::layers::Shell;
use purser_server::listener::Listener;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No test waits longer than this for something that must happen.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// How long a test waits to see that something does not happen.
pub(crate) const SHORT: Duration = Duration::from_millis(150);

/// A running server.
pub(crate) struct Probe {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Probe {
    /// Serves these routes with these settings.
    pub(crate) async fn serving(router: Router, settings: HttpSettings) -> Self {
        let shell = Shell::new(&settings, &SeededEntropy::new(7));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Arc::new(settings), shell).await.unwrap();
        let address = listener.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(listener.serve(router, async {
            let _ = stopped.await;
        }));
        Self { address, stop, served }
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Line<TcpStream> {
        Line::over(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes over a connection of their own and reads one answer.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let mut line = self.connect().await;
        line.write(bytes).await;
        line.reply().await
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&self, method: &str, target: &str, headers: &[&str]) -> Reply {
        self.send(request(method, target, headers, "")).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, target: &str, headers: &[&str], body: &str) -> Reply {
        let headers = [&["Content-Type: application/json"], headers].concat();
        self.send(request("POST", target, &headers, body)).await
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.served
    }
}

/// A request as text, with `Host` and, if there is a body, its length.
pub(crate) fn request(method: &str, target: &str, headers: &[&str], body: &str) -> String {
    let mut lines = vec![format!("{method} {target} HTTP/1.1")];
    if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        lines.push("Host: localhost".to_owned());
    }
    lines.extend(headers.iter().map(ToString::to_string));
    if !body.is_empty() {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// An open connection.
pub(crate) struct Line<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Writes all of it, or as much as the server takes before it hangs up.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = tokio::time::timeout(LONG, self.stream.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    /// Sends no more, but still reads.
    pub(crate) async fn hang_up_half(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads one answer with its body.
    pub(crate) async fn reply(&mut self) -> Reply {
        let head_end = self.read_until(|read| read.windows(4).position(|at| at == b"\r\n\r\n")).await;
        let head = String::from_utf8(self.read.drain(..head_end + 4).collect()).unwrap();
        let mut reply = Reply::of(&head);
        if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().unwrap();
            self.read_until(|read| (read.len() >= length).then_some(length)).await;
            reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        } else if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = String::from_utf8(self.chunks().await).unwrap();
        }
        reply
    }

    /// A body in pieces, each after its length (RFC 9112 section 7.1), up to the empty one.
    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line_end = self.read_until(|read| read.windows(2).position(|at| at == b"\r\n")).await;
            let line: Vec<u8> = self.read.drain(..line_end + 2).collect();
            let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            self.read_until(|read| (read.len() >= length + 2).then_some(length)).await;
            body.extend(self.read.drain(..length + 2).take(length));
            if length == 0 {
                return body;
            }
        }
    }

    async fn read_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> usize {
        loop {
            if let Some(at) = found(&self.read) {
                return at;
            }
            let got =
                tokio::time::timeout(LONG, self.stream.read_buf(&mut self.read)).await.expect("the server answers");
            assert_ne!(got.unwrap_or(0), 0, "hung up after {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Waits until the server hangs up; whatever else it sends is thrown away.
    pub(crate) async fn ends(&mut self) {
        let end = async { while self.stream.read_buf(&mut self.read).await.unwrap_or(0) > 0 {} };
        tokio::time::timeout(LONG, end).await.expect("the server hangs up");
    }

    /// Everything up to the end, as text.
    pub(crate) async fn rest(&mut self) -> String {
        self.ends().await;
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// How much comes up to the end.
    pub(crate) async fn rest_len(&mut self) -> usize {
        self.ends().await;
        self.read.len()
    }

    /// Whether the server has not hung up within this time.
    pub(crate) async fn is_open_for(&mut self, time: Duration) -> bool {
        !matches!(tokio::time::timeout(time, self.stream.read_buf(&mut self.read)).await, Ok(Ok(0) | Err(_)))
    }

    /// Whether nothing comes for a short while, not even an end.
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.read.is_empty() && tokio::time::timeout(SHORT, self.stream.read_buf(&mut self.read)).await.is_err()
    }
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    fn of(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: String::new() }
    }

    /// The value of a header that comes once at most.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next();
        assert_eq!(values.next(), None, "{name} comes once");
        first
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The code of a refusal, after checking that it is the envelope and nothing but it.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["error", "success"]);
        assert_eq!(json["success"], false);
        let error = json["error"].as_object().unwrap();
        assert!(error["message"].is_string());
        let code = error["code"].as_str().unwrap();
        for member in error.keys() {
            let fits = match member.as_str() {
                "details" => code == "VALIDATION_ERROR",
                "challenge" => code == "TWO_FACTOR_REQUIRED",
                member => matches!(member, "message" | "code"),
            };
            assert!(fits, "{member} in {}", self.body);
        }
        code.to_owned()
    }

    /// Status and code together.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

/// Status and body, for snapshots.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

//! Sending the audit log on: as syslog over TLS, TCP or UDP (RFC 5424), or to a file.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use purser_core::app::App;
use purser_core::audit::Record;
use purser_core::config::Audit;
use purser_core::error::{Error, Result};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How often new lines are looked for.
const BEAT: Duration = Duration::from_secs(2);
/// How long a place may take over one piece.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the log on to a place, until the task is dropped.
pub(crate) async fn carry_on(app: Arc<App>, place: Place, node: String) {
    let name = place.to_string();
    let mut line = Line { place, stream: None };
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        beat.tick().await;
        match line.bring_up_to_date(&app, &name, &node).await {
            Err(fault) if !failing => {
                failing = true;
                tracing::error!(
                    place = name,
                    cause = &fault as &dyn std::error::Error,
                    "the audit log cannot be sent on; trying again"
                );
            }
            Ok(count) if count > 0 && failing => {
                failing = false;
                tracing::info!(place = name, "the audit log is sent on again");
            }
            _ => {}
        }
    }
}

/// Where the log is sent on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tls(String, Option<PathBuf>),
    Tcp(String),
    Udp(String),
    File(PathBuf),
}

impl Place {
    /// The places that the settings name.
    pub(crate) fn of(settings: &Audit) -> Vec<Self> {
        let syslog = settings.syslog.as_deref().and_then(|text| Self::syslog(text, settings.ca_file.as_deref()).ok());
        syslog.into_iter().chain(settings.file.clone().map(Self::File)).collect()
    }

    /// Reads `tls://HOST:PORT`, `tcp://HOST:PORT` or `udp://HOST:PORT`.
    ///
    /// # Errors
    /// What would be right instead, or that the authorities cannot be read.
    pub(crate) fn syslog(text: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let refused = || format!("`{text}` is not tls://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT");
        let (scheme, address) = text.split_once("://").ok_or_else(refused)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
        let known = !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0);
        match scheme {
            "tls" if known => {
                server_name(address)?;
                authorities(ca_file)?;
                Ok(Self::Tls(address.to_owned(), ca_file.map(Path::to_owned)))
            }
            "tcp" if known => Ok(Self::Tcp(address.to_owned())),
            "udp" if known => Ok(Self::Udp(address.to_owned())),
            _ => Err(refused()),
        }
    }
}

/// By this name the store knows how far it has been told.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tls(address, _) => write!(f, "tls://{address}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A place, and the connection to it while there is one.
struct Line {
    place: Place,
    stream: Option<Box<dyn Stream>>,
}

/// A connection, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Line {
    /// Sends what there is, and says how much that was.
    async fn bring_up_to_date(&mut self, app: &App, name: &str, node: &str) -> Result<usize> {
        let mut count = 0;
        loop {
            let lines = app.lines_to_relay(name, node).await?;
            let Some(last) = lines.last() else { return Ok(count) };
            self.send(&lines).await.map_err(Error::internal)?;
            app.relayed(name, node, last.id).await?;
            count += lines.len();
        }
    }

    async fn send(&mut self, lines: &[Record]) -> io::Result<()> {
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let sending = async {
            match self.place.clone() {
                Place::Udp(address) => over_udp(&address, lines).await,
                Place::File(path) => to_file(path, lines).await,
                Place::Tls(..) | Place::Tcp(_) => self.over_a_stream(lines).await,
            }
        };
        let sent = timeout(PATIENCE, sending).await.unwrap_or_else(|_| Err(late()));
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// Each message behind its length (RFC 5425 section 4.3, RFC 6587 section 3.4.1).
    async fn over_a_stream(&mut self, lines: &[Record]) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            let message = message(line);
            // To write to a text cannot fail.
            let _written = write!(text, "{} {message}", message.len());
        }
        let mut stream = match self.stream.take().and_then(while_silent) {
            Some(stream) => stream,
            None => connect(&self.place).await?,
        };
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        self.stream = Some(stream);
        Ok(())
    }
}

/// A listener of syslog says nothing: what can be read is its farewell.
fn while_silent(mut stream: Box<dyn Stream>) -> Option<Box<dyn Stream>> {
    stream.read(&mut [0; 1]).now_or_never().is_none().then_some(stream)
}

async fn connect(place: &Place) -> io::Result<Box<dyn Stream>> {
    match place {
        Place::Tls(address, ca_file) => {
            let name = server_name(address).map_err(io::Error::other)?;
            let authorities = authorities(ca_file.as_deref()).map_err(io::Error::other)?;
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(TlsConnector::from(Arc::new(authorities)).connect(name, stream).await?))
        }
        Place::Tcp(address) => Ok(Box::new(TcpStream::connect(address).await?)),
        Place::Udp(_) | Place::File(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Whom the certificate of a collector at `HOST:PORT` has to name.
fn server_name(address: &str) -> Result<ServerName<'static>, String> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name of a host"))
}

fn authorities(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    purser_core::trust::client(ca_file, "audit.ca_file")
}

/// Each message in a datagram (RFC 5426 section 3.1).
async fn over_udp(address: &str, lines: &[Record]) -> io::Result<()> {
    let target = tokio::net::lookup_host(address).await?.next().ok_or(io::ErrorKind::NotFound)?;
    let own = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).await?;
    for line in lines {
        socket.send_to(message(line).as_bytes(), target).await?;
    }
    Ok(())
}

async fn to_file(path: PathBuf, lines: &[Record]) -> io::Result<()> {
    let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
    tokio::task::spawn_blocking(move || append(&path, &text)).await?
}

/// Opened anew each time, so that the file may be moved away and a new one begun.
fn append(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// A line as a message of syslog (RFC 5424 section 6): facility 13, log audit; severity 5 for what was done, 4 for what was refused.
fn message(line: &Record) -> String {
    let severity = if line.outcome == "refused" { 4 } else { 5 };
    format!("<{}>1 {} - purser - {} - {}", 13 * 8 + severity, line.at, line.action, line.to_json())
}

#[cfg(test)]
mod tests {
    use purser_core::env::Timestamp;

    use super::*;

    fn line(outcome: &str) -> Record {
        Record {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            at: Timestamp::from_seconds(1_800_000_000),
            tenant: Some("acme".parse().unwrap()),
            actor_kind: "user".into(),
            actor: "7".into(),
            address: "192.0.2.1".into(),
            request: "r-1".into(),
            action: "session.sign-in".into(),
            target: "user:7".into(),
            outcome: outcome.into(),
            reason: "wrong \"password\"\n".into(),
        }
    }

    #[test]
    fn a_line_is_one_message_of_syslog() {
        insta::assert_snapshot!(message(&line("refused")), @r#"<108>1 2027-01-15T08:00:00Z - purser - session.sign-in - {"id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2027-01-15T08:00:00Z","clientId":"acme","actorKind":"user","actor":"7","address":"192.0.2.1","requestId":"r-1","action":"session.sign-in","target":"user:7","outcome":"refused","reason":"wrong \"password\"\n"}"#);
        assert!(message(&line("done")).starts_with("<109>1 "));
    }

    #[test]
    fn only_places_that_can_be_reached_are_named() {
        for good in
            ["tls://log.example.com:6514", "tcp://log.example.com:601", "udp://127.0.0.1:514", "tcp://[::1]:601"]
        {
            assert_eq!(Place::syslog(good, None).unwrap().to_string(), good);
        }
        for bad in [
            "log.example.com:514",
            "tcp://log.example.com",
            "tls://log.example.com",
            "tls://log example:6514",
            "tcp://:514",
            "udp://a:0",
            "tcp://a/b:1",
        ] {
            assert!(Place::syslog(bad, None).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_over_tcp_arrives_behind_its_length_also_after_the_listener_was_gone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut to = Line { place: Place::Tcp(address), stream: None };
        for _ in 0..2 {
            let lines = [line("done"), line("refused")];
            let (sent, taken) = tokio::join!(to.send(&lines), listener.accept());
            sent.unwrap();
            let (first, second) = (message(&line("done")), message(&line("refused")));
            let expected = format!("{} {first}{} {second}", first.len(), second.len());
            let mut got = vec![0; expected.len()];
            let (mut stream, _) = taken.unwrap();
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut got).await.unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), expected);
            drop(stream);
            farewell(&mut to).await;
        }
    }

    /// Waits until it can be read that the other side has gone.
    async fn farewell(line: &mut Line) {
        assert_eq!(line.stream.as_mut().unwrap().read(&mut [0; 1]).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn what_is_sent_over_tls_arrives_at_whom_the_authority_names_only() {
        let folder = tempfile::TempDir::new().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, own.cert.pem()).unwrap();
        let key = rustls_pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let mut texts = Vec::new();
            while texts.len() < 2 {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut got = vec![0; message(&line("done")).len() + 4];
                if stream.read_exact(&mut got).await.is_ok() {
                    texts.push(String::from_utf8(got).unwrap());
                }
                let _gone = stream.shutdown().await;
            }
            texts
        });
        let line_to = |address: &str, ca: Option<&Path>| Line {
            place: Place::syslog(&format!("tls://{address}:{port}"), ca).unwrap(),
            stream: None,
        };
        for (address, ca) in [("127.0.0.1", Some(ca.as_path())), ("localhost", None)] {
            assert!(line_to(address, ca).send(&[line("done")]).await.is_err(), "{address}");
        }
        let mut to = line_to("localhost", Some(&ca));
        for _ in 0..2 {
            to.send(&[line("done")]).await.unwrap();
            farewell(&mut to).await;
        }
        let expected = message(&line("done"));
        assert_eq!(serving.await.unwrap(), vec![format!("{} {expected}", expected.len()); 2]);
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let empty = folder.path().join("ca.pem");
        std::fs::write(&empty, "").unwrap();
        for file in [empty, folder.path().join("none.pem")] {
            let refused = Place::syslog("tls://log.example.com:6514", Some(&file)).unwrap_err();
            assert!(refused.starts_with(&format!("audit.ca_file {}", file.display())), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_is_sent_over_udp_arrives_one_line_a_datagram() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut to = Line { place: Place::Udp(socket.local_addr().unwrap().to_string()), stream: None };
        to.send(&[line("done"), line("refused")]).await.unwrap();
        let mut buffer = [0; 2_048];
        for outcome in ["done", "refused"] {
            let length = socket.recv(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], *message(&line(outcome)).as_bytes());
        }
    }

    #[tokio::test]
    async fn what_is_sent_to_a_file_is_appended() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut to = Line { place: Place::File(path.clone()), stream: None };
        to.send(&[line("done")]).await.unwrap();
        to.send(&[line("refused")]).await.unwrap();
        let expected = format!("{}\n{}\n", line("done").to_json(), line("refused").to_json());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }

    #[tokio::test]
    async fn nobody_listening_is_a_failure() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut to = Line { place: Place::Tcp(gone.to_string()), stream: None };
        assert!(to.send(&[line("done")]).await.is_err());
    }
}

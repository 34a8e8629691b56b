//! How long connections live, and how they end.

use std::sync::Arc;
use std::time::Duration;

use purser_server::http_settings::{HttpSettings, TlsFiles};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::probe::{LONG, Line, request};
use super::routes::{BIG, gated, server, server_with, settings};

const SOON: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let server = server_with(HttpSettings { head_patience: SOON, ..settings() }).await;
    let mut line = server.connect().await;
    line.write("GET /api/hello HTTP/1.1\r\nX: ").await;
    let mut letters = 0;
    while line.is_open_for(Duration::from_millis(10)).await {
        line.write("x").await;
        letters += 1;
        assert!(letters < 1000, "never cut off");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let server = server_with(HttpSettings { write_patience: SOON, max_connections: 1, ..settings() }).await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/big", &[], "")).await;
    // There is one place: another client is served only after this one has lost it.
    assert_eq!(server.ask("GET", "/api/hello", &[]).await.status, 200);
    assert!(line.rest_len().await < BIG);
}

#[tokio::test]
async fn a_client_that_takes_all_of_a_large_answer_gets_it() {
    let server = server_with(HttpSettings { write_patience: SOON, ..settings() }).await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/big", &["Connection: close"], "")).await;
    assert!(line.rest_len().await > BIG);
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_a_head_may_take() {
    let server = server_with(HttpSettings { head_patience: SOON, ..settings() }).await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(line.reply().await.status, 200);
    assert!(line.is_silent().await);
    line.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(line.reply().await.status, 200);
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    let (server, gate) = gated(settings()).await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/wait", &[], "")).await;
    line.hang_up_half().await;
    gate.entered.notified().await;
    gate.leave.notify_one();
    assert_eq!(line.reply().await.status, 200);
    line.ends().await;
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_for_a_place() {
    let server = server_with(HttpSettings { max_connections: 1, ..settings() }).await;
    let mut first = server.connect().await;
    first.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(first.reply().await.status, 200);
    let mut second = server.connect().await;
    second.write(request("GET", "/api/hello", &[], "")).await;
    assert!(second.is_silent().await);
    drop(first);
    assert_eq!(second.reply().await.status, 200);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let (server, gate) = gated(settings()).await;
    let address = server.address;
    let mut idle = server.connect().await;
    idle.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(idle.reply().await.status, 200);
    let mut flying = server.connect().await;
    flying.write(request("GET", "/api/wait", &[], "")).await;
    gate.entered.notified().await;
    let served = server.stop();
    idle.ends().await;
    assert!(TcpStream::connect(address).await.is_err());
    gate.leave.notify_one();
    let reply = flying.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    flying.ends().await;
    tokio::time::timeout(LONG, served).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn stopping_waits_no_longer_than_the_grace_period() {
    let (server, gate) = gated(HttpSettings { grace: SOON, ..settings() }).await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/wait", &[], "")).await;
    gate.entered.notified().await;
    tokio::time::timeout(LONG, server.stop()).await.expect("the server ends").unwrap();
    line.ends().await;
}

#[tokio::test]
async fn many_idle_strangers_do_not_keep_a_client_waiting() {
    let server = server().await;
    let mut strangers = Vec::new();
    for _ in 0..200 {
        let mut line = server.connect().await;
        line.write("GET / HTTP/1.1\r\n").await;
        strangers.push(line);
    }
    assert_eq!(server.ask("GET", "/api/hello", &[]).await.status, 200);
}

/// A server that speaks TLS, and what a client needs to trust it.
async fn secure(settings: HttpSettings) -> (super::probe::Probe, TlsConnector) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { certificate: folder.path().join("certificate.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, issued.cert.pem()).unwrap();
    std::fs::write(&files.key, issued.signing_key.serialize_pem()).unwrap();
    let server = server_with(HttpSettings { tls: Some(files), ..settings }).await;
    let mut roots = RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (server, TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn over_tls_http_1_1_is_spoken_and_browsers_are_told_to_stay() {
    let (server, client) = secure(settings()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let stream = client.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut line = Line::over(stream);
    line.write(request("GET", "/api/hello", &[], "")).await;
    let reply = line.reply().await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("strict-transport-security").is_some());
    line.write("nonsense\r\n\r\n").await;
    assert_eq!(line.reply().await.refusal(), (400, "VALIDATION_ERROR".to_owned()));
    line.ends().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_happen_is_not_waited_for() {
    let (server, _) = secure(HttpSettings { handshake_patience: SOON, ..settings() }).await;
    server.connect().await.ends().await;
    let mut plain = server.connect().await;
    plain.write(request("GET", "/api/hello", &[], "")).await;
    plain.ends().await;
}

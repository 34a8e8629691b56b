//! The one way out: what it refuses to call, and where it stops listening.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use purser_federation::fetch::{Bounds, Call, Fetched, Line, Outbound};
use purser_federation::{Refusal, Result, Secret};
use purser_standin::oidc::{Answer, KEYS, Provider, TOKEN, USERINFO};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use url::Url;

const MIB: usize = 1024 * 1024;

/// Times long enough for a machine that has much else to do: where they matter, the clock is moved.
pub(crate) fn loopback() -> Bounds {
    let (connect, whole) = (Duration::from_mins(1), Duration::from_mins(10));
    Bounds { connect, whole, loopback: true, ..Bounds::default() }
}

#[test]
fn the_usual_bounds_are_the_promised_ones() {
    let usual = Bounds::default();
    let times = (usual.connect, usual.whole);
    assert_eq!(times, (Duration::from_secs(2), Duration::from_secs(10)));
    assert_eq!((usual.bytes, usual.at_once, usual.loopback), (MIB, 50, false));
    assert!(usual.internal_hosts.is_empty());
}

fn line(bounds: Bounds) -> Line {
    Outbound::new(bounds).unwrap().line("provider", ["127.0.0.1".to_owned()])
}

async fn call_with(bounds: Bounds, url: &str) -> Result<Fetched> {
    let url: Url = url.parse().unwrap();
    let hosts = [url.host_str().unwrap().to_owned()];
    Outbound::new(bounds).unwrap().line("provider", hosts).call(&url, Call::default()).await
}

fn unavailable(result: Result<Fetched>) -> String {
    match result {
        Err(Refusal::Unavailable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn misconfigured(result: Result<Fetched>) -> String {
    match result {
        Err(Refusal::Misconfigured(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_whole_with_what_is_said_about_it() {
    let provider = Provider::start().await;
    let answer = Answer::json(418, &serde_json::json!({})).with("cache-control", "max-age=7").with("retry-after", "3");
    provider.answer(KEYS, answer.with("date", "Sat, 21 Nov 2026 19:17:00 GMT"));
    let fetched = line(loopback()).call(&provider.url(KEYS), Call::default()).await.unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice()), (418, b"{}".as_slice()));
    assert_eq!(fetched.content_type.as_deref(), Some("application/json"));
    assert_eq!(fetched.max_age, Some(Duration::from_secs(7)));
    assert_eq!(fetched.retry_after, Some(Duration::from_secs(3)));
    assert_eq!(fetched.date, Some(1_795_288_620));
}

#[tokio::test]
async fn credentials_and_forms_are_sent_as_given() {
    let provider = Provider::start().await;
    let (line, secret) = (line(loopback()), Secret::new("s3cret"));
    let form = [("a", "1&2"), ("b", "ä b")];
    let posted = Call { basic: Some(("me", &secret)), form: Some(&form), ..Call::default() };
    line.call(&provider.url(TOKEN), posted).await.unwrap();
    line.call(&provider.url(USERINFO), Call { bearer: Some(&secret), ..Call::default() }).await.unwrap();
    let posted = provider.calls(TOKEN).remove(0);
    assert_eq!(posted.authorization.as_deref(), Some("Basic bWU6czNjcmV0"));
    assert_eq!(posted.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert_eq!((posted.fields["a"].as_str(), posted.fields["b"].as_str()), ("1&2", "ä b"));
    assert_eq!(provider.calls(USERINFO)[0].authorization.as_deref(), Some("Bearer s3cret"));
}

#[tokio::test]
async fn only_the_lines_own_hosts_are_called() {
    let provider = Provider::start().await;
    let elsewhere = Outbound::new(loopback()).unwrap().line("provider", ["login.example.com".to_owned()]);
    let reason = misconfigured(elsewhere.call(&provider.url(KEYS), Call::default()).await);
    assert!(reason.contains("127.0.0.1 is not among"), "{reason}");
    assert!(provider.calls(KEYS).is_empty());
}

#[tokio::test]
async fn an_address_with_a_user_name_is_not_called() {
    let provider = Provider::start().await;
    for user in ["user@", "user:password@", ":password@"] {
        let url = provider.url(KEYS).as_str().replace("http://", &format!("http://{user}"));
        misconfigured(call_with(loopback(), &url).await);
    }
    assert!(provider.calls(KEYS).is_empty());
}

#[tokio::test]
async fn plain_http_is_for_this_machine_alone_and_only_where_allowed() {
    let provider = Provider::start().await;
    let reason = misconfigured(call_with(Bounds::default(), provider.url(KEYS).as_str()).await);
    assert!(reason.contains("not https"), "{reason}");
    for url in ["http://login.example.com/", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/"] {
        let reason = misconfigured(call_with(loopback(), url).await);
        assert!(reason.contains("not https"), "{url}: {reason}");
    }
    assert!(provider.calls(KEYS).is_empty());
}

#[tokio::test]
async fn addresses_in_private_networks_are_not_called_however_they_are_written() {
    for host in [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "192.168.1.1",
        "100.64.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
    ] {
        let reason = misconfigured(call_with(Bounds::default(), &format!("https://{host}/")).await);
        assert!(reason.contains("private network"), "{host}: {reason}");
    }
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_called() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let reason = misconfigured(call_with(Bounds::default(), &url).await);
    assert!(reason.contains("internal_hosts"), "{reason}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let provider = Provider::start().await;
    provider.answer(KEYS, Answer::redirect(provider.url(USERINFO).as_str()));
    let fetched = line(loopback()).call(&provider.url(KEYS), Call::default()).await.unwrap();
    assert_eq!(fetched.status, 302);
    assert!(provider.calls(USERINFO).is_empty());
}

#[tokio::test]
async fn an_answer_is_cut_at_its_bound() {
    let provider = Provider::start().await;
    let line = line(loopback());
    provider.answer(KEYS, Answer::Spaces(MIB));
    assert_eq!(line.call(&provider.url(KEYS), Call::default()).await.unwrap().body.len(), MIB);
    for too_long in [Answer::Spaces(MIB + 1), Answer::Spaces(50_000_000), Answer::Endless] {
        provider.answer(KEYS, too_long);
        let reason = unavailable(line.call(&provider.url(KEYS), Call::default()).await);
        assert!(reason.contains("longer than"), "{reason}");
    }
}

#[tokio::test]
async fn a_packed_answer_is_neither_asked_for_nor_unpacked() {
    let provider = Provider::start().await;
    provider.answer(KEYS, Answer::Bomb);
    let reason = unavailable(line(loopback()).call(&provider.url(KEYS), Call::default()).await);
    assert!(reason.contains("packed"), "{reason}");
    assert_eq!(provider.calls(KEYS)[0].accept_encoding, None);
}

/// The call runs until the provider has it; then time is let run, as fast as nothing else happens.
async fn ends_in_time(answer: Answer) {
    let provider = Provider::start().await;
    provider.answer(KEYS, answer);
    let (line, url) = (line(loopback()), provider.url(KEYS));
    let call = tokio::spawn(async move { line.call(&url, Call::default()).await });
    provider.called(KEYS, 1).await;
    tokio::time::pause();
    let reason = unavailable(call.await.unwrap());
    assert!(reason.contains("in time"), "{reason}");
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    ends_in_time(Answer::Silence).await;
}

#[tokio::test]
async fn a_provider_that_answers_a_byte_a_second_is_given_up() {
    ends_in_time(Answer::Trickle).await;
}

#[tokio::test]
async fn a_handshake_that_goes_nowhere_is_given_up_sooner_than_a_call() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let bounds = Bounds { whole: Duration::from_hours(1), ..loopback() };
    let call = tokio::spawn(async move { call_with(bounds, &url).await });
    let _mute = listener.accept().await.unwrap();
    tokio::time::pause();
    let reason = unavailable(call.await.unwrap());
    assert!(reason.contains("could not be reached in time"), "{reason}");
}

#[tokio::test]
async fn calls_beyond_a_providers_share_are_refused_at_once_and_other_providers_are_not_touched() {
    let provider = Provider::start().await;
    provider.answer(KEYS, Answer::Silence);
    let outbound = Outbound::new(Bounds { at_once: 2, ..loopback() }).unwrap();
    let to = |key: &str| outbound.line(key, ["127.0.0.1".to_owned()]);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (line, url) = (to("slow"), provider.url(KEYS));
            tokio::spawn(async move { line.call(&url, Call::default()).await })
        })
        .collect();
    provider.called(KEYS, 2).await;
    let reason = unavailable(to("slow").call(&provider.url(USERINFO), Call::default()).await);
    assert!(reason.contains("too many"), "{reason}");
    assert!(to("other").call(&provider.url(USERINFO), Call::default()).await.is_ok());
    for call in waiting {
        call.abort();
        let _ = call.await;
    }
    assert!(
        to("slow").call(&provider.url(USERINFO), Call::default()).await.is_ok(),
        "a call that ended gives its place back"
    );
}

async fn pass_time(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_provider_that_fails_five_times_is_left_alone_and_tried_again_after_ten_seconds() {
    let provider = Provider::start().await;
    let (line, url) = (line(loopback()), provider.url(KEYS));
    provider.answer(KEYS, Answer::status(500));
    for _ in 0..5 {
        assert_eq!(line.call(&url, Call::default()).await.unwrap().status, 500);
    }
    let reason = unavailable(line.call(&url, Call::default()).await);
    assert!(reason.contains("left alone"), "{reason}");
    assert_eq!(provider.calls(KEYS).len(), 5, "the sixth call was not made");
    provider.answer(KEYS, Answer::status(200));
    pass_time(Duration::from_secs(10)).await;
    assert_eq!(line.call(&url, Call::default()).await.unwrap().status, 200);
    assert_eq!(line.call(&url, Call::default()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_provider_whose_answers_cannot_be_taken_five_times_is_left_alone() {
    let provider = Provider::start().await;
    let (line, url) = (line(loopback()), provider.url(KEYS));
    provider.answer(KEYS, Answer::Bomb);
    for _ in 0..5 {
        assert!(unavailable(line.call(&url, Call::default()).await).contains("packed"));
    }
    assert!(unavailable(line.call(&url, Call::default()).await).contains("left alone"));
}

#[tokio::test]
async fn refusals_by_a_provider_that_is_well_do_not_open_the_breaker() {
    let provider = Provider::start().await;
    let (line, url) = (line(loopback()), provider.url(KEYS));
    for status in [400, 401, 403, 404, 302, 400, 401] {
        provider.answer(KEYS, Answer::status(status));
        assert_eq!(line.call(&url, Call::default()).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_a_pause_gets_it() {
    for status in [429, 503] {
        let provider = Provider::start().await;
        let (line, url) = (line(loopback()), provider.url(KEYS));
        provider.answer(KEYS, Answer::pause(status, 41));
        assert_eq!(line.call(&url, Call::default()).await.unwrap().status, status);
        let Err(Refusal::Unavailable { retry_after: Some(wait), .. }) = line.call(&url, Call::default()).await else {
            panic!("the pause was not kept");
        };
        assert!(wait <= Duration::from_secs(41) && wait > Duration::from_secs(10), "{wait:?}");
        provider.answer(KEYS, Answer::status(200));
        pass_time(Duration::from_secs(41)).await;
        assert_eq!(line.call(&url, Call::default()).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn callers_who_go_away_say_nothing_about_the_provider() {
    let provider = Provider::start().await;
    provider.answer(KEYS, Answer::Silence);
    let line = line(loopback());
    for times in 1..=6 {
        let (line, url) = (line.clone(), provider.url(KEYS));
        let mut call = tokio::spawn(async move { line.call(&url, Call::default()).await });
        tokio::select! {
            () = provider.called(KEYS, times) => {}
            early = &mut call => panic!("{early:?}"),
        }
        call.abort();
        let _ = call.await;
    }
    assert!(line.call(&provider.url(USERINFO), Call::default()).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let reason = unavailable(call_with(loopback(), &url).await);
    assert_eq!(reason, "127.0.0.1 could not be reached: nothing listens there");
    let reason = unavailable(call_with(loopback(), "https://nobody.invalid/").await);
    assert_eq!(reason, "nobody.invalid could not be reached: no such host is known");
}

/// A TLS server for one name, whose certificate is its own authority. Answers every connection with an empty 200.
struct Tls {
    port: u16,
    ca_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Tls {
    async fn start(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(socket).await {
                    let _ =
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { port, ca_file, _folder: folder }
    }

    async fn call(&self, bounds: Bounds) -> Result<Fetched> {
        call_with(bounds, &format!("https://localhost:{}/", self.port)).await
    }
}

fn vouched(ca_file: &Path) -> Bounds {
    Bounds { ca_file: Some(ca_file.to_owned()), ..loopback() }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_of_ones_own_accepted() {
    let server = Tls::start("localhost").await;
    let reason = unavailable(server.call(loopback()).await);
    assert!(reason.contains("known authority"), "{reason}");
    assert_eq!(server.call(vouched(&server.ca_file)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Tls::start("other.example.com").await;
    let reason = unavailable(server.call(vouched(&server.ca_file)).await);
    assert!(reason.contains("TLS with localhost failed"), "{reason}");
}

#[tokio::test]
async fn authorities_that_cannot_be_read_keep_the_way_out_shut() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for content in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        assert!(matches!(Outbound::new(vouched(&file)), Err(Refusal::Misconfigured(_))), "{content}");
    }
    assert!(Outbound::new(vouched(Path::new("/nowhere/ca.pem"))).is_err());
}

//! Against a small mail server of our own, over plain lines, STARTTLS and TLS.

use std::sync::{Arc, Mutex};

use lettre::message::Mailbox;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// What the server hears, line by line.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.trim_end().to_owned());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Answers to RCPT with this.
    Recipient(&'static str),
    /// Answers to the whole letter with this.
    Letter(&'static str),
    /// Hangs up when the letter has come.
    Silent,
    /// Hangs up at DATA.
    Gone,
}

/// A certificate for `localhost`, as PEM for whom it may concern and as a server's own.
fn identity() -> (String, TlsAcceptor) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (own.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// Serves one connection; gives the port and what is heard.
async fn serve(manner: Manner, cover: Cover, tls: TlsAcceptor) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let told = heard.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match cover {
            Cover::Tls => {
                let Ok(stream) = tls.accept(stream).await else { return };
                converse(BufReader::new(stream), manner, false, true, &told).await;
            }
            Cover::Loopback => drop(converse(BufReader::new(stream), manner, false, true, &told).await),
            Cover::StartTls => {
                let Some(stream) = converse(BufReader::new(stream), manner, true, true, &told).await else { return };
                let Ok(stream) = tls.accept(stream.into_inner()).await else { return };
                told.note("(tls)");
                converse(BufReader::new(stream), manner, false, false, &told).await;
            }
        }
    });
    (port, heard)
}

/// Talks until the other side leaves, or wants TLS.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut line: BufReader<S>,
    manner: Manner,
    offers_tls: bool,
    greets: bool,
    heard: &Heard,
) -> Option<BufReader<S>> {
    if greets {
        line.write_all(b"220 mail.test\r\n").await.ok()?;
    }
    loop {
        let mut said = String::new();
        if line.read_line(&mut said).await.ok()? == 0 {
            return None;
        }
        heard.note(&said);
        let word = said.split([' ', ':', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (word.as_str(), manner) {
            ("EHLO", _) if offers_tls => "250-mail.test\r\n250 STARTTLS\r\n",
            ("EHLO", _) => "250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n",
            ("STARTTLS", _) => {
                line.write_all(b"220 go\r\n").await.ok()?;
                line.flush().await.ok()?;
                return Some(line);
            }
            ("RCPT", Manner::Recipient(answer)) => answer,
            ("DATA", Manner::Gone) => return None,
            ("DATA", _) => "354 go\r\n",
            ("QUIT", _) => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        let answer = if word == "AUTH" { "235 welcome\r\n" } else { answer };
        line.write_all(answer.as_bytes()).await.ok()?;
        line.flush().await.ok()?;
        if word == "DATA" {
            loop {
                let mut text = String::new();
                if line.read_line(&mut text).await.ok()? == 0 {
                    return None;
                }
                heard.note(&text);
                if text == ".\r\n" {
                    break;
                }
            }
            let answer = match manner {
                Manner::Silent => return None,
                Manner::Letter(answer) => answer,
                _ => "250 taken\r\n",
            };
            line.write_all(answer.as_bytes()).await.ok()?;
            line.flush().await.ok()?;
        }
    }
}

fn letter() -> Message {
    let mailbox = |text: &str| text.parse::<Mailbox>().unwrap();
    Message::builder()
        .from(mailbox("Purser <purser@id.test>"))
        .to(mailbox("ann@acme.test"))
        .subject("Hello")
        .body("A line.\n.\nAnother.\n".to_owned())
        .unwrap()
}

fn client(port: u16, cover: Cover, trusted: Option<&str>) -> Smtp {
    let mut tls = TlsParameters::builder("localhost".to_owned());
    if let Some(pem) = trusted {
        tls = tls.add_root_certificate(Certificate::from_pem(pem.as_bytes()).unwrap());
    }
    Smtp {
        server: Server { host: "localhost".into(), port, cover },
        tls: tls.build_rustls().unwrap(),
        credentials: Some(Credentials::new("purser".into(), "mail-password-1".into())),
        hello: ClientId::Domain("id.test".into()),
    }
}

/// Hands one letter over, and says what became of it and what the server heard.
async fn handed(manner: Manner, cover: Cover) -> (Result<(), Undelivered>, Vec<String>) {
    let (pem, tls) = identity();
    let (port, heard) = serve(manner, cover, tls).await;
    let outcome = client(port, cover, Some(&pem)).hand_over(&letter()).await;
    (outcome, heard.lines())
}

#[tokio::test]
async fn a_letter_goes_over_a_plain_line_on_this_machine_and_over_tls() {
    for cover in [Cover::Loopback, Cover::Tls, Cover::StartTls] {
        let (outcome, heard) = handed(Manner::Good, cover).await;
        assert_eq!(outcome, Ok(()), "{cover:?} {heard:?}");
        for line in
            ["EHLO id.test", "MAIL FROM:<purser@id.test>", "RCPT TO:<ann@acme.test>", "Subject: Hello", "..", "."]
        {
            assert!(heard.iter().any(|it| it == line), "{cover:?}: {line} {heard:?}");
        }
        if cover == Cover::StartTls {
            let covered = heard.iter().position(|line| line == "(tls)").unwrap();
            let first = |word: &str| heard.iter().position(|line| line.starts_with(word)).unwrap();
            assert!(first("AUTH") > covered && first("MAIL") > covered, "{heard:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_the_offer_of_tls_is_told_nothing() {
    let (pem, tls) = identity();
    let (port, heard) = serve(Manner::Good, Cover::Loopback, tls).await;
    let outcome = client(port, Cover::StartTls, Some(&pem)).hand_over(&letter()).await;
    assert!(matches!(outcome, Err(Undelivered::Later(_))), "{outcome:?}");
    assert!(
        heard.lines().iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")),
        "{:?}",
        heard.lines()
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    for cover in [Cover::Tls, Cover::StartTls] {
        let (_, tls) = identity();
        let (port, heard) = serve(Manner::Good, cover, tls).await;
        let outcome = client(port, cover, None).hand_over(&letter()).await;
        assert!(matches!(outcome, Err(Undelivered::Later(_))), "{outcome:?}");
        assert!(
            !heard.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")),
            "{:?}",
            heard.lines()
        );
    }
}

#[tokio::test]
async fn what_is_refused_before_the_letter_may_be_tried_again_unless_the_mailbox_is_at_fault() {
    for (manner, again) in [
        (Manner::Recipient("451 later\r\n"), true),
        (Manner::Recipient("554 no\r\n"), true),
        (Manner::Recipient("550 no such mailbox\r\n"), false),
        (Manner::Letter("452 full\r\n"), true),
        (Manner::Letter("550 unwanted\r\n"), false),
        (Manner::Gone, true),
    ] {
        let (outcome, _) = handed(manner, Cover::Loopback).await;
        match outcome {
            Err(Undelivered::Later(_)) if again => {}
            Err(Undelivered::Never(why)) if !again => assert!(why.contains("550") || why.contains("no"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let nobody = client(9, Cover::Loopback, None).hand_over(&letter()).await;
    assert!(matches!(nobody, Err(Undelivered::Later(_))), "{nobody:?}");
}

#[tokio::test]
async fn without_a_word_after_the_letter_nobody_knows() {
    let (outcome, heard) = handed(Manner::Silent, Cover::Loopback).await;
    assert!(matches!(outcome, Err(Undelivered::Uncertain(_))), "{outcome:?}");
    assert!(heard.iter().any(|line| line == "."));
}

#[test]
fn a_mail_server_is_named_by_scheme_host_and_port() {
    for (text, host, port, cover) in [
        ("smtp://mail.example.com", "mail.example.com", 587, Cover::StartTls),
        ("smtp://mail.example.com:25/", "mail.example.com", 25, Cover::StartTls),
        ("smtps://mail.example.com", "mail.example.com", 465, Cover::Tls),
        ("smtp://localhost:1025", "localhost", 1025, Cover::Loopback),
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, Cover::Loopback),
        ("smtp://[::1]:1025", "::1", 1025, Cover::Loopback),
        ("smtp://127.0.0.1.example.com", "127.0.0.1.example.com", 587, Cover::StartTls),
    ] {
        assert_eq!(server_of(text), Ok(Server { host: host.into(), port, cover }), "{text}");
    }
    for text in [
        "",
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://a/b",
        "smtp://a?tls=none",
        "smtp://u:p@a",
    ] {
        assert!(server_of(text).is_err(), "{text}");
    }
}

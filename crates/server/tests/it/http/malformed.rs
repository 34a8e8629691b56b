//! Requests that are not quite HTTP.

use super::probe::request;
use super::routes::server;

const REFUSED: (u16, &str) = (400, "VALIDATION_ERROR");

async fn is_refused_and_cut_off(bytes: &str) {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(bytes).await;
    let reply = line.reply().await;
    assert_eq!((reply.status, reply.code().as_str()), REFUSED, "{bytes:?}");
    assert_eq!(reply.header("connection"), Some("close"), "{bytes:?}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{bytes:?}");
    assert!(reply.header("x-request-id").is_some(), "{bytes:?}");
    line.ends().await;
}

#[tokio::test]
async fn a_body_framed_in_two_ways_is_refused() {
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
    ] {
        let head = format!("POST /api/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{framing}");
        is_refused_and_cut_off(&format!("{head}\r\n\r\n0\r\n\r\nGET /api/admin/secrets HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
    }
}

#[tokio::test]
async fn nothing_smuggled_behind_a_refused_request_is_answered() {
    let server = server().await;
    let mut line = server.connect().await;
    let head = request("POST", "/api/sign-in", &["Content-Length: 4", "Transfer-Encoding: chunked"], "");
    line.write(format!("{head}0\r\n\r\n{}", request("GET", "/api/admin/secrets", &[], ""))).await;
    let all = line.rest().await;
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    assert!(!all.contains("the secret"));
}

#[tokio::test]
async fn a_second_request_framed_in_two_ways_is_found_too() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(line.reply().await.status, 200);
    line.write(request("POST", "/api/sign-in", &["Content-Length: 4", "Transfer-Encoding: chunked"], "")).await;
    assert_eq!(line.reply().await.status, 400);
    line.ends().await;
}

#[tokio::test]
async fn chunks_of_a_senseless_size_are_refused() {
    for chunk in
        ["x\r\n", "-1\r\n", "0x5\r\nhello\r\n", "ffffffffffffffffff\r\n", "5 5\r\n", "5\r\nhelloX\r\n0\r\n\r\n"]
    {
        let head = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
        is_refused_and_cut_off(&format!("POST /api/sign-in HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{chunk}")).await;
    }
}

#[tokio::test]
async fn only_the_origin_form_of_a_target_is_served() {
    for line in [
        "GET http://localhost/api/hello HTTP/1.1",
        "GET http://evil.test/api/hello HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET * HTTP/1.1",
        "CONNECT localhost:443 HTTP/1.1",
        "GET api/hello HTTP/1.1",
        "GET ?x HTTP/1.1",
        "GET localhost HTTP/1.1",
    ] {
        is_refused_and_cut_off(&format!("{line}\r\nHost: localhost\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn a_request_has_exactly_one_sensible_host() {
    for host in
        ["", "Host:\r\n", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host: u@a\r\n", "Host: a b\r\n", "Host: ä\r\n"]
    {
        is_refused_and_cut_off(&format!("GET /api/hello HTTP/1.1\r\n{host}\r\n")).await;
    }
    is_refused_and_cut_off("GET /api/hello HTTP/1.0\r\n\r\n").await;
}

#[tokio::test]
async fn http_1_0_with_a_host_is_served() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write("GET /api/hello HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert!(line.rest().await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn what_is_not_http_1_is_refused() {
    for bytes in [
        "GET /api/hello\r\n\r\n",
        "GET /api/hello HTTP/0.9\r\n\r\n",
        "GET /api/hello HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET  /api/hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/hello HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET /api/hello HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET /api/\u{1}hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}hello\r\n\r\n",
    ] {
        is_refused_and_cut_off(bytes).await;
    }
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    line.ends().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_in_the_envelope() {
    let server = server().await;
    let large = format!("X: {}", "a".repeat(20_000));
    let many = "X: a\r\n".repeat(101);
    for head in [large.as_str(), many.trim_end()] {
        let reply = server.ask("GET", "/api/hello", &[head]).await;
        assert_eq!(reply.refusal(), (431, "PAYLOAD_TOO_LARGE".to_owned()));
    }
    let reply = server.ask("GET", &format!("/{}", "a".repeat(20_000)), &[]).await;
    assert_eq!(reply.refusal(), (431, "PAYLOAD_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_their_order() {
    let server = server().await;
    let mut line = server.connect().await;
    let body = r#"{"email":"a","password":"b"}"#;
    let post = request("POST", "/api/sign-in", &["Content-Type: application/json"], body);
    line.write([request("GET", "/api/hello", &[], ""), post, request("GET", "/nowhere", &[], "")].concat()).await;
    assert_eq!(line.reply().await.status, 200);
    assert_eq!(line.reply().await.json()["data"]["email"], "a");
    assert_eq!(line.reply().await.status, 404);
}

#[tokio::test]
async fn a_body_nobody_reads_does_not_spoil_the_next_request() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("POST", "/nowhere", &["Content-Type: application/json"], r#"{"a":1}"#)).await;
    assert_eq!(line.reply().await.status, 404);
    line.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(line.reply().await.status, 200);
}

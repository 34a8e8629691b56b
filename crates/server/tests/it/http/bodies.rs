//! What may stand in a body.

use insta::assert_snapshot;
use purser_server::http_settings::HttpSettings;
use std::time::Duration;

use super::probe::{Probe, request};
use super::routes::{server, server_with, settings};

const GOOD: &str = r#"{"email":"a@b","password":"right"}"#;

async fn typed(server: &Probe, headers: &[&str]) -> u16 {
    server.send(request("POST", "/api/sign-in", headers, GOOD)).await.status
}

#[tokio::test]
async fn a_good_body_is_read() {
    let server = server().await;
    assert_snapshot!(server.post("/api/sign-in", &[], GOOD).await, @r#"200 {"success":true,"data":{"email":"a@b","letters":5}}"#);
    let more = r#"{"email":"a@b","password":"right","role":"Admin","clientId":"other"}"#;
    assert_eq!(server.post("/api/sign-in", &[], more).await.status, 200);
}

#[tokio::test]
async fn a_body_that_lacks_a_field_is_told_which() {
    let server = server().await;
    let refused = server.post("/api/sign-in", &[], r#"{"email":"a"}"#).await;
    assert_snapshot!(refused, @r#"400 {"success":false,"error":{"message":"The request is not valid","code":"VALIDATION_ERROR","details":{"password":"is required"}}}"#);
    let refused = server.post("/api/sign-in", &[], r#"{"email":"a","password":4711}"#).await;
    assert_snapshot!(refused, @r#"400 {"success":false,"error":{"message":"The request is not valid","code":"VALIDATION_ERROR","details":{"password":"has the wrong type"}}}"#);
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let server = server().await;
    for body in [
        "{",
        "nonsense",
        "\"text\"",
        "null",
        r#"["a@b","right"]"#,
        r#"{"email":"a","password":"b",}"#,
        r#"{"email":"a","password":NaN}"#,
        r#"{"email":"a","password":"b"}{}"#,
        r#"{"email":"a","email":"b","password":"c"}"#,
        r#"{"email":"a","password":"b","x":{"y":1,"y":1}}"#,
        r#"{"email":"a","password":"\ud800"}"#,
        r#"{"email":"a","password":"b","x":"\udfff"}"#,
        "\u{feff}{\"email\":\"a\",\"password\":\"b\"}",
    ] {
        let reply = server.post("/api/sign-in", &[], body).await;
        assert_eq!(reply.refusal(), (400, "VALIDATION_ERROR".to_owned()), "{body}");
    }
    for body in [&b"{\"email\":\"a\",\"password\":\"\xff\"}"[..], b"\xff\xfe{\0}\0"] {
        let head = format!(
            "POST /api/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let reply = server.send([head.as_bytes(), body].concat()).await;
        assert_eq!(reply.refusal(), (400, "VALIDATION_ERROR".to_owned()));
    }
    assert_eq!(server.post("/api/sign-in", &[], "").await.status, 400);
}

#[tokio::test]
async fn only_uncompressed_json_is_read() {
    let server = server().await;
    assert_eq!(typed(&server, &["Content-Type: application/json; charset=utf-8"]).await, 200);
    assert_eq!(typed(&server, &["Content-Type: application/json", "Content-Encoding: identity"]).await, 200);
    for headers in [
        &[][..],
        &["Content-Type: text/plain"],
        &["Content-Type: application/x-www-form-urlencoded"],
        &["Content-Type: application/json; charset=iso-8859-1"],
        &["Content-Type: application/json", "Content-Encoding: gzip"],
        &["Content-Type: application/json", "Content-Encoding: br"],
    ] {
        let reply = server.send(request("POST", "/api/sign-in", headers, GOOD)).await;
        assert_eq!(reply.refusal(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn a_form_is_read_where_a_form_is_wanted() {
    let server = server().await;
    let form = "Content-Type: application/x-www-form-urlencoded";
    let reply = server.send(request("POST", "/api/form", &[form], "samlResponse=a%2Bb&x=1")).await;
    assert_snapshot!(reply, @r#"200 {"success":true,"data":"a+b"}"#);
    let reply = server.send(request("POST", "/api/form", &[form], "samlResponse=a&samlResponse=b")).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_ERROR".to_owned()));
    assert_eq!(server.post("/api/form", &[], "{}").await.status, 415);
}

fn of_length(length: usize) -> String {
    let empty = r#"{"samlResponse":""}"#.len();
    format!(r#"{{"samlResponse":"{}"}}"#, "x".repeat(length - empty))
}

#[tokio::test]
async fn a_body_may_be_as_long_as_its_endpoint_reads_and_no_longer() {
    let server = server().await;
    let chunked = |body: &str| {
        let head = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
        format!("POST /api/saml HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let most = of_length(512 * 1024);
    assert_eq!(server.post("/api/saml", &[], &most).await.status, 200);
    assert_eq!(server.send(chunked(&most)).await.status, 200);
    let more = of_length(512 * 1024 + 1);
    for reply in [server.post("/api/saml", &[], &more).await, server.send(chunked(&more)).await] {
        assert_eq!(reply.refusal(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
        assert_eq!(reply.header("connection"), Some("close"));
    }
    let reply = server.post("/api/sign-in", &[], &of_length(64 * 1024 + 1)).await;
    assert_eq!(reply.refusal(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn a_client_that_sends_far_too_much_still_reads_its_refusal() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("POST", "/api/sign-in", &["Content-Type: application/json"], &"x".repeat(10 << 20))).await;
    assert_eq!(line.reply().await.refusal(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    line.ends().await;
}

#[tokio::test]
async fn an_announced_excess_is_refused_before_it_is_sent() {
    let server = server().await;
    let mut line = server.connect().await;
    let headers = ["Content-Type: application/json", "Content-Length: 10000000000", "Expect: 100-continue"];
    line.write(request("POST", "/api/sign-in", &headers, "")).await;
    assert_eq!(line.reply().await.refusal(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    line.ends().await;
}

#[tokio::test]
async fn chunks_without_end_are_cut_off() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("POST", "/api/sign-in", &["Content-Type: application/json", "Transfer-Encoding: chunked"], ""))
        .await;
    for _ in 0..100 {
        line.write(format!("1000\r\n{}\r\n", "x".repeat(0x1000))).await;
    }
    assert_eq!(line.reply().await.refusal(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    line.ends().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let server = server_with(HttpSettings { body_patience: Duration::from_millis(100), ..settings() }).await;
    let mut line = server.connect().await;
    line.write(request("POST", "/api/sign-in", &["Content-Type: application/json", "Content-Length: 40"], "")).await;
    line.write("{").await;
    let reply = line.reply().await;
    assert_snapshot!(reply, @r#"408 {"success":false,"error":{"message":"The request is not valid","code":"VALIDATION_ERROR","details":{"body":"did not arrive in time"}}}"#);
    line.ends().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("POST", "/api/sign-in", &["Content-Type: application/json", "Content-Length: 40"], "")).await;
    line.write("{\"email\":").await;
    line.hang_up_half().await;
    assert_eq!(line.reply().await.refusal(), (400, "VALIDATION_ERROR".to_owned()));
    line.ends().await;
}

//! How every answer looks, whatever was asked.

mod bodies;
mod credentials;
mod lifetime;
mod malformed;
mod notes;
pub(crate) mod probe;
mod routes;

use insta::assert_snapshot;
use probe::request;
use purser_server::http_settings::HttpSettings;
use routes::{server, server_with};

#[tokio::test]
async fn a_success_is_the_envelope_with_data() {
    let server = server().await;
    assert_snapshot!(server.ask("GET", "/api/hello", &[]).await, @r#"200 {"success":true,"data":{"hello":"world"}}"#);
    assert_snapshot!(server.ask("POST", "/api/things", &[]).await, @r#"201 {"success":true,"data":{"id":"1"}}"#);
    assert_snapshot!(server.ask("DELETE", "/api/things", &[]).await, @r#"200 {"success":true,"data":{}}"#);
}

#[tokio::test]
async fn every_refusal_is_the_envelope_and_shows_no_cause() {
    let server = server().await;
    for (name, status, code) in [
        ("token", 401, "INVALID_TOKEN"),
        ("expired", 401, "TOKEN_EXPIRED"),
        ("second", 401, "TWO_FACTOR_REQUIRED"),
        ("forbidden", 403, "FORBIDDEN"),
        ("absent", 404, "NOT_FOUND"),
        ("conflict", 409, "CONFLICT"),
        ("limited", 429, "RATE_LIMITED"),
        ("busy", 503, "SERVER_BUSY"),
        ("store", 503, "STORE_UNAVAILABLE"),
        ("internal", 500, "INTERNAL"),
    ] {
        let reply = server.ask("GET", &format!("/api/fault/{name}"), &[]).await;
        assert_eq!(reply.refusal(), (status, code.to_owned()));
        assert_eq!(reply.header("www-authenticate"), (name == "token").then_some("Bearer"));
        assert_eq!(reply.header("retry-after").is_some(), matches!(status, 429 | 503), "{name}");
        assert!(!reply.body.contains("purser.db"));
    }
    assert_eq!(server.ask("GET", "/api/fault/limited", &[]).await.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn what_a_library_refuses_in_its_own_words_is_the_envelope_too() {
    let server = server().await;
    assert_snapshot!(server.ask("GET", "/nowhere", &[]).await, @r#"404 {"success":false,"error":{"message":"Not found","code":"NOT_FOUND"}}"#);
    assert_snapshot!(server.ask("GET", "/api/things/abc", &[]).await, @r#"400 {"success":false,"error":{"message":"The request is not valid","code":"VALIDATION_ERROR","details":{}}}"#);
    assert_snapshot!(server.ask("PUT", "/api/hello", &[]).await, @r#"405 {"success":false,"error":{"message":"This method is not allowed here","code":"METHOD_NOT_ALLOWED"}}"#);
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let server = server().await;
    for method in ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let reply = server.ask(method, "/api/things", &[]).await;
        assert_eq!(reply.refusal(), (405, "METHOD_NOT_ALLOWED".to_owned()));
        assert_eq!(reply.header("allow"), Some("POST,DELETE"));
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_connection_lives_on() {
    let server = server().await;
    let mut line = server.connect().await;
    line.write(request("GET", "/api/panic", &[], "")).await;
    assert_snapshot!(line.reply().await, @r#"500 {"success":false,"error":{"message":"Internal error","code":"INTERNAL"}}"#);
    line.write(request("GET", "/api/hello", &[], "")).await;
    assert_eq!(line.reply().await.status, 200);
}

#[tokio::test]
async fn whatever_is_accepted_json_is_answered() {
    let server = server().await;
    for headers in [&[][..], &["Accept: */*"], &["Accept: text/html"], &["Accept: application/xml;q=1"]] {
        for target in ["/api/hello", "/api/fault/token", "/nowhere"] {
            let reply = server.ask("GET", target, headers).await;
            assert_eq!(reply.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = server().await;
    for target in ["/api/hello", "/api/fault/store", "/api/panic", "/nowhere", "/api/things"] {
        let reply = server.ask("GET", target, &[]).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(reply.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        assert_eq!(reply.header("cache-control"), target.starts_with("/api").then_some("no-store"));
        assert_eq!(reply.header("strict-transport-security"), None);
        assert_eq!(reply.header("server"), None);
        assert!(reply.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn a_page_keeps_its_own_policy_and_its_own_words() {
    let server = server().await;
    let page = server.ask("GET", "/page", &[]).await;
    assert_eq!(page.header("content-security-policy"), Some("default-src 'self'"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_snapshot!(page, @"403 <p>no</p>");
}

#[tokio::test]
async fn under_https_browsers_are_told_to_stay_there() {
    let settings = HttpSettings { public_url: Some("https://sp.test".parse().unwrap()), ..HttpSettings::default() };
    let server = server_with(settings).await;
    let reply = server.ask("GET", "/api/hello", &[]).await;
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=63072000"));
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let server = server().await;
    let reply = server.ask("GET", "/api/who", &["X-Request-Id: a-B.9_"]).await;
    assert_eq!(reply.header("x-request-id"), Some("a-B.9_"));
    assert_eq!(reply.json()["data"]["requestId"], "a-B.9_");
    for sent in ["X-Request-Id: a b", "X-Request-Id:", "X-Request-Id: \"><script>"] {
        let reply = server.ask("GET", "/api/who", &[sent]).await;
        let given = reply.header("x-request-id").unwrap();
        assert!(given.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{given}");
        assert_eq!(reply.json()["data"]["requestId"], given);
    }
}

#[tokio::test]
async fn no_other_site_is_let_in_by_cors() {
    let server = server().await;
    let asked = ["Origin: https://evil.test", "Access-Control-Request-Method: POST"];
    for (method, target) in [("OPTIONS", "/api/sign-in"), ("GET", "/api/hello"), ("OPTIONS", "/nowhere")] {
        let reply = server.ask(method, target, &asked).await;
        assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control")), "{method} {target}");
    }
}

#[tokio::test]
async fn a_path_has_one_spelling() {
    let server = server().await;
    for target in [
        "/api/admin/../admin/secrets",
        "/api/x/../admin/secrets",
        "//api/admin/secrets",
        "/api//admin/secrets",
        "/api/admin;x/secrets",
        "/api/admin/secrets;x",
        "/api/%61dmin/secrets",
        "/api/admin%2fsecrets",
        "/api/%2e%2e/api/admin/secrets",
        "/api/admin/secrets/",
        "/API/admin/secrets",
        "/api/admin/secrets%00",
        "/api/admin/secrets%20",
    ] {
        let reply = server.ask("GET", target, &[]).await;
        assert_eq!(reply.refusal(), (404, "NOT_FOUND".to_owned()), "{target}");
    }
}

#[tokio::test]
async fn no_header_changes_the_method_or_the_path() {
    let server = server().await;
    let headers =
        ["X-HTTP-Method-Override: GET", "X-Original-URL: /api/admin/secrets", "X-Rewrite-URL: /api/admin/secrets"];
    assert_eq!(server.ask("POST", "/api/admin/secrets", &headers).await.status, 405);
    assert_eq!(server.ask("GET", "/nowhere", &headers).await.status, 404);
}

#[tokio::test]
async fn head_and_options_reveal_nothing() {
    let server = server().await;
    let options = server.ask("OPTIONS", "/api/admin/secrets", &[]).await;
    assert_eq!(options.refusal(), (405, "METHOD_NOT_ALLOWED".to_owned()));
    let mut line = server.connect().await;
    line.write(request("HEAD", "/api/admin/secrets", &["Connection: close"], "")).await;
    let head = line.rest().await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

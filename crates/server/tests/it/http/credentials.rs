//! Who a request says it is from, and for whom.

use insta::assert_snapshot;
use purser_server::http_settings::HttpSettings;

use super::routes::{server, server_with, settings};

fn public() -> HttpSettings {
    HttpSettings { public_url: Some("https://sp.test".parse().unwrap()), ..settings() }
}

#[tokio::test]
async fn a_bearer_token_wins_over_a_cookie() {
    let server = server().await;
    let reply = server.ask("GET", "/api/credential", &["Cookie: session=c", "Authorization: Bearer t"]).await;
    assert_snapshot!(reply, @r#"200 {"success":true,"data":"bearer t"}"#);
    for bad in ["Authorization: Basic dTpw", "Authorization: Bearer", "Authorization:", "Authorization: Bearer a b"] {
        let reply = server.ask("GET", "/api/credential", &["Cookie: session=c", bad]).await;
        assert_eq!(reply.refusal(), (401, "INVALID_TOKEN".to_owned()), "{bad}");
    }
    let twice = ["Authorization: Bearer t", "Authorization: Bearer t"];
    assert_eq!(server.ask("GET", "/api/credential", &twice).await.status, 401);
}

#[tokio::test]
async fn two_session_cookies_are_refused() {
    let server = server().await;
    for headers in [&["Cookie: session=a; session=b"][..], &["Cookie: session=a", "Cookie: x=1; session=b"]] {
        let reply = server.ask("GET", "/api/credential", headers).await;
        assert_eq!(reply.refusal(), (401, "INVALID_TOKEN".to_owned()));
    }
    let reply = server.ask("GET", "/api/credential", &["Cookie: admin_session=a; session=b"]).await;
    assert_snapshot!(reply, @r#"200 {"success":true,"data":"cookie b"}"#);
}

#[tokio::test]
async fn a_write_by_cookie_needs_our_own_origin() {
    let server = server_with(public()).await;
    let written = async |lines: &[&str]| {
        let headers = [&["Cookie: session=c"], lines].concat();
        let reply = server.ask("POST", "/api/write", &headers).await;
        if reply.status != 200 {
            assert_eq!(reply.refusal(), (403, "CSRF_REJECTED".to_owned()), "{lines:?}");
        }
        reply.status == 200
    };
    assert!(written(&["Origin: https://sp.test"]).await);
    assert!(written(&["Sec-Fetch-Site: same-origin"]).await);
    assert!(!written(&[]).await);
    assert!(!written(&["Sec-Fetch-Site: cross-site"]).await);
    assert!(!written(&["Origin: null"]).await);
    assert!(!written(&["Origin: https://sp.test.evil.test"]).await);
    assert!(!written(&["Origin: https://evilsp.test"]).await);
    assert!(!written(&["Origin: https://evil.test", "Sec-Fetch-Site: same-origin"]).await);
    assert!(!written(&["Origin: http://localhost"]).await);
}

#[tokio::test]
async fn a_write_by_token_needs_no_origin() {
    let server = server_with(public()).await;
    let headers = ["Authorization: Bearer t", "Origin: https://evil.test", "Cookie: session=c"];
    assert_eq!(server.ask("POST", "/api/write", &headers).await.status, 200);
}

#[tokio::test]
async fn sign_in_refuses_other_sites_and_adopts_no_cookie() {
    let server = server_with(public()).await;
    let body = r#"{"email":"a","password":"b"}"#;
    let planted = server.post("/api/sign-in", &["Cookie: session=planted"], body).await;
    assert_eq!(
        planted.header("set-cookie"),
        Some("session=fresh; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure")
    );
    for origin in ["Origin: https://evil.test", "Origin: null"] {
        let reply = server.post("/api/sign-in", &[origin], body).await;
        assert_eq!(reply.refusal(), (403, "CSRF_REJECTED".to_owned()));
        assert_eq!(reply.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_client_is_named_by_header_host_or_query() {
    let server = server_with(public()).await;
    let named = async |target: &str, headers: &[&str]| server.ask("GET", target, headers).await.json()["data"].clone();
    assert_eq!(named("/api/client", &["X-Client-ID: a", "Host: b.sp.test"]).await, "a");
    assert_eq!(named("/api/client?client=c", &["Host: b.sp.test"]).await, "b");
    assert_eq!(named("/api/client?client=c", &[]).await, "c");
    assert!(named("/api/client", &[]).await.is_null());
}

#[tokio::test]
async fn a_client_that_is_no_slug_is_refused() {
    let server = server().await;
    let huge = format!("X-Client-ID: {}", "a".repeat(10_000));
    for headers in [
        &["X-Client-ID: a", "X-Client-ID: a"][..],
        &["X-Client-ID:"],
        &["X-Client-ID: a\0b"],
        &["X-Client-ID: Acme"],
        &["X-Client-ID: a b"],
        &[&huge],
    ] {
        let reply = server.ask("GET", "/api/client", headers).await;
        assert_eq!(reply.refusal(), (400, "VALIDATION_ERROR".to_owned()), "{headers:?}");
    }
    let reply = server.ask("GET", "/api/client?client=a", &["X-Client-ID: b"]).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_ERROR".to_owned()));
}

#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let forged = "X-Forwarded-For: 198.51.100.1";
    let plain = server().await;
    assert_eq!(plain.ask("GET", "/api/who", &[forged]).await.json()["data"]["address"], "127.0.0.1");
    let behind = HttpSettings { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..settings() };
    let behind = server_with(behind).await;
    let told = ["X-Forwarded-For: 6.6.6.6", forged, "X-Forwarded-For: 127.0.0.9"];
    assert_eq!(behind.ask("GET", "/api/who", &told).await.json()["data"]["address"], "198.51.100.1");
}

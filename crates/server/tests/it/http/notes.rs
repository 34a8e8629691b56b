//! What is written down about requests: the log and the metrics.

use metrics_exporter_prometheus::PrometheusBuilder;

use super::probe::request;
use super::routes::server;
use crate::log;

#[tokio::test]
async fn the_log_names_the_route_and_never_a_secret() {
    log::keep();
    let server = server().await;
    let secrets = ["Authorization: Bearer canary-token", "Cookie: session=canary-cookie", "X-Client-ID: canary-client"];
    server.ask("GET", "/api/things/4711?token=canary-query", &secrets).await;
    server.ask("GET", "/nowhere?token=canary-query", &secrets).await;
    server.ask("GET", "/api/fault/token?canary", &secrets).await;
    server.post("/api/sign-in", &secrets, r#"{"email":"canary@b","password":"canary-password"}"#).await;
    server.post("/api/sign-in", &secrets, r#"{"email":"canary@b","password":["canary-password"]}"#).await;
    server.send(request("POST", "/?canary", &["Content-Length: 1", "Content-Length: 2"], "canary-body")).await;
    server.send("canary\r\n\r\n").await;
    assert_eq!(log::here("canary"), Vec::<String>::new());
    assert_eq!(log::here("/api/things/{id}").len(), 1);
    assert_eq!(log::here("4711").len(), 0);
    assert_eq!(log::here("/nowhere").len(), 1);
}

#[tokio::test]
async fn a_fault_of_ours_is_logged_once_with_its_cause_and_its_request() {
    log::keep();
    let server = server().await;
    let reply = server.ask("GET", "/api/fault/store", &["X-Request-Id: r-17"]).await;
    assert_eq!(reply.status, 503);
    let lines = log::here("disk I/O error");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("ERROR") && lines[0].contains("r-17") && lines[0].contains("STORE_UNAVAILABLE"));
    server.ask("GET", "/api/panic", &[]).await;
    assert_eq!(log::here("panic: at").len(), 1);
}

#[tokio::test]
async fn a_success_is_a_line_only_for_those_who_look_for_faults() {
    log::keep();
    let server = server().await;
    server.ask("GET", "/api/hello", &[]).await;
    server.ask("GET", "/api/fault/forbidden", &[]).await;
    let lines = log::here("/api/");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("DEBUG") && lines[0].contains("/api/hello"), "{}", lines[0]);
    assert!(lines[1].contains("INFO") && lines[1].contains("FORBIDDEN"), "{}", lines[1]);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_strangers_write() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let server = server().await;
    for target in ["/api/things/1", "/api/things/2", "/api/things/x", "/stranger/1", "/stranger/2"] {
        server.ask("GET", target, &[]).await;
    }
    server.ask("INVENTED", "/api/hello", &[]).await;
    server.send("rubbish\r\n\r\n").await;
    let text = handle.render();
    for line in [
        r#"purser_http_requests_total{route="/api/things/{id}",method="GET",status="2xx"} 2"#,
        r#"purser_http_requests_total{route="/api/things/{id}",method="GET",status="4xx"} 1"#,
        r#"purser_http_requests_total{route="none",method="GET",status="4xx"} 2"#,
        r#"purser_http_requests_total{route="/api/hello",method="other",status="4xx"} 1"#,
        r#"purser_http_requests_total{route="none",method="unread",status="4xx"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(text.contains("purser_http_request_seconds"));
    assert!(!text.contains("stranger") && !text.contains("INVENTED"));
}

//! Whom an access token is asked about, Graph or the directory's keys, and what their answers are taken for.

use std::time::Duration;

use jiff::Timestamp;
use purser_federation::Secret;
use purser_federation::microsoft::Mode;
use purser_standin::microsoft::{API, Access, DIRECTORY, Endpoint, Fault, OTHER_DIRECTORY, Person, Version};
use purser_standin::tokens;
use serde_json::json;

use crate::microsoft::{NOW, Site, invalid, misconfigured, page, unavailable};

#[tokio::test]
async fn graph_must_name_the_person_the_token_names() {
    let site = Site::new().await;
    site.them.let_graph_name("00000000-44d7-43e1-9a83-5f2406dee5bd");
    assert!(invalid("another", site.check_access(&Access::graph(Version::V1)).await).contains("another person"));
    let site = Site::new().await;
    let body = r#"{"displayName":"Adele Vance"}"#.to_owned();
    site.them.fail(Endpoint::Me, Fault::Answer { status: 200, content_type: "application/json", body });
    assert!(invalid("nobody", site.check_access(&Access::graph(Version::V1)).await).contains("another person"));
}

#[tokio::test]
async fn what_graph_refuses_is_refused_and_what_it_cannot_answer_is_not() {
    let refusals = [
        (400, "BadRequest"),
        (401, "InvalidAuthenticationToken"),
        (403, "Authorization_RequestDenied"),
        (404, "Request_ResourceNotFound"),
    ];
    for (status, code) in refusals {
        let site = Site::new().await;
        site.them.fail(Endpoint::Me, Fault::Failing(status));
        assert!(invalid(code, site.check_access(&Access::graph(Version::V1)).await).ends_with(code));
    }
    let others = [
        (Fault::Throttled { retry_after: Some(5) }, Some(5)),
        (Fault::Throttled { retry_after: None }, None),
        (Fault::Failing(500), None),
        (Fault::Failing(503), None),
        (Fault::Failing(504), None),
        (Fault::Failing(509), None),
        (page(200), None),
        (
            // The right person, but as a page.
            Fault::Answer {
                status: 200,
                content_type: "text/html",
                body: format!("{{\"id\":\"{}\"}}", Person::default().oid),
            },
            None,
        ),
        (page(202), None),
        (Fault::Elsewhere("http://127.0.0.1:1/".into()), None),
        (
            Fault::Answer { status: 200, content_type: "application/json", body: "{\"id\":\"x\",\"id\":\"y\"}".into() },
            None,
        ),
        (Fault::Answer { status: 200, content_type: "application/json", body: "{".into() }, None),
        (Fault::Answer { status: 200, content_type: "application/json", body: "x".repeat(2 * 1024 * 1024) }, None),
    ];
    for (fault, wait) in others {
        let site = Site::new().await;
        site.them.fail(Endpoint::Me, fault);
        assert_eq!(unavailable("failing", site.check_access(&Access::graph(Version::V1)).await), wait);
    }
}

#[tokio::test]
async fn an_error_in_either_spelling_or_none_is_told_by_its_code_or_status() {
    let bodies = [
        (r#"{"error":{"code":"A","message":"m","innererror":{"date":"d"}}}"#, "A"),
        (r#"{"error":{"code":"<b>","message":"m"}}"#, "401"),
        (r#"{"error":{"code":"","message":""}}"#, "401"),
        ("", "401"),
    ];
    for (body, told) in bodies {
        let site = Site::new().await;
        let body = body.to_owned();
        site.them.fail(Endpoint::Me, Fault::Answer { status: 401, content_type: "application/json", body });
        assert!(invalid(told, site.check_access(&Access::graph(Version::V1)).await).ends_with(told));
    }
}

#[tokio::test]
async fn an_unknown_token_is_refused_by_graph_itself() {
    let site = Site::new().await;
    let token = site.them.draft(&Access::graph(Version::V1)).sign(&site.them.key(Version::V1));
    assert!(invalid("never issued", site.check(&token).await).ends_with("InvalidAuthenticationToken"));
    let access = Access { scopes: "profile openid".into(), ..Access::graph(Version::V1) };
    assert!(invalid("no leave", site.check_access(&access).await).ends_with("Authorization_RequestDenied"));
}

#[tokio::test]
async fn a_silent_graph_is_given_up() {
    let site = Site::new().await;
    site.them.fail(Endpoint::Me, Fault::Hang);
    let token = site.them.issue(&Access::graph(Version::V1));
    let checked = async { unavailable("hanging", site.check(&token).await) };
    let clock = async {
        site.them.called(Endpoint::Me, 1).await;
        tokio::time::pause();
    };
    let (wait, ()) = tokio::join!(checked, clock);
    assert_eq!(wait, None);
}

#[tokio::test]
async fn a_slow_graph_is_waited_for() {
    let site = Site::new().await;
    site.them.fail(Endpoint::Me, Fault::Slow(Duration::from_secs(9)));
    let token = site.them.issue(&Access::graph(Version::V1));
    let clock = async {
        site.them.called(Endpoint::Me, 1).await;
        tokio::time::pause();
    };
    let (checked, ()) = tokio::join!(site.check(&token), clock);
    checked.unwrap();
}

#[tokio::test]
async fn a_pause_that_graph_asks_for_is_kept_and_hinders_nothing_else() {
    let mut site = Site::new().await;
    site.them.fail(Endpoint::Me, Fault::Throttled { retry_after: Some(41) });
    let access = Access::graph(Version::V1);
    assert_eq!(unavailable("throttled", site.check_access(&access).await), Some(41));
    site.them.mend(Endpoint::Me);
    assert!(unavailable("paused", site.check_access(&access).await).is_some_and(|wait| wait <= 41));
    assert_eq!(site.them.calls(Endpoint::Me), 1);
    site.directory.mode = Mode::Api { audience: API.into() };
    site.check_access(&Access::api(Version::V2)).await.expect("keys come from another service");
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_old_one_is_good_no_more() {
    let site = Site::api(Version::V2).await;
    let old = site.them.issue(&Access::api(Version::V2));
    site.check(&old).await.unwrap();
    site.them.rotate_keys();
    let later = Timestamp::from_second(NOW + 120).unwrap();
    let check = async |token: &str| site.us.check(&site.directory, &Secret::new(token), later).await;
    check(&site.them.issue(&Access::api(Version::V2))).await.unwrap();
    assert_eq!(site.them.calls(Endpoint::Keys), 2);
    invalid("old key", check(&old).await);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_fetches_once_a_minute() {
    let site = Site::api(Version::V2).await;
    let draft = site.them.draft(&Access::api(Version::V2));
    let stranger = tokens::Key::rsa("stranger");
    for number in 0..100 {
        let token = draft.clone().header("kid", format!("unknown-{number}")).sign(&stranger);
        invalid("unknown key", site.check(&token).await);
    }
    assert_eq!(site.them.calls(Endpoint::Keys), 1);
    let later = Timestamp::from_second(NOW + 61).unwrap();
    let token = Secret::new(draft.sign(&stranger));
    invalid("unknown key", site.us.check(&site.directory, &token, later).await);
    assert_eq!(site.them.calls(Endpoint::Keys), 2);
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_for_keys_is_unavailable() {
    for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
        for fault in [Fault::Failing(503), page(200), Fault::Elsewhere("http://169.254.169.254/".into())] {
            let site = Site::api(Version::V2).await;
            site.them.fail(endpoint, fault);
            unavailable("failing", site.check_access(&Access::api(Version::V2)).await);
        }
    }
}

#[tokio::test]
async fn a_description_that_lies_about_issuer_or_keys_is_not_followed() {
    let describe = |site: &Site, issuer: &str, keys: &str| {
        let body = json!({ "issuer": issuer, "jwks_uri": keys }).to_string();
        site.them.fail(Endpoint::Discovery, Fault::Answer { status: 200, content_type: "application/json", body });
    };
    let site = Site::api(Version::V2).await;
    let keys = format!("{}/{DIRECTORY}/discovery/v2.0/keys", site.them.url());
    describe(&site, &format!("{}/{OTHER_DIRECTORY}/v2.0", site.them.url()), &keys);
    misconfigured("issuer", site.check_access(&Access::api(Version::V2)).await);
    assert_eq!(site.them.calls(Endpoint::Keys), 0);
    let site = Site::api(Version::V2).await;
    describe(&site, &format!("{}/{DIRECTORY}/v2.0", site.them.url()), "https://evil.example/keys");
    misconfigured("keys", site.check_access(&Access::api(Version::V2)).await);
}

#[tokio::test]
async fn a_forgotten_directory_is_asked_anew() {
    let site = Site::api(Version::V2).await;
    site.check_access(&Access::api(Version::V2)).await.unwrap();
    site.us.forget("contoso");
    site.check_access(&Access::api(Version::V2)).await.unwrap();
    assert_eq!([Endpoint::Discovery, Endpoint::Keys].map(|it| site.them.calls(it)), [2, 2]);
}

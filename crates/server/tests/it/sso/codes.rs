//! One-time codes: how a session gets to a native app or to a sub-domain, and to nobody else.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purser_standin::oidc::Provider;
use serde_json::json;
use url::Url;

use super::world::Browser;
use super::{cookies, is, is_private, published, query};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{SECOND, Site};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const APP: &str = "com.example.app:/done";
const EXCHANGE: &str = "/api/client/auth/exchange";

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

fn start(redirect: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("provider", "okta").append_pair("client", "acme").append_pair("redirect", redirect);
    query.append_pair("codeChallenge", &challenge(VERIFIER)).append_pair("state", "app state/1");
    format!("/api/client/auth/oidc?{}", query.finish())
}

async fn world(site: Site) -> (Site, Provider) {
    let site = published(site).await;
    let idp = site.openid("acme", "okta").await;
    site.allow(&[], &[APP, "http://127.0.0.1:9999/done?x=1"]).await;
    (site, idp)
}

/// Goes to the provider and back; gives the answer of the callback.
async fn through(browser: &Browser<'_>, idp: &Provider, start: &str) -> Reply {
    let left = browser.go(start).await;
    assert_eq!(left.status, 303, "{left}");
    let request = Url::parse(left.header("location").unwrap()).unwrap();
    let code = idp.sign_in(&request);
    browser.go(&format!("/api/client/auth/oidc/callback?code={code}&state={}", query(request.as_str())["state"])).await
}

async fn exchanged(site: &Site, code: &str, verifier: &str) -> Reply {
    site.anyone().post(EXCHANGE, &json!({"code": code, "codeVerifier": verifier})).await
}

on_both! {
    async fn an_app_gets_a_code_and_the_session_for_it_once(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let back = through(&browser, &idp, &start(APP)).await;
        is_private(&back);
        let to = back.header("location").unwrap();
        assert!(to.starts_with("com.example.app:/done?code="), "{to}");
        assert_eq!(query(to)["state"], "app state/1");
        assert!(browser.holds().is_empty(), "the browser itself is not signed in");
        let code = &query(to)["code"];
        let reply = exchanged(&site, code, VERIFIER).await;
        assert_eq!(reply.status, 200, "{reply}");
        is_private(&reply);
        let data = &reply.json()["data"];
        assert_eq!(data["user"]["email"], "jane@corp.test");
        let me = site.anyone().bearing(data["token"].as_str().unwrap()).me().await;
        assert_eq!(me.status, 200);
        assert_eq!(exchanged(&site, code, VERIFIER).await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(site.logged(code), Vec::<String>::new());
    }

    async fn a_wrong_verifier_spends_the_code(site) {
        let (site, idp) = world(site).await;
        let back = through(&Browser::new(&site), &idp, &start("http://127.0.0.1:9999/done?x=1")).await;
        let to = back.header("location").unwrap();
        assert!(to.starts_with("http://127.0.0.1:9999/done?x=1&code="), "{to}");
        let code = &query(to)["code"];
        let wrong = "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(exchanged(&site, code, wrong).await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(exchanged(&site, code, VERIFIER).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn a_code_is_used_at_once_or_never(site) {
        let (site, idp) = world(site).await;
        let back = through(&Browser::new(&site), &idp, &start(APP)).await;
        site.wait(61 * SECOND);
        let code = &query(back.header("location").unwrap())["code"];
        assert_eq!(exchanged(&site, code, VERIFIER).await.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn of_many_who_show_one_code_one_is_signed_in(site) {
        let (site, idp) = world(site).await;
        let other = site.another_node().await;
        let back = through(&Browser::new(&site), &idp, &start(APP)).await;
        let code = &query(back.header("location").unwrap())["code"];
        let replies = futures::future::join_all((0..20).map(|at| {
            exchanged(if at % 2 == 0 { &site } else { &other }, code, VERIFIER)
        })).await;
        let done = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(done, 1);
    }

    async fn a_code_goes_to_no_address_that_is_not_listed_letter_for_letter(site) {
        let (site, _idp) = world(site).await;
        for redirect in [
            "https://evil.test/", "com.example.app:/done2", "com.example.app:/", "COM.example.app:/done",
            "http://127.0.0.1:9999/done", "http://127.0.0.1:9998/done?x=1", "https://globex.sp.test/api/client/auth/landing",
            "https://sp.test/api/client/auth/landing", "https://acme.sp.test.evil.test/api/client/auth/landing", "",
            "com.example.app:/done\r\nX: y",
        ] {
            let reply = site.anyone().with("Host: sp.test").get(&start(redirect)).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{redirect}");
            assert_eq!(reply.header("location"), None);
        }
        for challenge in ["", "short", &"x".repeat(44), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"] {
            let target = format!("/api/client/auth/oidc?provider=okta&client=acme&redirect={APP}&codeChallenge={challenge}");
            assert_eq!(site.anyone().get(&target).await.refusal(), is(400, "VALIDATION_ERROR"), "{challenge}");
        }
    }

    async fn a_sign_in_begun_on_a_sub_domain_ends_there_in_the_same_browser(site) {
        let (site, idp) = world(site).await;
        let (browser, thief) = (Browser::new(&site), Browser::new(&site));
        let hop = browser.go("https://acme.sp.test/api/client/auth/oidc?provider=okta&returnTo=%2Fwork").await;
        let main = hop.header("location").unwrap();
        assert!(main.starts_with("https://sp.test/"), "{main}");
        let back = through(&browser, &idp, main).await;
        let landing = back.header("location").unwrap();
        assert!(landing.starts_with("https://acme.sp.test/api/client/auth/landing?code="), "{landing}");
        // Whoever sees the address has no use of it.
        let stolen = thief.go(landing).await;
        assert_eq!((stolen.status, cookies(&stolen).len()), (400, 0));
        let landed = browser.go(landing).await;
        assert_eq!((landed.status, landed.header("location")), (303, Some("/work")), "{landed}");
        is_private(&landed);
        let lines = cookies(&landed);
        assert!(lines[0].starts_with("hop_") && lines[0].contains("=; Max-Age=0; Path=/api/client/auth;"), "{lines:?}");
        assert!(lines[1].starts_with("session="), "{lines:?}");
        assert_eq!(browser.holds(), ["session"], "on the sub-domain, and there alone");
        assert_eq!(browser.me().await.refusal(), is(401, "INVALID_TOKEN"));
        let there = browser.go("https://acme.sp.test/api/client/auth/me").await;
        assert_eq!(there.json()["data"]["user"]["email"], "jane@corp.test");
        assert_eq!(browser.go(landing).await.status, 400);
        for canary in [&query(landing)["code"], &query(main)["codeChallenge"]] {
            assert_eq!(site.logged(canary), Vec::<String>::new());
        }
    }

    async fn two_tabs_of_a_sub_domain_do_not_disturb_one_another(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let start = |place: &str| format!("https://acme.sp.test/api/client/auth/oidc?provider=okta&returnTo=%2F{place}");
        let (one, two) = (browser.go(&start("one")).await, browser.go(&start("two")).await);
        let one = through(&browser, &idp, one.header("location").unwrap()).await;
        let two = through(&browser, &idp, two.header("location").unwrap()).await;
        assert_eq!(browser.go(one.header("location").unwrap()).await.header("location"), Some("/one"));
        assert_eq!(browser.go(two.header("location").unwrap()).await.header("location"), Some("/two"));
    }

    async fn a_place_on_a_sub_domain_is_checked_before_anybody_leaves(site) {
        let (site, _idp) = world(site).await;
        let browser = Browser::new(&site);
        let hop = browser.go("https://acme.sp.test/api/client/auth/oidc?provider=okta&returnTo=%2F%2Fevil.test").await;
        let reply = browser.go(hop.header("location").unwrap()).await;
        assert_eq!((reply.status, reply.header("location")), (400, None));
    }
}

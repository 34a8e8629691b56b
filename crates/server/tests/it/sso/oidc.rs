//! Signing in at an OpenID provider, from the first click to who is signed in, and every way it must not go.

use purser_core::access::Role;
use purser_core::env::Clock as _;
use purser_core::providers::Draft;
use purser_standin::oidc::{Provider, TOKEN};
use purser_standin::totp;
use serde_json::json;
use url::Url;

use super::world::{Browser, CLIENT_SECRET};
use super::{cookies, is, is_private, published, query};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::{SECOND, Site};

const START: &str = "/api/client/auth/oidc?provider=okta&client=acme";
const CALLBACK: &str = "/api/client/auth/oidc/callback";

/// Goes as far as the provider, whose page the answer is from there on.
async fn set_out(browser: &Browser<'_>, start: &str) -> Url {
    let reply = browser.go(start).await;
    assert_eq!(reply.status, 303, "{reply}");
    is_private(&reply);
    Url::parse(reply.header("location").unwrap()).unwrap()
}

/// The address at which the provider sends the browser back.
fn answered(idp: &Provider, request: &Url) -> String {
    let code = idp.sign_in(request);
    back(request, &code)
}

fn back(request: &Url, code: &str) -> String {
    let said = query(request.as_str());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", code).append_pair("state", &said["state"]);
    format!("{CALLBACK}?{}", query.finish())
}

async fn signed_in(browser: &Browser<'_>, idp: &Provider, start: &str) -> Reply {
    let request = set_out(browser, start).await;
    browser.go(&answered(idp, &request)).await
}

async fn world(site: Site) -> (Site, Provider) {
    let site = published(site).await;
    let idp = site.openid("acme", "okta").await;
    (site, idp)
}

/// How many sign-ins the provider was asked about.
fn asked(idp: &Provider) -> usize {
    idp.calls(TOKEN).len()
}

on_both! {
    async fn a_browser_that_owes_a_second_factor_is_sent_on_with_the_challenge_in_a_cookie(site) {
        let (site, idp) = world(site).await;
        signed_in(&Browser::new(&site), &idp, START).await;
        let demand = json!({"settings": {"twoFactor": "REQUIRED", "twoFactorGrace": "1s"}});
        let settled = site.admin().await.patch("/api/admin/clients/acme", &demand).await.json();
        assert_eq!(settled["data"]["settings"]["twoFactorSince"], "2027-01-15T08:00:00Z");
        site.wait(SECOND);
        idp.script(|script| script.now = site.clock.now().seconds());
        let browser = Browser::new(&site);
        let sent_on = signed_in(&browser, &idp, &format!("{START}&returnTo=%2Fwork")).await;
        assert_eq!((sent_on.status, sent_on.header("location")), (303, Some("/two-factor")));
        let line = cookies(&sent_on).into_iter().find(|line| line.starts_with("two_factor=")).unwrap();
        assert!(line.ends_with("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax; Secure"), "{line}");
        assert!(!browser.holds().contains(&"session".to_owned()));
        let page = browser.go("/two-factor").await;
        assert!(page.status == 200 && page.body.contains("Your organisation asks for a second factor."), "{page}");
        let challenge = line.split(['=', ';']).nth(1).unwrap();
        let offer = site.anyone().post("/api/client/auth/two-factor/totp", &json!({"challenge": challenge})).await.json();
        let code = totp::code(offer["data"]["secret"].as_str().unwrap(), site.clock.now().seconds());
        let confirm = json!({"challenge": challenge, "code": code});
        let done = site.anyone().post("/api/client/auth/two-factor/totp/confirm", &confirm).await.json();
        let me = site.anyone().bearing(done["data"]["token"].as_str().unwrap()).me().await.json();
        assert_eq!(me["data"]["session"]["amr"], json!(["fed", "otp", "mfa"]));
    }

    async fn a_person_signs_in_from_the_button_to_the_session(site) {
        let (site, idp) = world(site).await;
        let buttons = site.anyone().get("/api/client/auth/providers?client=acme").await.json();
        let button = &buttons["data"]["providers"][0];
        assert_eq!((&button["name"], &button["kind"]), (&"okta".into(), &"OIDC".into()));
        let browser = Browser::new(&site);
        let start = format!("{}&returnTo=%2Fwork%3Fa%3D1", button["url"].as_str().unwrap());
        let left = browser.go(&start).await;
        let request = Url::parse(left.header("location").unwrap()).unwrap();
        let said = query(request.as_str());
        assert_eq!((&*said["response_type"], &*said["code_challenge_method"]), ("code", "S256"));
        assert_eq!(said["redirect_uri"], "https://sp.test/api/client/auth/oidc/callback");
        assert!(said["state"].len() >= 22 && said["nonce"].len() >= 22 && said["code_challenge"].len() == 43);
        let flow = cookies(&left).concat();
        let (name, attributes) = (flow.split('=').next().unwrap(), flow.split_once("; ").unwrap().1);
        assert!(name.strip_prefix("flow_").is_some_and(|id| id.len() == 16), "{flow}");
        assert_eq!(attributes, "Max-Age=600; Path=/api/client/auth; HttpOnly; SameSite=Lax; Secure");
        let arrived = browser.go(&answered(&idp, &request)).await;
        assert_eq!((arrived.status, arrived.header("location")), (303, Some("/work?a=1")));
        is_private(&arrived);
        let lines = cookies(&arrived);
        assert_eq!(lines[0], format!("{name}=; Max-Age=0; Path=/api/client/auth; HttpOnly; SameSite=Lax; Secure"));
        assert!(lines[1].starts_with("session=") && lines[1].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
        assert_eq!(browser.holds(), ["session"]);
        let me = browser.me().await.json();
        assert_eq!(me["data"]["user"]["email"], "jane@corp.test");
        assert_eq!(me["data"]["user"]["roles"], serde_json::json!(["VIEWER"]));
        let sessions = browser.own_page("/api/client/auth/sessions").get("/api/client/auth/sessions").await.json();
        assert_eq!(sessions["data"]["sessions"][0]["method"], "oidc");
        // The second time it is the same account.
        signed_in(&Browser::new(&site), &idp, START).await;
        let again = Browser::new(&site);
        assert_eq!(signed_in(&again, &idp, START).await.header("location"), Some("/"));
        assert_eq!(again.me().await.json()["data"]["user"]["id"], me["data"]["user"]["id"]);
    }

    async fn three_secrets_are_new_with_each_start(site) {
        let (site, _idp) = world(site).await;
        let browser = Browser::new(&site);
        let (one, two) = (set_out(&browser, START).await, set_out(&browser, START).await);
        let (one, two) = (query(one.as_str()), query(two.as_str()));
        for secret in ["state", "nonce", "code_challenge"] {
            assert_ne!(one[secret], two[secret]);
        }
    }

    async fn a_callback_is_taken_once_and_only_in_the_browser_it_was_begun_in(site) {
        let (site, idp) = world(site).await;
        let (browser, thief) = (Browser::new(&site), Browser::new(&site));
        let request = set_out(&browser, START).await;
        let back = answered(&idp, &request);
        // Whoever reads the address cannot use it, without a cookie, nor with that of a sign-in of their own.
        let reply = site.anyone().with("Host: sp.test").get(&back).await;
        assert_eq!(reply.refusal(), is(400, "OIDC_STATE_INVALID"));
        set_out(&thief, START).await;
        assert_eq!(thief.go(&back).await.status, 400);
        assert_eq!(asked(&idp), 0, "nobody was asked outside");
        assert_eq!(browser.go(&back).await.status, 303);
        let again = browser.go(&back).await;
        assert_eq!((again.status, cookies(&again).len()), (400, 0));
        assert_eq!(asked(&idp), 1);
    }

    async fn a_cookie_planted_beside_the_browsers_own_makes_both_useless(site) {
        let (site, idp) = world(site).await;
        let left = site.anyone().with("Host: sp.test").visit(START).await;
        let own = cookies(&left).concat().split(';').next().unwrap().to_owned();
        let back = answered(&idp, &Url::parse(left.header("location").unwrap()).unwrap());
        let name = own.split('=').next().unwrap();
        for pair in [format!("{own}; {name}=planted"), format!("{name}=planted; {own}"), format!("{name}=planted"), format!("{name}=")] {
            let reply = site.anyone().with("Host: sp.test").with(&format!("Cookie: {pair}")).get(&back).await;
            assert_eq!(reply.refusal(), is(400, "OIDC_STATE_INVALID"), "{pair}");
        }
        assert_eq!(asked(&idp), 0);
        let reply = site.anyone().with("Host: sp.test").with(&format!("Cookie: {own}")).get(&back).await;
        assert_eq!(reply.status, 303, "{reply}");
    }

    async fn two_tabs_do_not_disturb_one_another(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let one = set_out(&browser, &format!("{START}&returnTo=/one")).await;
        let two = set_out(&browser, &format!("{START}&returnTo=/two")).await;
        assert_eq!(browser.go(&answered(&idp, &one)).await.header("location"), Some("/one"));
        assert_eq!(browser.go(&answered(&idp, &two)).await.header("location"), Some("/two"));
        assert_eq!(browser.holds(), ["session"]);
    }

    async fn a_browser_keeps_ten_sign_ins_and_no_more(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let mut requests = Vec::new();
        for _ in 0..11 {
            requests.push(set_out(&browser, START).await);
        }
        assert_eq!(browser.holds().len(), 10);
        assert_eq!(browser.go(&answered(&idp, &requests[0])).await.status, 400);
        assert_eq!(browser.go(&answered(&idp, &requests[1])).await.status, 303);
    }

    async fn a_sign_in_that_takes_longer_than_ten_minutes_is_over(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        site.wait(600 * SECOND);
        assert_eq!(browser.go(&answered(&idp, &request)).await.status, 400);
        assert_eq!(asked(&idp), 0);
    }

    async fn nobody_is_sent_to_a_place_that_is_not_ours(site) {
        let (site, _idp) = world(site).await;
        site.allow(&["https://app.test"], &[]).await;
        for place in [
            "https://evil.test", "//evil.test", "/\\evil.test", "https:evil.test", "javascript:alert(1)",
            "https://sp.test@evil.test", "%2f%2fevil.test", "/a\r\nSet-Cookie: a=b", "/\t/evil.test", "https://app.test.evil.test",
            "https://app.test@evil.test", "\\\\evil.test", "/..//evil.test", "data:text/html,x",
        ] {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("returnTo", place).finish();
            let reply = site.anyone().with("Host: sp.test").get(&format!("{START}&{query}")).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{place}");
            assert_eq!((reply.header("location"), cookies(&reply).len()), (None, 0));
        }
        let browser = Browser::new(&site);
        let idp = site.openid("globex", "okta").await;
        let listed = "/api/client/auth/oidc?provider=okta&client=globex&returnTo=https://app.test/";
        // The list is the tenant's own.
        assert_eq!(browser.go(listed).await.status, 400);
        drop(idp);
    }

    async fn a_listed_place_is_gone_to(site) {
        let (site, idp) = world(site).await;
        site.allow(&["https://app.test"], &[]).await;
        let reply = signed_in(&Browser::new(&site), &idp, &format!("{START}&returnTo=https://app.test/deep?x=1")).await;
        assert_eq!(reply.header("location"), Some("https://app.test/deep?x=1"));
    }

    async fn an_answer_that_names_another_provider_is_told_to_nobody(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        let reply = browser.go(&format!("{}&iss=https%3A%2F%2Fevil.test", answered(&idp, &request))).await;
        assert_eq!(reply.status, 400, "{reply}");
        assert_eq!(asked(&idp), 0);
        assert!(!browser.holds().contains(&"session".to_owned()));
    }

    async fn a_code_of_one_provider_is_no_use_at_another(site) {
        let (site, one) = world(site).await;
        let two = site.openid("acme", "other").await;
        let browser = Browser::new(&site);
        let first = set_out(&browser, START).await;
        let second = set_out(&browser, "/api/client/auth/oidc?provider=other&client=acme").await;
        // The code of the first with the state of the second.
        let reply = browser.go(&back(&second, &one.sign_in(&first))).await;
        assert_eq!(reply.status, 401, "{reply}");
        assert_eq!((asked(&one), asked(&two)), (0, 1));
    }

    async fn a_victims_code_opens_nothing_in_another_browser(site) {
        let (site, idp) = world(site).await;
        let (victim, thief) = (Browser::new(&site), Browser::new(&site));
        let victims = set_out(&victim, START).await;
        let own = set_out(&thief, START).await;
        let reply = thief.go(&back(&own, &idp.sign_in(&victims))).await;
        assert_eq!(reply.status, 401, "{reply}");
        assert!(!thief.holds().contains(&"session".to_owned()));
    }

    async fn somebody_who_declines_is_not_signed_in_and_hears_no_reason(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        let state = &query(request.as_str())["state"];
        let reply = browser.go(&format!("{CALLBACK}?state={state}&error=access_denied&error_description=tell-tale")).await;
        assert_eq!(reply.status, 401);
        assert!(!reply.body.contains("tell-tale") && !reply.body.contains("access_denied"), "{reply}");
        assert_eq!(asked(&idp), 0);
    }

    async fn an_unknown_person_gets_no_account_unless_that_is_wanted(site) {
        let (site, idp) = world(site).await;
        site.change_provider("acme", "okta", Draft { create_users: Some(false), ..Draft::default() }).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        let before = site.holdings().await;
        let reply = browser.go(&answered(&idp, &request)).await;
        assert_eq!((reply.status, cookies(&reply).len()), (403, 0), "{reply}");
        assert!(reply.body.contains("ACCOUNT_UNKNOWN"));
        assert_eq!(site.holdings().await, before);
    }

    async fn an_address_alone_opens_nobodys_account(site) {
        let (site, idp) = world(site).await;
        site.user_named("acme", "jane@corp.test", &[Role::Admin], Some(crate::site::PASSWORD)).await;
        let reply = signed_in(&Browser::new(&site), &idp, START).await;
        assert_eq!(reply.status, 409, "{reply}");
        assert!(reply.body.contains("ACCOUNT_EXISTS"));
    }

    async fn a_provider_that_answers_nonsense_is_not_believed_and_one_that_is_down_is_said_to_be(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        idp.forge(|signer, header, mut claims| {
            claims["aud"] = "another".into();
            signer.sign(&header, &claims)
        });
        let reply = browser.go(&answered(&idp, &request)).await;
        assert_eq!((reply.status, reply.body.contains("INVALID_TOKEN")), (401, true), "{reply}");
        let request = set_out(&browser, START).await;
        let back = answered(&idp, &request);
        drop(idp);
        let reply = browser.go(&back).await;
        assert_eq!((reply.status, reply.body.contains("IDP_UNAVAILABLE")), (503, true), "{reply}");
        assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }

    async fn a_provider_that_is_switched_off_signs_nobody_in_from_then_on(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        site.change_provider("acme", "okta", Draft { enabled: Some(false), ..Draft::default() }).await;
        assert_eq!(browser.go(&answered(&idp, &request)).await.status, 400);
        assert_eq!(browser.go(START).await.status, 404);
        assert_eq!(asked(&idp), 0);
        let buttons = site.anyone().get("/api/client/auth/providers?client=acme").await.json();
        assert_eq!(buttons["data"]["providers"], serde_json::json!([]));
        // It is not there for another tenant either.
        site.tenant("globex").await;
        assert_eq!(browser.go("/api/client/auth/oidc?provider=okta&client=globex").await.status, 404);
    }

    async fn what_is_posted_to_the_callback_works_because_the_browser_then_goes_there_itself(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        let (code, state) = (idp.sign_in(&request), query(request.as_str())["state"].clone());
        let posted = browser.sent_from_elsewhere(CALLBACK, &[("code", &code), ("state", &state)]).await;
        assert_eq!((posted.status, cookies(&posted).len(), asked(&idp)), (303, 0, 0));
        assert_eq!(browser.go(posted.header("location").unwrap()).await.status, 303);
        assert_eq!(browser.me().await.status, 200);
    }

    async fn a_callback_is_taken_by_another_node_and_by_none_twice(site) {
        let (site, idp) = world(site).await;
        let other = site.another_node().await;
        let browser = Browser::new(&site);
        let request = set_out(&browser, START).await;
        let back = answered(&idp, &request);
        let there = browser.at(&other);
        let replies = futures::future::join_all((0..20).map(|at| {
            let browser = if at % 2 == 0 { &browser } else { &there };
            browser.go(&back)
        })).await;
        let done = replies.iter().filter(|reply| reply.status == 303).count();
        assert_eq!(done, 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
        assert_eq!(asked(&idp), 1);
    }

    async fn signing_out_says_where_to_sign_out_at_the_provider(site) {
        let (site, idp) = world(site).await;
        let browser = Browser::new(&site);
        signed_in(&browser, &idp, START).await;
        let target = "/api/client/auth/sign-out";
        let reply = browser.own_page(target).ask("POST", target).await;
        let url = reply.json()["data"]["providerLogout"]["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with(&format!("{}/logout?", idp.issuer())), "{url}");
        assert_eq!(browser.me().await.refusal(), is(401, "INVALID_TOKEN"));
        // A session of a password has nothing of the kind.
        let member = site.as_role(Role::Viewer).await;
        assert_eq!(member.ask("POST", target).await.json()["data"], serde_json::json!({}));
    }

    async fn the_client_secret_is_nowhere_but_at_the_token_endpoint(site) {
        let (site, idp) = world(site).await;
        signed_in(&Browser::new(&site), &idp, START).await;
        assert_eq!(asked(&idp), 1);
        for canary in [CLIENT_SECRET, "code-0", purser_standin::oidc::ACCESS_TOKEN] {
            assert_eq!(site.logged(canary), Vec::<String>::new(), "{canary}");
        }
    }
}

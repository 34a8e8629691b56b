//! Signing in at Microsoft for Dynamics, and tokens of Power Apps.

use purser_standin::microsoft::{Access, Endpoint, Fault, Kind, Microsoft, OTHER_DIRECTORY, Person, Version};
use tokio::net::TcpStream;
use url::Url;

use super::world::Browser;
use super::{cookies, is, is_private, published, query};
use crate::http::probe::{Line, Reply, request};
use crate::on_both;
use crate::site::Site;

const START: &str = "/api/client/auth/ms-dynamics?client=acme&returnTo=/work";

async fn world(site: Site) -> (Site, Microsoft) {
    let entra = Microsoft::start().await;
    let url = entra.url().to_owned();
    let site = site.with(move |settings| {
        settings.microsoft.login_url.clone_from(&url);
        settings.microsoft.graph_url = url;
    });
    let site = published(site.await).await;
    site.directory("acme", "contoso", &entra).await;
    (site, entra)
}

/// The person at Microsoft's page, who is sent back at once.
async fn consented(address: &str) -> String {
    let at = Url::parse(address).unwrap();
    let stream = TcpStream::connect((at.host_str().unwrap(), at.port().unwrap())).await.unwrap();
    let mut line = Line::over(stream);
    line.write(request("GET", &at[url::Position::BeforePath..], &[], "")).await;
    let reply = line.reply().await;
    assert_eq!(reply.status / 100, 3, "{reply}");
    reply.header("location").unwrap().to_owned()
}

async fn signed_in(browser: &Browser<'_>) -> Reply {
    let left = browser.go(START).await;
    assert_eq!(left.status, 303, "{left}");
    browser.go(&consented(left.header("location").unwrap()).await).await
}

on_both! {
    async fn a_person_of_the_organisation_signs_in(site) {
        let (site, entra) = world(site).await;
        let buttons = site.anyone().get("/api/client/auth/providers?client=acme").await.json();
        assert_eq!(buttons["data"]["providers"][0]["url"], "/api/client/auth/ms-dynamics?provider=contoso&client=acme");
        let browser = Browser::new(&site);
        let left = browser.go(START).await;
        is_private(&left);
        let request = Url::parse(left.header("location").unwrap()).unwrap();
        assert_eq!(request.path(), format!("/{}/oauth2/v2.0/authorize", purser_standin::microsoft::DIRECTORY));
        let said = query(request.as_str());
        assert_eq!(said["code_challenge_method"], "S256");
        assert!(said["state"].len() >= 22 && said["nonce"].len() >= 22);
        let arrived = browser.go(&consented(request.as_str()).await).await;
        assert_eq!((arrived.status, arrived.header("location")), (303, Some("/work")), "{arrived}");
        assert_eq!(browser.holds(), ["session"]);
        assert!(browser.me().await.json()["data"]["session"]["amr"].is_array());
        assert_eq!(entra.calls(Endpoint::WhoAmI), 1);
        assert_eq!(site.logged(purser_standin::microsoft::SECRET), Vec::<String>::new());
    }

    async fn a_person_of_another_organisation_is_forbidden(site) {
        let (site, entra) = world(site).await;
        entra.let_dataverse_name("dddddddd-2222-4333-8444-555566667777");
        let before = site.holdings().await;
        let reply = signed_in(&Browser::new(&site)).await;
        assert_eq!((reply.status, cookies(&reply).len()), (403, 0), "{reply}");
        assert!(reply.body.contains("FORBIDDEN") && reply.body.contains("another organisation"), "{reply}");
        assert_eq!(site.holdings().await, before);
    }

    async fn a_callback_of_dynamics_is_none_of_openid(site) {
        let (site, entra) = world(site).await;
        let browser = Browser::new(&site);
        let left = browser.go(START).await;
        let back = consented(left.header("location").unwrap()).await;
        let elsewhere = back.replace("/ms-dynamics/callback", "/oidc/callback");
        assert_eq!(browser.go(&elsewhere).await.status, 400);
        assert_eq!(Browser::new(&site).go(&back).await.status, 400);
        assert_eq!(entra.calls(Endpoint::Token), 0);
        assert_eq!(browser.go(&back).await.status, 303);
    }

    async fn a_power_apps_token_is_who_it_says_on_every_endpoint_of_the_client_realm(site) {
        let (site, entra) = world(site).await;
        let token = entra.issue(&Access::graph(Version::V1));
        let asker = site.anyone().bearing(&token);
        let me = asker.me().await;
        assert_eq!(me.status, 200, "{me}");
        assert_eq!(me.json()["data"]["session"], serde_json::Value::Null);
        assert_eq!(asker.get("/api/client/auth/sessions").await.status, 200);
        assert_eq!(asker.graphql("{ me { id email } }").await.status, 200);
        assert_eq!(entra.calls(Endpoint::Me), 1, "asked once, remembered then");
        assert_eq!(asker.get("/api/admin/clients").await.refusal(), is(401, "INVALID_TOKEN"));
        assert_eq!(asker.ask("POST", "/api/client/auth/sign-out").await.status, 200);
        assert_eq!(site.logged(&token[token.len() - 40..]), Vec::<String>::new());
        let foreign = Access { app: "99999999-cccc-4444-8ddd-5555eeee6666".into(), ..Access::graph(Version::V1) };
        let reply = site.anyone().bearing(&entra.issue(&foreign)).me().await;
        assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn a_token_that_graph_refuses_is_none_and_one_it_cannot_judge_is_not_judged(site) {
        let (site, entra) = world(site).await;
        for status in [400, 401, 403, 404] {
            entra.fail(Endpoint::Me, Fault::Failing(status));
            let reply = site.anyone().bearing(&entra.issue(&fresh(status.into()))).me().await;
            assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"), "{status}");
        }
        for (at, fault) in [Fault::Failing(500), Fault::Failing(503), Fault::Throttled { retry_after: Some(7) }].into_iter().enumerate() {
            entra.fail(Endpoint::Me, fault);
            let reply = site.anyone().bearing(&entra.issue(&fresh(i64::try_from(at).unwrap()))).me().await;
            assert_eq!(reply.refusal(), is(503, "IDP_UNAVAILABLE"), "{at}");
            assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        }
    }

    async fn a_guest_an_app_by_itself_and_another_directory_prove_nobody(site) {
        let (site, entra) = world(site).await;
        for access in [
            Access { person: Some(Person::guest()), ..Access::graph(Version::V1) },
            Access { kind: Kind::AppOnly, ..Access::graph(Version::V1) },
            Access { tid: OTHER_DIRECTORY.into(), ..Access::graph(Version::V1) },
            Access { app: "99999999-cccc-4444-8ddd-5555eeee6666".into(), ..Access::graph(Version::V1) },
        ] {
            let reply = site.anyone().bearing(&entra.issue(&access)).me().await;
            assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"), "{access:?}");
        }
    }
}

/// A token that no other is like.
fn fresh(at: i64) -> Access {
    Access { lifetime: 3_600 + at, ..Access::graph(Version::V1) }
}

//! Signing in with SAML responses: as browsers bring them, as programs do, and as nobody may.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use purser_core::providers::{Draft, SamlDraft};
use purser_standin::saml::{Dialect, Draft as Document, Facts, Key, Signing};
use serde_json::json;

use super::world::{ACS, Browser, IDP};
use super::{cookies, is, is_private, published};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::Site;

const DOOR: &str = "/api/client/auth/okta-saml";
const START: &str = "/api/client/auth/okta-saml?client=acme";
const REST: &str = "/rest/auth-with-okta-saml";

async fn world(site: Site, ways: SamlDraft) -> (Site, Key) {
    let site = Box::pin(published(site)).await;
    let key = Box::pin(site.saml("acme", "okta", ways)).await;
    (site, key)
}

/// People may start at the provider.
fn from_there() -> SamlDraft {
    SamlDraft { idp_initiated: Some(true), ..SamlDraft::default() }
}

/// A response, honestly signed, to a request or to none.
fn response(site: &Site, key: &Key, asked: Option<&str>, id: &str) -> String {
    written(site, key, asked, id, ACS)
}

fn written(site: &Site, key: &Key, asked: Option<&str>, id: &str, acs: &str) -> String {
    let facts = Facts { assertion_id: id.into(), ..Facts::new(IDP, acs, acs, asked, site.moment()) };
    Document::new(&facts, &Dialect::OKTA).sign_both(&Signing::with(key)).posted()
}

/// Somebody else's assertion around an honest one.
fn wrapped(site: &Site, key: &Key) -> String {
    let signing = Signing { prefix: "dsig".into(), ..Signing::with(key) };
    let honest = Document::new(&Facts::new(IDP, ACS, ACS, None, site.moment()), &Dialect::KEYCLOAK).sign_both(&signing);
    STANDARD.encode(purser_standin::saml::attacks::wrapped(&honest.xml(), 3))
}

/// What the page posts: the id of our request, and the relay state.
fn posted(page: &Reply) -> (String, String) {
    let value = |name: &str| {
        let (_, rest) = page.body.split_once(&format!(r#"name="{name}" value=""#)).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let xml = String::from_utf8(STANDARD.decode(value("SAMLRequest")).unwrap()).unwrap();
    let (_, rest) = xml.split_once(" ID=\"").unwrap();
    (rest.split_once('"').unwrap().0.to_owned(), value("RelayState"))
}

/// Sets out, and gives what has to come back.
async fn set_out(browser: &Browser<'_>, start: &str) -> (String, String) {
    let page = browser.go(start).await;
    assert_eq!(page.status, 200, "{page}");
    is_private(&page);
    posted(&page)
}

async fn as_json(site: &Site, document: &str) -> Reply {
    site.anyone().with("Host: sp.test").post(DOOR, &json!({"samlResponse": document})).await
}

on_both! {
    async fn a_browser_is_sent_by_a_page_and_comes_back_with_a_form(site) {
        let (site, key) = world(site, SamlDraft::default()).await;
        let browser = Browser::new(&site);
        let page = browser.go(&format!("{START}&returnTo=/work")).await;
        assert_eq!(page.status, 200, "{page}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action https://idp.test https:;") && policy.contains("script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(page.body.contains(r#"<form method="post" action="https://idp.test/sso">"#) && page.body.contains("<button>"), "{page}");
        let flow = cookies(&page).concat();
        assert!(flow.ends_with("; Max-Age=600; Path=/api/client/auth; HttpOnly; SameSite=None; Secure"), "{flow}");
        let (request, relay_state) = posted(&page);
        let document = response(&site, &key, Some(&request), "_a-1");
        let arrived = browser.sent_from_elsewhere(DOOR, &[("SAMLResponse", &document), ("RelayState", &relay_state)]).await;
        assert_eq!((arrived.status, arrived.header("location")), (303, Some("/work")), "{arrived}");
        is_private(&arrived);
        assert_eq!(browser.holds(), ["session"]);
        assert_eq!(browser.me().await.json()["data"]["user"]["email"], "ada@customer.test");
        for canary in [&document[document.len() - 60..], &relay_state, &request] {
            assert_eq!(site.logged(canary), Vec::<String>::new());
        }
    }

    async fn a_program_gets_tokens_for_a_response(site) {
        let (site, key) = world(site, from_there()).await;
        let reply = as_json(&site, &response(&site, &key, None, "_a-1")).await;
        assert_eq!(reply.status, 200, "{reply}");
        is_private(&reply);
        let data = &reply.json()["data"];
        assert_eq!(data["user"]["email"], "ada@customer.test");
        assert!(data["refreshToken"].is_string() && data["expiresIn"].is_number());
        assert!(cookies(&reply).concat().starts_with("session="));
        assert_eq!(site.anyone().bearing(data["token"].as_str().unwrap()).me().await.status, 200);
    }

    async fn a_form_is_bound_to_the_browser_that_asked(site) {
        let (site, key) = world(site, SamlDraft::default()).await;
        let (browser, victim) = (Browser::new(&site), Browser::new(&site));
        let (request, relay_state) = set_out(&browser, START).await;
        let document = response(&site, &key, Some(&request), "_a-1");
        let fields = [("SAMLResponse", &*document), ("RelayState", &relay_state)];
        // Somebody else's response is not put under a visitor.
        let reply = victim.sent_from_elsewhere(DOOR, &fields).await;
        assert_eq!((reply.status, cookies(&reply).len()), (401, 0), "{reply}");
        assert_eq!(browser.sent_from_elsewhere(DOOR, &fields).await.status, 303);
        assert_eq!(browser.sent_from_elsewhere(DOOR, &fields).await.status, 401);
    }

    async fn what_nobody_asked_for_is_refused_unless_the_tenant_wants_it(site) {
        let (site, key) = world(site, SamlDraft::default()).await;
        let document = response(&site, &key, None, "_a-1");
        assert_eq!(as_json(&site, &document).await.refusal(), is(401, "SAML_INVALID"));
        let reply = Browser::new(&site).sent_from_elsewhere(DOOR, &[("SAMLResponse", &document)]).await;
        assert_eq!(reply.status, 401);
    }

    async fn an_assertion_opens_one_session_whoever_shows_it_and_however_wrapped(site) {
        let (site, key) = world(site, from_there()).await;
        let document = response(&site, &key, None, "_a-1");
        assert_eq!(as_json(&site, &document).await.status, 200);
        assert_eq!(as_json(&site, &document).await.refusal(), is(401, "SAML_INVALID"));
        // The same assertion in another response.
        let facts = Facts { assertion_id: "_a-1".into(), response_id: "_another".into(), ..Facts::new(IDP, ACS, ACS, None, site.moment()) };
        let wrapped = Document::new(&facts, &Dialect::OKTA).sign_both(&Signing::with(&key)).posted();
        assert_eq!(as_json(&site, &wrapped).await.refusal(), is(401, "SAML_INVALID"));
        let site = site.restarted().await;
        assert_eq!(as_json(&site, &document).await.refusal(), is(401, "SAML_INVALID"));
    }

    async fn of_fifty_who_show_one_document_at_two_nodes_one_is_signed_in(site) {
        let (site, key) = world(site, from_there()).await;
        let other = site.another_node().await;
        let document = response(&site, &key, None, "_a-1");
        let shown = (0..50).map(|at| as_json(if at % 2 == 0 { &site } else { &other }, &document));
        let replies = futures::future::join_all(shown).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    }

    async fn whatever_is_wrong_with_a_document_the_answer_is_one_and_the_same(site) {
        let (site, key) = world(site, from_there()).await;
        let stranger = Key::rsa();
        let honest = || Facts::new(IDP, ACS, ACS, None, site.moment());
        let signed = |facts: &Facts, key: &Key| Document::new(facts, &Dialect::OKTA).sign_both(&Signing::with(key)).posted();
        let good = response(&site, &key, None, "_good");
        let documents = [
            ("no XML", STANDARD.encode("rubbish")),
            ("no base64", "%%%".to_owned()),
            ("nobody's key", signed(&honest(), &stranger)),
            ("unsigned", Document::new(&honest(), &Dialect::OKTA).posted()),
            ("response alone signed", Document::new(&honest(), &Dialect::OKTA).sign_response(&Signing::with(&key)).posted()),
            ("another audience", signed(&Facts { audience: "https://other.test".into(), ..honest() }, &key)),
            ("another recipient", signed(&Facts { acs: "https://other.test/acs".into(), ..honest() }, &key)),
            ("another issuer", signed(&Facts { issuer: "https://other.test/idp".into(), ..honest() }, &key)),
            ("too old", signed(&Facts { now: "2026-11-21T12:00:00Z".parse().unwrap(), ..honest() }, &key)),
            ("an answer to nothing we asked", signed(&Facts { asked: Some("_never".into()), ..honest() }, &key)),
            ("wrapped", wrapped(&site, &key)),
        ];
        let mut answers = std::collections::BTreeSet::new();
        let before = site.holdings().await;
        for (what, document) in documents {
            let reply = as_json(&site, &document).await;
            assert_eq!(reply.refusal(), is(401, "SAML_INVALID"), "{what}");
            assert!(cookies(&reply).is_empty());
            answers.insert(reply.body);
        }
        assert_eq!(answers.len(), 1);
        assert_eq!(site.holdings().await, before);
        assert_eq!(as_json(&site, &good).await.status, 200, "the good one is good");
    }

    async fn a_tenant_that_is_named_must_be_that_of_the_documents_issuer(site) {
        let (site, key) = world(site, from_there()).await;
        site.tenant("globex").await;
        let body = json!({"samlResponse": response(&site, &key, None, "_a-1")});
        let asker = site.anyone().with("X-Client-ID: globex");
        assert_eq!(asker.post(DOOR, &body).await.refusal(), is(401, "SAML_INVALID"));
        assert_eq!(site.anyone().with("X-Client-ID: acme").post(DOOR, &body).await.status, 200);
    }

    async fn a_provider_switched_off_or_without_its_certificate_vouches_for_nobody(site) {
        let (site, key) = world(site, from_there()).await;
        let off = |enabled| Draft { enabled: Some(enabled), ..Draft::default() };
        site.change_provider("acme", "okta", off(false)).await;
        assert_eq!(as_json(&site, &response(&site, &key, None, "_a-1")).await.refusal(), is(401, "SAML_INVALID"));
        site.change_provider("acme", "okta", off(true)).await;
        assert_eq!(as_json(&site, &response(&site, &key, None, "_a-1")).await.status, 200);
    }

    async fn a_relay_state_leads_nobody_away(site) {
        let (site, key) = world(site, from_there()).await;
        for (at, place) in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"].into_iter().enumerate() {
            let document = response(&site, &key, None, &format!("_a-{at}"));
            let fields = [("SAMLResponse", &*document), ("RelayState", place)];
            let reply = Browser::new(&site).sent_from_elsewhere(DOOR, &fields).await;
            assert_eq!((reply.status, reply.header("location")), (303, Some("/")), "{place}");
        }
    }

    async fn the_address_of_old_works_on_the_tenants_host_once_it_is_switched_on(site) {
        let (site, key) = world(site, SamlDraft { okta_alias: Some(true), ..from_there() }).await;
        let old = "https://acme.sp.test/rest/auth-with-okta-saml";
        let browser = Browser::new(&site);
        let page = browser.go(old).await;
        assert_eq!(page.status, 200, "{page}");
        assert!(cookies(&page).concat().contains("; Path=/rest; HttpOnly; SameSite=None; Secure"));
        let (request, relay_state) = posted(&page);
        let document = written(&site, &key, Some(&request), "_a-1", old);
        let fields = [("SAMLResponse", &*document), ("RelayState", &relay_state)];
        let arrived = browser.sent_from_elsewhere(old, &fields).await;
        assert_eq!((arrived.status, arrived.header("location")), (303, Some("/")), "{arrived}");
        is_private(&arrived);
        assert_eq!(browser.holds(), ["session"]);
        // Each document at its own door only.
        let elsewhere = written(&site, &key, None, "_a-2", old);
        assert_eq!(as_json(&site, &elsewhere).await.refusal(), is(401, "SAML_INVALID"));
        let main = response(&site, &key, None, "_a-3");
        let reply = Browser::new(&site).sent_from_elsewhere(old, &[("SAMLResponse", &main)]).await;
        assert_eq!(reply.status, 401);
        site.tenant("globex").await;
        let reply = Browser::new(&site).sent_from_elsewhere("https://globex.sp.test/rest/auth-with-okta-saml", &[("SAMLResponse", &elsewhere)]).await;
        assert_eq!(reply.status, 401);
        let off = SamlDraft { okta_alias: Some(false), ..SamlDraft::default() };
        let off = Draft { protocol: Some(purser_core::providers::ProtocolDraft::Saml(off)), ..Draft::default() };
        site.change_provider("acme", "okta", off).await;
        assert_eq!(browser.go(old).await.status, 404);
        let reply = browser.sent_from_elsewhere(old, &[("SAMLResponse", &elsewhere)]).await;
        assert_eq!(reply.status, 404, "{reply}");
        assert_eq!(site.anyone().with("Host: sp.test").get(REST).await.refusal(), is(404, "UNKNOWN_PROVIDER"));
    }

    async fn our_metadata_tells_the_provider_who_we_are(site) {
        let (site, _key) = world(site, SamlDraft::default()).await;
        let reply = site.anyone().get("/api/client/auth/okta-saml/metadata?client=acme").await;
        assert_eq!(reply.status, 200, "{reply}");
        assert_eq!(reply.header("content-type"), Some("application/samlmetadata+xml"));
        is_private(&reply);
        assert!(reply.body.contains(&format!("entityID=\"{ACS}\"")) && reply.body.contains(&format!("Location=\"{ACS}\"")), "{reply}");
        assert!(!reply.body.contains("PRIVATE KEY"));
        let on_sub_domain = site.anyone().with("Host: acme.sp.test").get("/api/client/auth/okta-saml/metadata").await;
        assert_eq!(on_sub_domain.body, reply.body);
    }

    async fn a_message_about_the_end_of_a_session_counts_only_if_signed(site) {
        let (site, key) = world(site, from_there()).await;
        let browser = Browser::new(&site);
        let document = response(&site, &key, None, "_a-1");
        assert_eq!(browser.sent_from_elsewhere(DOOR, &[("SAMLResponse", &document)]).await.status, 303);
        let xml = format!(
            r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_out" Version="2.0" IssueInstant="{}" Destination="https://sp.test/api/client/auth/okta-saml/logout"><saml:Issuer>{IDP}</saml:Issuer><saml:NameID>ada@customer.test</saml:NameID></samlp:LogoutRequest>"#,
            site.moment()
        );
        let target = "/api/client/auth/okta-saml/logout";
        let reply = browser.sent_from_elsewhere(target, &[("SAMLRequest", &STANDARD.encode(xml)), ("RelayState", "r")]).await;
        assert_eq!(reply.status, 401, "{reply}");
        let both = browser.sent_from_elsewhere(target, &[("SAMLRequest", "a"), ("SAMLResponse", "b")]).await;
        assert_eq!(both.status, 400);
        assert_eq!(browser.me().await.status, 200);
    }
}

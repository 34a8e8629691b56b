//! Signing in with SAML responses: bound to their request and browser, believed once, and ended on both sides.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use purser_core::access::Role;
use purser_core::app::App;
use purser_core::env::Clock;
use purser_core::error::{Code, Result};
use purser_core::ids::TenantId;
use purser_core::providers::{Draft as Settings, ProtocolDraft, SamlDraft};
use purser_core::signin::{Arrival, Door, Leave, SamlBy, SamlLogout, SamlShown, Start};
use purser_core::tenants::TenantStatus;
use purser_standin::saml::{Dialect, Draft, Facts, Key, Signing, sign};

use crate::journey::{Browser, arrived, base, change, count, creating, ground, owning, settling, switch, to, trusting};
use crate::on_both;
use crate::world::{PASSWORD, World, stranger, visit};

const IDP: &str = "https://idp.test/saml";

static KEY: LazyLock<Key> = LazyLock::new(Key::rsa);
static OTHER_KEY: LazyLock<Key> = LazyLock::new(Key::rsa);

/// What the provider publishes; it takes messages by form, where they can be read.
fn metadata(entity_id: &str, key: &Key) -> String {
    let certificate = key.certificate_base64();
    let post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService Binding="{post}" Location="https://idp.test/slo"/><md:SingleSignOnService Binding="{post}" Location="https://idp.test/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

fn saml(draft: SamlDraft) -> Settings {
    Settings { protocol: Some(ProtocolDraft::Saml(draft)), ..Settings::default() }
}

async fn set_up(world: &World, tenant: &TenantId, name: &str, entity_id: &str, key: &Key) {
    let draft = saml(SamlDraft { metadata: Some(metadata(entity_id, key)), ..SamlDraft::default() });
    world.app.create_provider(&settling(world, tenant).await, name, draft).await.unwrap();
}

/// A tenant with a provider that makes users.
async fn acme(world: &World) -> TenantId {
    let acme = world.tenant("acme").await;
    set_up(world, &acme, "okta", IDP, &KEY).await;
    creating(world, &acme, "okta", &[Role::Viewer]).await;
    acme
}

async fn unasked(world: &World, tenant: &TenantId, allowed: bool) {
    change(world, tenant, "okta", saml(SamlDraft { idp_initiated: Some(allowed), ..SamlDraft::default() })).await;
}

/// Leaves for the provider: the id of the request.
async fn leave(app: &App, browser: &Browser, start: Start) -> String {
    let departure = app.start_saml(start, &visit()).await.unwrap();
    assert!(departure.flow.cross_site);
    browser.keep(&departure);
    let Leave::Form { fields, .. } = departure.to else { panic!("not a form") };
    id_of(&message(&fields, "SAMLRequest"))
}

fn message(fields: &[(String, String)], name: &str) -> String {
    let packed = &fields.iter().find(|(field, _)| field == name).unwrap().1;
    String::from_utf8(STANDARD.decode(packed).unwrap()).unwrap()
}

fn id_of(xml: &str) -> String {
    xml.split_once(" ID=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

/// What the provider says of Ada, just now.
fn facts(world: &World, asked: Option<&str>, serial: u32) -> Facts {
    let now = jiff::Timestamp::from_second(world.clock.now().seconds()).unwrap();
    let mut facts = Facts::new(IDP, &base().acs(), &base().acs(), asked, now);
    facts.response_id = format!("_response-{serial}");
    facts.assertion_id = format!("_assertion-{serial}");
    facts
}

fn signed(facts: &Facts) -> String {
    Draft::new(facts, &Dialect::OKTA).sign_both(&Signing::with(&KEY)).posted()
}

fn shown(document: &str, by: SamlBy) -> SamlShown<'_> {
    SamlShown { document, relay_state: Some("https://evil.test"), by, door: Door::Own }
}

async fn post(app: &App, browser: &Browser, document: &str) -> Result<Arrival> {
    app.finish_saml(shown(document, SamlBy::Form), None, &|name| browser.cookie(name), &base(), &visit()).await
}

async fn json(app: &App, named: Option<&TenantId>, document: &str) -> Result<Arrival> {
    app.finish_saml(shown(document, SamlBy::Json), named, &|_| None, &base(), &visit()).await
}

fn code(outcome: Result<Arrival>) -> Code {
    outcome.map(|_| ()).unwrap_err().code()
}

/// A message of the provider about the end of a session.
fn log_out(world: &World, serial: u32, session: Option<&str>, key: &Key) -> String {
    let now = jiff::Timestamp::from_second(world.clock.now().seconds()).unwrap();
    let index = session.map_or_else(String::new, |it| format!("<samlp:SessionIndex>{it}</samlp:SessionIndex>"));
    let slo = base().slo();
    let xml = format!(
        r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout-{serial}" Version="2.0" IssueInstant="{now}" Destination="{slo}"><saml:Issuer>{IDP}</saml:Issuer><!--signature--><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ada@customer.test</saml:NameID>{index}</samlp:LogoutRequest>"#
    );
    STANDARD.encode(sign(&xml, "<!--signature-->", &format!("_logout-{serial}"), &Signing::with(key)))
}

async fn ask_to_log_out(world: &World, message: &str) -> Result<Leave> {
    let received = SamlLogout::Form { request: Some(message), response: None, relay_state: Some("r-1") };
    world.app.saml_logout(received, &base(), &visit()).await
}

on_both! {
    async fn whoever_a_response_to_our_request_proves_is_signed_in(world) {
        let acme = acme(&world).await;
        let browser = Browser::default();
        let start = Start { return_to: Some("/work".into()), provider: None, ..to(&acme, "okta") };
        let asked = leave(&world.app, &browser, start).await;
        let document = signed(&facts(&world, Some(&asked), 1));
        let arrival = post(&world.app, &browser, &document).await.unwrap();
        let Arrival::Session { signed_in, return_to, flow_cookie } = arrival else { panic!("sent elsewhere") };
        assert_eq!((return_to.as_str(), signed_in.user.email.as_str()), ("/work", "ada@customer.test"));
        assert!(browser.cookie(&flow_cookie.unwrap()).is_some());
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].method, "saml");
        let line = world.last(&acme, "session.sign-in").await.unwrap();
        assert_eq!(line, "user 1 session.sign-in user:1 done: saml okta");
        let asked = leave(&world.app, &browser, to(&acme, "okta")).await;
        let by_json = arrived(json(&world.app, Some(&acme), &signed(&facts(&world, Some(&asked), 2))).await.unwrap());
        assert_eq!(by_json.user.id, signed_in.user.id);
    }

    async fn a_response_shown_fifty_times_over_two_nodes_opens_one_session(world) {
        let acme = acme(&world).await;
        let other = world.another_node().await;
        let browser = Browser::default();
        let asked = leave(&world.app, &browser, to(&acme, "okta")).await;
        let document = signed(&facts(&world, Some(&asked), 1));
        let nodes: Vec<Arc<App>> = (0..50).map(|turn| if turn % 2 == 0 { &world.app } else { &other }).cloned().collect();
        let outcomes = join_all(nodes.iter().map(|node| post(node, &browser, &document))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refused = outcomes.into_iter().filter_map(Result::err);
        assert!(refused.into_iter().all(|refusal| matches!(refusal.code(), Code::SamlInvalid | Code::ServerBusy)));
        assert_eq!(count(&world, "sessions").await, "1");
    }

    async fn an_assertion_is_known_again_in_another_response_on_another_node_and_after_a_restart(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let told = facts(&world, None, 1);
        let again = Facts { response_id: "_another-response".into(), ..told.clone() };
        let (document, rewrapped) = (signed(&told), signed(&again));
        assert!(json(&world.app, None, &document).await.is_ok());
        let other = world.another_node().await;
        for document in [&document, &rewrapped] {
            assert_eq!(code(json(&world.app, None, document).await), Code::SamlInvalid);
            assert_eq!(code(json(&other, None, document).await), Code::SamlInvalid);
        }
        drop(other);
        let world = world.restarted().await;
        assert_eq!(code(json(&world.app, None, &rewrapped).await), Code::SamlInvalid);
        // Forgotten only once it would be refused for its age.
        for seconds in [290, 60, 20] {
            world.wait(seconds);
            world.app.keep_house().await.unwrap();
            assert_eq!(code(json(&world.app, None, &document).await), Code::SamlInvalid);
        }
        assert_eq!((count(&world, "sessions").await, count(&world, "spent_proofs").await), ("1".into(), "0".into()));
    }

    async fn a_posted_response_must_come_from_the_browser_that_asked(world) {
        let acme = acme(&world).await;
        let (browser, thief) = (Browser::default(), Browser::default());
        let asked = leave(&world.app, &browser, to(&acme, "okta")).await;
        leave(&world.app, &thief, to(&acme, "okta")).await;
        let document = signed(&facts(&world, Some(&asked), 1));
        let before = ground(&world).await;
        assert_eq!(code(post(&world.app, &thief, &document).await), Code::SamlInvalid);
        assert_eq!(code(post(&world.app, &Browser::default(), &document).await), Code::SamlInvalid);
        assert_eq!(ground(&world).await, before);
        assert!(post(&world.app, &browser, &document).await.is_ok());
        // The request is spent, whatever other assertion answers it.
        let another = signed(&facts(&world, Some(&asked), 2));
        assert_eq!(code(post(&world.app, &browser, &another).await), Code::SamlInvalid);
        assert_eq!(code(json(&world.app, None, &another).await), Code::SamlInvalid);
    }

    async fn a_response_to_no_living_request_of_ours_is_refused(world) {
        let acme = acme(&world).await;
        let browser = Browser::default();
        assert_eq!(code(json(&world.app, None, &signed(&facts(&world, None, 1))).await), Code::SamlInvalid);
        assert_eq!(code(json(&world.app, None, &signed(&facts(&world, Some("_unknown"), 2))).await), Code::SamlInvalid);
        let asked = leave(&world.app, &browser, to(&acme, "okta")).await;
        world.wait(601);
        assert_eq!(code(post(&world.app, &browser, &signed(&facts(&world, Some(&asked), 3))).await), Code::SamlInvalid);
        // A request made to one provider is not answered by another of the same tenant.
        set_up(&world, &acme, "second", "https://second.test/saml", &OTHER_KEY).await;
        let asked = leave(&world.app, &browser, to(&acme, "second")).await;
        assert_eq!(code(post(&world.app, &browser, &signed(&facts(&world, Some(&asked), 4))).await), Code::SamlInvalid);
        assert_eq!(count(&world, "users").await, "0");
        let reason = world.last(&acme, "session.sign-in").await.unwrap();
        assert_eq!(reason, "provider okta session.sign-in provider:okta refused: the request it answers is unknown, expired or spent, or was another provider's");
    }

    async fn where_to_go_is_never_what_came_along(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let arrival = post(&world.app, &Browser::default(), &signed(&facts(&world, None, 1))).await.unwrap();
        let Arrival::Session { return_to, flow_cookie, .. } = arrival else { panic!("sent elsewhere") };
        assert_eq!((return_to.as_str(), flow_cookie), ("/", None));
        unasked(&world, &acme, false).await;
        assert_eq!(code(post(&world.app, &Browser::default(), &signed(&facts(&world, None, 2))).await), Code::SamlInvalid);
    }

    async fn the_tenant_is_that_of_the_provider_and_of_no_header(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let other = world.tenant("other").await;
        set_up(&world, &other, "okta", "https://other.test/saml", &OTHER_KEY).await;
        creating(&world, &other, "okta", &[]).await;
        let document = signed(&facts(&world, None, 1));
        let before = ground(&world).await;
        assert_eq!(code(json(&world.app, Some(&other), &document).await), Code::SamlInvalid);
        // Signed by the other tenant's provider, in this one's name.
        let forged = Draft::new(&facts(&world, None, 2), &Dialect::OKTA).sign_both(&Signing::with(&OTHER_KEY)).posted();
        assert_eq!(code(json(&world.app, None, &forged).await), Code::SamlInvalid);
        assert_eq!(ground(&world).await, before);
        assert_eq!(arrived(json(&world.app, Some(&acme), &document).await.unwrap()).user.tenant, acme);
    }

    async fn what_is_switched_off_or_removed_lets_nobody_in(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let app = &world.app;
        switch(&world, &acme, "okta", false).await;
        assert_eq!(code(json(app, None, &signed(&facts(&world, None, 1))).await), Code::SamlInvalid);
        switch(&world, &acme, "okta", true).await;
        world.switch(&acme, TenantStatus::Disabled).await;
        assert_eq!(code(json(app, None, &signed(&facts(&world, None, 2))).await), Code::SamlInvalid);
        world.switch(&acme, TenantStatus::Active).await;
        let ada = arrived(json(app, None, &signed(&facts(&world, None, 3))).await.unwrap()).user;
        app.disable_user(&world.managing(&acme).await, ada.id).await.unwrap();
        assert_eq!(code(json(app, None, &signed(&facts(&world, None, 4))).await), Code::AccountUnknown);
        app.delete_provider(&settling(&world, &acme).await, "okta").await.unwrap();
        assert_eq!(code(json(app, None, &signed(&facts(&world, None, 5))).await), Code::SamlInvalid);
        assert!(app.start_saml(to(&acme, "okta"), &visit()).await.is_err());
    }

    async fn whatever_is_wrong_is_answered_alike_and_explained_in_the_log(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let before = ground(&world).await;
        let good = facts(&world, None, 1);
        let forged = Draft::new(&good, &Dialect::OKTA).sign_both(&Signing::with(&OTHER_KEY)).posted();
        let unsigned = Draft::new(&good, &Dialect::OKTA).posted();
        let for_others = signed(&Facts { audience: "https://somebody.else".into(), ..good.clone() });
        let elsewhere = signed(&Facts { acs: "https://somebody.else/acs".into(), ..good.clone() });
        for document in [forged.as_str(), &unsigned, &for_others, &elsewhere, "", "!", "bm90IHhtbA=="] {
            assert_eq!(code(json(&world.app, None, document).await), Code::SamlInvalid);
        }
        assert_eq!(ground(&world).await, before);
        let log = world.log(&acme).await;
        let reasons: std::collections::BTreeSet<&str> =
            log.iter().filter(|line| line.outcome == "refused").map(|line| line.reason.as_str()).collect();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
    }

    async fn an_account_of_that_address_opens_only_where_the_tenant_trusts_the_provider_for_it(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let ada = world.user_called(&acme, "ada@customer.test", PASSWORD, &[Role::Author]).await;
        assert_eq!(code(json(&world.app, None, &signed(&facts(&world, None, 1))).await), Code::AccountExists);
        owning(&world, &acme, "customer.test").await;
        assert_eq!(code(json(&world.app, None, &signed(&facts(&world, None, 2))).await), Code::AccountExists);
        trusting(&world, &acme, "okta", "customer.test").await;
        let signed_in = arrived(json(&world.app, None, &signed(&facts(&world, None, 3))).await.unwrap());
        assert_eq!(signed_in.user.id, ada.id);
    }

    async fn a_flood_of_bad_documents_is_stopped_by_address_and_by_tenant(world) {
        let world = world.with(|settings| settings.limits.guesses_per_tenant = 6).await;
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let world = world.with(|settings| settings.limits.guesses_per_address = 4).await;
        let bad = Draft::new(&facts(&world, None, 1), &Dialect::OKTA).posted();
        for _ in 0..4 {
            assert_eq!(code(json(&world.app, None, &bad).await), Code::SamlInvalid);
        }
        assert_eq!(code(json(&world.app, None, &bad).await), Code::RateLimited);
        let from_elsewhere = async |document: &str| {
            world.app.finish_saml(shown(document, SamlBy::Json), None, &|_| None, &base(), &stranger()).await
        };
        for _ in 0..2 {
            assert_eq!(code(from_elsewhere(&bad).await), Code::SamlInvalid);
        }
        assert_eq!(code(from_elsewhere(&signed(&facts(&world, None, 2))).await), Code::RateLimited);
        // Whom we sent there ourselves is not kept out by strangers.
        let (browser, somebody) = (Browser::default(), stranger());
        let departure = world.app.start_saml(to(&acme, "okta"), &somebody).await.unwrap();
        browser.keep(&departure);
        let Leave::Form { fields, .. } = departure.to else { panic!("not a form") };
        let document = signed(&facts(&world, Some(&id_of(&message(&fields, "SAMLRequest"))), 3));
        let shown = shown(&document, SamlBy::Form);
        assert!(world.app.finish_saml(shown, None, &|name| browser.cookie(name), &base(), &somebody).await.is_ok());
    }

    async fn our_metadata_names_our_addresses(world) {
        let acme = acme(&world).await;
        let xml = world.app.saml_metadata(Some(&acme), None, &base()).await.unwrap();
        assert!(xml.contains(&base().acs()) && xml.contains(&base().slo()), "{xml}");
        let other = world.tenant("other").await;
        assert_eq!(world.app.saml_metadata(Some(&other), None, &base()).await.unwrap_err().code(), Code::UnknownProvider);
    }

    async fn a_provider_that_signs_somebody_out_ends_their_sessions_here(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let sign_in = async |serial| arrived(json(&world.app, None, &signed(&facts(&world, None, serial))).await.unwrap());
        let (one, two) = (sign_in(1).await, sign_in(2).await);
        let jane = world.user(&acme, "jane", &[Role::Viewer]).await;
        let other = world.sign_in(&jane.email).await;
        let forged = log_out(&world, 1, None, &OTHER_KEY);
        assert_eq!(ask_to_log_out(&world, &forged).await.unwrap_err().code(), Code::SamlInvalid);
        ask_to_log_out(&world, &log_out(&world, 2, Some("another-session"), &KEY)).await.unwrap();
        assert!(world.caller(&one.handed.token).await.is_ok());
        let message = log_out(&world, 3, Some("session-7"), &KEY);
        let Leave::Form { location, fields } = ask_to_log_out(&world, &message).await.unwrap() else { panic!("not a form") };
        assert_eq!(location, "https://idp.test/slo");
        assert!(self::message(&fields, "SAMLResponse").contains("status:Success"));
        assert!(fields.iter().any(|(name, value)| name == "RelayState" && value == "r-1"));
        for ended in [&one, &two] {
            assert_eq!(world.caller(&ended.handed.token).await.unwrap_err().code(), Code::InvalidToken);
        }
        assert!(world.caller(&other.handed.token).await.is_ok());
        // Once per request: shown again it ends nothing that was begun since.
        let three = sign_in(3).await;
        assert_eq!(ask_to_log_out(&world, &message).await.unwrap_err().code(), Code::SamlInvalid);
        assert!(world.caller(&three.handed.token).await.is_ok());
    }

    async fn signing_out_here_can_be_carried_to_the_provider_and_back(world) {
        let acme = acme(&world).await;
        unasked(&world, &acme, true).await;
        let signed_in = arrived(json(&world.app, None, &signed(&facts(&world, None, 1))).await.unwrap());
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        let leave = world.app.provider_logout(&caller, &base()).await.unwrap();
        let Some(Leave::Form { fields, .. }) = leave else { panic!("not offered") };
        let request = message(&fields, "SAMLRequest");
        assert!(request.contains("ada@customer.test") && request.contains("session-7"), "{request}");
        let now = jiff::Timestamp::from_second(world.clock.now().seconds()).unwrap();
        let (asked, slo) = (id_of(&request), base().slo());
        let answer = |asked: &str, id: &str| {
            let xml = format!(
                r#"<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="{now}" Destination="{slo}" InResponseTo="{asked}"><saml:Issuer>{IDP}</saml:Issuer><!--signature--><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>"#
            );
            STANDARD.encode(sign(&xml, "<!--signature-->", id, &Signing::with(&KEY)))
        };
        let take = async |message: &str| {
            let received = SamlLogout::Form { request: None, response: Some(message), relay_state: None };
            world.app.saml_logout(received, &base(), &visit()).await.map_err(|refusal| refusal.code())
        };
        assert_eq!(take(&answer("_never-asked", "_a1")).await, Err(Code::SamlInvalid));
        let good = answer(&asked, "_a2");
        assert_eq!(take(&good).await, Ok(Leave::To("/".into())));
        assert_eq!(take(&good).await, Err(Code::SamlInvalid));
    }
}

//! Signing in at Microsoft for Dynamics: the code flow, and the one organisation whose people may come in.

use purser_core::access::Role;
use purser_core::app::App;
use purser_core::error::{Code, Result};
use purser_core::ids::TenantId;
use purser_core::providers::{Credential, Draft, MicrosoftDraft, ProtocolDraft};
use purser_core::secret::Secret;
use purser_core::signin::{Arrival, Leave, Returned};
use purser_standin::microsoft::{self as standin, Endpoint, Microsoft};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::journey::{Browser, arrived, base, creating, ground, parameter, settling, to};
use crate::on_both;
use crate::world::{World, visit};

/// A world beside a stand-in, with a tenant whose directory it is.
pub async fn contoso(world: World) -> (World, TenantId, Microsoft) {
    let there = Microsoft::start().await;
    there.stop_clock_at(1_800_000_000);
    let app = standin::App { redirect_uris: vec![base().dynamics_callback()], ..standin::App::default() };
    there.register(app);
    let url = there.url().to_owned();
    let world = world
        .with(|settings| {
            settings.microsoft.login_url.clone_from(&url);
            settings.microsoft.graph_url.clone_from(&url);
        })
        .await;
    let contoso = world.tenant("contoso").await;
    let by = settling(&world, &contoso).await;
    world.app.create_provider(&by, "microsoft", directory(&there)).await.unwrap();
    creating(&world, &contoso, "microsoft", &[Role::Operator]).await;
    (world, contoso, there)
}

/// What makes a provider of the stand-in.
pub fn directory(there: &Microsoft) -> Draft {
    let draft = MicrosoftDraft {
        directory: Some(standin::DIRECTORY.into()),
        app_id: Some(standin::APP.into()),
        credential: Some(Credential::Secret(Secret::new(standin::SECRET))),
        dataverse_url: Some(there.url().into()),
        organization_id: Some(standin::ORGANIZATION.into()),
        allowed_apps: Some(vec![standin::POWER_APP.into()]),
        ..MicrosoftDraft::default()
    };
    Draft { protocol: Some(ProtocolDraft::Microsoft(draft)), ..Draft::default() }
}

/// Where an address sends a browser on to.
async fn sent_on(url: &Url) -> Url {
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", url.authority());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let location = answer.lines().find_map(|line| {
        line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, value)| value)
    });
    location.unwrap_or_else(|| panic!("sent nowhere: {answer}")).parse().unwrap()
}

async fn sign_in(here: &App, back_at: &App, tenant: &TenantId) -> Result<Arrival> {
    let browser = Browser::default();
    let departure = here.start_dynamics(to(tenant, "microsoft"), &visit()).await?;
    browser.keep(&departure);
    let Leave::To(url) = departure.to else { panic!("a form to Microsoft") };
    let back = sent_on(&url.parse().unwrap()).await;
    let (state, code) = (parameter(&back, "state"), parameter(&back, "code"));
    let returned = Returned { state: Some(&state), code: Some(&code), ..Returned::default() };
    back_at.finish_dynamics(returned, &|name| browser.cookie(name), &base(), &visit()).await
}

on_both! {
    async fn somebody_of_the_organisation_is_signed_in_on_whatever_node_they_come_back_to(world) {
        let (world, contoso, there) = contoso(world).await;
        let other = world.another_node().await;
        let signed_in = arrived(sign_in(&world.app, &other, &contoso).await.unwrap());
        assert_eq!(signed_in.user.roles.iter().collect::<Vec<_>>(), [Role::Operator]);
        let caller = world.caller(&signed_in.handed.token).await.unwrap();
        assert_eq!(world.app.own_sessions(&caller).await.unwrap()[0].method, "ms-dynamics");
        assert_eq!(there.calls(Endpoint::WhoAmI), 1);
        let again = arrived(sign_in(&world.app, &world.app, &contoso).await.unwrap());
        assert_eq!(again.user.id, signed_in.user.id);
        assert_eq!(world.app.provider_logout(&caller, &base()).await.unwrap(), None);
    }

    async fn somebody_of_another_organisation_is_known_and_may_not_come_in(world) {
        let (world, contoso, there) = contoso(world).await;
        there.let_dataverse_name("dddddddd-2222-4333-8444-555566667777");
        let before = ground(&world).await;
        let refusal = sign_in(&world.app, &world.app, &contoso).await.unwrap_err();
        assert_eq!(refusal.code(), Code::Forbidden);
        assert_eq!(ground(&world).await, before);
        assert!(world.last(&contoso, "session.sign-in").await.unwrap().contains("organisation"));
    }

    async fn a_code_that_microsoft_does_not_know_proves_nobody(world) {
        let (world, contoso, there) = contoso(world).await;
        let browser = Browser::default();
        let departure = world.app.start_dynamics(to(&contoso, "microsoft"), &visit()).await.unwrap();
        browser.keep(&departure);
        let Leave::To(url) = departure.to else { panic!("a form to Microsoft") };
        let state = parameter(&url.parse().unwrap(), "state");
        let back = Returned { state: Some(&state), code: Some("of somebody else"), ..Returned::default() };
        let finish = async || world.app.finish_dynamics(back, &|name| browser.cookie(name), &base(), &visit()).await;
        assert_eq!(finish().await.unwrap_err().code(), Code::InvalidToken);
        let calls = there.calls(Endpoint::Token);
        assert_eq!(finish().await.unwrap_err().code(), Code::OidcStateInvalid);
        assert_eq!(there.calls(Endpoint::Token), calls);
    }

    async fn microsoft_being_away_is_a_fault_of_nobody_here(world) {
        let (world, contoso, there) = contoso(world).await;
        there.fail(Endpoint::WhoAmI, standin::Fault::Failing(503));
        assert_eq!(sign_in(&world.app, &world.app, &contoso).await.unwrap_err().code(), Code::IdpUnavailable);
        there.mend(Endpoint::WhoAmI);
        assert!(sign_in(&world.app, &world.app, &contoso).await.is_ok());
    }

    async fn a_directory_without_an_organisation_offers_no_way_in(world) {
        let (world, contoso, _there) = contoso(world).await;
        assert_eq!(world.app.sign_in_buttons(Some(&contoso)).await.unwrap().len(), 1);
        let draft = MicrosoftDraft {
            dataverse_url: Some(String::new()), organization_id: Some(String::new()), ..MicrosoftDraft::default()
        };
        let draft = Draft { protocol: Some(ProtocolDraft::Microsoft(draft)), ..Draft::default() };
        crate::journey::change(&world, &contoso, "microsoft", draft).await;
        assert_eq!(world.app.sign_in_buttons(Some(&contoso)).await.unwrap(), []);
        let refusal = world.app.start_dynamics(to(&contoso, "microsoft"), &visit()).await.unwrap_err();
        assert_eq!(refusal.code(), Code::UnknownProvider);
    }
}

//! Identity providers of a tenant: setting them up, what they claim, and what is never told of them.

use std::collections::BTreeMap;

use purser_core::access::{Grant, Role, right};
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::providers::{
    Base, ClientAuth, Credential, Draft, MicrosoftDraft, Mode, OidcDraft, Outcome, Protocol, ProtocolDraft, Provider,
    SamlDraft,
};
use purser_core::secret::Secret;
use purser_standin::oidc::{self, Answer, Signer};
use purser_standin::saml;

use crate::on_both;
use crate::world::{World, command_line};

/// A client secret that must be seen nowhere.
const CANARY: &str = "canary-Zq7-client-secret";
const TID: &str = "0f0f0f0f-1111-2222-3333-444444444444";
const APP: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const OTHER_APP: &str = "bbbbbbbb-1111-2222-3333-444444444444";

/// Somebody who may set providers up.
pub async fn settling(world: &World, tenant: &TenantId) -> Grant<right::SettingsManage> {
    world.app.settling_of(&command_line(), tenant).await.unwrap()
}

fn drafted(protocol: ProtocolDraft) -> Draft {
    Draft { protocol: Some(protocol), ..Draft::default() }
}

fn oidc_at(issuer: &str, client_id: &str) -> OidcDraft {
    OidcDraft {
        issuer: Some(issuer.into()),
        client_id: Some(client_id.into()),
        credential: Some(Credential::Secret(Secret::new(CANARY))),
        ..OidcDraft::default()
    }
}

fn okta() -> Draft {
    drafted(ProtocolDraft::Oidc(oidc_at("https://acme.okta.test", "client-1")))
}

fn pem(key: &saml::Key) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", key.certificate_base64())
}

fn saml_named(entity_id: &str, key: &saml::Key) -> SamlDraft {
    SamlDraft {
        entity_id: Some(entity_id.into()),
        sso_url: Some("https://idp.test/sso".into()),
        certificates: Some(vec![pem(key)]),
        ..SamlDraft::default()
    }
}

fn entra() -> MicrosoftDraft {
    MicrosoftDraft {
        directory: Some(TID.to_uppercase()),
        app_id: Some(APP.into()),
        credential: Some(Credential::Secret(Secret::new(CANARY))),
        allowed_apps: Some(vec![OTHER_APP.into(), OTHER_APP.to_uppercase()]),
        ..MicrosoftDraft::default()
    }
}

/// The fields that a refusal names.
fn fields(refused: Result<Provider, Error>) -> Vec<String> {
    match refused {
        Err(Error::Invalid(problems)) => problems.into_iter().map(|problem| problem.field).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

/// Metadata of an identity provider.
fn metadata(entity_id: &str, key: &saml::Key) -> String {
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.test/post"/><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/redirect"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
        key.certificate_base64()
    )
}

/// The log of providers and domains without times and ids.
pub async fn told(world: &World, tenant: &TenantId) -> Vec<String> {
    let lines = world.log(tenant).await;
    let about = lines.iter().filter(|line| line.action.starts_with("provider.") || line.action.starts_with("domain."));
    about.map(|line| format!("{} {} {}", line.action, line.target, line.reason).trim_end().to_owned()).collect()
}

on_both! {
    async fn a_provider_is_set_up_changed_and_deleted_and_each_is_logged_once(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let made = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        assert_eq!((made.name.as_str(), made.label.as_str(), made.enabled), ("okta", "okta", true));
        let Protocol::Oidc(settings) = &made.protocol else { panic!("{made:?}") };
        assert_eq!(settings.scopes, ["openid", "email", "profile"]);
        assert_eq!((settings.client_auth.as_str(), settings.claims.first_name.as_str()), ("SECRET", "given_name"));
        let again = world.app.create_provider(&by, "okta", drafted(ProtocolDraft::Microsoft(entra()))).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        let groups = BTreeMap::from([("Authors".to_owned(), vec![Role::Author, Role::Viewer])]);
        let change = Draft {
            label: Some("Okta".into()),
            enabled: Some(false),
            create_users: Some(true),
            trusted_domains: Some(vec!["ACME.test.".into(), "acme.test".into(), "bücher.test".into()]),
            group_roles: Some(groups),
            ..Draft::default()
        };
        let changed = world.app.update_provider(&by, "okta", change.clone()).await.unwrap();
        assert_eq!(changed.rules.trusted_domains, ["acme.test", "xn--bcher-kva.test"]);
        assert!(changed.rules.group_roles["Authors"].contain(Role::Author));
        assert_eq!((changed.id, changed.enabled, changed.label.as_str()), (made.id, false, "Okta"));
        world.app.update_provider(&by, "okta", change).await.unwrap();
        world.app.update_provider(&by, "okta", Draft { enabled: Some(true), ..Draft::default() }).await.unwrap();
        world.app.delete_provider(&by, "okta").await.unwrap();
        assert!(matches!(world.app.provider(&by, "okta").await, Err(Error::NotFound)));
        assert!(matches!(world.app.delete_provider(&by, "okta").await, Err(Error::NotFound)));
        assert_eq!(told(&world, &acme).await, [
            "provider.created provider:okta OIDC",
            "provider.updated provider:okta label, createUsers, groupRoles, trustedDomains",
            "provider.disabled provider:okta",
            "provider.enabled provider:okta",
            "provider.deleted provider:okta",
        ]);
        let next = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        assert!(next.id > made.id, "numbers are never used again");
    }

    async fn a_secret_is_sealed_kept_and_never_told(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let made = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        let sealed = world.database.value("SELECT sealed FROM identity_providers").await;
        let shown = format!("{made:?}");
        let hex = CANARY.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let dump = world.database.dump().await;
        for place in [&shown, &dump] {
            assert!(!place.contains(CANARY) && !place.contains(&hex), "{place}");
        }
        world.app.update_provider(&by, "okta", Draft { label: Some("Okta".into()), ..Draft::default() }).await.unwrap();
        assert_eq!(world.database.value("SELECT sealed FROM identity_providers").await, sealed);
        let new = OidcDraft { credential: Some(Credential::Secret(Secret::new("another"))), ..OidcDraft::default() };
        world.app.update_provider(&by, "okta", drafted(ProtocolDraft::Oidc(new))).await.unwrap();
        assert_ne!(world.database.value("SELECT sealed FROM identity_providers").await, sealed);
        assert_eq!(told(&world, &acme).await.last().unwrap(), "provider.updated provider:okta clientSecret");
        let none = OidcDraft { credential: Some(Credential::None), ..OidcDraft::default() };
        world.app.update_provider(&by, "okta", drafted(ProtocolDraft::Oidc(none))).await.unwrap();
        assert_eq!(world.database.value("SELECT sealed FROM identity_providers").await, "NULL");
    }

    async fn a_kept_secret_goes_to_nobody_but_whom_it_was_given_for(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        world.app.create_provider(&by, "okta", okta()).await.unwrap();
        world.app.create_provider(&by, "entra", drafted(ProtocolDraft::Microsoft(entra()))).await.unwrap();
        let before = world.database.dump().await;
        let moved = |change: OidcDraft| drafted(ProtocolDraft::Oidc(change));
        for change in [
            OidcDraft { issuer: Some("https://evil.test".into()), ..OidcDraft::default() },
            OidcDraft { client_id: Some("client-2".into()), ..OidcDraft::default() },
        ] {
            let refused = world.app.update_provider(&by, "okta", moved(change)).await;
            assert_eq!(fields(refused), ["oidc.clientSecret"]);
        }
        let elsewhere = MicrosoftDraft { app_id: Some(OTHER_APP.into()), ..MicrosoftDraft::default() };
        let refused = world.app.update_provider(&by, "entra", drafted(ProtocolDraft::Microsoft(elsewhere))).await;
        assert_eq!(fields(refused), ["microsoft.clientSecret"]);
        assert_eq!(world.database.dump().await, before);
        world.app.update_provider(&by, "okta", moved(oidc_at("https://new.okta.test", "client-2"))).await.unwrap();
    }

    async fn every_wrong_field_is_named_and_nothing_changes(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let key = saml::Key::rsa();
        world.app.create_provider(&by, "there", okta()).await.unwrap();
        let before = world.database.dump().await;
        for (draft, named) in wrong(&key) {
            let text = format!("{draft:?}");
            assert_eq!(fields(world.app.create_provider(&by, "new", draft).await), named, "{text}");
        }
        for name in ["", "Okta", "a b", "-a", &"x".repeat(64)] {
            assert_eq!(fields(world.app.create_provider(&by, name, okta()).await), ["name"], "{name}");
        }
        let other_kind = world.app.update_provider(&by, "there", drafted(ProtocolDraft::Microsoft(entra()))).await;
        assert_eq!(fields(other_kind), ["kind"]);
        assert_eq!(world.database.dump().await, before);
    }

    async fn what_one_provider_claims_no_other_of_the_deployment_can(world) {
        let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
        let (by, other) = (settling(&world, &acme).await, settling(&world, &globex).await);
        let key = saml::Key::rsa();
        let saml = || drafted(ProtocolDraft::Saml(saml_named("http://www.okta.com/exk1", &key)));
        world.app.create_provider(&by, "okta", Draft { enabled: Some(false), ..okta() }).await.unwrap();
        world.app.create_provider(&by, "saml", saml()).await.unwrap();
        world.app.create_provider(&by, "entra", drafted(ProtocolDraft::Microsoft(entra()))).await.unwrap();
        let free = drafted(ProtocolDraft::Oidc(oidc_at("https://acme.okta.test", "client-2")));
        world.app.create_provider(&other, "okta", free).await.unwrap();
        let before = world.database.dump().await;
        let own_app = MicrosoftDraft { app_id: Some(OTHER_APP.into()), allowed_apps: None, ..entra() };
        for draft in [okta(), saml(), drafted(ProtocolDraft::Microsoft(own_app))] {
            for (by, name) in [(&other, "second"), (&by, "second")] {
                let refused = world.app.create_provider(by, name, draft.clone()).await;
                assert!(matches!(refused, Err(Error::Conflict)), "{refused:?}");
            }
        }
        let taken = drafted(ProtocolDraft::Oidc(oidc_at("https://acme.okta.test", "client-1")));
        assert!(matches!(world.app.update_provider(&other, "okta", taken.clone()).await, Err(Error::Conflict)));
        let counters = |dump: String| dump.lines().filter(|line| !line.starts_with("counters")).collect::<Vec<_>>().join("\n");
        assert_eq!(counters(world.database.dump().await), counters(before));
        world.app.delete_provider(&by, "okta").await.unwrap();
        world.app.update_provider(&other, "okta", taken).await.unwrap();
        let freed = drafted(ProtocolDraft::Oidc(oidc_at("https://acme.okta.test", "client-2")));
        world.app.create_provider(&by, "okta", freed).await.unwrap();
    }

    async fn another_tenants_names_are_names_that_never_existed(world) {
        let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
        let (by, other) = (settling(&world, &acme).await, settling(&world, &globex).await);
        world.app.create_provider(&by, "okta", okta()).await.unwrap();
        world.app.add_domain(&by, "acme.test").await.unwrap();
        let before = world.database.dump().await;
        let base = Base::parse("https://id.test").unwrap();
        for name in ["okta", "never"] {
            assert!(matches!(world.app.provider(&other, name).await, Err(Error::NotFound)));
            assert!(matches!(world.app.update_provider(&other, name, okta()).await, Err(Error::NotFound)));
            assert!(matches!(world.app.refresh_provider(&other, name).await, Err(Error::NotFound)));
            assert!(matches!(world.app.delete_provider(&other, name).await, Err(Error::NotFound)));
            assert!(matches!(world.app.end_provider_sessions(&other, name).await, Err(Error::NotFound)));
            assert!(matches!(world.app.examine_provider(&other, name, &base).await, Err(Error::NotFound)));
        }
        for domain in ["acme.test", "never.test", "no domain"] {
            assert!(matches!(world.app.verify_domain(&other, domain).await, Err(Error::NotFound)));
            assert!(matches!(world.app.confirm_domain(&command_line(), &globex, domain).await, Err(Error::NotFound)));
            assert!(matches!(world.app.remove_domain(&other, domain).await, Err(Error::NotFound)));
        }
        assert!(world.app.providers(&other).await.unwrap().is_empty());
        assert!(world.app.domains(&other).await.unwrap().is_empty());
        assert_eq!(world.database.dump().await, before);
    }

    async fn only_an_admin_settles_providers(world) {
        for role in Role::ALL {
            let caller = world.as_role(role).await;
            assert_eq!(caller.grant::<right::SettingsManage>().is_ok(), role == Role::Admin);
        }
    }

    async fn a_saml_provider_comes_from_metadata_and_is_read_anew(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let (key, next) = (saml::Key::rsa(), saml::Key::p256());
        let publisher = oidc::Provider::start().await;
        let publish = |text: String| publisher.answer("/metadata", Answer::Plain(200, Vec::new(), text));
        publish(metadata("https://idp.test/saml", &key));
        let url = publisher.url("/metadata").to_string();
        let draft = SamlDraft { metadata_url: Some(url), idp_initiated: Some(true), ..SamlDraft::default() };
        let made = world.app.create_provider(&by, "saml", drafted(ProtocolDraft::Saml(draft))).await.unwrap();
        let Protocol::Saml(settings) = &made.protocol else { panic!("{made:?}") };
        assert_eq!((settings.entity_id.as_str(), settings.sso.len(), settings.sign_requests), ("https://idp.test/saml", 2, true));
        assert_eq!(settings.shown_certificates().len(), 1);
        let keys = world.database.value("SELECT count(*) FROM service_keys").await;
        assert_eq!(keys, "1");

        let two = metadata("https://idp.test/saml", &next).replacen(
            "<md:SingleSignOnService",
            &format!(
                "<md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService",
                key.certificate_base64()
            ),
            1,
        );
        publish(two);
        let again = world.app.refresh_provider(&by, "saml").await.unwrap();
        let Protocol::Saml(settings) = &again.protocol else { panic!("{again:?}") };
        assert_eq!((settings.certificates.len(), settings.idp_initiated), (2, true));
        assert_eq!(told(&world, &acme).await.last().unwrap(), "provider.updated provider:saml certificates");

        let before = world.database.dump().await;
        publish(metadata("https://evil.test/saml", &next));
        assert_eq!(fields(world.app.refresh_provider(&by, "saml").await), ["saml.metadataUrl"]);
        publisher.answer("/metadata", Answer::status(404));
        assert_eq!(fields(world.app.refresh_provider(&by, "saml").await), ["saml.metadataUrl"]);
        assert_eq!(world.database.dump().await, before);

        let pasted = SamlDraft { metadata: Some(metadata("https://two.test/saml", &next)), ..SamlDraft::default() };
        let pasted = world.app.create_provider(&by, "pasted", drafted(ProtocolDraft::Saml(pasted))).await.unwrap();
        let Protocol::Saml(settings) = &pasted.protocol else { panic!("{pasted:?}") };
        assert_eq!(settings.entity_id, "https://two.test/saml");
        assert_eq!(world.database.value("SELECT count(*) FROM service_keys").await, "1");
        assert_eq!(fields(world.app.refresh_provider(&by, "pasted").await), ["saml.metadataUrl"]);
    }

    async fn a_private_key_is_one_that_can_sign(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let with = |pem: String| {
            let credential = Credential::PrivateKey { pem: Secret::new(pem), key_id: Some("k1".into()) };
            drafted(ProtocolDraft::Oidc(OidcDraft { credential: Some(credential), ..oidc_at("https://idp.test", "c") }))
        };
        for (name, key) in [("rsa", Signer::rsa("k1")), ("p256", Signer::p256("k1"))] {
            let made = world.app.create_provider(&by, name, with(key.pem())).await.unwrap();
            let Protocol::Oidc(settings) = &made.protocol else { panic!("{made:?}") };
            assert_eq!(settings.client_auth, ClientAuth::PrivateKey { key_id: Some("k1".into()) });
            world.app.delete_provider(&by, name).await.unwrap();
        }
        for key in [Signer::p384("k1"), Signer::ed25519("k1")] {
            assert_eq!(fields(world.app.create_provider(&by, "no", with(key.pem())).await), ["oidc.privateKey"]);
        }
        let alone = Credential::PrivateKey { pem: Secret::new(Signer::rsa("k1").pem()), key_id: None };
        let draft = MicrosoftDraft { credential: Some(alone), ..entra() };
        let refused = world.app.create_provider(&by, "entra", drafted(ProtocolDraft::Microsoft(draft))).await;
        assert_eq!(fields(refused), ["microsoft.keyId"]);
        let key = saml::Key::rsa();
        let both = Credential::PrivateKey { pem: Secret::new(key.private_pem.clone() + &pem(&key)), key_id: None };
        let draft = MicrosoftDraft { credential: Some(both), ..entra() };
        world.app.create_provider(&by, "entra", drafted(ProtocolDraft::Microsoft(draft))).await.unwrap();
    }

    async fn who_was_faster_is_not_overwritten(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        world.app.create_provider(&by, "okta", okta()).await.unwrap();
        for turn in 0..10 {
            let label = Draft { label: Some(format!("Label {turn}")), ..Draft::default() };
            let roles = if turn % 2 == 0 { vec![Role::Viewer] } else { vec![Role::Author] };
            let roles = Draft { default_roles: Some(roles.clone()), ..Draft::default() };
            let both = [label, roles.clone()].map(|draft| world.app.update_provider(&by, "okta", draft));
            let outcomes = futures::future::join_all(both).await;
            assert!(outcomes.iter().all(|it| matches!(it, Ok(_) | Err(Error::Conflict))), "{outcomes:?}");
            let now = world.app.provider(&by, "okta").await.unwrap();
            assert_eq!(outcomes[0].is_ok(), now.label == format!("Label {turn}"));
            let wanted: Vec<_> = roles.default_roles.unwrap();
            assert_eq!(outcomes[1].is_ok(), now.rules.default_roles.iter().eq(wanted));
        }
    }

    async fn a_provider_pointed_elsewhere_takes_no_identity_along(world) {
        let acme = world.tenant("acme").await;
        let user = world.user(&acme, "john", &[Role::Viewer]).await;
        let by = settling(&world, &acme).await;
        let made = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        let row = format!("('acme', {}, 'https://acme.okta.test', 'subject-1', {}, 1)", made.id, user.id);
        world.database.run(&format!("INSERT INTO external_identities (tenant_id, provider_id, issuer, subject, user_id, created_at) VALUES {row}")).await;
        world.database.run(&format!(
            "INSERT INTO attempts (id, tenant_id, provider_id, browser, sealed, expires_at) VALUES ({0}, 'acme', {1}, {0}, {0}, 9)",
            if world.database.is_postgres() { "'\\x01'::bytea" } else { "x'01'" },
            made.id
        )).await;
        let moved = drafted(ProtocolDraft::Oidc(oidc_at("https://new.okta.test", "client-1")));
        world.app.update_provider(&by, "okta", moved).await.unwrap();
        let identities = "SELECT issuer, subject FROM external_identities";
        assert_eq!(world.database.rows(identities).await, [["https://acme.okta.test", "subject-1"]]);
        assert_eq!(world.database.value("SELECT count(*) FROM attempts").await, "0", "what was begun there ends");
        world.app.delete_provider(&by, "okta").await.unwrap();
        assert!(world.database.rows(identities).await.is_empty());
    }

    async fn the_sessions_of_a_provider_end_when_that_is_asked(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let (john, jane) = (world.user(&acme, "john", &[Role::Viewer]).await, world.user(&acme, "jane", &[Role::Viewer]).await);
        let made = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        let (johns, janes) = (world.sign_in(&john.email).await, world.sign_in(&jane.email).await);
        world.database.run(&format!(
            "INSERT INTO session_providers (tenant_id, session_id, provider_id, subject, created_at)
             SELECT 'acme', id, {}, 'subject-1', 1 FROM sessions WHERE user_id = {}",
            made.id, john.id
        )).await;
        world.app.update_provider(&by, "okta", Draft { enabled: Some(false), ..Draft::default() }).await.unwrap();
        assert!(world.caller(&johns.handed.token).await.is_ok(), "switching off lets open sessions go on");
        world.app.end_provider_sessions(&by, "okta").await.unwrap();
        assert!(matches!(world.caller(&johns.handed.token).await, Err(Error::InvalidToken)));
        assert!(world.caller(&janes.handed.token).await.is_ok());
    }

    async fn the_other_side_is_told_our_addresses(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let base = Base::parse("https://id.test").unwrap();
        let saml = SamlDraft { okta_alias: Some(true), ..saml_named("https://idp.test/saml", &saml::Key::rsa()) };
        let saml = world.app.create_provider(&by, "saml", drafted(ProtocolDraft::Saml(saml))).await.unwrap();
        let told = world.app.provider_addresses(&saml, &base);
        assert_eq!(told.acs.as_deref(), Some("https://id.test/api/client/auth/okta-saml"));
        assert_eq!(told.entity_id, told.acs);
        assert_eq!(told.acs_alias.as_deref(), Some("https://acme.id.test/rest/auth-with-okta-saml"));
        let okta = world.app.create_provider(&by, "okta", okta()).await.unwrap();
        let told = world.app.provider_addresses(&okta, &base);
        assert_eq!(told.redirect_uri.as_deref(), Some("https://id.test/api/client/auth/oidc/callback"));
        assert_eq!(told.sign_in.as_deref(), Some("https://id.test/api/client/auth/oidc?client=acme&provider=okta"));
    }

    async fn examining_names_what_is_wrong(world) {
        let acme = world.tenant("acme").await;
        let by = settling(&world, &acme).await;
        let base = Base::parse("http://127.0.0.1:8080").unwrap();
        let away = drafted(ProtocolDraft::Oidc(oidc_at("http://127.0.0.1:9", "client-1")));
        let away = Draft { trusted_domains: Some(vec!["acme.test".into()]), enabled: Some(false), ..away };
        world.app.create_provider(&by, "away", away).await.unwrap();
        let checks = world.app.examine_provider(&by, "away", &base).await.unwrap();
        let outcome = |name: &str| checks.iter().find(|check| check.name == name).map(|check| check.outcome);
        assert_eq!((outcome("switch"), outcome("domains")), (Some(Outcome::Warned), Some(Outcome::Warned)));
        assert!(checks.iter().any(|check| check.outcome == Outcome::Failed && !check.advice.is_empty()), "{checks:?}");
        assert!(told(&world, &acme).await.last().unwrap().starts_with("provider.examined provider:away failed: "));
        let saml = drafted(ProtocolDraft::Saml(saml_named("https://idp.test/saml", &saml::Key::rsa())));
        world.app.create_provider(&by, "saml", saml).await.unwrap();
        let checks = world.app.examine_provider(&by, "saml", &base).await.unwrap();
        assert!(checks.iter().any(|check| check.name == "certificate" && check.outcome == Outcome::Passed), "{checks:?}");
    }
}

/// Drafts with something wrong, and the fields that are to be named.
fn wrong(key: &saml::Key) -> Vec<(Draft, &'static [&'static str])> {
    [wrong_oidc(), wrong_saml(key), wrong_microsoft(), wrong_rules()].concat()
}

fn wrong_oidc() -> Vec<(Draft, &'static [&'static str])> {
    let oidc = |change: fn(&mut OidcDraft)| {
        let mut draft = oidc_at("https://idp.test", "client-2");
        change(&mut draft);
        drafted(ProtocolDraft::Oidc(draft))
    };
    vec![
        (drafted(ProtocolDraft::Oidc(OidcDraft::default())), &["oidc.issuer", "oidc.clientId"]),
        (oidc(|it| it.issuer = Some("http://idp.test".into())), &["oidc.issuer"]),
        (oidc(|it| it.issuer = Some("https://u:p@idp.test".into())), &["oidc.issuer"]),
        (oidc(|it| it.issuer = Some("https://idp.test?x=1".into())), &["oidc.issuer"]),
        (oidc(|it| it.issuer = Some("https://idp.test/#x".into())), &["oidc.issuer"]),
        (oidc(|it| it.issuer = Some("https://idp.test/a b".into())), &["oidc.issuer"]),
        (oidc(|it| it.issuer = Some("file:///etc/passwd".into())), &["oidc.issuer"]),
        (oidc(|it| it.client_id = Some("a\nb".into())), &["oidc.clientId"]),
        (oidc(|it| it.credential = Some(Credential::Secret(Secret::new("")))), &["oidc.clientSecret"]),
        (
            oidc(|it| it.credential = Some(Credential::PrivateKey { pem: Secret::new("no key"), key_id: None })),
            &["oidc.privateKey"],
        ),
        (oidc(|it| it.scopes = Some(vec!["email".into()])), &["oidc.scopes"]),
        (oidc(|it| it.scopes = Some(vec!["openid".into(), "a b".into()])), &["oidc.scopes"]),
        (oidc(|it| it.email_claim = Some(String::new())), &["oidc.claims.email"]),
        (oidc(|it| it.hosts = Some(vec!["ok.test".into(), "https://x".into()])), &["oidc.hosts[1]"]),
    ]
}

fn wrong_saml(key: &saml::Key) -> Vec<(Draft, &'static [&'static str])> {
    let saml = |change: fn(&mut SamlDraft)| {
        let mut draft = saml_named("https://idp.test/saml", key);
        change(&mut draft);
        drafted(ProtocolDraft::Saml(draft))
    };
    vec![
        (drafted(ProtocolDraft::Saml(SamlDraft::default())), &["saml.entityId", "saml.ssoUrl", "saml.certificates"]),
        (saml(|it| it.entity_id = Some("two words".into())), &["saml.entityId"]),
        (saml(|it| it.sso_url = Some("javascript:alert(1)".into())), &["saml.ssoUrl"]),
        (saml(|it| it.slo_url = Some("http://idp.test/slo".into())), &["saml.sloUrl"]),
        (saml(|it| it.certificates = Some(vec!["no certificate".into()])), &["saml.certificates[0]"]),
        (saml(|it| it.metadata = Some("<no-metadata/>".into())), &["saml.metadata"]),
        (saml(|it| it.metadata_url = Some("http://10.0.0.1/metadata".into())), &["saml.metadataUrl"]),
        (saml(|it| it.groups_attribute = Some("a\u{7}".into())), &["saml.groupsAttribute"]),
    ]
}

fn wrong_microsoft() -> Vec<(Draft, &'static [&'static str])> {
    let microsoft = |change: fn(&mut MicrosoftDraft)| {
        let mut draft = entra();
        change(&mut draft);
        drafted(ProtocolDraft::Microsoft(draft))
    };
    vec![
        (microsoft(|it| it.directory = Some("common".into())), &["microsoft.directory"]),
        (microsoft(|it| it.directory = Some("9188040d-6c67-4c5b-b112-36a304b66dad".into())), &["microsoft.directory"]),
        (microsoft(|it| it.allowed_apps = Some(vec!["*".into()])), &["microsoft.allowedApps[0]"]),
        (microsoft(|it| it.mode = Some(Mode::Api)), &["microsoft.audience"]),
        (
            microsoft(|it| {
                it.mode = Some(Mode::Api);
                it.audience = Some("https://graph.microsoft.com".into());
            }),
            &["microsoft.audience"],
        ),
        (microsoft(|it| it.dataverse_url = Some("https://org.crm.test".into())), &["microsoft.organizationId"]),
        (microsoft(|it| it.organization_id = Some(APP.into())), &["microsoft.dataverseUrl"]),
    ]
}

fn wrong_rules() -> Vec<(Draft, &'static [&'static str])> {
    let long = "x".repeat(2_000);
    vec![
        (Draft::default(), &["kind"]),
        (Draft { label: Some(long), ..okta() }, &["label"]),
        (
            Draft { trusted_domains: Some(vec!["com".into(), "127.0.0.1".into()]), ..okta() },
            &["trustedDomains[0]", "trustedDomains[1]"],
        ),
        (Draft { group_roles: Some(BTreeMap::from([(String::new(), vec![])])), ..okta() }, &["groupRoles"]),
    ]
}

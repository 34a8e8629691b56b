//! Entra access tokens: which are believed, and which are not.

mod asked;

use jiff::Timestamp;
use purser_federation::microsoft::{CONSUMERS, Directory, Entra, Glance, Mode};
use purser_federation::{Identity, Result, Secret};
use purser_standin::microsoft::{
    API, APP, Access, Audience, DIRECTORY, Endpoint, Groups, Kind, OTHER_DIRECTORY, POWER_APP, Person, Version,
};
use purser_standin::tokens::{self, Draft, Flaw, Forgery};
use serde_json::json;

use crate::microsoft::{NOW, Site, invalid, now};

const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

impl Site {
    /// A site that accepts tokens for our own API, as a version spells it.
    async fn api(version: Version) -> Self {
        let mut site = Self::new().await;
        let audience = match Access::api(version).audience {
            Audience::Api(audience) => audience,
            other => panic!("{other:?}"),
        };
        site.directory.mode = Mode::Api { audience };
        site
    }

    async fn check(&self, token: &str) -> Result<Entra> {
        self.us.check(&self.directory, &Secret::new(token), now()).await
    }

    async fn check_access(&self, access: &Access) -> Result<Entra> {
        self.check(&self.them.issue(access)).await
    }
}

/// The person every stand-in begins with, as an identity.
fn adele() -> Identity {
    Identity {
        issuer: DIRECTORY.into(),
        subject: "87d349ed-44d7-43e1-9a83-5f2406dee5bd".into(),
        email: Some("AdeleV@contoso.com".into()),
        first_name: Some("Adele".into()),
        last_name: Some("Vance".into()),
        ..Identity::default()
    }
}

/// The two ways of accepting tokens, each with a token that is good there.
async fn both_modes() -> [(Site, Access); 4] {
    [
        (Site::new().await, Access::graph(Version::V1)),
        (Site::new().await, Access::graph(Version::V2)),
        (Site::api(Version::V1).await, Access::api(Version::V1)),
        (Site::api(Version::V2).await, Access::api(Version::V2)),
    ]
}

#[tokio::test]
async fn a_token_for_graph_is_believed_once_graph_has_honoured_it() {
    for version in VERSIONS {
        for audience in [Audience::Graph, Audience::GraphAddress] {
            let site = Site::new().await;
            let token = site.them.issue(&Access { audience, ..Access::graph(version) });
            let entra = site.check(&token).await.unwrap();
            let amr = if version == Version::V1 { vec!["pwd".to_owned()] } else { Vec::new() };
            assert_eq!(entra.identity, Identity { amr, ..adele() });
            assert_eq!(entra.expires, Timestamp::from_second(NOW + 4_500).unwrap());
            let requests = site.them.requests();
            assert_eq!(requests.len(), 1);
            assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/v1.0/me"));
            assert_eq!(requests[0].bearer(), Some(token.as_str()));
        }
    }
}

#[tokio::test]
async fn graphs_address_may_end_in_a_slash() {
    for (audience, believed) in [("https://graph.microsoft.com/", true), ("https://graph.microsoft.com//", false)] {
        let site = Site::new().await;
        let access = Access { audience: Audience::Api(audience.into()), ..Access::graph(Version::V1) };
        assert_eq!(site.check_access(&access).await.is_ok(), believed, "{audience}");
    }
}

#[tokio::test]
async fn a_token_for_our_own_api_is_believed_by_its_signature_alone() {
    for version in VERSIONS {
        let site = Site::api(version).await;
        let entra = site.check_access(&Access::api(version)).await.unwrap();
        // A token of version 2.0 tells no first and last name unless it is asked to.
        let expected = match version {
            Version::V1 => Identity { amr: vec!["pwd".into()], ..adele() },
            Version::V2 => Identity { first_name: None, last_name: None, ..adele() },
        };
        assert_eq!(entra.identity, expected);
        site.check_access(&Access { app: POWER_APP.into(), ..Access::api(version) }).await.unwrap();
        let paths: Vec<_> = site.them.requests().into_iter().map(|request| request.path).collect();
        let expected = match version {
            Version::V1 => [format!("/{DIRECTORY}/.well-known/openid-configuration"), "/common/discovery/keys".into()],
            Version::V2 => [
                format!("/{DIRECTORY}/v2.0/.well-known/openid-configuration"),
                format!("/{DIRECTORY}/discovery/v2.0/keys"),
            ],
        };
        assert_eq!(paths, expected, "once for both tokens");
    }
}

#[tokio::test]
async fn nothing_is_asked_about_a_token_that_shows_its_flaw_itself() {
    for (site, access) in both_modes().await {
        for forgery in forgeries(&site, &access).into_iter().filter(|it| it.flaw != Flaw::Signature) {
            invalid(&forgery.name, site.check(&forgery.token).await);
            assert_eq!(site.calls(), 0, "{}", forgery.name);
        }
    }
}

#[tokio::test]
async fn a_forged_signature_is_refused_by_graph_or_by_the_published_keys() {
    for (site, access) in both_modes().await {
        site.check_access(&access).await.unwrap();
        for forgery in forgeries(&site, &access).into_iter().filter(|it| it.flaw == Flaw::Signature) {
            invalid(&forgery.name, site.check(&forgery.token).await);
        }
        let others = site.them.requests().into_iter().filter(|it| it.endpoint == Endpoint::Other).count();
        assert_eq!(others, 0, "no key is fetched from where a token says");
    }
}

fn forgeries(site: &Site, access: &Access) -> Vec<Forgery> {
    let forgeries = tokens::forgeries(&site.them.draft(access), &site.them.key(access.version), NOW);
    assert!(forgeries.len() > 100, "{}", forgeries.len());
    forgeries
}

#[tokio::test]
async fn a_single_wrong_claim_is_enough_even_if_microsoft_would_honour_the_token() {
    type Spoil = fn(Draft) -> Draft;
    let cases: [(&str, Spoil, &str); 25] = [
        ("another directory", |it| it.claim("tid", OTHER_DIRECTORY), "tid"),
        ("no directory", |it| it.without("tid"), "tid"),
        ("a list of directories", |it| it.claim("tid", vec![DIRECTORY]), "tid"),
        (
            "issuer of another directory",
            |it| it.claim("iss", format!("https://sts.windows.net/{OTHER_DIRECTORY}/")),
            "iss",
        ),
        ("issuer elsewhere", |it| it.claim("iss", format!("https://sts.windows.net.evil.example/{DIRECTORY}/")), "iss"),
        ("issuer without its end", |it| it.claim("iss", format!("https://sts.windows.net/{DIRECTORY}")), "iss"),
        ("issuer with more", |it| it.claim("iss", format!("https://sts.windows.net/{DIRECTORY}//")), "iss"),
        ("issuer with a template", |it| it.claim("iss", "https://sts.windows.net/{tenantid}/"), "iss"),
        ("no issuer", |it| it.without("iss"), "iss"),
        ("no version", |it| it.without("ver"), "ver"),
        ("an unknown version", |it| it.claim("ver", "3.0"), "ver"),
        ("a version that is a number", |it| it.claim("ver", 1.0), "ver"),
        ("another audience", |it| it.claim("aud", "https://vault.azure.net"), "aud"),
        ("no audience", |it| it.without("aud"), "aud"),
        ("audiences", |it| it.claim("aud", json!(["00000003-0000-0000-c000-000000000000", API])), "aud"),
        ("another application", |it| it.claim("appid", APP).claim("azp", APP), "app"),
        ("no application", |it| it.without("appid").without("azp"), "app"),
        ("no scopes", |it| it.without("scp"), "scp"),
        ("empty scopes", |it| it.claim("scp", " "), "scp"),
        ("an application's own", |it| it.claim("idtyp", "app"), "scp"),
        ("no person", |it| it.without("oid"), "oid"),
        ("a person who is a word", |it| it.claim("oid", "me"), "oid"),
        ("a guest by idp", |it| it.claim("idp", "live.com"), "guest"),
        ("a guest by account", |it| it.claim("acct", 1), "guest"),
        ("another kind of token", |it| it.header("typ", "logout+jwt"), "typ"),
    ];
    for (site, access) in both_modes().await {
        for (name, spoil, word) in cases {
            let token = site.them.issue_draft(&spoil(site.them.draft(&access)), &access);
            let reason = invalid(name, site.check(&token).await);
            assert!(reason.contains(word) || (word == "app" && reason.contains("azp")), "{name}: {reason}");
            assert_eq!(site.calls(), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn the_claims_of_one_version_do_not_stand_in_for_the_others() {
    for (site, access) in both_modes().await {
        let draft = site.them.draft(&access);
        let (own, others) = if access.version == Version::V1 { ("appid", "azp") } else { ("azp", "appid") };
        let (version, issuer) = match access.version {
            Version::V1 => ("2.0", format!("{}/{DIRECTORY}/v2.0", site.them.url())),
            Version::V2 => ("1.0", format!("https://sts.windows.net/{DIRECTORY}/")),
        };
        let drafts = [
            draft.clone().without(own).claim(others, POWER_APP),
            draft.clone().claim("ver", version),
            draft.clone().claim("iss", issuer),
        ];
        for draft in drafts {
            invalid("mixed", site.check(&site.them.issue_draft(&draft, &access)).await);
            assert_eq!(site.calls(), 0);
        }
    }
}

#[tokio::test]
async fn an_empty_line_among_the_allowed_applications_allows_nobody() {
    for (mut site, access) in both_modes().await {
        site.directory.allowed_apps = vec![String::new(), "somebody".into()];
        for app in [None, Some(""), Some("somebody")] {
            let draft = site.them.draft(&access).without("appid").without("azp");
            let draft = app.map_or(draft.clone(), |app| draft.clone().claim("appid", app).claim("azp", app));
            invalid("no application", site.check(&site.them.issue_draft(&draft, &access)).await);
        }
    }
}

#[tokio::test]
async fn a_token_must_be_signed_with_the_one_algorithm_entra_uses() {
    for (site, access) in both_modes().await {
        for algorithm in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
            let token = site.them.draft(&access).sign_as(&site.them.key(access.version), algorithm);
            assert!(invalid(algorithm, site.check(&token).await).contains("RS256"));
            assert_eq!(site.calls(), 0);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_published_for_another_issuer_signs_nothing_here() {
    for version in VERSIONS {
        let site = Site::api(version).await;
        let token = site.them.draft(&Access::api(version)).sign(&site.them.consumers_key());
        let reason = invalid("private accounts' key", site.check(&token).await);
        assert!(reason.contains("key of another directory"), "{reason}");
        let other = if version == Version::V1 { Version::V2 } else { Version::V1 };
        let token = site.them.draft(&Access::api(version)).sign(&site.them.key(other));
        invalid("the other version's key", site.check(&token).await);
    }
}

#[tokio::test]
async fn an_id_token_of_our_own_is_no_access_token() {
    let site = Site::api(Version::V2).await;
    let draft = site.them.draft(&Access::api(Version::V2)).without("scp").without("azp").claim("nonce", "n");
    invalid("ID token", site.check(&draft.sign(&site.them.key(Version::V2))).await);
    let draft = draft.claim("azp", POWER_APP);
    assert!(invalid("ID token", site.check(&draft.sign(&site.them.key(Version::V2))).await).contains("scp"));
}

#[tokio::test]
async fn an_application_in_its_own_name_is_nobody() {
    for (site, access) in both_modes().await {
        let access = Access { kind: Kind::AppOnly, ..access };
        assert!(invalid("app-only", site.check_access(&access).await).contains("person's name"));
        assert_eq!(site.calls(), 0);
    }
}

#[tokio::test]
async fn a_guest_is_let_in_only_where_guests_are_welcome() {
    for (mut site, access) in both_modes().await {
        let access = Access { person: Some(Person::guest()), ..access };
        assert!(invalid("guest", site.check_access(&access).await).contains("guest"));
        assert_eq!(site.calls(), 0);
        site.directory.guests = true;
        let identity = site.check_access(&access).await.unwrap().identity;
        assert_eq!((identity.issuer.as_str(), identity.subject), (DIRECTORY, Person::guest().oid));
    }
}

#[tokio::test]
async fn a_guest_is_known_by_any_single_sign() {
    let member_elsewhere = Person { upn: "adele@contoso.com".into(), ..Person::guest() };
    let only_named = Person { guest_of: None, ..Person::guest() };
    for person in [member_elsewhere, only_named] {
        for (site, access) in both_modes().await {
            let access = Access { person: Some(person.clone()), ..access };
            assert!(invalid("guest", site.check_access(&access).await).contains("guest"));
        }
    }
    // What the token does not tell, Graph does.
    let site = Site::new().await;
    let guest = Person { guest_of: None, ..Person::guest() };
    let access = Access { person: Some(guest), ..Access::graph(Version::V2) };
    let token = site.them.issue_draft(&site.them.draft(&access).without("preferred_username"), &access);
    assert!(invalid("guest", site.check(&token).await).contains("guest"));
    assert_eq!(site.them.calls(Endpoint::Me), 1);
}

#[tokio::test]
async fn a_member_is_no_guest_for_naming_their_own_directory() {
    for (site, access) in both_modes().await {
        let v2 = format!("{}/{DIRECTORY}/v2.0", site.them.url());
        for idp in [format!("https://sts.windows.net/{DIRECTORY}/"), v2] {
            let draft = site.them.draft(&access).claim("idp", idp).claim("acct", 0);
            site.check(&site.them.issue_draft(&draft, &access)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_token_of_one_directory_is_nothing_in_another() {
    for (site, access) in both_modes().await {
        let other = Directory { key: "fabrikam".into(), tid: OTHER_DIRECTORY.into(), ..site.directory.clone() };
        let theirs = Access { tid: OTHER_DIRECTORY.into(), ..access.clone() };
        let token = Secret::new(site.them.issue(&theirs));
        assert!(invalid("theirs here", site.us.check(&site.directory, &token, now()).await).contains("tid"));
        assert_eq!(site.calls(), 0);
        let there = site.us.check(&other, &token, now()).await.unwrap().identity;
        let here = site.check_access(&access).await.unwrap().identity;
        assert_eq!(here.subject, there.subject);
        assert_ne!(here.issuer, there.issuer, "the same oid in two directories is two people");
    }
}

#[tokio::test]
async fn private_accounts_are_let_in_only_where_their_directory_is_meant() {
    let mut site = Site::new().await;
    let access = Access { tid: CONSUMERS.into(), ..Access::graph(Version::V2) };
    invalid("private", site.check_access(&access).await);
    site.directory.tid = CONSUMERS.into();
    assert_eq!(site.check_access(&access).await.unwrap().identity.issuer, CONSUMERS);
}

#[tokio::test]
async fn times_are_taken_with_a_minute_of_grace() {
    let site = Site::api(Version::V2).await;
    let draft = site.them.draft(&Access::api(Version::V2));
    let key = site.them.key(Version::V2);
    for (exp, nbf) in [(NOW - 59, NOW - 600), (NOW + 60, NOW + 60)] {
        let token = draft.clone().claim("exp", exp).claim("nbf", nbf).claim("iat", nbf).sign(&key);
        let entra = site.check(&token).await.unwrap();
        assert_eq!(entra.expires.as_second(), exp);
    }
    invalid("a minute late", site.check(&draft.claim("exp", NOW - 60).sign(&key)).await);
}

#[tokio::test]
async fn groups_are_told_only_if_all_are_listed() {
    let all =
        vec!["7a7c2d43-1111-4222-8333-444455556666".to_owned(), "8b8d3e54-1111-4222-8333-444455556666".to_owned()];
    for (site, access) in both_modes().await {
        let listed = Access { groups: Groups::Listed(all.clone()), ..access.clone() };
        assert_eq!(site.check_access(&listed).await.unwrap().identity.groups, Some(all.clone()));
        let overage = Access { groups: Groups::Overage, ..access.clone() };
        assert_eq!(site.check_access(&overage).await.unwrap().identity.groups, None);
        let draft = site.them.draft(&listed);
        let halves = [
            draft.clone().claim("_claim_names", json!({ "groups": "src1" })),
            draft.clone().claim("hasgroups", true),
            draft.clone().claim("groups", json!(["a", 1])),
            draft.claim("groups", "a"),
        ];
        for draft in halves {
            let token = site.them.issue_draft(&draft, &access);
            assert_eq!(site.check(&token).await.unwrap().identity.groups, None);
        }
    }
}

#[tokio::test]
async fn a_second_factor_is_told_where_the_directory_says_so() {
    let site = Site::new().await;
    let access = Access { amr: vec!["pwd".into(), "mfa".into()], ..Access::graph(Version::V1) };
    let identity = site.check_access(&access).await.unwrap().identity;
    assert!(identity.second_factor);
    assert_eq!(identity.amr, ["pwd", "mfa"]);
    assert!(!site.check_access(&Access::graph(Version::V1)).await.unwrap().identity.second_factor);
}

#[tokio::test]
async fn an_address_is_taken_from_the_best_source_and_never_verified() {
    let site = Site::new().await;
    let ask = async |mail: Option<&str>, upn: &str| {
        let person = Person { mail: mail.map(str::to_owned), upn: upn.into(), ..Person::default() };
        let access = Access { person: Some(person), ..Access::graph(Version::V1) };
        let identity = site.check_access(&access).await.unwrap().identity;
        assert!(!identity.email_verified);
        identity.email
    };
    assert_eq!(ask(Some("mail@contoso.com"), "upn@contoso.com").await.as_deref(), Some("mail@contoso.com"));
    assert_eq!(ask(None, "upn@contoso.com").await.as_deref(), Some("upn@contoso.com"));
    assert_eq!(ask(None, "no address").await, None);
    let mut site = Site::api(Version::V1).await;
    site.directory.guests = true;
    let access = Access { person: Some(Person::guest()), ..Access::api(Version::V1) };
    assert_eq!(site.check_access(&access).await.unwrap().identity.email, None, "a guest's name is no address");
}

#[tokio::test]
async fn a_glance_tells_whose_settings_apply() {
    for (site, access) in both_modes().await {
        let token = site.them.issue(&access);
        assert_eq!(site.us.glance(&token), Some(Glance { tid: DIRECTORY.into(), app: POWER_APP.into() }));
        let elsewhere = Access { tid: OTHER_DIRECTORY.into(), app: APP.into(), ..access };
        let glance = site.us.glance(&site.them.issue(&elsewhere));
        assert_eq!(glance, Some(Glance { tid: OTHER_DIRECTORY.into(), app: APP.into() }));
        assert_eq!(site.calls(), 0);
    }
}

#[tokio::test]
async fn a_glance_recognises_nothing_but_entras_tokens() {
    for (site, access) in both_modes().await {
        let key = site.them.key(access.version);
        let draft = site.them.draft(&access);
        let drafts = [
            draft.clone().claim("iss", "https://purser.example"),
            draft.clone().claim("iss", format!("https://sts.windows.net.evil.example/{DIRECTORY}/")),
            draft.clone().claim("iss", format!("https://login.microsoftonline.com/{DIRECTORY}/v2.0")),
            draft.clone().claim("iss", "https://sts.windows.net/common/"),
            draft
                .clone()
                .claim("iss", "https://sts.windows.net/common/")
                .claim("tid", "common")
                .claim("appid", POWER_APP),
            draft.clone().claim("tid", OTHER_DIRECTORY),
            draft.clone().without("tid"),
            draft.clone().without("iss"),
            draft.clone().without("appid").without("azp"),
            draft.clone().claim("appid", "x").claim("azp", "x"),
        ];
        for draft in drafts {
            assert_eq!(site.us.glance(&draft.sign(&key)), None, "{draft:?}");
        }
        for forgery in tokens::forgeries(&draft, &key, NOW).into_iter().filter(|it| it.flaw == Flaw::Form) {
            assert_eq!(site.us.glance(&forgery.token), None, "{}", forgery.name);
        }
    }
    let site = Site::new().await;
    for text in ["", "x", "purser_session_0123", "eyJ", "eyJ.eyJ.x"] {
        assert_eq!(site.us.glance(text), None);
    }
}

#[tokio::test]
async fn refusals_never_quote_the_token() {
    for (site, access) in both_modes().await {
        for forgery in forgeries(&site, &access) {
            let reason = invalid(&forgery.name, site.check(&forgery.token).await);
            let parts = forgery.token.split('.').filter(|part| part.len() > 8);
            assert!(!parts.clone().any(|part| reason.contains(part)), "{reason}");
            assert!(reason.len() < 200, "{reason}");
        }
    }
}

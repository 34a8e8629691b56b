//! Sign-in at an OpenID provider as it should go, and what is told about the person.

mod client;
mod examine;
mod lies;
mod person;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use purser_federation::fetch::Outbound;
use purser_federation::oidc::{Callback, Claims, ClientAuth, Provider, RelyingParty, Secrets, SignedIn};
use purser_federation::{Identity, Refusal, Result, Secret};
use purser_standin::oidc::{self as standin, ACCESS_TOKEN, Answer, DISCOVERY, KEYS, Signer, TOKEN, USERINFO};
use serde_json::{Value, json};
use url::Url;

use crate::fetch::loopback;

/// A provider, its settings here, and one attempt to sign in there.
struct Site {
    provider: standin::Provider,
    party: RelyingParty,
    settings: Provider,
    secrets: Secrets,
    now: Timestamp,
}

impl Site {
    async fn start() -> Self {
        let provider = standin::Provider::start().await;
        let outbound = Outbound::new(loopback()).unwrap();
        let settings = Provider {
            key: "provider".into(),
            issuer: provider.issuer(),
            client_id: "purser".into(),
            auth: ClientAuth::None,
            scopes: vec!["email".into(), "profile".into()],
            claims: Claims::default(),
            hosts: vec![],
            redirect_uri: "https://sp.test/api/client/auth/oidc/callback".into(),
        };
        let now = Timestamp::from_second(1_795_288_620).unwrap();
        Self { provider, party: RelyingParty::new(outbound), settings, secrets: secrets("1"), now }
    }

    async fn begin(&self) -> Result<Url> {
        self.party.begin(&self.settings, &self.secrets, self.now).await
    }

    /// Up to the browser's return: the code.
    async fn code(&self) -> String {
        self.provider.sign_in(&self.begin().await.unwrap())
    }

    async fn come_back(&self, callback: Callback<'_>) -> Result<SignedIn> {
        self.party.answer(&self.settings, &self.secrets, &callback, self.now).await
    }

    async fn sign_in(&self) -> Result<SignedIn> {
        let code = self.provider.sign_in(&self.begin().await?);
        self.come_back(Callback { code: Some(&code), ..Callback::default() }).await
    }

    async fn identity(&self) -> Identity {
        self.sign_in().await.unwrap().identity
    }

    fn claim(&self, name: &str, value: Value) {
        self.provider.script(|script| {
            script.claims.insert(name.into(), value);
        });
    }

    fn announce(&self, name: &str, value: Value) {
        self.provider.script(|script| {
            script.discovery.insert(name.into(), value);
        });
    }

    fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        let now = self.now.as_second();
        self.provider.script(|script| script.now = now);
    }
}

fn secrets(which: &str) -> Secrets {
    Secrets {
        state: format!("state-state-state-state-{which}"),
        nonce: format!("nonce-nonce-nonce-nonce-{which}"),
        verifier: Secret::new(format!("verifier-verifier-verifier-verifier-verifier-{which}")),
    }
}

fn kind<T: std::fmt::Debug>(result: &Result<T>) -> &'static str {
    match result {
        Ok(_) => "good",
        Err(Refusal::Invalid(_)) => "invalid",
        Err(Refusal::Denied(_)) => "denied",
        Err(Refusal::Unavailable { .. }) => "unavailable",
        Err(Refusal::Misconfigured(_)) => "misconfigured",
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn somebody_who_signs_in_there_is_known_here() {
    let site = Site::start().await;
    site.claim("sid", json!("session-1"));
    let signed_in = site.sign_in().await.unwrap();
    let expected = Identity {
        issuer: site.provider.issuer(),
        subject: "248289761001".into(),
        email: Some("jane@corp.test".into()),
        email_verified: true,
        first_name: Some("Jane".into()),
        last_name: Some("Doe".into()),
        session: Some("session-1".into()),
        ..Identity::default()
    };
    assert_eq!(signed_in.identity, expected);
    assert_eq!(signed_in.access_token, Some(Secret::new(ACCESS_TOKEN)));
    assert_eq!(signed_in.id_token.reveal().split('.').count(), 3);
    assert!(site.provider.calls(USERINFO).is_empty(), "nothing was missing");
}

#[tokio::test]
async fn the_request_says_exactly_what_it_must() {
    let site = Site::start().await;
    let url = site.begin().await.unwrap();
    let challenge = digest::digest(&digest::SHA256, site.secrets.verifier.reveal().as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    let expected = [
        ("response_type", "code"),
        ("client_id", "purser"),
        ("redirect_uri", "https://sp.test/api/client/auth/oidc/callback"),
        ("scope", "openid email profile"),
        ("state", "state-state-state-state-1"),
        ("nonce", "nonce-nonce-nonce-nonce-1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(!url.as_str().contains(site.secrets.verifier.reveal()));
}

#[tokio::test]
async fn the_standard_scope_is_asked_for_once_and_an_endpoints_own_query_stays() {
    let mut site = Site::start().await;
    site.settings.scopes = vec!["groups".into(), "openid".into()];
    site.announce("authorization_endpoint", format!("{}/authorize?policy=b2c", site.provider.issuer()).into());
    let url = site.begin().await.unwrap();
    let value = |name: &str| url.query_pairs().find(|(it, _)| it == name).unwrap().1.into_owned();
    assert_eq!((value("policy"), value("scope")), ("b2c".into(), "openid groups".into()));
}

#[tokio::test]
async fn the_code_is_traded_with_the_verifier_and_the_same_address() {
    let site = Site::start().await;
    site.sign_in().await.unwrap();
    let sent = site.provider.calls(TOKEN).remove(0);
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "code-0"),
        ("redirect_uri", &site.settings.redirect_uri),
        ("code_verifier", site.secrets.verifier.reveal()),
        ("client_id", "purser"),
    ] {
        assert_eq!(sent.fields.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(sent.fields.len(), 5);
}

#[tokio::test]
async fn weak_secrets_protect_nothing_and_are_refused() {
    let mut site = Site::start().await;
    let good = secrets("1");
    let verifier = |text: &str| Secrets { verifier: Secret::new(text), ..good.clone() };
    for weak in [
        Secrets { state: String::new(), ..good.clone() },
        Secrets { nonce: String::new(), ..good.clone() },
        Secrets { nonce: "123456789012345678901".into(), ..good.clone() },
        verifier(&"x".repeat(42)),
        verifier(&"x".repeat(129)),
        verifier(&format!("{} ", "x".repeat(50))),
    ] {
        site.secrets = weak;
        assert_eq!(kind(&site.begin().await), "misconfigured");
        let callback = Callback { code: Some("code"), ..Callback::default() };
        assert_eq!(kind(&site.come_back(callback).await), "misconfigured");
    }
    for length in [43, 128] {
        site.secrets = verifier(&"~".repeat(length));
        assert_eq!(kind(&site.sign_in().await), "good");
    }
}

#[tokio::test]
async fn what_a_provider_announces_is_kept_for_an_hour() {
    let mut site = Site::start().await;
    site.begin().await.unwrap();
    site.later(3599);
    site.begin().await.unwrap();
    assert_eq!(site.provider.calls(DISCOVERY).len(), 1);
    site.later(1);
    site.begin().await.unwrap();
    assert_eq!(site.provider.calls(DISCOVERY).len(), 2);
}

#[tokio::test]
async fn what_a_provider_announces_is_kept_no_longer_than_it_says_and_never_longer_than_an_hour() {
    for (age, kept) in [("max-age=120", 120), ("no-store", 60), ("max-age=86400", 3600)] {
        let mut site = Site::start().await;
        site.provider.script(|script| script.headers.push(("cache-control", age.into())));
        site.begin().await.unwrap();
        site.later(kept - 1);
        site.begin().await.unwrap();
        assert_eq!(site.provider.calls(DISCOVERY).len(), 1, "{age}");
        site.later(1);
        site.begin().await.unwrap();
        assert_eq!(site.provider.calls(DISCOVERY).len(), 2, "{age}");
    }
}

#[tokio::test]
async fn changed_settings_count_at_once() {
    let site = Site::start().await;
    site.sign_in().await.unwrap();
    site.party.forget("provider");
    site.sign_in().await.unwrap();
    assert_eq!((site.provider.calls(DISCOVERY).len(), site.provider.calls(KEYS).len()), (2, 2));
}

#[tokio::test]
async fn a_provider_that_changes_its_key_is_followed() {
    let mut site = Site::start().await;
    site.sign_in().await.unwrap();
    site.provider.script(|script| script.signer = Signer::p256("second"));
    site.later(1);
    assert_eq!(kind(&site.sign_in().await), "good");
    assert_eq!(site.provider.calls(KEYS).len(), 2);
}

#[tokio::test]
async fn signing_out_leads_to_the_provider_if_it_offers_that() {
    let site = Site::start().await;
    let logout = |hint| site.party.logout(&site.settings, hint, "https://sp.test/bye", "state 1", site.now);
    let hint = Secret::new("the.id.token");
    let url = logout(&hint).await.unwrap().unwrap();
    let sent: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected = [
        ("id_token_hint", "the.id.token"),
        ("client_id", "purser"),
        ("post_logout_redirect_uri", "https://sp.test/bye"),
        ("state", "state 1"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(url.path(), "/logout");
    site.provider.script(|script| {
        script.discovery.remove("end_session_endpoint");
    });
    site.party.forget("provider");
    assert_eq!(logout(&hint).await, Ok(None));
}

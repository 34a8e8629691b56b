//! [`Browser`], somebody's way to a provider and back, and the providers that a tenant sets up for them.

use std::collections::HashMap;
use std::fmt::Write as _;

use parking_lot::Mutex;
use purser_core::access::{Grant, Role, right};
use purser_core::app::App;
use purser_core::env::Clock;
use purser_core::error::Result;
use purser_core::ids::TenantId;
use purser_core::providers::{Base, Credential, Draft, OidcDraft, ProtocolDraft, Provider};
use purser_core::secret::Secret;
use purser_core::session::SignedIn;
use purser_core::signin::{Arrival, Departure, Door, Leave, Native, Returned, Start};
use purser_standin::oidc;
use url::Url;

use crate::world::{World, command_line, visit};

/// Where we are reached.
pub fn base() -> Base {
    Base::parse("http://localhost:8080").unwrap()
}

/// Somebody's browser: the flow cookies it holds.
#[derive(Default)]
pub struct Browser(Mutex<HashMap<String, Secret>>);

impl Browser {
    /// Keeps what it was given.
    pub fn keep(&self, departure: &Departure) {
        self.0.lock().insert(departure.flow.cookie.clone(), departure.flow.value.clone());
    }

    /// A cookie it holds.
    pub fn cookie(&self, name: &str) -> Option<Secret> {
        self.0.lock().get(name).cloned()
    }

    /// Goes to an OpenID provider: the address it is sent to.
    pub async fn leave(&self, app: &App, start: Start) -> Result<Url> {
        let departure = app.start_oidc(start, &visit()).await?;
        self.keep(&departure);
        let Leave::To(url) = departure.to else { panic!("a form to an OpenID provider") };
        Ok(url.parse().unwrap())
    }

    /// Comes back from an OpenID provider.
    pub async fn come_back(&self, app: &App, returned: Returned<'_>) -> Result<Arrival> {
        app.finish_oidc(returned, &|name| self.cookie(name), &base(), &visit()).await
    }

    /// Signs in at an OpenID provider, all the way.
    pub async fn sign_in(&self, app: &App, idp: &oidc::Provider, start: Start) -> Result<Arrival> {
        let url = self.leave(app, start).await?;
        let (state, code) = (parameter(&url, "state"), idp.sign_in(&url));
        self.come_back(app, Returned { state: Some(&state), code: Some(&code), ..Returned::default() }).await
    }
}

/// A wish to sign in at a provider of a tenant.
pub fn to(tenant: &TenantId, provider: &str) -> Start {
    Start {
        tenant: Some(tenant.clone()),
        provider: Some(provider.into()),
        return_to: None,
        native: None,
        base: base(),
        door: Door::Own,
    }
}

/// The same, by an app that will fetch the session with this verifier.
pub fn by_app(tenant: &TenantId, provider: &str, redirect: &str, verifier: &str) -> Start {
    let native = Native { redirect: redirect.into(), challenge: challenge(verifier), state: None };
    Start { native: Some(native), ..to(tenant, provider) }
}

/// RFC 7636 section 4.2.
pub fn challenge(verifier: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier))
}

/// A parameter of an address.
pub fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap_or_else(|| panic!("{url} has no {name}")).1.into_owned()
}

/// Who has arrived.
pub fn arrived(arrival: Arrival) -> SignedIn {
    let Arrival::Session { signed_in, .. } = arrival else { panic!("sent elsewhere") };
    signed_in
}

/// Where somebody was sent instead of signed in.
pub fn elsewhere(arrival: Arrival) -> Url {
    let Arrival::Elsewhere { to, .. } = arrival else { panic!("signed in here") };
    to.parse().unwrap()
}

/// The right to set up a tenant's providers.
pub async fn settling(world: &World, tenant: &TenantId) -> Grant<right::SettingsManage> {
    world.app.settling_of(&command_line(), tenant).await.unwrap()
}

/// An honest OpenID provider whose clock is the world's.
pub async fn idp(world: &World) -> oidc::Provider {
    let idp = oidc::Provider::start().await;
    idp.script(|script| script.now = world.clock.now().seconds());
    idp
}

/// Somebody the provider knows.
pub fn person(idp: &oidc::Provider, subject: &str, email: &str, verified: bool) {
    let (subject, email) = (subject.to_owned(), email.to_owned());
    idp.script(|script| {
        for (name, value) in [("sub", subject.into()), ("email", email.into()), ("email_verified", verified.into())] {
            script.claims.insert(name.into(), value);
        }
    });
}

/// The groups the person is in.
pub fn groups(idp: &oidc::Provider, groups: &[&str]) {
    let groups = groups.to_vec();
    idp.script(|script| {
        script.claims.insert("groups".into(), groups.into());
    });
}

/// What makes an OpenID provider of a stand-in.
pub fn pointing_at(idp: &oidc::Provider) -> Draft {
    let oidc = OidcDraft {
        issuer: Some(idp.issuer()),
        client_id: Some("purser".into()),
        credential: Some(Credential::None),
        ..OidcDraft::default()
    };
    Draft { protocol: Some(ProtocolDraft::Oidc(oidc)), ..Draft::default() }
}

/// Sets an OpenID provider up.
pub async fn set_up(world: &World, tenant: &TenantId, name: &str, idp: &oidc::Provider) -> Provider {
    world.app.create_provider(&settling(world, tenant).await, name, pointing_at(idp)).await.unwrap()
}

/// Changes a provider.
pub async fn change(world: &World, tenant: &TenantId, name: &str, draft: Draft) {
    world.app.update_provider(&settling(world, tenant).await, name, draft).await.unwrap();
}

/// Lets a provider make users with these roles.
pub async fn creating(world: &World, tenant: &TenantId, name: &str, roles: &[Role]) {
    let draft = Draft { create_users: Some(true), default_roles: Some(roles.to_vec()), ..Draft::default() };
    change(world, tenant, name, draft).await;
}

/// Trusts a provider to vouch for addresses of a domain.
pub async fn trusting(world: &World, tenant: &TenantId, name: &str, domain: &str) {
    change(world, tenant, name, Draft { trusted_domains: Some(vec![domain.into()]), ..Draft::default() }).await;
}

/// Switches a provider on or off.
pub async fn switch(world: &World, tenant: &TenantId, name: &str, enabled: bool) {
    change(world, tenant, name, Draft { enabled: Some(enabled), ..Draft::default() }).await;
}

/// Lets a tenant own a domain.
pub async fn owning(world: &World, tenant: &TenantId, domain: &str) {
    world.app.add_domain(&settling(world, tenant).await, domain).await.unwrap();
    world.app.confirm_domain(&command_line(), tenant, domain).await.unwrap();
}

/// Everything that is stored but for the log, what is counted, and attempts: what a refusal must leave as it is.
pub async fn ground(world: &World) -> String {
    let dump = world.database.dump().await;
    let mut lines: Vec<&str> = dump
        .lines()
        .filter(|line| !["audit:", "guesses:", "attempts:", "counters:"].iter().any(|table| line.starts_with(table)))
        .collect();
    lines.sort_unstable();
    lines.iter().fold(String::new(), |mut all, line| {
        writeln!(all, "{line}").unwrap();
        all
    })
}

/// How many rows a table has.
pub async fn count(world: &World, table: &str) -> String {
    world.database.value(&format!("SELECT count(*) FROM {table}")).await
}

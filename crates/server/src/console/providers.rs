//! The ways to sign in besides the password: which there are, what to tell the other side, and whether they work.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::{Error, Result};
use purser_core::providers::{Addresses, Base, Check, Draft, Kind, Outcome, Protocol, Provider};
use serde::Deserialize;

use super::desk::{Crumbs, Desk, Top};
use super::page::{Chrome, done, shown};
use super::parts::{Chip, Moment, Tone};
use super::words::{self, Said};
use crate::extract::At;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/providers.html")]
struct Providers {
    chrome: Chrome,
    top: Top,
    root: String,
    providers: Vec<Line>,
}

struct Line {
    href: String,
    label: String,
    name: String,
    kind: &'static str,
    state: Chip,
    updated: Moment,
}

/// Lists them.
pub(super) async fn list(State(site): State<Site>, desk: Desk) -> Answer {
    let found = site.app.providers(&desk.by).await?;
    let Desk { chrome, top, root, .. } = desk;
    let line = |it: Provider| Line {
        href: format!("{root}/providers/{}", it.name),
        kind: words::protocol(it.kind()),
        state: switch(&it),
        label: it.label,
        name: it.name,
        updated: it.updated_at.into(),
    };
    let providers = found.into_iter().map(line).collect();
    shown(&Providers { chrome, top, root, providers })
}

fn switch(provider: &Provider) -> Chip {
    if provider.enabled { ("On", Tone::Green).into() } else { ("Off", Tone::Grey).into() }
}

/// An address of ours, for the other side.
pub(super) struct ToPaste {
    pub(super) what: &'static str,
    pub(super) address: String,
}

/// What to tell the other side.
pub(super) fn to_paste(addresses: Addresses) -> Vec<ToPaste> {
    let all = [
        ("Redirect URI", addresses.redirect_uri),
        ("Single sign-on URL (assertion consumer service)", addresses.acs),
        ("The same, as it was called before", addresses.acs_alias),
        ("Audience (entity ID)", addresses.entity_id),
        ("Our metadata", addresses.metadata),
        ("Single logout URL", addresses.slo),
        ("Where people start", addresses.sign_in),
    ];
    all.into_iter().filter_map(|(what, address)| Some(ToPaste { what, address: address? })).collect()
}

/// The same for a provider that is not there yet, as far as it can be known.
pub(super) fn to_paste_beforehand(kind: Kind, base: &Base) -> Vec<ToPaste> {
    to_paste(match kind {
        Kind::Oidc => Addresses { redirect_uri: Some(base.oidc_callback()), ..Addresses::default() },
        Kind::Microsoft => Addresses { redirect_uri: Some(base.dynamics_callback()), ..Addresses::default() },
        Kind::Saml => Addresses {
            acs: Some(base.acs()),
            entity_id: Some(base.acs()),
            slo: Some(base.slo()),
            ..Addresses::default()
        },
    })
}

#[derive(Template)]
#[template(path = "console/provider.html")]
struct OneProvider {
    chrome: Chrome,
    crumbs: Crumbs,
    root: String,
    name: String,
    label: String,
    kind: &'static str,
    state: Chip,
    enabled: bool,
    refreshes: bool,
    settings: Vec<(&'static str, String)>,
    paste: Vec<ToPaste>,
    checks: Option<Vec<CheckLine>>,
}

/// A step of the test, and what came of it.
struct CheckLine {
    name: &'static str,
    outcome: Chip,
    found: String,
    advice: String,
}

impl From<Check> for CheckLine {
    fn from(check: Check) -> Self {
        let outcome = match check.outcome {
            Outcome::Passed => ("Passed", Tone::Green),
            Outcome::Warned => ("Look at this", Tone::Amber),
            Outcome::Failed => ("Failed", Tone::Red),
            Outcome::Skipped => ("Not looked at", Tone::Grey),
        };
        Self { name: check.name, outcome: outcome.into(), found: check.found, advice: check.advice }
    }
}

/// The provider that a path names, whatever else it names.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// What is to be done to which.
#[derive(Deserialize)]
pub(super) struct Deed {
    name: String,
    act: String,
}

/// Shows one.
pub(super) async fn page(
    State(site): State<Site>,
    desk: Desk,
    At(base): At,
    Path(Named { name }): Path<Named>,
) -> Answer {
    view(&site, desk, &base, &name, None).await
}

async fn view(site: &Site, desk: Desk, base: &Base, name: &str, checks: Option<Vec<Check>>) -> Answer {
    let provider = site.app.provider(&desk.by, name).await?;
    let root = desk.root.clone();
    let (chrome, crumbs) = desk.titled(&provider.label);
    shown(&OneProvider {
        chrome,
        crumbs,
        root,
        kind: words::protocol(provider.kind()),
        state: switch(&provider),
        enabled: provider.enabled,
        refreshes: matches!(&provider.protocol, Protocol::Saml(saml) if saml.metadata_url.is_some()),
        settings: settings(&provider),
        paste: to_paste(site.app.provider_addresses(&provider, base)),
        checks: checks.map(|all| all.into_iter().map(CheckLine::from).collect()),
        name: provider.name,
        label: provider.label,
    })
}

/// How it is set up, without its secret.
fn settings(provider: &Provider) -> Vec<(&'static str, String)> {
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut all = match &provider.protocol {
        Protocol::Oidc(it) => vec![
            ("Issuer", it.issuer.clone()),
            ("Client ID", it.client_id.clone()),
            ("Scopes", it.scopes.join(" ")),
            ("Claim with the groups", it.claims.groups.clone()),
        ],
        Protocol::Saml(it) => vec![
            ("Entity ID", it.entity_id.clone()),
            ("Metadata", told(&it.metadata_url)),
            ("Sign-on address", it.sso.first().map(|it| it.location.clone()).unwrap_or_default()),
            ("Certificates", certificates(it)),
        ],
        Protocol::Microsoft(it) => vec![
            ("Directory", it.directory.clone()),
            ("Application", it.app_id.clone()),
            ("Dataverse environment", told(&it.dataverse_url)),
        ],
    };
    let rules = &provider.rules;
    let roles = rules.default_roles.iter().map(words::role).collect::<Vec<_>>().join(", ");
    let makes = match (rules.create_users, roles.is_empty()) {
        (false, _) => "No".to_owned(),
        (true, true) => "Yes, without any role".to_owned(),
        (true, false) => format!("Yes, as {roles}"),
    };
    all.push(("Makes accounts by itself", makes));
    all.push(("Trusted domains", rules.trusted_domains.join(", ")));
    let groups = rules.group_roles.iter();
    let groups = groups
        .map(|(group, roles)| format!("{group}: {}", roles.iter().map(words::role).collect::<Vec<_>>().join(", ")));
    all.push(("Roles by group", groups.collect::<Vec<_>>().join("; ")));
    all.retain(|(_, value)| !value.is_empty());
    all
}

fn certificates(saml: &purser_core::providers::Saml) -> String {
    let shown = saml.shown_certificates();
    let each = shown.iter().map(|it| {
        let start: String = it.fingerprint.chars().take(16).collect();
        format!("{start}… until {}", it.not_after.to_string().split('T').next().unwrap_or_default())
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Tests one, step by step.
pub(super) async fn test(
    State(site): State<Site>,
    desk: Desk,
    At(base): At,
    Path(Named { name }): Path<Named>,
) -> Answer {
    let checks = site.app.examine_provider(&desk.by, &name, &base).await?;
    view(&site, desk, &base, &name, Some(checks)).await
}

/// What can be done with one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Enable,
    Disable,
    Refresh,
    EndSessions,
    Delete,
}

impl Act {
    fn read(word: &str) -> Result<Self> {
        match word {
            "enable" => Ok(Self::Enable),
            "disable" => Ok(Self::Disable),
            "refresh" => Ok(Self::Refresh),
            "end-sessions" => Ok(Self::EndSessions),
            "delete" => Ok(Self::Delete),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/ask-provider.html")]
struct AskProvider {
    chrome: Chrome,
    crumbs: Crumbs,
    root: String,
    name: String,
    label: String,
    act: Act,
}

/// Asks before it is done.
pub(super) async fn ask(State(site): State<Site>, desk: Desk, Path(deed): Path<Deed>) -> Answer {
    let act = Act::read(&deed.act)?;
    let provider = site.app.provider(&desk.by, &deed.name).await?;
    let root = desk.root.clone();
    let (chrome, crumbs) = desk.titled(&provider.label);
    let crumbs = crumbs.and(format!("{root}/providers/{}", provider.name), &provider.label);
    shown(&AskProvider { chrome, crumbs, root, name: provider.name, label: provider.label, act })
}

/// Does it.
pub(super) async fn act(State(site): State<Site>, desk: Desk, Path(Deed { name, act }): Path<Deed>) -> Answer {
    let act = Act::read(&act)?;
    let Desk { root, by, .. } = desk;
    let switched = |on| Draft { enabled: Some(on), ..Draft::default() };
    let said = match act {
        Act::Enable => site.app.update_provider(&by, &name, switched(true)).await.map(|_| Said::ProviderEnabled),
        Act::Disable => site.app.update_provider(&by, &name, switched(false)).await.map(|_| Said::ProviderDisabled),
        Act::Refresh => site.app.refresh_provider(&by, &name).await.map(|_| Said::ProviderRefreshed),
        Act::EndSessions => site.app.end_provider_sessions(&by, &name).await.map(|_| Said::SessionsEnded),
        Act::Delete => site.app.delete_provider(&by, &name).await.map(|_| Said::ProviderDeleted),
    }?;
    let list = format!("{root}/providers");
    done(&if act == Act::Delete { list } else { format!("{list}/{name}") }, said, &site)
}

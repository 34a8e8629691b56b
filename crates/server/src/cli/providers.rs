//! The commands about identity providers and domains: use cases of the core, with words around them.

use purser_core::access::{Grant, right};
use purser_core::app::App;
use purser_core::error::{Error, Problem};
use purser_core::ids::TenantId;
use purser_core::providers::{self, Check, Outcome};

use super::commands::{no_client, open, operator};
use super::provider::{Domain, Named, NamedDomain, Provider};
use super::{Failure, note, say, table};
use crate::settings::Loaded;

pub(super) async fn run(loaded: Loaded, command: Provider) -> Result<(), Failure> {
    match command {
        Provider::Add(add) => {
            let Named { client, name } = add.named().clone();
            let draft = add.draft()?;
            let (app, by) = settling(loaded, &client).await?;
            let made = match app.create_provider(&by, &name, draft).await {
                Err(Error::Conflict) if app.provider(&by, &name).await.is_ok() => return Err(there(&client, &name)),
                made => made.map_err(|error| taken(error, &name))?,
            };
            say(&format!("Set up {} provider {name} of client {client}.", made.kind().as_str()))?;
            tell_addresses(&app, &made)
        }
        Provider::Update(update) => {
            let Named { client, name } = update.named().clone();
            let draft = update.draft()?;
            let (app, by) = settling(loaded, &client).await?;
            let made = app.update_provider(&by, &name, draft).await.map_err(|error| known(error, &client, &name))?;
            say(&format!("Changed provider {name} of client {client}{}.", state(&made)))
        }
        Provider::List { client } => list(loaded, &client).await,
        Provider::Show(Named { client, name }) => {
            let (app, by) = settling(loaded, &client).await?;
            let it = app.provider(&by, &name).await.map_err(|error| known(error, &client, &name))?;
            say(&format!("{} provider {name} of client {client}{}: {}", it.kind().as_str(), state(&it), it.label))?;
            tell_addresses(&app, &it)
        }
        Provider::Refresh(Named { client, name }) => {
            let (app, by) = settling(loaded, &client).await?;
            app.refresh_provider(&by, &name).await.map_err(|error| known(error, &client, &name))?;
            say(&format!("Read the metadata of provider {name} of client {client} anew."))
        }
        Provider::Test(Named { client, name }) => test(loaded, &client, &name).await,
        Provider::Remove { named: Named { client, name }, end_sessions } => {
            let (app, by) = settling(loaded, &client).await?;
            if end_sessions {
                app.end_provider_sessions(&by, &name).await.map_err(|error| known(error, &client, &name))?;
            }
            app.delete_provider(&by, &name).await.map_err(|error| known(error, &client, &name))?;
            say(&format!("Deleted provider {name} of client {client} with the identities linked to it."))
        }
    }
}

async fn list(loaded: Loaded, client: &str) -> Result<(), Failure> {
    let (app, by) = settling(loaded, client).await?;
    let all = app.providers(&by).await?;
    if all.is_empty() {
        note(&format!("Client {client} has no identity provider yet; `purser provider add` sets one up."));
        return Ok(());
    }
    let row = |it: &providers::Provider| {
        let status = if it.enabled { "on" } else { "off" };
        [it.name.clone(), it.kind().as_str().into(), status.into(), it.label.clone(), it.updated_at.to_string()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    say(&table(["NAME", "KIND", "STATUS", "LABEL", "CHANGED"], &rows))
}

async fn test(loaded: Loaded, client: &str, name: &str) -> Result<(), Failure> {
    let (app, by) = settling(loaded, client).await?;
    let base = app.demand_base().map_err(|_| unknown_address())?;
    let checks = app.examine_provider(&by, name, &base).await.map_err(|error| known(error, client, name))?;
    for check in &checks {
        say(&line(check))?;
    }
    let failed = checks.iter().filter(|check| check.outcome == Outcome::Failed).count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("one check failed: people cannot sign in through this provider")
            .hint("change what is said above, and test again")),
        _ => Err(Failure::new(format!("{failed} checks failed: people cannot sign in through this provider"))
            .hint("change what is said above, the first one first, and test again")),
    }
}

/// A check as a line, with what to do below it.
fn line(check: &Check) -> String {
    let mark = match check.outcome {
        Outcome::Passed => "✓ passed ",
        Outcome::Warned => "! warning",
        Outcome::Failed => "✗ failed ",
        Outcome::Skipped => "- skipped",
    };
    let advice = if check.advice.is_empty() { String::new() } else { format!("\n           → {}", check.advice) };
    format!("{mark}  {}: {}{advice}", check.name, check.found)
}

/// What to paste at the other side.
fn tell_addresses(app: &App, provider: &providers::Provider) -> Result<(), Failure> {
    let Some(base) = app.base() else {
        note("server.public_url is not set, so that nobody can say which addresses to paste at the other side.");
        return Ok(());
    };
    let it = app.provider_addresses(provider, &base);
    let Some(sign_in) = it.sign_in else {
        return say(&format!(
            "\nPower Apps call {} with their users' tokens. There is nothing to paste.",
            base.as_str()
        ));
    };
    let named = [
        ("redirect URI", it.redirect_uri),
        ("single sign-on URL (ACS, recipient, destination)", it.acs),
        ("the same as it was of old", it.acs_alias),
        ("entity ID (audience)", it.entity_id),
        ("metadata", it.metadata),
        ("single logout URL", it.slo),
    ];
    let rows: Vec<_> = named.into_iter().filter_map(|(what, address)| Some([what.to_owned(), address?])).collect();
    say(&format!("\n{}", table(["PASTE AT THE OTHER SIDE", ""], &rows)))?;
    say(&format!("\nPeople start at {sign_in}"))
}

pub(super) async fn run_domain(loaded: Loaded, command: Domain) -> Result<(), Failure> {
    match command {
        Domain::List { client } => list_domains(loaded, &client).await,
        Domain::Add(NamedDomain { client, domain }) => {
            let (app, by) = settling(loaded, &client).await?;
            let it = app.add_domain(&by, &domain).await.map_err(|error| match error {
                Error::Conflict => Failure::new(format!("{domain} is a domain of client {client} already")),
                other => other.into(),
            })?;
            say(&format!(
                "To prove that {} is the client's, publish this TXT record at it:\n{}",
                it.name,
                it.record()
            ))?;
            note(&format!("Then: purser domain verify --client {client} {}", it.name));
            Ok(())
        }
        Domain::Verify(NamedDomain { client, domain }) => {
            let (app, by) = settling(loaded, &client).await?;
            let it = app.verify_domain(&by, &domain).await.map_err(|error| known_domain(error, &client, &domain))?;
            say(&format!("{} is proven to be of client {client}.", it.name))
        }
        Domain::Confirm(NamedDomain { client, domain }) => {
            let (app, _) = settling(loaded, &client).await?;
            let tenant = client.parse()?;
            let confirmed = app.confirm_domain(&operator().grant(), &tenant, &domain).await;
            let it = confirmed.map_err(|error| known_domain(error, &client, &domain))?;
            say(&format!("{} counts as proven to be of client {client}.", it.name))
        }
        Domain::Remove(NamedDomain { client, domain }) => {
            let (app, by) = settling(loaded, &client).await?;
            let it = app.remove_domain(&by, &domain).await.map_err(|error| known_domain(error, &client, &domain))?;
            say(&format!("{} is no domain of client {client} any more.", it.name))
        }
    }
}

async fn list_domains(loaded: Loaded, client: &str) -> Result<(), Failure> {
    let (app, by) = settling(loaded, client).await?;
    let all = app.domains(&by).await?;
    if all.is_empty() {
        note(&format!("Client {client} has no domain yet; `purser domain add` names one."));
        return Ok(());
    }
    let row = |it: &providers::Domain| {
        let proven = it.verified_at.map_or_else(|| "no".into(), |at| at.to_string());
        [it.name.clone(), proven, it.verified_by.clone().unwrap_or_default(), it.record()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    say(&table(["DOMAIN", "PROVEN", "BY", "TXT RECORD"], &rows))
}

/// The system, and the right to settle a client's affairs.
async fn settling(loaded: Loaded, client: &str) -> Result<(App, Grant<right::SettingsManage>), Failure> {
    let tenant: TenantId = client.parse().map_err(|_| no_client(client))?;
    let app = open(loaded).await?;
    let by = app.settling_of(&operator().grant(), &tenant).await.map_err(|error| match error {
        Error::NotFound => no_client(client),
        other => other.into(),
    })?;
    Ok((app, by))
}

fn state(it: &providers::Provider) -> &'static str {
    if it.enabled { "" } else { ", switched off" }
}

fn known(error: Error, client: &str, name: &str) -> Failure {
    match error {
        Error::NotFound => Failure::new(format!("client {client} has no provider {name}"))
            .hint(format!("`purser provider list --client {client}` shows those it has")),
        other => taken(other, name),
    }
}

fn known_domain(error: Error, client: &str, domain: &str) -> Failure {
    match error {
        Error::NotFound => Failure::new(format!("{domain} is no domain of client {client}"))
            .hint(format!("`purser domain add --client {client} {domain}` names it")),
        other => other.into(),
    }
}

fn there(client: &str, name: &str) -> Failure {
    Failure::new(format!("client {client} has a provider {name} already"))
        .hint("choose another name, or change it with `purser provider update`")
}

fn taken(error: Error, name: &str) -> Failure {
    match error {
        Error::Conflict => Failure::new(format!(
            "{name} cannot be set up so: another provider of this deployment has the same issuer and client id, entity id, or directory and application"
        ))
        .hint("`purser provider list` shows each client's providers; remove the other one, or register an application of its own for this one"),
        // Here the name is no flag.
        Error::Invalid(problems) => Error::Invalid(problems.into_iter().map(as_argument).collect()).into(),
        other => other.into(),
    }
}

fn as_argument(problem: Problem) -> Problem {
    if problem.field == "name" { Problem { field: "NAME".into(), ..problem } } else { problem }
}

fn unknown_address() -> Failure {
    Failure::new("server.public_url is not set: nobody can tell where this server is reached")
        .hint("set it, as https://id.example.com")
}

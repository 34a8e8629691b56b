//! The organisation's domains, and the proof that they are its own.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::Error;

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Field, Moment};
use super::trouble::Trouble;
use super::words::Said;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/domains.html")]
struct Domains {
    chrome: Chrome,
    sentence: &'static str,
    domain: Field,
    domains: Vec<Line>,
}

struct Line {
    name: String,
    record: String,
    verified: Option<Moment>,
    by_word: bool,
}

/// Lists them.
pub(super) async fn list(State(site): State<Site>, person: Person) -> Answer {
    form(&site, &person, "", &Trouble::default()).await
}

async fn form(site: &Site, person: &Person, typed: &str, trouble: &Trouble) -> Answer {
    let found = site.app.domains(&person.caller.grant()?).await?;
    let line = |it: purser_core::providers::Domain| Line {
        record: it.record(),
        verified: it.verified_at.map(Moment::from),
        by_word: it.verified_by.as_deref() == Some("admin"),
        name: it.name,
    };
    let domain = Field::line("domain", "Domain").hint("As in your people's addresses: example.com");
    shown(&Domains {
        chrome: person.chrome(Place::Domains, "Domains"),
        sentence: trouble.sentence,
        domain: domain.filled(typed).wrong(trouble.about("domain")),
        domains: found.into_iter().map(line).collect(),
    })
}

/// Names one more.
pub(super) async fn add(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    match site.app.add_domain(&person.caller.grant()?, fields.text("domain")).await {
        Ok(_) => done("/domains", Said::DomainAdded, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &person, fields.text("domain"), &trouble).await;
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/ask-domain.html")]
struct AskDomain {
    chrome: Chrome,
    name: String,
}

/// Asks before one is let go of.
pub(super) async fn ask(State(site): State<Site>, person: Person, Path((name, act)): Path<(String, String)>) -> Answer {
    let known = site.app.domains(&person.caller.grant()?).await?;
    if act != "remove" || !known.iter().any(|it| it.name == name) {
        return Err(Error::NotFound.into());
    }
    shown(&AskDomain { chrome: person.chrome(Place::Domains, "Remove the domain"), name })
}

/// Proves one, or lets go of it.
pub(super) async fn act(State(site): State<Site>, person: Person, Path((name, act)): Path<(String, String)>) -> Answer {
    let by = person.caller.grant()?;
    let said = match act.as_str() {
        "verify" => match site.app.verify_domain(&by, &name).await {
            Ok(_) => Said::DomainVerified,
            // Not there yet is no mistake.
            Err(Error::Invalid(_)) => Said::DomainUnproven,
            Err(other) => return Err(other.into()),
        },
        "remove" => site.app.remove_domain(&by, &name).await.map(|_| Said::DomainRemoved)?,
        _ => return Err(Error::NotFound.into()),
    };
    done("/domains", said, &site)
}

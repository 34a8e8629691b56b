//! The organisation's domains, and the proof that they are its own.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::Error;
use serde::Deserialize;

use super::desk::{Crumbs, Desk, Top};
use super::form::Fields;
use super::page::{Chrome, done, shown};
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
    top: Top,
    root: String,
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
pub(super) async fn list(State(site): State<Site>, desk: Desk) -> Answer {
    form(&site, desk, "", &Trouble::default()).await
}

async fn form(site: &Site, desk: Desk, typed: &str, trouble: &Trouble) -> Answer {
    let found = site.app.domains(&desk.by).await?;
    let line = |it: purser_core::providers::Domain| Line {
        record: it.record(),
        verified: it.verified_at.map(Moment::from),
        by_word: it.verified_by.as_deref() == Some("admin"),
        name: it.name,
    };
    let domain = Field::line("domain", "Domain").hint("As in your people's addresses: example.com");
    shown(&Domains {
        chrome: desk.chrome,
        top: desk.top,
        root: desk.root,
        sentence: trouble.sentence,
        domain: domain.filled(typed).wrong(trouble.about("domain")),
        domains: found.into_iter().map(line).collect(),
    })
}

/// Names one more.
pub(super) async fn add(State(site): State<Site>, desk: Desk, Form(fields): Form<Fields>) -> Answer {
    match site.app.add_domain(&desk.by, fields.text("domain")).await {
        Ok(_) => done(&format!("{}/domains", desk.root), Said::DomainAdded, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, desk, fields.text("domain"), &trouble).await;
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/ask-domain.html")]
struct AskDomain {
    chrome: Chrome,
    crumbs: Crumbs,
    root: String,
    name: String,
}

/// What is to be done to which.
#[derive(Deserialize)]
pub(super) struct Deed {
    name: String,
    act: String,
}

/// Asks before one is let go of.
pub(super) async fn ask(State(site): State<Site>, desk: Desk, Path(Deed { name, act }): Path<Deed>) -> Answer {
    let known = site.app.domains(&desk.by).await?;
    if act != "remove" || !known.iter().any(|it| it.name == name) {
        return Err(Error::NotFound.into());
    }
    let root = desk.root.clone();
    let (chrome, crumbs) = desk.titled("Remove the domain");
    shown(&AskDomain { chrome, crumbs, root, name })
}

/// Proves one, or lets go of it.
pub(super) async fn act(State(site): State<Site>, desk: Desk, Path(Deed { name, act }): Path<Deed>) -> Answer {
    let Desk { root, by, .. } = desk;
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
    done(&format!("{root}/domains"), said, &site)
}

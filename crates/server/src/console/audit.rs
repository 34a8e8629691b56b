//! The organisation's audit log.

use askama::Template;
use axum::extract::State;
use purser_core::access::{Grant, right};
use purser_core::audit::{Action, Filter, Record};
use purser_core::env::Timestamp;
use purser_core::error::{Error, Result};
use purser_core::ids::UserId;
use serde::Deserialize;

use super::page::{Chrome, Person, Place, SHOWN, address, cut, shown};
use super::parts::{Chip, Field, Moment, Names, Paging, Tone};
use super::templates::names;
use super::words;
use crate::extract::Query;
use crate::fault::Answer;
use crate::site::Site;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    action: String,
    actor: String,
    target: String,
    outcome: String,
    since: String,
    until: String,
    before: String,
}

#[derive(Template)]
#[template(path = "console/audit.html")]
pub(super) struct Log {
    pub(super) chrome: Chrome,
    pub(super) path: &'static str,
    pub(super) fields: Vec<Field>,
    /// Of whom alone it is.
    pub(super) about: About,
    pub(super) narrowed: bool,
    /// Where the same is read out, whole.
    pub(super) export: Option<String>,
    pub(super) lines: Vec<Line>,
    pub(super) paging: Paging,
}

/// Of whom alone a log is shown: what they did, what was done to them. Empty for everybody.
pub(super) struct About {
    kept: [(&'static str, String); 2],
    actor: String,
    target: String,
}

impl About {
    pub(super) fn of(asked: &Asked, names: &Names) -> Self {
        let actor = asked.actor.trim();
        Self {
            kept: [("actor", actor.to_owned()), ("target", asked.target.clone())],
            actor: actor.parse().map_or_else(|_| actor.to_owned(), |id| names.name(id)),
            target: Target::of(&asked.target, names).text,
        }
    }
}

/// A line as people read it.
pub(super) struct Line {
    at: Moment,
    actor: String,
    /// Where all is that they did.
    by: Option<String>,
    action: String,
    word: String,
    target: Target,
    outcome: Chip,
    reason: String,
    address: String,
}

impl Line {
    /// The same in a log of several tenants, in which nothing can be followed to its page.
    pub(super) fn of(self, tenant: &str) -> Self {
        let text = format!("{tenant}: {}", self.target.text);
        Self { target: Target { text, href: None }, by: None, ..self }
    }
}

/// On what something was done, and where that is found.
struct Target {
    text: String,
    href: Option<String>,
}

impl Target {
    fn of(target: &str, names: &Names) -> Self {
        let (kind, id) = target.split_once(':').unwrap_or((target, ""));
        let (text, href) = match (kind, id.parse()) {
            ("user", Ok(user)) => (names.name(user), Some(format!("/people/{id}"))),
            ("template", _) => ("Template".to_owned(), Some(format!("/templates/{id}"))),
            ("job", _) => ("Job".to_owned(), Some(format!("/jobs/{id}"))),
            ("provider", _) => (format!("Provider {id}"), None),
            ("domain", _) => (format!("Domain {id}"), None),
            ("name", _) => (id.to_owned(), None),
            _ => (target.to_owned(), None),
        };
        Self { text, href }
    }
}

/// Everybody whom a line names.
fn people(record: &Record) -> impl Iterator<Item = UserId> + use<> {
    let actor = (record.actor_kind == "user").then(|| record.actor.parse().ok()).flatten();
    let target = record.target.strip_prefix("user:").and_then(|id| id.parse().ok());
    let told = Names::in_note(&record.reason).map(|(_, id)| id);
    [actor, target, told].into_iter().flatten()
}

/// Shows a page of it.
pub(super) async fn page(State(site): State<Site>, person: Person, Query(asked): Query<Asked>) -> Answer {
    let by: Grant<right::AuditRead> = person.caller.grant()?;
    let filter = asked.filter()?;
    let found = cut(site.app.audit_log(&by, &filter).await?, SHOWN, |record| record.id.to_string());
    let names = names(&site, &person, found.things.iter().flat_map(people).chain(asked.people())).await?;
    let more = |before: String| address("/audit", &[&asked.pairs()[..], &[("before", &before)]].concat());
    shown(&Log {
        chrome: person.chrome(Place::Audit, "Audit log"),
        path: "/audit",
        export: Some(export("/api/client/audit/export", &filter, &[])),
        fields: fields(&asked),
        about: About::of(&asked, &names),
        narrowed: asked.pairs().iter().any(|(_, value)| !value.is_empty()),
        paging: Paging { next: found.next.map(more) },
        lines: found.things.into_iter().map(|it| line(it, &names)).collect(),
    })
}

/// Where the lines that are looked for are read out.
pub(super) fn export(path: &str, filter: &Filter, more: &[(&str, &str)]) -> String {
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let (since, until) = (moment(filter.since), moment(filter.until));
    let asked = [
        ("action", &*filter.action),
        ("actor", &filter.actor),
        ("target", &filter.target),
        ("outcome", &filter.outcome),
        ("since", &since),
        ("until", &until),
    ];
    address(path, &[more, &asked].concat())
}

impl Asked {
    /// The lines that are meant, and one more than is shown.
    pub(super) fn filter(&self) -> Result<Filter> {
        Ok(Filter {
            action: self.action.clone(),
            actor: self.actor.trim().to_owned(),
            target: self.target.clone(),
            outcome: self.outcome.clone(),
            since: day("since", &self.since, "00:00:00Z")?,
            until: day("until", &self.until, "23:59:59.999999Z")?,
            before: (!self.before.is_empty()).then(|| self.before.parse()).transpose()?,
            first: Some(SHOWN + 1),
        })
    }

    /// Whom it names.
    fn people(&self) -> impl Iterator<Item = UserId> + use<> {
        let target = self.target.strip_prefix("user:").and_then(|id| id.parse().ok());
        [self.actor.trim().parse().ok(), target].into_iter().flatten()
    }

    pub(super) fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("action", &self.action),
            ("actor", &self.actor),
            ("target", &self.target),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

pub(super) fn fields(asked: &Asked) -> Vec<Field> {
    let any = (String::new(), "Anything".to_owned());
    let actions = Action::ALL.iter().map(|it| (it.as_str().to_owned(), words::action(it.as_str())));
    let outcomes = [("", "Either"), ("done", "Done"), ("refused", "Refused")];
    let outcomes = outcomes.map(|(value, text)| (value.to_owned(), text.to_owned()));
    vec![
        Field::one("action", "What", [any].into_iter().chain(actions)).filled(&asked.action),
        Field::one("outcome", "Outcome", outcomes).filled(&asked.outcome),
        Field::day("since", "From").filled(&asked.since),
        Field::day("until", "To").filled(&asked.until),
    ]
}

/// A day in UTC, as the log's own times are stored.
fn day(field: &str, day: &str, time: &str) -> Result<Option<Timestamp>> {
    if day.is_empty() {
        return Ok(None);
    }
    format!("{day}T{time}").parse().map(Some).map_err(|_| Error::invalid(field, "write it as 2026-11-21"))
}

pub(super) fn line(record: Record, names: &Names) -> Line {
    let actor = match (record.actor_kind.as_str(), record.actor.parse()) {
        ("user", Ok(id)) => names.name(id),
        ("anyone", _) => "Somebody not signed in".to_owned(),
        ("command-line", _) => "Command line".to_owned(),
        ("admin", _) => "System administrator".to_owned(),
        ("provider", _) => format!("Provider {}", record.actor),
        _ => "The system".to_owned(),
    };
    let by = (record.actor_kind == "user").then(|| address("/audit", &[("actor", &record.actor)]));
    let outcome = if record.outcome == "done" { ("Done", Tone::Green) } else { ("Refused", Tone::Red) };
    Line {
        at: record.at.into(),
        actor,
        by,
        action: words::action(&record.action),
        word: record.action,
        target: Target::of(&record.target, names),
        outcome: outcome.into(),
        reason: names.told(&record.reason),
        address: record.address,
    }
}

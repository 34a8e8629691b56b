//! Two versions of a template side by side: what was added, removed, moved, and said otherwise.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{Path, State};
use purser_core::error::Error;
use purser_core::work::{Apart, Piece, StepChange, Version, between};
use serde::Deserialize;

use super::page::{Chrome, Person, Place, shown};
use super::parts::Field;
use super::versions::which;
use super::words;
use crate::extract::Query;
use crate::fault::Answer;
use crate::site::Site;

/// With which version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    with: String,
}

#[derive(Template)]
#[template(path = "console/compare.html")]
struct Compare {
    chrome: Chrome,
    title: String,
    template: String,
    number: i64,
    with: i64,
    /// The versions to choose from; none if there is nothing to choose.
    others: Option<Field>,
    summary: String,
    steps: Vec<StepLine>,
}

/// A step with what became of it.
struct StepLine {
    class: &'static str,
    number: String,
    marks: Vec<(&'static str, String)>,
    title: Marked,
    instructions: Option<Marked>,
    /// What it wants recorded, and what it wanted if that was something else.
    kind: String,
    kind_was: Option<String>,
}

/// A text with what was removed and added in it.
#[derive(Template)]
#[template(
    source = r#"{% for it in pieces %}{% match it.apart %}{% when Apart::Same %}{{ it.text }}{% when Apart::Removed %}<del>{{ it.text }}</del>{% when Apart::Added %}<ins>{{ it.text }}</ins>{% endmatch %}{% endfor %}"#,
    ext = "html"
)]
struct Marked {
    pieces: Vec<Piece>,
}

impl HtmlSafe for Marked {}

/// Shows them. Without a word it is compared with the one before.
pub(super) async fn page(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let (id, number) = which(&id, &number)?;
    let template = site.app.template(&person.caller.grant()?, id).await?;
    let versions = site.app.versions(&person.caller.grant()?, id, None, Some(100)).await?;
    let with = match asked.with.as_str() {
        "" => versions.iter().map(|it| it.number).filter(|it| *it < number).max().unwrap_or(number),
        other => other.parse().map_err(|_| Error::NotFound)?,
    };
    let find = async |number: i64| match versions.iter().find(|it| it.number == number) {
        Some(version) => Ok(version.clone()),
        None => site.app.version(&person.caller.grant()?, id, number).await,
    };
    let (earlier, later) = (find(with).await?, find(number).await?);
    let changes = between(&earlier.steps, &later.steps);
    shown(&Compare {
        chrome: person.chrome(Place::Templates, format!("{}, versions {with} and {number}", template.title)),
        title: template.title,
        template: id.to_string(),
        number,
        with,
        others: (versions.len() > 1).then(|| others(&versions, number, with)),
        summary: summary(&changes),
        steps: changes.into_iter().map(StepLine::from).collect(),
    })
}

fn others(versions: &[Version], number: i64, with: i64) -> Field {
    let option =
        |it: &Version| (it.number.to_string(), format!("Version {}, {}", it.number, words::version_state(it.state).0));
    Field::one("with", "Compare with", versions.iter().filter(|it| it.number != number).map(option))
        .filled(with.to_string())
}

/// How much is different, in a sentence.
fn summary(changes: &[StepChange]) -> String {
    let count = |apart| changes.iter().filter(|it| it.apart == apart).count();
    let moved = changes.iter().filter(|it| it.moved).count();
    let reworded = changes
        .iter()
        .filter(|it| it.apart == Apart::Same && !StepChange { moved: false, ..(*it).clone() }.is_same())
        .count();
    let parts =
        [(count(Apart::Added), "added"), (count(Apart::Removed), "removed"), (reworded, "changed"), (moved, "moved")];
    let some: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {} {what}", if count == 1 { "step" } else { "steps" }))
        .collect();
    if some.is_empty() { "The steps are the same.".to_owned() } else { format!("{}.", some.join(", ")) }
}

impl From<StepChange> for StepLine {
    fn from(change: StepChange) -> Self {
        let number = change.is.or(change.was).map(|it| it.to_string()).unwrap_or_default();
        let mut marks = Vec::new();
        match change.apart {
            Apart::Added => marks.push(("green", "Added".to_owned())),
            Apart::Removed => marks.push(("red", "Removed".to_owned())),
            Apart::Same => {}
        }
        if let (true, Some(was)) = (change.moved, change.was) {
            marks.push(("blue", format!("Moved, was step {was}")));
        }
        let same = change.is_same();
        if change.apart == Apart::Same && !(StepChange { moved: false, ..change.clone() }).is_same() {
            marks.push(("amber", "Changed".to_owned()));
        }
        let wants =
            |kind, required| format!("{}{}", words::kind(kind), if required { " · must be recorded" } else { "" });
        let (was, is) =
            (wants(&change.kind.0, change.record_required.0), wants(&change.kind.1, change.record_required.1));
        let class = match change.apart {
            Apart::Added => "added",
            Apart::Removed => "removed",
            Apart::Same if same => "same",
            Apart::Same => "changed",
        };
        Self {
            class,
            number,
            marks,
            title: Marked { pieces: change.title },
            instructions: (!change.instructions.is_empty()).then_some(Marked { pieces: change.instructions }),
            kind_was: (was != is).then_some(was),
            kind: is,
        }
    }
}

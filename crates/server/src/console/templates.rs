//! Templates: finding them, making and naming them, and what happened to them.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Grant, Right, right};
use purser_core::error::{Error, Result};
use purser_core::ids::{TemplateId, UserId};
use purser_core::work::{
    Event, NewTemplate, Steps, Template as Work, TemplateFilter, TemplateOrder, TemplateUpdate, VersionState,
};
use serde::Deserialize;

use super::form::Fields;
use super::page::{Chrome, Person, Place, SHOWN, address, cut, done, go, shown};
use super::parts::{Chip, Field, Moment, Names, Paging};
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    search: String,
    state: String,
    order: String,
    after: String,
}

#[derive(Template)]
#[template(path = "console/templates.html")]
struct Templates {
    chrome: Chrome,
    writes: bool,
    search: String,
    states: Vec<(&'static str, &'static str, bool)>,
    by_title: bool,
    narrowed: bool,
    templates: Vec<Line>,
    paging: Paging,
}

struct Line {
    href: String,
    title: String,
    asset_class: String,
    state: Chip,
    published: Option<i64>,
    updated: Moment,
}

impl From<Work> for Line {
    fn from(it: Work) -> Self {
        Self {
            href: format!("/templates/{}", it.id),
            title: it.title,
            asset_class: it.asset_class,
            state: words::version_state(it.state).into(),
            published: it.published,
            updated: it.updated_at.into(),
        }
    }
}

/// Lists them.
pub(super) async fn list(State(site): State<Site>, person: Person, Query(asked): Query<Asked>) -> Answer {
    let state = chosen(&asked.state)?;
    let order = if asked.order == "title" { TemplateOrder::Title } else { TemplateOrder::Newest };
    let filter = TemplateFilter {
        after: (!asked.after.is_empty()).then(|| asked.after.parse()).transpose()?,
        first: Some(SHOWN + 1),
        search: asked.search.clone(),
        state,
        order,
        ..TemplateFilter::default()
    };
    let found = site.app.templates(&person.caller.grant()?, &filter).await?;
    let page = cut(found, SHOWN, |it| it.id.to_string());
    let more = |after: String| {
        let asked = [("search", &*asked.search), ("state", &asked.state), ("order", &asked.order), ("after", &after)];
        address("/templates", &asked)
    };
    shown(&Templates {
        chrome: person.chrome(Place::Templates, "Templates"),
        writes: person.may(Right::TemplatesWrite),
        states: VersionState::ALL.map(|it| (it.as_str(), words::version_state(it).0, Some(it) == state)).into(),
        by_title: order == TemplateOrder::Title,
        narrowed: !asked.search.is_empty() || state.is_some() || !asked.after.is_empty(),
        templates: page.things.into_iter().map(Line::from).collect(),
        paging: Paging { next: page.next.map(more) },
        search: asked.search,
    })
}

fn chosen(state: &str) -> Result<Option<VersionState>> {
    if state.is_empty() {
        return Ok(None);
    }
    let found = VersionState::ALL.into_iter().find(|it| it.as_str() == state);
    found.map(Some).ok_or_else(|| Error::invalid("state", "there is no such state"))
}

/// A small form: one thing to type in, or a few.
#[derive(Template)]
#[template(path = "console/small-form.html")]
struct SmallForm {
    chrome: Chrome,
    intro: &'static str,
    sentence: &'static str,
    fields: Vec<Field>,
    label: &'static str,
    back: String,
}

/// The form for a new one.
pub(super) async fn blank(person: Person) -> Answer {
    let _may: Grant<right::TemplatesWrite> = person.caller.grant()?;
    blank_form(&person, &Fields::default(), &Trouble::default())
}

fn blank_form(person: &Person, typed: &Fields, trouble: &Trouble) -> Answer {
    shown(&SmallForm {
        chrome: person.chrome(Place::Templates, "New template"),
        intro: "A template describes work once, so that it can be done many times. Its steps come next.",
        sentence: trouble.sentence,
        fields: naming(typed.text("title"), typed.text("assetClass"), trouble).into(),
        label: "Make the template",
        back: "/templates".to_owned(),
    })
}

fn naming(title: &str, asset_class: &str, trouble: &Trouble) -> [Field; 2] {
    [
        Field::line("title", "Title")
            .hint("What the work is called: “Replace the inlet filter”.")
            .filled(title)
            .wrong(trouble.about("title")),
        Field::line("assetClass", "Asset class")
            .hint("The kind of things it is done on: “Compressor”.")
            .filled(asset_class)
            .wrong(trouble.about("assetClass"))
            .optional(),
    ]
}

/// Makes one.
pub(super) async fn add(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    let by = person.caller.grant()?;
    let new = NewTemplate::parse(fields.text("title"), fields.text("assetClass"), Steps::default());
    let made = match new {
        Ok(new) => site.app.create_template(&by, new).await,
        Err(refused) => Err(refused),
    };
    match made {
        Ok(template) => done(&format!("/templates/{}/versions/1/edit", template.id), Said::TemplateMade, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = blank_form(&person, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

/// The newest version, which is what is meant by a template's address.
pub(super) async fn newest(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let id: TemplateId = id.parse()?;
    let newest = site.app.versions(&person.caller.grant()?, id, None, Some(1)).await?;
    let newest = newest.first().ok_or(Error::NotFound)?;
    go(&format!("/templates/{id}/versions/{}", newest.number))
}

/// The form for another name.
pub(super) async fn ask_name(State(site): State<Site>, person: Person, Path(id): Path<String>) -> Answer {
    let _may: Grant<right::TemplatesWrite> = person.caller.grant()?;
    let template = site.app.template(&person.caller.grant()?, id.parse()?).await?;
    name_form(&person, template.id, &template.title, &template.asset_class, &Trouble::default())
}

fn name_form(person: &Person, id: TemplateId, title: &str, asset_class: &str, trouble: &Trouble) -> Answer {
    shown(&SmallForm {
        chrome: person.chrome(Place::Templates, "Rename the template"),
        intro: "Jobs that exist keep the name they were given.",
        sentence: trouble.sentence,
        fields: naming(title, asset_class, trouble).into(),
        label: "Save",
        back: format!("/templates/{id}"),
    })
}

/// Gives it.
pub(super) async fn rename(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (_, TemplateId) = (person.caller.grant()?, id.parse()?);
    let text = |name| Some(fields.text(name).to_owned());
    let update = TemplateUpdate { title: text("title"), asset_class: text("assetClass") };
    match site.app.update_template(&by, id, update).await {
        Ok(_) => done(&format!("/templates/{id}"), Said::TemplateSaved, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = name_form(&person, id, fields.text("title"), fields.text("assetClass"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Which version is copied.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Copied {
    version: String,
}

/// The form for a copy.
pub(super) async fn ask_copy(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Query(copied): Query<Copied>,
) -> Answer {
    let _may: Grant<right::TemplatesWrite> = person.caller.grant()?;
    let template = site.app.template(&person.caller.grant()?, id.parse()?).await?;
    copy_form(&person, template.id, &format!("Copy of {}", template.title), &copied.version, &Trouble::default())
}

fn copy_form(person: &Person, id: TemplateId, title: &str, version: &str, trouble: &Trouble) -> Answer {
    let title = Field::line("title", "Title of the copy").filled(title).wrong(trouble.about("title"));
    let version = Field::line("version", "Version").hint("Empty for the newest.").filled(version).optional();
    shown(&SmallForm {
        chrome: person.chrome(Place::Templates, "Copy the template"),
        intro: "The copy begins as a draft of its own, with the same steps.",
        sentence: trouble.sentence,
        fields: vec![title, version],
        label: "Copy",
        back: format!("/templates/{id}"),
    })
}

/// Makes it.
pub(super) async fn copy(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (by, id): (_, TemplateId) = (person.caller.grant()?, id.parse()?);
    let number = fields.said("version").map(|text| text.parse().map_err(|_| Error::NotFound)).transpose()?;
    match site.app.copy_template(&by, id, number, Some(fields.text("title"))).await {
        Ok(template) => done(&format!("/templates/{}", template.id), Said::TemplateMade, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = copy_form(&person, id, fields.text("title"), fields.text("version"), &trouble);
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/history.html")]
struct History {
    chrome: Chrome,
    back: String,
    part: &'static str,
    events: Vec<EventLine>,
    paging: Paging,
}

/// One line of a history.
pub(super) struct EventLine {
    pub(super) at: Moment,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) part: Option<i64>,
    pub(super) note: String,
}

impl EventLine {
    /// The lines of some events.
    pub(super) fn of(events: Vec<Event>, names: &Names) -> Vec<Self> {
        let line = |it: Event| Self {
            at: it.at.into(),
            who: names.name(it.actor),
            what: words::action(&it.action),
            part: it.part,
            note: names.told(&it.note),
        };
        events.into_iter().map(line).collect()
    }

    /// Everybody in them: who did it, and to whom.
    pub(super) fn people(events: &[Event]) -> impl Iterator<Item = UserId> {
        events.iter().flat_map(|it| [Some(it.actor), Names::in_note(&it.note).map(|(_, id)| id)]).flatten()
    }
}

/// From where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Since {
    after: Option<i64>,
}

/// What happened to one.
pub(super) async fn history(
    State(site): State<Site>,
    person: Person,
    Path(id): Path<String>,
    Query(from): Query<Since>,
) -> Answer {
    let id: TemplateId = id.parse()?;
    let found = site.app.template_history(&person.caller.grant()?, id, from.after, Some(SHOWN + 1)).await?;
    let page = cut(found, SHOWN, |it| it.number.to_string());
    let names = names(&site, &person, EventLine::people(&page.things)).await?;
    let more = |after: String| address(&format!("/templates/{id}/history"), &[("after", &after)]);
    shown(&History {
        chrome: person.chrome(Place::Templates, "History"),
        back: format!("/templates/{id}"),
        part: "Version",
        events: EventLine::of(page.things, &names),
        paging: Paging { next: page.next.map(more) },
    })
}

/// The names of those who did something.
pub(super) async fn names(site: &Site, person: &Person, ids: impl Iterator<Item = UserId>) -> Result<Names> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(Names::of(&site.app.users_by_id(&person.caller.grant()?, &ids).await?))
}

//! The editor of a version's steps. Without script, each button sends the form and gets it back changed; only *Save* stores it.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Grant, right};
use purser_core::error::Error;
use purser_core::ids::TemplateId;
use purser_core::work::{Kind, MOST_STEPS, Step, Steps, VersionState};

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Field, Tick};
use super::trouble::Trouble;
use super::versions::which;
use super::words::{self, Said};
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

/// Two hundred steps with long instructions, as forms write them.
const LARGEST: usize = 4 * 1024 * 1024;

#[derive(Template)]
#[template(path = "console/editor.html")]
struct Editor {
    chrome: Chrome,
    title: String,
    number: i64,
    /// The version is frozen: saving begins a draft.
    frozen: bool,
    /// What is on the page is not what is stored.
    changed: bool,
    revision: String,
    sentence: &'static str,
    besides: Vec<String>,
    steps: Vec<StepForm>,
    full: bool,
    back: String,
}

/// A step as it is written.
struct StepForm {
    at: usize,
    number: usize,
    first: bool,
    last: bool,
    fields: Vec<Field>,
    details: Vec<Field>,
}

/// A step as it was typed in, right or wrong.
#[derive(Clone, Default)]
struct Typed {
    title: String,
    instructions: String,
    kind: String,
    required: bool,
    unit: String,
    min: String,
    max: String,
    options: String,
}

impl From<&Step> for Typed {
    fn from(step: &Step) -> Self {
        let plain = Self {
            title: step.title.clone(),
            instructions: step.instructions.clone(),
            required: step.record_required,
            ..Self::default()
        };
        let bound = |bound: &Option<f64>| bound.map(|it| it.to_string()).unwrap_or_default();
        match &step.kind {
            Kind::Text => Self { kind: "TEXT".into(), ..plain },
            Kind::YesNo => Self { kind: "YES_NO".into(), ..plain },
            Kind::Photo => Self { kind: "PHOTO".into(), ..plain },
            Kind::Choice { options } => Self { kind: "CHOICE".into(), options: options.join("\n"), ..plain },
            Kind::Number { unit, min, max } => {
                Self { kind: "NUMBER".into(), unit: unit.clone(), min: bound(min), max: bound(max), ..plain }
            }
        }
    }
}

impl Typed {
    fn read(fields: &Fields, at: usize) -> Self {
        let text = |name: &str| fields.raw(&format!("steps.{at}.{name}")).to_owned();
        Self {
            title: text("title"),
            instructions: text("instructions"),
            kind: text("kind"),
            required: fields.ticked(&format!("steps.{at}.required")),
            unit: text("unit"),
            min: text("min"),
            max: text("max"),
            options: text("options"),
        }
    }

    /// The step that is meant.
    fn meant(&self, at: usize) -> Result<Step, Error> {
        let bound = |name: &str, text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Error::invalid(format!("steps.{at}.{name}"), "not a number")),
        };
        let options = || self.options.lines().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let kind = match self.kind.as_str() {
            "NUMBER" => Kind::Number {
                unit: self.unit.trim().to_owned(),
                min: bound("min", &self.min)?,
                max: bound("max", &self.max)?,
            },
            "YES_NO" => Kind::YesNo,
            "CHOICE" => Kind::Choice { options: options() },
            "PHOTO" => Kind::Photo,
            _ => Kind::Text,
        };
        Ok(Step {
            title: self.title.clone(),
            // Browsers send lines with both ends.
            instructions: self.instructions.replace("\r\n", "\n"),
            record_required: self.required,
            kind,
        })
    }

    fn form(&self, at: usize, count: usize, trouble: &Trouble) -> StepForm {
        let name = |field: &str| format!("steps.{at}.{field}");
        let wrong = |field: &str| trouble.about(&name(field)).to_owned();
        let kinds = words::KINDS.map(|(value, text)| (value.to_owned(), text.to_owned()));
        StepForm {
            at,
            number: at + 1,
            first: at == 0,
            last: at + 1 == count,
            fields: vec![
                Field::line(name("title"), "What is to be done").filled(&self.title).wrong(wrong("title")),
                Field::text(name("instructions"), "How it is done", 3)
                    .filled(&self.instructions)
                    .wrong(wrong("instructions"))
                    .optional(),
                Field::one(name("kind"), "What is recorded", kinds).filled(&self.kind),
                Field::tick(name("required"), "Only done once it is recorded", Tick::from(self.required)),
            ],
            details: vec![
                Field::line(name("unit"), "Unit").filled(&self.unit).wrong(wrong("unit")).optional(),
                Field::line(name("min"), "Lowest").filled(&self.min).wrong(wrong("min")).optional(),
                Field::line(name("max"), "Highest").filled(&self.max).wrong(wrong("max")).optional(),
                Field::text(name("options"), "Options, one on each line", 3)
                    .filled(&self.options)
                    .wrong(wrong("options"))
                    .optional(),
            ],
        }
    }
}

/// What a button of the form asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Save,
    Add,
    Up(usize),
    Down(usize),
    Remove(usize),
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        let wish = fields.text("do");
        let place = |word: &str| wish.strip_prefix(word)?.parse::<usize>().ok();
        place("up.")
            .map(Self::Up)
            .or_else(|| place("down.").map(Self::Down))
            .or_else(|| place("remove.").map(Self::Remove))
            .unwrap_or(if wish == "add" { Self::Add } else { Self::Save })
    }

    /// The steps as they are wished for.
    fn grant(self, steps: &mut Vec<Typed>) {
        match self {
            Self::Add if steps.len() < MOST_STEPS => steps.push(Typed { kind: "TEXT".into(), ..Typed::default() }),
            Self::Up(at) if (1..steps.len()).contains(&at) => steps.swap(at - 1, at),
            Self::Down(at) if at + 1 < steps.len() => steps.swap(at, at + 1),
            Self::Remove(at) if at < steps.len() => drop(steps.remove(at)),
            Self::Save | Self::Add | Self::Up(_) | Self::Down(_) | Self::Remove(_) => {}
        }
    }
}

/// Whose steps are written.
struct Desk<'a> {
    site: &'a Site,
    person: &'a Person,
    id: TemplateId,
    number: i64,
}

/// The form with what is stored.
pub(super) async fn page(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
) -> Answer {
    let _may: Grant<right::TemplatesWrite> = person.caller.grant()?;
    let (id, number) = which(&id, &number)?;
    let version = site.app.version(&person.caller.grant()?, id, number).await?;
    let mut steps: Vec<Typed> = version.steps.all().iter().map(Typed::from).collect();
    if steps.is_empty() {
        Wish::Add.grant(&mut steps);
    }
    let desk = Desk { site: &site, person: &person, id, number };
    desk.form(&steps, version.revision.to_string(), Wish::Save, &Trouble::default()).await
}

/// Stores the steps, or gives the form back as it was wished for.
pub(super) async fn save(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
    Form(fields): Form<Fields, LARGEST>,
) -> Answer {
    let by: Grant<right::TemplatesWrite> = person.caller.grant()?;
    let (id, number) = which(&id, &number)?;
    let count = fields.text("count").parse().unwrap_or(0).min(MOST_STEPS);
    let mut steps: Vec<Typed> = (0..count).map(|at| Typed::read(&fields, at)).collect();
    let (desk, wish) = (Desk { site: &site, person: &person, id, number }, Wish::read(&fields));
    wish.grant(&mut steps);
    let revision = fields.text("revision").to_owned();
    if wish != Wish::Save {
        return desk.form(&steps, revision, wish, &Trouble::default()).await;
    }
    let meant = steps.iter().enumerate().map(|(at, it)| it.meant(at)).collect::<Result<Vec<_>, _>>();
    let stored = match meant.and_then(Steps::parse) {
        Ok(steps) => site.app.edit_version(&by, id, number, revision.parse().ok(), &steps).await,
        Err(refused) => Err(refused),
    };
    match stored {
        Ok(version) => {
            let said = if version.number == number { Said::VersionSaved } else { Said::VersionDrafted };
            done(&format!("/templates/{id}/versions/{}", version.number), said, &site)
        }
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = desk.form(&steps, revision, Wish::Add, &trouble).await;
            trouble.answer(page)
        }
    }
}

impl Desk<'_> {
    async fn form(&self, steps: &[Typed], revision: String, wish: Wish, trouble: &Trouble) -> Answer {
        let by = self.person.caller.grant()?;
        let template = self.site.app.template(&by, self.id).await?;
        let version = self.site.app.version(&by, self.id, self.number).await?;
        let forms: Vec<_> = steps.iter().enumerate().map(|(at, it)| it.form(at, steps.len(), trouble)).collect();
        let marked = |problem: &String| !problem.starts_with("steps.");
        shown(&Editor {
            chrome: self.person.chrome(Place::Templates, format!("Steps of {}", template.title)),
            title: template.title,
            number: self.number,
            frozen: version.state != VersionState::Draft,
            changed: wish != Wish::Save,
            revision,
            sentence: trouble.sentence,
            besides: trouble.besides(&[]).into_iter().filter(marked).collect(),
            full: forms.len() >= MOST_STEPS,
            steps: forms,
            back: format!("/templates/{}/versions/{}", self.id, self.number),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(wish: Wish) -> String {
        let mut steps: Vec<Typed> =
            ["a", "b", "c"].map(|title| Typed { title: title.into(), ..Typed::default() }).into();
        wish.grant(&mut steps);
        steps.iter().map(|it| if it.title.is_empty() { "-" } else { &it.title }).collect()
    }

    #[test]
    fn steps_move_one_place_and_not_beyond_the_ends() {
        assert_eq!(titles(Wish::Up(1)), "bac");
        assert_eq!(titles(Wish::Down(1)), "acb");
        assert_eq!(titles(Wish::Remove(0)), "bc");
        assert_eq!(titles(Wish::Add), "abc-");
        for nothing in
            [Wish::Up(0), Wish::Down(2), Wish::Up(9), Wish::Down(usize::MAX - 1), Wish::Remove(3), Wish::Save]
        {
            assert_eq!(titles(nothing), "abc");
        }
    }

    #[test]
    fn a_step_is_written_as_it_was_read() {
        let step = Step {
            title: "Read the gauge".into(),
            instructions: "Wait.\nLook.".into(),
            record_required: true,
            kind: Kind::Number { unit: "bar".into(), min: Some(1.5), max: None },
        };
        assert_eq!(Typed::from(&step).meant(0).unwrap(), step);
    }
}

//! What is sent about templates and versions.

use async_graphql::{ID, InputObject};
use purser_core::error::{Error, Problem, Result};
use purser_core::work::{self, Kind, NewTemplate, Steps, TemplateUpdate};

use super::StepKind;

/// A step. What its kind does not have is to be left out.
#[derive(InputObject)]
pub(crate) struct StepInput {
    /// What is to be done, in a line.
    title: String,
    /// How it is done.
    #[graphql(default)]
    instructions: String,
    /// Whether it can only be completed with a record.
    #[graphql(default)]
    record_required: bool,
    /// What is recorded.
    #[graphql(default_with = "StepKind::Text")]
    kind: StepKind,
    /// Of what the number is.
    unit: Option<String>,
    /// The lowest number allowed.
    min: Option<f64>,
    /// The highest number allowed.
    max: Option<f64>,
    /// What may be chosen, each once.
    options: Option<Vec<String>>,
}

impl StepInput {
    fn parse(self, place: usize, problems: &mut Vec<Problem>) -> work::Step {
        let mut refuse = |field: &str, is_said: bool| {
            if is_said {
                let reason = "not for a step of this kind".into();
                problems.push(Problem { field: format!("steps.{place}.{field}"), reason });
            }
        };
        if self.kind != StepKind::Number {
            refuse("unit", self.unit.is_some());
            refuse("min", self.min.is_some());
            refuse("max", self.max.is_some());
        }
        refuse("options", self.kind != StepKind::Choice && self.options.is_some());
        let kind = match self.kind {
            StepKind::Text => Kind::Text,
            StepKind::YesNo => Kind::YesNo,
            StepKind::Photo => Kind::Photo,
            StepKind::Choice => Kind::Choice { options: self.options.unwrap_or_default() },
            StepKind::Number => Kind::Number { unit: self.unit.unwrap_or_default(), min: self.min, max: self.max },
        };
        let Self { title, instructions, record_required, .. } = self;
        work::Step { title, instructions, record_required, kind }
    }
}

/// Steps as they were sent, checked.
pub(super) fn steps(sent: Vec<StepInput>) -> Result<Steps> {
    let mut problems = Vec::new();
    let steps = sent.into_iter().enumerate().map(|(place, step)| step.parse(place, &mut problems)).collect();
    if problems.is_empty() { Steps::parse(steps) } else { Err(Error::Invalid(problems)) }
}

/// A template to make.
#[derive(InputObject)]
pub(crate) struct CreateTemplateInput {
    /// What the work is called.
    title: String,
    /// The kind of things it is done on.
    #[graphql(default)]
    asset_class: String,
    /// The steps of its first draft.
    #[graphql(default)]
    steps: Vec<StepInput>,
}

impl CreateTemplateInput {
    pub(super) fn parse(self) -> Result<NewTemplate> {
        NewTemplate::parse(&self.title, &self.asset_class, steps(self.steps)?)
    }
}

/// A template, and what to change.
#[derive(InputObject)]
pub(crate) struct UpdateTemplateInput {
    /// Which template.
    pub(super) id: ID,
    /// Another title.
    title: Option<String>,
    /// Another asset class; empty for none.
    asset_class: Option<String>,
}

impl UpdateTemplateInput {
    pub(super) fn update(self) -> TemplateUpdate {
        TemplateUpdate { title: self.title, asset_class: self.asset_class }
    }
}

/// A template to copy.
#[derive(InputObject)]
pub(crate) struct CopyTemplateInput {
    /// Which template.
    pub(super) id: ID,
    /// Which of its versions; the newest, if unsaid.
    pub(super) number: Option<i64>,
    /// What to call the copy; the same, if unsaid.
    pub(super) title: Option<String>,
}

/// A version, and what it is to ask for.
#[derive(InputObject)]
pub(crate) struct EditVersionInput {
    /// Of which template.
    pub(super) template_id: ID,
    /// Which version.
    pub(super) number: i64,
    /// All its steps from now on.
    pub(super) steps: Vec<StepInput>,
    /// The revision that was read; if it is another by now, nothing is changed.
    pub(super) revision: Option<i64>,
}

/// A version.
#[derive(InputObject)]
pub(crate) struct VersionInput {
    /// Of which template.
    pub(super) template_id: ID,
    /// Which version.
    pub(super) number: i64,
}

/// A version, and what to say of it.
#[derive(InputObject)]
pub(crate) struct ReviewInput {
    /// Of which template.
    pub(super) template_id: ID,
    /// Which version.
    pub(super) number: i64,
    /// What to say; rejecting needs it.
    pub(super) comment: Option<String>,
}

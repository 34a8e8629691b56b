//! One version of a template: its steps, where it stands, and what comes next for it.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Caller, Right};
use purser_core::error::Error;
use purser_core::ids::TemplateId;
use purser_core::work::{Step, Version, VersionState};

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, shown};
use super::parts::{Chip, Field, Moment};
use super::templates::names;
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/version.html")]
struct OneVersion {
    chrome: Chrome,
    base: String,
    template: String,
    title: String,
    asset_class: String,
    number: i64,
    state: Chip,
    steps: Vec<StepView>,
    facts: Vec<Fact>,
    comment: String,
    versions: Vec<Other>,
    acts: Vec<(Act, &'static str)>,
    edits: bool,
    copies: bool,
    makes_job: bool,
}

/// A step as people read it.
pub(super) struct StepView {
    pub(super) title: String,
    pub(super) instructions: String,
    pub(super) kind: String,
    pub(super) required: bool,
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            title: step.title.clone(),
            instructions: step.instructions.clone(),
            kind: words::kind(&step.kind),
            required: step.record_required,
        }
    }
}

/// Who did what with it, and when.
struct Fact {
    what: &'static str,
    who: Option<String>,
    at: Moment,
}

/// Another version of the same template.
struct Other {
    number: i64,
    state: Chip,
    here: bool,
}

/// Shows one.
pub(super) async fn page(
    State(site): State<Site>,
    person: Person,
    Path((id, number)): Path<(String, String)>,
) -> Answer {
    let (id, number) = which(&id, &number)?;
    let template = site.app.template(&person.caller.grant()?, id).await?;
    let versions = site.app.versions(&person.caller.grant()?, id, None, Some(100)).await?;
    let version = match versions.iter().find(|it| it.number == number) {
        Some(version) => version.clone(),
        None => site.app.version(&person.caller.grant()?, id, number).await?,
    };
    let people = [Some(version.author), version.submitted_by, version.reviewer, version.publisher];
    let names = names(&site, &person, people.into_iter().flatten()).await?;
    let fact = |what, who: Option<_>, at: Option<_>| {
        at.map(|at| Fact { what, who: who.map(|id| names.name(id)), at: Moment::from(at) })
    };
    let reviewed = if version.state == VersionState::Draft { "Sent back" } else { "Approved" };
    let facts = [
        fact("Begun", Some(version.author), Some(version.created_at)),
        fact("Steps last changed", None, Some(version.updated_at)),
        fact("Submitted", version.submitted_by, version.submitted_at),
        fact(reviewed, version.reviewer, version.reviewed_at),
        fact("Published", version.publisher, version.published_at),
        fact("Archived", None, version.archived_at),
    ];
    let other = |it: &Version| Other {
        number: it.number,
        state: words::version_state(it.state).into(),
        here: it.number == number,
    };
    shown(&OneVersion {
        chrome: person.chrome(Place::Templates, format!("{}, version {number}", template.title)),
        base: format!("/templates/{id}/versions/{number}"),
        template: id.to_string(),
        title: template.title,
        asset_class: template.asset_class,
        number,
        state: words::version_state(version.state).into(),
        steps: version.steps.all().iter().map(StepView::from).collect(),
        facts: facts.into_iter().flatten().collect(),
        versions: versions.iter().map(other).collect(),
        acts: acts_on(&site, &person, &version, id).await?.into_iter().map(|act| (act, act.label())).collect(),
        edits: person.may(Right::TemplatesWrite),
        copies: person.may(Right::TemplatesWrite),
        makes_job: person.may(Right::JobsManage) && version.state == VersionState::Published,
        comment: version.comment,
    })
}

/// What the reader can do with a version. Where duties are separate, nobody is offered to decide on their own work.
async fn acts_on(site: &Site, person: &Person, version: &Version, id: TemplateId) -> Result<Vec<Act>, Error> {
    let mut acts = Act::open_to(person, version.state);
    if person.caller.tenant().settings.separation_of_duties {
        if version.reviewer == Some(person.caller.user().id) {
            acts.retain(|act| !matches!(act, Act::Publish | Act::Restore));
        }
        if acts.contains(&Act::Approve) && site.app.wrote_version(&person.caller.grant()?, id, version.number).await? {
            acts.retain(|act| *act != Act::Approve);
        }
    }
    Ok(acts)
}

/// The version that an address names.
pub(super) fn which(id: &str, number: &str) -> Result<(TemplateId, i64), Error> {
    Ok((id.parse()?, number.parse().map_err(|_| Error::NotFound)?))
}

/// What can be done with a version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Submit,
    Approve,
    Reject,
    Publish,
    Archive,
    Restore,
    Delete,
}

impl Act {
    const ALL: [Self; 7] =
        [Self::Submit, Self::Approve, Self::Reject, Self::Publish, Self::Archive, Self::Restore, Self::Delete];

    fn word(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Publish => "publish",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Delete => "delete",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Submit => "Submit for review",
            Self::Approve => "Approve",
            Self::Reject => "Send back",
            Self::Publish => "Publish",
            Self::Archive => "Archive",
            Self::Restore => "Publish again",
            Self::Delete => "Delete the draft",
        }
    }

    /// What will be so afterwards.
    fn consequence(self) -> &'static str {
        match self {
            Self::Submit => "From here on its steps are frozen until somebody has looked at it.",
            Self::Approve => "It can be published then. What you say here stays with the version.",
            Self::Reject => "It becomes a draft again. Say what has to change.",
            Self::Publish => {
                "New jobs are made from it, in the place of the version that is published now, which is archived."
            }
            Self::Archive => "No new jobs can be made from it. Jobs under way go on.",
            Self::Restore => "New jobs are made from it again, in the place of the version that is published now.",
            Self::Delete => "This cannot be undone. If it is the template's only version, the template goes with it.",
        }
    }

    fn needs(self) -> (Right, VersionState) {
        match self {
            Self::Submit | Self::Delete => (Right::TemplatesWrite, VersionState::Draft),
            Self::Approve | Self::Reject => (Right::VersionsReview, VersionState::InReview),
            Self::Publish => (Right::VersionsPublish, VersionState::Approved),
            Self::Archive => (Right::VersionsPublish, VersionState::Published),
            Self::Restore => (Right::VersionsPublish, VersionState::Archived),
        }
    }

    fn open_to(person: &Person, state: VersionState) -> Vec<Self> {
        let open = |act: &Self| matches!(act.needs(), (right, from) if person.may(right) && from == state);
        Self::ALL.into_iter().filter(open).collect()
    }

    fn read(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|it| it.word() == word).ok_or(Error::NotFound)
    }

    fn comments(self) -> bool {
        matches!(self, Self::Approve | Self::Reject)
    }
}

#[derive(Template)]
#[template(path = "console/ask-version.html")]
struct AskVersion {
    chrome: Chrome,
    title: String,
    number: i64,
    label: &'static str,
    consequence: &'static str,
    sentence: &'static str,
    besides: Vec<String>,
    comment: Option<Field>,
    grave: bool,
    back: String,
}

/// Asks before it is done.
pub(super) async fn ask(
    State(site): State<Site>,
    person: Person,
    Path((id, number, act)): Path<(String, String, String)>,
) -> Answer {
    let ((id, number), act) = (which(&id, &number)?, Act::read(&act)?);
    asking(&site, &person, id, number, act, "", &Trouble::default()).await
}

async fn asking(
    site: &Site,
    person: &Person,
    id: TemplateId,
    number: i64,
    act: Act,
    typed: &str,
    trouble: &Trouble,
) -> Answer {
    if !person.may(act.needs().0) {
        return Err(Error::Forbidden.into());
    }
    let template = site.app.template(&person.caller.grant()?, id).await?;
    let comment = Field::text("comment", "Comment", 4).filled(typed).wrong(trouble.about("comment"));
    let comment = if act == Act::Approve { comment.optional() } else { comment };
    shown(&AskVersion {
        chrome: person.chrome(Place::Templates, act.label()),
        title: template.title,
        number,
        label: act.label(),
        consequence: act.consequence(),
        sentence: trouble.sentence,
        besides: trouble.besides(&["comment"]),
        comment: act.comments().then_some(comment),
        grave: act == Act::Delete,
        back: format!("/templates/{id}/versions/{number}"),
    })
}

/// Does it.
pub(super) async fn act(
    State(site): State<Site>,
    person: Person,
    Path((id, number, act)): Path<(String, String, String)>,
    Form(fields): Form<Fields>,
) -> Answer {
    let ((id, number), act) = (which(&id, &number)?, Act::read(&act)?);
    match carry_out(&site, &person.caller, id, number, act, fields.text("comment")).await {
        Ok(said) => {
            let gone = act == Act::Delete;
            done(
                &if gone { "/templates".to_owned() } else { format!("/templates/{id}/versions/{number}") },
                said,
                &site,
            )
        }
        // Also a draft without steps: said where it was asked.
        Err(refused @ Error::Invalid(_)) => {
            let trouble = Trouble::of(refused)?;
            let page = asking(&site, &person, id, number, act, fields.text("comment"), &trouble).await;
            trouble.answer(page)
        }
        Err(refused) => Err(refused.into()),
    }
}

async fn carry_out(
    site: &Site,
    caller: &Caller,
    id: TemplateId,
    number: i64,
    act: Act,
    comment: &str,
) -> Result<Said, Error> {
    let app = &site.app;
    match act {
        Act::Submit => app.submit_version(&caller.grant()?, id, number).await.map(|_| Said::VersionSubmitted),
        Act::Approve => app.approve_version(&caller.grant()?, id, number, comment).await.map(|_| Said::VersionApproved),
        Act::Reject => app.reject_version(&caller.grant()?, id, number, comment).await.map(|_| Said::VersionRejected),
        Act::Publish => app.publish_version(&caller.grant()?, id, number).await.map(|_| Said::VersionPublished),
        Act::Archive => app.archive_version(&caller.grant()?, id, number).await.map(|_| Said::VersionArchived),
        Act::Restore => app.restore_version(&caller.grant()?, id, number).await.map(|_| Said::VersionRestored),
        Act::Delete => app.delete_draft(&caller.grant()?, id, number).await.map(|_| Said::DraftDeleted),
    }
}

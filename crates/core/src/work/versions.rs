//! Versions of templates: their states, and who may move them from one to the next.

use crate::access::{Grant, Permission, Scope, Writes, right};
use crate::app::App;
use crate::audit::Action;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{JobId, TemplateId, UserId};
use crate::store::{Change, FromRow, Row, args};
use crate::users::User;

use super::templates::{entry, touching};
use super::{Steps, Template, in_parts, page, remark, sql};

/// Where a version stands. It moves down this list, and back where [`App::reject_version`] and [`App::restore_version`] say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// Being written.
    Draft,
    /// Submitted, and frozen from here on.
    InReview,
    /// Approved, not yet in use.
    Approved,
    /// The one that jobs are made from.
    Published,
    /// No longer in use; jobs made from it keep it.
    Archived,
}

impl VersionState {
    /// Every state, in order.
    pub const ALL: [Self; 5] = [Self::Draft, Self::InReview, Self::Approved, Self::Published, Self::Archived];

    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::InReview => "IN_REVIEW",
            Self::Approved => "APPROVED",
            Self::Published => "PUBLISHED",
            Self::Archived => "ARCHIVED",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in-review",
            Self::Approved => "approved",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    pub(super) fn stored(text: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == text).unwrap_or(Self::Archived)
    }
}

/// One version of a template.
#[derive(Clone, Debug)]
pub struct Version {
    /// Of which template.
    pub template: TemplateId,
    /// Its number, from 1.
    pub number: i64,
    /// Where it stands.
    pub state: VersionState,
    /// What is to be done.
    pub steps: Steps,
    /// Rises with every edit: who names it when editing overwrites nobody.
    pub revision: i64,
    /// Who began it.
    pub author: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When its steps last changed.
    pub updated_at: Timestamp,
    /// Who submitted it last.
    pub submitted_by: Option<UserId>,
    /// When.
    pub submitted_at: Option<Timestamp>,
    /// Who approved or rejected it last.
    pub reviewer: Option<UserId>,
    /// When.
    pub reviewed_at: Option<Timestamp>,
    /// What the reviewer said; may be empty.
    pub comment: String,
    /// Who published it last.
    pub publisher: Option<UserId>,
    /// When.
    pub published_at: Option<Timestamp>,
    /// When it was last withdrawn, or gave way to another.
    pub archived_at: Option<Timestamp>,
}

impl FromRow for Version {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            template: row.template(0)?,
            number: row.int(1)?,
            state: VersionState::stored(row.text(2)?),
            steps: Steps::stored(row.text(3)?)?,
            revision: row.int(4)?,
            author: row.user(5)?,
            created_at: row.time(6)?,
            updated_at: row.time(7)?,
            submitted_by: row.maybe_user(8)?,
            submitted_at: row.maybe_time(9)?,
            reviewer: row.maybe_user(10)?,
            reviewed_at: row.maybe_time(11)?,
            comment: row.text(12)?.into(),
            publisher: row.maybe_user(13)?,
            published_at: row.maybe_time(14)?,
            archived_at: row.maybe_time(15)?,
        })
    }
}

impl App {
    /// One version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn version(&self, by: &Grant<right::WorkRead>, id: TemplateId, number: i64) -> Result<Version> {
        self.find_version(by, id, number).await
    }

    /// A template's versions, the newest first, before a number.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn versions(
        &self,
        by: &Grant<right::WorkRead>,
        id: TemplateId,
        before: Option<i64>,
        first: Option<u32>,
    ) -> Result<Vec<Version>> {
        self.find_template(by, id).await?;
        self.store.all(by, sql::VERSIONS, args![id, before.unwrap_or(i64::MAX), page(first)]).await
    }

    /// The newest twenty versions of each of the templates, the newest first.
    pub async fn versions_of(&self, by: &Grant<right::WorkRead>, ids: &[TemplateId]) -> Result<Vec<Version>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in in_parts(ids) {
            found.extend(self.store.all(by, sql::VERSIONS_OF, part).await?);
        }
        Ok(found)
    }

    /// The version that each of the jobs is done by.
    pub async fn versions_of_jobs(&self, by: &Grant<right::WorkRead>, ids: &[JobId]) -> Result<Vec<(JobId, Version)>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in in_parts(ids) {
            let rows: Vec<Row> = self.store.all(by, sql::VERSIONS_OF_JOBS, part).await?;
            for row in rows {
                found.push((row.job(16)?, Version::from_row(&row)?));
            }
        }
        Ok(found)
    }

    /// Those of the users that there are, in no order: whoever is named beside the work.
    pub async fn users_by_id(&self, by: &Grant<right::UsersRead>, ids: &[UserId]) -> Result<Vec<User>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in in_parts(ids) {
            found.extend(self.store.all(by, sql::USERS_BY_ID, part).await?);
        }
        Ok(found)
    }

    /// Gives a draft other steps. Editing a frozen version leaves it as it is and makes the next draft, which is what comes back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if the draft is not of the revision named, if there is a draft beside the frozen
    /// version, or if someone was faster.
    pub async fn edit_version(
        &self,
        by: &Grant<right::TemplatesWrite>,
        id: TemplateId,
        number: i64,
        revision: Option<i64>,
        steps: &Steps,
    ) -> Result<Version> {
        let template = self.find_template(by, id).await?;
        let version = self.find_version(by, id, number).await?;
        if revision.is_some_and(|revision| revision != version.revision) {
            return Err(Error::Conflict);
        }
        let (now, user) = (self.now(), by.user()?);
        let (text, count) = (steps.to_text()?, steps.count());
        let (number, change) = if version.state == VersionState::Draft {
            let change = touching(by, &template, now, Action::VersionEdited, number, "")?.must(
                sql::EDIT,
                args![id, number, text, count, now],
                || Error::Conflict,
            );
            (number, change)
        } else {
            let next = template.last_number + 1;
            let note = format!("from version {number}");
            let change = touching(by, &template, now, Action::VersionDrafted, next, &note)?
                .must(sql::NO_OTHER_DRAFT, args![id], || Error::Conflict)
                .must(sql::ADD_VERSION, args![id, next, text, count, user, now], || Error::Conflict);
            (next, change)
        };
        let change = change
            .run(sql::ADD_EDITOR, args![id, number, user])
            .run(sql::REFRESH, args![id])
            .run(sql::TELL_TEMPLATE_WORDS, args![id]);
        self.apply(by, change).await?;
        self.find_version(by, id, number).await
    }

    /// Submits a draft for review; from here on it is frozen.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] if it has no steps; [`Error::Conflict`] if it is no draft, or someone was faster.
    pub async fn submit_version(
        &self,
        by: &Grant<right::TemplatesWrite>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        let (template, version) = self.standing(by, id, number, VersionState::Draft).await?;
        if version.steps.all().is_empty() {
            return Err(Error::invalid("steps", "a version without steps cannot be submitted"));
        }
        let now = self.now();
        let change = touching(by, &template, now, Action::VersionSubmitted, number, "")?.must(
            sql::SUBMIT,
            args![id, number, by.user()?, now],
            || Error::Conflict,
        );
        self.moved(by, change, id, number).await
    }

    /// Approves a submitted version.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for whoever wrote or edited it, where duties are separate; [`Error::Conflict`] if it
    /// is not in review, or someone was faster.
    pub async fn approve_version(
        &self,
        by: &Grant<right::VersionsReview>,
        id: TemplateId,
        number: i64,
        comment: &str,
    ) -> Result<Version> {
        let comment = remark("comment", comment)?;
        let (template, _) = self.standing(by, id, number, VersionState::InReview).await?;
        let user = by.user()?;
        if self.separates_duties(by).await? {
            let wrote: Option<i64> = self.store.one(by, sql::IS_EDITOR, args![id, number, user]).await?;
            if wrote.is_some() {
                return Err(Error::Forbidden);
            }
        }
        let now = self.now();
        let change = touching(by, &template, now, Action::VersionApproved, number, &comment)?.must(
            sql::APPROVE,
            args![id, number, user, now, comment],
            || Error::Conflict,
        );
        self.moved(by, change, id, number).await
    }

    /// Whether the caller wrote a version, or a part of it.
    pub async fn wrote_version(&self, by: &Grant<right::WorkRead>, id: TemplateId, number: i64) -> Result<bool> {
        let wrote: Option<i64> = self.store.one(by, sql::IS_EDITOR, args![id, number, by.user()?]).await?;
        Ok(wrote.is_some())
    }

    /// Sends a submitted version back to be a draft, saying why.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] without a comment; [`Error::Conflict`] if it is not in review, or someone was faster.
    pub async fn reject_version(
        &self,
        by: &Grant<right::VersionsReview>,
        id: TemplateId,
        number: i64,
        comment: &str,
    ) -> Result<Version> {
        let comment = remark("comment", comment)?;
        if comment.is_empty() {
            return Err(Error::invalid("comment", "say why"));
        }
        let (template, _) = self.standing(by, id, number, VersionState::InReview).await?;
        let now = self.now();
        let change = touching(by, &template, now, Action::VersionRejected, number, &comment)?.must(
            sql::REJECT,
            args![id, number, by.user()?, now, comment],
            || Error::Conflict,
        );
        self.moved(by, change, id, number).await
    }

    /// Publishes an approved version: jobs are made from it, and no longer from the one published before, which is archived.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for whoever approved it, where duties are separate; [`Error::Conflict`] if it is not
    /// approved, or someone was faster.
    pub async fn publish_version(
        &self,
        by: &Grant<right::VersionsPublish>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        self.put_in_use(by, id, number, VersionState::Approved, Action::VersionPublished).await
    }

    /// Publishes an archived version again, in the place of the one that is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] for whoever approved it, where duties are separate; [`Error::Conflict`] if it is not
    /// archived, or someone was faster.
    pub async fn restore_version(
        &self,
        by: &Grant<right::VersionsPublish>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        self.put_in_use(by, id, number, VersionState::Archived, Action::VersionRestored).await
    }

    /// Withdraws a published version. Jobs made from it go on.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is not published, or someone was faster.
    pub async fn archive_version(
        &self,
        by: &Grant<right::VersionsPublish>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        let (template, _) = self.standing(by, id, number, VersionState::Published).await?;
        let now = self.now();
        let change = touching(by, &template, now, Action::VersionArchived, number, "")?.must(
            sql::ARCHIVE,
            args![id, number, now],
            || Error::Conflict,
        );
        self.moved(by, change, id, number).await
    }

    /// Deletes a draft, and its template if that has no other version. Gives the version as it was.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is no draft, or someone was faster.
    pub async fn delete_draft(
        &self,
        by: &Grant<right::TemplatesWrite>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        let (template, version) = self.standing(by, id, number, VersionState::Draft).await?;
        let now = self.now();
        let others: Option<i64> = self.store.one(by, sql::ANOTHER_VERSION, args![id, number]).await?;
        let change = if others.is_some() {
            touching(by, &template, now, Action::VersionDeleted, number, "")?
                .must(sql::DELETE_DRAFT, args![id, number], || Error::Conflict)
                .run(sql::REFRESH, args![id])
                .run(sql::TELL_TEMPLATE_WORDS, args![id])
        } else {
            Change::within(by, entry(by, now, Action::TemplateDeleted, id).because(&template.title)).must(
                sql::DELETE_TEMPLATE,
                args![id, template.changes],
                || Error::Conflict,
            )
        };
        self.apply(by, change).await?;
        Ok(version)
    }

    pub(super) async fn find_version<P: Permission>(
        &self,
        by: &Grant<P>,
        id: TemplateId,
        number: i64,
    ) -> Result<Version> {
        self.store.one(by, sql::FIND_VERSION, args![id, number]).await?.ok_or(Error::NotFound)
    }

    pub(super) async fn newest_version<P: Permission>(&self, by: &Grant<P>, id: TemplateId) -> Result<Version> {
        let newest: Vec<Version> = self.store.all(by, sql::VERSIONS, args![id, i64::MAX, 1_i64]).await?;
        newest.into_iter().next().ok_or(Error::NotFound)
    }

    /// A version that is in a state, with its template. The template is read first: what changes later is found out by its guard.
    async fn standing<P: Permission>(
        &self,
        by: &Grant<P>,
        id: TemplateId,
        number: i64,
        state: VersionState,
    ) -> Result<(Template, Version)> {
        let template = self.find_template(by, id).await?;
        let version = self.find_version(by, id, number).await?;
        if version.state == state { Ok((template, version)) } else { Err(Error::Conflict) }
    }

    async fn moved<P: Writes>(&self, by: &Grant<P>, change: Change, id: TemplateId, number: i64) -> Result<Version> {
        self.apply(by, change.run(sql::REFRESH, args![id]).run(sql::TELL_TEMPLATE_WORDS, args![id])).await?;
        self.find_version(by, id, number).await
    }

    async fn put_in_use(
        &self,
        by: &Grant<right::VersionsPublish>,
        id: TemplateId,
        number: i64,
        from: VersionState,
        action: Action,
    ) -> Result<Version> {
        let (template, version) = self.standing(by, id, number, from).await?;
        let user = by.user()?;
        if version.reviewer == Some(user) && self.separates_duties(by).await? {
            return Err(Error::Forbidden);
        }
        let now = self.now();
        let note = template.published.map_or_else(String::new, |earlier| format!("in place of version {earlier}"));
        let mut change = touching(by, &template, now, action, number, &note)?;
        if let Some(earlier) = template.published {
            let note = format!("gave way to version {number}");
            let reason = format!("version {earlier}: {note}");
            let row = args![id, now, user, Action::VersionArchived.as_str(), earlier, note];
            change = change
                .also_logging(entry(by, now, Action::VersionArchived, id).because(reason))
                .must(sql::ARCHIVE, args![id, earlier, now], || Error::Conflict)
                .must(sql::COUNT_TEMPLATE, args![id], || Error::Conflict)
                .must(sql::TELL_TEMPLATE, row, || Error::Conflict);
        }
        let row = args![id, number, from.word(), user, now];
        self.moved(by, change.must(sql::PUBLISH, row, || Error::Conflict), id, number).await
    }

    /// Whether the tenant keeps writing, approving and publishing in different hands.
    async fn separates_duties(&self, by: &impl Scope) -> Result<bool> {
        let tenant = self.living_tenant(by.tenant()).await?.ok_or(Error::NotFound)?;
        Ok(tenant.settings.separation_of_duties)
    }
}

//! Templates: making, renaming, copying and listing them. What happens to their versions stands in `versions.rs`.

use crate::access::{Grant, Permission, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{TemplateId, UserId};
use crate::store::{Change, FromRow, Row, Value, args};

use super::marks::Marks;
use super::sql;
use super::sql::pages::{Lead, Way, beside, rarest, templates as pages};
use super::{Event, Filling, Steps, VersionState, Words, have_all, in_parts, line, page, seeks_nothing, sought, words};

/// A template: work that is described once and done many times.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its id; newer ones have greater ids.
    pub id: TemplateId,
    /// What the work is called.
    pub title: String,
    /// The kind of things it is done on; may be empty.
    pub asset_class: String,
    /// The state of its newest version.
    pub state: VersionState,
    /// The number of its published version, if one is.
    pub published: Option<i64>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it or one of its versions last changed.
    pub updated_at: Timestamp,
    pub(super) last_number: i64,
    pub(super) changes: i64,
}

impl FromRow for Template {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.template(0)?,
            title: row.text(1)?.into(),
            asset_class: row.text(2)?.into(),
            state: VersionState::stored(row.text(3)?),
            published: Some(row.int(4)?).filter(|number| *number > 0),
            last_number: row.int(5)?,
            changes: row.int(6)?,
            created_by: row.user(7)?,
            created_at: row.time(8)?,
            updated_at: row.time(9)?,
        })
    }
}

/// A template about to be made, with the draft of its first version. Valid, or it does not exist.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    title: String,
    asset_class: String,
    steps: Steps,
}

impl NewTemplate {
    /// Checks title and asset class.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn parse(title: &str, asset_class: &str, steps: Steps) -> Result<Self> {
        let (title, asset_class) = named(title, asset_class)?;
        Ok(Self { title, asset_class, steps })
    }
}

/// What to change of a template; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct TemplateUpdate {
    /// A new title.
    pub title: Option<String>,
    /// A new asset class; empty for none.
    pub asset_class: Option<String>,
}

/// In which order templates are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TemplateOrder {
    /// The newest first.
    #[default]
    Newest,
    /// By title, whatever its case.
    Title,
}

/// Which templates to list.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Those after this one.
    pub after: Option<TemplateId>,
    /// How many at most; 100 if unsaid, never more than 500.
    pub first: Option<u32>,
    /// Words that all stand in title or asset class, in any case; the three longest count.
    pub search: String,
    /// Those whose newest version is in this state; for [`VersionState::Published`] those with a published version.
    pub state: Option<VersionState>,
    /// Those for this asset class, in any case.
    pub asset_class: String,
    /// In which order.
    pub order: TemplateOrder,
}

impl TemplateFilter {
    fn class(&self) -> String {
        self.asset_class.trim().to_lowercase()
    }

    fn marks(&self, words: &Words) -> Marks {
        Marks::default().words(words).class(&self.class())
    }

    /// What the statement that begins there is told besides.
    fn led_by(&self, lead: Lead, words: &Words) -> Vec<Value> {
        let state = self.state.map_or("", VersionState::word);
        match lead {
            Lead::Word(place) => args![words.get(place).map_or("", String::as_str), state],
            Lead::Class => args![self.class(), state],
            _ if matches!(self.state, None | Some(VersionState::Published)) => Vec::new(),
            _ => args![state],
        }
    }

    /// Whether it is really asked for a template.
    fn finds(&self, template: &Template, sought: &Words) -> bool {
        let in_state = self.state.is_none_or(|state| match state {
            VersionState::Published => template.published.is_some(),
            state => template.state == state,
        });
        in_state
            && (self.class().is_empty() || template.asset_class.to_lowercase() == self.class())
            && have_all(&[&template.title, &template.asset_class], sought)
    }
}

impl Template {
    /// Where in the order of titles it stands.
    fn place(&self) -> (Vec<u8>, TemplateId) {
        (self.title.to_lowercase().into_bytes(), self.id)
    }
}

impl App {
    /// A page of the tenant's templates.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `after` if there is no such template.
    pub async fn templates(&self, by: &Grant<right::WorkRead>, filter: &TemplateFilter) -> Result<Vec<Template>> {
        let words = sought(&filter.search);
        if seeks_nothing(&filter.search, &words) {
            return Ok(Vec::new());
        }
        let mut place = match (filter.order, filter.after) {
            (TemplateOrder::Title, after) => self.place_by_title(by, after).await?,
            (TemplateOrder::Newest, after) => (Vec::new(), after.unwrap_or(TemplateId::LAST)),
        };
        let lead = self.rarest_of_templates(by, filter, &words, &place).await?;
        let statement = pages::beginning_at(lead, filter);
        let mut page = Filling::of(filter.first);
        loop {
            let mut args = args![place.1, page.most, filter.marks(&words).stored()];
            args.extend(beside(lead, &words).map(Value::from));
            args.push(if lead == Lead::Class { Value::from("") } else { filter.class().into() });
            if filter.order == TemplateOrder::Title {
                args.push(place.0.clone().into());
            }
            args.extend(filter.led_by(lead, &words));
            let mut read: Vec<Template> = self.store.all(by, statement, args).await?;
            match filter.order {
                TemplateOrder::Newest => read.sort_by_key(|template| std::cmp::Reverse(template.id)),
                TemplateOrder::Title => read.sort_by_cached_key(Template::place),
            }
            place = read.last().map_or(place, Template::place);
            if page.take(read, |template| filter.finds(template, &words)) {
                return Ok(page.rows);
            }
        }
    }

    /// What the fewest templates from there on have of what is asked for.
    async fn rarest_of_templates(
        &self,
        by: &Grant<right::WorkRead>,
        filter: &TemplateFilter,
        words: &Words,
        (title, id): &(Vec<u8>, TemplateId),
    ) -> Result<Lead> {
        let leads = pages::leads(filter, words);
        if leads.len() < 2 {
            return rarest(&leads, None, Way::Down);
        }
        let [one, two, three] = words;
        let mut args = args![*id, one, two, three, filter.class(), filter.state.map_or("", VersionState::word)];
        let (statement, way) = match filter.order {
            TemplateOrder::Newest => (pages::REACH, Way::Down),
            TemplateOrder::Title => (pages::REACH_BY_TITLE, Way::Up),
        };
        if filter.order == TemplateOrder::Title {
            args.push(title.clone().into());
        }
        rarest(&leads, self.store.one(by, statement, args).await?.as_ref(), way)
    }

    /// One template.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another tenant's ids too.
    pub async fn template(&self, by: &Grant<right::WorkRead>, id: TemplateId) -> Result<Template> {
        self.find_template(by, id).await
    }

    /// Those of the templates that there are, in no order.
    pub async fn templates_by_id(&self, by: &Grant<right::WorkRead>, ids: &[TemplateId]) -> Result<Vec<Template>> {
        let mut found = Vec::with_capacity(ids.len());
        for part in in_parts(ids) {
            found.extend(self.store.all(by, sql::TEMPLATES_BY_ID, part).await?);
        }
        Ok(found)
    }

    /// What happened to a template and its versions, in order, after a line's number.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn template_history(
        &self,
        by: &Grant<right::WorkRead>,
        id: TemplateId,
        after: Option<i64>,
        first: Option<u32>,
    ) -> Result<Vec<Event>> {
        self.find_template(by, id).await?;
        self.store.all(by, sql::TEMPLATE_EVENTS, args![id, after.unwrap_or(0), page(first)]).await
    }

    /// Makes a template, with the draft of its first version.
    pub async fn create_template(&self, by: &Grant<right::TemplatesWrite>, new: NewTemplate) -> Result<Template> {
        self.add_template(by, new, Action::TemplateCreated, "").await
    }

    /// Makes a template out of another's version: the newest, if none is named.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a bad title.
    pub async fn copy_template(
        &self,
        by: &Grant<right::TemplatesWrite>,
        id: TemplateId,
        number: Option<i64>,
        title: Option<&str>,
    ) -> Result<Template> {
        let template = self.find_template(by, id).await?;
        let version = match number {
            Some(number) => self.find_version(by, id, number).await?,
            None => self.newest_version(by, id).await?,
        };
        let title = title.unwrap_or(&template.title);
        let new = NewTemplate::parse(title, &template.asset_class, version.steps)?;
        let note = format!("from version {} of {id}", version.number);
        self.add_template(by, new, Action::TemplateCopied, &note).await
    }

    /// Changes a template's title or asset class. Jobs keep the titles they were given.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] if someone was faster.
    pub async fn update_template(
        &self,
        by: &Grant<right::TemplatesWrite>,
        id: TemplateId,
        update: TemplateUpdate,
    ) -> Result<Template> {
        let was = self.find_template(by, id).await?;
        let title = update.title.as_deref().unwrap_or(&was.title);
        let asset_class = update.asset_class.as_deref().unwrap_or(&was.asset_class);
        let (title, asset_class) = named(title, asset_class)?;
        if (&title, &asset_class) == (&was.title, &was.asset_class) {
            return Ok(was);
        }
        let (now, key) = (self.now(), title.to_lowercase().into_bytes());
        let words = words(&[&title, &asset_class]);
        let class = asset_class.to_lowercase();
        let marks = Marks::default().words(&words).class(&class).stored();
        let row = args![id, &title, key, &asset_class, class, marks];
        let change = touching(by, &was, now, Action::TemplateUpdated, 0, &title)?
            .must(sql::RENAME, row, || Error::Conflict)
            .run(sql::FORGET_TEMPLATE_WORDS, args![id]);
        let change = words.into_iter().fold(change, |change, word| change.run(sql::ADD_TEMPLATE_WORD, args![word, id]));
        self.apply(by, change).await?;
        self.find_template(by, id).await
    }

    pub(super) async fn find_template<P: Permission>(&self, by: &Grant<P>, id: TemplateId) -> Result<Template> {
        self.store.one(by, sql::FIND_TEMPLATE, args![id]).await?.ok_or(Error::NotFound)
    }

    async fn add_template(
        &self,
        by: &Grant<right::TemplatesWrite>,
        new: NewTemplate,
        action: Action,
        note: &str,
    ) -> Result<Template> {
        let (now, user) = (self.now(), by.user()?);
        let id = TemplateId::mint(now, &*self.entropy);
        let key = new.title.to_lowercase().into_bytes();
        let words = words(&[&new.title, &new.asset_class]);
        let class = new.asset_class.to_lowercase();
        let marks = Marks::default().words(&words).class(&class).stored();
        let row = args![id, &new.title, key, &new.asset_class, class, user, now, marks];
        let version = args![id, 1_i64, new.steps.to_text()?, new.steps.count(), user, now];
        let change = Change::within(by, entry(by, now, action, id).because(note))
            .must(sql::ADD_TEMPLATE, row, || Error::Conflict)
            .must(sql::ADD_VERSION, version, || Error::Conflict)
            .must(sql::ADD_EDITOR, args![id, 1_i64, user], || Error::Conflict)
            .must(sql::TELL_TEMPLATE, args![id, now, user, action.as_str(), 0_i64, note], || Error::Conflict);
        let change = words.into_iter().fold(change, |change, word| change.run(sql::ADD_TEMPLATE_WORD, args![word, id]));
        self.apply(by, change).await?;
        self.find_template(by, id).await
    }

    /// Where in the order of titles a template stands.
    async fn place_by_title(
        &self,
        by: &Grant<right::WorkRead>,
        after: Option<TemplateId>,
    ) -> Result<(Vec<u8>, TemplateId)> {
        let Some(id) = after else {
            return Ok((Vec::new(), TemplateId::FIRST));
        };
        match self.find_template(by, id).await {
            Ok(template) => Ok(template.place()),
            Err(Error::NotFound) => Err(Error::invalid("after", "there is no such template")),
            Err(other) => Err(other),
        }
    }
}

/// A change of a template or its versions, refused if anything of it has changed since it was read, with its line in the log and in
/// its history. `part` is the version's number, or 0.
pub(super) fn touching<P>(
    by: &Grant<P>,
    template: &Template,
    now: Timestamp,
    action: Action,
    part: i64,
    note: &str,
) -> Result<Change> {
    let reason = if part == 0 { note.to_owned() } else { format!("version {part}: {note}") };
    let entry = entry(by, now, action, template.id).because(reason.trim_end_matches(": "));
    Ok(Change::within(by, entry)
        .must(sql::TOUCH_TEMPLATE, args![template.id, template.changes, now], || Error::Conflict)
        .must(sql::TELL_TEMPLATE, args![template.id, now, by.user()?, action.as_str(), part, note], || Error::Conflict))
}

pub(super) fn entry<P>(by: &Grant<P>, now: Timestamp, action: Action, id: TemplateId) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::template(id))
}

/// Title and asset class, checked together.
fn named(title: &str, asset_class: &str) -> Result<(String, String)> {
    match (line("title", title, 1), line("assetClass", asset_class, 0)) {
        (Ok(title), Ok(asset_class)) => Ok((title, asset_class)),
        (Err(Error::Invalid(mut one)), Err(Error::Invalid(other))) => {
            one.extend(other);
            Err(Error::Invalid(one))
        }
        (Err(one), _) | (_, Err(one)) => Err(one),
    }
}

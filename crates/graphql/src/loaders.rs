//! What stands beside the rows of a list, read for all of them at once and not for each.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use purser_core::access::{Caller, Grant, Permission};
use purser_core::app::App;
use purser_core::error::{Code, Error, Result};
use purser_core::ids::{JobId, TemplateId, UserId};
use purser_core::users::User;
use purser_core::work::{Template, Version, WorkRecord};

/// Reads for one request, with its caller's rights.
pub(crate) struct Beside {
    app: Arc<App>,
    caller: Caller,
}

/// A user, by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Person(pub(crate) UserId);

/// A template, by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OfTemplate(pub(crate) TemplateId);

/// The newest versions of a template.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VersionsOf(pub(crate) TemplateId);

/// A job, by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OfJob(pub(crate) JobId);

/// The version that a job is done by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VersionOf(pub(crate) JobId);

/// The first records of a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RecordsOf(pub(crate) JobId);

/// The loader of one request.
pub(crate) fn loader(app: Arc<App>, caller: Caller) -> DataLoader<Beside> {
    DataLoader::new(Beside { app, caller }, tokio::spawn)
}

/// What stands under a key, together with what others in the same answer ask for.
///
/// # Errors
/// What reading it refuses.
pub(crate) async fn beside<K>(ctx: &Context<'_>, key: K) -> Result<Option<<Beside as Loader<K>>::Value>>
where
    K: Send + Sync + Clone + Eq + std::hash::Hash + 'static,
    Beside: Loader<K, Error = Arc<Error>>,
{
    let loader = ctx.data_unchecked::<DataLoader<Beside>>();
    loader.load_one(key).await.map_err(|refusal| own(&refusal))
}

/// A refusal that many share, as one's own.
fn own(shared: &Arc<Error>) -> Error {
    match shared.code() {
        Code::Forbidden => Error::Forbidden,
        Code::StoreUnavailable => Error::store(format!("{shared:?}")),
        _ => Error::internal(format!("{shared:?}")),
    }
}

impl Beside {
    fn grant<P: Permission>(&self) -> Result<Grant<P>, Arc<Error>> {
        self.caller.grant().map_err(Arc::new)
    }
}

impl Loader<Person> for Beside {
    type Value = User;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[Person]) -> Result<HashMap<Person, User>, Arc<Error>> {
        let ids: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.users_by_id(&self.grant()?, &ids).await?;
        Ok(found.into_iter().map(|user| (Person(user.id), user)).collect())
    }
}

impl Loader<OfTemplate> for Beside {
    type Value = Template;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[OfTemplate]) -> Result<HashMap<OfTemplate, Template>, Arc<Error>> {
        let ids: Vec<TemplateId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.templates_by_id(&self.grant()?, &ids).await?;
        Ok(found.into_iter().map(|template| (OfTemplate(template.id), template)).collect())
    }
}

impl Loader<VersionsOf> for Beside {
    type Value = Vec<Version>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[VersionsOf]) -> Result<HashMap<VersionsOf, Vec<Version>>, Arc<Error>> {
        let ids: Vec<TemplateId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.versions_of(&self.grant()?, &ids).await?;
        Ok(gathered(found, |version| VersionsOf(version.template)))
    }
}

impl Loader<OfJob> for Beside {
    type Value = purser_core::work::Job;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[OfJob]) -> Result<HashMap<OfJob, purser_core::work::Job>, Arc<Error>> {
        let ids: Vec<JobId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.jobs_by_id(&self.grant()?, &ids).await?;
        Ok(found.into_iter().map(|job| (OfJob(job.id), job)).collect())
    }
}

impl Loader<VersionOf> for Beside {
    type Value = Version;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[VersionOf]) -> Result<HashMap<VersionOf, Version>, Arc<Error>> {
        let ids: Vec<JobId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.versions_of_jobs(&self.grant()?, &ids).await?;
        Ok(found.into_iter().map(|(job, version)| (VersionOf(job), version)).collect())
    }
}

impl Loader<RecordsOf> for Beside {
    type Value = Vec<WorkRecord>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[RecordsOf]) -> Result<HashMap<RecordsOf, Vec<WorkRecord>>, Arc<Error>> {
        let ids: Vec<JobId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.records_of(&self.grant()?, &ids).await?;
        Ok(gathered(found, |record| RecordsOf(record.job)))
    }
}

/// Rows under their keys, in the order they came.
fn gathered<K: Eq + std::hash::Hash, T>(rows: Vec<T>, key: impl Fn(&T) -> K) -> HashMap<K, Vec<T>> {
    let mut all: HashMap<K, Vec<T>> = HashMap::new();
    for row in rows {
        all.entry(key(&row)).or_default().push(row);
    }
    all
}

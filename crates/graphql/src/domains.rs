//! The organisation's domains: naming them, proving them.

use async_graphql::{Context, InputObject, SimpleObject};
use purser_core::error::Result;
use purser_core::providers;

use crate::ask::ask;
use crate::moment::DateTime;

/// A domain that the organisation says is its own.
#[derive(SimpleObject)]
pub(crate) struct Domain {
    /// The domain: ASCII, lower case.
    name: String,
    /// The TXT record at the domain that proves it.
    record: String,
    /// When it was proven; null if it is not.
    verified_at: Option<DateTime>,
    /// How it was proven: `dns`, or `admin` for a system administrator's word.
    verified_by: Option<String>,
    /// When it was named.
    created_at: DateTime,
}

impl From<providers::Domain> for Domain {
    fn from(it: providers::Domain) -> Self {
        Self {
            record: it.record(),
            name: it.name,
            verified_at: it.verified_at.map(DateTime),
            verified_by: it.verified_by,
            created_at: DateTime(it.created_at),
        }
    }
}

#[derive(Default)]
pub(crate) struct DomainsQuery;

#[async_graphql::Object]
impl DomainsQuery {
    /// The organisation's domains, by name; for those who change its settings.
    async fn domains(&self, ctx: &Context<'_>) -> Result<Option<Vec<Domain>>> {
        let (app, by) = ask(ctx)?;
        Ok(Some(app.domains(&by).await?.into_iter().map(Domain::from).collect()))
    }
}

#[derive(Default)]
pub(crate) struct DomainsMutation;

#[async_graphql::Object]
impl DomainsMutation {
    /// Names a domain as the organisation's own. Nothing follows from it until it is proven.
    async fn add_domain(&self, ctx: &Context<'_>, input: DomainInput) -> Result<Option<Domain>> {
        let (app, by) = ask(ctx)?;
        app.add_domain(&by, &input.name).await.map(Domain::from).map(Some)
    }

    /// Looks for the domain's TXT record, which proves it.
    async fn verify_domain(&self, ctx: &Context<'_>, input: DomainInput) -> Result<Option<Domain>> {
        let (app, by) = ask(ctx)?;
        app.verify_domain(&by, &input.name).await.map(Domain::from).map(Some)
    }

    /// Lets go of a domain, and gives it as it was.
    async fn remove_domain(&self, ctx: &Context<'_>, input: DomainInput) -> Result<Option<Domain>> {
        let (app, by) = ask(ctx)?;
        app.remove_domain(&by, &input.name).await.map(Domain::from).map(Some)
    }
}

/// A domain.
#[derive(InputObject)]
pub(crate) struct DomainInput {
    /// The domain, as `example.com`.
    name: String,
}

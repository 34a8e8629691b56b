//! The audit log, for those who may read it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use purser_core::audit::{self, Filter, Record};
use purser_core::error::Result;

use crate::ask::ask;
use crate::moment::DateTime;
use crate::paging;

/// Whether something happened.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "audit::Outcome")]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// One line of the audit log.
#[derive(SimpleObject)]
pub(crate) struct AuditRecord {
    /// Its id; lines sort by it.
    id: ID,
    /// When.
    at: DateTime,
    /// Who did it: `user`, `admin`, `command-line`, `provider`, `system` or `anyone`.
    actor_kind: String,
    /// Their id, where they have one.
    actor: Option<ID>,
    /// From where.
    address: Option<String>,
    /// The id of the request, as its answer's `X-Request-Id`.
    request: Option<String>,
    /// What was done: `user.created`, `session.sign-in`, …
    action: String,
    /// On what: kind and id, as `user:7`.
    target: String,
    /// Whether it happened.
    outcome: Outcome,
    /// Why, or what else there is to say.
    reason: Option<String>,
}

impl From<Record> for AuditRecord {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.into(),
            at: DateTime(record.at),
            actor_kind: record.actor_kind,
            actor: said(record.actor).map(ID),
            address: said(record.address),
            request: said(record.request),
            action: record.action,
            target: record.target,
            outcome: if record.outcome == "done" { Outcome::Done } else { Outcome::Refused },
            reason: said(record.reason),
        }
    }
}

#[derive(Default)]
pub(crate) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The organisation's audit log, newest first; for those who may read it.
    #[expect(clippy::too_many_arguments, reason = "each is a filter of its own in the schema")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only lines older than this one.")] before: Option<ID>,
        #[graphql(desc = "Only this action, as `user.created`.")] action: Option<String>,
        #[graphql(
            desc = "Only what was done by whoever has this id: a user, or the system administrator of the same number; `actorKind` says which."
        )]
        actor: Option<ID>,
        #[graphql(desc = "Only what was done on this: kind and id, as `user:7`.")] target: Option<String>,
        #[graphql(desc = "Only what was done, or only what was refused.")] outcome: Option<Outcome>,
        #[graphql(desc = "Not before this moment.")] since: Option<DateTime>,
        #[graphql(desc = "Before this moment.")] until: Option<DateTime>,
    ) -> Result<Option<Vec<AuditRecord>>> {
        let (app, by) = ask(ctx)?;
        let filter = Filter {
            action: action.unwrap_or_default(),
            actor: actor.map(|id| id.0).unwrap_or_default(),
            target: target.unwrap_or_default(),
            outcome: outcome.map(|outcome| audit::Outcome::from(outcome).as_str().to_owned()).unwrap_or_default(),
            since: since.map(|moment| moment.0),
            until: until.map(|moment| moment.0),
            before: paging::cursor("before", before)?,
            first: Some(paging::first(first)?),
        };
        let records = app.audit_log(&by, &filter).await?;
        Ok(Some(records.into_iter().map(AuditRecord::from).collect()))
    }
}

/// A text that may be left unsaid.
fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

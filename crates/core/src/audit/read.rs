//! Reading the log: a page at a time, newest first, or the whole of it, oldest first.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Action, Actor, Entry, Target, Visit, sql};
use crate::access::{Grant, Scope, SystemGrant, right, system_right};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AuditId, TenantId};
use crate::store::statement::TenantSql;
use crate::store::{Change, FromRow, Row, Value, args};

/// One line of the log, as read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id; lines sort by it.
    #[serde(serialize_with = "printed")]
    pub id: AuditId,
    /// When.
    #[serde(serialize_with = "printed")]
    pub at: Timestamp,
    /// The tenant; none for the admin realm.
    #[serde(rename = "clientId", serialize_with = "printed_if_any")]
    pub tenant: Option<TenantId>,
    /// `user`, `admin`, `command-line`, `provider`, `system` or `anyone`.
    pub actor_kind: String,
    /// The actor's id, where it has one.
    pub actor: String,
    /// From where.
    pub address: String,
    /// The id of the request.
    #[serde(rename = "requestId")]
    pub request: String,
    /// What, in the words of [`Action`].
    pub action: String,
    /// On what: kind and id.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Why, or what there is to say.
    pub reason: String,
}

impl Record {
    /// As one line of JSON, without its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn printed<S: Serializer>(it: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(it)
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn printed_if_any<S: Serializer>(it: &Option<TenantId>, to: S) -> Result<S::Ok, S::Error> {
    it.as_ref().map(TenantId::as_str).serialize(to)
}

impl FromRow for Record {
    fn from_row(row: &Row) -> Result<Self> {
        let tenant = row.tenant(10)?;
        Ok(Self {
            id: AuditId::stored(row.bytes(0)?).ok_or_else(|| Error::internal("an audit id is not 16 bytes"))?,
            at: row.time(1)?,
            actor_kind: row.text(2)?.into(),
            actor: row.text(3)?.into(),
            address: row.text(4)?.into(),
            request: row.text(5)?.into(),
            action: row.text(6)?.into(),
            target: row.text(7)?.into(),
            outcome: row.text(8)?.into(),
            reason: row.text(9)?.into(),
            tenant: (!tenant.as_str().is_empty()).then_some(tenant),
        })
    }
}

/// So long after its moment a line gets its id at most: what is refused waits for housekeeping, and a clock may be set back a little.
const WAITS: Duration = Duration::from_hours(1);

/// Which lines to read. Empty fields ask for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A word of [`Action`].
    pub action: String,
    /// An actor's id.
    pub actor: String,
    /// A target, kind and id.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Lines older than this one.
    pub before: Option<AuditId>,
    /// How many at most; 100 if unsaid, never more than 500.
    pub first: Option<u32>,
}

impl Filter {
    fn columns(&self) -> Vec<Value> {
        args![
            &self.action,
            &self.actor,
            &self.target,
            &self.outcome,
            self.since.unwrap_or(Timestamp(0)),
            self.until.unwrap_or(Timestamp(i64::MAX)),
            self.first.unwrap_or(100).clamp(1, 500)
        ]
    }

    /// What a page before an id takes. No line is older than its id, so nothing from before the first moment is looked at; and none is
    /// much younger, so nothing from long after the last.
    fn newest_first(&self) -> Vec<Value> {
        let mut args = args![self.before.unwrap_or(AuditId::LAST).min(self.ceiling())];
        args.extend(self.columns());
        args.push(self.floor().into());
        args
    }

    /// What the lines after an id take, below another.
    pub(super) fn oldest_first(&self, after: Option<AuditId>, below: AuditId) -> Vec<Value> {
        let mut args = args![after.unwrap_or_else(|| self.floor().previous())];
        args.extend(self.columns());
        args.push(below.into());
        args
    }

    fn floor(&self) -> AuditId {
        self.since.map_or(AuditId::FIRST, AuditId::first_of)
    }

    /// What a page can begin at, and its place in [`Reach`]; the likely fewest first.
    fn leads(&self) -> Vec<(usize, TenantSql)> {
        let is_undone = !matches!(self.outcome.as_str(), "" | "done");
        let all = [
            (!self.target.is_empty(), sql::PAGE_OF_TARGET),
            (!self.actor.is_empty(), sql::PAGE_OF_ACTOR),
            (!self.action.is_empty(), sql::PAGE_OF_ACTION),
            (is_undone, sql::PAGE_NOT_DONE),
        ];
        all.into_iter().enumerate().filter_map(|(place, (asked, sql))| asked.then_some((place, sql))).collect()
    }

    fn ceiling(&self) -> AuditId {
        self.until.map_or(AuditId::LAST, |until| AuditId::first_of(until.after(WAITS)))
    }

    /// As a person would say it, for the log.
    fn said(&self) -> String {
        let moment = |it: Option<Timestamp>| it.map(|it| it.to_string()).unwrap_or_default();
        let parts = [
            ("action", self.action.clone()),
            ("actor", self.actor.clone()),
            ("target", self.target.clone()),
            ("outcome", self.outcome.clone()),
            ("since", moment(self.since)),
            ("until", moment(self.until)),
        ];
        let said = parts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name} {value}"));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// Whose lines a system administrator reads.
#[derive(Clone, Debug)]
pub enum Log {
    /// Every tenant's, and the admin realm's.
    All,
    /// The admin realm's own.
    AdminRealm,
    /// One tenant's.
    Tenant(TenantId),
}

/// `all`, `admin`, or a tenant's id.
impl FromStr for Log {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "" | "all" | "*" => Ok(Self::All),
            "admin" => Ok(Self::AdminRealm),
            _ => text.parse().map(Self::Tenant),
        }
    }
}

impl App {
    /// A page of the tenant's log, newest first.
    pub async fn audit_log(&self, by: &Grant<right::AuditRead>, filter: &Filter) -> Result<Vec<Record>> {
        self.page_of(by, filter).await
    }

    /// A page of any log, newest first.
    pub async fn audit_logs(
        &self,
        _by: &SystemGrant<system_right::AuditsRead>,
        log: &Log,
        filter: &Filter,
    ) -> Result<Vec<Record>> {
        match log.own() {
            Some(own) => self.page_of(&own, filter).await,
            None => self.store.system_all(sql::PAGE_OF_ALL, over_all(filter.newest_first())).await,
        }
    }

    /// The tenant's log read out, oldest line first: as many lines as the filter has at once, after the one given. Without one it begins,
    /// and that is written down.
    pub async fn export_audit(
        &self,
        by: &Grant<right::AuditRead>,
        filter: &Filter,
        after: Option<AuditId>,
    ) -> Result<Vec<Record>> {
        if after.is_none() {
            let entry = exported(self.now(), by.actor(), by.visit(), &Target::named("audit", "own"), filter);
            self.store.carry_out(Change::within(by, entry)).await?;
        }
        self.store.all(by, sql::NEXT, filter.oldest_first(after, AuditId::LAST)).await
    }

    /// Any log read out, in the same way.
    pub async fn export_audits(
        &self,
        by: &SystemGrant<system_right::AuditsRead>,
        log: &Log,
        filter: &Filter,
        after: Option<AuditId>,
    ) -> Result<Vec<Record>> {
        if after.is_none() {
            let target = Target::named("audit", &log.to_string());
            let entry = exported(self.now(), by.actor(), by.visit(), &target, filter);
            self.store.carry_out(Change::system(entry)).await?;
        }
        let args = filter.oldest_first(after, AuditId::LAST);
        match log.own() {
            Some(own) => self.store.all(&own, sql::NEXT, args).await,
            None => self.store.system_all(sql::NEXT_OF_ALL, over_all(args)).await,
        }
    }

    async fn page_of(&self, log: &impl Scope, filter: &Filter) -> Result<Vec<Record>> {
        let leads = filter.leads();
        let reach: Option<Reach> = if leads.len() > 1 {
            let before = filter.before.unwrap_or(AuditId::LAST).min(filter.ceiling());
            let args = args![before, &filter.target, &filter.actor, &filter.action, &filter.outcome];
            self.store.one(log, sql::REACH, args).await?
        } else {
            None
        };
        // What reaches farthest back has fewest lines; what has no two hundred reaches beyond all.
        let lead =
            leads.iter().min_by_key(|(place, _)| reach.as_ref().and_then(|it| it.0.get(*place).cloned().flatten()));
        let statement = lead.map_or(sql::PAGE, |(_, statement)| *statement);
        self.store.all(log, statement, filter.newest_first()).await
    }
}

/// Where the two hundredth line with each condition stands; nothing where there are fewer.
struct Reach([Option<Vec<u8>>; 4]);

impl FromRow for Reach {
    fn from_row(row: &Row) -> Result<Self> {
        let key = |at| row.maybe_bytes(at).map(|key| key.map(<[u8]>::to_vec));
        Ok(Self([key(0)?, key(1)?, key(2)?, key(3)?]))
    }
}

fn exported(now: Timestamp, actor: &Actor, visit: &Visit, target: &Target, filter: &Filter) -> Entry {
    Entry::done(now, actor, visit, Action::AuditExported, target.clone()).because(filter.said())
}

/// The arguments of a statement about every log, where those about one have the tenant.
pub(super) fn over_all(args: Vec<Value>) -> Vec<Value> {
    std::iter::once(Value::from("*")).chain(args).collect()
}

/// One log and no other: a tenant's, or the admin realm's, which stands under the empty name.
struct Own(TenantId);

impl Scope for Own {
    fn tenant(&self) -> &TenantId {
        &self.0
    }
}

impl Log {
    fn own(&self) -> Option<Own> {
        match self {
            Self::All => None,
            Self::AdminRealm => Some(Own(TenantId::stored(""))),
            Self::Tenant(id) => Some(Own(id.clone())),
        }
    }
}

/// As it is asked for.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::AdminRealm => "admin",
            Self::Tenant(id) => id.as_str(),
        })
    }
}

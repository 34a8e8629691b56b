//! [`Change`]: something that is to become true, as a value: its steps, what each must find, its audit entry, and what it makes stale.

use crate::access::Scope;
use crate::audit::Entry;
use crate::error::{Error, Result};
use crate::ids::{AdminId, SessionId, TenantId, UserId};
use crate::secret;
use crate::signin::answers::TokenHash;
use crate::store::statement::{SystemSql, TenantSql};
use crate::store::value::{Row, Value};

/// A change: carried out whole in one transaction, or not at all.
#[must_use = "a change does nothing until the store applies it"]
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) scope: Option<TenantId>,
    pub(super) steps: Vec<Step>,
    pub(super) entries: Vec<Entry>,
    pub(super) stale: Vec<Stale>,
    /// Whether all it does is to take away, for which nobody needs a licence.
    takes_away: bool,
}

/// One statement of a change.
#[derive(Debug)]
pub(crate) struct Step {
    pub(super) sql: &'static str,
    pub(super) args: Vec<Value>,
    /// The refusal if the statement touches no row or breaks a uniqueness; without one, touching nothing is fine.
    pub(super) unmet: Option<fn() -> Error>,
    /// Whether it sees every tenant, though the change is within one.
    pub(super) over_all: bool,
}

/// What a change makes stale in the memories of every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    Session(SessionId),
    User(UserId),
    Tenant(TenantId),
    AdminSession(SessionId),
    Admin(AdminId),
    Keys,
    License,
    Providers(TenantId),
    /// What Microsoft said about a bearer token.
    Answer(TokenHash),
    Everything,
}

impl Change {
    /// A change within the scope's tenant, with its line in the audit log.
    pub(crate) fn within(scope: &impl Scope, entry: Entry) -> Self {
        Self { entries: vec![entry.in_tenant(scope.tenant())], ..Self::unlogged_within(scope) }
    }

    /// A change within a tenant that leaves no line: bookkeeping whose cause is logged or which changes nobody's rights.
    pub(crate) fn unlogged_within(scope: &impl Scope) -> Self {
        Self { scope: Some(scope.tenant().clone()), ..Self::unlogged() }
    }

    /// A change by or about the deployment, with its line in the audit log.
    pub(crate) fn system(entry: Entry) -> Self {
        Self { entries: vec![entry], ..Self::unlogged() }
    }

    /// A change of the deployment's own bookkeeping: counters, guesses, sweeps.
    pub(crate) fn unlogged() -> Self {
        Self { scope: None, steps: Vec::new(), entries: Vec::new(), stale: Vec::new(), takes_away: false }
    }

    /// A step that may find nothing to do.
    pub(crate) fn run(self, sql: TenantSql, args: Vec<Value>) -> Self {
        self.tenant_step(sql, args, None)
    }

    /// A step that must touch a row; if it finds none, or breaks a uniqueness, the whole change is refused so.
    pub(crate) fn must(self, sql: TenantSql, args: Vec<Value>, unmet: fn() -> Error) -> Self {
        self.tenant_step(sql, args, Some(unmet))
    }

    /// Like [`Change::run`], beyond one tenant.
    pub(crate) fn run_system(mut self, sql: SystemSql, args: Vec<Value>) -> Self {
        self.steps.push(Step { sql: sql.text(), args, unmet: None, over_all: false });
        self
    }

    /// Like [`Change::must`], beyond one tenant.
    pub(crate) fn must_system(mut self, sql: SystemSql, args: Vec<Value>, unmet: fn() -> Error) -> Self {
        self.steps.push(Step { sql: sql.text(), args, unmet: Some(unmet), over_all: false });
        self
    }

    /// Like [`Change::must_system`], for what counts across all tenants while the change itself is within one.
    pub(crate) fn must_over_all(mut self, sql: SystemSql, args: Vec<Value>, unmet: fn() -> Error) -> Self {
        self.steps.push(Step { sql: sql.text(), args, unmet: Some(unmet), over_all: true });
        self
    }

    /// Touches the tenant's own row first, so that changes which must count rows queue up behind one another.
    pub(crate) fn guarding_tenant(self) -> Self {
        self.must(GUARD_TENANT, Vec::new(), || Error::NotFound)
    }

    /// Says that the change only takes away: people who leave, sessions that end. Such changes need no licence.
    pub(crate) fn taking_away(self) -> Self {
        Self { takes_away: true, ..self }
    }

    pub(crate) fn takes_away(&self) -> bool {
        self.takes_away
    }

    /// Names what nodes may remember and must forget once this is true.
    pub(crate) fn forgetting(mut self, stale: Stale) -> Self {
        self.stale.push(stale);
        self
    }

    /// Adds another line to the audit log.
    pub(crate) fn also_logging(mut self, entry: Entry) -> Self {
        self.entries.push(match &self.scope {
            Some(tenant) => entry.in_tenant(tenant),
            None => entry,
        });
        self
    }

    fn tenant_step(mut self, sql: TenantSql, args: Vec<Value>, unmet: Option<fn() -> Error>) -> Self {
        let tenant = self.scope.as_ref().expect("tenant statements are only added to changes made within a scope");
        let args = under(tenant, args);
        self.steps.push(Step { sql: sql.text(), args, unmet, over_all: false });
        self
    }

    /// The lines for the audit log, which the store turns into steps.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }
}

/// Binds the tenant as the first argument.
pub(super) fn under(tenant: &TenantId, args: Vec<Value>) -> Vec<Value> {
    let mut bound = Vec::with_capacity(args.len() + 1);
    bound.push(Value::from(tenant));
    bound.extend(args);
    bound
}

/// Queues rivals: the row lock is held to the end of the transaction.
pub(super) const GUARD_TENANT: TenantSql = TenantSql::new("UPDATE tenants SET version = version WHERE tenant_id = ?1");

/// What a carried-out change found, step by step.
#[derive(Debug)]
pub(crate) struct Applied(pub(super) Vec<Outcome>);

/// What one step found.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(super) touched: u64,
    pub(super) rows: Vec<Row>,
}

impl Applied {
    /// The first row a step returned.
    pub(crate) fn row(&self, step: usize) -> Option<&Row> {
        self.0.get(step).and_then(|outcome| outcome.rows.first())
    }

    /// How many rows a step touched.
    pub(crate) fn touched(&self, step: usize) -> u64 {
        self.0.get(step).map_or(0, |outcome| outcome.touched)
    }
}

impl Step {
    /// The refusal for a broken uniqueness or an untouched row.
    pub(super) fn refusal(&self) -> Error {
        self.unmet.map_or(Error::Conflict, |unmet| unmet())
    }

    /// Judges what the statement did.
    pub(super) fn judge(&self, outcome: &Outcome) -> Result<()> {
        match self.unmet {
            Some(unmet) if outcome.touched == 0 => Err(unmet()),
            _ => Ok(()),
        }
    }
}

impl Stale {
    /// As one word for the other nodes.
    pub(super) fn encode(&self) -> String {
        match self {
            Self::Session(id) => format!("s{id}"),
            Self::User(id) => format!("u{id}"),
            Self::Tenant(id) => format!("t{id}"),
            Self::AdminSession(id) => format!("S{id}"),
            Self::Admin(id) => format!("a{id}"),
            Self::Keys => "k".into(),
            Self::License => "l".into(),
            Self::Providers(id) => format!("p{id}"),
            Self::Answer(token) => format!("e{}", secret::encode(&token.0)),
            Self::Everything => "*".into(),
        }
    }

    /// Reads a word of [`Stale::encode`]; what cannot be read makes everything stale.
    pub(super) fn decode(word: &str) -> Self {
        let mut letters = word.chars();
        let kind = letters.next();
        let rest = letters.as_str();
        let known = match kind {
            Some('s') => rest.parse().ok().map(Self::Session),
            Some('u') => rest.parse().ok().map(Self::User),
            Some('t') => rest.parse().ok().map(Self::Tenant),
            Some('S') => rest.parse().ok().map(Self::AdminSession),
            Some('a') => rest.parse().ok().map(Self::Admin),
            Some('k') => Some(Self::Keys),
            Some('l') => Some(Self::License),
            Some('p') => rest.parse().ok().map(Self::Providers),
            Some('e') => {
                let hash = secret::decode(rest).and_then(|bytes| bytes.try_into().ok());
                hash.map(|hash| Self::Answer(TokenHash(hash)))
            }
            _ => None,
        };
        known.unwrap_or(Self::Everything)
    }
}

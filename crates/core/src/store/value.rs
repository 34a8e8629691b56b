//! What goes into a statement and what comes out: [`Value`] and [`Row`].

use std::net::IpAddr;

use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{
    AdminId, AuditId, JobId, LetterId, LinkId, PasskeyId, ProviderId, SessionId, TemplateId, TenantId, UserId, WishId,
};

/// One argument or column, in the kinds both databases know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// Writes a list of arguments: `args![id, now, name]`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Value::from($value)),*] };
}
pub(crate) use args;

impl From<i64> for Value {
    fn from(it: i64) -> Self {
        Self::Int(it)
    }
}

impl From<u32> for Value {
    fn from(it: u32) -> Self {
        Self::Int(it.into())
    }
}

impl From<bool> for Value {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}

impl From<&str> for Value {
    fn from(it: &str) -> Self {
        it.to_owned().into()
    }
}

/// PostgreSQL refuses a text with a NUL and SQLite reads up to it: on both it becomes the sign for a letter that is none.
impl From<String> for Value {
    fn from(it: String) -> Self {
        Self::Text(if it.contains('\0') { it.replace('\0', "\u{fffd}") } else { it })
    }
}

impl From<&String> for Value {
    fn from(it: &String) -> Self {
        it.as_str().into()
    }
}

impl From<Vec<u8>> for Value {
    fn from(it: Vec<u8>) -> Self {
        Self::Bytes(it)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(it: [u8; N]) -> Self {
        Self::Bytes(it.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(it: Timestamp) -> Self {
        Self::Int(it.0)
    }
}

impl From<UserId> for Value {
    fn from(it: UserId) -> Self {
        Self::Int(it.0)
    }
}

impl From<AdminId> for Value {
    fn from(it: AdminId) -> Self {
        Self::Int(it.0)
    }
}

impl From<ProviderId> for Value {
    fn from(it: ProviderId) -> Self {
        Self::Int(it.0)
    }
}

impl From<SessionId> for Value {
    fn from(it: SessionId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<AuditId> for Value {
    fn from(it: AuditId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<TemplateId> for Value {
    fn from(it: TemplateId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<PasskeyId> for Value {
    fn from(it: PasskeyId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<JobId> for Value {
    fn from(it: JobId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<LetterId> for Value {
    fn from(it: LetterId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<LinkId> for Value {
    fn from(it: LinkId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<WishId> for Value {
    fn from(it: WishId) -> Self {
        Self::Bytes(it.0.to_vec())
    }
}

impl From<&TenantId> for Value {
    fn from(it: &TenantId) -> Self {
        Self::Text(it.as_str().to_owned())
    }
}

impl From<IpAddr> for Value {
    fn from(it: IpAddr) -> Self {
        Self::Text(it.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(it: Option<T>) -> Self {
        it.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, its columns by position.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    pub(crate) fn int(&self, at: usize) -> Result<i64> {
        match self.0.get(at) {
            Some(Value::Int(it)) => Ok(*it),
            _ => Err(self.unlike(at, "a whole number")),
        }
    }

    pub(crate) fn text(&self, at: usize) -> Result<&str> {
        match self.0.get(at) {
            Some(Value::Text(it)) => Ok(it),
            _ => Err(self.unlike(at, "text")),
        }
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<&[u8]> {
        match self.0.get(at) {
            Some(Value::Bytes(it)) => Ok(it),
            _ => Err(self.unlike(at, "bytes")),
        }
    }

    pub(crate) fn maybe_int(&self, at: usize) -> Result<Option<i64>> {
        if self.null(at) { Ok(None) } else { self.int(at).map(Some) }
    }

    pub(crate) fn maybe_text(&self, at: usize) -> Result<Option<&str>> {
        if self.null(at) { Ok(None) } else { self.text(at).map(Some) }
    }

    pub(crate) fn maybe_bytes(&self, at: usize) -> Result<Option<&[u8]>> {
        if self.null(at) { Ok(None) } else { self.bytes(at).map(Some) }
    }

    pub(crate) fn time(&self, at: usize) -> Result<Timestamp> {
        self.int(at).map(Timestamp)
    }

    pub(crate) fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>> {
        Ok(self.maybe_int(at)?.map(Timestamp))
    }

    pub(crate) fn tenant(&self, at: usize) -> Result<TenantId> {
        self.text(at).map(TenantId::stored)
    }

    pub(crate) fn session(&self, at: usize) -> Result<SessionId> {
        SessionId::stored(self.bytes(at)?).ok_or_else(|| self.unlike(at, "a session id"))
    }

    pub(crate) fn user(&self, at: usize) -> Result<UserId> {
        self.int(at).map(UserId)
    }

    pub(crate) fn maybe_user(&self, at: usize) -> Result<Option<UserId>> {
        Ok(self.maybe_int(at)?.map(UserId))
    }

    pub(crate) fn template(&self, at: usize) -> Result<TemplateId> {
        TemplateId::stored(self.bytes(at)?).ok_or_else(|| self.unlike(at, "a template's id"))
    }

    pub(crate) fn job(&self, at: usize) -> Result<JobId> {
        JobId::stored(self.bytes(at)?).ok_or_else(|| self.unlike(at, "a job's id"))
    }

    fn null(&self, at: usize) -> bool {
        matches!(self.0.get(at), Some(Value::Null))
    }

    fn unlike(&self, at: usize, wanted: &str) -> Error {
        Error::internal(format!("column {at} of {} is not {wanted}", self.0.len()))
    }
}

/// What a row becomes.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self>;
}

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(row.clone())
    }
}

impl FromRow for i64 {
    fn from_row(row: &Row) -> Result<Self> {
        row.int(0)
    }
}

impl FromRow for String {
    fn from_row(row: &Row) -> Result<Self> {
        row.text(0).map(Into::into)
    }
}

//! `DateTime`, a moment as RFC 3339 writes it.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use purser_core::env::Timestamp;

/// A moment on its way in or out.
#[derive(Clone, Copy)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// A moment as RFC 3339 writes it, given in UTC and whole seconds: `2026-11-21T19:17:00Z`.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(&value).map(Self).ok_or_else(|| InputValueError::custom("write a moment as 2026-11-21T19:17:00Z"))
    }

    fn is_valid(value: &Value) -> bool {
        read(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

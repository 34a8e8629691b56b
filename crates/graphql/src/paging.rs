//! The two arguments of every list: how many, and from where.

use std::str::FromStr;

use async_graphql::ID;
use purser_core::error::{Error, Result};

/// How many a list gives if nothing is said.
pub(crate) const USUAL: u32 = 100;
/// How many a list gives at most.
pub(crate) const MOST: u32 = 500;

/// How many are asked for.
///
/// # Errors
/// [`Error::Invalid`] for none, or more than [`MOST`].
pub(crate) fn first(asked: Option<i64>) -> Result<u32> {
    let Some(asked) = asked else {
        return Ok(USUAL);
    };
    match u32::try_from(asked) {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(Error::invalid("first", "use 1 to 500")),
    }
}

/// The place in the list that a cursor names.
///
/// # Errors
/// [`Error::Invalid`] if no list ever gave such a cursor.
pub(crate) fn cursor<T: FromStr>(field: &str, id: Option<ID>) -> Result<Option<T>> {
    id.map(|id| id.parse().map_err(|_| Error::invalid(field, "not an id"))).transpose()
}

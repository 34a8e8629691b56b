//! [`Fields`], what somebody filled in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use purser_core::access::Role;
use purser_core::error::{Error, Result};
use purser_core::secret::Secret;
use serde::Deserialize;

/// The fields of a form. What is not there is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Fields(BTreeMap<String, String>);

impl<'a> FromIterator<(&'a str, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, String)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl Fields {
    /// These alone.
    pub(super) fn of<const N: usize>(fields: [(&str, &str); N]) -> Self {
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// A field's text, without the space around it.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field letter for letter.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field's text, unless it is empty.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// A field that nobody else should see.
    pub(super) fn secret(&self, name: &str) -> Secret {
        Secret::new(self.raw(name))
    }

    /// Whether a field was sent at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        self.has(name)
    }

    /// A field whose lines are a list.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let all = self.text(name).lines().map(str::trim).filter(|line| !line.is_empty());
        all.map(str::to_owned).collect()
    }

    /// What these fields say, in short. A form takes it along in `stood`, and so says how things were when it was shown.
    pub(super) fn mark(&self) -> String {
        let mut told = String::new();
        for (name, value) in &self.0 {
            let _never_fails = write!(told, "{name} {} {value} ", value.len());
        }
        let short = digest(&SHA256, told.as_bytes()).as_ref().first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        format!("{short:016x}")
    }

    /// Refuses a form that was shown when things stood otherwise: taken as it is, it would undo what somebody else has done since.
    ///
    /// # Errors
    /// [`Error::Conflict`].
    pub(super) fn demand_still(&self, stands: &Self) -> Result<()> {
        match self.said("stood") {
            Some(stood) if stood != stands.mark() => Err(Error::Conflict),
            _ => Ok(()),
        }
    }

    /// The roles whose boxes are ticked.
    pub(super) fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| self.ticked(&format!("role.{role}"))).collect()
    }
}

//! [`Fields`], what somebody filled in.

use std::collections::BTreeMap;

use purser_core::access::Role;
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

    /// The roles whose boxes are ticked.
    pub(super) fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| self.ticked(&format!("role.{role}"))).collect()
    }
}

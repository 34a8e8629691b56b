//! The keys that exist, read off [`Settings`] themselves, and the nearest one to a name that does not.

use std::net::SocketAddr;
use std::sync::LazyLock;

use purser_core::config::{HIDDEN, Settings, Span};
use serde_json::Value as Json;

/// What the names of all variables begin with.
pub(super) const PREFIX: &str = "PURSER_";

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Section and name: `database.url`.
    pub(super) name: String,
    /// Its default; null for those that have none.
    pub(super) default: Json,
}

impl Key {
    /// Whether its value must not be shown.
    pub(super) fn is_secret(&self) -> bool {
        ["database.url", "secrets.master_key", "mail.password", "metrics.token"].contains(&self.name.as_str())
    }

    /// Whether it takes a list.
    pub(super) fn is_list(&self) -> bool {
        self.default.is_array()
    }

    /// What its values look like. In a file, texts stand between quotes; in a variable they do not.
    pub(super) fn expected(&self, quote: &str) -> String {
        let such = |what: &str, example: &str| format!("{what}, as {quote}{example}{quote}");
        match &self.default {
            Json::Bool(_) => "true or false".to_owned(),
            Json::Number(number) => format!("a whole number, as {number}"),
            Json::Array(_) => "a list, as [\"10.0.0.0/8\", \"::1\"]".to_owned(),
            Json::String(text) if text.parse::<Span>().is_ok() => {
                such("a whole number with s, m, h or d after it, from 1s to 3650d", text)
            }
            Json::String(text) if text.parse::<SocketAddr>().is_ok() => such("an address and a port", text),
            Json::String(text) if text == HIDDEN => such("a text", "sqlite:purser.db"),
            Json::String(text) => such("a text", text),
            _ if self.name.ends_with(".listen") => such("an address and a port", "127.0.0.1:9090"),
            _ if self.name.ends_with(".retention") => {
                such("a whole number with s, m, h or d after it, from 1s to 3650d", "365d")
            }
            _ if self.name.ends_with(".threads") => "a whole number, as 4".to_owned(),
            _ if self.name.ends_with(".loopback") => "true or false".to_owned(),
            _ if self.name.ends_with(".dns_server") => such("an address and a port", "192.0.2.53:53"),
            _ => "a text".to_owned(),
        }
    }
}

/// Every key, section by section.
pub(super) fn all() -> &'static [Key] {
    static ALL: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let settings = tree(&Settings::default());
        let sections = settings.into_iter().filter_map(|(section, keys)| match keys {
            Json::Object(keys) => Some((section, keys)),
            _ => None,
        });
        let keys = sections.flat_map(|(section, keys)| {
            keys.into_iter().map(move |(name, default)| Key { name: format!("{section}.{name}"), default })
        });
        keys.collect()
    });
    &ALL
}

/// Settings as a tree, secrets hidden.
pub(super) fn tree(settings: &Settings) -> serde_json::Map<String, Json> {
    match serde_json::to_value(settings) {
        Ok(Json::Object(sections)) => sections,
        _ => unreachable!("settings are sections of plain values"),
    }
}

/// The key of a name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().iter().find(|key| key.name == name)
}

/// The key of a variable: `PURSER_DATABASE__URL` is `database.url`.
pub(super) fn of_variable(variable: &str) -> Option<&'static Key> {
    all().iter().find(|key| self::variable(&key.name) == variable)
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Whether there is such a section.
pub(super) fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

/// What to say of a key that does not exist.
pub(super) fn no_such_key(name: &str) -> String {
    unknown("there is no such key", nearest(name, all().iter().map(|key| key.name.clone())))
}

/// What to say of a section that does not exist.
pub(super) fn no_such_section(name: &str) -> String {
    unknown("there is no such section", nearest(name, sections().map(str::to_owned)))
}

/// What to say of a variable that means nothing.
pub(super) fn no_such_variable(name: &str) -> String {
    unknown("no setting has this name", nearest(&name.to_uppercase(), all().iter().map(|key| variable(&key.name))))
}

fn unknown(what: &str, nearest: Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("{what}; the nearest is {nearest}"),
        None => format!("{what}; the sections are {}", sections().collect::<Vec<_>>().join(", ")),
    }
}

fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    all().iter().filter_map(|key| key.name.split('.').next()).filter(move |section| {
        let new = *section != last;
        last = section;
        new
    })
}

/// The candidate most like a name, if any is like it at all.
fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let rated = candidates.map(|candidate| (likeness(name, &candidate), candidate));
    let best = rated.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= 0.5).map(|(_, candidate)| candidate)
}

/// How alike two names are, from 0 to 1. A right last part in a wrong section counts almost as much as the whole.
fn likeness(name: &str, candidate: &str) -> f64 {
    let whole = strsim::normalized_damerau_levenshtein(name, candidate);
    let last = strsim::normalized_damerau_levenshtein(last_part(name), last_part(candidate));
    whole.max(last * 0.9)
}

fn last_part(name: &str) -> &str {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    name.rsplit("__").next().and_then(|name| name.rsplit('.').next()).unwrap_or(name)
}

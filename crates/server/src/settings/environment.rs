//! Settings from the environment: `PURSER_SECTION__KEY`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use figment::value::{Dict, Value};

use super::keys::{self, Key, PREFIX};
use super::{Complaint, Layer, Place};

/// Reads the variables that begin with our prefix. A value keeps its spelling: whether it is a number is decided by its key, so that a
/// token of digits stays a text.
pub(super) fn read(environment: &[(OsString, OsString)], complaints: &mut Vec<Complaint>) -> Layer {
    let mut sections: BTreeMap<&str, Dict> = BTreeMap::new();
    for (variable, value) in environment {
        match setting(variable, value) {
            Ok(Some((key, value))) => {
                let (section, name) = key.name.split_once('.').expect("keys are made of a section and a name");
                sections.entry(section).or_default().insert(name.to_owned(), value);
            }
            Ok(None) => {}
            Err(reason) => {
                complaints.push(Complaint { subject: variable.to_string_lossy().into(), origin: None, reason });
            }
        }
    }
    let values = sections.into_iter().map(|(section, values)| (section.to_owned(), Value::from(values))).collect();
    Layer { place: Place::Environment, values }
}

/// What one variable says; nothing if it is none of ours.
fn setting(variable: &OsString, value: &OsString) -> Result<Option<(&'static Key, Value)>, String> {
    let name = variable.to_string_lossy();
    if !name.starts_with(PREFIX) || tells_of_a_service(&name) {
        return Ok(None);
    }
    let key = keys::of_variable(&name).ok_or_else(|| keys::no_such_variable(&name))?;
    let value = value.to_str().ok_or("is not UTF-8")?;
    if key.is_list() {
        return Ok(Some((key, Value::from(list(value)))));
    }
    if value.trim().is_empty() {
        return Err(format!("is empty; unset it, or give it {}", key.expected("")));
    }
    Ok(Some((key, Value::from(value))))
}

/// `["a", "b"]` as TOML and JSON write it, or `a, b`.
fn list(text: &str) -> Vec<Value> {
    let written = toml::from_str::<BTreeMap<String, Vec<String>>>(&format!("it = {text}"));
    match written.ok().and_then(|mut table| table.remove("it")) {
        Some(items) => items.into_iter().map(Value::from).collect(),
        None => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
    }
}

/// Kubernetes tells every container of the services around it, and one may well be called `purser`: `PURSER_SERVICE_HOST`,
/// `PURSER_PORT_8080_TCP_ADDR`. That is not ours to complain about.
fn tells_of_a_service(name: &str) -> bool {
    let port = |rest: &str| rest.is_empty() || rest.starts_with('_') && rest.contains(|c: char| c.is_ascii_digit());
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || name.split_once("_PORT").is_some_and(|(_, rest)| port(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_with_brackets_or_with_commas() {
        for text in [r#"["10.0.0.0/8", "::1"]"#, "10.0.0.0/8,::1", " 10.0.0.0/8 , ::1, "] {
            assert_eq!(list(text), [Value::from("10.0.0.0/8"), Value::from("::1")], "{text}");
        }
        assert_eq!(list(""), Vec::<Value>::new());
    }

    #[test]
    fn what_kubernetes_tells_of_a_service_called_purser_is_passed_over() {
        let service = [
            "PURSER_SERVICE_HOST",
            "PURSER_SERVICE_PORT",
            "PURSER_SERVICE_PORT_HTTP",
            "PURSER_PORT",
            "PURSER_PORT_8080_TCP_PROTO",
        ];
        for name in service {
            assert!(tells_of_a_service(name), "{name}");
        }
        for name in ["PURSER_DATABASE__URL", "PURSER_PORTS", "PURSER_SERVER_LISTEN", "PURSER_TOKENS__SERVICE_HOST"] {
            assert!(!tells_of_a_service(name), "{name}");
        }
    }
}

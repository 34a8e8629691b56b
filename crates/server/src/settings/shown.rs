//! Settings as an operator reads them: TOML, secrets hidden, each with where it comes from.

use purser_core::config::HIDDEN;
use serde_json::Value as Json;
use url::Url;

use super::Loaded;
use super::keys::{self, Key};

/// The whole page. What is hidden or not set stands in a comment, so that the page could be saved as a file.
pub(super) fn page(loaded: &Loaded) -> String {
    let sections = keys::tree(&loaded.settings);
    let mut page = String::from(
        "# The settings in force: defaults, overruled by a file, overruled by PURSER_… variables, overruled by flags.\n",
    );
    let mut last = "";
    for key in keys::all() {
        let Some((section, name)) = key.name.split_once('.') else { continue };
        if section != last {
            page.extend(["\n[", section, "]\n"]);
            last = section;
        }
        let value = sections.get(section).and_then(|keys| keys.get(name)).unwrap_or(&Json::Null);
        page.push_str(&line(loaded, key, name, value));
    }
    page
}

fn line(loaded: &Loaded, key: &Key, name: &str, value: &Json) -> String {
    let text = match value {
        Json::Null => format!("# {name} is not set"),
        Json::String(text) if key.name == "database.url" && text == HIDDEN => {
            database_line(name, &loaded.database(), loaded)
        }
        _ if key.is_secret() => format!("# {name} = {HIDDEN}"),
        value => format!("{name} = {}", toml_value(value)),
    };
    match (value, loaded.origin(&key.name)) {
        (Json::Null, _) => format!("{text}\n"),
        (_, origin) => format!("{text:<44} # {}\n", origin.unwrap_or("default")),
    }
}

fn database_line(name: &str, shown: &str, loaded: &Loaded) -> String {
    let mark = if shown == loaded.settings.database.url.reveal() { "" } else { "# " };
    format!("{mark}{name} = {}", toml_value(&Json::from(shown)))
}

/// A value as TOML writes it.
fn toml_value(value: &Json) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

/// A database's address with its password taken out. One that cannot be read is not shown at all.
pub(super) fn without_password(address: &str) -> String {
    if address.starts_with("sqlite:") {
        return address.to_owned();
    }
    let Ok(mut url) = Url::parse(address) else { return HIDDEN.to_owned() };
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query_pairs().any(|(name, _)| name == "password") {
        url.set_query(None);
        return format!("{url}?{HIDDEN}");
    }
    if url.password().is_some() {
        url.to_string().replacen(":hidden@", &format!(":{HIDDEN}@"), 1)
    } else {
        address.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, shown) in [
            ("sqlite:purser.db", "sqlite:purser.db"),
            ("postgres://purser@db.test/purser", "postgres://purser@db.test/purser"),
            ("postgres://purser:s%40cret@db.test/purser?a=b", "postgres://purser:(hidden)@db.test/purser?a=b"),
            ("postgres://db.test/purser?user=p&password=s3cret", "postgres://db.test/purser?(hidden)"),
            ("postgres://purser:s3cret@db.test:port/purser", "(hidden)"),
            ("postgres://hidden:s3cret@db.test/purser", "postgres://hidden:(hidden)@db.test/purser"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }
}

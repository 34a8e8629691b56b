//! Where the settings come from: defaults, then `purser.toml`, then the environment, then flags; and the refusal of what makes no sense.
//!
//! Whatever is wrong is told with its key, where it was said and what would be right. Nothing is guessed and nothing unknown is
//! passed over: a limit with a slip in its name would otherwise not hold, and nobody would notice.

mod check;
mod environment;
mod keys;
mod shown;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use purser_core::config::Settings;

pub use check::trusted_proxy;
pub(crate) use check::{is_this_machine, log_filter};
use keys::Key;

/// The file read from the working folder if it is there.
pub const FILE: &str = "purser.toml";

/// Where to look for settings.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file that must be there; unset: [`FILE`] in `folder`, if it is there.
    pub file: Option<PathBuf>,
    /// The working folder.
    pub folder: PathBuf,
    /// The environment. Only variables that begin with `PURSER_` are looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// The flag `--listen`.
    pub listen: Option<SocketAddr>,
}

impl Sources {
    /// The working folder and environment of this process.
    pub fn of_this_process() -> Self {
        Self { environment: std::env::vars_os().collect(), ..Self::default() }
    }

    /// Reads everything, and checks it.
    ///
    /// # Errors
    /// [`Refused`], with as many complaints as could be found at once.
    pub fn load(mut self) -> Result<Loaded, Refused> {
        self.environment.sort();
        let mut complaints = Vec::new();
        let layers = self.layers(&mut complaints);
        for layer in &layers {
            layer.check_keys(&mut complaints);
        }
        refuse(complaints)?;
        let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
        let settings: Settings = figment.extract_lossy().map_err(|fault| wrong_type(&figment, &fault))?;
        let mut loaded = Loaded { origins: origins(&figment), settings, warnings: Vec::new() };
        refuse(check::settle(&mut loaded))?;
        Ok(loaded)
    }

    /// What each place says, the weakest first.
    fn layers(&self, complaints: &mut Vec<Complaint>) -> Vec<Layer> {
        let mut layers = Vec::new();
        match self.read_file() {
            Ok(found) => layers.extend(found),
            Err(complaint) => complaints.push(complaint),
        }
        layers.push(environment::read(&self.environment, complaints));
        let flags = self.listen.map(|listen| Dict::from([("listen".to_owned(), Value::from(listen.to_string()))]));
        let values = flags.map(|flags| Dict::from([("server".to_owned(), Value::from(flags))]));
        layers.push(Layer { place: Place::Flags, values: values.unwrap_or_default() });
        layers
    }

    fn read_file(&self) -> Result<Option<Layer>, Complaint> {
        let path = self.file.clone().unwrap_or_else(|| self.folder.join(FILE));
        let complain = |reason: String| Complaint { subject: path.display().to_string(), origin: None, reason };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(fault) if self.file.is_none() && fault.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(complain(format!("cannot be read: {fault}"))),
        };
        // The parser's own rendering would repeat the line, and with it perhaps a secret.
        let values: Dict = Toml::from_str(&text).map_err(|fault| {
            let line =
                fault.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let line = line.map_or_else(String::new, |line| format!("line {line}: "));
            complain(format!("{line}{}", fault.message()))
        })?;
        Ok(Some(Layer { place: Place::File(path), values }))
    }
}

/// Settings that may be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What is allowed but should be thought about.
    pub warnings: Vec<String>,
    /// Where each key that is not at its default was set.
    origins: BTreeMap<String, String>,
}

impl Loaded {
    /// Where a key was set: a file, a variable or a flag; none if it is at its default.
    pub fn origin(&self, key: &str) -> Option<&str> {
        self.origins.get(key).map(String::as_str)
    }

    /// The settings as a TOML file, secrets hidden, with where each comes from.
    pub fn to_toml(&self) -> String {
        shown::page(self)
    }

    /// The database's address, without the password in it.
    pub fn database(&self) -> String {
        shown::without_password(self.settings.database.url.reveal())
    }
}

/// Why settings cannot be used: one line for each thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(Vec<Complaint>);

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Complaint {
    /// The key, variable or file.
    subject: String,
    /// Where it was said, if the subject does not tell.
    origin: Option<String>,
    /// What is wrong, and what would be right.
    reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Complaint { subject, origin, reason }) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            match origin {
                Some(origin) => write!(f, "{line_end}{subject} (from {origin}): {reason}")?,
                None => write!(f, "{line_end}{subject}: {reason}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

fn refuse(complaints: Vec<Complaint>) -> Result<(), Refused> {
    if complaints.is_empty() { Ok(()) } else { Err(Refused(complaints)) }
}

/// One place where settings were found.
#[derive(Clone, Debug)]
struct Layer {
    place: Place,
    values: Dict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Environment,
    Flags,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        match &self.place {
            Place::File(path) => Metadata::from("file", Source::File(path.clone())),
            Place::Environment => Metadata::named("environment")
                .interpolater(|_: &Profile, path: &[&str]| keys::variable(&path.join("."))),
            Place::Flags => Metadata::named("flags").interpolater(|_: &Profile, path: &[&str]| {
                format!("--{}", path.last().unwrap_or(&"").replace('_', "-"))
            }),
        }
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Layer {
    /// Complains about keys that do not exist or say nothing. Variables and flags were matched with keys as they were read.
    fn check_keys(&self, complaints: &mut Vec<Complaint>) {
        let Place::File(path) = &self.place else { return };
        for (section, values) in &self.values {
            let complaint = |reason| complaint(section, path, reason);
            match (values.as_dict(), keys::is_section(section)) {
                (Some(values), true) => wrong_keys(section, values, path, complaints),
                (None, true) => {
                    complaints
                        .push(complaint(format!("is a section: write [{section}] and its keys on the lines below")));
                }
                (Some(_), false) => complaints.push(complaint(keys::no_such_section(section))),
                (None, false) => complaints.push(complaint(keys::no_such_key(section))),
            }
        }
    }
}

fn wrong_keys(section: &str, values: &Dict, path: &Path, complaints: &mut Vec<Complaint>) {
    for (name, value) in values {
        let name = format!("{section}.{name}");
        let blank = value.as_str().is_some_and(|text| text.trim().is_empty());
        match keys::find(&name) {
            None => complaints.push(complaint(&name, path, keys::no_such_key(&name))),
            Some(key) if blank => {
                let reason = format!("is empty; leave it out, or give it {}", key.expected("\""));
                complaints.push(complaint(&name, path, reason));
            }
            Some(_) => {}
        }
    }
}

fn complaint(subject: &str, path: &Path, reason: String) -> Complaint {
    Complaint { subject: subject.to_owned(), origin: Some(path.display().to_string()), reason }
}

/// Where each key that is set was set.
fn origins(figment: &Figment) -> BTreeMap<String, String> {
    let set = keys::all().iter().filter_map(|key| Some((key, figment.find_metadata(&key.name)?)));
    set.map(|(key, metadata)| (key.name.clone(), origin(metadata, &key.name))).collect()
}

fn origin(metadata: &Metadata, key: &str) -> String {
    match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        _ => metadata.interpolate(&Profile::Default, &key.split('.').collect::<Vec<_>>()),
    }
}

/// A value that does not fit its key, in the operator's words instead of the parser's.
fn wrong_type(figment: &Figment, fault: &figment::Error) -> Refused {
    let name = fault.path.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
    let quote = if matches!(fault.metadata.as_ref().and_then(|it| it.source.as_ref()), Some(Source::File(_))) {
        "\""
    } else {
        ""
    };
    let expected = keys::find(&name).map_or_else(String::new, |key| key.expected(quote));
    // A secret is not repeated, not even a wrong one.
    let found = figment.find_value(&name).ok().filter(|_| !keys::find(&name).is_some_and(Key::is_secret));
    let reason = match (&fault.kind, found) {
        (_, None) => format!("must be {expected}"),
        (Kind::UnknownVariant(found, known), _) => format!("`{found}` is not one of {}", known.join(", ")),
        (_, Some(found)) => format!("found {}, expected {expected}", spoken(&found)),
    };
    let origin = fault.metadata.as_ref().map(|metadata| origin(metadata, &name));
    Refused(vec![Complaint { subject: name, origin, reason }])
}

fn spoken(found: &Value) -> String {
    match found {
        Value::String(_, text) => format!("`{text}`"),
        Value::Bool(_, value) => value.to_string(),
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(..) => "a section".to_owned(),
        number => number.to_i128().map_or_else(|| "something else".to_owned(), |number| number.to_string()),
    }
}

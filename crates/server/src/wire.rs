//! How values of the system are written as JSON, without a detour over lists and strings.

use std::fmt::{Display, Write as _};
use std::sync::OnceLock;

use purser_core::access::{Right, Role, Roles};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Roles by their names.
#[derive(Clone, Copy, Debug)]
pub struct RoleNames(pub Roles);

impl Serialize for RoleNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        static KNOWN: Lists = Lists::new();
        KNOWN.of(self.0, || self.0.iter().map(Role::as_str).collect()).serialize(to)
    }
}

/// The rights of roles, by their names.
#[derive(Clone, Copy, Debug)]
pub struct RightNames(pub Roles);

impl Serialize for RightNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        static KNOWN: Lists = Lists::new();
        KNOWN.of(self.0, || self.0.rights().map(Right::name).collect()).serialize(to)
    }
}

/// What every set of roles stands for, written once: `auth/me` is asked more often than all else, and these names are half of it.
struct Lists([OnceLock<Box<RawValue>>; 128]);

impl Lists {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; 128])
    }

    fn of(&self, roles: Roles, names: impl FnOnce() -> Vec<&'static str>) -> &RawValue {
        let place = usize::try_from(roles.bits()).ok().and_then(|bits| self.0.get(bits));
        let place = place.expect("seven roles make 128 sets");
        place.get_or_init(|| serde_json::value::to_raw_value(&names()).expect("a list of names always becomes JSON"))
    }
}

/// A text as a list of its words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(pub &'a str);

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.split(' '))
    }
}

/// Whatever prints itself, as text.
#[derive(Clone, Copy, Debug)]
pub struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // In one piece: written by fragments, each is looked through for what must be escaped.
        let mut text = String::with_capacity(40);
        let _ = write!(text, "{}", self.0);
        to.serialize_str(&text)
    }
}

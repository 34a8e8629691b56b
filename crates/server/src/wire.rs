//! How values of the system are written on the wire, without a detour over lists and strings.

use std::fmt::Display;

use purser_core::access::{Right, Role, Roles};
use serde::{Serialize, Serializer};

/// Roles by their names.
#[derive(Clone, Copy, Debug)]
pub struct RoleNames(pub Roles);

impl Serialize for RoleNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Role::as_str))
    }
}

/// The rights of roles, by their names.
#[derive(Clone, Copy, Debug)]
pub struct RightNames(pub Roles);

impl Serialize for RightNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.rights().map(Right::name))
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
        to.collect_str(&self.0)
    }
}

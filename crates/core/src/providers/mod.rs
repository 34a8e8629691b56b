//! A placeholder for what the branch `providers` brings: the shapes that signing in through a provider shows to the outside.

use serde::Serialize;

use crate::error::{Error, Result};

/// Where this deployment is reached from outside, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Reads an origin, as `https://id.example.com`.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self> {
        if text.contains("://") {
            Ok(Self(text.trim_end_matches('/').into()))
        } else {
            Err(Error::invalid("base", "not an origin"))
        }
    }

    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// Microsoft: Entra and Dynamics.
    Microsoft,
}

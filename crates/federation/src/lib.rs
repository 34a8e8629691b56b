//! Other systems' proofs of who somebody is: untrusted bytes in, a verified [`Identity`] or a [`Refusal`] out.

pub mod fetch;
pub mod jwt;
pub mod microsoft;
pub mod oidc;
pub mod saml;

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// Who somebody is, as a provider says and as was verified here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who says so: an OpenID issuer, a SAML entity id, a Microsoft directory (`tid`).
    pub issuer: String,
    /// The person there, never given to another: OpenID `sub`, SAML `NameID`, Microsoft `oid`.
    pub subject: String,
    /// Their address, if the provider tells it.
    pub email: Option<String>,
    /// Whether the provider says it has verified that address. SAML has no words for it.
    pub email_verified: bool,
    /// Whether they are only a guest of who says so: what is told of them, their address above all, is another's word.
    pub guest: bool,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// The groups they are in there; nothing if the provider did not tell, or told only where to ask.
    pub groups: Option<Vec<String>>,
    /// How they signed in there, in the words of RFC 8176 as far as the provider uses them.
    pub amr: Vec<String>,
    /// Whether the provider says that a second factor was used.
    pub second_factor: bool,
    /// The provider's own session, for ending it: OpenID `sid`, SAML `SessionIndex`.
    pub session: Option<String>,
}

/// Why nobody was proven. The reasons are for the audit log and the provider's test page, never for the person at the door; they hold
/// no token, secret or document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was shown cannot be believed.
    #[error("{0}")]
    Invalid(String),
    /// The provider itself refused: it said so, and this is its word.
    #[error("the provider refused: {0}")]
    Denied(String),
    /// The provider does not answer, or not with anything that can be read. Worth another try later.
    #[error("{reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
        /// How long to wait, if the provider said.
        retry_after: Option<Duration>,
    },
    /// The settings of the provider do not fit what it announces; trying again does not help.
    #[error("{0}")]
    Misconfigured(String),
}

impl Refusal {
    /// What was shown cannot be believed, for this reason.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid(reason.into())
    }

    /// The provider cannot be asked now, for this reason.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None }
    }

    /// The settings are at fault, in this way.
    pub fn misconfigured(reason: impl Into<String>) -> Self {
        Self::Misconfigured(reason.into())
    }
}

/// What came of asking.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// One step of examining a provider's settings, in words for the person who set it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `discovery`, `keys`, `certificate`, …
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to change, and where; empty when there is nothing to do.
    pub advice: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Works, but will not for long, or is not advisable.
    Warned,
    /// Keeps people from signing in.
    Failed,
    /// Could not be looked at, because something before it failed.
    Skipped,
}

impl Check {
    /// A check that found all in order.
    pub fn passed(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Passed, found: found.into(), advice: String::new() }
    }

    /// A check that found something which needs attention soon.
    pub fn warned(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warned, found: found.into(), advice: advice.into() }
    }

    /// A check that found what keeps people out.
    pub fn failed(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed, found: found.into(), advice: advice.into() }
    }

    /// A check that an earlier failure kept from being made.
    pub fn skipped(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Skipped, found: "not looked at".into(), advice: String::new() }
    }
}

/// A client secret or private key. Prints as nothing; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes charge of a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Whoever calls this is answerable for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

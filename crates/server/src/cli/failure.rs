//! [`Failure`]: why a command did not do what it should, what to do next, and the exit status.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

use purser_core::error::{Error, Problem};

use crate::settings::Refused;

/// Why a command did not do what it should. Shown on standard error.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    status: u8,
}

impl Failure {
    /// Refused or failed: exit status 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 1 }
    }

    /// Wrongly asked: exit status 2, as the parser of the command line gives.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, ..Self::new(message) }
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The exit status.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", plain(&self.message).replace('\n', "\n       "))?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nnext:  {}", plain(hint)))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(format!("the settings cannot be used\n{refused}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Invalid(problems) => invalid(problems),
            Error::StoreUnavailable(cause) => Self::new(format!("the database cannot be used: {}", chain(&**cause)))
                .hint("see to it that it runs and that database.url is right (`purser config` shows the settings)"),
            Error::Internal(cause) => Self::new(chain(&**cause)),
            Error::ServerBusy => Self::new(error.to_string()).hint("try again"),
            _ => Self::new(error.to_string()),
        }
    }
}

/// What stopped a server.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let taken = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<std::io::Error>().is_some_and(|fault| fault.kind() == ErrorKind::AddrInUse)
        };
        let in_use = error.chain().any(taken);
        match error.downcast::<Error>() {
            Ok(error) => error.into(),
            Err(error) if in_use => Self::new(format!("{error:#}")).hint(
                "stop the other program, or choose another address with --listen, for metrics with metrics.listen",
            ),
            Err(error) => Self::new(format!("{error:#}")),
        }
    }
}

fn invalid(problems: &[Problem]) -> Failure {
    let lines: Vec<_> =
        problems.iter().map(|Problem { field, reason }| format!("{}: {reason}", spoken(field))).collect();
    let failure = Failure::new(lines.join("\n"));
    if problems.iter().any(|problem| problem.field == "password") {
        return failure.hint("choose another, or leave --password-stdin out: then one is made and printed");
    }
    failure.hint("correct it and run the command again")
}

/// A field as it is called on the command line.
fn spoken(field: &str) -> &str {
    match field {
        "email" => "--email",
        "firstName" => "--first-name",
        "lastName" => "--last-name",
        "name" => "--name",
        "id" => "ID",
        "username" => "USERNAME",
        "licenseKey" => "LICENSE_KEY",
        "license.public_key" => "--public-key",
        "privateKey" => "--key",
        "label" => "--label",
        "trustedDomains" => "--trust-domain",
        "groupRoles" => "--map-group",
        "domain" => "DOMAIN",
        "oidc.issuer" => "--issuer",
        "oidc.clientId" => "--client-id",
        "oidc.clientSecret" | "microsoft.clientSecret" => "client secret",
        "oidc.privateKey" | "microsoft.privateKey" => "--private-key-file",
        "oidc.keyId" | "microsoft.keyId" => "--key-id",
        "oidc.scopes" => "--scope",
        "oidc.hosts" => "--host",
        "oidc.claims.email" => "--email-claim",
        "oidc.claims.firstName" => "--first-name-claim",
        "oidc.claims.lastName" => "--last-name-claim",
        "oidc.claims.groups" => "--groups-claim",
        "saml.emailAttribute" => "--email-attribute",
        "saml.firstNameAttribute" => "--first-name-attribute",
        "saml.lastNameAttribute" => "--last-name-attribute",
        "saml.groupsAttribute" => "--groups-attribute",
        "saml.metadata" => "--metadata-file",
        "saml.metadataUrl" => "--metadata-url",
        "saml.entityId" => "--entity-id",
        "saml.ssoUrl" => "--sso-url",
        "saml.sloUrl" => "--slo-url",
        "saml.certificates" => "--certificate-file",
        "saml.spEntityId" => "--sp-entity-id",
        "microsoft.directory" => "--directory",
        "microsoft.appId" => "--app-id",
        "microsoft.dataverseUrl" => "--dataverse-url",
        "microsoft.organizationId" => "--organization-id",
        "microsoft.allowedApps" => "--allowed-app",
        "microsoft.audience" => "--audience",
        // One of a list is called as the list.
        other => other.split_once('[').map_or(other, |(list, _)| spoken(list)),
    }
}

/// A text as a terminal may show it: what others wrote into a file must not move its cursor or colour its lines.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// An error with all its causes, each said once: many repeat their cause in their own words.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        next = cause.source();
    }
    said
}

//! The journey through a provider: what whoever sets out brings along, where they are sent, and how they arrive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::providers::{Base, Kind};
use crate::secret::Secret;
use crate::session::SignedIn;

/// Somebody wants to sign in through a provider.
#[derive(Clone, Debug)]
pub struct Start {
    /// The tenant as the request names it; none means the only one there is.
    pub tenant: Option<TenantId>,
    /// The provider's name. OpenID Connect needs one; SAML and Dynamics do without where there is just one of its kind.
    pub provider: Option<String>,
    /// Where to go in the end: a path of ours, or what the tenant's list allows.
    pub return_to: Option<String>,
    /// Set if not this browser is to be signed in but whoever holds the verifier.
    pub native: Option<Native>,
    /// Where we are reached.
    pub base: Base,
    /// At which of our doors the answer is to arrive.
    pub door: Door,
}

/// At which address of ours a SAML response arrives. Everything else has one address only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// The assertion consumer service at the main address.
    #[default]
    Own,
    /// `/rest/auth-with-okta-saml` on the tenant's sub-domain, for providers that were registered with it.
    Rest,
}

/// Somebody who fetches the session with a one-time code: a native app (RFC 8252), or a sub-domain of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Native {
    /// Where the code goes: exactly as the tenant's list has it, or the landing address of the tenant's own sub-domain.
    pub redirect: String,
    /// SHA-256 of the verifier, base64url: 43 letters (RFC 7636 section 4.2, S256).
    pub challenge: String,
    /// Given back beside the code, as it is (RFC 6749 section 4.1.2).
    pub state: Option<String>,
}

/// The way to the provider.
#[derive(Debug)]
pub struct Departure {
    /// Where to send the browser.
    pub to: Leave,
    /// What the browser has to bring back.
    pub flow: Flow,
}

/// How to leave for another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// By redirect (303).
    To(String),
    /// By a page that posts a form; with a button, for browsers without script.
    Form {
        /// Where it is posted.
        location: String,
        /// Its hidden fields.
        fields: Vec<(String, String)>,
    },
}

/// The cookie that ties an attempt to the browser it was begun in.
#[derive(Debug)]
pub struct Flow {
    /// Its name: one per attempt, so that two tabs do not meet.
    pub cookie: String,
    /// Its value.
    pub value: Secret,
    /// How long it is of use.
    pub lifetime: Duration,
    /// Whether the answer comes as a post from another site, for which browsers want `SameSite=None; Secure`.
    pub cross_site: bool,
}

/// The end of the journey.
#[derive(Debug)]
pub enum Arrival {
    /// Signed in.
    Session {
        /// The handles, and who it is.
        signed_in: SignedIn,
        /// Where to go: a path of ours, or what the tenant's list allows.
        return_to: String,
        /// The flow's cookie, to be taken away.
        flow_cookie: Option<String>,
    },
    /// Proven; the session is fetched elsewhere with the code in this address.
    Elsewhere {
        /// Where to send the browser.
        to: String,
        /// The flow's cookie, to be taken away.
        flow_cookie: Option<String>,
    },
}

/// What a provider sent the browser back with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Returned<'a> {
    /// The attempt's name, as we gave it.
    pub state: Option<&'a str>,
    /// The provider's one-time code.
    pub code: Option<&'a str>,
    /// Who answers (RFC 9207).
    pub iss: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
    /// The same in words.
    pub error_description: Option<&'a str>,
}

/// The request's cookies by name; nothing too where there are two of a name.
pub type Cookies<'a> = &'a (dyn Fn(&str) -> Option<Secret> + Send + Sync);

/// A SAML response, as it was posted.
#[derive(Clone, Copy, Debug)]
pub struct SamlShown<'a> {
    /// The response, base64.
    pub document: &'a str,
    /// The relay state that came with it.
    pub relay_state: Option<&'a str>,
    /// How it came.
    pub by: SamlBy,
    /// Where it came to.
    pub door: Door,
}

/// How a SAML response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamlBy {
    /// By an API client, which has no cookie and wants tokens.
    Json,
    /// By a browser, sent by the provider.
    Form,
}

/// A message about the end of a session at a SAML provider.
#[derive(Clone, Copy, Debug)]
pub enum SamlLogout<'a> {
    /// In the address (HTTP-Redirect): the query as it came, for its very letters are signed.
    Query(&'a str),
    /// In a form (HTTP-POST).
    Form {
        /// `SAMLRequest`: the provider ends a session.
        request: Option<&'a str>,
        /// `SAMLResponse`: the provider answers that it has.
        response: Option<&'a str>,
        /// `RelayState`, given back as it is.
        relay_state: Option<&'a str>,
    },
}

/// A way in that a tenant's sign-in page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// The provider's name, for `?provider=`.
    pub name: String,
    /// Its protocol, which says where the way in begins.
    pub kind: Kind,
    /// What stands on the button.
    pub label: String,
}

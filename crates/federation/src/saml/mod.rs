//! SAML 2.0 sign-in as a service provider: requests out, responses in, and who they prove.
//!
//! Three words are used throughout. The *service provider* is us. The *identity provider* is the customer's Okta, Entra, ADFS, Keycloak or
//! Shibboleth. An *assertion* is its signed statement that somebody signed in there. The rules for reading one stand in [`response`].

mod assertion;
mod attributes;
mod binding;
pub mod certificate;
mod encryption;
mod examine;
pub mod logout;
pub mod metadata;
pub mod request;
pub mod response;
mod signature;
mod xml;

pub use assertion::{Assertion, NameId};
pub use binding::{Outgoing, Received};
pub use certificate::Certificate;
pub use examine::examine;
pub use response::Peek;

use crate::{Result, Secret};

/// How far another server's clock may be off, in seconds.
const SKEW: i64 = 60;

/// Us, as one customer's identity provider knows us.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    /// Our name there, the audience of its assertions. Often the same address as `acs`.
    pub entity_id: String,
    /// The assertion consumer service: where responses are posted to.
    pub acs: String,
    /// The single logout service, if sessions may be ended from there.
    pub slo: Option<String>,
    /// Signs our requests and opens encrypted assertions.
    pub key: Option<ServiceKey>,
}

/// A service provider's private key with the certificate that identity providers hold of it.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// RSA, PKCS#8, PEM.
    pub private_pem: Secret,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
}

impl ServiceKey {
    /// Makes a new RSA key of 2048 bits and a certificate of ten years that it signs itself.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`](crate::Refusal::Misconfigured) if `common_name` cannot stand in a certificate.
    pub fn generate(common_name: &str, now: jiff::Timestamp) -> Result<Self> {
        certificate::generate(common_name, now)
    }
}

/// A customer's identity provider, as its metadata or the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its name, the issuer of its assertions.
    pub entity_id: String,
    /// Where sign-in requests go.
    pub sso: Vec<Endpoint>,
    /// Where sign-out messages go.
    pub slo: Vec<Endpoint>,
    /// The keys it signs with: the only ones believed. More than one while it changes them.
    pub certificates: Vec<Certificate>,
    /// Whether our sign-in requests are to be signed. They are as well whenever its metadata asks for it, which sets this.
    pub sign_requests: bool,
    /// What has to be signed in its responses.
    pub accept: Accept,
    /// The attribute with the e-mail address. If not set: `Email`, then the usual names, then the `NameID` if that is an address.
    pub email_attribute: Option<String>,
    /// The attribute with the first name. If not set: the usual names.
    pub first_name_attribute: Option<String>,
    /// The attribute with the last name. If not set: the usual names.
    pub last_name_attribute: Option<String>,
    /// The attribute with the groups. If not set: groups are not read.
    pub groups_attribute: Option<String>,
}

/// What has to be signed in a response. A signed response around an unsigned assertion is never enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// The response and the assertion in it.
    #[default]
    Both,
    /// The assertion; a signature of the response may be missing, but not wrong.
    AssertionOnly,
}

/// How a message travels through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// In the address (SAML bindings 3.4).
    Redirect,
    /// In a form that posts itself (SAML bindings 3.5).
    Post,
}

/// An address of an identity provider, and how messages get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How.
    pub binding: Binding,
    /// Where.
    pub location: String,
}

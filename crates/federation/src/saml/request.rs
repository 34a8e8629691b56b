//! Asking an identity provider to sign somebody in.

use jiff::Timestamp;

use super::binding::{Draft, Kind};
use super::xml::{ASSERTION, PROTOCOL, escaped, is_ncname};
use super::{Binding, Endpoint, IdentityProvider, Outgoing, ServiceKey, ServiceProvider};
use crate::{Refusal, Result};

/// Builds the request (SAML core 3.4) that the browser carries to the identity provider. `id` comes back as `InResponseTo`.
///
/// # Errors
/// [`Refusal::Misconfigured`] if the identity provider has no address for it, or wants it signed and we have no key.
pub fn begin(
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    id: &str,
    relay_state: &str,
    now: Timestamp,
) -> Result<Outgoing> {
    let to =
        preferred(&idp.sso).ok_or_else(|| Refusal::misconfigured("the identity provider has no sign-in address"))?;
    let key = if idp.sign_requests { Some(signing_key(sp)?) } else { None };
    let draft = Draft { kind: Kind::Request, to, relay_state, key };
    let message = format!(
        r#"<samlp:AuthnRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" {head} AssertionConsumerServiceURL="{acs}" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>{us}</saml:Issuer>{signature}<samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>"#,
        head = head(id, to, now)?,
        acs = escaped(&sp.acs),
        us = escaped(&sp.entity_id),
        signature = draft.signature(id),
    );
    draft.send(message)
}

/// The attributes that every message has (SAML core 3.2.1).
pub(super) fn head(id: &str, to: &Endpoint, now: Timestamp) -> Result<String> {
    if !is_ncname(id) {
        return Err(Refusal::misconfigured("the message's id has to begin with a letter or underscore"));
    }
    Ok(format!(r#"ID="{id}" Version="2.0" IssueInstant="{}" Destination="{}""#, moment(now), escaped(&to.location)))
}

/// A moment as SAML writes it: UTC, whole seconds.
pub(super) fn moment(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The address, if there are several: one that needs no form.
pub(super) fn preferred(endpoints: &[Endpoint]) -> Option<&Endpoint> {
    endpoints.iter().find(|it| it.binding == Binding::Redirect).or_else(|| endpoints.first())
}

/// Our key, for messages that have to be signed.
pub(super) fn signing_key(sp: &ServiceProvider) -> Result<&ServiceKey> {
    sp.key.as_ref().ok_or_else(|| Refusal::misconfigured("this message has to be signed, but we have no key"))
}

//! Asking an identity provider to sign somebody in.

use jiff::Timestamp;

use super::{IdentityProvider, Outgoing, ServiceProvider};
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
    let _ = (sp, idp, id, relay_state, now);
    Err(Refusal::misconfigured("not built yet"))
}

//! The hop: a sign-in that begins on a tenant's sub-domain runs at the main address, and comes back with a one-time code.

use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::ids::TenantId;
use crate::providers::Base;
use crate::secret::{self, Secret};

/// What a sub-domain needs to get its sign-in back.
#[derive(Debug)]
pub struct Hop {
    /// Tells this hop from others of the same browser. It names, it does not prove.
    pub state: String,
    /// What the browser keeps: whoever has it can fetch the session.
    pub verifier: Secret,
    /// SHA-256 of the verifier, base64url, which goes along (RFC 7636 section 4.2, S256).
    pub challenge: String,
    /// Where the code comes back to.
    pub landing: String,
}

impl App {
    /// Prepares a hop from the tenant's sub-domain.
    pub fn hop(&self, base: &Base, tenant: &TenantId) -> Hop {
        let mut chance = [0; 48];
        self.entropy.fill(&mut chance);
        let (name, key) = chance.split_at(16);
        let verifier = secret::encode(key);
        let challenge = secret::encode(&Sha256::digest(verifier.as_bytes()));
        Hop { state: secret::encode(name), verifier: Secret::new(verifier), challenge, landing: landing(base, tenant) }
    }
}

/// The address on a tenant's sub-domain at which a sign-in that ran at the main address comes back.
pub(crate) fn landing(base: &Base, tenant: &TenantId) -> String {
    let (scheme, host) = base.as_str().split_once("://").unwrap_or(("https", base.as_str()));
    format!("{scheme}://{tenant}.{host}/api/client/auth/landing")
}

//! The door: everything between knocking and having a session.

pub(crate) mod guesses;
pub(crate) mod hasher;
pub(crate) mod methods;
pub(crate) mod password;
pub(crate) mod sql;
mod stored;
mod throttle;

pub use methods::{AdminClaim, Claim, PasswordChange};
pub(crate) use stored::Parameters;

use crate::access::Scope;
use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::ids::{AdminId, TenantId, UserId};
use crate::session::SignedIn;
use crate::store::Change;

/// The proof that somebody is who they say. Only this module's methods make one, and [`crate::session`] opens nothing without.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    /// How: `password`, `oidc`, …
    pub(crate) method: &'static str,
    /// How, in the words of RFC 8176.
    pub(crate) amr: &'static str,
    /// The user's epoch when the proof was made: whatever ended their sessions since ends this one before it opens.
    pub(crate) epoch: i64,
    _made_here: Seal,
}

impl Scope for Proof {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

/// The same for a system administrator.
#[derive(Debug)]
pub(crate) struct AdminProof {
    pub(crate) admin: AdminId,
    pub(crate) epoch: i64,
    _made_here: Seal,
}

/// Private, so that no other module can write a proof down.
#[derive(Debug)]
struct Seal;

/// The one door every method ends at: a proof becomes a session. `also` is what the method itself has to make true with it.
pub(crate) async fn finish(app: &App, proof: Proof, visit: &Visit, also: Change) -> Result<SignedIn> {
    app.open_session(proof, visit, also).await
}

impl App {
    /// The single-sign-on providers of the tenant that a request names, or of the only one: none, until they can be set up.
    ///
    /// # Errors
    /// [`Error::ClientRequired`] if no tenant is named and there are several; [`Error::NotFound`] if there is no such tenant.
    pub async fn sign_in_providers(&self, named: Option<&TenantId>) -> Result<Vec<String>> {
        let id = match named {
            Some(id) => id.clone(),
            None => self.only_tenant().await?.ok_or(Error::ClientRequired)?,
        };
        self.living_tenant(&id).await?.ok_or(Error::NotFound)?;
        Ok(Vec::new())
    }
}

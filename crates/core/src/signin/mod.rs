//! The door: everything between knocking and having a session.

mod admission;
pub(crate) mod answers;
mod attempt;
mod bounds;
mod codes;
mod departure;
pub(crate) mod guesses;
pub(crate) mod hasher;
mod hop;
mod journey;
mod linking;
pub(crate) mod methods;
pub(crate) mod password;
mod places;
pub(crate) mod readers;
pub(crate) mod sql;
mod stored;
mod throttle;
mod welcome;

pub(crate) use bounds::proofs_key;
pub use hop::Hop;
pub use journey::{
    Arrival, Button, Cookies, Departure, Door, Flow, Leave, Native, Returned, SamlBy, SamlLogout, SamlShown, Start,
};
pub use methods::{AdminClaim, Claim, PasswordChange};
pub(crate) use places::check_lists;
pub(crate) use stored::Parameters;
pub use welcome::Welcome;

use crate::access::Scope;
use crate::app::App;
use crate::audit::Visit;
use crate::error::{Error, Result};
use crate::ids::{AdminId, ProviderId, TenantId, UserId};
use crate::secret::Secret;
use crate::session::SignedIn;
use crate::store::Change;

/// The proof that somebody is who they say. Only this module's methods make one, and [`crate::session`] opens nothing without.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    /// How: `password`, `oidc`, …
    pub(crate) method: &'static str,
    /// How, in the words of RFC 8176, separated by spaces.
    pub(crate) amr: String,
    /// The user's epoch when the proof was made: whatever ended their sessions since ends this one before it opens.
    pub(crate) epoch: i64,
    /// The provider who proved it; none for a password.
    pub(crate) through: Option<Through>,
    _made_here: Seal,
}

/// Through which provider somebody came, and how they are called there.
#[derive(Debug)]
pub(crate) struct Through {
    pub(crate) provider: ProviderId,
    pub(crate) name: String,
    pub(crate) subject: String,
    /// The provider's own session.
    pub(crate) session: Option<String>,
    /// What ends it: an ID token, or a whole `NameID`.
    pub(crate) hint: Option<Secret>,
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
    /// What a tenant's sign-in page offers besides the password: its providers that are switched on.
    ///
    /// # Errors
    /// [`Error::ClientRequired`] if no tenant is named and there are several; [`Error::NotFound`] if there is no such tenant.
    pub async fn sign_in_buttons(&self, named: Option<&TenantId>) -> Result<Vec<Button>> {
        let id = match named {
            Some(id) => id.clone(),
            None => self.only_tenant().await?.ok_or(Error::ClientRequired)?,
        };
        self.living_tenant(&id).await?.ok_or(Error::NotFound)?;
        let all = self.providers_of(&id).await?;
        let offered = all.iter().filter(|it| it.enabled && methods::is_offered(&it.protocol));
        Ok(offered.map(|it| Button { name: it.name.clone(), kind: it.kind(), label: it.label.clone() }).collect())
    }
}

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
mod leaked;
mod linking;
pub(crate) mod methods;
pub(crate) mod password;
mod places;
pub(crate) mod readers;
pub(crate) mod second;
pub(crate) mod sql;
pub(crate) mod stored;
pub(crate) mod throttle;
mod webauthn;
mod welcome;

pub(crate) use bounds::{Bound, proofs_key};
pub use hop::Hop;
pub use journey::{
    Arrival, Button, Cookies, Departure, Door, Flow, Leave, Native, Returned, SamlBy, SamlLogout, SamlShown, Start,
};
pub use methods::{Acceptance, AdminClaim, Claim, PasswordChange, TotpOffer};
pub(crate) use places::check_lists;
pub(crate) use second::Demand;
pub use second::{CHALLENGE_LIFETIME, Completed, Factors, Passkey, SecondFactor, TwoFactorWish, Waiting, Wanted};
pub(crate) use stored::Parameters;
pub use webauthn::{PasskeyMade, PasskeyShown};
pub use welcome::Welcome;

use std::borrow::Cow;

use crate::access::Scope;
use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AdminId, ProviderId, TenantId, UserId};
use crate::secret::Secret;
use crate::session::SignedIn;
use crate::store::{Change, args};

/// The proof that somebody is who they say. Only this module's methods make one, and [`crate::session`] opens nothing without.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    /// How: `password`, `oidc`, …
    pub(crate) method: Cow<'static, str>,
    /// How, in the words of RFC 8176, separated by spaces.
    pub(crate) amr: String,
    /// The user's epoch when the proof was made: whatever ended their sessions since ends this one before it opens.
    pub(crate) epoch: i64,
    /// The provider who proved it; none for a password.
    pub(crate) through: Option<Through>,
    /// Where a browser wants to go in the end, for those who have to wait for a second factor first; checked.
    pub(crate) return_to: Option<String>,
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

/// The one door every method ends at: a proof becomes a session, or waits for a second factor where one is asked for. `also` is what
/// the method itself has to make true with it, in either case.
///
/// # Errors
/// [`Error::TwoFactorRequired`] with the challenge to answer.
pub(crate) async fn finish(app: &App, proof: Proof, visit: &Visit, also: Change) -> Result<SignedIn> {
    let now = app.now();
    match app.demanded_of(&proof, now).await? {
        Some(wanted) => Err(app.challenge(proof, wanted, visit, also, now).await?),
        None => open(app, proof, visit, also, now).await,
    }
}

/// Opens the session of a proof that lacks nothing. Whoever came by a secret of ours is known at this address from now on.
async fn open(app: &App, proof: Proof, visit: &Visit, also: Change, now: Timestamp) -> Result<SignedIn> {
    let from = args![proof.user, guesses::counted(visit.address), now];
    let also = match (&proof.through, second::shows_two(&proof.amr)) {
        (None, true) => also.run(sql::KNOW, from.clone()).run(sql::KNOW_BY_BOTH, from),
        (None, false) => also.run(sql::KNOW, from),
        (Some(_), _) => also,
    };
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

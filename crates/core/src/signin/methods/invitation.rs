//! Coming aboard by an invitation: the link proves the mailbox, and the password chosen there is the first one.

use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::error::{Error, Result};
use crate::people::{Linked, Purpose, sql as people_sql};
use crate::secret::Secret;
use crate::session::SignedIn;
use crate::signin::{Proof, Seal};
use crate::store::{Change, Stale, args};
use crate::users::{person_name, searchable};

/// Somebody accepts an invitation.
#[derive(Debug)]
pub struct Acceptance {
    /// What the link holds.
    pub token: Secret,
    /// The first name, if it is another than whoever invited wrote.
    pub first_name: Option<String>,
    /// The last name, the same.
    pub last_name: Option<String>,
    /// The password to sign in with from now on.
    pub password: Secret,
}

impl App {
    /// Accepts an invitation: the account is active, and whoever accepted is signed in.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::SsoRequired`] where no passwords are:
    /// then signing in through the organisation is what accepts; [`Error::Invalid`], and the link stays good; [`Error::RateLimited`].
    pub async fn accept_invitation(&self, acceptance: Acceptance, visit: &Visit) -> Result<SignedIn> {
        let linked = self.linked(Purpose::Invitation, &acceptance.token, visit).await?;
        if linked.tenant.settings.sso_only {
            return Err(Error::SsoRequired);
        }
        let first = person_name("firstName", acceptance.first_name.as_deref().unwrap_or(&linked.first_name))?;
        let last = person_name("lastName", acceptance.last_name.as_deref().unwrap_or(&linked.last_name))?;
        let about = [linked.email.as_str(), &first, &last];
        let hash = self.hash_new_password(&linked.tenant.id, &acceptance.password, &about).await?;
        let change = self.coming_aboard(&linked, [&first, &last], hash, visit);
        let proof = Proof {
            tenant: linked.tenant.id.clone(),
            user: linked.user,
            method: "invitation".into(),
            amr: "pwd".into(),
            epoch: linked.epoch + 1,
            through: None,
            return_to: None,
            _made_here: Seal,
        };
        match crate::signin::finish(self, proof, visit, change).await {
            // Disabled, or gone, since the link was looked at.
            Err(Error::InvalidCredentials) => Err(Error::InvalidToken),
            outcome => outcome,
        }
    }

    fn coming_aboard(&self, linked: &Linked, [first, last]: [&str; 2], hash: String, visit: &Visit) -> Change {
        let now = self.now();
        let user = linked.user;
        let entry = Entry::done(now, &Actor::User(user), visit, Action::UserActivated, Target::user(user));
        let search = searchable(&linked.email, first, last);
        let row = args![user, linked.epoch, &linked.email, hash, now, first, last, search];
        linked
            .spent(Change::within(linked, entry), now)
            .must(people_sql::ACTIVATE, row, || Error::InvalidToken)
            .forgetting(Stale::User(user))
    }
}

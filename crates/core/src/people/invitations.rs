//! Invitations: a user is made and told by mail; the link in the letter lets them choose a password within 72 hours.
//!
//! Accepting one is a way to sign in, and so is written in `signin/methods/invitation.rs`.

use super::link::Purpose;
use super::room::Room;
use super::sql;
use crate::access::{Grant, Scope as _, right};
use crate::app::App;
use crate::audit::{Action, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{TenantId, UserId};
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::store::{Change, Stale, args};
use crate::users::{Email, NewUser, User, UserStatus};

/// What an invitation says to whoever shows its link.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Into which tenant.
    pub tenant: TenantId,
    /// That tenant's name, for people.
    pub tenant_name: String,
    /// The address that was invited.
    pub email: String,
    /// The first name, as whoever invited wrote it.
    pub first_name: String,
    /// The last name, the same.
    pub last_name: String,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// Whether a password may be chosen. Otherwise one comes aboard by signing in through the organisation.
    pub by_password: bool,
}

impl App {
    /// Makes a user without a password and sends them a link to choose one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if a User Admin would make an Admin; [`Error::AccountExists`]; [`Error::Invalid`] if a password is given;
    /// [`Error::RateLimited`]; [`Error::MailUnavailable`].
    pub async fn invite_user(&self, by: &Grant<right::UsersManage>, new: NewUser) -> Result<User> {
        if new.has_password() {
            return Err(Error::invalid("password", "is chosen by whoever is invited"));
        }
        self.demand_mail()?;
        let (id, change) = self.adding_user(by, &new).await?;
        let change = self.inviting(by, change, id, new.email()).await?;
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Sends an invited user a new link; the former one is dead. Also for users that were made without a password.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] if a User Admin touches an Admin; [`Error::Conflict`] if the user is not invited any
    /// more; [`Error::RateLimited`]; [`Error::MailUnavailable`].
    pub async fn resend_invitation(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.invited(by, id).await?;
        self.demand_mail()?;
        let email = Email::parse("email", &user.email)?;
        let change =
            Change::unlogged_within(by).must(sql::STILL_INVITED, args![id, user.roles.bits()], || Error::Conflict);
        let change = self.inviting(by, change, id, &email).await?;
        self.apply(by, change).await?;
        Ok(user)
    }

    /// Takes an invitation back: whoever never came is deleted; whoever has been here before (through a provider, and was disabled in
    /// between) stays, and only the link dies.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] if a User Admin touches an Admin; [`Error::Conflict`] if the user is not invited any more.
    pub async fn revoke_invitation(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.invited(by, id).await?;
        let now = self.now();
        let entry = |action| Entry::done(now, by.actor(), by.visit(), action, Target::user(id));
        let change = Change::within(by, entry(Action::InvitationRevoked));
        let key = args![id, user.roles.bits()];
        let change = if user.last_sign_in_at.is_none() {
            change
                .also_logging(entry(Action::UserDeleted))
                .guarding_tenant()
                .must(sql::DELETE_INVITED, key, || Error::Conflict)
        } else {
            Self::ending_link(change.must(sql::STILL_INVITED, key, || Error::Conflict), Purpose::Invitation, id)
        };
        self.apply(by, change.taking_away().forgetting(Stale::User(id))).await?;
        Ok(user)
    }

    /// What an invitation says, for the page that asks for a password.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::RateLimited`].
    pub async fn invitation(&self, token: &Secret, visit: &Visit) -> Result<Invitation> {
        let linked = self.linked(Purpose::Invitation, token, visit).await?;
        Ok(Invitation {
            tenant: linked.tenant.id.clone(),
            tenant_name: linked.tenant.name.clone(),
            email: linked.email,
            first_name: linked.first_name,
            last_name: linked.last_name,
            expires_at: linked.expires_at,
            by_password: !linked.tenant.settings.sso_only,
        })
    }

    /// Adds link and letter to a change, and counts them.
    async fn inviting(
        &self,
        by: &Grant<right::UsersManage>,
        change: Change,
        id: UserId,
        email: &Email,
    ) -> Result<Change> {
        let now = self.now();
        let entry = Entry::done(now, by.actor(), by.visit(), Action::UserInvited, Target::user(id));
        let change = self.taking_room(change, Room::Mailbox(by.tenant(), email), now).await?;
        let (change, link) = self.adding_link(change.also_logging(entry), Purpose::Invitation, id, "", now);
        let letter = NewLetter { link: Some(link), ..NewLetter::notice(Kind::Invitation, id, email.as_str(), link) };
        Ok(self.posting(change, letter, now))
    }

    /// A user whom a manager may touch, and who is still only invited.
    async fn invited(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        if user.status == UserStatus::Invited { Ok(user) } else { Err(Error::Conflict) }
    }
}

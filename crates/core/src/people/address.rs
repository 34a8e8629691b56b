//! A new address by oneself: the password once more, a link to the new address, and word of it to the present one.

use std::sync::Arc;

use super::link::Purpose;
use super::room::Room;
use super::sql;
use crate::access::Caller;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::error::{Error, Result};
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::tenants::Tenant;
use crate::users::{Email, sql as users_sql};

/// A user's wish for another address.
#[derive(Debug)]
pub struct EmailChange {
    /// The address to come.
    pub email: String,
    /// The password, once more.
    pub password: Secret,
}

/// Whether an account has a password.
struct HasPassword(bool);

impl FromRow for HasPassword {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self(row.maybe_text(4)?.is_some()))
    }
}

impl App {
    /// Asks for another address: it is the caller's once a link sent there is followed. Nothing changes until then.
    ///
    /// # Errors
    /// [`Error::SsoRequired`] for whoever signs in through a provider only; [`Error::InvalidCredentials`] if the password is wrong;
    /// [`Error::AccountExists`]; [`Error::Invalid`]; [`Error::RateLimited`]; [`Error::MailUnavailable`].
    pub async fn change_email(&self, caller: &Caller, wish: EmailChange) -> Result<()> {
        let user = &caller.user;
        let email = Email::parse("email", &wish.email)?;
        if email.as_str() == user.email {
            return Err(Error::invalid("email", "is your address already"));
        }
        self.demand_mail()?;
        self.demand_own_password(caller).await?;
        let again = self.confirm_password(caller, &wish.password, "password", Action::EmailAsked).await?;
        let asked = match self.asking(caller, &email, again.epoch).await {
            Ok(change) => self.store.carry_out(again.place.succeeded(change, self.now())).await.map(drop),
            Err(refusal) => Err(refusal),
        };
        self.or_give_back(asked, &[again.place]).await
    }

    /// Whose address a link is to confirm. Looking does not use it up.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::RateLimited`].
    pub async fn address_link(&self, token: &Secret, visit: &Visit) -> Result<Arc<Tenant>> {
        self.linked(Purpose::Address, token, visit).await.map(|linked| linked.tenant)
    }

    /// Makes an address that was asked for the user's, by the link sent there, and gives the tenant it is in. Sessions go on, for the
    /// password was asked and stays; links that lie in the former mailbox are dead.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::AccountExists`] if somebody else has the
    /// address by now; [`Error::RateLimited`].
    pub async fn confirm_email(&self, token: &Secret, visit: &Visit) -> Result<Arc<Tenant>> {
        let linked = self.linked(Purpose::Address, token, visit).await?;
        let now = self.now();
        let email = Email::parse("email", &linked.address)?;
        let user = linked.user;
        let entry = Entry::done(now, &Actor::User(user), visit, Action::EmailChanged, Target::user(user));
        let change = linked
            .spent(Change::within(&linked, entry), now)
            .must(sql::STILL_LINKED, args![user, linked.epoch, &linked.email], || Error::InvalidToken)
            .must(sql::SET_EMAIL, args![user, email.as_str(), email.key()], || Error::AccountExists)
            .forgetting(Stale::User(user));
        let change = Self::ending_link(change, Purpose::Reset, user);
        let letter = NewLetter::notice(Kind::AddressChanged, user, &linked.email, linked.id);
        let letter = NewLetter { about: email.as_str(), ..letter };
        self.store.carry_out(self.posting(change, letter, now)).await?;
        Ok(linked.tenant)
    }

    /// Refuses those who have no password to show, plainly: their address is their provider's business.
    async fn demand_own_password(&self, caller: &Caller) -> Result<()> {
        let found: Option<HasPassword> = self.store.one(caller, users_sql::PASSWORD, args![caller.user.id]).await?;
        match found {
            Some(HasPassword(true)) if !caller.tenant.settings.sso_only => Ok(()),
            Some(_) => Err(Error::SsoRequired),
            None => Err(Error::InvalidToken),
        }
    }

    /// The wish as steps: a link to the new address, and word to the present one.
    async fn asking(&self, caller: &Caller, email: &Email, epoch: i64) -> Result<Change> {
        let now = self.now();
        let (user, tenant) = (&caller.user, &caller.tenant.id);
        // Nothing that the list of users would not tell the caller.
        let holder: Option<i64> = self.store.one(caller, sql::HOLDER, args![email.key()]).await?;
        if holder.is_some_and(|holder| holder != user.id.0) {
            return Err(Error::AccountExists);
        }
        let entry = Entry::done(now, &Actor::User(user.id), &caller.visit, Action::EmailAsked, Target::user(user.id));
        let still = args![user.id, epoch, &user.email];
        let change = Change::within(caller, entry).must(sql::STILL_LINKED, still, || Error::Conflict);
        let change = self.taking_room(change, Room::Mailbox(tenant, email), now).await?;
        let change = self.taking_room(change, Room::Wisher(user.id), now).await?;
        let (change, link) = self.adding_link(change, Purpose::Address, user.id, email.as_str(), now);
        let confirm = NewLetter::notice(Kind::AddressConfirmation, user.id, email.as_str(), link);
        let change = self.posting(change, NewLetter { link: Some(link), ..confirm }, now);
        let word = NewLetter::notice(Kind::AddressAsked, user.id, &user.email, link);
        Ok(self.posting(change, NewLetter { about: email.as_str(), ..word }, now))
    }
}

//! Forgotten passwords: asking for a link, which tells nobody who has an account, and choosing another password by it.
//!
//! Whoever asks is answered once the wish is written down, by the same reads and the same one row whatever they typed. Only later,
//! when letters are carried away, is it looked up whether anybody has that address.

use std::sync::Arc;

use super::link::{Linked, Purpose};
use super::room::Room;
use super::sql;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{TenantId, UserId, WishId};
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::signin::guesses::counted;
use crate::signin::sql as signin_sql;
use crate::store::{Change, FromRow, Row, Stale, args};
use crate::tenants::Tenant;
use crate::users::{Email, UserStatus, sql as users_sql};

/// How many wishes one round deals with.
const ROUND: u32 = 64;

/// Somebody says they forgot their password.
#[derive(Debug)]
pub struct Forgotten {
    /// The address typed in.
    pub email: String,
    /// The tenant the request names; none: every account with that address is meant.
    pub client: Option<String>,
}

/// The same, written down.
struct Wish {
    id: WishId,
    email: String,
    client: String,
    visit: Visit,
}

impl FromRow for Wish {
    fn from_row(row: &Row) -> Result<Self> {
        let address = row.text(3)?.parse().unwrap_or(Visit::none().address);
        Ok(Self {
            id: WishId::stored(row.bytes(0)?).ok_or_else(|| Error::internal("an id is not 16 bytes"))?,
            email: row.text(1)?.into(),
            client: row.text(2)?.into(),
            visit: Visit { address, agent: "".into(), request: row.text(4)?.into() },
        })
    }
}

/// An account that has the address.
struct Meant {
    tenant: TenantId,
    id: UserId,
    email: String,
    status: UserStatus,
    has_password: bool,
}

impl FromRow for Meant {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant(0)?,
            id: UserId(row.int(1)?),
            email: row.text(2)?.into(),
            status: UserStatus::stored(row.text(3)?),
            has_password: row.maybe_text(4)?.is_some(),
        })
    }
}

impl Meant {
    /// Which letter they are sent; why none.
    fn letter(&self, tenant: &Tenant) -> Result<Kind, &'static str> {
        match self.status {
            _ if !tenant.is_active() => Err("the client is disabled"),
            UserStatus::Disabled => Err("disabled"),
            // Whoever invited them may do so again.
            UserStatus::Invited => Err("invited, and not here yet"),
            UserStatus::Active if tenant.settings.sso_only || !self.has_password => Ok(Kind::SignInElsewhere),
            UserStatus::Active => Ok(Kind::PasswordReset),
        }
    }
}

impl App {
    /// Notes that somebody forgot their password. Whether there is an account is not looked at before this has answered.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no address; [`Error::RateLimited`], by what was typed and not by what there is;
    /// [`Error::MailUnavailable`].
    pub async fn forgot_password(&self, forgotten: &Forgotten, visit: &Visit) -> Result<()> {
        let now = self.now();
        let email = Email::parse("email", &forgotten.email)?;
        self.demand_mail()?;
        let change = self.taking_room(Change::unlogged(), Room::From(visit), now).await?;
        let change = self.taking_room(change, Room::Forgotten(&email), now).await?;
        let client = forgotten.client.as_deref().unwrap_or("");
        let id = WishId::mint(now, &*self.entropy);
        let row = args![id, email.as_str(), client, visit.address, &*visit.request, now];
        let change = change.must_system(sql::ADD_FORGOTTEN, row, || Error::Conflict);
        self.store.carry_out(change).await.map(drop)
    }

    /// Whose password a link from the mailbox is for. Looking does not use it up.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::RateLimited`].
    pub async fn reset_link(&self, token: &Secret, visit: &Visit) -> Result<Arc<Tenant>> {
        self.linked(Purpose::Reset, token, visit).await.map(|linked| linked.tenant)
    }

    /// Chooses another password by a link from the mailbox, and gives the tenant whose it opens. Every session of the user ends.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a link that is unknown, expired, used or overtaken; [`Error::SsoRequired`] if the tenant has switched
    /// passwords off meanwhile; [`Error::Invalid`] if the password may not be one, and the link stays good; [`Error::RateLimited`].
    pub async fn reset_password(&self, token: &Secret, password: &Secret, visit: &Visit) -> Result<Arc<Tenant>> {
        let linked = self.linked(Purpose::Reset, token, visit).await?;
        if linked.tenant.settings.sso_only {
            return Err(Error::SsoRequired);
        }
        let about = [linked.email.as_str(), &linked.first_name, &linked.last_name];
        let hash = self.hash_new_password(&linked.tenant.id, password, &about).await?;
        let change = self.resetting(&linked, hash, visit, self.now());
        self.store.carry_out(change).await?;
        Ok(linked.tenant)
    }

    /// Looks up whose the forgotten passwords are, and queues the letters.
    pub(crate) async fn answer_forgotten(&self) -> Result<()> {
        let wishes: Vec<Wish> = self.store.system_few(sql::FORGOTTEN, args![ROUND]).await?;
        for wish in wishes {
            self.answer_one(&wish).await?;
        }
        Ok(())
    }

    /// Two nodes may do this at once, or one again after a crash: letters have the wish for a cause, and what is left goes with it.
    async fn answer_one(&self, wish: &Wish) -> Result<()> {
        let now = self.now();
        let named = self.named_by(wish).await?;
        let meant = self.meant_by(wish, named.as_ref()).await?;
        let entry = |target| Entry::done(now, &Actor::Anyone, &wish.visit, Action::PasswordForgotten, target);
        let mut end = Change::unlogged().must_system(sql::END_FORGOTTEN, args![wish.id], || Error::Conflict);
        if meant.is_empty() {
            let unknown = entry(Target::claimed(&wish.email)).refused("unknown address");
            end = end.also_logging(match &named {
                Some(tenant) => unknown.in_tenant(&tenant.id),
                None => unknown,
            });
        }
        for account in &meant {
            let Some(tenant) = self.living_tenant(&account.tenant).await? else { continue };
            let entry = entry(Target::user(account.id));
            match account.letter(&tenant) {
                Ok(kind) => self.write_to(account, &tenant, kind, entry.because(kind.as_str()), wish, now).await?,
                Err(why) => end = end.also_logging(entry.refused(why).in_tenant(&account.tenant)),
            }
        }
        done_or_done_before(self.store.carry_out(end).await.map(drop))
    }

    async fn write_to(
        &self,
        account: &Meant,
        tenant: &Tenant,
        kind: Kind,
        entry: Entry,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<()> {
        let change = Change::within(tenant, entry);
        let letter = NewLetter::notice(kind, account.id, &account.email, wish.id);
        let (change, letter) = if kind == Kind::PasswordReset {
            let (change, link) = self.adding_link(change, Purpose::Reset, account.id, "", now);
            (change, NewLetter { link: Some(link), ..letter })
        } else {
            (change, letter)
        };
        done_or_done_before(self.store.carry_out(self.posting(change, letter, now)).await.map(drop))
    }

    /// The tenant that was named and exists; the only one, if none was named.
    async fn named_by(&self, wish: &Wish) -> Result<Option<Arc<Tenant>>> {
        let id = match wish.client.as_str() {
            "" => self.only_tenant().await?,
            slug => slug.parse().ok(),
        };
        match id {
            Some(id) => self.living_tenant(&id).await,
            None => Ok(None),
        }
    }

    async fn meant_by(&self, wish: &Wish, named: Option<&Arc<Tenant>>) -> Result<Vec<Meant>> {
        let key = Email::parse("email", &wish.email)?.key();
        match named {
            Some(tenant) => self.store.system_few(users_sql::BY_EMAIL_IN, args![key, &tenant.id]).await,
            None if wish.client.is_empty() => self.store.system_few(users_sql::BY_EMAIL, args![key]).await,
            None => Ok(Vec::new()),
        }
    }

    /// The new password as steps. Whoever resets it is known from where they did, and so counted apart from those who guess.
    fn resetting(&self, linked: &Linked, hash: String, visit: &Visit, now: Timestamp) -> Change {
        let (user, email) = (linked.user, linked.email.as_str());
        let entry = Entry::done(now, &Actor::User(user), visit, Action::PasswordReset, Target::user(user));
        let change = linked
            .spent(Change::within(linked, entry), now)
            .must(sql::RESET_PASSWORD, args![user, linked.epoch, email, hash, now], || Error::InvalidToken)
            .run(signin_sql::KNOW, args![user, counted(visit.address), now])
            .run_system(signin_sql::FORGET, args![format!("known/{user}/{}", counted(visit.address))])
            .run_system(signin_sql::FORGET, args![format!("change/{user}")])
            .forgetting(Stale::User(user));
        self.posting(change, NewLetter::notice(Kind::PasswordChanged, user, email, linked.epoch + 1), now)
    }
}

/// What another node did a moment ago is done.
fn done_or_done_before(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Conflict) => Ok(()),
        outcome => outcome,
    }
}

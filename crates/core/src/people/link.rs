//! One-time links: what is in one, for how long it leads somewhere, and how it is spent.
//!
//! A link holds its purpose and the id of its row under an HMAC whose key is not in the database. So whoever reads the database
//! cannot make one, junk costs no look into it, and a letter in the queue needs to hold no secret. A row is bound to its user's epoch
//! and address: a new password, an end of all sessions, disabling and a new address make it useless, and a newer link of its purpose
//! takes its place.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;

use super::sql;
use crate::access::Scope;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{LinkId, TenantId, UserId};
use crate::secret::Secret;
use crate::session::handle::{SEAL, seal, unseal};
use crate::signin::Bound;
use crate::store::{Change, FromRow, Row, args};
use crate::tenants::Tenant;
use crate::users::UserStatus;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Coming aboard.
    Invitation,
    /// Choosing another password.
    Reset,
    /// Confirming a new address.
    Address,
}

impl Purpose {
    /// As it stands in the store.
    fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
            Self::Address => "address",
        }
    }

    /// As it stands in a link. No value is ever used for another purpose or form.
    fn letter(self) -> u8 {
        match self {
            Self::Invitation => 1,
            Self::Reset => 2,
            Self::Address => 3,
        }
    }

    /// How long it leads somewhere. A reset as short as ASVS 5.0, 6.4.3 wants for what opens an account.
    fn lifetime(self) -> Duration {
        match self {
            Self::Invitation => Duration::from_hours(72),
            Self::Reset => Duration::from_mins(10),
            Self::Address => Duration::from_hours(24),
        }
    }

    /// The page it leads to.
    fn path(self) -> &'static str {
        match self {
            Self::Invitation => "/invitation",
            Self::Reset => "/reset",
            Self::Address => "/confirm-email",
        }
    }
}

const LENGTH: usize = 1 + 16 + SEAL;

/// A link that still leads somewhere, and to whom.
pub(crate) struct Linked {
    pub(super) id: LinkId,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) user: UserId,
    pub(crate) epoch: i64,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// The address that is to be the user's.
    pub(super) address: String,
    pub(super) expires_at: Timestamp,
}

impl Linked {
    /// Adds to a change that the link is used: whoever is first has it.
    pub(crate) fn spent(&self, change: Change, now: Timestamp) -> Change {
        change.must(sql::SPEND_LINK, args![self.id, now], || Error::InvalidToken)
    }
}

impl Scope for Linked {
    fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }
}

struct Found {
    tenant: TenantId,
    user: UserId,
    address: String,
    epoch: i64,
    expires_at: Timestamp,
    email: String,
    first_name: String,
    last_name: String,
    status: UserStatus,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant(0)?,
            user: UserId(row.int(1)?),
            address: row.text(2)?.into(),
            epoch: row.int(3)?,
            expires_at: row.time(4)?,
            email: row.text(5)?.into(),
            first_name: row.text(6)?.into(),
            last_name: row.text(7)?.into(),
            status: UserStatus::stored(row.text(8)?),
        })
    }
}

impl App {
    /// Adds a link to a change, for a user who exists by then; `address` is the one to confirm, if it is for that.
    pub(super) fn adding_link(
        &self,
        change: Change,
        purpose: Purpose,
        user: UserId,
        address: &str,
        now: Timestamp,
    ) -> (Change, LinkId) {
        let id = LinkId::mint(now, &*self.entropy);
        let row = args![id, purpose.as_str(), user, address, now.after(purpose.lifetime()), now];
        (change.must(sql::ADD_LINK, row, || Error::Conflict), id)
    }

    /// Adds to a change that a user's link of a purpose leads nowhere any more.
    pub(super) fn ending_link(change: Change, purpose: Purpose, user: UserId) -> Change {
        change.run(sql::END_LINK, args![user, purpose.as_str()])
    }

    /// A link as it is sent; nothing while no address of ours is known. Never made of what a request says.
    pub(crate) fn address_of(&self, purpose: Purpose, id: LinkId) -> Option<Secret> {
        let base = self.settings.server.public_url.as_ref()?.trim_end_matches('/');
        let token = self.seal_link(purpose, id);
        Some(Secret::new(format!("{base}{}?token={}", purpose.path(), token.reveal())))
    }

    /// Whom a link that somebody shows leads to.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], the same for whatever is wrong; [`Error::RateLimited`].
    pub(crate) async fn linked(&self, purpose: Purpose, token: &Secret, visit: &Visit) -> Result<Linked> {
        let now = self.now();
        self.demand_room(Bound::Proofs(visit), now).await?;
        if let Some(linked) = self.find_linked(purpose, token, now).await? {
            return Ok(linked);
        }
        let target = Target::named("link", purpose.as_str());
        let entry = Entry::done(now, &Actor::Anyone, visit, Action::LinkShown, target);
        let change = Change::system(entry.refused("unknown, expired, used or overtaken"));
        self.store.carry_out(self.counting(change, Bound::Proofs(visit), now)).await?;
        Err(Error::InvalidToken)
    }

    /// Removes links whose time is over.
    pub(crate) async fn sweep_links(&self, now: Timestamp) -> Result<()> {
        self.store.carry_out(Change::unlogged().run_system(sql::SWEEP_LINKS, args![now])).await.map(drop)
    }

    async fn find_linked(&self, purpose: Purpose, token: &Secret, now: Timestamp) -> Result<Option<Linked>> {
        let Some(id) = self.unseal_link(purpose, token.reveal()) else { return Ok(None) };
        let found: Option<Found> = self.store.system_one(sql::LINK, args![id, purpose.as_str(), now]).await?;
        let wanted = if purpose == Purpose::Invitation { UserStatus::Invited } else { UserStatus::Active };
        let Some(found) = found.filter(|found| found.status == wanted) else { return Ok(None) };
        let Some(tenant) = self.living_tenant(&found.tenant).await?.filter(|it| it.is_active()) else {
            return Ok(None);
        };
        let Found { user, address, epoch, expires_at, email, first_name, last_name, .. } = found;
        Ok(Some(Linked { id, tenant, user, epoch, email, first_name, last_name, address, expires_at }))
    }

    fn seal_link(&self, purpose: Purpose, id: LinkId) -> Secret {
        seal(&self.link_key(), [&[purpose.letter()], id.0.as_slice()].concat())
    }

    fn unseal_link(&self, purpose: Purpose, text: &str) -> Option<LinkId> {
        let mut bytes = [0; LENGTH];
        let said = unseal(&self.link_key(), text, &mut bytes)?;
        let (letter, id) = said.split_first()?;
        if *letter == purpose.letter() { LinkId::stored(id) } else { None }
    }

    fn link_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.vault.derive("link").as_slice())
    }
}

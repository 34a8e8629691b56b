//! System administrators: the accounts of the admin realm. There is none by default; the command line makes the first.

pub(crate) mod sql;

use std::sync::Arc;

use crate::access::{SystemGrant, system_right};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::AdminId;
use crate::secret::Secret;
use crate::signin::password::{Password, Rules};
use crate::store::statement::SystemSql;
use crate::store::{Change, FromRow, Row, Stale, args};

/// A system administrator.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Their number.
    pub id: AdminId,
    /// The name they sign in with.
    pub username: String,
    /// Since when they exist.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    pub(crate) epoch: i64,
    active: bool,
}

impl Admin {
    /// Whether they may sign in.
    pub fn is_active(&self) -> bool {
        self.active
    }
}

impl FromRow for Admin {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: AdminId(row.int(0)?),
            username: row.text(1)?.into(),
            active: row.text(2)? == "active",
            epoch: row.int(3)?,
            created_at: row.time(4)?,
            last_sign_in_at: row.maybe_time(5)?,
        })
    }
}

/// The name an administrator signs in with: 1 to 64 of `a–z A–Z 0–9 . _ - @`, compared without case.
#[derive(Clone, Debug)]
pub struct Username(String);

impl Username {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `username`.
    pub fn parse(text: &str) -> Result<Self> {
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(fine) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Error::invalid("username", "use 1 to 64 of a-z, 0-9, dot, underscore, hyphen and @"))
        }
    }

    /// The name in the form in which names are compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl App {
    /// Makes an administrator.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the name is taken; [`Error::Invalid`] for a bad password.
    pub async fn create_admin(
        &self,
        by: &SystemGrant<system_right::AdminsManage>,
        username: Username,
        password: &Secret,
    ) -> Result<Admin> {
        let rules = Rules { min_length: self.settings.passwords.min_length, forbidden: Vec::new() };
        let chosen = Password::choose(password.reveal(), &rules, &[username.as_str()])?;
        let hash = self.hasher.hash(chosen).await?;
        let now = self.now();
        let id = AdminId(self.next_number("admin").await?);
        let entry = entry(by, now, Action::AdminCreated, id).because(username.as_str());
        let change =
            Change::system(entry).must_system(sql::ADD, args![id, username.as_str(), hash, now], || Error::Conflict);
        let change = still_acting(change, by);
        self.store.apply_system(by, change).await?;
        self.find_admin(id).await
    }

    /// All administrators.
    pub async fn admins(&self, _by: &SystemGrant<system_right::AdminsRead>) -> Result<Vec<Admin>> {
        self.store.system_all(sql::ALL_ADMINS, args![]).await
    }

    /// Disables an administrator: their sessions end at once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for the last one.
    pub async fn disable_admin(&self, by: &SystemGrant<system_right::AdminsManage>, id: AdminId) -> Result<Admin> {
        self.switch_admin(by, id, sql::DISABLE, Action::AdminDisabled).await?;
        self.find_admin(id).await
    }

    /// Enables an administrator again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if they are not disabled.
    pub async fn enable_admin(&self, by: &SystemGrant<system_right::AdminsManage>, id: AdminId) -> Result<Admin> {
        self.switch_admin(by, id, sql::ENABLE, Action::AdminEnabled).await?;
        self.find_admin(id).await
    }

    /// Deletes an administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for the last one.
    pub async fn delete_admin(&self, by: &SystemGrant<system_right::AdminsManage>, id: AdminId) -> Result<()> {
        self.switch_admin(by, id, sql::DELETE, Action::AdminDeleted).await
    }

    async fn switch_admin(
        &self,
        by: &SystemGrant<system_right::AdminsManage>,
        id: AdminId,
        statement: SystemSql,
        action: Action,
    ) -> Result<()> {
        self.find_admin(id).await?;
        let change = Change::system(entry(by, self.now(), action, id)).run_system(sql::GUARD, args![]);
        let change =
            still_acting(change, by).must_system(statement, args![id], || Error::Conflict).forgetting(Stale::Admin(id));
        self.store.apply_system(by, change).await.map(drop)
    }

    /// The administrator as remembered, or read; none if there is none.
    pub(crate) async fn living_admin(&self, id: AdminId) -> Result<Option<Arc<Admin>>> {
        self.live.admins.find(&id, self.store.trust(), async || self.store.system_one(sql::FIND, args![id]).await).await
    }

    async fn find_admin(&self, id: AdminId) -> Result<Admin> {
        self.store.system_one(sql::FIND, args![id]).await?.ok_or(Error::NotFound)
    }
}

/// Adds to a change that whoever makes it has not been shut out meanwhile: of two who shut each other out at the same moment one is the
/// first.
fn still_acting<P>(change: Change, by: &SystemGrant<P>) -> Change {
    match by.actor() {
        Actor::Admin(id) => change.must_system(sql::STILL_ACTING, args![*id], || Error::Conflict),
        _ => change,
    }
}

fn entry<P>(by: &SystemGrant<P>, now: Timestamp, action: Action, id: AdminId) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::admin(id))
}

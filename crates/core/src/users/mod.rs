//! Users: the people of a tenant, and the rules about managing them.

mod email;
pub(crate) mod found;
pub(crate) mod sql;
pub(crate) mod tally;

use std::sync::Arc;

use found::Wanted;

pub use email::Email;
pub use tally::{PeopleTally, Seats};

use crate::access::{Grant, Permission, Role, Roles, Scope, SystemGrant, Writes, right, system_right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::env::Timestamp;
use crate::error::{Error, Problem, Result};
use crate::ids::{TenantId, UserId};
use crate::mail::{Kind, NewLetter};
use crate::secret::Secret;
use crate::signin::password::{Password, Rules};
use crate::store::{Change, FromRow, Row, Stale, Value, args};

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The tenant they belong to.
    pub tenant: TenantId,
    /// Their number, unique over the deployment.
    pub id: UserId,
    /// Their address, as they write it.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// What they are in the organisation; may be empty.
    pub title: String,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// Their roles.
    pub roles: Roles,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// Since when they exist.
    pub created_at: Timestamp,
    /// Since when they must have a second factor, they in particular.
    pub two_factor_required_at: Option<Timestamp>,
    /// Since when they have one.
    pub two_factor_since: Option<Timestamp>,
    pub(crate) epoch: i64,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// Has no password yet.
    Invited,
    /// May sign in.
    Active,
    /// May not, and every session is over.
    Disabled,
}

impl UserStatus {
    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "INVITED",
            Self::Active => "ACTIVE",
            Self::Disabled => "DISABLED",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) fn stored(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "invited" => Self::Invited,
            _ => Self::Disabled,
        }
    }
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant(0)?,
            id: UserId(row.int(1)?),
            email: row.text(2)?.into(),
            first_name: row.text(3)?.into(),
            last_name: row.text(4)?.into(),
            title: row.text(5)?.into(),
            status: UserStatus::stored(row.text(6)?),
            roles: Roles::stored(row.int(7)?),
            epoch: row.int(8)?,
            last_sign_in_at: row.maybe_time(9)?,
            created_at: row.time(10)?,
            two_factor_required_at: row.maybe_time(11)?,
            two_factor_since: row.maybe_time(12)?,
        })
    }
}

/// A user about to be made. Valid, or it does not exist; the password is judged when the tenant is known.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub(crate) email: Email,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) title: String,
    pub(crate) roles: Roles,
    password: Option<Secret>,
}

impl NewUser {
    /// Checks address and names.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn parse(
        email: &str,
        first_name: &str,
        last_name: &str,
        title: &str,
        roles: impl IntoIterator<Item = Role>,
        password: Option<Secret>,
    ) -> Result<Self> {
        let mut problems = Vec::new();
        let email = kept(Email::parse("email", email), &mut problems);
        let first_name = kept(person_name("firstName", first_name), &mut problems);
        let last_name = kept(person_name("lastName", last_name), &mut problems);
        let title = kept(person_title(title), &mut problems);
        match (email, first_name, last_name, title) {
            (Some(email), Some(first_name), Some(last_name), Some(title)) if problems.is_empty() => {
                Ok(Self { email, first_name, last_name, title, roles: roles.into_iter().collect(), password })
            }
            _ => Err(Error::Invalid(problems)),
        }
    }

    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    pub(crate) fn email(&self) -> &Email {
        &self.email
    }
}

/// What to change of a user; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// A new address.
    pub email: Option<String>,
    /// A new first name.
    pub first_name: Option<String>,
    /// A new last name.
    pub last_name: Option<String>,
    /// A new title.
    pub title: Option<String>,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Those after this one.
    pub after: Option<UserId>,
    /// How many at most; 100 if unsaid, never more than 500.
    pub first: Option<u32>,
    /// How a word of e-mail or name begins, in any case; more words must follow it as written.
    pub search: String,
    /// Those with this role. Roles are for those who manage users.
    pub role: Option<Role>,
}

impl App {
    /// The tenant's users by id. Filtering by role is for those who hold [`right::UsersManage`].
    ///
    /// # Errors
    /// [`Error::Forbidden`] if a role is asked for.
    pub async fn users(&self, by: &Grant<right::UsersRead>, filter: &UserFilter) -> Result<Vec<User>> {
        if filter.role.is_some() && !by.roles().hold(crate::access::Right::UsersManage) {
            return Err(Error::Forbidden);
        }
        let (after, first) = (filter.after.map_or(0, |id| id.0), filter.first.unwrap_or(100));
        self.people_found(by, &Wanted { after, first, search: &filter.search, role: filter.role }).await
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::NotFound`], for another tenant's ids too.
    pub async fn user(&self, by: &Grant<right::UsersRead>, id: UserId) -> Result<User> {
        self.find_user(by, id).await
    }

    /// Makes a user: active with a password, invited without.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if a User Admin would make an Admin; [`Error::AccountExists`]; [`Error::Invalid`] for a bad password;
    /// [`Error::LicenseSeats`] if every licensed seat is taken.
    pub async fn create_user(&self, by: &Grant<right::UsersManage>, new: NewUser) -> Result<User> {
        let (id, change) = self.adding_user(by, &new).await?;
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// A user about to be made, as steps.
    pub(crate) async fn adding_user(&self, by: &Grant<right::UsersManage>, new: &NewUser) -> Result<(UserId, Change)> {
        demand_rank(by, new.roles)?;
        let hash = match &new.password {
            Some(password) => Some(
                self.hash_new_password(by.tenant(), password, &[new.email.as_str(), &new.first_name, &new.last_name])
                    .await?,
            ),
            None => None,
        };
        let now = self.now();
        let id = self.next_user_id().await?;
        let status = if hash.is_some() { UserStatus::Active } else { UserStatus::Invited };
        let names = [&new.first_name, &new.last_name, &new.title].map(String::as_str);
        let row = row(id, &new.email, names, status, new.roles, hash, now);
        let entry = entry(by, now, Action::UserCreated, id).because(words(new.roles));
        let change = self.adding(Change::within(by, entry), row, || Error::AccountExists).await?;
        Ok((id, still_acting(change, by).forgetting(Stale::User(id))))
    }

    /// Changes a user's address, names or title.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`] if a User Admin touches an Admin; [`Error::AccountExists`]; [`Error::Conflict`] if
    /// someone was faster.
    pub async fn update_user(&self, by: &Grant<right::UsersManage>, id: UserId, update: UserUpdate) -> Result<User> {
        let user = self.managed(by, id).await?;
        let mut problems = Vec::new();
        let email = kept(Email::parse("email", update.email.as_deref().unwrap_or(&user.email)), &mut problems);
        let first =
            kept(person_name("firstName", update.first_name.as_deref().unwrap_or(&user.first_name)), &mut problems);
        let last = kept(person_name("lastName", update.last_name.as_deref().unwrap_or(&user.last_name)), &mut problems);
        let title = kept(person_title(update.title.as_deref().unwrap_or(&user.title)), &mut problems);
        let (Some(email), Some(first), Some(last), Some(title)) = (email, first, last, title) else {
            return Err(Error::Invalid(problems));
        };
        let search = searchable(email.as_str(), &first, &last);
        let was = args![id, user.roles.bits(), &user.email, &user.first_name, &user.last_name, &user.title];
        let row = args![id, email.as_str(), email.key(), first, last, title, search];
        let now = self.now();
        let change = Change::within(by, entry(by, now, Action::UserUpdated, id))
            .must(sql::STILL, was, || Error::Conflict)
            .must(sql::UPDATE, row, || Error::AccountExists)
            .forgetting(Stale::User(id));
        let change = if email.as_str() == user.email || user.status != UserStatus::Active {
            change
        } else {
            // Whoever reads the former mailbox is to know.
            let occasion = crate::secret::encode(&self.draw::<9>());
            let letter = NewLetter::notice(Kind::AddressChanged, id, &user.email, occasion);
            self.posting(change, NewLetter { about: email.as_str(), ..letter }, now)
        };
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Sets a user's roles. Nobody sets their own.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] if the last Admin would lose the role, or someone was faster.
    pub async fn set_user_roles(
        &self,
        by: &Grant<right::UsersManage>,
        id: UserId,
        roles: impl IntoIterator<Item = Role>,
    ) -> Result<User> {
        let user = self.managed(by, id).await?;
        let roles: Roles = roles.into_iter().collect();
        demand_rank(by, roles)?;
        if by.is(id) {
            return Err(Error::Forbidden);
        }
        let entry = entry(by, self.now(), Action::UserRolesSet, id).because(words(roles));
        let change = still_acting(Change::within(by, entry).guarding_tenant(), by)
            .must(sql::SET_ROLES, args![id, roles.bits(), user.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(id));
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Disables a user: their sessions end at once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] for the last Admin.
    pub async fn disable_user(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        if user.status == UserStatus::Disabled {
            return Ok(user);
        }
        let now = self.now();
        let change = Change::within(by, entry(by, now, Action::UserDisabled, id)).taking_away().guarding_tenant();
        let change = still_acting(change, by)
            .must(sql::DISABLE, args![id, user.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(id));
        let change = if user.status == UserStatus::Active {
            let letter = NewLetter::notice(Kind::AccountDisabled, id, &user.email, user.epoch + 1);
            self.posting(change, letter, now)
        } else {
            change
        };
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Enables a user again; the sessions of before stay ended.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::LicenseSeats`] if every licensed seat is taken.
    pub async fn enable_user(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        if user.status != UserStatus::Disabled {
            return Ok(user);
        }
        let change = self
            .taking_a_seat(Change::within(by, entry(by, self.now(), Action::UserEnabled, id)))
            .await?
            .guarding_tenant();
        let change = still_acting(change, by)
            .must(sql::ENABLE, args![id, user.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(id));
        self.apply(by, change).await?;
        self.find_user(by, id).await
    }

    /// Deletes a user and their sessions. The id is never used again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`]; [`Error::Conflict`] for the last Admin.
    pub async fn delete_user(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        let entry = entry(by, self.now(), Action::UserDeleted, id);
        let change = still_acting(Change::within(by, entry).taking_away().guarding_tenant(), by)
            .must(sql::DELETE, args![id, user.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(id));
        self.apply(by, change).await?;
        Ok(user)
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Forbidden`].
    pub async fn end_user_sessions(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.managed(by, id).await?;
        let change = Change::within(by, entry(by, self.now(), Action::SignOutAll, id))
            .taking_away()
            .must(sql::END_SESSIONS, args![id, user.roles.bits()], || Error::Conflict)
            .forgetting(Stale::User(id));
        self.apply(by, change).await?;
        Ok(user)
    }

    /// A tenant's users, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn users_of(
        &self,
        by: &SystemGrant<system_right::TenantsRead>,
        tenant: &TenantId,
        filter: &UserFilter,
    ) -> Result<Vec<User>> {
        let tenant = self.find_tenant(tenant).await?;
        self.users(&by.within(&tenant), filter).await
    }

    /// One of a tenant's users, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant, or nobody of this id in it.
    pub async fn user_of(
        &self,
        by: &SystemGrant<system_right::TenantsRead>,
        tenant: &TenantId,
        id: UserId,
    ) -> Result<User> {
        let tenant = self.find_tenant(tenant).await?;
        self.user(&by.within(&tenant), id).await
    }

    /// How many seats of a licence a tenant takes: its users, active or invited.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn seats_of(&self, by: &SystemGrant<system_right::TenantsRead>, tenant: &TenantId) -> Result<i64> {
        let tenant = self.find_tenant(tenant).await?;
        let counted: Vec<i64> = self.store.all(&by.within(&tenant), sql::SEATS, args![]).await?;
        Ok(counted.first().copied().unwrap_or(0))
    }

    /// The right to manage one tenant's users, for a system administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant.
    pub async fn managing_users_of(
        &self,
        by: &SystemGrant<system_right::TenantsManage>,
        tenant: &TenantId,
    ) -> Result<Grant<right::UsersManage>> {
        let tenant = self.find_tenant(tenant).await?;
        Ok(by.within(&tenant))
    }

    /// The user as remembered, or read; none if there is none.
    pub(crate) async fn living_user(&self, scope: &impl Scope, id: UserId) -> Result<Option<Arc<User>>> {
        self.live.users.find(&id, self.store.trust(), async || self.store.one(scope, sql::FIND, args![id]).await).await
    }

    /// Judges and hashes a password about to be set.
    pub(crate) async fn hash_new_password(
        &self,
        tenant: &TenantId,
        password: &Secret,
        about: &[&str],
    ) -> Result<String> {
        let tenant = self.living_tenant(tenant).await?.ok_or(Error::NotFound)?;
        let least = tenant.settings.password_min_length.unwrap_or(0).max(self.settings.passwords.min_length);
        let rules = Rules { min_length: least, forbidden: tenant.settings.forbidden_words.clone() };
        let chosen = Password::choose(password.reveal(), &rules, about)?;
        self.hasher.hash(chosen).await
    }

    /// Adds to a change that an account is made. The one place where accounts come into being, by whoever's hand: each takes a seat.
    pub(crate) async fn adding(&self, change: Change, row: Vec<Value>, exists: fn() -> Error) -> Result<Change> {
        Ok(self.taking_a_seat(change).await?.guarding_tenant().must(sql::ADD, row, exists))
    }

    /// The user a manager wants to touch: there, and not above the manager's rank.
    pub(crate) async fn managed(&self, by: &Grant<right::UsersManage>, id: UserId) -> Result<User> {
        let user = self.find_user(by, id).await?;
        demand_rank(by, user.roles)?;
        Ok(user)
    }

    pub(crate) async fn find_user<P: Permission>(&self, by: &Grant<P>, id: UserId) -> Result<User> {
        self.store.one(by, sql::FIND, args![id]).await?.ok_or(Error::NotFound)
    }

    /// A number for a user about to be made.
    pub(crate) async fn next_user_id(&self) -> Result<UserId> {
        self.next_number("user").await.map(UserId)
    }

    /// The next of a kind of numbers. Numbers drawn and not used are not missed.
    pub(crate) async fn next_number(&self, kind: &str) -> Result<i64> {
        self.next_numbers(kind, 1).await
    }

    /// So many of a kind of numbers, all at once: this is the last of them.
    pub(crate) async fn next_numbers(&self, kind: &str, count: i64) -> Result<i64> {
        let change = Change::unlogged().run_system(sql::NEXT_NUMBERS, args![kind, count]);
        let applied = self.store.carry_out(change).await?;
        applied.row(0).ok_or_else(|| Error::internal("a counter gave no number"))?.int(0)
    }
}

/// The row of an account about to be made; `names` are the first, the last, and the title.
pub(crate) fn row(
    id: UserId,
    email: &Email,
    names: [&str; 3],
    status: UserStatus,
    roles: Roles,
    hash: Option<String>,
    now: Timestamp,
) -> Vec<Value> {
    let [first, last, title] = names;
    let search = searchable(email.as_str(), first, last);
    let changed_at = hash.as_ref().map(|_| now);
    let (address, status) = (email.as_str(), status.word());
    args![id, address, email.key(), first, last, title, search, status, roles.bits(), hash, changed_at, now]
}

/// Adds to a change that whoever makes it is there still, with the roles that were looked at. Otherwise of two who take each other's
/// rights at the same moment both would succeed, and a long import would go on after its sender was shut out. Where rights are taken
/// the tenant is guarded before, so that one of the two is the first.
pub(crate) fn still_acting(change: Change, by: &Grant<right::UsersManage>) -> Change {
    match by.user() {
        Ok(actor) => change.must(sql::STILL_ACTING, args![actor, by.roles().bits()], || Error::Conflict),
        // The admin realm's people are not the tenant's.
        Err(_) => change,
    }
}

/// A User Admin never touches an Admin, nor makes one.
pub(crate) fn demand_rank<P: Writes>(by: &Grant<P>, roles: Roles) -> Result<()> {
    if roles.contain(Role::Admin) && !by.roles().contain(Role::Admin) {
        return Err(Error::Forbidden);
    }
    Ok(())
}

fn entry<P>(by: &Grant<P>, now: Timestamp, action: Action, id: UserId) -> Entry {
    Entry::done(now, by.actor(), by.visit(), action, Target::user(id))
}

pub(crate) fn words(roles: Roles) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" ")
}

/// A name of a person or an organisation: 1 to 200 characters, trimmed, no control characters.
pub(crate) fn person_name(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=200).contains(&length) || text.chars().any(is_unseen) {
        return Err(Error::invalid(field, "use 1 to 200 characters, none of them control characters"));
    }
    Ok(text.into())
}

/// What nobody sees, and what turns the letters after it round or begins a line: in a list or a letter a name would pass for another, or
/// for more than a name (Unicode Technical Report 36, section 2.5). Marks that right-to-left names need are none of it.
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn person_title(text: &str) -> Result<String> {
    if text.trim().is_empty() { Ok(String::new()) } else { person_name("title", text) }
}

/// What [`UserFilter::search`] looks into.
pub(crate) fn searchable(email: &str, first: &str, last: &str) -> String {
    format!("{email} {first} {last}").to_lowercase()
}

/// A `LIKE` pattern for "contains", in lower case; empty for an empty search.
pub(crate) fn pattern(search: &str) -> String {
    let search = search.trim().to_lowercase();
    if search.is_empty() {
        return search;
    }
    let mut pattern = String::from("%");
    for letter in search.chars().take(200) {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Keeps what is valid and collects what is not, so that all problems are told at once.
fn kept<T>(checked: Result<T>, problems: &mut Vec<Problem>) -> Option<T> {
    match checked {
        Ok(it) => Some(it),
        Err(Error::Invalid(found)) => {
            problems.extend(found);
            None
        }
        Err(_) => None,
    }
}

//! Users: reading them, managing them.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use purser_core::access::{self, Right};
use purser_core::error::{Error, Result};
use purser_core::ids::UserId;
use purser_core::secret::Secret;
use purser_core::signin::TwoFactorWish;
use purser_core::users::{self, NewUser, UserFilter, UserUpdate};

use crate::ask::{ask, caller};
use crate::moment::DateTime;
use crate::paging;

/// What a user may do; any number of them.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "access::Role")]
pub(crate) enum Role {
    /// Everything within the organisation.
    Admin,
    /// Manages users, but no admins.
    UserAdmin,
    /// Writes templates.
    Author,
    /// Runs jobs.
    Operator,
    /// Approves versions.
    Approver,
    /// Publishes versions.
    Publisher,
    /// Reads.
    Viewer,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "users::UserStatus")]
pub(crate) enum UserStatus {
    /// Has no password yet.
    Invited,
    /// May sign in.
    Active,
    /// May not, and every session is over.
    Disabled,
}

/// A user.
pub(crate) struct User(users::User);

/// A person of the organisation.
#[Object]
impl User {
    /// Unique over the deployment, never used again.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Their address, as they write it.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Their first name.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }

    /// Their last name.
    async fn last_name(&self) -> &str {
        &self.0.last_name
    }

    /// What they are in the organisation.
    async fn title(&self) -> Option<&str> {
        said(&self.0.title)
    }

    /// Whether they may sign in. Of others only for those who manage users.
    async fn status(&self, ctx: &Context<'_>) -> Guarded<UserStatus> {
        self.guarded(ctx, |user| user.status.into())
    }

    /// What they may do. Of others only for those who manage users.
    async fn roles(&self, ctx: &Context<'_>) -> Guarded<Vec<Role>> {
        self.guarded(ctx, |user| user.roles.iter().map(Role::from).collect())
    }

    /// When they last signed in; null if never. Of others only for those who manage users.
    async fn last_sign_in_at(&self, ctx: &Context<'_>) -> Guarded<Option<DateTime>> {
        self.guarded(ctx, |user| user.last_sign_in_at.map(DateTime))
    }

    /// Since when they exist. Of others only for those who manage users.
    async fn created_at(&self, ctx: &Context<'_>) -> Guarded<DateTime> {
        self.guarded(ctx, |user| DateTime(user.created_at))
    }

    /// Whether they have a second factor. Of others only for those who manage users.
    async fn two_factor_enabled(&self, ctx: &Context<'_>) -> Guarded<bool> {
        self.guarded(ctx, |user| user.two_factor_since.is_some())
    }

    /// Whether they in particular must have one, whatever the organisation asks of all. Of others only for those who manage users.
    async fn two_factor_required(&self, ctx: &Context<'_>) -> Guarded<bool> {
        self.guarded(ctx, |user| user.two_factor_required_at.is_some())
    }
}

/// A field that may be refused by itself: it is null then, and the rest of its object stays.
type Guarded<T> = Option<async_graphql::Result<T>>;

impl User {
    /// Somebody named beside something else.
    pub(crate) fn of(user: users::User) -> Self {
        Self(user)
    }

    /// What is only for the user and for those who manage users.
    #[expect(clippy::unnecessary_wraps, reason = "the option is what makes the field null when it is refused")]
    fn guarded<T>(&self, ctx: &Context<'_>, read: impl FnOnce(&users::User) -> T) -> Guarded<T> {
        let caller = caller(ctx);
        let allowed = caller.user().id == self.0.id || caller.holds(Right::UsersManage);
        Some(if allowed { Ok(read(&self.0)) } else { Err(Error::Forbidden.into()) })
    }
}

/// The caller.
pub(crate) struct Me;

/// Whoever asks.
#[Object]
impl Me {
    /// Unique over the deployment, never used again.
    async fn id(&self, ctx: &Context<'_>) -> ID {
        caller(ctx).user().id.into()
    }

    /// Your address.
    async fn email<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &caller(ctx).user().email
    }

    /// Your first name.
    async fn first_name<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &caller(ctx).user().first_name
    }

    /// Your last name.
    async fn last_name<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &caller(ctx).user().last_name
    }

    /// What you are in the organisation.
    async fn title<'a>(&self, ctx: &Context<'a>) -> Option<&'a str> {
        said(&caller(ctx).user().title)
    }

    /// Whether you may sign in.
    async fn status(&self, ctx: &Context<'_>) -> UserStatus {
        caller(ctx).user().status.into()
    }

    /// Your roles.
    async fn roles(&self, ctx: &Context<'_>) -> Vec<Role> {
        caller(ctx).user().roles.iter().map(Role::from).collect()
    }

    /// The rights that your roles carry together.
    async fn permissions(&self, ctx: &Context<'_>) -> Vec<&'static str> {
        caller(ctx).user().roles.rights().map(Right::name).collect()
    }

    /// When you last signed in.
    async fn last_sign_in_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        caller(ctx).user().last_sign_in_at.map(DateTime)
    }

    /// Since when you exist here.
    async fn created_at(&self, ctx: &Context<'_>) -> DateTime {
        DateTime(caller(ctx).user().created_at)
    }

    /// Your organisation.
    async fn client(&self) -> Client {
        Client
    }
}

/// The caller's tenant.
pub(crate) struct Client;

/// An organisation.
#[Object]
impl Client {
    /// Its id, as in the header `X-Client-ID`.
    async fn id(&self, ctx: &Context<'_>) -> ID {
        (&caller(ctx).tenant().id).into()
    }

    /// Its name.
    async fn name<'a>(&self, ctx: &Context<'a>) -> &'a str {
        &caller(ctx).tenant().name
    }
}

#[derive(Default)]
pub(crate) struct UsersQuery;

#[Object]
impl UsersQuery {
    /// Whoever asks.
    async fn me(&self) -> Me {
        Me
    }

    /// The organisation's users, by id.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 500.", default_with = "Some(100)")] first: Option<i64>,
        #[graphql(desc = "Only those after this id.")] after: Option<ID>,
        #[graphql(desc = "Only those in whose e-mail or names a word begins like this, in any case.")] search: Option<
            String,
        >,
        #[graphql(desc = "Only those with this role; for those who manage users.")] role: Option<Role>,
    ) -> Result<Vec<User>> {
        let filter = UserFilter {
            after: paging::cursor("after", after)?,
            first: Some(paging::first(first)?),
            search: search.unwrap_or_default(),
            role: role.map(access::Role::from),
        };
        let (app, by) = ask(ctx)?;
        Ok(app.users(&by, &filter).await?.into_iter().map(User).collect())
    }

    /// One user of the organisation.
    async fn user(&self, ctx: &Context<'_>, id: ID) -> Result<User> {
        let (app, by) = ask(ctx)?;
        app.user(&by, named(&id)?).await.map(User)
    }
}

/// Each gives the user back, or null: one that fails must not hide what those before it have done.
#[derive(Default)]
pub(crate) struct UsersMutation;

#[Object]
impl UsersMutation {
    /// Makes a user: active with a password, invited without.
    async fn create_user(&self, ctx: &Context<'_>, input: CreateUserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.create_user(&by, input.parse()?).await.map(User).map(Some)
    }

    /// Changes a user's e-mail, names or title. What is absent or null stays.
    async fn update_user(&self, ctx: &Context<'_>, input: UpdateUserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        let id = named(&input.id)?;
        app.update_user(&by, id, input.update()).await.map(User).map(Some)
    }

    /// Gives a user exactly these roles. Nobody sets their own, and the last admin stays one.
    async fn set_user_roles(&self, ctx: &Context<'_>, input: SetUserRolesInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        let roles = input.roles.into_iter().map(access::Role::from);
        app.set_user_roles(&by, named(&input.id)?, roles).await.map(User).map(Some)
    }

    /// Disables a user: their sessions end at once.
    async fn disable_user(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.disable_user(&by, named(&input.id)?).await.map(User).map(Some)
    }

    /// Enables a user again; the sessions of before stay ended.
    async fn enable_user(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.enable_user(&by, named(&input.id)?).await.map(User).map(Some)
    }

    /// Deletes a user and their sessions, and gives the user as they were.
    async fn delete_user(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.delete_user(&by, named(&input.id)?).await.map(User).map(Some)
    }

    /// Ends every session of a user.
    async fn end_user_sessions(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.end_user_sessions(&by, named(&input.id)?).await.map(User).map(Some)
    }

    /// Says whether a user must have a second factor, whatever the organisation asks of all.
    async fn require_two_factor(&self, ctx: &Context<'_>, input: RequireTwoFactorInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        let wish = if input.required { TwoFactorWish::Required } else { TwoFactorWish::Optional };
        app.require_two_factor(&by, named(&input.id)?, wish).await.map(User).map(Some)
    }

    /// Takes every second factor of a user away, and ends their sessions. Nobody does so for themselves.
    async fn reset_two_factor(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.reset_two_factor(&by, named(&input.id)?).await.map(User).map(Some)
    }
}

/// A user to make.
#[derive(InputObject)]
pub(crate) struct CreateUserInput {
    /// Their address, unique within the organisation.
    email: String,
    /// Their first name.
    first_name: String,
    /// Their last name.
    last_name: String,
    /// What they are in the organisation.
    title: Option<String>,
    /// What they may do.
    #[graphql(default)]
    roles: Vec<Role>,
    /// Their password; without one they are invited.
    password: Option<String>,
}

impl CreateUserInput {
    fn parse(self) -> Result<NewUser> {
        let roles = self.roles.into_iter().map(access::Role::from);
        let title = self.title.unwrap_or_default();
        NewUser::parse(&self.email, &self.first_name, &self.last_name, &title, roles, self.password.map(Secret::new))
    }
}

/// A user, and what to change.
#[derive(InputObject)]
pub(crate) struct UpdateUserInput {
    /// Which user.
    id: ID,
    /// Another address.
    email: Option<String>,
    /// Another first name.
    first_name: Option<String>,
    /// Another last name.
    last_name: Option<String>,
    /// Another title; empty for none.
    title: Option<String>,
}

impl UpdateUserInput {
    fn update(self) -> UserUpdate {
        let Self { email, first_name, last_name, title, .. } = self;
        UserUpdate { email, first_name, last_name, title }
    }
}

/// A user, and all the roles they are to have.
#[derive(InputObject)]
pub(crate) struct SetUserRolesInput {
    /// Which user.
    id: ID,
    /// All their roles from now on.
    roles: Vec<Role>,
}

/// A user, and whether they must have a second factor.
#[derive(InputObject)]
pub(crate) struct RequireTwoFactorInput {
    /// Which user.
    id: ID,
    /// Whether they must.
    required: bool,
}

/// A user.
#[derive(InputObject)]
pub(crate) struct UserInput {
    /// Which user.
    pub(crate) id: ID,
}

/// The user that an id names. What is no id names nobody.
pub(crate) fn named(id: &ID) -> Result<UserId> {
    id.parse()
}

/// A text that may be left unsaid.
fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

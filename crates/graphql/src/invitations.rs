//! Invitations: sending them, sending them once more, taking them back.

use async_graphql::{Context, InputObject, Object};
use purser_core::access;
use purser_core::error::Result;
use purser_core::users::NewUser;

use crate::ask::ask;
use crate::users::{Role, User, UserInput, named};

/// Each gives the user back, or null, as those of users do.
#[derive(Default)]
pub(crate) struct InvitationsMutation;

#[Object]
impl InvitationsMutation {
    /// Makes a user without a password and sends them a link, good for 72 hours, to choose one.
    async fn invite_user(&self, ctx: &Context<'_>, input: InviteUserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.invite_user(&by, input.parse()?).await.map(User::of).map(Some)
    }

    /// Sends an invited user a new link; the former one is dead.
    async fn resend_invitation(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.resend_invitation(&by, named(&input.id)?).await.map(User::of).map(Some)
    }

    /// Takes an invitation back and gives the user as they were; whoever never came is deleted.
    async fn revoke_invitation(&self, ctx: &Context<'_>, input: UserInput) -> Result<Option<User>> {
        let (app, by) = ask(ctx)?;
        app.revoke_invitation(&by, named(&input.id)?).await.map(User::of).map(Some)
    }
}

/// A user to invite.
#[derive(InputObject)]
pub(crate) struct InviteUserInput {
    /// Their address, unique within the organisation. The letter goes there.
    email: String,
    /// Their first name. They may correct it.
    first_name: String,
    /// Their last name. They may correct it.
    last_name: String,
    /// What they are in the organisation.
    title: Option<String>,
    /// What they may do.
    #[graphql(default)]
    roles: Vec<Role>,
}

impl InviteUserInput {
    fn parse(self) -> Result<NewUser> {
        let roles = self.roles.into_iter().map(access::Role::from);
        let title = self.title.unwrap_or_default();
        NewUser::parse(&self.email, &self.first_name, &self.last_name, &title, roles, None)
    }
}

//! `clients/{id}/users`: a tenant's users, for whoever runs the deployment.

use axum::extract::{Path, State};
use purser_core::access::{Role, system_right};
use purser_core::ids::UserId;
use purser_core::secret::Secret;
use purser_core::users::{NewUser, User, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clients::{Status, named};
use crate::extract::{Body, Query, SystemWith};
use crate::fault::{Answer, Empty, Envelope, Refused, created, success};
use crate::site::Site;

/// A user, whole but for what is secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// Their number.
    #[schema(example = 123)]
    id: i64,
    /// Their address.
    #[schema(example = "user@example.com")]
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// What they are in the organisation.
    title: String,
    /// `INVITED`, `ACTIVE` or `DISABLED`.
    #[schema(example = "ACTIVE")]
    status: &'static str,
    /// Their roles.
    #[schema(example = json!(["AUTHOR"]))]
    roles: Vec<&'static str>,
    /// When they last signed in.
    last_sign_in_at: Option<String>,
    /// Since when they exist.
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.0,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            title: user.title,
            status: user.status.as_str(),
            roles: user.roles.iter().map(Role::as_str).collect(),
            last_sign_in_at: user.last_sign_in_at.map(|at| at.to_string()),
            created_at: user.created_at.to_string(),
        }
    }
}

/// A page of users, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    users: Vec<UserView>,
}

/// Which users to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Those after this id.
    after: Option<i64>,
    /// How a word of e-mail or name begins.
    search: String,
    /// Those with this role.
    #[param(value_type = Option<String>)]
    role: Option<Role>,
    /// How many at most: 100 if unsaid, never more than 500.
    first: Option<u32>,
}

/// Lists a tenant's users.
#[utoipa::path(get, path = "/api/admin/clients/{id}/users", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant"), Listing),
    responses(
        (status = 200, description = "The users", body = Envelope<Users>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: no such tenant", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path(id): Path<String>,
    Query(listing): Query<Listing>,
) -> Answer {
    let filter = UserFilter {
        after: listing.after.map(UserId),
        first: listing.first,
        search: listing.search,
        role: listing.role,
    };
    let users = site.app.users_of(&by, &named(&id)?, &filter).await?;
    success(Users { users: users.into_iter().map(UserView::from).collect() })
}

/// A user to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateUser {
    /// Their address.
    #[schema(example = "user@example.com")]
    email: String,
    /// First name.
    #[schema(example = "John")]
    first_name: String,
    /// Last name.
    #[schema(example = "Doe")]
    last_name: String,
    /// What they are in the organisation.
    #[serde(default)]
    title: String,
    /// Their roles.
    #[schema(value_type = Vec<String>, example = json!(["ADMIN"]))]
    roles: Vec<Role>,
    /// A first password; without one the user is invited.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
}

/// Makes a user of a tenant: its first Admin, usually.
#[utoipa::path(post, path = "/api/admin/clients/{id}/users", tag = "admin: clients", request_body = CreateUser,
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 201, description = "Made", body = Envelope<UserView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: no such tenant", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn create(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path(id): Path<String>,
    Body(new): Body<CreateUser>,
) -> Answer {
    let user = NewUser::parse(&new.email, &new.first_name, &new.last_name, &new.title, new.roles, new.password)?;
    created(UserView::from(site.app.create_user(&site.app.managing_users_of(&by, &named(&id)?).await?, user).await?))
}

/// What to change of a user.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UserSwitch {
    /// `DISABLED` ends their sessions at once.
    status: Status,
}

/// Disables or enables a user.
#[utoipa::path(patch, path = "/api/admin/clients/{id}/users/{user}", tag = "admin: clients", request_body = UserSwitch,
    params(("id" = String, Path, description = "The tenant"), ("user" = i64, Path, description = "The user")),
    responses(
        (status = 200, description = "Changed", body = Envelope<UserView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the tenant's last Admin", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn switch(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, user)): Path<(String, String)>,
    Body(wish): Body<UserSwitch>,
) -> Answer {
    let by = site.app.managing_users_of(&by, &named(&id)?).await?;
    let user = match wish.status {
        Status::Active => site.app.enable_user(&by, user.parse()?).await?,
        Status::Disabled => site.app.disable_user(&by, user.parse()?).await?,
    };
    success(UserView::from(user))
}

/// Deletes a user.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/users/{user}", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant"), ("user" = i64, Path, description = "The user")),
    responses(
        (status = 200, description = "Deleted", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the tenant's last Admin", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn delete(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, user)): Path<(String, String)>,
) -> Answer {
    let by = site.app.managing_users_of(&by, &named(&id)?).await?;
    site.app.delete_user(&by, user.parse()?).await?;
    success(Empty {})
}

/// Takes a user's second factors away, and ends their sessions. For a tenant whose only Admin has lost theirs.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/users/{user}/two-factor", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant"), ("user" = i64, Path, description = "The user")),
    responses(
        (status = 200, description = "Taken away", body = Envelope<UserView>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn reset_two_factor(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, user)): Path<(String, String)>,
) -> Answer {
    let by = site.app.managing_users_of(&by, &named(&id)?).await?;
    success(UserView::from(site.app.reset_two_factor(&by, user.parse()?).await?))
}

/// Ends every session of a user.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/users/{user}/sessions", tag = "admin: sessions",
    params(("id" = String, Path, description = "The tenant"), ("user" = i64, Path, description = "The user")),
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn end_sessions(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, user)): Path<(String, String)>,
) -> Answer {
    let by = site.app.managing_users_of(&by, &named(&id)?).await?;
    site.app.end_user_sessions(&by, user.parse()?).await?;
    success(Empty {})
}

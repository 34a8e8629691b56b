//! `admins`: the accounts of the admin realm.

use axum::extract::{Path, State};
use purser_core::access::system_right;
use purser_core::admins::{Admin, Username};
use purser_core::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clients::Status;
use crate::extract::{Body, SystemWith};
use crate::fault::{Answer, Empty, Envelope, Refused, created, success};
use crate::site::Site;

/// A system administrator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminView {
    /// Their number.
    id: i64,
    /// Their name.
    #[schema(example = "root")]
    username: String,
    /// `ACTIVE` or `DISABLED`.
    status: &'static str,
    /// When they last signed in.
    last_sign_in_at: Option<String>,
    /// Since when they exist.
    created_at: String,
}

impl From<Admin> for AdminView {
    fn from(admin: Admin) -> Self {
        Self {
            id: admin.id.0,
            status: if admin.is_active() { "ACTIVE" } else { "DISABLED" },
            username: admin.username,
            last_sign_in_at: admin.last_sign_in_at.map(|at| at.to_string()),
            created_at: admin.created_at.to_string(),
        }
    }
}

/// The system administrators.
#[derive(Debug, Serialize, ToSchema)]
pub struct Admins {
    admins: Vec<AdminView>,
}

/// Lists the system administrators.
#[utoipa::path(get, path = "/api/admin/admins", tag = "admin: admins",
    responses(
        (status = 200, description = "The administrators", body = Envelope<Admins>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(State(site): State<Site>, SystemWith(by): SystemWith<system_right::AdminsRead>) -> Answer {
    let admins = site.app.admins(&by).await?;
    success(Admins { admins: admins.into_iter().map(AdminView::from).collect() })
}

/// An administrator to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewAdmin {
    /// 1 to 64 of a-z, 0-9, dot, underscore, hyphen and @.
    #[schema(example = "root")]
    username: String,
    /// Their first password.
    #[schema(value_type = String, example = "admin-password")]
    password: Secret,
}

/// Makes a system administrator.
#[utoipa::path(post, path = "/api/admin/admins", tag = "admin: admins", request_body = NewAdmin,
    responses(
        (status = 201, description = "Made", body = Envelope<AdminView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 409, description = "`CONFLICT`: the name is taken", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn create(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AdminsManage>,
    Body(new): Body<NewAdmin>,
) -> Answer {
    let admin = site.app.create_admin(&by, Username::parse(&new.username)?, &new.password).await?;
    created(AdminView::from(admin))
}

/// What to change of an administrator.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminSwitch {
    /// `DISABLED` ends their sessions at once.
    status: Status,
}

/// Disables or enables a system administrator.
#[utoipa::path(patch, path = "/api/admin/admins/{id}", tag = "admin: admins", request_body = AdminSwitch,
    params(("id" = i64, Path, description = "The administrator")),
    responses(
        (status = 200, description = "Changed", body = Envelope<AdminView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the last one, or already so", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn switch(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AdminsManage>,
    Path(id): Path<String>,
    Body(wish): Body<AdminSwitch>,
) -> Answer {
    let id = id.parse()?;
    let admin = match wish.status {
        Status::Active => site.app.enable_admin(&by, id).await?,
        Status::Disabled => site.app.disable_admin(&by, id).await?,
    };
    success(AdminView::from(admin))
}

/// Deletes a system administrator.
#[utoipa::path(delete, path = "/api/admin/admins/{id}", tag = "admin: admins",
    params(("id" = i64, Path, description = "The administrator")),
    responses(
        (status = 200, description = "Deleted", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the last one", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn delete(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::AdminsManage>,
    Path(id): Path<String>,
) -> Answer {
    site.app.delete_admin(&by, id.parse()?).await?;
    success(Empty {})
}

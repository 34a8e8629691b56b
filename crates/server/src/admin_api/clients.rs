//! `clients`: the tenants of the deployment.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use purser_core::access::system_right;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::tenants::{ExportPlace, NewTenant, SettingsPatch, Tenant, TenantSettings, TenantStatus, TenantUpdate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Body, Query, SystemWith, object};
use crate::fault::{Answer, Empty, Envelope, Fault, Refused, created, success};
use crate::ndjson;
use crate::site::Site;

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// Its id: the value of `X-Client-ID`, and the sub-domain.
    #[schema(example = "acme")]
    id: String,
    /// Its name.
    #[schema(example = "Acme Industries")]
    name: String,
    /// `ACTIVE`, `DISABLED`, or `LEAVING`: deleted, and not cleared away yet.
    #[schema(example = "ACTIVE")]
    status: &'static str,
    /// What it has settled for itself.
    #[schema(value_type = Object)]
    settings: TenantSettings,
    /// Since when it exists.
    created_at: String,
}

impl From<Tenant> for Client {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            status: match tenant.status {
                TenantStatus::Active => "ACTIVE",
                TenantStatus::Disabled => "DISABLED",
                TenantStatus::Leaving => "LEAVING",
            },
            settings: tenant.settings,
            created_at: tenant.created_at.to_string(),
        }
    }
}

/// A page of tenants, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Clients {
    clients: Vec<Client>,
}

/// Which tenants to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Those after this id.
    after: Option<String>,
    /// A part of id or name.
    search: String,
    /// How many at most: 100 if unsaid, never more than 500.
    first: Option<u32>,
}

/// Lists the tenants.
#[utoipa::path(get, path = "/api/admin/clients", tag = "admin: clients", params(Listing),
    responses(
        (status = 200, description = "The tenants", body = Envelope<Clients>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Query(listing): Query<Listing>,
) -> Answer {
    let cursor = |id: String| id.parse::<TenantId>().map_err(|_| Error::invalid("after", "not a client's id"));
    let after = listing.after.map(cursor).transpose()?;
    let tenants = site.app.tenants(&by, after.as_ref(), &listing.search, listing.first.unwrap_or(100)).await?;
    success(Clients { clients: tenants.into_iter().map(Client::from).collect() })
}

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewClient {
    /// 1 to 63 of a-z, 0-9 and inner hyphens.
    #[schema(example = "acme")]
    id: String,
    /// Its name.
    #[schema(example = "Acme Industries")]
    name: String,
}

/// Makes a tenant.
#[utoipa::path(post, path = "/api/admin/clients", tag = "admin: clients", request_body = NewClient,
    responses(
        (status = 201, description = "Made", body = Envelope<Client>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 409, description = "`CONFLICT`: the id is taken", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn create(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Body(new): Body<NewClient>,
) -> Answer {
    let tenant = site.app.create_tenant(&by, NewTenant::parse(&new.id, &new.name)?).await?;
    created(Client::from(tenant))
}

/// Shows a tenant.
#[utoipa::path(get, path = "/api/admin/clients/{id}", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "The tenant", body = Envelope<Client>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn show(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path(id): Path<String>,
) -> Answer {
    success(Client::from(site.app.tenant(&by, &named(&id)?).await?))
}

/// What to change of a tenant; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ClientUpdate {
    /// A new name.
    #[serde(default)]
    name: Option<String>,
    /// What to settle anew, as a JSON merge patch (RFC 7396): absent settings stay, null is the default, a list replaces the former.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Object>)]
    settings: Option<SettingsPatch>,
    /// `DISABLED` ends every session of the tenant at once; `ACTIVE` lets its people sign in again.
    #[serde(default)]
    status: Option<Status>,
}

/// Whether a tenant's people may sign in.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// They may.
    Active,
    /// They may not.
    Disabled,
}

/// Changes a tenant.
#[utoipa::path(patch, path = "/api/admin/clients/{id}", tag = "admin: clients", request_body = ClientUpdate,
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "Changed", body = Envelope<Client>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn update(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path(id): Path<String>,
    Body(update): Body<ClientUpdate>,
) -> Answer {
    let status = update.status.map(|status| match status {
        Status::Active => TenantStatus::Active,
        Status::Disabled => TenantStatus::Disabled,
    });
    let update = TenantUpdate { name: update.name, settings: update.settings, status };
    success(Client::from(site.app.update_tenant(&by, &named(&id)?, update).await?))
}

/// Deletes a tenant with everything it held.
///
/// Nobody finds it any more; what it held goes at once or, if it is much, by and by. Until then it is shown as `LEAVING`, and its id
/// cannot be given again.
#[utoipa::path(delete, path = "/api/admin/clients/{id}", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "Deleted", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn delete(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path(id): Path<String>,
) -> Answer {
    site.app.delete_tenant(&by, &named(&id)?).await?;
    success(Empty {})
}

/// Reads out all that is kept of a tenant, one JSON object a line; the last one is of kind `end`. No password hashes, nothing sealed.
#[utoipa::path(get, path = "/api/admin/clients/{id}/export", tag = "admin: clients",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "The lines. A connection that breaks off means that some are missing", body = String,
            content_type = "application/x-ndjson"),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn export(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let id = named(&id)?;
    let file = format!("{id}.jsonl");
    let reading = Arc::new((site, by, id));
    let next = move |place: Option<ExportPlace>| {
        let reading = Arc::clone(&reading);
        async move {
            let (site, by, id) = &*reading;
            let piece = site.app.export_tenant(by, id, place).await?;
            Ok(piece.map(|(lines, place)| (lines.iter().fold(String::new(), |text, line| text + line + "\n"), place)))
        }
    };
    Ok(ndjson::answer(next(None).await?, &file, move |place| next(Some(place))))
}

/// Ends every session of a tenant.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/sessions", tag = "admin: sessions",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn end_sessions(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::SessionsEnd>,
    Path(id): Path<String>,
) -> Answer {
    site.app.end_tenant_sessions(&by, &named(&id)?).await?;
    success(Empty {})
}

/// A path that is no slug names no tenant.
pub fn named(id: &str) -> Result<TenantId> {
    id.parse().map_err(|_| Error::NotFound)
}

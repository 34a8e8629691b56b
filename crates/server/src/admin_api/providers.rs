//! `clients/{id}/identity-providers`: who else may say who somebody is, for whoever runs the deployment.

pub mod form;
pub mod view;

use axum::extract::{Path, State};
use purser_core::access::system_right;
use purser_core::error::Error;
use serde::Serialize;
use utoipa::ToSchema;

use super::clients::named;
use crate::extract::{Body, SystemWith};
use crate::fault::{Answer, Empty, Envelope, Refused, created, success};
use crate::site::Site;
pub use form::ProviderForm;
pub use view::{CheckView, ProviderView};

/// Metadata can be long, and stands in the body.
const LONGEST: usize = 512 * 1024;

/// A client's providers, by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Providers {
    identity_providers: Vec<ProviderView>,
}

/// What came of examining a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct Examination {
    /// Each step, in order.
    checks: Vec<CheckView>,
}

/// Lists a tenant's identity providers.
#[utoipa::path(get, path = "/api/admin/clients/{id}/identity-providers", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "The providers", body = Envelope<Providers>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path(id): Path<String>,
) -> Answer {
    let all = site.app.providers_in(&by, &named(&id)?).await?;
    success(Providers { identity_providers: all.into_iter().map(|it| ProviderView::of(&site, it)).collect() })
}

/// Sets an identity provider up.
#[utoipa::path(post, path = "/api/admin/clients/{id}/identity-providers", tag = "admin: identity providers", request_body = ProviderForm,
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 201, description = "Set up", body = Envelope<ProviderView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the name is taken, another provider of this deployment claims the same client, entity or application, or someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn create(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path(id): Path<String>,
    Body(form): Body<ProviderForm, LONGEST>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    let name = form.name.clone().ok_or_else(|| Error::invalid("name", "is missing"))?;
    let made = site.app.create_provider(&by, &name, form.draft()?).await?;
    created(ProviderView::of(&site, made))
}

/// Shows an identity provider.
#[utoipa::path(get, path = "/api/admin/clients/{id}/identity-providers/{name}", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "The provider", body = Envelope<ProviderView>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn show(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    success(ProviderView::of(&site, site.app.provider_in(&by, &named(&id)?, &name).await?))
}

/// Changes an identity provider; what is absent stays, its secret too.
#[utoipa::path(patch, path = "/api/admin/clients/{id}/identity-providers/{name}", tag = "admin: identity providers", request_body = ProviderForm,
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "Changed", body = Envelope<ProviderView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: the name is taken, another provider of this deployment claims the same client, entity or application, or someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn update(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, name)): Path<(String, String)>,
    Body(form): Body<ProviderForm, LONGEST>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    success(ProviderView::of(&site, site.app.update_provider(&by, &name, form.draft()?).await?))
}

/// Deletes an identity provider with the identities linked to it. Sessions opened through it go on.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/identity-providers/{name}", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "Deleted", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn delete(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    site.app.delete_provider(&by, &name).await?;
    success(Empty {})
}

/// Ends every session that was opened through an identity provider.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/identity-providers/{name}/sessions", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "Ended", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn end_sessions(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    site.app.end_provider_sessions(&by, &name).await?;
    success(Empty {})
}

/// Examines an identity provider step by step, and says what to change.
#[utoipa::path(post, path = "/api/admin/clients/{id}/identity-providers/{name}/test", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "What was found", body = Envelope<Examination>),
        (status = 400, description = "`VALIDATION_ERROR`: the server does not know its own address", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn test(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    let base = site.app.demand_base()?;
    let checks = site.app.examine_provider(&by, &name, &base).await?;
    success(Examination { checks: checks.into_iter().map(CheckView::from).collect() })
}

/// Reads a SAML provider's metadata anew from where it is published.
#[utoipa::path(post, path = "/api/admin/clients/{id}/identity-providers/{name}/refresh", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("name" = String, Path, description = "The provider")),
    responses(
        (status = 200, description = "Read", body = Envelope<ProviderView>),
        (status = 400, description = "`VALIDATION_ERROR`: there is no such place, or nothing of use in it", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn refresh(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    success(ProviderView::of(&site, site.app.refresh_provider(&by, &name).await?))
}

//! `clients/{id}/domains`: which addresses a client may speak for.

use axum::extract::{Path, State};
use purser_core::access::system_right;
use purser_core::providers::Domain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clients::named;
use crate::extract::{Body, SystemWith};
use crate::fault::{Answer, Empty, Envelope, Refused, created, success};
use crate::site::Site;

/// A domain that a client says is its own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainView {
    /// The domain: ASCII, lower case.
    #[schema(example = "example.com")]
    name: String,
    /// The TXT record at the domain that proves it.
    #[schema(example = "purser-verification=Ue2mKq0bTn3kWb3vYpW5xw7c1aQ")]
    record: String,
    /// When it was proven; null if it is not.
    verified_at: Option<String>,
    /// How it was proven: `dns`, or `admin` for a system administrator's word.
    verified_by: Option<String>,
    /// When it was named.
    created_at: String,
}

impl From<Domain> for DomainView {
    fn from(it: Domain) -> Self {
        Self {
            record: it.record(),
            name: it.name,
            verified_at: it.verified_at.map(|at| at.to_string()),
            verified_by: it.verified_by,
            created_at: it.created_at.to_string(),
        }
    }
}

/// A client's domains, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Domains {
    domains: Vec<DomainView>,
}

/// A domain to be named.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewDomain {
    /// The domain.
    #[schema(example = "example.com")]
    name: String,
}

/// Lists a tenant's domains.
#[utoipa::path(get, path = "/api/admin/clients/{id}/domains", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "The domains", body = Envelope<Domains>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn list(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsRead>,
    Path(id): Path<String>,
) -> Answer {
    let all = site.app.domains_in(&by, &named(&id)?).await?;
    success(Domains { domains: all.into_iter().map(DomainView::from).collect() })
}

/// Names a domain as a tenant's own. Nothing follows from it until it is proven.
#[utoipa::path(post, path = "/api/admin/clients/{id}/domains", tag = "admin: identity providers", request_body = NewDomain,
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 201, description = "Named", body = Envelope<DomainView>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: it is named already", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn add(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path(id): Path<String>,
    Body(new): Body<NewDomain>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    created(DomainView::from(site.app.add_domain(&by, &new.name).await?))
}

/// Lets go of a domain.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/domains/{domain}", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("domain" = String, Path, description = "The domain")),
    responses(
        (status = 200, description = "Gone", body = Envelope<Empty>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn remove(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, domain)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    site.app.remove_domain(&by, &domain).await?;
    success(Empty {})
}

/// Looks for the domain's TXT record, which proves it.
#[utoipa::path(post, path = "/api/admin/clients/{id}/domains/{domain}/verify", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("domain" = String, Path, description = "The domain")),
    responses(
        (status = 200, description = "Proven", body = Envelope<DomainView>),
        (status = 400, description = "`VALIDATION_ERROR`: the record is not there, or no name server answers", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn verify(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, domain)): Path<(String, String)>,
) -> Answer {
    let by = site.app.settling_of(&by, &named(&id)?).await?;
    success(DomainView::from(site.app.verify_domain(&by, &domain).await?))
}

/// Takes the administrator's word for it that a domain is the tenant's.
#[utoipa::path(post, path = "/api/admin/clients/{id}/domains/{domain}/confirm", tag = "admin: identity providers",
    params(("id" = String, Path, description = "The tenant"),
        ("domain" = String, Path, description = "The domain")),
    responses(
        (status = 200, description = "Proven", body = Envelope<DomainView>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`NOT_FOUND`", body = Refused),
        (status = 409, description = "`CONFLICT`: someone was faster", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn confirm(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::TenantsManage>,
    Path((id, domain)): Path<(String, String)>,
) -> Answer {
    success(DomainView::from(site.app.confirm_domain(&by, &named(&id)?, &domain).await?))
}

//! Taking a tenant's word that a domain is its own, where no DNS record can prove it.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::Error;

use super::keeper::Keeper;
use super::tenant::{Part, known, steps};
use crate::console::desk::Crumbs;
use crate::console::page::{Chrome, done, shown};
use crate::console::words::Said;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/ask-domain.html")]
struct AskDomain {
    chrome: Chrome,
    crumbs: Crumbs,
    place: String,
    name: String,
    tenant: String,
}

/// Asks before it is taken.
pub(in crate::console) async fn ask(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let tenant = site.app.tenant(&keeper.admin.grant(), &known(&id)?).await?;
    let known = site.app.domains_in(&keeper.admin.grant(), &tenant.id).await?;
    if !known.iter().any(|it| it.name == name) {
        return Err(Error::NotFound.into());
    }
    let place = format!("/admin/tenants/{}/domains", tenant.id);
    let crumbs = Crumbs(steps(&tenant.id, &tenant.name)).and(place.clone(), Part::Domains.label());
    let chrome = keeper.chrome("/admin", "Take their word");
    shown(&AskDomain { chrome, crumbs, place, name, tenant: tenant.name })
}

/// Takes it.
pub(in crate::console) async fn confirm(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let id = known(&id)?;
    site.app.confirm_domain(&keeper.admin.grant(), &id, &name).await?;
    done(&format!("/admin/tenants/{id}/domains"), Said::DomainVerified, &site)
}

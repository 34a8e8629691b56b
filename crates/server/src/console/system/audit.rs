//! Every audit log of the deployment.

use axum::extract::State;
use purser_core::audit::{Log, Record};
use serde::Deserialize;

use super::keeper::Keeper;
use crate::console::audit::{self, Asked};
use crate::console::page::{SHOWN, address, cut, shown};
use crate::console::parts::{Field, Names, Paging};
use crate::extract::Query;
use crate::fault::Answer;
use crate::site::Site;

/// Whose log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Whose {
    tenant: String,
}

/// Shows a page of it.
pub(in crate::console) async fn page(
    State(site): State<Site>,
    keeper: Keeper,
    Query(whose): Query<Whose>,
    Query(asked): Query<Asked>,
) -> Answer {
    let log: Log = whose.tenant.parse()?;
    let filter = asked.filter()?;
    let found = site.app.audit_logs(&keeper.admin.grant(), &log, &filter).await?;
    let page = cut(found, SHOWN, |record| record.id.to_string());
    let said = [&asked.pairs()[..], &[("tenant", &*whose.tenant)]].concat();
    let more = |before: String| address("/admin/audit", &[&said[..], &[("before", &before)]].concat());
    let tenant = Field::line("tenant", "Tenant").filled(&whose.tenant).optional();
    let client = if whose.tenant.is_empty() { "all" } else { &whose.tenant };
    shown(&audit::Log {
        chrome: keeper.chrome("/admin/audit", "Audit log"),
        path: "/admin/audit",
        export: Some(audit::export("/api/admin/audit/export", &filter, &[("client", client)])),
        narrowed: said.iter().any(|(_, value)| !value.is_empty()),
        about: audit::About::of(&asked, &Names::unknown()),
        fields: [tenant].into_iter().chain(audit::fields(&asked)).collect(),
        paging: Paging { next: page.next.map(more) },
        lines: page.things.into_iter().map(line).collect(),
    })
}

/// Tenants' people are known here by their numbers.
fn line(record: Record) -> audit::Line {
    let tenant = record.tenant.as_ref().map_or_else(|| "deployment".to_owned(), ToString::to_string);
    audit::line(record, &Names::unknown()).of(&tenant)
}

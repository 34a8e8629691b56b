//! The tenants of the deployment.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::tenants::{NewTenant, Tenant, TenantStatus, TenantUpdate};
use serde::Deserialize;

use super::keeper::Keeper;
use super::tenant::{Head, Part, known, status};
use crate::console::form::Fields;
use crate::console::page::{Chrome, SHOWN, address, cut, done, shown};
use crate::console::parts::{Chip, Field, Moment, Paging};
use crate::console::trouble::Trouble;
use crate::console::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Asked {
    search: String,
    after: String,
}

#[derive(Template)]
#[template(path = "console/system/tenants.html")]
struct Tenants {
    chrome: Chrome,
    search: String,
    narrowed: bool,
    tenants: Vec<Line>,
    paging: Paging,
}

struct Line {
    id: TenantId,
    name: String,
    status: Chip,
    since: Moment,
}

/// Lists them.
pub(in crate::console) async fn list(State(site): State<Site>, keeper: Keeper, Query(asked): Query<Asked>) -> Answer {
    let after = (!asked.after.is_empty()).then(|| asked.after.parse::<TenantId>()).transpose()?;
    let found = site.app.tenants(&keeper.admin.grant(), after.as_ref(), &asked.search, SHOWN + 1).await?;
    let page = cut(found, SHOWN, |it| it.id.to_string());
    let more = |after: String| address("/admin", &[("search", &asked.search), ("after", &after)]);
    let line = |it: Tenant| Line { status: status(&it), since: it.created_at.into(), id: it.id, name: it.name };
    shown(&Tenants {
        chrome: keeper.chrome("/admin", "Tenants"),
        narrowed: !asked.search.is_empty() || !asked.after.is_empty(),
        tenants: page.things.into_iter().map(line).collect(),
        paging: Paging { next: page.next.map(more) },
        search: asked.search,
    })
}

#[derive(Template)]
#[template(path = "console/system/new-tenant.html")]
struct NewOne {
    chrome: Chrome,
    sentence: &'static str,
    fields: Vec<Field>,
}

/// The form for one more.
pub(in crate::console) async fn blank(keeper: Keeper) -> Answer {
    form(&keeper, &Fields::default(), &Trouble::default())
}

fn form(keeper: &Keeper, typed: &Fields, trouble: &Trouble) -> Answer {
    let id = Field::line("id", "Short name").hint("For addresses: 1 to 63 of a-z, 0-9 and hyphens. It never changes.");
    let name = Field::line("name", "Name").hint("As its people read it: Acme Industries");
    let with = |field: Field, name: &str| field.filled(typed.text(name)).wrong(trouble.about(name));
    shown(&NewOne {
        chrome: keeper.chrome("/admin", "New tenant"),
        sentence: trouble.sentence,
        fields: vec![with(name, "name"), with(id, "id")],
    })
}

/// Makes one.
pub(in crate::console) async fn add(State(site): State<Site>, keeper: Keeper, Form(fields): Form<Fields>) -> Answer {
    let made = match NewTenant::parse(fields.text("id"), fields.text("name")) {
        Ok(new) => site.app.create_tenant(&keeper.admin.grant(), new).await,
        Err(refused) => Err(refused),
    };
    match made {
        Ok(tenant) => done(&format!("/admin/tenants/{}", tenant.id), Said::TenantMade, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&keeper, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/tenant.html")]
struct OneTenant {
    chrome: Chrome,
    head: Head,
    id: TenantId,
    disabled: bool,
    since: Moment,
    seats: i64,
    /// What it has settled, in words.
    settled: [(&'static str, &'static str); 3],
    sentence: &'static str,
    name: Field,
}

/// Shows one.
pub(in crate::console) async fn page(State(site): State<Site>, keeper: Keeper, Path(id): Path<String>) -> Answer {
    let tenant = site.app.tenant(&keeper.admin.grant(), &known(&id)?).await?;
    view(&site, &keeper, &tenant, &tenant.name, &Trouble::default()).await
}

async fn view(site: &Site, keeper: &Keeper, tenant: &Tenant, typed: &str, trouble: &Trouble) -> Answer {
    let seats = site.app.seats_of(&keeper.admin.grant(), &tenant.id).await?;
    shown(&OneTenant {
        chrome: keeper.chrome("/admin", &tenant.name),
        head: Head::of(tenant, Part::Overview),
        id: tenant.id.clone(),
        seats,
        disabled: tenant.status == TenantStatus::Disabled,
        since: tenant.created_at.into(),
        settled: words::settled(&tenant.settings),
        sentence: trouble.sentence,
        name: Field::line("name", "Name").filled(typed).wrong(trouble.about("name")),
    })
}

/// Gives one another name.
pub(in crate::console) async fn rename(
    State(site): State<Site>,
    keeper: Keeper,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let id = known(&id)?;
    let update = TenantUpdate { name: Some(fields.text("name").to_owned()), ..TenantUpdate::default() };
    match site.app.update_tenant(&keeper.admin.grant(), &id, update).await {
        Ok(_) => done(&format!("/admin/tenants/{id}"), Said::TenantSaved, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let tenant = site.app.tenant(&keeper.admin.grant(), &id).await?;
            let page = view(&site, &keeper, &tenant, fields.text("name"), &trouble).await;
            trouble.answer(page)
        }
    }
}

/// What can be done to one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Disable,
    Enable,
    EndSessions,
    Delete,
}

impl Act {
    fn read(word: &str) -> Result<Self> {
        match word {
            "disable" => Ok(Self::Disable),
            "enable" => Ok(Self::Enable),
            "end-sessions" => Ok(Self::EndSessions),
            "delete" => Ok(Self::Delete),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/ask-tenant.html")]
struct AskTenant {
    chrome: Chrome,
    id: TenantId,
    name: String,
    act: Act,
    sentence: &'static str,
    confirm: Field,
}

/// Asks before it is done.
pub(in crate::console) async fn ask(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, act)): Path<(String, String)>,
) -> Answer {
    asking(&site, &keeper, &known(&id)?, Act::read(&act)?, &Trouble::default()).await
}

async fn asking(site: &Site, keeper: &Keeper, id: &TenantId, act: Act, trouble: &Trouble) -> Answer {
    let tenant = site.app.tenant(&keeper.admin.grant(), id).await?;
    let confirm = Field::line("confirm", "Type in its short name");
    shown(&AskTenant {
        chrome: keeper.chrome("/admin", &tenant.name),
        id: tenant.id,
        name: tenant.name,
        act,
        sentence: trouble.sentence,
        confirm: confirm.wrong(trouble.about("confirm")),
    })
}

/// Does it. A tenant is only deleted by whoever typed in its name.
pub(in crate::console) async fn act(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, act)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Answer {
    let (id, act) = (known(&id)?, Act::read(&act)?);
    if act == Act::Delete && fields.text("confirm") != id.as_str() {
        let trouble = Trouble::of(Error::invalid("confirm", "is not its short name"))?;
        let page = asking(&site, &keeper, &id, act, &trouble).await;
        return trouble.answer(page);
    }
    let switched = |status| TenantUpdate { status: Some(status), ..TenantUpdate::default() };
    let (app, admin) = (&site.app, &keeper.admin);
    let said = match act {
        Act::Disable => {
            app.update_tenant(&admin.grant(), &id, switched(TenantStatus::Disabled)).await.map(|_| Said::TenantDisabled)
        }
        Act::Enable => {
            app.update_tenant(&admin.grant(), &id, switched(TenantStatus::Active)).await.map(|_| Said::TenantEnabled)
        }
        Act::EndSessions => app.end_tenant_sessions(&admin.grant(), &id).await.map(|()| Said::TenantEnded),
        Act::Delete => app.delete_tenant(&admin.grant(), &id).await.map(|()| Said::TenantDeleted),
    }?;
    done(&if act == Act::Delete { "/admin".to_owned() } else { format!("/admin/tenants/{id}") }, said, &site)
}

//! A tenant's people, as far as the deployment's administrators look after them: making accounts, and switching them.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::access::{Role, Roles};
use purser_core::error::{Error, Result};
use purser_core::ids::{TenantId, UserId};
use purser_core::tenants::Tenant;
use purser_core::users::{NewUser, User, UserFilter, UserStatus};
use serde::Deserialize;

use super::keeper::Keeper;
use super::tenant::{Head, Part, known, steps};
use crate::console::desk::Crumbs;
use crate::console::form::Fields;
use crate::console::page::{Chrome, SHOWN, address, cut, done, shown};
use crate::console::parts::{Chip, Field, Moment, Paging, RoleBoxes, full_name};
use crate::console::trouble::Trouble;
use crate::console::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// Who is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Asked {
    search: String,
    role: String,
    after: String,
}

impl Asked {
    /// Those who are meant, and one more than is shown.
    fn filter(&self) -> Result<UserFilter> {
        let role = (!self.role.is_empty()).then(|| self.role.parse()).transpose();
        Ok(UserFilter {
            after: (!self.after.is_empty()).then(|| self.after.parse()).transpose()?,
            first: Some(SHOWN + 1),
            search: self.search.clone(),
            role: role.map_err(|reason| Error::invalid("role", reason))?,
        })
    }
}

#[derive(Template)]
#[template(path = "console/system/people.html")]
struct People {
    chrome: Chrome,
    head: Head,
    root: String,
    search: String,
    roles: Vec<(Role, &'static str, bool)>,
    narrowed: bool,
    people: Vec<Line>,
    paging: Paging,
}

struct Line {
    id: UserId,
    name: String,
    email: String,
    roles: Vec<Chip>,
    status: Chip,
    seen: Option<Moment>,
}

impl From<User> for Line {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: full_name(&user),
            roles: Chip::of_roles(user.roles),
            status: words::status(user.status).into(),
            seen: user.last_sign_in_at.map(Moment::from),
            email: user.email,
        }
    }
}

fn place(tenant: &TenantId) -> String {
    format!("/admin/tenants/{tenant}/people")
}

async fn tenant_of(site: &Site, keeper: &Keeper, id: &str) -> Result<Tenant> {
    site.app.tenant(&keeper.admin.grant(), &known(id)?).await
}

/// Lists them.
pub(in crate::console) async fn list(
    State(site): State<Site>,
    keeper: Keeper,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer {
    let tenant = tenant_of(&site, &keeper, &id).await?;
    let filter = asked.filter()?;
    let found = site.app.users_of(&keeper.admin.grant(), &tenant.id, &filter).await?;
    let page = cut(found, SHOWN, |user| user.id.to_string());
    let root = place(&tenant.id);
    let more = |after: String| address(&root, &[("search", &asked.search), ("role", &asked.role), ("after", &after)]);
    shown(&People {
        chrome: keeper.chrome("/admin", format!("{}: People", tenant.name)),
        head: Head::of(&tenant, Part::People),
        paging: Paging { next: page.next.map(more) },
        narrowed: !asked.search.is_empty() || !asked.role.is_empty() || !asked.after.is_empty(),
        roles: Role::ALL.map(|it| (it, words::role(it), Some(it) == filter.role)).into(),
        people: page.things.into_iter().map(Line::from).collect(),
        search: asked.search,
        root,
    })
}

#[derive(Template)]
#[template(path = "console/system/new-person.html")]
struct NewPerson {
    chrome: Chrome,
    crumbs: Crumbs,
    root: String,
    sentence: &'static str,
    fields: Vec<Field>,
    invite: Option<Field>,
    roles: RoleBoxes,
}

/// The form for one more.
pub(in crate::console) async fn blank(State(site): State<Site>, keeper: Keeper, Path(id): Path<String>) -> Answer {
    let tenant = tenant_of(&site, &keeper, &id).await?;
    form(&site, &keeper, &tenant, &Fields::of([("invite", "on")]), &Trouble::default())
}

fn form(site: &Site, keeper: &Keeper, tenant: &Tenant, typed: &Fields, trouble: &Trouble) -> Answer {
    let with = |field: Field, name: &str| field.filled(typed.text(name)).wrong(trouble.about(name));
    let invite = || {
        Field::tick("invite", "Invite them by e-mail", typed.ticked("invite").into())
            .hint("They choose a password themselves, by a link that is good for 72 hours.")
    };
    shown(&NewPerson {
        chrome: keeper.chrome("/admin", "Add a person"),
        crumbs: crumbs(tenant),
        root: place(&tenant.id),
        sentence: trouble.sentence,
        invite: site.app.sends_links().then(invite),
        fields: vec![
            with(Field::line("firstName", "First name"), "firstName"),
            with(Field::line("lastName", "Last name"), "lastName"),
            with(Field::email("email", "E-mail address"), "email"),
            with(Field::line("title", "Position").optional(), "title"),
            Field::password("password", "First password")
                .hint("Tell it to them yourself. Without one they can sign in through an identity provider only.")
                .wrong(trouble.about("password"))
                .known_as("new-password")
                .optional(),
        ],
        roles: RoleBoxes::of(typed.roles().into_iter().collect(), Roles::from_iter([Role::Admin])),
    })
}

fn crumbs(tenant: &Tenant) -> Crumbs {
    Crumbs(steps(&tenant.id, &tenant.name)).and(place(&tenant.id), Part::People.label())
}

/// Adds one.
pub(in crate::console) async fn add(
    State(site): State<Site>,
    keeper: Keeper,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Answer {
    let tenant = tenant_of(&site, &keeper, &id).await?;
    let by = site.app.managing_users_of(&keeper.admin.grant(), &tenant.id).await?;
    let password = fields.said("password").map(|_| fields.secret("password"));
    let text = |name| fields.text(name);
    let new =
        NewUser::parse(text("email"), text("firstName"), text("lastName"), text("title"), fields.roles(), password);
    let made = match new {
        Ok(new) if fields.ticked("invite") => site.app.invite_user(&by, new).await.map(|it| (it, Said::PersonInvited)),
        Ok(new) => site.app.create_user(&by, new).await.map(|it| (it, Said::PersonAdded)),
        Err(refused) => Err(refused),
    };
    match made {
        Ok((user, said)) => done(&format!("{}/{}", place(&tenant.id), user.id), said, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &keeper, &tenant, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/person.html")]
struct OnePerson {
    chrome: Chrome,
    crumbs: Crumbs,
    place: String,
    name: String,
    email: String,
    title: String,
    roles: Vec<Chip>,
    status: Chip,
    disabled: bool,
    second: Option<Moment>,
    seen: Option<Moment>,
    since: Moment,
}

/// Shows one.
pub(in crate::console) async fn page(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, user)): Path<(String, String)>,
) -> Answer {
    let tenant = tenant_of(&site, &keeper, &id).await?;
    let user = site.app.user_of(&keeper.admin.grant(), &tenant.id, user.parse()?).await?;
    shown(&OnePerson {
        chrome: keeper.chrome("/admin", full_name(&user)),
        crumbs: crumbs(&tenant),
        place: format!("{}/{}", place(&tenant.id), user.id),
        name: full_name(&user),
        roles: Chip::of_roles(user.roles),
        status: words::status(user.status).into(),
        disabled: user.status == UserStatus::Disabled,
        second: user.two_factor_since.map(Moment::from),
        seen: user.last_sign_in_at.map(Moment::from),
        since: user.created_at.into(),
        email: user.email,
        title: user.title,
    })
}

/// What can be done to an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Disable,
    Enable,
    EndSessions,
    ResetTwoFactor,
    Delete,
}

impl Act {
    fn read(word: &str) -> Result<Self> {
        match word {
            "disable" => Ok(Self::Disable),
            "enable" => Ok(Self::Enable),
            "end-sessions" => Ok(Self::EndSessions),
            "reset-two-factor" => Ok(Self::ResetTwoFactor),
            "delete" => Ok(Self::Delete),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/ask-person.html")]
struct AskPerson {
    chrome: Chrome,
    crumbs: Crumbs,
    place: String,
    name: String,
    act: Act,
}

/// Asks before it is done.
pub(in crate::console) async fn ask(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, user, act)): Path<(String, String, String)>,
) -> Answer {
    let act = Act::read(&act)?;
    let tenant = tenant_of(&site, &keeper, &id).await?;
    let user = site.app.user_of(&keeper.admin.grant(), &tenant.id, user.parse()?).await?;
    let place = format!("{}/{}", place(&tenant.id), user.id);
    let name = full_name(&user);
    let crumbs = crumbs(&tenant).and(place.clone(), &name);
    shown(&AskPerson { chrome: keeper.chrome("/admin", &name), crumbs, place, name, act })
}

/// Does it.
pub(in crate::console) async fn act(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, user, act)): Path<(String, String, String)>,
) -> Answer {
    let (tenant, act, id) = (known(&id)?, Act::read(&act)?, user.parse::<UserId>()?);
    let (app, by) = (&site.app, site.app.managing_users_of(&keeper.admin.grant(), &tenant).await?);
    let said = match act {
        Act::Disable => app.disable_user(&by, id).await.map(|_| Said::PersonDisabled),
        Act::Enable => app.enable_user(&by, id).await.map(|_| Said::PersonEnabled),
        Act::EndSessions => app.end_user_sessions(&by, id).await.map(|_| Said::SessionsEnded),
        Act::ResetTwoFactor => app.reset_two_factor(&by, id).await.map(|_| Said::TwoFactorReset),
        Act::Delete => app.delete_user(&by, id).await.map(|_| Said::PersonDeleted),
    }?;
    let list = place(&tenant);
    done(&if act == Act::Delete { list } else { format!("{list}/{id}") }, said, &site)
}

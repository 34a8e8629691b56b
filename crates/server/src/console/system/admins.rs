//! The system administrators themselves.

use askama::Template;
use axum::extract::{Path, State};
use purser_core::admins::{Admin, Username};
use purser_core::error::{Error, Result};
use purser_core::ids::AdminId;

use super::keeper::Keeper;
use crate::console::form::Fields;
use crate::console::page::{Chrome, done, shown};
use crate::console::parts::{Chip, Field, Moment, Tone};
use crate::console::trouble::Trouble;
use crate::console::words::Said;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/system/admins.html")]
struct Admins {
    chrome: Chrome,
    admins: Vec<Line>,
    sentence: &'static str,
    fields: Vec<Field>,
}

struct Line {
    id: AdminId,
    name: String,
    status: Chip,
    active: bool,
    own: bool,
    seen: Option<Moment>,
}

/// Lists them.
pub(in crate::console) async fn list(State(site): State<Site>, keeper: Keeper) -> Answer {
    form(&site, &keeper, &Fields::default(), &Trouble::default()).await
}

async fn form(site: &Site, keeper: &Keeper, typed: &Fields, trouble: &Trouble) -> Answer {
    let admins = site.app.admins(&keeper.admin.grant()).await?;
    let line = |it: Admin| Line {
        id: it.id,
        status: if it.is_active() { ("Active", Tone::Green).into() } else { ("Disabled", Tone::Red).into() },
        active: it.is_active(),
        own: keeper.admin.id() == Some(it.id),
        seen: it.last_sign_in_at.map(Moment::from),
        name: it.username,
    };
    shown(&Admins {
        chrome: keeper.chrome("/admin/admins", "Administrators"),
        admins: admins.into_iter().map(line).collect(),
        sentence: trouble.sentence,
        fields: vec![
            Field::line("username", "Name").filled(typed.text("username")).wrong(trouble.about("username")),
            Field::password("password", "First password").wrong(trouble.about("password")).known_as("new-password"),
        ],
    })
}

/// Makes one more.
pub(in crate::console) async fn add(State(site): State<Site>, keeper: Keeper, Form(fields): Form<Fields>) -> Answer {
    let made = match Username::parse(fields.text("username")) {
        Ok(name) => site.app.create_admin(&keeper.admin.grant(), name, &fields.secret("password")).await,
        Err(refused) => Err(refused),
    };
    match made {
        Ok(_) => done("/admin/admins", Said::AdminMade, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &keeper, &fields, &trouble).await;
            trouble.answer(page)
        }
    }
}

/// What can be done to one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Disable,
    Enable,
    Delete,
}

impl Act {
    fn read(word: &str) -> Result<Self> {
        match word {
            "disable" => Ok(Self::Disable),
            "enable" => Ok(Self::Enable),
            "delete" => Ok(Self::Delete),
            _ => Err(Error::NotFound),
        }
    }
}

#[derive(Template)]
#[template(path = "console/system/ask-admin.html")]
struct AskAdmin {
    chrome: Chrome,
    id: AdminId,
    name: String,
    act: Act,
}

/// Asks before it is done.
pub(in crate::console) async fn ask(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, act)): Path<(String, String)>,
) -> Answer {
    let (id, act): (AdminId, _) = (id.parse()?, Act::read(&act)?);
    let admins = site.app.admins(&keeper.admin.grant()).await?;
    let name = admins.into_iter().find(|it| it.id == id).ok_or(Error::NotFound)?.username;
    shown(&AskAdmin { chrome: keeper.chrome("/admin/admins", &name), id, name, act })
}

/// Does it.
pub(in crate::console) async fn act(
    State(site): State<Site>,
    keeper: Keeper,
    Path((id, act)): Path<(String, String)>,
) -> Answer {
    let (id, by): (AdminId, _) = (id.parse()?, keeper.admin.grant());
    let said = match Act::read(&act)? {
        Act::Disable => site.app.disable_admin(&by, id).await.map(|_| Said::AdminDisabled),
        Act::Enable => site.app.enable_admin(&by, id).await.map(|_| Said::AdminEnabled),
        Act::Delete => site.app.delete_admin(&by, id).await.map(|()| Said::AdminDeleted),
    }?;
    done("/admin/admins", said, &site)
}

//! The people of the organisation: finding them, and adding one.

use askama::Template;
use axum::extract::State;
use purser_core::access::{Grant, Right, Role, Roles, right};
use purser_core::error::Error;
use purser_core::users::{NewUser, User, UserFilter};
use serde::Deserialize;

use super::form::Fields;
use super::page::{Chrome, Person, Place, SHOWN, address, cut, done, shown};
use super::parts::{Chip, Field, Moment, Paging, RoleBoxes, full_name};
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::extract::{Form, Query};
use crate::fault::Answer;
use crate::site::Site;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    search: String,
    role: String,
    after: String,
}

#[derive(Template)]
#[template(path = "console/people.html")]
struct People {
    chrome: Chrome,
    manages: bool,
    search: String,
    roles: Vec<(Role, &'static str, bool)>,
    narrowed: bool,
    people: Vec<PersonLine>,
    paging: Paging,
}

/// One of them. What only those see who manage people is nothing for the others.
struct PersonLine {
    href: String,
    name: String,
    email: String,
    title: String,
    roles: Vec<Chip>,
    status: Chip,
    seen: Option<Moment>,
}

impl From<User> for PersonLine {
    fn from(user: User) -> Self {
        Self {
            href: format!("/people/{}", user.id),
            name: full_name(&user),
            roles: Chip::of_roles(user.roles),
            status: words::status(user.status).into(),
            seen: user.last_sign_in_at.map(Moment::from),
            email: user.email,
            title: user.title,
        }
    }
}

/// Lists them.
pub(super) async fn list(State(site): State<Site>, person: Person, Query(asked): Query<Asked>) -> Answer {
    let role = chosen(&asked.role)?;
    let filter = UserFilter {
        after: (!asked.after.is_empty()).then(|| asked.after.parse()).transpose()?,
        first: Some(SHOWN + 1),
        search: asked.search.clone(),
        role,
    };
    let found = site.app.users(&person.caller.grant()?, &filter).await?;
    let page = cut(found, SHOWN, |user| user.id.to_string());
    let more =
        |after: String| address("/people", &[("search", &asked.search), ("role", &asked.role), ("after", &after)]);
    shown(&People {
        chrome: person.chrome(Place::People, "People"),
        manages: person.may(Right::UsersManage),
        narrowed: !asked.search.is_empty() || role.is_some() || !asked.after.is_empty(),
        roles: Role::ALL.map(|it| (it, words::role(it), Some(it) == role)).into(),
        people: page.things.into_iter().map(PersonLine::from).collect(),
        paging: Paging { next: page.next.map(more) },
        search: asked.search,
    })
}

fn chosen(role: &str) -> Result<Option<Role>, Error> {
    if role.is_empty() {
        return Ok(None);
    }
    role.parse().map(Some).map_err(|reason| Error::invalid("role", reason))
}

#[derive(Template)]
#[template(path = "console/new-person.html")]
struct NewPerson {
    chrome: Chrome,
    sentence: &'static str,
    fields: Vec<Field>,
    invite: Option<Field>,
    roles: RoleBoxes,
}

/// The form for one more.
pub(super) async fn blank(State(site): State<Site>, person: Person) -> Answer {
    let _may: Grant<right::UsersManage> = person.caller.grant()?;
    form(&site, &person, &Fields::of([("invite", "on")]), &Trouble::default())
}

fn form(site: &Site, person: &Person, typed: &Fields, trouble: &Trouble) -> Answer {
    let with = |field: Field, name: &str| field.filled(typed.text(name)).wrong(trouble.about(name));
    shown(&NewPerson {
        chrome: person.chrome(Place::People, "Add a person"),
        sentence: trouble.sentence,
        // Where no mail is sent, there is nothing to choose.
        invite: site.app.sends_links().then(|| {
            Field::tick("invite", "Invite them by e-mail", typed.ticked("invite").into())
                .hint("They choose a password themselves, by a link that is good for 72 hours.")
        }),
        fields: vec![
            with(Field::line("firstName", "First name"), "firstName"),
            with(Field::line("lastName", "Last name"), "lastName"),
            with(Field::email("email", "E-mail address"), "email"),
            with(Field::line("title", "Position").optional(), "title"),
            Field::password("password", "First password")
                .hint("Tell it to them yourself. Without one they can sign in through your identity provider only.")
                .wrong(trouble.about("password"))
                .known_as("new-password")
                .optional(),
        ],
        roles: RoleBoxes::of(typed.roles().into_iter().collect(), person.caller.user().roles),
    })
}

/// Adds one.
pub(super) async fn add(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    let by = person.caller.grant()?;
    let password = fields.said("password").map(|_| fields.secret("password"));
    let text = |name| fields.text(name);
    let roles: Roles = fields.roles().into_iter().collect();
    let new = NewUser::parse(text("email"), text("firstName"), text("lastName"), text("title"), roles.iter(), password);
    let made = match new {
        Ok(new) if fields.ticked("invite") => site.app.invite_user(&by, new).await.map(|it| (it, Said::PersonInvited)),
        Ok(new) => site.app.create_user(&by, new).await.map(|it| (it, Said::PersonAdded)),
        Err(refused) => Err(refused),
    };
    match made {
        Ok((user, said)) => done(&format!("/people/{}", user.id), said, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &person, &fields, &trouble);
            trouble.answer(page)
        }
    }
}

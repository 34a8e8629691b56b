//! The reader's own account: who they are here, their password, their sessions.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use purser_core::session::{Extent, SessionView};
use purser_core::signin::PasswordChange;

use super::form::Fields;
use super::page::{Chrome, Person, Place, done, go, shown};
use super::parts::{Chip, Field, Moment};
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::cookie;
use crate::extract::Form;
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/account.html")]
struct Account {
    chrome: Chrome,
    name: String,
    email: String,
    title: String,
    roles: Vec<Chip>,
    sessions: Vec<SessionLine>,
    sentence: &'static str,
    current: Field,
    new: Field,
}

/// One of their sessions.
struct SessionLine {
    id: String,
    device: String,
    address: String,
    method: String,
    since: Moment,
    seen: Moment,
    current: bool,
}

/// Shows it.
pub(super) async fn page(State(site): State<Site>, person: Person) -> Answer {
    form(&site, &person, &Trouble::default()).await
}

async fn form(site: &Site, person: &Person, trouble: &Trouble) -> Answer {
    let sessions = site.app.own_sessions(&person.caller).await?;
    let user = person.caller.user();
    shown(&Account {
        chrome: person.chrome(Place::Account, "Your account"),
        name: format!("{} {}", user.first_name, user.last_name),
        email: user.email.clone(),
        title: user.title.clone(),
        roles: Chip::of_roles(user.roles),
        sessions: sessions.into_iter().map(|it| line(it, person)).collect(),
        sentence: trouble.sentence,
        current: Field::password("currentPassword", "Present password")
            .wrong(trouble.about("currentPassword"))
            .known_as("current-password"),
        new: Field::password("newPassword", "New password")
            .hint("Length is what counts: several words are better than a short riddle.")
            .wrong(trouble.about("newPassword").to_owned() + trouble.about("password"))
            .known_as("new-password"),
    })
}

fn line(session: SessionView, person: &Person) -> SessionLine {
    SessionLine {
        current: session.is_current(&person.caller),
        id: session.id.to_string(),
        device: words::agent(&session.agent),
        method: words::method(&session.method).to_owned(),
        address: session.address,
        since: session.created_at.into(),
        seen: session.last_seen_at.into(),
    }
}

/// Changes the password.
pub(super) async fn change_password(
    State(site): State<Site>,
    person: Person,
    Form(fields): Form<Fields, 16_384>,
) -> Answer {
    let wish = PasswordChange { current: fields.secret("currentPassword"), new: fields.secret("newPassword") };
    match site.app.change_password(&person.caller, wish).await {
        Ok(()) => done("/account", Said::PasswordChanged, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &person, &trouble).await;
            trouble.answer(page)
        }
    }
}

/// Ends one session; the one in use is left like any sign-out.
pub(super) async fn end_session(State(site): State<Site>, person: Person, Form(fields): Form<Fields>) -> Answer {
    site.app.end_own_session(&person.caller, fields.text("session").parse()?).await?;
    done("/account", Said::SessionEnded, &site)
}

#[derive(Template)]
#[template(path = "console/ask-everywhere.html")]
struct AskEverywhere {
    chrome: Chrome,
}

/// Asks before it ends them all.
pub(super) async fn ask_everywhere(person: Person) -> Answer {
    shown(&AskEverywhere { chrome: person.chrome(Place::Account, "Sign out everywhere") })
}

/// Ends all of the reader's sessions, this one too.
pub(super) async fn sign_out_everywhere(State(site): State<Site>, person: Person) -> Answer {
    site.app.sign_out(&person.caller, Extent::All).await?;
    let mut response = go(&format!("/signed-out?client={}", person.caller.tenant().id))?;
    response.headers_mut().append(SET_COOKIE, cookie::taken_away(cookie::CLIENT, &site.http));
    Ok(response)
}

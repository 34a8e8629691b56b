//! The reader's own account: who they are here, their password, their sessions.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use purser_core::people::EmailChange;
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
    /// Whether another address can be asked for.
    mail: bool,
    /// By when they have to enrol a second factor.
    due: Option<Moment>,
    /// Since when they have one.
    second: Option<Moment>,
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
        mail: site.app.sends_links(),
        due: site.app.enrolment_due(&person.caller).map(Moment::from),
        second: user.two_factor_since.map(Moment::from),
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

#[derive(Template)]
#[template(path = "console/email.html")]
struct AnotherAddress {
    chrome: Chrome,
    sentence: &'static str,
    email: Field,
    password: Field,
}

/// Asks for another address.
pub(super) async fn ask_email(person: Person) -> Answer {
    email_form(&person, &Fields::default(), &Trouble::default())
}

fn email_form(person: &Person, typed: &Fields, trouble: &Trouble) -> Answer {
    shown(&AnotherAddress {
        chrome: person.chrome(Place::Account, "Another e-mail address"),
        sentence: trouble.sentence,
        email: Field::email("email", "New e-mail address")
            .filled(typed.text("email"))
            .wrong(trouble.about("email"))
            .known_as("email"),
        password: Field::password("password", "Password").wrong(trouble.about("password")).known_as("current-password"),
    })
}

/// Sends a link there.
pub(super) async fn change_email(
    State(site): State<Site>,
    person: Person,
    Form(fields): Form<Fields, 16_384>,
) -> Answer {
    let wish = EmailChange { email: fields.text("email").to_owned(), password: fields.secret("password") };
    match site.app.change_email(&person.caller, wish).await {
        Ok(()) => done("/account", Said::AddressAsked, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = email_form(&person, &fields, &trouble);
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

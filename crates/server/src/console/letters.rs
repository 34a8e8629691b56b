//! The pages that letters lead to: another password, another address; and the one that asks for a letter.
//!
//! What a link holds stands in a field of the form, and nowhere else: no page of these tells another where it was come from.

use askama::Template;
use axum::extract::State;
use axum::http::header::REFERRER_POLICY;
use axum::http::{HeaderMap, HeaderValue};
use purser_core::error::Error;
use purser_core::people::Forgotten;
use purser_core::secret::Secret;
use serde::Deserialize;

use super::form::Fields;
use super::page::{Dress, address, done, shown};
use super::parts::Field;
use super::trouble::Trouble;
use super::words::{self, Dead, Said};
use crate::extract::{Form, NamedClient, Query, Visitor, same_origin};
use crate::fault::Answer;
use crate::site::Site;

/// What a link holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    pub(super) token: Option<Secret>,
}

impl Link {
    /// What it holds; empty, and so good for nothing, if that was lost on the way.
    pub(super) fn token(&self) -> &str {
        self.token.as_ref().map_or("", Secret::reveal)
    }
}

/// A page that says one thing and leads on.
#[derive(Template)]
#[template(path = "console/told.html")]
struct Told {
    dress: Dress,
    title: &'static str,
    text: &'static str,
    href: &'static str,
    label: &'static str,
}

#[derive(Template)]
#[template(path = "console/letter-form.html")]
struct LetterForm<'a> {
    dress: Dress,
    title: &'static str,
    text: &'static str,
    sentence: &'static str,
    action: &'static str,
    kept: [(&'static str, &'a str); 1],
    fields: Vec<Field>,
    label: &'static str,
}

/// Says that a link is dead.
pub(super) fn dead(refused: Error, kind: Dead) -> Answer {
    let Dead { text, href, label } = kind;
    let page = shown(&Told { dress: Dress::new(), title: "This link is no longer good", text, href, label });
    Trouble::saying(refused, "").answer(page)
}

/// A page whose address nobody is told: it holds what opens an account. Where a form comes from is still told, without the path.
pub(super) fn unnamed(page: Answer) -> Answer {
    let mut response = page?;
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    Ok(response)
}

/// The field for a password to come.
pub(super) fn new_password(trouble: &Trouble) -> Field {
    Field::password("password", "New password")
        .hint("Length is what counts: several words are better than a short riddle.")
        .wrong(trouble.about("password"))
        .known_as("new-password")
}

/// Asks for the address.
pub(super) async fn forgot(client: NamedClient) -> Answer {
    let client = client.name().map(ToString::to_string).unwrap_or_default();
    forgotten(&client, "", &Trouble::default())
}

fn forgotten(client: &str, email: &str, trouble: &Trouble) -> Answer {
    shown(&LetterForm {
        dress: Dress::new(),
        title: "Forgot your password?",
        text: "Tell us the e-mail address of your account. You get a link by which you choose another password.",
        sentence: trouble.sentence,
        action: "/forgot",
        kept: [("client", client)],
        fields: vec![
            Field::email("email", "E-mail address").filled(email).wrong(trouble.about("email")).known_as("username"),
        ],
        label: "Send me a link",
    })
}

/// Notes it. The answer is the same whether there is an account or not.
pub(super) async fn send_link(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let wish = Forgotten { email: fields.text("email").to_owned(), client: fields.said("client").map(str::to_owned) };
    match site.app.forgot_password(&wish, &visitor.into()).await {
        Ok(()) => shown(&Told {
            dress: Dress::new(),
            title: "Look into your mailbox",
            text: "If there is an account with this address, a letter is on its way. Its link is good for ten minutes. If nothing comes, look among the unwanted mail, or ask your administrator.",
            href: "/sign-in",
            label: "Back to signing in",
        }),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = forgotten(fields.text("client"), fields.text("email"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Asks for another password. Looking at the page does not use the link up.
pub(super) async fn reset(Query(link): Query<Link>) -> Answer {
    unnamed(resetting(link.token(), &Trouble::default()))
}

fn resetting(token: &str, trouble: &Trouble) -> Answer {
    shown(&LetterForm {
        dress: Dress::new(),
        title: "Choose another password",
        text: "All of your sessions end, and you sign in with the new one.",
        sentence: trouble.sentence,
        action: "/reset",
        kept: [("token", token)],
        fields: vec![new_password(trouble)],
        label: "Change the password",
    })
}

/// Takes it.
pub(super) async fn set_password(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Fields, 16_384>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    match site.app.reset_password(&fields.secret("token"), &fields.secret("password"), &visitor.into()).await {
        Ok(()) => done("/sign-in", Said::PasswordReset, &site),
        Err(refused @ Error::InvalidToken) => dead(refused, words::DEAD_RESET),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = resetting(fields.raw("token"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Asks by a button: what looks at mail for its reader opens links, but presses nothing.
pub(super) async fn ask_address(Query(link): Query<Link>) -> Answer {
    unnamed(confirming(link.token(), &Trouble::default()))
}

fn confirming(token: &str, trouble: &Trouble) -> Answer {
    shown(&LetterForm {
        dress: Dress::new(),
        title: "Is this your new address?",
        text: "From now on you sign in with the e-mail address to which this link was sent.",
        sentence: trouble.sentence,
        action: "/confirm-email",
        kept: [("token", token)],
        fields: Vec::new(),
        label: "Yes, use it",
    })
}

/// Makes the address theirs.
pub(super) async fn confirm_address(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    match site.app.confirm_email(&fields.secret("token"), &visitor.into()).await {
        Ok(()) => shown(&Told {
            dress: Dress::new(),
            title: "Your address is changed",
            text: "Sign in with the new one from now on. Where you are signed in, you stay so.",
            href: "/",
            label: "Go on",
        }),
        Err(refused @ Error::InvalidToken) => dead(refused, words::DEAD_ADDRESS),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = confirming(fields.raw("token"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Where a link to another password is asked for.
pub(super) fn forgot_link(tenant: &str) -> String {
    address("/forgot", &[("client", tenant)])
}

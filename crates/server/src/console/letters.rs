//! The pages that letters lead to: another password, another address; and the one that asks for a letter.
//!
//! What a link holds stands in a field of the form, and nowhere else: no page of these tells another where it was come from.

use askama::Template;
use axum::extract::State;
use axum::http::header::REFERRER_POLICY;
use axum::http::{HeaderMap, HeaderValue};
use purser_core::audit::Visit;
use purser_core::error::Error;
use purser_core::people::Forgotten;
use purser_core::secret::Secret;
use serde::Deserialize;

use super::form::Fields;
use super::page::{Dress, address, done, shown};
use super::parts::Field;
use super::sign_in::{dress_of, named};
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
    href: String,
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
    let title = "This link is no longer good";
    let page = shown(&Told { dress: Dress::new(), title, text, href: href.to_owned(), label });
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
pub(super) async fn forgot(State(site): State<Site>, client: NamedClient) -> Answer {
    let dress = dress_of(&site, client.name()).await?;
    let client = client.name().map(ToString::to_string).unwrap_or_default();
    forgotten(dress, &client, "", &Trouble::default())
}

fn forgotten(dress: Dress, client: &str, email: &str, trouble: &Trouble) -> Answer {
    shown(&LetterForm {
        dress,
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
    let dress = dress_of(&site, named(&fields).as_ref()).await?;
    match site.app.forgot_password(&wish, &visitor.into()).await {
        Ok(()) => shown(&Told {
            dress,
            title: "Look into your mailbox",
            text: "If there is an account with this address, a letter is on its way. Its link is good for ten minutes. If nothing comes, look among the unwanted mail, or ask your administrator.",
            href: address("/sign-in", &[("client", fields.text("client"))]),
            label: "Back to signing in",
        }),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = forgotten(dress, fields.text("client"), fields.text("email"), &trouble);
            trouble.answer(page)
        }
    }
}

/// Asks for another password. Looking at the page does not use the link up.
pub(super) async fn reset(State(site): State<Site>, visitor: Visitor, Query(link): Query<Link>) -> Answer {
    unnamed(resetting(&site, link.token(), &visitor.into(), &Trouble::default()).await)
}

async fn resetting(site: &Site, token: &str, visit: &Visit, trouble: &Trouble) -> Answer {
    let tenant = match site.app.reset_link(&Secret::new(token), visit).await {
        Ok(tenant) => tenant,
        Err(refused @ Error::InvalidToken) => return dead(refused, words::DEAD_RESET),
        Err(refused) => return Err(refused.into()),
    };
    shown(&LetterForm {
        dress: Dress::of(&tenant),
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
    let visit = visitor.into();
    match site.app.reset_password(&fields.secret("token"), &fields.secret("password"), &visit).await {
        Ok(tenant) => done(&address("/sign-in", &[("client", tenant.id.as_str())]), Said::PasswordReset, &site),
        Err(refused @ Error::InvalidToken) => dead(refused, words::DEAD_RESET),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = resetting(&site, fields.raw("token"), &visit, &trouble).await;
            trouble.answer(page)
        }
    }
}

/// Asks by a button: what looks at mail for its reader opens links, but presses nothing.
pub(super) async fn ask_address(State(site): State<Site>, visitor: Visitor, Query(link): Query<Link>) -> Answer {
    unnamed(confirming(&site, link.token(), &visitor.into(), &Trouble::default()).await)
}

async fn confirming(site: &Site, token: &str, visit: &Visit, trouble: &Trouble) -> Answer {
    let tenant = match site.app.address_link(&Secret::new(token), visit).await {
        Ok(tenant) => tenant,
        Err(refused @ Error::InvalidToken) => return dead(refused, words::DEAD_ADDRESS),
        Err(refused) => return Err(refused.into()),
    };
    shown(&LetterForm {
        dress: Dress::of(&tenant),
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
    let visit = visitor.into();
    match site.app.confirm_email(&fields.secret("token"), &visit).await {
        Ok(tenant) => shown(&Told {
            dress: Dress::of(&tenant),
            title: "Your address is changed",
            text: "Sign in with the new one from now on. Where you are signed in, you stay so.",
            href: "/".into(),
            label: "Go on",
        }),
        Err(refused @ Error::InvalidToken) => dead(refused, words::DEAD_ADDRESS),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = confirming(&site, fields.raw("token"), &visit, &trouble).await;
            trouble.answer(page)
        }
    }
}

/// Where a link to another password is asked for.
pub(super) fn forgot_link(tenant: &str) -> String {
    address("/forgot", &[("client", tenant)])
}

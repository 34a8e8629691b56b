//! Coming aboard by an invitation.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use purser_core::audit::Visit;
use purser_core::error::Error;
use purser_core::people::Invitation;
use purser_core::providers::Base;
use purser_core::signin::Acceptance;

use super::form::Fields;
use super::letters::{Link, dead, new_password, unnamed};
use super::page::{Dress, go, shown};
use super::parts::Field;
use super::sign_in::{Button, buttons_of, one_more_step, welcomed};
use super::trouble::Trouble;
use super::words;
use crate::extract::{At, Form, Query, Visitor, same_origin};
use crate::fault::Answer;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/invitation.html")]
struct Welcome<'a> {
    dress: Dress,
    tenant: &'a str,
    email: &'a str,
    token: &'a str,
    sentence: &'static str,
    /// None where no password is chosen.
    fields: Option<Vec<Field>>,
    buttons: Vec<Button<'a>>,
}

/// Shows what it says.
pub(super) async fn page(State(site): State<Site>, visitor: Visitor, At(base): At, Query(link): Query<Link>) -> Answer {
    let token = Fields::of([("token", link.token())]);
    unnamed(form(&site, &token, &base, &visitor.into(), &Trouble::default()).await)
}

async fn form(site: &Site, typed: &Fields, base: &Base, visit: &Visit, trouble: &Trouble) -> Answer {
    let invitation = match site.app.invitation(&typed.secret("token"), visit).await {
        Ok(invitation) => invitation,
        Err(refused @ Error::InvalidToken) => return dead(refused, words::DEAD_INVITATION),
        Err(refused) => return Err(refused.into()),
    };
    // Whoever chooses a password has no need of the others.
    let welcome =
        if invitation.by_password { None } else { Some(site.app.welcome(Some(&invitation.tenant), None, base).await?) };
    shown(&Welcome {
        dress: Dress::of(&*site.app.dressed(&invitation.tenant).await?),
        tenant: &invitation.tenant_name,
        email: &invitation.email,
        token: typed.raw("token"),
        sentence: trouble.sentence,
        fields: invitation.by_password.then(|| fields(&invitation, typed, trouble)),
        buttons: welcome.as_ref().map(buttons_of).unwrap_or_default(),
    })
}

fn fields(invitation: &Invitation, typed: &Fields, trouble: &Trouble) -> Vec<Field> {
    let with = |field: Field, name: &str, written: &str| {
        field.filled(typed.said(name).unwrap_or(written)).wrong(trouble.about(name))
    };
    vec![
        with(Field::line("firstName", "First name").known_as("given-name"), "firstName", &invitation.first_name),
        with(Field::line("lastName", "Last name").known_as("family-name"), "lastName", &invitation.last_name),
        new_password(trouble),
    ]
}

/// Accepts it.
pub(super) async fn accept(
    State(site): State<Site>,
    visitor: Visitor,
    At(base): At,
    headers: HeaderMap,
    Form(typed): Form<Fields, 16_384>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let visit = visitor.into();
    let acceptance = Acceptance {
        token: typed.secret("token"),
        first_name: Some(typed.text("firstName").to_owned()),
        last_name: Some(typed.text("lastName").to_owned()),
        password: typed.secret("password"),
    };
    match site.app.accept_invitation(acceptance, &visit).await {
        Ok(signed_in) => Ok(welcomed(go("/")?, &signed_in, &site)),
        Err(Error::TwoFactorRequired(challenge)) => one_more_step(&challenge, "", &site),
        Err(refused @ Error::InvalidToken) => dead(refused, words::DEAD_INVITATION),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &typed, &base, &visit, &trouble).await;
            trouble.answer(page)
        }
    }
}

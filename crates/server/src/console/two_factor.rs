//! The second step of signing in: a code or a passkey, or first of all an authenticator app.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use purser_core::error::Error;
use purser_core::secret::Secret;
use purser_core::signin::{Completed, SecondFactor, TotpOffer, Waiting, Wanted};
use purser_core::tenants::Tenant;

use super::form::Fields;
use super::page::{Dress, address, done, go, shown};
use super::parts::Field;
use super::sign_in::{Asked, dress_of, origin, welcomed};
use super::trouble::Trouble;
use super::words::Said;
use crate::cookie;
use crate::extract::{At, Form, Query, Visitor, lone_cookie, same_origin};
use crate::fault::Answer;
use crate::pages::TWO_FACTOR;
use crate::site::Site;

#[derive(Template)]
#[template(path = "console/two-factor.html")]
struct Verify<'a> {
    dress: Dress,
    return_to: &'a str,
    back: String,
    sentence: &'static str,
    /// None for those who have nothing but passkeys.
    code: Option<Field>,
    /// What the browser asks its passkeys.
    passkey: Option<String>,
}

#[derive(Template)]
#[template(path = "console/enrol.html")]
struct Enrol<'a> {
    dress: Dress,
    return_to: &'a str,
    back: String,
    sentence: &'static str,
    step: Step,
    code: Field,
}

/// How far setting an app up has come.
enum Step {
    /// Nothing has begun.
    Asked,
    /// A first code is waited for. What the app is set up with is shown once.
    Confirm(Option<Offered>),
}

/// What an app is set up with.
pub(super) struct Offered {
    /// The picture to scan.
    pub(super) picture: String,
    /// The secret, in groups that are easy to type.
    pub(super) secret: String,
    /// The same without gaps.
    pub(super) plain: String,
}

impl From<TotpOffer> for Offered {
    fn from(offer: TotpOffer) -> Self {
        let plain = offer.secret.reveal().to_owned();
        let letters: Vec<char> = plain.chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        let secret = groups.join(" ");
        Self { picture: offer.picture.reveal().to_owned(), secret, plain }
    }
}

/// The field for an app's first code.
pub(super) fn first_code(trouble: &Trouble) -> Field {
    Field::number("code", "Code of the app").wrong(trouble.about("code")).known_as("one-time-code")
}

#[derive(Template)]
#[template(path = "console/first-codes.html")]
struct FirstCodes {
    dress: Dress,
    codes: Vec<String>,
    on: String,
}

#[derive(Template)]
#[template(path = "console/on.html")]
struct On {
    dress: Dress,
    on: String,
}

/// What a sign-in waits for. Whoever has none that waits begins at the door.
pub(super) async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Answer {
    let return_to = asked.return_to.as_deref().unwrap_or_default();
    let Some(challenge) = challenge(&headers) else { return go(&door(return_to)) };
    form(&site, &challenge, visitor, return_to, &Trouble::default()).await
}

async fn form(site: &Site, challenge: &Secret, visitor: Visitor, return_to: &str, trouble: &Trouble) -> Answer {
    let waiting = match site.app.second_factors(challenge, &visitor.into()).await {
        Ok(waiting) => waiting,
        Err(Error::InvalidToken) => return too_late(return_to, site),
        Err(refused) => return Err(refused.into()),
    };
    match waiting.wanted {
        Wanted::Enrol => enrol(&waiting.tenant, Step::Asked, return_to, trouble),
        Wanted::Verify => verify(&waiting, return_to, trouble),
    }
}

fn verify(waiting: &Waiting, return_to: &str, trouble: &Trouble) -> Answer {
    let hint = match (waiting.totp, waiting.recovery_codes > 0) {
        (true, true) => "Six digits of your authenticator app, or one of your recovery codes.",
        (true, false) => "Six digits of your authenticator app.",
        _ => "One of your recovery codes.",
    };
    let code = Field::line("code", "Code").hint(hint).wrong(trouble.about("code")).known_as("one-time-code").focused();
    shown(&Verify {
        dress: Dress::of(&waiting.tenant),
        return_to,
        back: door_of(&waiting.tenant, return_to),
        sentence: trouble.sentence,
        code: (waiting.totp || waiting.recovery_codes > 0).then_some(code),
        passkey: waiting.passkey.as_ref().map(ToString::to_string),
    })
}

fn enrol(tenant: &Tenant, step: Step, return_to: &str, trouble: &Trouble) -> Answer {
    let (dress, code) = (Dress::of(tenant), first_code(trouble));
    shown(&Enrol { dress, return_to, back: door_of(tenant, return_to), sentence: trouble.sentence, step, code })
}

/// Takes a code, or what a passkey says.
pub(super) async fn answer(
    State(site): State<Site>,
    visitor: Visitor,
    At(base): At,
    headers: HeaderMap,
    Form(fields): Form<Fields, 65_536>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let return_to = fields.text("returnTo");
    let Some(challenge) = challenge(&headers) else { return too_late(return_to, &site) };
    let visit = visitor.clone().into();
    let completed = match fields.said("passkey") {
        None => {
            let code = fields.secret("code");
            site.app.verify_second_factor(&challenge, SecondFactor::Code(&code), &visit).await
        }
        Some(said) => match serde_json::from_str(said) {
            Ok(passkey) => site.app.verify_second_factor(&challenge, SecondFactor::Passkey(&passkey), &visit).await,
            Err(_) => Err(Error::InvalidCredentials),
        },
    };
    match completed {
        Ok(completed) => {
            let place = place(&site, &completed, fields.said("returnTo"), &base).await?;
            arrived(&completed, place, &site).await
        }
        Err(Error::InvalidToken) => too_late(return_to, &site),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let page = form(&site, &challenge, visitor, return_to, &trouble).await;
            trouble.answer(page)
        }
    }
}

/// Shows what an app is set up with.
pub(super) async fn offer_app(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let return_to = fields.text("returnTo");
    let Some(challenge) = challenge(&headers) else { return too_late(return_to, &site) };
    let visit = visitor.into();
    match site.app.start_totp_first(&challenge, &visit).await {
        Ok(offer) => {
            let waiting = site.app.second_factors(&challenge, &visit).await?;
            enrol(&waiting.tenant, Step::Confirm(Some(offer.into())), return_to, &Trouble::default())
        }
        Err(Error::InvalidToken) => too_late(return_to, &site),
        Err(refused) => Err(refused.into()),
    }
}

/// Takes the app's first code, and shows the recovery codes.
pub(super) async fn confirm_app(
    State(site): State<Site>,
    visitor: Visitor,
    At(base): At,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let return_to = fields.text("returnTo");
    let Some(challenge) = challenge(&headers) else { return too_late(return_to, &site) };
    let visit = visitor.into();
    match site.app.confirm_totp_first(&challenge, &fields.secret("code"), &visit).await {
        Ok(completed) => {
            let place = place(&site, &completed, fields.said("returnTo"), &base).await?;
            arrived(&completed, place, &site).await
        }
        Err(Error::InvalidToken) => too_late(return_to, &site),
        // The secret was shown too long ago, or never.
        Err(Error::Conflict) => go(&address(TWO_FACTOR, &[("returnTo", return_to)])),
        Err(refused) => {
            let trouble = Trouble::of(refused)?;
            let waiting = site.app.second_factors(&challenge, &visit).await?;
            let page = enrol(&waiting.tenant, Step::Confirm(None), return_to, &trouble);
            trouble.answer(page)
        }
    }
}

/// The sign-in that waits in this browser.
fn challenge(headers: &HeaderMap) -> Option<Secret> {
    lone_cookie(headers, cookie::TWO_FACTOR).map(Secret::new)
}

/// The door of the one whose account it is.
fn door_of(tenant: &Tenant, return_to: &str) -> String {
    address("/sign-in", &[("client", tenant.id.as_str()), ("returnTo", return_to)])
}

fn door(return_to: &str) -> String {
    address("/sign-in", &[("returnTo", return_to)])
}

/// Back to the door, which says why.
fn too_late(return_to: &str, site: &Site) -> Answer {
    Ok(forgetting(done(&door(return_to), Said::SignInExpired, site)?, site))
}

async fn place(
    site: &Site,
    completed: &Completed,
    asked: Option<&str>,
    base: &purser_core::providers::Base,
) -> Result<String, Error> {
    match &completed.return_to {
        // Checked when they set out for their provider.
        Some(place) => Ok(place.clone()),
        None => site.app.place_after_sign_in(&completed.signed_in.user.tenant, asked, base).await,
    }
}

/// Whoever has shown both goes where they wanted, by way of their recovery codes if they are new.
async fn arrived(completed: &Completed, place: String, site: &Site) -> Answer {
    let dress = dress_of(site, Some(&completed.signed_in.user.tenant)).await?;
    let codes: Vec<_> = completed.recovery_codes.iter().map(|code| code.reveal().to_owned()).collect();
    let response = if !codes.is_empty() {
        shown(&FirstCodes { dress, codes, on: place })
    } else if origin(&place).is_some() {
        // Where a form may lead was said before it was known whose it is: a link leads there.
        shown(&On { dress, on: place })
    } else {
        go(&place)
    };
    Ok(forgetting(welcomed(response?, &completed.signed_in, site), site))
}

fn forgetting(mut response: Response, site: &Site) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie::taken_away(cookie::TWO_FACTOR, &site.http));
    response
}

//! Signing in with a password or by way of a provider, and out again.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::providers::Base;
use purser_core::secret::Secret;
use purser_core::session::{Extent, SignedIn};
use purser_core::signin::{Claim, Leave, Welcome};
use serde::Deserialize;
use url::Url;

use super::form::Fields;
use super::letters::forgot_link;
use super::page::{Dress, Person, address, go, said_before, shown, shown_leading};
use super::parts::Field;
use super::trouble::Trouble;
use super::words::{self, Said};
use crate::client_api::session::provider_logout;
use crate::client_api::{buttons, signin};
use crate::cookie;
use crate::extract::{At, Form, NamedClient, Query, Visitor, same_origin};
use crate::fault::{Answer, Fault};
use crate::pages::TWO_FACTOR;
use crate::site::Site;

/// Where to go afterwards, and for whom.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) return_to: Option<String>,
}

/// The page of whoever is not signed in. Whoever is goes on.
pub(super) async fn page(
    State(site): State<Site>,
    person: Result<Person, Fault>,
    client: NamedClient,
    At(base): At,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Answer {
    let return_to = asked.return_to.as_deref();
    if let Ok(person) = person
        && client.name().is_none_or(|named| *named == person.caller.tenant().id)
    {
        let tenant = &person.caller.tenant().id;
        return go(&site.app.place_after_sign_in(tenant, return_to, &base).await?);
    }
    let whose = match site.app.welcome(client.name(), return_to, &base).await {
        Ok(welcome) => Whose::Known(welcome),
        Err(Error::ClientRequired) => Whose::Unsaid,
        Err(Error::NotFound) => Whose::Nobodys(client.name().map(ToString::to_string).unwrap_or_default()),
        Err(other) => return Err(other.into()),
    };
    let trouble = Trouble::default();
    form(&site, &whose, &Fields::default(), return_to.unwrap_or_default(), &trouble, said_before(&headers)).await
}

/// Takes e-mail and password.
pub(super) async fn enter(
    State(site): State<Site>,
    visitor: Visitor,
    At(base): At,
    headers: HeaderMap,
    Form(fields): Form<Fields, 16_384>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let client = fields.said("client");
    let claim = Claim {
        email: fields.text("email").to_owned(),
        password: fields.secret("password"),
        client: client.map(str::to_owned),
        cookie: signin::sent_along(&headers),
    };
    let refused = match site.app.sign_in(claim, &visitor.into()).await {
        Ok(signed_in) => {
            let place = site.app.place_after_sign_in(&signed_in.user.tenant, fields.said("returnTo"), &base).await?;
            return Ok(welcomed(go(&place)?, &signed_in, &site));
        }
        Err(Error::TwoFactorRequired(challenge)) => return one_more_step(&challenge, fields.text("returnTo"), &site),
        Err(refused) => refused,
    };
    again(&site, &fields, refused, &base).await
}

/// Takes what a passkey says in place of e-mail and password.
pub(super) async fn enter_by_passkey(
    State(site): State<Site>,
    visitor: Visitor,
    At(base): At,
    headers: HeaderMap,
    Form(fields): Form<Fields, 65_536>,
) -> Answer {
    same_origin(&headers, &site.http)?;
    let named = named(&fields);
    let Some(said) = fields.said("passkey") else {
        // What the page asked the browser with was too old: once more with what is new.
        return form(
            &site,
            &whose(&site, &fields, &base).await,
            &fields,
            fields.text("returnTo"),
            &Trouble::default(),
            None,
        )
        .await;
    };
    let signed_in = match serde_json::from_str(said) {
        Ok(shown) => site.app.sign_in_with_passkey(&shown, named.as_ref(), &visitor.into()).await,
        Err(_) => Err(Error::InvalidCredentials),
    };
    match signed_in {
        Ok(signed_in) => {
            let place = site.app.place_after_sign_in(&signed_in.user.tenant, fields.said("returnTo"), &base).await?;
            Ok(welcomed(go(&place)?, &signed_in, &site))
        }
        Err(refused) => again(&site, &fields, refused, &base).await,
    }
}

/// The form once more, and why.
async fn again(site: &Site, fields: &Fields, refused: Error, base: &Base) -> Answer {
    let whose = whose(site, fields, base).await;
    let by_password = fields.said("passkey").is_none();
    let trouble = match refused {
        Error::InvalidCredentials if by_password => Trouble::saying(refused, words::WRONG_AT_THE_DOOR),
        refused => Trouble::of(refused)?,
    };
    let page = form(site, &whose, fields, fields.text("returnTo"), &trouble, None).await;
    trouble.answer(page)
}

/// Whom a form names.
pub(super) fn named(fields: &Fields) -> Option<TenantId> {
    fields.said("client").and_then(|name| name.parse().ok())
}

async fn whose(site: &Site, fields: &Fields, base: &Base) -> Whose {
    match site.app.welcome(named(fields).as_ref(), fields.said("returnTo"), base).await {
        Ok(welcome) => Whose::Known(welcome),
        Err(_) => Whose::Unsaid,
    }
}

/// Gives whoever has signed in their session.
pub(super) fn welcomed(mut response: Response, signed_in: &SignedIn, site: &Site) -> Response {
    let handed = &signed_in.handed;
    let line = |value| cookie::given(cookie::CLIENT, value, handed.cookie_max_age, &site.http);
    if let Some(line) = handed.cookie.as_ref().map(line) {
        response.headers_mut().append(SET_COOKIE, line);
    }
    response
}

/// On to the second factor. The challenge goes along out of reach of scripts, and in no address.
pub(super) fn one_more_step(challenge: &Secret, return_to: &str, site: &Site) -> Answer {
    let mut response = go(&address(TWO_FACTOR, &[("returnTo", return_to)]))?;
    response.headers_mut().append(SET_COOKIE, cookie::challenge(challenge, &site.http));
    Ok(response)
}

/// Whose sign-in page it is.
enum Whose {
    Known(Welcome),
    /// There are several, and none is named.
    Unsaid,
    /// There is none of this name.
    Nobodys(String),
}

#[derive(Template)]
#[template(path = "console/sign-in.html")]
struct Door<'a> {
    dress: Dress,
    welcome: Option<&'a Welcome>,
    /// Whether people sign in with passwords.
    passwords: bool,
    buttons: Vec<Button<'a>>,
    return_to: &'a str,
    /// What has just happened.
    said: &'static str,
    sentence: &'static str,
    email: Field,
    password: Field,
    client: Option<Field>,
    /// The name of an organisation that is none.
    nobodys: &'a str,
    /// Where to go who has forgotten the password.
    forgot: Option<String>,
    /// What a browser asks its passkeys.
    passkey: Option<String>,
}

/// A way in by a provider.
pub(super) struct Button<'a> {
    pub(super) label: &'a str,
    pub(super) href: String,
}

async fn form(
    site: &Site,
    whose: &Whose,
    typed: &Fields,
    asked: &str,
    trouble: &Trouble,
    said: Option<Said>,
) -> Answer {
    let welcome = if let Whose::Known(welcome) = whose { Some(welcome) } else { None };
    let return_to = welcome.map_or(asked, |welcome| &welcome.return_to);
    let client = Field::line("client", "Organisation")
        .hint("Its short name, as in its address. Not needed if you belong to one only.")
        .filled(typed.text("client"))
        .known_as("organization")
        .optional();
    let email = Field::email("email", "E-mail address")
        .filled(typed.text("email"))
        .wrong(trouble.about("email"))
        .known_as("username");
    let password =
        Field::password("password", "Password").wrong(trouble.about("password")).known_as("current-password");
    let named = typed.said("email").is_some();
    let passwords = welcome.is_none_or(|welcome| !welcome.sso_only);
    let tenant = welcome.map(|welcome| &welcome.tenant);
    let page = Door {
        dress: welcome.map_or_else(Dress::new, |it| Dress::with(&it.tenant, it.accent, it.logo.as_deref())),
        welcome,
        passwords,
        buttons: welcome.map(buttons_of).unwrap_or_default(),
        return_to,
        said: said.map(Said::sentence).unwrap_or_default(),
        sentence: trouble.sentence,
        email: if named { email } else { email.focused() },
        password: if named { password.focused() } else { password },
        client: welcome.is_none().then_some(client),
        nobodys: if let Whose::Nobodys(name) = whose { name } else { "" },
        forgot: (passwords && site.app.sends_links()).then(|| forgot_link(tenant.map_or("", TenantId::as_str))),
        // Where passkeys cannot be used, there is none to ask for.
        passkey: site.app.start_passkey_sign_in(tenant).await.ok().map(|options| options.to_string()),
    };
    // Only what the tenant has listed; before it is known whose page this is, nothing is.
    shown_leading(&page, welcome.and_then(|it| origin(&it.return_to)).as_deref())
}

pub(super) fn buttons_of(welcome: &Welcome) -> Vec<Button<'_>> {
    let return_to = Some(welcome.return_to.as_str()).filter(|place| *place != "/");
    let each = welcome.buttons.iter();
    each.map(|it| Button { label: &it.label, href: buttons::address(it, Some(&welcome.tenant), return_to) }).collect()
}

/// The other origin that a place lies in.
pub(super) fn origin(place: &str) -> Option<String> {
    Url::parse(place).ok().map(|url| url.origin().ascii_serialization())
}

#[derive(Template)]
#[template(path = "console/signed-out.html")]
struct SignedOut {
    dress: Dress,
    /// Where to sign in again.
    again: String,
    elsewhere: Option<Elsewhere>,
}

/// The way to sign out at the provider too.
struct Elsewhere {
    location: String,
    fields: Vec<(String, String)>,
    posts: bool,
}

impl From<Leave> for Elsewhere {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::To(location) => Self { location, fields: Vec::new(), posts: false },
            Leave::Form { location, fields } => Self { location, fields, posts: true },
        }
    }
}

/// Ends the session. The cookie goes in any case; only another site's page is refused.
pub(super) async fn leave(State(site): State<Site>, person: Result<Person, Fault>, headers: HeaderMap) -> Answer {
    same_origin(&headers, &site.http)?;
    let Ok(person) = person else { return Ok(forgetting(go("/signed-out")?, &site)) };
    let elsewhere = provider_logout(&site, &person.caller, &headers).await.map(Elsewhere::from);
    site.app.sign_out(&person.caller, Extent::This).await?;
    let again = format!("/sign-in?client={}", person.caller.tenant().id);
    let Some(elsewhere) = elsewhere else {
        return Ok(forgetting(go(&format!("/signed-out?client={}", person.caller.tenant().id))?, &site));
    };
    let there = origin(&elsewhere.location).map(|origin| format!("{origin} https:"));
    let page = SignedOut { dress: Dress::of(person.caller.tenant()), again, elsewhere: Some(elsewhere) };
    Ok(forgetting(shown_leading(&page, there.as_deref())?, &site))
}

/// Where somebody is who has signed out.
pub(super) async fn left(State(site): State<Site>, client: NamedClient) -> Answer {
    let again = client.name().map_or_else(|| "/sign-in".to_owned(), |name| format!("/sign-in?client={name}"));
    shown(&SignedOut { dress: dress_of(&site, client.name()).await?, again, elsewhere: None })
}

/// As the one named looks; as the program's own if there is none.
pub(super) async fn dress_of(site: &Site, client: Option<&TenantId>) -> Result<Dress, Error> {
    let Some(name) = client else { return Ok(Dress::new()) };
    match site.app.dressed(name).await {
        Ok(tenant) => Ok(Dress::of(&tenant)),
        Err(Error::NotFound) => Ok(Dress::new()),
        Err(fault) => Err(fault),
    }
}

fn forgetting(mut response: Response, site: &Site) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie::taken_away(cookie::CLIENT, &site.http));
    response
}

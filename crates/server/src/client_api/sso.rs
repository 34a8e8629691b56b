//! What the doors of single sign-on share: reading a wish to set out, sending people away and taking them in again.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use purser_core::audit::Visit;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::providers::Base;
use purser_core::secret::Secret;
use purser_core::signin::{Arrival, Departure, Door, Hop, Leave, Native, Returned, Start};
use serde::Deserialize;
use url::form_urlencoded::Serializer;
use utoipa::ToSchema;

use crate::cookie;
use crate::extract::{At, NamedClient, Query, Visitor, lone_cookie};
use crate::fault::{Answer, Fault};
use crate::http_settings::HttpSettings;
use crate::pages;
use crate::site::Site;

/// How long a sub-domain waits for a sign-in it sent to the main address: a little longer than the sign-in may take.
const HOP_LIFETIME: Duration = Duration::from_mins(12);

/// What an address may carry.
const MAX_ADDRESS: usize = 2_000;
const MAX_NAME: usize = 100;

/// What somebody who wants to set out says in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    provider: Option<String>,
    return_to: Option<String>,
    redirect: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    state: Option<String>,
}

impl Wish {
    /// The words as they were said, each at most as long as it can be of use.
    fn within_bounds(self) -> Result<Self> {
        for (field, value, most) in [
            ("provider", &self.provider, MAX_NAME),
            ("returnTo", &self.return_to, MAX_ADDRESS),
            ("redirect", &self.redirect, MAX_ADDRESS),
            ("codeChallenge", &self.code_challenge, MAX_NAME),
            ("state", &self.state, MAX_NAME),
        ] {
            bounded(field, value.as_deref(), most)?;
        }
        if self.code_challenge_method.as_deref().is_some_and(|method| method != "S256") {
            return Err(Error::invalid("codeChallengeMethod", "use S256"));
        }
        Ok(self)
    }

    fn native(&self) -> Result<Option<Native>> {
        match (&self.redirect, &self.code_challenge) {
            (None, None) => Ok(None),
            (Some(redirect), Some(challenge)) => {
                Ok(Some(Native { redirect: redirect.clone(), challenge: challenge.clone(), state: self.state.clone() }))
            }
            (Some(_), None) => Err(Error::invalid("codeChallenge", "is missing; redirect needs it")),
            (None, Some(_)) => Err(Error::invalid("redirect", "is missing; codeChallenge needs it")),
        }
    }
}

/// Refuses what is longer than can be of use.
pub(super) fn bounded(field: &str, value: Option<&str>, most: usize) -> Result<()> {
    match value {
        Some(value) if value.len() > most => Err(Error::invalid(field, format!("is longer than {most} bytes"))),
        _ => Ok(()),
    }
}

/// Somebody at a door who wants to set out for their identity provider.
#[derive(Debug)]
pub struct Knock {
    wish: Wish,
    client: NamedClient,
    base: Base,
    headers: HeaderMap,
    path: String,
    visit: Visit,
}

impl FromRequestParts<Site> for Knock {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let Query(wish) = Query::<Wish>::from_request_parts(parts, site).await?;
        let client = NamedClient::from_request_parts(parts, site).await?;
        let At(base) = At::from_request_parts(parts, site).await?;
        let visit = Visitor::of(parts, &site.http).into();
        let (headers, path) = (parts.headers.clone(), parts.uri.path().to_owned());
        Ok(Self { wish: wish.within_bounds()?, client, base, headers, path, visit })
    }
}

impl Knock {
    /// The name of the provider.
    pub(super) fn provider(&self) -> Option<&str> {
        self.wish.provider.as_deref().filter(|name| !name.is_empty())
    }

    /// The tenant on whose own host this is.
    pub(super) fn sub_domain(&self) -> Option<&TenantId> {
        self.client.sub_domain.as_ref()
    }

    /// Who knocks.
    pub(super) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// What to ask of the system.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for half of what a native app has to say.
    pub(super) fn start(&self) -> Result<Start> {
        Ok(Start {
            tenant: self.client.name().cloned(),
            provider: self.provider().map(str::to_owned),
            return_to: self.wish.return_to.clone(),
            native: self.wish.native()?,
            base: self.base.clone(),
            door: Door::Own,
        })
    }

    /// The way to the main address, if this is a sub-domain: identity providers know one address of ours only. What comes back is
    /// a code that is of use only together with the cookie that stays here. An app that brings a challenge of its own gets the
    /// code itself, and nothing stays.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for half of what a native app has to say.
    pub(super) fn hop(&self, site: &Site) -> Result<Option<Response>> {
        let Some(tenant) = &self.client.sub_domain else { return Ok(None) };
        if self.wish.native()?.is_some() {
            return Ok(Some(see_other(&self.main_address(None))?));
        }
        let hop = site.app.hop(&self.base, tenant);
        let mut response = see_other(&self.main_address(Some(&hop)))?;
        set(&mut response, cookie::room_for_one(&self.headers, Door::Own, &site.http));
        set(&mut response, [cookie::hop(&hop.state, &hop.verifier, HOP_LIFETIME, &site.http)]);
        Ok(Some(response))
    }

    /// The same door at the main address, with all that was said here.
    fn main_address(&self, hop: Option<&Hop>) -> String {
        let wish = &self.wish;
        let said = [
            ("client", self.client.name().map(TenantId::as_str)),
            ("provider", wish.provider.as_deref()),
            ("returnTo", wish.return_to.as_deref()),
            ("redirect", hop.map(|hop| &*hop.landing).or(wish.redirect.as_deref())),
            ("codeChallenge", hop.map(|hop| &*hop.challenge).or(wish.code_challenge.as_deref())),
            ("state", hop.map(|hop| &*hop.state).or(wish.state.as_deref())),
        ];
        let mut query = Serializer::new(String::new());
        query.extend_pairs(said.into_iter().filter_map(|(name, value)| Some((name, value?))));
        format!("{}{}?{}", self.base.as_str(), self.path, query.finish())
    }

    /// Sends the browser away, with the cookie that ties the sign-in to it.
    ///
    /// # Errors
    /// `INTERNAL` for an address that no header can hold.
    pub(super) fn depart(&self, departure: &Departure, door: Door, settings: &HttpSettings) -> Result<Response> {
        let mut response = leave(&departure.to)?;
        set(&mut response, cookie::room_for_one(&self.headers, door, settings));
        set(&mut response, [cookie::flow(&departure.flow, door, settings)]);
        Ok(response)
    }
}

/// Sends the browser to another place.
///
/// # Errors
/// `INTERNAL` for a place that is none.
pub(super) fn leave(to: &Leave) -> Result<Response> {
    match to {
        Leave::To(address) => see_other(address),
        Leave::Form { location, fields } => pages::handover(location, fields),
    }
}

/// `303`: the browser goes there with GET, whatever it came with (RFC 9110 section 15.4.4). The address is one that core gave, or
/// made of parts that were encoded here.
///
/// # Errors
/// `INTERNAL` if it holds what no header can: a line break above all.
pub(super) fn see_other(address: &str) -> Result<Response> {
    let location = HeaderValue::try_from(address).map_err(Error::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

fn set(response: &mut Response, lines: impl IntoIterator<Item = HeaderValue>) {
    for line in lines {
        response.headers_mut().append(SET_COOKIE, line);
    }
}

/// Takes in whoever comes back, as [`arrive`]; or sends a browser on to the page that asks for a second factor. The challenge goes along
/// in a cookie, out of reach of scripts and out of every address; programs get it with the refusal.
///
/// # Errors
/// Whatever kept them from arriving.
pub(super) fn taken_in(
    arrival: Result<Arrival>,
    waited: Option<&str>,
    door: Door,
    headers: &HeaderMap,
    settings: &HttpSettings,
) -> Answer {
    match arrival {
        Ok(arrival) => Ok(arrive(&arrival, waited, door, settings)?),
        Err(Error::TwoFactorRequired(challenge)) if pages::wants_a_page(headers) => {
            let mut response = see_other(pages::TWO_FACTOR)?;
            set(&mut response, waited.map(|name| cookie::done_with(name, door, settings)));
            set(&mut response, [cookie::challenge(&challenge, settings)]);
            Ok(response)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// Takes in whoever comes back in a browser: the session cookie and a way on, or a code for those who asked for one. The cookie
/// that waited for them is taken away.
///
/// # Errors
/// `INTERNAL` for an address that no header can hold.
fn arrive(arrival: &Arrival, waited: Option<&str>, door: Door, settings: &HttpSettings) -> Result<Response> {
    let (to, flow_cookie) = match arrival {
        Arrival::Session { return_to, flow_cookie, .. } => (return_to, flow_cookie),
        Arrival::Elsewhere { to, flow_cookie } => (to, flow_cookie),
    };
    let mut response = see_other(to)?;
    let done = flow_cookie.as_deref().into_iter().chain(waited);
    set(&mut response, done.map(|name| cookie::done_with(name, door, settings)));
    if let Arrival::Session { signed_in, .. } = arrival {
        let handed = &signed_in.handed;
        let line = |value| cookie::given(cookie::CLIENT, value, handed.cookie_max_age, settings);
        set(&mut response, handed.cookie.as_ref().map(line));
    }
    Ok(response)
}

/// The cookies of a request, for those who know which one they want.
pub(super) fn jar(headers: &HeaderMap) -> impl Fn(&str) -> Option<Secret> + Send + Sync {
    |name| lone_cookie(headers, name).map(Secret::new)
}

/// What an identity provider sent a browser back with, in the address or in a form.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Answered {
    /// As we gave it.
    state: Option<String>,
    /// The provider's one-time code.
    code: Option<String>,
    /// Who answers (RFC 9207).
    iss: Option<String>,
    /// Why there is no code.
    error: Option<String>,
    /// The same in words.
    error_description: Option<String>,
}

impl Answered {
    /// The same, for the system.
    pub(super) fn returned(&self) -> Returned<'_> {
        Returned {
            state: self.state.as_deref(),
            code: self.code.as_deref(),
            iss: self.iss.as_deref(),
            error: self.error.as_deref(),
            error_description: self.error_description.as_deref(),
        }
    }

    /// The same as a query.
    pub(super) fn query(&self) -> String {
        let said = [
            ("state", &self.state),
            ("code", &self.code),
            ("iss", &self.iss),
            ("error", &self.error),
            ("error_description", &self.error_description),
        ];
        let mut query = Serializer::new(String::new());
        query.extend_pairs(said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        query.finish()
    }
}

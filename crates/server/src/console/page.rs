//! What every page has in common: who is looking at it, what stands around it, and how it is sent.

use std::fmt::Write as _;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use purser_core::access::{Caller, Right};
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::tenants::{Accent, Tenant};
use url::form_urlencoded::Serializer;

use super::assets::{ICON, SCRIPT, STYLE};
use super::look;
use super::refusal::Asker;
use super::words::Said;
use crate::cookie;
use crate::extract::{Who, lone_cookie};
use crate::fault::{Answer, Fault};
use crate::site::Site;

/// Who is looking at a page. Nobody else sees one.
pub(super) struct Person {
    /// Who it is.
    pub(super) caller: Caller,
    said: Option<Said>,
}

impl FromRequestParts<Site> for Person {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let Who(caller) = Who::from_request_parts(parts, site).await?;
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.is(&caller);
        }
        Ok(Self { caller, said: said_before(&parts.headers) })
    }
}

impl Person {
    /// Whether they hold a right: what they may not do is not shown.
    pub(super) fn may(&self, right: Right) -> bool {
        self.caller.holds(right)
    }

    /// What stands around a page of theirs.
    pub(super) fn chrome(&self, here: Place, title: impl Into<String>) -> Chrome {
        let user = self.caller.user();
        let open = Place::ALL.iter().filter(|place| place.needs().is_none_or(|right| self.may(right)));
        let links = open.map(|place| Link { href: place.path(), label: place.label(), here: *place == here });
        Chrome {
            dress: Dress::of(self.caller.tenant()),
            title: title.into(),
            tenant: self.caller.tenant().name.clone(),
            name: format!("{} {}", user.first_name, user.last_name),
            email: user.email.clone(),
            home: "/",
            links: links.collect(),
            account: Some(here == Place::Account),
            sign_out: "/sign-out",
            said: self.said.map(Said::sentence),
        }
    }
}

/// The parts of the console.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    Jobs,
    Templates,
    People,
    Providers,
    Domains,
    Settings,
    Audit,
    Account,
}

impl Place {
    /// Those that the navigation lists.
    const ALL: &[Self] = &[
        Self::Start,
        Self::Jobs,
        Self::Templates,
        Self::People,
        Self::Providers,
        Self::Domains,
        Self::Settings,
        Self::Audit,
    ];

    fn needs(self) -> Option<Right> {
        match self {
            Self::Start | Self::Account => None,
            Self::Jobs | Self::Templates => Some(Right::WorkRead),
            Self::People => Some(Right::UsersRead),
            Self::Providers | Self::Domains | Self::Settings => Some(Right::SettingsManage),
            Self::Audit => Some(Right::AuditRead),
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Start => "/",
            Self::Jobs => "/jobs",
            Self::Templates => "/templates",
            Self::People => "/people",
            Self::Providers => "/providers",
            Self::Domains => "/domains",
            Self::Settings => "/settings",
            Self::Audit => "/audit",
            Self::Account => "/account",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Start => "Overview",
            Self::Jobs => "Jobs",
            Self::Templates => "Templates",
            Self::People => "People",
            Self::Providers => "Sign-in",
            Self::Domains => "Domains",
            Self::Settings => "Settings",
            Self::Audit => "Audit log",
            Self::Account => "Your account",
        }
    }
}

/// What stands around a page.
pub(super) struct Chrome {
    /// Stylesheet, script, picture.
    pub(super) dress: Dress,
    /// What the page is about.
    pub(super) title: String,
    /// Whose console it is.
    pub(super) tenant: String,
    /// Who is looking.
    pub(super) name: String,
    /// Their address.
    pub(super) email: String,
    /// Where it begins.
    pub(super) home: &'static str,
    /// Where they may go.
    pub(super) links: Vec<Link>,
    /// Whether this is their own account; none if there is no page of it.
    pub(super) account: Option<bool>,
    /// Where a form signs them out.
    pub(super) sign_out: &'static str,
    /// What has just been done.
    pub(super) said: Option<&'static str>,
}

/// A way to another part.
pub(super) struct Link {
    pub(super) href: &'static str,
    pub(super) label: &'static str,
    pub(super) here: bool,
}

/// Where a page's stylesheet, script and picture are.
pub(super) struct Dress {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
    /// The organisation's own shades, if it has a colour.
    pub(super) shades: Option<String>,
    /// Its own logo.
    pub(super) logo: Option<String>,
    /// Its name, for pages that say it under their title.
    pub(super) whose: Option<String>,
}

impl Dress {
    /// The program's own.
    pub(super) fn new() -> Self {
        Self { style: &STYLE.path, script: &SCRIPT.path, icon: &ICON.path, shades: None, logo: None, whose: None }
    }

    /// An organisation's.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self { whose: Some(tenant.name.clone()), ..Self::with(&tenant.id, tenant.accent, tenant.logo.as_deref()) }
    }

    /// The same, of its parts.
    pub(super) fn with(tenant: &TenantId, accent: Option<Accent>, logo: Option<&str>) -> Self {
        let shades = accent.map(|accent| look::shades_path(tenant, accent));
        Self { shades, logo: logo.map(|logo| look::logo_path(tenant, logo)), ..Self::new() }
    }
}

/// Everything is ours, and nothing is written into the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'self'";

/// A page.
pub(super) fn shown(page: &impl Template) -> Answer {
    shown_leading(page, None)
}

/// A page whose form may lead to another origin in the end: browsers hold redirects against `form-action` too.
pub(super) fn shown_leading(page: &impl Template, origin: Option<&str>) -> Answer {
    let text = page.render().map_err(Error::internal)?;
    let mut policy = POLICY.to_owned();
    if let Some(origin) = origin {
        write!(policy, " {origin}").map_err(Error::internal)?;
    }
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).map_err(Error::internal)?),
    ];
    Ok((head, text).into_response())
}

/// What was done before this page, from the cookie that says so.
pub(super) fn said_before(headers: &HeaderMap) -> Option<Said> {
    lone_cookie(headers, cookie::SAID).and_then(Said::read)
}

/// `303` to another page (RFC 9110 section 15.4.4).
pub(super) fn go(to: &str) -> Answer {
    let to = HeaderValue::try_from(to).map_err(Error::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response())
}

/// The same, and that page says once what was done.
pub(super) fn done(to: &str, said: Said, site: &Site) -> Answer {
    let mut response = go(to)?;
    response.headers_mut().append(SET_COOKIE, cookie::said(said.word(), &site.http));
    Ok(response)
}

/// Whether a response is a page.
pub(super) fn is_page(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/html"))
}

/// A path with what is asked for, empty answers left out.
pub(super) fn address(path: &str, asked: &[(&str, &str)]) -> String {
    let said: Vec<_> = asked.iter().filter(|(_, value)| !value.is_empty()).collect();
    if said.is_empty() {
        return path.to_owned();
    }
    let query = said.into_iter().fold(Serializer::new(String::new()), |mut query, (name, value)| {
        query.append_pair(name, value);
        query
    });
    let mut query = query;
    format!("{path}?{}", query.finish())
}

/// The things of one page, and the place after which the next begins.
pub(super) struct Cut<T> {
    /// As many as a page shows.
    pub(super) things: Vec<T>,
    /// Where to go on.
    pub(super) next: Option<String>,
}

/// How many things a page lists.
pub(super) const SHOWN: u32 = 50;

/// Cuts a list, that was asked for with one more than is shown, to what is shown.
pub(super) fn cut<T>(mut things: Vec<T>, most: u32, place: impl Fn(&T) -> String) -> Cut<T> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = things.len() > most;
    things.truncate(most);
    let next = things.last().filter(|_| more).map(place);
    Cut { things, next }
}

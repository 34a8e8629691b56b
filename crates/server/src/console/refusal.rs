//! What surrounds every page: where it is to be asked for, what is kept of it, and what a person sees instead when it is refused.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, REFERER, REFERRER_POLICY, SET_COOKIE};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use purser_core::access::Caller;
use purser_core::error::Code;

use super::page::{Dress, address, go, is_page, shown};
use super::words;
use crate::cookie;
use crate::extract::{NamedClient, lone_cookie, own_origin};
use crate::fault::{Denied, Verdict};
use crate::http_settings::HttpSettings;
use crate::layers::Arrived;
use crate::pages::wants_a_page;
use crate::site::Site;

/// Around every page. Nothing of them is kept by a cache. Our own pages are told where one comes from, nobody else is: with
/// `no-referrer`, browsers would also keep from us whether a form is our own (Fetch, section 3.2, `Origin`).
pub(super) async fn for_people(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let reader = Reader::of(&request, &site.http);
    if let Some(main) = reader.elsewhere.as_deref() {
        return go(main).unwrap_or_else(IntoResponse::into_response);
    }
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let answered = next.run(request).await;
    let denied = asker.denied(&answered, &site);
    let mut response = reader.read(answered);
    response.extensions_mut().extend(denied);
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    if reader.was_told && is_page(&response) {
        response.headers_mut().append(SET_COOKIE, cookie::said_already(&site.http));
    }
    response
}

/// Who asked for a page, once that is known.
#[derive(Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<Caller>>);

impl Asker {
    /// Remembers who it is.
    pub(super) fn is(&self, caller: &Caller) {
        self.0.get_or_init(|| caller.clone());
    }

    /// What is to be written down, if they were refused for want of a right.
    fn denied(&self, answered: &Response, site: &Site) -> Extensions {
        let mut with = Extensions::new();
        let refused = answered.extensions().get::<Verdict>().is_some_and(|it| it.code == Code::Forbidden.as_str());
        if let Some(caller) = self.0.get().filter(|_| refused) {
            with.insert(Denied { app: Arc::clone(&site.app), caller: caller.clone() });
        }
        with
    }
}

/// Who asks, as far as a refusal has to know.
struct Reader {
    /// Whether it is a person in front of a browser.
    person: bool,
    /// The address asked for, if it can be come back to.
    target: Option<String>,
    /// The page it was asked from.
    back: Option<String>,
    request_id: Arc<str>,
    /// The same at the main address, where alone forms are taken and sessions kept.
    elsewhere: Option<String>,
    /// Whether something is to be said on the next page.
    was_told: bool,
    realm: Realm,
}

impl Reader {
    fn of(request: &Request, settings: &HttpSettings) -> Self {
        let headers = request.headers();
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        let target = request.uri().path_and_query().map(ToString::to_string);
        Self {
            person: wants_a_page(headers),
            back: back(headers, settings),
            request_id: Arrived::id_of(request.extensions()),
            elsewhere: target.as_deref().filter(|_| looks).and_then(|it| at_main_address(request, settings, it)),
            target: target.filter(|_| looks),
            was_told: lone_cookie(headers, cookie::SAID).is_some(),
            realm: Realm::of(request.uri().path()),
        }
    }

    /// Every refusal as a page, with the same status and headers; whoever has only to sign in is sent to do so, and back.
    fn read(&self, response: Response) -> Response {
        let Some(verdict) = response.extensions().get::<Verdict>().filter(|_| self.person && is_json(&response)) else {
            return response;
        };
        let signs_in = matches!(verdict.code, "INVALID_TOKEN" | "TOKEN_EXPIRED");
        if signs_in && let Some(target) = &self.target {
            let place = address(self.realm.door(), &[("returnTo", if target == "/" { "" } else { target })]);
            return go(&place).unwrap_or_else(IntoResponse::into_response);
        }
        let words::Refusal { title, advice } = words::refusal(verdict);
        let (href, label) = match &self.back {
            _ if signs_in => (self.realm.door(), "Sign in"),
            Some(back) => (back.as_str(), "Back"),
            None => (self.realm.start(), "To the start"),
        };
        let code = verdict.code;
        let page = Refusal { dress: Dress::new(), title, advice, code, href, label, request_id: &self.request_id };
        let Ok(page) = shown(&page) else { return response };
        let (mut told, _) = response.into_parts();
        let (page, body) = page.into_parts();
        told.headers.remove(CONTENT_LENGTH);
        told.headers.extend(page.headers);
        Response::from_parts(told, body)
    }
}

/// Whose pages.
#[derive(Clone, Copy)]
enum Realm {
    /// A tenant's people's.
    Client,
    /// System administrators'.
    Admin,
}

impl Realm {
    fn of(path: &str) -> Self {
        if path == "/admin" || path.starts_with("/admin/") { Self::Admin } else { Self::Client }
    }

    fn door(self) -> &'static str {
        match self {
            Self::Client => "/sign-in",
            Self::Admin => "/admin/sign-in",
        }
    }

    fn start(self) -> &'static str {
        match self {
            Self::Client => "/",
            Self::Admin => "/admin",
        }
    }
}

#[derive(Template)]
#[template(path = "console/refusal.html")]
struct Refusal<'a> {
    dress: Dress,
    title: &'static str,
    advice: &'static str,
    code: &'static str,
    href: &'a str,
    label: &'static str,
    request_id: &'a str,
}

fn is_json(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"application/json"))
}

/// The page of ours that this was asked from.
fn back(headers: &HeaderMap, settings: &HttpSettings) -> Option<String> {
    let from = headers.get(REFERER)?.to_str().ok()?;
    let path = from.strip_prefix(&*own_origin(headers, settings)?)?;
    (path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned())
}

/// A tenant's sub-domain only names the tenant: its pages are at the main address.
fn at_main_address(request: &Request, settings: &HttpSettings, target: &str) -> Option<String> {
    let public = settings.public_url.as_ref()?;
    let tenant = NamedClient::of(request.headers(), request.uri(), settings).ok()?.sub_domain?;
    let place = if request.uri().path() == "/sign-in" && !target.contains("client=") {
        format!("{target}{}client={tenant}", if target.contains('?') { '&' } else { '?' })
    } else {
        target.to_owned()
    };
    let place = if request.uri().path() == "/" { format!("/sign-in?client={tenant}") } else { place };
    Some(format!("{}{place}", public.origin()))
}

//! What surrounds every page: where it is to be asked for, what is kept of it, and what a person sees instead when it is refused.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, REFERER, REFERRER_POLICY, SET_COOKIE};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use purser_core::access::Caller;
use purser_core::error::{Code, Error};

use super::page::{Dress, address, go, is_page, shown};
use super::sent::{Again, Sent};
use super::words;
use crate::cookie;
use crate::extract::{NamedClient, lone_cookie, own_origin};
use crate::fault::{Denied, Fault, Verdict};
use crate::http_settings::HttpSettings;
use crate::layers::{Arrived, enveloped};
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
    let (sent, request) = if reader.person { Sent::with(request, &site.http) } else { (None, request) };
    let answered = enveloped(next.run(request).await);
    let denied = asker.denied(&answered, &site);
    let mut response = match (signs_in(&answered), sent) {
        (true, Some(sent)) => reader.send_again(answered, sent.again(&site.http).await),
        _ => reader.read(answered, asker.dress()),
    };
    response.extensions_mut().extend(denied);
    keep_to_us(response.headers_mut());
    if reader.was_told && is_page(&response) {
        response.headers_mut().append(SET_COOKIE, cookie::said_already(&site.http));
    }
    response
}

/// What somebody sees who asks for an address where nothing is. Programs are told as ever.
pub async fn nowhere(State(site): State<Site>, request: Request) -> Response {
    let refused = Fault::from(Error::NotFound).into_response();
    if request.uri().path().starts_with("/api/") {
        return refused;
    }
    let mut response = Reader::of(&request, &site.http).read(refused, Dress::new());
    if is_page(&response) {
        keep_to_us(response.headers_mut());
    }
    response
}

fn keep_to_us(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
}

/// Who asked for a page, once that is known.
#[derive(Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<Caller>>);

impl Asker {
    /// Remembers who it is.
    pub(super) fn is(&self, caller: &Caller) {
        self.0.get_or_init(|| caller.clone());
    }

    /// As their organisation looks; as the program does, if it is nobody.
    fn dress(&self) -> Dress {
        self.0.get().map_or_else(Dress::new, |caller| Dress::of(caller.tenant()))
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
    fn read(&self, response: Response, dress: Dress) -> Response {
        let Some(verdict) = response.extensions().get::<Verdict>().filter(|_| self.person && is_json(&response)) else {
            return response;
        };
        let signs_in = signs_in(&response);
        if let Some(target) = &self.target {
            if signs_in {
                return go(&self.door(target)).unwrap_or_else(IntoResponse::into_response);
            }
            // Whoever loads the address of a form anew, to which the answer to it had led them.
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                return go(above(target)).unwrap_or_else(IntoResponse::into_response);
            }
        }
        let words::Refusal { title, advice } = words::refusal(verdict);
        let (href, label) = match &self.back {
            _ if signs_in => (self.door(self.back.as_deref().unwrap_or_default()), "Sign in"),
            Some(back) => (back.clone(), "Back"),
            None => (self.realm.start().to_owned(), "To the start"),
        };
        let code = verdict.code;
        let page = Refusal { dress, title, advice, code, href, label, request_id: &self.request_id };
        let Ok(page) = shown(&page) else { return response };
        on(response, page)
    }

    /// What was typed, to whoever has to sign in first: they do that beside it, and send it once more.
    fn send_again(&self, response: Response, again: Option<Again>) -> Response {
        let Some(again) = again else { return self.read(response, Dress::new()) };
        let door = self.door(self.back.as_deref().unwrap_or_default());
        let Ok(page) = shown(&SendAgain { dress: Dress::new(), door, again }) else { return response };
        on(response, page)
    }

    /// Where to sign in, and then go on.
    fn door(&self, return_to: &str) -> String {
        address(self.realm.door(), &[("returnTo", if return_to == "/" { "" } else { return_to })])
    }
}

/// Whether somebody has only to sign in.
fn signs_in(response: &Response) -> bool {
    let verdict = response.extensions().get::<Verdict>();
    verdict.is_some_and(|it| matches!(it.code, "INVALID_TOKEN" | "TOKEN_EXPIRED"))
}

/// The page that a form's address belongs to: the path without its last part.
fn above(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    path.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty()).unwrap_or("/")
}

/// A refusal's status and headers, with a page for its body.
fn on(refusal: Response, page: Response) -> Response {
    let (mut told, _) = refusal.into_parts();
    let (page, body) = page.into_parts();
    told.headers.remove(CONTENT_LENGTH);
    told.headers.extend(page.headers);
    Response::from_parts(told, body)
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
    href: String,
    label: &'static str,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "console/send-again.html")]
struct SendAgain {
    dress: Dress,
    /// Where to sign in.
    door: String,
    again: Again,
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

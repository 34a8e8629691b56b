//! The page that tells a person why signing in did not work, in words that give no reason away.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::{STYLE, policy, shown, wants_a_page};
use crate::fault::Verdict;
use crate::layers::Arrived;

/// Around the doors that browsers come to: a refusal is a page for those who asked for one, with the same status and headers, and
/// the envelope for everybody else. Nothing of these doors is ever kept by a cache, whatever their path.
pub async fn for_browsers(request: Request, next: Next) -> Response {
    let reader = Reader::of(&request);
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match reader {
        Some(reader) => reader.read(response),
        None => response,
    }
}

/// Where browsers are sent that have shown one factor and owe another.
pub const TWO_FACTOR: &str = "/two-factor";

/// A person in front of a browser.
struct Reader {
    request_id: Arc<str>,
    /// The address asked for, if asking again is a good idea.
    again: Option<String>,
}

impl Reader {
    fn of(request: &Request) -> Option<Self> {
        let media = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !wants_a_page(request.headers()) || media.to_ascii_lowercase().starts_with(b"application/json") {
            return None;
        }
        let begins = request.method() == Method::GET && BEGINNINGS.contains(&request.uri().path());
        let target = request.uri().path_and_query().map(ToString::to_string);
        Some(Self { request_id: Arrived::id_of(request.extensions()), again: target.filter(|_| begins) })
    }

    /// The refusal as a page; every other answer as it is.
    fn read(self, response: Response) -> Response {
        let Some(verdict) = response.extensions().get::<Verdict>() else { return response };
        let words = words(verdict.code, verdict.field.as_deref());
        let way = match (words.then, self.again) {
            (Then::Nothing, _) => None,
            (Then::Again, Some(href)) => Some(Way { href, label: "Try again" }),
            (Then::Again | Then::Start, _) => Some(Way { href: "/".to_owned(), label: "Back to the start" }),
        };
        let page = Refusal { style: STYLE, words: &words, code: verdict.code, way, request_id: &self.request_id };
        let Ok(page) = shown(response.status(), &page, &policy()) else { return response };
        let (mut told, _) = response.into_parts();
        let (page, body) = page.into_parts();
        told.headers.remove(CONTENT_LENGTH);
        told.headers.extend(page.headers);
        Response::from_parts(told, body)
    }
}

/// Where a sign-in begins. To ask there again is harmless; everywhere else something has been spent.
const BEGINNINGS: &[&str] = &[
    "/api/client/auth/oidc",
    "/api/client/auth/okta-saml",
    "/api/client/auth/ms-dynamics",
    "/rest/auth-with-okta-saml",
];

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal<'a> {
    style: &'static str,
    words: &'a Words,
    code: &'static str,
    way: Option<Way>,
    request_id: &'a str,
}

/// A link that leads on.
struct Way {
    href: String,
    label: &'static str,
}

/// What a person is told.
struct Words {
    title: &'static str,
    advice: &'static str,
    then: Then,
}

/// What they can do about it.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Again,
    Start,
}

/// Constant words for each code, so that a page tells no more than the envelope does.
fn words(code: &str, field: Option<&str>) -> Words {
    let say = |title, advice, then| Words { title, advice, then };
    match code {
        "OIDC_STATE_INVALID" => say(
            "This sign-in is no longer under way",
            "It took longer than ten minutes, was finished already, or began in another browser. Please begin again.",
            Then::Start,
        ),
        "INVALID_TOKEN" | "SAML_INVALID" | "TOKEN_EXPIRED" => say(
            "You could not be signed in",
            "Your organisation's sign-in service answered, but its answer was not accepted, or you did not finish there. Please begin again. If it happens again, tell your administrator the time and the number below.",
            Then::Start,
        ),
        "ACCOUNT_UNKNOWN" => say(
            "There is no account for you here",
            "Your organisation knows you, but you have no account here that may be used. Ask your administrator for one.",
            Then::Nothing,
        ),
        "ACCOUNT_EXISTS" => say(
            "Your account is not connected yet",
            "An account with your e-mail address exists, and is not connected to this way of signing in. Sign in the way you did until now, or ask your administrator to connect it.",
            Then::Start,
        ),
        "FORBIDDEN" => say(
            "Signed in, but for another organisation",
            "The account you chose does not belong to the organisation that is registered here. Begin again with another account, or ask your administrator.",
            Then::Start,
        ),
        "UNKNOWN_PROVIDER" | "NOT_FOUND" => say(
            "There is no such way to sign in",
            "The address you followed names an organisation or a sign-in service that is not set up here, or is switched off. Ask your administrator for the right one.",
            Then::Start,
        ),
        "CLIENT_REQUIRED" => say(
            "Which organisation?",
            "The address you followed does not say for which organisation you want to sign in. Use the address your organisation gave you.",
            Then::Nothing,
        ),
        "LICENSE_REQUIRED" | "LICENSE_EXPIRED" | "LICENSE_SEATS" => say(
            "The licence does not allow it",
            "There is no licence, it has run out, or all its places are taken. Please tell your administrator.",
            Then::Nothing,
        ),
        "RATE_LIMITED" => say("Too many tries", "Please wait a moment before you try again.", Then::Again),
        "IDP_UNAVAILABLE" => say(
            "The sign-in service of your organisation does not answer",
            "That is usually over in a moment. If it is not, tell your administrator.",
            Then::Again,
        ),
        "VALIDATION_ERROR" if field == Some("server.public_url") => say(
            "Single sign-on is not set up on this server",
            "Its administrator has to set server.public_url to the address that people use, as https://id.example.com.",
            Then::Nothing,
        ),
        "VALIDATION_ERROR" | "PAYLOAD_TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "CSRF_REJECTED" => say(
            "This address is not complete",
            "Something in the address or in what was sent is missing or wrong. Please begin again from the page you came from.",
            Then::Start,
        ),
        _ => say(
            "Something went wrong on our side",
            "You have done nothing wrong. Please try again in a moment; if it stays, tell your administrator the number below.",
            Then::Again,
        ),
    }
}

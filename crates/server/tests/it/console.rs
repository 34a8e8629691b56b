//! The console over HTTP: what its pages are made of, who sees which, what they cost, and what their forms refuse.

mod compare;
mod factors;
mod import;
mod letters;
mod look;
mod overview;
mod pages;
mod places;
mod rights;
mod settings;
mod sign_in;
mod stale;
mod subdomain;
mod system;
mod two_factor;
mod walk;
mod work;

use crate::http::probe::Reply;
use crate::site::{Asker, Member};

/// Every route of the console, as its source lists them: the path, and whether a form is posted to it.
fn routes() -> Vec<(&'static str, bool)> {
    listed().map(|(path, methods)| (path, methods.contains("post("))).collect()
}

/// Whether something is only posted to a path: nobody looks at it.
fn is_unseen(path: &str) -> bool {
    listed().any(|(listed, methods)| listed == path && !methods.contains("get("))
}

/// The paths, and what answers there.
fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let source = include_str!("../../src/console/mod.rs");
    let lines = source.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
    lines.filter_map(|line| line.split_once("\", ")).filter(|(path, _)| !path.starts_with("/assets"))
}

/// Somebody signed in, in their browser.
fn in_browser<'s>(member: &Member<'s>) -> Asker<'s> {
    member.by_cookie()
}

/// Where a form led.
#[track_caller]
fn led_to(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{reply}");
    reply.header("location").unwrap().to_owned()
}

/// The cookies that an answer sets, whole.
fn set_cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, line)| line.as_str()).collect()
}

/// The value of an attribute in the first element that a mark is followed by it.
#[track_caller]
fn after<'a>(page: &'a str, mark: &str) -> &'a str {
    let (_, rest) = page.split_once(mark).unwrap_or_else(|| panic!("{mark} in {page}"));
    rest.split('"').next().unwrap()
}

/// What a browser sends of the form of settings: every text, empty ones too, and what is filled in here.
fn settings_form<'a>(filled: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let texts = [
        "accessTtl",
        "refreshTtl",
        "cookieIdle",
        "cookieMax",
        "twoFactorGrace",
        "passwordMinLength",
        "forbiddenWords",
        "returnTo",
        "nativeRedirects",
    ];
    let empty = texts.into_iter().filter(|text| filled.iter().all(|(name, _)| name != text)).map(|text| (text, ""));
    empty.chain(filled.iter().copied()).collect()
}

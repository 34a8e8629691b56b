//! The pages that people see while a provider signs them in: what went wrong, and the one that sends them on.
//!
//! They bring everything along: no address of ours but the page's own has to be reachable, and nobody else is asked for anything.

mod handover;
mod refusal;

use askama::Template;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use purser_core::error::{Error, Result};

pub use handover::handover;
pub use refusal::{TWO_FACTOR, for_browsers};

/// The stylesheet of all but the report, written into each page.
const STYLE: &str = include_str!("../../templates/page.css");

/// What a policy calls it by (CSP Level 3, section 2.3.1): this style and no other is obeyed.
const STYLE_HASH: &str = "sha256-YeIP/9jjg6r8OI4tP0XsjVgKEoBUh7F4wnYTmrZLxug=";

/// A page with its policy.
pub(crate) fn shown(status: StatusCode, page: &impl Template, policy: &str) -> Result<Response> {
    let text = page.render().map_err(Error::internal)?;
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).map_err(Error::internal)?);
    Ok((status, headers, text).into_response())
}

/// For pages without scripts and forms: nothing is obeyed but the one style.
fn policy() -> String {
    policy_for(STYLE_HASH)
}

pub(crate) fn policy_for(style: &str) -> String {
    format!("default-src 'none'; style-src '{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

/// Whether the answer is for a person: browsers ask for HTML by name when they go somewhere, programs and scripts do not
/// (RFC 9110 section 12.5.1). Who wants JSON at least as much gets JSON.
pub(crate) fn wants_a_page(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let (mut html, mut json) = (0.0, 0.0);
    for (media, weight) in lines.flat_map(|line| line.split(',')).map(weighed) {
        match media.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => html = f32::max(html, weight),
            "application/json" => json = f32::max(json, weight),
            _ => {}
        }
    }
    html > json
}

fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (media, weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0)))
}

#[cfg(test)]
pub(crate) fn hash_of(text: &str) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_knows_the_style() {
        assert_eq!(STYLE_HASH, hash_of(STYLE));
    }

    #[test]
    fn browsers_going_somewhere_get_pages_and_programs_get_json() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            wants_a_page(&headers)
        };
        assert!(!wants_a_page(&HeaderMap::new()));
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html",
            "TEXT/HTML;q=0.5",
            "application/json;q=0.4, text/html;q=0.5",
        ] {
            assert!(wants(accept), "{accept}");
        }
        for accept in
            ["*/*", "application/json", "application/json, text/html", "text/html;q=0", "text/*", "", "text/html;q=x"]
        {
            assert!(!wants(accept), "{accept}");
        }
    }
}

//! The page that posts a form to an identity provider: by itself, or by its button where there is no script.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use purser_core::error::{Error, Result};
use url::Url;

use super::{STYLE, STYLE_HASH, shown};

#[derive(Template)]
#[template(path = "handover.html")]
struct Handover<'a> {
    style: &'static str,
    script: &'static str,
    location: &'a str,
    fields: &'a [(String, String)],
}

/// The one script. It asks the prototype, for a field may be called `submit`.
const SCRIPT: &str = include_str!("../../templates/handover.js");

const SCRIPT_HASH: &str = "sha256-ox4bri+xTrW3kuLTyRoak73QX8KZGuyP3JlQYusbSlA=";

/// A page that hands over to another place.
///
/// # Errors
/// [`Error::Internal`] if the place is not an address on the web.
pub fn handover(location: &str, fields: &[(String, String)]) -> Result<Response> {
    let url = Url::parse(location).map_err(Error::internal)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Error::internal("an identity provider's address is neither https nor http"));
    }
    let page = Handover { style: STYLE, script: SCRIPT, location: url.as_str(), fields };
    shown(StatusCode::OK, &page, &policy(&url))
}

/// Nothing is obeyed but the one style and the one script. Where the form goes may send it on: browsers hold each further step
/// against `form-action` too, and identity providers have several hosts, so every https address may follow.
fn policy(location: &Url) -> String {
    let origin = location.origin().ascii_serialization();
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; form-action {origin} https:; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::hash_of;
    use axum::http::header::CONTENT_SECURITY_POLICY;

    #[tokio::test]
    async fn a_form_is_posted_where_it_should_be_and_can_say_nothing_else() {
        let fields = [("SAMLRequest".to_owned(), "PHg+".to_owned()), ("submit".to_owned(), "\"><script>x".to_owned())];
        let response = handover("https://idp.test/sso?a=1&b=\"", &fields).unwrap();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("form-action https://idp.test https:;"), "{policy}");
        assert!(!policy.contains("unsafe"));
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains(r#"<form method="post" action="https://idp.test/sso?a=1&#38;b=%22">"#), "{text}");
        assert!(text.contains(r#"name="SAMLRequest" value="PHg+""#), "{text}");
        assert!(!text.contains("<script>x"), "{text}");
        assert!(
            text.contains(&format!("<script>{SCRIPT}</script>")) && text.contains(&format!("<style>{STYLE}</style>"))
        );
    }

    #[test]
    fn a_form_goes_nowhere_but_to_the_web() {
        for location in ["javascript:alert(1)", "data:text/html,x", "/sso", "", "file:///etc/passwd"] {
            assert!(handover(location, &[]).is_err(), "{location}");
        }
    }

    #[test]
    fn the_policy_knows_the_script() {
        assert_eq!(SCRIPT_HASH, hash_of(SCRIPT));
    }
}

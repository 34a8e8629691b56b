//! Single sign-on over HTTP: the doors, the cookies, the pages, and what is refused at each.

mod bounds;
mod codes;
mod hop;
mod microsoft;
mod oidc;
mod pages;
mod saml;
mod world;

use crate::http::probe::Reply;
use crate::site::Site;

/// Status and code, to compare with.
fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Every address where a sign-in begins.
const BEGINNINGS: [&str; 3] = [
    "/api/client/auth/oidc?provider=okta&client=acme",
    "/api/client/auth/okta-saml?client=acme",
    "/api/client/auth/ms-dynamics?client=acme",
];

/// Where the world finds the site.
const PUBLIC: &str = "https://sp.test";

/// The same site under a public address, with a tenant.
async fn published(site: Site) -> Site {
    let settle = |settings: &mut purser_core::config::Settings| {
        settings.server.public_url = Some(PUBLIC.into());
        // Where the stand-ins are.
        settings.federation.loopback = Some(true);
    };
    let site = site.with(settle).await;
    site.tenant("acme").await;
    site
}

/// All `Set-Cookie` lines of an answer.
fn cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, line)| line.as_str()).collect()
}

/// The pairs of a query.
fn query(address: &str) -> std::collections::BTreeMap<String, String> {
    let (_, query) = address.split_once('?').unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What holds for every answer of these doors.
fn is_private(reply: &Reply) {
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply}");
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{reply}");
    assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{reply}");
}

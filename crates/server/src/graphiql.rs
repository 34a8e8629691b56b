//! GraphiQL, a page to try GraphQL on. Shown in a demo only.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse as _;
use purser_core::error::Error;

use crate::fault::Answer;
use crate::site::Site;

/// The page.
pub async fn page(State(site): State<Site>) -> Answer {
    show(&site, &PAGE)
}

/// What the page is made of.
pub async fn part(State(site): State<Site>, Path(name): Path<String>) -> Answer {
    let part = PARTS.iter().find(|part| part.name == name).ok_or(Error::NotFound)?;
    show(&site, part)
}

struct Part {
    name: &'static str,
    kind: &'static str,
    packing: Packing,
    bytes: &'static [u8],
}

#[derive(PartialEq)]
enum Packing {
    Plain,
    Gzip,
}

const PAGE: Part = Part {
    name: "",
    kind: "text/html; charset=utf-8",
    packing: Packing::Plain,
    bytes: include_bytes!("../assets/graphiql/page.html"),
};

const PARTS: [Part; 6] = [
    plain("page.js", SCRIPT, include_bytes!("../assets/graphiql/page.js")),
    plain("page.css", STYLE, include_bytes!("../assets/graphiql/page.css")),
    packed("react.production.min.js", SCRIPT, include_bytes!("../assets/graphiql/react.production.min.js.gz")),
    packed("react-dom.production.min.js", SCRIPT, include_bytes!("../assets/graphiql/react-dom.production.min.js.gz")),
    packed("graphiql.min.js", SCRIPT, include_bytes!("../assets/graphiql/graphiql.min.js.gz")),
    packed("graphiql.min.css", STYLE, include_bytes!("../assets/graphiql/graphiql.min.css.gz")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const fn plain(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Part {
    Part { name, kind, packing: Packing::Plain, bytes }
}

const fn packed(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Part {
    Part { name, kind, packing: Packing::Gzip, bytes }
}

fn show(site: &Site, part: &'static Part) -> Answer {
    if !site.extras.graphiql {
        return Err(Error::NotFound.into());
    }
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(part.kind));
    headers.insert(CONTENT_SECURITY_POLICY, NOTHING_FOREIGN);
    if part.packing == Packing::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok((headers, part.bytes).into_response())
}

/// Styles set by GraphiQL's editor as it runs need `unsafe-inline`; scripts have no such leave.
const NOTHING_FOREIGN: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

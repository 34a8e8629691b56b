//! The page at `/`: where a browser ends up that was told no other place.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use purser_core::error::Error;

use super::{STYLE, policy, shown, wants_a_page};
use crate::fault::Answer;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    style: &'static str,
}

/// Says that there is nothing more to do here. It is the same for everybody; programs find nothing at this address.
pub async fn home(headers: HeaderMap) -> Answer {
    if !wants_a_page(&headers) {
        return Err(Error::NotFound.into());
    }
    Ok(shown(StatusCode::OK, &Home { style: STYLE }, &policy())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT;

    #[tokio::test]
    async fn browsers_find_a_page_and_programs_find_nothing() {
        let asking = |accept| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        assert_eq!(home(asking("text/html")).await.unwrap().status(), StatusCode::OK);
        assert!(home(asking("application/json")).await.is_err());
    }
}

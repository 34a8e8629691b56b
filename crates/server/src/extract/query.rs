//! [`Query`], the parameters of an address, each named once.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use purser_core::error::Error;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Parameters, read into a type whose fields are all optional. Unknown ones are ignored.
///
/// Refuses with 400 what is named twice or is of the wrong type.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let mut seen = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if seen.insert(name.to_string(), value).is_some() {
                return Err(Error::invalid(name, "is given twice").into());
            }
        }
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(it)| Self(it)).map_err(|refusal| {
            let told = reason(&refusal);
            match told.split_once(": ") {
                Some((name, told)) if seen.contains_key(name) => Error::invalid(name, plain(told)).into(),
                _ => Error::invalid("query", told).into(),
            }
        })
    }
}

/// The standard library's words about numbers, in ours.
fn plain(told: &str) -> &str {
    let is_number = ["invalid digit", "number too", "cannot parse integer"].iter().any(|start| told.starts_with(start));
    if is_number { "write a whole number" } else { told }
}

/// What the reader said, without its preamble.
fn reason(refusal: &axum::extract::rejection::QueryRejection) -> String {
    let text = refusal.body_text();
    text.split_once(": ").map_or_else(|| text.clone(), |(_, reason)| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Page {
        #[serde(default)]
        first: u32,
    }

    async fn read(query: &str) -> Result<u32, (String, String)> {
        let (mut parts, ()) = Request::get(format!("/x?{query}")).body(()).unwrap().into_parts();
        match Query::<Page>::from_request_parts(&mut parts, &()).await {
            Ok(Query(page)) => Ok(page.first),
            Err(Fault::Refused(Error::Invalid(problems))) => {
                Err((problems[0].field.clone(), problems[0].reason.clone()))
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_parameter_that_does_not_fit_is_named() {
        assert_eq!(read("first=7&other=x").await, Ok(7));
        assert_eq!(read("first=x").await, Err(("first".into(), "write a whole number".into())));
        assert_eq!(read("first=1&first=2").await, Err(("first".into(), "is given twice".into())));
    }
}

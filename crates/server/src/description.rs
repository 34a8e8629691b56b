//! What the descriptions of all routes have in common, said once: the doors, an id for each operation, and the refusals that
//! no handler makes by itself.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Type};

use crate::cookie;

/// The ways a request can prove itself.
pub(crate) struct Doors;

impl Modify for Doors {
    fn modify(&self, api: &mut OpenApi) {
        let bearer = |says: &str| {
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(says)).build(),
            )
        };
        let cookie = |name: &str| {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                name,
                "Set by sign-in. Writes need an Origin of our own",
            )))
        };
        let parts = api.components.get_or_insert_default();
        parts.add_security_scheme("bearer", bearer("An access token of the client realm"));
        parts.add_security_scheme("admin", bearer("An access token of the admin realm"));
        parts.add_security_scheme("metrics", bearer("The token of `metrics.token`"));
        parts.add_security_scheme("cookie", cookie(cookie::CLIENT));
        parts.add_security_scheme("adminCookie", cookie(cookie::ADMIN));
    }
}

/// What follows for an operation from where it stands and what it takes.
pub(crate) struct Common;

impl Modify for Common {
    fn modify(&self, api: &mut OpenApi) {
        for (path, item) in &mut api.paths.paths {
            for (method, operation) in operations(item) {
                operation.operation_id = Some(id(method, path));
                guard(operation);
                take_in(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, patch, delete, .. } = item;
    [("get", get), ("post", post), ("patch", patch), ("delete", delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// `post_client_auth_sign_in`: generators of clients name their methods after it.
fn id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| id + "_" + word)
}

/// What everybody is told who asks for something that wants a session in the client realm.
fn guard(operation: &mut Operation) {
    let bearer = SecurityRequirement::new("bearer", std::iter::empty::<String>());
    if operation.security.as_ref().is_some_and(|doors| doors.contains(&bearer)) {
        operation.parameters.get_or_insert_default().push(named_client().into());
        say(operation, "400", "`VALIDATION_ERROR`", "an `X-Client-ID` that is none");
        say(operation, "403", "`FORBIDDEN`", "another tenant named");
    }
}

/// What everybody is told whose body is not even read.
fn take_in(operation: &mut Operation) {
    if operation.request_body.is_some() {
        say(operation, "413", "`PAYLOAD_TOO_LARGE`", "the body is too long");
        say(operation, "415", "`UNSUPPORTED_MEDIA_TYPE`", "the body is not plain JSON");
    }
}

fn named_client() -> Parameter {
    ParameterBuilder::new()
        .name("X-Client-ID")
        .parameter_in(ParameterIn::Header)
        .description(Some("Must be the session's own tenant, if sent"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// Adds a refusal, unless the handler's own description has it.
fn say(operation: &mut Operation, status: &str, code: &str, why: &str) {
    let responses: &mut BTreeMap<_, _> = &mut operation.responses.responses;
    match responses.get_mut(status) {
        Some(RefOr::T(response)) if !response.description.contains(code) => {
            response.description = format!("{}; {code}: {why}", response.description);
        }
        Some(_) => {}
        None => {
            responses.insert(status.to_owned(), refusal(&format!("{code}: {why}")).into());
        }
    }
}

fn refusal(description: &str) -> Response {
    let envelope = ContentBuilder::new().schema(Some(Ref::from_schema_name("Refused"))).build();
    ResponseBuilder::new().description(description).content("application/json", envelope).build()
}

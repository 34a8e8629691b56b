//! `POST graphql`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse as _;
use purser_graphql::Request;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::extract::{Body, Who};
use crate::fault::{Answer, Refused};
use crate::site::Site;

/// A GraphQL request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The document.
    #[schema(example = "query { users { id email } }")]
    query: String,
    /// Values for its variables.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// Which operation of the document to carry out.
    #[serde(default)]
    operation_name: Option<String>,
}

/// Answers a GraphQL request. What is refused inside stands in `errors[].extensions.code`; without a caller there is only a 401.
#[utoipa::path(post, path = "/api/client/graphql", tag = "client: GraphQL",
    request_body = Asked,
    responses(
        (status = 200, description = "`{data, errors}` as GraphQL has it", body = Object, example = json!({"data": {"users": [{"id": "123", "email": "user@example.com"}]}})),
        (status = 400, description = "`VALIDATION_ERROR`, `QUERY_TOO_COMPLEX`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`: another tenant named; `CSRF_REJECTED`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn answer(State(site): State<Site>, Who(caller): Who, Body(asked): Body<Asked>) -> Answer {
    let request = Request { query: asked.query, variables: asked.variables, operation_name: asked.operation_name };
    let answer = site.graphql.answer(caller, request).await?;
    Ok(Json(answer).into_response())
}

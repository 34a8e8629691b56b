//! Graph's `/v1.0/me` and Dataverse's `WhoAmI`, with the bodies their documents show.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::{Audience, Issued, Kind};
use super::serve::{Recorded, json as answer, plain};
use super::{GRAPH_ADDRESS, State, World, trace};
use crate::tokens::guid;

/// `GET /v1.0/me`.
pub(crate) fn me(world: &World, request: &Recorded) -> Response {
    let state = world.state.lock();
    let issued = match honoured(&state, request) {
        Ok(issued) => issued,
        Err(message) => return refusal(&state, 401, "InvalidAuthenticationToken", message),
    };
    if !is_graph(&issued.audience) {
        return refusal(
            &state,
            401,
            "InvalidAuthenticationToken",
            "Access token validation failure. Invalid audience.",
        );
    }
    if issued.kind == Kind::AppOnly {
        return refusal(&state, 400, "BadRequest", "/me request is only valid with delegated authentication flow.");
    }
    if !issued.scopes.split(' ').any(|scope| scope.starts_with("User.Read")) {
        return refusal(
            &state,
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        );
    }
    profile(&state, issued)
}

fn is_graph(audience: &Audience) -> bool {
    match audience {
        Audience::Graph | Audience::GraphAddress => true,
        Audience::Api(named) => named.strip_suffix('/') == Some(GRAPH_ADDRESS),
        Audience::Dataverse => false,
    }
}

fn profile(state: &State, issued: &Issued) -> Response {
    let person = &issued.person;
    let body = json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
        "businessPhones": ["+1 425 555 0109"],
        "displayName": person.display_name(),
        "givenName": person.given_name,
        "jobTitle": "Retail Manager",
        "mail": person.mail,
        "mobilePhone": null,
        "officeLocation": "18/2111",
        "preferredLanguage": "en-US",
        "surname": person.family_name,
        "userPrincipalName": person.upn,
        "id": state.graph_id.as_ref().unwrap_or(&person.oid),
    });
    plain(
        200,
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        body.to_string(),
    )
}

/// The token a request brings, if it was issued here and is still good.
fn honoured<'s>(state: &'s State, request: &Recorded) -> Result<&'s Issued, &'static str> {
    let token = request.bearer().filter(|token| !token.is_empty()).ok_or("Access token is empty.")?;
    let issued = state.issued.get(token).ok_or("Access token validation failure.")?;
    if issued.expires <= state.now() {
        return Err("Access token has expired or is not yet valid.");
    }
    Ok(issued)
}

fn refusal(state: &State, status: u16, code: &str, message: &str) -> Response {
    let date = Timestamp::from_second(state.now()).map(|now| now.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    answer(status, &error(code, message, &date.unwrap_or_default()))
}

fn error(code: &str, message: &str, date: &str) -> Value {
    let (request, client) = trace();
    json!({ "error": { "code": code, "message": message, "innerError": {
        "date": date, "request-id": request, "client-request-id": client,
    } } })
}

/// Graph's documented answer of a status.
pub(crate) fn failure(status: u16) -> Response {
    let (code, message) = match status {
        400 => ("BadRequest", "/me request is only valid with delegated authentication flow."),
        401 => ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
        403 => ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        404 => ("Request_ResourceNotFound", "Resource '' does not exist or one of its queried references does not."),
        429 => ("TooManyRequests", "Too many requests from Identifier:stand-in under category:throttle.2."),
        503 => ("serviceNotAvailable", "The service is temporarily unavailable for maintenance or is overloaded."),
        504 => ("gatewayTimeout", "The server, while acting as a proxy, did not receive a timely response."),
        509 => ("bandwidthLimitExceeded", "Your app has been throttled for exceeding the maximum bandwidth cap."),
        _ => ("UnknownError", ""),
    };
    answer(status, &error(code, message, "2026-06-23T14:05:33"))
}

/// `GET /api/data/v9.2/WhoAmI`.
pub(crate) fn who_am_i(world: &World, request: &Recorded) -> Response {
    let state = world.state.lock();
    let wanted = [("accept", "application/json"), ("odata-maxversion", "4.0"), ("odata-version", "4.0")];
    if wanted.iter().any(|(name, value)| request.header(name) != Some(value)) {
        return dataverse_refusal(400, "0x0", "The request does not name the OData version it speaks.");
    }
    let issued = match honoured(&state, request) {
        Ok(issued) => issued,
        Err(message) => return dataverse_refusal(401, "", message),
    };
    if issued.audience != Audience::Dataverse {
        return dataverse_refusal(401, "0x80040204", "BadAuthTicket");
    }
    let body = json!({
        "@odata.context": format!("{}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", world.url),
        "BusinessUnitId": guid(),
        "UserId": guid(),
        "OrganizationId": state.organization,
    });
    let mut response = plain(200, "application/json; odata.metadata=minimal", body.to_string());
    response.headers_mut().insert("odata-version", axum::http::HeaderValue::from_static("4.0"));
    response
}

fn dataverse_refusal(status: u16, code: &str, message: &str) -> Response {
    plain(
        status,
        "application/json; odata.metadata=minimal",
        json!({ "error": { "code": code, "message": message } }).to_string(),
    )
}

/// Dataverse's documented answer of a status.
pub(crate) fn dataverse_failure(status: u16) -> Response {
    let (code, message) = match status {
        401 => ("", "ExpiredAuthTicket"),
        403 => ("0x80040220", "PrivilegeDenied"),
        429 => ("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."),
        _ => ("0x80040265", "ISV code aborted the operation."),
    };
    dataverse_refusal(status, code, message)
}

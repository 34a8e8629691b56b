//! `auth/okta-saml`: signing in with a SAML response, our metadata, and the log-out that both sides hear of.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use purser_core::error::Error;
use purser_core::providers::Base;
use purser_core::signin::{Arrival, Door, SamlBy, SamlLogout, SamlShown, Start};
use serde::Deserialize;
use utoipa::ToSchema;

use super::signin::{self, Tokens};
use super::sso::{Knock, bounded, jar, leave, taken_in};
use crate::extract::{At, Body, Form, NamedClient, Query, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Envelope, Fault, Refused};
use crate::http_settings::HttpSettings;
use crate::site::Site;

/// Starts a sign-in at a SAML provider. A browser is sent there; its answer comes back as a form.
#[utoipa::path(get, path = "/api/client/auth/okta-saml", tag = "client: single sign-on",
    params(
        ("provider" = Option<String>, Query, description = "The provider's name, where the tenant has several that speak SAML"),
        ("returnTo" = Option<String>, Query, description = "Where to go in the end: a path of ours, or what the tenant's list allows"),
        ("redirect" = Option<String>, Query, description = "Native apps: where the one-time code goes, exactly as the tenant's list has it"),
        ("codeChallenge" = Option<String>, Query, description = "Native apps: SHA-256 of the verifier, base64url (RFC 7636, S256)"),
        ("state" = Option<String>, Query, description = "Native apps: given back beside the code"),
        ("client" = Option<String>, Query, description = "The tenant"),
        ("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses(
        (status = 200, description = "A page that posts itself to the provider, where that is how the provider wants it", content_type = "text/html", body = String),
        (status = 303, description = "To the provider, with a cookie that ties the sign-in to this browser"),
        (status = 400, description = "`VALIDATION_ERROR`, `CLIENT_REQUIRED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn start(State(site): State<Site>, knock: Knock) -> Answer {
    if let Some(hop) = knock.hop(&site)? {
        return Ok(hop);
    }
    let departure = site.app.start_saml(knock.start()?, knock.visit()).await?;
    Ok(knock.depart(&departure, Door::Own, &site.http)?)
}

/// The same at the address that providers of old know, on the tenant's own host. Only where the provider has it switched on.
#[utoipa::path(get, path = "/rest/auth-with-okta-saml", tag = "client: single sign-on",
    params(
        ("provider" = Option<String>, Query, description = "The provider's name, where the tenant has several that speak SAML"),
        ("returnTo" = Option<String>, Query, description = "Where to go in the end: a path of ours, or what the tenant's list allows")),
    responses(
        (status = 200, description = "A page that posts itself to the provider, where that is how the provider wants it", content_type = "text/html", body = String),
        (status = 303, description = "To the provider, with a cookie that ties the sign-in to this browser"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`: not on a tenant's host, or not switched on", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn start_at_rest(State(site): State<Site>, knock: Knock) -> Answer {
    let tenant = knock.sub_domain().ok_or(Error::UnknownProvider)?.clone();
    let start = Start { tenant: Some(tenant), door: Door::Rest, ..knock.start()? };
    let departure = site.app.start_saml(start, knock.visit()).await?;
    Ok(knock.depart(&departure, Door::Rest, &site.http)?)
}

/// What a program sends that has got hold of a response.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SamlAnswer {
    /// The response, base64.
    #[schema(example = "base64-encoded-saml-response")]
    saml_response: String,
}

/// What a browser posts when a provider sends it (SAML bindings 3.5.4).
#[derive(Debug, Deserialize, ToSchema)]
struct PostedAnswer {
    /// The response, base64.
    #[serde(rename = "SAMLResponse")]
    #[schema(example = "base64-encoded-saml-response")]
    saml_response: String,
    /// What we sent along, as it came back.
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// The most a SAML response may take.
const SAML_BYTES: usize = 512 * 1024;

/// Eighty bytes are allowed (SAML bindings 3.4.3); some providers send whole addresses, which we do not follow but put up with.
const RELAY_STATE_BYTES: usize = 2_048;

/// A SAML response as it comes: from a program as JSON, from a browser as a form.
#[derive(Debug)]
pub struct Arriving {
    document: String,
    relay_state: Option<String>,
    by: SamlBy,
}

impl<S> FromRequest<S> for Arriving
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let arriving = if is_form(request.headers()) {
            let Form(posted) = Form::<PostedAnswer, SAML_BYTES>::from_request(request, state).await?;
            Self { document: posted.saml_response, relay_state: posted.relay_state, by: SamlBy::Form }
        } else {
            let Body(sent) = Body::<SamlAnswer, SAML_BYTES>::from_request(request, state).await?;
            Self { document: sent.saml_response, relay_state: None, by: SamlBy::Json }
        };
        arriving.checked()
    }
}

impl Arriving {
    fn checked(self) -> Result<Self, Fault> {
        bounded("RelayState", self.relay_state.as_deref(), RELAY_STATE_BYTES)?;
        match (self.document.is_empty(), self.by) {
            (false, _) => Ok(self),
            (true, SamlBy::Json) => Err(Error::invalid("samlResponse", "is missing").into()),
            (true, SamlBy::Form) => Err(Error::invalid("SAMLResponse", "is missing").into()),
        }
    }

    fn shown(&self, door: Door) -> SamlShown<'_> {
        SamlShown { document: &self.document, relay_state: self.relay_state.as_deref(), by: self.by, door }
    }
}

/// Only which of the two readers to ask; each then looks at the whole header.
fn is_form(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    media.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
}

/// Takes a SAML response: as JSON from a program, which gets tokens and the cookie; as a form (`SAMLResponse`, `RelayState`) from a
/// browser, which gets the cookie and a way on.
///
/// The tenant is that of the provider whose signature the response bears; one that is named must be the same.
#[utoipa::path(post, path = "/api/client/auth/okta-saml", tag = "client: single sign-on",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    request_body(content((SamlAnswer = "application/json"), (PostedAnswer = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 303, description = "To a form: to where the sign-in was to lead, with the `session` cookie; to `/two-factor` with the cookie `two_factor`, where a second factor is asked for"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`SAML_INVALID`: whatever is wrong with it; `TWO_FACTOR_REQUIRED` with the challenge to answer", body = Refused),
        (status = 403, description = "`ACCOUNT_UNKNOWN`, `CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn take(
    State(site): State<Site>,
    client: NamedClient,
    At(base): At,
    visitor: Visitor,
    headers: HeaderMap,
    arriving: Arriving,
) -> Answer {
    if arriving.by == SamlBy::Json {
        allowed_origin_if_sent(&headers, &site.http)?;
    }
    taken(&site, &arriving, Door::Own, &client, &base, visitor, &headers).await
}

/// The same at the address that providers of old know, on the tenant's own host. Only where the provider has it switched on.
#[utoipa::path(post, path = "/rest/auth-with-okta-saml", tag = "client: single sign-on",
    request_body(content((SamlAnswer = "application/json"), (PostedAnswer = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 303, description = "To a form: to where the sign-in was to lead, with the `session` cookie; to `/two-factor` with the cookie `two_factor`, where a second factor is asked for"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`SAML_INVALID`: whatever is wrong with it; `TWO_FACTOR_REQUIRED` with the challenge to answer", body = Refused),
        (status = 403, description = "`ACCOUNT_UNKNOWN`, `CSRF_REJECTED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`: not on a tenant's host, or not switched on", body = Refused),
        (status = 409, description = "`ACCOUNT_EXISTS`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn take_at_rest(
    State(site): State<Site>,
    client: NamedClient,
    At(base): At,
    visitor: Visitor,
    headers: HeaderMap,
    arriving: Arriving,
) -> Answer {
    if client.sub_domain.is_none() {
        return Err(Error::UnknownProvider.into());
    }
    // Our own pages know the main address only, so a page that sends JSON here is none of ours.
    if arriving.by == SamlBy::Json {
        allowed_origin_if_sent(&headers, &site.http)?;
    }
    let client = NamedClient { sub_domain: client.sub_domain, ..NamedClient::default() };
    taken(&site, &arriving, Door::Rest, &client, &base, visitor, &headers).await
}

async fn taken(
    site: &Site,
    arriving: &Arriving,
    door: Door,
    client: &NamedClient,
    base: &Base,
    visitor: Visitor,
    headers: &HeaderMap,
) -> Answer {
    let (shown, visit) = (arriving.shown(door), visitor.into());
    let arrival = site.app.finish_saml(shown, client.name(), &jar(headers), base, &visit).await;
    match (arrival, arriving.by) {
        (Ok(Arrival::Session { signed_in, .. }), SamlBy::Json) => Ok(signin::answer(&signed_in, &site.http)),
        (arrival, _) => taken_in(arrival, None, door, headers, &site.http),
    }
}

/// Which provider's view of us is asked for.
#[derive(Debug, Deserialize)]
pub struct Named {
    provider: Option<String>,
}

/// Our SAML metadata, to be read in at the provider's side.
#[utoipa::path(get, path = "/api/client/auth/okta-saml/metadata", tag = "client: single sign-on",
    params(
        ("provider" = Option<String>, Query, description = "The provider's name, where the tenant has several that speak SAML"),
        ("client" = Option<String>, Query, description = "The tenant"),
        ("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses(
        (status = 200, description = "An EntityDescriptor", body = String, content_type = "application/samlmetadata+xml"),
        (status = 400, description = "`VALIDATION_ERROR`, `CLIENT_REQUIRED`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused)))]
pub async fn metadata(
    State(site): State<Site>,
    client: NamedClient,
    At(base): At,
    Query(named): Query<Named>,
) -> Answer {
    let metadata = site.app.saml_metadata(client.name(), named.provider.as_deref(), &base).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/samlmetadata+xml"))], metadata).into_response())
}

/// Takes a message about the end of a session in the address (HTTP-Redirect): a provider that ends one, or its answer to our own.
/// Believed only if signed.
#[utoipa::path(get, path = "/api/client/auth/okta-saml/logout", tag = "client: single sign-on",
    params(
        ("SAMLRequest" = Option<String>, Query, description = "The provider ends a session"),
        ("SAMLResponse" = Option<String>, Query, description = "The provider answers our request"),
        ("RelayState" = Option<String>, Query, description = "Given back as it is"),
        ("SigAlg" = Option<String>, Query, description = "How it is signed"),
        ("Signature" = Option<String>, Query, description = "The signature")),
    responses(
        (status = 200, description = "A page that posts the answer to the provider, where that is how the provider wants it", content_type = "text/html", body = String),
        (status = 303, description = "To the provider with our answer, or to where the sign-out was to lead"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`SAML_INVALID`: whatever is wrong with it", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn logout(
    State(site): State<Site>,
    At(base): At,
    visitor: Visitor,
    uri: Uri,
    Query(message): Query<LogoutMessage>,
) -> Answer {
    message.checked()?;
    told(&site, SamlLogout::Query(uri.query().unwrap_or_default()), &base, visitor).await
}

/// Takes the same as a form (HTTP-POST).
#[utoipa::path(post, path = "/api/client/auth/okta-saml/logout", tag = "client: single sign-on",
    request_body(content = LogoutMessage, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A page that posts the answer to the provider, where that is how the provider wants it", content_type = "text/html", body = String),
        (status = 303, description = "To the provider with our answer, or to where the sign-out was to lead"),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`SAML_INVALID`: whatever is wrong with it", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn logout_posted(
    State(site): State<Site>,
    At(base): At,
    visitor: Visitor,
    Form(message): Form<LogoutMessage>,
) -> Answer {
    message.checked()?;
    let received = SamlLogout::Form {
        request: message.request.as_deref(),
        response: message.response.as_deref(),
        relay_state: message.relay_state.as_deref(),
    };
    told(&site, received, &base, visitor).await
}

async fn told(site: &Site, received: SamlLogout<'_>, base: &Base, visitor: Visitor) -> Answer<Response> {
    Ok(leave(&site.app.saml_logout(received, base, &visitor.into()).await?)?)
}

/// The parts of a message about the end of a session. Exactly one of request and response is there.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LogoutMessage {
    /// The provider ends a session.
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    /// The provider answers our request.
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    /// Given back as it is.
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

impl LogoutMessage {
    fn checked(&self) -> Result<(), Error> {
        bounded("RelayState", self.relay_state.as_deref(), RELAY_STATE_BYTES)?;
        match (&self.request, &self.response) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (None, None) => Err(Error::invalid("SAMLRequest", "is missing")),
            (Some(_), Some(_)) => Err(Error::invalid("SAMLRequest", "is given beside SAMLResponse")),
        }
    }
}

//! The doors of single sign-on. They stand, and lead nowhere until a tenant has a provider.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use purser_core::error::Error;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Body, NamedClient};
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// The providers a tenant's people may sign in with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Providers {
    providers: Vec<String>,
}

/// Lists the tenant's single-sign-on providers.
#[utoipa::path(get, path = "/api/client/auth/providers", tag = "client: single sign-on",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    responses(
        (status = 200, description = "The providers", body = Envelope<Providers>),
        (status = 400, description = "`CLIENT_REQUIRED`, `VALIDATION_ERROR`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: no such tenant", body = Refused)))]
pub async fn providers(State(site): State<Site>, client: NamedClient) -> Answer {
    let providers = site.app.sign_in_providers(client.name()).await?;
    success(Providers { providers })
}

/// Starts a sign-in at an OpenID Connect provider.
#[utoipa::path(get, path = "/api/client/auth/oidc", tag = "client: single sign-on",
    params(("provider" = String, Query, description = "The provider's name"), ("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses(
        (status = 400, description = "`VALIDATION_ERROR`: no provider named", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused)))]
pub async fn oidc(State(site): State<Site>, client: NamedClient, uri: Uri) -> Answer<Response> {
    let query = uri.query().unwrap_or_default();
    let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "provider");
    if named.is_none_or(|(_, provider)| provider.is_empty()) {
        return Err(Error::invalid("provider", "is missing").into());
    }
    unknown(&site, &client).await
}

/// Starts a sign-in at Microsoft, for Dynamics.
#[utoipa::path(get, path = "/api/client/auth/ms-dynamics", tag = "client: single sign-on",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses((status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused)))]
pub async fn ms_dynamics(State(site): State<Site>, client: NamedClient) -> Answer {
    unknown(&site, &client).await
}

/// Starts a sign-in at Okta.
#[utoipa::path(get, path = "/api/client/auth/okta-saml", tag = "client: single sign-on",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant")),
    responses((status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused)))]
pub async fn okta_saml_start(State(site): State<Site>, client: NamedClient) -> Answer {
    unknown(&site, &client).await
}

/// What Okta answers with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SamlAnswer {
    /// The response, base64.
    #[schema(example = "base64-encoded-saml-response")]
    saml_response: String,
}

/// The most a SAML response may take.
const SAML_BYTES: usize = 512 * 1024;

/// Takes a SAML response.
#[utoipa::path(post, path = "/api/client/auth/okta-saml", tag = "client: single sign-on",
    request_body = SamlAnswer,
    responses(
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 404, description = "`UNKNOWN_PROVIDER`", body = Refused)))]
pub async fn okta_saml(
    State(site): State<Site>,
    client: NamedClient,
    Body(answer): Body<SamlAnswer, SAML_BYTES>,
) -> Answer {
    if answer.saml_response.is_empty() {
        return Err(Error::invalid("samlResponse", "is missing").into());
    }
    unknown(&site, &client).await
}

/// No tenant has a provider yet, so every name is unknown.
async fn unknown(site: &Site, client: &NamedClient) -> Answer {
    match site.app.sign_in_providers(client.name()).await {
        Ok(_) | Err(Error::NotFound) => Err(Error::UnknownProvider.into()),
        Err(fault) => Err(fault.into()),
    }
}

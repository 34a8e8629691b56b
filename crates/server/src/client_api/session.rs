//! `POST auth/refresh` and `POST auth/sign-out`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use purser_core::access::Caller;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::secret::Secret;
use purser_core::session::{Extent, Handed};
use purser_core::signin::Leave;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cookie;
use crate::extract::{Body, NamedClient, Visitor, Who, base};
use crate::fault::{Answer, Envelope, Refused, json};
use crate::http_settings::HttpSettings;
use crate::site::Site;

/// A refresh token, presented.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// The newest refresh token the client has.
    #[schema(value_type = String, example = "refresh-token-here")]
    pub refresh_token: Secret,
}

/// New tokens. They stand at the top level too, for clients that read them there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refreshed<'a> {
    success: bool,
    data: NewTokens<'a>,
    /// As in `data`.
    token: &'a str,
    /// As in `data`.
    refresh_token: &'a str,
}

/// A pair of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewTokens<'a> {
    /// The access token.
    token: &'a str,
    /// The refresh token to present next.
    refresh_token: &'a str,
    /// Seconds the access token lives.
    #[schema(example = 86400)]
    expires_in: u64,
}

/// Gives new tokens for a refresh token. A token is spent when the one it was answered with is first used; shown again after that,
/// it ends the session.
#[utoipa::path(post, path = "/api/client/auth/refresh", tag = "client: signing in",
    params(("X-Client-ID" = Option<String>, Header, description = "Must be the token's own tenant, if sent")),
    request_body = Refresh,
    responses(
        (status = 200, description = "New tokens", body = Refreshed<'_>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`: another tenant named", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn refresh(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    uri: Uri,
    Body(presented): Body<Refresh>,
) -> Answer {
    refuse_in_query(&uri)?;
    let named = NamedClient::in_header(&headers)?;
    let named = named.as_ref().map(TenantId::as_str);
    let refreshed = site.app.refresh(presented.refresh_token.reveal(), named, &visitor.into()).await?;
    new_tokens(&refreshed.handed)
}

/// The answer to a refresh, of either realm.
///
/// # Errors
/// `INTERNAL` if it cannot be written as JSON.
pub fn new_tokens(handed: &Handed) -> Answer {
    let (token, refresh_token) = (handed.token.reveal(), handed.refresh_token.reveal());
    let data = NewTokens { token, refresh_token, expires_in: handed.expires_in.as_secs() };
    json(StatusCode::OK, &Refreshed { success: true, data, token, refresh_token })
}

/// A token in an address would be written into logs on its way (RFC 6750 section 5.3).
pub fn refuse_in_query(uri: &Uri) -> Result<(), Error> {
    let query = uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.eq_ignore_ascii_case("refreshToken")) {
        return Err(Error::invalid("refreshToken", "send it in the body, never in the address"));
    }
    Ok(())
}

/// What is left to do after a sign-out.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedOut {
    /// Where the browser can end the session at the identity provider too, if it has one there and the provider offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_logout: Option<ProviderLogout>,
}

/// The way to end the session at the identity provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderLogout {
    /// Where to send the browser.
    url: String,
    /// If there are any: to be posted there as a form; else a plain visit does.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<BTreeMap<String, String>>,
}

impl From<Leave> for ProviderLogout {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::To(url) => Self { url, fields: None },
            Leave::Form { location, fields } => Self { url: location, fields: Some(fields.into_iter().collect()) },
        }
    }
}

/// Ends the session; with `?all=true` every session of the user. From the next request on all handles are dead. The session at an
/// identity provider goes on, unless the browser is sent where `providerLogout` says.
#[utoipa::path(post, path = "/api/client/auth/sign-out", tag = "client: signing in",
    params(("all" = Option<bool>, Query, description = "`true` ends every session of the user")),
    responses(
        (status = 200, description = "Signed out", body = Envelope<SignedOut>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn sign_out(State(site): State<Site>, Who(caller): Who, headers: HeaderMap, uri: Uri) -> Answer {
    let extent = extent(&uri)?;
    let provider_logout = provider_logout(&site, &caller, &headers).await.map(ProviderLogout::from);
    site.app.sign_out(&caller, extent).await?;
    Ok(signed_out(&SignedOut { provider_logout }, cookie::CLIENT, &site.http))
}

/// How long a sign-out waits for a provider to say how it is done there. Signing out here must not depend on it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the session can be ended at the identity provider too, if it has one there and the provider offers it.
pub(crate) async fn provider_logout(site: &Site, caller: &Caller, headers: &HeaderMap) -> Option<Leave> {
    let base = base(headers, &site.http).ok()?;
    tokio::time::timeout(PATIENCE, site.app.provider_logout(caller, &base)).await.ok()?.ok()?
}

/// Which sessions `?all=` asks to end.
pub fn extent(uri: &Uri) -> Result<Extent, Error> {
    let query = uri.query().unwrap_or_default();
    let all = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "all");
    match all.as_ref().map(|(_, value)| &**value) {
        None | Some("false") => Ok(Extent::This),
        Some("true") => Ok(Extent::All),
        Some(_) => Err(Error::invalid("all", "use true or false")),
    }
}

/// The answer to a sign-out: the browser forgets the cookie.
pub fn signed_out(told: &impl Serialize, cookie_name: &str, settings: &HttpSettings) -> Response {
    let mut response = Json(Envelope::new(told)).into_response();
    response.headers_mut().append(SET_COOKIE, cookie::taken_away(cookie_name, settings));
    response
}

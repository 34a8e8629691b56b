//! `POST auth/sign-in` with e-mail and password.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse as _;
use purser_core::secret::Secret;
use purser_core::session::SignedIn;
use purser_core::signin::Claim;
use purser_core::users::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cookie;
use crate::extract::{Body, Credential, NamedClient, Visitor, allowed_origin_if_sent};
use crate::fault::{Answer, Envelope, Refused};
use crate::http_settings::HttpSettings;
use crate::site::Site;
use crate::wire::RoleNames;

/// What a person types in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SignIn {
    /// The address of the account.
    #[schema(example = "user@example.com")]
    email: String,
    /// Its password.
    #[schema(value_type = String, example = "your-password")]
    password: Secret,
}

/// What a sign-in gives.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens<'a> {
    /// The access token, for `Authorization: Bearer`.
    token: &'a str,
    /// The refresh token.
    refresh_token: &'a str,
    /// Seconds the access token lives.
    #[schema(example = 86400)]
    expires_in: u64,
    /// Who signed in.
    user: Account<'a>,
    /// New recovery codes, where signing in has enrolled a second factor: shown now or never.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["7k2vm-x9qtd"]))]
    recovery_codes: Vec<&'a str>,
}

/// A user, as shown to themselves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account<'a> {
    /// Their number, unique over the deployment.
    #[schema(example = 123)]
    id: i64,
    /// Their address.
    #[schema(example = "user@example.com")]
    email: &'a str,
    /// First name.
    #[schema(example = "John")]
    first_name: &'a str,
    /// Last name.
    #[schema(example = "Doe")]
    last_name: &'a str,
    /// What they are in the organisation; may be empty.
    title: &'a str,
    /// Their roles: `ADMIN`, `USER_ADMIN`, `AUTHOR`, `OPERATOR`, `APPROVER`, `PUBLISHER`, `VIEWER`.
    #[schema(value_type = Vec<String>, example = json!(["AUTHOR"]))]
    roles: RoleNames,
    /// The tenant they belong to.
    #[schema(example = "acme")]
    client_id: &'a str,
}

impl<'a> From<&'a User> for Account<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.0,
            email: &user.email,
            first_name: &user.first_name,
            last_name: &user.last_name,
            title: &user.title,
            roles: RoleNames(user.roles),
            client_id: user.tenant.as_str(),
        }
    }
}

/// Signs in with e-mail and password. Gives an access token and a refresh token, and sets the `session` cookie.
///
/// The tenant is the one named by `X-Client-ID`, the sub-domain or `?client=`, or the only one, or the one whose account the
/// password opens.
#[utoipa::path(post, path = "/api/client/auth/sign-in", tag = "client: signing in",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    request_body = SignIn,
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`, `CLIENT_REQUIRED`", body = Refused),
        (status = 401, description = "`INVALID_CREDENTIALS`; `TWO_FACTOR_REQUIRED` with the challenge to answer", body = Refused),
        (status = 403, description = "`SSO_REQUIRED`, `CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)))]
pub async fn sign_in(
    State(site): State<Site>,
    visitor: Visitor,
    client: NamedClient,
    headers: HeaderMap,
    Body(typed): Body<SignIn>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let claim = Claim {
        email: typed.email,
        password: typed.password,
        client: client.name().map(ToString::to_string),
        cookie: sent_along(&headers),
    };
    let signed_in = site.app.sign_in(claim, &visitor.into()).await?;
    Ok(answer(&signed_in, &site.http))
}

/// The answer to a sign-in of any kind.
pub fn answer(signed_in: &SignedIn, settings: &HttpSettings) -> axum::response::Response {
    answer_with(signed_in, &[], settings)
}

/// The answer to a sign-in that has enrolled a second factor on the way.
pub fn answer_with(signed_in: &SignedIn, codes: &[Secret], settings: &HttpSettings) -> axum::response::Response {
    let handed = &signed_in.handed;
    let data = Tokens {
        token: handed.token.reveal(),
        refresh_token: handed.refresh_token.reveal(),
        expires_in: handed.expires_in.as_secs(),
        user: Account::from(&*signed_in.user),
        recovery_codes: codes.iter().map(Secret::reveal).collect(),
    };
    let mut response = Json(Envelope::new(data)).into_response();
    if let Some(value) = &handed.cookie {
        let line = cookie::given(cookie::CLIENT, value, handed.cookie_max_age, settings);
        response.headers_mut().append(SET_COOKIE, line);
    }
    response
}

/// A cookie that came along is never adopted; it only shows whether this browser has signed in before.
pub(crate) fn sent_along(headers: &HeaderMap) -> Option<Secret> {
    match Credential::of(headers, cookie::CLIENT) {
        Ok(Credential::Cookie(value)) => Some(Secret::new(value)),
        _ => None,
    }
}

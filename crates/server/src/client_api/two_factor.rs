//! `auth/two-factor`: answering a challenge, and enrolling what answers it: an authenticator app and recovery codes.

use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use purser_core::access::Caller;
use purser_core::env::Timestamp;
use purser_core::error::{Error, Result};
use purser_core::secret::Secret;
use purser_core::signin::{Completed, Factors, PasskeyShown, SecondFactor, TotpOffer, Waiting, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::passkeys::{BrowserCredential, Passkey};
use super::signin::{self, Tokens};
use crate::extract::{Body, Visitor, Who, allowed_origin_if_sent};
use crate::fault::{Answer, Empty, Envelope, Fault, Refused, success};
use crate::http_settings::HttpSettings;
use crate::site::Site;
use crate::wire::Text;

/// A sign-in that waits for its second factor.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Challenged {
    /// As `TWO_FACTOR_REQUIRED` gave it.
    #[schema(value_type = String, example = "challenge-of-the-refusal")]
    challenge: Secret,
}

/// What a challenge can be answered with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// `VERIFY`: a second factor is to be shown. `ENROL`: one is to be set up first.
    #[schema(value_type = String, example = "VERIFY")]
    wanted: Wanted,
    /// Any of `totp`, `recovery`, `passkey`.
    #[schema(example = json!(["totp", "recovery"]))]
    methods: Vec<&'static str>,
    /// With `passkey`: what the browser's `navigator.credentials.get` takes, as `parseRequestOptionsFromJSON` reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    passkey: Option<serde_json::Value>,
    /// Until when it can be answered.
    #[schema(value_type = String)]
    expires_at: Text<Timestamp>,
}

impl From<Waiting> for Options {
    fn from(waiting: Waiting) -> Self {
        let offered =
            [(waiting.totp, "totp"), (waiting.recovery_codes > 0, "recovery"), (waiting.passkey.is_some(), "passkey")];
        Self {
            wanted: waiting.wanted,
            methods: offered.into_iter().filter_map(|(there, name)| there.then_some(name)).collect(),
            passkey: waiting.passkey,
            expires_at: Text(waiting.until),
        }
    }
}

/// Says what a challenge can be answered with, and begins with the user's passkeys if there are any.
#[utoipa::path(post, path = "/api/client/auth/two-factor/options", tag = "client: signing in",
    request_body = Challenged,
    responses(
        (status = 200, description = "What is wanted, and the ways", body = Envelope<Options>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`: the challenge is unknown, spent or too old", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)))]
pub async fn options(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(shown): Body<Challenged>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    success(Options::from(site.app.second_factors(&shown.challenge, &visitor.into()).await?))
}

/// A challenge and its answer: one of `code` and `passkey`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Verify {
    /// As `TWO_FACTOR_REQUIRED` gave it.
    #[schema(value_type = String, example = "challenge-of-the-refusal")]
    challenge: Secret,
    /// Six digits of an authenticator app, or a recovery code.
    #[schema(value_type = Option<String>, example = "123456")]
    code: Option<Secret>,
    /// What a passkey signed: `toJSON()` of the browser's credential.
    #[schema(value_type = Option<BrowserCredential>)]
    passkey: Option<PasskeyShown>,
}

impl Verify {
    fn factor(&self) -> Result<SecondFactor<'_>> {
        match (&self.code, &self.passkey) {
            (Some(code), None) => Ok(SecondFactor::Code(code)),
            (None, Some(passkey)) => Ok(SecondFactor::Passkey(passkey)),
            (None, None) => Err(Error::invalid("code", "is missing; so is passkey")),
            (Some(_), Some(_)) => Err(Error::invalid("code", "is given beside passkey")),
        }
    }
}

/// Ends a sign-in with its second factor. A wrong one may be followed by another, for as long as the challenge waits.
#[utoipa::path(post, path = "/api/client/auth/two-factor/verify", tag = "client: signing in",
    request_body = Verify,
    responses(
        (status = 200, description = "Signed in", body = Envelope<Tokens<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_CREDENTIALS`: wrong, or used before; `INVALID_TOKEN`: the challenge is unknown, spent or too old", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)))]
pub async fn verify(
    State(site): State<Site>,
    visitor: Visitor,
    headers: HeaderMap,
    Body(shown): Body<Verify>,
) -> Answer {
    allowed_origin_if_sent(&headers, &site.http)?;
    let completed = site.app.verify_second_factor(&shown.challenge, shown.factor()?, &visitor.into()).await?;
    Ok(signed_in(&completed, &site.http))
}

/// The caller's second factors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TwoFactor<'a> {
    /// Whether they must have one.
    required: bool,
    /// By when, if they must and have none.
    #[schema(value_type = Option<String>)]
    enrol_by: Option<Text<Timestamp>>,
    /// Whether an authenticator app is set up.
    totp: bool,
    /// How many recovery codes are left.
    #[schema(example = 10)]
    recovery_codes_left: u32,
    /// Their passkeys, oldest first.
    passkeys: Vec<Passkey<'a>>,
}

/// Shows the caller's own second factors.
#[utoipa::path(get, path = "/api/client/auth/two-factor", tag = "client: account",
    responses(
        (status = 200, description = "The second factors", body = Envelope<TwoFactor<'_>>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`: another tenant named", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn show(State(site): State<Site>, Who(caller): Who) -> Answer {
    let Factors { required, due_at, totp, recovery_codes, passkeys } = site.app.own_factors(&caller).await?;
    success(TwoFactor {
        required,
        enrol_by: due_at.map(Text),
        totp,
        recovery_codes_left: recovery_codes,
        passkeys: passkeys.iter().map(Passkey::from).collect(),
    })
}

/// The password once more, where the sign-in is older than ten minutes.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Again {
    /// The caller's password.
    #[schema(value_type = Option<String>, example = "your-password")]
    password: Option<Secret>,
}

impl Again {
    /// The password, if it was sent.
    pub(super) fn password(sent: Option<&Body<Self>>) -> Option<&Secret> {
        sent.and_then(|Body(again)| again.password.as_ref())
    }
}

/// How enrolling begins: by the caller, or by somebody whose sign-in waits for it.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Begin {
    /// The caller's password, where the sign-in is older than ten minutes.
    #[schema(value_type = Option<String>, example = "your-password")]
    password: Option<Secret>,
    /// In a session's place: as `TWO_FACTOR_REQUIRED` gave it.
    #[schema(value_type = Option<String>)]
    challenge: Option<Secret>,
}

/// A new secret for an authenticator app.
#[derive(Debug, Serialize, ToSchema)]
pub struct Offer<'a> {
    /// For typing in (base32).
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: &'a str,
    /// The same as an `otpauth:` address.
    uri: &'a str,
    /// The same as a picture to scan: an SVG in a `data:` address.
    qr: &'a str,
}

/// Draws a secret for an authenticator app. Nothing changes before a first code has confirmed it, within ten minutes.
#[utoipa::path(post, path = "/api/client/auth/two-factor/totp", tag = "client: account",
    request_body = Begin,
    responses(
        (status = 200, description = "The secret, shown this once", body = Envelope<Offer<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`: `password` is needed, too", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn start(
    State(site): State<Site>,
    Perhaps(caller): Perhaps,
    visitor: Visitor,
    headers: HeaderMap,
    begin: Option<Body<Begin>>,
) -> Answer {
    let begin = begin.map(|Body(begin)| begin).unwrap_or_default();
    let offer = match begin.challenge {
        Some(challenge) => {
            allowed_origin_if_sent(&headers, &site.http)?;
            site.app.start_totp_first(&challenge, &visitor.into()).await?
        }
        None => site.app.start_totp(&caller?, begin.password.as_ref()).await?,
    };
    let TotpOffer { secret, uri, .. } = &offer;
    success(Offer { secret: secret.reveal(), uri: uri.reveal(), qr: offer.qr().reveal() })
}

/// A first code.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Confirm {
    /// Six digits of the app.
    #[schema(value_type = String, example = "123456")]
    code: Secret,
    /// In a session's place: as `TWO_FACTOR_REQUIRED` gave it.
    #[schema(value_type = Option<String>)]
    challenge: Option<Secret>,
}

/// New recovery codes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes<'a> {
    /// Each is good once, in a code's place. Shown now or never; empty if those of before go on.
    #[schema(example = json!(["7k2vm-x9qtd"]))]
    recovery_codes: Vec<&'a str>,
}

impl<'a> From<&'a [Secret]> for RecoveryCodes<'a> {
    fn from(codes: &'a [Secret]) -> Self {
        Self { recovery_codes: codes.iter().map(Secret::reveal).collect() }
    }
}

/// Confirms an authenticator app with a first code: from now on it is asked for. The caller's other sessions end. With a challenge it
/// ends the sign-in that waited for it, and answers as that does.
#[utoipa::path(post, path = "/api/client/auth/two-factor/totp/confirm", tag = "client: account",
    request_body = Confirm,
    responses(
        (status = 200, description = "Set up; with a challenge: signed in, with `token`, `refreshToken`, `expiresIn` and `user` beside", body = Envelope<RecoveryCodes<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the code is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 409, description = "`CONFLICT`: no secret waits for a code", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused),
        (status = 503, description = "`SERVER_BUSY`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn confirm(
    State(site): State<Site>,
    Perhaps(caller): Perhaps,
    visitor: Visitor,
    headers: HeaderMap,
    Body(confirm): Body<Confirm>,
) -> Answer {
    if let Some(challenge) = &confirm.challenge {
        allowed_origin_if_sent(&headers, &site.http)?;
        let completed = site.app.confirm_totp_first(challenge, &confirm.code, &visitor.into()).await?;
        return Ok(signed_in(&completed, &site.http));
    }
    let codes = site.app.confirm_totp(&caller?, &confirm.code).await?;
    success(RecoveryCodes::from(codes.as_slice()))
}

/// Removes the caller's authenticator app. Their other sessions end.
#[utoipa::path(delete, path = "/api/client/auth/two-factor/totp", tag = "client: account",
    request_body = Again,
    responses(
        (status = 200, description = "Removed", body = Envelope<Empty>),
        (status = 400, description = "`VALIDATION_ERROR`: `password` is needed, too", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 404, description = "`NOT_FOUND`: none is set up", body = Refused),
        (status = 409, description = "`CONFLICT`: the last second factor of somebody who must have one", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn remove(State(site): State<Site>, Who(caller): Who, again: Option<Body<Again>>) -> Answer {
    site.app.remove_totp(&caller, Again::password(again.as_ref())).await?;
    success(Empty {})
}

/// Gives new recovery codes in place of those there were.
#[utoipa::path(post, path = "/api/client/auth/two-factor/recovery-codes", tag = "client: account",
    request_body = Again,
    responses(
        (status = 200, description = "The codes, shown this once", body = Envelope<RecoveryCodes<'_>>),
        (status = 400, description = "`VALIDATION_ERROR`: `password` is needed, too", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`; `INVALID_CREDENTIALS`: the password is wrong", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`; `FORBIDDEN`: another tenant named, or no session", body = Refused),
        (status = 409, description = "`CONFLICT`: there is no second factor they could stand in for", body = Refused),
        (status = 429, description = "`RATE_LIMITED`, with `Retry-After`", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn renew(State(site): State<Site>, Who(caller): Who, again: Option<Body<Again>>) -> Answer {
    let codes = site.app.renew_recovery_codes(&caller, Again::password(again.as_ref())).await?;
    success(RecoveryCodes::from(codes.as_slice()))
}

/// Who is calling, or why nobody is: for doors that a challenge opens as well.
#[derive(Debug)]
pub struct Perhaps(Result<Caller, Fault>);

impl FromRequestParts<Site> for Perhaps {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        Ok(Self(Who::from_request_parts(parts, site).await.map(|Who(caller)| caller)))
    }
}

fn signed_in(completed: &Completed, settings: &HttpSettings) -> Response {
    signin::answer_with(&completed.signed_in, &completed.recovery_codes, settings)
}

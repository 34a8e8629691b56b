//! [`Error`], every refusal the system can give, and [`Code`], the word for it on the wire.

use std::time::Duration;

use crate::secret::Secret;

/// What a use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One reason why a request's content was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, by its name on the wire; a dotted path for nested ones.
    pub field: String,
    /// What is wrong with it, in words for the person who sent it.
    pub reason: String,
}

/// A refusal. A new variant needs a reader who acts differently on it. Its text is safe to show; causes are in the source chain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong, unknown, disabled or without a password: one answer for all of them.
    #[error("Invalid email or password")]
    InvalidCredentials,
    /// An access token, refresh token or cookie past its life. The client refreshes or signs in.
    #[error("Token has expired")]
    TokenExpired,
    /// Missing, malformed, of the wrong kind, revoked, or of another realm.
    #[error("Invalid or missing token")]
    InvalidToken,
    /// The password was right; the challenge is to be answered with a second factor within 5 minutes.
    #[error("Two-factor authentication required")]
    TwoFactorRequired(Secret),
    /// Known, but without the right, or naming a tenant that is not the caller's.
    #[error("Insufficient permissions")]
    Forbidden,
    /// A write authenticated by cookie from another origin.
    #[error("Cross-site request refused")]
    CsrfRejected,
    /// The tenant has switched password sign-in off.
    #[error("This organisation signs in through its identity provider")]
    SsoRequired,
    /// On-premises without a licence.
    #[error("A licence is required")]
    LicenseRequired,
    /// Past the licence's grace period; reading goes on.
    #[error("The licence has expired")]
    LicenseExpired,
    /// Every licensed seat is taken.
    #[error("All licensed seats are in use")]
    LicenseSeats,
    /// Proven by a provider, but there is no account and none may be created.
    #[error("No account exists here for this identity")]
    AccountUnknown,
    /// A licence key that no configured key signed, or that is not for here or now.
    #[error("The licence key is not valid")]
    LicenseInvalid,
    /// Fields missing, wrongly typed or out of bounds.
    #[error("The request is not valid")]
    Invalid(Vec<Problem>),
    /// No tenant named, and the choice is not ours to make.
    #[error("Name the client with X-Client-ID")]
    ClientRequired,
    /// A callback without its own unspent, unexpired, browser-bound state.
    #[error("The sign-in attempt is unknown or has expired")]
    OidcStateInvalid,
    /// Any failed check of a SAML response.
    #[error("The SAML response was refused")]
    SamlInvalid,
    /// No such identity provider for this tenant.
    #[error("Unknown identity provider")]
    UnknownProvider,
    /// Absent, or not the caller's to know of.
    #[error("Not found")]
    NotFound,
    /// Would link to, or collide with, an account without proof.
    #[error("An account with this address exists already")]
    AccountExists,
    /// Someone else was faster, or a rule across records forbids it.
    #[error("The request conflicts with the present state")]
    Conflict,
    /// Too many tries; try again after the time given.
    #[error("Too many requests")]
    RateLimited(Duration),
    /// The hashing queue is full.
    #[error("The server is busy")]
    ServerBusy,
    /// An identity provider does not answer, or is set up so that it cannot; try again after the time given.
    #[error("The identity provider is unavailable")]
    IdpUnavailable(Duration),
    /// The database does not answer or cannot write.
    #[error("The store is unavailable")]
    StoreUnavailable(#[source] Cause),
    /// What was asked for needs a letter, and none leaves from here. The operator has something to set; trying again does not help.
    #[error("This server is not set up to send mail")]
    MailUnavailable(#[source] Cause),
    /// A GraphQL request past the limits of depth, aliases or cost.
    #[error("The query is too complex")]
    QueryTooComplex,
    /// A fault of ours.
    #[error("Internal error")]
    Internal(#[source] Cause),
}

/// What lies behind a fault, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The word for a refusal on the wire. Each has one constant message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// 401
    InvalidCredentials,
    /// 401
    TokenExpired,
    /// 401
    InvalidToken,
    /// 401, with a challenge
    TwoFactorRequired,
    /// 403
    Forbidden,
    /// 403
    CsrfRejected,
    /// 403
    SsoRequired,
    /// 403
    LicenseRequired,
    /// 403
    LicenseExpired,
    /// 403
    LicenseSeats,
    /// 403
    AccountUnknown,
    /// 400
    LicenseInvalid,
    /// 400, with details
    ValidationError,
    /// 400
    ClientRequired,
    /// 400
    OidcStateInvalid,
    /// 401
    SamlInvalid,
    /// 404
    UnknownProvider,
    /// 404
    NotFound,
    /// 409
    AccountExists,
    /// 409
    Conflict,
    /// 429, with a time to wait
    RateLimited,
    /// 503, with a time to wait
    ServerBusy,
    /// 503, with a time to wait
    IdpUnavailable,
    /// 503, with a time to wait
    StoreUnavailable,
    /// 503
    MailUnavailable,
    /// 400
    QueryTooComplex,
    /// 500
    Internal,
}

impl Code {
    /// Its spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::TwoFactorRequired => "TWO_FACTOR_REQUIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::CsrfRejected => "CSRF_REJECTED",
            Self::SsoRequired => "SSO_REQUIRED",
            Self::LicenseRequired => "LICENSE_REQUIRED",
            Self::LicenseExpired => "LICENSE_EXPIRED",
            Self::LicenseSeats => "LICENSE_SEATS",
            Self::AccountUnknown => "ACCOUNT_UNKNOWN",
            Self::LicenseInvalid => "LICENSE_INVALID",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::ClientRequired => "CLIENT_REQUIRED",
            Self::OidcStateInvalid => "OIDC_STATE_INVALID",
            Self::SamlInvalid => "SAML_INVALID",
            Self::UnknownProvider => "UNKNOWN_PROVIDER",
            Self::NotFound => "NOT_FOUND",
            Self::AccountExists => "ACCOUNT_EXISTS",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::ServerBusy => "SERVER_BUSY",
            Self::IdpUnavailable => "IDP_UNAVAILABLE",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::MailUnavailable => "MAIL_UNAVAILABLE",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::Internal => "INTERNAL",
        }
    }
}

impl Error {
    /// A refusal of one field.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem { field: field.into(), reason: reason.into() }])
    }

    /// The same refusal, told of the field that was really asked for.
    pub(crate) fn about(self, field: &str) -> Self {
        match self {
            Self::Invalid(problems) => {
                Self::Invalid(problems.into_iter().map(|problem| Problem { field: field.into(), ..problem }).collect())
            }
            other => other,
        }
    }

    /// A fault of ours, with its cause for the log.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// A database that does not answer, with the cause for the log.
    pub fn store(cause: impl Into<Cause>) -> Self {
        Self::StoreUnavailable(cause.into())
    }

    /// The word for this refusal on the wire.
    pub fn code(&self) -> Code {
        match self {
            Self::InvalidCredentials => Code::InvalidCredentials,
            Self::TokenExpired => Code::TokenExpired,
            Self::InvalidToken => Code::InvalidToken,
            Self::TwoFactorRequired(_) => Code::TwoFactorRequired,
            Self::Forbidden => Code::Forbidden,
            Self::CsrfRejected => Code::CsrfRejected,
            Self::SsoRequired => Code::SsoRequired,
            Self::LicenseRequired => Code::LicenseRequired,
            Self::LicenseExpired => Code::LicenseExpired,
            Self::LicenseSeats => Code::LicenseSeats,
            Self::AccountUnknown => Code::AccountUnknown,
            Self::LicenseInvalid => Code::LicenseInvalid,
            Self::Invalid(_) => Code::ValidationError,
            Self::ClientRequired => Code::ClientRequired,
            Self::OidcStateInvalid => Code::OidcStateInvalid,
            Self::SamlInvalid => Code::SamlInvalid,
            Self::UnknownProvider => Code::UnknownProvider,
            Self::NotFound => Code::NotFound,
            Self::AccountExists => Code::AccountExists,
            Self::Conflict => Code::Conflict,
            Self::RateLimited(_) => Code::RateLimited,
            Self::ServerBusy => Code::ServerBusy,
            Self::IdpUnavailable(_) => Code::IdpUnavailable,
            Self::StoreUnavailable(_) => Code::StoreUnavailable,
            Self::MailUnavailable(_) => Code::MailUnavailable,
            Self::QueryTooComplex => Code::QueryTooComplex,
            Self::Internal(_) => Code::Internal,
        }
    }
}

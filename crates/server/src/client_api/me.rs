//! `GET auth/me`: who the caller is and what they may do.

use axum::extract::State;
use axum::http::StatusCode;
use purser_core::access::Caller;
use purser_core::env::Timestamp;
use purser_core::ids::SessionId;
use purser_core::license::{Notice, Stage};
use serde::Serialize;
use utoipa::ToSchema;

use super::signin::Account;
use crate::extract::Who;
use crate::fault::{Answer, Envelope, Refused, success, success_text, written};
use crate::site::Site;
use crate::wire::{RightNames, Text, Words};

/// Who is calling.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me<'a> {
    /// Their account.
    user: Account<'a>,
    /// The rights their roles carry together: look here before calling what needs one.
    #[schema(value_type = Vec<String>, example = json!(["work.read", "users.read", "templates.write"]))]
    permissions: RightNames,
    /// Their organisation.
    client: Organisation<'a>,
    /// The session in use; null behind an Entra token, which makes none.
    session: Option<Session<'a>>,
    /// What there is to know about the licence; empty where all is well.
    notices: Vec<LicenseNotice>,
    /// There while a second factor is asked of the caller that they have not enrolled yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    two_factor: Option<Enrolment>,
}

/// A second factor that has to be enrolled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// By when. After that the session ends, and the next sign-in begins with enrolling.
    #[schema(value_type = String)]
    enrol_by: Text<Timestamp>,
}

/// The caller's organisation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organisation<'a> {
    /// Its id, as in `X-Client-ID`.
    #[schema(example = "acme")]
    id: &'a str,
    /// Its name.
    #[schema(example = "Acme Industries")]
    name: &'a str,
}

/// The session in use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session<'a> {
    /// Its id.
    #[schema(value_type = String)]
    id: Text<SessionId>,
    /// How it was opened (RFC 8176).
    #[schema(value_type = Vec<String>, example = json!(["pwd"]))]
    amr: Words<'a>,
    /// Since when.
    #[schema(value_type = String)]
    created_at: Text<Timestamp>,
}

/// Something to know about the licence.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicenseNotice {
    /// How far along its life it is.
    #[schema(value_type = String, example = "NOTICE")]
    stage: Stage,
    /// A sentence for people.
    message: String,
}

/// Who the caller is: user, roles, permissions, organisation, session, licence notices.
#[utoipa::path(get, path = "/api/client/auth/me", tag = "client: account",
    responses(
        (status = 200, description = "The caller", body = Envelope<Me<'_>>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`FORBIDDEN`: another tenant named", body = Refused)),
    security(("bearer" = []), ("cookie" = [])))]
pub async fn me(State(site): State<Site>, Who(caller): Who) -> Answer {
    let notices = site.app.license_notices().await?;
    let two_factor = site.app.enrolment_due(&caller).map(|due| Enrolment { enrol_by: Text(due) });
    if notices.is_empty() && two_factor.is_none() {
        // Asked for more often than all else, and always the same until something about the caller changes.
        return Ok(written(StatusCode::OK, caller.portrait(|| success_text(shown(&caller, &[])))?));
    }
    success(Me { two_factor, ..shown(&caller, &notices) })
}

fn shown<'a>(caller: &'a Caller, notices: &[Notice]) -> Me<'a> {
    Me {
        user: Account::from(caller.user()),
        permissions: RightNames(caller.user().roles),
        client: Organisation { id: caller.tenant().id.as_str(), name: &caller.tenant().name },
        session: caller.session().map(|id| Session {
            id: Text(id),
            amr: Words(caller.amr()),
            created_at: Text(caller.since()),
        }),
        notices: notices.iter().map(LicenseNotice::from).collect(),
        two_factor: None,
    }
}

impl From<&Notice> for LicenseNotice {
    fn from(notice: &Notice) -> Self {
        Self { stage: notice.stage, message: notice.to_string() }
    }
}

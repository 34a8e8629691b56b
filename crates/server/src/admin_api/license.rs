//! `license-on-prem`: the licence of an on-premises deployment.

use axum::extract::State;
use purser_core::access::system_right;
use purser_core::config::Mode;
use purser_core::license::{LicenseState, Stage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client_api::me::LicenseNotice;
use crate::extract::{Body, SystemWith};
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// A licence key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewLicense {
    /// The key as the vendor gave it.
    #[schema(example = "your-license-key")]
    license_key: String,
}

/// The licence's state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LicenseView {
    /// `hosted` (no licence needed) or `on-prem`.
    #[schema(example = "on-prem")]
    mode: &'static str,
    /// This deployment's id, which a licence must name.
    instance: String,
    /// `UNLICENSED`, `VALID`, `NOTICE`, `GRACE` or `READ_ONLY`.
    #[schema(value_type = String, example = "VALID")]
    stage: Stage,
    /// To whom it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    licensee: Option<String>,
    /// Its number; never goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<i64>,
    /// How many users it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<u32>,
    /// How many there are.
    seats_used: i64,
    /// From when on it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// What people are told about it; empty where all is well.
    notices: Vec<LicenseNotice>,
}

impl From<LicenseState> for LicenseView {
    fn from(state: LicenseState) -> Self {
        let license = state.license.as_ref();
        Self {
            mode: match state.mode {
                Mode::Hosted => "hosted",
                Mode::OnPrem => "on-prem",
            },
            stage: state.stage,
            licensee: license.map(|it| it.licensee.clone()),
            serial: license.map(|it| it.serial),
            seats: license.map(|it| it.seats),
            seats_used: state.seats_used,
            not_before: license.map(|it| it.valid_from.to_string()),
            expires_at: license.map(|it| it.expires_at.to_string()),
            notices: state.notices.iter().map(LicenseNotice::from).collect(),
            instance: state.instance,
        }
    }
}

/// Installs a licence. A refused key leaves the one in force as it is.
#[utoipa::path(post, path = "/api/admin/license-on-prem", tag = "admin: licence", request_body = NewLicense,
    responses(
        (status = 200, description = "Installed", body = Envelope<LicenseView>),
        (status = 400, description = "`LICENSE_INVALID`, `VALIDATION_ERROR`", body = Refused),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused),
        (status = 403, description = "`CSRF_REJECTED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn install(
    State(site): State<Site>,
    SystemWith(by): SystemWith<system_right::LicenseInstall>,
    Body(new): Body<NewLicense>,
) -> Answer {
    success(LicenseView::from(site.app.install_license(&by, &new.license_key).await?))
}

/// Shows the licence's state, seats used and expiry.
#[utoipa::path(get, path = "/api/admin/license-on-prem", tag = "admin: licence",
    responses(
        (status = 200, description = "The state", body = Envelope<LicenseView>),
        (status = 401, description = "`INVALID_TOKEN`, `TOKEN_EXPIRED`", body = Refused)),
    security(("admin" = []), ("adminCookie" = [])))]
pub async fn show(State(site): State<Site>, SystemWith(by): SystemWith<system_right::LicenseRead>) -> Answer {
    success(LicenseView::from(site.app.license_state(&by).await?))
}

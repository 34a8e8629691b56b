//! `GET auth/providers`: the buttons of a sign-in page.

use axum::extract::State;
use purser_core::ids::TenantId;
use purser_core::providers::Kind;
use purser_core::signin::Button;
use serde::Serialize;
use url::form_urlencoded::Serializer;
use utoipa::ToSchema;

use crate::extract::NamedClient;
use crate::fault::{Answer, Envelope, Refused, success};
use crate::site::Site;

/// The ways in that a tenant's sign-in page offers besides the password.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaysIn {
    providers: Vec<WayIn>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct WayIn {
    /// The provider's name.
    #[schema(example = "okta")]
    name: String,
    /// What it speaks: `OIDC`, `SAML` or `MICROSOFT`.
    #[schema(value_type = String, example = "OIDC")]
    kind: Kind,
    /// What to write on the button.
    #[schema(example = "Sign in with Okta")]
    label: String,
    /// Where the button leads; a `returnTo` may be added.
    #[schema(example = "/api/client/auth/oidc?provider=okta&client=acme")]
    url: String,
}

/// Lists the tenant's single-sign-on providers, as buttons for a sign-in page.
#[utoipa::path(get, path = "/api/client/auth/providers", tag = "client: single sign-on",
    params(("X-Client-ID" = Option<String>, Header, description = "The tenant"), ("client" = Option<String>, Query, description = "The tenant")),
    responses(
        (status = 200, description = "The providers", body = Envelope<WaysIn>),
        (status = 400, description = "`CLIENT_REQUIRED`, `VALIDATION_ERROR`", body = Refused),
        (status = 404, description = "`NOT_FOUND`: no such tenant", body = Refused)))]
pub async fn list(State(site): State<Site>, client: NamedClient) -> Answer {
    let buttons = site.app.sign_in_buttons(client.name()).await?;
    success(WaysIn { providers: buttons.into_iter().map(|button| way_in(button, client.name())).collect() })
}

fn way_in(button: Button, tenant: Option<&TenantId>) -> WayIn {
    let url = address(&button, tenant, None);
    WayIn { name: button.name, kind: button.kind, label: button.label, url }
}

/// Where a button leads.
pub(crate) fn address(button: &Button, tenant: Option<&TenantId>, return_to: Option<&str>) -> String {
    let door = match button.kind {
        Kind::Oidc => "oidc",
        Kind::Saml => "okta-saml",
        Kind::Microsoft => "ms-dynamics",
    };
    let said = [("client", tenant.map(TenantId::as_str)), ("returnTo", return_to)];
    let mut query = Serializer::new(String::new());
    query.append_pair("provider", &button.name);
    query.extend_pairs(said.into_iter().filter_map(|(name, value)| Some((name, value?))));
    format!("/api/client/auth/{door}?{}", query.finish())
}

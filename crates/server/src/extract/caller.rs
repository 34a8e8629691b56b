//! Who is calling, and with which right: [`Who`] and [`With`] for users, [`AdminWho`] and [`SystemWith`] for system administrators.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use purser_core::access::{Caller, Grant, Permission, SystemAdmin, SystemGrant, SystemPermission};
use purser_core::audit::Visit;
use purser_core::error::Error;
use purser_core::ids::TenantId;
use purser_core::session::Shown;

use super::{Credential, NamedClient, Visitor, same_origin};
use crate::cookie;
use crate::fault::{Denied, Fault};
use crate::http_settings::HttpSettings;
use crate::site::Site;

/// A signed-in user. 401 and 403 end here.
#[derive(Debug)]
pub struct Who(pub Caller);

/// The proof that the caller holds a right; a use case takes nothing less.
#[derive(Debug)]
pub struct With<P>(pub Grant<P>);

/// A signed-in system administrator.
#[derive(Debug)]
pub struct AdminWho(pub SystemAdmin);

/// The proof that a system administrator holds a right.
#[derive(Debug)]
pub struct SystemWith<P>(pub SystemGrant<P>);

impl FromRequestParts<Site> for Who {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let shown = shown(parts, cookie::CLIENT, &site.http)?;
        let named = NamedClient::in_header(&parts.headers)?;
        let visit = Visitor::of(parts, &site.http).into();
        Ok(Self(site.app.caller(shown, named.as_ref().map(TenantId::as_str), visit).await?))
    }
}

impl<P: Permission> FromRequestParts<Site> for With<P> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let Who(caller) = Who::from_request_parts(parts, site).await?;
        granted(site, &caller).map(Self)
    }
}

impl FromRequestParts<Site> for AdminWho {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let shown = shown(parts, cookie::ADMIN, &site.http)?;
        let visit = Visitor::of(parts, &site.http).into();
        Ok(Self(site.app.system_admin(shown, visit).await?))
    }
}

/// The proof that a caller holds a right. A refusal goes into the audit log.
///
/// # Errors
/// `FORBIDDEN`.
pub fn granted<P: Permission>(site: &Site, caller: &Caller) -> Result<Grant<P>, Fault> {
    caller.grant().map_err(|_| Fault::Denied(Box::new(Denied { app: Arc::clone(&site.app), caller: caller.clone() })))
}

impl<P: SystemPermission> FromRequestParts<Site> for SystemWith<P> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let AdminWho(admin) = AdminWho::from_request_parts(parts, site).await?;
        Ok(Self(admin.grant()))
    }
}

impl From<Visitor> for Visit {
    fn from(visitor: Visitor) -> Self {
        Self { address: visitor.address, agent: visitor.agent, request: visitor.request_id }
    }
}

/// What the request shows. A cookie is only taken for a write that comes from our own pages.
fn shown<'a>(parts: &'a Parts, cookie_name: &str, settings: &Arc<HttpSettings>) -> Result<Shown<'a>, Error> {
    match Credential::of(&parts.headers, cookie_name)? {
        Credential::Bearer(token) => Ok(Shown::Bearer(token)),
        Credential::Cookie(value) => {
            demand_own_page(&parts.method, &parts.headers, settings)?;
            Ok(Shown::Cookie(value))
        }
        Credential::None => Err(Error::InvalidToken),
    }
}

fn demand_own_page(method: &Method, headers: &HeaderMap, settings: &HttpSettings) -> Result<(), Error> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(()) } else { same_origin(headers, settings) }
}

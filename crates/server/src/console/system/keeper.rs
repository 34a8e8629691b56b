//! [`Keeper`], the system administrator who is looking at a page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use purser_core::access::SystemAdmin;

use crate::console::page::{Chrome, Dress, Link, said_before};
use crate::console::words::Said;
use crate::extract::AdminWho;
use crate::fault::Fault;
use crate::site::Site;

/// Who is looking at a page of the admin realm. Nobody else sees one.
pub(in crate::console) struct Keeper {
    /// Who it is.
    pub(in crate::console) admin: SystemAdmin,
    said: Option<Said>,
}

impl FromRequestParts<Site> for Keeper {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let AdminWho(admin) = AdminWho::from_request_parts(parts, site).await?;
        Ok(Self { admin, said: said_before(&parts.headers) })
    }
}

/// The parts of the realm.
const PLACES: [(&str, &str); 8] = [
    ("/admin", "Tenants"),
    ("/admin/admins", "Administrators"),
    ("/admin/keys", "Signing keys"),
    ("/admin/license", "Licence"),
    ("/admin/sessions", "Sessions"),
    ("/admin/mail", "Mail"),
    ("/admin/audit", "Audit log"),
    ("/admin/health", "Health"),
];

impl Keeper {
    /// What stands around a page of theirs; `here` is the path of its part.
    pub(in crate::console) fn chrome(&self, here: &str, title: impl Into<String>) -> Chrome {
        let links = PLACES.map(|(href, label)| Link { href, label, here: href == here });
        Chrome {
            dress: Dress::new(),
            title: title.into(),
            tenant: "Deployment".to_owned(),
            name: self.admin.username().to_owned(),
            email: "System administrator".to_owned(),
            home: "/admin",
            links: links.into(),
            account: None,
            sign_out: "/admin/sign-out",
            said: self.said.map(Said::sentence),
        }
    }
}

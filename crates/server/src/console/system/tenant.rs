//! [`Head`], what stands above every page about one tenant: its name, whether it is on, and the ways to its parts.

use askama::Template;
use askama::filters::HtmlSafe;
use purser_core::error::{Error, Result};
use purser_core::ids::TenantId;
use purser_core::tenants::{Tenant, TenantStatus};

use crate::console::parts::{Chip, Tone};

/// The parts of a tenant that have pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Part {
    Overview,
    People,
    Providers,
    Domains,
    Settings,
}

impl Part {
    const ALL: [Self; 5] = [Self::Overview, Self::People, Self::Providers, Self::Domains, Self::Settings];

    /// The part that the first word behind the tenant's own path names.
    pub(in crate::console) fn of(word: Option<&str>) -> Self {
        match word {
            Some("people") => Self::People,
            Some("domains") => Self::Domains,
            Some("settings") => Self::Settings,
            Some("providers" | "new-provider") => Self::Providers,
            _ => Self::Overview,
        }
    }

    /// Its path behind the tenant's own.
    pub(in crate::console) fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::People => "/people",
            Self::Providers => "/providers",
            Self::Domains => "/domains",
            Self::Settings => "/settings",
        }
    }

    /// Its name.
    pub(in crate::console) fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::People => "People",
            Self::Providers => "Ways to sign in",
            Self::Domains => "Domains",
            Self::Settings => "Settings",
        }
    }
}

/// What stands above a page about a tenant.
#[derive(Template)]
#[template(path = "console/system/head.html")]
pub(in crate::console) struct Head {
    id: TenantId,
    name: String,
    status: Chip,
    here: Part,
}

impl HtmlSafe for Head {}

impl Head {
    /// Above one of its parts.
    pub(in crate::console) fn of(tenant: &Tenant, here: Part) -> Self {
        Self { id: tenant.id.clone(), name: tenant.name.clone(), status: status(tenant), here }
    }

    /// The way to it.
    pub(in crate::console) fn steps(&self) -> Vec<(String, String)> {
        steps(&self.id, &self.name)
    }

    fn parts(&self) -> impl Iterator<Item = (String, &'static str, bool)> {
        let link = |part: Part| (format!("/admin/tenants/{}{}", self.id, part.path()), part.label(), part == self.here);
        Part::ALL.into_iter().map(link)
    }
}

/// The way to a tenant.
pub(super) fn steps(id: &TenantId, name: &str) -> Vec<(String, String)> {
    vec![("/admin".to_owned(), "Tenants".to_owned()), (format!("/admin/tenants/{id}"), name.to_owned())]
}

/// Whether it is on.
pub(super) fn status(tenant: &Tenant) -> Chip {
    match tenant.status {
        TenantStatus::Active => ("Active", Tone::Green).into(),
        TenantStatus::Disabled => ("Disabled", Tone::Red).into(),
        TenantStatus::Leaving => ("Deleted, being cleared away", Tone::Red).into(),
    }
}

/// What is no slug names nothing.
pub(in crate::console) fn known(id: &str) -> Result<TenantId> {
    id.parse().map_err(|_| Error::NotFound)
}

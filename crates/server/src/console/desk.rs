//! [`Desk`], from where an organisation's ways to sign in, its domains and its settings are looked after: by its own Admins, or by the
//! deployment's administrators. The pages are the same.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use purser_core::access::{Grant, right};
use purser_core::error::Error;
use serde::Deserialize;

use super::page::{Chrome, Person, Place};
use super::system::keeper::Keeper;
use super::system::tenant::{Head, Part, known};
use crate::fault::Fault;
use crate::site::Site;

/// Where such a page stands, and the right to it. Whoever does not hold it never gets one.
pub(super) struct Desk {
    /// What stands around the page.
    pub(super) chrome: Chrome,
    /// What stands above it.
    pub(super) top: Top,
    /// What all addresses here begin with: nothing, or the tenant's place in the admin realm.
    pub(super) root: String,
    /// The right.
    pub(super) by: Grant<right::SettingsManage>,
}

/// The tenant that a path of the admin realm names.
#[derive(Deserialize)]
struct Named {
    id: String,
}

impl FromRequestParts<Site> for Desk {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Fault> {
        let path = parts.uri.path();
        if let Some(rest) = path.strip_prefix("/admin/tenants/") {
            let part = Part::of(rest.split('/').nth(1));
            return Self::of_a_tenant(parts, site, part).await;
        }
        let place = place(path);
        Self::of_ones_own(parts, site, place).await
    }
}

/// Where in the console a path leads.
fn place(path: &str) -> Place {
    match path.split('/').nth(1) {
        Some("domains") => Place::Domains,
        Some("settings") => Place::Settings,
        _ => Place::Providers,
    }
}

impl Desk {
    async fn of_ones_own(parts: &mut Parts, site: &Site, place: Place) -> Result<Self, Fault> {
        let person = Person::from_request_parts(parts, site).await?;
        let by = person.caller.grant()?;
        let chrome = person.chrome(place, title(place));
        let top = Top { title: title(place), path: place.path(), tenant: None, more: more(place) };
        Ok(Self { chrome, top, root: String::new(), by })
    }

    async fn of_a_tenant(parts: &mut Parts, site: &Site, part: Part) -> Result<Self, Fault> {
        let keeper = Keeper::from_request_parts(parts, site).await?;
        let Path(Named { id }) =
            Path::from_request_parts(parts, site).await.map_err(|_| Fault::from(Error::NotFound))?;
        let tenant = site.app.tenant(&keeper.admin.grant(), &known(&id)?).await?;
        let by = site.app.settling_of(&keeper.admin.grant(), &tenant.id).await?;
        let chrome = keeper.chrome("/admin", format!("{}: {}", tenant.name, part.label()));
        let top = Top { title: part.label(), path: part.path(), tenant: Some(Head::of(&tenant, part)), more: None };
        Ok(Self { chrome, top, root: format!("/admin/tenants/{}", tenant.id), by })
    }

    /// With what the page is about.
    pub(super) fn titled(self, title: impl Into<String>) -> (Chrome, Crumbs) {
        let mut steps = match &self.top.tenant {
            Some(head) => head.steps(),
            None => Vec::new(),
        };
        steps.push((format!("{}{}", self.root, self.top.path), self.top.title.to_owned()));
        (Chrome { title: title.into(), ..self.chrome }, Crumbs(steps))
    }
}

fn title(place: Place) -> &'static str {
    match place {
        Place::Providers => "Ways to sign in",
        _ => place.label(),
    }
}

/// What belongs to it and has a page of its own.
fn more(place: Place) -> Option<(&'static str, &'static str)> {
    (place == Place::Settings).then_some(("/settings/look", "Name, colour and logo"))
}

/// What stands above a page: its title; about a tenant, also whose it is and the ways to its other parts.
#[derive(Template)]
#[template(path = "console/parts/top.html")]
pub(super) struct Top {
    title: &'static str,
    path: &'static str,
    tenant: Option<Head>,
    more: Option<(&'static str, &'static str)>,
}

impl HtmlSafe for Top {}

/// The way that led to a page.
#[derive(Template)]
#[template(
    source = r#"<p class="crumb">{% for (href, label) in self.0 %}<a href="{{ href }}">{{ label }}</a>{% endfor %}</p>"#,
    ext = "html"
)]
pub(super) struct Crumbs(pub(super) Vec<(String, String)>);

impl HtmlSafe for Crumbs {}

impl Crumbs {
    /// With one step more.
    pub(super) fn and(mut self, href: String, label: &str) -> Self {
        self.0.push((href, label.to_owned()));
        self
    }
}

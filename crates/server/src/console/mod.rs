//! The console: the pages that people look at. One more face of the same use cases: a page asks `core` once or a few times, and shows it.
//!
//! Every page works without script. All its words stand in `templates/console` and in [`words`], and nowhere else.

mod account;
mod assets;
mod audit;
mod charts;
mod compare;
mod desk;
mod domains;
mod editor;
mod factors;
mod form;
mod import;
mod invitation;
mod jobs;
mod letters;
mod look;
mod page;
mod parts;
mod people;
mod perform;
mod person;
mod provider_form;
mod providers;
mod refusal;
mod report;
mod sent;
mod settings;
mod shades;
mod sign_in;
mod start;
mod system;
mod templates;
mod trouble;
mod two_factor;
mod versions;
mod words;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

pub use refusal::nowhere;
pub use report::report;

use crate::site::Site;

/// Every page, on one screen; and the patterns of their paths.
pub fn pages(site: &Site) -> (Router<Site>, Vec<&'static str>) {
    let Pages { router, patterns } = Pages::default()
        .and(of_the_deployment)
        .route("/", get(start::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/sign-in/passkey", post(sign_in::enter_by_passkey))
        .route("/two-factor", get(two_factor::page).post(two_factor::answer))
        .route("/two-factor/app", post(two_factor::offer_app))
        .route("/two-factor/confirm", post(two_factor::confirm_app))
        .route("/forgot", get(letters::forgot).post(letters::send_link))
        .route("/reset", get(letters::reset).post(letters::set_password))
        .route("/confirm-email", get(letters::ask_address).post(letters::confirm_address))
        .route("/invitation", get(invitation::page).post(invitation::accept))
        .route("/sign-out", post(sign_in::leave))
        .route("/signed-out", get(sign_in::left))
        .route("/account", get(account::page))
        .route("/account/password", post(account::change_password))
        .route("/account/email", get(account::ask_email).post(account::change_email))
        .route("/account/two-factor", get(factors::page))
        .route("/account/two-factor/app", post(factors::offer_app))
        .route("/account/two-factor/app/confirm", post(factors::confirm_app))
        .route("/account/two-factor/passkeys", post(factors::offer_passkey))
        .route("/account/two-factor/passkeys/add", post(factors::add_passkey))
        .route("/account/two-factor/passkeys/{id}", get(factors::passkey).post(factors::rename_passkey))
        .route("/account/two-factor/passkeys/{id}/remove", post(factors::remove_passkey))
        .route("/account/two-factor/{act}", get(factors::ask).post(factors::act))
        .route("/account/sessions/end", post(account::end_session))
        .route("/account/sign-out-everywhere", get(account::ask_everywhere).post(account::sign_out_everywhere))
        .route("/people", get(people::list))
        .route("/people/new", get(people::blank).post(people::add))
        .route("/people/import", get(import::blank).post(import::take))
        .route("/people/import/report", post(import::report))
        .route("/people/{id}", get(person::page).post(person::save))
        .route("/people/{id}/roles", post(person::set_roles))
        .route("/people/{id}/{act}", get(person::ask).post(person::act))
        .route("/providers", get(providers::list))
        .route("/new-provider/{kind}", get(provider_form::blank).post(provider_form::add))
        .route("/providers/{name}", get(providers::page))
        .route("/providers/{name}/edit", get(provider_form::edit).post(provider_form::save))
        .route("/providers/{name}/test", post(providers::test))
        .route("/providers/{name}/{act}", get(providers::ask).post(providers::act))
        .route("/domains", get(domains::list).post(domains::add))
        .route("/domains/{name}/{act}", get(domains::ask).post(domains::act))
        .route("/settings", get(settings::page).post(settings::save))
        .route("/settings/look", get(look::page).post(look::save))
        .route("/audit", get(audit::page))
        .route("/templates", get(templates::list))
        .route("/templates/new", get(templates::blank).post(templates::add))
        .route("/templates/{id}", get(templates::newest))
        .route("/templates/{id}/name", get(templates::ask_name).post(templates::rename))
        .route("/templates/{id}/copy", get(templates::ask_copy).post(templates::copy))
        .route("/templates/{id}/history", get(templates::history))
        .route("/templates/{id}/versions/{number}", get(versions::page))
        .route("/templates/{id}/versions/{number}/edit", get(editor::page).post(editor::save))
        .route("/templates/{id}/versions/{number}/compare", get(compare::page))
        .route("/templates/{id}/versions/{number}/{act}", get(versions::ask).post(versions::act))
        .route("/jobs", get(jobs::list))
        .route("/jobs/board", get(jobs::board))
        .route("/jobs/new", get(jobs::blank).post(jobs::add))
        .route("/jobs/{id}", get(perform::page))
        .route("/jobs/{id}/report", get(perform::report))
        .route("/jobs/{id}/step", post(perform::step))
        .route("/jobs/{id}/records/{number}", get(perform::ask_correction).post(perform::correct))
        .route("/jobs/{id}/assign", post(jobs::assign))
        .route("/jobs/{id}/start", post(perform::start))
        .route("/jobs/{id}/cancel", get(jobs::ask_cancel).post(jobs::cancel))
        .decorated(site)
        .route("/assets/{name}", get(assets::part))
        .route("/assets/brand/{name}", get(look::part));
    (router, patterns)
}

/// Those of the deployment's administrators.
fn of_the_deployment(pages: Pages) -> Pages {
    pages
        .route("/admin", get(system::tenants::list))
        .route("/admin/sign-in", get(system::door::page).post(system::door::enter))
        .route("/admin/sign-out", post(system::door::leave))
        .route("/admin/tenants/new", get(system::tenants::blank).post(system::tenants::add))
        .route("/admin/tenants/{id}", get(system::tenants::page).post(system::tenants::rename))
        .route("/admin/tenants/{id}/people", get(system::people::list))
        .route("/admin/tenants/{id}/people/new", get(system::people::blank).post(system::people::add))
        .route("/admin/tenants/{id}/people/{user}", get(system::people::page))
        .route("/admin/tenants/{id}/people/{user}/{act}", get(system::people::ask).post(system::people::act))
        .route("/admin/tenants/{id}/providers", get(providers::list))
        .route("/admin/tenants/{id}/new-provider/{kind}", get(provider_form::blank).post(provider_form::add))
        .route("/admin/tenants/{id}/providers/{name}", get(providers::page))
        .route("/admin/tenants/{id}/providers/{name}/edit", get(provider_form::edit).post(provider_form::save))
        .route("/admin/tenants/{id}/providers/{name}/test", post(providers::test))
        .route("/admin/tenants/{id}/providers/{name}/{act}", get(providers::ask).post(providers::act))
        .route("/admin/tenants/{id}/domains", get(domains::list).post(domains::add))
        .route("/admin/tenants/{id}/domains/{name}/confirm", get(system::domains::ask).post(system::domains::confirm))
        .route("/admin/tenants/{id}/domains/{name}/{act}", get(domains::ask).post(domains::act))
        .route("/admin/tenants/{id}/settings", get(settings::page).post(settings::save))
        .route("/admin/tenants/{id}/{act}", get(system::tenants::ask).post(system::tenants::act))
        .route("/admin/admins", get(system::admins::list).post(system::admins::add))
        .route("/admin/admins/{id}/{act}", get(system::admins::ask).post(system::admins::act))
        .route("/admin/keys", get(system::keys::page))
        .route("/admin/keys/rotate", get(system::keys::ask).post(system::keys::rotate))
        .route("/admin/sessions", get(system::sessions::page).post(system::sessions::end))
        .route("/admin/sessions/end-all", get(system::sessions::ask).post(system::sessions::end_all))
        .route("/admin/mail", get(system::mail::page))
        .route("/admin/license", get(system::license::page).post(system::license::install))
        .route("/admin/audit", get(system::audit::page))
        .route("/admin/health", get(system::health::page))
}

/// Pages as they are listed.
#[derive(Default)]
struct Pages {
    router: Router<Site>,
    patterns: Vec<&'static str>,
}

impl Pages {
    fn route(mut self, pattern: &'static str, page: MethodRouter<Site>) -> Self {
        self.patterns.push(pattern);
        Self { router: self.router.route(pattern, page), ..self }
    }

    /// With those of another list.
    fn and(self, more: fn(Self) -> Self) -> Self {
        more(self)
    }

    /// Turns refusals of what was listed so far into pages.
    fn decorated(self, site: &Site) -> Self {
        Self { router: self.router.route_layer(from_fn_with_state(site.clone(), refusal::for_people)), ..self }
    }
}

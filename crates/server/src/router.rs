//! Every route, on one screen, and the description of them all.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, delete, get, patch, post};
use utoipa::OpenApi;

use crate::admin_api::{
    admins, audit, clients, domains, keys, license, mail, providers, session as admin_session, users,
};
use crate::client_api::{
    audit as own_audit, buttons, dynamics, email, exchange, graphql, invitation, jobs, landing, me, oidc, passkey,
    passkeys, password, people, saml, session, sessions, signin, two_factor,
};
use crate::description::{Common, Doors};
use crate::layers::Routes;
use crate::site::Site;
use crate::{console, graphiql, operations, pages};

/// Lists the routes once: for the router, and for the API's description. Where browsers go by themselves, refusals are pages.
macro_rules! routes {
    (for browsers: {$($page:literal => $($page_method:ident $($page_handler:ident)::+),+;)*}
     for programs: {$($path:literal => $($method:ident $($handler:ident)::+),+;)*}) => {
        /// The routes.
        pub fn routes(site: Site) -> Routes {
            let router = Router::new()
                $(.route($page, MethodRouter::new()$(.merge($page_method($($page_handler)::+)))+))*
                .route_layer(from_fn(pages::for_browsers))
                $(.route($path, MethodRouter::new()$(.merge($method($($handler)::+)))+))*;
            let pulse = Arc::clone(&site.extras.pulse);
            let (console, mut patterns) = console::pages(&site);
            patterns.extend(["/graphiql", "/graphiql/{part}", $($page,)* $($path,)*]);
            let router = router
                .merge(console)
                .route("/graphiql", get(graphiql::page))
                .route("/graphiql/{part}", get(graphiql::part))
                .fallback(console::nowhere)
                .with_state(site);
            Routes { router, patterns, pulse }
        }

        #[derive(OpenApi)]
        #[openapi(
            info(title = "Purser", description = "Identity and access behind a work-instruction platform."),
            modifiers(&Doors, &Common),
            paths($($($($page_handler)::+),+,)* $($($($handler)::+),+),*))]
        struct Described;
    };
}

routes! {
    for browsers: {
        "/api/client/auth/oidc" => get oidc::start;
        "/api/client/auth/oidc/callback" => get oidc::callback, post oidc::callback_posted;
        "/api/client/auth/okta-saml" => get saml::start, post saml::take;
        "/api/client/auth/okta-saml/metadata" => get saml::metadata;
        "/api/client/auth/okta-saml/logout" => get saml::logout, post saml::logout_posted;
        "/rest/auth-with-okta-saml" => get saml::start_at_rest, post saml::take_at_rest;
        "/api/client/auth/ms-dynamics" => get dynamics::start;
        "/api/client/auth/ms-dynamics/callback" => get dynamics::callback;
        "/api/client/auth/landing" => get landing::land;
    }
    for programs: {
        "/api/client/auth/sign-in" => post signin::sign_in;
        "/api/client/auth/refresh" => post session::refresh;
        "/api/client/auth/sign-out" => post session::sign_out;
        "/api/client/auth/me" => get me::me;
        "/api/client/auth/sessions" => get sessions::list;
        "/api/client/auth/sessions/{id}" => delete sessions::end;
        "/api/client/auth/password/change" => post password::change;
        "/api/client/auth/password/forgot" => post password::forgot;
        "/api/client/auth/password/reset" => post password::reset;
        "/api/client/auth/email/change" => post email::change;
        "/api/client/auth/email/confirm" => post email::confirm;
        "/api/client/auth/invitation" => post invitation::show;
        "/api/client/auth/invitation/accept" => post invitation::accept;
        "/api/client/auth/two-factor" => get two_factor::show;
        "/api/client/auth/two-factor/options" => post two_factor::options;
        "/api/client/auth/two-factor/verify" => post two_factor::verify;
        "/api/client/auth/two-factor/totp" => post two_factor::start, delete two_factor::remove;
        "/api/client/auth/two-factor/totp/confirm" => post two_factor::confirm;
        "/api/client/auth/two-factor/recovery-codes" => post two_factor::renew;
        "/api/client/auth/two-factor/passkeys" => post passkeys::add;
        "/api/client/auth/two-factor/passkeys/options" => post passkeys::options;
        "/api/client/auth/two-factor/passkeys/{id}" => patch passkeys::rename, delete passkeys::remove;
        "/api/client/auth/passkey/options" => post passkey::options;
        "/api/client/auth/passkey/sign-in" => post passkey::sign_in;
        "/api/client/auth/providers" => get buttons::list;
        "/api/client/auth/exchange" => post exchange::exchange;
        "/api/client/graphql" => post graphql::answer;
        "/api/client/users/import" => post people::import;
        "/api/client/users/export" => get people::export;
        "/api/client/jobs/{id}/export" => get jobs::export;
        "/api/client/jobs/{id}/report" => get jobs::report;
        "/api/client/audit/export" => get own_audit::export;

        "/api/admin/auth/sign-in" => post admin_session::sign_in;
        "/api/admin/auth/refresh" => post admin_session::refresh;
        "/api/admin/auth/sign-out" => post admin_session::sign_out;
        "/api/admin/sessions" => delete admin_session::end_all;
        "/api/admin/sessions/{id}" => delete admin_session::end;
        "/api/admin/clients" => get clients::list, post clients::create;
        "/api/admin/clients/{id}" => get clients::show, patch clients::update, delete clients::delete;
        "/api/admin/clients/{id}/export" => get clients::export;
        "/api/admin/clients/{id}/sessions" => delete clients::end_sessions;
        "/api/admin/clients/{id}/users" => get users::list, post users::create;
        "/api/admin/clients/{id}/users/{user}" => patch users::switch, delete users::delete;
        "/api/admin/clients/{id}/users/{user}/sessions" => delete users::end_sessions;
        "/api/admin/clients/{id}/users/{user}/two-factor" => delete users::reset_two_factor;
        "/api/admin/clients/{id}/identity-providers" => get providers::list, post providers::create;
        "/api/admin/clients/{id}/identity-providers/{name}" => get providers::show, patch providers::update, delete providers::delete;
        "/api/admin/clients/{id}/identity-providers/{name}/sessions" => delete providers::end_sessions;
        "/api/admin/clients/{id}/identity-providers/{name}/test" => post providers::test;
        "/api/admin/clients/{id}/identity-providers/{name}/refresh" => post providers::refresh;
        "/api/admin/clients/{id}/domains" => get domains::list, post domains::add;
        "/api/admin/clients/{id}/domains/{domain}" => delete domains::remove;
        "/api/admin/clients/{id}/domains/{domain}/verify" => post domains::verify;
        "/api/admin/clients/{id}/domains/{domain}/confirm" => post domains::confirm;
        "/api/admin/admins" => get admins::list, post admins::create;
        "/api/admin/admins/{id}" => patch admins::switch, delete admins::delete;
        "/api/admin/audit" => get audit::list;
        "/api/admin/audit/export" => get audit::export;
        "/api/admin/keys" => get keys::list, post keys::rotate;
        "/api/admin/mail" => get mail::show;
        "/api/admin/license-on-prem" => get license::show, post license::install;

        "/healthz" => get operations::healthz;
        "/readyz" => get operations::readyz;
        "/metrics" => get operations::metrics;
        "/.well-known/jwks.json" => get operations::jwks;
        "/api/openapi.json" => get operations::openapi;
    }
}

/// The description of every route (OpenAPI 3.1).
pub fn description() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

//! What every page is made of: its policy, its clothes, its way to sign in, its refusals.

use purser_core::access::Role;

use super::{after, in_browser, is_unseen, led_to, routes, set_cookies};
use crate::console::work;
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::Site;

/// Checks what holds for every page.
#[track_caller]
pub(super) fn is_ours(reply: &Reply) {
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{reply}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
    let policy = reply.header("content-security-policy").unwrap();
    for rule in
        ["default-src 'none'", "style-src 'self'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for foreign in ["style=\"", "<style", " onclick", "<script>", "src=\"http", "href=\"http", "\"eyJ", ">eyJ", "=eyJ"]
    {
        assert!(!reply.body.contains(foreign), "{foreign} in {reply}");
    }
}

/// The pages of those who are not signed in.
const BEFORE_THE_DOOR: &[&str] = &[
    "/sign-in",
    "/sign-out",
    "/signed-out",
    "/two-factor",
    "/forgot",
    "/reset",
    "/invitation",
    "/confirm-email",
    "/admin/sign-in",
    "/admin/sign-out",
];

on_both! {
    async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_back(site) {
        site.tenant("acme").await;
        for (path, _) in routes() {
            if BEFORE_THE_DOOR.contains(&path) {
                continue;
            }
            if is_unseen(path) {
                continue;
            }
            let path = path.replace(['{', '}'], "x");
            let reply = site.anyone().visit(&format!("{path}?a=b")).await;
            let place = led_to(&reply);
            let door = if path.starts_with("/admin") { "/admin/sign-in" } else { "/sign-in" };
            assert!(place.starts_with(&format!("{door}?returnTo=")), "{path}: {place}");
            assert!(place.ends_with("%3Fa%3Db"), "{path}: {place}");
            // Programs learn the same as at the API.
            assert_eq!(site.anyone().get(&path).await.refusal(), (401, "INVALID_TOKEN".into()), "{path}");
        }
    }

    async fn a_page_brings_its_policy_and_nothing_that_it_forbids(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        for path in ["/", "/account", "/people", "/people/new", "/providers", "/domains", "/audit", "/templates", "/jobs",
            "/jobs/board", "/jobs/new", "/settings", "/settings/look", "/people/import", "/new-provider/oidc", "/new-provider/saml", "/new-provider/microsoft"] {
            let reply = browser.visit(path).await;
            assert_eq!(reply.status, 200, "{path}: {reply}");
            is_ours(&reply);
            assert!(!reply.body.contains(&admin.token) && !reply.body.contains(&admin.cookie), "a token in {path}");
        }
        for reply in [site.anyone().visit("/sign-in?client=acme").await, site.anyone().visit("/signed-out").await] {
            assert_eq!(reply.status, 200, "{reply}");
            is_ours(&reply);
        }
    }

    async fn a_refusal_is_a_page_with_the_status_of_the_api(site) {
        let viewer = site.as_role(Role::Viewer).await;
        for (path, status, code) in [
            ("/audit", 403, "FORBIDDEN"),
            ("/people/999999", 404, "NOT_FOUND"),
            ("/people/x", 404, "NOT_FOUND"),
            ("/templates?state=SUNK", 400, "VALIDATION_ERROR"),
            ("/people?after=1&after=2", 400, "VALIDATION_ERROR"),
        ] {
            let reply = in_browser(&viewer).visit(path).await;
            assert_eq!(reply.status, status, "{path}: {reply}");
            is_ours(&reply);
            assert!(reply.body.contains(&format!("{code} · request {}", reply.header("x-request-id").unwrap())), "{reply}");
            assert_eq!(in_browser(&viewer).get(path).await.refusal(), (status, code.into()), "{path}");
        }
    }

    async fn an_address_where_nothing_is_is_a_page_for_people_and_json_for_programs(site) {
        let viewer = site.as_role(Role::Viewer).await;
        for browser in [in_browser(&viewer), site.anyone()] {
            for path in ["/nowhere", "/admin/nowhere"] {
                let reply = browser.visit(path).await;
                assert_eq!(reply.status, 404, "{path}: {reply}");
                is_ours(&reply);
                assert!(reply.body.contains("There is nothing here"), "{path}: {reply}");
                assert_eq!(browser.get(path).await.refusal(), (404, "NOT_FOUND".into()), "{path}");
            }
            assert_eq!(browser.visit("/api/client/nowhere").await.refusal(), (404, "NOT_FOUND".into()));
        }
        let reply = in_browser(&viewer).visit("/templates/%ff").await;
        assert!(reply.status == 400 && reply.body.contains("That could not be understood"), "{reply}");
        is_ours(&reply);
    }

    async fn whoever_loads_the_address_of_a_form_anew_sees_the_page_it_stands_in(site) {
        let viewer = site.as_role(Role::Viewer).await;
        for (path, page) in [("/account/password", "/account"), ("/people/1/roles?a=b", "/people/1"), ("/sign-out", "/"), ("/sign-in/passkey", "/sign-in"), ("/admin/sign-out", "/admin")] {
            assert_eq!(led_to(&in_browser(&viewer).visit(path).await), page, "{path}");
            let refused = in_browser(&viewer).get(path).await;
            assert_eq!((refused.refusal(), refused.header("allow")), ((405, "METHOD_NOT_ALLOWED".into()), Some("POST")), "{path}");
        }
    }

    async fn what_was_typed_is_not_lost_when_the_session_ended_meanwhile(site) {
        let author = site.as_role(Role::Author).await;
        let gone = site.anyone().with("Origin: http://localhost").with("Cookie: session=long-over");
        let fields = [("title", "A \"pump\" & <more>"), ("assetClass", "Two\r\nlines"), ("newPassword", "correct horse 99")];
        let reply = gone.with("Referer: http://localhost/templates/new?a=b").submit("/templates/new", &fields).await;
        assert_eq!(reply.status, 401, "{reply}");
        is_ours(&reply);
        assert!(reply.body.contains("<form method=\"post\" action=\"/templates/new\""), "{reply}");
        assert!(reply.body.contains("name=\"title\" value=\"A &#34;pump&#34; &#38; &#60;more&#62;\""), "{reply}");
        assert!(reply.body.contains("value=\"Two\r\nlines\"") && !reply.body.contains("correct horse"), "{reply}");
        assert!(reply.body.contains("href=\"/sign-in?returnTo=%2Ftemplates%2Fnew%3Fa%3Db\" target=\"_blank\""), "{reply}");
        // Signed in meanwhile, they send it as it is.
        let made = in_browser(&author).submit("/templates/new", &fields[..1]).await;
        assert!(led_to(&made).starts_with("/templates/"), "{made}");
        let keeper = gone.submit("/admin/tenants/new", &[("name", "New one")]).await;
        assert!(keeper.status == 401 && keeper.body.contains("value=\"New one\"") && keeper.body.contains("href=\"/admin/sign-in\""), "{keeper}");
    }

    async fn a_strangers_form_is_never_made_ours_by_showing_it(site) {
        site.tenant("acme").await;
        for origin in ["Origin: https://evil.test", "Origin: null", "Sec-Fetch-Site: cross-site"] {
            let stranger = site.anyone().with(origin).with("Cookie: session=long-over");
            let reply = stranger.submit("/templates/new", &[("title", "Not mine")]).await;
            assert!(reply.status >= 400 && !reply.body.contains("Not mine"), "{origin}: {reply}");
        }
        // Nor is what is too long, or no form.
        let gone = site.anyone().with("Origin: http://localhost").with("Cookie: session=long-over");
        let long = "x".repeat(1024 * 1024);
        let reply = gone.submit("/templates/new", &[("title", &*long)]).await;
        assert!(reply.status == 401 && !reply.body.contains("xxx"), "{}", reply.status);
        let reply = gone.post_form("/settings/look", "multipart/form-data; boundary=b", "--b--").await;
        assert!(reply.status == 401 && reply.body.contains("Nothing was changed."), "{reply}");
        is_ours(&reply);
    }

    async fn other_tenants_things_are_not_there(site) {
        let (admin, stranger) = (site.as_role(Role::Admin).await, site.other_tenant().await);
        let provider = site.provider("acme").await;
        for path in [format!("/people/{}", admin.user.id), format!("/people/{}/delete", admin.user.id), format!("/providers/{provider}")] {
            assert_eq!(in_browser(&admin).visit(&path).await.status, 200, "{path}");
            assert_eq!(in_browser(&stranger).visit(&path).await.status, 404, "{path}");
        }
        for act in ["disable", "delete", "end-sessions"] {
            let path = format!("/people/{}/{act}", admin.user.id);
            assert_eq!(in_browser(&stranger).submit(&path, &[]).await.status, 404, "{path}");
        }
        assert_eq!(in_browser(&admin).visit("/").await.status, 200);
    }

    async fn the_log_is_read_of_one_person_alone(site) {
        let admin = site.as_role(Role::Admin).await;
        let (one, other) = (site.user("acme", &[Role::Viewer]).await, site.user("acme", &[Role::Viewer]).await);
        for user in [&one, &other] {
            in_browser(&admin).submit(&format!("/people/{}/disable", user.id), &[]).await;
        }
        let person = in_browser(&admin).visit(&format!("/people/{}", one.id)).await.body;
        let did = after(&person, "<span class=\"actions\"><a class=\"button\" href=\"").replace("&#38;", "&");
        assert_eq!(did, format!("/audit?actor={}", one.id));
        assert!(in_browser(&admin).visit(&did).await.body.contains("Nothing like that has happened."));
        let done_to = format!("/audit?target=user%3A{}", one.id);
        assert!(person.contains(&done_to), "{person}");
        let log = in_browser(&admin).visit(&done_to).await.body;
        assert!(log.contains("User disabled") && log.contains("Only what was done to <b>"), "{log}");
        assert!(log.contains(&format!("href=\"/people/{}\"", one.id)) && !log.contains(&format!("href=\"/people/{}\"", other.id)), "{log}");
        // What one looks for stays when one looks for more, and when it is read out.
        assert!(log.contains(&format!("<input type=\"hidden\" name=\"target\" value=\"user:{}\">", one.id)), "{log}");
        assert!(log.contains(&format!("/api/client/audit/export?target=user%3A{}", one.id)), "{log}");
        let log = in_browser(&admin).visit(&format!("/audit?actor={}", admin.user.id)).await.body;
        assert!(log.contains("Only what <b>") && log.matches("User disabled").count() > 1, "{log}");
        let viewer = site.as_role(Role::Viewer).await;
        assert!(!in_browser(&viewer).visit(&format!("/people/{}", one.id)).await.body.contains("/audit"));
    }

    async fn what_was_done_is_said_once(site) {
        let admin = site.as_role(Role::Admin).await;
        let user = site.user("acme", &[Role::Viewer]).await;
        let reply = in_browser(&admin).submit(&format!("/people/{}/disable", user.id), &[]).await;
        assert_eq!(led_to(&reply), format!("/people/{}", user.id));
        assert_eq!(set_cookies(&reply), ["said=person-disabled; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"]);
        let told = site.anyone().with(&format!("Cookie: session={}; said=person-disabled", admin.cookie));
        let reply = told.visit(&format!("/people/{}", user.id)).await;
        assert!(reply.body.contains("The account is disabled, and its sessions are ended."), "{reply}");
        assert_eq!(set_cookies(&reply), ["said=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]);
        let told = site.anyone().with(&format!("Cookie: session={}; said=<b>you-have-won", admin.cookie));
        assert!(!told.visit("/account").await.body.contains("you-have-won"));
    }

    async fn what_people_type_in_is_shown_as_text(site) {
        let admin = site.as_role(Role::Admin).await;
        let fields = [("firstName", "<b>Bold"), ("lastName", "\"><script>alert(1)</script>"), ("email", "a&b@acme.test")];
        let made = led_to(&in_browser(&admin).submit("/people/new", &fields).await);
        for path in [&*made, "/people", "/people?search=%22%3E%3Cscript%3E"] {
            let body = in_browser(&admin).visit(path).await.body;
            assert!(!body.contains("<b>Bold") && !body.contains("<script>alert") && !body.contains("\"><script"), "{body}");
        }
    }

    async fn a_form_that_is_refused_keeps_what_was_typed_in_but_no_password(site) {
        let admin = site.as_role(Role::Admin).await;
        let fields = [("firstName", "Zoe"), ("lastName", ""), ("email", "no address"), ("password", "correct horse 99"), ("role.AUTHOR", "on")];
        let reply = in_browser(&admin).submit("/people/new", &fields).await;
        assert_eq!(reply.status, 400, "{reply}");
        is_ours(&reply);
        assert!(reply.body.contains("value=\"Zoe\"") && reply.body.contains("value=\"no address\""), "{reply}");
        assert!(reply.body.contains("name=\"role.AUTHOR\" value=\"on\" checked"), "{reply}");
        assert!(!reply.body.contains("correct horse 99"), "{reply}");
        assert_eq!(reply.body.matches("aria-invalid").count(), 2, "{reply}");
    }

    async fn what_a_page_is_dressed_in_is_kept_for_ever_and_named_after_its_content(site) {
        site.tenant("acme").await;
        let page = site.anyone().visit("/sign-in").await.body;
        for mark in ["stylesheet\" href=\"", "script src=\"", "icon\" href=\""] {
            let path = after(&page, mark);
            let reply = site.anyone().get(path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!((reply.header("content-encoding"), reply.header("vary")), (None, Some("accept-encoding")));
            let other = path.replacen('.', ".0", 1);
            assert_eq!(site.anyone().get(&other).await.refusal(), (404, "NOT_FOUND".into()));
        }
    }

    async fn a_page_asks_the_store_a_handful_of_things(site) {
        let admin = site.as_role(Role::Admin).await;
        let browser = in_browser(&admin);
        let (template, job) = work::a_job(&browser, &admin.user.id.to_string()).await;
        let version = led_to(&browser.visit(&template).await);
        // Sign-ins are counted when they are first asked for.
        browser.visit("/").await;
        let pages = ["/", "/account", "/people", "/people/import", "/settings", "/settings/look", &format!("{version}/compare"), &format!("/people/{}", admin.user.id), "/providers", "/domains", "/audit",
            "/templates", &version, &format!("{version}/edit"), &format!("{template}/history"), "/jobs", "/jobs/board", "/jobs/new", &job]
            .map(str::to_owned);
        for path in pages {
            // Who is signed in is remembered after the first page.
            let before = site.app.figures().statements_read;
            let reply = browser.visit(&path).await;
            assert_eq!(reply.status, 200, "{path}: {reply}");
            let read = site.app.figures().statements_read - before;
            assert!(read <= 8, "{path} reads {read} statements");
        }
    }
}

/// With everything that comes along, as browsers fetch it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_is_small() {
    let site = Site::on_sqlite().await;
    site.tenant("acme").await;
    let page = site.anyone().visit("/sign-in").await.body;
    let mut sum = page.len();
    for mark in ["stylesheet\" href=\"", "script src=\"", "icon\" href=\""] {
        sum += site.anyone().get(after(&page, mark)).await.body.len();
    }
    assert!(sum <= 60_000, "{sum} bytes, and none of them packed");
}

//! Refusals at the doors: a page for a person, the envelope for a program, one status for both.

use super::{BEGINNINGS, cookies, is, is_private, published};
use crate::http::probe::Reply;
use crate::on_both;
use crate::site::Site;

/// Checks that a refusal is a page: strict, without script, with the id of the request, and without a word of what was sent.
fn is_page(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply}");
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{reply}");
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"), "{policy}");
    assert!(policy.contains("form-action 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(reply.body.contains(&format!("<small>{code} ")), "{reply}");
    assert!(reply.body.contains(reply.header("x-request-id").unwrap()), "{reply}");
    for foreign in ["<script", "http://", "src=", "@import", "url("] {
        assert!(!reply.body.contains(foreign), "{foreign} in {reply}");
    }
    assert!(cookies(reply).is_empty());
    is_private(reply);
}

on_both! {
    async fn a_person_is_told_in_a_page_what_a_program_is_told_in_the_envelope(site) {
        site.tenant("acme").await;
        for (target, status, code) in [
            ("/api/client/auth/oidc?client=acme", 400, "VALIDATION_ERROR"),
            ("/api/client/auth/oidc?client=acme&provider=okta", 404, "UNKNOWN_PROVIDER"),
            ("/api/client/auth/okta-saml?client=acme", 404, "UNKNOWN_PROVIDER"),
            ("/api/client/auth/okta-saml/metadata?client=acme", 404, "UNKNOWN_PROVIDER"),
            ("/api/client/auth/okta-saml/logout", 400, "VALIDATION_ERROR"),
            ("/api/client/auth/ms-dynamics?client=acme", 404, "UNKNOWN_PROVIDER"),
            ("/rest/auth-with-okta-saml", 404, "UNKNOWN_PROVIDER"),
            ("/api/client/auth/oidc/callback?code=a&state=b", 400, "OIDC_STATE_INVALID"),
            ("/api/client/auth/oidc/callback", 400, "OIDC_STATE_INVALID"),
            ("/api/client/auth/ms-dynamics/callback?code=a&state=b", 400, "OIDC_STATE_INVALID"),
            ("/api/client/auth/landing?code=a&state=b", 400, "OIDC_STATE_INVALID"),
        ] {
            is_page(&site.anyone().visit(target).await, status, code);
            for accept in ["Accept: */*", "Accept: application/json", "Accept: application/json, text/html"] {
                let reply = site.anyone().with(accept).get(target).await;
                assert_eq!(reply.refusal(), is(status, code), "{target} {accept}");
                is_private(&reply);
            }
            assert_eq!(site.anyone().get(target).await.refusal(), is(status, code), "{target}");
        }
    }

    async fn a_page_repeats_nothing_it_was_sent_but_the_way_to_try_again(site) {
        let site = published(site).await;
        let hostile = "/api/client/auth/oidc/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=call-0900&state=%22x";
        let reply = site.anyone().visit(hostile).await;
        is_page(&reply, 400, "OIDC_STATE_INVALID");
        assert!(!reply.body.contains("alert(1)") && !reply.body.contains("call-0900"), "{reply}");
        // Asking twice for the same is refused, and names what was given twice to programs only.
        let reply = site.anyone().visit("/api/client/auth/oidc?%3Cb%3E=1&%3Cb%3E=2").await;
        is_page(&reply, 400, "VALIDATION_ERROR");
        assert!(!reply.body.contains("given twice") && !reply.body.contains("<b>"), "{reply}");
    }

    async fn a_document_that_is_posted_by_a_browser_is_refused_in_a_page(site) {
        let site = published(site).await;
        for target in ["/api/client/auth/okta-saml"] {
            let reply = site.anyone().submit(target, &[("SAMLResponse", "PHg+")]).await;
            assert!([401, 404].contains(&reply.status), "{reply}");
            assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
            is_page(&site.anyone().submit(target, &[("RelayState", "x")]).await, 400, "VALIDATION_ERROR");
            is_page(&site.anyone().submit(target, &[("SAMLResponse", "")]).await, 400, "VALIDATION_ERROR");
            is_page(&site.anyone().submit(target, &[("SAMLResponse", "a"), ("SAMLResponse", "b")]).await, 400, "VALIDATION_ERROR");
        }
    }

    async fn what_no_browser_goes_to_is_answered_in_the_envelope_whatever_is_asked_for(site) {
        let asker = site.anyone().with("Accept: text/html");
        site.tenant("acme").await;
        site.tenant("globex").await;
        assert_eq!(asker.get("/api/client/auth/providers").await.refusal(), is(400, "CLIENT_REQUIRED"));
        assert_eq!(asker.get("/api/client/auth/providers?client=never").await.refusal(), is(404, "NOT_FOUND"));
        assert_eq!(asker.get("/api/client/auth/me").await.refusal(), is(401, "INVALID_TOKEN"));
        let body = serde_json::json!({"samlResponse": ""});
        let reply = asker.post("/api/client/auth/okta-saml?client=acme", &body).await;
        assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"));
    }
}

/// A server that anybody can reach, without an address of its own.
async fn homeless(site: Site) -> Site {
    let site = site.with(|settings| settings.server.listen = ([0, 0, 0, 0], 8080).into()).await;
    site.tenant("acme").await;
    site
}

on_both! {
    async fn without_a_public_address_single_sign_on_says_what_to_set(site) {
        let site = homeless(site).await;
        for target in BEGINNINGS {
            let reply = site.anyone().get(target).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{target}");
            let advice = reply.json()["error"]["details"]["server.public_url"].as_str().unwrap().to_owned();
            assert!(advice.contains("https://id.example.com"), "{advice}");
            let page = site.anyone().visit(target).await;
            assert!(page.body.contains("server.public_url"), "{page}");
        }
        assert!(!site.logged("single sign-on needs server.public_url").is_empty());
        // Signing out needs no such address.
        let member = site.as_role(purser_core::access::Role::Viewer).await;
        assert_eq!(member.ask("POST", "/api/client/auth/sign-out").await.status, 200);
    }

    async fn a_strange_host_is_not_believed_to_be_ours(site) {
        site.tenant("acme").await;
        for target in BEGINNINGS {
            let reply = site.anyone().with("Host: evil.test").get(target).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{target}");
        }
    }
}

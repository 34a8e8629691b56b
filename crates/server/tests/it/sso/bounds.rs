//! What is said at a door: once, within bounds, and never sent on as an address of its own.

use serde_json::json;

use super::{cookies, is, is_private, published, query};
use crate::on_both;

on_both! {
    async fn whatever_is_given_twice_is_refused(site) {
        let site = published(site).await;
        for target in [
            "/api/client/auth/oidc?provider=a&provider=b&client=acme",
            "/api/client/auth/oidc?provider=a&client=acme&client=acme",
            "/api/client/auth/oidc?provider=a&client=acme&returnTo=/&returnTo=//evil.test",
            "/api/client/auth/okta-saml?client=acme&returnTo=/&returnTo=/",
            "/api/client/auth/ms-dynamics?client=acme&state=a&state=a",
            "/api/client/auth/oidc/callback?state=a&state=b&code=c",
            "/api/client/auth/oidc/callback?state=a&code=b&code=c",
            "/api/client/auth/oidc/callback?state=a&code=b&iss=x&iss=y",
            "/api/client/auth/ms-dynamics/callback?state=a&code=b&error=x&error=y",
            "/api/client/auth/landing?code=a&code=b&state=c",
            "/api/client/auth/okta-saml/metadata?client=acme&provider=a&provider=a",
            "/api/client/auth/okta-saml/logout?SAMLRequest=a&SAMLRequest=a",
        ] {
            assert_eq!(site.anyone().get(target).await.refusal(), is(400, "VALIDATION_ERROR"), "{target}");
        }
        let reply = site.anyone().submit("/api/client/auth/oidc/callback", &[("state", "a"), ("state", "a")]).await;
        assert_eq!(reply.status, 400);
    }

    async fn half_of_what_an_app_has_to_say_is_refused(site) {
        let site = published(site).await;
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for (said, field) in [
            (format!("codeChallenge={challenge}"), "redirect"),
            ("redirect=com.example.app:/done".to_owned(), "codeChallenge"),
            (format!("redirect=x&codeChallenge={challenge}&codeChallengeMethod=plain"), "codeChallengeMethod"),
            (format!("returnTo=/{}", "a".repeat(2_000)), "returnTo"),
            (format!("redirect={}", "a".repeat(2_001)), "redirect"),
            (format!("state={}", "a".repeat(101)), "state"),
        ] {
            let reply = site.anyone().get(&format!("/api/client/auth/oidc?provider=okta&client=acme&{said}")).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{said}");
            assert!(reply.json()["error"]["details"][field].is_string(), "{reply}");
        }
    }

    async fn no_provider_leads_nowhere(site) {
        let site = published(site).await;
        for provider in ["", "..%2Fx", "https:%2F%2Fevil.test", "unknown", "%00", "%0d%0aSet-Cookie:x", "%F0%9F%92%A9"] {
            let reply = site.anyone().get(&format!("/api/client/auth/oidc?client=acme&provider={provider}")).await;
            assert!([is(400, "VALIDATION_ERROR"), is(404, "UNKNOWN_PROVIDER")].contains(&reply.refusal()), "{provider}");
            assert_eq!(reply.header("location"), None);
            assert!(cookies(&reply).is_empty());
        }
    }

    async fn what_a_provider_posts_to_the_callback_is_taken_by_get_and_believed_there_only(site) {
        let site = published(site).await;
        let fields = [("code", "c-1&x=\r\n"), ("state", "s-1"), ("iss", "https://idp.test"), ("id_token", "e30.e30.sig"), ("returnTo", "//evil.test")];
        let reply = site.anyone().with("Origin: https://idp.test").with("Sec-Fetch-Site: cross-site").submit("/api/client/auth/oidc/callback", &fields).await;
        assert_eq!(reply.status, 303, "{reply}");
        is_private(&reply);
        assert!(cookies(&reply).is_empty());
        let to = reply.header("location").unwrap();
        assert!(to.starts_with("/api/client/auth/oidc/callback?"), "{to}");
        let said = query(to);
        assert_eq!(said.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert_eq!(said["code"], "c-1&x=\r\n");
        // Without the cookie of the sign-in it ends there.
        assert_eq!(site.anyone().get(to).await.refusal(), is(400, "OIDC_STATE_INVALID"));
        let long = "x".repeat(9_000);
        let reply = site.anyone().submit("/api/client/auth/oidc/callback", &[("code", &long)]).await;
        assert_eq!(reply.status, 413);
    }

    async fn a_response_comes_as_json_or_as_a_form_and_in_no_other_way(site) {
        let site = published(site).await;
        let target = "/api/client/auth/okta-saml?client=acme";
        for (body, field) in [
            (json!({}), "samlResponse"),
            (json!({"samlResponse": null}), "samlResponse"),
            (json!({"samlResponse": 1}), "samlResponse"),
            (json!({"samlResponse": ["x"]}), "samlResponse"),
            (json!({"samlResponse": ""}), "samlResponse"),
        ] {
            let reply = site.anyone().post(target, &body).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
            assert!(reply.json()["error"]["details"][field].is_string(), "{reply}");
        }
        for media in ["text/plain", "text/xml", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16"] {
            let reply = site.anyone().with(&format!("Content-Type: {media}")).send_raw("POST", target, "SAMLResponse=PHg%2B").await;
            assert_eq!(reply.refusal(), is(415, "UNSUPPORTED_MEDIA_TYPE"), "{media}");
        }
        let long = "x".repeat(512 * 1024);
        assert_eq!(site.anyone().post(target, &json!({"samlResponse": long})).await.refusal(), is(413, "PAYLOAD_TOO_LARGE"));
        assert_eq!(site.anyone().submit(target, &[("SAMLResponse", &long)]).await.status, 413);
        let states = "x".repeat(2_049);
        assert_eq!(site.anyone().submit(target, &[("SAMLResponse", "PHg+"), ("RelayState", &states)]).await.status, 400);
    }

    async fn a_page_elsewhere_cannot_post_json_for_a_visitor(site) {
        let site = published(site).await;
        for target in ["/api/client/auth/okta-saml", "/api/client/auth/exchange"] {
            let body = json!({"samlResponse": "PHg+", "code": "a", "codeVerifier": "b"});
            let reply = site.anyone().with("Origin: https://evil.test").post(target, &body).await;
            assert_eq!(reply.refusal(), is(403, "CSRF_REJECTED"), "{target}");
        }
    }

    async fn the_address_of_old_is_there_on_a_tenants_own_host_only(site) {
        let site = published(site).await;
        let target = "/rest/auth-with-okta-saml";
        for host in ["sp.test", "localhost", "a.b.sp.test", "acme.sp.test.evil.test", "acme.sp.test"] {
            let asker = site.anyone().with(&format!("Host: {host}"));
            // On acme's own host nobody has it switched on.
            assert_eq!(asker.get(target).await.refusal(), is(404, "UNKNOWN_PROVIDER"), "{host}");
            let reply = asker.post(target, &json!({"samlResponse": "PHg+"})).await;
            assert!([is(404, "UNKNOWN_PROVIDER"), is(401, "SAML_INVALID")].contains(&reply.refusal()), "{host}: {reply}");
            is_private(&reply);
        }
    }

    async fn a_code_that_is_none_opens_nothing(site) {
        let site = published(site).await;
        for body in [json!({"code": "never", "codeVerifier": "v"}), json!({"code": "", "codeVerifier": ""})] {
            let reply = site.anyone().post("/api/client/auth/exchange", &body).await;
            assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"), "{body}");
        }
        for body in [json!({"code": "never"}), json!({"codeVerifier": "v"}), json!({"code": 1, "codeVerifier": "v"})] {
            let reply = site.anyone().post("/api/client/auth/exchange", &body).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{body}");
        }
    }
}

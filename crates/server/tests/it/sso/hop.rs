//! A sign-in that begins on a tenant's sub-domain goes to the main address, and comes back to the browser it began in.

use super::{cookies, is, is_private, published, query};
use crate::on_both;

const SUB_DOMAIN: &str = "Host: acme.sp.test";

on_both! {
    async fn a_sub_domain_sends_the_browser_to_the_main_address_and_keeps_the_verifier(site) {
        let site = published(site).await;
        let target = "/api/client/auth/oidc?provider=okta&returnTo=%2Fwork%3Fa%3D1";
        let reply = site.anyone().with(SUB_DOMAIN).visit(target).await;
        assert_eq!(reply.status, 303, "{reply}");
        is_private(&reply);
        let to = reply.header("location").unwrap();
        assert!(to.starts_with("https://sp.test/api/client/auth/oidc?"), "{to}");
        let said = query(to);
        assert_eq!(said["client"], "acme");
        assert_eq!((&*said["provider"], &*said["returnTo"]), ("okta", "/work?a=1"));
        assert_eq!(said["redirect"], "https://acme.sp.test/api/client/auth/landing");
        assert_eq!(said["codeChallenge"].len(), 43);
        let line = cookies(&reply).concat();
        let (name, rest) = line.split_once('=').unwrap();
        let (verifier, attributes) = rest.split_once("; ").unwrap();
        assert_eq!(name, format!("hop_{}", said["state"]));
        assert_eq!(attributes, "Max-Age=720; Path=/api/client/auth; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(verifier.len(), 43);
        assert!(!to.contains(verifier), "the verifier stays");
        let again = site.anyone().with(SUB_DOMAIN).visit(target).await;
        let other = query(again.header("location").unwrap());
        assert_ne!((&said["state"], &said["codeChallenge"]), (&other["state"], &other["codeChallenge"]));
    }

    async fn each_way_in_hops_to_itself(site) {
        let site = published(site).await;
        for path in ["/api/client/auth/okta-saml", "/api/client/auth/ms-dynamics"] {
            let reply = site.anyone().with(SUB_DOMAIN).visit(path).await;
            let to = reply.header("location").unwrap();
            assert!(to.starts_with(&format!("https://sp.test{path}?client=acme&redirect=")), "{to}");
        }
    }

    async fn the_main_address_and_others_names_do_not_hop(site) {
        let site = published(site).await;
        for host in ["sp.test", "localhost", "127.0.0.1", "a.b.sp.test", "evilsp.test"] {
            let reply = site.anyone().with(&format!("Host: {host}")).get("/api/client/auth/oidc?provider=x&client=acme").await;
            assert_eq!(reply.refusal(), is(404, "UNKNOWN_PROVIDER"), "{host}");
        }
    }

    async fn an_apps_own_challenge_is_passed_on_and_nothing_stays(site) {
        let site = published(site).await;
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let target = format!("/api/client/auth/oidc?provider=okta&redirect=com.example.app:/done&codeChallenge={challenge}&state=s-1");
        let reply = site.anyone().with(SUB_DOMAIN).visit(&target).await;
        let said = query(reply.header("location").unwrap());
        assert_eq!((&*said["redirect"], &*said["codeChallenge"], &*said["state"]), ("com.example.app:/done", challenge, "s-1"));
        assert!(cookies(&reply).is_empty());
    }

    async fn a_landing_without_its_cookie_is_refused(site) {
        let site = published(site).await;
        let sub_domain = site.anyone().with(SUB_DOMAIN);
        let target = "/api/client/auth/landing?code=some-code&state=AAAA";
        for asker in [
            sub_domain.clone(),
            sub_domain.with("Cookie: hop_BBBB=verifier"),
            sub_domain.with("Cookie: hop_AAAA=one; hop_AAAA=two"),
            sub_domain.with("Cookie: hop_AAAA="),
        ] {
            let reply = asker.get(target).await;
            assert_eq!(reply.refusal(), is(400, "OIDC_STATE_INVALID"));
            assert_eq!(cookies(&reply), Vec::<&str>::new());
        }
        for target in ["", "?code=x", "?state=AAAA", "?code=x&state=", "?code=x&state=%0d%0a", "?code=x&state=a%3Db"] {
            let reply = sub_domain.with("Cookie: hop_AAAA=verifier").get(&format!("/api/client/auth/landing{target}")).await;
            assert_eq!(reply.refusal(), is(400, "OIDC_STATE_INVALID"), "{target}");
        }
        let reply = sub_domain.with("Cookie: hop_AAAA=verifier").get(target).await;
        assert_eq!(reply.refusal(), is(401, "INVALID_TOKEN"));
    }

    async fn no_more_than_ten_sign_ins_are_under_way_in_one_browser(site) {
        let site = published(site).await;
        let many: Vec<String> = (0..11).map(|at| format!("hop_{at}=v")).collect();
        let asker = site.anyone().with(SUB_DOMAIN).with(&format!("Cookie: {}", many.join("; ")));
        let reply = asker.visit("/api/client/auth/oidc?provider=okta").await;
        let lines = cookies(&reply);
        let gone: Vec<&str> = lines.iter().filter(|line| line.contains("Max-Age=0")).map(|line| line.split('=').next().unwrap()).collect();
        assert_eq!(gone, ["hop_0", "hop_1"]);
        assert_eq!(lines.len(), 3);
    }
}

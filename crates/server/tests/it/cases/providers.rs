//! `clients/{id}/identity-providers` and `clients/{id}/domains`: whole answers, and what never stands in them.

use insta::{allow_duplicates, assert_snapshot};
use purser_standin::oidc::{Answer, Provider};
use purser_standin::saml::Key;
use serde_json::{Value, json};

use super::is;
use crate::on_both;

const PROVIDERS: &str = "/api/admin/clients/acme/identity-providers";
const CANARY: &str = "canary-client-secret-over-http";

/// An answer's data without the times.
fn data(mut reply: Value) -> String {
    let data = reply["data"].as_object_mut().unwrap();
    for time in ["createdAt", "updatedAt"] {
        assert!(data.remove(time).is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))));
    }
    serde_json::to_string_pretty(&data).unwrap()
}

on_both! {
    async fn a_provider_is_shown_whole_but_for_its_secret(site) {
        site.tenant("acme").await;
        let admin = site.admin().await;
        let form = json!({
            "name": "okta", "label": "Okta", "createUsers": true, "defaultRoles": ["VIEWER"],
            "trustedDomains": ["acme.test"], "groupRoles": {"Authors": ["AUTHOR"]},
            "oidc": {"issuer": "https://acme.okta.test", "clientId": "0oa1", "clientSecret": CANARY},
        });
        let made = admin.post(PROVIDERS, &form).await;
        assert_eq!(made.status, 201, "{made}");
        allow_duplicates! { assert_snapshot!(data(made.json()), @r#"
        {
          "addresses": {
            "redirectUri": "http://127.0.0.1:8080/api/client/auth/oidc/callback",
            "signIn": "http://127.0.0.1:8080/api/client/auth/oidc?client=acme&provider=okta"
          },
          "createUsers": true,
          "defaultRoles": [
            "VIEWER"
          ],
          "enabled": true,
          "groupRoles": {
            "Authors": [
              "AUTHOR"
            ]
          },
          "id": 1,
          "kind": "OIDC",
          "label": "Okta",
          "name": "okta",
          "oidc": {
            "claims": {
              "email": "email",
              "firstName": "given_name",
              "groups": "groups",
              "lastName": "family_name"
            },
            "clientAuth": "SECRET",
            "clientId": "0oa1",
            "hosts": [],
            "issuer": "https://acme.okta.test",
            "scopes": [
              "openid",
              "email",
              "profile"
            ]
          },
          "trustedDomains": [
            "acme.test"
          ]
        }
        "#); }
        let shown = admin.get(&format!("{PROVIDERS}/okta")).await;
        let listed = admin.get(PROVIDERS).await;
        let changed = admin.send("PATCH", &format!("{PROVIDERS}/okta"), &json!({"label": "Okta 2", "oidc": {"clientSecret": CANARY}})).await;
        let tested = admin.post(&format!("{PROVIDERS}/okta/test"), &Value::Null).await;
        let log = admin.get("/api/admin/audit?log=acme").await;
        for reply in [&made, &shown, &listed, &changed, &tested, &log] {
            assert!(!reply.body.contains(CANARY), "{reply}");
        }
        assert_eq!(shown.json()["data"], made.json()["data"]);
        assert_eq!(listed.json()["data"]["identityProviders"], json!([shown.json()["data"]]));
        assert_eq!(changed.json()["data"]["label"], "Okta 2");
        assert!(log.body.contains("provider.updated"), "{log}");
    }

    async fn wrong_fields_are_named_by_their_paths(site) {
        site.tenant("acme").await;
        let admin = site.admin().await;
        let before = site.holdings().await;
        let oidc = |oidc: Value| json!({"name": "okta", "oidc": oidc});
        for (form, field) in [
            (json!({"oidc": {}}), "name"),
            (json!({"name": "okta"}), "kind"),
            (json!({"name": "okta", "oidc": {}, "saml": {}}), "kind"),
            (oidc(json!({"issuer": 5})), "oidc.issuer"),
            (oidc(json!({"issuer": "https://x.test", "clientId": "x", "clientAuth": "MAGIC"})), "oidc.clientAuth"),
            (oidc(json!({"issuer": "https://x.test", "clientId": "x", "clientSecret": "s", "privateKey": "k"})), "oidc.privateKey"),
            (oidc(json!({"issuer": "https://x.test", "clientId": "x", "keyId": "k"})), "oidc.keyId"),
            (json!({"name": "okta", "defaultRoles": ["BOSS"], "oidc": {}}), "defaultRoles[0]"),
            (json!({"name": "entra", "microsoft": {"mode": "BOTH"}}), "microsoft.mode"),
        ] {
            let reply = admin.post(PROVIDERS, &form).await;
            assert_eq!(reply.refusal(), is(400, "VALIDATION_ERROR"), "{form}");
            assert!(reply.json()["error"]["details"][field].is_string(), "{form}: {reply}");
        }
        assert_eq!(site.holdings().await, before);
    }

    async fn metadata_is_read_from_where_it_is_published(site) {
        site.tenant("acme").await;
        let (admin, publisher, key) = (site.admin().await, Provider::start().await, Key::rsa());
        let metadata = format!(r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/sso"/></IDPSSODescriptor></EntityDescriptor>"#, key.certificate_base64());
        publisher.answer("/metadata", Answer::Plain(200, Vec::new(), metadata));
        let form = json!({"name": "saml", "saml": {"metadataUrl": publisher.url("/metadata").as_str()}});
        let made = admin.post(PROVIDERS, &form).await;
        assert_eq!(made.status, 201, "{made}");
        let saml = &made.json()["data"]["saml"];
        assert_eq!((&saml["entityId"], &saml["sso"]), (&json!("https://idp.test"), &json!([{"binding": "REDIRECT", "location": "https://idp.test/sso"}])));
        assert_eq!(saml["certificates"][0]["notAfter"], "2040-01-01T00:00:00Z");
        let again = admin.post(&format!("{PROVIDERS}/saml/refresh"), &Value::Null).await;
        assert_eq!(again.status, 200, "{again}");
        publisher.answer("/metadata", Answer::redirect("http://169.254.169.254/latest"));
        assert_eq!(admin.post(&format!("{PROVIDERS}/saml/refresh"), &Value::Null).await.refusal(), is(400, "VALIDATION_ERROR"));
    }

    async fn an_internal_address_is_not_called_for_anybody(site) {
        let site = site.with(|settings| settings.federation.loopback = Some(false)).await;
        site.tenant("acme").await;
        let (admin, publisher) = (site.admin().await, Provider::start().await);
        for url in [publisher.url("/metadata").as_str(), "https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/x"] {
            let form = json!({"name": "saml", "saml": {"metadataUrl": url}});
            assert_eq!(admin.post(PROVIDERS, &form).await.refusal(), is(400, "VALIDATION_ERROR"), "{url}");
        }
        assert!(publisher.calls("/metadata").is_empty());
    }
}

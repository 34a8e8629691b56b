//! How we prove ourselves at the token endpoint, and what its answers mean.

use purser_federation::jwt::{KeySet, Token};

use super::*;

#[tokio::test]
async fn a_secret_goes_where_the_provider_wants_it() {
    for (methods, by_header) in [
        (None, true),
        (Some(json!(["client_secret_basic"])), true),
        (Some(json!(["client_secret_post", "client_secret_basic"])), true),
        (Some(json!(["client_secret_post"])), false),
    ] {
        let mut site = Site::start().await;
        // Every character that could be taken for another: RFC 6749 appendix B.
        let (id, secret) = ("pur:ser ä", "s3cret:+%&= ü");
        site.settings.client_id = id.into();
        site.settings.auth = ClientAuth::Secret(Secret::new(secret));
        site.provider.script(|script| (script.client_id, script.client_secret) = (id.into(), Some(secret.into())));
        if let Some(methods) = &methods {
            site.announce("token_endpoint_auth_methods_supported", methods.clone());
        }
        assert_eq!(kind(&site.sign_in().await), "good", "{methods:?}");
        let sent = site.provider.calls(TOKEN).remove(0);
        let found = (
            sent.authorization.is_some(),
            sent.fields.contains_key("client_secret"),
            sent.fields.contains_key("client_id"),
        );
        assert_eq!(found, (by_header, !by_header, !by_header), "{methods:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_settings() {
    let mut site = Site::start().await;
    site.settings.auth = ClientAuth::Secret(Secret::new("wrong"));
    site.provider.script(|script| script.client_secret = Some("right".into()));
    let result = site.sign_in().await;
    assert_eq!(kind(&result), "misconfigured");
    assert!(!reason(result).contains("wrong"));
}

#[tokio::test]
async fn a_proof_that_the_provider_does_not_take_is_not_sent() {
    let key = || ClientAuth::PrivateKey { pem: Secret::new(Signer::p256("client").pem()), kid: None };
    for (auth, methods, algorithms) in [
        (ClientAuth::Secret(Secret::new("s")), json!(["private_key_jwt", "none"]), json!(["ES256"])),
        (key(), json!(["client_secret_basic"]), json!(["ES256"])),
        (key(), json!(["private_key_jwt"]), json!(["RS256"])),
    ] {
        let mut site = Site::start().await;
        site.settings.auth = auth;
        site.announce("token_endpoint_auth_methods_supported", methods);
        site.announce("token_endpoint_auth_signing_alg_values_supported", algorithms);
        assert_eq!(kind(&site.sign_in().await), "misconfigured");
        assert!(site.provider.calls(TOKEN).is_empty());
    }
}

#[tokio::test]
async fn a_private_key_signs_who_we_are_for_this_endpoint_and_this_attempt() {
    for (signer, algorithm) in [(Signer::rsa("client"), "RS256"), (Signer::p256("client"), "ES256")] {
        let mut site = Site::start().await;
        site.announce("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
        site.settings.auth = ClientAuth::PrivateKey { pem: Secret::new(signer.pem()), kid: Some("client".into()) };
        let mut ids = Vec::new();
        for attempt in ["1", "2"] {
            site.secrets = secrets(attempt);
            assert_eq!(kind(&site.sign_in().await), "good");
            let sent = site.provider.calls(TOKEN).pop().unwrap();
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            assert_eq!(
                (sent.fields["client_assertion_type"].as_str(), sent.fields["client_id"].as_str()),
                (kind, "purser")
            );
            let token = Token::read(&sent.fields["client_assertion"]).unwrap();
            let keys = KeySet::read(json!({ "keys": [signer.jwk()] }).to_string().as_bytes()).unwrap();
            let claims = token.verify(&keys.choose(&token).unwrap().unwrap()).unwrap();
            assert_eq!((claims.text("iss"), claims.text("sub")), (Some("purser"), Some("purser")), "{algorithm}");
            assert_eq!(claims.text("aud"), Some(site.provider.url(TOKEN).as_str()));
            assert_eq!(claims.timely(site.now), Ok(site.now.as_second() + 60));
            assert_eq!(claims.seconds("iat"), Ok(Some(site.now.as_second())));
            ids.push(claims.text("jti").unwrap().to_owned());
        }
        assert_ne!(ids[0], ids[1]);
    }
}

#[tokio::test]
async fn a_private_key_of_another_kind_is_refused() {
    for pem in [Signer::p384("k").pem(), Signer::ed25519("k").pem(), "no key".into()] {
        let mut site = Site::start().await;
        site.announce("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
        site.settings.auth = ClientAuth::PrivateKey { pem: Secret::new(pem), kid: None };
        assert_eq!(kind(&site.sign_in().await), "misconfigured");
    }
}

#[tokio::test]
async fn what_goes_wrong_at_the_token_endpoint_is_told_by_whose_fault_it_is() {
    let error = |status, code: &str| Answer::json(status, &json!({ "error": code, "error_description": "as told" }));
    for (answer, expected) in [
        (error(400, "invalid_grant"), "invalid"),
        (error(400, "invalid_client"), "misconfigured"),
        (error(401, "invalid_client"), "misconfigured"),
        (error(400, "unauthorized_client"), "misconfigured"),
        (error(400, "invalid_request"), "misconfigured"),
        (error(400, "unsupported_grant_type"), "misconfigured"),
        (error(400, "interaction_required"), "denied"),
        (error(400, "temporarily_unavailable"), "unavailable"),
        (error(503, "invalid_grant"), "unavailable"),
        (error(429, "invalid_grant"), "unavailable"),
        (Answer::status(401), "misconfigured"),
        (Answer::status(404), "unavailable"),
        (Answer::status(500), "unavailable"),
        (Answer::pause(429, 7), "unavailable"),
        (Answer::Plain(200, vec![("content-type", "text/html".into())], "{}".into()), "unavailable"),
        (Answer::Plain(200, vec![("content-type", "application/json".into())], "{}{}".into()), "unavailable"),
        (
            Answer::Plain(200, vec![("content-type", "application/json".into())], r#"{"a":1,"a":2}"#.into()),
            "unavailable",
        ),
        (Answer::json(200, &json!({})), "invalid"),
        (Answer::json(200, &json!({ "token_type": "Bearer", "access_token": "a" })), "invalid"),
    ] {
        let site = Site::start().await;
        let name = format!("{answer:?}");
        site.provider.answer(TOKEN, answer);
        assert_eq!(kind(&site.sign_in().await), expected, "{name}");
    }
}

#[tokio::test]
async fn a_good_answer_must_say_json_and_a_bearer_token() {
    for (change, expected) in [
        (json!({ "token_type": "bearer" }), "good"),
        (json!({ "token_type": "DPoP" }), "invalid"),
        (json!({ "token_type": null }), "invalid"),
        (json!({ "id_token": null }), "invalid"),
        (json!({ "id_token": 7 }), "invalid"),
    ] {
        let site = Site::start().await;
        site.provider.script(|script| script.tokens = change.as_object().unwrap().clone());
        assert_eq!(kind(&site.sign_in().await), expected, "{change}");
    }
}

#[tokio::test]
async fn how_long_a_token_endpoint_wants_to_be_left_alone_is_passed_on() {
    let site = Site::start().await;
    site.provider.answer(TOKEN, Answer::pause(503, 7));
    let Err(Refusal::Unavailable { retry_after, .. }) = site.sign_in().await else { panic!("a pause is no answer") };
    assert_eq!(retry_after, Some(std::time::Duration::from_secs(7)));
}

#[tokio::test]
async fn an_errors_code_is_told_without_what_strangers_write() {
    let site = Site::start().await;
    site.provider.answer(
        TOKEN,
        Answer::json(400, &json!({ "error": "Invalid<client>\n\u{202e}", "error_description": "call 555" })),
    );
    let reason = reason(site.sign_in().await);
    assert!(reason.ends_with("(nvalidclient)"), "{reason}");
}

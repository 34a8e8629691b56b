//! Every lie that a provider, or somebody between, can tell; each refused for what it is.

use purser_standin::oidc::{unsigned, with_secret, with_signature};

use super::*;

fn foreign(path: &str) -> Value {
    json!(format!("https://evil.test{path}"))
}

#[tokio::test]
async fn a_discovery_document_that_does_not_fit_is_refused() {
    for (name, member, value) in [
        ("another issuer", "issuer", json!("https://evil.test")),
        ("no issuer", "issuer", Value::Null),
        ("no S256", "code_challenge_methods_supported", json!(["plain"])),
        ("no PKCE", "code_challenge_methods_supported", json!([])),
        ("no code flow", "response_types_supported", json!(["id_token", "code token"])),
        ("shared secrets only", "id_token_signing_alg_values_supported", json!(["HS256", "none"])),
        ("no authorization endpoint", "authorization_endpoint", Value::Null),
        ("no token endpoint", "token_endpoint", Value::Null),
        ("no keys", "jwks_uri", Value::Null),
        ("authorization elsewhere", "authorization_endpoint", foreign("/authorize")),
        ("tokens elsewhere", "token_endpoint", foreign("/token")),
        ("keys elsewhere", "jwks_uri", foreign("/keys")),
        ("userinfo elsewhere", "userinfo_endpoint", foreign("/userinfo")),
        ("sign-out elsewhere", "end_session_endpoint", foreign("/logout")),
        ("cloud metadata", "jwks_uri", json!("http://169.254.169.254/latest/meta-data")),
        ("script", "authorization_endpoint", json!("javascript:alert(1)")),
        ("file", "jwks_uri", json!("file:///etc/passwd")),
        ("relative", "token_endpoint", json!("/token")),
    ] {
        let site = Site::start().await;
        site.announce(member, value);
        assert_eq!(kind(&site.begin().await), "misconfigured", "{name}");
    }
}

#[tokio::test]
async fn what_a_discovery_document_leaves_null_is_not_announced() {
    for member in ["authorization_response_iss_parameter_supported", "userinfo_endpoint", "response_types_supported"] {
        let site = Site::start().await;
        site.announce(member, Value::Null);
        assert!(site.begin().await.is_ok(), "{member}");
    }
}

#[tokio::test]
async fn an_issuer_is_compared_letter_by_letter() {
    let site = Site::start().await;
    let issuer = site.provider.issuer();
    for other in
        [format!("{issuer}/"), issuer.to_uppercase(), format!("{issuer}#"), issuer.replace("127.0.0.1", "localhost")]
    {
        site.announce("issuer", json!(other));
        site.party.forget("provider");
        let reason = reason(site.begin().await);
        assert!(reason.contains("calls itself"), "{reason}");
    }
}

#[tokio::test]
async fn an_endpoint_at_a_known_host_must_still_be_a_safe_address() {
    for (address, expected) in [
        ("https://login.example.com/authorize", "good"),
        ("http://login.example.com/authorize", "misconfigured"),
        ("https://user:password@login.example.com/authorize", "misconfigured"),
        ("https://login.example.com/authorize#fragment", "misconfigured"),
    ] {
        let mut site = Site::start().await;
        site.settings.hosts = vec!["Login.Example.com".into()];
        site.announce("authorization_endpoint", json!(address));
        assert_eq!(kind(&site.begin().await), expected, "{address}");
    }
}

#[tokio::test]
async fn hosts_that_the_settings_lack_are_named() {
    let site = Site::start().await;
    site.announce("jwks_uri", json!("https://www.googleapis.com/oauth2/v3/certs"));
    site.announce("token_endpoint", json!("https://oauth2.googleapis.com/token"));
    let reason = reason(site.begin().await);
    assert!(reason.ends_with("add: oauth2.googleapis.com, www.googleapis.com"), "{reason}");
}

#[tokio::test]
async fn an_issuer_that_is_no_address_is_refused_before_any_call() {
    let mut site = Site::start().await;
    let issuer = site.provider.issuer();
    for wrong in [
        "",
        "login.example.com",
        "data:,",
        &format!("{issuer}?a=b"),
        &format!("{issuer}#a"),
        "http://login.example.com",
    ] {
        site.settings.issuer = wrong.into();
        assert_eq!(kind(&site.begin().await), "misconfigured", "{wrong}");
    }
    assert!(site.provider.calls(DISCOVERY).is_empty());
}

#[tokio::test]
async fn a_discovery_document_that_cannot_be_read_makes_the_provider_unavailable() {
    let plain = |text: &str| Answer::Plain(200, vec![], text.into());
    for answer in [
        plain("<html>"),
        plain(r#"{"issuer":"a","issuer":"b"}"#),
        plain(r#"{"issuer":1}"#),
        plain("[]"),
        Answer::status(404),
        Answer::status(500),
        Answer::redirect("http://169.254.169.254/"),
        Answer::Bomb,
        Answer::Endless,
        Answer::Spaces(50_000_000),
    ] {
        let site = Site::start().await;
        let name = format!("{answer:.40?}");
        site.provider.answer(DISCOVERY, answer);
        assert_eq!(kind(&site.begin().await), "unavailable", "{name}");
    }
}

#[tokio::test]
async fn no_endpoint_leads_anywhere_by_a_redirect() {
    let elsewhere = standin::Provider::start().await;
    for path in [DISCOVERY, TOKEN, KEYS, USERINFO] {
        for target in [elsewhere.url(path).to_string(), "http://169.254.169.254/".into()] {
            let site = Site::start().await;
            site.claim("email", Value::Null);
            site.provider.answer(path, Answer::redirect(&target));
            assert_eq!(kind(&site.sign_in().await), "unavailable", "{path} to {target}");
        }
        assert!(elsewhere.calls(path).is_empty());
    }
}

#[tokio::test]
async fn no_endpoint_can_flood() {
    for path in [TOKEN, KEYS, USERINFO] {
        for flood in [Answer::Spaces(50_000_000), Answer::Endless, Answer::Bomb] {
            let site = Site::start().await;
            site.claim("email", Value::Null);
            site.provider.answer(path, flood);
            assert_eq!(kind(&site.sign_in().await), "unavailable", "{path}");
        }
    }
}

#[tokio::test]
async fn no_endpoint_can_keep_anybody_waiting() {
    for path in [DISCOVERY, TOKEN, KEYS, USERINFO] {
        for wait in [Answer::Silence, Answer::Trickle] {
            let site = Site::start().await;
            site.claim("email", Value::Null);
            site.provider.answer(path, wait);
            let mut sign_in = std::pin::pin!(site.sign_in());
            let result = tokio::select! {
                early = &mut sign_in => early,
                () = site.provider.called(path, 1) => {
                    tokio::time::pause();
                    sign_in.await
                }
            };
            tokio::time::resume();
            assert_eq!(kind(&result), "unavailable", "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused_before_any_call() {
    let site = Site::start().await;
    let code = site.code().await;
    for iss in ["https://evil.test", "", &format!("{}/", site.provider.issuer())] {
        for error in [None, Some("access_denied")] {
            let callback = Callback { code: Some(&code), iss: Some(iss), error, ..Callback::default() };
            assert_eq!(kind(&site.come_back(callback).await), "invalid", "{iss}");
        }
    }
    assert!(site.provider.calls(TOKEN).is_empty());
    let issuer = site.provider.issuer();
    let callback = Callback { code: Some(&code), iss: Some(&issuer), ..Callback::default() };
    assert_eq!(kind(&site.come_back(callback).await), "good");
}

#[tokio::test]
async fn a_provider_that_names_itself_must_do_so() {
    let site = Site::start().await;
    site.announce("authorization_response_iss_parameter_supported", json!(true));
    let code = site.code().await;
    assert_eq!(kind(&site.come_back(Callback { code: Some(&code), ..Callback::default() }).await), "invalid");
    assert!(site.provider.calls(TOKEN).is_empty());
    let issuer = site.provider.issuer();
    let callback = Callback { code: Some(&code), iss: Some(&issuer), ..Callback::default() };
    assert_eq!(kind(&site.come_back(callback).await), "good");
}

#[tokio::test]
async fn a_providers_no_is_passed_on_without_what_strangers_write() {
    let site = Site::start().await;
    for (error, told) in [
        ("access_denied", "access_denied"),
        ("<script>ALERT(1)</script>\r\nlogin_required", "scriptscriptlogin_required"),
        ("", "an error without a code"),
        (&"x".repeat(1000), &"x".repeat(64)),
    ] {
        let callback = Callback {
            code: Some("code"),
            error: Some(error),
            error_description: Some("call 555"),
            ..Callback::default()
        };
        assert_eq!(site.come_back(callback).await.unwrap_err(), Refusal::Denied(told.into()));
    }
    assert_eq!(kind(&site.come_back(Callback::default()).await), "invalid");
    assert_eq!(kind(&site.come_back(Callback { code: Some(""), ..Callback::default() }).await), "invalid");
    assert!(site.provider.calls(TOKEN).is_empty());
}

#[tokio::test]
async fn what_cannot_be_a_code_is_not_taken_to_the_provider() {
    let site = Site::start().await;
    for code in ["a\0b", "a\r\nb", "a\u{7f}b", "c\u{f6}de", &"a".repeat(8_193)] {
        let callback = Callback { code: Some(code), ..Callback::default() };
        assert_eq!(kind(&site.come_back(callback).await), "invalid", "{code:?}");
    }
    assert!(site.provider.calls(TOKEN).is_empty());
}

#[tokio::test]
async fn a_code_from_another_attempt_is_of_no_use() {
    let mut site = Site::start().await;
    let victims = site.code().await;
    site.secrets = secrets("2");
    let callback = Callback { code: Some(&victims), ..Callback::default() };
    assert_eq!(kind(&site.come_back(callback).await), "invalid");
}

#[tokio::test]
async fn a_code_is_good_once() {
    let site = Site::start().await;
    let code = site.code().await;
    let callback = Callback { code: Some(&code), ..Callback::default() };
    assert_eq!(kind(&site.come_back(callback).await), "good");
    assert_eq!(kind(&site.come_back(callback).await), "invalid");
}

#[tokio::test]
async fn one_providers_code_brought_to_another_gets_nowhere_and_takes_no_secret_along() {
    let (mut ours, mut theirs) = (Site::start().await, Site::start().await);
    ours.settings.auth = ClientAuth::Secret(Secret::new("our secret"));
    theirs.settings.auth = ClientAuth::Secret(Secret::new("their secret"));
    let code = ours.code().await;
    let callback = Callback { code: Some(&code), ..Callback::default() };
    assert_eq!(kind(&theirs.come_back(callback).await), "invalid");
    assert!(ours.provider.calls(TOKEN).is_empty());
    let seen = format!("{:?}", theirs.provider.calls(TOKEN));
    assert_eq!(theirs.provider.calls(TOKEN).len(), 1);
    assert!(!seen.contains("our") && !seen.contains("b3Vy"), "{seen}");
}

#[tokio::test]
async fn an_id_token_that_says_the_wrong_thing_is_not_believed() {
    let now = 1_795_288_620;
    for (name, claim, value) in [
        ("another issuer", "iss", json!("https://evil.test")),
        ("no issuer", "iss", Value::Null),
        ("issuers", "iss", json!(["https://evil.test"])),
        ("for another client", "aud", json!("another")),
        ("for nobody", "aud", json!([])),
        ("for us and others, asked for by nobody", "aud", json!(["purser", "another"])),
        ("asked for by another client", "azp", json!("another")),
        ("asked for by a number", "azp", json!(7)),
        ("of another attempt", "nonce", json!("nonce-nonce-nonce-nonce-2")),
        ("of no attempt", "nonce", Value::Null),
        ("of an empty attempt", "nonce", json!("")),
        ("expired", "exp", json!(now - 60)),
        ("without end", "exp", Value::Null),
        ("end as text", "exp", json!("9999999999")),
        ("end with a fraction", "exp", json!(9_999_999_999.5)),
        ("not yet valid", "nbf", json!(now + 61)),
        ("from the future", "iat", json!(now + 61)),
        ("from the day before", "iat", json!(now - 86_401)),
        ("without birth", "iat", Value::Null),
        ("birth as text", "iat", json!("0")),
        ("another access token's", "at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("access token's hash as number", "at_hash", json!(1)),
        ("nobody", "sub", Value::Null),
        ("nobody with a name", "sub", json!("")),
        ("too long a name", "sub", json!("x".repeat(256))),
        ("a name with a line end", "sub", json!("jane\n")),
        ("a name in another alphabet", "sub", json!("jаne")),
        ("a name that is a number", "sub", json!(7)),
    ] {
        let site = Site::start().await;
        site.claim(claim, value);
        assert_eq!(kind(&site.sign_in().await), "invalid", "{name}");
    }
}

#[tokio::test]
async fn an_id_token_that_we_asked_for_is_still_not_ours_when_it_is_for_another() {
    let site = Site::start().await;
    site.claim("aud", json!("another"));
    site.claim("azp", json!("purser"));
    assert_eq!(kind(&site.sign_in().await), "invalid");
}

#[tokio::test]
async fn an_id_token_that_says_unusual_but_right_things_is_believed() {
    let now = 1_795_288_620;
    for claims in [
        json!({ "aud": ["purser"] }),
        json!({ "aud": ["another", "purser"], "azp": "purser" }),
        json!({ "azp": "purser" }),
        json!({ "exp": now - 59 }),
        json!({ "iat": now + 60, "nbf": now + 60 }),
        json!({ "iat": now - 86_400 }),
        json!({ "at_hash": null }),
        json!({ "sub": "x".repeat(255) }),
        json!({ "auth_time": "whenever" }),
    ] {
        let site = Site::start().await;
        site.provider.script(|script| script.claims = claims.as_object().unwrap().clone());
        assert_eq!(kind(&site.sign_in().await), "good", "{claims}");
    }
}

#[tokio::test]
async fn a_hash_of_an_access_token_that_was_not_given_is_refused() {
    let site = Site::start().await;
    site.provider.script(|script| {
        script.tokens.insert("access_token".into(), Value::Null);
    });
    assert_eq!(kind(&site.sign_in().await), "invalid");
    site.claim("at_hash", Value::Null);
    assert_eq!(kind(&site.sign_in().await), "good");
}

#[tokio::test]
async fn the_access_tokens_hash_goes_by_the_id_tokens_algorithm() {
    for signer in [Signer::p384("k"), Signer::ed25519("k"), Signer::rsa("k").by("PS512"), Signer::rsa("k")] {
        let site = Site::start().await;
        site.announce("id_token_signing_alg_values_supported", Value::Null);
        site.provider.script(|script| {
            script.discovery.remove("id_token_signing_alg_values_supported");
            script.signer = signer;
        });
        assert_eq!(kind(&site.sign_in().await), "good");
    }
}

type Forge = fn(&Signer, Value, Value) -> String;

fn with(mut json: Value, name: &str, value: Value) -> Value {
    json.as_object_mut().unwrap().insert(name.into(), value);
    json
}

#[tokio::test]
async fn a_forged_id_token_is_not_believed() {
    let forgeries: [(&str, Forge); 13] = [
        ("unsigned", |_, header, claims| format!("{}.", unsigned(&with(header, "alg", json!("none")), &claims))),
        ("signature left out", |_, header, claims| format!("{}.", unsigned(&header, &claims))),
        ("signature of zeros", |_, header, claims| with_signature(&header, &claims, &[0; 64])),
        ("public key as secret", |signer, header, claims| {
            with_secret(&with(header, "alg", json!("HS256")), &claims, signer.jwk().to_string().as_bytes())
        }),
        ("another key of the same name", |_, header, claims| Signer::p256("first").sign(&header, &claims)),
        ("key brought along", |_, header, claims| {
            let own = Signer::p256("first");
            own.sign(&with(header, "jwk", own.jwk()), &claims)
        }),
        ("key elsewhere", |_, header, claims| {
            Signer::p256("first").sign(&with(header, "jku", json!("https://evil.test/keys")), &claims)
        }),
        ("certificate elsewhere", |_, header, claims| {
            Signer::p256("first").sign(&with(header, "x5u", json!("https://evil.test/certificate")), &claims)
        }),
        ("unknown key", |signer, header, claims| signer.sign(&with(header, "kid", json!("unknown")), &claims)),
        ("key named like a file", |signer, header, claims| {
            signer.sign(&with(header, "kid", json!("../../dev/null")), &claims)
        }),
        ("algorithm of another kind", |signer, header, claims| {
            signer.sign(&with(header, "alg", json!("RS256")), &claims)
        }),
        ("an access token", |signer, header, claims| signer.sign(&with(header, "typ", json!("at+jwt")), &claims)),
        ("a logout token", |signer, header, claims| signer.sign(&with(header, "typ", json!("logout+jwt")), &claims)),
    ];
    for (name, forge) in forgeries {
        let site = Site::start().await;
        site.provider.forge(forge);
        assert_eq!(kind(&site.sign_in().await), "invalid", "{name}");
    }
}

#[tokio::test]
async fn an_algorithm_that_the_provider_does_not_announce_is_not_believed() {
    let site = Site::start().await;
    site.provider.script(|script| script.signer = Signer::ed25519("first"));
    assert_eq!(kind(&site.sign_in().await), "invalid");
    site.announce("id_token_signing_alg_values_supported", json!(["RS256", "EdDSA"]));
    site.party.forget("provider");
    assert_eq!(kind(&site.sign_in().await), "good");
}

#[tokio::test]
async fn keys_that_may_not_sign_do_not_sign() {
    let site = Site::start().await;
    for change in [json!({ "use": "enc" }), json!({ "d": "AAAA" }), json!({ "alg": "ES384" })] {
        site.provider.script(|script| {
            let mut jwk = script.signer.jwk();
            jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            script.keys = Some(json!({ "keys": [jwk] }));
        });
        site.party.forget("provider");
        assert_eq!(kind(&site.sign_in().await), "invalid", "{change}");
    }
}

#[tokio::test]
async fn two_keys_of_one_name_check_nothing() {
    let site = Site::start().await;
    site.provider.script(|script| {
        script.keys = Some(json!({ "keys": [Signer::p256("first").jwk(), script.signer.jwk()] }));
    });
    assert_eq!(kind(&site.sign_in().await), "invalid");
}

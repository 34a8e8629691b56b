//! Sign-in for Dynamics, from the first hop of the browser to `WhoAmI`.

use std::sync::{Arc, Mutex};

use purser_federation::microsoft::{CONSUMERS, Dataverse, Directory};
use purser_federation::oidc::{Callback, ClientAuth, Secrets};
use purser_federation::{Outcome, Refusal, Secret};
use purser_standin::microsoft::{
    APP, App, Certificate, Consent, DIRECTORY, Endpoint, Fault, ORGANIZATION, OTHER_DIRECTORY, POWER_APP, Person,
    REDIRECT_URI, SECRET, Version,
};
use purser_standin::tokens::{self, Draft, Key};
use url::Url;

use super::{NOW, Site, browser, invalid, misconfigured, now, page, secrets, unavailable};

#[tokio::test]
async fn the_browser_is_sent_to_the_directory_with_everything_bound() {
    let site = Site::new().await;
    let url = site.us.begin(&site.directory, &secrets()).unwrap();
    assert_eq!(url.path(), format!("/{DIRECTORY}/oauth2/v2.0/authorize"));
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let scope = format!("openid profile email {}/user_impersonation", site.them.url());
    let expected = [
        ("client_id", APP),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", &scope),
        ("state", "state-of-this-attempt"),
        ("nonce", "nonce-of-this-attempt"),
        // The example of RFC 7636, appendix B.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn a_person_of_the_organisation_signs_in() {
    let site = Site::new().await;
    let signed_in = site.sign_in().await.unwrap();
    let identity = signed_in.identity;
    assert_eq!((identity.issuer.as_str(), identity.subject), (DIRECTORY, Person::default().oid));
    assert_eq!(identity.email.as_deref(), Some("AdeleV@contoso.com"));
    assert!(!identity.email_verified, "an address from a directory proves nothing");
    assert!(identity.session.is_some());
    assert_eq!(tokens::claims(signed_in.id_token.reveal())["aud"], APP);
    assert!(signed_in.access_token.is_some());
    let calls = [Endpoint::Token, Endpoint::Discovery, Endpoint::Keys, Endpoint::WhoAmI].map(|it| site.them.calls(it));
    assert_eq!(calls, [1; 4]);
    let requests = site.them.requests();
    let token = requests.iter().find(|it| it.endpoint == Endpoint::Token).unwrap();
    assert_eq!(token.path, format!("/{DIRECTORY}/oauth2/v2.0/token"));
    assert_eq!(token.header("authorization"), None, "credentials go in the form");
    let fields =
        ["grant_type", "client_id", "client_secret", "redirect_uri", "code_verifier"].map(|it| token.field(it));
    let verifier = secrets().verifier;
    let expected = ["authorization_code", APP, SECRET, REDIRECT_URI, verifier.reveal()];
    assert_eq!(fields, expected.map(Some));
    let scope = format!("openid profile email {}/user_impersonation", site.them.url());
    assert_eq!(token.field("scope"), Some(scope.as_str()));
    let who = requests.iter().find(|it| it.endpoint == Endpoint::WhoAmI).unwrap();
    let headers = ["accept", "odata-maxversion", "odata-version", "if-none-match"].map(|name| who.header(name));
    assert_eq!(headers, ["application/json", "4.0", "4.0", "null"].map(Some));
    assert_eq!(who.bearer(), signed_in.access_token.as_ref().map(Secret::reveal));
}

#[tokio::test]
async fn a_certificate_proves_the_application_in_each_of_its_spellings() {
    let key = Key::rsa("app");
    let certificate = key.certificate_der();
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>();
    let ways = [
        ("beside the key", key.private_pem() + &key.certificate_pem(), None),
        ("before the key", key.certificate_pem() + &key.private_pem(), None),
        ("SHA-256", key.private_pem(), Some(hex(tokens::sha256(&certificate)).concat())),
        ("SHA-1 with colons", key.private_pem(), Some(hex(tokens::sha1(&certificate)).join(":"))),
    ];
    for (name, pem, kid) in ways {
        let mut site = Site::new().await;
        let registered = Some(Certificate::of(&key));
        site.them.register(App { secret: None, certificate: registered, ..App::default() });
        site.directory.auth = ClientAuth::PrivateKey { pem: Secret::new(pem), kid };
        site.sign_in().await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }
}

#[tokio::test]
async fn a_certificate_that_is_another_or_missing_is_a_matter_of_settings() {
    let (ours, theirs) = (Key::rsa("ours"), Key::rsa("theirs"));
    let cases = [
        ("another", ours.private_pem() + &ours.certificate_pem(), None, "not that of the app registration"),
        (
            "another under its name",
            ours.private_pem() + &theirs.certificate_pem(),
            None,
            "not that of the app registration",
        ),
        ("none", theirs.private_pem(), None, "certificate is missing"),
        ("no thumbprint", theirs.private_pem(), Some("abc"), "certificate is missing"),
        ("no hexadecimal", theirs.private_pem(), Some("zz".repeat(20).leak() as &str), "certificate is missing"),
        ("no key", theirs.certificate_pem(), None, "no RSA key"),
        ("an EC key", Key::p256("ec").private_pem() + &theirs.certificate_pem(), None, "no RSA key"),
    ];
    for (name, pem, kid, reason) in cases {
        let mut site = Site::new().await;
        site.them.register(App { certificate: Some(Certificate::of(&theirs)), ..App::default() });
        site.directory.auth = ClientAuth::PrivateKey { pem: Secret::new(pem), kid: kid.map(str::to_owned) };
        let refused = misconfigured(name, site.sign_in().await);
        assert!(refused.contains(reason), "{name}: {refused}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_only_with_the_verifier_it_was_asked_with() {
    let site = Site::new().await;
    let code = site.code().await;
    site.answer(&code).await.unwrap();
    assert!(invalid("spent", site.answer(&code).await).contains("AADSTS54005"));
    assert!(invalid("made up", site.answer("made-up").await).contains("AADSTS9002313"));
    let code = site.code().await;
    let callback = Callback { code: Some(&code), ..Callback::default() };
    let others = Secrets { verifier: Secret::new("x".repeat(43)), ..secrets() };
    let refused = site.us.answer(&site.directory, &others, &callback, now()).await;
    assert!(invalid("another's verifier", refused).contains("AADSTS501481"));
}

#[tokio::test]
async fn a_code_of_one_directory_is_not_good_at_another_nor_is_its_secret_shown_there() {
    let site = Site::new().await;
    let code = site.code().await;
    let other = Directory {
        key: "fabrikam".into(),
        tid: OTHER_DIRECTORY.into(),
        auth: ClientAuth::Secret(Secret::new("fabrikam's secret")),
        ..site.directory.clone()
    };
    site.them.register(App { secret: Some("fabrikam's secret".into()), ..App::default() });
    let callback = Callback { code: Some(&code), ..Callback::default() };
    let refused = site.us.answer(&other, &secrets(), &callback, now()).await;
    assert!(invalid("another directory's code", refused).contains("AADSTS700005"));
    let tokens: Vec<_> = site.them.requests().into_iter().filter(|it| it.endpoint == Endpoint::Token).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].path, format!("/{OTHER_DIRECTORY}/oauth2/v2.0/token"));
    assert_eq!(tokens[0].field("client_secret"), Some("fabrikam's secret"));
}

#[tokio::test]
async fn an_answer_without_a_code_asks_nobody() {
    let site = Site::new().await;
    let answer = async |callback: Callback<'static>| {
        let answered = site.us.answer(&site.directory, &secrets(), &callback, now()).await;
        assert_eq!(site.calls(), 0);
        answered
    };
    invalid("nothing", answer(Callback::default()).await);
    invalid("empty", answer(Callback { code: Some(""), ..Callback::default() }).await);
    invalid("no code's letters", answer(Callback { code: Some("a\0b"), ..Callback::default() }).await);
    let iss = Some("https://login.microsoftonline.com/common/v2.0");
    let other = Callback { code: Some("code"), iss, ..Callback::default() };
    assert!(invalid("another issuer", answer(other).await).contains("iss"));
    let error = |error| Callback { error: Some(error), error_description: Some("words"), ..Callback::default() };
    assert_eq!(answer(error("access_denied")).await.unwrap_err(), Refusal::Denied("access_denied".into()));
    let both = Callback { code: Some("code"), ..error("access_denied") };
    assert_eq!(answer(both).await.unwrap_err(), Refusal::Denied("access_denied".into()));
    let Err(Refusal::Denied(reason)) = answer(error("<script>")).await else { panic!("not denied") };
    assert!(!reason.contains("script"), "anybody can write this");
    assert_eq!(unavailable("busy", answer(error("temporarily_unavailable")).await), None);
}

#[tokio::test]
async fn the_issuer_may_be_named_if_it_is_the_right_one() {
    let site = Site::new().await;
    let (code, issuer) = (site.code().await, format!("{}/{DIRECTORY}/v2.0", site.them.url()));
    let callback = Callback { code: Some(&code), iss: Some(&issuer), ..Callback::default() };
    site.us.answer(&site.directory, &secrets(), &callback, now()).await.unwrap();
}

#[tokio::test]
async fn an_id_token_is_believed_only_if_every_claim_is_right() {
    type Spoil = fn(Draft) -> Draft;
    let cases: [(&str, Spoil, &str); 21] = [
        ("issuer elsewhere", |it| it.claim("iss", "https://evil.example/v2.0"), "iss"),
        ("issuer of version 1.0", |it| it.claim("iss", format!("https://sts.windows.net/{DIRECTORY}/")), "iss"),
        ("issuer missing", |it| it.without("iss"), "iss"),
        (
            "version 1.0 throughout",
            |it| it.claim("iss", format!("https://sts.windows.net/{DIRECTORY}/")).claim("ver", "1.0"),
            "ver",
        ),
        ("version missing", |it| it.without("ver"), "ver"),
        ("directory another", |it| it.claim("tid", OTHER_DIRECTORY), "tid"),
        ("directory missing", |it| it.without("tid"), "tid"),
        ("audience another", |it| it.claim("aud", POWER_APP), "aud"),
        ("audience several", |it| it.claim("aud", vec![APP, POWER_APP]), "aud"),
        ("audience missing", |it| it.without("aud"), "aud"),
        ("party another", |it| it.claim("azp", POWER_APP), "azp"),
        ("nonce another", |it| it.claim("nonce", "nonce-of-another-attempt"), "nonce"),
        ("nonce missing", |it| it.without("nonce"), "nonce"),
        ("nonce empty", |it| it.claim("nonce", ""), "nonce"),
        ("person missing", |it| it.without("oid"), "oid"),
        ("person a word", |it| it.claim("oid", "admin"), "oid"),
        ("expired", |it| it.claim("exp", NOW - 61), "expired"),
        ("too early", |it| it.claim("nbf", NOW + 61), "not valid yet"),
        ("guest by idp", |it| it.claim("idp", "https://sts.windows.net/other/"), "guest"),
        ("guest by account", |it| it.claim("acct", 1), "guest"),
        ("another kind", |it| it.header("typ", "at+jwt"), "typ"),
    ];
    for (name, spoil, word) in cases {
        let site = Site::new().await;
        site.them.sign_id_tokens_by(move |draft, key| spoil(draft).sign(key));
        let reason = invalid(name, site.sign_in().await);
        assert!(reason.contains(word), "{name}: {reason}");
        assert_eq!(site.them.calls(Endpoint::WhoAmI), 0, "{name}");
    }
}

#[tokio::test]
async fn a_forged_id_token_is_never_believed() {
    let site = Site::new().await;
    let key = site.them.key(Version::V2);
    let honest = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&honest);
    site.them.sign_id_tokens_by(move |draft, key| {
        *seen.lock().unwrap() = Some(draft.clone());
        draft.sign(key)
    });
    site.sign_in().await.unwrap();
    let draft = honest.lock().unwrap().clone().unwrap();
    let forgeries = tokens::forgeries(&draft, &key, NOW);
    assert!(forgeries.len() > 100, "{}", forgeries.len());
    for forgery in forgeries {
        site.them.sign_id_tokens_by(move |_, _| forgery.token.clone());
        invalid(&forgery.name, site.sign_in().await);
    }
    assert_eq!(site.them.calls(Endpoint::WhoAmI), 1, "only the honest one came so far");
    let others: Vec<_> = site.them.requests().into_iter().filter(|it| it.endpoint == Endpoint::Other).collect();
    assert_eq!(others, [], "no key is fetched from where a token says");
}

#[tokio::test]
async fn an_id_token_must_be_signed_as_entra_signs_by_a_key_of_this_directory() {
    let site = Site::new().await;
    let keys = [("private accounts'", site.them.consumers_key()), ("version 1.0's", site.them.key(Version::V1))];
    for (name, key) in keys {
        site.them.sign_id_tokens_by(move |draft, _| draft.sign(&key));
        invalid(name, site.sign_in().await);
    }
    for algorithm in ["RS384", "RS512", "PS256"] {
        site.them.sign_id_tokens_by(move |draft, key| draft.sign_as(key, algorithm));
        assert!(invalid(algorithm, site.sign_in().await).contains("RS256"));
    }
}

#[tokio::test]
async fn a_person_of_another_organisation_is_turned_away() {
    let site = Site::new().await;
    site.them.let_dataverse_name("d00d0000-2222-4333-8444-555566667777");
    let Err(Refusal::Denied(reason)) = site.sign_in().await else { panic!("let in") };
    assert!(reason.contains("organisation is another"), "{reason}");
    site.them.let_dataverse_name("");
    assert!(matches!(site.sign_in().await, Err(Refusal::Denied(_))), "no name is not the right name");
    site.them.let_dataverse_name(&ORGANIZATION.to_ascii_uppercase());
    site.sign_in().await.expect("an id is the same in capitals");
}

#[tokio::test]
async fn an_organisation_that_is_not_set_up_is_not_any_organisation() {
    let mut site = Site::new().await;
    let code = site.code().await;
    site.directory.dataverse = Some(Dataverse { url: site.them.url().into(), organization_id: String::new() });
    site.them.let_dataverse_name("");
    assert!(matches!(site.answer(&code).await, Err(Refusal::Denied(_))));
    site.directory.dataverse = None;
    misconfigured("begin", site.us.begin(&site.directory, &secrets()));
    let calls = site.calls();
    misconfigured("answer", site.answer("code").await);
    assert_eq!(site.calls(), calls);
}

#[tokio::test]
async fn what_dataverse_answers_decides_whose_fault_it_is() {
    for status in [401, 403] {
        let site = Site::new().await;
        site.them.fail(Endpoint::WhoAmI, Fault::Failing(status));
        invalid("refused", site.sign_in().await);
    }
    for status in [404, 413, 500, 503] {
        let site = Site::new().await;
        site.them.fail(Endpoint::WhoAmI, Fault::Failing(status));
        assert_eq!(unavailable("failing", site.sign_in().await), None, "{status}");
    }
    let others = [
        (Fault::Throttled { retry_after: Some(315) }, Some(315)),
        (Fault::Throttled { retry_after: None }, None),
        (page(200), None),
        (Fault::Answer { status: 200, content_type: "application/json", body: "[]".into() }, None),
    ];
    for (fault, wait) in others {
        let site = Site::new().await;
        site.them.fail(Endpoint::WhoAmI, fault.clone());
        assert_eq!(unavailable("failing", site.sign_in().await), wait, "{fault:?}");
    }
    let site = Site::new().await;
    site.them.fail(Endpoint::WhoAmI, Fault::Elsewhere(format!("{}/elsewhere", site.them.url())));
    unavailable("sent elsewhere", site.sign_in().await);
    assert_eq!(site.them.calls(Endpoint::Other), 0, "no redirect is followed");
}

#[tokio::test]
async fn what_the_token_endpoint_answers_decides_whose_fault_it_is() {
    let json = |status, body: &str| Fault::Answer { status, content_type: "application/json", body: body.into() };
    let no_tokens = r#"{"token_type":"Bearer","access_token":"a"}"#;
    let no_bearer = r#"{"token_type":"mac","access_token":"a","id_token":"b"}"#;
    let busy = r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#;
    let faults = [
        (Fault::Failing(503), None),
        (Fault::Failing(500), None),
        (Fault::Throttled { retry_after: Some(41) }, Some(41)),
        (page(400), None),
        (page(200), None),
        (json(200, no_tokens), None),
        (json(200, no_bearer), None),
        (json(400, busy), None),
        (json(400, r#"{"error":"<b>no</b>"}"#), None),
    ];
    for (fault, wait) in faults {
        let site = Site::new().await;
        let code = site.code().await;
        site.them.fail(Endpoint::Token, fault.clone());
        assert_eq!(unavailable("failing", site.answer(&code).await), wait, "{fault:?}");
    }
    let site = Site::new().await;
    let code = site.code().await;
    let declined = r#"{"error":"interaction_required","error_codes":[50076]}"#;
    site.them.fail(Endpoint::Token, json(400, declined));
    assert_eq!(site.answer(&code).await.unwrap_err(), Refusal::Denied("interaction_required, AADSTS50076".into()));
}

#[tokio::test]
async fn wrong_settings_are_told_in_plain_words() {
    let mut site = Site::new().await;
    let code = site.code().await;
    site.directory.auth = ClientAuth::Secret(Secret::new("wrong"));
    let reason = misconfigured("secret", site.answer(&code).await);
    assert!(reason.starts_with("the client secret is wrong: make a new secret"), "{reason}");
    assert!(reason.contains("AADSTS7000215"), "{reason}");
    site.directory.auth = ClientAuth::None;
    assert!(misconfigured("none", site.answer(&code).await).contains("AADSTS7000218"));
    site.directory.app_id = POWER_APP.into();
    assert!(misconfigured("app", site.answer(&code).await).contains("not known in this directory"));
}

#[tokio::test]
async fn a_silent_token_endpoint_is_given_up() {
    let site = Site::new().await;
    let code = site.code().await;
    site.them.fail(Endpoint::Token, Fault::Hang);
    let answered = async { unavailable("hanging", site.answer(&code).await) };
    let clock = async {
        site.them.called(Endpoint::Token, 1).await;
        tokio::time::pause();
    };
    let (wait, ()) = tokio::join!(answered, clock);
    assert_eq!(wait, None);
}

#[tokio::test]
async fn a_name_that_stands_for_many_directories_is_never_one() {
    let mut site = Site::new().await;
    for tid in ["common", "organizations", "consumers", "", "../x", &DIRECTORY.to_ascii_uppercase(), "contoso.com"] {
        site.directory.tid = tid.into();
        misconfigured(tid, site.us.begin(&site.directory, &secrets()));
        misconfigured(tid, site.answer("code").await);
        misconfigured(tid, site.us.check(&site.directory, &Secret::new("eyJ"), now()).await);
        let outcomes = site.examine().await;
        assert_eq!(outcomes[0], ("settings", Outcome::Failed), "{tid}");
        assert!(outcomes[1..].iter().all(|(_, outcome)| *outcome == Outcome::Skipped), "{outcomes:?}");
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn private_accounts_sign_in_only_where_their_directory_is_meant() {
    let mut site = Site::new().await;
    site.directory.tid = CONSUMERS.into();
    let identity = site.sign_in().await.unwrap().identity;
    assert_eq!(identity.issuer, CONSUMERS);
}

#[tokio::test]
async fn a_guest_signs_in_for_dynamics_only_where_guests_are_welcome() {
    let mut site = Site::new().await;
    site.them.welcome(Person::guest());
    assert!(invalid("guest", site.sign_in().await).contains("guest"));
    site.directory.guests = true;
    assert_eq!(site.sign_in().await.unwrap().identity.subject, Person::guest().oid);
}

#[tokio::test]
async fn a_browser_that_is_shown_a_form_comes_back_with_a_code_or_without() {
    let site = Site::new().await;
    site.them.consent(Consent::Form);
    let url = site.us.begin(&site.directory, &secrets()).unwrap();
    let form = browser().get(url.clone()).send().await.unwrap();
    assert_eq!(form.status(), 200);
    assert!(form.text().await.unwrap().contains("name=\"login\""));
    let send = async |login: &str, decision: &str| {
        let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        form.extend([("login".into(), login.into()), ("decision".into(), decision.into())]);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        browser().post(url.clone()).body(body).send().await.unwrap()
    };
    assert_eq!(send("nobody@contoso.com", "accept").await.status(), 200, "the form again");
    let cancelled = send("", "cancel").await;
    assert!(cancelled.headers()["location"].to_str().unwrap().contains("error=access_denied"));
    let accepted = send("adelev@contoso.com", "accept").await;
    let back = Url::parse(accepted.headers()["location"].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(REDIRECT_URI));
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    site.answer(&code).await.unwrap();
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let mut site = Site::new().await;
    site.directory.redirect_uri = "https://evil.example/".into();
    let url = site.us.begin(&site.directory, &secrets()).unwrap();
    let answer = browser().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("AADSTS50011"));
}

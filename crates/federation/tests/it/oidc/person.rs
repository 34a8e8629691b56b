//! What is told about the person: by the ID token, and by the userinfo endpoint where that is thin.

use super::*;

fn userinfo(site: &Site, userinfo: Value) {
    site.provider.script(|script| script.userinfo = userinfo);
}

#[tokio::test]
async fn what_the_id_token_lacks_is_asked_for() {
    for missing in ["email", "given_name", "family_name"] {
        let site = Site::start().await;
        site.claim(missing, Value::Null);
        let told = json!({
            "sub": "248289761001", "email": "other@corp.test", "email_verified": true,
            "given_name": "Joan", "family_name": "Roe", "groups": ["a"],
        });
        userinfo(&site, told);
        let identity = site.identity().await;
        assert_eq!(site.provider.calls(USERINFO).len(), 1, "{missing}");
        let pick = |name: &str, own: &str, other: &str| Some(if missing == name { other } else { own }.to_owned());
        assert_eq!(identity.email, pick("email", "jane@corp.test", "other@corp.test"));
        assert_eq!(identity.first_name, pick("given_name", "Jane", "Joan"));
        assert_eq!(identity.last_name, pick("family_name", "Doe", "Roe"));
        assert_eq!(identity.groups, Some(vec!["a".into()]));
        assert!(identity.email_verified, "{missing}");
    }
}

#[tokio::test]
async fn groups_that_were_asked_for_and_not_told_are_looked_for() {
    for (scope, calls) in [("groups", 1), ("profile", 0)] {
        let mut site = Site::start().await;
        site.settings.scopes = vec!["openid".into(), "email".into(), scope.into()];
        userinfo(&site, json!({ "sub": "248289761001", "email": "other@corp.test", "groups": ["authors"] }));
        let identity = site.identity().await;
        assert_eq!(site.provider.calls(USERINFO).len(), calls, "{scope}");
        assert_eq!(identity.groups, (calls == 1).then(|| vec!["authors".to_owned()]), "{scope}");
        assert_eq!(identity.email.as_deref(), Some("jane@corp.test"));
    }
}

#[tokio::test]
async fn an_addresss_verification_does_not_lend_its_standing_to_another() {
    let site = Site::start().await;
    site.claim("email", Value::Null);
    userinfo(&site, json!({ "sub": "248289761001", "email": "other@corp.test" }));
    let identity = site.identity().await;
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("other@corp.test"), false));

    let site = Site::start().await;
    site.claim("email_verified", json!(false));
    site.claim("given_name", Value::Null);
    let identity = site.identity().await;
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("jane@corp.test"), false));
}

#[tokio::test]
async fn userinfo_about_another_person_is_refused() {
    for sub in [json!("eve"), Value::Null, json!(248_289_761_001_i64), json!("248289761001 ")] {
        let site = Site::start().await;
        site.claim("email", Value::Null);
        userinfo(&site, json!({ "sub": sub, "email": "eve@corp.test" }));
        assert_eq!(kind(&site.sign_in().await), "invalid", "{sub}");
    }
}

#[tokio::test]
async fn userinfo_that_does_not_come_is_told_by_what_it_means() {
    let plain = |kind: &str, body: &str| Answer::Plain(200, vec![("content-type", kind.into())], body.into());
    for (answer, expected) in [
        (Answer::status(401), "good"),
        (Answer::status(403), "good"),
        (Answer::status(500), "unavailable"),
        (Answer::pause(429, 7), "unavailable"),
        (plain("application/jwt", "e30.e30."), "misconfigured"),
        (plain("text/html", "<html>"), "misconfigured"),
        (plain("application/json", r#"{"sub":"248289761001","sub":"248289761001"}"#), "unavailable"),
    ] {
        let site = Site::start().await;
        let name = format!("{answer:?}");
        site.claim("email", Value::Null);
        site.provider.answer(USERINFO, answer);
        let result = site.sign_in().await;
        assert_eq!(kind(&result), expected, "{name}");
        if let Ok(signed_in) = result {
            assert_eq!(signed_in.identity.email, None);
        }
    }
}

#[tokio::test]
async fn without_an_endpoint_or_an_access_token_what_is_missing_stays_missing() {
    let site = Site::start().await;
    site.claim("email", Value::Null);
    site.claim("at_hash", Value::Null);
    site.provider.script(|script| {
        script.tokens.insert("access_token".into(), Value::Null);
    });
    assert_eq!(site.identity().await.email, None);
    let site = Site::start().await;
    site.claim("email", Value::Null);
    site.provider.script(|script| {
        script.discovery.remove("userinfo_endpoint");
    });
    assert_eq!(site.identity().await.email, None);
}

#[tokio::test]
async fn an_address_is_verified_only_if_the_provider_says_so() {
    for (said, verified) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("TRUE"), false),
        (json!(1), false),
        (Value::Null, false),
        (json!(["true"]), false),
    ] {
        let site = Site::start().await;
        site.claim("email_verified", said.clone());
        assert_eq!(site.identity().await.email_verified, verified, "{said}");
    }
}

#[tokio::test]
async fn without_an_address_nothing_is_verified() {
    let site = Site::start().await;
    site.claim("email", json!("jane"));
    site.provider.script(|script| {
        script.discovery.remove("userinfo_endpoint");
    });
    let identity = site.identity().await;
    assert_eq!((identity.email, identity.email_verified), (None, false));
}

#[tokio::test]
async fn verification_is_about_the_standard_claim_alone() {
    let mut site = Site::start().await;
    site.settings.claims.email = "upn".into();
    site.claim("upn", json!("jane@elsewhere.test"));
    let identity = site.identity().await;
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("jane@elsewhere.test"), false));
}

#[tokio::test]
async fn claims_go_by_the_names_that_the_settings_give() {
    let mut site = Site::start().await;
    let own = |name: &str| name.to_owned();
    site.settings.claims =
        Claims { email: own("mail"), first_name: own("first"), last_name: own("last"), groups: own("teams") };
    for (name, value) in [("mail", "j@corp.test"), ("first", "J"), ("last", "D"), ("teams", "night shift")] {
        site.claim(name, json!(value));
    }
    let identity = site.identity().await;
    let told = (identity.email.as_deref(), identity.first_name.as_deref(), identity.last_name.as_deref());
    assert_eq!(told, (Some("j@corp.test"), Some("J"), Some("D")));
    assert_eq!(identity.groups, Some(vec!["night shift".into()]));
}

#[tokio::test]
async fn what_is_no_address_or_name_is_left_out() {
    for email in
        ["jane", "@corp.test", "jane@", "jane\n@corp.test", "a b@corp.test", &format!("{}@corp.test", "x".repeat(245))]
    {
        let site = Site::start().await;
        userinfo(&site, json!({ "sub": "248289761001" }));
        site.claim("email", json!(email));
        site.claim("given_name", json!("Jane\u{0}"));
        site.claim("family_name", json!("x".repeat(201)));
        let identity = site.identity().await;
        let told = (identity.email, identity.email_verified, identity.first_name, identity.last_name);
        assert_eq!(told, (None, false, None, None), "{email:?}");
    }
}

#[tokio::test]
async fn groups_are_a_bounded_list_of_names() {
    let long = "x".repeat(257);
    for (claim, expected) in [
        (json!(["a", "b"]), Some(vec!["a", "b"])),
        (json!("a"), Some(vec!["a"])),
        (json!([]), Some(vec![])),
        (json!(["a", 7, "", long, { "id": 1 }]), Some(vec!["a"])),
        (json!({ "a": "b" }), None),
        (json!(7), None),
        (Value::Null, None),
    ] {
        let site = Site::start().await;
        site.claim("groups", claim.clone());
        let expected = expected.map(|groups| groups.into_iter().map(str::to_owned).collect());
        assert_eq!(site.identity().await.groups, expected, "{claim}");
    }
    let site = Site::start().await;
    site.claim("groups", json!(vec!["a"; 500]));
    assert_eq!(site.identity().await.groups.unwrap().len(), 500);
    site.claim("groups", json!(vec!["a"; 501]));
    assert_eq!(kind(&site.sign_in().await), "misconfigured");
}

#[tokio::test]
async fn a_second_factor_is_believed_only_when_it_is_said_or_two_kinds_were_used() {
    for (amr, acr, expected) in [
        (json!(["pwd", "mfa"]), Value::Null, true),
        (json!(["mfa"]), Value::Null, true),
        (json!(["pwd", "otp"]), Value::Null, true),
        (json!(["hwk", "fpt"]), Value::Null, true),
        (json!(["hwk", "pin"]), Value::Null, true),
        (json!(["pwd"]), json!("https://refeds.org/profile/mfa"), true),
        (json!(["pwd"]), Value::Null, false),
        (json!(["otp"]), Value::Null, false),
        (json!(["pwd", "pin"]), Value::Null, false),
        (json!(["hwk", "sms"]), Value::Null, false),
        (json!(["pwd", "user"]), json!("1"), false),
        (json!("mfa"), Value::Null, false),
        (Value::Null, Value::Null, false),
    ] {
        let site = Site::start().await;
        site.claim("amr", amr.clone());
        site.claim("acr", acr.clone());
        assert_eq!(site.identity().await.second_factor, expected, "{amr} {acr}");
    }
}

#[tokio::test]
async fn the_methods_are_passed_on_as_far_as_they_are_words() {
    let site = Site::start().await;
    site.claim("amr", json!(["pwd", 7, "", "x".repeat(65), "otp"]));
    site.claim("sid", json!("x".repeat(256)));
    let identity = site.identity().await;
    assert_eq!(identity.amr, ["pwd", "otp"]);
    assert_eq!(identity.session, None);
}

//! Honest responses of every make are read, and say who signed in.

use purser_federation::Identity;
use purser_federation::saml::{Accept, IdentityProvider, response};
use purser_standin::saml::{Dialect, Draft, Encryption, Facts, Key, Signing};

use crate::saml::{
    ACS, ASKED, IDP, KEY, OURS, SP, STRANGER, draft, facts, honest, idp, idp_with, now, reason, sp, verify,
};

fn signing(dialect: &Dialect, key: &Key) -> Signing {
    Signing {
        prefix: dialect.signature.into(),
        prefixes: dialect.prefixes.iter().map(|it| (*it).to_owned()).collect(),
        ..Signing::with(key)
    }
}

fn ada() -> Identity {
    Identity {
        issuer: IDP.into(),
        subject: "ada@customer.test".into(),
        email: Some("ada@customer.test".into()),
        email_verified: false,
        guest: false,
        first_name: Some("Ada".into()),
        last_name: Some("Lovelace".into()),
        groups: Some(vec!["Operators".into(), "Authors & Editors".into()]),
        amr: vec!["pwd".into()],
        second_factor: false,
        session: Some("session-7".into()),
    }
}

#[test]
fn a_response_of_every_dialect_is_read() {
    for dialect in Dialect::ALL {
        let posted = Draft::new(&facts(), &dialect).sign_both(&signing(&dialect, &KEY)).posted();
        let assertion = verify(&posted).unwrap_or_else(|it| panic!("{}: {it}", dialect.name));
        assert_eq!(assertion.identity, ada(), "{}", dialect.name);
        assert_eq!(assertion.id, "_assertion-1");
        assert_eq!(assertion.issuer, IDP);
        assert_eq!(assertion.in_response_to.as_deref(), Some(ASKED));
        assert_eq!(assertion.not_on_or_after.to_string(), "2026-11-21T12:05:00.123Z");
        assert_eq!(assertion.session_not_on_or_after.unwrap().to_string(), "2026-11-21T22:00:00.123Z");
    }
}

#[test]
fn an_encrypted_assertion_of_every_dialect_is_read() {
    for dialect in Dialect::ALL {
        let how = Encryption {
            prefixes: dialect.prefixes.iter().map(|it| (*it).to_owned()).collect(),
            ..Encryption::for_certificate(&OURS.certificate_der)
        };
        let signing = signing(&dialect, &KEY);
        let posted =
            Draft::new(&facts(), &dialect).sign_assertion(&signing).encrypt(&how).sign_response(&signing).posted();
        let assertion = verify(&posted).unwrap_or_else(|it| panic!("{}: {it}", dialect.name));
        assert_eq!(assertion.identity, ada(), "{}", dialect.name);
    }
}

#[test]
fn every_accepted_way_of_encrypting_is_read() {
    const GCM: &str = "http://www.w3.org/2009/xmlenc11#";
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let base = Encryption::for_certificate(&OURS.certificate_der);
    let ways = [
        Encryption { cipher: format!("{GCM}aes128-gcm"), ..base.clone() },
        Encryption { cipher: format!("{GCM}aes192-gcm"), ..base.clone() },
        Encryption { digest: None, ..base.clone() },
        Encryption { mask: Some(format!("{GCM}mgf1sha1")), transport: format!("{GCM}rsa-oaep"), ..base.clone() },
        Encryption {
            mask: Some(format!("{GCM}mgf1sha256")),
            digest: Some(sha256.into()),
            transport: format!("{GCM}rsa-oaep"),
            ..base
        },
    ];
    for way in ways {
        let posted = draft().sign_assertion(&honest()).encrypt(&way).sign_response(&honest()).posted();
        assert_eq!(verify(&posted).unwrap().identity, ada(), "{way:?}");
    }
}

#[test]
fn every_accepted_algorithm_is_verified() {
    const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
    const PSS: &str = "http://www.w3.org/2007/05/xmldsig-more#";
    let curves = [Key::p256(), Key::p384()];
    let idp = idp_with(&[&KEY, &curves[0], &curves[1]]);
    let rsa = ["rsa-sha256", "rsa-sha384", "rsa-sha512"].map(|it| (format!("{MORE}{it}"), &*KEY));
    let pss = ["sha256-rsa-MGF1", "sha384-rsa-MGF1", "sha512-rsa-MGF1"].map(|it| (format!("{PSS}{it}"), &*KEY));
    let p256 = (format!("{MORE}ecdsa-sha256"), &curves[0]);
    let p384 = (format!("{MORE}ecdsa-sha384"), &curves[1]);
    for (method, key) in rsa.into_iter().chain(pss).chain([p256, p384]) {
        for digest in [
            "http://www.w3.org/2001/04/xmlenc#sha256",
            &format!("{MORE}sha384"),
            "http://www.w3.org/2001/04/xmlenc#sha512",
        ] {
            let how = Signing { method: method.clone(), digest: digest.into(), ..Signing::with(key) };
            let posted = draft().sign_both(&how).posted();
            let assertion = response::verify(&posted, &sp(), &idp, Some(ASKED), now());
            assert_eq!(assertion.map(|it| it.identity), Ok(ada()), "{method} {digest}");
        }
    }
}

#[test]
fn either_of_two_certificates_will_do_while_the_key_is_changed() {
    let posted = draft().sign_both(&honest()).posted();
    let both = idp_with(&[&STRANGER, &KEY]);
    assert!(response::verify(&posted, &sp(), &both, Some(ASKED), now()).is_ok());
    let only_the_new = idp_with(&[&STRANGER]);
    let refused = reason(response::verify(&posted, &sp(), &only_the_new, Some(ASKED), now()));
    assert_eq!(refused, "Response signature: key: not made with any of the configured certificates");
}

#[test]
fn an_assertion_signed_alone_is_read_only_where_the_settings_say_so() {
    let alone = draft().sign_assertion(&honest()).posted();
    assert_eq!(reason(verify(&alone)), "Response signature: missing");
    let lenient = IdentityProvider { accept: Accept::AssertionOnly, ..idp() };
    let read = |posted: &str| response::verify(posted, &sp(), &lenient, Some(ASKED), now());
    assert_eq!(read(&alone).unwrap().identity, ada());
    assert!(read(&draft().sign_both(&honest()).posted()).is_ok());
}

#[test]
fn a_response_without_an_issuer_of_its_own_is_read() {
    let unnamed = "</saml:Issuer><!--response-signature-->";
    let posted =
        draft().map(|xml| xml.replacen(&format!("<saml:Issuer>{IDP}{unnamed}"), "<!--response-signature-->", 1));
    assert!(verify(&posted.sign_both(&honest()).posted()).is_ok());
}

#[test]
fn a_response_nobody_asked_for_is_read_if_it_does_not_claim_otherwise() {
    let unasked = Facts::new(IDP, SP, ACS, None, now());
    let posted = Draft::new(&unasked, &Dialect::KEYCLOAK).sign_both(&honest()).posted();
    let assertion = response::verify(&posted, &sp(), &idp(), None, now()).unwrap();
    assert_eq!(assertion.in_response_to, None);
}

#[test]
fn a_glance_tells_issuer_and_request_without_verifying() {
    let peek = response::peek(&draft().posted()).unwrap();
    assert_eq!((peek.issuer.as_str(), peek.in_response_to.as_deref()), (IDP, Some(ASKED)));
    let unnamed = draft().map(|xml| xml.replacen(&format!("<saml:Issuer>{IDP}</saml:Issuer>"), "", 1));
    assert_eq!(response::peek(&unnamed.posted()).unwrap().issuer, IDP, "the assertion's, if the response has none");
}

#[test]
fn known_conditions_and_further_audiences_are_accepted() {
    let more = format!(
        "</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction><saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/></saml:Conditions>"
    );
    let posted = draft().with("</saml:AudienceRestriction></saml:Conditions>", &more).sign_both(&honest()).posted();
    assert!(verify(&posted).is_ok());
}

#[test]
fn moments_in_utc_may_say_so_by_their_offset() {
    let posted = draft().map(|xml| xml.replace(".123Z\"", ".123+00:00\"")).sign_both(&honest()).posted();
    assert_eq!(verify(&posted).unwrap().not_on_or_after.to_string(), "2026-11-21T12:05:00.123Z");
}

#[test]
fn a_qualifier_that_is_empty_says_nothing() {
    let posted = draft().with("<saml:NameID ", r#"<saml:NameID NameQualifier="" SPNameQualifier="" "#);
    assert!(verify(&posted.sign_both(&honest()).posted()).is_ok());
}

#[test]
fn an_assertion_is_to_be_remembered_until_the_first_of_its_ends() {
    let until = |confirmation: &str, conditions: &str| {
        let draft = draft()
            .with(r#"12:05:00.123Z" Recipient"#, &format!(r#"{confirmation}" Recipient"#))
            .with(r#" NotOnOrAfter="2026-11-21T12:05:00.123Z"><saml:Aud"#, &format!("{conditions}><saml:Aud"));
        verify(&draft.sign_both(&honest()).posted()).unwrap().not_on_or_after.to_string()
    };
    assert_eq!(until("12:03:00Z", r#" NotOnOrAfter="2026-11-21T12:04:00Z""#), "2026-11-21T12:03:00Z");
    assert_eq!(until("12:04:00Z", r#" NotOnOrAfter="2026-11-21T12:03:00Z""#), "2026-11-21T12:03:00Z");
    assert_eq!(until("12:04:00Z", ""), "2026-11-21T12:04:00Z", "conditions need not end");
    let far = draft()
        .map(|xml| xml.replace(r#"NotOnOrAfter="2026-11-21T12:05:00.123Z""#, r#"NotOnOrAfter="2036-01-01T00:00:00Z""#));
    let far = verify(&far.sign_both(&honest()).posted()).unwrap().not_on_or_after;
    assert_eq!(far.to_string(), "2026-11-22T12:00:00.123Z", "a day after it was issued at the latest");
}

#[test]
fn clocks_may_differ_by_a_minute_but_not_by_more() {
    let posted = draft().sign_both(&honest()).posted();
    let at = |seconds: i64| {
        let then = now().checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        response::verify(&posted, &sp(), &idp(), Some(ASKED), then).map(|_| ()).map_err(|it| it.to_string())
    };
    assert_eq!(at(-59), Ok(()));
    assert_eq!(at(-61), Err("time: issued in the future; are the clocks right?".into()));
    assert_eq!(at(300 + 59), Ok(()));
    assert_eq!(at(300 + 61), Err("confirmation: has run out; are the clocks right?".into()));
}

#[test]
fn a_transient_name_needs_a_stable_attribute_beside_it() {
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let mut facts = Facts { name: "_once".into(), format: transient.into(), ..facts() };
    let posted = |facts: &Facts| Draft::new(facts, &Dialect::KEYCLOAK).sign_both(&honest()).posted();
    assert!(reason(verify(&posted(&facts))).starts_with("name: the NameID is transient"));
    facts.attributes.push(("urn:oasis:names:tc:SAML:attribute:pairwise-id".into(), vec!["a1@idp.test".into()]));
    let assertion = verify(&posted(&facts)).unwrap();
    assert_eq!(assertion.identity.subject, "a1@idp.test");
    assert_eq!(assertion.name_id.value, "_once");
    facts.attributes.push(("urn:oasis:names:tc:SAML:attribute:pairwise-id".into(), vec!["b2@idp.test".into()]));
    assert!(reason(verify(&posted(&facts))).starts_with("name: the NameID is transient"), "two are none");
}

#[test]
fn two_factors_are_told_by_the_context_or_by_microsofts_attribute() {
    let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let refeds = draft().with(class, "https://refeds.org/profile/mfa").sign_both(&honest()).posted();
    let identity = verify(&refeds).unwrap().identity;
    assert!(identity.second_factor);
    assert_eq!(identity.amr, ["mfa"]);
    let mut facts = facts();
    let methods = vec![class.to_owned(), "http://schemas.microsoft.com/claims/multipleauthn".to_owned()];
    facts.attributes.push(("http://schemas.microsoft.com/claims/authnmethodsreferences".into(), methods));
    let entra = Draft::new(&facts, &Dialect::ENTRA).sign_both(&honest()).posted();
    let identity = verify(&entra).unwrap().identity;
    assert!(identity.second_factor);
    assert_eq!(identity.amr, ["pwd", "mfa"]);
}

#[test]
fn the_address_comes_from_the_named_attribute_or_the_usual_ones_or_the_name() {
    let read = |facts: &Facts, idp: &IdentityProvider| {
        let posted = Draft::new(facts, &Dialect::KEYCLOAK).sign_both(&honest()).posted();
        response::verify(&posted, &sp(), idp, Some(ASKED), now()).unwrap().identity.email
    };
    let attribute = |name: &str| (name.to_owned(), vec!["lovelace@customer.test".to_owned()]);
    let named = IdentityProvider { email_attribute: Some("work".into()), ..idp() };
    let mut told = facts();
    assert_eq!(read(&told, &named), None, "what is named is not guessed");
    told.attributes.push(attribute("work"));
    assert_eq!(read(&told, &named).as_deref(), Some("lovelace@customer.test"));
    told.attributes = vec![attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress")];
    assert_eq!(read(&told, &idp()).as_deref(), Some("lovelace@customer.test"));
    told.attributes.clear();
    assert_eq!(read(&told, &idp()).as_deref(), Some("ada@customer.test"));
    told.name = "S-1-5-21".into();
    assert_eq!(read(&told, &idp()), None);
}

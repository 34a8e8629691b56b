//! Ending sessions over there, and letting them end ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use purser_federation::saml::logout::{self, LogoutOutcome, LogoutRequest};
use purser_federation::saml::{NameId, Outgoing, Received};
use purser_federation::{Refusal, Result};
use purser_standin::saml::{Signing, redirected, sign};

use crate::saml::{IDP, KEY, SLO, SP, STRANGER, honest, idp, now, sp};
use crate::saml_request::{is_signed_by_us, parameter, unpacked};

const MARK: &str = "<!--signature-->";

fn request() -> String {
    format!(
        r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_out-1" Version="2.0" IssueInstant="2026-11-21T12:00:00Z" Destination="{SLO}" NotOnOrAfter="2026-11-21T12:05:00Z"><saml:Issuer>{IDP}</saml:Issuer>{MARK}<saml:NameID>ada@customer.test</saml:NameID><samlp:SessionIndex>session-7</samlp:SessionIndex></samlp:LogoutRequest>"#
    )
}

fn response() -> String {
    format!(
        r#"<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_back-1" Version="2.0" IssueInstant="2026-11-21T12:00:00Z" Destination="{SLO}" InResponseTo="_ours-1"><saml:Issuer>{IDP}</saml:Issuer>{MARK}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>"#
    )
}

fn bare(xml: &str) -> String {
    xml.replace(MARK, "")
}

fn posted(xml: &str) -> String {
    let id = if xml.contains("_out-1") { "_out-1" } else { "_back-1" };
    STANDARD.encode(sign(xml, MARK, id, &honest()))
}

fn read(message: Received<'_>) -> Result<LogoutRequest> {
    logout::read_request(&message, &sp(), &idp(), now())
}

fn read_post(message: &str) -> Result<LogoutRequest> {
    read(Received::Post { message })
}

fn read_redirect(query: &str) -> Result<LogoutRequest> {
    read(Received::Redirect { query })
}

fn ada() -> LogoutRequest {
    LogoutRequest {
        id: "_out-1".into(),
        name_id: NameId { value: "ada@customer.test".into(), ..NameId::default() },
        session_indexes: vec!["session-7".into()],
        not_on_or_after: "2026-11-21T12:05:00Z".parse().unwrap(),
    }
}

fn refused(name: &str, result: Result<LogoutRequest>, expected: &str) {
    match result {
        Err(Refusal::Invalid(reason)) => assert!(reason.starts_with(expected), "{name}: {reason}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn their_signed_request_is_read_from_form_and_address() {
    assert_eq!(read_post(&posted(&request())), Ok(ada()));
    for state in [None, Some("r&s=t +%"), Some("")] {
        let query = redirected("SAMLRequest", &bare(&request()), state, Some(&honest()));
        assert_eq!(read_redirect(&query), Ok(ada()), "{query}");
    }
}

#[test]
fn a_request_is_to_be_remembered_for_ten_minutes_at_most() {
    let end = |xml: &str| read_post(&posted(xml)).unwrap().not_on_or_after.to_string();
    assert_eq!(end(&request()), "2026-11-21T12:05:00Z");
    assert_eq!(end(&request().replace("2026-11-21T12:05:00Z", "2036-11-21T12:05:00Z")), "2026-11-21T12:10:00Z");
    assert_eq!(end(&request().replace(r#" NotOnOrAfter="2026-11-21T12:05:00Z""#, "")), "2026-11-21T12:10:00Z");
}

#[test]
fn a_signature_over_the_address_is_checked_over_the_query_as_received() {
    let query = redirected("SAMLRequest", &bare(&request()), Some("state"), Some(&honest()));
    // Some write their percent signs in small letters. That is what they signed then, and what we check.
    let small = |it: &str| it.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%3A", "%3a");
    let found = read_redirect(&small(&query));
    refused("rewritten after signing", found, "query signature: key");
    let reordered = query.split('&').rev().collect::<Vec<_>>().join("&");
    assert_eq!(
        read_redirect(&reordered),
        Ok(ada()),
        "the order of the standard is signed, whatever the order in the address"
    );
    assert_eq!(read_redirect(&format!("tenant=7&{query}")), Ok(ada()), "what else stands there does not matter");
}

#[test]
fn a_query_that_can_be_read_in_two_ways_is_refused() {
    let query = redirected("SAMLRequest", &bare(&request()), Some("state"), Some(&honest()));
    let unsigned = redirected("SAMLRequest", &bare(&request()), None, None);
    let stranger = Signing::with(&STRANGER);
    let secret = Signing {
        method: "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256".into(),
        secret: Some(KEY.certificate_der.clone()),
        ..honest()
    };
    let cases = [
        ("unsigned", unsigned.clone(), "query signature: missing"),
        (
            "signed by a stranger",
            redirected("SAMLRequest", &bare(&request()), None, Some(&stranger)),
            "query signature: key",
        ),
        ("state changed", query.replace("RelayState=state", "RelayState=other"), "query signature: key"),
        ("state dropped", query.replace("&RelayState=state", ""), "query signature: key"),
        ("two messages", format!("{query}&{unsigned}"), "query: SAMLRequest stands there twice"),
        ("two signatures", format!("{query}&Signature=AA"), "query: Signature stands there twice"),
        ("two states", format!("{query}&RelayState=other"), "query: RelayState stands there twice"),
        (
            "a name in disguise",
            query.replace("SAMLRequest=", "SAMLReques%74="),
            "query: SAMLRequest is written in an odd way",
        ),
        ("a second name in disguise", format!("{query}&SAMLReques%74=AA"), "query: SAMLRequest stands there twice"),
        ("another encoding", format!("SAMLEncoding=urn%3Ax&{query}"), "query: the encoding is not DEFLATE"),
        (
            "SHA-1",
            query.replace("2001%2F04%2Fxmldsig-more%23rsa-sha256", "2000%2F09%2Fxmldsig%23rsa-sha1"),
            "query signature: algorithm: “http://www.w3.org/2000/09/xmldsig#rsa-sha1” is not accepted",
        ),
        ("a response", redirected("SAMLResponse", &bare(&request()), None, Some(&honest())), "query: no SAMLRequest"),
        ("not deflated", query.replacen("SAMLRequest=", "SAMLRequest=AAAA", 1), "query signature: key"),
        (
            "HMAC with the public key",
            redirected("SAMLRequest", &bare(&request()), None, Some(&secret)),
            "query signature: algorithm: “http://www.w3.org/2001/04/xmldsig-more#hmac-sha256” is not accepted",
        ),
        ("nothing", String::new(), "query: no SAMLRequest"),
        ("too long", format!("{query}&x={}", "x".repeat(600 << 10)), "size: more than"),
    ];
    for (name, query, expected) in cases {
        refused(name, read_redirect(&query), expected);
    }
}

#[test]
fn a_small_query_that_unpacks_to_something_huge_is_refused() {
    let bomb = format!("<x>{}</x>", " ".repeat(8 << 20));
    let query = redirected("SAMLRequest", &bomb, None, Some(&honest()));
    assert!(query.len() < 64 << 10);
    refused("bomb", read_redirect(&query), "query: the message cannot be unpacked");
}

#[test]
fn their_request_with_anything_wrong_is_refused() {
    let with = |old: &str, new: &str| {
        assert!(request().contains(old), "there is no {old}");
        request().replace(old, new)
    };
    let destination = format!(r#" Destination="{SLO}""#);
    let cases = [
        ("issuer", with(IDP, "https://evil.test"), "issuer:"),
        ("no issuer", with("saml:Issuer>", "saml:Other>"), "Issuer: missing"),
        ("destination", with(SLO, "https://other.test"), "destination: sent to"),
        ("no destination", with(&destination, ""), "destination: missing"),
        ("version", with(r#"Version="2.0""#, r#"Version="1.1""#), "version:"),
        ("run out", with("2026-11-21T12:05:00Z", "2026-11-21T11:58:00Z"), "time: the request has run out"),
        (
            "old",
            with(r#"IssueInstant="2026-11-21T12:00:00Z""#, r#"IssueInstant="2026-11-21T11:30:00Z""#),
            "time: issued too long ago",
        ),
        (
            "of tomorrow",
            with(r#"IssueInstant="2026-11-21T12"#, r#"IssueInstant="2026-11-22T12"#),
            "time: issued in the future",
        ),
        ("no name", with("saml:NameID", "saml:Other"), "NameID: missing"),
        ("encrypted name", with("saml:NameID", "saml:EncryptedID"), "NameID: missing"),
        (
            "name for another",
            with("<saml:NameID>", r#"<saml:NameID SPNameQualifier="https://other.test">"#),
            "name: the NameID was made for another",
        ),
    ];
    for (name, xml, expected) in cases {
        refused(name, read_post(&posted(&xml)), expected);
        refused(name, read_redirect(&redirected("SAMLRequest", &bare(&xml), None, Some(&honest()))), expected);
    }
    let malformed = redirected("SAMLRequest", &bare(&with("_out-1", "1 2")), None, Some(&honest()));
    refused("malformed id", read_redirect(&malformed), "identifier: of LogoutRequest, malformed");
    refused("unsigned", read_post(&STANDARD.encode(bare(&request()))), "LogoutRequest signature: missing");
    let changed = sign(&request(), MARK, "_out-1", &honest()).replace("ada@", "eve@");
    refused("changed", read_post(&STANDARD.encode(changed)), "LogoutRequest signature: digest");
    let inside = request().replace(MARK, "").replace(
        "</samlp:LogoutRequest>",
        &format!("<samlp:Extensions>{MARK}</samlp:Extensions></samlp:LogoutRequest>"),
    );
    refused("signature deeper", read_post(&posted(&inside)), "signature: in an unexpected place");
    refused("a response", read_post(&posted(&response())), "root: “LogoutResponse” is not a LogoutRequest");
    refused(
        "comment",
        read_post(&STANDARD.encode(sign(&request(), MARK, "_out-1", &honest()).replace("ada@", "ada<!---->@"))),
        "comment:",
    );
}

#[test]
fn their_answer_counts_only_if_it_is_to_our_request() {
    let read = |xml: &str, asked: &str| {
        let message = posted(xml);
        let query = redirected("SAMLResponse", &bare(xml), None, Some(&honest()));
        let by_post = logout::read_response(&Received::Post { message: &message }, &sp(), &idp(), asked, now());
        let by_redirect = logout::read_response(&Received::Redirect { query: &query }, &sp(), &idp(), asked, now());
        assert_eq!(by_post, by_redirect);
        by_post
    };
    assert_eq!(read(&response(), "_ours-1"), Ok(()));
    assert_eq!(read(&response(), "_ours-2"), Err(Refusal::invalid("in response to: not our request")));
    let unasked = response().replace(r#" InResponseTo="_ours-1""#, "");
    assert_eq!(read(&unasked, "_ours-1"), Err(Refusal::invalid("in response to: not our request")));
    let failed = response().replace("Success", "Responder");
    assert_eq!(read(&failed, "_ours-1"), Err(Refusal::Denied("“urn:oasis:names:tc:SAML:2.0:status:Responder”".into())));
    let malformed = redirected("SAMLResponse", &bare(&response().replace("_back-1", "1 2")), None, Some(&honest()));
    let found = logout::read_response(&Received::Redirect { query: &malformed }, &sp(), &idp(), "_ours-1", now());
    assert_eq!(found, Err(Refusal::invalid("identifier: of LogoutResponse, malformed")));
    let unsigned = STANDARD.encode(bare(&response()));
    let found = logout::read_response(&Received::Post { message: &unsigned }, &sp(), &idp(), "_ours-1", now());
    assert_eq!(found, Err(Refusal::invalid("LogoutResponse signature: missing")));
}

#[test]
fn our_request_is_signed_and_names_the_person_as_they_did() {
    let name = NameId {
        value: "a<b&c".into(),
        format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".into()),
        name_qualifier: Some(IDP.into()),
        sp_name_qualifier: Some(SP.into()),
    };
    let outgoing = logout::begin(&sp(), &idp(), &name, Some("s\"7"), "_ours-1", "state", now()).unwrap();
    let Outgoing::Redirect(url) = outgoing else { panic!("it should have been a redirect") };
    assert!(is_signed_by_us(&url));
    let xml = unpacked(&parameter(&url, "SAMLRequest").unwrap());
    let expected = format!(
        r#"<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="{IDP}" SPNameQualifier="{SP}">a&lt;b&amp;c</saml:NameID><samlp:SessionIndex>s&quot;7</samlp:SessionIndex></samlp:LogoutRequest>"#
    );
    assert!(xml.ends_with(&expected), "{xml}");
    assert!(xml.contains(r#"NotOnOrAfter="2026-11-21T12:05:00Z""#));
}

#[test]
fn our_answer_says_what_came_of_it() {
    for (outcome, expected) in [
        (LogoutOutcome::Ended, r#"status:Success"/></samlp:Status>"#),
        (LogoutOutcome::Partly, r#"status:PartialLogout"/></samlp:StatusCode></samlp:Status>"#),
        (LogoutOutcome::Failed, r#"status:Responder"/></samlp:Status>"#),
    ] {
        let outgoing = logout::answer(&sp(), &idp(), "_out-1", "_ours-2", "state", outcome, now()).unwrap();
        let Outgoing::Redirect(url) = outgoing else { panic!("it should have been a redirect") };
        assert!(is_signed_by_us(&url));
        let xml = unpacked(&parameter(&url, "SAMLResponse").unwrap());
        assert!(xml.contains(r#"InResponseTo="_out-1""#) && xml.contains(expected), "{xml}");
        assert!(uppsala::parse(&xml).is_ok());
    }
}

#[test]
fn a_glance_at_a_sign_out_message_tells_whose_it_is() {
    let message = posted(&request());
    assert_eq!(logout::peek(&Received::Post { message: &message }).unwrap().issuer, IDP);
    let query = redirected("SAMLResponse", &bare(&response()), None, None);
    let peek = logout::peek(&Received::Redirect { query: &query }).unwrap();
    assert_eq!((peek.issuer.as_str(), peek.in_response_to.as_deref()), (IDP, Some("_ours-1")));
}

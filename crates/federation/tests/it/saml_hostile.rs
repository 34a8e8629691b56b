//! Hostile responses are refused, each for the one thing that is wrong with it. Here: well signed, but lying.

use purser_federation::saml::response;
use purser_standin::saml::Draft;

use crate::saml::{ACS, ASKED, IDP, SP, draft, honest, idp, now, reason, refused, sp};

/// Which half of the document a lie is told in.
#[derive(Clone, Copy)]
enum Half {
    Response,
    Assertion,
}

/// Changes one half of a draft; the text to change has to be there.
fn told(half: Half, old: &str, new: &str) -> Draft {
    draft().map(|xml| {
        let at = xml.find("<saml:Assertion").unwrap();
        let (response, assertion) = xml.split_at(at);
        let changed = |text: &str| {
            assert!(text.contains(old), "there is no {old} in {text}");
            text.replace(old, new)
        };
        match half {
            Half::Response => changed(response) + assertion,
            Half::Assertion => response.to_owned() + &changed(assertion),
        }
    })
}

const MADE: &str = r#"IssueInstant="2026-11-21T12:00:00.123Z""#;
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const SUCCESS: &str = r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>"#;

#[test]
fn a_well_signed_response_that_says_the_wrong_thing_is_refused() {
    use Half::{Assertion, Response};
    let destination = format!(r#"Destination="{ACS}""#);
    let recipient = format!(r#" Recipient="{ACS}""#);
    let asked = format!(r#" InResponseTo="{ASKED}""#);
    let issuer = format!("<saml:Issuer>{IDP}</saml:Issuer>");
    let audience = format!("<saml:Audience>{SP}</saml:Audience>");
    let restriction = format!("<saml:AudienceRestriction>{audience}</saml:AudienceRestriction>");
    let name = r#"<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ada@customer.test</saml:NameID>"#;
    let confirmation = format!(
        r#"<saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData{asked} NotOnOrAfter="2026-11-21T12:05:00.123Z"{recipient}/></saml:SubjectConfirmation>"#
    );
    let two = |it: &str| it.repeat(2);
    let begins = r#"<saml:Conditions NotBefore="2026-11-21T11:55:00.123Z""#;
    let ends = r#"<saml:Conditions NotBefore="2026-11-21T11:55:00.123Z" NotOnOrAfter="2026-11-21T12:05:00.123Z""#;
    let lies: Vec<(&str, Half, &str, String, &str)> = vec![
        ("version of the response", Response, r#"Version="2.0""#, r#"Version="1.1""#.into(), "version: the Response"),
        (
            "version of the assertion",
            Assertion,
            r#"Version="2.0""#,
            r#"Version="1.1""#.into(),
            "version: the Assertion",
        ),
        ("no version", Response, r#" Version="2.0""#, String::new(), "version: the Response"),
        (
            "response of tomorrow",
            Response,
            MADE,
            r#"IssueInstant="2026-11-22T12:00:00Z""#.into(),
            "time: issued in the future",
        ),
        (
            "response of last week",
            Response,
            MADE,
            r#"IssueInstant="2026-11-14T12:00:00Z""#.into(),
            "time: issued too long ago",
        ),
        ("response of no time", Response, MADE, String::new(), "IssueInstant: missing on Response"),
        (
            "assertion of tomorrow",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-22T12:00:00Z""#.into(),
            "time: issued in the future",
        ),
        (
            "assertion of last week",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-14T12:00:00Z""#.into(),
            "time: issued too long ago",
        ),
        ("assertion of no time", Assertion, MADE, String::new(), "IssueInstant: missing on Assertion"),
        (
            "local time",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-21T12:00:00""#.into(),
            "time: “2026-11-21T12:00:00” is not a moment",
        ),
        (
            "time of another zone",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-21T13:00:00+01:00""#.into(),
            "time: “2026-11-21T13:00:00+01:00” is not a moment",
        ),
        (
            "time with a space",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-21 12:00:00Z""#.into(),
            "time: “2026-11-21 12:00:00Z” is not a moment",
        ),
        (
            "time of a place",
            Assertion,
            MADE,
            r#"IssueInstant="2026-11-21T12:00:00Z[UTC]Z""#.into(),
            "time: “2026-11-21T12:00:00Z[UTC]Z” is not a moment",
        ),
        ("no moment", Assertion, MADE, r#"IssueInstant="noon""#.into(), "time: “noon” is not a moment"),
        (
            "destination",
            Response,
            &destination,
            r#"Destination="https://other.test/acs""#.into(),
            "destination: sent to “https://other.test/acs”",
        ),
        ("destination with more", Response, &destination, format!(r#"Destination="{ACS}/""#), "destination: sent to"),
        ("no destination", Response, &destination, String::new(), "destination: missing"),
        (
            "another's destination",
            Response,
            &destination,
            format!(r#"samlp:Destination="{ACS}""#),
            "destination: missing",
        ),
        (
            "issuer of the response",
            Response,
            &issuer,
            "<saml:Issuer>https://evil.test</saml:Issuer>".into(),
            "issuer: “https://evil.test” instead of",
        ),
        (
            "issuer of the assertion",
            Assertion,
            &issuer,
            "<saml:Issuer>https://evil.test</saml:Issuer>".into(),
            "issuer: “https://evil.test” instead of",
        ),
        ("no issuer", Assertion, &issuer, String::new(), "Issuer: missing in Assertion"),
        ("two issuers", Assertion, &issuer, two(&issuer), "Issuer: more than one in Assertion"),
        (
            "issuer by another kind of name",
            Assertion,
            "<saml:Issuer>",
            r#"<saml:Issuer Format="urn:x">"#.into(),
            "issuer: not named by its entity id",
        ),
        (
            "element in the issuer",
            Assertion,
            &issuer,
            format!("<saml:Issuer>{IDP}<x/></saml:Issuer>"),
            "text: Issuer holds more than text",
        ),
        (
            "another request in the response",
            Response,
            ASKED,
            "_asked-2".into(),
            "in response to: the Response answers another",
        ),
        (
            "another request in the confirmation",
            Assertion,
            ASKED,
            "_asked-2".into(),
            "in response to: the confirmation answers another",
        ),
        ("no request in the response", Response, &asked, String::new(), "in response to: missing in the Response"),
        (
            "no request in the confirmation",
            Assertion,
            &asked,
            String::new(),
            "in response to: missing in the confirmation",
        ),
        (
            "recipient",
            Assertion,
            &recipient,
            r#" Recipient="https://other.test/acs""#.into(),
            "recipient: for “https://other.test/acs”",
        ),
        ("no recipient", Assertion, &recipient, String::new(), "recipient: missing"),
        (
            "holder of key",
            Assertion,
            BEARER,
            "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into(),
            "confirmation: not exactly one",
        ),
        ("no confirmation", Assertion, &confirmation, String::new(), "confirmation: not exactly one"),
        ("two confirmations", Assertion, &confirmation, two(&confirmation), "confirmation: not exactly one"),
        (
            "confirmation without data",
            Assertion,
            &confirmation,
            format!(r#"<saml:SubjectConfirmation Method="{BEARER}"/>"#),
            "SubjectConfirmationData: missing",
        ),
        (
            "endless confirmation",
            Assertion,
            r#" NotOnOrAfter="2026-11-21T12:05:00.123Z" Recipient"#,
            " Recipient".into(),
            "confirmation: NotOnOrAfter is missing",
        ),
        (
            "confirmation run out",
            Assertion,
            r#"NotOnOrAfter="2026-11-21T12:05:00.123Z" Recipient"#,
            r#"NotOnOrAfter="2026-11-21T11:58:00Z" Recipient"#.into(),
            "confirmation: has run out",
        ),
        (
            "confirmation that begins",
            Assertion,
            " Recipient=",
            r#" NotBefore="2026-11-21T11:00:00Z" Recipient="#.into(),
            "confirmation: NotBefore is not allowed",
        ),
        ("no subject", Assertion, "saml:Subject>", "saml:Thing>".into(), "Subject: missing in Assertion"),
        ("no name", Assertion, name, String::new(), "NameID: missing in Subject"),
        ("two names", Assertion, name, two(name), "NameID: more than one in Subject"),
        (
            "empty name",
            Assertion,
            ">ada@customer.test</saml:NameID>",
            "> </saml:NameID>".into(),
            "name: the NameID is empty",
        ),
        (
            "long name",
            Assertion,
            ">ada@customer.test</saml:NameID>",
            format!(">{}</saml:NameID>", "a".repeat(1025)),
            "name: the NameID is empty or too long",
        ),
        (
            "element in the name",
            Assertion,
            ">ada@customer.test</saml:NameID>",
            ">ada<b/>@customer.test</saml:NameID>".into(),
            "text: NameID holds more",
        ),
        (
            "name of another provider",
            Assertion,
            "<saml:NameID ",
            r#"<saml:NameID NameQualifier="https://evil.test" "#.into(),
            "name: the NameID is of another identity provider",
        ),
        (
            "name for another service",
            Assertion,
            "<saml:NameID ",
            r#"<saml:NameID SPNameQualifier="https://other.test" "#.into(),
            "name: the NameID was made for another",
        ),
        ("no conditions", Assertion, "saml:Conditions", "saml:Things".into(), "Conditions: missing in Assertion"),
        (
            "conditions of tomorrow",
            Assertion,
            begins,
            r#"<saml:Conditions NotBefore="2026-11-22T12:00:00Z""#.into(),
            "conditions: not valid yet",
        ),
        (
            "conditions of yesterday",
            Assertion,
            ends,
            r#"<saml:Conditions NotOnOrAfter="2026-11-20T12:00:00Z""#.into(),
            "conditions: not valid any more",
        ),
        (
            "unknown condition",
            Assertion,
            "</saml:Conditions>",
            "<saml:Condition/></saml:Conditions>".into(),
            "conditions: “Condition” is not known",
        ),
        (
            "foreign condition",
            Assertion,
            "</saml:Conditions>",
            r#"<x:OneTimeUse xmlns:x="urn:x"/></saml:Conditions>"#.into(),
            "conditions: “OneTimeUse” is not known",
        ),
        (
            "audience",
            Assertion,
            &audience,
            "<saml:Audience>https://other.test</saml:Audience>".into(),
            "audience: for “https://other.test” instead of",
        ),
        ("no audience", Assertion, &restriction, String::new(), "audience: missing"),
        ("empty audience", Assertion, &audience, String::new(), "audience: for"),
        (
            "a second audience",
            Assertion,
            &restriction,
            format!(
                "{restriction}<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction>"
            ),
            "audience: for “https://other.test”",
        ),
        (
            "no authentication",
            Assertion,
            "saml:AuthnStatement",
            "saml:OtherStatement".into(),
            "authentication: no AuthnStatement",
        ),
        (
            "authentication tomorrow",
            Assertion,
            r#"AuthnInstant="2026-11-21"#,
            r#"AuthnInstant="2026-11-22"#.into(),
            "authentication: in the future",
        ),
        ("a long session", Assertion, "session-7", "s".repeat(1025), "authentication: the SessionIndex is too long"),
        (
            "session over",
            Assertion,
            r#"SessionNotOnOrAfter="2026-11-21T22"#,
            r#"SessionNotOnOrAfter="2026-11-21T02"#.into(),
            "authentication: the session there has ended",
        ),
        (
            "nested success",
            Response,
            SUCCESS,
            format!(
                r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder">{SUCCESS}</samlp:StatusCode>"#
            ),
            "Denied(\"“urn:oasis:names:tc:SAML:2.0:status:Responder",
        ),
        ("two statuses", Response, SUCCESS, two(SUCCESS), "StatusCode: more than one"),
        ("no status code", Response, SUCCESS, String::new(), "StatusCode: missing in Status"),
        ("no status", Response, "samlp:Status>", "samlp:Thing>".into(), "Status: missing in Response"),
        (
            "success of another family",
            Response,
            "<samlp:StatusCode ",
            r#"<x:StatusCode xmlns:x="urn:x" "#.into(),
            "StatusCode: missing in Status",
        ),
    ];
    for (name, half, old, new, expected) in lies {
        refused(name, &told(half, old, &new).sign_both(&honest()).posted(), expected);
    }
}

#[test]
fn an_answer_to_nobodys_question_must_not_claim_one() {
    let read = |posted: &str| reason(response::verify(posted, &sp(), &idp(), None, now()));
    let asked = format!(r#" InResponseTo="{ASKED}""#);
    let in_the_response = told(Half::Assertion, &asked, "").sign_both(&honest()).posted();
    assert_eq!(read(&in_the_response), "in response to: the Response answers a request, but none was sent");
    let in_the_confirmation = told(Half::Response, &asked, "").sign_both(&honest()).posted();
    assert_eq!(read(&in_the_confirmation), "in response to: the confirmation answers a request, but none was sent");
}

#[test]
fn an_unsigned_no_is_not_taken_for_the_providers_word() {
    let denied = SUCCESS.replace("Success", "Requester");
    refused(
        "unsigned",
        &told(Half::Response, SUCCESS, &denied).posted(),
        "status: “urn:oasis:names:tc:SAML:2.0:status:Requester",
    );
    let signed = told(Half::Response, SUCCESS, &denied).sign_response(&honest()).posted();
    refused("signed", &signed, "Denied(");
}

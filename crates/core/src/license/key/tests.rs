//! What a licence key must be, by what happens to everything else.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::secret::encode;

const HEADER: &str = r#"{"alg":"EdDSA","typ":"purser-license+jwt"}"#;

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn vendor() -> VendorKey {
    VendorKey::parse(&encode(pair(1).public_key().as_ref())).unwrap()
}

fn claims() -> Value {
    json!({
        "licensee": "Acme Ltd", "instance": "here", "seats": 25, "serial": 7,
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_830_000_000,
    })
}

/// Signed by the vendor, whatever it says.
fn signed(header: &str, claims: &str) -> String {
    signed_by(&pair(1), header, claims)
}

fn signed_by(pair: &Ed25519KeyPair, header: &str, claims: &str) -> String {
    let said = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    format!("{said}.{}", encode(pair.sign(said.as_bytes()).as_ref()))
}

fn with(name: &str, value: Value) -> Result<License, Unfit> {
    let mut claims = claims();
    claims[name] = value;
    vendor().read(&signed(HEADER, &claims.to_string()))
}

fn good() -> String {
    signed(HEADER, &claims().to_string())
}

#[test]
fn a_key_says_what_the_vendor_signed() {
    let license = License {
        licensee: "Acme Ltd".into(),
        instance: "here".into(),
        seats: 25,
        serial: 7,
        issued_at: Timestamp::from_seconds(1_800_000_000),
        valid_from: Timestamp::from_seconds(1_800_000_000),
        expires_at: Timestamp::from_seconds(1_830_000_000),
    };
    assert_eq!(vendor().read(&good()), Ok(license));
}

#[test]
fn the_order_of_members_does_not_matter() {
    let header = r#"{ "typ": "purser-license+jwt", "alg": "EdDSA" }"#;
    assert!(vendor().read(&signed(header, &claims().to_string())).is_ok());
}

#[test]
fn a_key_signed_by_another_is_refused() {
    let foreign = signed_by(&pair(2), HEADER, &claims().to_string());
    assert_eq!(vendor().read(&foreign), Err(Unfit::Signature));
}

#[test]
fn a_public_key_sent_along_is_not_looked_at() {
    let own = encode(pair(2).public_key().as_ref());
    let header = json!({
        "alg": "EdDSA", "typ": TYPE, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": own}
    });
    let foreign = signed_by(&pair(2), &header.to_string(), &claims().to_string());
    assert_eq!(vendor().read(&foreign), Err(Unfit::Signature));
    let known = signed(&header.to_string(), &claims().to_string());
    assert_eq!(vendor().read(&known), Err(Unfit::Header));
}

#[test]
fn no_other_algorithm_is_believed() {
    let claims = claims().to_string();
    let unsigned = |header: &str| format!("{}.{}.", encode(header.as_bytes()), encode(claims.as_bytes()));
    assert_eq!(vendor().read(&unsigned(r#"{"alg":"none","typ":"purser-license+jwt"}"#)), Err(Unfit::Signature));
    assert_eq!(vendor().read(&unsigned(HEADER)), Err(Unfit::Signature));
    // HMAC with the public key as its secret (RFC 8725 section 2.1).
    let said = unsigned(r#"{"alg":"HS256","typ":"purser-license+jwt"}"#);
    let said = said.trim_end_matches('.');
    let public = hmac::Key::new(hmac::HMAC_SHA256, pair(1).public_key().as_ref());
    let tag = encode(hmac::sign(&public, said.as_bytes()).as_ref());
    assert_eq!(vendor().read(&format!("{said}.{tag}")), Err(Unfit::Signature));
}

#[test]
fn the_vendor_s_other_documents_are_no_licences() {
    for header in [
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","typ":"JWT"}"#,
        r#"{"alg":"EdDSA","typ":"other-license+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"PURSER-LICENSE+JWT"}"#,
        r#"{"alg":"eddsa","typ":"purser-license+jwt"}"#,
        r#"{"alg":"Ed25519","typ":"purser-license+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"purser-license+jwt","kid":"1"}"#,
        r#"{"alg":"EdDSA","typ":"purser-license+jwt","crit":["exp"]}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","typ":"purser-license+jwt"}"#,
        r#"{"alg":"EdDSA","typ":"purser-license+jwt"} "x""#,
        r#"["EdDSA","purser-license+jwt"]"#,
        "",
    ] {
        assert_eq!(vendor().read(&signed(header, &claims().to_string())), Err(Unfit::Header), "{header}");
    }
}

#[test]
fn every_claim_is_needed() {
    for name in ["licensee", "instance", "seats", "serial", "iat", "nbf", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(vendor().read(&signed(HEADER, &claims.to_string())), Err(Unfit::Claims), "{name}");
    }
}

#[test]
fn numbers_are_whole_and_within_bounds() {
    for name in ["seats", "serial", "iat", "nbf", "exp"] {
        let refused =
            [json!("1810000000"), json!(1.5), json!(1_810_000_000.0), json!(null), json!(true), json!([1]), json!(-1)];
        for value in refused {
            assert_eq!(with(name, value.clone()), Err(Unfit::Claims), "{name} {value}");
        }
    }
    assert_eq!(with("seats", json!(0)), Err(Unfit::Claims));
    assert_eq!(with("seats", json!(1_u64 << 32)), Err(Unfit::Claims));
    assert_eq!(with("serial", json!(0)), Err(Unfit::Claims));
    assert_eq!(with("serial", json!(1_u64 << 53)), Err(Unfit::Claims));
    assert!(with("serial", json!((1_u64 << 53) - 1)).is_ok());
}

#[test]
fn no_licence_outlives_the_year_9999_or_ends_before_it_begins() {
    assert!(with("exp", json!(253_402_300_799_u64)).is_ok());
    assert_eq!(with("exp", json!(253_402_300_800_u64)), Err(Unfit::Claims));
    assert_eq!(with("exp", json!(315_537_897_599_999_999_u64)), Err(Unfit::Claims));
    assert_eq!(with("exp", json!(u64::MAX)), Err(Unfit::Claims));
    assert_eq!(with("exp", json!(1_800_000_000)), Err(Unfit::Claims));
    assert_eq!(with("nbf", json!(1_830_000_000)), Err(Unfit::Claims));
    assert_eq!(with("iat", json!(1_830_000_000)), Err(Unfit::Claims));
}

#[test]
fn a_licensee_is_a_name() {
    for name in ["", " ", " Acme", "Acme\n", "Ac\u{0}me", &"x".repeat(201)] {
        assert_eq!(with("licensee", json!(name)), Err(Unfit::Claims), "{name:?}");
    }
    assert!(with("licensee", json!("Müller & Söhne")).is_ok());
}

#[test]
fn claims_unknown_repeated_or_in_another_form_are_refused() {
    assert_eq!(with("product", json!("other")), Err(Unfit::Claims));
    assert_eq!(with("aud", json!("other")), Err(Unfit::Claims));
    let object = claims().to_string();
    let twice = object.replacen('{', r#"{"seats":9999,"#, 1);
    let listed = r#"["Acme Ltd","here",25,7,1800000000,1800000000,1830000000]"#;
    for claims in [twice.as_str(), listed, &format!("{object}{object}"), &format!(" {object}"), "{}", "null", ""] {
        assert_eq!(vendor().read(&signed(HEADER, claims)), Err(Unfit::Claims), "{claims}");
    }
}

#[test]
fn a_key_has_one_spelling() {
    let key = good();
    let (start, end) = key.split_at(key.len() / 2);
    let broken = [
        String::new(),
        "..".into(),
        format!("{key}="),
        format!("{key}."),
        format!(".{key}"),
        format!("{start}\n{end}"),
        format!("{start} {end}"),
        format!("{start}\0{end}"),
        // A Cyrillic letter in the place of a Latin one.
        key.replacen('e', "\u{435}", 1),
        key.rsplit_once('.').unwrap().0.to_owned(),
        format!("{key}.{key}"),
    ];
    for text in broken {
        assert!(matches!(vendor().read(&text), Err(Unfit::Form | Unfit::Signature)), "{text:?}");
    }
}

#[test]
fn a_changed_letter_anywhere_is_noticed() {
    let key = good();
    for at in 0..key.len() {
        let mut letters = key.clone().into_bytes();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(letters).unwrap();
        assert!(matches!(vendor().read(&changed), Err(Unfit::Form | Unfit::Signature)), "letter {at}");
    }
}

#[test]
fn what_is_too_long_is_not_looked_at() {
    let mut claims = claims();
    claims["licensee"] = json!("x".repeat(8 * 1024));
    assert_eq!(vendor().read(&signed(HEADER, &claims.to_string())), Err(Unfit::TooLong));
    assert_eq!(vendor().read(&"a".repeat(1 << 20)), Err(Unfit::TooLong));
}

#[test]
fn the_vendor_s_public_key_may_be_written_in_either_alphabet() {
    let pair = (0..=u8::MAX).map(pair).find(|it| encode(it.public_key().as_ref()).contains(['-', '_'])).unwrap();
    let url = encode(pair.public_key().as_ref());
    let standard = url.replace('-', "+").replace('_', "/");
    let key = signed_by(&pair, HEADER, &claims().to_string());
    for spelled in [url.clone(), format!("{url}="), standard.clone(), format!(" {standard}=\n")] {
        assert!(VendorKey::parse(&spelled).unwrap().read(&key).is_ok(), "{spelled}");
    }
}

#[test]
fn what_is_no_public_key_is_said_so() {
    for text in ["", "AAAA", "not base64", &"A".repeat(86), &encode(&[0; 31])] {
        assert!(matches!(VendorKey::parse(text), Err(Error::Invalid(_))), "{text}");
    }
}

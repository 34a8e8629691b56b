//! Access tokens as they are meant to be: made, read, published, and out of date.

use std::sync::LazyLock;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;
use serde_json::Map;

use super::key::KeyBytes;
use super::*;
use crate::secret::{decode, encode};

mod forgery;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const EXPECTED: Expected<'static> = Expected { issuer: "https://purser.test", audience: "client" };
const ALGORITHMS: [Algorithm; 4] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256];

/// Two keys of every algorithm: making RSA keys takes its time.
static KEYS: LazyLock<Vec<(Algorithm, [KeyBytes; 2])>> =
    LazyLock::new(|| ALGORITHMS.map(|one| (one, [(); 2].map(|()| SigningKey::generate(one).unwrap()))).into());

fn bytes(algorithm: Algorithm, which: usize) -> &'static KeyBytes {
    KEYS.iter().find(|(one, _)| *one == algorithm).map(|(_, keys)| &keys[which]).unwrap()
}

fn key(algorithm: Algorithm, which: usize, kid: &str) -> SigningKey {
    let KeyBytes { private, public } = bytes(algorithm, which);
    SigningKey::parse(kid, algorithm, private, public).unwrap()
}

fn placed(key: SigningKey, signs_from: i64, verify_until: Option<i64>) -> RingKey {
    RingKey { key, signs_from: at(signs_from), verify_until: verify_until.map(at) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() + seconds)
}

/// A ring with one key, named `k1`.
fn ring(algorithm: Algorithm) -> Keyring {
    Keyring::new(algorithm, vec![placed(key(algorithm, 0, "k1"), 0, None)]).unwrap()
}

fn claims() -> Claims {
    Claims {
        iss: "https://purser.test".to_owned(),
        aud: "client".to_owned(),
        sub: "123".to_owned(),
        sid: SessionId([5; 16]),
        cid: Some("acme".parse().unwrap()),
        roles: vec!["AUTHOR".to_owned(), "VIEWER".to_owned()],
        amr: vec!["pwd".to_owned()],
        iat: NOW.seconds(),
        exp: NOW.seconds() + 86_400,
        jti: "j1".to_owned(),
    }
}

fn sign(algorithm: Algorithm, claims: &Claims) -> String {
    key(algorithm, 0, "k1").sign(claims).unwrap()
}

fn check(algorithm: Algorithm, token: &str) -> Result<Claims, TokenFault> {
    ring(algorithm).verify(token, &EXPECTED, NOW)
}

fn header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}","kid":"k1","typ":"at+jwt"}}"#)
}

fn payload() -> String {
    serde_json::to_string(&claims()).unwrap()
}

/// Each with a good token.
static RINGS: LazyLock<Vec<(Keyring, String)>> =
    LazyLock::new(|| ALGORITHMS.map(|one| (ring(one), sign(one, &claims()))).into());

#[test]
fn what_is_signed_is_believed() {
    for algorithm in ALGORITHMS {
        let token = sign(algorithm, &claims());
        assert_eq!(check(algorithm, &token), Ok(claims()));
        let of_the_admin_realm = Claims { cid: None, ..claims() };
        let token = sign(algorithm, &of_the_admin_realm);
        assert_eq!(check(algorithm, &token), Ok(of_the_admin_realm));
    }
}

#[test]
fn a_token_reads_as_documented() {
    let token = sign(Algorithm::ES256, &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let text = |part: &str| String::from_utf8(decode(part).unwrap()).unwrap();
    insta::assert_snapshot!(text(parts[0]), @r#"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#);
    insta::assert_snapshot!(text(parts[1]), @r#"{"iss":"https://purser.test","aud":"client","sub":"123","sid":"05050505-0505-0505-0505-050505050505","cid":"acme","roles":["AUTHOR","VIEWER"],"amr":["pwd"],"iat":1800000000,"exp":1800086400,"jti":"j1"}"#);
    assert_eq!(decode(parts[2]).unwrap().len(), 64);
}

#[test]
fn another_implementation_believes_our_tokens_by_our_published_keys() {
    for algorithm in ALGORITHMS {
        let key = if algorithm == Algorithm::HS256 {
            DecodingKey::from_secret(&bytes(algorithm, 0).private)
        } else {
            let keys: JwkSet = serde_json::from_value(ring(algorithm).jwks(NOW)).unwrap();
            DecodingKey::from_jwk(keys.find("k1").unwrap()).unwrap()
        };
        let mut validation = Validation::new(algorithm.as_str().parse().unwrap());
        validation.set_audience(&["client"]);
        validation.set_issuer(&["https://purser.test"]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // What time it is there is not the test's.
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Claims>(sign(algorithm, &claims()), &key, &validation).unwrap();
        assert_eq!(read.claims, claims());
        assert_eq!((read.header.typ.as_deref(), read.header.kid.as_deref()), (Some("at+jwt"), Some("k1")));
    }
}

#[test]
fn a_token_is_good_until_the_second_of_its_exp_and_not_in_it() {
    for algorithm in ALGORITHMS {
        let token = sign(algorithm, &claims());
        let seen = |now| ring(algorithm).verify(&token, &EXPECTED, now);
        assert!(seen(Timestamp(at(86_400).0 - 1)).is_ok());
        assert_eq!(seen(at(86_400)), Err(TokenFault::Expired));
        assert_eq!(seen(at(86_401)), Err(TokenFault::Expired));
        for exp in [0, -1, i64::MIN, NOW.seconds() - 1, NOW.seconds()] {
            assert_eq!(check(algorithm, &sign(algorithm, &Claims { exp, ..claims() })), Err(TokenFault::Expired));
        }
        let longest = Claims { exp: i64::MAX, ..claims() };
        assert_eq!(check(algorithm, &sign(algorithm, &longest)), Ok(longest));
    }
}

#[test]
fn a_node_whose_clock_is_five_minutes_ahead_is_believed_and_no_more() {
    for algorithm in ALGORITHMS {
        let issued = |iat| check(algorithm, &sign(algorithm, &Claims { iat, ..claims() })).is_ok();
        assert!(issued(NOW.seconds() + 300) && issued(NOW.seconds() - 86_400) && issued(i64::MIN));
        assert!(!issued(NOW.seconds() + 301) && !issued(i64::MAX));
    }
}

#[test]
fn expiry_is_only_told_of_tokens_of_ours() {
    for algorithm in ALGORITHMS {
        let old = Claims { exp: 0, ..claims() };
        let token = sign(algorithm, &old);
        let (said, _) = token.rsplit_once('.').unwrap();
        let young = sign(algorithm, &claims());
        let (_, others) = young.rsplit_once('.').unwrap();
        assert_eq!(check(algorithm, &token), Err(TokenFault::Expired));
        assert_eq!(check(algorithm, &format!("{said}.{others}")), Err(TokenFault::Invalid));
        let foreign = Claims { aud: "admin".to_owned(), ..old.clone() };
        assert_eq!(check(algorithm, &sign(algorithm, &foreign)), Err(TokenFault::Invalid));
        let other_key = key(algorithm, 1, "k1").sign(&old).unwrap();
        assert_eq!(check(algorithm, &other_key), Err(TokenFault::Invalid));
    }
}

#[test]
fn a_key_not_on_the_ring_is_named_and_nothing_else_is() {
    for algorithm in ALGORITHMS {
        let newest = key(algorithm, 1, "k-2_B").sign(&claims()).unwrap();
        assert_eq!(check(algorithm, &newest), Err(TokenFault::UnknownKid("k-2_B".to_owned())));
        let same_name = key(algorithm, 1, "k1").sign(&claims()).unwrap();
        assert_eq!(check(algorithm, &same_name), Err(TokenFault::Invalid));
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            let of_another_algorithm = key(other, 0, "k1").sign(&claims()).unwrap();
            assert_eq!(check(algorithm, &of_another_algorithm), Err(TokenFault::Invalid));
        }
    }
}

#[test]
fn a_retired_key_verifies_until_its_last_token_has_run_out() {
    for algorithm in ALGORITHMS {
        let old = placed(key(algorithm, 0, "k1"), 0, Some(100));
        let new = placed(key(algorithm, 1, "k2"), 50, None);
        let ring = Keyring::new(algorithm, vec![old, new]).unwrap();
        let token = sign(algorithm, &claims());
        assert!(ring.verify(&token, &EXPECTED, at(99)).is_ok());
        assert_eq!(ring.verify(&token, &EXPECTED, at(100)), Err(TokenFault::Invalid));
        // A node whose clock is ahead signs with the new key already.
        let newer = key(algorithm, 1, "k2").sign(&claims()).unwrap();
        assert!(ring.verify(&newer, &EXPECTED, at(0)).is_ok());
    }
}

#[test]
fn the_newest_key_of_the_configured_algorithm_that_has_begun_signs() {
    let ring = || {
        let keys = vec![
            placed(key(Algorithm::ES256, 0, "a"), 0, None),
            placed(key(Algorithm::ES256, 1, "b"), 50, None),
            placed(key(Algorithm::EdDSA, 0, "c"), 70, None),
            placed(key(Algorithm::RS256, 0, "d"), 0, Some(90)),
        ];
        move |algorithm| Keyring::new(algorithm, keys).unwrap()
    };
    let signer = |algorithm, now| ring()(algorithm).signer(at(now)).map(|key| key.kid().to_owned());
    assert_eq!(signer(Algorithm::ES256, 49).as_deref(), Some("a"));
    assert_eq!(signer(Algorithm::ES256, 50).as_deref(), Some("b"));
    assert_eq!(signer(Algorithm::ES256, -90).as_deref(), Some("a"), "a clock behind that of the key's maker");
    assert_eq!(signer(Algorithm::EdDSA, 60).as_deref(), Some("c"));
    assert_eq!(signer(Algorithm::RS256, 89).as_deref(), Some("d"));
    assert_eq!(signer(Algorithm::RS256, 90), None, "its tokens would not be believed");
    assert_eq!(signer(Algorithm::HS256, 0), None);
}

#[test]
fn the_published_keys_are_public_halves_of_living_keys_and_never_an_hmac_key() {
    let mut keys: Vec<RingKey> = ALGORITHMS.map(|one| placed(key(one, 0, one.as_str()), 0, None)).into();
    keys.push(placed(key(Algorithm::EdDSA, 1, "next"), 1000, None));
    keys.push(placed(key(Algorithm::ES256, 1, "gone"), -1000, Some(0)));
    let published = Keyring::new(Algorithm::ES256, keys).unwrap().jwks(NOW);
    let shapes: Vec<String> = published["keys"].as_array().unwrap().iter().map(shape).collect();
    assert_eq!(
        shapes,
        [
            "alg=ES256 crv=P-256 kid=ES256 kty=EC use=sig x:32 y:32",
            "alg=EdDSA crv=Ed25519 kid=EdDSA kty=OKP use=sig x:32",
            "alg=RS256 e:3 kid=RS256 kty=RSA n:256 use=sig",
            "alg=EdDSA crv=Ed25519 kid=next kty=OKP use=sig x:32",
        ]
    );
}

/// The members of a JSON Web Key by name, its numbers by their length.
fn shape(jwk: &Value) -> String {
    let member = |(name, value): (&String, &Value)| match name.as_str() {
        "x" | "y" | "n" | "e" => format!("{name}:{}", decode(value.as_str().unwrap()).unwrap().len()),
        _ => format!("{name}={}", value.as_str().unwrap()),
    };
    let mut members: Vec<String> = jwk.as_object().unwrap().iter().map(member).collect();
    members.sort();
    members.join(" ")
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let keys = vec![placed(key(Algorithm::ES256, 0, "a"), 0, None), placed(key(Algorithm::EdDSA, 1, "a"), 9, None)];
    assert!(Keyring::new(Algorithm::ES256, keys).is_err());
}

#[test]
fn a_key_whose_halves_algorithm_or_name_do_not_fit_is_refused() {
    for algorithm in ALGORITHMS {
        let KeyBytes { private, public } = bytes(algorithm, 0);
        let parses =
            |kid: &str, private: &[u8], public: &[u8]| SigningKey::parse(kid, algorithm, private, public).is_ok();
        assert!(parses("k", private, public));
        for kid in ["", "a b", "a\"b", "é", "../a", &"a".repeat(65)] {
            assert!(!parses(kid, private, public), "{kid}");
        }
        assert!(!parses("k", private, &[public.as_slice(), &[0]].concat()));
        assert!(!parses("k", &private[1..], public) && !parses("k", b"", public));
        if algorithm != Algorithm::HS256 {
            assert!(
                !parses("k", private, &bytes(algorithm, 1).public),
                "a public key slipped in beside the sealed half"
            );
            assert!(!parses("k", private, b""));
        }
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            assert!(SigningKey::parse("k", other, private, public).is_err());
        }
    }
}

#[test]
fn an_rsa_key_of_another_length_is_refused() {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa3072).unwrap();
    let private: aws_lc_rs::encoding::Pkcs8V1Der<'_> = aws_lc_rs::encoding::AsDer::as_der(&pair).unwrap();
    assert!(SigningKey::parse("k", Algorithm::RS256, private.as_ref(), b"").is_err());
}

#[test]
fn algorithms_are_named_as_in_a_header_and_not_otherwise() {
    for algorithm in ALGORITHMS {
        assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
        assert_eq!(serde_json::from_value::<Algorithm>(json!(algorithm.as_str())).unwrap(), algorithm);
    }
    for other in ["", "none", "es256", "EDDSA", "HS512", "Ed25519"] {
        assert!(other.parse::<Algorithm>().is_err());
        assert!(serde_json::from_value::<Algorithm>(json!(other)).is_err());
    }
    assert_eq!(Algorithm::default(), Algorithm::ES256);
}

#[test]
fn a_key_prints_nothing_but_its_name() {
    assert_eq!(format!("{:?}", key(Algorithm::HS256, 0, "k1")), "[HS256 key k1]");
}

proptest! {
    #[test]
    fn whatever_is_claimed_comes_back(sub: String, jti: String, roles: Vec<String>, exp in NOW.seconds() + 1.., sid: [u8; 16]) {
        let claims = Claims { sub, jti, roles, exp, sid: SessionId(sid), ..claims() };
        for (algorithm, (ring, _)) in ALGORITHMS.into_iter().zip(RINGS.iter()) {
            // Too long to sign is the one other end.
            let Ok(token) = key(algorithm, 0, "k1").sign(&claims) else { continue };
            prop_assert_eq!(ring.verify(&token, &EXPECTED, NOW), Ok(claims.clone()));
        }
    }
}

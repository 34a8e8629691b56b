//! Foreign tokens and published keys: what is read, what is believed, how often providers are asked.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use purser_federation::fetch::{Line, Outbound};
use purser_federation::jwt::{Claims, Key, KeySet, Keys, LONGEST, SKEW, Token};
use purser_federation::{Refusal, Result};
use purser_standin::oidc::{Answer, KEYS, Provider, Signer, unsigned, with_secret, with_signature};
use serde_json::{Value, json};

use crate::fetch::loopback;

fn set(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn only_key(signer: &Signer) -> Arc<Key> {
    Arc::clone(&set(&[signer.jwk()]).keys()[0])
}

fn read(signer: &Signer, header: &Value, claims: &Value) -> Result<Token> {
    Token::read(&signer.sign(header, claims))
}

fn claims(claims: &Value) -> Claims {
    let signer = Signer::ed25519("k");
    read(&signer, &signer.header(), claims).unwrap().verify(&only_key(&signer)).unwrap().clone()
}

fn with(mut json: Value, name: &str, value: impl Into<Value>) -> Value {
    json.as_object_mut().unwrap().insert(name.into(), value.into());
    json
}

fn is_invalid<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Refusal::Invalid(_)))
}

#[test]
fn tokens_signed_by_every_allowed_algorithm_are_believed() {
    let rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(|algorithm| Signer::rsa("k").by(algorithm));
    for signer in rsa.into_iter().chain([Signer::p256("k"), Signer::p384("k"), Signer::ed25519("k")]) {
        let token = read(&signer, &signer.header(), &json!({ "sub": "jane" })).unwrap();
        let key = set(&[signer.jwk()]).choose(&token).unwrap().unwrap();
        assert_eq!(token.verify(&key).unwrap().text("sub"), Some("jane"), "{}", signer.algorithm());
        assert!(is_invalid(&token.verify(&only_key(&Signer::p256("k")))), "{}: another key", signer.algorithm());
    }
}

#[test]
fn a_token_changed_after_signing_is_not_believed() {
    for signer in [Signer::rsa("k"), Signer::p256("k"), Signer::ed25519("k")] {
        let token = signer.sign(&signer.header(), &json!({ "sub": "jane" }));
        let signature = token.rsplit_once('.').unwrap().1;
        let forged = format!("{}.{signature}", unsigned(&signer.header(), &json!({ "sub": "eve" })));
        assert!(is_invalid(&Token::read(&forged).unwrap().verify(&only_key(&signer))));
    }
}

#[test]
fn unsigned_and_shared_secret_tokens_are_not_even_read() {
    let (signer, body) = (Signer::rsa("k"), json!({ "sub": "eve" }));
    let modulus = URL_SAFE_NO_PAD.decode(signer.jwk()["n"].as_str().unwrap()).unwrap();
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "HS512", "rs256", "ES512", "ES256K", "", "RSA-OAEP"] {
        let header = json!({ "alg": alg, "kid": "k" });
        assert!(is_invalid(&Token::read(&with_secret(&header, &body, &modulus))), "{alg}");
        assert!(is_invalid(&Token::read(&format!("{}.", unsigned(&header, &body)))), "{alg}");
    }
    for header in [json!({ "kid": "k" }), json!({ "alg": null }), json!({ "alg": ["RS256"] }), json!([])] {
        assert!(is_invalid(&read(&signer, &header, &body)), "{header}");
    }
}

#[test]
fn a_signature_of_zeros_is_wrong() {
    for (signer, length) in
        [(Signer::p256("k"), 64), (Signer::p384("k"), 96), (Signer::ed25519("k"), 64), (Signer::rsa("k"), 256)]
    {
        for signature in [vec![0; length], vec![], vec![0; 8]] {
            let token = Token::read(&with_signature(&signer.header(), &json!({}), &signature)).unwrap();
            assert!(is_invalid(&token.verify(&only_key(&signer))), "{}", signer.algorithm());
        }
    }
}

#[test]
fn keys_that_the_header_brings_along_are_not_looked_at() {
    let (ours, theirs) = (Signer::p256("k"), Signer::p256("k"));
    let mut header = with(theirs.header(), "jwk", theirs.jwk());
    for name in ["jku", "x5u"] {
        header = with(header, name, "https://evil.test/keys");
    }
    header = with(header, "x5c", json!(["AAAA"]));
    let token = read(&theirs, &header, &json!({})).unwrap();
    let chosen = set(&[ours.jwk()]).choose(&token).unwrap().unwrap();
    assert!(is_invalid(&token.verify(&chosen)));
}

#[test]
fn a_tokens_algorithm_must_fit_the_key_that_it_names() {
    let (ec, rsa) = (Signer::p256("ec"), Signer::rsa("rsa"));
    let keys = set(&[ec.jwk(), with(rsa.jwk(), "alg", "PS256")]);
    for (kid, alg) in [("ec", "RS256"), ("ec", "ES384"), ("ec", "EdDSA"), ("rsa", "ES256"), ("rsa", "RS256")] {
        let token = read(&rsa, &json!({ "alg": alg, "kid": kid }), &json!({})).unwrap();
        assert!(is_invalid(&keys.choose(&token)), "{kid} {alg}");
    }
    let pss = Signer::rsa("rsa").by("PS256");
    assert!(keys.choose(&read(&pss, &pss.header(), &json!({})).unwrap()).unwrap().is_some());
}

#[test]
fn a_key_checks_nothing_but_its_own_algorithm_even_when_it_is_asked_to() {
    let rsa = Signer::rsa("k");
    let token = read(&rsa, &rsa.header(), &json!({})).unwrap();
    let only_pss = set(&[with(rsa.jwk(), "alg", "PS256")]);
    assert!(is_invalid(&token.verify(&only_pss.keys()[0])));
}

#[test]
fn malformed_tokens_are_not_read() {
    let signer = Signer::p256("k");
    let good = signer.sign(&signer.header(), &json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let body = |text: &str| format!("{}.{}.{}", parts[0], encode(text), parts[2]);
    let header = |text: &str| format!("{}.{}.{}", encode(text), parts[1], parts[2]);
    for (name, text) in [
        ("empty", String::new()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("five parts", format!("{good}.x.y")),
        ("padding", format!("{}.{}.{}==", parts[0], parts[1], parts[2])),
        ("space", format!(" {good}")),
        ("line end", format!("{good}\n")),
        ("stray bits in the body", format!("{}.{}.{}", parts[0], "e31", parts[2])),
        ("stray bits in the signature", format!("{}.{}.{}", parts[0], parts[1], "AB")),
        ("other alphabet", format!("{}.{}.{}", parts[0], parts[1], STANDARD.encode([0xfb; 64]))),
        ("no object", body("[]")),
        ("a member twice", body(r#"{"sub":"jane","sub":"eve"}"#)),
        ("a member twice below", body(r#"{"a":{"b":1,"b":2}}"#)),
        ("two documents", body("{}{}")),
        ("header member twice", header(r#"{"alg":"ES256","alg":"none"}"#)),
        ("kid of another type", header(r#"{"alg":"ES256","kid":1}"#)),
        ("typ of another type", header(r#"{"alg":"ES256","typ":[]}"#)),
        ("critical extension", header(r#"{"alg":"ES256","crit":["exp"],"exp":1}"#)),
        ("empty critical extension", header(r#"{"alg":"ES256","crit":[]}"#)),
    ] {
        assert!(is_invalid(&Token::read(&text)), "{name}");
    }
    assert!(Token::read(&good).is_ok());
}

#[test]
fn a_token_longer_than_its_bound_is_not_read() {
    let signer = Signer::ed25519("k");
    let sized = |pad: usize| signer.sign(&signer.header(), &json!({ "pad": "x".repeat(pad) }));
    let room = (LONGEST - sized(0).len()) * 3 / 4;
    let fits = sized(room - 3);
    assert!(fits.len() <= LONGEST && fits.len() > LONGEST - 16 && Token::read(&fits).is_ok());
    assert!(is_invalid(&Token::read(&sized(room + 3))));
}

#[test]
fn neither_token_nor_claims_show_their_content_when_printed() {
    let signer = Signer::ed25519("k");
    let token = read(&signer, &signer.header(), &json!({ "sub": "jane" })).unwrap();
    assert!(!format!("{token:?} {:?}", token.unverified()).contains("jane"));
}

#[test]
fn keys_that_may_not_check_signatures_are_left_out() {
    let (ec, rsa, ed) = (Signer::p256("k").jwk(), Signer::rsa("k").jwk(), Signer::ed25519("k").jwk());
    let number = |bytes: usize| URL_SAFE_NO_PAD.encode([vec![0xff; bytes], vec![0x01]].concat());
    for (name, jwk) in [
        ("symmetric", json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" })),
        ("symmetric disguised", with(ec.clone(), "k", "c2VjcmV0")),
        ("private", with(ec.clone(), "d", "AAAA")),
        ("for encryption", with(rsa.clone(), "use", "enc")),
        ("use of another type", with(rsa.clone(), "use", json!(["sig"]))),
        ("for other operations", with(rsa.clone(), "key_ops", json!(["encrypt"]))),
        ("operations of another type", with(rsa.clone(), "key_ops", "verify")),
        ("512 bits", with(rsa.clone(), "n", number(63))),
        ("1024 bits", with(rsa.clone(), "n", number(127))),
        ("2047 bits", with(rsa.clone(), "n", URL_SAFE_NO_PAD.encode([vec![0x7f], vec![0xff; 255]].concat()))),
        (
            "1024 bits behind zeros",
            with(rsa.clone(), "n", URL_SAFE_NO_PAD.encode([vec![0; 128], vec![0xff; 128]].concat())),
        ),
        ("16384 bits", with(rsa.clone(), "n", number(2047))),
        ("exponent 1", with(rsa.clone(), "e", "AQ")),
        ("even exponent", with(rsa.clone(), "e", "BA")),
        ("no exponent", with(rsa.clone(), "e", "")),
        ("padded number", with(rsa.clone(), "e", "AQAB==")),
        ("foreign algorithm", with(rsa.clone(), "alg", "RSA-OAEP")),
        ("algorithm of another kind", with(rsa.clone(), "alg", "ES256")),
        ("shared-secret algorithm", with(rsa, "alg", "HS256")),
        ("algorithm of another type", with(ec.clone(), "alg", 1)),
        ("P-521", with(ec.clone(), "crv", "P-521")),
        ("secp256k1", with(ec.clone(), "crv", "secp256k1")),
        ("short point", with(ec.clone(), "x", "AAAA")),
        ("another curve's point", with(ec.clone(), "crv", "P-384")),
        ("kid of another type", with(ec, "kid", 1)),
        ("Ed448", with(ed.clone(), "crv", "Ed448")),
        ("X25519", with(ed.clone(), "crv", "X25519")),
        ("short Ed25519", with(ed, "x", "AAAA")),
        ("unknown", json!({ "kty": "new", "kid": "k" })),
        ("no key", json!("key")),
    ] {
        let read = set(&[jwk, Signer::p256("good").jwk()]);
        let kids: Vec<_> = read.keys().iter().map(|key| key.kid.as_deref()).collect();
        assert_eq!((kids, read.left_out()), (vec![Some("good")], 1), "{name}");
    }
}

#[test]
fn keys_that_say_less_are_taken() {
    let mut jwk = Signer::rsa("k").jwk();
    jwk.as_object_mut().unwrap().remove("use");
    let jwk = with(with(jwk, "key_ops", json!(["verify"])), "issuer", "https://login.example.com/");
    let keys = set(&[jwk]);
    assert_eq!(keys.keys()[0].issuer.as_deref(), Some("https://login.example.com/"));
}

#[test]
fn a_member_that_is_null_says_nothing() {
    let jwk =
        ["use", "alg", "key_ops", "issuer"].iter().fold(Signer::rsa("k").jwk(), |jwk, it| with(jwk, it, json!(null)));
    assert_eq!(set(&[jwk]).keys()[0].kid.as_deref(), Some("k"));
    let unnamed = with(Signer::rsa("k").jwk(), "kid", json!(null));
    assert_eq!(set(&[unnamed]).keys()[0].kid, None);
}

#[test]
fn a_modulus_with_a_nought_in_front_is_the_same_number() {
    let signer = Signer::rsa("k");
    let jwk = signer.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let padded = URL_SAFE_NO_PAD.encode([vec![0], modulus].concat());
    let token = read(&signer, &json!({ "alg": "RS256", "kid": "k" }), &json!({})).unwrap();
    let keys = set(&[with(jwk, "n", json!(padded))]);
    assert!(token.verify(&keys.keys()[0]).is_ok());
}

#[test]
fn two_keys_of_one_name_are_both_left_out() {
    let keys = set(&[Signer::p256("twice").jwk(), Signer::p256("once").jwk(), Signer::ed25519("twice").jwk()]);
    let kids: Vec<_> = keys.keys().iter().map(|key| key.kid.as_deref()).collect();
    assert_eq!((kids, keys.left_out()), (vec![Some("once")], 2));
}

#[test]
fn what_is_no_key_set_is_not_read() {
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
        assert!(matches!(KeySet::read(text.as_bytes()), Err(Refusal::Unavailable { .. })), "{text}");
    }
}

#[test]
fn a_token_that_names_no_key_is_checked_by_the_only_one_there_could_be() {
    let (ec, other, rsa) = (Signer::p256("a"), Signer::p256("b"), Signer::rsa("c"));
    let token = read(&ec, &json!({ "alg": "ES256" }), &json!({})).unwrap();
    let chosen = set(&[ec.jwk(), rsa.jwk()]).choose(&token).unwrap().unwrap();
    assert_eq!(chosen.kid.as_deref(), Some("a"));
    assert!(is_invalid(&set(&[ec.jwk(), other.jwk()]).choose(&token)), "one of two");
    assert!(set(&[rsa.jwk()]).choose(&token).unwrap().is_none());
}

#[test]
fn times_are_whole_numbers_or_refused() {
    assert_eq!(claims(&json!({ "exp": 7 })).seconds("exp"), Ok(Some(7)));
    assert_eq!(claims(&json!({})).seconds("exp"), Ok(None));
    for value in [
        json!("7"),
        json!(7.0),
        json!(7.5),
        json!(1e9),
        json!(-1),
        json!(null),
        json!([7]),
        json!(true),
        json!(u64::MAX),
    ] {
        assert!(is_invalid(&claims(&json!({ "exp": value })).seconds("exp")), "{value}");
    }
}

#[test]
fn an_audience_is_one_text_or_several() {
    assert_eq!(claims(&json!({ "aud": "a" })).audiences(), Ok(vec!["a"]));
    assert_eq!(claims(&json!({ "aud": ["a", "b"] })).audiences(), Ok(vec!["a", "b"]));
    for value in [json!(null), json!([]), json!(["a", 1]), json!({ "a": "b" }), json!(1)] {
        assert!(is_invalid(&claims(&json!({ "aud": value })).audiences()), "{value}");
    }
    assert!(is_invalid(&claims(&json!({})).audiences()));
}

#[test]
fn a_token_lives_from_nbf_to_exp_give_or_take_a_minute() {
    let now = 1_795_288_620;
    let timely = |times: Value| claims(&times).timely(Timestamp::from_second(now).unwrap());
    assert_eq!(timely(json!({ "exp": now + 300, "nbf": now, "iat": now })), Ok(now + 300));
    assert!(timely(json!({ "exp": now - SKEW + 1 })).is_ok());
    assert!(timely(json!({ "exp": now + 1, "nbf": now + SKEW, "iat": now + SKEW })).is_ok());
    for (name, times) in [
        ("no end", json!({ "iat": now })),
        ("expired", json!({ "exp": now - SKEW })),
        ("not yet", json!({ "exp": now + 300, "nbf": now + SKEW + 1 })),
        ("from the future", json!({ "exp": now + 300, "iat": now + SKEW + 1 })),
        ("end as text", json!({ "exp": "9999999999" })),
        ("start as text", json!({ "exp": now + 300, "nbf": "0" })),
        ("birth as text", json!({ "exp": now + 300, "iat": "0" })),
    ] {
        assert!(is_invalid(&timely(times)), "{name}");
    }
}

/// A provider, and what asks it for keys.
struct Asking {
    provider: Provider,
    keys: Arc<Keys>,
    line: Line,
    start: Timestamp,
}

impl Asking {
    async fn start() -> Self {
        let outbound = Outbound::new(loopback()).unwrap();
        let (line, start) =
            (outbound.line("provider", ["127.0.0.1".to_owned()]), Timestamp::from_second(1_795_288_620).unwrap());
        Self { provider: Provider::start().await, keys: Arc::default(), line, start }
    }

    async fn find(&self, kid: &str, seconds: i64) -> Result<Arc<Key>> {
        let token = read(&Signer::p256(kid), &Signer::p256(kid).header(), &json!({})).unwrap();
        let now = self.start + SignedDuration::from_secs(seconds);
        self.keys.find(&self.line, &self.provider.url(KEYS), &token, now).await
    }

    fn rotate(&self, kid: &'static str) {
        self.provider.script(|script| script.signer = Signer::p256(kid));
    }

    fn fetches(&self) -> usize {
        self.provider.calls(KEYS).len()
    }
}

fn is_unavailable<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Refusal::Unavailable { .. }))
}

#[tokio::test]
async fn keys_are_asked_for_once_and_kept() {
    let it = Asking::start().await;
    for seconds in [0, 1, 3599] {
        assert!(it.find("first", seconds).await.is_ok());
    }
    assert_eq!(it.fetches(), 1);
    assert!(it.find("first", 3600).await.is_ok());
    assert_eq!(it.fetches(), 2, "an hour later they are asked for again");
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_the_old_one_is_gone() {
    let it = Asking::start().await;
    assert!(it.find("first", 0).await.is_ok());
    it.rotate("second");
    assert!(it.find("second", 1).await.is_ok(), "however lately they were asked for");
    assert_eq!(it.fetches(), 2);
    assert!(is_invalid(&it.find("first", 2).await));
    it.rotate("third");
    assert!(is_invalid(&it.find("third", 60).await), "once a minute");
    assert_eq!(it.fetches(), 2);
    assert!(it.find("third", 61).await.is_ok());
    assert_eq!(it.fetches(), 3);
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_not_asked_for_twice_in_one_breath() {
    let it = Asking::start().await;
    assert!(is_invalid(&it.find("unknown", 0).await));
    assert_eq!(it.fetches(), 1);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch_a_minute() {
    let it = Arc::new(Asking::start().await);
    assert!(it.find("first", 0).await.is_ok());
    let flood = |at: i64| {
        let tasks: Vec<_> = (0..500)
            .map(|n| {
                let it = Arc::clone(&it);
                tokio::spawn(async move { it.find(&format!("unknown-{n}"), at + n % 60).await })
            })
            .collect();
        async move {
            for task in tasks {
                assert!(is_invalid(&task.await.unwrap()));
            }
        }
    };
    flood(60).await;
    assert_eq!(it.fetches(), 2);
    assert!(it.find("first", 90).await.is_ok(), "known keys are not disturbed");
    // Every time told is later than a minute after the last fetch, wherever in the first flood that was.
    flood(180).await;
    assert_eq!(it.fetches(), 3);
}

#[tokio::test]
async fn callers_who_come_at_once_share_one_fetch() {
    let it = Arc::new(Asking::start().await);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let it = Arc::clone(&it);
            tokio::spawn(async move { it.find("first", 0).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(it.fetches(), 1);
}

#[tokio::test]
async fn callers_who_wait_for_a_failing_fetch_share_its_failure() {
    let it = Arc::new(Asking::start().await);
    it.provider.answer(KEYS, Answer::Silence);
    let ask = || {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.find("first", 0).await })
    };
    let tasks: Vec<_> = std::iter::repeat_with(ask).take(20).collect();
    it.provider.called(KEYS, 1).await;
    tokio::time::pause();
    for task in tasks {
        assert!(is_unavailable(&task.await.unwrap()));
    }
    assert_eq!(it.fetches(), 1, "twenty callers would wait for twenty time-outs");
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_use_up_the_one_try() {
    let it = Arc::new(Asking::start().await);
    it.provider.answer(KEYS, Answer::Silence);
    let gone = {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.find("first", 0).await })
    };
    it.provider.called(KEYS, 1).await;
    gone.abort();
    let _ = gone.await;
    let waiting = {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.find("first", 1).await })
    };
    tokio::task::yield_now().await;
    tokio::time::pause();
    assert!(is_unavailable(&waiting.await.unwrap()));
    assert_eq!(it.fetches(), 1, "the fetch went on without who asked for it");
}

#[tokio::test]
async fn keys_outlive_a_provider_that_is_down_by_a_day_at_most() {
    let it = Asking::start().await;
    assert!(it.find("first", 0).await.is_ok());
    it.provider.answer(KEYS, Answer::status(500));
    let day = 24 * 3600;
    assert!(it.find("first", 3600).await.is_ok());
    assert!(it.find("first", 3659).await.is_ok());
    assert_eq!(it.fetches(), 2, "a failing provider is asked once a minute");
    assert!(is_unavailable(&it.find("unknown", 3659).await), "it may be the provider's newest: nobody knows");
    assert!(it.find("first", day - 1).await.is_ok());
    assert!(is_unavailable(&it.find("first", day).await));
}

#[tokio::test]
async fn keys_are_kept_no_longer_than_the_provider_says() {
    let it = Asking::start().await;
    it.provider.script(|script| script.headers.push(("cache-control", "max-age=300".into())));
    assert!(it.find("first", 0).await.is_ok());
    it.rotate("second");
    assert!(it.find("first", 299).await.is_ok());
    assert!(is_invalid(&it.find("first", 300).await));
}

#[tokio::test]
async fn however_long_the_provider_says_keys_are_kept_for_a_day_at_most() {
    let it = Asking::start().await;
    it.provider.script(|script| script.headers.push(("cache-control", "max-age=31536000".into())));
    assert!(it.find("first", 0).await.is_ok());
    it.rotate("second");
    assert!(it.find("first", 24 * 3600 - 1).await.is_ok());
    assert!(is_invalid(&it.find("first", 24 * 3600).await));
}

#[tokio::test]
async fn forgotten_keys_are_asked_for_again() {
    let it = Asking::start().await;
    assert!(it.find("first", 0).await.is_ok());
    it.keys.forget("another provider");
    assert!(it.find("first", 1).await.is_ok());
    assert_eq!(it.fetches(), 1);
    it.keys.forget("provider");
    assert!(it.find("first", 2).await.is_ok());
    assert_eq!(it.fetches(), 2);
}

#[tokio::test]
async fn keys_that_are_not_there_make_nobody_a_liar() {
    let it = Asking::start().await;
    let keys = json!({ "keys": [Signer::p256("first").jwk()] });
    for answer in [
        Answer::json(404, &keys),
        Answer::redirect("http://169.254.169.254/"),
        Answer::Plain(200, vec![], "<html>".into()),
    ] {
        it.provider.answer(KEYS, answer);
        assert!(is_unavailable(&it.find("first", 0).await));
    }
}

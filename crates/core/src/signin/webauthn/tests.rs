//! What is believed of an authenticator, and what is not.

use proptest::prelude::*;
use purser_standin::authenticator::{Authenticator, MOVABLE, PRESENT, VERIFIED};
use serde_json::{Value, json};

use super::*;

const ORIGIN: &str = "https://id.example.com";

fn site() -> RelyingParty {
    RelyingParty::of(Some(ORIGIN)).unwrap()
}

fn options() -> Value {
    json!({"challenge": "Y2hhbGxlbmdl", "user": {"id": "dXNlcg"}})
}

fn ours(challenge: &[u8]) -> bool {
    challenge == b"challenge"
}

fn made(authenticator: &mut Authenticator) -> Result<Made, Flaw> {
    let made: PasskeyMade = serde_json::from_value(authenticator.make(&options())).unwrap();
    site().made(&made, ours)
}

fn signed(authenticator: &mut Authenticator, key: &[u8]) -> Result<Signed, Flaw> {
    let shown: PasskeyShown = serde_json::from_value(authenticator.show(&options())).unwrap();
    site().signed(&shown, key, ours)
}

#[test]
fn a_passkey_that_was_made_for_us_signs_for_us() {
    let mut authenticator = Authenticator::at(ORIGIN);
    let made = made(&mut authenticator).unwrap();
    assert_eq!((made.credential, made.counter), (authenticator.credential.clone(), 0));
    let signed = signed(&mut authenticator, &made.key).unwrap();
    assert_eq!((signed.counter, signed.flags.verified(), signed.flags.may_be_backed_up()), (1, true, false));
}

/// How a test makes an authenticator lie.
type Lie = fn(&mut Authenticator);

#[test]
fn each_lie_is_told_apart() {
    let lies: [(&str, Lie); 6] = [
        ("it was made on another page than ours", |it| it.origin = "https://evil.example.com".into()),
        ("it was made on another page than ours", |it| it.origin = "https://id.example.com:8443".into()),
        ("the passkey is for another domain", |it| it.domain = "example.com".into()),
        ("nobody touched the authenticator", |it| it.flags = VERIFIED),
        ("the passkey is backed up and may not be", |it| it.flags = PRESENT | 0x10),
        ("the authenticator's data cannot be read", |it| it.flags = PRESENT | 0x80),
    ];
    let mut honest = Authenticator::at(ORIGIN);
    let key = made(&mut honest).unwrap().key;
    for (flaw, lie) in lies {
        let mut liar = Authenticator::at(ORIGIN);
        lie(&mut liar);
        assert_eq!(made(&mut liar).unwrap_err(), Flaw(flaw));
        let Authenticator { origin, domain, flags, .. } = &liar;
        (honest.origin, honest.domain, honest.flags) = (origin.clone(), domain.clone(), *flags);
        let flaw = if *flags & 0x80 == 0 { Flaw(flaw) } else { Flaw("the authenticator's data cannot be read") };
        assert_eq!(signed(&mut honest, &key).unwrap_err(), flaw);
    }
}

#[test]
fn another_challenge_another_key_and_another_purpose_are_refused() {
    let mut authenticator = Authenticator::at(ORIGIN);
    let key = made(&mut authenticator).unwrap().key;
    let shown: PasskeyShown = serde_json::from_value(authenticator.show(&options())).unwrap();
    assert_eq!(
        site().signed(&shown, &key, |_| false).unwrap_err(),
        Flaw("the challenge is not one of ours for this, or has expired")
    );
    let other = made(&mut Authenticator::at(ORIGIN)).unwrap().key;
    assert_eq!(site().signed(&shown, &other, ours).unwrap_err(), Flaw("the signature is not the passkey's"));
    let mut created = authenticator.make(&options());
    created["response"]["clientDataJSON"] = authenticator.show(&options())["response"]["clientDataJSON"].clone();
    let created: PasskeyMade = serde_json::from_value(created).unwrap();
    assert_eq!(site().made(&created, ours).unwrap_err(), Flaw("the browser did something else than it was asked for"));
}

#[test]
fn a_changed_bit_anywhere_in_what_was_signed_is_noticed() {
    let mut authenticator = Authenticator::at(ORIGIN);
    authenticator.flags |= MOVABLE;
    let key = made(&mut authenticator).unwrap().key;
    let answer = authenticator.show(&options());
    for member in ["authenticatorData", "clientDataJSON", "signature"] {
        let bytes = secret_of(&answer["response"][member]);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut answer = answer.clone();
            answer["response"][member] = crate::secret::encode(&changed).into();
            let shown: PasskeyShown = serde_json::from_value(answer).unwrap();
            assert!(site().signed(&shown, &key, ours).is_err(), "{member} at {at}");
        }
    }
}

fn secret_of(value: &Value) -> Vec<u8> {
    crate::secret::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn passkeys_want_https_and_a_name_or_this_machine_by_its_name() {
    for (url, id) in [
        ("https://id.example.com", "id.example.com"),
        ("https://id.example.com:8443/", "id.example.com"),
        ("http://localhost:8080", "localhost"),
    ] {
        assert_eq!(RelyingParty::of(Some(url)).unwrap().id, id);
    }
    assert_eq!(RelyingParty::of(Some("https://id.example.com:8443/")).unwrap().origin, "https://id.example.com:8443");
    for url in
        [None, Some("http://id.example.com"), Some("https://192.0.2.1"), Some("http://127.0.0.1:8080"), Some("x")]
    {
        assert!(RelyingParty::of(url).is_err(), "{url:?}");
    }
}

#[test]
fn keys_of_each_kind_are_read_and_no_others() {
    let key = |members: &str| PublicKey::read(&hex(members));
    let ed = "a4010103272006215820".to_owned() + &"11".repeat(32);
    assert!(matches!(key(&ed), Ok(PublicKey::EdDsa(_))));
    let rsa = "a401030339010020590100".to_owned() + &"c3".repeat(256) + "2143010001";
    assert!(matches!(key(&rsa), Ok(PublicKey::Rs256 { .. })));
    let short = "a4010303390100205880".to_owned() + &"c3".repeat(128) + "2143010001";
    for wrong in [
        short.as_str(),
        // An octet key that says it is for ES256.
        &ed.replacen("0327", "0326", 1),
        // Another curve.
        &ed.replacen("2006", "2007", 1),
        "a0",
        "",
        "ff",
        &(ed.clone() + "00"),
    ] {
        assert!(key(wrong).is_err(), "{wrong}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

proptest! {
    #[test]
    fn whatever_an_authenticator_sends_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
        let mut data = bytes;
        if head && data.len() > 40 {
            data[32] = 0xc5;
        }
        let _ = AuthenticatorData::read(&data);
        let _ = AuthenticatorData::attested(&data);
        let _ = PublicKey::read(&data);
    }
}

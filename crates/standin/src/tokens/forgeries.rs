//! Every class of hostile token known from the last years' advisories, made out of one good token.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Draft, Key, assemble, decode, encode, sign_parts, sign_text};

/// A token that must not be believed.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// What is wrong with it, for the message of a failing test.
    pub name: String,
    /// Where it can be seen.
    pub flaw: Flaw,
    /// The token.
    pub token: String,
}

/// Where a forgery can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// In the text itself: whoever reads strictly sees it before any call.
    Form,
    /// In header or signature, by whoever knows which keys and algorithms belong to the issuer.
    Signature,
    /// In the times it names.
    Times,
}

/// All forgeries of a good token. `draft` must be good at `now` (seconds since 1970) when signed by `key`, an RSA key its readers trust.
pub fn forgeries(draft: &Draft, key: &Key, now: i64) -> Vec<Forgery> {
    let all = [unsigned(draft, key), confused(draft, key), injected(draft, key), headers(draft, key)];
    let texts = [encodings(draft, key), shapes(draft, key), doubled(draft, key), untimely(draft, key, now)];
    all.into_iter().chain(texts).flatten().collect()
}

/// An RSA key that nobody trusts. Made once: making keys is slow.
fn attacker(kid: &str) -> Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::rsa("")).renamed(kid)
}

fn form(name: impl Into<String>, token: String) -> Forgery {
    Forgery { name: name.into(), flaw: Flaw::Form, token }
}

fn signature(name: impl Into<String>, token: String) -> Forgery {
    Forgery { name: name.into(), flaw: Flaw::Signature, token }
}

/// `none` in every spelling, and signatures that are missing, cut or another's (RFC 8725 section 3.1).
fn unsigned(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let mut made = Vec::new();
    let good = draft.sign(key);
    let (signed, seal) = good.rsplit_once('.').unwrap_or_default();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let (header, payload) = draft.clone().header("alg", none).texts(key, none);
        made.push(form(format!("alg {none:?}, no signature"), assemble(header.as_bytes(), payload.as_bytes(), b"")));
        made.push(form(
            format!("alg {none:?}, the old signature"),
            assemble(header.as_bytes(), payload.as_bytes(), &decode(seal)),
        ));
    }
    made.push(signature("signature left out", format!("{signed}.")));
    let cut = decode(seal);
    let cut = cut.get(..cut.len() - 1).unwrap_or_default();
    made.push(signature("signature cut", format!("{signed}.{}", encode(cut))));
    made.push(signature("signature of zeros", format!("{signed}.{}", encode(&[0; 256]))));
    let (header, payload) = draft.clone().claim("jti", "another").texts(key, key.algorithm());
    made.push(signature("claims changed", assemble(header.as_bytes(), payload.as_bytes(), &decode(seal))));
    made
}

/// Algorithms confused: the public key as a shared secret, the psychic signature (CVE-2022-21449), another key under a known name.
fn confused(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let mut made = Vec::new();
    let modulus = decode(key.jwk().get("n").and_then(Value::as_str).unwrap_or_default());
    let secrets = [
        ("PEM", key.public_pem().into_bytes()),
        ("PEM without its last line break", key.public_pem().trim_end().as_bytes().to_vec()),
        ("DER", key.public_der()),
        ("modulus", modulus),
        ("nothing", Vec::new()),
    ];
    for (name, secret) in secrets {
        for algorithm in ["HS256", "HS384", "HS512"] {
            let forged = Key::hmac(key.kid.clone(), secret.clone());
            made.push(form(
                format!("{algorithm} with the public key's {name}"),
                draft.clone().header("alg", algorithm).sign_as(&forged, algorithm),
            ));
        }
    }
    for (algorithm, length) in [("ES256", 64), ("ES384", 96)] {
        let (header, payload) = draft.clone().header("alg", algorithm).texts(key, algorithm);
        let psychic = assemble(header.as_bytes(), payload.as_bytes(), &vec![0; length]);
        made.push(signature(format!("psychic {algorithm}"), psychic));
    }
    made.push(signature("another RSA key", draft.sign(&attacker(&key.kid))));
    made.push(signature("an EC key under the RSA key's name", draft.sign(&Key::p256(key.kid.clone()))));
    made.push(signature("an Ed25519 key under the RSA key's name", draft.sign(&Key::ed25519(key.kid.clone()))));
    made.push(signature("a name nobody knows", draft.sign(&attacker("nobody"))));
    let (header, payload) = (json!({ "alg": "RS256", "typ": "JWT" }).to_string(), draft.texts(key, "RS256").1);
    let stranger = attacker("nobody");
    made.push(signature("no name", sign_text(header.as_bytes(), payload.as_bytes(), &stranger, "RS256")));
    made
}

/// Keys brought along in the header (RFC 7515 sections 4.1.2 to 4.1.6), and names of keys that are paths or queries.
fn injected(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let mine = attacker(&key.kid);
    let own = attacker("attacker");
    let certificate = STANDARD.encode(mine.certificate_der());
    let url = "https://evil.invalid/keys";
    let mut made = Vec::new();
    for (signer, name) in [(&mine, "the known name"), (&own, "its own name")] {
        let with = |member: &str, value: Value| draft.clone().header(member, value).sign(signer);
        made.push(signature(format!("jwk under {name}"), with("jwk", signer.jwk())));
        made.push(signature(format!("jku under {name}"), with("jku", json!(url))));
        made.push(signature(format!("x5u under {name}"), with("x5u", json!(url))));
        made.push(signature(format!("x5c under {name}"), with("x5c", json!([certificate]))));
    }
    for kid in ["../../../../dev/null", "' UNION SELECT 'secret'--", "/proc/self/environ", "\u{0}"] {
        made.push(signature(format!("kid {kid:?}"), draft.sign(&attacker(kid))));
        made.push(form(format!("kid {kid:?} and an empty secret"), draft.sign(&Key::hmac(kid, ""))));
    }
    made
}

/// Headers that are not what they must be.
fn headers(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let with = |member: &str, value: Value| draft.clone().header(member, value).sign(key);
    vec![
        form("alg null", with("alg", Value::Null)),
        form("alg a list", with("alg", json!(["RS256"]))),
        form("alg a number", with("alg", json!(256))),
        form("alg in small letters", with("alg", json!("rs256"))),
        form("alg with a space", with("alg", json!("RS256 "))),
        form("kid a number", with("kid", json!(1))),
        form("kid a list", with("kid", json!([key.kid]))),
        form("crit", with("crit", json!(["exp"]))),
        form("crit and b64 (RFC 7797)", draft.clone().header("b64", false).header("crit", json!(["b64"])).sign(key)),
        form("kid null", with("kid", Value::Null)),
    ]
}

/// Other spellings of the same bytes (RFC 7515 section 2: no padding, no white space, no line breaks).
fn encodings(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let algorithm = key.algorithm();
    let good = draft.sign(key);
    let (signed, seal) = good.rsplit_once('.').unwrap_or_default();
    let (header, payload) = signed.split_once('.').unwrap_or_default();
    let standard = |text: &str| STANDARD.encode(decode(text));
    let (loose_header, loose_payload) = loose(draft, key);
    vec![
        form("header padded", sign_parts(&format!("{header}="), payload, key, algorithm)),
        form("payload padded", sign_parts(header, &format!("{payload}=="), key, algorithm)),
        form("signature padded", format!("{good}==")),
        form("signature in the other alphabet", format!("{signed}.{}", standard(seal))),
        form("payload broken over lines", sign_parts(header, &format!("{payload}\n"), key, algorithm)),
        form("payload behind a space", sign_parts(header, &format!(" {payload}"), key, algorithm)),
        form("token behind a space", format!(" {good}")),
        form("token before a line break", format!("{good}\n")),
        form("loose bits in the payload", sign_parts(&loose_header, &loosen(&loose_payload), key, algorithm)),
        form("loose bits in the header", sign_parts(&loosen(&loose_header), &loose_payload, key, algorithm)),
        form("loose bits in the signature", format!("{signed}.{}", loosen(seal))),
        form("not base64", sign_parts(header, "{}", key, algorithm)),
        form("percent signs", good.replace('.', "%2E")),
        form("a letter of another script", good.replacen('e', "\u{435}", 1)),
    ]
}

/// Header and payload, encoded, whose last letters have bits that stand for nothing.
fn loose(draft: &Draft, key: &Key) -> (String, String) {
    let mut header = draft.texts(key, key.algorithm()).0;
    let mut payload = draft.texts(key, key.algorithm()).1;
    for text in [&mut header, &mut payload] {
        while text.len() % 3 != 1 {
            text.push(' ');
        }
    }
    (encode(header.as_bytes()), encode(payload.as_bytes()))
}

/// The same text with one of the bits set that stand for nothing; a lenient reader sees the same bytes.
fn loosen(encoded: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let Some((start, last)) = encoded.char_indices().last() else { return String::new() };
    let next = ALPHABET.find(last).map_or(1, |at| at ^ 1);
    let head = encoded.get(..start).unwrap_or_default();
    format!("{head}{}", ALPHABET.chars().nth(next).unwrap_or('B'))
}

/// Texts that are no such token at all.
fn shapes(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let algorithm = key.algorithm();
    let good = draft.sign(key);
    let (signed, _) = good.rsplit_once('.').unwrap_or_default();
    let (header, payload) = draft.texts(key, algorithm);
    let holding = |payload: &[u8]| sign_text(header.as_bytes(), payload, key, algorithm);
    let nested = format!("{}\"deep\":{}{}}}", cut_brace(&payload), "[".repeat(5_000), "]".repeat(5_000));
    vec![
        form("empty", String::new()),
        form("dots", "..".to_owned()),
        form("one part", encode(payload.as_bytes())),
        form("two parts", signed.to_owned()),
        form("four parts", format!("{good}.e30")),
        form("five parts, as if encrypted", format!("{good}.e30.e30")),
        form("too long", draft.clone().claim("ballast", "x".repeat(32 * 1024)).sign(key)),
        form("nested deep", holding(nested.as_bytes())),
        form("claims a list", holding(format!("[{payload}]").as_bytes())),
        form("claims null", holding(b"null")),
        form("claims nothing", holding(b"")),
        form("claims followed by more", holding(format!("{payload}{{}}").as_bytes())),
        form("claims behind a byte order mark", holding(format!("\u{feff}{payload}").as_bytes())),
        form("claims not UTF-8", holding(&[payload.as_bytes(), b"\xff"].concat())),
        form("claims with a comment", holding(format!("{payload}//").as_bytes())),
        form("claims cut short", holding(cut_brace(&payload).as_bytes())),
        form("header a list", sign_text(format!("[{header}]").as_bytes(), payload.as_bytes(), key, algorithm)),
        form("header nothing", sign_text(b"", payload.as_bytes(), key, algorithm)),
    ]
}

/// Members named twice, of which two readers may see different ones (RFC 8725 section 2.4; RFC 7519 section 4).
fn doubled(draft: &Draft, key: &Key) -> Vec<Forgery> {
    let algorithm = key.algorithm();
    let (header, payload) = draft.texts(key, algorithm);
    let doubled = |text: &str, member: &str| format!("{}{member}}}", cut_brace(text));
    let mut made = vec![
        form(
            "alg twice",
            sign_text(doubled(&header, "\"alg\":\"none\"").as_bytes(), payload.as_bytes(), key, algorithm),
        ),
        form(
            "kid twice",
            sign_text(doubled(&header, "\"kid\":\"another\"").as_bytes(), payload.as_bytes(), key, algorithm),
        ),
        form(
            "a claim twice by its escaped name",
            sign_text(
                header.as_bytes(),
                doubled(&payload, "\"\\u0069ss\":\"https://evil.invalid\"").as_bytes(),
                key,
                algorithm,
            ),
        ),
        form(
            "a member twice within a claim",
            sign_text(header.as_bytes(), doubled(&payload, "\"x\":{\"a\":1,\"a\":2}").as_bytes(), key, algorithm),
        ),
    ];
    for (name, value) in &draft.claims {
        let twice = doubled(&payload, &format!("{}:{value}", json!(name)));
        made.push(form(format!("{name} twice"), sign_text(header.as_bytes(), twice.as_bytes(), key, algorithm)));
    }
    made
}

/// A JSON object without its last brace, ready for another member.
fn cut_brace(object: &str) -> String {
    let members = object.strip_suffix('}').unwrap_or(object);
    format!("{members},")
}

/// Times that are past, still to come, or no whole numbers (RFC 7519 section 2: a NumericDate; strings are refused).
fn untimely(draft: &Draft, key: &Key, now: i64) -> Vec<Forgery> {
    let algorithm = key.algorithm();
    let times = |name: String, token: String| Forgery { name, flaw: Flaw::Times, token };
    let mut made = Vec::new();
    let later = now + 600;
    let bad_exp = [
        json!(now - 61),
        json!(0),
        json!(-1),
        json!(later.to_string()),
        json!(format!("{later}\u{0}")),
        Value::Null,
        json!([later]),
        json!({ "exp": later }),
        json!(true),
        json!(format!("{later}.0")),
    ];
    for exp in bad_exp {
        made.push(times(format!("exp {exp}"), draft.clone().claim("exp", exp).sign(key)));
    }
    for nbf in [json!(now + 61), json!(i64::MAX), json!((now - 60).to_string()), json!([now]), json!(false)] {
        made.push(times(format!("nbf {nbf}"), draft.clone().claim("nbf", nbf).sign(key)));
    }
    made.push(times("no exp".to_owned(), draft.clone().without("exp").sign(key)));
    let (header, payload) = draft.clone().without("exp").texts(key, algorithm);
    let numbers = [format!("{later}.5"), "1e400".into(), "1e12".into(), "99999999999999999999".into(), "NaN".into()];
    for number in numbers {
        let text = format!("{}\"exp\":{number}}}", cut_brace(&payload));
        made.push(times(format!("exp {number}"), sign_text(header.as_bytes(), text.as_bytes(), key, algorithm)));
    }
    made
}

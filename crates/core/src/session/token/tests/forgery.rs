//! Every way of forging an access token, tried on every algorithm.

use aws_lc_rs::hmac;

use super::*;

/// Signs anything at all with the ring's own key: the worst a forger could come by.
fn forge(algorithm: Algorithm, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let mut token = format!("{}.{}", encode(header.as_ref()), encode(payload.as_ref()));
    key(algorithm, 0, "k1").sign_onto(&mut token).unwrap();
    token
}

/// The claims with one replaced, or with one more.
fn with(name: &str, value: Value) -> String {
    let mut all: Map<String, Value> = serde_json::from_str(&payload()).unwrap();
    all.insert(name.to_owned(), value);
    Value::from(all).to_string()
}

fn without(name: &str) -> String {
    let mut all: Map<String, Value> = serde_json::from_str(&payload()).unwrap();
    all.remove(name).unwrap();
    Value::from(all).to_string()
}

fn member(name: &str) -> String {
    serde_json::from_str::<Map<String, Value>>(&payload()).unwrap()[name].to_string()
}

/// Or else everything below would be refused for the wrong reason.
#[test]
fn what_the_forger_leaves_as_it_is_is_believed() {
    for algorithm in ALGORITHMS {
        assert_eq!(check(algorithm, &forge(algorithm, header(algorithm), payload())), Ok(claims()));
        assert_eq!(check(algorithm, &forge(algorithm, header(algorithm), with("sub", json!("123")))), Ok(claims()));
    }
}

#[test]
fn a_header_that_is_not_letter_for_letter_ours_is_refused_even_under_a_good_signature() {
    for algorithm in ALGORITHMS {
        let good = header(algorithm);
        assert!(check(algorithm, &forge(algorithm, &good, payload())).is_ok());
        let other = if algorithm == Algorithm::HS256 { Algorithm::RS256 } else { Algorithm::HS256 };
        let alg = |name: &str| good.replace(algorithm.as_str(), name);
        let typ = |value: &str| good.replace(r#""at+jwt""#, value);
        let kid = |value: &str| good.replace(r#""k1""#, value);
        let and = |members: &str| good.replace('}', &format!(",{members}}}"));
        let headers = [
            String::new(),
            "{}".to_owned(),
            "null".to_owned(),
            "[]".to_owned(),
            format!("[{good}]"),
            format!("{good}{good}"),
            format!("{good} "),
            format!(" {good}"),
            format!("\u{feff}{good}"),
            format!("{good}\0"),
            // Another algorithm, none, and spellings that lax readers take for either.
            alg("none"),
            alg("None"),
            alg("nOnE"),
            alg(""),
            alg(other.as_str()),
            alg("ES384"),
            alg("ES256K"),
            alg("PS256"),
            alg("RS512"),
            alg(&algorithm.as_str().to_ascii_lowercase()),
            good.replace(&format!(r#""{algorithm}""#), "null"),
            good.replace(&format!(r#""{algorithm}""#), "256"),
            r#"{"kid":"k1","typ":"at+jwt"}"#.to_owned(),
            // Another kind of token.
            typ(r#""JWT""#),
            typ(r#""AT+JWT""#),
            typ(r#""application/at+jwt""#),
            typ(r#""purser-license+jwt""#),
            typ("null"),
            typ(r#"["at+jwt"]"#),
            format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#),
            // Another key, or none.
            kid("null"),
            kid("1"),
            kid(r#"["k1"]"#),
            kid(r#""""#),
            kid(r#""../../dev/null""#),
            kid(r#""k1' OR '1'='1""#),
            kid(r#""k1\u0000""#),
            kid(r#""http://evil.test/k1""#),
            kid(&format!(r#""{}""#, "k".repeat(65))),
            kid(r#""\u006b1""#),
            format!(r#"{{"alg":"{algorithm}","typ":"at+jwt"}}"#),
            // Keys brought along, and demands.
            and(r#""crit":["exp"]"#),
            and(r#""crit":[]"#),
            and(r#""b64":false,"crit":["b64"]"#),
            and(r#""jku":"https://evil.test/jwks.json""#),
            and(r#""x5u":"https://evil.test/cert""#),
            and(r#""x5c":["MIIB"]"#),
            and(r#""jwk":{"kty":"oct","k":"AA"}"#),
            and(r#""zip":"DEF""#),
            and(r#""cty":"JWT""#),
            and(r#""note":1"#),
            // Twice.
            and(r#""kid":"k1""#),
            and(r#""typ":"at+jwt""#),
            and(&format!(r#""alg":"{algorithm}""#)),
            and(r#""alg":"none""#),
            // The same in other words.
            format!(r#"{{"typ":"at+jwt","alg":"{algorithm}","kid":"k1"}}"#),
            good.replace(':', ": "),
        ];
        for header in headers {
            assert_ne!(header, good);
            let token = forge(algorithm, &header, payload());
            assert_eq!(check(algorithm, &token), Err(TokenFault::Invalid), "{algorithm}: {header}");
        }
        let not_text = forge(algorithm, b"{\"alg\":\"\xff\"}", payload());
        assert_eq!(check(algorithm, &not_text), Err(TokenFault::Invalid));
    }
}

#[test]
fn claims_that_are_missing_doubled_of_another_type_or_not_ours_are_refused_even_under_a_good_signature() {
    let names = ["iss", "aud", "sub", "sid", "roles", "amr", "iat", "exp", "jti"];
    let types = [json!(null), json!(1.5), json!(true), json!({}), json!([1]), json!([[]])];
    let mut payloads: Vec<String> = names.iter().map(|name| without(name)).collect();
    payloads.extend(names.iter().chain(&["cid"]).flat_map(|name| types.iter().map(|value| with(name, value.clone()))));
    let doubled = |name: &str| payload().replacen('{', &format!("{{\"{name}\":{},", member(name)), 1);
    payloads.extend(names.iter().chain(&["cid"]).map(|name| doubled(name)));
    for time in ["iat", "exp"] {
        let raw =
            |text: &str| payload().replace(&format!("\"{time}\":{}", member(time)), &format!("\"{time}\":{text}"));
        let texts = [
            "\"4000000000\"",
            "4000000000.0",
            "4e9",
            "1e400",
            "-0.5",
            "9223372036854775808",
            "1e-1",
            "0x10",
            "NaN",
            "",
        ];
        payloads.extend(texts.map(raw));
    }
    payloads.extend([
        with("iss", json!("https://purser.test/")),
        with("iss", json!("https://PURSER.test")),
        with("iss", json!(["https://purser.test"])),
        with("iss", json!("")),
        with("aud", json!("admin")),
        with("aud", json!(["client"])),
        with("aud", json!(["client", "admin"])),
        with("aud", json!("client ")),
        with("aud", json!("")),
        with("sub", json!(123)),
        with("sid", json!("")),
        with("sid", json!("05050505050505050505050505050505")),
        with("sid", json!("{05050505-0505-0505-0505-050505050505}")),
        with("cid", json!("")),
        with("cid", json!("Acme")),
        with("cid", json!("a/b")),
        with("roles", json!("AUTHOR")),
        with("nbf", json!(NOW.seconds() - 1)),
        with("nbf", json!("0")),
        with("scope", json!("all")),
        with("__proto__", json!({})),
        with("iat", json!(NOW.seconds() + 301)),
        with("iat", json!(i64::MAX)),
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("[{}]", payload()),
        format!("{}{}", payload(), payload()),
        format!("{},", payload()),
        format!("{}\0", payload()),
        format!("\u{feff}{}", payload()),
        payload().replace('{', "{/**/"),
        "[".repeat(3000),
    ]);
    for algorithm in ALGORITHMS {
        for payload in &payloads {
            let token = forge(algorithm, header(algorithm), payload);
            assert_eq!(check(algorithm, &token), Err(TokenFault::Invalid), "{algorithm}: {payload:.300}");
        }
        let not_text = [payload().as_bytes(), b"\xff"].concat();
        assert_eq!(check(algorithm, &forge(algorithm, header(algorithm), not_text)), Err(TokenFault::Invalid));
    }
}

#[test]
fn signatures_that_are_empty_zero_cut_padded_or_of_another_form_are_refused() {
    for algorithm in ALGORITHMS {
        let token = sign(algorithm, &claims());
        let (said, signature) = token.rsplit_once('.').unwrap();
        let good = decode(signature).unwrap();
        let half = good.len() / 2;
        let mut bad = vec![
            Vec::new(),
            vec![0],
            // CVE-2022-21449: r = s = 0 signs everything where nobody checks.
            vec![0; good.len()],
            vec![0xff; good.len()],
            [&[0; 32], &good[half..]].concat(),
            [&good[..half], &vec![0; half]].concat(),
            good[..good.len() - 1].to_vec(),
            good[1..].to_vec(),
            good[..half].to_vec(),
            [good.as_slice(), &[0]].concat(),
            [&[0], good.as_slice()].concat(),
            [good.as_slice(), &good].concat(),
            good.iter().rev().copied().collect(),
        ];
        if algorithm == Algorithm::ES256 {
            // The order of P-256: what is divided by it must not come out as zero either. And ASN.1 instead of r and s.
            let order = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE").unwrap();
            bad.extend([[&order[..], &order].concat(), [&order[..], &good[half..]].concat()]);
            bad.push([&[0x30, 0x44, 2, 32], &good[..half], &[2, 32], &good[half..]].concat());
        }
        for signature in bad {
            let token = format!("{said}.{}", encode(&signature));
            assert_eq!(check(algorithm, &token), Err(TokenFault::Invalid), "{algorithm}: {signature:02x?}");
        }
    }
}

#[test]
fn a_signature_made_with_the_public_half_as_a_secret_is_refused() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let public = &bytes(algorithm, 0).public;
        let jwk = ring(algorithm).jwks(NOW)["keys"][0].to_string();
        let lines = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(public));
        for secret in [public.as_slice(), jwk.as_bytes(), lines.as_bytes(), b""] {
            for header in [header(algorithm), header(Algorithm::HS256)] {
                let said = format!("{}.{}", encode(header.as_bytes()), encode(payload().as_bytes()));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), said.as_bytes());
                let token = format!("{said}.{}", encode(tag.as_ref()));
                assert_eq!(check(algorithm, &token), Err(TokenFault::Invalid), "{algorithm}");
            }
        }
    }
}

#[test]
fn a_token_that_is_not_three_canonical_parts_is_refused() {
    for algorithm in ALGORITHMS {
        let token = sign(algorithm, &claims());
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = parts[..] else { unreachable!() };
        let last = |part: &str| {
            // The next letter has the same leading bits; where there are no trailing bits it is another signature.
            let (rest, last) = part.split_at(part.len() - 1);
            format!("{rest}{}", char::from(last.as_bytes()[0].wrapping_add(1)))
        };
        let tokens = [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "...".to_owned(),
            head.to_owned(),
            format!("{head}.{body}"),
            format!("{head}.{body}."),
            format!("{head}..{signature}"),
            format!(".{body}.{signature}"),
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{signature}"),
            format!("{head}.{body}.{signature}.{signature}.{signature}"),
            format!("{head}.{body}.{signature}="),
            format!("{head}.{body}.{signature}=="),
            format!("{head}.{body}.{signature}\n"),
            format!("{head}.{body}.{}", last(signature)),
            format!("{head}.{}.{signature}", last(body)),
            format!("{head}.{body}=.{signature}"),
            format!("{head}=.{body}.{signature}"),
            format!("{head}. {body}.{signature}"),
            format!(" {token}"),
            format!("{token} "),
            format!("{token}\0"),
            format!("Bearer {token}"),
            format!("{token},{token}"),
            token.to_ascii_lowercase(),
            token.replace('.', "%2e"),
            encode(token.as_bytes()),
            // The same as one JSON document (RFC 7515 section 7.2).
            json!({ "protected": head, "payload": body, "signature": signature }).to_string(),
        ];
        for text in tokens {
            assert_eq!(check(algorithm, &text), Err(TokenFault::Invalid), "{algorithm}: {text}");
        }
        // Padding within what is signed is refused although the signature covers it.
        let mut padded = format!("{head}.{body}=");
        key(algorithm, 0, "k1").sign_onto(&mut padded).unwrap();
        assert_eq!(check(algorithm, &padded), Err(TokenFault::Invalid));
    }
}

#[test]
fn a_token_of_more_than_four_kibibytes_is_neither_made_nor_looked_at() {
    for algorithm in ALGORITHMS {
        let filled = |letters: usize| with("sub", json!("1".repeat(letters)));
        let forged = |letters| forge(algorithm, header(algorithm), filled(letters));
        let fits = (2300..2800).rev().find(|letters| forged(*letters).len() <= LONGEST).unwrap();
        assert!(check(algorithm, &forged(fits)).is_ok());
        assert_eq!(check(algorithm, &forged(fits + 1)), Err(TokenFault::Invalid));
        let sub = "1".repeat(fits + 1);
        assert!(key(algorithm, 0, "k1").sign(&Claims { sub, ..claims() }).is_err());
    }
}

/// Each look-up of a name costs a question to the store, so that only what could be ours is asked for.
#[test]
fn no_key_is_looked_up_for_a_header_that_cannot_be_ours() {
    let empty = Keyring::new(Algorithm::ES256, Vec::new()).unwrap();
    let answer = |header: &str| empty.verify(&forge(Algorithm::ES256, header, payload()), &EXPECTED, NOW).unwrap_err();
    let good = header(Algorithm::ES256);
    assert_eq!(answer(&good), TokenFault::UnknownKid("k1".to_owned()));
    for (ours, theirs) in [
        ("at+jwt", "JWT"),
        ("ES256", "none"),
        ("ES256", "ES384"),
        ("k1", "../k1"),
        ("k1", ""),
        (r#""k1""#, "1"),
        ("}", r#","crit":["exp"]}"#),
        ("}", r#","jku":"https://evil.test"}"#),
        ("}", r#","kid":"k2"}"#),
        ("}", "}}"),
    ] {
        assert_eq!(answer(&good.replace(ours, theirs)), TokenFault::Invalid, "{theirs}");
    }
}

fn refuses(ring: &Keyring, token: &str) -> bool {
    ring.verify(token, &EXPECTED, NOW).is_err()
}

proptest! {
    #[test]
    fn no_arbitrary_text_is_a_token(text: String, parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..5)) {
        let joined = parts.iter().map(|part| encode(part)).collect::<Vec<_>>().join(".");
        for (ring, good) in RINGS.iter() {
            let (head, _) = good.split_once('.').unwrap();
            for token in [&text, &joined, &format!("{head}.{joined}"), &format!("{head}.{text}")] {
                prop_assert!(refuses(ring, token));
            }
        }
    }

    #[test]
    fn a_token_with_any_letter_changed_left_out_or_added_is_refused(
        place: prop::sample::Index, letter in any::<char>(), one in 0_u8..128, change in 0..4,
    ) {
        for (ring, good) in RINGS.iter() {
            let mut letters: Vec<char> = good.chars().collect();
            let place = place.index(letters.len());
            match change {
                0 => letters[place] = letter,
                1 => letters[place] = char::from(one),
                2 => letters.insert(place, char::from(one)),
                _ => letters.truncate(place),
            }
            let changed = String::from_iter(letters);
            prop_assert!(changed == *good || refuses(ring, &changed), "{changed}");
        }
    }

    #[test]
    fn a_token_with_any_bit_of_its_parts_changed_is_refused(part in 0..3_usize, place: prop::sample::Index, flip in 1_u8..) {
        for (ring, good) in RINGS.iter() {
            let mut parts: Vec<Vec<u8>> = good.split('.').map(|part| decode(part).unwrap()).collect();
            let place = place.index(parts[part].len());
            parts[part][place] ^= flip;
            let changed = parts.iter().map(|part| encode(part)).collect::<Vec<_>>().join(".");
            prop_assert!(refuses(ring, &changed), "{changed}");
        }
    }
}

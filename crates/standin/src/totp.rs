//! An authenticator app: the code of a secret at a moment, by RFC 6238 and nobody's library.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The code of a base32 secret at a moment, in seconds since 1970.
///
/// # Panics
/// For what is no base32.
pub fn code(secret: &str, seconds: i64) -> String {
    let step = u64::try_from(seconds / 30).unwrap_or(0);
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes(secret));
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
    let four = tag.iter().skip(offset).take(4).fold(0_u32, |all, byte| (all << 8) | u32::from(*byte));
    format!("{:06}", (four & 0x7fff_ffff) % 1_000_000)
}

/// RFC 4648 section 6.
fn bytes(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').chars() {
        let value = ALPHABET.find(letter).expect("secrets are base32");
        held = (held << 5) | u32::try_from(value).unwrap_or(0);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((held >> count) & 0xff).unwrap_or(0));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(secret, seconds), expected);
        }
    }
}

//! The passwords that are tried first because they have leaked elsewhere, in a form that fits into the program.

use aws_lc_rs::digest::{SHA256, digest};

/// The first five bytes of each one's SHA-256, sorted. `tools/passwords.mjs` makes it, and says of what.
const LEAKED: &[u8] = include_bytes!("leaked.bin");

/// Bytes of each. With a hundred thousand of 2^40, one in eleven million others is taken for one of them.
const BYTES: usize = 5;

/// Whether a password, in NFKC and lower case, has leaked (ASVS 5.0, 6.2.4 and 6.2.12).
pub(super) fn has_leaked(folded: &str) -> bool {
    let hash = digest(&SHA256, folded.as_bytes());
    let (all, _) = LEAKED.as_chunks::<BYTES>();
    hash.as_ref().first_chunk().is_some_and(|begins| all.binary_search(begins).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_everybody_knows_are_there() {
        for known in [
            "password",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "trustno1",
            "football",
            "p@ssw0rd",
            "summer2025",
            "1q2w3e4r",
        ] {
            assert!(has_leaked(known), "{known}");
        }
    }

    #[test]
    fn what_is_made_by_chance_is_not() {
        let by_chance = |number: u32| {
            let hash = digest(&SHA256, &number.to_be_bytes());
            hash.as_ref().iter().take(12).map(|byte| char::from(b'a' + byte % 26)).collect::<String>()
        };
        assert_eq!((0..100_000).filter(|number| has_leaked(&by_chance(*number))).count(), 0);
    }

    #[test]
    fn the_list_is_whole_sorted_and_names_nobody_twice() {
        let (all, rest) = LEAKED.as_chunks::<BYTES>();
        assert!(rest.is_empty() && all.len() > 90_000, "{}", all.len());
        assert!(all.is_sorted_by(|one, other| one < other));
    }
}

//! Marks: 64 bits that say of a template or a job, beside each entry of an index, which terms it cannot have.
//!
//! A Bloom filter (Bloom 1970): each word and the asset class set three of the lower bits, a priority one of its own above them. What
//! lacks a bit of what is asked for is passed over without being read; what has them all is read and looked at. Marks are stored, so
//! the same term gives the same bits for ever.

/// Bits for words and classes; those above are the priorities'.
const TERMS: u64 = 61;
/// Bits of one term.
const BITS: u64 = 3;

/// The marks of what there is, or of what is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(u64);

impl Marks {
    /// With those of some words.
    pub(super) fn words<'a>(self, words: impl IntoIterator<Item = &'a String>) -> Self {
        words.into_iter().filter(|word| !word.is_empty()).fold(self, |marks, word| marks.term(b"w", word))
    }

    /// With those of an asset class in lower case; nothing has none.
    pub(super) fn class(self, key: &str) -> Self {
        if key.is_empty() { self } else { self.term(b"c", key) }
    }

    /// With that of a priority from 1 to 3; 0 has none.
    pub(super) fn priority(self, rank: i64) -> Self {
        let place = u32::try_from(rank).unwrap_or(0);
        if (1..=3).contains(&place) { Self(self.0 | 1_u64.rotate_right(place)) } else { self }
    }

    /// As the databases have them.
    pub(super) fn stored(self) -> i64 {
        self.0.cast_signed()
    }

    fn term(self, kind: &[u8], term: &str) -> Self {
        let mut hash = hash(kind, term.as_bytes());
        let mut marks = self.0;
        for _ in 0..BITS {
            marks |= 1 << (hash % TERMS);
            hash /= TERMS;
        }
        Self(marks)
    }
}

/// FNV-1a with a last stirring (that of SplitMix64): nobody gains by terms that share bits but a slower list of their own.
fn hash(kind: &[u8], term: &[u8]) -> u64 {
    let bytes = kind.iter().chain(term);
    let mixed =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Marks {
        Marks::default().words(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_has_more_has_the_marks_of_what_is_asked_for() {
        let job = of(&["replace", "seal", "p", "4711"]).class("pumps").priority(3);
        for asked in [of(&["seal"]), of(&["4711", "p"]), Marks::default().class("pumps"), Marks::default().priority(3)]
        {
            assert_eq!(job.0 & asked.0, asked.0);
            assert_ne!(asked.0, 0);
        }
        assert_ne!(job.0 & Marks::default().priority(1).0, Marks::default().priority(1).0);
        assert_eq!(of(&["", ""]).class("").priority(0), Marks::default());
    }

    #[test]
    fn few_have_the_marks_of_a_word_they_lack() {
        let job = of(&["replace", "seal", "p", "4711", "pumps"]).class("pumps");
        let all = (0..1_000).filter(|number| {
            let asked = of(&[&format!("word{number}")]);
            job.0 & asked.0 == asked.0
        });
        assert!(all.count() < 60);
    }

    #[test]
    fn marks_that_were_stored_mean_the_same_for_ever() {
        assert_eq!(of(&["seal"]).class("pumps").priority(2).stored(), 4_683_743_619_176_202_752);
    }
}

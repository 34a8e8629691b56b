//! Recovery codes: ten words for the day the phone is lost, each good once. Kept by their keyed hash, shown when they are made.

use aws_lc_rs::hmac;

use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::Error;
use crate::ids::UserId;
use crate::secret::Secret;
use crate::signin::guesses::counted;
use crate::signin::second::{Challenge, Shown, Wrong, sql};
use crate::signin::sql as signin_sql;
use crate::store::{Change, args};
use crate::users::User;

/// How many there are at first.
const CODES: usize = 10;
/// Letters of a code, five bits each: 50 bits, which nobody guesses at thirty a day.
const LETTERS: usize = 10;
/// Without those that are taken for others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A change that enrols a second factor, and the recovery codes that come with the first.
pub(super) struct Enrolled {
    pub(super) change: Change,
    pub(super) codes: Vec<Secret>,
}

impl App {
    /// Ten new codes, as they are shown.
    pub(in crate::signin) fn draw_recovery_codes(&self) -> Vec<Secret> {
        std::iter::repeat_with(|| spelled(self.draw::<LETTERS>())).take(CODES).collect()
    }

    /// Adds to a change that these are a user's codes, and no others.
    pub(in crate::signin) fn with_recovery_codes(&self, change: Change, user: &User, codes: &[Secret]) -> Change {
        let change = change.run(sql::FORGET_RECOVERY, args![user.id]);
        codes.iter().fold(change, |change, code| {
            let hash = self.recovery_hash(user.id, &plain(code.reveal()));
            change.must(sql::ADD_RECOVERY, args![user.id, hash], || Error::Conflict)
        })
    }

    /// Completes a change that enrols a second factor: the first brings recovery codes along. Where it is done, both factors are at hand.
    pub(super) fn enrolled(&self, change: Change, user: &User, visit: &Visit, now: Timestamp) -> Enrolled {
        let change = change.run(signin_sql::KNOW_BY_BOTH, args![user.id, counted(visit.address), now]);
        let change = self.telling_of_factors(change, user, now);
        if user.two_factor_since.is_some() {
            return Enrolled { change, codes: Vec::new() };
        }
        let codes = self.draw_recovery_codes();
        Enrolled { change: self.with_recovery_codes(change, user, &codes), codes }
    }

    /// What a recovery code leads to. Whether it is one is found out by spending it.
    pub(in crate::signin) fn look_at_recovery(
        &self,
        challenge: &Challenge,
        code: &Secret,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Shown, Wrong> {
        let plain = plain(code.reveal());
        if plain.len() != LETTERS {
            return Err(Wrong("what is no code at all"));
        }
        let user = challenge.user.id;
        let entry = Entry::done(now, &Actor::User(user), visit, Action::RecoveryCodeUsed, Target::user(user));
        let hash = self.recovery_hash(user, &plain);
        let change =
            Change::within(challenge, entry).must(sql::USE_RECOVERY, args![user, hash], || Error::InvalidCredentials);
        Ok(Shown { words: "otp", change })
    }

    /// Tied to the user, and of no use without the master key.
    fn recovery_hash(&self, user: UserId, plain: &str) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.vault.derive("recovery-codes").as_slice());
        hmac::sign(&key, format!("{user}/{plain}").as_bytes()).as_ref().to_vec()
    }
}

/// A code as it is shown: two halves, easier to type.
fn spelled(random: [u8; LETTERS]) -> Secret {
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).copied().map_or('0', char::from);
    let (first, second) = random.split_at(LETTERS / 2);
    let half = |bytes: &[u8]| bytes.iter().map(letter).collect::<String>();
    Secret::new(format!("{}-{}", half(first), half(second)))
}

/// A code as it is hashed: whatever was typed between the letters is left out, and letters taken for others are put right.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').take(64);
    letters
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let shown = spelled([0, 1, 2, 10, 31, 16, 17, 18, 19, 63]);
        assert_eq!(shown.reveal(), "012az-ghjkz");
        for typed in ["012az-ghjkz", " OI2AZ ghjkz ", "o12azGHJKZ", "0l2-az-ghj-kz"] {
            assert_eq!(plain(typed), "012azghjkz", "{typed}");
        }
    }
}

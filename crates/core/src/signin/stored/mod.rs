//! [`Stored`], a password hash as the database holds it, and the checking of a password against it.

mod argon;
mod foreign;

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use self::argon::Argon;
pub(crate) use self::argon::{Parameters, Workspace};
use self::foreign::Foreign;
use super::password::Password;
use crate::error::Result;

/// No scheme read here writes more; it bounds the work of reading.
const MAX_TEXT: usize = 512;

/// A stored hash, taken apart. Any text can be taken for one: what cannot be read opens to no password.
#[derive(Clone)]
pub(crate) struct Stored(Form);

#[derive(Clone)]
enum Form {
    Argon(Argon),
    Foreign(Foreign),
    Nobody,
    Unreadable,
}

/// How a password and a stored hash go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, and what is stored should be replaced by a hash made today.
    RightButWeak,
    /// It is not the password, or there is none.
    Wrong,
    /// What is stored is damaged or of no known kind. To the person it is a wrong password; the audit log is told.
    Unreadable,
}

impl Stored {
    /// Reads the text of the database: argon2, bcrypt, scrypt or PBKDF2, within sane costs.
    pub(crate) fn parse(text: &str) -> Self {
        if text.len() > MAX_TEXT || !text.is_ascii() {
            return Self(Form::Unreadable);
        }
        let ours = Argon::parse(text).map(Form::Argon);
        Self(ours.or_else(|| Foreign::parse(text).map(Form::Foreign)).unwrap_or(Form::Unreadable))
    }

    /// Whether a password could ever open it.
    pub(crate) fn is_readable(&self) -> bool {
        matches!(self.0, Form::Argon(_) | Form::Foreign(_))
    }

    /// What stands for the hash of somebody unknown, disabled, or without a password. Checking it always fails
    /// and costs what checking a hash made today costs, so that time does not tell who exists (ASVS 5.0, 6.3.8).
    pub(crate) fn nobody() -> Self {
        Self(Form::Nobody)
    }

    /// Makes the text to store for a password, at today's cost.
    ///
    /// # Errors
    /// [`crate::error::Error::ServerBusy`] if there is no memory for it.
    pub(crate) fn make(password: &Password, salt: [u8; 16], desk: &mut Workspace) -> Result<String> {
        Ok(Argon::make(password.reveal().as_bytes(), salt, desk)?.to_string())
    }

    /// Whether the hash should be replaced as soon as its password is known again.
    pub(crate) fn needs_upgrade(&self, today: &Parameters) -> bool {
        match &self.0 {
            Form::Argon(it) => it.is_weaker_than(today),
            Form::Foreign(_) => true,
            Form::Nobody | Form::Unreadable => false,
        }
    }

    /// Checks a password. This takes as long as the hash was made to take: [`super::hasher`] has the threads for it.
    ///
    /// # Errors
    /// [`crate::error::Error::ServerBusy`] if there is no memory for it.
    pub(crate) fn check(&self, password: &Password, desk: &mut Workspace) -> Result<Verdict> {
        let opens = match &self.0 {
            Form::Argon(it) => it.opens(password.reveal().as_bytes(), desk)?,
            Form::Foreign(it) => password.spellings().any(|spelling| it.opens(spelling.as_bytes())),
            Form::Nobody => return desk.waste(password.reveal().as_bytes()).map(|()| Verdict::Wrong),
            Form::Unreadable => return desk.waste(password.reveal().as_bytes()).map(|()| Verdict::Unreadable),
        };
        Ok(match opens {
            false => Verdict::Wrong,
            true if self.needs_upgrade(desk.today()) => Verdict::RightButWeak,
            true => Verdict::Right,
        })
    }
}

/// The kind only: a hash is a secret too.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Argon(_) => "Stored(argon2)",
            Form::Foreign(_) => "Stored(foreign)",
            Form::Nobody => "Stored(nobody)",
            Form::Unreadable => "Stored(unreadable)",
        })
    }
}

/// Standard base64 as the writers of hashes use it: some pad, some leave stray bits, passlib writes `.` for `+`.
fn decode(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    ENGINE.decode(text.replace('.', "+")).ok()
}

/// A salt or a tag: from `least` bytes to 64, the most that any scheme here makes.
fn decode_sized(text: &str, least: usize) -> Option<Vec<u8>> {
    decode(text).filter(|it| (least..=64).contains(&it.len()))
}

/// The numbers of `name=1,other=2`: each of the names once, in any order, nothing else.
fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut found = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=')?;
        let place = found.get_mut(names.iter().position(|it| *it == name)?)?;
        if place.replace(value.parse().ok()?).is_some() {
            return None;
        }
    }
    let mut numbers = [0; N];
    for (to, from) in numbers.iter_mut().zip(found) {
        *to = from?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests;

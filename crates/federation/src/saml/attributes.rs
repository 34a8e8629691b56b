//! Names, addresses and groups out of an assertion's attributes.

use super::assertion::Statements;
use super::xml::{ASSERTION, Node};
use super::{IdentityProvider, NameId};
use crate::{Identity, Refusal, Result};

/// Where the address stands if the settings do not say: first as our own guides have customers set it up.
const EMAIL: [&str; 8] = [
    "Email",
    "email",
    "mail",
    "emailAddress",
    "emailaddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:oid:1.2.840.113549.1.9.1",
];
const FIRST_NAME: [&str; 6] = [
    "FirstName",
    "firstName",
    "givenName",
    "givenname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
    "urn:oid:2.5.4.42",
];
const LAST_NAME: [&str; 7] = [
    "LastName",
    "lastName",
    "surname",
    "sn",
    "familyName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
    "urn:oid:2.5.4.4",
];

/// Names made anew for each session, which prove nobody twice.
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// Attributes that name a person for good (SAML subject identifier attributes profile). They stand in for a transient `NameID`.
const STABLE: [&str; 2] =
    ["urn:oasis:names:tc:SAML:attribute:subject-id", "urn:oasis:names:tc:SAML:attribute:pairwise-id"];

/// Ways of signing in that took two factors.
const TWO_FACTORS: [&str; 7] = [
    "https://refeds.org/profile/mfa",
    "http://schemas.microsoft.com/claims/multipleauthn",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    "http://idmanagement.gov/ns/assurance/aal/2",
    "http://idmanagement.gov/ns/assurance/aal/3",
];

/// Other ways of signing in, in the words of RFC 8176.
const METHODS: [(&str, &str); 8] = [
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos", "wia"),
    ("urn:federation:authentication:windows", "wia"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken", "otp"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract", "sms"),
];

/// Entra's attribute with all the ways somebody signed in.
const MICROSOFT_METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// Who a verified assertion is about.
pub(super) fn identity(
    assertion: Node<'_, '_>,
    name: &NameId,
    statements: &Statements,
    idp: &IdentityProvider,
) -> Result<Identity> {
    let attributes = Attributes::read(assertion);
    let mut ways = statements.contexts.clone();
    ways.extend(attributes.all(MICROSOFT_METHODS).map(str::to_owned));
    let second_factor = ways.iter().any(|it| TWO_FACTORS.contains(&it.as_str()));
    let address = |name: &NameId| Some(name.value.clone()).filter(|it| is_address(it));
    let email = match &idp.email_attribute {
        Some(named) => attributes.first(&[named]),
        None => attributes.first(&EMAIL).or_else(|| address(name)),
    };
    Ok(Identity {
        issuer: idp.entity_id.clone(),
        subject: subject(name, &attributes)?,
        email,
        email_verified: false,
        guest: false,
        first_name: attributes.one(idp.first_name_attribute.as_deref(), &FIRST_NAME),
        last_name: attributes.one(idp.last_name_attribute.as_deref(), &LAST_NAME),
        groups: idp.groups_attribute.as_ref().map(|it| attributes.all(it).map(str::to_owned).collect()),
        amr: methods(&ways, second_factor),
        second_factor,
        session: statements.session.clone(),
    })
}

/// The person's name for good: the `NameID`, unless it is made anew each time.
fn subject(name: &NameId, attributes: &Attributes) -> Result<String> {
    if name.format.as_deref() != Some(TRANSIENT) {
        return Ok(name.value.clone());
    }
    let named = STABLE.iter().find_map(|it| {
        let mut values = attributes.all(it);
        values.next().filter(|_| values.next().is_none()).map(str::to_owned)
    });
    named.ok_or_else(|| {
        Refusal::invalid("name: the NameID is transient, a new one each time; have the identity provider send a persistent one, an address, or subject-id")
    })
}

fn methods(ways: &[String], second_factor: bool) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    let known = METHODS.iter().filter(|(way, _)| ways.iter().any(|it| it == way)).map(|(_, method)| *method);
    for method in known.chain(second_factor.then_some("mfa")) {
        if !methods.iter().any(|it| it == method) {
            methods.push(method.to_owned());
        }
    }
    methods
}

/// Whether a name looks like an e-mail address. It is not asked to be a deliverable one.
fn is_address(name: &str) -> bool {
    let mut parts = name.split('@');
    matches!((parts.next(), parts.next(), parts.next()), (Some(local), Some(domain), None) if !local.is_empty() && domain.contains('.'))
        && !name.chars().any(char::is_whitespace)
}

/// All attributes with their values; values that are not plain text are left out.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn read(assertion: Node<'_, '_>) -> Self {
        let statements = assertion.named(ASSERTION, "AttributeStatement");
        let attributes = statements.flat_map(|it| it.named(ASSERTION, "Attribute"));
        let values = attributes.flat_map(|attribute| {
            let name = attribute.attribute("Name").unwrap_or_default().to_owned();
            let values = attribute.named(ASSERTION, "AttributeValue").filter_map(|it| it.text().ok());
            values.filter(|it| !it.is_empty()).map(move |it| (name.clone(), it))
        });
        Self(values.collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|it| self.all(it).next()).map(str::to_owned)
    }

    fn one(&self, named: Option<&str>, usual: &[&str]) -> Option<String> {
        match named {
            Some(named) => self.first(&[named]),
            None => self.first(usual),
        }
    }
}

//! What a verified assertion says, and whether it is meant for us, here and now.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::xml::{ASSERTION, Node, is_ncname, quoted};
use super::{IdentityProvider, SKEW, ServiceProvider, attributes};
use crate::{Identity, Refusal, Result};

/// A verified assertion: somebody signed in over there, moments ago, for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Who.
    pub identity: Identity,
    /// Its identifier. With `issuer` the key against replay.
    pub id: String,
    /// Whose it is: the identity provider's entity id.
    pub issuer: String,
    /// From this moment (and the allowed difference of clocks) on it is refused, so remember `id` until then.
    pub not_on_or_after: Timestamp,
    /// Which request of ours it answers.
    pub in_response_to: Option<String>,
    /// The person's name there, for signing them out there.
    pub name_id: NameId,
    /// When the session there ends at the latest, if it says.
    pub session_not_on_or_after: Option<Timestamp>,
}

/// A person's name at the identity provider (SAML core 2.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameId {
    /// The name itself.
    pub value: String,
    /// What kind of name it is.
    pub format: Option<String>,
    /// Within which identity provider it is unique, if it says.
    pub name_qualifier: Option<String>,
    /// For which service provider it was made, if it says.
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    /// The longest name: longer ones are no names.
    const LENGTH: usize = 1024;

    /// Reads a `NameID`; names made for others are refused.
    pub(super) fn read(node: Node<'_, '_>, sp: &ServiceProvider, idp: &IdentityProvider) -> Result<Self> {
        let owned = |name| node.attribute(name).map(str::to_owned);
        // An empty qualifier qualifies nothing.
        let qualifier = |name| owned(name).filter(|it| !it.is_empty());
        let name = Self {
            value: node.text()?,
            format: owned("Format"),
            name_qualifier: qualifier("NameQualifier"),
            sp_name_qualifier: qualifier("SPNameQualifier"),
        };
        if name.value.is_empty() || name.value.len() > Self::LENGTH {
            return Err(Refusal::invalid("name: the NameID is empty or too long"));
        }
        if name.name_qualifier.as_ref().is_some_and(|it| *it != idp.entity_id) {
            return Err(Refusal::invalid("name: the NameID is of another identity provider"));
        }
        if name.sp_name_qualifier.as_ref().is_some_and(|it| *it != sp.entity_id) {
            return Err(Refusal::invalid("name: the NameID was made for another service provider"));
        }
        Ok(name)
    }
}

/// A message older than this is refused whatever else it says, so that nothing has to be remembered for longer.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);

/// What a response has to agree with.
pub(super) struct Expected<'a> {
    pub(super) sp: &'a ServiceProvider,
    pub(super) idp: &'a IdentityProvider,
    pub(super) asked: Option<&'a str>,
    pub(super) now: Timestamp,
}

impl Expected<'_> {
    /// The response around the assertion: whose, whereto, which question it answers (SAML core 3.2.2, profiles 4.1.4.3).
    pub(super) fn check_response(&self, response: Node<'_, '_>) -> Result<()> {
        check_version(response)?;
        check_id(response)?;
        self.check_age(response, OLDEST)?;
        check_destination(response, &self.sp.acs)?;
        if let Some(issuer) = response.optional(ASSERTION, "Issuer")? {
            self.check_issuer(issuer)?;
        }
        self.check_question(response, "Response")
    }

    pub(super) fn check_issuer(&self, issuer: Node<'_, '_>) -> Result<()> {
        if issuer.attribute("Format").is_some_and(|it| it != "urn:oasis:names:tc:SAML:2.0:nameid-format:entity") {
            return Err(Refusal::invalid("issuer: not named by its entity id"));
        }
        let name = issuer.text()?;
        if name != self.idp.entity_id {
            return Err(Refusal::invalid(format!(
                "issuer: {} instead of {}",
                quoted(&name),
                quoted(&self.idp.entity_id)
            )));
        }
        Ok(())
    }

    /// Made not in the future and not too long ago; gives the moment after which it is too old.
    pub(super) fn check_age(&self, message: Node<'_, '_>, oldest: SignedDuration) -> Result<Timestamp> {
        let made = moment(message.required("IssueInstant")?)?;
        if made > later(self.now, skew()) {
            return Err(Refusal::invalid("time: issued in the future; are the clocks right?"));
        }
        let end = later(made, oldest);
        if self.has_passed(end) {
            return Err(Refusal::invalid("time: issued too long ago"));
        }
        Ok(end)
    }

    pub(super) fn has_passed(&self, not_on_or_after: Timestamp) -> bool {
        self.now >= later(not_on_or_after, skew())
    }

    /// `InResponseTo` is our question's id, or absent if we did not ask.
    fn check_question(&self, node: Node<'_, '_>, what: &str) -> Result<()> {
        match (self.asked, node.attribute("InResponseTo")) {
            (None, None) => Ok(()),
            (Some(asked), Some(answered)) if asked == answered => Ok(()),
            (Some(_), Some(_)) => Err(Refusal::invalid(format!("in response to: the {what} answers another request"))),
            (Some(_), None) => Err(Refusal::invalid(format!("in response to: missing in the {what}"))),
            (None, Some(_)) => {
                Err(Refusal::invalid(format!("in response to: the {what} answers a request, but none was sent")))
            }
        }
    }
}

/// Reads the assertion, which has to be a verified one's canonical form.
pub(super) fn read(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<Assertion> {
    if !assertion.is(ASSERTION, "Assertion") {
        return Err(Refusal::invalid("assertion: what is signed is none"));
    }
    check_version(assertion)?;
    let id = check_id(assertion)?;
    let too_old = expected.check_age(assertion, OLDEST)?;
    expected.check_issuer(assertion.only(ASSERTION, "Issuer")?)?;
    let subject = assertion.only(ASSERTION, "Subject")?;
    let confirmed_until = check_confirmation(subject, expected)?;
    let valid_until = check_conditions(assertion.only(ASSERTION, "Conditions")?, expected)?;
    let name_id = NameId::read(subject.only(ASSERTION, "NameID")?, expected.sp, expected.idp)?;
    let statements = Statements::read(assertion, expected)?;
    let not_on_or_after = valid_until.unwrap_or(too_old).min(confirmed_until).min(too_old);
    Ok(Assertion {
        identity: attributes::identity(assertion, &name_id, &statements, expected.idp)?,
        id: id.to_owned(),
        issuer: expected.idp.entity_id.clone(),
        not_on_or_after,
        in_response_to: expected.asked.map(str::to_owned),
        name_id,
        session_not_on_or_after: statements.session_end,
    })
}

/// Where the message was sent: a response for somebody else's address is not for us, whoever brings it.
pub(super) fn check_destination(message: Node<'_, '_>, address: &str) -> Result<()> {
    match message.attribute("Destination") {
        Some(destination) if destination == address => Ok(()),
        Some(other) => Err(Refusal::invalid(format!(
            "destination: sent to {}, but our address is {}",
            quoted(other),
            quoted(address)
        ))),
        None => Err(Refusal::invalid("destination: missing")),
    }
}

pub(super) fn check_version(message: Node<'_, '_>) -> Result<()> {
    if message.attribute("Version") == Some("2.0") {
        Ok(())
    } else {
        Err(Refusal::invalid(format!("version: the {} is not of SAML 2.0", message.name())))
    }
}

pub(super) fn check_id<'d>(message: Node<'d, '_>) -> Result<&'d str> {
    let id = message.required("ID")?;
    if is_ncname(id) { Ok(id) } else { Err(Refusal::invalid(format!("identifier: of {}, malformed", message.name()))) }
}

/// The one bearer confirmation (SAML profiles 4.1.4.2); gives the moment it ends.
fn check_confirmation(subject: Node<'_, '_>, expected: &Expected<'_>) -> Result<Timestamp> {
    let is_bearer = |it: &Node<'_, '_>| it.attribute("Method") == Some("urn:oasis:names:tc:SAML:2.0:cm:bearer");
    let mut bearers = subject.named(ASSERTION, "SubjectConfirmation").filter(is_bearer);
    let (Some(bearer), None) = (bearers.next(), bearers.next()) else {
        return Err(Refusal::invalid("confirmation: not exactly one for the bearer"));
    };
    let data = bearer.only(ASSERTION, "SubjectConfirmationData")?;
    match data.attribute("Recipient") {
        Some(recipient) if recipient == expected.sp.acs => {}
        Some(other) => return Err(Refusal::invalid(format!("recipient: for {}", quoted(other)))),
        None => return Err(Refusal::invalid("recipient: missing")),
    }
    if data.attribute("NotBefore").is_some() {
        return Err(Refusal::invalid("confirmation: NotBefore is not allowed for the bearer"));
    }
    let end = moment(
        data.attribute("NotOnOrAfter").ok_or_else(|| Refusal::invalid("confirmation: NotOnOrAfter is missing"))?,
    )?;
    if expected.has_passed(end) {
        return Err(Refusal::invalid("confirmation: has run out; are the clocks right?"));
    }
    expected.check_question(data, "confirmation")?;
    Ok(end)
}

/// The conditions (SAML core 2.5.1): each known and met. Gives the moment they end, if they do.
fn check_conditions(conditions: Node<'_, '_>, expected: &Expected<'_>) -> Result<Option<Timestamp>> {
    if let Some(begin) = conditions.attribute("NotBefore").map(moment).transpose()?
        && later(expected.now, skew()) < begin
    {
        return Err(Refusal::invalid("conditions: not valid yet; are the clocks right?"));
    }
    let end = conditions.attribute("NotOnOrAfter").map(moment).transpose()?;
    if end.is_some_and(|it| expected.has_passed(it)) {
        return Err(Refusal::invalid("conditions: not valid any more; are the clocks right?"));
    }
    let mut audiences = 0;
    for condition in conditions.children() {
        if condition.is(ASSERTION, "AudienceRestriction") {
            check_audience(condition, expected.sp)?;
            audiences += 1;
        } else if !condition.is(ASSERTION, "OneTimeUse") && !condition.is(ASSERTION, "ProxyRestriction") {
            // What is not understood cannot be said to be met.
            return Err(Refusal::invalid(format!("conditions: {} is not known", quoted(condition.name()))));
        }
    }
    if audiences == 0 { Err(Refusal::invalid("audience: missing")) } else { Ok(end) }
}

fn check_audience(restriction: Node<'_, '_>, sp: &ServiceProvider) -> Result<()> {
    let names: Vec<_> = restriction.named(ASSERTION, "Audience").map(Node::text).collect::<Result<_>>()?;
    if names.contains(&sp.entity_id) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("audience: for {} instead of {}", quoted(&names.join(" ")), quoted(&sp.entity_id))))
}

/// How and until when somebody is signed in over there.
pub(super) struct Statements {
    /// The ways of signing in, as named by `AuthnContextClassRef`.
    pub(super) contexts: Vec<String>,
    pub(super) session: Option<String>,
    pub(super) session_end: Option<Timestamp>,
}

impl Statements {
    /// All `AuthnStatement`s (SAML core 2.7.2), of which there has to be one.
    fn read(assertion: Node<'_, '_>, expected: &Expected<'_>) -> Result<Self> {
        let mut all = Self { contexts: Vec::new(), session: None, session_end: None };
        let mut found = 0;
        for statement in assertion.named(ASSERTION, "AuthnStatement") {
            all.add(statement, expected)?;
            found += 1;
        }
        if found == 0 { Err(Refusal::invalid("authentication: no AuthnStatement")) } else { Ok(all) }
    }

    fn add(&mut self, statement: Node<'_, '_>, expected: &Expected<'_>) -> Result<()> {
        if moment(statement.required("AuthnInstant")?)? > later(expected.now, skew()) {
            return Err(Refusal::invalid("authentication: in the future; are the clocks right?"));
        }
        if let Some(end) = statement.attribute("SessionNotOnOrAfter").map(moment).transpose()? {
            if expected.has_passed(end) {
                return Err(Refusal::invalid("authentication: the session there has ended"));
            }
            self.session_end = Some(self.session_end.map_or(end, |it| it.min(end)));
        }
        if self.session.is_none() {
            self.session = statement.attribute("SessionIndex").filter(|it| !it.is_empty()).map(str::to_owned);
        }
        if self.session.as_ref().is_some_and(|it| it.len() > NameId::LENGTH) {
            return Err(Refusal::invalid("authentication: the SessionIndex is too long"));
        }
        let context = statement.only(ASSERTION, "AuthnContext")?;
        if let Some(class) = context.optional(ASSERTION, "AuthnContextClassRef")? {
            self.contexts.push(class.text()?);
        }
        Ok(())
    }
}

/// A moment as SAML writes it (core 1.3.3): UTC, which is the `Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp> {
    let written = text;
    let malformed = || Refusal::invalid(format!("time: {} is not a moment in UTC", quoted(written)));
    // xs:dateTime writes UTC in two ways; SAML core 1.3.3 asks for the letter, and libraries send the number.
    let text = text.strip_suffix("+00:00").map_or_else(|| text.into(), |it| Cow::from(format!("{it}Z")));
    let plain = text.len() <= 40 && text.bytes().all(|it| it.is_ascii_digit() || b"-:.TZ".contains(&it));
    if !plain || !text.ends_with('Z') || !text.contains('T') {
        return Err(malformed());
    }
    text.parse().map_err(|_| malformed())
}

pub(super) fn skew() -> SignedDuration {
    SignedDuration::from_secs(SKEW)
}

/// A later moment, or the last there is.
pub(super) fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::xml::Tree;
    use super::*;

    /// Nothing else reaches this door today; it does not depend on that.
    #[test]
    fn only_an_assertion_is_read_as_one() {
        let sp = ServiceProvider { entity_id: String::new(), acs: String::new(), slo: None, key: None };
        let idp = IdentityProvider {
            entity_id: String::new(),
            sso: Vec::new(),
            slo: Vec::new(),
            certificates: Vec::new(),
            sign_requests: false,
            accept: super::super::Accept::Both,
            email_attribute: None,
            first_name_attribute: None,
            last_name_attribute: None,
            groups_attribute: None,
        };
        let expected = Expected { sp: &sp, idp: &idp, asked: None, now: Timestamp::UNIX_EPOCH };
        for other in ["<Assertion/>", r#"<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>"#] {
            let tree = Tree::parse(other).unwrap();
            assert_eq!(
                read(tree.root().unwrap(), &expected),
                Err(Refusal::invalid("assertion: what is signed is none"))
            );
        }
    }
}

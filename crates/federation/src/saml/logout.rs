//! Single logout: ours to them, theirs to us. Only signed messages count.

use jiff::{SignedDuration, Timestamp};

use super::assertion::{self, Expected, check_destination, check_id, check_version, moment};
use super::binding::{self, Draft, Kind, Query};
use super::request::{head, preferred, signing_key};
use super::xml::{ASSERTION, Node, PROTOCOL, SIGNATURE, Tree, escaped, quoted};
use super::{Endpoint, IdentityProvider, NameId, Outgoing, Peek, Received, ServiceProvider, signature};
use crate::{Refusal, Result};

/// The identity provider asks to end somebody's sessions. Verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its identifier: what the answer refers to, and the key against replay.
    pub id: String,
    /// Whose sessions.
    pub name_id: NameId,
    /// Which of them; empty means all.
    pub session_indexes: Vec<String>,
    /// From this moment (and the allowed difference of clocks) on it is refused, so remember `id` until then.
    pub not_on_or_after: Timestamp,
}

/// Asks the identity provider to end the person's session there (SAML core 3.7.1).
///
/// # Errors
/// [`Refusal::Misconfigured`] if it has no address for that, or we have no key to sign with.
pub fn begin(
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    name_id: &NameId,
    session_index: Option<&str>,
    id: &str,
    relay_state: &str,
    now: Timestamp,
) -> Result<Outgoing> {
    let draft = Draft { kind: Kind::Request, to: address(idp)?, relay_state, key: Some(signing_key(sp)?) };
    let session = session_index.map(|it| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escaped(it)));
    let message = format!(
        r#"<samlp:LogoutRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" {head} NotOnOrAfter="{until}"><saml:Issuer>{us}</saml:Issuer>{signature}{name}{session}</samlp:LogoutRequest>"#,
        head = head(id, draft.to, now)?,
        until = super::request::moment(assertion::later(now, LIFETIME)),
        us = escaped(&sp.entity_id),
        signature = draft.signature(id),
        name = name_element(name_id),
        session = session.unwrap_or_default(),
    );
    draft.send(message)
}

/// How long a request of ours is good for.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// The person's name exactly as the identity provider gave it.
fn name_element(name: &NameId) -> String {
    let attribute = |key: &str, value: &Option<String>| {
        value.as_ref().map(|it| format!(r#" {key}="{}""#, escaped(it))).unwrap_or_default()
    };
    format!(
        "<saml:NameID{}{}{}>{}</saml:NameID>",
        attribute("Format", &name.format),
        attribute("NameQualifier", &name.name_qualifier),
        attribute("SPNameQualifier", &name.sp_name_qualifier),
        escaped(&name.value)
    )
}

fn address(idp: &IdentityProvider) -> Result<&Endpoint> {
    preferred(&idp.slo).ok_or_else(|| Refusal::misconfigured("the identity provider has no sign-out address"))
}

/// What came of a request to end sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// All are ended.
    Ended,
    /// Ours are ended, but not all that somebody else keeps.
    Partly,
    /// None are.
    Failed,
}

/// Answers the identity provider's request (SAML core 3.7.2).
///
/// # Errors
/// As [`begin`].
pub fn answer(
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    in_response_to: &str,
    id: &str,
    relay_state: &str,
    outcome: LogoutOutcome,
    now: Timestamp,
) -> Result<Outgoing> {
    let draft = Draft { kind: Kind::Response, to: address(idp)?, relay_state, key: Some(signing_key(sp)?) };
    let status = match outcome {
        LogoutOutcome::Ended => r#"Success"/>"#,
        LogoutOutcome::Partly => {
            r#"Success"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:PartialLogout"/></samlp:StatusCode>"#
        }
        LogoutOutcome::Failed => r#"Responder"/>"#,
    };
    let message = format!(
        r#"<samlp:LogoutResponse xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" {head} InResponseTo="{request}"><saml:Issuer>{us}</saml:Issuer>{signature}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}</samlp:Status></samlp:LogoutResponse>"#,
        head = head(id, draft.to, now)?,
        request = escaped(in_response_to),
        us = escaped(&sp.entity_id),
        signature = draft.signature(id),
    );
    draft.send(message)
}

/// Reads the identity provider's request to end somebody's sessions here.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed.
pub fn read_request(
    message: &Received<'_>,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    now: Timestamp,
) -> Result<LogoutRequest> {
    let verified = verified(message, Kind::Request, idp)?;
    let tree = Tree::parse(&verified)?;
    let request = root(&tree, Kind::Request)?;
    let expected = Expected { sp, idp, asked: None, now };
    let too_old = check_head(request, &expected)?;
    let end = request.attribute("NotOnOrAfter").map(moment).transpose()?.unwrap_or(too_old).min(too_old);
    if expected.has_passed(end) {
        return Err(Refusal::invalid("time: the request has run out; are the clocks right?"));
    }
    Ok(LogoutRequest {
        id: check_id(request)?.to_owned(),
        name_id: NameId::read(request.only(ASSERTION, "NameID")?, sp, idp)?,
        session_indexes: request.named(PROTOCOL, "SessionIndex").map(Node::text).collect::<Result<_>>()?,
        not_on_or_after: end,
    })
}

/// Reads the identity provider's answer to our request `asked`.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed; [`Refusal::Denied`] if it says that the session did not end.
pub fn read_response(
    message: &Received<'_>,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    asked: &str,
    now: Timestamp,
) -> Result<()> {
    let verified = verified(message, Kind::Response, idp)?;
    let tree = Tree::parse(&verified)?;
    let response = root(&tree, Kind::Response)?;
    check_head(response, &Expected { sp, idp, asked: Some(asked), now })?;
    if response.attribute("InResponseTo") != Some(asked) {
        return Err(Refusal::invalid("in response to: not our request"));
    }
    let status = response.only(PROTOCOL, "Status")?.only(PROTOCOL, "StatusCode")?.required("Value")?;
    if status == "urn:oasis:names:tc:SAML:2.0:status:Success" { Ok(()) } else { Err(Refusal::Denied(quoted(status))) }
}

/// Says who a sign-out message claims to be from. Nothing is verified: good only for choosing whose settings apply.
///
/// # Errors
/// [`Refusal::Invalid`] if it is no sign-out message.
pub fn peek(message: &Received<'_>) -> Result<Peek> {
    let text = match message {
        Received::Redirect { query } => {
            Query::read(query, Kind::Request).or_else(|_| Query::read(query, Kind::Response))?.unpacked()?
        }
        Received::Post { message } => binding::posted(message)?,
    };
    let tree = Tree::parse(&text)?;
    let root = root(&tree, Kind::Request).or_else(|_| root(&tree, Kind::Response))?;
    Ok(Peek {
        issuer: root.only(ASSERTION, "Issuer")?.text()?,
        in_response_to: root.attribute("InResponseTo").map(str::to_owned),
    })
}

/// The verified text of a message: in an address, that of which the query's signature was checked; in a form, its signed canonical bytes.
fn verified(message: &Received<'_>, kind: Kind, idp: &IdentityProvider) -> Result<String> {
    match message {
        Received::Redirect { query } => {
            let query = Query::read(query, kind)?;
            query.verify(&idp.certificates)?;
            query.unpacked()
        }
        Received::Post { message } => {
            let text = binding::posted(message)?;
            let tree = Tree::parse(&text)?;
            let root = root(&tree, kind)?;
            let elsewhere =
                |it: Node<'_, '_>| !it.parent().is_some_and(|it| it.is_same(root)) || !it.is(SIGNATURE, "Signature");
            if root.all().any(|it| it.name() == "Signature" && elsewhere(it)) {
                return Err(Refusal::invalid("signature: in an unexpected place"));
            }
            let verified = signature::verified(root, &idp.certificates)?;
            verified.ok_or_else(|| Refusal::invalid(format!("{} signature: missing", root.name())))
        }
    }
}

fn root<'d, 'a>(tree: &'d Tree<'a>, kind: Kind) -> Result<Node<'d, 'a>> {
    let root = tree.root()?;
    let name = match kind {
        Kind::Request => "LogoutRequest",
        Kind::Response => "LogoutResponse",
    };
    if root.is(PROTOCOL, name) {
        Ok(root)
    } else {
        Err(Refusal::invalid(format!("root: {} is not a {name}", quoted(root.name()))))
    }
}

/// Sign-out is quick; what is older was kept by somebody.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);

/// What requests and answers have in common; gives the moment after which the message is too old.
fn check_head(message: Node<'_, '_>, expected: &Expected<'_>) -> Result<Timestamp> {
    check_version(message)?;
    check_id(message)?;
    expected.check_issuer(message.only(ASSERTION, "Issuer")?)?;
    let ours = expected.sp.slo.as_deref().ok_or_else(|| Refusal::misconfigured("we have no sign-out address"))?;
    check_destination(message, ours)?;
    expected.check_age(message, OLDEST)
}

//! Reading an identity provider's response, and believing only what is signed.
//!
//! The document is guarded, parsed once, and its one assertion found at its one place. Then its signature is verified, the canonical bytes
//! that were signed are parsed, and everything about the person is read from there. So whatever stands beside, around or under the
//! signed bytes has no way into the answer.

use jiff::Timestamp;

use super::assertion::{self, Expected};
use super::xml::{ASSERTION, Guard, Node, PROTOCOL, SIGNATURE, Tree, escaped, quoted};
use super::{Accept, Assertion, IdentityProvider, ServiceProvider, binding, encryption, signature};
use crate::{Refusal, Result};

/// What a message claims about itself. Nothing is verified: good only for choosing whose settings apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Who it claims to be from.
    pub issuer: String,
    /// Which request of ours it claims to answer.
    pub in_response_to: Option<String>,
}

/// Says who a response claims to be from.
///
/// # Errors
/// [`Refusal::Invalid`] if it is no response.
pub fn peek(base64: &str) -> Result<Peek> {
    let text = binding::posted(base64)?;
    let tree = Tree::parse(&text)?;
    let response = root(&tree)?;
    let claimed = match response.optional(ASSERTION, "Issuer")? {
        Some(issuer) => issuer,
        // Its own issuer may be missing (SAML profiles 4.1.4.2), the assertion's may not.
        None => response.only(ASSERTION, "Assertion")?.only(ASSERTION, "Issuer")?,
    };
    Ok(Peek { issuer: claimed.text()?, in_response_to: response.attribute("InResponseTo").map(str::to_owned) })
}

/// Verifies a response and says who it proves. `asked` is our request's id; nothing if we did not ask, and then it must not claim so.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed; [`Refusal::Denied`] if the identity provider verifiably says no.
pub fn verify(
    base64: &str,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    asked: Option<&str>,
    now: Timestamp,
) -> Result<Assertion> {
    let text = binding::posted(base64)?;
    let tree = Tree::parse(&text)?;
    let response = root(&tree)?;
    let expected = Expected { sp, idp, asked, now };
    let signed = verify_response(response, &expected)?;
    let enclosed = enclosed(response)?;
    if signed == Signed::No && idp.accept == Accept::Both {
        return Err(Refusal::invalid("Response signature: missing"));
    }
    let canonical = if enclosed.is(ASSERTION, "EncryptedAssertion") {
        open(enclosed, &expected)?
    } else {
        verify_assertion(enclosed, idp)?
    };
    let tree = Tree::parse(&canonical)?;
    assertion::read(tree.root()?, &expected)
}

fn root<'d, 'a>(tree: &'d Tree<'a>) -> Result<Node<'d, 'a>> {
    let root = tree.root()?;
    if root.is(PROTOCOL, "Response") {
        Ok(root)
    } else {
        Err(Refusal::invalid(format!("root: {} is not a response", quoted(root.name()))))
    }
}

/// Whether the response as a whole is signed, and well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    Yes,
    No,
}

/// Checks what the response says about itself, from its signed bytes if it is signed.
fn verify_response(response: Node<'_, '_>, expected: &Expected<'_>) -> Result<Signed> {
    check_signature_places(response)?;
    let Some(canonical) = signature::verified(response, &expected.idp.certificates)? else {
        expected.check_response(response)?;
        check_status(response, Signed::No)?;
        return Ok(Signed::No);
    };
    let tree = Tree::parse(&canonical)?;
    expected.check_response(tree.root()?)?;
    check_status(tree.root()?, Signed::Yes)?;
    Ok(Signed::Yes)
}

/// `Success` at the top (SAML core 3.2.2.2): what is nested only refines it.
fn check_status(response: Node<'_, '_>, signed: Signed) -> Result<()> {
    let status = response.only(PROTOCOL, "Status")?;
    let code = status.only(PROTOCOL, "StatusCode")?;
    let top = code.required("Value")?;
    if top == "urn:oasis:names:tc:SAML:2.0:status:Success" {
        return Ok(());
    }
    let nested = code.optional(PROTOCOL, "StatusCode")?.and_then(|it| it.attribute("Value")).unwrap_or_default();
    let message = status.optional(PROTOCOL, "StatusMessage")?.map(Node::text).transpose()?.unwrap_or_default();
    let said = quoted(format!("{top} {nested} {message}").trim());
    match signed {
        Signed::Yes => Err(Refusal::Denied(said)),
        Signed::No => Err(Refusal::invalid(format!("status: {said}"))),
    }
}

/// The one assertion, in clear or encrypted, directly in the response. Another one anywhere, however it is called exactly, and nobody could
/// say which of them is meant (XSW).
fn enclosed<'d, 'a>(response: Node<'d, 'a>) -> Result<Node<'d, 'a>> {
    let mut all = response.all().filter(|it| matches!(it.name(), "Assertion" | "EncryptedAssertion"));
    let (Some(first), None) = (all.next(), all.next()) else {
        return Err(Refusal::invalid("assertion: not exactly one in the document"));
    };
    let is_child = first.parent().is_some_and(|it| it.is_same(response));
    if is_child && (first.is(ASSERTION, "Assertion") || first.is(ASSERTION, "EncryptedAssertion")) {
        Ok(first)
    } else {
        Err(Refusal::invalid("assertion: not directly in the response"))
    }
}

/// Signatures sign what they stand in, which is the root or an assertion in it (SAML core 5.4.2); any elsewhere is bait.
fn check_signature_places(root: Node<'_, '_>) -> Result<()> {
    let is_signable = |it: Node<'_, '_>| {
        it.is_same(root) || it.is(ASSERTION, "Assertion") && it.parent().is_some_and(|it| it.is_same(root))
    };
    for signature in root.all().filter(|it| it.name() == "Signature") {
        if !signature.is(SIGNATURE, "Signature") || !signature.parent().is_some_and(is_signable) {
            return Err(Refusal::invalid("signature: in an unexpected place"));
        }
    }
    Ok(())
}

/// The canonical bytes of an assertion that is signed itself; a signature around it is not enough.
fn verify_assertion(assertion: Node<'_, '_>, idp: &IdentityProvider) -> Result<String> {
    let verified = signature::verified(assertion, &idp.certificates)?;
    verified.ok_or_else(|| Refusal::invalid("Assertion signature: missing"))
}

/// Opens an encrypted assertion, and lets nothing through that would not pass in clear.
fn open(encrypted: Node<'_, '_>, expected: &Expected<'_>) -> Result<String> {
    let bytes = encryption::open(encrypted, expected.sp)?;
    let text = in_context(encrypted, Guard::MESSAGE.check(&bytes)?);
    let tree = Tree::parse(&text)?;
    let mut inside = tree.root()?.children();
    let (Some(assertion), None) = (inside.next(), inside.next()) else {
        return Err(Refusal::invalid("encryption: what was encrypted is not one element"));
    };
    if !assertion.is(ASSERTION, "Assertion") {
        return Err(Refusal::invalid("encryption: what was encrypted is no assertion"));
    }
    if assertion.all().filter(|it| matches!(it.name(), "Assertion" | "EncryptedAssertion")).count() != 1 {
        return Err(Refusal::invalid("assertion: not exactly one in what was encrypted"));
    }
    check_signature_places(assertion)?;
    verify_assertion(assertion, expected.idp)
}

/// What was encrypted, where it was: it may use prefixes that are declared around it (XML encryption 4.3.3). Only those reach it.
fn in_context(encrypted: Node<'_, '_>, text: &str) -> String {
    let declared = encrypted.namespaces().into_iter().map(|(prefix, name)| match prefix {
        "" => format!(r#" xmlns="{}""#, escaped(name)),
        _ => format!(r#" xmlns:{prefix}="{}""#, escaped(name)),
    });
    format!("<context{}>{text}</context>", declared.collect::<Vec<_>>().concat())
}

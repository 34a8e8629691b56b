//! Metadata: reading an identity provider's, writing our own.

use jiff::Timestamp;

use super::assertion::{self, moment};
use super::xml::{self, ENCRYPTION, Guard, METADATA, Node, PROTOCOL, SIGNATURE, Tree, escaped, quoted};
use super::{Accept, Binding, Certificate, Endpoint, IdentityProvider, ServiceProvider};
use crate::{Refusal, Result};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Reads an identity provider's metadata: one entity, or a list of entities of which exactly one is an identity provider.
///
/// Its signature, if it has any, is not looked at: metadata is believed because of where it was got.
///
/// # Errors
/// [`Refusal::Misconfigured`] says what is missing or wrong.
pub fn read(xml: &[u8], now: Timestamp) -> Result<IdentityProvider> {
    choose(xml, now, |_| true)
}

/// Reads the identity provider of this name out of a list of entities.
///
/// # Errors
/// As [`read`].
pub fn read_named(xml: &[u8], entity_id: &str, now: Timestamp) -> Result<IdentityProvider> {
    choose(xml, now, |it| it == entity_id)
}

fn choose(xml: &[u8], now: Timestamp, is_wanted: impl Fn(&str) -> bool) -> Result<IdentityProvider> {
    find(xml, now, is_wanted).map_err(|problem| match problem {
        Refusal::Invalid(reason) => Refusal::Misconfigured(format!("the metadata cannot be used: {reason}")),
        other => other,
    })
}

fn find(xml: &[u8], now: Timestamp, is_wanted: impl Fn(&str) -> bool) -> Result<IdentityProvider> {
    let tree = Tree::parse(Guard::METADATA.check(xml)?)?;
    let root = tree.root()?;
    if !root.is(METADATA, "EntityDescriptor") && !root.is(METADATA, "EntitiesDescriptor") {
        return Err(Refusal::invalid(format!("{} is not SAML metadata", quoted(root.name()))));
    }
    let is_provider = |it: &Node<'_, '_>| {
        it.is(METADATA, "EntityDescriptor")
            && it.named(METADATA, "IDPSSODescriptor").next().is_some()
            && it.attribute("entityID").is_some_and(&is_wanted)
    };
    let mut found = root.all().filter(is_provider);
    match (found.next(), found.next()) {
        (Some(entity), None) => entity_of(entity, now),
        (None, _) => Err(Refusal::invalid("there is no such identity provider in it")),
        (Some(_), Some(_)) => {
            Err(Refusal::invalid("there are several identity providers in it; name the one you mean"))
        }
    }
}

fn entity_of(entity: Node<'_, '_>, now: Timestamp) -> Result<IdentityProvider> {
    let role = provider_role(entity)?;
    check_validity(role, now)?;
    let certificates = certificates(role)?;
    if certificates.is_empty() {
        return Err(Refusal::invalid("no certificate for signing"));
    }
    if certificates.len() > CERTIFICATES {
        return Err(Refusal::invalid("too many certificates for signing"));
    }
    let sso = endpoints(role, "SingleSignOnService");
    if sso.is_empty() {
        return Err(Refusal::invalid("no sign-in address for HTTP-Redirect or HTTP-POST"));
    }
    Ok(IdentityProvider {
        entity_id: entity.required("entityID")?.to_owned(),
        sso,
        slo: endpoints(role, "SingleLogoutService"),
        certificates,
        sign_requests: matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
        accept: Accept::default(),
        email_attribute: None,
        first_name_attribute: None,
        last_name_attribute: None,
        groups_attribute: None,
    })
}

/// The role for SAML 2.0; some also have one for SAML 1.1.
fn provider_role<'d, 'a>(entity: Node<'d, 'a>) -> Result<Node<'d, 'a>> {
    let speaks = |it: &Node<'_, '_>| {
        it.attribute("protocolSupportEnumeration")
            .is_some_and(|it| it.split_ascii_whitespace().any(|it| it == PROTOCOL))
    };
    let mut roles = entity.named(METADATA, "IDPSSODescriptor").filter(speaks);
    match (roles.next(), roles.next()) {
        (Some(role), None) => Ok(role),
        _ => Err(Refusal::invalid("not exactly one role as identity provider for SAML 2.0")),
    }
}

/// `validUntil` (SAML metadata 2.3.1) of the role and of everything around it.
fn check_validity(role: Node<'_, '_>, now: Timestamp) -> Result<()> {
    for node in std::iter::successors(Some(role), |it| it.parent()) {
        if let Some(end) = node.attribute("validUntil").map(moment).transpose()?
            && now >= assertion::later(end, assertion::skew())
        {
            return Err(Refusal::invalid("it was only valid until a moment that has passed; get it anew"));
        }
    }
    Ok(())
}

/// More certificates than anybody changes at a time: each may have to be tried for each signature.
const CERTIFICATES: usize = 10;

/// The keys for signing: those marked so, and those not marked at all.
fn certificates(role: Node<'_, '_>) -> Result<Vec<Certificate>> {
    let mut certificates: Vec<Certificate> = Vec::new();
    for key in role.named(METADATA, "KeyDescriptor").filter(|it| matches!(it.attribute("use"), None | Some("signing")))
    {
        let Some(info) = key.optional(SIGNATURE, "KeyInfo")? else { continue };
        for data in info.named(SIGNATURE, "X509Data") {
            for text in data.named(SIGNATURE, "X509Certificate") {
                let certificate = Certificate::read_text(&text.text()?)?;
                if !certificates.contains(&certificate) {
                    certificates.push(certificate);
                }
            }
        }
    }
    Ok(certificates)
}

fn endpoints(role: Node<'_, '_>, name: &str) -> Vec<Endpoint> {
    let endpoints = role.children().filter(|it| it.is(METADATA, name));
    endpoints
        .filter_map(|it| {
            let binding = match it.attribute("Binding")? {
                REDIRECT => Binding::Redirect,
                POST => Binding::Post,
                _ => return None,
            };
            Some(Endpoint { binding, location: it.attribute("Location")?.to_owned() })
        })
        .collect()
}

/// Writes our metadata, to be given to this identity provider: it says whether our requests to it are signed.
///
/// # Errors
/// [`Refusal::Misconfigured`] if our own settings cannot be written.
pub fn write(sp: &ServiceProvider, idp: &IdentityProvider, now: Timestamp) -> Result<String> {
    let valid_until = super::request::moment(assertion::later(now, VALID));
    let keys = sp.key.as_ref().map(|it| key_descriptors(&it.certificate_der)).unwrap_or_default();
    let signs = idp.sign_requests;
    let logout = sp.slo.as_ref().map(|it| {
        let location = escaped(it);
        format!(r#"<md:SingleLogoutService Binding="{REDIRECT}" Location="{location}"/><md:SingleLogoutService Binding="{POST}" Location="{location}"/>"#)
    });
    let formats = FORMATS.map(|it| format!("<md:NameIDFormat>{it}</md:NameIDFormat>")).concat();
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="{METADATA}" entityID="{us}" validUntil="{valid_until}"><md:SPSSODescriptor AuthnRequestsSigned="{signs}" WantAssertionsSigned="true" protocolSupportEnumeration="{PROTOCOL}">{keys}{logout}{formats}<md:AssertionConsumerService Binding="{POST}" Location="{acs}" index="0" isDefault="true"/></md:SPSSODescriptor></md:EntityDescriptor>
"#,
        us = escaped(&sp.entity_id),
        acs = escaped(&sp.acs),
        logout = logout.unwrap_or_default(),
    ))
}

/// How long our metadata says it is good for: it is made anew each time it is fetched.
const VALID: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 365);

/// The kinds of names we can work with, the best first: any that stay the same.
const FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

/// One key for both uses, the ways of encrypting that we accept beside it.
fn key_descriptors(certificate: &[u8]) -> String {
    let certificate = xml::base64(certificate);
    let info = format!(
        r#"<ds:KeyInfo xmlns:ds="{SIGNATURE}"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"#
    );
    let methods = ["http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2009/xmlenc11#aes128-gcm"]
        .map(|it| format!(r#"<md:EncryptionMethod Algorithm="{it}"/>"#))
        .concat();
    let transport = format!(r#"<md:EncryptionMethod Algorithm="{ENCRYPTION}rsa-oaep-mgf1p"/>"#);
    format!(
        r#"<md:KeyDescriptor use="signing">{info}</md:KeyDescriptor><md:KeyDescriptor use="encryption">{info}{methods}{transport}</md:KeyDescriptor>"#
    )
}

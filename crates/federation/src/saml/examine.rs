//! Looking over the settings of an identity provider before anybody depends on them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::request::preferred;
use super::{Accept, Certificate, IdentityProvider, ServiceProvider, assertion};
use crate::Check;
use crate::fetch::is_loopback;

/// How long ahead to speak of a certificate that runs out.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Looks over both sides' settings: names, addresses, certificates, keys. Nothing is sent anywhere.
pub fn examine(sp: &ServiceProvider, idp: &IdentityProvider, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![names(sp, idp), sign_in_address(idp)];
    // One address may take messages in several ways.
    let places: BTreeSet<_> = idp.slo.iter().map(|it| it.location.as_str()).collect();
    checks.extend(places.into_iter().map(|place| address("sign-out address", place)));
    checks.push(address("our address", &sp.acs));
    if idp.certificates.is_empty() {
        checks.push(Check::failed(
            "certificate",
            "there is none",
            "copy the signing certificate of the identity provider into the settings, or read its metadata",
        ));
    }
    checks.extend(idp.certificates.iter().map(|it| certificate(it, now)));
    checks.push(in_force(idp, now));
    checks.push(our_key(sp, idp, now));
    checks.push(acceptance(idp));
    checks
}

fn names(sp: &ServiceProvider, idp: &IdentityProvider) -> Check {
    if sp.entity_id.is_empty() || idp.entity_id.is_empty() {
        return Check::failed(
            "names",
            "an entity id is empty",
            "both sides need one; the identity provider's stands in its metadata",
        );
    }
    if sp.entity_id == idp.entity_id {
        return Check::failed(
            "names",
            "both sides have the same entity id",
            "the identity provider's own entity id belongs into its settings, not ours",
        );
    }
    Check::passed("names", format!("{} signs people in for {}", idp.entity_id, sp.entity_id))
}

fn sign_in_address(idp: &IdentityProvider) -> Check {
    match preferred(&idp.sso) {
        Some(endpoint) => address("sign-in address", &endpoint.location),
        None => Check::failed(
            "sign-in address",
            "there is none",
            "enter the identity provider's single sign-on address; without it people can only start from there",
        ),
    }
}

fn address(name: &'static str, location: &str) -> Check {
    let Ok(url) = Url::parse(location) else {
        return Check::failed(name, format!("{location} is not an address"), "enter it whole, beginning with https://");
    };
    let loopback = url.host().is_some_and(|host| is_loopback(&host));
    match url.scheme() {
        "https" => Check::passed(name, location),
        "http" if loopback => Check::warned(name, location, "good for trying things out on one machine, not for more"),
        _ => Check::failed(name, format!("{location} is not https"), "use the address that begins with https://"),
    }
}

fn certificate(certificate: &Certificate, now: Timestamp) -> Check {
    let found =
        format!("{}…, valid until {}", certificate.fingerprint.get(..16).unwrap_or_default(), certificate.not_after);
    let weak = certificate.key().is_err();
    if weak {
        Check::failed(
            "certificate",
            found,
            "its key is too weak or of a kind that cannot be used; RSA of 2048 bits is the least",
        )
    } else if certificate.not_after <= now {
        Check::warned(
            "certificate",
            format!("{found}: has run out"),
            "it still works here, because only its key counts; but have the identity provider make a new one",
        )
    } else if certificate.not_before > assertion::later(now, assertion::skew()) {
        Check::warned(
            "certificate",
            format!("{found}: not valid yet"),
            "fine if the identity provider is about to change to it; else look at the clocks",
        )
    } else if certificate.not_after <= assertion::later(now, AHEAD) {
        Check::warned(
            "certificate",
            format!("{found}: runs out within 30 days"),
            "add the next one here before the identity provider changes to it; both may stand side by side",
        )
    } else {
        Check::passed("certificate", found)
    }
}

/// Whether any certificate will do for the time to come.
fn in_force(idp: &IdentityProvider, now: Timestamp) -> Check {
    let later = assertion::later(now, AHEAD);
    if idp.certificates.iter().any(|it| it.not_after > later && it.key().is_ok()) {
        Check::passed("rollover", "a certificate is valid for more than 30 days")
    } else {
        Check::warned(
            "rollover",
            "no certificate is valid for more than 30 days",
            "read the identity provider's metadata again, or ask its administrators when they change the key",
        )
    }
}

fn our_key(sp: &ServiceProvider, idp: &IdentityProvider, now: Timestamp) -> Check {
    let Some(key) = &sp.key else {
        return if idp.sign_requests {
            Check::failed(
                "our key",
                "the identity provider wants our requests signed, but we have no key",
                "make a key, then give the identity provider our metadata",
            )
        } else {
            Check::passed("our key", "none, and none is needed: requests go unsigned, and assertions come in clear")
        };
    };
    if super::signature::private(key).is_err() {
        return Check::failed(
            "our key",
            "our private key cannot be used",
            "make a new key, then give the identity provider our metadata",
        );
    }
    match Certificate::read(&key.certificate_der) {
        Err(_) => Check::failed(
            "our key",
            "our certificate cannot be read",
            "make a new key, then give the identity provider our metadata",
        ),
        Ok(ours) => Check { name: "our key", ..certificate(&ours, now) },
    }
}

fn acceptance(idp: &IdentityProvider) -> Check {
    match idp.accept {
        Accept::Both => Check::passed("signatures", "response and assertion have to be signed"),
        Accept::AssertionOnly => Check::warned(
            "signatures",
            "only the assertion has to be signed",
            "if the identity provider can sign the response as well, have it do so, and require both",
        ),
    }
}

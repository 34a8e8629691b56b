//! A SAML identity provider that says and signs whatever it is told.
//!
//! A [`Draft`] is an honest response in one of many [`Dialect`]s. It can be changed before signing (a lie that is well signed), signed in odd
//! ways (see [`Signing`]), and changed afterwards (an attack by somebody in between, see [`attacks`]).

pub mod attacks;
mod document;
mod encrypt;
mod key;
mod redirect;
mod sign;

pub use document::{Dialect, Draft, Facts};
pub use encrypt::Encryption;
pub use key::Key;
pub use redirect::redirected;
pub use sign::{Signing, sign};

/// What the provider publishes about itself: its name, its certificate, where sign-in requests go.
pub fn metadata(entity_id: &str, sso: &str, key: &Key) -> String {
    let certificate = key.certificate_base64();
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{sso}"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

//! Who and what a directory knows: its people, and the applications registered in it.

use super::{APP, REDIRECT_URI, SECRET};
use crate::tokens::{Key, encode, sha1, sha256};

/// A person in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `oid`, the id of the person in the directory.
    pub oid: String,
    /// The user principal name.
    pub upn: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// The mailbox, if there is one.
    pub mail: Option<String>,
    /// Where a guest comes from: the `idp` of the home directory.
    pub guest_of: Option<String>,
}

impl Default for Person {
    /// The person of the documents' examples.
    fn default() -> Self {
        Self {
            oid: "87d349ed-44d7-43e1-9a83-5f2406dee5bd".to_owned(),
            upn: "AdeleV@contoso.com".to_owned(),
            given_name: "Adele".to_owned(),
            family_name: "Vance".to_owned(),
            mail: Some("AdeleV@contoso.com".to_owned()),
            guest_of: None,
        }
    }
}

impl Person {
    /// Somebody from another directory, invited into this one.
    pub fn guest() -> Self {
        Self {
            oid: "5f2406de-e5bd-4d7a-83e1-87d349ed44d7".to_owned(),
            upn: "adele_fabrikam.com#EXT#@contoso.onmicrosoft.com".to_owned(),
            mail: Some("adele@fabrikam.com".to_owned()),
            guest_of: Some("https://sts.windows.net/cccc1111-dd22-4ee3-8ff4-5555aaaa6666/".to_owned()),
            ..Self::default()
        }
    }

    /// The name shown.
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// An application registered in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its (client) id.
    pub id: String,
    /// Its secret, if it has one.
    pub secret: Option<String>,
    /// Its certificate, if it has one.
    pub certificate: Option<Certificate>,
    /// Where it may send people back to.
    pub redirect_uris: Vec<String>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            id: APP.to_owned(),
            secret: Some(SECRET.to_owned()),
            certificate: None,
            redirect_uris: vec![REDIRECT_URI.to_owned()],
        }
    }
}

/// A certificate that an application proves itself by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// `x5t`: its SHA-1 thumbprint, base64url.
    pub sha1: String,
    /// `x5t#S256`: its SHA-256 thumbprint, base64url.
    pub sha256: String,
    /// Its public key, DER.
    pub public_der: Vec<u8>,
}

impl Certificate {
    /// The certificate of a key.
    pub fn of(key: &Key) -> Self {
        let der = key.certificate_der();
        Self { sha1: encode(&sha1(&der)), sha256: encode(&sha256(&der)), public_der: key.public_der() }
    }
}

//! The federation crate through its public doors.

mod saml;
mod saml_documents;
mod saml_encrypted;
mod saml_honest;
mod saml_hostile;
mod saml_signatures;

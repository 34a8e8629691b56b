//! The federation crate through its public doors.

#![expect(clippy::unwrap_used, reason = "one test program: it panics when something is not as it should be")]
#![expect(clippy::format_collect, clippy::too_many_lines, reason = "long tables, made readable")]

mod saml;
mod saml_corpus;
mod saml_cost;
mod saml_documents;
mod saml_encrypted;
mod saml_honest;
mod saml_hostile;
mod saml_logout;
mod saml_metadata;
mod saml_request;
mod saml_signatures;

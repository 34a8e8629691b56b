//! The federation crate through its public doors.

mod saml;
mod saml_honest;
mod saml_hostile;

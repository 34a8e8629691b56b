//! The federation crate through its public doors, against stand-ins on real sockets.

#[cfg(test)]
mod fetch;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod oidc;
//! Foreign proofs of who somebody is, through the public doors, against stand-ins that lie when told to.
mod entra;
mod microsoft;
//! The federation crate through its public doors.
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

//! The federation crate through its public doors, against stand-ins on real sockets.

#[cfg(test)]
mod fetch;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod saml;
#[cfg(test)]
mod saml_documents;
#[cfg(test)]
mod saml_encrypted;
#[cfg(test)]
mod saml_honest;
#[cfg(test)]
mod saml_hostile;
#[cfg(test)]
mod saml_signatures;

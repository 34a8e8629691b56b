//! The federation crate through its public doors, against stand-ins on real sockets.

#![expect(clippy::format_collect, clippy::too_many_lines, reason = "long tables, made readable")]

#[cfg(test)]
mod entra;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod microsoft;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod saml;
#[cfg(test)]
mod saml_corpus;
#[cfg(test)]
mod saml_cost;
#[cfg(test)]
mod saml_documents;
#[cfg(test)]
mod saml_encrypted;
#[cfg(test)]
mod saml_honest;
#[cfg(test)]
mod saml_hostile;
#[cfg(test)]
mod saml_logout;
#[cfg(test)]
mod saml_metadata;
#[cfg(test)]
mod saml_request;
#[cfg(test)]
mod saml_signatures;

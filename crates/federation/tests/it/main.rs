//! The federation crate through its public doors, against stand-ins on real sockets.

#[cfg(test)]
mod fetch;
#[cfg(test)]
mod jwt;
#[cfg(test)]
mod oidc;

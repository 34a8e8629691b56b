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

//! Foreign proofs of who somebody is, through the public doors, against stand-ins that lie when told to.

#[cfg(test)]
mod entra;
#[cfg(test)]
mod microsoft;

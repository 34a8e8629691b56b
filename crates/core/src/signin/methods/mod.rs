//! The ways to sign in, one file each.

mod microsoft;
mod oidc;
mod password;
mod saml;

pub use password::{AdminClaim, Claim, PasswordChange};

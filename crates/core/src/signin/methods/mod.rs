//! The ways to sign in, one file each.

mod password;

pub use password::{AdminClaim, Claim, PasswordChange};

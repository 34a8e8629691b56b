//! The ways to sign in, one file each.

mod entra_bearer;
mod invitation;
mod microsoft;
mod oidc;
mod passkey;
mod password;
mod recovery;
mod saml;
mod totp;

pub use invitation::Acceptance;
pub use password::{AdminClaim, Claim, PasswordChange};
pub use totp::TotpOffer;

use crate::providers::Protocol;

/// Whether a sign-in page offers a provider. A directory without an organisation of Dynamics only vouches for Power Apps' tokens.
pub(super) fn is_offered(protocol: &Protocol) -> bool {
    !matches!(protocol, Protocol::Microsoft(_)) || microsoft::has_dynamics(protocol)
}

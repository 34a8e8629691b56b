//! The client realm under `/api/client`: one file for what belongs together.

pub mod audit;
pub mod buttons;
pub mod dynamics;
pub mod email;
pub mod exchange;
pub mod graphql;
pub mod invitation;
pub mod jobs;
pub mod landing;
pub mod me;
pub mod oidc;
pub mod passkey;
pub mod passkeys;
pub mod password;
pub mod people;
pub mod saml;
pub mod session;
pub mod sessions;
pub mod signin;
pub mod sso;
pub mod two_factor;

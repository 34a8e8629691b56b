//! Stand-ins for the sign-in services of others, honest or lying as the test at hand wants it. A tool: no part of the product.

pub mod authenticator;
pub mod microsoft;
pub mod oidc;
pub mod saml;
pub mod tokens;
pub mod totp;

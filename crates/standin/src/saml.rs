//! A SAML identity provider that says and signs whatever it is told.
//!
//! A [`Draft`] is an honest response in one of many [`Dialect`]s. It can be changed before signing (a lie that is well signed), signed in odd
//! ways (see [`Signing`]), and changed afterwards (an attack by somebody in between, see [`attacks`]).

pub mod attacks;
mod document;
mod encrypt;
mod key;
mod redirect;
mod sign;

pub use document::{Dialect, Draft, Facts};
pub use encrypt::Encryption;
pub use key::Key;
pub use redirect::redirected;
pub use sign::{Signing, sign};

//! Reading an identity provider's response, and believing only what is signed.

use jiff::Timestamp;

use super::{Assertion, IdentityProvider, ServiceProvider};
use crate::{Refusal, Result};

/// What a message claims about itself. Nothing is verified: good only for choosing whose settings apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Who it claims to be from.
    pub issuer: String,
    /// Which request of ours it claims to answer.
    pub in_response_to: Option<String>,
}

/// Says who a response claims to be from.
///
/// # Errors
/// [`Refusal::Invalid`] if it is no response.
pub fn peek(base64: &str) -> Result<Peek> {
    let _ = base64;
    Err(Refusal::invalid("not built yet"))
}

/// Verifies a response and says who it proves. `asked` is our request's id; nothing if we did not ask, and then it must not claim so.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed; [`Refusal::Denied`] if the identity provider verifiably says no.
pub fn verify(
    base64: &str,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    asked: Option<&str>,
    now: Timestamp,
) -> Result<Assertion> {
    let _ = (base64, sp, idp, asked, now);
    Err(Refusal::invalid("not built yet"))
}

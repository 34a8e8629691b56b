//! Single logout: ours to them, theirs to us. Only signed messages count.

use jiff::Timestamp;

use super::{IdentityProvider, NameId, Outgoing, Peek, Received, ServiceProvider};
use crate::{Refusal, Result};

/// The identity provider asks to end somebody's sessions. Verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its identifier: what the answer refers to, and the key against replay.
    pub id: String,
    /// Whose sessions.
    pub name_id: NameId,
    /// Which of them; empty means all.
    pub session_indexes: Vec<String>,
    /// From this moment (and the allowed difference of clocks) on it is refused, so remember `id` until then.
    pub not_on_or_after: Timestamp,
}

/// Asks the identity provider to end the person's session there.
///
/// # Errors
/// [`Refusal::Misconfigured`] if it has no address for that, or we have no key to sign with.
pub fn begin(
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    name_id: &NameId,
    session_index: Option<&str>,
    id: &str,
    relay_state: &str,
    now: Timestamp,
) -> Result<Outgoing> {
    let _ = (sp, idp, name_id, session_index, id, relay_state, now);
    Err(Refusal::misconfigured("not built yet"))
}

/// Reads the identity provider's request to end somebody's sessions here.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed.
pub fn read_request(
    message: &Received<'_>,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    now: Timestamp,
) -> Result<LogoutRequest> {
    let _ = (message, sp, idp, now);
    Err(Refusal::invalid("not built yet"))
}

/// Answers the identity provider's request.
///
/// # Errors
/// As [`begin`].
pub fn answer(
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    in_response_to: &str,
    id: &str,
    relay_state: &str,
    outcome: LogoutOutcome,
    now: Timestamp,
) -> Result<Outgoing> {
    let _ = (sp, idp, in_response_to, id, relay_state, outcome, now);
    Err(Refusal::misconfigured("not built yet"))
}

/// What came of a request to end sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// All are ended.
    Ended,
    /// Ours are ended, but not all that somebody else keeps.
    Partly,
    /// None are.
    Failed,
}

/// Reads the identity provider's answer to our request `asked`.
///
/// # Errors
/// [`Refusal::Invalid`] names the check that failed; [`Refusal::Denied`] if it says that the session did not end.
pub fn read_response(
    message: &Received<'_>,
    sp: &ServiceProvider,
    idp: &IdentityProvider,
    asked: &str,
    now: Timestamp,
) -> Result<()> {
    let _ = (message, sp, idp, asked, now);
    Err(Refusal::invalid("not built yet"))
}

/// Says who a sign-out message claims to be from. Nothing is verified: good only for choosing whose settings apply.
///
/// # Errors
/// [`Refusal::Invalid`] if it is no sign-out message.
pub fn peek(message: &Received<'_>) -> Result<Peek> {
    let _ = message;
    Err(Refusal::invalid("not built yet"))
}

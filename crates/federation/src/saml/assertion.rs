//! What a verified assertion says, and whether it is meant for us, here and now.

use jiff::Timestamp;

use crate::Identity;

/// A verified assertion: somebody signed in over there, moments ago, for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Who.
    pub identity: Identity,
    /// Its identifier. With `issuer` the key against replay.
    pub id: String,
    /// Whose it is: the identity provider's entity id.
    pub issuer: String,
    /// From this moment (and the allowed difference of clocks) on it is refused, so remember `id` until then.
    pub not_on_or_after: Timestamp,
    /// Which request of ours it answers.
    pub in_response_to: Option<String>,
    /// The person's name there, for signing them out there.
    pub name_id: NameId,
    /// When the session there ends at the latest, if it says.
    pub session_not_on_or_after: Option<Timestamp>,
}

/// A person's name at the identity provider (SAML core 2.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameId {
    /// The name itself.
    pub value: String,
    /// What kind of name it is.
    pub format: Option<String>,
    /// Within which identity provider it is unique, if it says.
    pub name_qualifier: Option<String>,
    /// For which service provider it was made, if it says.
    pub sp_name_qualifier: Option<String>,
}

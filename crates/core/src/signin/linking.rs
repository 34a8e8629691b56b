//! The decision whose account a foreign identity opens: pure, from what the provider proved and what is known here.
//!
//! The key of an identity is (provider, issuer, subject), never its address. An address finds an account only where the tenant has
//! verified the domain and the provider vouches for the address; otherwise whoever can name any address at a provider would own
//! the account of that address here.

use purser_federation::Identity;

use crate::access::Roles;
use crate::error::Error;
use crate::providers::{Kind, Rules};
use crate::users::{Email, UserStatus};

/// An account, as far as the decision looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) status: UserStatus,
    /// Whether another person of the same provider and issuer opens it already, by a word that counted.
    pub(super) taken: bool,
}

/// What is known here about an identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// The account it is linked to.
    pub(super) linked: Option<Account>,
    /// The account with its address.
    pub(super) namesake: Option<Account>,
    /// Whether the tenant has verified the domain of its address.
    pub(super) domain: Domain,
}

/// Whose a domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// The tenant has verified it.
    Verified,
    /// Anybody's.
    Foreign,
}

/// What a provider's word for somebody's address is worth here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It would link them to the account of the address.
    Proof,
    /// Anybody might say so.
    Claim,
}

impl Word {
    /// As it stands in the store.
    pub(super) fn stored(self) -> i64 {
        i64::from(self == Self::Proof)
    }
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The account it is linked to opens.
    SignIn,
    /// The account with its address is linked to it, and opens.
    Link,
    /// An account with this address is made, and opens.
    Create(Email),
}

/// Why nothing opens. The reason is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// There is no account that it may open.
    Unknown(&'static str),
    /// There is one with its address, and the proof is not enough to hand it over.
    Exists(&'static str),
}

impl Denial {
    pub(super) fn reason(self) -> &'static str {
        let (Self::Unknown(reason) | Self::Exists(reason)) = self;
        reason
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Unknown(_) => Self::AccountUnknown,
            Denial::Exists(_) => Self::AccountExists,
        }
    }
}

/// Decides whose account an identity opens.
///
/// # Errors
/// [`Denial`]
pub(super) fn decide(identity: &Identity, kind: Kind, rules: &Rules, facts: Facts) -> Result<Outcome, Denial> {
    if let Some(account) = facts.linked {
        return open(account, Outcome::SignIn);
    }
    let email = address(identity);
    let vouched = email.as_ref().is_some_and(|email| vouches(identity, email, kind, rules));
    if let Some(account) = facts.namesake {
        if facts.domain != Domain::Verified {
            return Err(Denial::Exists("an account has this address, and the client has not verified the domain"));
        }
        if !vouched {
            return Err(Denial::Exists("an account has this address, and the provider is not trusted to vouch for it"));
        }
        if account.taken {
            return Err(Denial::Exists("the account of this address belongs to another person of this provider"));
        }
        return open(account, Outcome::Link);
    }
    if !rules.create_users {
        return Err(Denial::Unknown("nobody here is linked to this identity, and creating users is off"));
    }
    let Some(email) = email else {
        return Err(Denial::Unknown("the provider told no e-mail address that could be used to create a user"));
    };
    // In a verified domain an address alone will later link: it must not be taken by whoever merely claims it.
    if facts.domain == Domain::Verified && !vouched {
        return Err(Denial::Unknown(
            "the address is of a verified domain, and the provider is not trusted to vouch for it",
        ));
    }
    Ok(Outcome::Create(email))
}

/// Disabled here beats fine there.
fn open(account: Account, outcome: Outcome) -> Result<Outcome, Denial> {
    match account.status {
        UserStatus::Active | UserStatus::Invited => Ok(outcome),
        UserStatus::Disabled => Err(Denial::Unknown("the account is disabled")),
    }
}

/// The address of an identity, if it is one.
pub(super) fn address(identity: &Identity) -> Option<Email> {
    identity.email.as_deref().and_then(|text| Email::parse("email", text).ok())
}

/// What the provider's word for an identity's address is worth: a proof where it vouches for it, and the domain is the tenant's.
pub(super) fn word(identity: &Identity, kind: Kind, rules: &Rules, domain: Domain) -> Word {
    let vouched = address(identity).is_some_and(|email| vouches(identity, &email, kind, rules));
    if vouched && domain == Domain::Verified { Word::Proof } else { Word::Claim }
}

/// Whether the provider vouches for an address. Only OpenID Connect has words for having verified one; of the others the tenant
/// must have said for which domains it trusts them. Guests bring their address along, and whoever rules their own directory can call
/// themselves anything there.
fn vouches(identity: &Identity, email: &Email, kind: Kind, rules: &Rules) -> bool {
    let says_so = kind == Kind::Oidc && identity.email_verified;
    let trusted =
        !identity.guest && rules.trusted_domains.iter().any(|domain| domain.eq_ignore_ascii_case(email.domain()));
    says_so || trusted
}

/// The roles after a sign-in: of those that the provider's groups can give exactly the ones they give, all others as they were. What
/// the provider did not tell changes nothing.
pub(super) fn roles(present: Roles, groups: Option<&[String]>, rules: &Rules) -> Roles {
    let Some(groups) = groups.filter(|_| !rules.group_roles.is_empty()) else { return present };
    let all = rules.group_roles.values().fold(Roles::default(), |all, roles| all.and(*roles));
    present.without(all).and(given(groups, rules))
}

/// What an account made now gets: the usual roles, and those of its groups.
pub(super) fn first_roles(groups: Option<&[String]>, rules: &Rules) -> Roles {
    rules.default_roles.and(given(groups.unwrap_or_default(), rules))
}

fn given(groups: &[String], rules: &Rules) -> Roles {
    let roles = groups.iter().filter_map(|group| rules.group_roles.get(group));
    roles.fold(Roles::default(), |all, roles| all.and(*roles))
}

/// The names an account is made with: the provider's, or what the address gives.
pub(super) fn names(identity: &Identity, email: &Email) -> (String, String) {
    let usable = |name: &Option<String>| {
        let name: String = name.as_deref()?.trim().chars().filter(|c| !c.is_control()).take(200).collect();
        crate::users::person_name("name", &name).ok()
    };
    let mut parts = email.local().split(['.', '_', '-', '+']).filter(|part| !part.is_empty()).map(capitalised);
    let first = parts.next().unwrap_or_else(|| email.local().to_owned());
    let last = parts.collect::<Vec<_>>().join(" ");
    // Nobody is nameless: "john@…" is John, and no more is known.
    let last = if last.is_empty() { "-".to_owned() } else { last };
    (usable(&identity.first_name).unwrap_or(first), usable(&identity.last_name).unwrap_or(last))
}

fn capitalised(part: &str) -> String {
    let mut letters = part.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests;

//! What is asked of the lists of people and of the audit log.

#![expect(clippy::indexing_slicing, reason = "JSON is written by name")]

use serde_json::{Value, json};

use crate::crowd::{self, BUSY, Crowd, DEEDS, LATE, busy};
use crate::scale::scatter;

/// A page of people.
pub(super) const PEOPLE_PAGE: &str = "query($first: Int!, $after: ID, $search: String, $role: Role) \
    { users(first: $first, after: $after, search: $search, role: $role) { id email firstName lastName status roles lastSignInAt } }";
/// A page of the log.
pub(super) const LOG_PAGE: &str = "query($first: Int!, $before: ID, $action: String, $actor: ID, $target: String, $outcome: Outcome, \
    $since: DateTime, $until: DateTime) { auditLog(first: $first, before: $before, action: $action, actor: $actor, target: $target, \
    outcome: $outcome, since: $since, until: $until) { id at action actor target outcome reason } }";

/// How people are narrowed.
#[derive(Clone, Copy)]
pub(super) enum Person {
    All,
    Role(&'static str),
    /// By some of somebody's letters, and a role or none.
    Search(Letters, &'static str),
}

/// What is typed in.
#[derive(Clone, Copy)]
pub(super) enum Letters {
    One,
    Three,
    FirstName,
    BothNames,
    LastNameAndNumber,
    Address,
    /// What everybody has.
    Domain,
    /// What only the last in the list have.
    Late,
    Nobody,
}

impl Person {
    pub(super) const ALL: &[(&str, Self)] = &[
        ("all", Self::All),
        ("admins", Self::Role("ADMIN")),
        ("operators", Self::Role("OPERATOR")),
        ("viewers", Self::Role("VIEWER")),
        ("a letter", Self::Search(Letters::One, "")),
        ("three letters", Self::Search(Letters::Three, "")),
        ("first name", Self::Search(Letters::FirstName, "")),
        ("both names", Self::Search(Letters::BothNames, "")),
        ("name and number", Self::Search(Letters::LastNameAndNumber, "")),
        ("address", Self::Search(Letters::Address, "")),
        ("domain", Self::Search(Letters::Domain, "")),
        ("the last ones", Self::Search(Letters::Late, "")),
        ("nobody", Self::Search(Letters::Nobody, "")),
        ("admins, first name", Self::Search(Letters::FirstName, "ADMIN")),
        ("operators, first name", Self::Search(Letters::FirstName, "OPERATOR")),
        ("viewers, both names", Self::Search(Letters::BothNames, "VIEWER")),
        ("admins, domain", Self::Search(Letters::Domain, "ADMIN")),
    ];

    pub(super) fn page(self, draw: u64, crowd: Crowd, first: u64) -> Value {
        let mut values = json!({ "first": first });
        if draw % 2 == 1 {
            values["after"] = crowd.id((draw >> 1) % crowd.count).to_string().into();
        }
        let role = match self {
            Self::All => "",
            Self::Role(role) | Self::Search(_, role) => role,
        };
        if !role.is_empty() {
            values["role"] = role.into();
        }
        if let Self::Search(letters, _) = self {
            values["search"] = letters.of(scatter(draw) % crowd.count, crowd).into();
        }
        values
    }
}

impl Letters {
    fn of(self, user: u64, crowd: Crowd) -> String {
        let (first, last) = crowd.names(user);
        match self {
            Self::One => first.chars().take(1).collect(),
            Self::Three => last.chars().take(3).collect(),
            Self::FirstName => first,
            Self::BothNames => format!("{first} {last}"),
            Self::LastNameAndNumber => format!("{last}{user}"),
            Self::Address => crowd.address(user),
            Self::Domain => "acme.test".to_owned(),
            Self::Late => LATE.to_owned(),
            Self::Nobody => format!("{first}q"),
        }
    }
}

/// How the log is narrowed.
#[derive(Clone, Copy)]
pub(super) enum Line {
    All,
    Since,
    Until,
    Day,
    Actor,
    CommonAction,
    RareAction,
    Target,
    Refused,
    ActorAndAction,
    ActorAndRareAction,
    ActorAndTarget,
    ActionRefused,
    TargetRefused,
    RareActionUntil,
}

impl Line {
    pub(super) const ALL: &[(&str, Self)] = &[
        ("all", Self::All),
        ("since", Self::Since),
        ("until", Self::Until),
        ("a day", Self::Day),
        ("actor", Self::Actor),
        ("action", Self::CommonAction),
        ("rare action", Self::RareAction),
        ("target", Self::Target),
        ("refused", Self::Refused),
        ("actor, action", Self::ActorAndAction),
        ("actor, rare action", Self::ActorAndRareAction),
        ("actor, target", Self::ActorAndTarget),
        ("action, refused", Self::ActionRefused),
        ("target, refused", Self::TargetRefused),
        ("rare action, until", Self::RareActionUntil),
    ];

    pub(super) fn page(self, draw: u64, count: u64, first: u64) -> Value {
        let mut values = json!({ "first": first });
        if draw % 2 == 1 {
            values["before"] = uuid(crowd::line_id((draw >> 1) % count)).into();
        }
        let mixed = scatter(draw);
        let place = mixed % count;
        let conditions: &[(&str, String)] = match self {
            Self::All => &[],
            Self::Since => &[("since", moment(place))],
            Self::Until => &[("until", moment(place))],
            Self::Day => &[("since", moment(place)), ("until", moment(place + 5_760))],
            Self::Actor => &[("actor", busy(mixed))],
            Self::CommonAction => &[("action", deed(mixed % 5))],
            Self::RareAction => &[("action", deed(5))],
            Self::Target => &[("target", target(mixed))],
            Self::Refused => &[("outcome", "REFUSED".to_owned())],
            Self::ActorAndAction => &[("actor", busy(mixed)), ("action", deed((mixed >> 8) % 5))],
            Self::ActorAndRareAction => &[("actor", busy(mixed)), ("action", deed(5))],
            Self::ActorAndTarget => &[("actor", busy(mixed)), ("target", target(mixed >> 8))],
            Self::ActionRefused => &[("action", deed(mixed % 5)), ("outcome", "REFUSED".to_owned())],
            Self::TargetRefused => &[("target", target(mixed)), ("outcome", "REFUSED".to_owned())],
            Self::RareActionUntil => &[("action", deed(5)), ("until", moment(place))],
        };
        for (field, value) in conditions {
            values[*field] = value.clone().into();
        }
        values
    }
}

fn deed(place: u64) -> String {
    usize::try_from(place).ok().and_then(|place| DEEDS.get(place)).copied().unwrap_or_default().to_owned()
}

fn target(draw: u64) -> String {
    format!("user:{}", busy(draw % BUSY))
}

fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    parts.join("-")
}

/// When a line was written, as the API takes it.
fn moment(line: u64) -> String {
    let seconds = i64::try_from(crowd::written_at(line) / 1_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_api_takes_them() {
        assert_eq!(moment(0), "2024-06-10T02:35:18Z");
    }
}

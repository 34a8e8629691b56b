use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::access::Role;

const ACTIVE: Account = Account { status: UserStatus::Active, taken: false };

fn jane() -> Identity {
    Identity {
        issuer: "https://idp.test".into(),
        subject: "s-1".into(),
        email: Some("Jane.Doe@Acme.test".into()),
        email_verified: true,
        ..Identity::default()
    }
}

fn unknown() -> Facts {
    Facts { linked: None, namesake: None, domain: Domain::Foreign }
}

fn trusting(domains: &[&str]) -> Rules {
    Rules { trusted_domains: domains.iter().map(|it| (*it).to_owned()).collect(), ..Rules::default() }
}

fn creating() -> Rules {
    Rules { create_users: true, ..Rules::default() }
}

fn is_exists(decision: &Result<Outcome, Denial>) -> bool {
    matches!(decision, Err(Denial::Exists(_)))
}

fn is_unknown(decision: &Result<Outcome, Denial>) -> bool {
    matches!(decision, Err(Denial::Unknown(_)))
}

#[test]
fn a_linked_identity_opens_its_account_whatever_its_address_says() {
    for email in [None, Some("somebody@else.test".to_owned()), Some("not an address".to_owned())] {
        let identity = Identity { email, email_verified: false, ..jane() };
        let facts = Facts { linked: Some(ACTIVE), namesake: Some(ACTIVE), ..unknown() };
        assert_eq!(decide(&identity, Kind::Oidc, &Rules::default(), facts), Ok(Outcome::SignIn));
    }
}

#[test]
fn a_guest_brings_an_address_that_nobody_here_vouches_for() {
    let guest = Identity { guest: true, email_verified: false, ..jane() };
    let rules = Rules { create_users: true, ..trusting(&["acme.test"]) };
    let facts = Facts { namesake: Some(ACTIVE), domain: Domain::Verified, ..unknown() };
    assert!(is_exists(&decide(&guest, Kind::Microsoft, &rules, facts)));
    assert!(is_unknown(&decide(&guest, Kind::Microsoft, &rules, Facts { namesake: None, ..facts })));
    let facts = Facts { linked: Some(ACTIVE), ..facts };
    assert_eq!(decide(&guest, Kind::Microsoft, &rules, facts), Ok(Outcome::SignIn));
    assert!(decide(&guest, Kind::Microsoft, &rules, unknown()).is_ok(), "of a domain that is nobody's");
}

#[test]
fn an_account_is_handed_over_only_in_a_verified_domain_and_on_a_word_that_counts() {
    use Domain::{Foreign, Verified};
    for (kind, says_verified, trusted, domain, opens) in [
        (Kind::Oidc, true, false, Verified, true),
        (Kind::Oidc, false, true, Verified, true),
        (Kind::Oidc, false, false, Verified, false),
        (Kind::Oidc, true, false, Foreign, false),
        (Kind::Oidc, true, true, Foreign, false),
        (Kind::Saml, true, false, Verified, false),
        (Kind::Saml, false, true, Verified, true),
        (Kind::Saml, true, true, Foreign, false),
        (Kind::Microsoft, true, false, Verified, false),
        (Kind::Microsoft, false, true, Verified, true),
        (Kind::Microsoft, true, true, Foreign, false),
    ] {
        let identity = Identity { email_verified: says_verified, ..jane() };
        let rules = if trusted { trusting(&["acme.test"]) } else { trusting(&["other.test", "test", "me.test"]) };
        let facts = Facts { namesake: Some(ACTIVE), domain, ..unknown() };
        let decision = decide(&identity, kind, &rules, facts);
        let case = (kind, says_verified, trusted, domain);
        if opens {
            assert_eq!(decision, Ok(Outcome::Link), "{case:?}");
        } else {
            assert!(is_exists(&decision), "{case:?}: {decision:?}");
            assert!(is_exists(&decide(&identity, kind, &Rules { create_users: true, ..rules }, facts)), "{case:?}");
        }
    }
}

#[test]
fn a_second_person_of_a_provider_never_gets_the_same_account() {
    let taken = Account { taken: true, ..ACTIVE };
    let facts = Facts { namesake: Some(taken), domain: Domain::Verified, ..unknown() };
    assert!(is_exists(&decide(&jane(), Kind::Oidc, &trusting(&["acme.test"]), facts)));
}

#[test]
fn a_disabled_account_opens_to_nobody() {
    let disabled = Account { status: UserStatus::Disabled, ..ACTIVE };
    let linked = Facts { linked: Some(disabled), ..unknown() };
    let namesake = Facts { namesake: Some(disabled), domain: Domain::Verified, ..unknown() };
    for facts in [linked, namesake] {
        assert!(is_unknown(&decide(&jane(), Kind::Oidc, &creating(), facts)));
    }
}

#[test]
fn an_account_is_made_only_where_that_is_on_and_for_a_usable_address() {
    assert!(is_unknown(&decide(&jane(), Kind::Oidc, &Rules::default(), unknown())));
    let made = decide(&jane(), Kind::Oidc, &creating(), unknown()).unwrap();
    assert_eq!(made, Outcome::Create(Email::parse("", "Jane.Doe@Acme.test").unwrap()));
    for email in [None, Some(String::new()), Some("jane".to_owned()), Some("\u{212a}im@acme.test".to_owned())] {
        let identity = Identity { email, ..jane() };
        assert!(is_unknown(&decide(&identity, Kind::Oidc, &creating(), unknown())));
    }
}

#[test]
fn an_address_of_a_verified_domain_is_not_taken_by_whoever_merely_claims_it() {
    let facts = Facts { domain: Domain::Verified, ..unknown() };
    let claimed = Identity { email_verified: false, ..jane() };
    assert!(is_unknown(&decide(&claimed, Kind::Oidc, &creating(), facts)));
    assert!(is_unknown(&decide(&jane(), Kind::Saml, &creating(), facts)));
    assert!(decide(&jane(), Kind::Oidc, &creating(), facts).is_ok());
    let trusted = Rules { create_users: true, ..trusting(&["ACME.test"]) };
    assert!(decide(&claimed, Kind::Saml, &trusted, facts).is_ok());
}

#[test]
fn an_account_is_named_by_its_provider_or_by_its_address() {
    let email = |text| Email::parse("", text).unwrap();
    let named = Identity { first_name: Some(" Jane ".into()), last_name: Some("D\u{7}oe".into()), ..jane() };
    assert_eq!(names(&named, &email("x@y.test")), ("Jane".into(), "Doe".into()));
    let nameless = Identity { first_name: Some("\n".into()), ..jane() };
    assert_eq!(names(&nameless, &email("jane.van.dyk@y.test")), ("Jane".into(), "Van Dyk".into()));
    assert_eq!(names(&nameless, &email("jane@y.test")), ("Jane".into(), "-".into()));
    assert_eq!(names(&nameless, &email("---@y.test")), ("---".into(), "-".into()));
}

fn mapping(pairs: &[(&str, &[Role])]) -> Rules {
    let group_roles: BTreeMap<String, Roles> =
        pairs.iter().map(|(group, roles)| ((*group).to_owned(), roles.iter().copied().collect())).collect();
    Rules { group_roles, ..Rules::default() }
}

#[test]
fn groups_give_and_take_the_roles_they_are_mapped_to_and_no_others() {
    let rules = mapping(&[("writers", &[Role::Author]), ("bosses", &[Role::Approver, Role::Publisher])]);
    let present = Roles::from_iter([Role::Viewer, Role::Author]);
    let after = |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|it| (*it).to_owned()).collect();
        roles(present, Some(&groups), &rules)
    };
    assert_eq!(after(&[]), Roles::from_iter([Role::Viewer]));
    assert_eq!(after(&["writers", "Bosses", "elsewhere"]), present);
    assert_eq!(after(&["bosses"]), Roles::from_iter([Role::Viewer, Role::Approver, Role::Publisher]));
    assert_eq!(roles(present, None, &rules), present);
    assert_eq!(roles(present, Some(&[]), &Rules::default()), present);
}

prop_compose! {
    fn any_facts()(linked in 0..4_u8, namesake in 0..4_u8, taken: bool, verified: bool) -> Facts {
        let account = |number, taken| match number {
            0 => None,
            1 => Some(Account { status: UserStatus::Active, taken }),
            2 => Some(Account { status: UserStatus::Invited, taken }),
            _ => Some(Account { status: UserStatus::Disabled, taken }),
        };
        let domain = if verified { Domain::Verified } else { Domain::Foreign };
        Facts { linked: account(linked, false), namesake: account(namesake, taken), domain }
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Oidc), Just(Kind::Saml), Just(Kind::Microsoft)]
}

proptest! {
    #[test]
    fn no_decision_breaks_a_rule(
        facts in any_facts(), kind in any_kind(), verified: bool, trusted: bool, create: bool, address: bool,
    ) {
        let identity = Identity { email: address.then(|| "jane@acme.test".into()), email_verified: verified, ..jane() };
        let trusted_domains = if trusted { vec!["acme.test".to_owned()] } else { Vec::new() };
        let rules = Rules { create_users: create, trusted_domains, ..Rules::default() };
        // Without an address there is no namesake.
        let facts = Facts { namesake: facts.namesake.filter(|_| address), ..facts };
        let vouched = address && (trusted || (verified && kind == Kind::Oidc));
        match decide(&identity, kind, &rules, facts) {
            Ok(Outcome::SignIn) => prop_assert!(facts.linked.is_some_and(|it| it.status != UserStatus::Disabled)),
            Ok(Outcome::Link) => {
                let account = facts.namesake.unwrap();
                prop_assert!(facts.linked.is_none() && vouched && facts.domain == Domain::Verified);
                prop_assert!(account.status != UserStatus::Disabled && !account.taken);
            }
            Ok(Outcome::Create(_)) => {
                prop_assert!(facts.linked.is_none() && facts.namesake.is_none() && create && address);
                prop_assert!(vouched || facts.domain == Domain::Foreign);
            }
            Err(Denial::Exists(_)) => prop_assert!(facts.namesake.is_some() && facts.linked.is_none()),
            Err(Denial::Unknown(_)) => {
                let disabled = facts.linked.or(facts.namesake).is_some_and(|it| it.status == UserStatus::Disabled);
                prop_assert!(disabled || facts.namesake.is_none());
            }
        }
    }

    #[test]
    fn groups_touch_only_roles_they_are_mapped_to(present in 0_i64..128, image in 0_i64..128, half: bool) {
        let (present, image) = (Roles::stored(present), Roles::stored(image));
        let rules = Rules { group_roles: BTreeMap::from([("all".to_owned(), image)]), ..Rules::default() };
        let groups = if half { vec!["all".to_owned()] } else { Vec::new() };
        let after = roles(present, Some(&groups), &rules);
        prop_assert_eq!(after.without(image), present.without(image));
        prop_assert_eq!(after.without(present.without(image)).bits() & image.bits(), if half { image.bits() } else { 0 });
    }
}

//! Who has to show a second factor, and by when.

use std::time::Duration;

use super::*;
use crate::access::Roles;
use crate::config::Span;
use crate::tenants::{Moment, TenantSettings, TwoFactor};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: Duration = Duration::from_hours(24);

fn tenant(settings: TenantSettings) -> Tenant {
    Tenant::of_tests("acme", settings, NOW.before(DAY * 100))
}

fn user(created_at: Timestamp) -> User {
    User {
        tenant: "acme".parse().unwrap(),
        id: UserId(1),
        email: "john@acme.test".into(),
        first_name: "John".into(),
        last_name: "Doe".into(),
        title: String::new(),
        status: UserStatus::Active,
        roles: Roles::default(),
        last_sign_in_at: None,
        created_at,
        two_factor_required_at: None,
        two_factor_since: None,
        epoch: 1,
    }
}

fn required(since: Timestamp, grace: Option<Duration>) -> TenantSettings {
    TenantSettings {
        two_factor: TwoFactor::Required,
        two_factor_since: Some(Moment(since)),
        two_factor_grace: grace.map(Span),
        ..TenantSettings::default()
    }
}

#[test]
fn nothing_is_asked_where_nobody_demands_it_and_nobody_has_enrolled() {
    let old = user(NOW.before(DAY * 50));
    assert_eq!(Demand::of(&tenant(TenantSettings::default()), &old, "pwd", NOW), Demand::Nothing);
}

#[test]
fn whoever_has_enrolled_is_asked_unless_a_second_factor_was_shown() {
    let enrolled = User { two_factor_since: Some(NOW), ..user(NOW) };
    let acme = tenant(TenantSettings::default());
    for (amr, demand) in [
        ("pwd", Demand::Verify),
        ("fed", Demand::Verify),
        ("fed otp", Demand::Verify),
        ("fed mfax", Demand::Verify),
        ("fed mfa", Demand::Nothing),
        ("pwd otp mfa", Demand::Nothing),
    ] {
        assert_eq!(Demand::of(&acme, &enrolled, amr, NOW), demand, "{amr}");
    }
}

#[test]
fn the_time_to_enrol_runs_from_the_demand_or_from_when_somebody_came() {
    let since = NOW.before(DAY * 10);
    let acme = tenant(required(since, Some(DAY * 3)));
    let of = |created_at| Demand::of(&acme, &user(created_at), "pwd", NOW);
    assert_eq!(of(NOW.before(DAY * 50)), Demand::Enrol);
    assert_eq!(of(NOW.before(DAY * 3)), Demand::Enrol);
    assert_eq!(of(NOW.before(DAY * 2)), Demand::Later(NOW.after(DAY)));
    let week = tenant(required(NOW.before(DAY * 6), None));
    assert_eq!(Demand::of(&week, &user(NOW.before(DAY * 50)), "pwd", NOW), Demand::Later(NOW.after(DAY)));
}

#[test]
fn of_two_demands_the_one_due_first_counts() {
    let acme = tenant(required(NOW, Some(DAY * 3)));
    let told = User { two_factor_required_at: Some(NOW.before(DAY * 3)), ..user(NOW.before(DAY * 50)) };
    assert_eq!(Demand::of(&acme, &told, "pwd", NOW), Demand::Enrol);
    assert_eq!(Demand::of(&tenant(TenantSettings::default()), &told, "pwd", NOW), Demand::Later(NOW.after(DAY * 4)));
}

#[test]
fn words_are_added_once_and_two_factors_are_called_so() {
    assert_eq!(with_words("pwd", "otp"), "pwd otp mfa");
    assert_eq!(with_words("fed otp", "otp"), "fed otp mfa");
    assert_eq!(with_words("pwd", "hwk user"), "pwd hwk user mfa");
}

//! Who must show a second factor, and since when: pure, from what tenant and user say.

use std::time::Duration;

use crate::env::Timestamp;
use crate::tenants::{Tenant, TwoFactor};
use crate::users::User;

/// How long somebody may take to enrol, where the tenant says nothing.
pub(crate) const GRACE: Duration = Duration::from_hours(7 * 24);

/// What is asked of somebody who has shown one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing more.
    Nothing,
    /// Nothing yet: a second factor has to be enrolled by then.
    Later(Timestamp),
    /// To enrol a second factor first.
    Enrol,
    /// The second factor they have.
    Verify,
}

impl Demand {
    /// What is asked of a user who signed in so. A second factor that a provider vouches for is one.
    pub(crate) fn of(tenant: &Tenant, user: &User, amr: &str, now: Timestamp) -> Self {
        let due = due(tenant, user);
        let enrolled = user.two_factor_since.is_some();
        if (due.is_none() && !enrolled) || shows_two(amr) {
            return Self::Nothing;
        }
        match due {
            _ if enrolled => Self::Verify,
            Some(due) if now < due => Self::Later(due),
            Some(_) | None => Self::Enrol,
        }
    }
}

/// By when a user must have a second factor; nothing if nobody demands one. Of two demands the one that is due first counts.
pub(crate) fn due(tenant: &Tenant, user: &User) -> Option<Timestamp> {
    let settings = &tenant.settings;
    let of_all = match settings.two_factor {
        TwoFactor::Required => Some(settings.two_factor_since.map_or(tenant.created_at, |since| since.0)),
        TwoFactor::Off => None,
    };
    // Whoever came later has the same time as those who were there.
    let of_all = of_all.map(|since| since.max(user.created_at));
    let since = [of_all, user.two_factor_required_at].into_iter().flatten().min()?;
    Some(since.after(settings.two_factor_grace.map_or(GRACE, |grace| grace.0)))
}

/// Whether the words of a sign-in (RFC 8176) tell of more than one factor. We say so ourselves, and of providers we pass it on.
pub(in crate::signin) fn shows_two(amr: &str) -> bool {
    amr.split(' ').any(|word| word == "mfa")
}

//! What the licence holds back: changes by tenants' people while there is none or it has run out, and more people than it has seats.

use std::sync::atomic::Ordering;

use super::{Notice, sql};
use crate::access::{Grant, Writes};
use crate::app::App;
use crate::config::Mode;
use crate::error::{Error, Result};
use crate::store::{Applied, Change, args};

impl App {
    /// Carries out a change by someone with a right that writes. The one way for them, and the one place where a licence is asked for.
    ///
    /// The admin realm needs none: it prepares a deployment before its licence is there, and helps when that has run out. Nor does what
    /// only takes away. What people do with themselves needs no right and does not come here: signing in and out, their own password.
    ///
    /// # Errors
    /// [`Error::LicenseRequired`], [`Error::LicenseExpired`]; whatever the change refuses.
    pub(crate) async fn apply<P: Writes>(&self, by: &Grant<P>, change: Change) -> Result<Applied> {
        if by.is_by_a_user() && !change.takes_away() {
            self.demand_license().await?;
        }
        self.store.carry_out(change).await
    }

    /// Refuses on premises without a licence, or past its grace period.
    ///
    /// # Errors
    /// [`Error::LicenseRequired`], [`Error::LicenseExpired`].
    pub(crate) async fn demand_license(&self) -> Result<()> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(());
        }
        self.license_in_force().await?.stage(self.now()).permits_changes()
    }

    /// Adds to a change that somebody takes a seat, if seats are counted: while a licence is in force, however old. Rivals on all nodes
    /// queue up, so that no seat is taken twice.
    pub(crate) async fn taking_a_seat(&self, change: Change) -> Result<Change> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(change);
        }
        let in_force = self.license_in_force().await?;
        let Some(license) = &in_force.license else { return Ok(change) };
        let change = change.must_over_all(sql::GUARD, args![], || Error::internal("the deployment has no id"));
        Ok(change.must_over_all(sql::SEAT_FREE, args![license.seats], || Error::LicenseSeats))
    }

    /// How many seats are free, if they are counted.
    pub(crate) async fn free_seats(&self) -> Result<Option<i64>> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(None);
        }
        let in_force = self.license_in_force().await?;
        let Some(license) = &in_force.license else { return Ok(None) };
        let used: Vec<i64> = self.store.system_all(sql::SEATS_USED, args![]).await?;
        Ok(Some(i64::from(license.seats) - used.first().copied().unwrap_or(0)))
    }

    /// What the log should say of the licence: whatever there is to say, once a day.
    pub async fn license_notice_of_the_day(&self) -> Result<Option<Notice>> {
        let day = self.now().seconds().div_euclid(86_400);
        let Some(notice) = self.license_notices().await?.into_iter().next() else { return Ok(None) };
        Ok((self.license_told.swap(day, Ordering::Relaxed) != day).then_some(notice))
    }
}

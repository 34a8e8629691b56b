//! The licence of an on-premises deployment: installing keys, what is in force, and how far along its life it is.
//!
//! A licence names the deployment's instance, counts seats, and runs out by stages. Hosted deployments need none.

mod enforce;
mod issue;
mod key;
pub(crate) mod sql;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::access::{SystemGrant, system_right};
use crate::app::App;
use crate::audit::{Action, Entry, Target};
use crate::config::Mode;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::store::{Change, FromRow, Row, Stale, args};
pub use issue::{Issuer, inspect};
use key::Unfit;
pub(crate) use key::VendorKey;

/// So long before a licence runs out people are told.
pub const NOTICE: Duration = Duration::from_hours(30 * 24);
/// So long after a licence ran out everything still works.
pub const GRACE: Duration = Duration::from_hours(14 * 24);

/// A licence: what the vendor signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// To whom it was given.
    pub licensee: String,
    /// The one deployment it is for, by [`App::instance`].
    pub instance: String,
    /// How many users, active or invited, it allows.
    pub seats: u32,
    /// Its place in the order of licences; a newer one has a higher serial.
    pub serial: i64,
    /// When the vendor made it.
    pub issued_at: Timestamp,
    /// Its first second.
    pub valid_from: Timestamp,
    /// The first second after its last.
    pub expires_at: Timestamp,
}

/// How far along its life a licence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// There is no licence.
    Unlicensed,
    /// In force, and not near its end.
    Valid,
    /// In force; it runs out within [`NOTICE`].
    Notice,
    /// Run out less than [`GRACE`] ago: everything still works.
    Grace,
    /// Run out longer ago: nothing may be changed but what takes away or renews the licence.
    ReadOnly,
}

impl Stage {
    /// Whether tenants' people may change things. Reading, removing users and the admin realm never ask.
    ///
    /// # Errors
    /// [`Error::LicenseRequired`] without a licence, [`Error::LicenseExpired`] past the grace period.
    pub fn permits_changes(self) -> Result<()> {
        match self {
            Self::Valid | Self::Notice | Self::Grace => Ok(()),
            Self::Unlicensed => Err(Error::LicenseRequired),
            Self::ReadOnly => Err(Error::LicenseExpired),
        }
    }
}

/// Whether a text is a vendor's public key, as `license.public_key` has to hold it.
pub fn is_public_key(text: &str) -> bool {
    VendorKey::parse(text).is_ok()
}

/// How far along its life a licence is at a moment.
pub fn stage(license: Option<&License>, now: Timestamp) -> Stage {
    let Some(license) = license else { return Stage::Unlicensed };
    let end = license.expires_at;
    if now < end.before(NOTICE) {
        Stage::Valid
    } else if now < end {
        Stage::Notice
    } else if now < end.after(GRACE) {
        Stage::Grace
    } else {
        Stage::ReadOnly
    }
}

/// How a deployment stands with its licence.
#[derive(Clone, Debug)]
pub struct LicenseState {
    /// Whether one is needed at all.
    pub mode: Mode,
    /// This deployment's own id, which a licence must name.
    pub instance: String,
    /// How far along its life the licence is.
    pub stage: Stage,
    /// Users, active or invited, over all tenants.
    pub seats_used: i64,
    /// What people are told about it.
    pub notices: Vec<Notice>,
    /// The licence in force.
    pub license: Option<License>,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
}

/// What people should be told about the licence. It prints as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How far along its life the licence is.
    pub stage: Stage,
    /// The first second after the licence's last; none without a licence.
    pub expires_at: Option<Timestamp>,
    /// From when on nothing may be changed; none without a licence, for then it is so already.
    pub read_only_at: Option<Timestamp>,
}

impl Notice {
    /// What there is to say of a licence at a stage, if anything.
    fn of(license: Option<&License>, stage: Stage) -> Option<Self> {
        let expires_at = license.map(|it| it.expires_at);
        let notice = Self { stage, expires_at, read_only_at: expires_at.map(|end| end.after(GRACE)) };
        (stage != Stage::Valid).then_some(notice)
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.stage, self.expires_at, self.read_only_at) {
            (Stage::Grace, _, Some(end)) => write!(f, "The licence has expired. From {end} nothing can be changed."),
            (Stage::ReadOnly, ..) => {
                f.write_str("The licence has expired. Nothing can be changed until it is renewed.")
            }
            (_, Some(end), _) => write!(f, "The licence expires at {end}."),
            _ => f.write_str("There is no licence. Nothing can be changed until one is installed."),
        }
    }
}

/// The licence in force on this node: what it says, and the latest time seen under it.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    pub(crate) license: Option<License>,
    installed_at: Option<Timestamp>,
    seen: AtomicI64,
}

impl InForce {
    /// The moment to judge the licence by: a clock set back revives nothing. A newer licence brings a mark of its own.
    fn moment(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.seen.fetch_max(now.0, Ordering::Relaxed).max(now.0))
    }

    /// How far along its life the licence is.
    pub(crate) fn stage(&self, now: Timestamp) -> Stage {
        stage(self.license.as_ref(), self.moment(now))
    }
}

/// A licence as the store keeps it.
struct Stored {
    serial: i64,
    key: String,
    installed_at: Timestamp,
    seen_at: Timestamp,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { serial: row.int(0)?, key: row.text(1)?.into(), installed_at: row.time(2)?, seen_at: row.time(3)? })
    }
}

impl App {
    /// Installs a licence key; white space around it is ignored. Installing the one in force again changes nothing.
    ///
    /// # Errors
    /// [`Error::LicenseInvalid`] for a key that the vendor did not sign, that is not for this deployment or not for now, or that is
    /// not newer than the one in force, which then stays. The reason is in the audit log.
    pub async fn install_license(
        &self,
        by: &SystemGrant<system_right::LicenseInstall>,
        key: &str,
    ) -> Result<LicenseState> {
        let key = key.trim();
        let present = self.stored_license().await?;
        let now = present.as_ref().map_or(self.now(), |it| it.installed_at.max(self.now()));
        match self.judge_license(key, now) {
            Err(refused) => Err(self.refuse_license(by, now, refused).await),
            Ok(_) if present.is_some_and(|it| it.key == key) => self.present_license().await,
            Ok(license) => self.put_in_force(by, now, &license, key).await,
        }
    }

    /// How the deployment stands with its licence.
    pub async fn license_state(&self, _by: &SystemGrant<system_right::LicenseRead>) -> Result<LicenseState> {
        self.present_license().await
    }

    /// What the people of any tenant should be told about the licence. From memory: one look for each request is fine.
    pub async fn license_notices(&self) -> Result<Vec<Notice>> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(Vec::new());
        }
        let in_force = self.license_in_force().await?;
        Ok(Notice::of(in_force.license.as_ref(), in_force.stage(self.now())).into_iter().collect())
    }

    /// The licence in force, as remembered or read.
    pub(crate) async fn license_in_force(&self) -> Result<Arc<InForce>> {
        let read = async || self.read_license_in_force().await.map(Some);
        let known = self.live.license.find(&(), self.store.trust(), read).await?;
        Ok(known.unwrap_or_default())
    }

    /// Writes down the latest time seen under the licence in force.
    pub(crate) async fn note_license_time(&self, now: Timestamp) -> Result<()> {
        if self.settings.deployment.mode == Mode::Hosted {
            return Ok(());
        }
        let in_force = self.license_in_force().await?;
        let Some(license) = &in_force.license else { return Ok(()) };
        let seen = args![license.serial, in_force.moment(now)];
        self.store.carry_out(Change::unlogged().run_system(sql::SEEN, seen)).await.map(drop)
    }

    async fn present_license(&self) -> Result<LicenseState> {
        let in_force = self.license_in_force().await?;
        let counted: Vec<i64> = self.store.system_all(sql::SEATS_USED, args![]).await?;
        Ok(LicenseState {
            mode: self.settings.deployment.mode,
            instance: self.instance.clone(),
            stage: in_force.stage(self.now()),
            seats_used: counted.first().copied().unwrap_or(0),
            notices: self.license_notices().await?,
            license: in_force.license.clone(),
            installed_at: in_force.installed_at,
        })
    }

    /// What the store holds is believed no more than what is sent: its key is checked again. An older licence never steps in.
    async fn read_license_in_force(&self) -> Result<InForce> {
        let Some(stored) = self.stored_license().await? else { return Ok(InForce::default()) };
        let believed = self.read_license(&stored.key).and_then(|license| self.is_for_here(&license).map(|()| license));
        match believed {
            Ok(license) if license.serial == stored.serial => Ok(InForce {
                license: Some(license),
                installed_at: Some(stored.installed_at),
                seen: AtomicI64::new(stored.seen_at.0),
            }),
            Ok(_) => Ok(disbelieved("its serial is not the one in its key")),
            Err(unfit) => Ok(disbelieved(&unfit.to_string())),
        }
    }

    async fn stored_license(&self) -> Result<Option<Stored>> {
        self.store.system_one(sql::IN_FORCE, args![]).await
    }

    fn read_license(&self, key: &str) -> Result<License, Unfit> {
        self.vendor.as_ref().ok_or(Unfit::NoVendor)?.read(key)
    }

    fn is_for_here(&self, license: &License) -> Result<(), Unfit> {
        if license.instance == self.instance { Ok(()) } else { Err(Unfit::Instance) }
    }

    fn judge_license(&self, key: &str, now: Timestamp) -> Result<License, Refused> {
        let license = self.read_license(key).map_err(|unfit| Refused { unfit, serial: None })?;
        let serial = Some(license.serial);
        self.is_for_here(&license)
            .and_then(|()| license.is_for(now))
            .map_err(|unfit| Refused { unfit, serial })
            .map(|()| license)
    }

    async fn put_in_force(
        &self,
        by: &SystemGrant<system_right::LicenseInstall>,
        now: Timestamp,
        license: &License,
        key: &str,
    ) -> Result<LicenseState> {
        let change = Change::system(entry(by, now, Some(license.serial)).because(license.to_string()))
            .run_system(sql::GUARD, args![])
            .must_system(sql::INSTALL, args![license.serial, key, now], || Error::LicenseInvalid)
            .forgetting(Stale::License);
        match self.store.apply_system(by, change).await {
            Ok(_) => self.present_license().await,
            // One at least as new is there, perhaps only just and by another node. It may be this very one.
            Err(Error::LicenseInvalid) if self.stored_license().await?.is_some_and(|it| it.key == key) => {
                self.present_license().await
            }
            Err(Error::LicenseInvalid) => {
                let refused = Refused { unfit: Unfit::Older, serial: Some(license.serial) };
                Err(self.refuse_license(by, now, refused).await)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Writes the refusal down. If that fails, the answer is that failure.
    async fn refuse_license(
        &self,
        by: &SystemGrant<system_right::LicenseInstall>,
        now: Timestamp,
        Refused { unfit, serial }: Refused,
    ) -> Error {
        let refused = Change::system(entry(by, now, serial).refused(unfit.to_string()));
        self.store.apply_system(by, refused).await.err().unwrap_or(Error::LicenseInvalid)
    }
}

impl License {
    fn is_for(&self, now: Timestamp) -> Result<(), Unfit> {
        // A licence made in the future means that our clock was set back.
        if now < self.valid_from.max(self.issued_at) {
            return Err(Unfit::NotYet);
        }
        if now < self.expires_at { Ok(()) } else { Err(Unfit::Expired) }
    }
}

/// Why a key is refused, and which: its serial, if the vendor signed it. Nothing else that was sent goes into the log.
struct Refused {
    unfit: Unfit,
    serial: Option<i64>,
}

/// For the log: who may use how much until when.
impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seats for {} until {}", self.seats, self.licensee, self.expires_at)
    }
}

fn entry<P>(by: &SystemGrant<P>, now: Timestamp, serial: Option<i64>) -> Entry {
    let serial = serial.map_or_else(|| "unread".to_owned(), |it| it.to_string());
    Entry::done(now, by.actor(), by.visit(), Action::LicenseInstalled, Target::named("license", &serial))
}

/// No licence, because the one in the store cannot be believed.
fn disbelieved(why: &str) -> InForce {
    tracing::warn!(why, "the licence in the store is not believed; install it again");
    InForce::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const END: i64 = 1_900_000_000;

    fn license() -> License {
        License {
            licensee: "Acme".into(),
            instance: "here".into(),
            seats: 5,
            serial: 1,
            issued_at: Timestamp::from_seconds(END - 365 * DAY),
            valid_from: Timestamp::from_seconds(END - 365 * DAY),
            expires_at: Timestamp::from_seconds(END),
        }
    }

    #[test]
    fn a_licence_goes_through_its_stages_at_their_very_first_moments() {
        let last_moments = [
            (END - 365 * DAY, Stage::Valid, Stage::Valid),
            (END - 30 * DAY, Stage::Valid, Stage::Notice),
            (END, Stage::Notice, Stage::Grace),
            (END + 14 * DAY, Stage::Grace, Stage::ReadOnly),
            (END + 3_650 * DAY, Stage::ReadOnly, Stage::ReadOnly),
        ];
        for (second, before, from) in last_moments {
            let moment = Timestamp::from_seconds(second);
            assert_eq!(stage(Some(&license()), Timestamp(moment.0 - 1)), before, "before {second}");
            assert_eq!(stage(Some(&license()), moment), from, "from {second}");
        }
    }

    #[test]
    fn without_a_licence_there_is_one_stage_for_ever() {
        for now in [Timestamp(0), Timestamp::from_seconds(END), Timestamp(i64::MAX)] {
            assert_eq!(stage(None, now), Stage::Unlicensed);
        }
    }

    #[test]
    fn changes_are_permitted_until_the_grace_period_ends() {
        for stage in [Stage::Valid, Stage::Notice, Stage::Grace] {
            assert!(stage.permits_changes().is_ok());
        }
        assert!(matches!(Stage::Unlicensed.permits_changes(), Err(Error::LicenseRequired)));
        assert!(matches!(Stage::ReadOnly.permits_changes(), Err(Error::LicenseExpired)));
    }

    #[test]
    fn a_clock_set_back_revives_nothing() {
        let in_force = InForce { license: Some(license()), installed_at: None, seen: AtomicI64::new(0) };
        assert_eq!(in_force.stage(Timestamp::from_seconds(END - 60 * DAY)), Stage::Valid);
        assert_eq!(in_force.stage(Timestamp::from_seconds(END + DAY)), Stage::Grace);
        assert_eq!(in_force.stage(Timestamp::from_seconds(END - 60 * DAY)), Stage::Grace);
    }

    #[test]
    fn people_are_told_of_everything_but_a_valid_licence() {
        let told = |license: Option<&License>, stage| Notice::of(license, stage).map(|it| it.to_string());
        let license = license();
        assert_eq!(told(Some(&license), Stage::Valid), None);
        let all = [
            told(Some(&license), Stage::Notice),
            told(Some(&license), Stage::Grace),
            told(Some(&license), Stage::ReadOnly),
            told(None, Stage::Unlicensed),
        ];
        insta::assert_snapshot!(all.map(Option::unwrap).join("\n"), @r"
        The licence expires at 2030-03-17T17:46:40Z.
        The licence has expired. From 2030-03-31T17:46:40Z nothing can be changed.
        The licence has expired. Nothing can be changed until it is renewed.
        There is no licence. Nothing can be changed until one is installed.
        ");
    }
}

//! Codes of an authenticator app (TOTP, RFC 6238): setting one up, and checking a code.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use totp_rs::{Builder, Totp};

use super::recovery::Enrolled;
use crate::access::{Caller, Scope};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::secret::Secret;
use crate::signin::second::{
    Challenge, Completed, RULE, Shown, StoredTotp, Wanted, Wrong, demand_session, keeping_session, sql,
};
use crate::store::{Change, Stale, args};
use crate::tenants::Tenant;
use crate::users::User;

/// A new secret, as it is shown to its owner: once.
#[derive(Debug)]
pub struct TotpOffer {
    /// The secret, base32, for typing in.
    pub secret: Secret,
    /// The same as an `otpauth:` address.
    pub uri: Secret,
    /// The same as a picture to scan: an SVG element.
    pub picture: Secret,
}

impl TotpOffer {
    /// The picture in a `data:` address.
    pub fn qr(&self) -> Secret {
        Secret::new(format!("data:image/svg+xml;base64,{}", STANDARD.encode(self.picture.reveal())))
    }
}

/// Seconds for which a code is good; what every app takes for granted.
const STEP: i64 = 30;
/// Steps before and after the present one whose codes are good too (RFC 6238 section 5.2).
const SKEW: i64 = 1;
/// How long a secret that was shown waits for its first code.
const OFFER_LIFETIME: Duration = Duration::from_mins(10);

impl App {
    /// Draws a secret for the caller's authenticator app. Nothing is asked of them before a first code has confirmed it; an app that is
    /// set up already goes on until then.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `password` if the sign-in is too old to do without; [`Error::InvalidCredentials`] if it is wrong;
    /// [`Error::Forbidden`] without a session; [`Error::RateLimited`].
    pub async fn start_totp(&self, caller: &Caller, password: Option<&Secret>) -> Result<TotpOffer> {
        self.demand_fresh(caller, password, Action::TotpAdded).await?;
        self.offer_totp(&caller.tenant, &caller.user).await
    }

    /// The same for somebody whose sign-in waits for it.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for a challenge that is unknown, expired or spent, or wants a factor that there is.
    pub async fn start_totp_first(&self, challenge: &Secret, visit: &Visit) -> Result<TotpOffer> {
        let challenge = self.demand_enrolment(challenge, visit).await?;
        self.offer_totp(&challenge.tenant, &challenge.user).await
    }

    /// Confirms the caller's authenticator app with a first code: from now on it is asked for. Their other sessions end. Gives recovery
    /// codes if there were no second factors before.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] if the code is wrong; [`Error::Conflict`] if no secret waits for one; [`Error::Forbidden`];
    /// [`Error::RateLimited`].
    pub async fn confirm_totp(&self, caller: &Caller, code: &Secret) -> Result<Vec<Secret>> {
        demand_session(caller)?;
        let now = self.now();
        let place = self.take_place(format!("enrol/{}", caller.user.id), &RULE, now).await?;
        let confirmed = self.confirming(&caller.tenant, &caller.user, code, &caller.visit, now).await;
        match confirmed {
            Ok(Some(Enrolled { change, codes })) => {
                let change = place.succeeded(keeping_session(change, caller), now);
                let done = self.store.carry_out(change).await.map(|_| codes);
                self.giving_back(done, place).await
            }
            Ok(None) => {
                self.store.carry_out(place.failed(Change::unlogged(), now)).await?;
                Err(Error::InvalidCredentials)
            }
            Err(fault) => self.giving_back(Err(fault), place).await,
        }
    }

    /// The same for somebody whose sign-in waits for it, and ends with it.
    ///
    /// # Errors
    /// As [`App::confirm_totp`], and [`App::start_totp_first`].
    pub async fn confirm_totp_first(&self, challenge: &Secret, code: &Secret, visit: &Visit) -> Result<Completed> {
        let challenge = self.demand_enrolment(challenge, visit).await?;
        let now = self.now();
        let place = self.place_for_code(&challenge, visit, now).await?;
        let epoch = challenge.user.epoch + 1;
        match self.confirming(&challenge.tenant, &challenge.user, code, visit, now).await {
            Ok(Some(Enrolled { change, codes })) => {
                let shown = Shown { words: "otp", change: change.forgetting(Stale::User(challenge.user.id)) };
                let completed = self.complete(challenge, shown, epoch, &place, visit, now).await;
                let completed = completed.map(|completed| Completed { recovery_codes: codes, ..completed });
                self.giving_back(completed, place).await
            }
            Ok(None) => {
                self.store.carry_out(place.failed(Change::unlogged(), now)).await?;
                Err(Error::InvalidCredentials)
            }
            Err(fault) => self.giving_back(Err(fault), place).await,
        }
    }

    /// Whether a code is one of the user's app, and none that was used.
    pub(in crate::signin) async fn look_at_totp(
        &self,
        challenge: &Challenge,
        code: &Secret,
        now: Timestamp,
    ) -> Result<Result<Shown, Wrong>> {
        let user = challenge.user.id;
        let stored: Option<StoredTotp> = self.store.one(challenge, sql::TOTP, args![user]).await?;
        let Some((stored, sealed)) = stored.and_then(|totp| Some((totp.last_step, totp.sealed?))) else {
            return Ok(Err(Wrong("a code of an app that is not set up")));
        };
        let totp = self.app_of(challenge, user, &sealed)?;
        Ok(match step_of(&totp, code.reveal(), now) {
            None => Err(Wrong("a wrong code")),
            Some(step) if step <= stored => Err(Wrong("a code that was used before")),
            Some(step) => {
                let change = Change::unlogged_within(challenge)
                    .must(sql::USE_STEP, args![user, sealed, step], || Error::InvalidCredentials);
                Ok(Shown { words: "otp", change })
            }
        })
    }

    async fn demand_enrolment(&self, challenge: &Secret, visit: &Visit) -> Result<Challenge> {
        let challenge = self.demand_challenge(challenge, visit, self.now()).await?;
        if challenge.wants(Wanted::Enrol) { Ok(challenge) } else { Err(Error::InvalidToken) }
    }

    async fn offer_totp(&self, tenant: &Tenant, user: &User) -> Result<TotpOffer> {
        let now = self.now();
        let secret = self.draw::<20>();
        let sealed = self.vault.seal(&context(tenant, user.id), &secret, &*self.entropy);
        let change = Change::unlogged_within(tenant).run(sql::OFFER_TOTP, args![user.id, sealed, now]);
        self.store.carry_out(change).await?;
        shown(&secret, tenant, user)
    }

    /// The change that puts the waiting secret in force; nothing for a wrong code.
    async fn confirming(
        &self,
        tenant: &Tenant,
        user: &User,
        code: &Secret,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Option<Enrolled>> {
        let stored: Option<StoredTotp> = self.store.one(tenant, sql::TOTP, args![user.id]).await?;
        let waiting = stored.and_then(|totp| Some((totp.pending?, totp.pending_at?)));
        let Some((pending, _)) = waiting.filter(|(_, since)| now.since(*since) < OFFER_LIFETIME) else {
            return Err(Error::Conflict);
        };
        let totp = self.app_of(tenant, user.id, &pending)?;
        let digits: String = code.reveal().chars().filter(|letter| !letter.is_whitespace()).collect();
        let Some(step) = step_of(&totp, &digits, now) else { return Ok(None) };
        let entry = Entry::done(now, &Actor::User(user.id), visit, Action::TotpAdded, Target::user(user.id));
        let change = Change::within(tenant, entry)
            .must(sql::GUARD, args![user.id, now, user.epoch], || Error::Conflict)
            .must(sql::CONFIRM_TOTP, args![user.id, pending, step], || Error::Conflict);
        Ok(Some(self.enrolled(change, user, visit, now)))
    }

    fn app_of(&self, scope: &impl Scope, user: UserId, sealed: &[u8]) -> Result<Totp> {
        let secret = self.vault.open_sealed(&context(scope, user), sealed)?;
        Builder::new().with_secret(secret.to_vec()).build().map_err(Error::internal)
    }
}

/// The step whose code this is, of those whose codes are good now; the earliest if chance made two alike.
fn step_of(totp: &Totp, code: &str, now: Timestamp) -> Option<i64> {
    let present = now.seconds().div_euclid(STEP);
    let code = Secret::new(code);
    (present - SKEW..=present + SKEW).find(|step| {
        let begins = u64::try_from(step * STEP).unwrap_or(0);
        code.is(&totp.generate(begins).to_string())
    })
}

fn shown(secret: &[u8; 20], tenant: &Tenant, user: &User) -> Result<TotpOffer> {
    // The colon is what apps part the two by.
    let named = |text: &str| text.replace(':', " ");
    let totp = Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(named(&user.email))
        .with_issuer(Some(named(&tenant.name)))
        .build()
        .map_err(Error::internal)?;
    let uri = totp.to_url().map_err(Error::internal)?;
    let picture = qrcode::QrCode::new(uri.as_bytes()).map_err(Error::internal)?;
    let svg = picture.render::<qrcode::render::svg::Color<'_>>().min_dimensions(200, 200).build();
    Ok(TotpOffer {
        secret: Secret::new(totp_rs::Secret::from(*secret).to_base32()),
        uri: Secret::new(uri),
        // The declaration before it is for files, and has no place in a page.
        picture: Secret::new(svg.find("<svg").and_then(|at| svg.get(at..)).unwrap_or(&svg)),
    })
}

/// What a secret is sealed with: it opens for its user alone.
fn context(scope: &impl Scope, user: UserId) -> String {
    format!("totp/{}/{user}", scope.tenant())
}

#[cfg(test)]
mod tests;

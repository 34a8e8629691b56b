//! Passkeys: registering one, showing one as a second factor, and signing in with nothing else.

mod ceremony;

use serde_json::{Value, json};

use super::recovery::Enrolled;
use crate::access::Caller;
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{PasskeyId, TenantId, UserId};
use crate::secret::{self, Secret};
use crate::session::SignedIn;
use crate::signin::bounds::Bound;
use crate::signin::second::{Challenge, Passkey, Shown, Wrong, demand_session, keeping_session, own_entry, sql};
use crate::signin::webauthn::{ALGORITHMS, Flaw, PasskeyMade, PasskeyShown, RelyingParty, Signed};
use crate::signin::{Proof, Seal, sql as signin_sql};
use crate::store::{Change, args};
use crate::users::{User, UserStatus, sql as users_sql};
use ceremony::{Ceremony, LIFETIME};

/// How long a browser asks its user, in milliseconds.
const PATIENCE: u128 = LIFETIME.as_millis();

/// Who issued the proofs that are spent here; no provider is called so.
const ISSUER: &str = "urn:purser:passkey";

impl App {
    /// Begins to register a passkey for the caller: what the browser's `navigator.credentials.create` takes.
    ///
    /// # Errors
    /// As [`App::start_totp`]; [`Error::Invalid`] naming `server.public_url` where passkeys cannot be used.
    pub async fn start_passkey(&self, caller: &Caller, password: Option<&Secret>) -> Result<Value> {
        let site = self.relying_party()?;
        self.demand_fresh(caller, password, Action::PasskeyAdded).await?;
        let now = self.now();
        let there = self.passkeys_of(caller, caller.user.id).await?;
        let user = &caller.user;
        let challenge = self.begin(&Ceremony::of_registering(caller), now);
        Ok(json!({
            "rp": {"id": site.id, "name": caller.tenant.name},
            "user": {
                "id": secret::encode(&self.user_handle(user.id)),
                "name": user.email,
                "displayName": format!("{} {}", user.first_name, user.last_name),
            },
            "challenge": secret::encode(&challenge),
            "pubKeyCredParams": ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg})),
            "timeout": PATIENCE,
            "excludeCredentials": descriptors(&there),
            "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
            "attestation": "none",
        }))
    }

    /// Keeps the passkey that was made, under a name. Gives recovery codes if there were no second factors before; then the caller's
    /// other sessions end.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `passkey` if it is not believed, or `name`; [`Error::Conflict`] if it is registered already, or there
    /// are twenty; [`Error::Forbidden`] without a session.
    pub async fn add_passkey(&self, caller: &Caller, name: &str, made: &PasskeyMade) -> Result<(Passkey, Vec<Secret>)> {
        demand_session(caller)?;
        let site = self.relying_party()?;
        let name = crate::users::person_name("name", name)?;
        let now = self.now();
        let ceremony = Ceremony::of_registering(caller);
        let made = match site.made(made, |challenge| self.is_of(challenge, &ceremony, now)) {
            Ok(new) => (new, made.challenge()),
            Err(flaw) => {
                let entry = own_entry(caller, now, Action::PasskeyAdded).refused(flaw.0);
                self.store.carry_out(Change::within(caller, entry)).await?;
                return Err(Error::invalid("passkey", "was not accepted; begin again"));
            }
        };
        let ((new, challenge), user) = (made, &caller.user);
        let id = PasskeyId::mint(now, &*self.entropy);
        let first = user.two_factor_since.is_none();
        let change = Change::within(caller, own_entry(caller, now, Action::PasskeyAdded).because(&name));
        let change = if first {
            let change = change.must(sql::GUARD, args![user.id, now, user.epoch], || Error::Conflict);
            keeping_session(change, caller)
        } else {
            change.must(sql::QUEUE, args![user.id, user.epoch], || Error::Conflict)
        };
        let row = args![id, user.id, new.credential, new.key, new.counter, name, now];
        let change =
            spending(change, &challenge, now, || Error::Conflict).must(sql::ADD_PASSKEY, row, || Error::Conflict);
        let Enrolled { change, codes } = self.enrolled(change, user, &caller.visit, now);
        self.store.carry_out(change).await?;
        let all = self.passkeys_of(caller, user.id).await?;
        let kept = all.into_iter().find(|passkey| passkey.id == id);
        Ok((kept.ok_or(Error::NotFound)?, codes))
    }

    /// Begins a sign-in with nothing but a passkey: what the browser's `navigator.credentials.get` takes. Nothing is kept of it, so
    /// whoever begins and never ends costs nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `server.public_url` where passkeys cannot be used; [`Error::SsoRequired`] if a tenant is named that
    /// signs in through its providers only.
    pub async fn start_passkey_sign_in(&self, named: Option<&TenantId>) -> Result<Value> {
        let site = self.relying_party()?;
        if let Some(id) = named {
            self.demand_own_sign_in(id).await?;
        }
        let challenge = self.begin(&Ceremony::of_signing_in(), self.now());
        Ok(request(&site, &challenge, "required", &[]))
    }

    /// Signs in with nothing but a passkey: its owner was told apart by the authenticator, so it is two factors in one.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`], the same for whatever is wrong; [`Error::SsoRequired`]; [`Error::RateLimited`].
    pub async fn sign_in_with_passkey(
        &self,
        shown: &PasskeyShown,
        named: Option<&TenantId>,
        visit: &Visit,
    ) -> Result<SignedIn> {
        let site = self.relying_party()?;
        let now = self.now();
        self.demand_room(Bound::Proofs(visit), now).await?;
        let found: Option<Passkey> = self.store.system_one(sql::PASSKEY, args![shown.id().to_vec()]).await?;
        let Some(passkey) = found.filter(|it| named.is_none_or(|named| *named == it.tenant)) else {
            self.log_strange_proof("", "a passkey that nobody here has", visit).await?;
            return Err(Error::InvalidCredentials);
        };
        match self.opened_by(&site, &passkey, shown, now).await? {
            Ok((user, signed)) => {
                self.demand_own_sign_in(&passkey.tenant).await?;
                self.open_by_passkey(&passkey, user, signed, shown, visit, now).await
            }
            Err(flaw) => {
                self.log_flaw(&passkey, flaw, visit, now).await?;
                Err(Error::InvalidCredentials)
            }
        }
    }

    /// For the browser of somebody whose sign-in waits: their passkeys; nothing without any, or where passkeys cannot be used.
    pub(in crate::signin) async fn second_passkey_options(
        &self,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<Option<Value>> {
        let Ok(site) = self.relying_party() else { return Ok(None) };
        let there = self.passkeys_of(challenge, challenge.user.id).await?;
        if there.is_empty() {
            return Ok(None);
        }
        let begun = self.begin(&Ceremony::of_second_factor(challenge), now);
        Ok(Some(request(&site, &begun, "preferred", &there)))
    }

    /// Whether this was signed by a passkey of the user, for this very challenge.
    pub(in crate::signin) async fn look_at_passkey(
        &self,
        challenge: &Challenge,
        shown: &PasskeyShown,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Result<Shown, Wrong>> {
        let site = self.relying_party()?;
        let all = self.passkeys_of(challenge, challenge.user.id).await?;
        let Some(passkey) = all.iter().find(|it| it.credential == shown.id()) else {
            return Ok(Err(Wrong("a passkey that is not theirs")));
        };
        if shown.user_handle().is_some_and(|handle| handle != self.user_handle(challenge.user.id)) {
            return Ok(Err(Wrong("a passkey made for somebody else")));
        }
        let ceremony = Ceremony::of_second_factor(challenge);
        let signed = match site.signed(shown, &passkey.key, |begun| self.is_of(begun, &ceremony, now)) {
            Ok(signed) => signed,
            Err(flaw) => return Ok(Err(Wrong(flaw.0))),
        };
        if !counts_on(passkey.counter, signed.counter) {
            self.log_copy(passkey, visit, now).await?;
            return Ok(Err(Wrong(COPIED.0)));
        }
        let change = used(Change::unlogged_within(challenge), passkey, signed, now);
        Ok(Ok(Shown {
            words: kind(signed),
            change: spending(change, &shown.challenge(), now, || Error::InvalidCredentials),
        }))
    }

    /// Whose a passkey is that is shown alone, and what it signed.
    async fn opened_by(
        &self,
        site: &RelyingParty,
        passkey: &Passkey,
        shown: &PasskeyShown,
        now: Timestamp,
    ) -> Result<Result<(User, Signed), Flaw>> {
        if shown.user_handle() != Some(self.user_handle(passkey.user).as_slice()) {
            return Ok(Err(Flaw("the passkey does not say whose it is, or says another's")));
        }
        let ceremony = Ceremony::of_signing_in();
        let signed = match site.signed(shown, &passkey.key, |begun| self.is_of(begun, &ceremony, now)) {
            Ok(signed) => signed,
            Err(flaw) => return Ok(Err(flaw)),
        };
        if !signed.flags.verified() {
            return Ok(Err(Flaw("the authenticator did not ask for a PIN, finger or face")));
        }
        if !counts_on(passkey.counter, signed.counter) {
            return Ok(Err(COPIED));
        }
        let tenant = self.living_tenant(&passkey.tenant).await?.filter(|tenant| tenant.is_active());
        let user: Option<User> = match tenant {
            Some(tenant) => self.store.one(&*tenant, users_sql::FIND, args![passkey.user]).await?,
            None => None,
        };
        let active = user.filter(|user| user.status == UserStatus::Active);
        Ok(active.map(|user| (user, signed)).ok_or(Flaw("disabled")))
    }

    async fn open_by_passkey(
        &self,
        passkey: &Passkey,
        user: User,
        signed: Signed,
        shown: &PasskeyShown,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<SignedIn> {
        let proof = Proof {
            tenant: passkey.tenant.clone(),
            user: user.id,
            method: "passkey".into(),
            amr: format!("{} mfa", kind(signed)),
            epoch: user.epoch,
            through: None,
            return_to: None,
            _made_here: Seal,
        };
        let change = used(Change::unlogged_within(&proof), passkey, signed, now);
        let change = spending(change, &shown.challenge(), now, || Error::InvalidCredentials);
        crate::signin::finish(self, proof, visit, change).await
    }

    /// Refuses for a tenant that signs in through its providers only. Passkeys of ours are no provider's word.
    async fn demand_own_sign_in(&self, id: &TenantId) -> Result<()> {
        match self.living_tenant(id).await? {
            Some(tenant) if tenant.settings.sso_only => Err(Error::SsoRequired),
            _ => Ok(()),
        }
    }

    fn relying_party(&self) -> Result<RelyingParty> {
        RelyingParty::of(self.settings.server.public_url.as_deref())
    }

    async fn log_flaw(&self, passkey: &Passkey, flaw: Flaw, visit: &Visit, now: Timestamp) -> Result<()> {
        if flaw == COPIED {
            self.log_copy(passkey, visit, now).await?;
        }
        let entry = Entry::done(now, &Actor::Anyone, visit, Action::SignIn, Target::user(passkey.user));
        let change = Change::system(entry.refused(flaw.0).in_tenant(&passkey.tenant));
        self.store.carry_out(self.counting(change, Bound::Proofs(visit), now)).await.map(drop)
    }

    /// Somebody may have copied a passkey: worth a line of its own.
    async fn log_copy(&self, passkey: &Passkey, visit: &Visit, now: Timestamp) -> Result<()> {
        let entry = Entry::done(now, &Actor::Anyone, visit, Action::PasskeyCopied, Target::user(passkey.user));
        self.store.carry_out(Change::system(entry.refused(&passkey.name).in_tenant(&passkey.tenant))).await.map(drop)
    }

    /// How authenticators call a user: nothing in it can be read (WebAuthn section 14.6.1), and nobody else can make it.
    fn user_handle(&self, user: UserId) -> [u8; 32] {
        self.tag("passkey-users", user.to_string().as_bytes())
    }
}

const COPIED: Flaw = Flaw("the passkey's counter went back: there may be a copy of it");

/// Whether a counter may follow another (WebAuthn section 7.2, step 22). Passkeys that are kept on several devices have none.
fn counts_on(kept: u32, shown: u32) -> bool {
    shown > kept || (shown == 0 && kept == 0)
}

/// Adds to a change that a passkey was used.
fn used(change: Change, passkey: &Passkey, signed: Signed, now: Timestamp) -> Change {
    let row = args![passkey.id, passkey.counter, signed.counter, now];
    change.must(sql::USE_PASSKEY, row, || Error::InvalidCredentials)
}

/// Adds to a change that a ceremony has ended: what was signed for it opens nothing twice.
fn spending(change: Change, challenge: &[u8], now: Timestamp, unmet: fn() -> Error) -> Change {
    let row = args![ISSUER, secret::encode(challenge), now.after(LIFETIME)];
    change.must(signin_sql::SPEND_PROOF, row, unmet)
}

/// RFC 8176: a key that cannot leave its device, or one that can; and that its owner was there.
fn kind(signed: Signed) -> &'static str {
    if signed.flags.may_be_backed_up() { "swk user" } else { "hwk user" }
}

fn request(site: &RelyingParty, challenge: &[u8], verification: &str, allowed: &[Passkey]) -> Value {
    json!({
        "rpId": site.id,
        "challenge": secret::encode(challenge),
        "timeout": PATIENCE,
        "userVerification": verification,
        "allowCredentials": descriptors(allowed),
    })
}

fn descriptors(passkeys: &[Passkey]) -> Vec<Value> {
    let described = |it: &Passkey| json!({"type": "public-key", "id": secret::encode(&it.credential)});
    passkeys.iter().map(described).collect()
}

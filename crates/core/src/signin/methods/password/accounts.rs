//! Whom an address and a tenant may mean, and the places for guesses at them.

use std::collections::BTreeSet;

use crate::app::App;
use crate::audit::Visit;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{TenantId, UserId};
use crate::secret::Secret;
use crate::signin::guesses::{Place, counted, tenant_key};
use crate::signin::sql;
use crate::signin::stored::{Stored, Verdict};
use crate::signin::throttle::{ACCOUNT, ADDRESS, ADMIN, Allowance, Rule, TENANT};
use crate::store::{FromRow, Row, args};
use crate::users::{Email, UserStatus, sql as users_sql};

/// An account whose password is to be checked.
pub(super) struct Account {
    pub(super) tenant: TenantId,
    pub(super) id: UserId,
    pub(super) active: bool,
    pub(super) hash: Option<String>,
    pub(super) epoch: i64,
    /// By what whoever knocks is known to this account; nothing for strangers.
    known_by: Option<String>,
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant(0)?,
            id: UserId(row.int(1)?),
            active: UserStatus::stored(row.text(3)?) == UserStatus::Active,
            hash: row.maybe_text(4)?.map(Into::into),
            epoch: row.int(5)?,
            known_by: None,
        })
    }
}

impl Account {
    /// What to check the password against; nobody's hash if this account has none that counts.
    pub(super) fn stored(&self) -> Stored {
        self.hash.as_deref().map_or_else(Stored::nobody, Stored::parse)
    }

    /// Where this guess at the account is counted.
    fn key(&self, email: &Email) -> String {
        match &self.known_by {
            Some(known) => format!("known/{}/{known}", self.id),
            None => strangers_key(email),
        }
    }

    fn was_missed(&self, verdict: Verdict) -> bool {
        self.hash.is_some() && matches!(verdict, Verdict::Wrong | Verdict::Unreadable)
    }
}

/// The accounts a claim may mean, and the tenant it names.
pub(super) struct Candidates {
    pub(super) named: Option<TenantId>,
    pub(super) accounts: Vec<Account>,
    /// Why some of them are not tried.
    pub(super) passed_over: Option<Error>,
}

impl Candidates {
    fn of(named: Option<TenantId>, accounts: Vec<Account>) -> Self {
        Self { named, accounts, passed_over: None }
    }

    /// Whether the password was wrong for an account that is counted there: a right one elsewhere must not hide it.
    pub(super) fn missed(&self, place: &Place, email: &Email, verdicts: &[Verdict]) -> bool {
        let tried = self.accounts.iter().zip(verdicts);
        tried.into_iter().any(|(account, verdict)| account.was_missed(*verdict) && place.is(&account.key(email)))
    }

    /// Where the guess is counted: nobody is counted like somebody.
    fn keys(&self, email: &Email) -> BTreeSet<String> {
        if self.accounts.is_empty() {
            return BTreeSet::from([strangers_key(email)]);
        }
        self.accounts.iter().map(|account| account.key(email)).collect()
    }

    /// Where the tenants at whose accounts a stranger knocks are counted; for nobody somewhere as well.
    fn knocked_at(&self) -> BTreeSet<String> {
        if self.accounts.is_empty() {
            return BTreeSet::from([self.named.as_ref().map_or_else(|| "tenant/".into(), tenant_key)]);
        }
        let strangers = self.accounts.iter().filter(|account| account.known_by.is_none());
        strangers.map(|account| tenant_key(&account.tenant)).collect()
    }
}

/// More accounts than this with one address are not tried; the tenant has to be named.
const TRIED: usize = 3;
/// An id that no user has.
const NOBODY: UserId = UserId(0);

impl App {
    /// Finds whom a claim may mean. An unknown tenant means nobody, and is not told.
    pub(super) async fn candidates(&self, email: &Email, client: Option<&str>) -> Result<Candidates> {
        let named = match client {
            Some(slug) => match slug.parse::<TenantId>() {
                Ok(id) => Some(id),
                Err(_) => return Ok(Candidates::of(None, Vec::new())),
            },
            None => self.only_tenant().await?,
        };
        let Some(id) = named else {
            let accounts: Vec<Account> = self.store.system_few(users_sql::BY_EMAIL, args![email.key()]).await?;
            if accounts.len() > TRIED {
                return Err(Error::ClientRequired);
            }
            return self.without_closed_tenants(accounts).await;
        };
        let tenant = self.living_tenant(&id).await?;
        if tenant.as_ref().is_some_and(|tenant| tenant.is_active() && tenant.settings.sso_only) {
            return Err(Error::SsoRequired);
        }
        let mut accounts: Vec<Account> = self.store.system_few(users_sql::BY_EMAIL_IN, args![email.key(), &id]).await?;
        if tenant.is_none_or(|tenant| !tenant.is_active()) {
            for account in &mut accounts {
                account.active = false;
            }
        }
        Ok(Candidates::of(Some(id), accounts))
    }

    /// Accounts of tenants that are disabled, or have switched passwords off, open to nobody here.
    async fn without_closed_tenants(&self, mut accounts: Vec<Account>) -> Result<Candidates> {
        for account in &mut accounts {
            let tenant = self.living_tenant(&account.tenant).await?;
            account.active &= tenant.is_some_and(|tenant| tenant.is_active() && !tenant.settings.sso_only);
        }
        Ok(Candidates::of(None, accounts))
    }

    /// Finds out which accounts know whoever knocks. They are counted apart from strangers, who could otherwise keep them out.
    pub(super) async fn recognise(
        &self,
        candidates: &mut Candidates,
        cookie: Option<&Secret>,
        visit: &Visit,
    ) -> Result<()> {
        let address = counted(visit.address);
        if candidates.accounts.is_empty() {
            // Asked for nobody as well, so that time does not tell who exists (ASVS 5.0, 6.3.8).
            let nowhere = candidates.named.as_ref().map_or("", TenantId::as_str);
            let _nobody: Option<i64> = self.store.system_one(sql::KNOWN, args![nowhere, NOBODY, &address]).await?;
        }
        for account in &mut candidates.accounts {
            let seen: Option<i64> =
                self.store.system_one(sql::KNOWN, args![&account.tenant, account.id, &address]).await?;
            account.known_by = match cookie {
                _ if seen.is_some() => Some(address.clone()),
                Some(cookie) if self.was_given_to(cookie.reveal(), account.id).await => Some("browser".into()),
                _ => None,
            };
        }
        Ok(())
    }

    /// Takes a place wherever the guess is counted. Accounts for which there is none are passed over; it is refused if none is left.
    pub(super) async fn take_places(
        &self,
        email: &Email,
        candidates: &mut Candidates,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Vec<Place>> {
        self.demand_budget(&address_key(visit), &self.address_allowance(), now).await?;
        let mut places: Vec<Place> = Vec::new();
        for key in candidates.keys(email) {
            let strangers = key == strangers_key(email);
            let knocked_at = if strangers { candidates.knocked_at() } else { BTreeSet::new() };
            match self.place_at(key, knocked_at, now).await {
                Ok(place) => places.push(place),
                Err(refusal @ (Error::RateLimited(_) | Error::ServerBusy)) => candidates.passed_over = Some(refusal),
                Err(fault) => return self.or_give_back(Err(fault), &places).await,
            }
        }
        if places.is_empty() {
            return Err(candidates.passed_over.take().unwrap_or(Error::ServerBusy));
        }
        candidates.accounts.retain(|account| places.iter().any(|place| place.is(&account.key(email))));
        Ok(places)
    }

    async fn place_at(&self, key: String, knocked_at: BTreeSet<String>, now: Timestamp) -> Result<Place> {
        for tenant in knocked_at {
            self.demand_budget(&tenant, &self.tenant_allowance(), now).await?;
        }
        self.take_place(key, &self.account_rule(), now).await
    }

    /// A right password that led to nothing was no wrong guess: its places are given back. One that led to a second factor has led to
    /// something, and its places are settled.
    pub(crate) async fn or_give_back<T>(&self, outcome: Result<T>, places: &[Place]) -> Result<T> {
        if !matches!(outcome, Ok(_) | Err(Error::TwoFactorRequired(_))) {
            self.give_back(places).await?;
        }
        outcome
    }

    pub(super) fn account_rule(&self) -> Rule {
        Rule { limit: self.settings.limits.guesses_per_account, ..ACCOUNT }
    }

    pub(super) fn admin_rule(&self) -> Rule {
        Rule { limit: self.settings.limits.guesses_per_admin, ..ADMIN }
    }

    pub(super) fn address_allowance(&self) -> Allowance {
        Allowance { limit: self.settings.limits.guesses_per_address, ..ADDRESS }
    }

    pub(super) fn tenant_allowance(&self) -> Allowance {
        Allowance { limit: self.settings.limits.guesses_per_tenant, ..TENANT }
    }
}

/// Strangers' guesses are counted by the address they type and nothing else: were they counted by account, the limit would tell
/// in which tenants there is one.
fn strangers_key(email: &Email) -> String {
    format!("account/{}", email.key())
}

pub(super) fn address_key(visit: &Visit) -> String {
    format!("address/{}", counted(visit.address))
}

//! Exchange codes: how a session gets to an app or a sub-domain without a token in any address.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::attempt::{Way, hash};
use super::bounds::Bound;
use super::{Arrival, Proof, Seal, Through, sql};
use crate::app::App;
use crate::audit::{Action, Actor, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId, UserId};
use crate::secret::{self, Secret};
use crate::session::SignedIn;
use crate::store::{Change, Row, args};

/// A code goes from one address to the next and is used there at once.
const LIFETIME: Duration = Duration::from_mins(1);

/// What is kept of a sign-in until its session is fetched. Sealed, for it may hold the provider's ID token.
#[derive(Serialize, Deserialize)]
struct Kept {
    way: Way,
    amr: String,
    epoch: i64,
    provider: i64,
    name: String,
    subject: String,
    session: Option<String>,
    hint: Option<String>,
    return_to: String,
}

/// A code that was just spent.
struct Spent {
    tenant: TenantId,
    user: UserId,
    challenge: String,
    kept: Kept,
}

impl App {
    /// Gives the session for a one-time code and its verifier. A wrong verifier spends the code too.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], the same for whatever is wrong; [`Error::RateLimited`].
    pub async fn exchange(&self, code: &Secret, verifier: &Secret, visit: &Visit) -> Result<SignedIn> {
        self.redeem(code, verifier, visit).await.map(|(signed_in, _)| signed_in)
    }

    /// The same for a sub-domain of ours, which also has to know where to go on.
    ///
    /// # Errors
    /// As [`App::exchange`].
    pub async fn land(&self, code: &Secret, verifier: &Secret, visit: &Visit) -> Result<Arrival> {
        let (signed_in, return_to) = self.redeem(code, verifier, visit).await?;
        Ok(Arrival::Session { signed_in, return_to, flow_cookie: None })
    }

    /// Adds a code to a change and carries it out.
    pub(super) async fn put_down_code(
        &self,
        proof: Proof,
        way: Way,
        challenge: &str,
        return_to: &str,
        also: Change,
        now: Timestamp,
    ) -> Result<Secret> {
        let code = self.draw_name();
        let through = proof.through.ok_or_else(|| Error::internal("only a provider's proof becomes a code"))?;
        let kept = Kept {
            way,
            amr: proof.amr,
            epoch: proof.epoch,
            provider: through.provider.0,
            name: through.name,
            subject: through.subject,
            session: through.session,
            hint: through.hint.map(|hint| hint.reveal().to_owned()),
            return_to: return_to.to_owned(),
        };
        let id = hash(code.reveal());
        let plain = serde_json::to_vec(&kept).map_err(Error::internal)?;
        let sealed = self.vault.seal(&context(&id), &plain, &*self.entropy);
        let row = args![id, proof.user, challenge, sealed, now.after(LIFETIME)];
        self.store.carry_out(also.must(sql::ADD_CODE, row, || Error::Conflict)).await?;
        Ok(code)
    }

    async fn redeem(&self, code: &Secret, verifier: &Secret, visit: &Visit) -> Result<(SignedIn, String)> {
        let now = self.now();
        self.demand_room(Bound::Proofs(visit), now).await?;
        let Some(spent) = self.spend_code(code, now).await? else {
            self.log_strange_proof("", "a code that is unknown, expired or spent", visit).await?;
            return Err(Error::InvalidToken);
        };
        let offered = secret::encode(&Sha256::digest(verifier.reveal()));
        let all = self.providers_of(&spent.tenant).await?;
        let provider = all.iter().find(|it| it.enabled && it.id.0 == spent.kept.provider);
        let refusal =
            if !is_verifier(verifier.reveal()) || !secret::same(offered.as_bytes(), spent.challenge.as_bytes()) {
                "the verifier does not belong to the code"
            } else if provider.is_none() {
                "the provider was switched off or removed"
            } else {
                return self.open_coded(spent, visit).await;
            };
        self.log_refused_code(&spent, refusal, visit, now).await?;
        Err(Error::InvalidToken)
    }

    async fn open_coded(&self, spent: Spent, visit: &Visit) -> Result<(SignedIn, String)> {
        let Spent { tenant, user, kept, .. } = spent;
        let through = Through {
            provider: ProviderId(kept.provider),
            name: kept.name,
            subject: kept.subject,
            session: kept.session,
            hint: kept.hint.map(Secret::new),
        };
        let proof = Proof {
            tenant,
            user,
            method: kept.way.method().into(),
            amr: kept.amr,
            epoch: kept.epoch,
            through: Some(through),
            return_to: Some(kept.return_to.clone()),
            _made_here: Seal,
        };
        let also = Change::unlogged_within(&proof);
        match super::finish(self, proof, visit, also).await {
            Ok(signed_in) => Ok((signed_in, kept.return_to)),
            // What ended the user's sessions since has ended this one before it began; or the provider has just gone.
            Err(Error::InvalidCredentials | Error::Conflict) => Err(Error::InvalidToken),
            Err(fault) => Err(fault),
        }
    }

    /// Spends a code: whoever is first has it. Reading first keeps floods of strangers away from the writer.
    async fn spend_code(&self, code: &Secret, now: Timestamp) -> Result<Option<Spent>> {
        let id = hash(code.reveal());
        let row: Option<Row> = self.store.system_one(sql::CODE, args![id, now]).await?;
        let Some(row) = row else { return Ok(None) };
        let spend = Change::unlogged().must_system(sql::SPEND_CODE, args![id, now], || Error::InvalidToken);
        match self.store.carry_out(spend).await {
            Ok(_) => {}
            Err(Error::InvalidToken) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let plain = self.vault.open_sealed(&context(&id), row.bytes(3)?)?;
        Ok(Some(Spent {
            tenant: row.tenant(0)?,
            user: UserId(row.int(1)?),
            challenge: row.text(2)?.into(),
            kept: serde_json::from_slice(&plain).map_err(Error::internal)?,
        }))
    }

    async fn log_refused_code(&self, spent: &Spent, reason: &str, visit: &Visit, now: Timestamp) -> Result<()> {
        let actor = Actor::Provider(spent.kept.name.as_str().into());
        let entry = Entry::done(now, &actor, visit, Action::SignIn, Target::user(spent.user)).refused(reason);
        let change = self.counting(Change::system(entry.in_tenant(&spent.tenant)), Bound::Proofs(visit), now);
        self.store.carry_out(change).await.map(drop)
    }
}

fn context(id: &[u8; 32]) -> String {
    format!("exchange-code/{}", secret::encode(id))
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

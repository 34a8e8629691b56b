//! Attempts: sign-ins that have left for a provider and are waited for. Stored sealed, tied to a browser, spent once, on any node.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Flow, Native, sql};
use crate::app::App;
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{ProviderId, TenantId};
use crate::providers::Provider;
use crate::secret::{self, Secret};
use crate::store::{Change, Row, args};

/// How long an attempt is waited for.
const LIFETIME: Duration = Duration::from_mins(10);

/// Which way somebody left. An attempt of one way does not exist for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Way {
    Oidc,
    Saml,
    Dynamics,
    /// To sign out.
    SamlLogout,
    /// Not at all: a bearer token.
    Entra,
}

impl Way {
    /// The method of the session it leads to.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Dynamics => "ms-dynamics",
            Self::SamlLogout => "saml-logout",
            Self::Entra => "entra",
        }
    }
}

/// An attempt's place: the hash of what comes back (`state`, or the id of a SAML request) and of the way. The store alone tells nobody
/// what to come back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptId([u8; 32]);

impl AttemptId {
    /// The place of what came back.
    pub(super) fn of(way: Way, name: &str) -> Self {
        Self(Sha256::new().chain_update(way.method()).chain_update([0]).chain_update(name).finalize().into())
    }

    /// The name of the cookie that its browser holds.
    pub(super) fn cookie(&self) -> String {
        let (start, _) = self.0.split_at(8);
        start.iter().fold(String::from("flow_"), |name, byte| format!("{name}{byte:02x}"))
    }

    fn context(&self) -> String {
        format!("attempt/{}", secret::encode(&self.0))
    }
}

/// What is kept of an attempt until it comes back. Sealed, for it holds what proves that it was ours.
#[derive(Serialize, Deserialize)]
pub(super) struct Intent {
    /// Where to go in the end; checked.
    pub(super) return_to: String,
    /// Who fetches the session, if not this browser.
    pub(super) native: Option<Native>,
    /// What the provider was when it was left for: if it has become another, nobody comes back from it.
    pub(super) provider: String,
    /// OpenID's nonce, and the verifier of the code.
    pub(super) nonce: String,
    pub(super) verifier: String,
}

impl Intent {
    /// Of somebody who signs out: they come back to nothing.
    pub(super) fn of_logout(provider: String) -> Self {
        Self { return_to: "/".into(), native: None, provider, nonce: String::new(), verifier: String::new() }
    }
}

/// An attempt as found.
pub(super) struct Attempt {
    id: AttemptId,
    browser: Vec<u8>,
    pub(super) tenant: TenantId,
    pub(super) provider: ProviderId,
    sealed: Vec<u8>,
}

impl Attempt {
    /// The name of its browser's cookie.
    pub(super) fn cookie(&self) -> String {
        self.id.cookie()
    }

    /// Whether it was begun in the browser that holds this cookie.
    pub(super) fn is_of(&self, cookie: &Secret) -> bool {
        secret::same(&self.browser, &hash(cookie.reveal()))
    }

    /// Adds to a change that it is spent; a rival who was faster keeps the whole change from happening.
    pub(super) fn spent(&self, change: Change, now: Timestamp, unmet: fn() -> Error) -> Change {
        change.must_system(sql::SPEND_ATTEMPT, args![self.id.0, self.browser.clone(), now], unmet)
    }
}

impl App {
    /// Adds an attempt to a change, and gives the cookie for its browser.
    pub(super) fn keeping_attempt(
        &self,
        change: Change,
        id: AttemptId,
        provider: &Provider,
        intent: &Intent,
        now: Timestamp,
    ) -> Result<(Change, Flow)> {
        let value = self.draw_name();
        let plain = serde_json::to_vec(intent).map_err(Error::internal)?;
        let sealed = self.vault.seal(&id.context(), &plain, &*self.entropy);
        let row = args![id.0, provider.id, hash(value.reveal()), sealed, now.after(LIFETIME)];
        let flow = Flow { cookie: id.cookie(), value, lifetime: LIFETIME, cross_site: false };
        Ok((change.must(sql::ADD_ATTEMPT, row, || Error::UnknownProvider), flow))
    }

    /// The attempt at a place, if it is still waited for. Reading first keeps floods of strangers away from the writer.
    pub(super) async fn attempt(&self, id: AttemptId, now: Timestamp) -> Result<Option<Attempt>> {
        let row: Option<Row> = self.store.system_one(sql::ATTEMPT, args![id.0, now]).await?;
        row.map(|row| {
            Ok(Attempt {
                id,
                tenant: row.tenant(0)?,
                provider: ProviderId(row.int(1)?),
                browser: row.bytes(2)?.into(),
                sealed: row.bytes(3)?.into(),
            })
        })
        .transpose()
    }

    /// What was kept of an attempt.
    pub(super) fn kept_of(&self, attempt: &Attempt) -> Result<Intent> {
        let plain = self.vault.open_sealed(&attempt.id.context(), &attempt.sealed)?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    /// A name nobody can guess: 256 bits, 43 letters.
    pub(super) fn draw_name(&self) -> Secret {
        Secret::new(secret::encode(&self.draw::<32>()))
    }

    /// Removes what is waited for no longer, a bounded number at a time.
    pub(crate) async fn sweep_journeys(&self, now: Timestamp) -> Result<()> {
        let change = Change::unlogged()
            .run_system(sql::SWEEP_ATTEMPTS, args![now])
            .run_system(sql::SWEEP_CODES, args![now])
            .run_system(super::second::sql::SWEEP_CHALLENGES, args![now])
            .run_system(sql::SWEEP_PROOFS, args![now]);
        self.store.carry_out(change).await.map(drop)
    }
}

/// How a name of 256 random bits is kept.
pub(super) fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

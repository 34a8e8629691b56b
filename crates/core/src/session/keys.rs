//! The signing keys of both realms: kept sealed in the store, parsed once, rotated without a single false refusal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;

use super::hand::{ADMIN_AUDIENCE, CLIENT_AUDIENCE};
use super::token::{Claims, Expected, Keyring, RingKey, SigningKey, TokenFault};
use super::{Realm, sql};
use crate::access::{SystemGrant, system_right};
use crate::app::{App, SYSTEM};
use crate::audit::{Action, Entry, Target, Visit};
use crate::env::Timestamp;
use crate::error::{Error, Result};
use crate::store::{Change, FromRow, Row, Stale, args};

/// A new key waits so long before it signs: by then every node has heard of it.
const HEARD: Duration = Duration::from_secs(2);
/// A token with a key we do not know makes us look for it, at most so often.
const LOOK_AGAIN: i64 = 100_000;
/// A retired key verifies this much longer than its last token lives.
const MARGIN: Duration = Duration::from_mins(5);

/// The keys of both realms, parsed.
#[derive(Debug)]
pub(crate) struct Rings {
    client: Keyring,
    admin: Keyring,
}

impl Rings {
    fn of(&self, realm: Realm) -> &Keyring {
        match realm {
            Realm::Client => &self.client,
            Realm::Admin => &self.admin,
        }
    }
}

/// A realm's ring, held.
pub(crate) struct Signer {
    rings: Arc<Rings>,
    realm: Realm,
    now: Timestamp,
}

impl Signer {
    /// Signs a token with the realm's present key.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String> {
        self.key()?.sign(claims)
    }

    fn key(&self) -> Result<&SigningKey> {
        self.rings.of(self.realm).signer(self.now).ok_or_else(|| Error::internal("no signing key"))
    }
}

/// A signing key's public side.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// Its id, as in the tokens' headers.
    pub kid: String,
    /// The realm whose tokens it signs: `client` or `admin`.
    pub realm: String,
    /// Its one algorithm.
    pub algorithm: String,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Until when it verifies; none while it signs.
    pub verify_until: Option<Timestamp>,
}

struct StoredKey {
    view: KeyView,
    public: Vec<u8>,
    sealed: Vec<u8>,
}

impl FromRow for StoredKey {
    fn from_row(row: &Row) -> Result<Self> {
        let view = KeyView {
            kid: row.text(0)?.into(),
            realm: row.text(1)?.into(),
            algorithm: row.text(2)?.into(),
            created_at: row.time(5)?,
            signs_from: row.time(6)?,
            verify_until: row.maybe_time(7)?,
        };
        Ok(Self { view, public: row.bytes(3)?.into(), sealed: row.bytes(4)?.into() })
    }
}

impl App {
    /// Makes new signing keys for both realms. The former ones verify until their last token has run out.
    pub async fn rotate_keys(&self, by: &SystemGrant<system_right::KeysRotate>) -> Result<Vec<KeyView>> {
        let now = self.now();
        for realm in [Realm::Client, Realm::Admin] {
            let (kid, row) = self.new_key(realm, now, now.after(HEARD))?;
            let entry = Entry::done(now, by.actor(), by.visit(), Action::KeysRotated, Target::named("key", &kid));
            let last_token = self.settings.tokens.access_ttl.0.max(Duration::from_hours(24));
            let until = now.after(HEARD + last_token + MARGIN);
            let change = Change::system(entry)
                .must_system(sql::ADD_KEY, row, || Error::Conflict)
                .run_system(sql::RETIRE_KEYS, args![realm.as_str(), &kid, until])
                .forgetting(Stale::Keys);
            self.store.apply_system(by, change).await?;
        }
        self.stored_keys().await
    }

    /// The public side of every signing key.
    pub async fn signing_keys(&self, _by: &SystemGrant<system_right::KeysRead>) -> Result<Vec<KeyView>> {
        self.stored_keys().await
    }

    /// The client realm's public keys as a JSON Web Key Set (RFC 7517 section 5).
    pub async fn jwks(&self) -> Result<Json> {
        Ok(self.rings().await?.client.jwks(self.now()))
    }

    /// Checks a token's signature and claims. The outer error is ours, the inner one the token's.
    pub(crate) async fn verify_token(
        &self,
        realm: Realm,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<Claims, TokenFault>> {
        let issuer = self.issuer();
        let audience = match realm {
            Realm::Client => CLIENT_AUDIENCE,
            Realm::Admin => ADMIN_AUDIENCE,
        };
        let expected = Expected { issuer: &issuer, audience };
        match self.rings().await?.of(realm).verify(token, &expected, now) {
            // Perhaps another node's newest key, of which no word has come yet.
            Err(TokenFault::UnknownKid(_)) if self.may_look_again(now) => {
                self.live.look_for_keys();
                Ok(self.rings().await?.of(realm).verify(token, &expected, now))
            }
            verdict => Ok(verdict),
        }
    }

    /// The realm's ring, to sign with.
    pub(crate) async fn signer_of(&self, realm: Realm) -> Result<Signer> {
        let signer = Signer { rings: self.rings().await?, realm, now: self.now() };
        signer.key()?;
        Ok(signer)
    }

    /// Sees to it that each realm has a key of the configured algorithm.
    pub(crate) async fn provide_keys(&self) -> Result<()> {
        let rings = self.rings().await?;
        for realm in [Realm::Client, Realm::Admin] {
            if rings.of(realm).signer(self.now()).is_none() {
                self.add_first_key(realm).await?;
            }
        }
        Ok(())
    }

    async fn add_first_key(&self, realm: Realm) -> Result<()> {
        let now = self.now();
        let (kid, row) = self.new_key(realm, now, now)?;
        let entry = Entry::done(now, &SYSTEM, &Visit::none(), Action::KeysRotated, Target::named("key", &kid));
        let change = Change::system(entry) // Drawn first: whoever starts at the same moment waits for this row, and then sees the key.
            .run_system(crate::users::sql::NEXT_NUMBERS, args!["signing-key", 1_i64])
            .must_system(sql::ADD_FIRST_KEY, row, || Error::Conflict)
            .forgetting(Stale::Keys);
        match self.store.carry_out(change).await {
            // Another node was faster, and its key is as good.
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// A new key's id and row.
    fn new_key(
        &self,
        realm: Realm,
        now: Timestamp,
        signs_from: Timestamp,
    ) -> Result<(String, Vec<crate::store::Value>)> {
        let algorithm = self.settings.tokens.algorithm;
        let bytes = SigningKey::generate(algorithm)?;
        let kid = crate::secret::encode(&self.draw::<12>());
        let sealed = self.vault.seal(&seal_context(realm, &kid), &bytes.private, &*self.entropy);
        let row = args![&kid, realm.as_str(), algorithm.as_str(), bytes.public, sealed, now, signs_from];
        Ok((kid, row))
    }

    async fn stored_keys(&self) -> Result<Vec<KeyView>> {
        let keys: Vec<StoredKey> = self.store.system_few(sql::KEYS, args![]).await?;
        Ok(keys.into_iter().map(|key| key.view).collect())
    }

    /// The keys as remembered, or read.
    async fn rings(&self) -> Result<Arc<Rings>> {
        let rings = self.live.keys.find(&(), self.store.trust(), async || self.load_rings().await.map(Some)).await?;
        rings.ok_or_else(|| Error::internal("the signing keys cannot be read"))
    }

    async fn load_rings(&self) -> Result<Rings> {
        let keys: Vec<StoredKey> = self.store.system_few(sql::KEYS, args![]).await?;
        Ok(Rings { client: self.ring(Realm::Client, &keys)?, admin: self.ring(Realm::Admin, &keys)? })
    }

    fn ring(&self, realm: Realm, keys: &[StoredKey]) -> Result<Keyring> {
        let own = keys.iter().filter(|key| key.view.realm == realm.as_str());
        let parsed = own.map(|key| {
            let private = self.vault.open_sealed(&seal_context(realm, &key.view.kid), &key.sealed)?;
            let algorithm = key.view.algorithm.parse()?;
            Ok(RingKey {
                key: SigningKey::parse(&key.view.kid, algorithm, &private, &key.public)?,
                signs_from: key.view.signs_from,
                verify_until: key.view.verify_until,
            })
        });
        Keyring::new(self.settings.tokens.algorithm, parsed.collect::<Result<_>>()?)
    }

    fn may_look_again(&self, now: Timestamp) -> bool {
        let looked_at = &self.live.keys_looked_at;
        let last = looked_at.load(Ordering::Relaxed);
        now.0.saturating_sub(last) >= LOOK_AGAIN
            && looked_at.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn seal_context(realm: Realm, kid: &str) -> String {
    format!("signing-key/{}/{kid}", realm.as_str())
}

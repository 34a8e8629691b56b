//! What a directory publishes about itself, and the keys that check its tokens.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::entra::Version;
use super::{Cloud, Directory, address};
use crate::fetch::{Life, Line, Shelf};
use crate::jwt::{Claims, Key, Keys, Token};
use crate::{Refusal, Result};

/// What directories publish, kept for a while.
#[derive(Debug)]
pub(super) struct Published {
    documents: Shelf<Document>,
    keys: Keys,
}

/// The description of a directory (OpenID Connect Discovery 1.0 section 3), as far as it matters here.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) issuer: String,
    pub(super) jwks: Url,
}

impl Document {
    pub(super) fn read(json: &[u8]) -> Result<Self> {
        let unreadable = || Refusal::unavailable("the directory's description cannot be read");
        let document = Claims::read(json).ok_or_else(unreadable)?;
        let issuer = document.text("issuer").ok_or_else(unreadable)?.to_owned();
        let jwks = document.text("jwks_uri").and_then(|url| Url::parse(url).ok()).ok_or_else(unreadable)?;
        Ok(Self { issuer, jwks })
    }
}

impl Default for Published {
    fn default() -> Self {
        let life = Life {
            usual: Duration::from_hours(24),
            longest: Duration::from_hours(24),
            stand_in: Duration::from_hours(72),
        };
        Self { documents: Shelf::new(life, Document::read), keys: Keys::default() }
    }
}

impl Published {
    /// Checks a token's signature by the keys that its directory publishes for this version, and gives what it says.
    pub(super) async fn verify<'t>(
        &self,
        cloud: &Cloud,
        directory: &Directory,
        line: &Line,
        version: Version,
        token: &'t Token,
        now: Timestamp,
    ) -> Result<&'t Claims> {
        let jwks = self.jwks(cloud, directory, line, version, now).await?;
        let key = self.keys.find(line, &jwks, token, now).await?;
        if !speaks_for(cloud, directory, &key) {
            return Err(Refusal::invalid("the token is signed with a key of another directory (issuer of the key)"));
        }
        token.verify(&key)
    }

    /// Where a directory's keys are. Tokens of version 1.0 have a description of their own.
    pub(super) async fn jwks(
        &self,
        cloud: &Cloud,
        directory: &Directory,
        line: &Line,
        version: Version,
        now: Timestamp,
    ) -> Result<Url> {
        let url = description(cloud, directory, version)?;
        let document = self.documents.document(line, &url, now).await?;
        if document.issuer != version.issuer(cloud, &directory.tid) {
            return Err(Refusal::misconfigured("the directory's description names another issuer"));
        }
        Ok(document.jwks.clone())
    }

    /// How many usable keys a directory publishes.
    pub(super) async fn count(&self, line: &Line, jwks: &Url, now: Timestamp) -> Result<usize> {
        Ok(self.keys.all(line, jwks, now).await?.keys().len())
    }

    pub(super) fn forget(&self, keys: &str) {
        self.documents.forget(keys);
        self.keys.forget(keys);
    }
}

/// Where a directory describes itself.
pub(super) fn description(cloud: &Cloud, directory: &Directory, version: Version) -> Result<Url> {
    let folder = match version {
        Version::V1 => "",
        Version::V2 => "/v2.0",
    };
    address(&cloud.login_url, &format!("/{}{folder}/.well-known/openid-configuration", directory.tid))
}

/// Whether a key may sign for a directory. Microsoft publishes keys of several issuers in one set; a key that names its issuer is good
/// for that one only, and `{tenantid}` stands for any directory.
fn speaks_for(cloud: &Cloud, directory: &Directory, key: &Key) -> bool {
    let Some(issuer) = &key.issuer else { return true };
    let issuer = issuer.replace("{tenantid}", &directory.tid);
    [Version::V1, Version::V2].into_iter().any(|version| issuer == version.issuer(cloud, &directory.tid))
}

//! Handing out: the tokens made for a session that was opened or refreshed.

use std::sync::Arc;
use std::time::Duration;

use super::handle::RefreshToken;
use super::lineage::Presented;
use super::token::Claims;
use super::{Handed, Realm, Session};
use crate::admins::Admin;
use crate::app::App;
use crate::env::Timestamp;
use crate::error::Result;
use crate::ids::SessionId;
use crate::secret::Secret;
use crate::tenants::{Lifetimes, Tenant};
use crate::users::User;

/// Whom access tokens of the client realm are for.
pub(super) const CLIENT_AUDIENCE: &str = "purser:client";
/// Whom access tokens of the admin realm are for.
pub(super) const ADMIN_AUDIENCE: &str = "purser:admin";

/// A session and the place of the refresh token to hand out for it.
pub(super) struct Issued {
    pub(super) id: SessionId,
    pub(super) place: Presented,
    pub(super) created_at: Timestamp,
    pub(super) amr: Arc<str>,
}

impl Session {
    pub(super) fn issue(&self, place: Presented) -> Issued {
        Issued { id: self.id, place, created_at: self.created_at, amr: Arc::clone(&self.amr) }
    }
}

impl App {
    /// Signs and writes the handles on a session.
    pub(super) async fn hand_out(
        &self,
        tenant: &Tenant,
        user: &User,
        issued: &Issued,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Result<Handed> {
        let claims = Claims {
            iss: self.issuer(),
            aud: CLIENT_AUDIENCE.into(),
            sub: user.id.to_string(),
            sid: issued.id,
            cid: Some(tenant.id.clone()),
            roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            amr: issued.amr.split(' ').map(str::to_owned).collect(),
            iat: now.seconds(),
            exp: now.after(lifetimes.access).seconds(),
            jti: crate::secret::encode(&self.draw::<16>()),
        };
        Ok(Handed {
            token: Secret::new(self.signer_of(Realm::Client).await?.sign(&claims)?),
            refresh_token: self.handles.write_refresh(RefreshToken { session: issued.id, place: issued.place }),
            cookie: None,
            expires_in: lifetimes.access,
            cookie_max_age: lifetimes.cookie_max,
        })
    }

    /// Signs an administrator's access token.
    pub(super) async fn admin_token(
        &self,
        admin: &Admin,
        session: SessionId,
        now: Timestamp,
        access: Duration,
    ) -> Result<Secret> {
        let claims = Claims {
            iss: self.issuer(),
            aud: ADMIN_AUDIENCE.into(),
            sub: admin.id.to_string(),
            sid: session,
            cid: None,
            roles: Vec::new(),
            amr: vec!["pwd".into()],
            iat: now.seconds(),
            exp: now.after(access).seconds(),
            jti: crate::secret::encode(&self.draw::<16>()),
        };
        Ok(Secret::new(self.signer_of(Realm::Admin).await?.sign(&claims)?))
    }

    /// An administrator's access token never outlives the session.
    pub(super) fn admin_access(&self, now: Timestamp, created_at: Timestamp) -> Duration {
        let left = created_at.after(self.settings.sessions.admin_max.0).since(now);
        self.settings.tokens.access_ttl.0.min(left)
    }

    /// Who issues our tokens (RFC 7519 section 4.1.1): the public address, or an id of the deployment that stays the same.
    pub(crate) fn issuer(&self) -> String {
        match &self.settings.server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("urn:purser:{}", self.instance),
        }
    }
}

//! [`RelyingParty`], sign-in at OpenID providers: `OpenID` Connect Core 1.0 and Discovery 1.0, code flow with PKCE (RFC 7636).

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use crate::fetch::Outbound;
use crate::{Check, Identity, Refusal, Result, Secret};

/// An OpenID provider as a tenant has set it up.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What its calls, its caches and its breaker are kept under.
    pub key: String,
    /// Its issuer, exactly as the provider writes it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// How we prove there that we are that client.
    pub auth: ClientAuth,
    /// What is asked for; `openid` is always asked for.
    pub scopes: Vec<String>,
    /// Which claims tell what.
    pub claims: Claims,
    /// Hosts that may be called besides the issuer's own.
    pub hosts: Vec<String>,
    /// Where the provider sends people back to.
    pub redirect_uri: String,
}

/// How a client proves itself at the token endpoint.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Not at all: a public client, held by PKCE alone.
    None,
    /// By a shared secret; by `Basic` or in the form, as the provider announces (RFC 6749 section 2.3.1).
    Secret(Secret),
    /// By a signed assertion (RFC 7523).
    PrivateKey {
        /// The private key, PKCS#8 PEM: RSA (`RS256`) or P-256 (`ES256`).
        pem: Secret,
        /// Its id, if the provider wants it named.
        kid: Option<String>,
    },
}

/// The names of the claims that tell about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Their e-mail address; its `_verified` sibling is believed only for the standard name `email`.
    pub email: String,
    /// Their first name.
    pub first_name: String,
    /// Their last name.
    pub last_name: String,
    /// The groups they are in.
    pub groups: String,
}

impl Default for Claims {
    /// The standard's names (OpenID Connect Core section 5.1), and what most call groups.
    fn default() -> Self {
        let own = |name: &str| name.to_owned();
        Self {
            email: own("email"),
            first_name: own("given_name"),
            last_name: own("family_name"),
            groups: own("groups"),
        }
    }
}

/// What one sign-in attempt is bound by; made from chance by the caller, kept until the callback, spent there.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Comes back in the callback. Comparing it is the caller's part: it is how the attempt is found.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// The PKCE verifier, 43 to 128 characters (RFC 7636 section 4.1).
    pub verifier: Secret,
}

/// What the provider sent the browser back with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Callback<'a> {
    /// The code to trade for tokens.
    pub code: Option<&'a str>,
    /// Who says so (RFC 9207).
    pub iss: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
    /// The same in words; shown to nobody, since anybody can write it.
    pub error_description: Option<&'a str>,
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub identity: Identity,
    /// The ID token, for ending the provider's session later (`id_token_hint`).
    pub id_token: Secret,
    /// The access token, if one was given.
    pub access_token: Option<Secret>,
}

/// Our side of every OpenID provider. One for the whole program: it remembers what providers announce.
#[derive(Debug)]
pub struct RelyingParty {
    _outbound: Arc<Outbound>,
}

impl RelyingParty {
    /// A relying party that calls out this way.
    pub fn new(outbound: Arc<Outbound>) -> Self {
        Self { _outbound: outbound }
    }

    /// Where to send the browser to sign in.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`] if what the provider announces does not fit its settings or our rules, [`Refusal::Unavailable`] if it
    /// does not answer.
    pub async fn begin(&self, _provider: &Provider, _secrets: &Secrets, _now: Timestamp) -> Result<Url> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Who came back from the provider.
    ///
    /// # Errors
    /// [`Refusal::Denied`] if the provider says no, [`Refusal::Invalid`] if what it says cannot be believed, the others as for
    /// [`begin`](Self::begin).
    pub async fn answer(
        &self,
        _provider: &Provider,
        _secrets: &Secrets,
        _callback: &Callback<'_>,
        _now: Timestamp,
    ) -> Result<SignedIn> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Where to send the browser to sign out at the provider too; nothing if it does not offer that (OpenID Connect RP-Initiated Logout).
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    pub async fn logout(
        &self,
        _provider: &Provider,
        _id_token: &Secret,
        _return_to: &str,
        _state: &str,
        _now: Timestamp,
    ) -> Result<Option<Url>> {
        Err(Refusal::unavailable("not yet"))
    }

    /// Looks a provider's settings over, step by step, as far as it can.
    pub async fn examine(&self, _provider: &Provider, _now: Timestamp) -> Vec<Check> {
        Vec::new()
    }

    /// Forgets what the provider announced, because its settings have changed.
    pub fn forget(&self, _key: &str) {}
}

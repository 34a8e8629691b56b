//! [`RelyingParty`], sign-in at OpenID providers: `OpenID` Connect Core 1.0 and Discovery 1.0, code flow with PKCE (RFC 7636).

mod discovery;
mod examine;
mod id_token;
mod person;
pub(crate) mod token;

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use url::Url;

use self::discovery::{Announced, Discovery};
use self::token::Tokens;
use crate::fetch::{Line, Outbound};
use crate::jwt::{Claims as TokenClaims, Keys};
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
    outbound: Arc<Outbound>,
    discovery: Discovery,
    keys: Keys,
}

impl RelyingParty {
    /// A relying party that calls out this way.
    pub fn new(outbound: Arc<Outbound>) -> Self {
        Self { outbound, discovery: Discovery::default(), keys: Keys::default() }
    }

    /// Where to send the browser to sign in.
    ///
    /// # Errors
    /// [`Refusal::Misconfigured`] if what the provider announces does not fit its settings or our rules, [`Refusal::Unavailable`] if it
    /// does not answer.
    pub async fn begin(&self, provider: &Provider, secrets: &Secrets, now: Timestamp) -> Result<Url> {
        secrets.check()?;
        let announced = self.discovery.of(&self.line(provider)?, provider, now).await?;
        Ok(authorization(provider, &announced, secrets))
    }

    /// Whether the provider announces that its answers always say whom they are from (RFC 9207): one that does not is none of its.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    pub async fn names_itself(&self, provider: &Provider, now: Timestamp) -> Result<bool> {
        Ok(self.discovery.of(&self.line(provider)?, provider, now).await?.names_itself)
    }

    /// Who came back from the provider.
    ///
    /// # Errors
    /// [`Refusal::Denied`] if the provider says no, [`Refusal::Invalid`] if what it says cannot be believed, the others as for
    /// [`begin`](Self::begin).
    pub async fn answer(
        &self,
        provider: &Provider,
        secrets: &Secrets,
        callback: &Callback<'_>,
        now: Timestamp,
    ) -> Result<SignedIn> {
        secrets.check()?;
        let code = code(provider, callback)?;
        let line = self.line(provider)?;
        let announced = self.discovery.of(&line, provider, now).await?;
        if announced.names_itself && callback.iss.is_none() {
            return Err(Refusal::invalid(
                "the answer does not say which provider it is from, though the provider announces that it does",
            ));
        }
        let tokens = token::trade(&line, &announced, provider, code, secrets, now).await?;
        let claims = self.check(&line, &announced, provider, secrets, &tokens, now).await?;
        let told =
            person::Told { line: &line, announced: &announced, provider, access_token: tokens.access_token.as_ref() };
        let identity = told.identity(&claims).await?;
        Ok(SignedIn { identity, id_token: tokens.id_token, access_token: tokens.access_token })
    }

    /// Where to send the browser to sign out at the provider too; nothing if it does not offer that (OpenID Connect RP-Initiated Logout).
    ///
    /// # Errors
    /// As for [`begin`](Self::begin).
    pub async fn logout(
        &self,
        provider: &Provider,
        id_token: &Secret,
        return_to: &str,
        state: &str,
        now: Timestamp,
    ) -> Result<Option<Url>> {
        let announced = self.discovery.of(&self.line(provider)?, provider, now).await?;
        Ok(announced.end_session.clone().map(|mut url| {
            url.query_pairs_mut()
                .append_pair("id_token_hint", id_token.reveal())
                .append_pair("client_id", &provider.client_id)
                .append_pair("post_logout_redirect_uri", return_to)
                .append_pair("state", state);
            url
        }))
    }

    /// Looks a provider's settings over, step by step, as far as it can. Asks anew what is otherwise remembered.
    pub async fn examine(&self, provider: &Provider, now: Timestamp) -> Vec<Check> {
        match self.line(provider) {
            Ok(line) => examine::examine(&line, provider, now).await,
            Err(refusal) => examine::without_issuer(&refusal),
        }
    }

    /// Forgets what providers announced whose keys begin like this, because their settings have changed.
    pub fn forget(&self, keys: &str) {
        self.discovery.forget(keys);
        self.keys.forget(keys);
    }

    fn line(&self, provider: &Provider) -> Result<Line> {
        let host = discovery::issuer(provider)?.host_str().unwrap_or_default().to_owned();
        Ok(self.outbound.line(&provider.key, provider.hosts.iter().cloned().chain([host])))
    }

    async fn check(
        &self,
        line: &Line,
        announced: &Announced,
        provider: &Provider,
        secrets: &Secrets,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<TokenClaims> {
        let token = id_token::read(tokens.id_token.reveal(), announced)?;
        let key = self.keys.find(line, &announced.keys, &token, now).await?;
        let claims = token.verify(&key)?;
        id_token::Expected {
            issuer: &provider.issuer,
            client_id: &provider.client_id,
            nonce: &secrets.nonce,
            access_token: tokens.access_token.as_ref(),
            now,
        }
        .check(&token, claims)?;
        Ok(claims.clone())
    }
}

impl Secrets {
    /// Whether they can protect anything. An empty nonce would equal an empty nonce.
    fn check(&self) -> Result<()> {
        let verifier = self.verifier.reveal();
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let strong = self.state.len() >= 22
            && self.nonce.len() >= 22
            && (43..=128).contains(&verifier.len())
            && verifier.bytes().all(unreserved);
        if strong { Ok(()) } else { Err(Refusal::misconfigured("the attempt's state, nonce or verifier is too weak")) }
    }
}

/// OpenID Connect Core section 3.1.2.1, with PKCE `S256` always (RFC 7636 section 4.3).
fn authorization(provider: &Provider, announced: &Announced, secrets: &Secrets) -> Url {
    let challenge = digest::digest(&digest::SHA256, secrets.verifier.reveal().as_bytes());
    let mut scopes = vec!["openid"];
    scopes.extend(provider.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    let mut url = announced.authorization.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &provider.redirect_uri)
        .append_pair("scope", &scopes.join(" "))
        .append_pair("state", &secrets.state)
        .append_pair("nonce", &secrets.nonce)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
        .append_pair("code_challenge_method", "S256");
    url
}

/// The code in a callback, if it is a good one as far as can be told without asking.
fn code<'c>(provider: &Provider, callback: &Callback<'c>) -> Result<&'c str> {
    // Before any call: an answer of another provider must not bring its code here (RFC 9207 section 2.4).
    if callback.iss.is_some_and(|iss| iss != provider.issuer) {
        return Err(Refusal::invalid("the answer is from another provider"));
    }
    if let Some(error) = callback.error {
        return Err(Refusal::Denied(error_code(error)));
    }
    callback.code.filter(|code| is_code(code)).ok_or_else(|| Refusal::invalid("the answer holds no code"))
}

/// Longer codes than this are nobody's; Microsoft's have some two thousand letters.
const LONGEST_CODE: usize = 8 * 1024;

/// Whether a text can be a code at all (RFC 6749 appendix A.11). Anybody can write a callback, and what no code may hold can make a token
/// endpoint stumble: that would count as the provider's own fault, and close the line to it for everybody.
pub(crate) fn is_code(text: &str) -> bool {
    (1..=LONGEST_CODE).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// An error's code, with nothing in it but what registered codes are made of (RFC 6749 section 11.4): anybody can write a callback.
pub(crate) fn error_code(text: &str) -> String {
    let code: String = text.chars().filter(|it| it.is_ascii_lowercase() || *it == '_').take(64).collect();
    if code.is_empty() { "an error without a code".into() } else { code }
}

//! The ID token's checks (OpenID Connect Core section 3.1.3.7), on top of the signature's.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::discovery::Announced;
use crate::jwt::{ALGORITHMS, Algorithm, Claims, Token};
use crate::{Refusal, Result, Secret};

/// The oldest ID token that is believed, in seconds: it was made a moment ago, for this sign-in.
const OLDEST: i64 = 24 * 60 * 60;

/// Reads an ID token, of a kind and with an algorithm that the provider may use.
pub(crate) fn read(text: &str, announced: &Announced) -> Result<Token> {
    let token = Token::read(text)?;
    // Other kinds of token say which they are (RFC 8725 section 3.11); ID tokens say `JWT` or nothing.
    let kind = token.typ().unwrap_or("JWT");
    if !["JWT", "application/jwt"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(Refusal::invalid("the token is of another kind than an ID token"));
    }
    let name = ALGORITHMS.iter().find(|(_, known)| *known == token.algorithm()).map(|(name, _)| *name);
    let expected = |list: &Vec<String>| list.iter().any(|it| Some(it.as_str()) == name);
    if !announced.id_token_algorithms.as_ref().is_none_or(expected) {
        return Err(Refusal::invalid("the ID token is signed with an algorithm that the provider does not announce"));
    }
    Ok(token)
}

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) access_token: Option<&'a Secret>,
    pub(crate) now: Timestamp,
}

impl Expected<'_> {
    /// Checks an ID token whose signature is good.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub(crate) fn check(&self, token: &Token, claims: &Claims) -> Result<()> {
        if claims.text("iss") != Some(self.issuer) {
            return Err(Refusal::invalid("the ID token is from another issuer"));
        }
        self.check_audience(claims)?;
        self.check_times(claims)?;
        let nonce = claims.text("nonce").unwrap_or_default();
        if verify_slices_are_equal(nonce.as_bytes(), self.nonce.as_bytes()).is_err() {
            return Err(Refusal::invalid("the ID token's nonce is not this attempt's"));
        }
        self.check_access_token(token.algorithm(), claims)?;
        check_subject(claims)
    }

    /// Steps 3 to 5: for us, and for others besides only if it was asked for by us.
    fn check_audience(&self, claims: &Claims) -> Result<()> {
        let audiences = claims.audiences()?;
        if !audiences.contains(&self.client_id) {
            return Err(Refusal::invalid("the ID token is for another client"));
        }
        let authorized = claims.value("azp").map(|azp| azp.as_str() == Some(self.client_id));
        match authorized {
            Some(false) => Err(Refusal::invalid("the ID token was asked for by another client")),
            None if audiences.iter().any(|it| *it != self.client_id) => {
                Err(Refusal::invalid("the ID token is for several clients and does not say which one asked for it"))
            }
            _ => Ok(()),
        }
    }

    fn check_times(&self, claims: &Claims) -> Result<()> {
        claims.timely(self.now)?;
        let issued =
            claims.seconds("iat")?.ok_or_else(|| Refusal::invalid("the ID token does not say when it was issued"))?;
        if self.now.as_second() - issued > OLDEST {
            return Err(Refusal::invalid("the ID token was issued long ago"));
        }
        Ok(())
    }

    /// Section 3.1.3.8: the left half of the access token's hash.
    fn check_access_token(&self, algorithm: Algorithm, claims: &Claims) -> Result<()> {
        let Some(stated) = claims.value("at_hash") else { return Ok(()) };
        let hash = self.access_token.map(|token| digest::digest(hash_of(algorithm), token.reveal().as_bytes()));
        let half = hash.as_ref().and_then(|hash| hash.as_ref().get(..hash.as_ref().len() / 2));
        if half.is_some() && half.map(|half| URL_SAFE_NO_PAD.encode(half)).as_deref() == stated.as_str() {
            return Ok(());
        }
        Err(Refusal::invalid("the access token is not the one that the ID token was issued with"))
    }
}

fn hash_of(algorithm: Algorithm) -> &'static digest::Algorithm {
    match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &digest::SHA384,
        // Ed25519 hashes with SHA-512 inside.
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &digest::SHA512,
        _ => &digest::SHA256,
    }
}

/// Section 2: at most 255 ASCII characters.
fn check_subject(claims: &Claims) -> Result<()> {
    let subject = claims.text("sub").unwrap_or_default();
    let plain = (1..=255).contains(&subject.len()) && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain { Ok(()) } else { Err(Refusal::invalid("the ID token's subject is missing, too long or not plain text")) }
}

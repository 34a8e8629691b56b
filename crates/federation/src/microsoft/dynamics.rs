//! Sign-in with a Microsoft account for Dynamics: code flow at the directory, then `WhoAmI` at its Dataverse organisation.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use url::Url;

use super::credentials::{Trouble, encode, proof};
use super::entra::{self, Version};
use super::{Cloud, Dataverse, Directory, Microsoft, Service, address, answered};
use crate::fetch::{Call, Line};
use crate::jwt::{Claims, Token};
use crate::oidc::{Callback, Secrets, SignedIn, is_code};
use crate::{Identity, Refusal, Result, Secret};

/// Why somebody is denied whom the directory has proven, but who belongs to another organisation. Told apart from other denials: they
/// are known, and may not come in.
pub const OTHER_ORGANIZATION: &str = "the Dataverse organisation is another than the one set up";

/// What every call to Dataverse says about the protocol it speaks.
pub(super) const ODATA: &[(&str, &str)] = &[
    ("accept", "application/json"),
    ("odata-maxversion", "4.0"),
    ("odata-version", "4.0"),
    // As its documents ask for: no answer out of a cache.
    ("if-none-match", "null"),
];

/// Where to send the browser: the directory's own endpoint, never one that stands for many, with state, nonce and PKCE (RFC 7636).
pub(super) fn begin(cloud: &Cloud, directory: &Directory, secrets: &Secrets) -> Result<Url> {
    let dataverse = dataverse(directory)?;
    let challenge = encode(digest(&SHA256, secrets.verifier.reveal().as_bytes()).as_ref());
    let mut url = address(&cloud.login_url, &format!("/{}/oauth2/v2.0/authorize", directory.tid))?;
    url.query_pairs_mut().extend_pairs([
        ("client_id", directory.app_id.as_str()),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", &directory.redirect_uri),
        ("scope", &scope(dataverse)),
        ("state", &secrets.state),
        ("nonce", &secrets.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    Ok(url)
}

/// Who came back.
pub(super) async fn answer(
    microsoft: &Microsoft,
    directory: &Directory,
    secrets: &Secrets,
    callback: &Callback<'_>,
    now: Timestamp,
) -> Result<SignedIn> {
    let dataverse = dataverse(directory)?;
    let code = code(&microsoft.cloud, directory, callback)?;
    let line = microsoft.line(directory, Service::Login, &microsoft.cloud.login_url)?;
    let tokens = trade(microsoft, directory, &line, secrets, code, now).await?;
    let identity = identify(microsoft, directory, &line, &tokens.id, secrets, now).await?;
    belongs(microsoft, directory, dataverse, &tokens.access).await?;
    Ok(SignedIn { identity, id_token: tokens.id, access_token: Some(tokens.access) })
}

fn dataverse(directory: &Directory) -> Result<&Dataverse> {
    let set_up = directory.dataverse.as_ref();
    set_up.ok_or_else(|| Refusal::misconfigured("no Dataverse organisation is set up for this directory"))
}

/// Who somebody is, and leave to act in their name in Dataverse: `WhoAmI` has no lesser scope of its own.
fn scope(dataverse: &Dataverse) -> String {
    format!("openid profile email {}/user_impersonation", dataverse.url.trim_end_matches('/'))
}

/// The code that the browser brought. Whatever else it brought can be written by anybody.
fn code<'c>(cloud: &Cloud, directory: &Directory, callback: &Callback<'c>) -> Result<&'c str> {
    // Entra does not send it yet; if it does, or somebody else, it must be right (RFC 9207 section 2.4).
    if callback.iss.is_some_and(|iss| iss != Version::V2.issuer(cloud, &directory.tid)) {
        return Err(Refusal::invalid("the answer comes from another issuer (iss)"));
    }
    if let Some(error) = callback.error {
        return Err(match error {
            "temporarily_unavailable" | "server_error" => Refusal::unavailable("Entra is not ready"),
            "access_denied" | "consent_required" | "interaction_required" | "login_required" => {
                Refusal::Denied(error.to_owned())
            }
            _ => Refusal::Denied("it gave no reason known here".to_owned()),
        });
    }
    callback.code.filter(|code| is_code(code)).ok_or_else(|| Refusal::invalid("the answer brings no code"))
}

struct Tokens {
    id: Secret,
    access: Secret,
}

/// Trades the code for tokens (RFC 6749 section 4.1.3).
async fn trade(
    microsoft: &Microsoft,
    directory: &Directory,
    line: &Line,
    secrets: &Secrets,
    code: &str,
    now: Timestamp,
) -> Result<Tokens> {
    let scope = scope(dataverse(directory)?);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &directory.redirect_uri),
        ("code_verifier", secrets.verifier.reveal()),
        ("scope", &scope),
    ];
    // Unique to this attempt, as its secrets are; they themselves stay unsaid.
    let unique = encode(digest(&SHA256, format!("{} {}", secrets.state, secrets.nonce).as_bytes()).as_ref());
    let body = ask(microsoft, directory, line, &fields, &unique, now).await?;
    let token = |name: &str| body.text(name).map(Secret::new);
    let is_bearer = body.text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let tokens = token("id_token").zip(token("access_token")).filter(|_| is_bearer);
    let (id, access) = tokens.ok_or_else(|| Refusal::unavailable("Entra's answer lacks the tokens asked for"))?;
    Ok(Tokens { id, access })
}

/// Asks the token endpoint in our application's name.
pub(super) async fn ask(
    microsoft: &Microsoft,
    directory: &Directory,
    line: &Line,
    fields: &[(&str, &str)],
    unique: &str,
    now: Timestamp,
) -> Result<Claims> {
    let endpoint = address(&microsoft.cloud.login_url, &format!("/{}/oauth2/v2.0/token", directory.tid))?;
    let proof = proof(directory, &endpoint, unique, now)?;
    let mut form = vec![("client_id", directory.app_id.as_str())];
    form.extend_from_slice(fields);
    form.extend(proof.iter().map(|(name, value)| (*name, value.reveal())));
    let call = Call { form: Some(&form), headers: &[("accept", "application/json")], ..Call::default() };
    let answer = line.call(&endpoint, call).await?;
    match answer.status {
        200 => answered(&answer, "Entra"),
        400 | 401 | 403 => Err(match Trouble::read(&answer) {
            Some(trouble) => trouble.refusal(),
            None => Refusal::unavailable(format!("Entra answered with status {} and no reason", answer.status)),
        }),
        status => {
            let reason = format!("Entra answered with status {status}");
            Err(Refusal::Unavailable { reason, retry_after: answer.retry_after })
        }
    }
}

/// Who an ID token names, once it is checked (OpenID Connect Core section 3.1.3.7).
async fn identify(
    microsoft: &Microsoft,
    directory: &Directory,
    line: &Line,
    token: &Secret,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Identity> {
    let cloud = &microsoft.cloud;
    let token = Token::read(token.reveal())?;
    entra::signed_as_entra_signs(&token)?;
    let claims = microsoft.published.verify(cloud, directory, line, Version::V2, &token, now).await?;
    if entra::from_directory(cloud, directory, claims)? != Version::V2 {
        return Err(Refusal::invalid("the ID token is of another version than was asked for (ver)"));
    }
    if claims.text("aud") != Some(&directory.app_id) {
        return Err(Refusal::invalid("the ID token is for another application (aud)"));
    }
    if claims.value("azp").is_some_and(|party| party != directory.app_id.as_str()) {
        return Err(Refusal::invalid("the ID token was issued to another application (azp)"));
    }
    if claims.text("nonce") != Some(&secrets.nonce) {
        return Err(Refusal::invalid("the ID token belongs to another sign-in (nonce)"));
    }
    claims.timely(now)?;
    entra::person(cloud, directory, claims)
}

/// Whether the bearer belongs to the organisation: it lets them in, and names itself as the one that is set up.
async fn belongs(microsoft: &Microsoft, directory: &Directory, dataverse: &Dataverse, token: &Secret) -> Result<()> {
    let url = address(&dataverse.url, "/api/data/v9.2/WhoAmI")?;
    let line = microsoft.line(directory, Service::Dataverse, &dataverse.url)?;
    let answer = line.call(&url, Call { bearer: Some(token), headers: ODATA, ..Call::default() }).await?;
    let body = match answer.status {
        200 => answered(&answer, "Dataverse")?,
        401 | 403 => {
            return Err(Refusal::invalid(format!("Dataverse does not let the person in (status {})", answer.status)));
        }
        status => {
            let reason = format!("Dataverse answered with status {status}");
            return Err(Refusal::Unavailable { reason, retry_after: answer.retry_after });
        }
    };
    let organization = body.text("OrganizationId").unwrap_or_default();
    if organization.is_empty() || !organization.eq_ignore_ascii_case(&dataverse.organization_id) {
        return Err(Refusal::Denied(OTHER_ORGANIZATION.to_owned()));
    }
    Ok(())
}

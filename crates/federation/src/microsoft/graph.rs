//! Microsoft Graph: asking it about the person a token stands for.

use serde_json::Value;
use url::Url;

use super::entra::{self, Said};
use super::{Directory, answered};
use crate::fetch::{Call, Line};
use crate::jwt::Claims;
use crate::{Refusal, Result, Secret};

/// Asks Graph who the bearer of a token is. Its answer is what makes the token's own words believable: Graph alone can check the
/// signature of a token that was issued for it, so it must honour this very token, and name the person whom the token names.
pub(super) async fn confirm(
    line: &Line,
    me: &Url,
    directory: &Directory,
    token: &Secret,
    mut said: Said,
) -> Result<Said> {
    let call = Call { bearer: Some(token), headers: &[("accept", "application/json")], ..Call::default() };
    let answer = line.call(me, call).await?;
    let profile = match answer.status {
        200 => answered(&answer, "Graph")?,
        400 | 401 | 403 | 404 => {
            let reason = code(&answer.body).unwrap_or_else(|| answer.status.to_string());
            return Err(Refusal::invalid(format!("Graph does not honour the token: {reason}")));
        }
        status => {
            let reason = format!("Graph answered with status {status}");
            return Err(Refusal::Unavailable { reason, retry_after: answer.retry_after });
        }
    };
    if profile.text("id") != Some(said.identity.subject.as_str()) {
        return Err(Refusal::invalid("Graph names another person than the token does (id, oid)"));
    }
    let name = profile.text("userPrincipalName").unwrap_or_default();
    let invited = entra::is_invited(name);
    if invited && !directory.guests {
        return Err(entra::guest());
    }
    said.identity.guest |= invited;
    complete(&mut said, &profile);
    Ok(said)
}

/// Takes over what Graph knows better than the token.
fn complete(said: &mut Said, profile: &Claims) {
    let told = |name: &str| profile.text(name).map(str::to_owned);
    let identity = &mut said.identity;
    identity.email = profile.text("mail").and_then(entra::address).or_else(|| identity.email.take());
    identity.first_name = told("givenName").or_else(|| identity.first_name.take());
    identity.last_name = told("surname").or_else(|| identity.last_name.take());
}

/// The code of an error, if it is one word: the only part of an error that is meant for programs.
fn code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let code = body.get("error")?.get("code")?.as_str()?;
    let plain = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| code.to_owned())
}

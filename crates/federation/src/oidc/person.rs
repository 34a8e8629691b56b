//! Who a person is, from the claims of a checked ID token and, where those are thin, the userinfo endpoint's.

use serde_json::Value;
use url::Url;

use super::discovery::Announced;
use super::{Provider, token};
use crate::fetch::{Call, Line};
use crate::jwt::Claims;
use crate::{Identity, Refusal, Result, Secret};

const MOST_GROUPS: usize = 500;
const LONGEST_GROUP: usize = 256;
const LONGEST_NAME: usize = 200;
/// RFC 5321 section 4.5.3.1.
const LONGEST_EMAIL: usize = 254;

/// Where a person's claims come from.
pub(super) struct Told<'a> {
    pub(super) line: &'a Line,
    pub(super) announced: &'a Announced,
    pub(super) provider: &'a Provider,
    pub(super) access_token: Option<&'a Secret>,
}

impl Told<'_> {
    /// The person, by a checked ID token.
    pub(super) async fn identity(&self, claims: &Claims) -> Result<Identity> {
        let mut identity = self.person(claims)?;
        identity.issuer.clone_from(&self.provider.issuer);
        identity.subject = claims.text("sub").unwrap_or_default().to_owned();
        identity.session = claims.text("sid").filter(|sid| sid.len() <= 255).map(str::to_owned);
        identity.amr = methods(claims);
        identity.second_factor = has_second_factor(&identity.amr, claims.text("acr"));
        let names = identity.first_name.is_some() && identity.last_name.is_some();
        let thin = identity.email.is_none() || !names || self.lacks_groups(&identity);
        if let (true, Some(url), Some(token)) = (thin, &self.announced.userinfo, self.access_token)
            && let Some(more) = self.userinfo(url, token, &identity.subject).await?
        {
            fill(&mut identity, self.person(&more)?);
        }
        Ok(identity)
    }

    /// OpenID Connect Core section 5.3.
    /// Groups are only missing if they were asked for: by the scope that is called as the claim is.
    fn lacks_groups(&self, identity: &Identity) -> bool {
        identity.groups.is_none() && self.provider.scopes.contains(&self.provider.claims.groups)
    }

    async fn userinfo(&self, url: &Url, token: &Secret, subject: &str) -> Result<Option<Claims>> {
        let call = Call { bearer: Some(token), headers: &[("accept", "application/json")], ..Call::default() };
        let answer = self.line.call(url, call).await?;
        match answer.status {
            200 => {}
            // The access token does not reach that far: what the ID token told is all.
            400 | 401 | 403 | 404 => return Ok(None),
            status => {
                let reason = format!("the userinfo endpoint answered with status {status}");
                return Err(Refusal::Unavailable { reason, retry_after: answer.retry_after });
            }
        }
        if !token::is_json(&answer) {
            return Err(Refusal::misconfigured(
                "the userinfo endpoint's answer is not JSON; signed or encrypted ones are not read here",
            ));
        }
        let claims = Claims::read(&answer.body)
            .ok_or_else(|| Refusal::unavailable("the userinfo endpoint's answer cannot be read"))?;
        // Section 5.3.2: else another person's claims could be put in by a swapped access token.
        if claims.text("sub") != Some(subject) {
            return Err(Refusal::invalid("the userinfo endpoint tells about another person"));
        }
        Ok(Some(claims))
    }

    /// What one set of claims tells.
    fn person(&self, claims: &Claims) -> Result<Identity> {
        let names = &self.provider.claims;
        let email = claims.text(&names.email).filter(|text| is_address(text)).map(str::to_owned);
        Ok(Identity {
            // Section 5.1: it is about the claim `email`, no other. Some providers write it as a text.
            email_verified: email.is_some()
                && names.email == "email"
                && claims.value("email_verified").is_some_and(|it| *it == true || *it == "true"),
            email,
            first_name: name(claims, &names.first_name),
            last_name: name(claims, &names.last_name),
            groups: groups(claims.value(&names.groups))?,
            ..Identity::default()
        })
    }
}

/// Takes over what is missing. The address and whether it is verified go together, or a verified one could lend its standing to another.
fn fill(identity: &mut Identity, more: Identity) {
    if identity.email.is_none() {
        identity.email = more.email;
        identity.email_verified = more.email_verified;
    }
    identity.first_name = identity.first_name.take().or(more.first_name);
    identity.last_name = identity.last_name.take().or(more.last_name);
    identity.groups = identity.groups.take().or(more.groups);
}

fn is_address(text: &str) -> bool {
    let halves = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    halves && text.len() <= LONGEST_EMAIL && !text.chars().any(|it| it.is_control() || it.is_whitespace())
}

fn name(claims: &Claims, name: &str) -> Option<String> {
    let text = claims.text(name)?.trim();
    let plain = !text.is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
    plain.then(|| text.to_owned())
}

/// A list of texts, or one text. What is no group's name is left out, which takes rights away and gives none; too many are refused rather
/// than cut, since nobody could tell who loses what.
fn groups(claim: Option<&Value>) -> Result<Option<Vec<String>>> {
    let named = match claim {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(None),
    };
    if named.len() > MOST_GROUPS {
        return Err(Refusal::misconfigured(format!(
            "the provider names more than {MOST_GROUPS} groups; let it send only those that matter here"
        )));
    }
    let fits = |group: &&str| !group.is_empty() && group.chars().count() <= LONGEST_GROUP;
    Ok(Some(named.into_iter().filter(fits).map(str::to_owned).collect()))
}

/// `amr` (RFC 8176), as far as it is a list of short words.
fn methods(claims: &Claims) -> Vec<String> {
    let listed = claims.value("amr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words = listed.iter().filter_map(Value::as_str).filter(|word| (1..=64).contains(&word.len()));
    words.take(32).map(str::to_owned).collect()
}

/// Whether a second factor was used: the provider says so outright (`mfa`, or an `acr` that means it), or names methods of two different
/// kinds. One method alone is none, however strong: a code sent by mail is also an `otp`.
fn has_second_factor(amr: &[String], acr: Option<&str>) -> bool {
    const KNOWN: [&str; 3] = ["kba", "pin", "pwd"];
    const OWNED: [&str; 7] = ["hwk", "otp", "pop", "sc", "sms", "swk", "tel"];
    const BODILY: [&str; 5] = ["face", "fpt", "iris", "retina", "vbm"];
    const OUTRIGHT: [&str; 3] = [
        "https://refeds.org/profile/mfa",
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "urn:okta:loa:2fa:any",
    ];
    let among = |kind: &[&str]| usize::from(amr.iter().any(|method| kind.contains(&method.as_str())));
    amr.iter().any(|method| method == "mfa")
        || acr.is_some_and(|acr| OUTRIGHT.contains(&acr))
        || among(&KNOWN) + among(&OWNED) + among(&BODILY) >= 2
}

//! What a provider announces about itself (OpenID Connect Discovery 1.0), read and held against our rules.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Provider;
use crate::fetch::{Life, Line, Shelf};
use crate::jwt::{ALGORITHMS, read_object};
use crate::{Refusal, Result};

/// What providers announced, kept for an hour at most.
#[derive(Debug)]
pub(super) struct Discovery(Shelf<Document>);

impl Default for Discovery {
    fn default() -> Self {
        let hour = Duration::from_hours(1);
        Self(Shelf::new(Life { usual: hour, longest: hour, stand_in: hour }, Document::read))
    }
}

impl Discovery {
    /// What the provider announces, as far as it may be used with these settings.
    pub(super) async fn of(&self, line: &Line, provider: &Provider, now: Timestamp) -> Result<Announced> {
        let document = self.0.document(line, &address(provider)?, now).await?;
        document.check_issuer(provider)?;
        document.check_methods()?;
        document.endpoints(line)
    }

    pub(super) fn forget(&self, keys: &str) {
        self.0.forget(keys);
    }
}

/// A discovery document as it came; only what is used of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Document {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    response_types_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

/// What of it is used to sign people in.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    pub(crate) userinfo: Option<Url>,
    pub(crate) end_session: Option<Url>,
    /// What ID tokens are signed with, if it says so.
    pub(crate) id_token_algorithms: Option<Vec<String>>,
    /// How clients may prove themselves, if it says so.
    pub(crate) client_methods: Option<Vec<String>>,
    /// What clients may sign their assertions with, if it says so.
    pub(crate) client_algorithms: Option<Vec<String>>,
    /// Whether its callbacks say whom they are from (RFC 9207).
    pub(crate) names_itself: bool,
}

/// The issuer as an address.
pub(super) fn issuer(provider: &Provider) -> Result<Url> {
    let parsed = Url::parse(&provider.issuer).ok().filter(|url| url.host().is_some());
    let url = parsed
        .ok_or_else(|| Refusal::misconfigured("the issuer is not an address such as https://login.example.com"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Refusal::misconfigured(
            "the issuer holds a query or fragment, which OpenID Connect does not allow",
        ));
    }
    Ok(url)
}

/// Where the document lies (section 4: a slash at the issuer's end is taken off first).
pub(super) fn address(provider: &Provider) -> Result<Url> {
    let mut url = issuer(provider)?;
    let path = format!("{}/.well-known/openid-configuration", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

impl Document {
    pub(super) fn read(json: &[u8]) -> Result<Self> {
        let document = read_object(json).and_then(|members| serde_json::from_value(Value::Object(members)).ok());
        document.ok_or_else(|| Refusal::unavailable("the answer is not a discovery document"))
    }

    /// Section 4.3: exactly the same, or tokens of one provider could be passed off as another's.
    pub(super) fn check_issuer(&self, provider: &Provider) -> Result<()> {
        let announced = self.issuer.as_deref().unwrap_or_default();
        if announced == provider.issuer {
            return Ok(());
        }
        Err(Refusal::misconfigured(format!(
            "the provider calls itself \"{}\", the settings say \"{}\"",
            printable(announced),
            provider.issuer
        )))
    }

    /// Whether the provider can do what we insist on.
    pub(super) fn check_methods(&self) -> Result<()> {
        let offers = |list: &Option<Vec<String>>, wanted: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|it| it == wanted))
        };
        if !offers(&self.code_challenge_methods_supported, "S256") {
            return Err(Refusal::misconfigured("the provider does not offer PKCE with S256"));
        }
        if !offers(&self.response_types_supported, "code") {
            return Err(Refusal::misconfigured("the provider does not offer the code flow"));
        }
        let usable = |list: &Vec<String>| list.iter().any(|name| ALGORITHMS.iter().any(|(known, _)| known == name));
        if self.id_token_signing_alg_values_supported.as_ref().is_some_and(|list| !usable(list)) {
            return Err(Refusal::misconfigured("the provider signs ID tokens with no algorithm that is accepted here"));
        }
        Ok(())
    }

    /// The endpoints, all at hosts that the settings name.
    pub(super) fn endpoints(&self, line: &Line) -> Result<Announced> {
        let found = self.parse_endpoints()?;
        let used = [
            Some(&found.authorization),
            Some(&found.token),
            Some(&found.keys),
            found.userinfo.as_ref(),
            found.end_session.as_ref(),
        ];
        let used: Vec<&Url> = used.into_iter().flatten().collect();
        let mut strange: Vec<&str> =
            used.iter().filter_map(|url| url.host_str()).filter(|host| !line.leads_to(host)).collect();
        strange.sort_unstable();
        strange.dedup();
        if !strange.is_empty() {
            let hosts = strange.join(", ");
            return Err(Refusal::misconfigured(format!(
                "the provider also uses hosts that its settings do not name; add: {hosts}"
            )));
        }
        used.into_iter().try_for_each(|url| line.may_call(url))?;
        Ok(found)
    }

    fn parse_endpoints(&self) -> Result<Announced> {
        let required = |name: &str, text: &Option<String>| {
            parse(name, text.as_deref())?
                .ok_or_else(|| Refusal::misconfigured(format!("the provider announces no {name}")))
        };
        Ok(Announced {
            authorization: required("authorization_endpoint", &self.authorization_endpoint)?,
            token: required("token_endpoint", &self.token_endpoint)?,
            keys: required("jwks_uri", &self.jwks_uri)?,
            userinfo: parse("userinfo_endpoint", self.userinfo_endpoint.as_deref())?,
            end_session: parse("end_session_endpoint", self.end_session_endpoint.as_deref())?,
            id_token_algorithms: self.id_token_signing_alg_values_supported.clone(),
            client_methods: self.token_endpoint_auth_methods_supported.clone(),
            client_algorithms: self.token_endpoint_auth_signing_alg_values_supported.clone(),
            names_itself: self.authorization_response_iss_parameter_supported.unwrap_or_default(),
        })
    }
}

fn parse(name: &str, text: Option<&str>) -> Result<Option<Url>> {
    let Some(text) = text else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| url.host().is_some() && url.fragment().is_none());
    url.map(Some).ok_or_else(|| Refusal::misconfigured(format!("the provider's {name} is not an address")))
}

/// Something a stranger wrote, fit for a log.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii_graphic() && *it != '"').take(200).collect()
}

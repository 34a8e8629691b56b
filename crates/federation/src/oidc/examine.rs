//! Looking a provider's settings over: each step in words for the person who set it up, with what to change where.

use jiff::Timestamp;
use url::Url;

use super::Provider;
use super::discovery::{Announced, Document, address};
use super::token::Endpoint;
use crate::fetch::{Call, Fetched, Line};
use crate::jwt::KeySet;
use crate::{Check, Refusal, Result};

/// Seconds by which clocks may differ before it is worth a word, and before tokens are refused.
const CLOCKS_DIFFER: u64 = 30;
const CLOCKS_CONFLICT: u64 = 60;

/// Every step, in order. The same names come each time, so that a page can show what could not be looked at.
const STEPS: [&str; 8] = ["connection", "discovery", "issuer", "clock", "flow", "endpoints", "keys", "client"];

/// An issuer that is no address; nothing else can be looked at then.
pub(super) fn without_issuer(refusal: &Refusal) -> Vec<Check> {
    let advice = "copy the issuer from the provider's discovery document into the settings";
    complete(vec![Check::failed("issuer", refusal.to_string(), advice)])
}

/// Takes all steps, as far as they can be taken.
pub(super) async fn examine(line: &Line, provider: &Provider, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::with_capacity(STEPS.len());
    let announced = discover(line, provider, now, &mut checks).await;
    if let Some(announced) = &announced {
        checks.push(keys(line, announced).await);
        checks.push(client(line, announced, provider, now).await);
    }
    complete(checks)
}

fn complete(mut checks: Vec<Check>) -> Vec<Check> {
    let looked_at: Vec<_> = checks.iter().map(|check| check.name).collect();
    checks.extend(STEPS.into_iter().filter(|name| !looked_at.contains(name)).map(Check::skipped));
    checks
}

async fn discover(line: &Line, provider: &Provider, now: Timestamp, checks: &mut Vec<Check>) -> Option<Announced> {
    let answer = match connect(line, provider).await {
        Ok((url, answer)) => {
            checks.push(Check::passed("connection", format!("{} answers", url.host_str().unwrap_or_default())));
            answer
        }
        Err(refusal) => {
            checks.push(Check::failed("connection", refusal.to_string(), unreachable(&refusal)));
            return None;
        }
    };
    let document = match document(&answer) {
        Ok(document) => document,
        Err(refusal) => {
            let advice = "compare the issuer in the settings with the provider's; its discovery document lies at the issuer followed by \
                          /.well-known/openid-configuration";
            checks.push(Check::failed("discovery", refusal.to_string(), advice));
            return None;
        }
    };
    checks.push(Check::passed("discovery", "the provider's discovery document was read"));
    checks.push(verdict(
        "issuer",
        document.check_issuer(provider),
        "the issuer is exactly the settings'",
        "copy the issuer into the settings letter by letter, a slash at the end included",
    ));
    checks.push(clock(answer.date, now));
    checks.push(verdict(
        "flow",
        document.check_methods(),
        "code flow, PKCE with S256 and signatures fit",
        "switch these on at the provider, or use another kind of provider",
    ));
    let endpoints = document.endpoints(line);
    let advice = "add the hosts to the provider's settings if they are the provider's own";
    checks.push(verdict(
        "endpoints",
        endpoints.as_ref().map(|_| ()).map_err(Clone::clone),
        "all endpoints may be called",
        advice,
    ));
    endpoints.ok()
}

async fn connect(line: &Line, provider: &Provider) -> Result<(Url, Fetched)> {
    let url = address(provider)?;
    let answer = line.call(&url, Call::default()).await?;
    Ok((url, answer))
}

fn document(answer: &Fetched) -> Result<Document> {
    if answer.status != 200 {
        return Err(Refusal::unavailable(format!("the discovery document is not there: status {}", answer.status)));
    }
    Document::read(&answer.body)
}

fn verdict(name: &'static str, result: Result<()>, good: &str, advice: &str) -> Check {
    match result {
        Ok(()) => Check::passed(name, good),
        Err(refusal) => Check::failed(name, refusal.to_string(), advice),
    }
}

fn unreachable(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Misconfigured(_) => {
            "correct the issuer in the provider's settings, or have whoever runs this server open the host"
        }
        _ => {
            "look whether the issuer's host is right and up, whether this server may reach it through the firewall, and whether its \
              certificate is from an authority this server knows"
        }
    }
}

fn clock(date: Option<i64>, now: Timestamp) -> Check {
    let Some(date) = date else {
        return Check::warned(
            "clock",
            "the provider does not tell its time",
            "nothing to do; compare the clocks by hand if tokens are refused",
        );
    };
    let apart = date.abs_diff(now.as_second());
    let found = format!("the clocks are {apart} s apart");
    let advice = "let both servers keep their time by NTP";
    if apart <= CLOCKS_DIFFER {
        return Check::passed("clock", found);
    }
    if apart <= CLOCKS_CONFLICT { Check::warned("clock", found, advice) } else { Check::failed("clock", found, advice) }
}

async fn keys(line: &Line, announced: &Announced) -> Check {
    let advice = "the provider must publish a signing key: RSA of 2048 bits or more, P-256, P-384 or Ed25519, each under its own kid";
    let set = match line.call(&announced.keys, Call::default()).await {
        Ok(answer) if answer.status == 200 => KeySet::read(&answer.body),
        Ok(answer) => Err(Refusal::unavailable(format!("the keys are not there: status {}", answer.status))),
        Err(refusal) => Err(refusal),
    };
    match set {
        Err(refusal) => Check::failed("keys", refusal.to_string(), advice),
        Ok(set) if set.keys().is_empty() => Check::failed("keys", "none of the provider's keys can be used", advice),
        Ok(set) => {
            let (usable, left_out) = (set.keys().len(), set.left_out());
            Check::passed("keys", format!("{usable} can be used, {left_out} left out"))
        }
    }
}

/// Offers a code that nobody issued: who refuses the code has accepted the client.
async fn client(line: &Line, announced: &Announced, provider: &Provider, now: Timestamp) -> Check {
    let unique = format!("examination {} {now}", provider.client_id);
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", "a-code-that-was-never-issued"),
        ("redirect_uri", &provider.redirect_uri),
        ("code_verifier", "examination-examination-examination-examination"),
    ];
    let advice = "compare client id, secret or key and the redirect address in the settings with those at the provider";
    match Endpoint::of(announced, provider, &unique, now).call(line, &grant).await {
        Err(Refusal::Invalid(_)) => Check::passed("client", "the provider accepts the client"),
        Err(Refusal::Misconfigured(found)) => Check::failed("client", found, advice),
        Err(Refusal::Denied(word)) => Check::warned("client", format!("the provider answers {word}"), advice),
        Err(refusal @ Refusal::Unavailable { .. }) => Check::failed(
            "client",
            refusal.to_string(),
            "try again; if it stays so, ask the provider's operator about its token endpoint",
        ),
        Ok(_) => Check::failed(
            "client",
            "the provider gives tokens for a code that it never issued",
            "do not use this provider",
        ),
    }
}

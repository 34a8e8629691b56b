//! What the generator's connections say to Purser: always the same, sign-ins, refreshes.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use memchr::{memchr, memmem};
use serde::Deserialize;

use crate::http;
use crate::load::{Heard, Talk};
use crate::purser::{PASSWORD, TENANT};
use crate::scale::tenant_of;

/// The handles on a session.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tokens {
    /// The access token.
    #[serde(rename = "token")]
    pub(crate) access: String,
    /// The newest refresh token.
    #[serde(rename = "refreshToken")]
    pub(crate) refresh: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Tokens,
}

/// Repeats requests for ever, or says each of them once.
pub(crate) struct Say {
    requests: Vec<Vec<u8>>,
    said: usize,
    most: usize,
}

impl Say {
    /// Says one request for ever.
    pub(crate) fn always(request: Vec<u8>) -> Self {
        Self { requests: vec![request], said: 0, most: usize::MAX }
    }

    /// Says each request once.
    pub(crate) fn once(requests: Vec<Vec<u8>>) -> Self {
        Self { most: requests.len(), said: 0, requests }
    }
}

impl Talk for Say {
    fn ask(&mut self, request: &mut Vec<u8>) -> bool {
        if self.said >= self.most {
            return false;
        }
        let Some(next) = self.requests.get(self.said % self.requests.len().max(1)) else { return false };
        request.extend_from_slice(next);
        self.said += 1;
        true
    }

    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard> {
        served("a checked request", status, body)
    }
}

/// Signs in as one user after the other.
pub(crate) struct SignIn {
    requests: Arc<Vec<Vec<u8>>>,
    next: usize,
    left: Option<usize>,
    /// The sessions opened, kept only by one that has an end.
    pub(crate) opened: Vec<Tokens>,
}

impl SignIn {
    /// A talk for each connection, without an end, as these users in turn.
    pub(crate) fn talks(at: SocketAddr, connections: usize, emails: &[String]) -> Vec<Self> {
        let requests = Arc::new(emails.iter().map(|email| sign_in(at, email)).collect::<Vec<_>>());
        (0..connections)
            .map(|place| Self { requests: Arc::clone(&requests), next: place, left: None, opened: Vec::new() })
            .collect()
    }

    /// A talk for each connection that opens this many sessions, keeps their tokens and ends.
    pub(crate) fn opening(at: SocketAddr, connections: usize, emails: &[String], each: usize) -> Vec<Self> {
        Self::talks(at, connections, emails).into_iter().map(|talk| Self { left: Some(each), ..talk }).collect()
    }
}

fn sign_in(at: SocketAddr, email: &str) -> Vec<u8> {
    let body = serde_json::json!({ "email": email, "password": PASSWORD }).to_string();
    let mut request = Vec::new();
    http::post(&mut request, at, tenant_of(email), "/api/client/auth/sign-in", &body);
    request
}

impl Talk for SignIn {
    fn ask(&mut self, request: &mut Vec<u8>) -> bool {
        if self.left == Some(self.opened.len()) {
            return false;
        }
        let Some(next) = self.requests.get(self.next % self.requests.len().max(1)) else { return false };
        request.extend_from_slice(next);
        // Odd steps: neighbouring connections do not walk behind one another.
        self.next += 7;
        true
    }

    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard> {
        if status == 503 {
            return Ok(Heard::Busy);
        }
        let heard = served("a sign-in", status, body)?;
        if self.left.is_some() {
            self.opened.push(tokens(body)?);
        }
        Ok(heard)
    }
}

/// Refreshes the sessions it owns in turn, each time with the newest token.
pub(crate) struct Refresh {
    at: SocketAddr,
    newest: Vec<String>,
    turn: usize,
}

impl Refresh {
    /// A talk that owns these refresh tokens.
    pub(crate) fn of(at: SocketAddr, newest: Vec<String>) -> Self {
        Self { at, newest, turn: 0 }
    }

    /// Speaks to another address from now on.
    #[must_use]
    pub(crate) fn moved_to(self, at: SocketAddr) -> Self {
        Self { at, ..self }
    }
}

impl Talk for Refresh {
    fn ask(&mut self, request: &mut Vec<u8>) -> bool {
        let turn = self.turn % self.newest.len().max(1);
        let Some(token) = self.newest.get(turn) else { return false };
        // The token is base64url: nothing in it needs escaping.
        let body = format!("{{\"refreshToken\":\"{token}\"}}");
        http::post(request, self.at, TENANT, "/api/client/auth/refresh", &body);
        true
    }

    fn hear(&mut self, status: u16, body: &[u8]) -> Result<Heard> {
        let heard = served("a refresh", status, body)?;
        let turn = self.turn % self.newest.len().max(1);
        if let Some(newest) = self.newest.get_mut(turn) {
            refresh_token(body)?.clone_into(newest);
        }
        self.turn += 1;
        Ok(heard)
    }
}

fn tokens(body: &[u8]) -> Result<Tokens> {
    let answer: Answer = serde_json::from_slice(body).context("the answer holds no token and refreshToken")?;
    Ok(answer.data)
}

/// Only looked for: the generator shares the processors with the server, and what it saves is the server's.
fn refresh_token(body: &[u8]) -> Result<&str> {
    const NAME: &[u8] = b"\"refreshToken\":\"";
    let found = memmem::find(body, NAME).and_then(|at| {
        let rest = body.get(at + NAME.len()..)?;
        std::str::from_utf8(rest.get(..memchr(b'"', rest)?)?).ok()
    });
    found.context("the answer holds no refreshToken")
}

fn served(what: &str, status: u16, body: &[u8]) -> Result<Heard> {
    if status == 200 {
        return Ok(Heard::Served);
    }
    let said: String = String::from_utf8_lossy(body).chars().take(300).collect();
    bail!("{what} was answered with {status}: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = br#"{"success":true,"data":{"token":"a","refreshToken":"r2","expiresIn":1},"token":"a"}"#;

    fn at() -> SocketAddr {
        "127.0.0.1:1".parse().unwrap()
    }

    #[test]
    fn a_refresh_presents_the_newest_token() {
        let mut talk = Refresh::of(at(), vec!["r1".into()]);
        talk.hear(200, ANSWER).unwrap();
        let mut request = Vec::new();
        assert!(talk.ask(&mut request));
        assert!(request.ends_with(br#"{"refreshToken":"r2"}"#));
    }

    #[test]
    fn a_refused_refresh_makes_the_round_worthless() {
        let mut talk = Refresh::of(at(), vec!["r1".into()]);
        let refusal = talk.hear(401, b"{\"success\":false}").unwrap_err();
        assert_eq!(refusal.to_string(), "a refresh was answered with 401: {\"success\":false}");
    }

    #[test]
    fn a_busy_server_is_no_failed_sign_in() {
        let mut talk = SignIn::talks(at(), 1, &["u0@acme.test".into()]).pop().unwrap();
        assert_eq!(talk.hear(503, b"").unwrap(), Heard::Busy);
        assert!(talk.hear(429, b"").is_err());
    }

    #[test]
    fn an_opening_talk_ends_when_its_sessions_are_open() {
        let mut talk = SignIn::opening(at(), 1, &["u0@acme.test".into()], 1).pop().unwrap();
        assert!(talk.ask(&mut Vec::new()));
        talk.hear(200, ANSWER).unwrap();
        assert!(!talk.ask(&mut Vec::new()));
        assert_eq!(talk.opened.first().unwrap().refresh, "r2");
    }

    #[test]
    fn each_is_said_once() {
        let mut talk = Say::once(vec![b"x".to_vec()]);
        assert!(talk.ask(&mut Vec::new()));
        assert!(!talk.ask(&mut Vec::new()));
    }
}

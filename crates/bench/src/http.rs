//! As much of HTTP/1.1 as a load generator needs: requests built beforehand, answers with a `Content-Length`.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use memchr::memmem;

/// What a status line and its headers say (RFC 9112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// Where the body starts in the bytes read.
    pub(crate) body_starts: usize,
    /// Where the answer ends in the bytes read.
    pub(crate) ends: usize,
    /// Whether the server closes the connection after this answer.
    pub(crate) closes: bool,
}

/// Reads the head of an answer; nothing while it is incomplete.
///
/// # Errors
/// When the bytes are no HTTP/1.1 answer, or one without a `Content-Length`.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(blank) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = bytes.get(..blank).unwrap_or_default().split(|&byte| byte == b'\n');
    let status = status(lines.next().unwrap_or_default())?;
    let (mut length, mut closes) = (None, false);
    for line in lines {
        let Some((name, value)) = field(line) else { continue };
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse::<usize>().ok());
        } else if name.eq_ignore_ascii_case(b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let body_starts = blank + 4;
    let length = length.context("the answer has no Content-Length, which this generator needs")?;
    Ok(Some(Head { status, body_starts, ends: body_starts + length, closes }))
}

fn status(line: &[u8]) -> Result<u16> {
    let digits = line.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    match digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()) {
        Some(status) => Ok(status),
        None => bail!("not an HTTP/1.1 answer: {:?}", String::from_utf8_lossy(line)),
    }
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
}

/// The bytes of a GET; `token` goes into `Authorization`.
pub(crate) fn get(at: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nAccept: application/json\r\n{bearer}\r\n").into_bytes()
}

/// Writes the bytes of a POST of JSON in the name of a tenant.
pub(crate) fn post(to: &mut Vec<u8>, at: SocketAddr, tenant: &str, path: &str, body: &str) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nX-Client-ID: {tenant}\r\nContent-Length: {length}\r\n\r\n",
        length = body.len(),
    );
    to.extend_from_slice(head.as_bytes());
    to.extend_from_slice(body.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_its_head_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-length: 2\r\n\r\n{}";
        assert_eq!(head(&answer[..60]).unwrap(), None);
        let read = head(answer).unwrap().unwrap();
        assert_eq!((read.status, answer.len(), read.closes), (200, read.ends, false));
        assert_eq!(&answer[read.body_starts..read.ends], b"{}");
    }

    #[test]
    fn a_closing_answer_says_so() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n";
        let read = head(answer).unwrap().unwrap();
        assert_eq!((read.status, read.closes), (503, true));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(head(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }

    #[test]
    fn a_post_carries_its_length() {
        let mut bytes = Vec::new();
        post(&mut bytes, "127.0.0.1:80".parse().unwrap(), "acme", "/x", "{\"a\":1}");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
        assert!(text.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"));
    }
}

//! The wire of one connection: passes bytes between the client and hyper, and notes what goes by.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::{HeaderMap, StatusCode};
use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Found, Framing};
use super::pulse::Pulse;
use crate::fault::Fault;
use crate::layers::Shell;

/// A client that was refused may send so much more before it must have read our answer.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A stream with its pulse.
pub(super) struct Wire<S> {
    stream: S,
    pulse: Arc<Pulse>,
    shell: Arc<Shell>,
    framing: Framing,
    /// The pulse's count when the last bytes were read.
    beats: u32,
    last_words: Option<LastWords>,
    /// Whether the sending half is shut, and how much was then still thrown away.
    shut: Option<usize>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>, shell: Arc<Shell>) -> Self {
        let beats = pulse.beats();
        Self { stream, pulse, shell, framing: Framing::default(), beats, last_words: None, shut: None }
    }

    fn note(&mut self, bytes: &[u8]) {
        if !self.pulse.is_busy() && self.pulse.beats() != self.beats {
            self.framing.expect_request();
        }
        self.beats = self.pulse.beats();
        self.pulse.heard();
        if self.framing.read(bytes) == Found::Ambiguity {
            self.pulse.found_ambiguous();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if let Some(fresh) = buffer.filled().get(before..).filter(|fresh| !fresh.is_empty()) {
            self.note(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    // Never vectored: hyper then joins head and body itself, and for answers as small as ours a copy costs less than the
    // detour of `writev` through the file system's layer.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.last_words.is_none() {
            this.last_words = LastWords::instead_of(bytes, &this.shell);
        }
        let written = match &mut this.last_words {
            Some(words) => words.poll_say(cx, &mut this.stream),
            None => Pin::new(&mut this.stream).poll_write(cx, bytes),
        };
        match written {
            Poll::Pending => this.pulse.stalled(),
            Poll::Ready(_) => this.pulse.wrote(),
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes our half, then throws away what a refused client is still sending: closing with unread bytes would reset the
    /// connection, and the client would see the reset instead of its answer (RFC 9112 section 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.shut.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.pulse.closing();
        }
        if this.framing.is_inside_body() || this.pulse.is_ambiguous() || this.last_words.is_some() {
            ready!(this.poll_drain(cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 4096];
        let drained = self.shut.get_or_insert(0);
        while *drained < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *drained = drained.saturating_add(buffer.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// The answer to a request that hyper could not read. Its own has neither body nor headers, and there is no other place to
/// give it some: an answer of ours never begins like that, for it always has headers before its length.
struct LastWords {
    left: Bytes,
    replaced: usize,
}

impl LastWords {
    fn instead_of(bare: &[u8], shell: &Shell) -> Option<Self> {
        let (status, rest) = bare.strip_prefix(b"HTTP/1.1 ")?.split_at_checked(3)?;
        let fault = match status {
            b"400" => Fault::Unreadable,
            b"431" => Fault::HeadTooLarge,
            b"414" => Fault::TargetTooLong,
            _ => return None,
        };
        let end_of_line = memchr::memchr(b'\n', rest)?;
        let headers = rest.get(end_of_line..)?;
        let is_bare = headers.starts_with(b"\nconnection: close\r\ncontent-length: 0\r\n");
        is_bare.then(|| Self { left: written(fault, shell), replaced: bare.len() })
    }

    /// Writes ours, and tells hyper that its own is written.
    fn poll_say(&mut self, cx: &mut Context<'_>, stream: &mut (impl AsyncWrite + Unpin)) -> Poll<io::Result<usize>> {
        while self.left.has_remaining() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, &self.left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.left.advance(written),
            }
        }
        Poll::Ready(Ok(self.replaced))
    }
}

fn written(fault: Fault, shell: &Shell) -> Bytes {
    let body = fault.envelope();
    let response = shell.refusal(&HeaderMap::new(), fault);
    let status: StatusCode = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\ncontent-length: {}\r\n", status.as_u16(), body.len()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes.into()
}

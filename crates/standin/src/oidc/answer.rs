//! [`Answer`], how an endpoint answers instead of honestly.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, header};
use futures::stream;
use serde_json::Value;

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status, these headers and this body.
    Plain(u16, Vec<(&'static str, String)>, String),
    /// With a body of so many spaces, and no length said beforehand.
    Spaces(usize),
    /// With a body that never ends, as fast as it is read.
    Endless,
    /// With a body of one byte a second, which never ends.
    Trickle,
    /// With a small packed body that unpacks to 50 MB.
    Bomb,
    /// Not at all: the connection stays open.
    Silence,
}

impl Answer {
    /// JSON with a status.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Plain(status, vec![("content-type", "application/json".into())], body.to_string())
    }

    /// Only a status.
    pub fn status(status: u16) -> Self {
        Self::Plain(status, Vec::new(), String::new())
    }

    /// A request to look elsewhere.
    pub fn redirect(to: &str) -> Self {
        Self::Plain(302, vec![("location", to.into())], String::new())
    }

    /// A request to come back later.
    pub fn pause(status: u16, seconds: u64) -> Self {
        Self::Plain(status, vec![("retry-after", seconds.to_string())], String::new())
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Plain(_, headers, _) = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    pub(super) async fn give(self) -> Response<Body> {
        let json = Response::builder().header(header::CONTENT_TYPE, "application/json");
        let answer = match self {
            Self::Plain(status, headers, body) => {
                let start = Response::builder().status(status);
                let start = headers.into_iter().fold(start, |start, (name, value)| start.header(name, value));
                start.body(Body::from(body))
            }
            Self::Spaces(length) => json.body(spaces(length)),
            Self::Endless => json.body(spaces(usize::MAX)),
            Self::Trickle => json.body(trickle()),
            Self::Bomb => json.header(header::CONTENT_ENCODING, "gzip").body(Body::from(bomb(50_000_000))),
            Self::Silence => std::future::pending().await,
        };
        answer.expect("an answer made of plain parts")
    }
}

fn spaces(length: usize) -> Body {
    const PIECE: usize = 64 * 1024;
    Body::from_stream(stream::unfold(length, |left| async move {
        let piece = vec![b' '; left.min(PIECE)];
        (left > 0).then(|| (Ok::<_, Infallible>(piece), left.saturating_sub(PIECE)))
    }))
}

fn trickle() -> Body {
    let clock = tokio::time::interval(Duration::from_secs(1));
    Body::from_stream(stream::unfold(clock, |mut clock| async move {
        clock.tick().await;
        Some((Ok::<_, Infallible>(b" ".to_vec()), clock))
    }))
}

/// A gzip file (RFC 1952) of so many zeros: one deflate block with fixed codes that says "258 more of the same" again and again. Its
/// checksum is wrong, which who unpacks as it reads finds out too late.
fn bomb(zeros: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    // The literal 0, then length 258 (code 285) at distance 1 (code 0); Huffman codes go in from their high end.
    bits.push(u32::from(0b0011_0000_u8.reverse_bits()), 8);
    for _ in 0..zeros / 258 {
        bits.push(u32::from(0b1100_0101_u8.reverse_bits()), 8);
        bits.push(0, 5);
    }
    bits.push(0, 7);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    file.extend(bits.bytes);
    file.extend([0; 8]);
    file
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for place in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = u8::from(value >> place & 1 == 1) << (self.used % 8);
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit;
            }
            self.used += 1;
        }
    }
}

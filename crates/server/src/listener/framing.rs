//! A second look at how requests are framed, for what hyper forgives.

use memchr::memchr;

/// Reads along with hyper and finds requests whose end two readers could see in different places: both `Content-Length` and
/// `Transfer-Encoding`, either of them twice, or any coding but `chunked`. RFC 9112 section 6.3 lets a server repair these,
/// and hyper does, unseen by any handler; behind a proxy that repairs them otherwise, the difference smuggles a request
/// past it. So they are refused, as the same section allows.
///
/// It only ever adds a refusal: what it misses is still read by hyper's rules. It knows where the next head begins after a
/// body with a length; after a chunked body it waits to be told that the next request is awaited.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The beginning of a line whose end has not come yet.
    carried: Vec<u8>,
    head: Head,
}

/// Of a line, only so much is looked at: more than any framing header with a sensible value needs.
const LINE: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a request line; empty lines may precede it (RFC 9112 section 2.2).
    #[default]
    Start,
    /// Among header lines.
    Head,
    /// In a body with so many bytes left.
    Body(u64),
    /// In a body that ends we do not know where.
    Chunks,
}

/// What one head has said of its body.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    lengths: u8,
    length: u64,
    codings: u8,
}

/// What was found in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing to object to.
    Nothing,
    /// A head that is framed in two ways.
    Ambiguity,
}

impl Framing {
    /// Whether the client still owes bytes of a body, as far as is known.
    pub(super) fn is_inside_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Chunks)
    }

    /// Says that the answer is out and the next bytes begin a request.
    pub(super) fn expect_request(&mut self) {
        if self.place == Place::Chunks {
            self.place = Place::Start;
        }
    }

    /// Looks at the next bytes that came in.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Found {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Chunks => return Found::Nothing,
                Place::Body(left) => self.skip(left, bytes),
                Place::Start | Place::Head => {
                    let Some((line, rest)) = split_line(bytes) else {
                        self.carry(bytes);
                        return Found::Nothing;
                    };
                    if self.end_line(line) == Found::Ambiguity {
                        return Found::Ambiguity;
                    }
                    rest
                }
            }
        }
        Found::Nothing
    }

    fn skip<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left.saturating_sub(here as u64);
        self.place = if left == 0 { Place::Start } else { Place::Body(left) };
        bytes.get(here..).unwrap_or_default()
    }

    fn carry(&mut self, part: &[u8]) {
        let room = LINE.saturating_sub(self.carried.len());
        self.carried.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn end_line(&mut self, end: &[u8]) -> Found {
        if self.carried.is_empty() {
            return self.line(end);
        }
        self.carry(end);
        let line = std::mem::take(&mut self.carried);
        self.line(&line)
    }

    fn line(&mut self, line: &[u8]) -> Found {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (self.place, line) {
            (Place::Start, []) => Found::Nothing,
            (Place::Start, _) => {
                self.place = Place::Head;
                self.head = Head::default();
                Found::Nothing
            }
            (_, []) => self.end_head(),
            (_, line) => self.head.note(line),
        }
    }

    fn end_head(&mut self) -> Found {
        self.place = match self.head {
            Head { codings: 1.., lengths: 1.., .. } => return Found::Ambiguity,
            Head { codings: 1.., .. } => Place::Chunks,
            Head { length: 0, .. } => Place::Start,
            Head { length, .. } => Place::Body(length),
        };
        Found::Nothing
    }
}

impl Head {
    fn note(&mut self, line: &[u8]) -> Found {
        // Most lines are told apart by their first letter.
        match line.first() {
            Some(b'c' | b'C') => self.note_length(line),
            Some(b't' | b'T') => self.note_coding(line),
            _ => Found::Nothing,
        }
    }

    fn note_length(&mut self, line: &[u8]) -> Found {
        let Some(value) = value_of(line, b"content-length") else { return Found::Nothing };
        self.lengths = self.lengths.saturating_add(1);
        // What is no number is refused by hyper.
        self.length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        if self.lengths > 1 { Found::Ambiguity } else { Found::Nothing }
    }

    fn note_coding(&mut self, line: &[u8]) -> Found {
        let Some(value) = value_of(line, b"transfer-encoding") else { return Found::Nothing };
        self.codings = self.codings.saturating_add(1);
        if self.codings > 1 || !value.eq_ignore_ascii_case(b"chunked") { Found::Ambiguity } else { Found::Nothing }
    }
}

/// The first line without its end, and what follows it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr(b'\n', bytes)?)?;
    Some((line, rest.get(1..).unwrap_or_default()))
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (before, after) = line.split_at_checked(name.len())?;
    let value = after.strip_prefix(b":").filter(|_| before.eq_ignore_ascii_case(name))?;
    Some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(bytes: &[u8]) -> Found {
        Framing::default().read(bytes)
    }

    #[test]
    fn requests_framed_in_one_way_pass() {
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nTE: trailers\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "POST / HTTP/1.1\nContent-Length:2\n\nabGET / HTTP/1.1\n\n",
        ] {
            assert_eq!(found(request.as_bytes()), Found::Nothing, "{request}");
        }
    }

    const AMBIGUOUS: [&str; 8] = [
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: y\r\nContent-Length: 3\r\n\r\n",
        "POST / HTTP/1.1\r\nCONTENT-LENGTH: 3\r\ncontent-length: 3\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ];

    #[test]
    fn requests_framed_in_two_ways_are_found() {
        for request in AMBIGUOUS {
            assert_eq!(found(request.as_bytes()), Found::Ambiguity, "{request}");
        }
    }

    #[test]
    fn a_body_is_not_taken_for_a_head() {
        let body = "Content-Length: 1\r\nContent-Length: 2\r\n\r\n";
        let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(found(request.as_bytes()), Found::Nothing);
    }

    #[test]
    fn after_a_chunked_body_the_next_request_is_looked_at_again() {
        let mut framing = Framing::default();
        assert_eq!(framing.read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Found::Nothing);
        assert!(framing.is_inside_body());
        framing.expect_request();
        assert_eq!(framing.read(AMBIGUOUS[0].as_bytes()), Found::Ambiguity);
    }

    proptest! {
        #[test]
        fn what_is_found_does_not_depend_on_how_the_bytes_arrive(
            which in 0..AMBIGUOUS.len(),
            before in prop::collection::vec("[a-z]{0,9}", 0..4),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut stream = String::new();
            for body in before {
                stream.push_str("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ");
                stream.push_str(&body.len().to_string());
                stream.push_str("\r\n\r\n");
                stream.push_str(&body);
            }
            stream += AMBIGUOUS[which];
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut framing = Framing::default();
            let found = cuts.windows(2).any(|cut| framing.read(&stream.as_bytes()[cut[0]..cut[1]]) == Found::Ambiguity);
            prop_assert!(found);
        }

        #[test]
        fn any_bytes_can_be_looked_at(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5)) {
            let mut framing = Framing::default();
            for piece in pieces {
                framing.read(&piece);
            }
        }
    }
}

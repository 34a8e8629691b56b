//! [`Logo`], a small picture that somebody sent: what it is and how large is read from its own first bytes, not from what is said of it.

use aws_lc_rs::digest::{SHA256, digest};

use crate::error::{Error, Result};

/// The longest picture that is taken: it is part of the first page that anybody sees.
pub const MOST_BYTES: usize = 24 * 1024;
/// The widest and the highest.
pub const MOST_PIXELS: u32 = 1_024;

/// A picture that may be a logo. Valid, or it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    form: Form,
    bytes: Vec<u8>,
}

/// The forms that are taken. No SVG: that is a document that may hold scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Png,
    Webp,
    Jpeg,
}

impl Logo {
    /// Looks a picture over.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `logo` if it is too long, too large, or no picture that is taken.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        let refuse = |reason: &str| Error::invalid("logo", reason);
        if bytes.len() > MOST_BYTES {
            return Err(refuse("is longer than 24 KB; a small PNG or WebP of some 200 pixels is enough"));
        }
        let (form, (width, height)) =
            looked_at(&bytes).ok_or_else(|| refuse("is no PNG, WebP or JPEG picture that can be read"))?;
        if !(1..=MOST_PIXELS).contains(&width) || !(1..=MOST_PIXELS).contains(&height) {
            return Err(refuse("is larger than 1,024 pixels one way or the other"));
        }
        Ok(Self { form, bytes })
    }

    /// What it is called: by its content, so that another picture has another name.
    pub fn name(&self) -> String {
        let hash = digest(&SHA256, &self.bytes);
        let start = hash.as_ref().first_chunk().copied().unwrap_or_default();
        let suffix = match self.form {
            Form::Png => "png",
            Form::Webp => "webp",
            Form::Jpeg => "jpg",
        };
        format!("{:016x}.{suffix}", u64::from_be_bytes(start))
    }

    /// Its media type.
    pub fn media(&self) -> &'static str {
        match self.form {
            Form::Png => "image/png",
            Form::Webp => "image/webp",
            Form::Jpeg => "image/jpeg",
        }
    }

    /// Itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Which form a picture has, and how wide and high it is.
fn looked_at(bytes: &[u8]) -> Option<(Form, (u32, u32))> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((Form::Png, png(bytes)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some((Form::Webp, webp(bytes)?));
    }
    bytes.starts_with(b"\xff\xd8\xff").then(|| jpeg(bytes)).flatten().map(|size| (Form::Jpeg, size))
}

/// Its first chunk must say it (PNG specification, third edition, section 5.6).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(12..16) != Some(b"IHDR") {
        return None;
    }
    Some((u32::from_be_bytes(chunk(bytes, 16)?), u32::from_be_bytes(chunk(bytes, 20)?)))
}

/// One of three first chunks (RFC 9649 section 2.4 to 2.7).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let pair = |at: usize| Some(u32::from(u16::from_le_bytes(chunk(bytes, at)?)));
    let triple = |at: usize| {
        let [a, b, c] = chunk(bytes, at)?;
        Some(u32::from_le_bytes([a, b, c, 0]))
    };
    match bytes.get(12..16)? {
        b"VP8 " if bytes.get(23..26) == Some(b"\x9d\x01\x2a") => Some((pair(26)? & 0x3fff, pair(28)? & 0x3fff)),
        b"VP8L" if bytes.get(20) == Some(&0x2f) => {
            let bits = u32::from_le_bytes(chunk(bytes, 21)?);
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((triple(24)? + 1, triple(27)? + 1)),
        _ => None,
    }
}

/// The first start of a frame says it (ITU-T T.81 section B.2.2). What stands before it is passed over by its length.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [mark, kind] = chunk(bytes, at)?;
        if mark != 0xff {
            return None;
        }
        match kind {
            0xff => at += 1,
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let (height, width) =
                    (u16::from_be_bytes(chunk(bytes, at + 5)?), u16::from_be_bytes(chunk(bytes, at + 7)?));
                return Some((width.into(), height.into()));
            }
            // The data begins, or the picture ends, and nobody has said how large it is.
            0xd8..=0xda => return None,
            _ => at += 2 + usize::from(u16::from_be_bytes(chunk(bytes, at + 2)?)).max(2),
        }
    }
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), &[8, 6, 0, 0, 0]]
            .concat()
    }

    fn webp_of(first: &[u8], rest: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP".as_slice(), first, &[0; 4], rest].concat()
    }

    #[test]
    fn each_form_says_how_large_it_is() {
        let size = |bytes: &[u8]| looked_at(bytes).map(|(form, (width, height))| (form, width, height));
        assert_eq!(size(&png_of(300, 40)), Some((Form::Png, 300, 40)));
        let lossy = webp_of(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 44, 1, 40, 0]);
        assert_eq!(size(&lossy), Some((Form::Webp, 300, 40)));
        let bits = (0x12b_u32 | (0x27 << 14)).to_le_bytes();
        assert_eq!(size(&webp_of(b"VP8L", &[&[0x2f], bits.as_slice()].concat())), Some((Form::Webp, 300, 40)));
        let large = webp_of(b"VP8X", &[0, 0, 0, 0, 43, 1, 0, 39, 0, 0]);
        assert_eq!(size(&large), Some((Form::Webp, 300, 40)));
        let photo =
            [b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x03x\xff\xff\xc2\0\x0b\x08".as_slice(), &[0, 40, 1, 44], &[3, 1, 1]]
                .concat();
        assert_eq!(size(&photo), Some((Form::Jpeg, 300, 40)));
    }

    #[test]
    fn what_is_none_or_too_large_is_refused() {
        assert!(Logo::parse(png_of(1_024, 1)).is_ok());
        for bytes in [
            png_of(1_025, 1),
            png_of(1, 0),
            png_of(1, 1).into_iter().take(20).collect(),
            [png_of(1, 1), vec![0; MOST_BYTES]].concat(),
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
            b"GIF89a\x01\0\x01\0".to_vec(),
            b"\xff\xd8\xff\xda\0\x04ab".to_vec(),
            Vec::new(),
        ] {
            assert!(Logo::parse(bytes.clone()).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_looked_at_without_harm(start in 0_usize..4, rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let starts = [b"\x89PNG\r\n\x1a\n".as_slice(), b"RIFF\0\0\0\0WEBPVP8X", b"\xff\xd8\xff", b""];
            let _ = Logo::parse([starts[start], &rest].concat());
        }
    }
}

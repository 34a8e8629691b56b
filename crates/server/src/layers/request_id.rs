//! The ids of requests: a sane one is kept, or one is minted.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use purser_core::env::Entropy;

use super::REQUEST_ID;

/// Mints ids that no other process mints: a prefix drawn at start, then a count. They name, they do not prove.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: String,
    minted: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 6];
        entropy.fill(&mut random);
        let mut prefix = String::with_capacity(13);
        for byte in random {
            let _ = write!(prefix, "{byte:02x}");
        }
        prefix.push('-');
        Self { prefix, minted: AtomicU64::new(1) }
    }

    /// The id of a request. Afterwards the request carries it too.
    pub(super) fn of(&self, headers: &mut HeaderMap) -> HeaderValue {
        if let Some(id) = Self::sane(headers) {
            return id.clone();
        }
        let id = self.mint();
        headers.insert(REQUEST_ID, id.clone());
        id
    }

    /// The incoming id, if there is one and it can stand in a log line and a header as it is.
    pub(super) fn sane(headers: &HeaderMap) -> Option<&HeaderValue> {
        headers.get(REQUEST_ID).filter(|id| {
            let bytes = id.as_bytes();
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            (1..=64).contains(&bytes.len()) && bytes.iter().all(plain)
        })
    }

    pub(super) fn mint(&self) -> HeaderValue {
        let count = self.minted.fetch_add(1, Ordering::Relaxed);
        let mut id = String::with_capacity(self.prefix.len().saturating_add(16));
        id.push_str(&self.prefix);
        let _ = write!(id, "{count:x}");
        HeaderValue::try_from(id).expect("hexadecimal digits and a hyphen are what a header may hold")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_core::env::SeededEntropy;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new(&SeededEntropy::new(1));
        let kept = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            let given = ids.of(&mut headers);
            assert_eq!(headers.get(REQUEST_ID), Some(&given));
            given == id
        };
        assert!(kept("a-B.9_"));
        assert!(kept(&"x".repeat(64)));
        for id in ["", "a b", "ä", "<script>", &"x".repeat(65)] {
            assert!(!kept(id), "{id}");
        }
    }

    #[test]
    fn no_two_minted_ids_are_equal() {
        let ids = RequestIds::new(&SeededEntropy::new(1));
        let others = RequestIds::new(&SeededEntropy::new(2));
        let minted = [ids.mint(), ids.mint(), others.mint(), others.mint()];
        for (n, id) in minted.iter().enumerate() {
            assert!(!minted[..n].contains(id));
        }
    }
}

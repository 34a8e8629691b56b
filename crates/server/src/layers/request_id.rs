//! The ids of requests: a sane one is kept, or one is minted.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
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

    /// The id of a request: the incoming one, if there is one and it can stand in a log line and a header as it is.
    pub(super) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        sane(headers).map_or_else(|| self.mint(), Arc::from)
    }

    fn mint(&self) -> Arc<str> {
        let count = self.minted.fetch_add(1, Ordering::Relaxed);
        let mut id = String::with_capacity(self.prefix.len().saturating_add(16));
        id.push_str(&self.prefix);
        let _ = write!(id, "{count:x}");
        id.into()
    }
}

fn sane(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use purser_core::env::SeededEntropy;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new(&SeededEntropy::new(1));
        let kept = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            &*ids.of(&headers) == id
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

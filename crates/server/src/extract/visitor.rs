//! [`Visitor`], who stands at the other end of the line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::http_settings::HttpSettings;
use crate::layers::Arrived;

/// Longer names of programs are cut off.
const MAX_AGENT: usize = 256;

/// Who sent a request, as far as the network tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The address to count and to log: the peer's, or the one a trusted proxy vouches for. IPv4 never in its IPv6 dress.
    pub address: IpAddr,
    /// What the program calls itself: at most 256 characters, none of them a control character. Not to be believed.
    pub agent: Arc<str>,
    /// The id of the request, as the answer will carry it.
    pub request_id: Arc<str>,
}

impl Visitor {
    /// Reads them from the head of a request.
    pub fn of(parts: &Parts, settings: &HttpSettings) -> Self {
        Self {
            address: address(peer(parts), &parts.headers, &settings.trusted_proxies),
            agent: agent(&parts.headers),
            request_id: Arrived::id_of(&parts.extensions),
        }
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, &Arc::<HttpSettings>::from_ref(state)))
    }
}

/// The other end of the connection. Only a request that never came over one has none; all such count as one visitor.
fn peer(parts: &Parts) -> IpAddr {
    parts.extensions.get().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Arrived { peer, .. }| peer.ip())
}

/// Each proxy adds the address it saw at the right end. Read from there, everything a trusted proxy wrote is true, and the
/// first address that is not a trusted proxy's is the visitor; what stands left of it, the visitor may have written.
/// If a trusted proxy wrote something that is no address, the peer is all that is certain.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() {
        return peer;
    }
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut seen = peer;
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        for hop in line.as_bytes().rsplit(|byte| *byte == b',') {
            if !is_proxy(&seen) {
                return seen;
            }
            match hop_address(hop) {
                Some(address) => seen = address,
                None => return peer,
            }
        }
    }
    seen
}

/// An address, with or without brackets and a port.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = hop.parse().ok().or_else(bare).or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

fn agent(headers: &HeaderMap) -> Arc<str> {
    let bytes = headers.get(USER_AGENT).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok("") => Arc::default(),
        Ok(plain)
            if plain.len() <= MAX_AGENT && !bytes.iter().any(|byte| byte.is_ascii_control() || !byte.is_ascii()) =>
        {
            plain.into()
        }
        _ => {
            let letters = String::from_utf8_lossy(bytes);
            letters.chars().filter(|letter| !letter.is_control()).take(MAX_AGENT).collect::<String>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn seen(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        assert_eq!(seen("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(seen("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_visitor() {
        let net = &["10.0.0.0/8", "2001:db8::/32"];
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"], net), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "198.51.100.1,10.0.0.2"], net), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3, 10.0.0.2"], net), "10.0.0.3");
        assert_eq!(seen("2001:db8::1", &["[2001:db8:ffff::7]:4711 , \t[2001:db8::2]"], net), "2001:db8:ffff::7");
        assert_eq!(seen("10.0.0.1", &["junk, 198.51.100.1:80"], net), "198.51.100.1");
    }

    #[test]
    fn when_a_proxy_writes_no_address_the_peer_is_the_visitor() {
        for line in ["unknown", "", "198.51.100.1, ", "300.1.1.1", "198.51.100.1, _hidden, 10.0.0.2", "\u{ff11}.1.1.1"]
        {
            assert_eq!(seen("10.0.0.1", &[line], &["10.0.0.0/8"]), "10.0.0.1", "{line}");
        }
    }

    #[test]
    fn an_ipv4_address_in_its_ipv6_dress_is_the_same_visitor() {
        assert_eq!(seen("::ffff:192.0.2.9", &[], &[]), "192.0.2.9");
        assert_eq!(seen("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
    }

    #[test]
    fn the_agent_is_cut_and_cleaned() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_bytes(b"a\tb\xffc").unwrap());
        assert_eq!(&*agent(&headers), "ab\u{fffd}c");
        headers.insert(USER_AGENT, HeaderValue::from_str(&"x".repeat(300)).unwrap());
        assert_eq!(agent(&headers).len(), MAX_AGENT);
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_forwards_the_stranger_is_the_visitor(line in "[ -~]{0,80}") {
            prop_assert_eq!(seen("192.0.2.9", &[&line], &["10.0.0.0/8"]), "192.0.2.9");
        }

        #[test]
        fn whatever_stands_left_of_the_proxys_own_entry_changes_nothing(left in "[ -~]{0,80}") {
            let line = format!("{left}, 198.51.100.1");
            prop_assert_eq!(seen("10.0.0.1", &[&line], &["10.0.0.0/8"]), "198.51.100.1");
        }
    }
}
